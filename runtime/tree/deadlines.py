"""Deadlines: what is to be done when a moment has come, unless it was called off."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable

import trio

from runtime.alarm import Alarm

_SPARE = 64


class Entry:
    """One thing that is planned."""

    __slots__ = ("act",)

    def __init__(self, act: Callable[[], object]) -> None:
        self.act: Callable[[], object] | None = act
        """None once it is done, or called off."""


class Deadlines:
    """Moments of trio's clock, the earliest first. One task waits for all: a cancel scope for each would cost far more."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, Entry]] = []
        self._numbers = itertools.count()  # ties go in the order of their planning
        self._called_off = 0
        self._alarm = Alarm(self._act)
        self._time = trio.lowlevel.current_clock().current_time

    async def run(self) -> None:
        """Do what is due when it is, until cancelled. What is done must not raise."""
        await self._alarm.run()

    def at(self, moment: float, act: Callable[[], object]) -> Entry:
        """Plan `act` for a moment."""
        entry = Entry(act)
        heapq.heappush(self._heap, (moment, next(self._numbers), entry))
        self._alarm.set(moment)
        return entry

    def call_off(self, entry: Entry) -> None:
        """Do it not, if it was not done yet."""
        if entry.act is not None:
            entry.act = None
            self._called_off += 1
            if self._called_off > _SPARE and self._called_off * 2 > len(self._heap):
                self._prune()

    def _act(self) -> None:
        heap = self._heap
        now = self._time()
        while heap and (heap[0][2].act is None or heap[0][0] <= now):
            entry = heapq.heappop(heap)[2]
            act, entry.act = entry.act, None
            if act is None:
                self._called_off -= 1
            else:
                act()
        if heap:
            self._alarm.set(heap[0][0])

    def _prune(self) -> None:
        self._heap[:] = [planned for planned in self._heap if planned[2].act is not None]
        heapq.heapify(self._heap)
        self._called_off = 0
