"""The methods that choose a part of each day, week, ...: the same for all conditions that are about one."""

from __future__ import annotations

from typing import Self

from actors.conds.base import Condition
from actors.periods.anchors import Given
from actors.periods.cycles import TimeOf


class Parted(Condition):
    """A condition about a cycle, or a part of it."""

    __slots__ = ()

    def cycle(self) -> TimeOf:
        """Return the cycle that it is about.

        Raises:
          TypeError: it is about none.
        """
        raise NotImplementedError

    def within(self, period: TimeOf) -> Self:
        """Return the same for `period`."""
        raise NotImplementedError

    def before(self, end: Given) -> Self:
        """Return the same for the part of the cycle up to `end`."""
        return self.within(self.cycle().before(end))

    def after(self, start: Given) -> Self:
        """Return the same for the part of the cycle from `start` on."""
        return self.within(self.cycle().after(start))

    def between(self, start: Given, end: Given) -> Self:
        """Return the same for the part from `start` up to `end`, which is in the next cycle where it is earlier."""
        return self.within(self.cycle().between(start, end))

    def starting(self, start: Given) -> Self:
        """Return the same for cycles that begin at `start`."""
        return self.within(self.cycle().starting(start))

    def on(self, start: Given) -> Self:
        """Return the same for what `start` names: that day, that hour of the day, that minute, ..."""
        return self.within(self.cycle().on(start))

    def at(self, start: Given) -> Self:
        """Return the same as ``on``."""
        return self.on(start)
