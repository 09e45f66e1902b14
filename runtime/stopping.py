"""Stopping: how long what was asked to end may take."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager

import trio

LAST_GRACE = 2.0
"""Seconds that runs get to end when the runtime itself ends, at most, whatever their own grace."""
FORCED_GRACE = 0.3
"""The same where the end is forced."""
LAST_MARGIN = 1.0
"""Seconds beyond that, for what the kill itself takes."""


class Patience:
    """The one budget of everything that is asked to end: each run's own grace, cut by the runtime's end."""

    def __init__(self) -> None:
        self._limit = math.inf
        self._open: set[trio.CancelScope] = set()

    @contextmanager
    def allow(self, seconds: float) -> Iterator[trio.CancelScope]:
        """Shield the block from cancellation for `seconds`, or less once the runtime ends."""
        with trio.CancelScope(deadline=min(trio.current_time() + seconds, self._limit), shield=True) as scope:
            self._open.add(scope)
            try:
                yield scope
            finally:
                self._open.discard(scope)

    def shorten(self, limit: float) -> None:
        """Let no shield last beyond `limit` (trio's clock): neither those open now nor later ones."""
        self._limit = min(self._limit, limit)
        for scope in self._open:
            scope.deadline = min(scope.deadline, self._limit)

    def restore(self) -> None:
        """Give later shields their full time again."""
        self._limit = math.inf
