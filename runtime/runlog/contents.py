"""Contents: what is known of a sealed segment, so that what is kept of it can be decided without reading it again."""

from __future__ import annotations

import math
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from actors.facts import TERMINAL
from actors.records import is_record, run_key
from runtime.runlog.history import History, RunKey, attempt_key
from runtime.runlog.retention import Keep, Kept, Weight, as_of, kept

Link = tuple[Any, ...]
"""The key of a run, or of an attempt: what the record that begins it and the one that ends it have in common."""


class Contents:
    """The runs in one segment: eight bytes for each that has ended, and more for those that are in others too."""

    def __init__(self) -> None:
        self.starts: dict[str, array[float]] = {}
        """{task: when its runs began that ended here}."""
        self.attempts: dict[str, array[float]] = {}
        """{task: when attempts began that ended here, and were followed by others}."""
        self.going: set[Link] = set()
        """What began here, and ended later or not at all: runs, and waits for a next attempt."""
        self.came: dict[Link, RunKey] = {}
        """{what ended here, and began before: the run, or attempt, that says so}."""
        self.oldest = math.inf
        """When the oldest record was written that is about no run."""
        self.damaged = 0
        """How many lines are damaged."""

    @classmethod
    def of(cls, documents: Iterable[dict[str, Any] | None]) -> Contents:
        """Return what is to be known of `documents`; each damaged line is a None."""
        contents = cls()
        for document in documents:
            contents.take_in(document)
        contents.settle()
        return contents

    def take_in(self, document: dict[str, Any] | None) -> None:
        """Take in the next one; :meth:`settle` when it was the last."""
        if document is None:
            self.damaged += 1
            return
        action = document.get("action")
        if action == "clock" and isinstance(document.get("created"), (int, float)):
            self.oldest = min(self.oldest, document["created"])
        if not is_record(document):
            return
        if action == "run":
            self._end_wait(document)
            self.going.add(run_key(document))
        elif action in TERMINAL:
            self.starts.setdefault(document["task_name"], array("d")).append(document.get("start", document["created"]))
            self._end(document)
        elif action == "retry" and "start" in document:
            self.attempts.setdefault(document["task_name"], array("d")).append(document["start"])
            self._end(document)
            self.going.add(attempt_key(document))
        else:
            self.oldest = min(self.oldest, document["created"])

    def settle(self) -> None:
        """Put what was taken in into its order."""
        for each in (self.starts, self.attempts):
            for task, moments in each.items():
                each[task] = array("d", sorted(moments))

    def _end(self, document: Mapping[str, Any]) -> None:
        if "start" in document:
            self._finish(run_key(document), document)
        else:
            self._end_wait(document)

    def _end_wait(self, document: Mapping[str, Any]) -> None:
        """Take note that the attempt has begun, or is not to begin any more, for which a run waited."""
        if document.get("attempt", 1) > 1:
            self._finish(attempt_key(document, before=1), document)

    def _finish(self, link: Link, document: Mapping[str, Any]) -> None:
        if link in self.going:
            self.going.discard(link)
        else:
            self.came[link] = run_key(document)

    def weight(self, size: int, chosen: Kept) -> Weight:
        """Return how much of a segment of so many bytes is kept."""
        total = sum(map(len, self.starts.values()))
        going = sum(_before(chosen.since_when(task), moments, chosen.starts_of(task)) for task, moments in self.starts.items())
        overdue = self.oldest < chosen.oldest or any(
            _before(chosen.oldest, moments, chosen.starts_of(task))
            for each in (self.starts, self.attempts)
            for task, moments in each.items()
        )
        return Weight(size, size * (total - going) / total if total else size, overdue)


def _before(moment: float, moments: array[float], kept: Iterable[float]) -> int:
    """Return how many of `moments`, which are in their order, are earlier, but for those that are kept all the same."""
    end = bisect_left(moments, moment)
    return end - sum(moments[at] == start for start in kept if start < moment and (at := bisect_left(moments, start)) < end)


def weights(segments: Sequence[tuple[Contents, int]], chosen: Kept) -> list[Weight]:
    """Return how much of each segment is kept, and which are to be replaced together; of each its contents and its bytes."""
    found = [contents.weight(size, chosen) for contents, size in segments]
    for index in _linked([contents for contents, _ in segments], chosen.keeps_run):
        found[index] = found[index]._replace(is_linked=True)
    return found


def _linked(segments: Sequence[Contents], keeps: Callable[[RunKey], bool]) -> Iterator[int]:
    """Yield those in which a run goes on, or a wait for its next attempt, that is let go of and began in one before."""
    for index, contents in enumerate(segments):
        for link, key in contents.came.items():
            began = next((before for before in range(index - 1, -1, -1) if link in segments[before].going), index)
            if began < index and not keeps(key):
                yield from range(began + 1, index + 1)


def choose(keep: Keep, now: float, segments: Sequence[Contents], history: History) -> Kept:
    """Return what is kept at `now` of segments with these contents, and a history; see :func:`runtime.runlog.retention.kept`."""
    return kept(keep, now, _latest_starts(segments, keep.runs, as_of(now, history)), history)


def _latest_starts(segments: Iterable[Contents], count: float, until: float) -> dict[str, list[float]]:
    """Return when the runs of each task began that have ended: those that may be among the latest `count` up to a moment.

    None of them where the count is infinite.
    """
    found: dict[str, list[float]] = {}
    if count < math.inf:
        for contents in segments:
            for task, moments in contents.starts.items():
                end = bisect_right(moments, until)
                found.setdefault(task, []).extend(moments[max(end - int(count), 0) : end])
    return found
