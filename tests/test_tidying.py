"""Tidying up a run log holds up nobody who appends, and takes no more the longer the log is."""

import os
import threading
from pathlib import Path

import pytest

from logged import end, fill, run
from runtime.runlog.file_log import FileLog
from runtime.runlog.retention import FOREVER, Keep

KEEPS = {"all": FOREVER, "some": Keep(runs=3), "the youngest": Keep(seconds=200.0)}


def ended(first, last):
    """Return the records of runs with these numbers, of ten tasks."""
    return [
        document
        for number in range(first, last)
        for document in (
            run(f"task {number % 10}", str(number), 10.0 * number),
            end(f"task {number % 10}", str(number), 10.0 * number),
        )
    ]


@pytest.fixture
def log(tmp_path):
    log = FileLog(tmp_path / "runs.jsonl", segment_size=4000)
    log.open()
    yield log
    log.close()


@pytest.mark.parametrize("keep", KEEPS.values(), ids=KEEPS)
def test_nobody_who_appends_waits_for_the_disk(log, monkeypatch, keep):
    """Whenever it is waited for, another thread can append."""
    fill(log, *ended(0, 100))
    waits, real = [], os.fsync

    def fsync(fd):
        appender = threading.Thread(target=log.append, args=({"number": len(waits)},))
        appender.start()
        appender.join(10)
        waits.append(appender.is_alive())
        real(fd)

    monkeypatch.setattr(os, "fsync", fsync)
    log.tidy(keep, 1000.0)
    log.sync()
    monkeypatch.undo()
    assert len(waits) > 3
    assert not any(waits)
    assert [each["number"] for each in log.documents() if "number" in each] == list(range(len(waits)))


@pytest.mark.parametrize("keep", KEEPS.values(), ids=KEEPS)
def test_what_is_written_anew_is_never_much_more_than_what_was_written(log, monkeypatch, keep):
    """However long the log becomes; a state is written each time, but that is as long as there are tasks."""
    monkeypatch.setattr(os, "fsync", lambda _: None)
    published, real = [], os.replace

    def replace(source, target):
        if not str(target).endswith(".state"):
            published.append(Path(source).stat().st_size)
        real(source, target)

    monkeypatch.setattr(os, "replace", replace)
    written = 0
    for begin in range(0, 3000, 20):
        documents = ended(begin, begin + 20)
        written += sum(map(len, map(repr, documents)))
        fill(log, *documents)
        if log.is_untidy:
            log.tidy(keep, 10.0 * (begin + 20))
    assert sum(published) < 3 * written


def test_segments_of_which_nothing_is_new_are_read_once(log, monkeypatch):
    monkeypatch.setattr(os, "fsync", lambda _: None)
    fill(log, *ended(0, 300))
    log.tidy(FOREVER, 0.0)
    looked_at = []
    monkeypatch.setattr("runtime.runlog.tidying.decode", looked_at.append)
    log.tidy(FOREVER, 0.0)
    assert looked_at == []
