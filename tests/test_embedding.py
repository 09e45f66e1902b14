"""An app inside a program that is about something else: on trio, on asyncio, in a thread beside anything."""

import asyncio
import gc
import logging
import os
import re
import signal
import tempfile
import threading
import time
from contextlib import asynccontextmanager, contextmanager, suppress
from contextvars import ContextVar
from pathlib import Path
from textwrap import dedent

import anyio
import pytest
import trio
from trio.testing import wait_all_tasks_blocked

import samples
from actors import App, after_success
from actors.errors import AlreadyRunning, InvalidOption, LogLocked, NotRunning, UnknownTask
from commands import Started, python, write
from helpers import actions, records
from runtime import Ended, RuntimeThread

UNHURT = Ended()


def wait_until(holds, within=30.0):
    """Wait for a state that another thread brings about."""
    deadline = time.monotonic() + within
    while not holds():
        assert time.monotonic() < deadline, "it did not come to that"
        time.sleep(0.005)


async def until(holds):
    """Wait for it without blocking an asyncio loop."""
    async with asyncio.timeout(30):
        while not holds():
            await asyncio.sleep(0.005)


def sleeper(**settings):
    """Return an app with a task that sleeps from the start on, and one that runs at the end."""
    app = App(**{"log": None, "shutdown_wait": "0.05 seconds", **settings})
    app.task(func=samples.sleeps_on_trio, name="sleeps", on_startup=True)
    app.task(func=samples.returns, name="last", on_shutdown=True, execution="main")
    return app


def sleeps(app):
    return app.session["sleeps"].is_running


def run_on_trio(work):
    return trio.run(work)


def run_on_asyncio(work):
    return asyncio.run(work())


on_both_loops = pytest.mark.parametrize("run", [run_on_trio, run_on_asyncio])


def start_and_wait(app):
    with app.start_in_thread() as handle:
        handle.wait(30)


anywhere = pytest.mark.parametrize(
    "host",
    [lambda app: trio.run(app.serve), lambda app: asyncio.run(app.serve()), start_and_wait],
    ids=["trio", "asyncio", "thread"],
)


class TestOnBothLoops:
    @on_both_loops
    def test_an_app_runs_for_as_long_as_the_block_lasts(self, run):
        app = sleeper()

        async def main():
            async with app.running() as system:
                assert system.session is app.session
                while not sleeps(app):
                    await anyio.sleep(0.005)
            assert not sleeps(app)

        run(main)
        assert (actions(app, "sleeps"), actions(app, "last")) == (["run", "terminate"], ["run", "success"])

    @on_both_loops
    def test_it_is_shut_down_from_its_handle(self, run):
        app = sleeper()

        async def main():
            async with app.running() as system:
                system.shut_down(force=True)
                assert (await system.wait_ended()).stuck == 0

        run(main)
        assert actions(app, "last") == ["terminate"]  # before it started

    @on_both_loops
    def test_its_listeners_are_told_of_runs_that_end_in_the_loops_own_thread(self, run):
        app, told = App(log=None), []
        app.task(func=samples.returns, execution="main")

        async def main():
            async with app.running() as system:
                system.on_run_ended(lambda ended: told.append((ended.action, threading.current_thread())))
                app.session["returns"].run()
                while not told:
                    await anyio.sleep(0.005)

        run(main)
        assert told == [("success", threading.main_thread())]

    @on_both_loops
    def test_what_the_block_raises_comes_out_as_it_is(self, run):
        app = sleeper()

        async def main():
            with pytest.raises(ValueError, match="mine"):
                async with app.running():
                    raise ValueError("mine")

        run(main)
        assert actions(app, "last") == ["run", "success"]

    @on_both_loops
    def test_two_apps_do_not_disturb_each_other(self, run):
        first, second = sleeper(), sleeper()

        async def main():
            async with first.running():
                async with second.running():
                    while not (sleeps(first) and sleeps(second)):
                        await anyio.sleep(0.005)
                assert sleeps(first)

        run(main)

    @on_both_loops
    def test_a_cancellation_of_anyio_shuts_it_down_in_order_and_is_waited_for(self, run):
        app = sleeper(shutdown_wait="30 seconds")
        app.task(func=samples.sleeps_for_on_trio, name="short", parameters={"seconds": 0.2}, on_startup=True)
        app.session.remove_task("sleeps")

        async def main():
            with anyio.CancelScope() as scope:
                async with app.running():
                    while not app.session["short"].is_running:
                        await anyio.sleep(0.005)
                    scope.cancel()
                    await anyio.sleep(60)
            assert scope.cancelled_caught

        run(main)
        assert (actions(app, "short"), actions(app, "last")) == (["run", "success"], ["run", "success"])

    @on_both_loops
    def test_it_is_not_hurried_by_the_end_of_the_block_when_it_ends_already(self, run):
        app = sleeper(shutdown_wait="30 seconds")
        app.task(func=samples.sleeps_for_on_trio, name="short", parameters={"seconds": 0.2}, on_startup=True)
        app.session.remove_task("sleeps")

        async def main():
            async with app.running():
                while not app.session["short"].is_running:
                    await anyio.sleep(0.005)
                app.session.shut_down()

        run(main)
        assert actions(app, "short") == ["run", "success"]


class TestAnywhere:
    @anywhere
    def test_an_app_that_ends_by_itself_ends_its_host(self, host):
        app = App(log=None, stop_when_idle=True)
        app.task(func=samples.returns, on_startup=True)
        host(app)
        assert actions(app) == ["run", "success"]

    @anywhere
    def test_a_task_shuts_it_down(self, host):
        app = App(log=None)
        app.task(func=samples.shuts_down, on_startup=True, execution="thread")
        host(app)
        assert actions(app) == ["run", "success"]

    @anywhere
    @pytest.mark.parametrize("restarting", ["replace", "recall"])
    def test_a_restart_runs_the_app_again_in_the_same_place(self, host, restarting):
        app, lives = App(log=None, stop_when_idle=True, restarting=restarting), []

        @app.task(on_startup=True, execution="main")
        def once():
            lives.append((os.getpid(), threading.current_thread()))
            if len(lives) < 3:
                app.session.restart()

        host(app)
        assert len(lives) == 3
        assert len(set(lives)) == 1

    @anywhere
    def test_what_keeps_an_app_from_starting_is_raised_as_it_is(self, host):
        app = App(log=None)
        app.task(after_success("other"), func=samples.returns)
        with pytest.raises(InvalidOption, match="no task 'other'"):
            host(app)

    @anywhere
    def test_an_app_that_could_not_start_may_be_started_again(self, host):
        first, second = sleeper(log="runs.jsonl"), App(log="runs.jsonl", stop_when_idle=True)
        with first.start_in_thread(), pytest.raises(LogLocked, match="another runtime of this process"):
            host(second)
        host(second)

    @anywhere
    def test_an_app_that_runs_already_is_not_started_twice(self, host):
        app = sleeper()
        with app.start_in_thread() as handle:
            with pytest.raises(AlreadyRunning):
                host(app)
            assert handle.is_running

    @anywhere
    def test_tasks_see_the_context_variables_of_who_started_it(self, host):
        var, app = ContextVar("var", default="none"), App(log=None, stop_when_idle=True)

        @app.task(on_startup=True)
        async def looks():
            return var.get()

        var.set("mine")
        host(app)
        assert app.session.returns["looks"] == "mine"

    @anywhere
    def test_no_signal_handler_is_touched(self, host):
        def handlers():
            return {number: signal.getsignal(number) for number in signal.valid_signals() - {signal.SIGINT}}

        before, during, app = handlers(), [], App(log=None, stop_when_idle=True)
        app.task(func=lambda: during.append(handlers()), name="looks", on_startup=True, execution="main")
        host(app)
        assert [before, before] == [*during, handlers()]

    @anywhere
    def test_a_process_task_runs_and_leaves_no_child(self, host):
        app = App(log=None, stop_when_idle=True)
        app.task(func=samples.returns, on_startup=True, execution="process")
        host(app)
        assert app.session.returns["returns"] == "result"


class TestAHundredTimes:
    """Starting and stopping leaves nothing behind, however often."""

    @pytest.fixture(autouse=True)
    def nothing_more_than_before(self, recwarn, tmp_path_factory, monkeypatch):
        temp = tmp_path_factory.mktemp("temp")
        monkeypatch.setattr(tempfile, "tempdir", str(temp))

        def left():
            gc.collect()
            handlers = {number: signal.getsignal(number) for number in signal.valid_signals()}
            return handlers, len(list(Path("/proc/self/fd").iterdir())), list(temp.iterdir())

        before, threads = left(), threading.active_count()
        yield
        assert left() == before
        assert threading.active_count() < threads + 10  # trio keeps some for a while
        assert [str(warning.message) for warning in recwarn] == []

    def app(self):
        app = App(log="runs.jsonl")
        app.task(func=samples.returns, name="works", execution="thread", on_startup=True)
        app.task(func=samples.returns_async, name="awaits", backend="asyncio", on_startup=True)
        app.task(func=samples.sleeps_for_on_trio, name="sleeps", parameters={"seconds": 0.001}, on_startup=True)
        return app

    def has_run(self, app, times):
        return all(actions(app, name) == ["run", "success"] * times for name in ("works", "awaits", "sleeps"))

    def test_on_trio(self):
        app = self.app()

        async def main():
            for _ in range(100):
                async with app.running():
                    pass
            return trio.lowlevel.current_root_task().child_nurseries

        trio.run(main)
        assert self.has_run(app, 100)

    def test_on_asyncio(self):
        app = self.app()

        async def main():
            for _ in range(100):
                async with app.running():
                    pass
            return asyncio.all_tasks() - {asyncio.current_task()}

        assert asyncio.run(main()) == set()
        assert self.has_run(app, 100)

    def test_in_a_thread(self):
        app = self.app()
        for _ in range(100):
            with app.start_in_thread():
                pass
        assert self.has_run(app, 100)

    def test_in_the_lifespan_of_a_fastapi_app_also_where_that_raises(self):
        fastapi = pytest.importorskip("fastapi")
        app = self.app()

        @asynccontextmanager
        async def lifespan(_):
            async with app.running():
                yield

        api = fastapi.FastAPI(lifespan=lifespan)

        async def main():
            for number in range(100):
                with suppress(ValueError):
                    async with api.router.lifespan_context(api):
                        if number % 2:
                            raise ValueError("mine")
            return asyncio.all_tasks() - {asyncio.current_task()}

        assert asyncio.run(main()) == set()
        assert self.has_run(app, 100)

    def test_with_processes_a_few_times(self):
        app = App(log=None)
        app.task(func=samples.returns, name="works", execution="process", on_startup=True)
        for _ in range(5):
            with app.start_in_thread():
                pass
        assert actions(app) == ["run", "success"] * 5


class TestOnTrio:
    async def test_serve_that_is_cancelled_shuts_down_in_order(self, autojump_clock):
        app = sleeper(shutdown_wait="10 seconds")
        async with trio.open_nursery() as nursery:
            nursery.start_soon(app.serve)
            await wait_all_tasks_blocked()
            assert sleeps(app)
            nursery.cancel_scope.cancel()
        assert (actions(app, "sleeps"), actions(app, "last")) == (["run", "terminate"], ["run", "success"])
        assert trio.current_time() >= 10

    async def test_serve_that_is_cancelled_while_it_starts_leaves_nothing_running(self):
        app = sleeper()
        with trio.CancelScope() as scope:
            scope.cancel()
            await app.serve()
        assert not sleeps(app)
        with pytest.raises(NotRunning):
            app.session.shut_down()

    async def test_a_cancellation_while_the_block_is_left_ends_the_app_at_once(self, autojump_clock):
        app = sleeper(shutdown_wait="1000 seconds")
        with trio.move_on_after(5) as scope:
            async with app.running():
                await wait_all_tasks_blocked()
        assert scope.cancelled_caught
        assert trio.current_time() < 10
        assert (actions(app, "sleeps"), actions(app, "last")) == (["run", "terminate"], ["terminate"])

    async def test_the_signals_of_the_host_stay_its_own(self):
        before = signal.getsignal(signal.SIGINT)
        async with sleeper().running():
            assert signal.getsignal(signal.SIGINT) is before

    async def test_a_failure_of_the_runtime_ends_the_block_and_is_raised(self):
        app = App(log=None)
        app.task(func=samples.interrupts_async, name="it")
        with pytest.RaisesGroup(KeyboardInterrupt, flatten_subgroups=True):
            async with app.running():
                app.session["it"].run()
                await trio.sleep(30)

    async def test_a_listener_that_raises_is_told_in_the_log_and_changes_nothing(self, caplog):
        app = App(log=None)
        app.task(func=samples.returns, name="it")
        ended = trio.Event()
        async with app.running() as system:
            system.on_run_ended(lambda _: 1 / 0)
            system.on_run_ended(lambda _: ended.set())
            app.session["it"].run()
            with trio.fail_after(10):
                await ended.wait()
        assert "a listener to runs raised" in caplog.text


class TestOnAsyncio:
    def test_the_loop_is_not_blocked_while_the_app_ends(self):
        app, ticks = sleeper(shutdown_wait="0.5 seconds"), []

        async def tick():
            while True:
                await asyncio.sleep(0.01)
                ticks.append(sleeps(app))

        async def main():
            ticking = asyncio.create_task(tick())
            async with app.running():
                await until(lambda: sleeps(app))
                ticks.clear()
            ticking.cancel()

        asyncio.run(main())
        assert ticks.count(True) > 5

    def test_serve_that_is_cancelled_shuts_down_in_order_and_raises(self):
        app = sleeper()

        async def main():
            serving = asyncio.create_task(app.serve())
            await until(lambda: sleeps(app))
            serving.cancel()
            with pytest.raises(asyncio.CancelledError):
                await serving
            assert serving.cancelled()

        asyncio.run(main())
        assert (actions(app, "sleeps"), actions(app, "last")) == (["run", "terminate"], ["run", "success"])

    def test_serve_that_is_cancelled_before_it_has_started_leaves_nothing_running(self):
        app = sleeper()

        async def main():
            serving = asyncio.create_task(app.serve())
            await asyncio.sleep(0)
            serving.cancel()
            with pytest.raises(asyncio.CancelledError):
                await serving

        asyncio.run(main())
        assert not sleeps(app)
        with pytest.raises(NotRunning):
            app.session.shut_down()

    @pytest.mark.parametrize("inside", [True, False], ids=["cancelled twice", "cancelled while left"])
    def test_a_cancellation_while_the_block_is_left_ends_the_app_at_once(self, inside):
        app = sleeper(shutdown_wait="1000 seconds")

        async def host():
            async with app.running():
                await until(lambda: sleeps(app))
                if inside:
                    await asyncio.sleep(1000)

        async def main():
            hosting = asyncio.create_task(host())
            await until(lambda: sleeps(app))
            if inside:
                hosting.cancel()
            await asyncio.sleep(0.1)
            hosting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await hosting

        asyncio.run(main())
        assert (actions(app, "sleeps"), actions(app, "last")) == (["run", "terminate"], ["terminate"])

    def test_the_end_of_the_loop_ends_the_app(self):
        app, serving = sleeper(), []

        async def main():
            serving.append(asyncio.create_task(app.serve()))
            await until(lambda: sleeps(app))

        asyncio.run(main())
        assert serving[0].cancelled()
        assert actions(app, "last") == ["run", "success"]

    def test_waiting_for_its_end_may_be_given_up(self):
        app = sleeper()

        async def main():
            async with app.running() as system:
                with pytest.raises(TimeoutError):
                    async with asyncio.timeout(0.05):
                        await system.wait_ended()
                await until(lambda: sleeps(app))

        asyncio.run(main())

    def test_the_session_is_controlled_from_the_loop(self):
        app = sleeper()
        app.task(func=samples.returns_it, multilaunch=True)

        async def main():
            async with app.running():
                app.session["returns_it"].run(x=5)
                await until(lambda: app.session["returns_it"].status == "success")
                app.session["sleeps"].terminate()
                await until(lambda: app.session["sleeps"].status == "terminate")
                app.session.create_task(samples.returns, "new")
                app.session["new"].run()
                await until(lambda: app.session["new"].status == "success")
                app.session["returns_it"].disabled = True
                with pytest.raises(UnknownTask):
                    app.session["other"]

        asyncio.run(main())
        assert app.session.returns["returns_it"] == 5

    def test_a_failure_of_the_runtime_is_raised_when_the_block_is_left(self, caplog):
        app = App(log=None)
        app.task(func=samples.interrupts_async, on_startup=True)

        async def main():
            async with app.running():
                await until(lambda: "the runtime has failed" in caplog.text)

        with pytest.RaisesGroup(KeyboardInterrupt, flatten_subgroups=True):
            asyncio.run(main())


class TestTheStart:
    """A start that hangs, in a hook, holds up neither the program nor its end."""

    @pytest.fixture
    def hanging(self):
        app = App(log=None, shutdown_wait="0.1 seconds")
        app.begun = threading.Event()

        @app.setup
        async def setup():
            app.begun.set()
            await trio.sleep(600)

        return app

    @on_both_loops
    def test_a_cancellation_ends_it_and_leaves_nothing_behind(self, run, hanging, caplog):
        async def main():
            with anyio.move_on_after(0.2) as scope:
                await hanging.serve()
            assert scope.cancelled_caught

        run(main)
        assert "a hook of the start did not end in time" in caplog.text
        assert "left behind" not in caplog.text
        with pytest.raises(NotRunning):
            hanging.session.shut_down()

    def test_it_is_ended_by_the_session_too(self, hanging):
        handles = []
        starting = threading.Thread(target=lambda: handles.append(hanging.start_in_thread()))
        starting.start()
        assert hanging.begun.wait(30)
        hanging.session.shut_down()
        starting.join(30)
        assert handles[0].wait(30) == Ended(hooks=1)


class TestInAThread:
    def test_a_handle_tells_whether_the_app_runs_and_how_it_ended(self):
        handle = sleeper().start_in_thread()
        assert handle.is_running
        assert handle.wait(timeout=0.01) is None
        assert handle.stop() == Ended(cut_short=("sleeps",))
        assert not handle.is_running
        assert handle.wait() == handle.stop() == Ended(cut_short=("sleeps",))

    def test_shut_down_returns_at_once_and_the_end_is_waited_for(self):
        app = sleeper(shutdown_wait="1000 seconds")
        handle = app.start_in_thread()
        wait_until(lambda: sleeps(app))
        handle.shut_down()
        assert handle.wait(timeout=0.05) is None
        handle.shut_down(force=True)
        assert handle.wait(timeout=30) == Ended(cut_short=("sleeps",))

    def test_leaving_its_block_stops_it_also_by_an_error(self):
        app = sleeper()
        with pytest.raises(ValueError, match="mine"), app.start_in_thread() as handle:
            raise ValueError("mine")
        assert not handle.is_running

    def test_of_many_threads_that_start_an_app_one_does(self):
        app, barrier, handles, refused = sleeper(), threading.Barrier(8), [], []

        def start():
            barrier.wait()
            try:
                handles.append(app.start_in_thread())
            except AlreadyRunning:
                refused.append(True)

        in_threads(8, start)
        assert (len(handles), len(refused)) == (1, 7)
        handles[0].stop()

    def test_many_threads_control_it_at_once(self):
        app = App(log=None, multilaunch=True)
        seen = []
        app.task(func=lambda x: seen.append(x), name="sees", execution="main")  # noqa: PLW0108  # append has no names
        app.task(func=samples.sleeps_on_trio, name="sleeps")

        def control():
            for number in range(50):
                app.session["sees"].run(x=number)
                app.session["sleeps"].run()
                app.session["sleeps"].terminate()

        with app.start_in_thread() as handle:
            in_threads(8, control)
            wait_until(lambda: len(seen) == 400)
            wait_until(lambda: actions(app, "sleeps").count("terminate") == 400)
            handle.shut_down()
            assert handle.wait(30) == UNHURT
        assert sorted(seen) == sorted([*range(50)] * 8)

    def test_launches_from_threads_are_not_lost_while_it_ends(self):
        app = App(log=None, multilaunch=True, execution="main")
        app.task(func=samples.returns)
        asked, enough = [0] * 4, threading.Event()

        def launch(index):
            while not enough.is_set():
                app.session["returns"].run()
                asked[index] += 1
                time.sleep(0.0005)

        threads = [threading.Thread(target=launch, args=(index,)) for index in range(4)]
        handle = app.start_in_thread()
        for thread in threads:
            thread.start()
        wait_until(lambda: min(asked) > 20)
        handle.stop()
        enough.set()
        for thread in threads:
            thread.join()
        app.session.config.stop_when_idle = True
        app.start_in_thread().wait(30)
        assert len([record for record in records(app) if record.action != "run"]) == sum(asked)

    def test_a_ctrl_c_while_it_starts_leaves_nothing_running(self, monkeypatch):
        app, begun = sleeper(), []
        begin = RuntimeThread.begin

        def interrupted(thread):
            begin(thread)
            begun.append(thread)
            raise KeyboardInterrupt

        monkeypatch.setattr(RuntimeThread, "begin", interrupted)
        with pytest.raises(KeyboardInterrupt):
            app.start_in_thread()
        assert begun[0].wait(30) is not None
        assert not sleeps(app)

    def test_a_ctrl_c_while_it_is_stopped_is_let_through_and_ends_it_at_once(self, monkeypatch):
        app = sleeper(shutdown_wait="1000 seconds")
        handle = app.start_in_thread()
        wait_until(lambda: sleeps(app))

        def interrupted(_):
            raise KeyboardInterrupt

        with monkeypatch.context() as patch:
            patch.setattr(handle, "wait", interrupted)
            with pytest.raises(KeyboardInterrupt):
                handle.stop()
        assert handle.wait(30) == Ended(cut_short=("sleeps",))

    def test_a_task_in_its_own_thread_cannot_wait_for_it(self):
        app, handles, caught = App(log=None), [], []

        @app.task(execution="main")
        def waits():
            with pytest.raises(RuntimeError, match="would wait for itself") as error:
                handles[0].stop()
            caught.append(error)

        handles.append(app.start_in_thread())
        app.session["waits"].run()
        assert handles[0].wait(30) == UNHURT
        assert len(caught) == 1

    @pytest.mark.parametrize("backend", ["trio", "asyncio"])
    def test_a_task_of_another_app_hosts_it(self, backend):
        outer, inner = App(log=None, stop_when_idle=True), App(log=None, stop_when_idle=True)
        inner.task(func=samples.returns, on_startup=True)
        outer.task(func=inner.serve, name="hosts", on_startup=True, backend=backend)
        start_and_wait(outer)
        assert (actions(outer), actions(inner)) == (["run", "success"], ["run", "success"])


def in_threads(count, function):
    """Call `function` in so many threads at once, and wait for all."""
    threads = [threading.Thread(target=function) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


@contextmanager
def stubborn(**options):
    """Give an app with a task that does not end before the block is left, and wait then for the thread it held up."""
    app, enough = App(log=None, shutdown_wait=0, **options), threading.Event()

    @app.task(on_startup=True)
    async def clings():
        with trio.CancelScope(shield=True):
            while not enough.is_set():
                await trio.sleep(0.01)

    @app.task()
    def blocks():
        enough.wait()

    try:
        yield app
    finally:
        enough.set()
        for thread in threading.enumerate():
            if thread.name == "callsheet runtime":
                thread.join()


class TestWhatDoesNotEnd:
    def test_a_thread_whose_run_ignores_its_cancellation_is_left_behind_and_the_task_named(self, caplog):
        with stubborn() as app:
            handle = app.start_in_thread()
            wait_until(lambda: app.session["clings"].is_running)
            handle.shut_down(force=True)
            assert handle.wait(30) == Ended(cut_short=("clings",), stuck=1)
            assert not handle.is_running
            with pytest.raises(AlreadyRunning):
                app.start_in_thread()
        assert re.search("task 'clings' run [0-9a-f]+: terminate .*ignores its cancellation", caplog.text)
        assert "the thread of the runtime is left behind" in caplog.text
        assert actions(app, "clings") == ["run", "terminate"]

    def test_an_asyncio_block_ends_without_it(self):
        with stubborn() as app:

            async def main():
                async with app.running() as system:
                    await until(lambda: app.session["clings"].is_running)
                    app.session.shut_down(force=True)
                    assert (await system.wait_ended()).stuck == 1

            asyncio.run(main())

    def test_it_is_not_restarted(self):
        with stubborn() as app:
            handle = app.start_in_thread()
            wait_until(lambda: app.session["clings"].is_running)
            app.session.restart()
            app.session.restart()
            assert handle.wait(30) == Ended(cut_short=("clings",), stuck=1, restart=True)

    def test_a_thread_that_a_function_blocks_is_left_behind_after_a_time_and_the_task_named(self, caplog):
        with stubborn() as app:
            handle = app.start_in_thread()
            app.session["blocks"].run()
            wait_until(lambda: app.session["blocks"].is_running)
            assert handle.stop(timeout=0.1) is None
            assert handle.is_running
        (told,) = [record for record in caplog.records if record.levelno == logging.ERROR and "left behind" in record.message]
        assert "'blocks'" in told.message

    def test_an_asyncio_block_ends_without_a_thread_that_a_function_blocks(self, caplog, monkeypatch):
        monkeypatch.setattr(RuntimeThread, "patience", 0.1)
        with stubborn() as app:

            async def main():
                async with app.running():
                    app.session["blocks"].run()
                    await until(lambda: app.session["blocks"].is_running)

            asyncio.run(main())
        assert "left behind, with runs of these tasks: 'clings', 'blocks'" in caplog.text


JOBS = """
    import asyncio, os, sys, time
    import trio
    from actors import App

    app = App(log="runs.jsonl", shutdown_wait="0.05 seconds")

    @app.task(on_startup=True)
    async def sleeps():
        await trio.sleep(60)

    @app.task(on_shutdown=True, execution="main")
    def last():
        print("last", flush=True)

    @app.task()
    def blocks():
        time.sleep(600)

    def wait_until(holds):
        while not holds():
            time.sleep(0.01)
"""


def program(text):
    """Write a program of a user beside the module with the jobs, and return its name."""
    write("jobs.py", JOBS)
    return write("main.py", "from jobs import *\n" + dedent(text))


class TestTheEndOfTheProgram:
    def test_stops_what_runs_in_a_thread(self):
        main = program("""
            handle = app.start_in_thread()
            wait_until(lambda: app.session["sleeps"].is_running)
            print("main ends")
        """)
        done = python(main)
        assert (done.stdout, done.returncode) == ("main ends\nlast\n", 0)
        end = App(log="runs.jsonl").session.get_repo().filter_by(task_name="sleeps").last()
        assert (end.action, end.reason) == ("terminate", "shutdown, as the program ends")

    def test_stops_it_also_when_an_error_ends_the_program(self):
        done = python(program("handle = app.start_in_thread()\nraise SystemExit(7)"))
        assert (done.stdout, done.returncode) == ("last\n", 7)

    def test_stops_what_a_loop_has_begun_that_was_dropped(self):
        main = program("""
            loop = asyncio.new_event_loop()
            serving = loop.create_task(app.serve())

            async def until_it_runs():
                while not app.session["sleeps"].is_running:
                    await asyncio.sleep(0.01)

            loop.run_until_complete(until_it_runs())
            loop.close()
        """)
        done = python(main)
        assert (done.stdout, done.returncode) == ("last\n", 0)

    def test_does_not_wait_again_for_what_was_given_up(self):
        main = program("""
            handle = app.start_in_thread()
            app.session["blocks"].run()
            wait_until(lambda: app.session["blocks"].is_running)
            print(handle.stop(timeout=0.1), flush=True)
        """)
        done = python(main)
        assert (done.stdout, done.returncode) == ("None\n", 0)
        assert "left behind, with runs of these tasks: 'sleeps', 'blocks'" in done.stderr

    def test_in_a_process_that_was_forked_leaves_the_app_to_the_one_that_runs_it(self):
        main = program("""
            handle = app.start_in_thread()
            wait_until(lambda: app.session["sleeps"].is_running)
            if (child := os.fork()) == 0:
                print(handle.is_running, handle.stop(), flush=True)
                sys.exit()
            os.waitpid(child, 0)
            print(handle.is_running, flush=True)
        """)
        done = python(main)
        assert (done.stdout, done.returncode) == ("False None\nTrue\nlast\n", 0)

    def test_by_ctrl_c_ends_the_app_of_an_asyncio_program_in_order(self):
        main = program("""
            async def main():
                async with app.running():
                    print("runs", flush=True)
                    await asyncio.sleep(60)

            asyncio.run(main())
        """)
        with Started(main) as started:
            started.wait_for("runs")
            started.process.send_signal(signal.SIGINT)
            assert started.wait_ended(within=30) == -signal.SIGINT
        assert "last" in started.printed


@pytest.mark.parametrize("way", ["asyncio.run(app.serve())", "trio.run(app.serve)", "app.start_in_thread().wait(30)"])
def test_process_tasks_need_no_guard_around_the_start(way):
    write(
        "jobs.py",
        f"""
        import asyncio, trio
        from actors import App

        app = App(log=None, stop_when_idle=True)

        @app.task(execution="process", on_startup=True)
        def works():
            return 1

        {way}
        print(app.session.returns["works"])
        """,
    )
    done = python("jobs.py")
    assert (done.stdout, done.stderr, done.returncode) == ("1\n", "", 0)


def test_nothing_is_loaded_of_a_loop_before_an_app_runs():
    done = python("-c", "import sys, actors; print({'trio', 'asyncio', 'anyio'} & set(sys.modules))")
    assert done.stdout == "set()\n"
