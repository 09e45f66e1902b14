"""Wall time: what calendars and records are about. Waiting itself is done on trio's clock."""

from __future__ import annotations

import time
from typing import Protocol

import trio

RELEASED = 1_790_000_000.0
"""When this version was made, or somewhat before: no clock that is right shows an earlier time."""
STEP = 60.0
"""Seconds by which a clock may be off what elapsed, and only be slewed; by more, it was set, or the machine was suspended."""


class Clock(Protocol):
    """A source of wall time."""

    earliest: float
    """A time before which it cannot be right."""

    def now(self) -> float:
        """Return seconds since the epoch."""
        ...


class SystemClock:
    """The wall clock of the machine."""

    earliest = RELEASED
    now = staticmethod(time.time)  # each launch asks four times: as a method of ours it would take twice as long


class VirtualClock:
    """Wall time derived from trio's clock, so that a test's virtual time moves the calendar too.

    Args:
      start: seconds since the epoch at which the clock stands when trio's stands at 0.
      earliest: a time before which it is taken to be wrong.
    """

    def __init__(self, start: float = 1_700_000_000.0, earliest: float = 0.0) -> None:
        self.start, self.earliest = start, earliest

    def step(self, seconds: float) -> None:
        """Set the clock forward, or back: as somebody may do with a real one, and as a suspended machine does."""
        self.start += seconds

    def now(self) -> float:
        return self.start + trio.current_time()


class StepDetector:
    """Tells when wall time and elapsed time go apart.

    Args:
      wall, elapsed: what both clocks show now, in seconds.
    """

    def __init__(self, wall: float, elapsed: float) -> None:
        self._apart = wall - elapsed

    def look(self, wall: float, elapsed: float) -> float:
        """Return by how many seconds the wall clock was set since the last look; small changes are slewing, and count as 0."""
        before, self._apart = self._apart, wall - elapsed
        step = self._apart - before
        return step if abs(step) > STEP else 0.0
