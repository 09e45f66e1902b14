"""A user's program works however it is started, with or without a ``__main__`` guard, also its process tasks."""

import gc
import json
from pathlib import Path

import pytest

from actors import App
from commands import cli, python, write

JOBS = """
    from dataclasses import dataclass
    from functools import wraps
    from actors import App

    app = App(log="runs.jsonl", stop_when_idle=True)

    @dataclass
    class Point:
        x: int

    def shout(function):
        @wraps(function)
        def wrapper(*args, **kwargs):
            return function(*args, **kwargs).upper()
        return wrapper

    @app.task(on_startup=True, execution="process")
    def moved(point=Point(1)):
        return Point(point.x + 1)

    @app.task(on_startup=True, execution="process")
    @shout
    def decorated():
        return "quiet"

    @app.task(name="hidden", on_startup=True, execution="process")
    def twice_named():
        app.session["in_parent"].run(seen=__name__)
        return "first"

    def twice_named():
        return "second"

    @app.task(execution="main")
    def in_parent(seen):
        print("moved", app.session.returns["moved"] if "moved" in app.session.returns else None)
        print("hidden", seen)

    @app.task(on_shutdown=True, execution="main")
    def report():
        print("values", app.session.returns["moved"], app.session.returns["decorated"], app.session.returns["hidden"])
"""

UNGUARDED = "\n    app.run()\n    print('after the run')\n"
GUARDED = "\n    if __name__ == '__main__':\n        app.run()\n"
EXPECTED = "values Point(x=2) QUIET first"


@pytest.mark.parametrize("ending", [UNGUARDED, GUARDED], ids=["unguarded", "guarded"])
class TestStarted:
    def test_as_a_script(self, ending):
        write("jobs.py", JOBS + ending)
        done = python("jobs.py")
        assert (done.stderr, done.returncode) == ("", 0)
        assert EXPECTED in done.stdout
        assert "hidden __mp_main__" in done.stdout
        assert done.stdout.count("after the run") == (ending is UNGUARDED)

    def test_as_a_module_of_a_package(self, ending):
        write("package/__init__.py", "")
        write("package/other.py", "VALUE = 1\n")
        write("package/jobs.py", "    from .other import VALUE\n" + JOBS + ending)
        done = python("-m", "package.jobs")
        assert (done.stderr, done.returncode) == ("", 0)
        assert EXPECTED in done.stdout

    def test_by_the_command_line_as_a_file(self, ending):
        write("jobs.py", JOBS + ending)
        done = cli("run", "-q", "jobs.py")
        assert (done.stderr, done.returncode) == ("", 0)
        assert EXPECTED in done.stdout
        assert "hidden jobs" in done.stdout

    def test_by_the_command_line_as_a_module(self, ending):
        write("package/__init__.py", "")
        write("package/jobs.py", JOBS + ending)
        done = cli("run", "-q", "package.jobs:app")
        assert (done.stderr, done.returncode) == ("", 0)
        assert EXPECTED in done.stdout


def test_a_script_that_imports_its_app_from_elsewhere_runs_its_process_tasks():
    write("jobs.py", JOBS)
    write("main.py", "from jobs import app\n\napp.run()\n")
    done = python("main.py")
    assert done.stderr == ""
    assert EXPECTED in done.stdout


def test_an_app_made_by_a_function_finds_functions_by_their_own_names():
    write(
        "factory.py",
        """
        from actors import App

        def work():
            return "done"

        def make():
            app = App(log=None, stop_when_idle=True)
            app.task(func=work, execution="process", on_startup=True)
            return app

        if __name__ == "__main__":
            made = [make()]
            made[0].run()
            print(made[0].session.returns["work"])
        """,
    )
    done = python("factory.py")
    assert (done.stdout, done.stderr) == ("done\n", "")


def test_a_module_that_fails_to_load_in_a_worker_fails_the_run_with_its_traceback():
    write(
        "jobs.py",
        """
        from actors import App

        app = App(log="runs.jsonl", stop_when_idle=True)
        if __name__ != "__main__":
            raise RuntimeError("not here")

        @app.task(execution="process", on_startup=True)
        def work(): ...

        app.run()
        """,
    )
    python("jobs.py")
    (fail,) = [json.loads(line) for line in Path("runs.jsonl").read_text().splitlines() if '"fail"' in line]
    assert "cannot be loaded in a worker process" in fail["reason"]
    assert "RuntimeError: not here" in fail["exc_text"]


def test_two_runtimes_in_one_process_do_not_see_each_other():
    write(
        "two.py",
        """
        import trio
        from actors import App
        from runtime import open_runtime

        first, second = App(log=None), App(log=None)
        ran = []
        first.task(func=lambda: ran.append("first"), name="it")
        second.task(func=lambda: ran.append("second"), name="it")

        async def main():
            async with open_runtime(first), open_runtime(second):
                second.session["it"].run()
                await trio.sleep(0.1)

        trio.run(main)
        print(ran, first.session["it"].status, second.session["it"].status)
        """,
    )
    done = python("two.py")
    assert (done.stdout, done.stderr) == ("['second'] None success\n", "")


def test_a_restart_by_replace_runs_the_same_program_again():
    write(
        "jobs.py",
        """
        import os
        from actors import App

        app = App(log="runs.jsonl", stop_when_idle=True)

        @app.task(on_startup=True, execution="main")
        def once():
            print("life of", os.getpid(), flush=True)
            if app.session.get_repo().filter_by(task_name="once", action="run").count() == 1:
                app.session.restart()

        app.run()
        """,
    )
    done = python("jobs.py")
    lives = done.stdout.splitlines()
    assert len(lives) == 2
    assert lives[0] == lives[1]  # the process is replaced, and keeps its id


def test_a_restart_by_relaunch_starts_the_same_program_as_another_process():
    write(
        "jobs.py",
        """
        import os, sys
        from actors import App

        app = App(log="runs.jsonl", stop_when_idle=True, restarting="relaunch")

        @app.task(on_startup=True, execution="main")
        def once():
            print("life of", os.getpid(), flush=True)
            if app.session.get_repo().filter_by(task_name="once", action="run").count() == 1:
                app.session.restart()

        app.run()
        print("after", os.getpid(), flush=True)
        """,
    )
    done = python("jobs.py")  # ends when both have closed their output
    pids = [line.split()[-1] for line in done.stdout.splitlines()]
    assert len(pids) == 4
    assert len(set(pids)) == 2
    assert "restarted as process" in done.stderr


def test_a_restart_by_recall_runs_the_app_again_in_the_same_program():
    write(
        "jobs.py",
        """
        from actors import App

        app = App(log=None, stop_when_idle=True, restarting="recall")
        lives = []

        @app.task(on_startup=True, execution="main")
        def once():
            lives.append(1)
            if len(lives) == 1:
                app.session.restart()

        app.run()
        print(len(lives))
        """,
    )
    assert python("jobs.py").stdout == "2\n"


def test_while_an_app_runs_the_garbage_collector_passes_over_what_was_loaded_before():
    app, counts = App(log=None), []
    app.task(func=lambda: counts.append(gc.get_freeze_count()), name="count", execution="main")
    before = gc.get_freeze_count()
    app.session.run("count")
    (meanwhile,) = counts
    assert before < meanwhile
    assert gc.get_freeze_count() <= before
