"""The run log cannot be written: the app goes on and nothing is lost that finds room, or it ends in order, as it wants."""

import errno
import os
import subprocess
import sys
from contextlib import contextmanager, suppress
from itertools import count

import pytest
import trio
import trio.testing

import samples
from actors.errors import LogFailed, LogUnusable
from commands import CLI, ROOT, write
from helpers import actions, records, running
from logged import Ticking, amount_of, end, run, summary
from runtime.runlog import backlog
from runtime.runlog.file_log import FileLog
from runtime.runlog.lines import is_whole
from runtime.runlog.memory_log import MemoryLog
from runtime.runlog.recorder import Recorder
from runtime.runlog.reserve import SIZE
from runtime.runlog.retention import FOREVER
from runtime.runlog.segments import sealed_files


class Disk(MemoryLog):
    """A log that cannot be written while there is an error."""

    error = None

    def append(self, document):
        if self.error is not None:
            raise self.error
        super().append(document)


def full():
    return OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def with_disk(app):
    """Have the app write its records to such a disk, and return that."""
    app.session.get_repo().log = disk = Disk()
    return disk


async def until(is_so):
    with trio.fail_after(20):
        while not is_so():
            await trio.sleep(0.005)


class TestAnAppThatGoesOn:
    async def test_all_records_follow_in_their_order(self, app, autojump_clock):
        disk = with_disk(app)
        for name in "abc":
            app.task(func=samples.returns, name=name, execution="main")
        async with running(app) as run_:
            app.session["a"].run()
            await run_.wait_ended()
            disk.error = full()
            app.session.run("b", "c")
            await run_.wait_ended(3)
            assert actions(app) == ["run", "success"]
            disk.error = None
            app.session["a"].run()
            await run_.wait_ended(4)
            await until(lambda: app.session.health.is_ok)
        assert [(record.task_name, record.action) for record in records(app)] == [
            (name, action) for name in "abca" for action in ("run", "success")
        ]

    async def test_its_health_tells_and_recovers_by_itself(self, app, autojump_clock):
        disk = with_disk(app)
        app.task(func=samples.returns, name="it", execution="main")
        async with running(app) as run_:
            disk.error = full()
            app.session["it"].run()
            await run_.wait_ended()
            (problem,) = app.session.health.problems
            assert problem.endswith("([Errno 28] No space left on device); records that wait in memory: 2")
            disk.error = None
            await until(lambda: app.session.health.is_ok)
        assert actions(app) == ["run", "success"]

    async def test_conditions_see_what_waits(self, app, autojump_clock):
        disk = with_disk(app)
        app.task(func=samples.returns, name="it", execution="main")
        app.task("after task 'it'", func=samples.returns, name="next", execution="main")
        async with running(app) as run_:
            disk.error = full()
            app.session["it"].run()
            await run_.wait_ended(2)
            disk.error = None
        assert actions(app) == ["run", "success"] * 2

    async def test_what_cannot_be_written_at_its_end_either_is_lost_and_told(self, app, caplog):
        disk = with_disk(app)
        app.task(func=samples.returns, name="it", execution="main")
        async with running(app) as run_:
            disk.error = full()
            app.session["it"].run()
            await run_.wait_ended()
        ended = run_.system.ended
        assert (ended.lost_records, ended.exit_code) == (2, 5)
        assert "run log: 2 records could not be written and are lost" in [record.getMessage() for record in caplog.records]

    async def test_what_can_is_not_lost(self, app):
        disk = with_disk(app)
        app.task(func=samples.returns, name="it", execution="main")
        async with running(app) as run_:
            disk.error = full()
            app.session["it"].run()
            await run_.wait_ended()
            disk.error = None
        ended = run_.system.ended
        assert (ended.lost_records, ended.exit_code) == (0, 0)
        assert actions(app) == ["run", "success"]

    def test_an_app_in_a_thread_tells_it_too(self, app):
        with_disk(app).error = full()
        app.task(func=samples.returns, name="it", execution="main")
        app.session.config.stop_when_idle = True
        app.session["it"].run()
        with app.start_in_thread() as handle:
            assert handle.wait(20).exit_code == 5


class TestAnAppThatHalts:
    async def test_a_function_whose_start_is_not_on_record_is_never_called(self, app):
        called, disk = [], with_disk(app)
        app.session.config.on_log_failure = "halt"
        app.task(func=lambda: called.append(1), name="it", execution="main")
        disk.error = full()
        with pytest.raises(LogFailed, match="No space left on device"):
            await ending(app, app.session["it"].run)
        assert called == []

    async def test_nor_one_in_any_mode(self, app, mode, tmp_path):
        disk = with_disk(app)
        app.session.config.on_log_failure = "halt"
        app.task(func=samples.returns, name="it", execution=mode)
        disk.error = full()
        with pytest.raises(LogFailed):
            await ending(app, app.session["it"].run)
        assert "it" not in app.session.returns

    async def test_what_goes_on_ends_in_order_and_is_on_record_if_that_is_possible_again(self, app):
        disk, is_called, may_end = with_disk(app), trio.Event(), trio.Event()
        app.session.config.on_log_failure = "halt"

        @app.task(name="long", execution="async")
        async def long():
            is_called.set()
            await may_end.wait()
            return "done"

        app.task(func=samples.returns, name="it", execution="main")

        async def fail():
            app.session["long"].run()
            await is_called.wait()
            disk.error = full()
            app.session["it"].run()
            await trio.testing.wait_all_tasks_blocked()
            disk.error = None
            may_end.set()

        with pytest.raises(LogFailed):
            await ending(app, fail)
        assert app.session.returns["long"] == "done"
        assert [(record.task_name, record.action) for record in records(app)] == [
            ("long", "run"),
            ("it", "run"),
            ("it", "terminate"),
            ("long", "success"),
        ]
        assert records(app, "it")[-1].cause == "log"

    async def test_nothing_starts_where_it_could_not_be_written_when_it_was_opened(self, app):
        """A run of a former life is open, and its end is the first record."""
        called, disk = [], with_disk(app)
        app.session.config.on_log_failure = "halt"
        disk.append(run("it", "r1", 1.0))
        app.task(func=lambda: called.append(1), name="it", execution="main")
        disk.error = full()
        with pytest.raises(LogFailed):
            await ending(app, app.session["it"].run)
        assert called == []

    def test_the_command_line_exits_with_5_and_says_why(self, tmp_path):
        write("jobs.py", JOBS)
        done = launched()
        assert done.returncode == 5
        assert "the app has ended, since its run log cannot be written: [Errno 28] No space left on device" in done.stderr
        assert "called" not in done.stdout

    def test_without_that_it_exits_with_5_where_records_are_lost(self, tmp_path):
        write("jobs.py", JOBS.replace("halt", "continue"))
        done = launched()
        assert done.returncode == 5
        assert "2 records could not be written and are lost" in done.stderr
        assert "called" in done.stdout


JOBS = """
import errno, os
from actors import App
from runtime.runlog.file_log import FileLog

def refuse(self, document):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

FileLog.append = refuse
app = App(on_log_failure="halt", stop_when_idle=True)

@app.task(execution="main", capture_output=False)
def it():
    print("called", flush=True)

app.session["it"].run()
"""


def launched():
    """Run these jobs as a program."""
    command, env = [sys.executable, CLI, "run", "jobs.py"], {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(command, capture_output=True, text=True, env=env, check=False, timeout=60)


async def ending(app, begin):
    """Run the app until it ends, having begun with something."""
    async with running(app) as run_:
        begun = begin()
        if begun is not None:
            await begun
        await run_.wait_over()


class TestTheBacklog:
    @pytest.fixture(autouse=True)
    def small(self, monkeypatch):
        monkeypatch.setattr(backlog, "MOST", 20)

    @pytest.fixture
    def disk(self):
        return Disk()

    @pytest.fixture
    def recorder(self, disk):
        recorder = Recorder(disk, Ticking(), elapsed=count(step=100).__next__)
        recorder.open()
        return recorder

    def fail(self, disk, recorder, runs):
        disk.error = full()
        for number in range(runs):
            recorder.record(run("a", str(number), float(number)))
        disk.error = None

    def test_of_too_many_the_oldest_make_room_and_a_record_tells_how_many(self, disk, recorder):
        self.fail(disk, recorder, 50)
        assert len(recorder._backlog) == 20
        assert recorder.problems()[0].endswith("records that wait in memory: 20, lost: 30")
        recorder.record(run("a", "50", 50.0))
        *documents, told = disk.documents()
        assert [document["run_id"] for document in documents] == [str(number) for number in range(31, 51)]
        assert (told["action"], told["task_name"]) == ("error", "")
        assert told["reason"] == "the run log could not be written for a while, and has lost 31 records"
        assert recorder.lost == 31
        assert recorder.problems() == ()

    def test_what_is_lost_is_told_once(self, disk, recorder):
        for _ in range(2):
            self.fail(disk, recorder, 25)
            recorder.record(end("a", "x", 1.0))
        told = [document["reason"] for document in disk.documents() if document["action"] == "error"]
        assert len(told) == 2
        assert recorder.lost == sum(int(words.split()[-2]) for words in told)

    def test_a_failure_amid_the_recovery_keeps_the_order(self, disk, recorder, monkeypatch):
        self.fail(disk, recorder, 10)
        room = iter([True] * 4)
        real = MemoryLog.append

        def append(self, document):
            if not next(room, False):
                raise full()
            real(self, document)

        with monkeypatch.context() as patch:
            patch.setattr(Disk, "append", append)
            recorder.record(run("a", "10", 10.0))
            recorder.record(run("a", "11", 11.0))
        recorder.close()
        assert [document["run_id"] for document in disk.documents()] == [str(number) for number in range(12)]

    def test_notes_that_cannot_be_written_are_dropped(self, disk, recorder):
        disk.error = full()
        for number in range(100):
            recorder.note({"created": float(number), "task_name": "a", "action": "schedule", "schedule": None})
        assert len(recorder._backlog) == 0


@contextmanager
def mounted(folder, size):
    """Have a small disk there, where that is allowed."""
    folder.mkdir()
    if subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", folder], capture_output=True, check=False
    ).returncode:
        pytest.skip("mounting is not allowed here")
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", folder], check=True)


@pytest.mark.skipif(sys.platform != "linux", reason="it needs tmpfs")
class TestARealDisk:
    @pytest.fixture
    def folder(self, tmp_path):
        with mounted(tmp_path / "disk", 16 * SIZE):
            yield tmp_path / "disk"

    def test_a_full_one_costs_nothing_once_there_is_room(self, folder):
        """First the reserve is used, then records wait in memory; whatever becomes of rotating and tidying meanwhile."""
        log, documents, elapsed = FileLog(folder / "runs.jsonl", segment_size=100_000), [], count(step=1)
        recorder = Recorder(log, Ticking(), elapsed=elapsed.__next__)
        recorder.open()
        assert (folder / "runs.jsonl.reserve").stat().st_size == SIZE
        self.fill_up(folder)
        for number in range(6000):
            documents += [run("a", str(number), float(number)), end("a", str(number), float(number), reason="x" * 100)]
            recorder.record(documents[-2])
            recorder.record(documents[-1])
            if number % 2000 == 0:
                with suppress(OSError):
                    log.tidy(FOREVER, 0.0)
        assert not (folder / "runs.jsonl.reserve").exists()
        waiting = len(recorder._backlog)
        assert 0 < waiting < backlog.MOST
        assert "No space left on device" in recorder.problems()[0]
        assert list(log.documents()) == documents[:-waiting]
        (folder / "filler").unlink()
        recorder.close()
        assert recorder.lost == 0
        assert list(FileLog(log.path).documents()) == documents
        for path in (log.path, *sealed_files(log.path).values()):
            assert all(map(is_whole, path.read_bytes().splitlines(keepends=True)))
        log.open()
        assert summary(log.history()) == amount_of(documents)
        log.tidy(FOREVER, 0.0)
        assert (folder / "runs.jsonl.reserve").exists()
        log.close()

    @staticmethod
    def fill_up(folder):
        with (folder / "filler").open("wb", buffering=0) as file, suppress(OSError):
            while file.write(bytes(4096)):
                pass

    def test_one_that_is_full_when_it_is_opened_is_opened_if_there_is_a_log(self, folder):
        log = FileLog(folder / "runs.jsonl")
        log.open()
        log.append(run("a", "1", 1.0))
        log.close()
        self.fill_up(folder)
        log.open()
        assert list(log.documents()) == [run("a", "1", 1.0)]
        log.close()

    def test_one_that_is_full_without_a_log_is_refused(self, folder):
        self.fill_up(folder)
        with pytest.raises(LogUnusable, match="No space left on device"):
            FileLog(folder / "runs.jsonl").open()
        (folder / "filler").unlink()
        log = FileLog(folder / "runs.jsonl")
        log.open()
        log.close()

    def test_one_that_is_read_only_is_read_and_not_opened(self, folder):
        log = FileLog(folder / "runs.jsonl")
        log.open()
        log.append(run("a", "1", 1.0))
        log.close()
        subprocess.run(["mount", "-o", "remount,ro", folder], check=True)
        assert list(log.documents()) == [run("a", "1", 1.0)]
        with pytest.raises(LogUnusable, match="Read-only file system"):
            log.open()
