"""What runs have written goes with them."""

from pathlib import Path

import pytest
import trio

from actors import App
from helpers import running
from logged import end, run
from runtime.clock import SystemClock
from runtime.output.gauge import BLOCK, Gauge
from runtime.output.paths import output_folder
from runtime.output.run_output import Outputs, RunOutput
from runtime.output.shape import Limits
from runtime.runlog.file_log import FileLog
from runtime.runlog.recorder import Recorder
from runtime.runlog.retention import Keep
from runtime.runlog.segments import sealed_files

LOG = Path("runs.jsonl")


def kept_outputs():
    return {path.read_text() for path in output_folder(LOG).rglob("*.log")}


def tidied(keep, now=4e9):
    log = FileLog(LOG)
    log.open()
    log.seal()
    log.tidy(keep, now)
    log.close()


def test_the_output_of_runs_that_are_let_go_of_is_deleted_and_that_of_others_stays():
    app = App(log=LOG)

    def says(words):
        print(words)

    app.task(func=says, execution="main")
    for words in ("first", "second", "third"):
        app.session["says"].run(words=words)
        app.session.run()
    assert kept_outputs() == {"first\n", "second\n", "third\n"}
    tidied(Keep(runs=1))
    assert kept_outputs() == {"third\n"}


def test_the_output_of_the_last_failure_stays_however_old_it_is():
    app = App(log=LOG)

    def fails():
        print("its last words")
        raise ValueError

    app.task(func=fails, execution="main")
    app.session["fails"].run()
    app.session.run()
    tidied(Keep(seconds=1.0))
    assert kept_outputs() == {"its last words\n"}


def says_much():
    print("x" * 50_000)


def size_of_outputs():
    return sum(path.stat().st_size for path in output_folder(LOG).rglob("*.log"))


@pytest.fixture
def much(monkeypatch):
    """Take 200 kB of output for much."""
    monkeypatch.setattr("runtime.output.run_output.MUCH", 200_000)


async def until_swept(below):
    with trio.fail_after(20):
        while size_of_outputs() >= below:
            await trio.sleep(0.01)


class TestMuchOutput:
    async def test_it_is_swept_long_before_the_log_is_full(self, much):
        app = App(log=LOG, keep_runs=2)
        app.task(func=says_much, execution="main")
        async with running(app) as run:
            for _ in range(20):
                app.session["says_much"].run()
                await run.wait_ended()
            await until_swept(below=300_000)

    async def test_what_earlier_lives_have_left_is_swept_after_the_start(self, much):
        app = App(log=LOG)
        app.task(func=says_much, execution="main")
        async with running(app) as run:
            for _ in range(3):
                app.session["says_much"].run()
                await run.wait_ended()
        (path, *_) = output_folder(LOG).rglob("*.log")
        (path.with_name("1.0-of-another-life.log")).write_text("x" * 100_000)
        assert size_of_outputs() > 200_000
        app = App(log=LOG, keep_runs=1)
        app.task(func=says_much, execution="main")
        async with running(app):
            await until_swept(below=100_000)

    def test_a_run_that_writes_without_end_counts_as_much_as_is_kept_of_it(self):
        told = []
        outputs = Outputs(LOG.absolute(), Limits(head=100, tail=200), lambda: told.append(1))
        outputs.gauge = Gauge(lambda: told.append(1), BLOCK + 1)
        endless = RunOutput(outputs, "it", 1.0, "1")
        for _ in range(1000):
            endless.write("x" * 100)
        assert not told
        another = RunOutput(outputs, "it", 2.0, "2")
        another.write("x")
        assert told == [1]
        endless.close()
        another.close()

    def test_what_is_sealed_for_it_is_what_was_written_and_nothing_once_the_log_serves_no_more(self):
        log = FileLog(LOG)
        recorder = Recorder(log, SystemClock())
        recorder.open()
        recorder.record(run("a", "1", 1.0))
        recorder.make_room()
        recorder.make_room()
        assert [*sealed_files(LOG)] == [1]
        recorder.record(end("a", "1", 1.0))
        recorder.stop()
        recorder.make_room()
        recorder.close()
        assert [*sealed_files(LOG)] == [1]
