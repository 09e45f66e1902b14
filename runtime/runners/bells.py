"""Bells: how a function that runs outside of trio wakes the task that waits for it."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from typing import Protocol

import trio

from runtime.in_trio import door_of_trio

MOST = 64
"""Descriptors that are used at most: ten thousand functions on an asyncio loop must not use up what the process may open."""
_ONE = (1).to_bytes(8, sys.byteorder)


class Bell(Protocol):
    """Is rung once, by any thread, and heard by one task."""

    def ring(self) -> None:
        """Wake the task, or whatever waits next. Never raises, also where trio has ended."""

    async def heard(self) -> None:
        """Wait until it is rung. If that is cancelled, it can be waited for again."""

    def hush(self) -> None:
        """Have it as if it were not rung."""


class Bells:
    """The bells of one runner, which are used again and again. In the trio thread."""

    def __init__(self) -> None:
        self._idle: list[_Descriptor] = []
        self._left = MOST

    def take(self) -> Bell:
        """Return one that is not rung."""
        if self._idle:
            return self._idle.pop()
        if self._left:
            with suppress(OSError):  # there are no descriptors left
                bell = _Descriptor()
                self._left -= 1
                return bell
        return _Queued()

    def give_back(self, bell: Bell) -> None:
        """Take back one that is not rung, and that nobody rings any more."""
        if isinstance(bell, _Descriptor):
            self._idle.append(bell)

    def close(self) -> None:
        """Close those that were given back."""
        while self._idle:
            self._idle.pop().close()
            self._left += 1


class _Descriptor:
    """A descriptor that becomes readable. The loop wakes the task itself by it, where trio's queue takes another turn."""

    __slots__ = ("_hearing", "_ringing")

    def __init__(self) -> None:
        if sys.platform == "linux":
            self._hearing = self._ringing = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        else:
            self._hearing, self._ringing = os.pipe()
            os.set_blocking(self._hearing, False)

    def ring(self) -> None:
        os.write(self._ringing, _ONE)

    async def heard(self) -> None:
        await trio.lowlevel.wait_readable(self._hearing)
        os.read(self._hearing, len(_ONE))

    def hush(self) -> None:
        with suppress(BlockingIOError):
            os.read(self._hearing, len(_ONE))

    def close(self) -> None:
        """Close it."""
        for fd in {self._hearing, self._ringing}:
            os.close(fd)


class _Queued:
    """An event that is set by way of trio's queue, for when there are no descriptors."""

    def __init__(self) -> None:
        self._event, self._door = trio.Event(), door_of_trio()

    def ring(self) -> None:
        with suppress(trio.RunFinishedError):  # nobody is left to hear it
            self._door.post(self._event.set)

    async def heard(self) -> None:
        await self._event.wait()

    def hush(self) -> None:
        """Do nothing: it is not used again."""
