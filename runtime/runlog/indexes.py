"""Indexes: what is known of where which lines are, of all segments of a run log that were asked for some."""

from __future__ import annotations

import threading
from collections.abc import Iterator

from runtime.runlog.index import SegmentIndex, lines_at
from runtime.runlog.lines import key_of_text
from runtime.runlog.views import Key, View
from runtime.runlog.wanted import Wanted

MOST = 64
"""How many segments are indexed at a time, those that were asked last: some 75 MB with segments of the usual size."""
FEW = 20
"""So many run ids at most are looked for without an index."""


class Indexes:
    """The indexes of one log, made when they are needed. From any thread.

    A segment is indexed when it is asked for the second time. Before that it is searched for the bytes of a run's id, which takes
    a tenth of the time, since nobody knows whether there will be another question.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._made: dict[Key, SegmentIndex | None] = {}  # {segment: its index, None after the first question}

    def lines(self, view: View, wanted: Wanted) -> Iterator[bytes] | None:
        """Return the lines of a segment among which all are that are wanted, in their order; None if that may be any."""
        run_ids, tasks = wanted.exactly("run_id"), wanted.exactly("task_name")
        if run_ids is None and tasks is None:
            return None
        with self._lock:
            index = self._index_of(view)
            if index is not None:
                index.catch_up(view.data)
                offsets = index.offsets(wanted)
                return None if offsets is None else lines_at(view.data, [offset for offset in offsets if offset >= view.body])
        if run_ids is None or len(run_ids) > FEW:
            return None
        return lines_at(view.data, sorted({offset for run_id in run_ids for offset in _found(view, run_id)}))

    def _index_of(self, view: View) -> SegmentIndex | None:
        """Return the index of a segment, which may have grown since; None if it is asked for the first time."""
        key = view.key
        if key not in self._made:
            self._made[key] = None
            while len(self._made) > MOST:
                del self._made[next(iter(self._made))]
            return None
        index = self._made.pop(key) or SegmentIndex()
        self._made[key] = index  # as the last one
        return index


def _found(view: View, run_id: str) -> Iterator[int]:
    """Yield where the lines begin that have a run's id somewhere."""
    text = key_of_text("run_id", run_id)
    at = view.data.find(text, view.body)
    while at >= 0:
        yield view.data.rfind(b"\n", 0, at) + 1
        end = view.data.find(b"\n", at)
        at = view.data.find(text, end) if end >= 0 else -1
