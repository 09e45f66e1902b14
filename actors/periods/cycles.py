"""Cycles: the parts of each second, minute, hour, day, week, month or year."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from typing import ClassVar, Self

from actors.periods.anchors import LAST, LENGTH, Anchor, Given, Side, Unit, after_step, to_anchor, written
from actors.periods.base import INF, Period, Window
from actors.zones import DAY, instant, local, offset, transition

FARTHEST = 500
"""Cycles that are searched for one that has the day: 29 February may be eight years away."""
BEGINNING = Anchor(0, 0.0)
DECEMBER = 12


@dataclass(frozen=True, slots=True, init=False)
class TimeOf(Period):
    """A window of each cycle, on the clocks of a zone: from `start` up to `end`, into the next cycle where that is earlier.

    Without either it begins and ends with the cycle. A window that a jump of the clocks swallows opens right after the jump,
    for as long as it would have been. A day that a month does not have is no day of that month.

    Args:
      start, end: as in ``TimeOfDay("10:00", "12:00")``, ``TimeOfWeek("Mon", "Fri")``, ``TimeOfMonth("1st", "last")``.
    """

    unit: ClassVar[Unit]
    start: Anchor | None = None
    end: Anchor | None = None
    whole: bool = False
    """Whether it lasts until the next window begins, as ``starting`` says."""

    def __init__(self, start: Given | None = None, end: Given | None = None) -> None:
        self._set(
            None if start is None else to_anchor(self.unit, start),
            None if end is None else to_anchor(self.unit, end, "end"),
        )

    def _set(self, start: Anchor | None, end: Anchor | None, *, whole: bool = False) -> None:
        object.__setattr__(self, "start", start)
        object.__setattr__(self, "end", end)
        object.__setattr__(self, "whole", whole)

    @classmethod
    def _made(cls, start: Anchor | None, end: Anchor | None, *, whole: bool = False) -> Self:
        made = cls()
        made._set(start, end, whole=whole)
        return made

    @classmethod
    def before(cls, end: Given) -> Self:
        """Return the part of the cycle up to `end`."""
        return cls(None, end)

    @classmethod
    def after(cls, start: Given) -> Self:
        """Return the part of the cycle from `start` on."""
        return cls(start, None)

    @classmethod
    def between(cls, start: Given, end: Given) -> Self:
        """Return the part of the cycle from `start` up to `end`; into the next cycle where that is earlier."""
        return cls(start, end)

    @classmethod
    def starting(cls, start: Given) -> Self:
        """Return the whole cycle, but beginning at `start`; a month without that day begins on its last."""
        return cls._made(to_anchor(cls.unit, start), None, whole=True)

    @classmethod
    def on(cls, start: Given) -> Self:
        """Return the part that `start` names: that day of a week or month, that hour of a day, minute, second, ..."""
        anchor = to_anchor(cls.unit, start)
        return cls._made(anchor, after_step(cls.unit, anchor))

    @classmethod
    def at(cls, start: Given) -> Self:
        """Return the same as ``on``."""
        return cls.on(start)

    @property
    def is_full(self) -> bool:
        """Whether it is open all the time, one window after the other."""
        return self.whole or (self.start is None and self.end is None)

    def _window(self, moment: float, zone: tzinfo) -> Window:
        return self._of_calendar(moment, zone) if self.unit in ("day", "week", "month", "year") else self._of_clock(moment, zone)

    def _of_clock(self, moment: float, zone: tzinfo) -> Window:
        """Return the window for the units up to an hour, which are counted on the elapsed time between two jumps."""
        length = LENGTH[self.unit]
        start = self.start.seconds if self.start is not None else 0.0
        opening, following = self._last_shown(start, moment, length, zone), self._first_shown(start, moment, length, zone)
        if self.is_full:
            return Window(opening, following, following)
        end = self.end.seconds if self.end is not None else length
        return Window(opening, min(opening + (end - start if end > start else end + length - start), following), following)

    @staticmethod
    def _first_shown(place: float, moment: float, length: float, zone: tzinfo) -> float:
        """Return the first moment after `moment` at which the clocks show that `place` of a unit of `length`."""
        ahead = offset(moment, zone)
        found = _next_of_grid(moment, place - ahead, length)
        if (then := offset(found, zone)) != ahead:
            jump = transition(moment, found, zone)
            if jump <= found:
                return _next_of_grid(math.nextafter(jump, -INF), place - then, length)
        return found

    @staticmethod
    def _last_shown(place: float, moment: float, length: float, zone: tzinfo) -> float:
        """Return the latest moment, `moment` included, at which the clocks showed that `place` of a unit of `length`."""
        ahead = offset(moment, zone)
        found = _next_of_grid(moment, place - ahead, length) - length
        if (then := offset(found, zone)) != ahead:
            jump = transition(found, moment, zone)
            if found < jump:
                return _next_of_grid(math.nextafter(jump, -INF), place - then, length) - length
        return found

    def _of_calendar(self, moment: float, zone: tzinfo) -> Window:
        latest: tuple[float, float] | None = None
        following = INF
        here = _cycle_of(self.unit, local(moment, zone))
        for number in _outwards(FARTHEST):
            if (number > 0 and following < INF) or (number <= 0 and latest is not None):
                if latest is not None and following < INF:
                    break
                continue
            window = self._in_cycle(here, number, zone)
            if window is None:
                continue
            if window[0] <= moment:
                latest = max(window, latest or window)
            else:
                following = min(window[0], following)
        opening, closing = latest or (-INF, -INF)
        return Window(opening, min(closing, following), following)

    def _in_cycle(self, here: datetime, number: int, zone: tzinfo) -> tuple[float, float] | None:
        """Return opening and closing of the window that opens in the cycle `number` cycles after the one beginning `here`."""
        cycle = _shifted(self.unit, here, number)
        begin = cycle and _place(self.unit, cycle, self.start or BEGINNING, "start" if self.whole else None)
        upper = cycle and _shifted(self.unit, cycle, 1)
        if cycle is None or begin is None or upper is None:
            return None
        if self.is_full:
            end = _place(self.unit, upper, self.start or BEGINNING, "start")
        elif self.end is None:
            end = upper
        elif self.start is not None and _wraps(self.unit, self.start, self.end):
            end = _place(self.unit, upper, self.end, "end")
        else:
            end = _place(self.unit, cycle, self.end, "end")
        if end is None or end <= begin:
            return None
        opening, closing = instant(begin, zone), instant(end, zone, last=not self.is_full and self.end is not None)
        return opening, closing if closing > opening else opening + (end - begin).total_seconds()

    def __str__(self) -> str:
        return f"time of {self.unit}{self.in_words()}"

    def in_words(self, *, short: bool = True) -> str:
        """Return which part it is, with a space in front; nothing if it is the whole of it.

        Args:
          short: whether ``on ...`` may be said.
        """
        start, end = self.start, self.end
        if self.whole and start is not None:
            return f" starting {written(self.unit, start)}"
        if short and start is not None and end == after_step(self.unit, start):
            return f" on {written(self.unit, start)}"
        if start is None:
            return "" if end is None else f" before {written(self.unit, end, 'end')}"
        if end is None:
            return f" after {written(self.unit, start)}"
        return f" between {written(self.unit, start)} and {written(self.unit, end, 'end')}"


class TimeOfSecond(TimeOf):
    """A part of each second, in milliseconds."""

    __slots__ = ()
    unit = "second"


class TimeOfMinute(TimeOf):
    """A part of each minute, in seconds."""

    __slots__ = ()
    unit = "minute"


class TimeOfHour(TimeOf):
    """A part of each hour, as ``"30:00"`` or ``"2 quarters"``."""

    __slots__ = ()
    unit = "hour"


class TimeOfDay(TimeOf):
    """A part of each day, as ``"10:00"``."""

    __slots__ = ()
    unit = "day"


class TimeOfWeek(TimeOf):
    """A part of each week, which begins on Monday, as ``"Tue"`` or ``"Tue 10:00"``; an end without a time is included."""

    __slots__ = ()
    unit = "week"


class TimeOfMonth(TimeOf):
    """A part of each month, as ``"5th"``, ``"last"`` or ``"5th 10:00"``; an end without a time is included."""

    __slots__ = ()
    unit = "month"


class TimeOfYear(TimeOf):
    """A part of each year, as ``"Feb"`` or ``"Feb 3rd"``; an end without a time is included."""

    __slots__ = ()
    unit = "year"


CYCLES: dict[Unit, type[TimeOf]] = {
    "second": TimeOfSecond, "minute": TimeOfMinute, "hour": TimeOfHour, "day": TimeOfDay, "week": TimeOfWeek,
    "month": TimeOfMonth, "year": TimeOfYear,
}  # fmt: skip


def _outwards(most: int) -> Iterator[int]:
    """Yield 0, 1, -1, 2, -2 and so on."""
    yield 0
    for number in range(1, most):
        yield number
        yield -number


def _next_of_grid(moment: float, place: float, step: float) -> float:
    """Return the first moment after `moment` that lies a whole number of steps from `place`."""
    number = (moment - place) // step
    found = place + number * step
    while found <= moment:
        found += step
    return found


def _cycle_of(unit: Unit, wall: datetime) -> datetime:
    """Return the beginning of the day, week, month or year that `wall` is in."""
    midnight = wall.replace(hour=0, minute=0, second=0, microsecond=0)
    if unit == "week":
        return midnight - timedelta(days=midnight.weekday())
    if unit == "month":
        return midnight.replace(day=1)
    return midnight.replace(month=1, day=1) if unit == "year" else midnight


def _shifted(unit: Unit, cycle: datetime, number: int) -> datetime | None:
    """Return the beginning of the cycle `number` cycles later; None before the year 1 and after 9998."""
    try:
        if unit in ("day", "week"):
            return cycle + timedelta(days=number * (1 if unit == "day" else 7))
        months = cycle.year * 12 + cycle.month - 1 + number * (1 if unit == "month" else 12)
        return cycle.replace(year=months // 12, month=months % 12 + 1)
    except (ValueError, OverflowError):
        return None


def _place(unit: Unit, cycle: datetime, anchor: Anchor, clamp: Side | None) -> datetime | None:
    """Return where `anchor` is in that cycle. A date that a month does not have is nowhere, its last day, or the end of that."""
    day, seconds = anchor
    if unit == "year" and day:
        month, day = divmod(day, 100)
        if month > DECEMBER:
            return cycle.replace(year=cycle.year + 1)
        cycle = cycle.replace(month=month)
    if unit in ("month", "year") and day:
        last = _days_in_month(cycle)
        if day > last:
            if clamp is None:
                return None
            day, seconds = last, DAY if clamp == "end" else seconds
        cycle += timedelta(days=(last if day == LAST else day) - 1)
    return cycle + timedelta(seconds=seconds)


def _days_in_month(month: datetime) -> int:
    following = (month.replace(day=28) + timedelta(days=4)).replace(day=1)
    return (following - timedelta(days=1)).day


def _wraps(unit: Unit, start: Anchor, end: Anchor) -> bool:
    """Return whether a window from `start` to `end` reaches into the next cycle."""
    if unit not in ("month", "year"):
        return end <= start
    last = {LAST: 99}
    return (last.get(end.day, end.day), end.seconds) <= (last.get(start.day, start.day), start.seconds)
