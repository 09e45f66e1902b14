"""``durability="power"``: a run begins, and its end is seen, only when its record would outlive a loss of power."""

import errno
import os
import threading
import time
from contextlib import asynccontextmanager, contextmanager

import pytest
import trio

import samples
from actors import App, after_success
from actors.errors import LogFailed
from helpers import records, running
from runtime.runlog.group_commit import LONGEST, GroupCommit
from runtime.runlog.memory_log import MemoryLog


class Gated(MemoryLog):
    """A log whose syncs wait while its gate is shut, and are noted."""

    def __init__(self):
        super().__init__()
        self._open = threading.Event()
        self._open.set()
        self.begun = []
        """How many documents there were when each sync began."""
        self.confirmed = 0
        """How many would outlive a loss of power."""
        self.error = None
        self.most_at_once = self._at_once = 0

    def sync(self):
        count = len(list(self.documents()))
        self.begun.append(count)
        self._at_once += 1
        self.most_at_once = max(self.most_at_once, self._at_once)
        self._open.wait()
        self._at_once -= 1
        if self.error is not None:
            raise self.error
        self.confirmed = max(self.confirmed, count)

    @contextmanager
    def shut(self):
        """Have syncs that begin in the block wait for its end."""
        self._open.clear()
        try:
            yield
        finally:
            self._open.set()

    def open_gate(self):
        self._open.set()


@pytest.fixture
def app():
    """An app that wants it."""
    return App(log=None, durability="power")


@pytest.fixture
def log(app):
    app.session.get_repo().log = log = Gated()
    yield log
    log.open_gate()


async def until(is_so):
    with trio.fail_after(20):
        while not is_so():
            await trio.sleep(0.005)


async def run_once(app):
    """Run the app until it ends, and its task once."""
    async with running(app) as run:
        app.session["it"].run()
        await run.wait_over()


def disk_error():
    return OSError(errno.EIO, os.strerror(errno.EIO))


class TestAStart:
    async def test_the_function_does_not_begin_before_its_record_was_synced(self, app, log):
        called = []
        app.task(func=lambda: called.append(log.confirmed), name="it", execution="main")
        async with running(app) as run:
            with log.shut():
                app.session["it"].run()
                await until(lambda: log.begun)
                await trio.sleep(0.05)
                assert [record.action for record in records(app)] == ["run"]
                assert called == []
            await run.wait_ended()
        assert called == [1]

    async def test_nor_by_a_sync_that_began_before_its_record(self, app, log):
        called = {}
        for name in ("first", "second"):
            app.task(func=lambda name=name: called.update({name: log.confirmed}), name=name, execution="main")
        async with running(app) as run:
            with log.shut():
                app.session["first"].run()
                await until(lambda: log.begun == [1])
                app.session["second"].run()
                await until(lambda: len(records(app)) == 2)
            await run.wait_ended(2)
        assert called["second"] >= 2

    async def test_each_mode_waits(self, app, log, mode):
        app.task(func=samples.returns, name="it", execution=mode)
        async with running(app) as run:
            app.session["it"].run()
            assert await run.wait_ended() == ["success"]
        assert log.begun[:2] == [1, 3 if mode == "process" else 2]  # which process it is comes in between

    async def test_what_ends_it_while_it_waits_does_not_wait_for_the_disk_to_call_it(self, app, log):
        called = []
        app.task(func=lambda: called.append(1), name="it", execution="main")
        async with running(app) as run:
            with log.shut():
                app.session["it"].run()
                await until(lambda: log.begun)
                app.session["it"].terminate()
                await until(lambda: len(records(app)) == 2)
            assert await run.wait_ended() == ["terminate"]
        assert called == []


class TestAnEnd:
    async def test_nobody_sees_it_before_its_record_was_synced(self, app, log):
        ends, may_end, is_called = [], trio.Event(), trio.Event()

        @app.task(name="it", execution="async")
        async def it():
            is_called.set()
            await may_end.wait()
            return "value"

        app.task(after_success("it"), func=lambda: None, name="next", execution="main")
        async with running(app) as run:
            run.system.on_run_ended(lambda ended: ends.append((ended.launch.task, log.confirmed)))
            app.session["it"].run()
            await is_called.wait()
            with log.shut():
                may_end.set()
                await until(lambda: len(log.begun) == 2)
                await trio.sleep(0.05)
                assert [record.action for record in records(app)] == ["run", "success"]
                assert app.session["it"].status == "run"
                assert app.session["it"].is_running
                assert "it" not in app.session.returns
                assert ends == []
            await run.wait_ended(2)
            assert app.session["it"].status == "success"
            assert app.session.returns["it"] == "value"
        assert ends[0] == ("it", 2)
        assert [record.task_name for record in records(app)] == ["it", "it", "next", "next"]

    async def test_ends_are_seen_in_their_order(self, app, log):
        ends = []
        for name in "abc":
            app.task(func=lambda: None, name=name, execution="main")
        async with running(app) as run:
            run.system.on_run_ended(lambda ended: ends.append(ended.launch.task))
            app.session.run("a", "b", "c")
            await run.wait_ended(3)
        assert ends == [record.task_name for record in records(app) if record.action == "success"]


class TestTheDisk:
    async def test_one_sync_serves_all_who_wait(self, app, log):
        async def nothing(): ...

        for name in ("first", *(f"task {number}" for number in range(30))):
            app.task(func=nothing, name=name, execution="async")
        async with running(app) as run:
            with log.shut():
                app.session["first"].run()
                await until(lambda: log.begun)
                app.session.run(*(f"task {number}" for number in range(30)))
                await until(lambda: len(records(app)) == 31)
            await run.wait_ended(31)
        assert len(log.begun) < 20
        assert log.most_at_once == 1

    async def test_the_loop_goes_on_meanwhile(self, app, log):
        turns = []
        app.task(func=lambda: None, name="it", execution="main")
        async with running(app) as run:
            with log.shut():
                app.session["it"].run()
                await until(lambda: log.begun)
                for turn in range(100):
                    await trio.sleep(0)
                    turns.append(turn)
            await run.wait_ended()
        assert len(turns) == 100

    async def test_one_that_fails_is_told_and_the_app_goes_on(self, app, log, caplog):
        app.task(func=lambda: None, name="it", execution="main")
        log.error = disk_error()
        told = "the disk does not confirm what is written to the run log ([Errno 5] Input/output error)"
        async with running(app) as run:
            app.session["it"].run()
            assert await run.wait_ended() == ["success"]
            assert app.session.health.problems == (told,)
            log.error = None
            app.session["it"].run()
            await run.wait_ended(2)
            assert app.session.health.is_ok
        assert sum("does not confirm" in record.getMessage() for record in caplog.records) == 1

    async def test_one_that_hangs_is_not_waited_for_for_ever(self, app, log, autojump_clock):
        app.task(func=lambda: None, name="it", execution="main")
        async with running(app) as run:
            with log.shut():
                app.session["it"].run()
                assert await run.wait_ended() == ["success"]
                assert any("the disk has not answered for 5 s" in problem for problem in app.session.health.problems)
                assert trio.current_time() <= 4 * LONGEST

    async def test_one_that_hangs_holds_no_more_than_one_thread(self, app, log, autojump_clock):
        app.task(func=lambda: None, name="it", execution="main")
        async with running(app) as run:
            with log.shut():
                for number in range(1, 5):
                    app.session["it"].run()
                    await run.wait_ended(number)
                while not log.begun:  # time has jumped, but threads need theirs
                    time.sleep(0.01)
                assert len(log.begun) == 1

    async def test_one_that_hangs_when_all_ends_does_not_hold_up_the_end(self, app, log):
        app.task(func=lambda: None, name="it", execution="main")
        async with running(app) as run:
            app.session["it"].run()
            await run.wait_ended()
            log._open.clear()

    async def test_that_hangs_ends_an_app_that_wants_to_halt_and_calls_nothing(self, log, app, autojump_clock):
        log._open.clear()
        await self.check_halt(app, "has not answered")

    async def test_that_fails_ends_an_app_that_wants_to_halt_and_calls_nothing(self, log, app):
        log.error = disk_error()
        await self.check_halt(app, "Input/output error")

    async def check_halt(self, app, words):
        called = []
        app.session.config.on_log_failure = "halt"
        app.task(func=lambda: called.append(1), name="it", execution="main")
        with pytest.raises(LogFailed, match=words):
            await run_once(app)
        assert called == []
        assert [record.action for record in records(app)] == ["run", "terminate"]
        assert records(app)[-1].cause == "log"

    async def test_an_app_that_does_not_want_it_syncs_nothing(self, log):
        app = App(log=None)
        app.session.get_repo().log = log
        app.task(func=lambda: None, name="it", execution="main")
        async with running(app) as run:
            app.session["it"].run()
            await run.wait_ended()
        assert log.begun == []


@asynccontextmanager
async def served(commit):
    """Have it served for as long as the block lasts."""
    async with trio.open_nursery() as nursery:
        nursery.start_soon(commit.serve)
        yield
        nursery.cancel_scope.cancel()


class TestGroupCommit:
    async def test_those_are_told_in_the_order_of_asking(self):
        told, commit = [], GroupCommit(lambda: None, lambda _: None)
        for number in range(5):
            commit.when_done(lambda number=number: told.append(number))
        async with served(commit):
            await commit.done()
        assert told == [0, 1, 2, 3, 4]

    async def test_after_one_that_raises_the_others_are_told_by_the_next_life(self):
        told, commit = [], GroupCommit(lambda: None, lambda _: None)
        commit.when_done(lambda: 1 / 0)
        commit.when_done(lambda: told.append(1))
        with pytest.raises(ZeroDivisionError):
            await commit.serve()
        async with served(commit):
            await until(lambda: told)

    async def test_who_is_told_may_ask_again(self):
        told, commit = [], GroupCommit(lambda: None, lambda _: None)
        commit.when_done(lambda: commit.when_done(lambda: told.append(1)))
        async with served(commit):
            await until(lambda: told)
