"""Fuse: what is done if something takes too long."""

from __future__ import annotations

import math
from collections.abc import Callable

from runtime.tree.deadlines import Deadlines, Entry


class Fuse:
    """One thing at a time that is done when it has burnt down, unless it is put out before. It may be shortened for good."""

    __slots__ = ("_act", "_by", "_deadlines", "_entry", "_least", "_moment", "_time")

    def __init__(self, deadlines: Deadlines, time: Callable[[], float]) -> None:
        self._deadlines, self._time = deadlines, time
        self._by, self._moment, self._least = math.inf, math.inf, 0.0
        self._entry: Entry | None = None
        self._act: Callable[[], object] = _nothing

    @property
    def by(self) -> float:
        """Until when it burns at most, at any time."""
        return self._by

    @property
    def is_lit(self) -> bool:
        """Whether it burns."""
        return self._entry is not None

    def light(self, seconds: float, act: Callable[[], object], *, least: float = 0.0) -> None:
        """Have `act` called in so many seconds, in place of what was to be done; `least` it has in any case."""
        self.put_out()
        now = self._time()
        self._act, self._least = act, now + least
        self._burn_until(max(min(now + seconds, self._by), self._least))

    def shorten(self, by: float) -> None:
        """Burn until `by` at most, now and later on."""
        self._by = min(self._by, by)
        if self._entry is not None and self._moment > max(self._by, self._least):
            self._deadlines.call_off(self._entry)
            self._burn_until(max(self._by, self._least))

    def put_out(self) -> None:
        """Do nothing any more."""
        if self._entry is not None:
            self._deadlines.call_off(self._entry)
            self._entry = None

    def _burn_until(self, moment: float) -> None:
        self._moment = moment
        self._entry = self._deadlines.at(moment, self._burnt)

    def _burnt(self) -> None:
        self._entry = None
        self._act()


def _nothing() -> None:
    """Do nothing."""
