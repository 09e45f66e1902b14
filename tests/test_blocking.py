"""The warning that a task would block the scheduler."""

import functools
import io
import os
import pickle
import socket
import subprocess
import threading
import time
import urllib.request
import warnings
from pathlib import Path
from time import sleep as nap
from urllib import request
from urllib.request import urlopen

import pytest

from actors import App, Group
from actors.errors import BlockingTask
from helpers import running

HERE = Path(__file__)


def sleeps():
    time.sleep(5)


def sleeps_by_another_name():
    nap(1)


def fetches():
    with urllib.request.urlopen("http://localhost", timeout=3) as answer:
        return answer.read()


def fetches_by_its_name():
    return urlopen("http://localhost").read()


def fetches_by_its_module():
    return [request.urlopen(f"http://localhost/{page}").read() for page in range(3)]


def runs():
    return subprocess.run(["true"], check=True).stdout


def runs_a_line():
    os.system("true")


def asks():
    return int(input("How many? "))


def connects():
    return socket.create_connection(("localhost", 1))


class Instance:
    def __call__(self):
        time.sleep(1)

    def method(self):
        time.sleep(1)


BLOCKING = [
    (sleeps, "time.sleep"),
    (sleeps_by_another_name, "time.sleep"),
    (fetches, "urllib.request.urlopen"),
    (fetches_by_its_name, "urllib.request.urlopen"),
    (fetches_by_its_module, "urllib.request.urlopen"),
    (runs, "subprocess.run"),
    (runs_a_line, "os.system"),
    (asks, "input"),
    (connects, "socket.create_connection"),
    (lambda: time.sleep(1), "time.sleep"),
    (functools.partial(sleeps), "time.sleep"),
    (Instance(), "time.sleep"),
    (Instance().method, "time.sleep"),
]


@pytest.mark.parametrize(("function", "call"), BLOCKING)
def test_a_sync_function_that_calls_what_blocks_is_warned_of(app, function, call):
    with pytest.warns(BlockingTask) as caught:
        app.task(func=function, name="it")
    (warning,) = caught
    assert (warning.message.task, warning.message.call) == ("it", call)
    assert str(warning.message) == (
        f"task 'it' calls {call}, which blocks the scheduler under execution='async': "
        "give it execution='thread' (or 'main' if that is meant)"
    )
    assert "it" in app.session


async def async_one():
    time.sleep(1)


def hands_on():
    threading.Thread(target=time.sleep, args=(len("a"),)).start()
    return functools.partial(nap, len("a")), {"nap": time.sleep}, [nap][0], time.sleep or nap


def calls_elsewhere():
    def work():
        time.sleep(1)

    threading.Thread(target=work).start()
    return (time.sleep(1) for _ in "a"), lambda: time.sleep(1)


def has_its_own(time=io, nap=len):
    return time.sleep(1), nap("a")


def calls_what_need_not_block():
    return os.waitpid(0, os.WNOHANG), time.monotonic(), subprocess.Popen(["true"]).poll()


@functools.wraps(sleeps)
def wrapped():
    """Stand for a decorator that has it done elsewhere."""


@pytest.mark.parametrize(
    "function", [async_one, hands_on, calls_elsewhere, has_its_own, calls_what_need_not_block, wrapped, print]
)
def test_nothing_else_is_warned_of(app, function):
    app.task(func=function, name="it")


@pytest.mark.parametrize("execution", ["main", "thread", "process"])
def test_a_function_with_another_execution_is_not_warned_of(app, execution):
    app.task(func=sleeps, execution=execution)
    App(log=None, execution=execution).task(func=sleeps)


def test_a_command_a_text_and_a_file_are_not_warned_of(app):
    Path("job.py").write_text("import time\ndef main():\n    time.sleep(1)\n")
    app.task(command=["sleep", "1"])
    app.task(code="import time; time.sleep(1)", name="code")
    app.task(path="job.py")


def test_what_a_group_or_an_app_says_of_the_execution_counts(app):
    group = Group(execution="thread")
    group.task(func=sleeps)
    app.include(group)
    other = App(log=None, execution="thread")
    with pytest.warns(BlockingTask):
        other.task(func=sleeps, execution="async")


class TestThePlace:
    """The warning shows the line of the decorator, which is where the way out is written."""

    def test_of_a_task_of_an_app(self, app):
        with pytest.warns(BlockingTask) as caught:

            @app.task("daily")
            def it():
                time.sleep(1)

        self.check(caught, it)

    def test_of_a_task_of_a_group_that_is_included_later(self, app):
        group = Group()

        @group.task("daily")
        def it():
            time.sleep(1)

        with pytest.warns(BlockingTask) as caught:
            app.include(group)
        self.check(caught, it)

    def check(self, caught, function):
        (warning,) = caught
        lines = HERE.read_text().splitlines()
        assert (warning.filename, warning.lineno) == (str(HERE), function.__code__.co_firstlineno)
        assert lines[warning.lineno - 1].strip().endswith('.task("daily")')

    def test_it_is_shown_once_a_place_as_other_warnings_are(self):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("default")
            for _ in "ab":
                App(log=None).task(func=sleeps)
        assert [warning.category for warning in caught] == [BlockingTask]


def test_where_warnings_are_errors_the_task_is_not_made(app):
    with pytest.raises(BlockingTask):
        app.task(func=sleeps, name="it")
    assert "it" not in app.session


async def test_a_task_that_is_made_while_the_app_runs_is_warned_of_too(app):
    async with running(app):
        with pytest.warns(BlockingTask):
            app.session.create_task(sleeps, "it")


def test_a_worker_does_not_warn(app, monkeypatch):
    monkeypatch.setenv("CALLSHEET_WORKER", str(os.getpid()))
    app.task(func=sleeps)


def test_the_warning_survives_pickle():
    warning = BlockingTask("it", "time.sleep")
    copy = pickle.loads(pickle.dumps(warning))
    assert (type(copy), str(copy), vars(copy)) == (BlockingTask, str(warning), vars(warning))
