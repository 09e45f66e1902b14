"""Options of tasks and apps: what is misspelled or impossible is an error at once, what is not given is inherited."""

import math
import os
from datetime import timedelta
from pathlib import Path

import pytest

import samples
from actors import App, Retry, every, limit, never
from actors.config import EXECUTIONS, Config
from actors.controls import Standby
from actors.errors import InvalidOption, UnknownOption
from actors.keywords import WorkOptions
from actors.options import Inherited
from actors.task import Task

TASK_OPTIONS = ", ".join(Task.option_names())
APP_OPTIONS = ", ".join(Config.option_names())


@pytest.fixture
def app():
    return App(log=None)


@pytest.fixture
def task(app):
    return app.session.create_task(samples.returns, "it")


class TestNames:
    def test_an_unknown_option_of_a_task_is_an_error_that_names_the_nearest_and_all(self, app):
        with pytest.raises(UnknownOption) as caught:
            app.task(func=samples.returns, name="it", timeuot=10)
        assert str(caught.value) == f"task 'it' has no option 'timeuot'. Did you mean 'timeout'? Options are: {TASK_OPTIONS}"
        assert app.session.tasks == []

    @pytest.mark.parametrize("give", [lambda: App(log=None, exectuion="main"), lambda: App({"exectuion": "main"})])
    def test_an_unknown_setting_of_an_app_is_an_error_that_names_the_nearest_and_all(self, give):
        with pytest.raises(UnknownOption) as caught:
            give()
        assert str(caught.value) == f"App has no option 'exectuion'. Did you mean 'execution'? Options are: {APP_OPTIONS}"

    def test_an_option_like_no_other_has_no_nearest(self, app):
        with pytest.raises(UnknownOption) as caught:
            app.task(func=samples.returns, xyz=1)
        assert "Did you mean" not in str(caught.value)

    def test_a_misspelled_option_of_a_task_cannot_be_assigned(self, task):
        with pytest.raises(UnknownOption, match=r"task 'it' has no option 'disbled'\. Did you mean 'disabled'\?"):
            task.disbled = True
        assert not hasattr(task, "disbled")

    def test_a_misspelled_setting_cannot_be_assigned(self, app):
        with pytest.raises(UnknownOption, match=r"App has no option 'max_proces_count'\. Did you mean 'max_process_count'\?"):
            app.session.config.max_proces_count = 2

    def test_an_outcome_cannot_be_assigned(self, task):
        with pytest.raises(AttributeError):
            task.status = "success"

    def test_the_options_that_can_be_given_are_those_that_a_task_has(self):
        assert set(Task.option_names()) == {*WorkOptions.__annotations__, "start_cond"}

    def test_what_a_task_inherits_is_a_setting_of_the_app(self):
        inherited = {name for name in Task.option_names() if isinstance(getattr(Task, name), Inherited)}
        assert inherited == {
            "execution", "backend", "timeout", "grace", "cleanup", "interrupt", "multilaunch", "func_run_id", "timezone",
            "misfire", "overlap", "catchup_limit", "catchup_window", "queue_limit", "retries", "on_orphan",
            "max_rescues", "fresh", "max_runs_per_worker", "capture_output",
        }  # fmt: skip
        assert inherited <= set(Config.option_names())


IMPOSSIBLE = [
    ("execution", "proces", "it must be one of 'main', 'async', 'thread', 'process'. Did you mean 'process'?"),
    ("execution", 5, "it must be one of 'main', 'async', 'thread', 'process'."),
    ("backend", "curio", "it must be one of 'auto', 'trio', 'asyncio'."),
    ("timeout", "10 secnds", "'secnds' is no unit. Did you mean 'second'?"),
    ("timeout", 0, 'a time above 0 is expected, or "never"'),
    ("timeout", "0 seconds", 'a time above 0 is expected, or "never"'),
    ("timeout", timedelta(0), 'a time above 0 is expected, or "never"'),
    ("timeout", -1, "it must not be negative"),
    ("grace", "soon", "a number and a unit are expected at 'soon'"),
    ("multilaunch", "yes", "True or False is expected"),
    ("multilaunch", 1, "True or False is expected"),
    ("func_run_id", "id", "a function is expected"),
    ("on_orphan", "re-run", "it must be one of 'mark', 'rerun'. Did you mean 'rerun'?"),
    ("on_orphan", True, "it must be one of 'mark', 'rerun'."),
    ("max_rescues", 0, "a whole number of at least 1 is expected"),
    ("max_rescues", True, "a whole number of at least 1 is expected"),
]
OF_TASKS = [
    ("start_cond", "evry 10 seconds", "Did you mean 'every'?"),
    ("start_cond", 10, "a condition or its text is expected, not int"),
    ("parameters", [("x", 1)], "a mapping of parameter names to values is expected"),
    ("parameters", {1: "x"}, "a mapping of parameter names to values is expected"),
    ("on_startup", None, "True or False is expected"),
    ("on_shutdown", "no", "True or False is expected"),
    ("priority", 1.5, "a whole number is expected"),
    ("priority", True, "a whole number is expected"),
    ("disabled", 0, "True or False is expected"),
    ("permanent", "yes", "True or False is expected"),
    ("limits", None, "limit(...), rate(...) or a list of them is expected"),
    ("limits", [None], "limit(...), rate(...) or a list of them is expected"),
    ("limits", "db", "limit(...), rate(...) or a list of them is expected"),
    ("limits", limit, "limit(...), rate(...) or a list of them is expected"),
    ("description", 5, "a text is expected"),
    ("memory", "500", "a number with a unit is expected, such as '500 MB' or '2 GiB', or a whole number of bytes"),
    ("memory", "500 MX", "'MX' is no unit; units are B, kB, MB, GB, TB, KiB, MiB, GiB, TiB"),
    ("memory", 1.5, "a number with a unit is expected"),
    ("memory", True, "a number with a unit is expected"),
    ("memory", -1, "it must not be negative"),
    ("memory", "0 MB", "a size above 0 is expected, or None for no limit"),
    ("cpu_time", 0, "a time above 0 is expected, or None for no limit"),
    ("cpu_time", math.inf, "it is infinite"),
    ("cpu_time", "2 secnds", "'secnds' is no unit. Did you mean 'second'?"),
    ("nice", -1, "a whole number from 0 to 19 is expected"),
    ("nice", 20, "a whole number from 0 to 19 is expected"),
    ("nice", True, "a whole number from 0 to 19 is expected"),
    ("fresh", 1, "True or False is expected"),
    ("max_runs_per_worker", 0, "a whole number of at least 1 is expected"),
    ("capture_output", "yes", "True or False is expected"),
]
OF_APPS = [
    ("max_process_count", 0, "a whole number of at least 1 is expected"),
    ("max_process_count", 1.5, "a whole number of at least 1 is expected"),
    ("max_thread_count", True, "a whole number of at least 1 is expected"),
    ("max_thread_count", "2", "a whole number of at least 1 is expected"),
    ("shutdown_wait", "never", "a number and a unit are expected at 'never'"),
    ("stop_when_idle", "yes", "True or False is expected"),
    ("restarting", "relauch", "it must be one of 'replace', 'relaunch', 'recall'."),
    ("log", 5, "int"),
    ("log", "", "the path of a file is expected"),
    ("execution", None, "it must be one of"),
    ("timeout", None, "it is a NoneType"),
]


class TestValues:
    @pytest.mark.parametrize(("name", "value", "expected"), [*IMPOSSIBLE, *OF_TASKS])
    def test_an_impossible_value_of_a_task_is_refused_when_it_is_given(self, app, name, value, expected):
        with pytest.raises(InvalidOption) as caught:
            app.task(**{"func": samples.returns, "name": "it", name: value})
        assert str(caught.value).startswith(f"task 'it' cannot have {name}={value!r}: ")
        assert expected in str(caught.value)
        assert app.session.tasks == []

    @pytest.mark.parametrize(("name", "value", "expected"), [*IMPOSSIBLE, *OF_TASKS])
    def test_an_impossible_value_of_a_task_is_refused_when_it_is_assigned(self, task, name, value, expected):
        before = getattr(task, name)
        with pytest.raises(InvalidOption) as caught:
            setattr(task, name, value)
        assert expected in str(caught.value)
        assert getattr(task, name) == before

    @pytest.mark.parametrize(("name", "value", "expected"), [*IMPOSSIBLE, *OF_APPS])
    def test_an_impossible_setting_is_refused_when_it_is_given(self, name, value, expected):
        with pytest.raises(InvalidOption) as caught:
            App({name: value})
        assert str(caught.value).startswith(f"App cannot have {name}={value!r}: ")
        assert expected in str(caught.value)

    @pytest.mark.parametrize(("name", "value", "expected"), [*IMPOSSIBLE, *OF_APPS])
    def test_an_impossible_setting_is_refused_when_it_is_assigned(self, app, name, value, expected):
        before = getattr(app.session.config, name)
        with pytest.raises(InvalidOption) as caught:
            setattr(app.session.config, name, value)
        assert expected in str(caught.value)
        assert getattr(app.session.config, name) == before

    @pytest.mark.parametrize(
        ("given", "kept"),
        [
            ("5 minutes", 300.0),
            (10, 10.0),
            (timedelta(hours=1), 3600.0),
            ("never", math.inf),
            (" Never ", math.inf),
            ("00:00:30", 30.0),
        ],
    )
    def test_a_timeout_is_kept_in_seconds(self, app, given, kept):
        app.task(func=samples.returns, name="given", timeout=given)
        assert app.session["given"].timeout == kept
        app.session.config.timeout = given
        assert app.session.config.timeout == kept

    def test_a_grace_of_nothing_is_possible(self, app, task):
        task.grace = 0
        app.session.config.grace = 0
        assert [task.grace, app.session.config.grace] == [0.0, 0.0]

    def test_a_condition_may_be_assigned_in_words(self, task):
        task.start_cond = "every 10 seconds"
        assert task.start_cond == every("10 seconds")

    def test_the_parameters_are_a_copy(self, app):
        given = {"x": 1}
        app.task(func=samples.returns_it, parameters=given)
        given["x"] = 2
        assert app.session["returns_it"].parameters == {"x": 1}

    def test_a_log_is_a_path_or_memory(self):
        assert App(log="runs.jsonl").session.config.log == Path("runs.jsonl").absolute()
        assert App(log=Path("runs.jsonl")).session.config.log == Path("runs.jsonl").absolute()
        assert App(log=None).session.config.log is None


class TestDefaults:
    def test_of_an_app(self):
        config = App().session.config
        assert {name: getattr(config, name) for name in Config.option_names()} == {
            "execution": "async",
            "backend": "auto",
            "multilaunch": False,
            "func_run_id": None,
            "timeout": 1800.0,
            "grace": 5.0,
            "cleanup": 5.0,
            "interrupt": False,
            "max_process_count": os.cpu_count(),
            "max_thread_count": 40,
            "max_abandoned_threads": 16,
            "shutdown_wait": 5.0,
            "stall_after": 1.0,
            "stop_when_idle": False,
            "restarting": "replace",
            "on_hold": False,
            "param_materialize": "post",
            "shut_cond": None,
            "timezone": None,
            "env": None,
            "misfire": "latest",
            "overlap": None,
            "catchup_limit": 10,
            "catchup_window": 86400.0,
            "queue_limit": 10,
            "retries": Retry(0),
            "on_orphan": "mark",
            "max_rescues": 1,
            "fresh": False,
            "max_runs_per_worker": None,
            "capture_output": True,
            "log": Path(".callsheet/runs.jsonl").absolute(),
            "durability": "process",
            "on_log_failure": "continue",
            "keep": 30 * 86400.0,
            "keep_runs": 1000,
        }

    def test_of_a_task(self, task):
        own = {name: getattr(task, name) for name in Task.option_names() if not isinstance(getattr(Task, name), Inherited)}
        assert own == {
            "start_cond": never,
            "parameters": {},
            "on_startup": False,
            "on_shutdown": False,
            "priority": 0,
            "memory": None,
            "cpu_time": None,
            "nice": 0,
            "disabled": False,
            "permanent": False,
            "deadline": float("inf"),
            "jitter": 0.0,
            "spread": 0.0,
            "limits": (),
            "description": None,
            "end_cond": None,
            "on_fail": None,
            "cwd": None,
            "env": {},
            "shell": False,
            "argform": "--",
            "command": None,
            "code": None,
            "path": None,
            "func_name": "main",
        }

    def test_keyword_settings_come_over_those_of_the_mapping(self):
        config = App({"execution": "main", "timeout": 10, "log": None}, execution="thread").session.config
        assert (config.execution, config.timeout) == ("thread", 10.0)


def an_id(task, params):
    return "id"


INHERITED = [
    ("backend", "trio", "asyncio"),
    ("timeout", 10.0, 20.0),
    ("grace", 1.0, 2.0),
    ("multilaunch", True, False),
    ("func_run_id", an_id, str),
    ("misfire", "skip", "all"),
    ("overlap", "queue", "allow"),
    ("catchup_limit", 2, 3),
    ("catchup_window", 60.0, 90.0),
    ("queue_limit", 2, 3),
    ("capture_output", False, True),
    ("retries", Retry(2), Retry(3)),
    ("on_orphan", "rerun", "mark"),
    ("max_rescues", 2, 3),
    *(("execution", mode, "main" if mode != "main" else "async") for mode in EXECUTIONS),
]


class TestInheritance:
    @pytest.mark.parametrize(("name", "of_app", "of_task"), INHERITED)
    def test_what_is_not_given_is_the_apps(self, name, of_app, of_task):
        app = App({name: of_app, "log": None})
        app.task(func=samples.returns)
        assert getattr(app.session["returns"], name) == of_app

    @pytest.mark.parametrize(("name", "of_app", "of_task"), INHERITED)
    def test_what_is_given_comes_over_the_apps(self, name, of_app, of_task):
        app = App({name: of_app, "log": None})
        app.task(**{"func": samples.returns, name: of_task})
        assert getattr(app.session["returns"], name) == of_task

    @pytest.mark.parametrize(("name", "of_app", "of_task"), INHERITED)
    def test_a_setting_that_changes_is_followed(self, app, task, name, of_app, of_task):
        setattr(app.session.config, name, of_app)
        assert getattr(task, name) == of_app

    @pytest.mark.parametrize(("name", "of_app", "of_task"), INHERITED)
    def test_none_is_the_apps_again(self, app, task, name, of_app, of_task):
        setattr(app.session.config, name, of_app)
        setattr(task, name, of_task)
        assert getattr(task, name) == of_task
        setattr(task, name, None)
        assert getattr(task, name) == of_app

    def test_tasks_do_not_share_what_they_are_given(self, app, task):
        other = app.session.create_task(samples.raises)
        task.priority = 5
        task.parameters = {"value": 1}
        assert (other.priority, other.parameters) == (0, {})


class Listening(Standby):
    """Controls that keep what they are told."""

    def __init__(self):
        super().__init__()
        self.changed = []

    def task_changed(self, task):
        self.changed.append(task)


class TestTelling:
    """What runs the app is told of each option that changes."""

    @pytest.fixture
    def controls(self, app, task):
        app.session.controls = Listening()
        return app.session.controls

    def test_of_a_tasks_option(self, task, controls):
        task.priority = 1
        assert controls.changed == ["it"]

    def test_of_a_setting(self, app, controls):
        app.session.config.max_thread_count = 1
        assert controls.changed == [None]

    def test_not_of_what_was_refused(self, app, task, controls):
        with pytest.raises(InvalidOption):
            task.priority = "high"
        with pytest.raises(InvalidOption):
            app.session.config.timeout = 0
        with pytest.raises(UnknownOption):
            task.priorty = 1
        assert controls.changed == []


def test_a_task_shows_what_it_is(task):
    assert repr(task) == "<Task 'it' async false status=None>"
