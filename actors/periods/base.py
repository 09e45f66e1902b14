"""The base of all periods, and their algebra."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import tzinfo
from typing import NamedTuple

INF = math.inf
MOST_STEPS = 1000
"""How far a combination of periods is searched for a moment at which it opens or closes, in openings of its parts."""
MEMORY = 3
"""How many windows a period remembers."""


class Window(NamedTuple):
    """One time that a period is open: from its opening up to, not including, its closing. Seconds since the epoch."""

    opening: float
    """Minus infinity where the period was never open."""
    closing: float
    following: float
    """When it opens next; infinity where it does not."""


NO_WINDOW = Window(-INF, -INF, INF)


class Period:
    """A part of time that comes again: every Monday, the evening of each day, the minutes that a cron expression names.

    Periods are frozen values. They speak of the clocks of a zone, which each question brings along.
    """

    __slots__ = ("_memo",)

    _memo: tuple[tuple[tzinfo, Window], ...]

    def window(self, moment: float, zone: tzinfo) -> Window:
        """Return the latest window that had opened at `moment`, and when the next one opens."""
        memo: tuple[tuple[tzinfo, Window], ...] = getattr(self, "_memo", ())
        for known_zone, known in memo:  # the same questions come again and again between two openings
            if known_zone is zone and known.opening <= moment < known.following:
                return known
        found = self._window(moment, zone)
        object.__setattr__(self, "_memo", ((zone, found), *memo[: MEMORY - 1]))
        return found

    def _window(self, moment: float, zone: tzinfo) -> Window:
        raise NotImplementedError

    def contains(self, moment: float, zone: tzinfo) -> bool:
        """Return whether the period is open at `moment`."""
        window = self.window(moment, zone)
        return window.opening <= moment < window.closing

    def next_opening(self, moment: float, zone: tzinfo) -> float:
        """Return the first moment after `moment` at which it opens, or infinity."""
        return self.window(moment, zone).following

    def previous_opening(self, moment: float, zone: tzinfo) -> float:
        """Return the latest moment, `moment` included, at which it opened, or minus infinity."""
        return self.window(moment, zone).opening

    def next_change(self, moment: float, zone: tzinfo) -> float:
        """Return the first moment after `moment` at which it opens or closes, or infinity."""
        window = self.window(moment, zone)
        return min(window.closing, window.following) if moment < window.closing else window.following

    def __and__(self, other: Period) -> Period:
        return Overlap((self, other)) if isinstance(other, Period) else NotImplemented

    def __or__(self, other: Period) -> Period:
        return Union((self, other)) if isinstance(other, Period) else NotImplemented


@dataclass(frozen=True, slots=True)
class Between(Period):
    """One single time, from `start` up to `end`, in seconds since the epoch; each may be infinite."""

    start: float = -INF
    end: float = INF

    def _window(self, moment: float, zone: tzinfo) -> Window:
        if moment < self.start:
            return Window(-INF, -INF, self.start if self.start < self.end else INF)
        return Window(self.start, self.end, INF) if self.start < self.end else NO_WINDOW

    def __str__(self) -> str:
        return "never" if self.start >= self.end else f"between {self.start:f} and {self.end:f}"


always = Between()
never = Between(INF, INF)


@dataclass(frozen=True, slots=True)
class Past(Period):
    """The time up to now: the last `far` seconds, but for the last `near` ones. It moves along, and is never closed."""

    far: float
    near: float = 0.0

    def window(self, moment: float, zone: tzinfo) -> Window:
        """Return the time that is meant at `moment`."""
        return Window(moment - self.far, math.nextafter(moment - self.near, INF), INF)

    def contains(self, moment: float, zone: tzinfo) -> bool:
        """Return True: now is always within it."""
        return True


@dataclass(frozen=True, slots=True)
class Union(Period):
    """Open while at least one part is; windows that touch are one."""

    parts: tuple[Period, ...]

    def _window(self, moment: float, zone: tzinfo) -> Window:
        latest = max((part.window(moment, zone) for part in self.parts), key=lambda window: window.closing)
        opening = self._begin(latest.opening, zone)
        closing = self._end(latest.closing, zone)
        return Window(opening, closing, self._next(max(moment, closing), zone))

    def contains(self, moment: float, zone: tzinfo) -> bool:
        return any(part.contains(moment, zone) for part in self.parts)

    def _begin(self, opening: float, zone: tzinfo) -> float:
        """Return when the window that is open at `opening` began, of whichever part."""
        for _ in range(MOST_STEPS):
            if opening == -INF:
                break
            before = math.nextafter(opening, -INF)
            earlier = min((w.opening for part in self.parts if (w := part.window(before, zone)).closing >= opening), default=INF)
            if earlier >= opening:
                return opening
            opening = earlier
        return -INF  # one part always takes over from another

    def _end(self, closing: float, zone: tzinfo) -> float:
        """Return when the window that ends at `closing` really ends, where another part goes on."""
        for _ in range(MOST_STEPS):
            if math.isinf(closing):
                return closing
            later = max((w.closing for part in self.parts if (w := part.window(closing, zone)).closing > closing), default=-INF)
            if later <= closing:
                return closing
            closing = later
        return INF

    def _next(self, moment: float, zone: tzinfo) -> float:
        """Return the first opening after `moment`, at which no part is open."""
        return min((part.next_opening(moment, zone) for part in self.parts), default=INF) if moment < INF else INF

    def __str__(self) -> str:
        return " | ".join(map(str, self.parts))


@dataclass(frozen=True, slots=True)
class Overlap(Period):
    """Open while all parts are."""

    parts: tuple[Period, ...]

    def _window(self, moment: float, zone: tzinfo) -> Window:
        latest = self._latest(moment, zone)
        after = max(moment, latest.closing)
        return latest._replace(following=self._next(after, zone))

    def contains(self, moment: float, zone: tzinfo) -> bool:
        return all(part.contains(moment, zone) for part in self.parts)

    def _latest(self, moment: float, zone: tzinfo) -> Window:
        for _ in range(MOST_STEPS):
            windows = [part.window(moment, zone) for part in self.parts]
            opening, closing = max(w.opening for w in windows), min(w.closing for w in windows)
            if opening < closing:
                return Window(opening, closing, INF)
            if math.isinf(closing):
                break
            moment = math.nextafter(closing, -INF)  # the part that closed first had been open before that
        return NO_WINDOW

    def _next(self, moment: float, zone: tzinfo) -> float:
        for _ in range(MOST_STEPS):
            if moment == INF:
                break
            closed = [part.next_opening(moment, zone) for part in self.parts if not part.contains(moment, zone)]
            if not closed:
                return moment
            moment = max(closed)
        return INF

    def __str__(self) -> str:
        return " & ".join(f"({part})" if isinstance(part, Union) else str(part) for part in self.parts)
