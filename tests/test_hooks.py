"""Hooks: around the start and the end of the app, the making of tasks, and each run; and callbacks of runs that failed."""

import logging
import os
from pathlib import Path

import pytest
import trio

import samples
from actors import App, TaskRunRecord
from actors.args import Arg, EnvArg, Session
from actors.errors import MissingArgument
from helpers import actions, function_of, records, running, running_virtually


def written():
    return Path("hooks.txt").read_text().splitlines()


class TestExecution:
    """They are called where the function runs, right around it."""

    async def run(self, app, mode, function="writes_itself"):
        app.task(func=function_of(mode, function), name="it", execution=mode)
        async with running(app) as run:
            app.session["it"].run()
            await run.wait_ended()

    async def test_a_generator_is_called_before_and_after(self, app, mode):
        app.session.hook_task_execute()(samples.writes_before_and_after)
        await self.run(app, mode)
        assert written() == ["hook before it", "function", "hook after it: None None"]

    async def test_it_is_told_how_the_function_failed_and_the_run_still_fails(self, app, mode):
        app.session.hook_task_execute(samples.writes_before_and_after)
        await self.run(app, mode, "writes_and_fails")
        assert written() == ["hook before it", "function", "hook after it: ValueError no"]
        assert records(app, "it")[-1].reason == "ValueError: no"

    async def test_an_async_one_is_awaited(self, app, mode):
        app.session.hook_task_execute(samples.writes_before_and_after_async)
        await self.run(app, mode)
        assert written() == ["async before it", "function", "async after it: None None"]

    async def test_plain_ones_are_called_before_where_the_function_runs(self, app, mode):
        app.session.hook_task_execute(samples.writes_plainly)
        app.session.hook_task_execute(samples.writes_plainly_async)
        await self.run(app, mode)
        plain, *rest = written()
        assert rest == ["plain async", "function"]
        assert (plain == f"plain it in {os.getpid()}") == (mode != "process")

    async def test_several_are_called_one_around_the_other(self, app, mode):
        app.params(word="of the session")
        app.session.hook_task_execute(samples.writes_before_and_after_async)
        app.session.hook_task_execute(samples.writes_before_and_after)
        await self.run(app, mode)
        word = "of the session"
        assert written() == [
            "async before it",
            f"{word} before it",
            "function",
            f"{word} after it: None None",
            "async after it: None None",
        ]

    async def test_one_that_raises_fails_the_run_before_it_begins(self, app, mode):
        app.session.hook_task_execute(samples.fails_before)
        await self.run(app, mode)
        assert records(app, "it")[-1].reason == "RuntimeError: not now"
        assert not Path("hooks.txt").exists()

    async def test_one_that_yields_twice_is_a_fail_that_says_so(self, app, mode):
        app.session.hook_task_execute(samples.yields_twice)
        await self.run(app, mode)
        assert records(app, "it")[-1].reason == "RuntimeError: the hook yields_twice yields more than once"

    async def test_they_are_called_around_commands_too(self, app):
        app.session.hook_task_execute(samples.writes_before_and_after)
        app.task(command="true", name="it")
        async with running(app) as run:
            app.session["it"].run()
            await run.wait_ended()
        assert written() == ["hook before it", "hook after it: None None"]

    async def test_one_that_is_added_while_the_app_runs_counts_from_the_next_run_on(self, app, autojump_clock):
        app.task(func=samples.writes_itself, name="it")
        async with running_virtually(app) as run:
            app.session["it"].run()
            await run.wait_ended()
            app.session.hook_task_execute(samples.writes_before_and_after)
            app.session["it"].run()
            await run.wait_ended(2)
        assert written() == ["function", "hook before it", "function", "hook after it: None None"]

    async def test_a_closure_is_not_called_in_processes_and_the_log_says_so(self, app, caplog):
        app.session.hook_task_execute(lambda task: samples.writes("closure"))
        await self.run(app, "process")
        assert written() == ["function"]
        assert "is not called in processes" in caplog.text


class TestStart:
    async def test_it_is_called_before_anything_starts_and_after_the_first_has(self, app, autojump_clock):
        said = []

        @app.setup()
        def setup(session=Session(), url=Arg("url", default=EnvArg("NOT_SET", "default"))):
            said.append(("before", session is app.session, url))
            session.create_task(lambda: said.append("task"), "late", on_startup=True)
            yield
            said.append("after")

        app.task(func=lambda: said.append("first"), name="first", on_startup=True, execution="main")
        async with running_virtually(app) as run:
            assert said[0] == ("before", True, "default")
            await run.wait_ended(2)
        assert sorted(said[1:], key=str) == ["after", "first", "task"]

    async def test_async_ones_are_awaited(self, app, autojump_clock):
        said = []

        @app.setup
        async def setup():
            await trio.sleep(1)
            said.append("before")
            yield
            await trio.sleep(1)
            said.append("after")

        async with running_virtually(app):
            assert (said, trio.current_time()) == (["before", "after"], 2)

    async def test_one_that_raises_keeps_the_app_from_starting(self, app):
        @app.setup()
        def setup():
            raise ValueError("no database")

        said = []
        app.session.hook_shutdown(lambda: said.append("end"))
        app.task(func=samples.returns, name="it", on_startup=True)
        with pytest.raises(ValueError, match="no database"):
            async with running(app):
                pass
        assert (actions(app), said) == ([], [])

    async def test_one_whose_second_part_raises_ends_the_app(self, app):
        @app.setup()
        def setup():
            yield
            raise ValueError("no database")

        with pytest.raises(ValueError, match="no database"):
            async with running(app):
                pass

    async def test_a_missing_argument_is_an_error_that_names_the_hook(self, app):
        app.setup(lambda db: None)
        with pytest.raises(MissingArgument, match="the hook <lambda>"):
            async with running(app):
                pass


class TestEnd:
    @pytest.mark.parametrize("kind", ["generator", "async generator"])
    async def test_it_is_called_when_the_end_is_asked_for_and_when_the_last_run_has_ended(self, app, autojump_clock, kind):
        said = []

        if kind == "generator":

            @app.session.hook_shutdown()
            def hook():
                said.append("before")
                yield
                said.append("after")
        else:

            @app.session.hook_shutdown()
            async def hook():
                await trio.sleep(0.1)
                said.append("before")
                yield
                await trio.sleep(0.1)
                said.append("after")

        async def works():
            await trio.sleep(2)
            said.append("run")

        app.task(func=works, on_startup=True)
        app.task(func=lambda: said.append("on_shutdown"), name="last", on_shutdown=True)
        async with running_virtually(app) as run:
            await run.wait_started("works")
        assert said == ["before", "run", "on_shutdown", "after"]

    async def test_it_comes_before_the_tasks_of_the_end_too_where_the_app_ends_by_itself(self, autojump_clock):
        app, said = App(log=None, stop_when_idle=True), []
        app.session.hook_shutdown(lambda: said.append("hook"))
        app.task(func=lambda: said.append("on_shutdown"), name="last", on_shutdown=True)
        async with running_virtually(app) as run:
            await run.system.wait_ended()
        assert said == ["hook", "on_shutdown"]

    async def test_one_that_raises_is_told_and_holds_up_nothing(self, app, caplog):
        @app.session.hook_shutdown
        def hook():
            raise ValueError("cannot say goodbye")

        async with running(app):
            pass
        assert "cannot say goodbye" in caplog.text

    async def test_one_that_does_not_end_is_cancelled(self, app, caplog, autojump_clock):
        @app.session.hook_shutdown
        async def hook():
            await trio.sleep_forever()

        async with running_virtually(app):
            pass
        assert "a hook of the end did not end in time, and was cancelled" in caplog.text

    async def test_it_is_called_too_where_the_program_is_cancelled(self, app):
        said = []
        app.session.hook_shutdown(lambda: said.append("end"))
        with trio.CancelScope() as scope:
            async with running(app):
                scope.cancel()
                await trio.sleep_forever()
        assert said == ["end"]


class TestTaskInit:
    def test_it_gets_each_new_task_before_it_is_in_the_session_and_after(self, app):
        said = []

        @app.session.hook_task_init()
        def hook(task):
            task.timeout = "1 minute"
            said.append((task.name, "it" in app.session))
            yield
            said.append((task.name, "it" in app.session))

        app.task(func=samples.returns, name="it")
        assert said == [("it", False), ("it", True)]
        assert app.session["it"].timeout == 60

    def test_one_that_raises_keeps_the_task_out(self, app):
        @app.session.hook_task_init
        def hook(task):
            raise ValueError("not that one")

        with pytest.raises(ValueError, match="not that one"):
            app.task(func=samples.returns, name="it")
        assert "it" not in app.session

    def test_an_async_one_is_refused(self, app):
        with pytest.raises(TypeError, match="cannot be async"):
            app.session.hook_task_init(samples.writes_plainly_async)

    def test_what_is_no_function_is_refused(self, app):
        with pytest.raises(TypeError, match="a hook is a function"):
            app.session.hook_startup("name")


class TestOnFail:
    @pytest.mark.parametrize("where", ["task", "app"])
    async def test_it_gets_the_record_of_a_run_that_failed(self, app, mode, where):
        told, done = [], trio.Event()

        async def tell(record):
            told.append(record)
            done.set()

        if where == "app":
            app.on_fail(tell)
        app.task(func=function_of(mode, "writes_and_fails"), name="it", execution=mode, on_fail=tell if where == "task" else None)
        async with running(app):
            app.session["it"].run()
            with trio.fail_after(20):
                await done.wait()
        (record,) = told
        assert isinstance(record, TaskRunRecord)
        assert (record.task_name, record.action, record.reason) == ("it", "fail", "ValueError: no")
        assert record == records(app, "it")[-1]

    async def test_a_plain_one_is_called_in_a_thread_and_may_control_the_session(self, app):
        threads = []

        def tell(record, session=Session()):
            threads.append(trio.lowlevel.in_trio_run())
            session["other"].run(x=record.reason)

        app.task(func=samples.raises, name="it", on_fail=tell)
        app.task(func=samples.returns_it, name="other")
        async with running(app) as run:
            app.session["it"].run()
            await run.wait_ended(2)
        assert threads == [False]
        assert app.session.returns["other"] == "ValueError: no"

    async def test_only_the_last_attempt_counts(self, app, autojump_clock):
        told = []

        async def tell(record):
            told.append(record.attempt)

        app.task(func=samples.raises, name="it", retries=2, on_fail=tell)
        async with running_virtually(app) as run:
            app.session["it"].run()
            await run.wait_ended()
            await trio.testing.wait_all_tasks_blocked()
        assert told == [3]

    async def test_a_run_that_took_too_long_is_told_too(self, app, autojump_clock):
        told = []

        @app.on_fail
        async def tell(record):
            told.append((record.action, record.reason))

        app.task(func=samples.sleeps_on_trio, name="it", on_startup=True, timeout=1)
        async with running_virtually(app) as run:
            await run.wait_ended()
            await trio.testing.wait_all_tasks_blocked()
        assert told == [("terminate", "timeout: it took longer than 1 second")]

    async def test_neither_success_nor_termination_is_told(self, app, autojump_clock):
        told = []
        app.on_fail(told.append)
        app.task(func=samples.returns, name="a", on_startup=True)
        app.task(func=samples.sleeps_on_trio, name="b", on_startup=True)
        async with running_virtually(app) as run:
            await run.wait_started("b")
            app.session["b"].terminate()
            await run.wait_ended(2)
        assert told == []

    async def test_one_that_raises_is_told_in_the_log(self, app, caplog):
        caplog.set_level(logging.ERROR)
        app.task(func=samples.raises, name="it", on_fail=lambda record: 1 / 0)
        async with running(app) as run:
            app.session["it"].run()
            await run.wait_ended()
        assert "on_fail of task 'it' raised" in caplog.text
        assert "ZeroDivisionError" in caplog.text
