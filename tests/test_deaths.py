"""Whatever a function does to its process: one fail that says in words how it ended, and the next run succeeds."""

import os
import signal
import sys
from pathlib import Path

import pytest
import trio

import samples
from actors import App
from commands import Started, wait_gone, write
from helpers import actions, records, running
from test_runner_contract import call, runner_of

DEATHS = [
    (samples.quits_with_three, "exited with status 3 before it answered"),
    (samples.is_killed, "was killed by signal 9 (SIGKILL, out of memory?): last words"),
    (samples.reads_from_nowhere, "was killed by signal 11 (SIGSEGV)"),
    (samples.closes_its_socket_and_goes_on, "closed its connection without an answer"),
    (samples.closes_all_files_and_returns, "exited with status 1 before it answered"),
    (samples.floods_stderr_and_quits, "exited with status 3 before it answered: line 99999"),
    (samples.forks_and_is_killed, "was killed by signal 9 (SIGKILL, out of memory?)"),
]
ANSWERS = [
    (samples.returns_what_raises_in_reduce, "UnportableResult: task 'it' returned a RaisesInReduce"),
    (samples.raises_what_raises_in_reduce, "RaisesInReduce: as it is"),
]


async def end_between_others(function):
    """Run a task that succeeds, then `function`, then the first again; return the record of the end of `function`."""
    app = App(log=None, max_process_count=1)
    app.task(func=function, name="it", execution="process")
    app.task(func=samples.returns, name="other", execution="process")
    async with running(app) as run:
        for count, name in enumerate(("other", "it", "other"), 1):
            app.session[name].run()
            await run.wait_ended(count)
    assert actions(app, "other") == ["run", "success"] * 2
    assert actions(app, "it") == ["run", "fail"]
    return records(app, "it")[-1]


@pytest.mark.parametrize(("function", "how"), DEATHS, ids=[function.__name__ for function, _ in DEATHS])
async def test_a_worker_that_dies_is_a_fail_that_says_how(function, how):
    end = await end_between_others(function)
    assert end.reason.startswith(f"WorkerDied: the process of task 'it' {how}")


@pytest.mark.parametrize(("function", "reason"), ANSWERS, ids=[function.__name__ for function, _ in ANSWERS])
async def test_an_answer_that_cannot_be_sent_as_it_is_is_a_fail_that_says_why(function, reason):
    assert (await end_between_others(function)).reason.startswith(reason)


async def test_the_last_lines_of_a_worker_that_dies_are_on_record():
    end = await end_between_others(samples.floods_stderr_and_quits)
    assert end.output.splitlines()[-2:] == ["line 99998", "line 99999"]


async def test_what_was_said_in_an_earlier_run_is_not_quoted():
    app = App(log=None, max_process_count=1)
    app.task(func=samples.prints, name="before", execution="process")
    app.task(func=samples.quits, name="it", execution="process")
    async with running(app) as run:
        for count, name in enumerate(("before", "it"), 1):
            app.session[name].run()
            await run.wait_ended(count)
    assert records(app, "it")[-1].reason.endswith("exited with status 0 before it answered")


@pytest.mark.parametrize("is_terminated", [True, False], ids=["terminated", "retired"])
async def test_what_a_function_has_started_goes_with_its_worker_though_it_ignores_sigterm(is_terminated, tmp_path):
    app, pid = App(log=None, grace=0.5), tmp_path / "pid"
    parameters = {"pid": pid, "stays": is_terminated}
    app.task(func=samples.starts_a_child_that_ignores_sigterm, name="it", execution="process", fresh=True, parameters=parameters)
    async with running(app) as run:
        app.session["it"].run()
        with trio.fail_after(20):
            while not pid.exists() or not pid.read_text():
                await trio.sleep(0.01)
        if is_terminated:
            app.session["it"].terminate()
        await run.wait_ended()
        await trio.to_thread.run_sync(wait_gone, int(pid.read_text()))
    assert actions(app, "it") == ["run", "terminate" if is_terminated else "success"]


SEES_SIGNALS = """
    import signal
    from actors import App

    app = App(log=None, stop_when_idle=True)

    @app.task(on_startup=True, execution="process")
    def it():
        ignored = sorted(number.name for number in signal.Signals if signal.getsignal(number) is signal.SIG_IGN)
        blocked = [number.name for number in signal.pthread_sigmask(signal.SIG_BLOCK, [])]
        print("seen", *ignored, blocked, signal.getsignal(signal.SIGINT) is signal.default_int_handler, flush=True)

    app.run()
"""
CLEAN = "seen SIGPIPE SIGXFSZ [] True\n"  # Python ignores the two


@pytest.mark.parametrize(
    "before",
    [
        "signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM, signal.SIGINT, signal.SIGUSR1])",
        "[signal.signal(number, signal.SIG_IGN) for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM, signal.SIGCHLD)]",
        "[signal.signal(number, signal.SIG_IGN) for number in (signal.SIGXCPU, signal.SIGUSR1, signal.SIGRTMIN)]",
    ],
    ids=["blocked", "ignored", "others ignored"],
)
def test_a_worker_starts_with_clean_signals_whatever_its_scheduler_was_started_with(before):
    write("jobs.py", SEES_SIGNALS)
    with Started("-c", f"import os, signal, sys; {before}; os.execv(sys.executable, [sys.executable, 'jobs.py'])") as program:
        assert program.wait_for("seen").endswith(CLEAN)
        assert program.wait_ended(within=20) == 0


def test_it_does_so_in_the_background_of_a_shell_under_nohup():
    write("jobs.py", SEES_SIGNALS)
    line = f"import os; os.execvp('sh', ['sh', '-c', 'nohup {sys.executable} jobs.py & wait'])"
    with Started("-c", line) as program:
        assert program.wait_for("seen").endswith(CLEAN)
        assert program.wait_ended(within=20) == 0


@pytest.mark.parametrize("function", [os.getpid, samples.ignores_sigterm_and_returns_its_pid])
async def test_a_worker_that_does_nothing_is_ended_by_sigterm_whatever_it_has_done_before(function):
    async with runner_of("process") as runner:
        pid = await runner.run(call("process", function), trio.CancelScope())
        (idle,) = runner._idle[0]
        with trio.fail_after(20):
            while cares(pid, signal.SIGTERM):  # it does from the beginning of a run until its answer is sent
                await trio.sleep(0.005)
            os.kill(pid, signal.SIGTERM)
            await trio.lowlevel.wait_readable(idle._connection)  # all its threads are gone
        assert await runner.run(call("process", function), trio.CancelScope()) != pid
        assert idle.process.returncode == -signal.SIGTERM


def cares(pid, number):
    """Return whether a process handles a signal or ignores it."""
    status = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    return any(int(status[mask], 16) & 1 << (number - 1) for mask in ("SigCgt", "SigIgn"))
