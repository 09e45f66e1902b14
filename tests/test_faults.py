"""What users give may be odd, and is never the end of the runtime; what was found wrong once stays right."""

from functools import partial
from pathlib import Path

import pytest
import trio

import samples
from actors import App, Argument, Group, Retry, after_success, every, limit
from actors.args import Arg, FuncArg, Return, TerminationFlag
from actors.errors import InvalidOption
from commands import cli, python
from helpers import actions, function_of, records, running, running_virtually


class TestReferences:
    @pytest.mark.parametrize("key", ["name", "function", "task"])
    async def test_a_task_that_a_return_names_may_be_removed(self, app, autojump_clock, key):
        app.task(func=samples.returns, name="fetch")
        named = {"name": "fetch", "function": samples.returns, "task": app.session["fetch"]}[key]
        app.task(after_success("fetch"), func=samples.takes, name="use", parameters={"argument": Return(named)})
        async with running_virtually(app) as run:
            app.session.remove_task("fetch")
            app.session.config.timeout = "1 minute"
            app.session["use"].run()
            assert await run.wait_ended() == ["fail"]
        assert records(app, "use")[-1].reason.startswith("MissingArgument: task 'use' needs the argument 'argument'")

    @pytest.mark.parametrize("key", ["fetch", samples.returns])
    async def test_then_its_default_counts(self, app, autojump_clock, key):
        app.task(func=samples.returns, name="fetch")
        app.task(func=samples.takes, name="use", parameters={"argument": Return(key, default="default")})
        app.task(func=samples.takes, name="use2", parameters={"argument": Return(key) >> "last"})
        async with running_virtually(app) as run:
            app.session.remove_task("fetch")
            app.session.run("use", "use2")
            await run.wait_ended(2)
        assert (app.session.returns["use"], app.session.returns["use2"]) == ("default", "last")

    async def test_a_parameter_may_be_a_return_of_what_is_no_task(self, app, autojump_clock):
        app.task("every 1 hour", func=samples.takes_word, name="it")
        async with running_virtually(app) as run:
            app.params(word=Return(samples.returns))
            app.session["it"].run()
            await run.wait_ended(2)
        assert records(app, "it")[-1].action == "fail"

    async def test_what_a_removed_task_returns_is_not_that_of_the_one_that_has_its_name(self, app):
        app.task(func=samples.sleeps_for, name="it", execution="thread", grace=5)
        async with running(app) as run:
            app.session["it"].run(seconds=0.2)
            await run.wait_started("it")
            app.session.remove_task("it")
            app.session.create_task(samples.returns, "it")
            await run.wait_ended()
        assert "it" not in app.session.returns


class TestProcesses:
    async def test_a_function_may_spawn_processes_of_its_own(self, app):
        app.task(func=samples.spawns_processes, name="it", execution="process", timeout=60)
        async with running(app) as run:
            app.session["it"].run()
            assert await run.wait_ended() == ["success"]
        assert app.session.returns["it"] == 1


class TestParameters:
    async def test_they_may_be_changed_by_threads_at_any_moment(self, app):
        app.params(**{f"p{number}": number for number in range(50)})
        for number in range(20):
            app.task(after_success("churn"), func=samples.takes_word, name=f"t{number}")

        def churn():
            for number in range(200):
                app.session.parameters["word"] = number
                del app.session.parameters["word"]

        app.task(func=churn, execution="thread")
        async with running(app) as run:
            app.session["churn"].run()
            assert set(await run.wait_ended(21)) == {"success"}

    def test_those_of_a_task_are_not_changed_in_place(self, app):
        app.task(func=samples.takes_word, name="it", parameters={"word": 1})
        with pytest.raises(TypeError, match="assigning new ones"):
            app.session["it"].parameters["word"] = 2

    async def test_one_that_cannot_be_sent_is_named_in_a_process_and_the_others_are_there(self, app):
        app.params(lock=lambda: None, word="there")
        app.task(func=samples.looks_at_parameters, name="it", execution="process")
        async with running(app) as run:
            app.session["it"].run()
            await run.wait_ended()
        names, word, problem = app.session.returns["it"]
        assert (names, word) == (["lock", "word"], "there")
        assert "parameter 'lock'" in problem


class TestWorkers:
    """A warm worker executes what a task is now."""

    @pytest.mark.parametrize(
        ("old", "new"),
        [
            ({"func": partial(samples.returns, "old")}, {"func": partial(samples.returns, "new")}),
            ({"code": "return_value = 'old'"}, {"code": "return_value = 'new'"}),
            ({"func": samples.Callable("old")}, {"func": samples.Callable("new")}),
        ],
    )
    async def test_a_task_that_is_made_anew_runs_what_it_is_now(self, app, old, new):
        app.session.create_task(name="it", execution="process", **old)
        async with running(app) as run:
            for count, options in enumerate([new, old, new], 1):
                app.session.remove_task("it")
                app.session.create_task(name="it", execution="process", **options)
                app.session["it"].run()
                await run.wait_ended(count)
                assert app.session.returns["it"] == ("new" if options is new else "old")

    async def test_an_argument_of_an_argument_heeds_sigterm(self, app):
        argument = FuncArg(samples.gives_flag)
        app.task(func=samples.waits_for, name="it", execution="process", parameters={"flag": argument})
        async with running(app) as run:
            app.session["it"].run()
            with trio.fail_after(60):
                while not Path("waiting").exists():
                    await trio.sleep(0.01)
            app.session["it"].terminate()
            assert await run.wait_ended() == ["success"]


class TestArguments:
    @pytest.mark.parametrize(
        ("argument", "value"),
        [
            (FuncArg(len, [1, 2]), 2),
            (FuncArg(sorted, [2, 1]), [1, 2]),
            (FuncArg(samples.positional, 1), (1, 0)),
            (FuncArg(samples.positional, 1, b=2), (1, 2)),
            (FuncArg(samples.starred, 1, 2, b=3), ((1, 2), 3)),
        ],
    )
    async def test_functions_may_take_what_they_take_in_any_way(self, app, mode, argument, value):
        takes = samples.takes_async if mode == "async" else samples.takes
        app.task(func=takes, name="it", execution=mode, parameters={"argument": argument})
        async with running(app) as run:
            app.session["it"].run()
            await run.wait_ended()
        assert app.session.returns["it"] == value

    def test_what_does_not_fit_is_refused_at_once(self):
        with pytest.raises(TypeError, match=r"the argument returns\(\): too many positional arguments"):
            FuncArg(samples.returns, 1, 2)

    @pytest.mark.parametrize("function", [partial(samples.takes, Arg("x")), samples.positional_default])
    def test_what_could_not_be_valued_is_refused_at_once(self, app, function):
        with pytest.raises(TypeError, match="is given by position"):
            app.task(func=function, name="it")

    def test_get_value_is_a_plain_method(self):
        with pytest.raises(TypeError, match="must be a plain method"):

            class Odd(Argument):
                async def get_value(self): ...

        with pytest.raises(TypeError, match="cannot be positional only"):

            class Odder(Argument):
                def get_value(self, task, /): ...

    async def test_the_flag_is_set_in_an_async_task_that_is_ended(self, app, autojump_clock):
        seen = []

        async def ends(flag=TerminationFlag()):
            try:
                await trio.sleep_forever()
            finally:
                seen.append(flag.is_set())

        app.task(func=ends, timeout=1, on_startup=True)
        async with running_virtually(app) as run:
            await run.wait_ended()
        assert seen == [True]

    def test_what_follows_two_dashes_is_for_the_app(self):
        Path("jobs.py").write_text(
            "from actors import App\nfrom actors.args import CliArg\napp = App(stop_when_idle=True)\n"
            "@app.task(on_startup=True)\ndef it(date=CliArg('--date')):\n    print('date', date)\n"
        )
        assert "date 2026-01-31" in cli("run", "jobs.py", "--", "--date", "2026-01-31").stdout


class TestGroups:
    async def test_one_that_is_included_while_the_app_runs_is_never_without_its_condition(self, app, autojump_clock):
        group = Group(prefix="g.", start_cond="env 'prod'")
        group.task("every 1 hour", func=samples.returns, name="it")
        async with running_virtually(app):
            app.include(group)
            await trio.sleep(10)
        assert actions(app) == []

    def test_a_wrong_condition_of_the_group_leaves_no_task_behind(self, app):
        group = Group(start_cond="dayly")
        group.task(func=samples.returns)
        with pytest.raises(InvalidOption, match="task 'returns' cannot have start_cond='dayly'"):
            app.include(group)
        assert app.session.tasks == []


class TestConditions:
    async def test_an_end_condition_is_not_forgotten_as_parameters_change(self, app, autojump_clock):
        @app.cond(poll="1 second")
        async def enough():
            await trio.sleep(0.5)
            return trio.current_time() > 3

        async def churns():
            while True:
                app.session.config.grace = 5
                await trio.sleep(0.1)

        app.task(func=samples.sleeps_on_trio, name="it", on_startup=True, end_cond=enough)
        app.task(func=churns, on_startup=True)
        async with running_virtually(app) as run:
            assert await run.wait_ended() == ["terminate"]
        assert records(app, "it")[-1].reason == "end_cond: enough"

    async def test_a_condition_that_cannot_be_compared_is_another_one(self, app, autojump_clock):
        class Odd:
            def __eq__(self, other):
                raise ValueError("neither true nor false")

            __hash__ = None

        @app.cond()
        def holds(what=None):
            return False

        app.task(every("1 hour"), func=samples.returns, name="it")
        async with running_virtually(app) as run:
            await run.wait_ended()
            app.session["it"].start_cond = holds(what=Odd())
            app.session["it"].start_cond = holds(what=Odd())
            app.session["it"].run()
            await run.wait_ended(2)

    def test_the_apps_own_is_checked_when_it_is_set_too(self, app):
        handle = app.start_in_thread()
        try:
            with pytest.raises(InvalidOption, match="shut_cond"):
                app.session.config.shut_cond = "after task 'nobody'"
        finally:
            handle.stop()

    async def test_on_hold_what_is_run_alone_runs(self):
        app = App(log=None, on_hold=True)
        app.task(func=samples.returns, name="it")
        async with running(app, only=["it"]) as run:
            with trio.fail_after(10):
                await run.system.wait_ended()
        assert actions(app) == ["run", "success"]


class TestEndings:
    async def test_a_retry_of_the_users_own_making_that_is_broken_fails_the_run(self, app, autojump_clock):
        class Broken(Retry):
            def __init__(self):
                pass

        def raises_it():
            raise Broken

        app.task(func=raises_it, name="it")
        async with running_virtually(app) as run:
            app.session["it"].run()
            assert await run.wait_ended() == ["fail"]
        assert "not tried again: its Retry raised AttributeError" in records(app)[-1].reason

    @pytest.mark.parametrize("limit", [2**64, -1])
    def test_attempts_are_limited(self, app, limit):
        with pytest.raises(InvalidOption, match="1,000,000"):
            app.task(func=samples.raises, retries=limit)

    async def test_what_cannot_be_written_down_is_written_as_text(self, app, autojump_clock):
        app.task(func=samples.tells_progress, name="it", parameters={"updates": 1, "total": 2**70})
        async with running_virtually(app) as run:
            app.session["it"].run()
            assert await run.wait_ended() == ["success"]

    async def test_an_abandoned_thread_is_not_tried_again(self, app):
        app.task(func=samples.sleeps_for, name="it", execution="thread", timeout=0.1, grace=0.1, retries=3)
        async with running(app) as run:
            app.session["it"].run(seconds=0.5)
            assert await run.wait_ended() == ["terminate"]
        assert actions(app) == ["run", "terminate"]

    async def test_a_signal_out_of_a_nursery_is_what_it_says(self, app, autojump_clock):
        async def in_nursery():
            async with trio.open_nursery():
                raise Retry(1, after=1)

        app.task(func=in_nursery, name="it")
        async with running_virtually(app) as run:
            app.session["it"].run()
            await run.wait_ended()
        assert actions(app, "it") == ["run", "retry", "run", "fail"]

    async def test_a_parameter_that_the_function_does_not_take_is_not_tried_again(self, app, autojump_clock):
        app.task(func=samples.returns, name="it", retries=3)
        async with running_virtually(app) as run:
            app.session["it"].run(nothing=1)
            await run.wait_ended()
        assert actions(app, "it") == ["run", "fail"]

    async def test_a_null_character_in_a_command_is_a_fail_that_says_so(self, app):
        app.task(command="echo", name="it")
        async with running(app) as run:
            app.session["it"].run(x="a\0b")
            await run.wait_ended()
        assert "could not be started: embedded null byte" in records(app)[-1].reason


@pytest.mark.parametrize("how", ["code", "path"])
async def test_dataclasses_may_be_defined_in_code_and_files(app, mode, how):
    text = "from __future__ import annotations\nfrom dataclasses import dataclass\n@dataclass\nclass V:\n    x: int = 3\n"
    Path("file.py").write_text(f"{text}def main(): return V().x\n")
    options = {"code": f"{text}return_value = V().x"} if how == "code" else {"path": "file.py"}
    app.task(name="it", execution=mode, **options)
    async with running(app) as run:
        app.session["it"].run()
        await run.wait_ended()
    assert app.session.returns["it"] == 3


class TestDeclarations:
    """What is written wrong is an error where it is written."""

    def test_decorators_want_their_parentheses(self, app):
        with pytest.raises(TypeError, match=r"write @app\.cond\(\) with parentheses"):
            app.cond(samples.returns)
        with pytest.raises(TypeError, match=r"write @app\.param\(\) with parentheses"):
            app.param(samples.returns)

    def test_so_do_arguments(self, app):
        with pytest.raises(TypeError, match=r"write flag=TerminationFlag\(\) of task '<lambda>' with parentheses"):
            app.task(func=lambda flag=TerminationFlag: None)

    def test_only_groups_are_included(self, app):
        for other in ("x", App(log=None)):
            with pytest.raises(TypeError, match="Group"):
                app.include(other)

    def test_what_is_for_a_shell_says_so(self, app):
        with pytest.raises(InvalidOption, match="shell=True"):
            app.task(command="ls | wc -l")

    def test_a_parameter_of_every_run_that_the_function_does_not_take_is_refused(self, app):
        with pytest.raises(InvalidOption, match="takes no argument 'valeu'"):
            app.task(func=samples.returns, parameters={"valeu": 1})

    def test_parameters_are_no_attributes(self, app):
        with pytest.raises(AttributeError):
            app.session.parameters.word = 1

    def test_a_function_of_an_interactive_session_cannot_go_to_a_process(self):
        code = "from actors import App\ndef f(): ...\nApp(log=None).task(func=f, execution='process')"
        done = python("-c", code)
        assert "f is defined in an interactive session, which a worker cannot load" in done.stderr


class TestStrayCancellations:
    """A Cancelled that the function has kept, or taken out of its scope, is the run's own failure, and nobody else's."""

    async def test_around_a_hook(self, app, autojump_clock):
        @app.session.hook_task_execute
        async def hook(task):
            with trio.move_on_after(0.2):
                yield

        app.task(func=samples.sleeps_on_trio, name="slow", on_startup=True)
        app.task("every 1 second", func=samples.returns, name="tick")
        async with running_virtually(app) as run:
            await run.wait_ended(4)
        assert actions(app, "slow") == ["run", "fail"]
        assert actions(app, "tick").count("success") >= 3

    async def test_out_of_the_function(self, app, autojump_clock):
        async def keeps_it():
            with trio.CancelScope() as scope:
                scope.cancel()
                try:
                    await trio.lowlevel.checkpoint()
                except trio.Cancelled as exc:
                    kept = exc
            raise kept

        app.task(func=keeps_it, name="it")
        app.task(func=samples.returns, name="other")
        async with running_virtually(app) as run:
            app.session["it"].run()
            await run.wait_ended()
            app.session["other"].run()
            assert await run.wait_ended(2) == ["fail", "success"]


class TestHooks:
    @pytest.mark.parametrize("kind", ["hook_startup", "hook_shutdown"])
    async def test_nurseries_and_scopes_around_their_yield_nest(self, app, kind):
        said = []

        @getattr(app.session, kind)
        async def hook():
            async with trio.open_nursery() as nursery:
                nursery.start_soon(trio.sleep, 0)
                with trio.CancelScope():
                    yield
                said.append("nested")

        async with running(app):
            pass
        assert said == ["nested"]

    async def test_what_takes_long_does_not_hold_up_a_forced_end(self, app, autojump_clock):
        @app.on_fail
        async def tell(record):
            await trio.sleep(29)

        @app.session.hook_shutdown
        async def hook():
            await trio.sleep(1000)

        app.session.config.shutdown_wait = 100
        app.task(func=samples.raises, name="it", on_startup=True)
        async with running_virtually(app) as run:
            await run.wait_ended()
            app.session.shut_down(force=True)
            await run.system.wait_ended()
        assert trio.current_time() < 10

    async def test_an_exit_in_one_comes_out_as_it_is(self, app):
        @app.setup()
        def setup():
            raise SystemExit("no database")

        with pytest.raises(SystemExit, match="no database"):
            async with running(app):
                pass

    async def test_on_fail_gets_progress_as_it_is_in_the_log(self, app):
        told = []

        @app.on_fail
        async def tell(record):
            told.append(record)

        app.task(func=samples.tells_progress_and_fails, name="it", on_startup=True)
        async with running(app) as run:
            await run.wait_ended()
            with trio.fail_after(10):
                while not told:
                    await trio.sleep(0.01)
        assert told == [records(app, "it")[-1]]

    async def test_a_callback_gets_the_record_by_position_whatever_it_calls_it(self, app):
        told = []
        for callback in (told.append, lambda record=None: told.append(record), lambda *args: told.extend(args)):
            app.on_fail(callback)
        app.task(func=samples.raises, name="it", on_startup=True)
        async with running(app) as run:
            await run.wait_ended()
            with trio.fail_after(10):
                while len(told) < 3:
                    await trio.sleep(0.01)
        assert {record.reason for record in told} == {"ValueError: no"}

    def test_a_generator_is_no_callback(self, app):
        with pytest.raises(TypeError, match="is a generator"):
            app.on_fail(samples.yields_twice)
        with pytest.raises(InvalidOption, match="is a generator"):
            app.task(func=samples.returns, on_fail=samples.yields_twice)

    def test_a_task_whose_hook_raises_late_is_not_there(self, app):
        @app.session.hook_task_init
        def hook(task):
            yield
            raise ValueError("not that one")

        with pytest.raises(ValueError, match="not that one"):
            app.task(func=samples.returns, name="it")
        assert "it" not in app.session
        assert samples.returns not in app.session

    async def test_a_task_that_a_startup_hook_makes_anew_starts(self, app, autojump_clock):
        app.task(func=samples.returns, name="it", on_startup=True)

        @app.setup()
        def setup():
            app.session.remove_task("it")
            app.session.create_task(samples.returns, "it", on_startup=True)

        async with running_virtually(app) as run:
            assert await run.wait_ended() == ["success"]


class TestWarmWorkers:
    async def test_a_callable_is_sent_with_the_state_that_it_has_now(self, app):
        function = samples.Callable("first")
        app.task(func=function, name="it", execution="process")
        async with running(app) as run:
            for count, value in enumerate(["first", "second"], 1):
                function.value = value
                app.session["it"].run()
                await run.wait_ended(count)
                assert app.session.returns["it"] == value

    async def test_nothing_of_a_run_is_there_in_the_next(self, app):
        app.task(func=samples.changes_its_surroundings, name="it", execution="process")
        async with running(app) as run:
            for count in (1, 2):
                app.session["it"].run()
                await run.wait_ended(count)
                assert app.session.returns["it"] == ("clean", True)

    async def test_a_use_of_the_session_that_is_interrupted_leaves_answers_where_they_belong(self, app):
        app.task(func=samples.is_interrupted, name="it", execution="process")
        app.task(func=samples.returns, name="other", execution="process")
        async with running(app) as run:
            for count in range(1, 6):
                app.session["it"].run()
                app.session["other"].run()
                await run.wait_ended(2 * count)
        assert [record.reason for record in records(app) if record.action not in ("run", "success")] == []
        assert app.session.returns["it"] == []

    async def test_hooks_cannot_be_added_there(self, app):
        app.task(func=samples.adds_a_hook, name="it", execution="process")
        async with running(app) as run:
            app.session["it"].run()
            await run.wait_ended()
        assert "a hook cannot be sent out of a process task" in records(app, "it")[-1].reason


class TestProgress:
    @pytest.mark.parametrize("done", [float("nan"), float("inf"), 10**5000, 2**2000], ids=["nan", "inf", "large", "power"])
    async def test_what_is_no_amount_is_refused(self, app, mode, done):
        app.task(func=function_of(mode, "tells_how_far"), name="it", execution=mode)
        async with running(app) as run:
            app.session["it"].run(done=done)
            assert await run.wait_ended() == ["fail"]
        assert "ValueError: progress:" in records(app, "it")[-1].reason

    @pytest.mark.parametrize(("done", "note"), [(2**70, None), (3, "\ud800"), (2.5, "x" * 10_000)], ids=["large", "half", "long"])
    async def test_what_is_odd_can_be_read_again(self, app, mode, done, note):
        app.task(func=function_of(mode, "tells_how_far"), name="it", execution=mode)
        async with running(app) as run:
            app.session["it"].run(done=done, note=note)
            assert await run.wait_ended() == ["success"]
        assert records(app, "it")[-1].progress.done == pytest.approx(done)


async def test_a_key_of_a_limit_that_cannot_be_compared_fails_the_run(app, autojump_clock):
    class Odd:
        __hash__ = object.__hash__

        def __eq__(self, other):
            raise ValueError("neither")

    app.task(func=samples.returns, name="it", limits=limit("x", 1, key=lambda params: Odd()))
    async with running_virtually(app) as run:
        app.session["it"].run()
        app.session["it"].run()
        assert await run.wait_ended(2) == ["fail", "fail"]
    assert "a key is a text, a number" in records(app, "it")[1].reason
