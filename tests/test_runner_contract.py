"""All runners keep the contract in ``runtime.runners``, whatever they are made of."""

import asyncio
import os
import shlex
import signal
import threading
from contextlib import asynccontextmanager

import pytest
import trio

import samples
from actors import App
from actors.commands import Command
from actors.errors import CommandFailed, RemoteFailure, RunAbandoned, TaskTerminationException, WorkerDied
from actors.termination import Flag
from runtime.left_behind import LeftBehind
from runtime.output.run_output import Outputs, RunOutput
from runtime.program import program_of
from runtime.runners import Call
from runtime.runners.asyncio_loop import AsyncioLoop
from runtime.runners.command import CommandRunner
from runtime.runners.inline import InlineRunner
from runtime.runners.process import ProcessRunner
from runtime.runners.thread import ThreadRunner
from runtime.stopping import Patience
from runtime.testing.scripted import Scripted
from runtime.testing.simulated import SimulatedRunner


def command(line):
    """Make a command of a line for the shell."""
    return Command.of(line, shell=True, cwd=None, env={}, argform="--")


ENDLESS = {
    "trio": samples.sleeps_on_trio,
    "asyncio": samples.sleeps_on_asyncio,
    "thread": samples.passes_cancellation_points,
    "process": samples.sleeps,
    "command": command("echo begins; sleep 60"),
    "simulated async": samples.sleeps,
    "simulated thread": samples.sleeps,
    "simulated process": samples.sleeps,
}


def script_of(a_call):
    """Return the script that does what a sample function does."""
    if a_call.function is samples.returns:
        return Scripted(returns=a_call.kwargs.get("value", "result"))
    return Scripted(raises=ValueError("no")) if a_call.function is samples.raises else Scripted(seconds=60)


@pytest.fixture(params=list(ENDLESS))
def kind(request):
    return request.param


@asynccontextmanager
async def runner_of(kind, patience=None):
    """Open a runner of that kind, and close it again."""
    patience = patience if patience is not None else Patience()
    if kind in ("trio", "asyncio"):
        loop = AsyncioLoop(patience, LeftBehind())
        try:
            yield InlineRunner(loop, patience)
        finally:
            await loop.close()
    elif kind == "thread":
        runner = ThreadRunner(patience, LeftBehind())
        yield runner
        runner.close()
    elif kind == "command":
        yield CommandRunner(patience)
    elif kind.startswith("simulated"):
        left_behind = LeftBehind()
        inline = InlineRunner(AsyncioLoop(patience, left_behind), patience)
        yield SimulatedRunner(kind.split()[-1], inline, script_of, patience, left_behind)
    else:
        app = App(log=None)
        runner = ProcessRunner(lambda: program_of(app), app.session, patience)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(runner.serve)
            await runner.ready.wait()
            try:
                yield runner
            finally:
                await runner.close(1.0)


def call(kind, function, grace=0.3, **kwargs):
    """Make a call; the kinds on loops get an async function that does the same, commands a line."""
    if kind == "command" and function is samples.returns:
        function, kwargs = command(f"printf %s {shlex.quote(str(kwargs.get('value', 'result')))}"), {}
    elif kind == "command" and function is samples.raises:
        function = command("echo no >&2; exit 1")
    if kind in ("trio", "asyncio") and function not in ENDLESS.values():
        sync = function

        async def function(**kwargs):
            return sync(**kwargs)

    flag = Flag() if kind == "thread" else None
    return Call("it", "run 1", function, kwargs, flag, "asyncio" if kind == "asyncio" else "trio", grace, grace)


def value(kind, returned):
    """Return the value that comes back where a function has returned that: what commands write is bytes."""
    return str(returned).encode() if kind == "command" else returned


async def cancelled_after_start(runner, a_call):
    """Run a call, cancel it once it goes on, and return whether the cancellation came out of it."""
    with trio.fail_after(30), trio.CancelScope() as scope:
        async with trio.open_nursery() as nursery:

            async def cancel():
                await trio.sleep(0.3)
                scope.cancel()

            nursery.start_soon(cancel)
            await runner.run(a_call, trio.CancelScope())
    return scope.cancelled_caught


async def test_what_the_function_returns_comes_back(kind):
    async with runner_of(kind) as runner:
        assert await runner.run(call(kind, samples.returns, value=[1, 2]), trio.CancelScope()) == value(kind, [1, 2])


async def test_what_the_function_raises_comes_out(kind):
    async with runner_of(kind) as runner:
        with pytest.raises((ValueError, RemoteFailure, CommandFailed), match="no") as caught:
            await runner.run(call(kind, samples.raises), trio.CancelScope())
    error = caught.value
    expected = CommandFailed if kind == "command" else ValueError
    assert isinstance(error.__cause__ if isinstance(error, RemoteFailure) else error, expected)


async def test_one_call_after_the_other_can_be_made(kind):
    async with runner_of(kind) as runner:
        returned = [await runner.run(call(kind, samples.returns, value=n), trio.CancelScope()) for n in range(3)]
    assert returned == [value(kind, n) for n in range(3)]


async def test_calls_can_be_made_at_once(kind):
    values = []
    async with runner_of(kind) as runner:

        async def run(number):
            values.append(await runner.run(call(kind, samples.returns, value=number), trio.CancelScope()))

        async with trio.open_nursery() as nursery:
            for number in range(3):
                nursery.start_soon(run, number)
    assert sorted(values) == [value(kind, n) for n in range(3)]


async def test_a_cancelled_function_has_ended_when_the_cancellation_comes_out(kind):
    async with runner_of(kind) as runner:
        try:
            caught = await cancelled_after_start(runner, call(kind, ENDLESS[kind]))
        except* TaskTerminationException:
            caught = kind == "thread"  # a thread ends by raising this at its cancellation point
        except* RemoteFailure as group:  # and a process wherever it is, if its function has begun
            caught = kind == "process" and all(
                isinstance(error.__cause__, TaskTerminationException) for error in group.exceptions
            )
        assert caught


async def test_after_a_cancellation_the_next_call_works(kind):
    async with runner_of(kind) as runner:
        try:
            await cancelled_after_start(runner, call(kind, ENDLESS[kind]))
        except* (TaskTerminationException, RemoteFailure):
            pass
        assert await runner.run(call(kind, samples.returns), trio.CancelScope()) == value(kind, "result")


async def test_a_call_that_is_cancelled_already_leaves_nothing_behind(kind):
    async with runner_of(kind) as runner:
        with trio.CancelScope() as scope:
            scope.cancel()
            try:
                await runner.run(call(kind, ENDLESS[kind]), trio.CancelScope())
            except TaskTerminationException:
                assert kind == "thread"
        assert await runner.run(call(kind, samples.returns), trio.CancelScope()) == value(kind, "result")


async def test_a_thread_that_cannot_be_ended_is_abandoned_after_its_grace():
    let_go = trio.Event()
    token = trio.lowlevel.current_trio_token()

    def stubborn():
        trio.from_thread.run(let_go.wait, trio_token=token)

    async with runner_of("thread") as runner:
        with pytest.raises(ExceptionGroup) as caught:
            await cancelled_after_start(runner, call("thread", stubborn, grace=0.1))
        let_go.set()
    (error,) = caught.value.exceptions
    assert isinstance(error, RunAbandoned)
    assert "let_go.wait" in error.stack


async def test_an_asyncio_function_that_blocks_its_loop_is_abandoned_and_does_not_block_trio():
    let_go = threading.Event()

    async def blocks():
        let_go.wait(20)

    patience = Patience()
    loop = AsyncioLoop(patience, LeftBehind())
    with pytest.raises(ExceptionGroup) as caught:
        await cancelled_after_start(InlineRunner(loop, patience), Call("it", "run 1", blocks, {}, None, "asyncio", 0.1, 0.1))
    (blocked,) = [thread for thread in threading.enumerate() if thread.name == "callsheet asyncio"]
    let_go.set()
    await trio.to_thread.run_sync(blocked.join)
    await loop.close()
    assert isinstance(caught.value.exceptions[0], RunAbandoned)


@pytest.mark.parametrize("function", [samples.quits, samples.is_killed])
async def test_a_worker_that_ends_without_an_answer_is_told_from_one_that_answers(function):
    async with runner_of("process") as runner:
        with pytest.raises(WorkerDied):
            await runner.run(call("process", function), trio.CancelScope())
        assert await runner.run(call("process", samples.returns), trio.CancelScope()) == "result"


async def test_a_worker_that_died_while_it_was_idle_is_replaced():
    async with runner_of("process") as runner:
        pid, _ = await runner.run(call("process", samples.process_group), trio.CancelScope())
        os.kill(pid, signal.SIGKILL)
        with trio.fail_after(10):
            while not runner._idle[0][0].process.poll():
                await trio.sleep(0.01)
        other, _ = await runner.run(call("process", samples.process_group), trio.CancelScope())
    assert other != pid


async def test_a_worker_leads_a_process_group_of_its_own():
    async with runner_of("process") as runner:
        pid, group = await runner.run(call("process", samples.process_group), trio.CancelScope())
    assert pid == group


async def test_a_worker_is_used_again():
    async with runner_of("process") as runner:
        first = await runner.run(call("process", samples.process_group), trio.CancelScope())
        assert await runner.run(call("process", samples.process_group), trio.CancelScope()) == first


async def test_a_thread_has_no_event_loop():
    async with runner_of("thread") as runner:
        with pytest.raises(RuntimeError, match="no running event loop"):
            await runner.run(call("thread", asyncio.get_running_loop), trio.CancelScope())


async def test_an_async_function_runs_in_a_thread_and_in_a_process():
    async with runner_of("thread") as runner:
        assert await runner.run(call("thread", samples.returns_async), trio.CancelScope()) == "result"
    async with runner_of("process") as runner:
        assert await runner.run(call("process", samples.returns_async), trio.CancelScope()) == "result"


async def test_the_last_lines_of_a_process_are_kept_and_passed_on(capfd):
    a_call = call("process", samples.prints_and_fails)
    a_call.output = RunOutput(Outputs(None), "it", 0.0, "run 1")
    async with runner_of("process") as runner:
        with pytest.raises(RemoteFailure):
            await runner.run(a_call, trio.CancelScope())
    assert sorted(a_call.output.last_lines.splitlines()) == ["one", "two"]
    printed = capfd.readouterr()
    assert printed.out == "[it run 1] one\n"
    assert printed.err == "[it run 1] two\n"
