"""Shutdown: the phases in which the whole runtime ends."""

from __future__ import annotations

import math
from enum import Enum, auto

from runtime.stopping import LAST_GRACE, LAST_MARGIN


def longest(wait: float) -> float:
    """Return how many seconds a shutdown takes at most, whose phases are those of :class:`Shutdown`, workers' ends included."""
    return 2 * (wait + LAST_GRACE + LAST_MARGIN) + 5 * LAST_MARGIN


class Phase(Enum):
    """How far a shutdown is."""

    FINISHING = auto()
    """Nothing new starts; runs may finish."""
    CANCELLING = auto()
    """Runs are asked to end, then made to."""
    CLOSING = auto()
    """The tasks with ``on_shutdown`` run."""
    CUTTING = auto()
    """Those, too, are made to end."""
    OVER = auto()
    """Whatever still runs is given up."""


class Shutdown:
    """The phases of a shutdown and their deadlines: a pure state machine, `now` is trio's time.

    Args:
      wait: seconds that runs get to finish, and again the ``on_shutdown`` tasks.
    """

    def __init__(self, now: float, wait: float) -> None:
        self.wait = wait
        self.phase = Phase.FINISHING
        self.forced = False
        self.ends = now + wait

    def force(self) -> None:
        """Give no more time to finish, and run no ``on_shutdown`` tasks."""
        self.forced = True
        if self.phase in (Phase.FINISHING, Phase.CLOSING):
            self.ends = -math.inf

    def step(self, now: float, running: bool) -> Phase | None:
        """Return the phase that begins now, given whether runs are left, or None if the current one goes on."""
        if running and now < self.ends:
            return None
        following = self._following(running)
        if following is self.phase:
            return None
        self.phase = following
        self.ends = now + {Phase.CLOSING: self.wait, Phase.OVER: 0.0}.get(following, LAST_GRACE + LAST_MARGIN)
        return following

    def _following(self, running: bool) -> Phase:
        if self.phase is Phase.FINISHING and running:
            return Phase.CANCELLING
        if self.phase in (Phase.FINISHING, Phase.CANCELLING):
            return Phase.OVER if self.forced else Phase.CLOSING
        return Phase.CUTTING if self.phase is Phase.CLOSING and running else Phase.OVER
