"""Backlog: records that could not be written, and wait in memory until they can be."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any

import trio

from runtime.logs import runtime_log

MOST = 10_000
"""How many records wait at most; then the oldest makes room, and is counted."""
AT_ONCE = 500
"""How many are written in one go, which takes some milliseconds."""
FIRST_DELAY, LONGEST_DELAY = 1.0, 60.0
"""Seconds between two tries: twice as many after each, from the first to the longest."""
BETWEEN_WORDS = 60.0
"""Seconds in which one failure is told once."""

Append = Callable[[Mapping[str, Any]], None]
"""Writes a record; raises OSError where it cannot."""


class Backlog:
    """A ring of records, which are written in their order as soon as the log can be written again.

    Args:
      append: writes one.
      recovered: is told when all are written, and how many had to make room meanwhile.
      elapsed: seconds on a clock that is not set.
    """

    def __init__(self, append: Append, recovered: Callable[[int], object], elapsed: Callable[[], float]) -> None:
        self._append, self._recovered, self._elapsed = append, recovered, elapsed
        self._waiting: deque[Mapping[str, Any]] = deque()
        self._delay, self._next_try, self._next_word = FIRST_DELAY, 0.0, 0.0
        self.error: OSError | None = None
        """Why they cannot be written; None if nothing waits."""
        self._not_empty = trio.Event()
        self._untold = 0  # how many of those that are lost no record tells of
        self.lost = 0
        """How many had to make room, and are lost."""

    def __len__(self) -> int:
        return len(self._waiting)

    @property
    def problem(self) -> str | None:
        """What is wrong, in words; None if nothing waits. From any thread."""
        if not (waiting := len(self._waiting)):
            return None
        lost = f", lost: {self.lost}" if self.lost else ""
        return f"the run log cannot be written ({self.error}); records that wait in memory: {waiting}{lost}"

    def add(self, document: Mapping[str, Any], error: OSError) -> None:
        """Have a record wait that could not be written, or that follows one."""
        self._put(document)
        self._failed(error)

    def follow(self, document: Mapping[str, Any]) -> None:
        """Have a record wait behind others; they are tried again if it is time."""
        self._put(document)
        if self._elapsed() >= self._next_try:
            self.write()

    def write(self, most: float = AT_ONCE) -> None:
        """Write what waits, so many at most, as far as that is possible."""
        try:
            while self._waiting and most > 0:
                self._append(self._waiting[0])
                self._waiting.popleft()
                most -= 1
        except OSError as exc:
            self._failed(exc)
            return
        if not self._waiting:
            self._delay, self._next_word, self.error = FIRST_DELAY, 0.0, None
            runtime_log.tell(logging.WARNING, "run log: it can be written again, and has all records that waited")
            untold, self._untold = self._untold, 0
            self._recovered(untold)

    async def keep_trying(self) -> None:
        """Write what waits whenever it is time, for ever."""
        while True:
            await self._not_empty.wait()
            self._not_empty = trio.Event()
            while self._waiting:
                left = self._next_try - self._elapsed()
                await trio.sleep(max(left, 0.0))
                self.write()

    def give_up(self) -> None:
        """Count what still waits as lost, and tell how much is."""
        self.lost += len(self._waiting)
        self._waiting.clear()
        if self.lost:
            runtime_log.tell(logging.ERROR, "run log: %d records could not be written and are lost", self.lost)

    def _put(self, document: Mapping[str, Any]) -> None:
        if len(self._waiting) == MOST:
            self._waiting.popleft()
            self.lost += 1
            self._untold += 1
        self._waiting.append(document)
        self._not_empty.set()

    def _failed(self, error: OSError) -> None:
        now, self.error = self._elapsed(), error
        self._next_try = now + self._delay
        self._delay = min(2 * self._delay, LONGEST_DELAY)
        if now >= self._next_word:
            self._next_word = now + BETWEEN_WORDS
            told = "run log: cannot write (%s); records wait in memory until it can be, %d so far"
            runtime_log.tell(logging.ERROR, told, error, len(self._waiting))
