"""``callsheet logs``: what a run has printed and logged, afterwards and as it comes."""

import fcntl
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from click.testing import CliRunner

import samples
from actors import App, Retry
from cli import main
from commands import CLI, Started, cli, write
from helpers import running
from runtime.output.paths import output_file, output_folder
from runtime.output.run_output import Outputs, RunOutput
from runtime.output.showing import Showing
from runtime.questions import is_listening
from runtime.runlog.locks import is_locked

LOG = Path(".callsheet/runs.jsonl")


def run_of(function, **options):
    """Run a task once, and return its run id."""
    app = App(stop_when_idle=True)
    app.task(func=function, name="it", on_startup=True, **options)
    app.run()
    return app.session.get_repo().filter_by(task_name="it").last().run_id


def test_it_shows_what_a_run_has_printed():
    run_id = run_of(lambda: print("hello\nthere", end=""))
    done = cli("logs", run_id)
    assert (done.returncode, done.stdout, done.stderr) == (0, "hello\nthere\n", "")


def test_the_beginning_of_an_id_is_enough():
    assert cli("logs", run_of(lambda: print("hello"))[:6]).stdout == "hello\n"


def test_a_run_that_has_written_nothing_says_so():
    run_id = run_of(samples.returns)
    done = cli("logs", run_id)
    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr == f"callsheet: run {run_id} of task 'it' has written nothing that was kept\n"


@pytest.mark.parametrize("follow", [[], ["-f"]])
def test_where_there_is_no_such_run_it_says_how_to_find_one(follow):
    run_of(samples.returns)
    done = cli("logs", "nothing", *follow)
    assert done.returncode == 1
    assert "no run in .callsheet/runs.jsonl has the id 'nothing'; list them with: callsheet runs" in done.stderr


def test_without_a_log_it_says_so():
    assert cli("logs", "abc").returncode == 5


@pytest.mark.parametrize("follow", [[], ["-f"]])
def test_each_attempt_has_a_heading(follow):
    run_id = run_of(samples.prints_and_fails, retries=Retry(1, base=0))
    heading, one, two, *again = cli("logs", run_id, *follow).stdout.splitlines()
    assert heading.startswith(f"==> it {run_id}, attempt 1, ")
    assert heading.endswith(": retry <==")
    assert [one, two] == again[1:] == ["one", "two"]
    assert again[0].endswith(": fail <==")


def test_output_that_was_not_kept_is_shown_as_far_as_its_record_has_it():
    run_id = run_of(samples.prints_and_fails, execution="process", capture_output=False)
    assert sorted(cli("logs", run_id).stdout.split()) == ["one", "two"]


def test_for_programs_it_is_an_object_a_run():
    run_id = run_of(lambda: print("é"))
    (row,) = [json.loads(line) for line in cli("logs", run_id, "--json").stdout.splitlines()]
    assert row.pop("start") > 0
    assert row == {"task_name": "it", "run_id": run_id, "status": "success", "output": "é\n"}


def test_another_log_may_be_named():
    app = App(log="other.jsonl", stop_when_idle=True)
    app.task(func=lambda: print("hello"), name="it", on_startup=True)
    app.run()
    run_id = app.session.get_repo().filter_by().last().run_id
    assert cli("logs", run_id, "--log", "other.jsonl").stdout == "hello\n"


JOBS = """
    import time
    from pathlib import Path
    from actors import App

    app = App(stop_when_idle=True)

    @app.task(on_startup=True, func_run_id=lambda task, params: "the-run", execution={mode!r})
    def it():
        print("one", flush=True)
        while not Path("go").exists():
            time.sleep(0.01)
        print("two", flush=True)

    app.run()
"""


@pytest.mark.parametrize("mode", ["thread", "process"])
def test_it_follows_a_run_to_its_end(mode):
    write("jobs.py", JOBS.replace("{mode!r}", repr(mode)))
    with Started("jobs.py") as jobs:
        jobs.wait_for("one")
        with Started(CLI, "logs", "-f", "the-run") as shown:
            shown.wait_for("one")
            Path("go").touch()
            assert shown.wait_ended(10) == 0
            assert shown.printed == "one\ntwo\n"
        assert jobs.wait_ended(10) == 0


def test_it_ends_when_the_runtime_is_killed():
    write("jobs.py", JOBS.replace("{mode!r}", "'thread'"))
    with Started("jobs.py") as jobs:
        jobs.wait_for("one")
        with Started(CLI, "logs", "-f", "the-run") as shown:
            shown.wait_for("one")
            jobs.process.kill()
            assert shown.wait_ended(10) == 0
            assert "no runtime writes .callsheet/runs.jsonl any more, and run the-run has no end on record" in shown.printed


def test_an_interrupt_ends_it_quietly():
    write("jobs.py", JOBS.replace("{mode!r}", "'thread'"))
    with Started("jobs.py") as jobs:
        jobs.wait_for("one")
        with Started(CLI, "logs", "-f", "the-run") as shown:
            shown.wait_for("one")
            shown.process.send_signal(signal.SIGINT)
            assert (shown.wait_ended(10), shown.printed.strip()) == (0, "one")


def test_output_that_may_not_be_read_is_told(monkeypatch):
    run_id = run_of(lambda: print("hello"))

    def may_not(path):
        raise PermissionError(13, "Permission denied", "the file")

    monkeypatch.setattr("runtime.output.showing.text_of", may_not)
    done = CliRunner().invoke(main, ["logs", run_id])
    assert (done.exit_code, done.stderr) == (1, "callsheet: the file cannot be read: Permission denied\n")


def test_who_reads_no_further_ends_it_without_a_traceback():
    run_id = run_of(lambda: print("line\n" * 100_000))
    line = f"{sys.executable} {CLI} logs {run_id} | head -1"
    done = subprocess.run(line, shell=True, capture_output=True, text=True, check=False, timeout=30)
    assert (done.stdout, done.stderr) == ("line\n", "")


class Shown:
    """A log of which only the rows are told, shown as it changes with each wait."""

    def __init__(self, *states, is_written=True):
        self.states, self.texts, self.notes = list(states), [], []
        LOG.parent.mkdir(exist_ok=True)
        LOG.touch()
        self.is_written = is_written
        self.showing = Showing(
            LOG, lambda: self.states[0][0], lambda: self.is_written, as_json=False, show=self.texts.append, note=self.notes.append
        )

    def sleep(self, seconds):
        assert len(self.states) > 1, "it waits for ever"
        self.states.pop(0)
        os.utime(LOG, ns=(0, len(self.states)))
        _, text, start = self.states[0]
        if text:
            output_file(LOG, "it", start, "1").parent.mkdir(parents=True, exist_ok=True)
            with output_file(LOG, "it", start, "1").open("a") as file:
                file.write(text)

    def follow(self):
        self.showing.follow(self.sleep)
        return "".join(self.texts)


def row(status, start=1.0, **columns):
    return {"task_name": "it", "run_id": "1", "start": start, "status": status, **columns}


class TestFollowing:
    def test_what_comes_is_shown_once(self):
        running = [row("running")]
        shown = Shown(
            (running, "", 1.0), (running, "a\n", 1.0), (running, "", 1.0), (running, "b", 1.0), ([row("success")], "c", 1.0)
        )
        assert shown.follow() == "a\nbc\n"
        assert shown.notes == []

    def test_an_attempt_that_is_to_come_is_waited_for(self):
        waits, again = [row("retry")], [row("retry"), row("running", 2.0, attempt=2)]
        over = [row("retry"), row("success", 2.0, attempt=2)]
        shown = Shown((waits, "", 1.0), (waits, "", 1.0), (again, "b\n", 2.0), (over, "", 2.0))
        assert shown.follow().endswith("b\n")
        assert "attempt 2" in "".join(shown.texts)

    def test_an_attempt_that_nobody_will_begin_is_not_waited_for(self):
        shown = Shown(([row("retry")], "", 1.0), is_written=False)
        assert shown.follow() == ""
        assert "run 1 is tried again by the next start of its app" in shown.notes[-1]

    def test_the_crash_that_a_next_start_puts_on_record_is_an_end(self):
        shown = Shown(([row("running")], "", 1.0), ([row("crash")], "a\n", 1.0))
        assert shown.follow() == "a\n"

    def test_a_run_whose_runtime_is_gone_is_followed_no_longer(self):
        shown = Shown(([row("running")], "", 1.0), is_written=False)
        assert shown.follow() == ""
        assert "no end on record" in shown.notes[-1]

    def test_runs_that_were_let_go_of_meanwhile_do_not_disturb_it(self):
        shown = Shown(([row("running")], "", 1.0), ([], "a\n", 1.0), ([row("success")], "", 1.0))
        assert shown.follow() == "a\n"


def test_it_follows_what_another_thread_writes():
    run_id, stop = run_of(lambda: print("first")), threading.Event()
    assert output_folder(LOG).exists()
    output = RunOutput(Outputs(LOG.absolute()), "it", 5.0, run_id)

    def write_on():
        for number in range(200):
            output.write(f"{number}\n")
        output.close()
        stop.set()

    texts, rows = [], [row("running", 5.0, run_id=run_id)]
    showing = Showing(LOG, lambda: rows, lambda: not stop.is_set(), as_json=False, show=texts.append, note=texts.append)
    thread = threading.Thread(target=write_on)
    thread.start()
    showing.follow(lambda _: None)
    thread.join()
    assert "".join(texts).startswith("".join(f"{number}\n" for number in range(200)))


class TestWhetherALogIsWritten:
    async def test_while_an_app_runs_it_is_and_its_app_listens(self):
        async with running(App()):
            assert (is_locked(LOG), is_listening(LOG)) == (True, True)
        assert (is_locked(LOG), is_listening(LOG)) == (False, False)

    @pytest.mark.parametrize("is_asked_by_link", [True, False])
    async def test_a_link_to_it_is_that_log_whoever_goes_by_the_link(self, is_asked_by_link):
        link = Path("link.jsonl")
        link.symlink_to(LOG)
        async with running(App(log=LOG if is_asked_by_link else link)):
            asked = link if is_asked_by_link else LOG
            assert (is_locked(asked), is_listening(asked)) == (True, True)
        assert not list(Path().rglob("*.sock"))

    def test_a_lock_may_be_beside_the_log(self):
        with Path("runs.jsonl.lock").open("w") as file:
            assert not is_locked(Path("runs.jsonl"))
            fcntl.flock(file, fcntl.LOCK_EX)
            assert is_locked(Path("runs.jsonl"))

    def test_where_there_is_no_log_nobody_writes_it(self):
        assert (is_locked(LOG), is_listening(LOG)) == (False, False)

    def test_a_socket_whose_app_was_killed_is_nobody(self):
        with socket.socket(socket.AF_UNIX) as left:
            left.bind("runs.jsonl.sock")
        assert not is_listening(Path("runs.jsonl"))
