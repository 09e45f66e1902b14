"""Statistics: the records of a log in numbers, one TaskStats a task. Pure; it keeps 16 bytes of each run that ended."""

from __future__ import annotations

import math
from array import array
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from actors.facts import NOTHING, TERMINAL
from actors.statistics import TaskStats
from runtime.runlog.history import History, times


class _Tally:
    """What was seen of one task so far."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.runtimes, self.lates = array("d"), array("d")
        self.first = self.last = math.nan

    def take_in(self, record: Mapping[str, Any]) -> None:
        action, created = record["action"], record["created"]
        self.counts[action] += times(record)
        if math.isnan(self.first):
            self.first = created
        self.last = created
        if action in TERMINAL:
            for column, values in (("runtime", self.runtimes), ("late", self.lates)):
                if isinstance(value := record.get(column), (float, int)):
                    values.append(value)


def stats_of(records: Iterable[Mapping[str, Any]], history: History, task: str | None = None) -> dict[str, TaskStats]:
    """Return the numbers of each task that ever had a record, or of `task` alone if it had, by name.

    Args:
      records: those of the time that is asked for, the oldest first.
      history: what all there ever was amounts to.
    """
    tallies: dict[str, _Tally] = {name: _Tally() for name in history.totals if task in (None, name)}
    for record in records:
        name = record["task_name"]
        if name not in tallies and task in (None, name):  # it is new since the history was asked for
            tallies[name] = _Tally()
        if name in tallies:
            tallies[name].take_in(record)
    return {name: _stats(name, tallies[name], history) for name in sorted(tallies)}


def percentiles(values: array[float], *wanted: int) -> list[float | None]:
    """Return the percentiles of nearest rank: the least values that so many of a hundred do not exceed; None of no values."""
    if not values:
        return [None] * len(wanted)
    in_order = sorted(values)
    return [percentile(in_order, percent) for percent in wanted]


def percentile(in_order: Sequence[float], percent: int) -> float:
    """Return the least value that `percent` of a hundred do not exceed, of values that are in order: one of them."""
    return in_order[max(-(-percent * len(in_order) // 100), 1) - 1]


def _stats(name: str, tally: _Tally, history: History) -> TaskStats:
    facts = history.facts.get(name, NOTHING)
    p50_runtime, p99_runtime, max_runtime = percentiles(tally.runtimes, 50, 99, 100)
    p50_late, p99_late, max_late = percentiles(tally.lates, 50, 99, 100)
    return TaskStats(
        task_name=name,
        totals=dict(history.totals.get(name, {})),
        counts=dict(tally.counts),
        runs=sum(tally.counts[action] for action in TERMINAL),
        p50_runtime=p50_runtime,
        p99_runtime=p99_runtime,
        max_runtime=max_runtime,
        p50_late=p50_late,
        p99_late=p99_late,
        max_late=max_late,
        fail_streak=facts.fails,
        last_success=facts.success,
        last_fail=facts.fail,
        first=None if math.isnan(tally.first) else tally.first,
        last=None if math.isnan(tally.last) else tally.last,
    )
