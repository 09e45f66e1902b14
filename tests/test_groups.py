"""Groups: tasks that are declared together, and call each other by the names they have there."""

import pytest

import samples
from actors import Group, after_success, daily, every, succeeded
from actors.args import Return
from actors.args import Task as TaskArg
from actors.errors import DuplicateTask, InvalidOption, UnknownOption
from helpers import MODES, actions, running, running_virtually


class TestDeclaration:
    def test_tasks_get_the_prefix_and_are_found_by_their_functions(self, app):
        group = Group(prefix="etl.")

        @group.task("daily")
        def fetch(): ...

        app.include(group)
        assert [task.name for task in app.session.tasks] == ["etl.fetch"]
        assert app.session[fetch].name == "etl.fetch"
        assert app.session["etl.fetch"].start_cond == daily

    def test_without_a_prefix_names_stay(self, app):
        group = Group()
        group.task(func=samples.returns)
        app.include(group)
        assert "returns" in app.session

    def test_the_groups_condition_must_hold_too(self, app):
        group = Group(start_cond="daily")
        group.task("every 1 hour", func=samples.returns)
        app.include(group)
        assert app.session["returns"].start_cond == every("1 hour") & daily

    def test_a_task_that_runs_when_it_is_asked_to_still_does_only_that(self, app):
        group = Group(start_cond="daily")
        group.task(func=samples.returns)
        app.include(group)
        assert str(app.session["returns"].start_cond) == "false & daily"

    def test_options_of_the_group_are_those_of_its_tasks_unless_they_have_their_own(self, app):
        group = Group(execution="thread", timeout="5 minutes", parameters={"a": 1, "b": 1})
        group.task(func=lambda a, b: None, name="one")
        group.task(func=lambda b: None, name="two", execution="main", parameters={"b": 2})
        app.include(group)
        one, two = app.session.tasks
        assert [(task.execution, task.timeout) for task in (one, two)] == [("thread", 300), ("main", 300)]
        assert (one.parameters, two.parameters) == ({"a": 1, "b": 1}, {"b": 2})

    def test_its_parameters_and_conditions_are_those_of_the_app(self, app):
        group = Group()
        group.params(url="there")

        @group.param()
        def word(): ...

        @group.cond("is open")
        def is_open():
            return True

        group.task("is open", func=samples.returns)
        app.include(group)
        assert set(app.session.parameters) == {"url", "word"}
        assert app.session["returns"].start_cond == is_open

    @pytest.mark.parametrize(("options", "error"), [({"exection": "main"}, UnknownOption), ({"prefix": 3}, InvalidOption)])
    def test_what_is_misspelled_is_an_error_at_once(self, options, error):
        with pytest.raises(error):
            Group(**options)

    def test_an_impossible_option_is_an_error_that_names_the_task(self, app):
        group = Group(prefix="etl.", timeout="soon")
        group.task(func=samples.returns)
        with pytest.raises(InvalidOption, match=r"task 'etl\.returns' cannot have timeout='soon'"):
            app.include(group)

    def test_a_name_that_is_taken_is_an_error(self, app):
        group = Group()
        group.task(func=samples.returns)
        app.include(group)
        with pytest.raises(DuplicateTask):
            app.include(group)

    def test_one_without_a_function_needs_a_name(self, app):
        group = Group()
        group.task(command="ls")
        with pytest.raises(InvalidOption, match="it needs one"):
            app.include(group)

    def test_a_group_cannot_be_a_part_of_itself(self):
        outer, inner = Group(), Group()
        outer.include(inner)
        with pytest.raises(ValueError, match="part of itself"):
            outer.include(outer)
        with pytest.raises(ValueError, match="part of itself"):
            inner.include(outer)


class TestReferences:
    """Names are those of the group before those of the app."""

    @pytest.mark.parametrize("reference", ["after task 'fetch'", after_success("fetch"), after_success(samples.returns)])
    def test_conditions_mean_the_groups_own_task(self, app, reference):
        group = Group(prefix="etl.")
        group.task(reference, func=samples.takes, name="load")
        group.task(func=samples.returns, name="fetch")
        app.task(func=samples.returns_it, name="fetch")
        app.include(group)
        assert app.session["etl.load"].start_cond == after_success("etl.fetch")

    def test_what_the_group_does_not_have_is_the_apps(self, app):
        group = Group(prefix="etl.")
        group.task("after task 'other'", func=samples.returns)
        app.task(func=samples.returns_it, name="other")
        app.include(group)
        assert app.session["etl.returns"].start_cond == after_success("other")
        app.session.check_references()

    def test_a_condition_that_is_set_later_is_read_by_the_same_names(self, app):
        group = Group(prefix="etl.")
        group.task(func=samples.returns, name="fetch")
        group.task(func=samples.takes, name="load")
        app.include(group)
        app.session["etl.load"].start_cond = "after task 'fetch'"
        app.session["etl.load"].end_cond = succeeded("fetch")
        assert app.session["etl.load"].start_cond == after_success("etl.fetch")
        assert app.session["etl.load"].end_cond == succeeded("etl.fetch")

    def test_one_group_may_be_included_twice_under_two_names(self, app):
        for prefix in ("north.", "south."):
            group = Group(prefix=prefix)
            group.task(func=samples.returns)
            group.task(after_success(samples.returns), func=samples.takes)
            app.include(group)
        assert app.session["south.takes"].start_cond == after_success("south.returns")

    def test_groups_within_groups_have_the_names_of_both(self, app):
        outer, inner = Group(prefix="outer."), Group(prefix="inner.", start_cond="daily")
        outer.task(func=samples.returns, name="first")
        inner.task(after_success("first"), func=samples.returns, name="second")
        inner.task(after_success("second"), func=samples.returns, name="third")
        outer.task(after_success("inner.third"), func=samples.returns, name="last")
        outer.include(inner)
        app.include(outer)
        assert [(task.name, str(task.start_cond)) for task in app.session.tasks] == [
            ("outer.first", "false"),
            ("outer.last", "after task 'outer.inner.third'"),
            ("outer.inner.second", "after task 'outer.first' & daily"),
            ("outer.inner.third", "after task 'outer.inner.second' & daily"),
        ]

    @pytest.mark.parametrize("mode", MODES)
    async def test_return_values_and_tasks_are_those_of_the_group(self, app, mode):
        group = Group(prefix="etl.", execution=mode)
        takes = samples.takes_async if mode == "async" else samples.takes
        group.task(func=samples.returns, name="fetch", parameters={"value": "the group's"})
        group.task(after_success("fetch"), func=takes, name="load", parameters={"argument": Return("fetch")})
        app.task(func=samples.returns, name="fetch", parameters={"value": "the app's"})
        app.include(group)
        async with running(app) as run:
            app.session.run("fetch", "etl.fetch")
            await run.wait_ended(3)
        assert app.session.returns["etl.load"] == "the group's"

    async def test_the_argument_task_too(self, app, autojump_clock):
        group = Group(prefix="etl.")
        group.task(func=lambda other=TaskArg("fetch"): other.name, name="load")
        group.task(func=samples.returns, name="fetch")
        app.include(group)
        async with running_virtually(app) as run:
            app.session["etl.load"].run()
            await run.wait_ended()
        assert app.session.returns["etl.load"] == "etl.fetch"

    async def test_a_group_may_be_included_while_the_app_runs(self, app, autojump_clock):
        group = Group(prefix="etl.")
        group.task("every 10 seconds", func=samples.returns, name="fetch")
        async with running_virtually(app) as run:
            app.include(group)
            await run.wait_ended()
        assert actions(app, "etl.fetch") == ["run", "success"]
