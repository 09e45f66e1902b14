"""What each scheduler is asked about time: tasks that are due every second, and tasks that have nothing to do all day."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from functools import partial

SETTLED = 1.0
"""Seconds from the start of a scheduler until its idleness is measured."""


class Starts:
    """Notes when the starts of tasks are that are due every second, all in the same instant.

    Args:
      tasks: how many they are.
    """

    def __init__(self, tasks: int) -> None:
        self._moments: list[list[float]] = [[] for _ in range(tasks)]

    def note(self, task: int) -> None:
        """Note a start, which is now."""
        self._moments[task].append(time.time())

    def functions(self) -> list[Callable[[], None]]:
        """Return what each task calls."""
        return [partial(self.note, task) for task in range(len(self._moments))]

    def since_due(self, *, on_the_clock: bool) -> list[list[float]]:
        """Return the starts of each task, in seconds since its first was due: those of the k-th are k at the earliest.

        Args:
          on_the_clock: whether they are due when the clock has a new second; else the earliest of all starts was in time.
        """
        first = min((moments[0] for moments in self._moments if moments), default=0.0)
        due = math.floor(first) if on_the_clock else first
        return [[moment - due for moment in moments] for moments in self._moments]


class Idleness:
    """The part of a processor that this process uses, in all its threads, from its making until it is asked for."""

    def __init__(self) -> None:
        self._used, self._began = time.process_time(), time.perf_counter()

    def share(self) -> float:
        """Return it: 1.0 is a whole processor."""
        return (time.process_time() - self._used) / (time.perf_counter() - self._began)
