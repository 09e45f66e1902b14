"""Readers of a run log see all that was appended up to some moment, whatever its writer does meanwhile."""

import io
import os
from itertools import count

import pytest

from logged import amount_of, end, fill, run, summary
from runtime.runlog import views
from runtime.runlog.file_log import FileLog
from runtime.runlog.history import History
from runtime.runlog.retention import FOREVER, Keep, kept


def runs(first, last):
    """Return the records of runs with these numbers, of two tasks, which come one after the other."""
    return [
        document
        for number in range(first, last + 1)
        for document in (
            run("ab"[number % 2], str(number), 10.0 * number),
            end("ab"[number % 2], str(number), 10.0 * number),
        )
    ]


class Amid:
    """Has something happen amid what is done to files in a block, before the one of this number."""

    def __init__(self, number, happens):
        self._number, self._happens = number, happens
        self.has_happened = False

    def __enter__(self):
        self._patch = pytest.MonkeyPatch()
        for module, name in ((os, "stat"), (os, "scandir"), (io, "open"), (os, "fstat"), (os, "listdir")):
            self._patch.setattr(module, name, self._around(getattr(module, name)))
        return self

    def __exit__(self, *_):
        self._patch.undo()

    def _around(self, real):
        def operation(*args, **kwargs):
            self._number -= 1
            if self._number == 0:
                self._happens()
                self.has_happened = True
            return real(*args, **kwargs)

        return operation


DEEDS = {
    "rotates": lambda log: fill(log, *runs(7, 12)),
    "rotates once": lambda log: fill(log, *runs(7, 8)),
    "merges": lambda log: FileLog.tidy(log, FOREVER, 0.0),
    "lets go": lambda log: FileLog.tidy(log, Keep(runs=1), 0.0),
    "rotates and lets go": lambda log: (fill(log, *runs(7, 12)), log.tidy(Keep(runs=1), 0.0)),
}


def each_moment(folder, had_state, deed, read):
    """Yield what `read` returns of a log to which `deed` happens amid that, once for each thing that is done to a file."""
    for number in count(1):
        log = FileLog(folder / str(number) / "runs.jsonl", segment_size=500)
        log.open()
        fill(log, *runs(1, 3))
        if had_state:
            log.tidy(FOREVER, 0.0)
        fill(log, *runs(4, 6))
        with Amid(number, lambda log=log: deed(log)) as amid:
            yield read(FileLog(log.path))
        log.close()
        if not amid.has_happened:
            assert number > 10
            return


@pytest.fixture(params=[False, True], ids=["", "with a state"])
def had_state(request):
    return request.param


@pytest.mark.parametrize("deed", DEEDS.values(), ids=DEEDS)
class TestAmidReading:
    def test_a_prefix_is_read_of_which_only_that_is_missing_that_need_not_be_kept(self, tmp_path, deed, had_state):
        everything = runs(1, 12)
        for documents in each_moment(tmp_path, had_state, deed, lambda reader: list(reader.documents())):
            seen = everything[: everything.index(documents[-1]) + 1]
            assert len(seen) >= 12
            assert documents == [document for document in seen if document in documents]
            assert all(document in documents for document in seen if _stays(document, everything))

    def test_what_it_amounts_to_is_that_of_a_prefix(self, tmp_path, deed, had_state):
        for history in each_moment(tmp_path, had_state, deed, FileLog.history):
            assert summary(history) in [amount_of(runs(1, 12)[:length]) for length in range(12, 25)]


def _stays(document, documents):
    history = History.of(map(dict, documents))
    starts = {task: [each["start"] for each in documents if each["task_name"] == task] for task in "ab"}
    return kept(Keep(runs=1), 0.0, starts, history).includes(document)


def test_a_log_that_is_sealed_whenever_somebody_reads_it_can_be_read(tmp_path, monkeypatch):
    """However small its segments are, and however slow the reader is."""
    log, found, number = FileLog(tmp_path / "runs.jsonl"), views.chain, count(1)
    log.open()
    fill(log, *runs(1, 3))

    def chain_then_another(path):
        segments = found(path)
        log.seal()
        fill(log, *runs(10 + next(number), 10 + next(number)))
        return segments

    monkeypatch.setattr(views, "chain", chain_then_another)
    assert list(FileLog(log.path).documents()) == runs(1, 3)
    log.close()
