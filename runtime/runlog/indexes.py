"""Indexes: what is known of where which lines are, of all segments of a run log that were asked for some."""

from __future__ import annotations

import threading
from collections.abc import Iterator

from runtime.runlog.index import SegmentIndex, lines_at
from runtime.runlog.views import Key, View
from runtime.runlog.wanted import Bounds, Wanted

MOST = 64
"""How many segments are indexed at a time, those that were asked last: some 75 MB with segments of the usual size."""


class Indexes:
    """The indexes of one log, made when they are needed. From any thread.

    A segment is indexed when it is asked for the second time. Before that, nobody knows whether there will be another question,
    and to look for the bytes of a run's id takes a tenth of the time.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._made: dict[Key, SegmentIndex | None] = {}  # {segment: its index, None after the first question}

    def lines(self, view: View, wanted: Wanted) -> Iterator[bytes] | None:
        """Return the lines of a segment among which all are that are wanted, in their order; None if that may be any."""
        if wanted.exactly("run_id") is None and wanted.exactly("task_name") is None and wanted.bounds("created") == Bounds():
            return None
        with self._lock:
            index = self._index_of(view)
            if index is None:
                return None
            data = view.data
            index.catch_up(data)
            offsets, body = index.offsets(wanted), view.body(data)
        return None if offsets is None else lines_at(data, [offset for offset in offsets if offset >= body])

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
