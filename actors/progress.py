"""Progress: how far a run is, as its function tells."""

from __future__ import annotations

import math
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass
from types import NoneType
from typing import Any

EXACT = 2**53
"""Up to here a float is exact."""
PAUSE = 0.5
"""Seconds between two updates that are told: there are two a second at most."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run is."""

    done: float
    total: float | None = None
    """What `done` will be at the end, if that is known."""
    note: str | None = None

    def __str__(self) -> str:
        of = f" of {self.total:g} ({self.done / self.total:.0%})" if self.total else ""
        return f"{self.done:g}{of}" + (f": {self.note}" if self.note else "")


def progress_in(column: object) -> Progress | None:
    """Return how far a run is as a record has it in `column`; None where it says nothing, or nothing that can be."""
    match column:
        case {"done": float() | int() as done, **more}:
            total, note = more.get("total"), more.get("note")
            if isinstance(total, (float, int, NoneType)) and isinstance(note, (str, NoneType)):
                return Progress(done, total, note)
    return None


class Reporter:
    """Takes the updates of one run, and passes on two a second at most; of those in between only the latest counts.

    Args:
      clock: returns seconds.
      tell: is told the updates that are passed on, in whatever thread they come from.
    """

    def __init__(self, clock: Callable[[], float], tell: Callable[[Progress], object]) -> None:
        self.latest: Progress | None = None
        self._clock, self._tell = clock, tell
        self._due = float("-inf")

    def close(self) -> None:
        """Pass on nothing any more: the run is over, and a thread that it has left behind must not speak for the next."""
        self._due = math.inf

    def report(self, update: Progress) -> None:
        """Take an update."""
        self.latest = update
        now = self._clock()
        if now >= self._due:
            self._due = now + PAUSE
            self._tell(update)


current_report: ContextVar[Callable[[Progress], object] | None] = ContextVar("callsheet_current_report", default=None)
"""What takes the updates of the run whose code is being executed, None outside of tasks."""


def progress(done: float, total: float | None = None, note: str | None = None) -> None:
    """Tell how far the run is, from its function, in any mode; outside of tasks nothing happens.

    At most two updates a second are passed on, to the logger ``callsheet.task`` and to the run log, where ``callsheet runs``
    shows them while the run goes on; the last one is part of the run's record. In a process each of those is a message.

    Args:
      done: how much is done.
      total: how much there is to do, if that is known.
      note: what is being done, in a few words.

    Raises:
      TypeError, ValueError: `done` or `total` is no number.
    """
    update = Progress(_number(done), None if total is None else _number(total), None if note is None else _text(note))
    if (report := current_report.get()) is not None:
        report(update)


def _text(note: Any) -> str:
    return str(note).encode("utf-8", "backslashreplace").decode()


def _number(value: Any) -> float:
    """Return a number as it can be written down: those of numpy cannot, nor what is infinite, or beyond 64 bits."""
    try:
        number = float(value)
    except OverflowError as exc:
        raise ValueError("progress: the number is too large") from exc
    if not math.isfinite(number):
        raise ValueError(f"progress: {number} is no amount")
    return int(value) if number.is_integer() and abs(number) <= EXACT else number
