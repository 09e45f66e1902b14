"""How schedulers are measured that tell of an end by calling somebody, whatever thread that is in."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from time import perf_counter

WARM = 20
"""Launches before those that are measured: imports, first threads, first workers."""


class Launches:
    """So many launches, from the first request to the last end.

    Args:
      ask: asks for a launch, and does not wait for it.
      count: how many launches there are.
      on_end: is called when the last has ended, by whoever tells of it.
      at_once: whether all are asked for at once; else each when the one before has ended.
    """

    def __init__(self, ask: Callable[[], object], count: int, on_end: Callable[[], object], *, at_once: bool) -> None:
        self.seconds = 0.0
        """What they took, once they have ended."""
        self._ask, self._count, self._on_end, self._at_once = ask, count, on_end, at_once
        self._numbers = itertools.count(1)  # its next() is one step of the interpreter: several threads tell of ends
        self._began = 0.0

    def begin(self) -> None:
        """Ask for all, or for the first."""
        self._began = perf_counter()
        for _ in range(self._count if self._at_once else 1):
            self._ask()

    def hear(self) -> None:
        """Take note of an end."""
        number = next(self._numbers)
        if number == self._count:
            self.seconds = perf_counter() - self._began
            self._on_end()
        elif not self._at_once:
            self._ask()
