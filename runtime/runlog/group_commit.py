"""GroupCommit: has what was written outlive a loss of power, for all who wait for that at once."""

from __future__ import annotations

import errno
import logging
from collections import deque
from collections.abc import Callable

import trio

from runtime.logs import runtime_log

LONGEST = 5.0
"""Seconds that a disk may take; then it is taken for broken, and nobody waits for it any longer."""


class GroupCommit:
    """One sync after the other while somebody wants one; each serves all who had asked before it began.

    Args:
      sync: blocks until what was written is on the disk for certain; raises OSError.
      failed: is told of the error of a sync. Those who waited for it go on.
    """

    def __init__(self, sync: Callable[[], None], failed: Callable[[OSError], object]) -> None:
        self._sync, self._failed = sync, failed
        self._waiting: deque[Callable[[], object]] = deque()
        self._wanted = trio.Event()
        self.problem: str | None = None
        """What is wrong, in words, since the last sync has failed."""

    def when_done(self, then: Callable[[], object]) -> None:
        """Have `then` called, in the trio thread, once what has been written by now is on the disk; in the order of asking."""
        self._waiting.append(then)
        self._wanted.set()

    async def done(self) -> None:
        """Wait until what has been written by now is on the disk, or the disk has failed: bounded, by :data:`LONGEST` twice."""
        event = trio.Event()
        self.when_done(event.set)
        await event.wait()

    async def serve(self) -> None:
        """Sync whenever somebody wants it, for ever."""
        while True:
            await self._wanted.wait()
            self._wanted = trio.Event()
            served = len(self._waiting)
            await self._sync_once()
            for _ in range(served):
                self._waiting.popleft()()

    async def _sync_once(self) -> None:
        error: OSError | None = OSError(errno.ETIMEDOUT, f"the disk has not answered for {LONGEST:g} s")
        try:
            with trio.move_on_after(LONGEST):
                await trio.to_thread.run_sync(self._sync, abandon_on_cancel=True, limiter=trio.CapacityLimiter(1))
                error = None
        except OSError as exc:
            error = exc
        if error is None:
            self.problem = None
            return
        if self.problem is None:
            runtime_log.tell(logging.ERROR, "run log: the disk does not confirm what is written to it (%s)", error)
        self.problem = f"the disk does not confirm what is written to the run log ({error})"
        self._failed(error)
