"""Wall time: what calendars and records are about. Waiting itself is done on trio's clock."""

from __future__ import annotations

import time
from typing import Protocol

import trio


class Clock(Protocol):
    """A source of wall time."""

    def now(self) -> float:
        """Return seconds since the epoch."""
        ...


class SystemClock:
    """The wall clock of the machine."""

    def now(self) -> float:
        return time.time()


class VirtualClock:
    """Wall time derived from trio's clock, so that a test's virtual time moves the calendar too.

    Args:
      start: seconds since the epoch at which the clock stands when trio's stands at 0.
    """

    def __init__(self, start: float = 1_700_000_000.0) -> None:
        self.start = start

    def now(self) -> float:
        return self.start + trio.current_time()
