"""What somebody who writes such a scheduler anew gets wrong, each in all four modes."""

import logging

import pytest
import trio

import samples
from actors import every, succeeded
from actors.args import Arg, FuncArg, Private, Return
from helpers import actions, function_of, records, running


class Raises(logging.Handler):
    def emit(self, record):
        raise RuntimeError("this handler is broken")


class TestNothingEndsTheScheduler:
    """Neither conditions nor arguments, parameters, results and handlers that raise."""

    @pytest.mark.parametrize("option", ["start_cond", "end_cond"])
    async def test_a_condition_that_raises(self, app, mode, option):
        @app.cond()
        def broken():
            raise ValueError("no")

        app.task(func=function_of(mode, "returns"), name="it", execution=mode, **{option: broken})
        app.task(func=function_of(mode, "returns"), name="other", execution=mode)
        async with running(app) as run:
            app.session["it"].run()
            app.session["other"].run()
            assert await run.wait_ended(2) == ["success", "success"]

    async def test_a_shut_cond_that_raises(self, app, mode):
        @app.cond()
        def broken():
            raise ValueError("no")

        app.session.config.shut_cond = broken
        app.task(func=function_of(mode, "returns"), name="it", execution=mode)
        async with running(app) as run:
            app.session["it"].run()
            assert await run.wait_ended() == ["success"]
        assert "error" in actions(app)

    async def test_an_argument_that_raises(self, app, mode):
        app.task(func=function_of(mode, "takes"), name="it", execution=mode)
        async with running(app) as run:
            app.session["it"].run(argument=FuncArg(samples.raises))
            app.session["it"].run(argument=1)
            assert await run.wait_ended(2) == ["fail", "success"]

    async def test_a_result_that_cannot_be_sent(self, app, mode):
        async def returns_unpicklable():
            return lambda: None

        function = returns_unpicklable if mode == "async" else samples.returns_unpicklable
        app.task(func=function, name="it", execution=mode)
        async with running(app) as run:
            app.session["it"].run()
            app.session["it"].run()
            assert await run.wait_ended(2) == ["fail" if mode == "process" else "success"] * 2

    async def test_a_handler_of_the_loggers(self, app, mode, capsys):
        logger, handler = logging.getLogger("callsheet"), Raises()
        logger.addHandler(handler)
        try:
            app.task(func=function_of(mode, "raises"), name="it", execution=mode)
            async with running(app) as run:
                app.session["it"].run()
                assert await run.wait_ended() == ["fail"]
        finally:
            logger.removeHandler(handler)
        assert "this handler is broken" in capsys.readouterr().err

    async def test_a_process_that_is_gone(self, app):
        app.task(func=samples.quits, name="it", execution="process")
        async with running(app) as run:
            app.session["it"].run()
            assert await run.wait_ended() == ["fail"]


class TestArgumentsThatFail:
    """One fail record in all modes, and only that; what depends on the task goes on."""

    async def test_they_are_one_fail(self, app, mode):
        app.task(func=function_of(mode, "takes"), name="it", execution=mode, parameters={"argument": Arg("nothing")})
        async with running(app) as run:
            app.session["it"].run()
            await run.wait_ended()
        assert actions(app, "it") == ["run", "fail"]
        assert app.session["it"].status == "fail"
        assert app.session["it"].n_alive == 0


class TestPriorities:
    async def test_equal_ones_go_in_the_order_of_definition_and_higher_ones_first(self, app, mode):
        app.session.config.max_process_count = app.session.config.max_thread_count = 1
        for name, priority in [("a", 0), ("b", 2), ("c", 0), ("d", 2), ("e", 1), ("f", 0)]:
            app.task(True, func=function_of(mode, "returns"), name=name, execution=mode, priority=priority)
            app.session[name].start_cond = ~succeeded(name)
        async with running(app) as run:
            await run.wait_ended(6)
        assert [record.task_name for record in records(app) if record.action == "run"] == ["b", "d", "e", "a", "c", "f"]


class TestLaunches:
    """What is asked for waits in its order, is not stopped by conditions, and is used up by its start."""

    async def test_they_go_in_their_order_one_at_a_time(self, app, mode):
        app.task(
            func=function_of(mode, "returns"), name="it", execution=mode, func_run_id=lambda task, params: str(params["value"])
        )
        async with running(app) as run:
            for number in range(5):
                app.session["it"].run(value=number)
            await run.wait_ended(5)
        expected = [(str(number), action) for number in range(5) for action in ("run", "success")]
        assert [(record.run_id, record.action) for record in records(app, "it")] == expected

    @pytest.mark.parametrize("options", [{}, {"disabled": True}, {"start_cond": "false"}, {"start_cond": every("10 hours")}])
    async def test_they_start_whatever_the_condition_says(self, app, mode, options):
        app.task(func=function_of(mode, "returns"), name="it", execution=mode, **options)
        async with running(app) as run:
            app.session["it"].run(value="asked")
            await run.wait_ended(2 if "every" in str(options) else 1)
        assert actions(app, "it").count("success") >= 1

    async def test_one_whose_arguments_fail_is_used_up(self, app, mode):
        app.task(func=function_of(mode, "takes"), name="it", execution=mode)
        async with running(app) as run:
            app.session["it"].run()
            await run.wait_ended()
            await trio.testing.wait_all_tasks_blocked()
            assert app.session["it"].waits_for is None
        assert actions(app, "it") == ["run", "fail"]

    async def test_named_parameters_come_over_those_of_a_mapping(self, app, mode):
        app.task(func=function_of(mode, "returns"), name="it", execution=mode)
        async with running(app) as run:
            app.session["it"].run({"value": 2}, value=3)
            await run.wait_ended(1)
            assert app.session.returns["it"] == 3
            app.session["it"].run({"value": 2})
            await run.wait_ended(2)
        assert app.session.returns["it"] == 2


class TestNames:
    async def test_a_parameter_of_the_session_comes_over_a_plain_default_but_not_over_an_argument(self, app, mode):
        app.params(word="of the session", argument="of the session")
        app.task(func=function_of(mode, "takes_word"), name="plain", execution=mode)
        app.task(func=function_of(mode, "takes_decorated"), name="argument", execution=mode)
        async with running(app) as run:
            app.session.run("plain", "argument")
            await run.wait_ended(2)
        assert app.session.returns["plain"] == "of the session"
        assert app.session.returns["argument"] != "of the session"

    async def test_a_private_value_is_what_it_is_only_in_the_function(self, app, mode, caplog):
        caplog.set_level("DEBUG")
        app.task(func=function_of(mode, "takes"), name="it", execution=mode)
        async with running(app) as run:
            app.session["it"].run(argument=Private("secret"))
            await run.wait_ended()
        assert app.session.returns["it"] == "secret"
        assert "secret" not in caplog.text
        assert not any("secret" in str(record) for record in records(app))


class TestReturns:
    async def test_they_are_kept_by_name(self, app, mode):
        app.task(func=function_of(mode, "returns"), name="it", execution=mode)
        app.task(func=function_of(mode, "takes"), name="other", execution=mode, parameters={"argument": Return("it")})
        async with running(app) as run:
            app.session["it"].run(value="kept")
            await run.wait_ended()
            task = app.session["it"]
            assert app.session.returns["it"] == app.session.returns[task] == app.session.returns[task.func] == "kept"
            app.session["other"].run()
            await run.wait_ended(2)
        assert app.session.returns["other"] == "kept"


class TestStartupTasks:
    async def test_one_with_a_condition_runs_at_the_start_and_by_that_afterwards(self, app, mode):
        app.task(every("0.2 s"), func=function_of(mode, "returns"), name="it", execution=mode, on_startup=True)
        async with running(app) as run:
            await run.wait_ended(3)
        assert set(actions(app, "it")) - {"missed"} == {"run", "success"}
