"""What outlives a scheduler that was killed is ended by the next start, and nobody else ever is."""

import logging
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from actors import App
from commands import Started, is_alive, python, wait_gone, write
from helpers import actions, records, running
from runtime import survivors
from runtime.identity import identity_of
from runtime.survivors import end_survivors, identity_in

LOG = Path("runs.jsonl")
LEADS = ["sh", "-c", "sleep 60 & echo $!; wait"]


def run_of(identity, **columns):
    """Return the record of a run that has that process, as far as it is known."""
    known = {"pid": identity.pid, "pid_start": identity.started, "boot": identity.boot} if identity is not None else {}
    times = {"created": 1.0, "start": 1.0, "due": 1.0}
    return {"task_name": "it", "run_id": "r", "action": "run", **times, **known, **columns}


def started_by(scheduler):
    """Return what the record of a run says of the process that has started its own."""
    return {"scheduler": scheduler.pid, "scheduler_start": scheduler.started}


@pytest.fixture
def leader():
    """A process that leads a group, in which it has started another."""
    with subprocess.Popen(LEADS, stdout=subprocess.PIPE, text=True, start_new_session=True) as process:
        process.child = int(process.stdout.readline())
        yield process
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)


class TestEnding:
    def test_a_process_that_is_the_one_is_killed_with_its_group(self, leader, caplog):
        assert end_survivors([run_of(identity_of(leader.pid))]) == frozenset()
        assert not is_alive(leader.pid)
        wait_gone(leader.child)
        assert caplog.record_tuples == [
            (
                "callsheet.runtime",
                logging.WARNING,
                f"task 'it' run r: its process {leader.pid} has outlived the runtime that had started it, and is killed",
            )
        ]

    def test_one_whose_scheduler_goes_on_is_left_alone_as_the_log_is_a_copy(self, leader, caplog):
        assert end_survivors([run_of(identity_of(leader.child), **started_by(identity_of(leader.pid)))]) == frozenset()
        assert (is_alive(leader.child), caplog.record_tuples) == (True, [])

    def test_one_whose_scheduler_has_this_very_process_in_its_place_is_killed(self, leader):
        end_survivors([run_of(identity_of(leader.pid), **started_by(identity_of(os.getpid())))])
        assert not is_alive(leader.pid)

    @pytest.mark.parametrize("change", [{"pid": 2**22 + 1}, {"started": 1}])
    def test_one_whose_scheduler_is_gone_is_killed_though_another_may_have_its_number(self, change, leader):
        scheduler = replace(identity_of(os.getppid()), **change)
        end_survivors([run_of(identity_of(leader.pid), **started_by(scheduler))])
        assert not is_alive(leader.pid)

    @pytest.mark.parametrize("change", [{"started": 1}, {"boot": "another"}])
    def test_another_that_has_its_number_now_is_left_alone(self, change, leader, caplog):
        assert end_survivors([run_of(replace(identity_of(leader.pid), **change))]) == frozenset()
        assert (is_alive(leader.pid), caplog.record_tuples) == (True, [])

    def test_where_nothing_can_be_told_apart_nobody_is_killed(self, leader, tmp_path, monkeypatch):
        identity = identity_of(leader.pid)
        monkeypatch.setattr(survivors, "is_alive", lambda one: sys.modules["runtime.identity"].is_alive(one, tmp_path))
        assert end_survivors([run_of(identity)]) == frozenset()
        assert is_alive(leader.pid)

    def test_one_that_leads_no_group_is_killed_alone(self, leader):
        assert end_survivors([run_of(identity_of(leader.child))]) == frozenset()
        assert not is_alive(leader.child)
        assert leader.wait(10) == 0

    def test_this_very_process_is_not_though_it_was_a_worker_once(self):
        assert end_survivors([run_of(identity_of(os.getpid()))]) == frozenset()

    def test_its_own_group_is_not_though_a_command_has_started_it(self):
        script = (
            "import os, subprocess, sys\n"
            "from runtime.identity import identity_of\n"
            "from runtime.survivors import end_survivors\n"
            "me = identity_of(os.getppid())\n"
            "assert os.getpgrp() == me.pid\n"
            "end_survivors([dict(task_name='it', run_id='r', pid=me.pid, pid_start=me.started, boot=me.boot)])\n"
            "print('still here', flush=True)\n"
        )
        write("starts.py", script)
        line = f"{sys.executable} starts.py; exit 0"
        root = str(Path(__file__).parents[1])
        with subprocess.Popen(
            ["sh", "-c", line], stdout=subprocess.PIPE, text=True, start_new_session=True, env={**os.environ, "PYTHONPATH": root}
        ) as process:
            assert process.stdout.readline() == "still here\n"
        assert process.returncode == -signal.SIGKILL

    def test_without_one_nothing_is_waited_for(self, monkeypatch):
        monkeypatch.setattr(time, "sleep", lambda _: pytest.fail("it waited"))
        gone = replace(identity_of(os.getpid()), pid=2**22 + 1)
        assert end_survivors([run_of(gone), run_of(None)]) == frozenset()

    def test_several_are_killed_first_and_waited_for_together(self, monkeypatch):
        killed = []
        monkeypatch.setattr(survivors, "_kill", killed.append)
        monkeypatch.setattr(survivors, "is_alive", lambda _: True)
        clock = iter(range(100))
        monkeypatch.setattr(time, "monotonic", lambda: next(clock))
        monkeypatch.setattr(time, "sleep", lambda _: None)
        runs = [run_of(None, pid=2**22 + number, pid_start=1, boot="x") for number in range(3)]
        assert end_survivors(runs) == frozenset(killed) == {run["pid"] for run in runs}
        assert next(clock) < 5

    def test_one_that_cannot_be_killed_is_told_of(self, leader, monkeypatch, caplog):
        def refused(*_):
            raise PermissionError

        with monkeypatch.context() as patch:
            patch.setattr(survivors, "TO_DIE", 0.0)
            patch.setattr(os, "killpg", refused)
            assert end_survivors([run_of(identity_of(leader.pid))]) == {leader.pid}
        assert caplog.record_tuples[-1] == (
            "callsheet.runtime",
            logging.ERROR,
            f"task 'it' run r: its process {leader.pid} could not be ended, and goes on",
        )

    @pytest.mark.parametrize(
        "columns",
        [{}, {"pid": 0}, {"pid": 1}, {"pid": -1}, {"pid": "7"}, {"pid": True}, {"pid_start": None}, {"boot": 3}],
    )
    def test_what_the_log_says_of_no_process_that_can_be_names_none(self, columns):
        run = run_of(None, **({"pid": 7, "pid_start": 1, "boot": "x"} | columns if columns else {}))
        assert identity_in(run) is None


class TestAtTheNextStart:
    """Whole runtimes, on a log that a killed one has left."""

    @staticmethod
    def left_behind(identity, **columns):
        log = App(log=LOG).session.get_repo().log
        log.open()
        log.append({**run_of(None), "params": {}} | columns)
        log.append({**run_of(identity), "action": "worker"})
        log.close()

    @staticmethod
    def app_of(**options):
        app = App(log=LOG)

        @app.task(**options)
        async def it():
            pass

        return app

    async def test_it_is_gone_before_the_run_is_closed_and_before_anything_starts(self, leader):
        self.left_behind(identity_of(leader.pid))
        app = self.app_of(on_startup=True)
        async with running(app) as run:
            await run.wait_ended()
        assert not is_alive(leader.pid)
        (_, crash, *_) = records(app)
        assert (crash.action, crash.pid) == ("crash", leader.pid)
        assert actions(app) == ["run", "crash", "run", "success"]

    @pytest.mark.parametrize("options", [{"on_orphan": "rerun"}, {"retries": 3}])
    async def test_what_could_not_be_ended_is_not_run_a_second_time_beside_itself(self, options, leader, monkeypatch):
        monkeypatch.setattr(survivors, "_kill", lambda _: None)
        monkeypatch.setattr(survivors, "TO_DIE", 0.0)
        self.left_behind(identity_of(leader.pid))
        app = self.app_of(**options)
        async with running(app):
            pass
        (_, crash) = records(app)
        assert (crash.action, f"its process {leader.pid} could not be ended" in crash.reason) == ("crash", True)

    def test_a_copy_of_the_log_of_an_app_that_runs_ends_nothing_of_that_and_closes_its_run(self):
        write("jobs.py", COPIED)
        with Started("jobs.py", LOG, "begin") as live:
            pid = int(live.wait_for("works").split()[-1])
            Path("copy.jsonl").write_bytes(LOG.read_bytes())
            assert python("jobs.py", "copy.jsonl").returncode == 0
            assert is_alive(pid)
            Path("go").touch()
            assert live.wait_ended(20) == 0
        assert actions(App(log=LOG), "it") == ["run", "success"]
        assert actions(App(log="copy.jsonl"), "it") == ["run", "crash"]

    @pytest.mark.parametrize(
        "work", ["func=stays, execution='process'", "command=['sh', '-c', 'echo stays $$; sleep 60 & wait']"]
    )
    def test_a_process_that_has_outlived_its_scheduler_is_ended_and_its_run_is_a_crash(self, work):
        write("jobs.py", JOBS.replace("WORK", work))
        with Started("jobs.py", "begin") as first:
            pid = int(first.wait_for("stays").split()[-1])
            Path("go").touch()
            holder = int(first.wait_for("holds").split()[-1])
            os.kill(first.process.pid, signal.SIGKILL)
            first.process.wait(10)
            assert is_alive(pid), "it was to outlive its scheduler"
            try:
                with Started("jobs.py") as second:
                    assert second.wait_ended(20) == 0
                assert not is_alive(pid)
            finally:
                os.kill(holder, signal.SIGKILL)
                if is_alive(pid):
                    os.killpg(pid, signal.SIGKILL)
        app = App(log=LOG)
        assert actions(app, "it") == ["run", "crash"]
        assert records(app, "it")[-1].pid == pid
        assert f"its process {pid} has outlived the runtime" in second.printed


COPIED = """
    import os, sys, time
    from pathlib import Path
    from actors import App

    app = App(log=sys.argv[1], stop_when_idle=True)

    @app.task(execution="process")
    def it():
        print("works", os.getpid(), flush=True)
        while not Path("go").exists():
            time.sleep(0.01)

    if __name__ == "__main__":
        if "begin" in sys.argv:
            app.session["it"].run()
        app.run()
"""

JOBS = """
    import os, sys, time
    from pathlib import Path
    from actors import App

    app = App(log="runs.jsonl", stop_when_idle=True)

    def stays():
        print("stays", os.getpid(), flush=True)
        time.sleep(60)

    app.task(name="it", WORK)

    @app.task(execution="thread")
    def forks():
        while not Path("go").exists():
            time.sleep(0.01)
        if os.fork() == 0:  # it inherits what ties the others to the scheduler, as of multiprocessing a child may
            for fd in map(int, os.listdir("/proc/self/fd")):
                if os.path.realpath(f"/proc/self/fd/{fd}").endswith("runs.jsonl"):
                    os.close(fd)
            print("holds", os.getpid(), flush=True)
            time.sleep(60)
            os._exit(0)
        time.sleep(60)

    if __name__ == "__main__":
        if "begin" in sys.argv:
            app.session["it"].run()
            app.session["forks"].run()
        app.run()
"""
