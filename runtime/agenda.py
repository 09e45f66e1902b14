"""Agenda: when what has to be looked at again."""

from __future__ import annotations

import heapq
import math
from collections.abc import Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
_SPARE = 64


class Agenda(Generic[K]):
    """At most one moment for each key, the earliest first. Setting and looking cost O(log n), whatever is on it."""

    def __init__(self) -> None:
        self._entries: dict[K, tuple[float, int, K]] = {}
        self._heap: list[tuple[float, int, K]] = []  # also outdated entries: one is valid iff it is the very one in _entries
        self._ranks: dict[K, int] = {}  # ties go in the order in which keys first came
        self._count = 0

    def set(self, key: K, moment: float) -> None:
        """Plan `key` for `moment`, in place of what was planned for it; infinity plans nothing."""
        planned = self._entries.get(key)
        if (math.inf if planned is None else planned[0]) == moment:
            return
        if moment == math.inf:
            del self._entries[key]
        else:
            if (rank := self._ranks.get(key)) is None:
                rank = self._ranks[key] = self._count
                self._count += 1
            self._entries[key] = entry = (moment, rank, key)
            heapq.heappush(self._heap, entry)
        if len(self._heap) > 2 * len(self._entries) + _SPARE:
            self._prune()

    def drop(self, key: K) -> None:
        """Forget `key`."""
        self._entries.pop(key, None)
        self._ranks.pop(key, None)
        if len(self._heap) > 2 * len(self._entries) + _SPARE:
            self._prune()

    def next_moment(self) -> float:
        """Return the earliest planned moment, or infinity."""
        while self._heap:
            entry = self._heap[0]
            if self._entries.get(entry[2]) is entry:
                return entry[0]
            heapq.heappop(self._heap)
        return math.inf

    def take_due(self, now: float) -> list[K]:
        """Return the keys whose moment is `now` or past, earliest first, and take them off."""
        due = []
        while self.next_moment() <= now:
            _, _, key = heapq.heappop(self._heap)
            del self._entries[key]
            due.append(key)
        return due

    def _prune(self) -> None:
        """Throw out what is outdated: most of the heap, with keys that come and go, or are planned anew."""
        self._heap = list(self._entries.values())
        heapq.heapify(self._heap)
