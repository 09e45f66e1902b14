"""The session: which tasks there are, how they are found, and what its controls do before, without and between runs."""

import functools
import os

import pytest
import trio

import samples
from actors import App, always, never
from actors.errors import (
    AlreadyRunning,
    CallsheetError,
    ConditionSyntaxError,
    DuplicateTask,
    InvalidOption,
    NotRunning,
    UnknownTask,
    UnportableFunction,
    UnportableParameter,
)
from helpers import actions, records, running


@pytest.fixture
def app():
    return App(log=None)


@pytest.fixture
def session(app):
    return app.session


async def run_until_idle(app):
    """Run an app that ends by itself: what was queued before its start may have ended before one could listen."""
    app.session.config.stop_when_idle = True
    with trio.fail_after(30):
        async with running(app) as run:
            await run.system.wait_ended()


def place(function):
    return f"{function.__code__.co_filename}:{function.__code__.co_firstlineno}"


class TestLookup:
    def test_a_task_is_found_by_its_name_its_function_and_itself(self, session):
        task = session.create_task(samples.returns)
        assert session["returns"] is task
        assert session[samples.returns] is task
        assert session[task] is task

    def test_a_method_finds_its_task(self, session):
        thing = samples.AsyncCallable()
        task = session.create_task(thing.method)
        assert session[thing.method] is task

    def test_a_partial_and_an_instance_find_their_tasks(self, session):
        partial, instance = functools.partial(samples.returns, 1), samples.Callable(1)
        first, second = session.create_task(partial), session.create_task(instance)
        assert [session[partial], session[instance]] == [first, second]

    def test_of_two_tasks_of_a_function_the_first_is_found(self, session):
        first = session.create_task(samples.returns, "first")
        session.create_task(samples.returns, "second")
        assert session[samples.returns] is first

    def test_in_asks_for_a_task(self, session):
        task = session.create_task(samples.returns)
        assert all(key in session for key in ("returns", samples.returns, task))
        assert not any(key in session for key in ("other", samples.raises, App(log=None).session.create_task(samples.returns)))

    def test_an_unknown_task_is_an_error_that_names_the_nearest_and_all(self, session):
        session.create_task(samples.returns)
        session.create_task(samples.raises)
        with pytest.raises(UnknownTask) as caught:
            session["retuns"]
        assert str(caught.value) == "there is no task 'retuns'. Did you mean 'returns'? Tasks are: returns, raises"

    def test_an_unknown_function_is_an_error(self, session):
        with pytest.raises(UnknownTask, match=r"there is no task 'returns'\. Tasks are: \(none\)"):
            session[samples.returns]

    def test_an_unknown_task_is_a_key_error_too(self, session):
        with pytest.raises(KeyError):
            session["other"]

    def test_tasks_are_in_the_order_of_their_definition(self, session):
        tasks = [session.create_task(samples.returns, name) for name in "cab"]
        assert session.tasks == tasks
        assert list(session) == tasks

    def test_the_list_of_tasks_is_not_the_sessions_own(self, session):
        session.create_task(samples.returns)
        session.tasks.clear()
        assert "returns" in session

    def test_what_a_task_returned_is_found_as_the_task_is(self, session):
        task = session.create_task(samples.returns)
        session.returns.keep("returns", 1)
        assert [session.returns[key] for key in ("returns", samples.returns, task)] == [1, 1, 1]

    def test_what_no_task_returned_is_not_there(self, session):
        session.create_task(samples.returns)
        assert "returns" not in session.returns
        assert "other" not in session.returns
        with pytest.raises(KeyError):
            session.returns["returns"]


class TestDefinition:
    def test_the_decorator_returns_the_function_itself(self, app):
        def function():
            """Do nothing."""

        assert app.task("every 10 seconds")(function) is function
        assert app.task(func=samples.returns) is samples.returns

    def test_a_task_is_called_like_its_function_unless_it_is_given_a_name(self, app):
        app.task()(samples.returns)
        app.task(name="other")(samples.returns)
        app.task(never, "third")(samples.returns)
        app.task(func=samples.raises)
        assert [task.name for task in app.session] == ["returns", "other", "third", "raises"]

    def test_a_decorator_without_parentheses_says_how_it_is_written(self, app):
        with pytest.raises(TypeError, match=r"write @app\.task\(\) with parentheses, or app\.task\(func=\.\.\.\)"):

            @app.task
            def function(): ...

        assert app.session.tasks == []

    def test_a_task_needs_a_function(self, session):
        with pytest.raises(TypeError, match="a task needs a function, or one of command, code, path, not 'text'"):
            session.create_task("text", "name")
        assert session.tasks == []

    def test_a_name_that_is_taken_is_an_error_that_names_both_places(self, app):
        app.task(func=samples.returns, name="it")
        with pytest.raises(DuplicateTask) as caught:
            app.task(func=samples.raises, name="it")
        assert str(caught.value) == (
            f"task 'it' is defined twice\n  first:  {place(samples.returns)}\n  second: {place(samples.raises)}\n"
            "  give one of them another name, with name='...'"
        )

    def test_a_name_that_is_taken_leaves_the_task_that_has_it(self, app):
        app.task(func=samples.returns, name="it")
        with pytest.raises(DuplicateTask):
            app.task(func=samples.raises, name="it")
        assert app.session["it"].func is samples.returns

    def test_a_task_without_a_condition_never_starts_by_itself(self, app):
        app.task(func=samples.returns)
        assert app.session["returns"].start_cond == never

    def test_a_wrong_condition_shows_where_and_defines_nothing(self, app):
        with pytest.raises(InvalidOption) as caught:
            app.task("evry 10 seconds", func=samples.returns)
        assert str(caught.value) == (
            "task 'returns' cannot have start_cond='evry 10 seconds': this is not a condition\n"
            "  evry 10 seconds\n"
            "  ^ a condition is expected here, such as: daily, every 10 seconds, after task 'fetch'. Did you mean 'every'?"
        )
        assert isinstance(caught.value.__cause__, ConditionSyntaxError)
        assert app.session.tasks == []

    @pytest.mark.parametrize("name", [5, ""])
    def test_a_name_is_a_text_that_is_not_empty(self, session, name):
        with pytest.raises((CallsheetError, TypeError, ValueError)):
            session.create_task(samples.returns, name)


class TestNames:
    """The default names of what can be called."""

    def name(self, session, function):
        return session.create_task(function).name

    def test_of_a_partial_that_of_what_it_wraps(self, session):
        assert self.name(session, functools.partial(functools.partial(samples.returns, 1))) == "returns"

    def test_of_a_method_its_own(self, session):
        assert self.name(session, samples.AsyncCallable().method) == "method"

    def test_of_a_partial_of_a_method_its_own(self, session):
        assert self.name(session, functools.partial(samples.AsyncCallable().method)) == "method"

    def test_of_an_instance_that_of_its_class(self, session):
        assert self.name(session, samples.Callable(1)) == "Callable"

    def test_of_a_class_its_own(self, session):
        assert self.name(session, samples.Callable) == "Callable"

    def test_of_a_builtin_its_own(self, session):
        assert self.name(session, len) == "len"

    def test_of_a_decorated_function_that_of_the_function(self, session):
        assert self.name(session, samples.is_decorated) == "is_decorated"


async def test_whatever_can_be_called_runs_as_a_task(app):
    callables = {
        "partial": functools.partial(samples.returns, "partial"),
        "method": samples.Callable("method").__call__,
        "instance": samples.Callable("instance"),
        "async instance": samples.AsyncCallable(),
        "async method": samples.AsyncCallable().method,
        "partial of an async method": functools.partial(samples.AsyncCallable().method),
        "decorated": samples.is_decorated,
    }
    for name, function in callables.items():
        app.task(func=function, name=name)
    async with running(app) as run:
        for name in callables:
            app.session[name].run()
        await run.wait_ended(len(callables))
    assert {name: app.session.returns[name] for name in callables} == {
        "partial": "partial",
        "method": "method",
        "instance": "instance",
        "async instance": "awaited",
        "async method": "awaited method",
        "partial of an async method": "awaited method",
        "decorated": "decorated result",
    }


async def test_what_a_worker_can_find_runs_in_a_process():
    app = App(log=None, execution="process", max_process_count=1)
    callables = {
        "partial": functools.partial(samples.returns, "partial"),
        "method": samples.Callable("method").__call__,
        "instance": samples.Callable("instance"),
        "decorated": samples.is_decorated,
    }
    for name, function in callables.items():
        app.task(func=function, name=name)
    async with running(app) as run:
        for name in callables:
            app.session[name].run()
        await run.wait_ended(len(callables))
    assert {name: app.session.returns[name] for name in callables} == {
        "partial": "partial",
        "method": "method",
        "instance": "instance",
        "decorated": "decorated result",
    }


def undecorated(function):
    def wrapper():
        return function()

    return wrapper


class TestPortability:
    @pytest.mark.parametrize("execution", ["main", "async", "thread"])
    def test_a_lambda_may_run_in_this_process(self, app, execution):
        app.task(func=lambda: None, name="it", execution=execution)
        assert "it" in app.session

    def test_a_lambda_is_refused_for_a_process_with_the_way_out(self, app):
        function = lambda: None  # noqa: E731
        with pytest.raises(UnportableFunction) as caught:
            app.task(func=function, name="it", execution="process")
        assert str(caught.value) == (
            f"task 'it' cannot run in a process: a lambda ({place(function)}) has no name that a worker could find it by. "
            "Define it with def at the top level of a module (a decorator needs functools.wraps), or use execution='thread'"
        )
        assert app.session.tasks == []

    def test_a_closure_is_refused_for_a_process_with_the_way_out(self, app):
        def function(): ...

        with pytest.raises(UnportableFunction, match=r"<locals>.function is defined inside a function.*execution='thread'"):
            app.task(func=function, execution="process")

    def test_a_partial_is_as_portable_as_what_it_wraps(self, app):
        app.task(func=functools.partial(samples.returns, 1), execution="process")
        with pytest.raises(UnportableFunction):
            app.task(func=functools.partial(lambda: None), name="it", execution="process")

    def test_an_instance_is_as_portable_as_its_class(self, app):
        class Local:
            def __call__(self): ...

        app.task(func=samples.Callable(1), execution="process")
        with pytest.raises(UnportableFunction):
            app.task(func=Local(), execution="process")

    def test_a_decorator_without_wraps_is_refused_for_a_process(self, app):
        with pytest.raises(UnportableFunction, match=r"a decorator needs functools\.wraps"):
            app.task(func=undecorated(samples.returns), execution="process")

    def test_the_apps_execution_counts_too(self):
        with pytest.raises(UnportableFunction):
            App(execution="process", log=None).task(func=lambda: None, name="it")

    def test_a_parameter_that_cannot_be_sent_is_refused_at_registration_by_name(self, app):
        with pytest.raises(UnportableParameter) as caught:
            app.task(func=samples.returns_it, name="it", execution="process", parameters={"x": lambda: None})
        assert caught.value.parameter == "x"
        assert str(caught.value).startswith("parameter 'x' of task 'it' cannot be sent to a process: ")
        assert str(caught.value).endswith("Send plain data, or use execution='thread'")
        assert app.session.tasks == []

    def test_a_parameter_that_cannot_be_sent_is_refused_at_run_by_name(self, app):
        app.task(func=samples.returns_it, name="it", execution="process")
        with pytest.raises(UnportableParameter) as caught:
            app.session["it"].run(x=lambda: None)
        assert (caught.value.task, caught.value.parameter) == ("it", "x")
        assert app.session.controls.take() == []

    def test_a_parameter_need_not_be_sent_to_a_thread(self, app):
        app.task(func=samples.returns_it, name="it", execution="thread", parameters={"x": lambda: None})
        app.session["it"].run(x=lambda: None)

    def test_a_task_that_becomes_one_for_processes_is_checked_too(self, app):
        app.task(func=lambda: None, name="it")
        with pytest.raises(UnportableFunction):
            app.session["it"].execution = "process"

    def test_parameters_that_are_assigned_are_checked_too(self, app):
        app.task(func=samples.returns_it, name="it", execution="process")
        with pytest.raises(UnportableParameter):
            app.session["it"].parameters = {"x": lambda: None}


class TestRemoval:
    def test_a_removed_task_is_not_found(self, session):
        task = session.create_task(samples.returns)
        session.remove_task("returns")
        assert not any(key in session for key in ("returns", samples.returns, task))

    @pytest.mark.parametrize("key", ["returns", samples.returns])
    def test_a_task_is_removed_by_what_finds_it(self, session, key):
        session.create_task(samples.returns)
        session.remove_task(key)
        assert session.tasks == []

    def test_its_name_is_free_again(self, session):
        first = session.create_task(samples.returns)
        session.remove_task(first)
        second = session.create_task(samples.returns)
        assert session["returns"] is second

    def test_what_it_returned_is_forgotten(self, session):
        session.create_task(samples.returns)
        session.returns.keep("returns", 1)
        session.remove_task("returns")
        session.create_task(samples.returns)
        assert "returns" not in session.returns

    def test_an_unknown_task_cannot_be_removed(self, session):
        task = session.create_task(samples.returns)
        session.remove_task(task)
        with pytest.raises(UnknownTask):
            session.remove_task("returns")

    async def test_a_launch_that_waits_for_the_start_goes_with_its_task(self, app):
        app.task(func=samples.returns, name="gone")
        app.task(func=samples.returns, name="stays")
        app.session["gone"].run()
        app.session["stays"].run()
        app.session.remove_task("gone")
        await run_until_idle(app)
        assert {record.task_name for record in records(app)} == {"stays"}

    async def test_a_task_may_come_and_go_while_the_app_runs(self, app):
        async with running(app) as run:
            app.session.create_task(samples.returns, "new", execution="async").run()
            await run.wait_ended()
            app.session.remove_task("new")
            assert "new" not in app.session
        assert actions(app) == ["run", "success"]

    async def test_a_removal_ends_the_runs_of_the_task(self, app):
        app.task(func=samples.sleeps_on_trio, name="it")
        async with running(app) as run:
            app.session["it"].run()
            await run.wait_started("it")
            app.session.remove_task("it")
            assert await run.wait_ended() == ["terminate"]
        assert records(app, "it")[-1].reason == "the task was removed by the program"


class TestWithoutARuntime:
    def test_there_is_nothing_to_shut_down(self, session):
        with pytest.raises(
            NotRunning, match=r"session\.shut_down\(\) needs a running app: .* app\.running\(\) or after app\.start_in_thread\(\)"
        ):
            session.shut_down()

    def test_there_is_nothing_to_restart(self, session):
        with pytest.raises(NotRunning, match=r"session\.restart\(\) needs a running app"):
            session.restart()

    async def test_after_a_run_there_is_nothing_to_shut_down_either(self, app):
        async with running(app):
            pass
        with pytest.raises(NotRunning):
            app.session.shut_down()

    async def test_launches_are_run_at_the_start_in_their_order_with_their_parameters(self, app):
        called = []

        @app.task(name="it")
        def keep(x):
            called.append(x)

        for x in (1, 2, 3):
            app.session["it"].run(x=x)
        assert app.session["it"].status is None
        await run_until_idle(app)
        assert called == [1, 2, 3]

    async def test_launches_are_run_once(self, app):
        app.task(func=samples.returns, name="it")
        app.session["it"].run()
        await run_until_idle(app)
        await run_until_idle(app)
        assert actions(app) == ["run", "success"]

    async def test_launches_that_are_terminated_before_the_start_are_not_run(self, app):
        app.task(func=samples.returns, name="it")
        app.task(func=samples.returns, name="other")
        app.session["it"].run()
        app.session["other"].run()
        app.session["it"].terminate()
        await run_until_idle(app)
        assert [record.task_name for record in records(app)] == ["other", "other"]


class TestRunOnly:
    """``session.run()`` while nothing runs; it is a program of its own, so these tests are not async."""

    def test_it_runs_just_these_and_returns(self, app):
        for name in ("a", "b", "c"):
            app.task(always, func=samples.returns, name=name)
        app.session.run("a", "c")
        assert sorted((record.task_name, record.action) for record in records(app)) == [
            ("a", "run"),
            ("a", "success"),
            ("c", "run"),
            ("c", "success"),
        ]

    def test_it_takes_functions_and_tasks_too(self, app):
        app.task(func=samples.returns)
        app.task(func=samples.raises)
        app.session.run(samples.returns, app.session["raises"])
        assert {record.task_name: record.action for record in records(app)} == {"returns": "success", "raises": "fail"}

    def test_it_runs_disabled_tasks_and_no_others_at_startup_or_shutdown(self, app):
        app.task(func=samples.returns, name="it", disabled=True)
        app.task(func=samples.returns, name="startup", on_startup=True)
        app.task(func=samples.returns, name="shutdown", on_shutdown=True)
        app.session.run("it")
        assert {record.task_name for record in records(app)} == {"it"}

    def test_an_unknown_task_runs_nothing(self, app):
        app.task(func=samples.returns, name="it")
        with pytest.raises(UnknownTask):
            app.session.run("it", "other")
        assert records(app) == []
        assert app.session.controls.take() == []

    def test_nothing_to_run_is_done_at_once(self, app):
        app.task(always, func=samples.returns, name="it")
        app.session.run()
        assert records(app) == []

    def test_it_may_be_done_again(self, app):
        app.task(func=samples.returns, name="it")
        app.session.run("it")
        app.session.run("it")
        assert actions(app) == ["run", "success", "run", "success"]

    async def test_while_the_app_runs_it_queues_them_and_returns(self, app):
        app.task(func=samples.returns, name="a")
        app.task(func=samples.returns, name="b")
        async with running(app) as run:
            app.session.run("b", "a")
            await run.wait_ended(2)
        assert [record.task_name for record in records(app) if record.action == "run"] == ["b", "a"]


class TestTwoApps:
    """Two apps in one process do not see each other."""

    def test_each_has_its_own_tasks_config_and_log(self):
        one, other = App(log=None), App(log=None)
        one.task(func=samples.returns)
        one.session.config.execution = "thread"
        one.session["returns"].run()
        assert "returns" not in other.session
        assert other.session.config.execution == "async"
        assert other.session.controls.take() == []
        assert one.session.get_repo() is not other.session.get_repo()

    def test_a_task_of_one_is_unknown_to_the_other(self):
        one, other = App(log=None), App(log=None)
        for app in (one, other):
            app.task(func=samples.returns)
        assert one.session["returns"] not in other.session
        with pytest.raises(UnknownTask):
            other.session[one.session["returns"]]

    async def test_both_run_at_a_time(self):
        one, other = App(log=None), App(log=None)
        one.task(func=samples.returns_it, name="it", parameters={"x": "one"})
        other.task(func=samples.returns_it, name="it", parameters={"x": "other"})
        async with running(one) as first, running(other) as second:
            one.session["it"].run()
            other.session["it"].run()
            other.session["it"].run()
            await first.wait_ended()
            await second.wait_ended(2)
        assert [one.session.returns["it"], other.session.returns["it"]] == ["one", "other"]
        assert [len(actions(one)), len(actions(other))] == [2, 4]

    async def test_one_is_shut_down_and_the_other_goes_on(self):
        one, other = App(log=None), App(log=None)
        other.task(func=samples.returns, name="it")
        async with running(other) as second:
            async with running(one) as first:
                one.session.shut_down()
                await first.system.wait_ended()
            other.session["it"].run()
            assert await second.wait_ended() == ["success"]

    async def test_one_app_is_not_run_twice_at_a_time(self, app):
        async with running(app):
            with pytest.raises(AlreadyRunning):
                async with running(app):
                    pass


def test_a_name_that_the_run_log_could_not_hold_is_an_error_that_says_how_to_make_one():
    name = os.fsdecode(b"caf\xe9")  # as os.listdir has it
    with pytest.raises(InvalidOption) as caught:
        App(log=None).task(name=name)(print)
    assert str(caught.value).startswith(r"a task cannot have name='caf\udce9': a text without half a surrogate pair is expected")
    assert "os.fsencode(name).decode(errors='backslashreplace')" in str(caught.value)
    assert App(log=None).session.create_task(print, name=os.fsencode(name).decode(errors="backslashreplace")).name == r"caf\xe9"


@pytest.mark.parametrize("kind", ["generator", "async generator"])
def test_a_generator_is_refused_since_calling_it_does_nothing(kind):
    def generator():
        yield 1

    async def async_generator():
        yield 1

    app = App(log=None)
    with pytest.raises(InvalidOption, match="a generator does nothing when it is called"):
        app.task(func=generator if kind == "generator" else async_generator)


def test_an_app_is_run_again_and_again_in_one_process():
    app = App(log=None, stop_when_idle=True)
    app.task(func=samples.returns, name="it", on_startup=True)
    for _ in range(3):
        app.run()
    assert app.session.get_repo().filter_by(action="success").count() == 3
