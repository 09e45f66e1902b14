"""Worker processes: what they print, what is left in them, and how they end with their scheduler."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import trio

import samples
from actors import App
from commands import Started, python, wait_gone, write
from helpers import actions, records, running


async def run_once(function, *, then=None, **options):
    """Run a process task, and perhaps another in the same worker after it."""
    app = App(log=None, max_process_count=1)
    app.task(func=function, name="it", execution="process", **options)
    if then is not None:
        app.task(func=then, name="then", execution="process")
    async with running(app) as run:
        app.session["it"].run()
        await run.wait_ended()
        if then is not None:
            app.session["then"].run()
            await run.wait_ended(2)
    return app


async def test_what_it_prints_appears_line_by_line_with_the_task_and_the_run(capfd):
    app = await run_once(samples.prints)
    (run_id,) = {record.run_id for record in records(app)}
    printed = capfd.readouterr()
    assert printed.out == f"[it {run_id}] to stdout\n"
    assert printed.err == f"[it {run_id}] to stderr\n"


async def test_a_flood_of_output_leaves_everybody_else_their_turn():
    app = App(log=None, cleanup=0.2)
    app.task(func=samples.floods, name="it", execution="process", timeout=0.7)
    app.task("every 0.05 seconds", func=samples.returns, name="tick", execution="async")
    async with running(app):
        app.session["it"].run()
        with trio.fail_after(20):
            while "terminate" not in actions(app, "it"):
                await trio.sleep(0.01)
    assert actions(app, "tick").count("success") > 3


async def test_a_line_without_end_is_passed_on_in_pieces_and_kept_short():
    app = await run_once(samples.prints_a_long_line_and_fails)
    (end,) = [record for record in records(app) if record.action == "fail"]
    assert len(end.output) < 500_000


async def test_a_task_that_closes_its_stdout_does_not_harm_the_next():
    app = await run_once(samples.closes_stdout, then=samples.prints)
    assert actions(app, "it") == ["run", "success"]
    assert actions(app, "then") == ["run", "success"]


async def test_a_thread_that_a_task_leaves_behind_does_not_harm_the_next():
    app = await run_once(samples.leaves_a_thread_that_controls, then=samples.sleeps_shortly)
    assert actions(app, "then") == ["run", "success"]


async def test_a_death_is_noticed_while_a_forked_child_lives_on():
    app = App(log=None)
    app.task(func=samples.forks_and_is_killed, name="it", execution="process")
    async with running(app) as run:
        app.session["it"].run()
        with trio.fail_after(10):
            await run.wait_ended()
    assert "was killed by signal 9" in records(app)[-1].reason


async def test_a_parameter_that_cannot_be_loaded_there_is_a_fail_that_names_it():
    app = App(log=None)
    app.task(func=samples.returns, name="it", execution="process")
    async with running(app) as run:
        app.session["it"].run(value=samples.CannotBeLoaded())
        await run.wait_ended()
    assert "parameter 'value' of task 'it' cannot be sent to a process" in records(app)[-1].reason


async def test_what_is_refused_in_a_worker_has_not_happened_there():
    app = App(log=None)
    app.task(func=samples.tries_to_create_and_looks, name="it", execution="process")
    async with running(app) as run:
        app.session["it"].run()
        await run.wait_ended()
    assert app.session.returns["it"] == (False, True)


async def test_a_task_that_is_asked_about_there_tells_what_the_scheduler_knows():
    app = App(log=None)
    app.task(func=samples.asks_about, name="it", execution="process")
    app.task(func=samples.returns, name="other")
    async with running(app) as run:
        app.session["other"].run()
        await run.wait_ended()
        app.session["it"].run()
        await run.wait_ended(2)
    assert app.session.returns["it"] == ("success", False, True)


async def test_a_parameter_that_cannot_be_sent_from_there_is_named():
    app = App(log=None)
    app.task(func=samples.sends_a_lock, name="it", execution="process")
    app.task(func=samples.returns, name="other")
    async with running(app) as run:
        app.session["it"].run()
        await run.wait_ended()
    assert "parameter 'value' of task 'other' cannot be sent to a process" in records(app, "it")[-1].reason


async def test_a_parameter_that_cannot_be_loaded_here_is_an_error_in_the_function_that_sends_it():
    app = App(log=None)
    app.task(func=samples.sends_what_cannot_be_loaded, name="it", execution="process")
    app.task(func=samples.returns, name="other")
    async with running(app) as run:
        app.session["it"].run()
        await run.wait_ended()
    assert app.session.returns["it"].startswith("parameter 'value' of task 'other' cannot be sent")


async def test_a_job_that_is_too_much_for_a_new_worker_fails_and_is_not_tried_for_ever():
    app = App(log=None)
    app.task(func=samples.returns, name="it", execution="process")
    async with running(app) as run:
        app.session["it"].run(value=samples.KillsWhoLoadsIt())
        with trio.fail_after(10):
            await run.wait_ended()
    assert "was killed by signal 9" in records(app)[-1].reason


async def test_a_worker_that_cannot_be_started_leaves_no_file_descriptor(monkeypatch):
    opened = os.pipe
    count = 0

    def pipe():
        nonlocal count
        count += 1
        if count == 2:
            raise OSError(24, "Too many open files")
        return opened()

    app = App(log=None)
    app.task(func=samples.returns, name="it", execution="process")
    async with running(app) as run:
        monkeypatch.setattr(os, "pipe", pipe)
        app.session["it"].run()
        await run.wait_ended()
    assert "Too many open files" in records(app)[-1].reason


async def test_a_big_value_goes_there_and_back():
    app = App(log=None)
    app.task(func=samples.returns, name="it", execution="process")
    value = os.urandom(20_000_000)
    async with running(app) as run:
        app.session["it"].run(value=value)
        await run.wait_ended()
    assert app.session.returns["it"] == value


async def test_runs_that_are_cancelled_at_any_moment_leave_nothing_behind():
    """The fixture that looks for children and file descriptors after each test does the asserting."""
    app = App(log=None, cleanup=0.5, max_process_count=2, multilaunch=True)
    app.task(func=samples.returns, name="it", execution="process")
    async with running(app) as run:
        for number in range(30):
            app.session["it"].run()
            await trio.sleep(number * 0.003)
            app.session["it"].terminate()
        with trio.fail_after(30):
            while app.session["it"].is_running:
                await trio.sleep(0.01)
        del run
    ends = [action for action in actions(app) if action != "run"]
    assert len(ends) == 30


JOBS = """
    import subprocess
    from actors import App

    app = App(log=None)

    @app.task(on_startup=True, execution="process")
    def it():
        child = subprocess.Popen(["sleep", "60"])
        import os
        print("pids", os.getpid(), child.pid, flush=True)
        {then}

    @app.task(on_startup=True, execution="process")
    def other():
        pass

    app.run()
"""


@pytest.mark.parametrize(
    "then",
    ["pass  # idle", "import time; time.sleep(60)", pytest.param("sum(range(10**11))", marks=pytest.mark.skipif(
        sys.platform != "linux", reason="elsewhere a thread watches, which needs the interpreter"))],
    ids=["idle", "sleeping", "computing"],
)  # fmt: skip
def test_a_worker_and_what_it_started_do_not_outlive_a_scheduler_that_is_killed(then):
    write("jobs.py", JOBS.replace("{then}", then))
    with Started("jobs.py") as program:
        pids = [int(word) for word in program.wait_for("pids").split()[-2:]]
        os.kill(program.process.pid, signal.SIGKILL)
        for pid in pids:
            wait_gone(pid, within=3)


def test_a_program_without_stdout_runs_process_tasks():
    write(
        "jobs.py",
        """
        from actors import App
        app = App(log="runs.jsonl", stop_when_idle=True)
        @app.task(on_startup=True, execution="process")
        def it():
            print("nobody hears this")
        app.run()
        """,
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    subprocess.run(f"{sys.executable} jobs.py >&-", shell=True, check=True, timeout=60, env=environment)
    assert '"success"' in Path("runs.jsonl").read_text()


def test_an_app_that_is_run_in_other_ways_without_a_guard_does_not_run_again_in_its_workers():
    write(
        "jobs.py",
        """
        import threading
        import runtime
        from actors import App
        app = App(log="runs.jsonl", stop_when_idle=True)
        @app.task(on_startup=True, execution="process")
        def it():
            pass
        print("loading", flush=True)
        thread = threading.Thread(target=app.run)
        thread.start()
        thread.join()
        """,
    )
    done = python("jobs.py")
    assert done.stdout.count("loading") == 2
    assert Path("runs.jsonl").read_text().count('"success"') == 1


def test_changing_the_working_directory_changes_neither_the_log_nor_a_restart():
    write(
        "jobs.py",
        """
        import os
        from actors import App
        app = App(log="runs.jsonl", stop_when_idle=True)
        os.makedirs("elsewhere", exist_ok=True)
        @app.task(on_startup=True, execution="main")
        def once():
            os.chdir("elsewhere")
            if app.session.get_repo().filter_by(action="run").count() == 1:
                app.session.restart()
        app.run()
        print(app.session.get_repo().filter_by(action="success").count())
        """,
    )
    assert python("jobs.py").stdout == "2\n"


def test_a_module_may_await_its_runtime_without_a_guard():
    write(
        "jobs.py",
        """
        import trio
        from actors import App
        from runtime import open_runtime
        app = App(log="runs.jsonl", stop_when_idle=True)
        @app.task(on_startup=True, execution="process")
        def it():
            pass
        async def main():
            async with open_runtime(app) as system:
                await system.wait_ended()
        trio.run(main)
        """,
    )
    assert python("jobs.py").stderr == ""
    assert Path("runs.jsonl").read_text().count('"success"') == 1
