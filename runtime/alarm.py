"""Alarm: wakes the supervisor at a moment that keeps changing."""

from __future__ import annotations

import math
from collections.abc import Callable

import trio


class Alarm:
    """Calls `ring` at the moment it is set to, on trio's clock.

    A task of its own waits, so that who sets it need not open a cancel scope for each wait, which costs as much as a launch.
    It may ring too early, where the moment was put off: who is called looks for itself, and sets it anew.
    """

    def __init__(self, ring: Callable[[], object]) -> None:
        self._ring = ring
        self._moment = math.inf
        self._scope = trio.CancelScope()

    async def run(self) -> None:
        """Wait and ring, until cancelled."""
        while True:
            with self._scope:
                await trio.sleep_forever()
            self._scope = trio.CancelScope()
            self._moment = math.inf
            self._ring()

    def set(self, moment: float) -> None:
        """Ring at `moment`, if not before; infinity is never."""
        if moment < self._moment:  # asked of a number of our own: to look at or set the scope's costs microseconds
            self._moment = self._scope.deadline = moment
