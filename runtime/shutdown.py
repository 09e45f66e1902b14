"""Shutdown: the phases in which the whole runtime ends, all of them before one deadline."""

from __future__ import annotations

import math
from enum import Enum, IntEnum, auto

from actors.facts import Action
from runtime.stopping import LAST_GRACE, LAST_MARGIN

EXIT_CUT_SHORT = 3
"""The exit code of a program whose end has cut something short."""
EXIT_LOST_RECORDS = 5
"""That of one which could not put all on record, as where its run log cannot be used."""
LEAST_CLOSING = 1.0
"""Seconds that the tasks with ``on_shutdown`` get, also where the others have used up the time to finish."""
CUT_GRACE = 0.3
"""Seconds that those get to end which then still run."""
KILL_MARGIN = 0.3
"""Seconds for what was killed to be seen to end."""
LAST_PART = 0.5
"""Seconds for what comes after the last phase: the last part of the hooks, and the end of idle workers."""
LEAST_TURN = 0.1
"""Seconds that what is asked to end has for it in any case, also where a function has blocked the runtime beyond the deadline."""


class Haste(IntEnum):
    """How much a shutdown hurries: as much as the most that was asked for."""

    NONE = 0
    """Runs may finish."""
    CANCEL = 1
    """What runs is asked to end at once."""
    KILL = 2
    """It is killed, or given up, at once."""


def longest(wait: float, haste: Haste = Haste.NONE) -> float:
    """Return how many seconds a shutdown takes at most from when so much haste is asked for, the ends of workers included.

    With the default settings, where `wait` is 5 s, this is below the 10 s that Docker gives.
    """
    if haste is Haste.KILL:
        return KILL_MARGIN + LAST_PART
    cancelling = LAST_GRACE + LAST_MARGIN
    if haste is Haste.CANCEL:
        return cancelling + 2 * LAST_PART
    return wait + cancelling + LEAST_CLOSING + CUT_GRACE + LAST_MARGIN + LAST_PART


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
    KILLING = auto()
    """What is left is killed: only with :attr:`Haste.KILL`."""
    OVER = auto()
    """Whatever still runs is given up."""


class Shutdown:
    """The phases of a shutdown and their deadlines: a pure state machine, `now` is trio's time.

    Args:
      wait: seconds that runs get to finish; the ``on_shutdown`` tasks then get what is left of it, but at least a second.
    """

    def __init__(self, now: float, wait: float) -> None:
        self.wait = wait
        self.phase = Phase.FINISHING
        self.haste = Haste.NONE
        self.ends = self._finish = now + wait
        """When the phase ends, at the latest."""
        self.patience = math.inf
        """Until when those may take that were asked to end."""
        self.limit = now + longest(wait)
        """When everything has ended, at the latest."""
        self.has_closed = False
        """Whether the ``on_shutdown`` tasks have had their turn."""

    def hurry(self, now: float, haste: Haste) -> None:
        """Give less time: none to finish, and run no ``on_shutdown`` tasks; or none at all. Never gives more than there was."""
        if haste <= self.haste:
            return
        self.haste = haste
        self.limit = min(self.limit, now + longest(self.wait, haste))
        if self.phase is not Phase.OVER and (haste is Haste.KILL or self.phase in (Phase.FINISHING, Phase.CLOSING)):
            self.ends = now

    def step(self, now: float, running: bool) -> Phase | None:
        """Return the phase that begins now, given whether runs are left, or None if the current one goes on."""
        if self.phase is Phase.OVER or (running and now < self.ends):
            return None
        self.phase = self._following(running)
        self.has_closed = self.has_closed or self.phase is Phase.CLOSING
        self.patience, self.ends = self._deadlines(now)
        return self.phase

    def cuts(self, action: Action) -> bool:
        """Return whether a run that ends so now was cut short by this."""
        if action == "fail":  # it was asked to end, and what it raised for that is its own
            return self.phase not in (Phase.FINISHING, Phase.CLOSING)
        return action == "terminate" and self.phase is not Phase.FINISHING

    def _following(self, running: bool) -> Phase:
        if self.haste is Haste.KILL:
            return Phase.KILLING if running and self.phase is not Phase.KILLING else Phase.OVER
        if self.phase is Phase.FINISHING and running:
            return Phase.CANCELLING
        if self.phase in (Phase.FINISHING, Phase.CANCELLING):
            return Phase.OVER if self.haste else Phase.CLOSING
        return Phase.CUTTING if self.phase is Phase.CLOSING and running else Phase.OVER

    def _deadlines(self, now: float) -> tuple[float, float]:
        """Return until when those may take that are asked to end in the phase that begins, and when it ends."""
        last = self.limit - LAST_PART
        match self.phase:
            case Phase.CLOSING:
                return math.inf, max(min(max(self._finish, now + LEAST_CLOSING), last), now + LEAST_TURN)
            case Phase.CANCELLING:
                grace, margin = LAST_GRACE, LAST_MARGIN
            case Phase.CUTTING:
                grace, margin = CUT_GRACE, LAST_MARGIN
            case Phase.KILLING:
                grace, margin = 0.0, KILL_MARGIN
            case _:
                return now, math.inf
        ends = max(min(now + grace + margin, last), now + LEAST_TURN)
        return min(now + grace, ends), ends


def announcement(haste: Haste, runs: int, wait: float, *, by_signal: bool) -> str:
    """Return what is told when a shutdown is asked for: what becomes of so many runs, 0 is the start, and what comes next."""
    what, get, them = (f"{runs} runs", "get", "them") if runs > 1 else ("1 run" if runs else "the start", "gets", "it")
    if haste is Haste.KILL:
        return f"killing {what}"
    if haste is Haste.CANCEL:
        return f"ending {what} now" + (f"; a third signal kills {them}" if by_signal else "")
    again = "a second signal" if by_signal else "a second shut_down()"
    return f"{what} {get} {wait:g} s to finish; {again} ends {them} now"
