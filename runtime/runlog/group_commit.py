"""GroupCommit: has what was written outlive a loss of power, for all who wait for that at once."""

from __future__ import annotations

import errno
import logging
import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress

import trio

from runtime.logs import runtime_log

LAST = 1.0
"""Seconds that it may take at the end of the runtime."""
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
        self._one_at_a_time = trio.CapacityLimiter(1)  # also where the one before is not waited for any longer
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
            self._wanted = trio.Event()
            if not self._waiting:  # else it was begun anew, after somebody who was told has raised
                await self._wanted.wait()
            served = len(self._waiting)
            await self._sync_once()
            for _ in range(served):
                self._waiting.popleft()()

    def finish(self) -> None:
        """Sync once more, after ``serve``; a disk that is taken for broken is not asked, and one that hangs not waited for."""
        if self.problem is None:
            last = threading.Thread(target=self._sync_at_last, name="callsheet sync", daemon=True)
            last.start()
            last.join(LAST)

    def _sync_at_last(self) -> None:
        with suppress(OSError):
            self._sync()

    async def _sync_once(self) -> None:
        error: OSError | None = OSError(errno.ETIMEDOUT, f"the disk has not answered for {LONGEST:g} s")
        try:
            with trio.move_on_after(LONGEST):
                await trio.to_thread.run_sync(self._sync, abandon_on_cancel=True, limiter=self._one_at_a_time)
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
