"""Arguments value themselves when a run starts, alike in all modes."""

import os
import sys
import threading

import pytest

import samples
from actors import App, Argument
from actors.args import (
    Arg,
    CliArg,
    Config,
    EnvArg,
    FuncArg,
    Private,
    Return,
    SimpleArg,
    argument,
)
from actors.args import Session as SessionArg
from actors.args import Task as TaskArg
from actors.errors import InvalidOption, UnportableParameter
from helpers import MODES, function_of, records, running


async def outcome(app, name="it", count=1, **params):
    """Run a task once, and return what it returned, or the reason why it did not."""
    async with running(app) as run:
        app.session[name].run(**params)
        await run.wait_ended(count)
    end = records(app, name)[-1]
    return app.session.returns[name] if end.action == "success" else end.reason


async def value_of(argument, mode, **options):
    """Return what `argument` becomes in a task of that mode."""
    app = App(log=None, **options)
    app.params(word="of the session", other=SimpleArg("valued"))
    app.task(func=function_of(mode, "takes"), name="it", execution=mode, parameters={"argument": argument})
    return await outcome(app)


class TestBuiltin:
    async def test_a_simple_argument_is_its_value(self, mode):
        assert await value_of(SimpleArg({"a": 1}), mode) == {"a": 1}

    async def test_a_private_one_is_too_but_is_not_shown(self, mode):
        assert await value_of(Private("secret"), mode) == "secret"
        assert "secret" not in f"{Private('secret')!r} {[Private('secret')]}"

    async def test_a_parameter_of_the_session_is_found_by_name(self, mode):
        assert await value_of(Arg("word"), mode) == "of the session"

    async def test_a_parameter_that_is_an_argument_is_valued(self, mode):
        assert await value_of(Arg("other"), mode) == "valued"

    async def test_a_default_stands_in_for_what_is_missing(self, mode):
        assert await value_of(Arg("nothing", default=EnvArg("NOT_SET", "default")), mode) == "default"

    async def test_a_variable_of_the_environment(self, mode, monkeypatch):
        monkeypatch.setenv("CALLSHEET_WORD", "from outside")
        assert await value_of(EnvArg("CALLSHEET_WORD"), mode) == "from outside"

    @pytest.mark.parametrize("argv", [["x", "--date", "2026-01-31"], ["x", "run", "--", "--date=2026-01-31"]])
    async def test_an_option_of_the_command_line(self, mode, monkeypatch, argv):
        monkeypatch.setattr(sys, "argv", argv)
        assert await value_of(CliArg("--date"), mode) == "2026-01-31"

    @pytest.mark.parametrize("argv", [["x"], ["x", "--date"], ["x", "2026-01-31"]])
    async def test_an_option_that_the_command_line_lacks_has_its_default(self, mode, monkeypatch, argv):
        monkeypatch.setattr(sys, "argv", argv)
        assert await value_of(CliArg("--date", "today"), mode) == "today"

    async def test_what_a_function_returns(self, mode):
        assert await value_of(FuncArg(samples.joined, "a", Arg("word"), last=SimpleArg("b")), mode) == "a of the session b"

    async def test_a_function_made_an_argument_by_decorator(self, mode):
        app = App(log=None)
        app.task(func=function_of(mode, "takes_decorated"), name="it", execution=mode)
        word, _, pid = (await outcome(app)).partition(", ")
        assert (word, int(pid) != os.getpid()) == ("no word", mode == "process")

    async def test_a_class_of_the_users(self, mode):
        assert await value_of(samples.Doubled(3), mode) == ("it", 6)

    async def test_an_argument_gets_by_name_what_it_takes(self, mode):
        app = App(log=None, func_run_id=lambda task, params: "my run")
        app.task(func=function_of(mode, "takes"), name="it", execution=mode, parameters={"argument": samples.OfTheRun()})
        assert await outcome(app) == "my run"


class TestOfTheRuntime:
    @pytest.mark.parametrize("mode", MODES[:3])
    async def test_session_task_and_config_are_the_ones_that_run(self, mode):
        app = App(log=None)

        def look(session=SessionArg(), task=TaskArg(), other=TaskArg("other"), config=Config()):
            return session is app.session, task.name, other.name, config is app.session.config

        app.task(func=look, name="it", execution=mode)
        app.task(func=samples.returns, name="other")
        assert await outcome(app) == (True, "it", "other", True)

    async def test_in_a_process_they_are_stand_ins_that_say_the_same(self):
        app = App(log=None)
        app.task(func=samples.changes_options, name="it", execution="process")
        app.task(func=samples.returns, name="other")
        assert await outcome(app) == ("every 2 hours", True, 3)
        assert str(app.session["other"].start_cond) == "every 2 hours"
        assert (app.session["other"].disabled, app.session.config.max_process_count) == (True, 3)
        assert app.session.parameters["word"] == "said inside"

    async def test_loggers_are_the_standard_ones_and_name_task_and_run(self, mode, caplog):
        caplog.set_level("INFO", "callsheet")
        app = App(log=None, func_run_id=lambda task, params: "my run")
        app.task(func=samples.logs, name="it", execution=mode)
        await outcome(app)
        said = [(r.name, r.levelname, r.getMessage(), r.task_name, r.run_id) for r in caplog.records if hasattr(r, "task_name")]
        assert said == [
            ("callsheet.task", "INFO", "said inside", "it", "my run"),
            ("callsheet.runtime", "WARNING", "of the scheduler", "it", "my run"),
        ]


class TestFallback:
    async def test_the_first_that_has_a_value_is_taken(self, mode):
        assert await value_of(EnvArg("NOT_SET") >> Arg("nothing") >> Arg("word") >> "last", mode) == "of the session"

    async def test_a_plain_value_ends_the_chain(self, mode):
        assert await value_of(EnvArg("NOT_SET") >> "last", mode) == "last"

    async def test_a_function_that_raises_a_key_error_passes_on(self, mode):
        assert await value_of(FuncArg(samples.needs_key) >> Arg("word"), mode) == "of the session"

    async def test_without_any_the_last_one_says_what_is_missing(self, mode):
        reason = await value_of(EnvArg("NOT_SET") >> Arg("wrod"), mode)
        assert "the session has no parameter 'wrod' Did you mean 'word'?" in reason

    def test_it_is_shown_as_it_is_written(self):
        assert repr(Arg("a") >> EnvArg("B") >> 3) == "Arg('a') >> EnvArg('B') >> 3"


class TestLevels:
    """The launch over the task over the function's own arguments over the session over plain defaults."""

    def app(self, mode, **options):
        app = App(log=None)
        app.task(func=function_of(mode, "takes_word"), name="it", execution=mode, **options)
        return app

    async def test_a_plain_default_is_what_is_left(self, mode):
        assert await outcome(self.app(mode)) == "by default"

    async def test_the_session_comes_over_a_plain_default(self, mode):
        app = self.app(mode)
        app.params(word="session", unused=1)
        assert await outcome(app) == "session"

    async def test_an_argument_of_the_function_comes_over_the_session(self, mode):
        app = App(log=None)
        app.params(argument="session")
        app.task(func=function_of(mode, "takes_decorated"), name="it", execution=mode)
        assert (await outcome(app)).startswith("no word")

    async def test_the_task_comes_over_the_session(self, mode):
        app = self.app(mode, parameters={"word": "task"})
        app.params(word="session")
        assert await outcome(app) == "task"

    async def test_the_launch_comes_over_the_task(self, mode):
        app = self.app(mode, parameters={"word": "task"})
        assert await outcome(app, word="launch") == "launch"

    async def test_arguments_may_be_given_at_each_level(self, mode):
        app = self.app(mode)
        app.params(source="found")
        assert await outcome(app, word=Arg("source")) == "found"

    async def test_a_changed_parameter_counts_from_the_next_run_on(self, mode):
        app = self.app(mode)
        async with running(app) as run:
            for count, word in enumerate(["one", "two"], 1):
                app.params(word=word)
                app.session["it"].run()
                await run.wait_ended(count)
                assert app.session.returns["it"] == word
            del app.session.parameters["word"]
            app.session["it"].run()
            await run.wait_ended(3)
        assert app.session.returns["it"] == "by default"

    def test_a_decorated_parameter_is_one_that_is_found_anew_for_each_run(self):
        app = App(log=None)

        @app.param()
        def word():
            return "found"

        assert word() == "found"
        assert repr(app.session.parameters) == "Parameters({'word': FuncArg(word)})"

    async def test_it_can_be_referred_to_by_its_function(self):
        app = App(log=None)
        found = iter(["first", "second"])

        @app.param("under this name")
        def word():
            return next(found)

        app.task(func=samples.takes, name="it", parameters={"argument": Arg(word)})
        assert await outcome(app) == "first"

    @pytest.mark.parametrize("name", [1, None])
    def test_names_are_texts(self, name):
        with pytest.raises(TypeError, match="texts"):
            App(log=None).session.parameters[name] = 1


class TestPlace:
    """``pre`` is in the scheduler, ``post`` where the function runs."""

    @pytest.mark.parametrize(("materialize", "setting"), [("pre", "post"), (None, "pre")])
    async def test_pre_calls_it_in_the_scheduler(self, mode, materialize, setting):
        found = await value_of(FuncArg(samples.process_and_thread, materialize=materialize), mode, param_materialize=setting)
        assert found == (os.getpid(), threading.get_ident())

    @pytest.mark.parametrize(("materialize", "setting"), [("post", "pre"), (None, "post")])
    async def test_post_calls_it_where_the_task_runs(self, mode, materialize, setting):
        pid, thread = await value_of(
            FuncArg(samples.process_and_thread, materialize=materialize), mode, param_materialize=setting
        )
        assert (pid != os.getpid()) == (mode == "process")
        assert (thread != threading.get_ident()) == (mode in ("thread", "process"))

    async def test_what_only_the_scheduler_knows_reaches_a_function_in_a_process(self):
        argument = FuncArg(samples.joined, Arg("word"), last=EnvArg("NOT_SET") >> "end", materialize="post")
        assert await value_of(argument, "process") == "of the session end"


class TestMissing:
    @pytest.fixture(autouse=True, params=[["x"], ["x", "--other"]], ids=["no words", "a word"])
    def argv(self, request, monkeypatch):
        monkeypatch.setattr(sys, "argv", request.param)

    @pytest.mark.parametrize(
        ("missing", "said"),
        [
            (Arg("wrod"), "the session has no parameter 'wrod' Did you mean 'word'?"),
            (EnvArg("NOT_SET"), "the environment variable NOT_SET is not set"),
            (CliArg("--nothing"), "the command line has no --nothing with a value"),
            (Return("it"), "task 'it' has returned nothing yet"),
        ],
    )
    async def test_a_missing_value_is_a_fail_that_names_argument_task_and_what_there_is(self, mode, missing, said):
        reason = await value_of(missing, mode)
        assert reason.startswith("MissingArgument: task 'it' needs the argument 'argument': ")
        assert said in reason
        assert "Available: " in reason

    async def test_a_parameter_nobody_gives_is_one_too_and_the_next_launch_works(self, mode):
        app = App(log=None)
        app.task(func=function_of(mode, "takes"), name="it", execution=mode)
        async with running(app) as run:
            app.session["it"].run()
            app.session["it"].run(argument="given")
            assert await run.wait_ended(2) == ["fail", "success"]
        reason = records(app, "it")[1].reason
        assert "task 'it' needs the argument 'argument': neither the launch nor the task nor the app provides it" in reason

    async def test_what_an_argument_raises_fails_the_run_and_names_it(self, mode):
        reason = await value_of(FuncArg(samples.raises_no_word), mode)
        assert reason == "LookupError: no word"

    async def test_the_record_says_of_which_argument(self, mode):
        app = App(log=None)
        app.task(
            func=function_of(mode, "takes"), name="it", execution=mode, parameters={"argument": FuncArg(samples.raises_no_word)}
        )
        await outcome(app)
        assert "while finding the argument 'argument' of task 'it'" in records(app, "it")[-1].exc_text

    def test_a_return_of_a_task_that_is_not_there_is_an_error_at_the_start(self):
        app = App(log=None)
        app.task(func=samples.takes, name="it", parameters={"argument": EnvArg("A") >> Return("fetsh")})
        app.task(func=samples.returns, name="fetch")
        with pytest.raises(InvalidOption, match="no task 'fetsh'"):
            app.run()


class TestDeclaration:
    def test_a_function_that_is_async_is_refused(self):
        with pytest.raises(TypeError, match="async"):
            FuncArg(samples.returns_async)

    def test_a_generator_is_refused(self):
        with pytest.raises(TypeError, match="generator"):

            @argument()
            def values():
                yield 1

    def test_what_is_no_function_is_refused(self):
        with pytest.raises(TypeError, match="needs a function"):
            FuncArg("name")

    def test_a_place_there_is_not_is_refused(self):
        with pytest.raises(ValueError, match="'pre' or 'post'"):
            FuncArg(samples.returns, materialize="later")

    def test_a_class_whose_get_value_takes_what_there_is_not_is_refused_as_it_is_made(self):
        with pytest.raises(TypeError, match=r"Odd\.get_value takes 'tsk', which arguments are not given"):

            class Odd(Argument):
                def get_value(self, tsk):
                    return tsk

    def test_a_decorated_function_can_still_be_called(self):
        assert argument(samples.joined)("a", b="c") == "a c"

    @pytest.mark.parametrize("given", [FuncArg(lambda: 1), EnvArg("NOT_SET") >> FuncArg(lambda: 1)])
    def test_a_closure_cannot_go_to_a_process(self, given):
        with pytest.raises(UnportableParameter, match="parameter 'argument' of task 'it' cannot be sent to a process"):
            App(log=None).task(func=samples.takes, name="it", execution="process", parameters={"argument": given})

    async def test_one_that_is_called_in_the_scheduler_need_not_go_there(self):
        assert await value_of(FuncArg(lambda: 1, materialize="pre"), "process") == 1
