"""LeftBehind: what goes on although it counts as ended, since nothing could end it."""

from __future__ import annotations

from typing import Literal, NamedTuple

from actors.errors import TooManyAbandoned

Kind = Literal["thread", "coroutine"]


class Left(NamedTuple):
    """One thing that was left behind."""

    kind: Kind
    what: str
    """What it belonged to, in words."""


class LeftBehind:
    """The threads that were abandoned and the coroutines that are stuck, as long as they go on. From any thread."""

    def __init__(self) -> None:
        self._left: dict[object, Left] = {}

    def add(self, key: object, left: Left) -> None:
        """Take note of what is left, under a key of the caller's."""
        self._left[key] = left

    def drop(self, key: object) -> None:
        """Forget what has ended in the end."""
        self._left.pop(key, None)

    def count(self, kind: Kind) -> int:
        """Return how many of a kind go on."""
        return sum(left.kind == kind for left in list(self._left.values()))

    def check_threads(self, task: str, most: int) -> None:
        """Check that not so many threads were abandoned that `task` must not begin another; raises TooManyAbandoned."""
        if (count := self.count("thread")) > most:
            raise TooManyAbandoned(task, count, most)

    def problems(self) -> tuple[str, ...]:
        """Return what goes on, in words, for people."""
        words = {"thread": "was abandoned, and its thread goes on", "coroutine": "ignores its cancellation, and goes on"}
        return tuple(f"{left.what} {words[left.kind]}" for left in list(self._left.values()))
