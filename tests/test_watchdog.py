"""What is told when a function blocks the scheduler's loop."""

import logging
import signal
import sys
import threading
import time
from contextlib import contextmanager
from pathlib import Path

import pytest
import trio

from actors import App, Condition, limit
from commands import ROOT, Started, write
from helpers import actions, records, running, running_virtually
from runtime import open_runtime
from runtime.whereabouts import glance

HERE = Path(__file__).name


class Told(logging.Handler):
    """What the runtime tells of stalls, from whatever thread."""

    def __init__(self):
        super().__init__(logging.INFO)
        self.stalls, self.ends = [], []
        self._awaited = threading.Event()

    def emit(self, record):
        if "has made no step" in record.getMessage() and HERE in record.getMessage():  # a busy machine has stalls of its own
            self.stalls.append(record.getMessage())
            self._awaited.set()
        if "makes steps again" in record.getMessage():
            self.ends.append((record.levelno, record.getMessage()))

    def next_stall(self):
        """Return an event that is set once another stall is told."""
        self._awaited = threading.Event()
        return self._awaited

    async def wait_for_ends(self, count=1):
        """Wait until the ends of so many stalls are told."""
        with trio.fail_after(30):
            while len(self.ends) < count:
                await trio.sleep(0.005)


@pytest.fixture
def told():
    handler, log = Told(), logging.getLogger("callsheet.runtime")
    before = log.level
    log.addHandler(handler)
    log.setLevel(logging.INFO)
    yield handler
    log.removeHandler(handler)
    log.setLevel(before)


@pytest.fixture
def app():
    return App(log=None, stall_after="50 ms")


def line_of(text):
    """Return the number of the line of this file that is `text`."""
    return Path(__file__).read_text().splitlines().index(text) + 1


def watchdogs():
    return [thread for thread in threading.enumerate() if thread.name == "callsheet watchdog"]


class TestWhatIsTold:
    async def test_it_names_the_task_its_run_the_line_and_the_way_out(self, app, told):
        @app.task(execution="main")
        def report():
            told.next_stall().wait(30)

        async with running(app) as run:
            app.session["report"].run()
            await run.wait_ended()
            await told.wait_for_ends()
        (stall,) = told.stalls
        line = line_of("            told.next_stall().wait(30)")
        first, *stack = stall.splitlines()
        assert first.startswith("the scheduler has made no step for 0.")
        assert first.endswith(
            f" s: task 'report' (run {records(app)[0].run_id}) is in {HERE}, line {line}, in report: "
            "told.next_stall().wait(30); give it execution='thread' or 'process'"
        )
        assert stack[0] == f'  File "{__file__}", line {line}, in report'
        assert "threading.py" in stack[2]
        assert not any(str(ROOT / "runtime") in entry for entry in stack)

    async def test_the_end_of_a_stall_is_told_with_how_long_it_took(self, app, told):
        @app.task(execution="main")
        def report():
            told.next_stall().wait(30)
            time.sleep(0.2)

        async with running(app) as run:
            app.session["report"].run()
            await run.wait_ended()
            await told.wait_for_ends()
        ((level, end),) = told.ends
        seconds = float(end.removeprefix("the scheduler makes steps again, after ").split(" ")[0])
        assert level == logging.INFO
        assert seconds >= 0.2
        assert end.endswith(f" s: task 'report' (run {records(app)[0].run_id})")

    async def test_it_is_told_once_a_stall_however_long_that_takes(self, app, told):
        @app.task(execution="main")
        def report():
            told.next_stall().wait(30)
            time.sleep(0.3)

        async with running(app) as run:
            for count in (1, 2):
                app.session["report"].run()
                await run.wait_ended(count)
                await told.wait_for_ends(count)
        assert (len(told.stalls), len(told.ends)) == (2, 2)

    @pytest.mark.parametrize("backend", ["trio", "auto"])
    async def test_an_async_function_that_blocks_is_named_too(self, app, told, backend):
        @app.task(backend=backend)
        async def report():
            await trio.sleep(0)
            await helper()

        async def helper():
            told.next_stall().wait(30)

        async with running(app) as run:
            app.session["report"].run()
            await run.wait_ended()
        assert "task 'report'" in told.stalls[0]
        assert ", in helper: told.next_stall().wait(30);" in told.stalls[0]
        assert ", in report\n" in told.stalls[0]

    async def test_a_function_in_c_that_lets_no_other_thread_run_is_named(self, app, told):
        @app.task(execution="main")
        def report():
            sum(range(15_000_000))

        async with running(app) as run:
            app.session["report"].run()
            await run.wait_ended()
            await told.wait_for_ends()
        assert "in report: sum(range(15_000_000))" in told.stalls[0]

    async def test_threads_and_processes_and_asyncio_functions_block_nothing(self, app, told):
        @app.task(execution="thread")
        def waits():
            time.sleep(0.2)

        @app.task(backend="asyncio")
        async def waits_too():
            time.sleep(0.2)

        async with running(app) as run:
            app.session.run("waits", "waits_too")
            await run.wait_ended(2)
        assert told.stalls == []

    async def test_of_an_app_that_is_installed_it_names_what_the_scheduler_called(self, app):
        found = {"whereabouts": lambda: glance(sys._getframe(1)).in_words()}
        for name, text in [("tool.py", "def use():\n    return whereabouts()"), ("jobs.py", "def report():\n    return use()")]:
            exec(compile(text, f"/usr/lib/python3/dist-packages/{name}", "exec"), found)
        app.task(func=found["report"], execution="main")
        async with running(app) as run:
            app.session["report"].run()
            await run.wait_ended()
        assert app.session.returns["report"].line == "jobs.py, line 2, in report"


class Blocks(Condition):
    """A condition that blocks when it is asked the first time."""

    def __init__(self, told):
        self.stall = told.next_stall()

    def holds(self, now, facts):
        return not self.stall.wait(30)

    def next_change(self, now, facts):
        return None


class TestTheSchedulerItself:
    async def test_a_function_that_gives_run_ids(self, app, told):
        def run_id(task, params):
            return f"waited {told.next_stall().wait(30)}"

        app.task(func=lambda: None, name="it", func_run_id=run_id)
        await self.check(app, told, "in run_id: ")

    async def test_the_key_of_a_limit(self, app, told):
        def key(params):
            return told.next_stall().wait(30)

        app.task(func=lambda: None, name="it", limits=limit("db", 2, key=key))
        await self.check(app, told, "in key: ")

    async def test_a_condition_that_is_a_class(self, app, told):
        app.task(func=lambda: None, name="it")
        app.task(Blocks(told), func=lambda: None, name="other")
        await self.check(app, told, "in holds: ")

    async def test_a_hook_of_the_start(self, app, told):
        @app.setup
        def prepare():
            told.next_stall().wait(30)

        app.task(func=lambda: None, name="it")
        await self.check(app, told, "in prepare: ")

    async def test_what_is_called_on_the_stack_of_a_run_is_not_the_fault_of_its_task(self, app, told):
        def run_id(task, params):
            return f"waited {told.next_stall().wait(30)}"

        app.task(func=lambda: None, name="other", func_run_id=run_id)
        app.task(func=app.session["other"].run, name="it")
        await self.check(app, told, "in run_id: ")

    async def test_other_code_in_the_loop_of_a_program(self, app, told):
        app.task(func=lambda: None, name="it")
        async with running(app) as run:
            app.session["it"].run()
            await run.wait_ended()
            told.next_stall().wait(30)
        assert f"the scheduler itself is in {HERE}, " in told.stalls[0]

    async def check(self, app, told, where):
        async with running(app) as run:
            app.session["it"].run()
            await run.wait_ended()
            await told.wait_for_ends()
        (stall,) = told.stalls
        assert "the scheduler itself is in " in stall
        assert where in stall
        assert "what runs in its thread must not block" in stall
        assert "success" in actions(app, "it")


class TestTheOption:
    async def test_never_turns_it_off_and_a_change_counts_while_the_app_runs(self, told):
        app = App(log=None, stall_after="never")

        @app.task(execution="main")
        def report(event):
            event.wait(5)

        async with running(app) as run:
            app.session["report"].run(event=AnyTime(0.2))
            await run.wait_ended()
            assert told.stalls == []
            app.session.config.stall_after = 0.05
            app.session["report"].run(event=told.next_stall())
            await run.wait_ended(2)
        assert len(told.stalls) == 1

    def test_the_default_is_one_second(self):
        assert App().session.config.stall_after == 1.0


class AnyTime:
    def __init__(self, seconds):
        self.seconds = seconds

    def wait(self, _):
        time.sleep(self.seconds)


@contextmanager
def in_thread(app):
    """Run an app in a thread of its own, and give the thread that watches it."""
    before = set(watchdogs())
    with app.start_in_thread():
        (watchdog,) = set(watchdogs()) - before
        yield watchdog


def wake_ups(thread):
    """Return how often a thread has waited for something, so far."""
    status = Path(f"/proc/self/task/{thread.native_id}/status").read_text()
    return int(status.partition("\nvoluntary_ctxt_switches:")[2].split()[0])


def wait_until_at_rest(thread):
    """Wait until a thread has not been awake for a while."""
    count = -1
    while count != (count := wake_ups(thread)):
        time.sleep(0.2)
    return count


class TestTheThread:
    def test_it_does_not_wake_while_nothing_happens(self, app):
        app.task("daily", func=lambda: None, name="it")
        with in_thread(app) as watchdog:
            before = wait_until_at_rest(watchdog)
            time.sleep(0.5)
            assert wake_ups(watchdog) == before

    async def test_it_does_not_wake_each_time_that_the_loop_does(self, app):
        app.session.config.stall_after = 1
        async with running(app):
            (watchdog,) = watchdogs()
            before = wake_ups(watchdog)
            for _ in range(200):
                await trio.sleep(0.001)
            assert wake_ups(watchdog) - before < 20

    async def test_it_ends_with_the_runtime(self, app, told):
        @app.task(execution="main", on_shutdown=True)
        def report():
            told.next_stall().wait(30)

        async with running(app):
            (watchdog,) = watchdogs()
        assert not watchdog.is_alive()
        assert watchdogs() == []

    async def test_it_ends_when_the_runtime_is_cancelled_or_cannot_start(self, app):
        with trio.CancelScope() as scope:
            async with open_runtime(app):
                scope.cancel()
                await trio.sleep(1)
        assert watchdogs() == []

        @app.setup
        def prepare():
            raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            async with open_runtime(app):
                pass
        assert watchdogs() == []

    def test_two_runtimes_in_two_threads_have_one_each(self, told):
        both = threading.Barrier(2, timeout=30)

        def blocks():
            both.wait()
            while len(told.stalls) < 2:
                time.sleep(0.01)

        apps = [App(log=None, stall_after=0.05) for _ in "ab"]
        for app, name in zip(apps, "ab", strict=True):
            app.task(func=blocks, name=name, execution="main")
        with in_thread(apps[0]) as first, in_thread(apps[1]) as second:
            assert first is not second
            for app in apps:
                app.session.run(*app.session.tasks)
            while len(told.ends) < 2:
                time.sleep(0.01)
        assert sorted(stall.partition("task ")[2][:3] for stall in told.stalls) == ["'a'", "'b'"]

    def test_a_process_that_was_stopped_has_not_stalled(self):
        write(
            "jobs.py",
            """
            import os, signal, time
            from actors import App

            app = App(log=None, stall_after=0.4)

            @app.task(on_startup=True, execution="main")
            def stops():
                time.sleep(0.2)  # until the watchdog looks at this turn
                print("stopping", flush=True)
                os.kill(os.getpid(), signal.SIGSTOP)

            @app.task("after task 'stops'", execution="main")
            def goes_on():
                time.sleep(0.8)
                app.session.shut_down()

            app.run()
            """,
        )
        with Started("jobs.py") as program:
            program.wait_for("stopping")
            status = Path(f"/proc/{program.process.pid}/stat")
            while status.read_text().rpartition(")")[2].split()[0] != "T":
                time.sleep(0.01)
            time.sleep(1)
            program.process.send_signal(signal.SIGCONT)
            assert program.wait_ended(within=30) == 0
        assert "task 'goes_on'" in program.printed
        assert "task 'stops'" not in program.printed


class TestOtherTasks:
    async def test_their_slots_run_late_after_a_block_of_five_seconds_and_none_is_lost(self, app, autojump_clock):
        names = [f"every {seconds} s" for seconds in (4, 4.5, 5, 5.5, 6)]
        for name in names:
            app.task(name, func=lambda: None, name=name)
        app.task(func=lambda: autojump_clock.jump(5), name="blocks", execution="main")
        async with running_virtually(app) as run:
            await trio.sleep(2)
            app.session["blocks"].run()
            await run.wait_ended(2 * len(names) + 1)
        late = [round(record.late, 3) for name in names for record in records(app, name) if record.action == "success"]
        assert late == [0, 3, 0, 2.5, 0, 2, 0, 1.5, 0, 1]
        assert set(actions(app)) == {"run", "success"}
