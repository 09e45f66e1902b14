"""The recorder: what happens is on record at once, whatever the disk and the loggers do."""

import errno
import logging
import os
import shutil
from itertools import count

import pytest

from actors.errors import LogLocked
from logged import Ticking, end, fill, run, unstarted
from runtime.clock import SystemClock
from runtime.runlog.file_log import FileLog
from runtime.runlog.memory_log import MemoryLog
from runtime.runlog.recorder import LogTerms, Recorder
from runtime.runlog.retention import FOREVER


@pytest.fixture
def recorder(remake):
    recorder = Recorder(remake(), Ticking())
    recorder.open()
    return recorder


class TestRecords:
    def test_records_are_in_the_log_in_their_order(self, recorder, remake):
        documents = [run("a", "1", 1.0), run("b", "2", 2.0), end("b", "2", 2.0), end("a", "1", 1.0, at=4.0)]
        for document in documents:
            recorder.record(document)
        recorder.close()
        assert list(remake().documents()) == documents

    def test_a_record_is_in_the_log_when_record_returns(self, remake):
        log = remake()
        log.open()
        recorder = Recorder(log, Ticking())
        recorder.record(run("a", "1", 1.0))
        assert list(log.documents()) == [run("a", "1", 1.0)]

    def test_a_second_runtime_does_not_get_the_log(self, tmp_path):
        first = Recorder(FileLog(tmp_path / "runs.jsonl"), Ticking())
        first.open()
        with pytest.raises(LogLocked):
            Recorder(FileLog(tmp_path / "runs.jsonl"), Ticking()).open()
        first.close()


class BrokenDisk(MemoryLog):
    """A log that cannot be written while `broken`."""

    broken = False

    def append(self, document):
        if self.broken:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        super().append(document)


class TestUnwritable:
    @pytest.fixture
    def disk(self):
        return BrokenDisk()

    @pytest.fixture
    def recorder(self, disk):
        recorder = Recorder(disk, Ticking(), elapsed=count(step=10).__next__)
        recorder.open()
        return recorder

    def test_records_wait_and_follow_in_their_order(self, disk, recorder):
        documents = [run("a", "1", 1.0), run("b", "2", 2.0), end("a", "1", 1.0), end("b", "2", 2.0)]
        recorder.record(documents[0])
        disk.broken = True
        recorder.record(documents[1])
        recorder.record(documents[2])
        assert list(disk.documents()) == documents[:1]
        disk.broken = False
        recorder.record(documents[3])
        assert list(disk.documents()) == documents

    def test_it_is_told_once(self, disk, recorder, caplog):
        disk.broken = True
        recorder.record(run("a", "1", 1.0))
        recorder.record(end("a", "1", 1.0))
        told = [record.getMessage() for record in caplog.records if record.name == "callsheet.runtime"]
        assert told == [
            "run log: cannot write ([Errno 28] No space left on device); records wait in memory until it can be, 1 so far",
        ]

    def test_it_is_a_problem_as_long_as_records_wait(self, disk, recorder):
        disk.broken = True
        recorder.record(run("a", "1", 1.0))
        assert recorder.problems() == (
            "the run log cannot be written ([Errno 28] No space left on device); records that wait in memory: 1",
        )
        disk.broken = False
        recorder.record(end("a", "1", 1.0))
        assert recorder.problems() == ()

    def test_what_is_ended_by_that_comes_after_it_in_the_logs_and_in_number(self, disk, recorder, caplog):
        """Where the app wants to halt, it puts that on record before it goes on."""
        caplog.set_level(logging.INFO, "callsheet.task")
        numbers = {}
        recorder.take(LogTerms(on_failure="halt"))
        recorder.on_halt = lambda _: numbers.update(second=recorder.record(unstarted("b", "2", 1.0)))
        disk.broken = True
        numbers["first"] = recorder.record(run("a", "1", 1.0))
        assert numbers == {"first": 1, "second": 2}
        told = [record.callsheet["task_name"] for record in caplog.records if record.name == "callsheet.task"]
        assert told == ["a", "b"]

    def test_closing_writes_what_waits(self, disk, recorder):
        disk.broken = True
        recorder.record(run("a", "1", 1.0))
        disk.broken = False
        recorder.close()
        assert list(disk.documents()) == [run("a", "1", 1.0)]

    def test_closing_tells_what_is_lost(self, disk, recorder, caplog):
        disk.broken = True
        recorder.record(run("a", "1", 1.0))
        recorder.record(end("a", "1", 1.0))
        recorder.close()
        assert caplog.records[-1].getMessage() == "run log: 2 records could not be written and are lost"

    def test_a_disk_that_fails_again_half_way_keeps_the_rest(self, disk, recorder, monkeypatch):
        documents = [run("a", str(number), float(number)) for number in range(4)]
        disk.broken = True
        for document in documents[:3]:
            recorder.record(document)
        real, left = MemoryLog.append, [2]

        def append(self, document):
            if not left[0]:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            left[0] -= 1
            real(self, document)

        monkeypatch.setattr(BrokenDisk, "append", append)
        recorder.record(documents[3])
        assert list(disk.documents()) == documents[:2]
        left[0] = 9
        recorder.close()
        assert list(disk.documents()) == documents

    def test_a_file_that_was_full_has_all_records_afterwards(self, tmp_path, monkeypatch):
        log = FileLog(tmp_path / "runs.jsonl")
        recorder = Recorder(log, Ticking(), elapsed=count(step=10).__next__)
        recorder.open()
        documents = [run("a", str(number), float(number)) for number in range(3)]
        recorder.record(documents[0])
        real = os.write
        with monkeypatch.context() as patch:
            patch.setattr(os, "write", lambda fd, data: real(fd, data[:7]))
            recorder.record(documents[1])
        recorder.record(documents[2])
        recorder.close()
        assert list(log.documents()) == documents


class Raising(logging.Handler):
    def emit(self, record):
        raise RuntimeError("this handler is broken")


@pytest.fixture
def raising_handler():
    logger = logging.getLogger("callsheet")
    handler = Raising()
    logger.addHandler(handler)
    yield
    logger.removeHandler(handler)


class TestLoggers:
    def test_the_standard_loggers_are_told_of_each_record(self, recorder, caplog):
        caplog.set_level(logging.INFO)
        recorder.record(run("a", "1", 1.0))
        recorder.record(end("a", "1", 1.0, "terminate", reason="timeout"))
        recorder.record(end("a", "2", 2.0, "fail", reason="ValueError: no", exc_text="Traceback"))
        assert [(record.name, record.levelname, record.getMessage()) for record in caplog.records] == [
            ("callsheet.task", "INFO", "task 'a' run 1: run"),
            ("callsheet.task", "INFO", "task 'a' run 1: terminate (timeout)"),
            ("callsheet.task", "ERROR", "task 'a' run 2: fail (ValueError: no): \nTraceback"),
        ]

    def test_the_record_goes_with_it(self, recorder, caplog):
        caplog.set_level(logging.INFO)
        recorder.record(run("a", "1", 1.0))
        assert caplog.records[0].callsheet == run("a", "1", 1.0)

    def test_a_percent_sign_is_a_percent_sign(self, recorder, caplog):
        recorder.record(end("100%s", "1", 1.0, "fail", reason="%d"))
        assert caplog.records[0].getMessage() == "task '100%s' run 1: fail (%d)"

    def test_a_handler_that_raises_changes_nothing(self, recorder, remake, raising_handler, capsys):
        recorder.record(end("a", "1", 1.0, "fail"))
        recorder.close()
        assert list(remake().documents()) == [end("a", "1", 1.0, "fail")]
        assert "this handler is broken" in capsys.readouterr().err

    def test_a_handler_that_raises_changes_nothing_when_the_disk_is_full(self, raising_handler):
        disk = BrokenDisk()
        recorder = Recorder(disk, Ticking(), elapsed=count(step=10).__next__)
        recorder.open()
        disk.broken = True
        recorder.record(run("a", "1", 1.0))
        disk.broken = False
        recorder.record(end("a", "1", 1.0))
        assert list(disk.documents()) == [run("a", "1", 1.0), end("a", "1", 1.0)]

    def test_a_handler_that_raises_changes_nothing_when_a_line_was_torn(self, tmp_path, raising_handler):
        log = FileLog(tmp_path / "runs.jsonl")
        log.open()
        fill(log, end("a", "1", 1.0))
        log.close()
        with log.path.open("ab") as file:
            file.write(b"torn")
        recorder = Recorder(log, Ticking())
        facts = recorder.open().facts
        recorder.close()
        assert list(facts) == ["a"]


def test_a_start_that_fails_leaves_the_log_free(tmp_path, monkeypatch):
    log = FileLog(tmp_path / "runs.jsonl")
    recorder = Recorder(log, SystemClock())
    with monkeypatch.context() as broken:
        broken.setattr(log, "history", lambda: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            recorder.open()
    assert recorder.open().facts == {}
    recorder.close()


class TestClosed:
    """A log whose runtime has ended, while what that has left behind goes on, as in the program of a host."""

    def test_a_note_raises_nothing_where_another_runtime_has_the_log(self, tmp_path):
        log = Recorder(FileLog(tmp_path / "runs.jsonl"), Ticking())
        log.open()
        log.close()
        other = FileLog(tmp_path / "runs.jsonl")
        other.open()
        log.note_late(run("a", "1", 1.0), "it has ended")
        assert list(other.documents()) == []
        other.close()

    def test_a_note_does_not_make_a_log_anew_that_was_deleted(self, tmp_path):
        log = Recorder(FileLog(tmp_path / "of the app" / "runs.jsonl"), Ticking())
        log.open()
        log.close()
        shutil.rmtree(tmp_path / "of the app")
        log.note_late(run("a", "1", 1.0), "it has ended")
        assert not (tmp_path / "of the app").exists()


class TestMemoryLog:
    def test_it_is_tidied_more_seldom_the_more_there_is_to_keep(self):
        log, tidied = MemoryLog(most_lines=10), 0
        for number in range(500):
            log.append(end("a", str(number), float(number)))
            if log.is_untidy:
                tidied += 1
                log.tidy(FOREVER, 1e6)
        assert 1 < tidied < 10
        assert len(list(log.documents())) == 500
