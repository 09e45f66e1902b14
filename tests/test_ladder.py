"""The ladder: how what runs is brought to its end, in each mode, and what becomes of what cannot be."""

import asyncio
import gc
import threading
import time
import weakref
from contextlib import suppress
from pathlib import Path

import anyio
import pytest
import trio

import samples
from actors import App, TaskTerminationException, TerminationFlag, cancellation_point, cleanup
from actors.args import FuncArg
from commands import is_alive
from helpers import actions, records, running, running_virtually, wait_printed


@pytest.fixture
def app():
    return App(log=None, grace=2, cleanup=3, shutdown_wait=0)


def end(app, task="it"):
    """Return the terminal record of the only run of a task."""
    (record,) = [record for record in records(app, task) if record.action not in ("run", "retry")]
    return record


def notes(app):
    """Return what was noted of functions after their runs had been put on record as ended."""
    return [document["afterwards"] for document in app.session.get_repo().log.documents() if document.get("action") == "late"]


async def wait_until(holds):
    with trio.fail_after(20):
        while not holds():
            await trio.sleep(0.01)


async def terminated(app, function, **options):
    """Run a function as a task, terminate it after a second, and wait until it is put on record as ended."""
    app.task(func=function, name="it", **options)
    async with running_virtually(app) as run:
        app.session["it"].run()
        await trio.sleep(1)
        app.session["it"].terminate()
        await run.wait_ended()
        return trio.current_time()


class TestArguments:
    @pytest.mark.parametrize("mode", ["main", "async", "thread"])
    async def test_a_function_whose_argument_ends_the_run_is_not_called(self, app, autojump_clock, mode):
        def ends():
            app.session["it"].terminate()

        def it(argument=FuncArg(ends, materialize="pre")):
            called.append(True)

        async def it_async(argument=FuncArg(ends)):
            called.append(True)

        called = []
        app.task(func=it_async if mode == "async" else it, name="it", execution=mode)
        async with running_virtually(app) as run:
            app.session["it"].run()
            assert await run.wait_ended() == ["terminate"]
        assert not called
        assert end(app).reason == "terminated by itself"


async def ended(app, function, pause=0.0, **options):
    """Run a function as a task, on real time, terminate it after a pause from when it goes on, and return how it ends."""
    app.task(func=function, name="it", **options)
    async with running(app) as run:
        app.session["it"].run()
        await run.wait_started("it")
        await trio.sleep(pause)
        app.session["it"].terminate()
        (action,) = await run.wait_ended()
    return action


class TestAsyncFunctions:
    async def test_one_is_cancelled_at_once(self, app, autojump_clock):
        assert await terminated(app, trio.sleep_forever) == 1
        assert (end(app).action, end(app).cause) == ("terminate", "terminate")

    async def test_one_that_takes_a_flag_is_asked_first(self, app, autojump_clock):
        async def it(flag=TerminationFlag()):
            while not flag.is_set():
                await trio.sleep(0.5)
            await trio.sleep(1)
            return "ended by itself"

        assert 2 <= await terminated(app, it) <= 3
        assert (end(app).action, app.session.returns["it"]) == ("success", "ended by itself")

    async def test_one_that_takes_a_flag_and_does_not_look_is_cancelled_after_its_grace(self, app, autojump_clock):
        async def it(flag=TerminationFlag()):
            await trio.sleep_forever()

        assert await terminated(app, it) == 3
        assert end(app).action == "terminate"

    async def test_one_may_clean_up_for_a_time(self, app, autojump_clock):
        async def it():
            try:
                await trio.sleep_forever()
            finally:
                with cleanup():
                    await trio.sleep(2.5)
                    cleaned.append(trio.current_time())

        cleaned = []
        assert await terminated(app, it) == 3.5
        assert cleaned == [3.5]

    async def test_one_that_cleans_up_for_too_long_is_cut(self, app, autojump_clock):
        async def it():
            try:
                await trio.sleep_forever()
            finally:
                with cleanup():
                    await trio.sleep(60)

        assert await terminated(app, it) == 4
        assert (end(app).action, end(app).reason) == ("terminate", "terminated by the program")

    async def test_several_clean_up_at_the_same_time_when_the_app_ends(self, autojump_clock):
        app = App(log=None, shutdown_wait=0)
        cleaned = []

        def cleans(name):
            async def it():
                try:
                    await trio.sleep_forever()
                finally:
                    with cleanup():
                        await trio.sleep(1)
                        cleaned.append((name, trio.current_time()))

            return it

        for name in "abc":
            app.task(func=cleans(name), name=name, on_startup=True)
        async with running_virtually(app) as run:
            await run.wait_started("a", "b", "c")
        assert sorted(cleaned) == [("a", 1), ("b", 1), ("c", 1)]

    async def test_cleaning_up_outside_of_a_task_is_nothing_special(self):
        with trio.CancelScope() as scope:
            scope.cancel()
            with cleanup():
                await trio.sleep_forever()
        assert scope.cancelled_caught


class TestStuckCoroutines:
    async def stuck(self, app, function, run):
        app.task(func=function, name="it")
        app.session["it"].run()
        await trio.sleep(1)
        app.session["it"].terminate()
        await run.wait_ended()

    async def test_one_that_swallows_its_cancellation_is_given_up_with_its_stack(self, app, autojump_clock, caplog):
        async def it():
            while not enough:
                try:
                    await trio.sleep(0.5)
                except BaseException:  # that is the point
                    counted.append(trio.current_time())
                    with trio.CancelScope(shield=True):
                        await trio.sleep(0.5)

        enough, counted = [], []
        async with running_virtually(app) as run:
            await self.stuck(app, it, run)
            given_up = trio.current_time()
            enough.append(True)
            await trio.sleep(2)
        assert 4 <= given_up <= 4.5
        assert len(counted) > 3  # it is cancelled again at each of its awaits
        assert end(app).action == "terminate"
        assert end(app).reason == "terminated by the program; stuck: it ignores its cancellation"
        assert "await trio.sleep(0.5)" in end(app).exc_text
        assert "ignores its cancellation" in caplog.text
        assert notes(app) == ["what was given up has ended: success"]
        assert actions(app) == ["run", "terminate"]

    async def test_one_in_a_shield_of_its_own_is_given_up_too(self, app, autojump_clock):
        async def it():
            with trio.CancelScope(shield=True):
                await enough.wait()

        enough = trio.Event()
        async with running_virtually(app) as run:
            await self.stuck(app, it, run)
            enough.set()
        assert "await enough.wait()" in end(app).exc_text

    async def test_its_task_can_run_again_meanwhile(self, app, autojump_clock):
        async def it(stuck=True):
            with trio.CancelScope(shield=stuck):
                await enough.wait()

        enough = trio.Event()
        async with running_virtually(app) as run:
            await self.stuck(app, it, run)
            app.session["it"].run(stuck=False)
            await run.wait_started("it")
            enough.set()
            await run.wait_ended(2)
        assert actions(app) == ["run", "terminate", "run", "success"]

    async def test_one_that_takes_too_long_is_told_to_have_and_not_tried_again(self, app, autojump_clock):
        async def it():
            with trio.CancelScope(shield=True):
                await enough.wait()

        enough = trio.Event()
        app.task(func=it, name="it", timeout=5, retries=3)
        async with running_virtually(app) as run:
            app.session["it"].run()
            await run.wait_ended()
            enough.set()
            await trio.sleep(60)
        assert actions(app) == ["run", "terminate"]
        assert end(app).cause == "timeout"

    async def test_it_is_counted_when_the_app_ends(self, app, autojump_clock):
        async def it():
            with trio.CancelScope(shield=True):
                await enough.wait()

        enough = trio.Event()
        async with running_virtually(app) as run:
            await self.stuck(app, it, run)
            app.session.shut_down()
            ended = await run.system.wait_ended()
            enough.set()
        assert ended.stuck == 1


class TestMaskedExceptions:
    """What a function raises on its way out is not lost behind the cancellation that took its place."""

    @pytest.mark.parametrize("mode", ["async", "asyncio", "thread"])
    async def test_an_error_in_cleaning_up_fails_the_run(self, mode):
        async def it():
            try:
                await anyio.sleep(60)
            finally:
                try:
                    raise ValueError("the real one")
                finally:
                    await anyio.sleep(1)

        app = App(log=None)
        options = {"backend": "asyncio"} if mode == "asyncio" else {"execution": mode}
        await ended(app, it, **options, pause=0.3)
        assert (end(app).action, end(app).reason, end(app).cause) == ("fail", "ValueError: the real one", "terminate")
        assert "the real one" in end(app).exc_text

    async def test_an_error_on_its_way_through_a_finally_is_not_lost(self, app, autojump_clock):
        async def it():
            try:
                raise ValueError("the real one")
            finally:
                await trio.sleep(60)

        await terminated(app, it)
        assert (end(app).action, end(app).reason) == ("fail", "ValueError: the real one")

    async def test_an_error_on_its_way_out_of_a_with_is_not_lost(self, app, autojump_clock):
        class Slow:
            async def __aenter__(self):
                return self

            async def __aexit__(self, *_):
                await trio.sleep(60)

        async def it():
            async with Slow():
                raise ValueError("the real one")

        await terminated(app, it)
        assert end(app).reason == "ValueError: the real one"

    async def test_an_error_that_is_being_dealt_with_does_not_fail_the_run(self, app, autojump_clock):
        async def it():
            while True:
                try:
                    Path("nowhere").read_text()
                except OSError:
                    await trio.sleep(60)

        await terminated(app, it)
        assert end(app).action == "terminate"

    async def test_an_error_that_was_dealt_with_does_not_either(self, app, autojump_clock):
        async def it():
            with suppress(OSError):
                Path("nowhere").read_text()
            await trio.sleep(60)

        await terminated(app, it)
        assert end(app).action == "terminate"

    async def test_an_error_that_was_being_dealt_with_when_two_cancellations_came_does_not_either(self, app, autojump_clock):
        async def waits():
            try:
                await trio.sleep(60)
            finally:
                await trio.sleep(1)

        async def it():
            try:
                Path("nowhere").read_text()
            except OSError:
                await waits()

        await terminated(app, it)
        assert end(app).action == "terminate"

    async def test_an_error_that_is_being_dealt_with_in_a_task_group_of_asyncio_does_not_either(self):
        async def it():
            async with asyncio.TaskGroup():
                try:
                    Path("nowhere").read_text()
                except OSError:
                    await asyncio.sleep(60)

        app = App(log=None)
        await ended(app, it, pause=0.3)
        assert end(app).action == "terminate"

    @pytest.mark.parametrize("dealt_with", [False, True])
    async def test_an_error_in_a_nursery_is_lost_only_if_it_is_being_dealt_with(self, app, autojump_clock, dealt_with):
        async def child():
            try:
                raise ValueError("the real one")
            except expected:
                await trio.sleep(60)
            finally:
                await trio.sleep(60)

        async def it():
            async with trio.open_nursery() as nursery:
                nursery.start_soon(trio.sleep_forever)
                nursery.start_soon(child)

        expected = ValueError if dealt_with else OSError
        await terminated(app, it)
        assert end(app).action == ("terminate" if dealt_with else "fail")

    async def test_an_error_is_found_behind_a_text_that_begins_further_left_than_its_function(self, app, autojump_clock):
        async def it():
            """Wait
for ever."""  # fmt: skip
            try:
                raise ValueError("the real one")
            finally:
                await trio.sleep(60)

        await terminated(app, it)
        assert end(app).reason == "ValueError: the real one"


class TestThreads:
    async def test_one_that_ends_by_its_flag_has_its_grace(self, app):
        assert await ended(app, samples.looks_at_flag, execution="thread") == "success"

    async def test_an_abandoned_one_is_noted_when_it_ends_and_its_result_changes_nothing(self, app):
        enough = threading.Event()
        app.task(func=lambda: enough.wait(20), name="it", execution="thread", grace=0.05)
        async with running(app) as run:
            app.session["it"].run()
            await run.wait_started("it")
            app.session["it"].terminate()
            assert await run.wait_ended() == ["terminate"]
            (problem,) = app.session.health.problems
            enough.set()
            await wait_until(lambda: notes(app))
            assert app.session.health.is_ok
        assert problem == f"task 'it' run {end(app).run_id} was abandoned, and its thread goes on"
        assert notes(app) == ["the abandoned thread has ended: it returned"]
        assert "abandoned: the thread of task 'it' did not end within" in end(app).reason
        assert "enough.wait(20)" in end(app).exc_text
        assert "it" not in app.session.returns

    async def test_when_too_many_are_abandoned_no_other_is_begun(self):
        enough = threading.Event()
        app = App(log=None, grace=0.01, max_abandoned_threads=1, multilaunch=True)
        app.task(func=lambda: enough.wait(20), name="it", execution="thread")
        app.task(func=samples.returns, name="other", execution="thread")
        async with running(app) as run:
            app.session["it"].run()
            app.session["it"].run()
            await run.wait_started("it")
            app.session["it"].terminate()
            assert await run.wait_ended(2) == ["terminate", "terminate"]
            app.session["other"].run()
            assert (await run.wait_ended(3))[-1] == "fail"
            assert "2 abandoned threads go on, and max_abandoned_threads is 1" in end(app, "other").reason
            enough.set()
            await wait_until(lambda: len(notes(app)) == 2)
            app.session["other"].run()
            assert (await run.wait_ended(4))[-1] == "success"

    async def test_an_exception_that_a_cancellation_point_takes_the_place_of_fails_the_run(self, app):
        def it(flag=TerminationFlag()):
            try:
                raise ValueError("the real one")
            finally:
                flag.wait(20)
                cancellation_point()

        assert await ended(app, it, execution="thread") == "fail"
        assert end(app).reason == "ValueError: the real one"

    async def test_one_that_may_be_interrupted_is_after_its_grace(self, app):
        def it():
            try:
                while True:
                    time.sleep(0.005)
            finally:
                cleaned.append(True)

        cleaned = []
        assert await ended(app, it, execution="thread", grace=0.05, interrupt=True) == "terminate"
        assert cleaned == [True]
        assert end(app).reason == "terminated by the program"

    async def test_one_that_swallows_its_interruption_is_abandoned(self, app):
        def it():
            while not enough.is_set():
                try:
                    while not enough.is_set():
                        time.sleep(0.005)
                except TaskTerminationException:
                    pass

        enough = threading.Event()
        assert await ended(app, it, execution="thread", grace=0.05, cleanup=0.05, interrupt=True) == "terminate"
        enough.set()
        assert "abandoned" in end(app).reason

    async def test_an_interruption_that_comes_too_late_hits_nothing_else(self):
        """The thread goes back to a cache, and does other things after the function has ended."""
        app = App(log=None, grace=0, cleanup=5, interrupt=True, execution="thread", max_thread_count=1, multilaunch=True)
        app.task(func=lambda: time.sleep(0.001), name="it")
        async with running(app) as run:
            for count in range(200):
                app.session["it"].run()
                await trio.sleep(0.001)
                app.session["it"].terminate()
                outcomes = await run.wait_ended(count + 1)
        assert set(outcomes) <= {"terminate", "success"}

    @pytest.mark.parametrize("backend", ["trio", "asyncio"])
    async def test_an_async_function_in_one_is_cancelled_and_cleans_up(self, app, backend):
        async def it():
            try:
                await anyio.sleep(60)
            finally:
                with cleanup():
                    await anyio.sleep(0.05)
                    cleaned.append(True)

        cleaned = []
        assert await ended(app, it, execution="thread", backend=backend, pause=0.3) == "terminate"
        assert cleaned == [True]


class TestAsyncioFunctions:
    async def test_one_cleans_up_for_a_time(self):
        async def it():
            try:
                await asyncio.sleep(60)
            finally:
                with cleanup():
                    await asyncio.sleep(0.05)
                    cleaned.append(True)

        cleaned, app = [], App(log=None)
        assert await ended(app, it, pause=0.2) == "terminate"
        assert cleaned == [True]

    async def test_one_that_takes_a_flag_is_asked_first(self):
        async def it(flag=TerminationFlag()):
            while not flag.is_set():
                await asyncio.sleep(0.01)
            return "ended by itself"

        app = App(log=None)
        assert await ended(app, it, pause=0.2) == "success"

    async def test_one_that_cleans_up_for_too_long_is_cut_and_not_abandoned(self):
        async def it():
            try:
                await asyncio.sleep(60)
            finally:
                with cleanup():
                    await asyncio.sleep(60)

        app = App(log=None, cleanup=0.2)
        assert await ended(app, it, pause=0.2) == "terminate"
        assert end(app).reason == "terminated by the program"


class TestProcesses:
    async def ended(self, app, capfd, function, **options):
        """Run a function in a process, terminate it once it says that it has begun, and return its terminal record."""
        app.task(func=function, name="it", execution="process", **options)
        async with running(app) as run:
            app.session["it"].run()
            self.printed = await wait_printed(capfd, "begins")
            app.session["it"].terminate()
            await run.wait_ended()
        return end(app)

    async def test_sigterm_lets_a_function_clean_up(self, app, capfd):
        record = await self.ended(app, capfd, samples.cleans_up)
        assert (record.action, record.reason) == ("terminate", "terminated by the program")
        assert "cleaned" in record.output

    @pytest.mark.parametrize("function", [samples.cleans_up_on_trio, samples.cleans_up_on_asyncio])
    async def test_an_async_function_is_cancelled_at_its_await_and_cleans_up(self, app, capfd, function):
        record = await self.ended(app, capfd, function)
        assert record.action == "terminate"
        assert "cleaned" in record.output

    async def test_one_that_swallows_everything_is_killed_after_its_time_to_clean_up(self, app, capfd):
        record = await self.ended(app, capfd, samples.swallows_everything, cleanup=0.3)
        assert record.action == "terminate"
        assert record.reason.startswith("terminated by the program; killed: the process of task 'it' did not end within ")

    async def test_one_that_takes_a_flag_and_does_not_look_is_cancelled_after_its_grace(self, app, capfd):
        record = await self.ended(app, capfd, samples.takes_a_flag_and_cleans_up, grace=0.2)
        assert record.action == "terminate"
        assert "cleaned" in record.output

    async def test_one_that_takes_a_flag_and_gets_no_grace_cleans_up_all_the_same(self, app, capfd):
        record = await self.ended(app, capfd, samples.takes_a_flag_and_cleans_up, grace=0)
        assert "cleaned" in record.output

    async def test_a_hook_that_takes_the_flag_keeps_no_function_from_being_cancelled(self, app, capfd):
        app.session.hook_task_execute(samples.takes_a_flag)
        record = await self.ended(app, capfd, samples.cleans_up)
        assert "cleaned" in record.output

    async def test_an_exception_that_comes_up_meanwhile_fails_the_run(self, app, capfd):
        record = await self.ended(app, capfd, samples.fails_to_clean_up)
        assert (record.action, record.reason) == ("fail", "ValueError: cannot clean up")

    async def test_an_exception_that_the_termination_takes_the_place_of_fails_the_run(self, app, capfd):
        record = await self.ended(app, capfd, samples.fails_and_cleans_up_slowly)
        assert (record.action, record.reason) == ("fail", "ValueError: the real one")

    async def test_who_takes_the_termination_for_an_error_has_been_terminated(self, app, capfd):
        record = await self.ended(app, capfd, samples.wraps_what_it_is_ended_by)
        assert (record.action, record.reason) == ("terminate", "terminated by the program")

    async def test_what_it_has_started_and_ignores_sigterm_is_killed(self, app, capfd):
        await self.ended(app, capfd, samples.starts_one_that_ignores_sigterm, cleanup=0.3)
        child = int(self.printed.rsplit("child ", 1)[1].split()[0])
        await wait_until(lambda: not is_alive(child))

    async def test_a_termination_in_the_middle_of_a_message_to_the_session_waits_for_its_end(self, app, capfd):
        record = await self.ended(app, capfd, samples.talks_to_the_session)
        assert record.action == "terminate"


class TestCauses:
    """Why a run was to end is told apart, and who wanted it."""

    async def cause(self, app, ends, **options):
        app.task(func=trio.sleep_forever, name="it", **options)
        async with running_virtually(app) as run:
            app.session["it"].run()
            await run.wait_started("it")
            ends(app.session)
            await run.wait_ended()
        return end(app).cause, end(app).reason

    async def test_a_timeout(self, app, autojump_clock):
        assert await self.cause(app, lambda _: None, timeout=2) == ("timeout", "timeout: it took longer than 2 seconds")

    async def test_a_condition(self, app, autojump_clock):
        cause, reason = await self.cause(app, lambda _: None, end_cond="every 5 seconds")
        assert (cause, reason) == ("end_cond", "end_cond: every 5 seconds")

    async def test_the_program(self, app, autojump_clock):
        got = await self.cause(app, lambda session: session["it"].terminate())
        assert got == ("terminate", "terminated by the program")

    async def test_another_task(self, app, autojump_clock):
        async def other():
            app.session["it"].terminate()

        app.task(func=other, name="other")
        assert await self.cause(app, lambda session: session["other"].run()) == ("terminate", "terminated by task 'other'")

    async def test_the_task_itself(self, app, autojump_clock):
        async def it():
            app.session["it"].terminate()
            await trio.sleep_forever()

        app.task(func=it, name="it")
        async with running_virtually(app) as run:
            app.session["it"].run()
            await run.wait_ended()
        assert (end(app).cause, end(app).reason) == ("terminate", "terminated by itself")

    async def test_a_shutdown(self, app, autojump_clock):
        got = await self.cause(app, lambda session: session.shut_down())
        assert got == ("shutdown", "shutdown, asked for by the program")

    async def test_a_restart(self, app, autojump_clock):
        got = await self.cause(app, lambda session: session.restart())
        assert got == ("restart", "restart, asked for by the program")

    async def test_its_removal(self, app, autojump_clock):
        cause, reason = await self.cause(app, lambda session: session.remove_task("it"))
        assert (cause, reason) == ("removed", "the task was removed by the program")

    async def test_its_next_start(self, app, autojump_clock):
        app.task("every 10 seconds", func=trio.sleep_forever, name="it", overlap="cancel_running")
        async with running_virtually(app) as run:
            await run.wait_ended()
        assert (records(app)[1].cause, records(app)[1].reason) == ("overlap", "overlap: its next start is due")

    async def test_the_program_around_it(self, app, autojump_clock):
        app.task(func=trio.sleep_forever, name="it", on_startup=True)
        with trio.CancelScope() as scope:
            async with running_virtually(app) as run:
                await run.wait_started("it")
                scope.cancel()
                await trio.sleep_forever()
        assert (end(app).cause, end(app).reason) == ("cancelled", "the runtime was cancelled")

    async def test_the_first_one_counts(self, app, autojump_clock):
        def ends(session):
            session["it"].terminate()
            session.shut_down()

        assert (await self.cause(app, ends))[0] == "terminate"


class TestTheEndOfTheProgramAround:
    async def test_a_cancellation_of_it_waits_no_longer_than_a_shutdown_would(self):
        enough = threading.Event()
        app = App(log=None, grace=60, cleanup=60)
        app.task(func=lambda: enough.wait(30), name="it", execution="thread", on_startup=True)
        with trio.fail_after(10), trio.CancelScope() as scope:
            async with running(app) as run:
                await run.wait_started("it")
                scope.cancel()
                await trio.sleep_forever()
        enough.set()
        assert "abandoned" in end(app).reason


class TestTheEndInTheSameInstant:
    async def test_one_that_completes_in_the_instant_it_is_told_to_end_has_completed(self, app, autojump_clock):
        async def it():
            app.session["it"].terminate()
            return "done"

        app.task(func=it, name="it")
        async with running_virtually(app) as run:
            app.session["it"].run()
            assert await run.wait_ended() == ["success"]
        assert app.session.returns["it"] == "done"

    @pytest.mark.parametrize(
        "function", [samples.is_told_to_end_as_it_is_pickled, samples.has_sigterm_end_it_and_is_told_to_end_as_it_is_pickled]
    )
    async def test_a_process_that_has_its_result_does_not_lose_it(self, app, function):
        """Once its function has ended, SIGTERM does not keep a worker from sending what it has returned."""
        app.task(func=function, name="it", execution="process")
        async with running(app) as run:
            app.session["it"].run()
            assert await run.wait_ended() == ["success"]


class Held:
    """What a function holds while it runs."""


class TestWhatIsLeftOfARun:
    """The memory that a run has used is free once it has ended, and does not wait for the garbage collector."""

    @pytest.fixture(autouse=True)
    def _no_collector(self):
        gc.collect()
        gc.disable()
        yield
        gc.enable()

    async def check(self, app, function, **options):
        """Run a function, have it terminated if it does not end, and check that what it held is gone."""
        held = []

        def holding(kept):
            held.append(weakref.ref(kept))

        app.task(func=function, name="it", parameters={"hold": holding}, grace=0.05, **options)
        async with running(app) as run:
            app.session["it"].run()
            await wait_until(lambda: held)
            await trio.sleep(0.1)
            app.session["it"].terminate()
            await run.wait_ended()
            await wait_until(lambda: held[0]() is None)

    @pytest.mark.parametrize("options", [{}, {"backend": "asyncio"}])
    async def test_of_async_functions(self, app, options):
        async def fails(hold):
            hold(kept := Held())  # noqa: F841  # that is the point
            await anyio.sleep(0)
            raise ValueError

        async def waits(hold):
            hold(kept := Held())  # noqa: F841
            await anyio.sleep(60)

        async def hides(hold):
            hold(kept := Held())  # noqa: F841
            try:
                raise ValueError
            finally:
                await anyio.sleep(60)

        for function in (fails, waits, hides):
            await self.check(app, function, **options)
            app.session.remove_task("it")

    async def test_of_functions_in_threads(self, app):
        def fails(hold):
            hold(kept := Held())  # noqa: F841
            raise ValueError

        def looks(hold):
            hold(kept := Held())  # noqa: F841
            while True:
                time.sleep(0.005)
                cancellation_point()

        def does_not_look(hold):
            hold(kept := Held())  # noqa: F841
            while True:
                time.sleep(0.005)

        for function in (fails, looks, does_not_look):
            await self.check(app, function, execution="thread", interrupt=True)
            app.session.remove_task("it")
