"""Stopping: the ladder on which every run is brought to its end, and the budgets of its rungs."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

import trio

LAST_GRACE = 1.5
"""Seconds that runs get to end when the runtime itself ends, at most, whatever their own grace."""
LAST_MARGIN = 0.5
"""Seconds beyond that, for what the kill itself takes."""

UNWINDING = 0.3
"""Seconds that what was cancelled gets to unwind once the last shield of its cleaning up was cut."""


class Stoppable(Protocol):
    """What can be brought to its end: a coroutine, a thread, a process."""

    def ask(self) -> bool:
        """Ask it to end by itself; return whether it listens, so that it makes sense to wait for that."""
        ...

    def cancel(self) -> bool:
        """Make it end from inside, so that it cleans up; return whether that is possible."""
        ...

    async def ended(self) -> None:
        """Wait until it has ended."""
        ...

    async def kill(self) -> None:
        """End it by force, or give it up."""
        ...


async def stop(what: Stoppable, patience: Patience, grace: float, cleanup: float) -> bool:
    """Bring `what` to its end, rung by rung: ask, cancel, let it clean up, kill. Return whether it ended before the last.

    Not to be cancelled, but bounded.

    Args:
      grace: seconds for it to end by itself, where it listens.
      cleanup: seconds for it to clean up once it is cancelled; then it has a moment to unwind, as what it awaits is cut.
    """
    if what.ask():
        with patience.allow(grace, is_asking=True):
            await what.ended()
            return True
    if what.cancel():
        with patience.allow(cleanup):
            await what.ended()
            return True
        with trio.CancelScope(deadline=trio.current_time() + patience.unwinding, shield=True):
            await what.ended()
            return True
    await what.kill()
    return False


class Patience:
    """The one budget of everything that is asked to end: each run's own, cut by the runtime's end."""

    def __init__(self) -> None:
        self._limit = self._asking_limit = math.inf
        self._open: dict[trio.CancelScope, bool] = {}  # {scope: whether it is asking}
        self.unwinding = UNWINDING
        """Seconds that what was cancelled gets beyond its time to clean up, which may have ended in this instant."""

    @contextmanager
    def allow(self, seconds: float, *, is_asking: bool = False) -> Iterator[trio.CancelScope]:
        """Shield the block from cancellation for `seconds`, or less once the runtime ends.

        Args:
          is_asking: whether harder means follow, which then need a share of the time that is left.
        """
        limit = self._asking_limit if is_asking else self._limit
        with trio.CancelScope(deadline=min(trio.current_time() + seconds, limit), shield=True) as scope:
            self._open[scope] = is_asking
            try:
                yield scope
            finally:
                del self._open[scope]

    def shorten(self, limit: float) -> None:
        """Let no shield last beyond `limit` (trio's clock), and no asking beyond half the way to it: open or to come."""
        self._limit = min(self._limit, limit)
        now = trio.current_time()
        self._asking_limit = min(self._asking_limit, now + max(limit - now, 0.0) / 2)
        for scope, is_asking in self._open.items():
            scope.deadline = min(scope.deadline, self._asking_limit if is_asking else self._limit)

    def end(self) -> None:
        """Let no shield last beyond now: what still runs is to be killed."""
        self.unwinding = 0.0
        self.shorten(trio.current_time())

    def restore(self) -> None:
        """Give later shields their full time again."""
        self._limit = self._asking_limit = math.inf
