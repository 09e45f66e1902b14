"""Retention: what of a run log is kept. Decided here, from times and counts; carried out by whoever keeps it."""

from __future__ import annotations

import heapq
import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from actors.records import is_note_of_run, is_record, run_key
from runtime.runlog.history import History, RunKey, is_note


@dataclass(frozen=True, slots=True)
class Keep:
    """How much is kept. The last run of each task that ended in each way always is, as is what has not ended."""

    seconds: float = math.inf
    """How old a run may be."""
    runs: float = math.inf
    """How many runs of each task, the latest."""
    exactly: bool = False
    """Whether no more is kept for a while, however much has to be written anew for that."""

    @property
    def is_everything(self) -> bool:
        """Whether nothing ever goes."""
        return self.seconds == self.runs == math.inf


FOREVER = Keep()


@dataclass(frozen=True, slots=True)
class Kept:
    """What is kept, as of some moment."""

    oldest: float
    """Since when runs are kept at all."""
    since: Mapping[str, float]
    """{task: since when its runs are kept}, where that is later."""
    runs: frozenset[RunKey]
    """Runs that are kept, however old."""
    going: frozenset[RunKey]
    """Those among them that have not ended."""
    schedules: Mapping[str, tuple[str | None, float]]
    """{task: its start condition as last followed, since when}."""
    starts: Mapping[str, Collection[float]]
    """{task: when those of its runs began that are kept, however old}."""

    def includes(self, document: Mapping[str, Any]) -> bool:
        """Return whether `document` is kept. What is neither a record nor a note of the runtime is none of its business."""
        if is_record(document):
            return self._keeps_run_of(document)
        action = document.get("action")
        if is_note_of_run(document):
            return self._keeps_run_of(document) if action == "late" else run_key(document) in self.going
        if not is_note(document):
            return True
        if action == "clock":
            return bool(document["created"] >= self.oldest)
        return self.schedules.get(document["task_name"]) == (document.get("schedule"), document["created"])

    def since_when(self, task: str) -> float:
        """Return since when runs of `task` are kept: what is about one run has its start, so all of it is kept, or nothing."""
        return self.since.get(task, self.oldest)

    def keeps_run(self, key: RunKey) -> bool:
        """Return whether a run is kept."""
        task, _, start = key
        return key in self.runs or (start is not None and start >= self.since_when(task))

    def keeps_start(self, task: str, start: float) -> bool:
        """Return whether a run of `task` is kept that began at `start`, or one of those that did."""
        return start >= self.since_when(task) or start in self.starts_of(task)

    def starts_of(self, task: str) -> Collection[float]:
        """Return when the runs of `task` began that are kept however old they are."""
        return self.starts.get(task, ())

    def _keeps_run_of(self, document: Mapping[str, Any]) -> bool:
        start = document.get("start", document["created"])
        return start >= self.since_when(document["task_name"]) or run_key(document) in self.runs


def as_of(now: float, history: History) -> float:
    """Return at which moment it is decided what is kept: a clock that is far ahead must not be what everything is too old for."""
    return min(now, history.latest)


def kept(keep: Keep, now: float, starts: Mapping[str, Iterable[float]], history: History) -> Kept:
    """Return what is kept at `now`, seconds since the epoch; or when the latest record was written, if that is earlier.

    Args:
      starts: {task: when its runs that have ended began}, in any order.
      history: what all records amount to among which it is to be chosen, or more.
    """
    now = as_of(now, history)
    oldest = now - keep.seconds
    since = {}
    if keep.runs < math.inf:
        for task, moments in starts.items():
            # A run of the future began while the clock was ahead: if it counted, none would be kept that is still to come.
            latest = heapq.nlargest(int(keep.runs), (moment for moment in moments if moment <= now))
            if len(latest) == keep.runs and latest[-1] > oldest:
                since[task] = latest[-1]
    going = frozenset([*history.open, *map(run_key, history.waiting.values())])
    last = {key for ends in history.ends.values() for key in ends.values()}
    spared: dict[str, set[float]] = {}
    for task, _, start in going | last:
        if start is not None:
            spared.setdefault(task, set()).add(start)
    return Kept(oldest, since, going | last, going, dict(history.schedules), spared)


class Weight(NamedTuple):
    """How much of a sealed segment is kept, in bytes or whatever else is proportional to that."""

    whole: float
    kept: float
    is_overdue: bool = False
    """Whether something goes that is too old."""
    is_linked: bool = False
    """Whether a run that goes was in the segment before, too: then both are replaced, or neither."""


def groups_to_replace(segments: Sequence[Weight], most: float, *, exactly: bool = False) -> list[range]:
    """Return which neighbours among `segments` are to be replaced by one each, as ranges of their indices.

    Several that fit into one of `most` become one. One alone is written anew where something in it is too old, which is so for
    the oldest few; or where at least a half of it goes, so that what is written anew is not much more than what was written, or
    goes. With `exactly` that does not matter, and anything that goes is enough.
    """
    groups = _fitting(segments, most)
    chosen = [_is_worth_it([segments[index] for index in group], most, exactly=exactly) for group in groups]
    for index in range(1, len(groups)):
        chosen[index] = chosen[index] or (chosen[index - 1] and segments[groups[index].start].is_linked)
    for index in range(len(groups) - 1, 0, -1):
        chosen[index - 1] = chosen[index - 1] or (chosen[index] and segments[groups[index].start].is_linked)
    return [group for group, is_chosen in zip(groups, chosen, strict=True) if is_chosen]


def _fitting(segments: Sequence[Weight], most: float) -> list[range]:
    """Return all segments, as many in a group as fit into one."""
    groups, begin = [], 0
    while begin < len(segments):
        end, size = begin + 1, segments[begin].kept
        while end < len(segments) and size + segments[end].kept <= most:
            size += segments[end].kept
            end += 1
        groups.append(range(begin, end))
        begin = end
    return groups


def _is_worth_it(group: Sequence[Weight], most: float, *, exactly: bool) -> bool:
    whole, size = sum(segment.whole for segment in group), sum(segment.kept for segment in group)
    goes_enough = size < whole if exactly else size * 2 <= whole
    return goes_enough or (len(group) > 1 and size <= most) or any(segment.is_overdue for segment in group)
