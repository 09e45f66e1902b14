"""TaskStats: what the run log says of a task in numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskStats:
    """A task in numbers. Times are seconds since the epoch, ``runtime`` and ``late`` are seconds; None: nothing to tell it by.

    Totals are of all time, also of what the log has let go of, and so are the streak and the last success and failure. All else
    is of the records that the log still has, and that were written in the time that was asked for.

    Percentiles are of the nearest rank: ``p99_runtime`` is the least of the runtimes that at least 99 of 100 do not exceed, so
    always one that there was. They are of the runs that ended, however they did, each with its last attempt.
    """

    task_name: str
    totals: Mapping[str, int] = field(default_factory=dict)
    """{action: how many records of it there ever were}; of ``missed``, how many starts. An action that never was is not there."""
    counts: Mapping[str, int] = field(default_factory=dict)
    """The same, of the time that was asked for."""
    runs: int = 0
    """How many runs ended in that time: those that the percentiles are of."""
    p50_runtime: float | None = None
    p99_runtime: float | None = None
    max_runtime: float | None = None
    p50_late: float | None = None
    p99_late: float | None = None
    max_late: float | None = None
    fail_streak: int = 0
    """How many runs have failed since one ended otherwise."""
    last_success: float | None = None
    last_fail: float | None = None
    first: float | None = None
    """When the first record of that time was written; the last likewise."""
    last: float | None = None
