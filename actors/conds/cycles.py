"""Conditions about a part of each day, week, ...: ``daily`` (once in it) and ``time_of_day`` (all the while)."""

from __future__ import annotations

from dataclasses import dataclass

from actors.conds.base import Timed
from actors.conds.parts import Parted
from actors.conds.slots import ADVERBS, FINISHES, At, cron_period
from actors.facts import Facts, TaskFacts
from actors.periods.anchors import Given
from actors.periods.base import Period
from actors.periods.cron import Cron
from actors.periods.cycles import (
    TimeOf,
    TimeOfDay,
    TimeOfHour,
    TimeOfMinute,
    TimeOfMonth,
    TimeOfSecond,
    TimeOfWeek,
    TimeOfYear,
)

DATED = ("week", "month", "year")
"""The cycles of which a whole day can be named."""


@dataclass(frozen=True, slots=True)
class Once(Parted):
    """Holds in each cycle, or the given part of it, until the task has finished in it.

    What counts is when it ends, not when it starts: success, fail, terminate and inaction use the cycle up. A crash does not,
    unless its run was cut off too often.
    """

    period: TimeOf

    def holds(self, now: float, facts: Facts) -> bool:
        window = self.period.window(now, facts.zone)
        inside = window.opening <= now < window.closing
        return inside and not facts.own.happened(FINISHES, window.opening, window.closing)

    def since(self, now: float, facts: Facts) -> float | None:
        return fresh(self.period.previous_opening(now, facts.zone), facts.own)

    def next_change(self, now: float, facts: Facts) -> float:
        return self.period.next_change(now, facts.zone)

    def cycle(self) -> TimeOf:
        return self.period

    def within(self, period: TimeOf) -> Once:
        return Once(period)

    def at(self, start: Given) -> At:  # type: ignore[override]  # a moment is a slot, and no part of a cycle
        """Return the condition that holds from `start` on, until the end of the cycle, once: see :class:`At`."""
        return At(self.period.after(start))

    def on(self, start: Given) -> Once | At:  # type: ignore[override]  # likewise
        """Return the same for one day of a week, month or year; ``at`` for the shorter cycles."""
        return self.within(self.period.on(start)) if self.period.unit in DATED else self.at(start)

    def __str__(self) -> str:
        unit = self.period.unit
        return ADVERBS[unit] + self.period.in_words(short=unit in DATED)


@dataclass(frozen=True, slots=True)
class During(Parted, Timed):
    """Holds while a period is open. Alone, it starts the task again and again for all that time.

    ``time_of_day`` and its kind hold during the whole of each cycle; their methods choose a part of it.
    """

    period: Period

    def holds(self, now: float, facts: Facts) -> bool:
        return self.period.contains(now, facts.zone)

    def since(self, now: float, facts: Facts) -> float | None:
        return fresh(self.period.previous_opening(now, facts.zone), facts.own)

    def next_change(self, now: float, facts: Facts) -> float:
        return self.period.next_change(now, facts.zone)

    def change_before(self, moment: float, facts: Facts) -> float:
        window = self.period.window(moment, facts.zone)
        return window.closing if window.closing <= moment else window.opening

    def cycle(self) -> TimeOf:
        if not isinstance(self.period, TimeOf):
            raise TypeError(f"{self} has no parts to choose")
        return self.period

    def within(self, period: Period) -> During:
        return During(period)

    def __str__(self) -> str:
        if isinstance(self.period, Cron):
            return str(self.period).replace("cron ", "crontime ", 1)
        return str(self.period) if isinstance(self.period, TimeOf) else f"({self.period})"


secondly, minutely, hourly = Once(TimeOfSecond()), Once(TimeOfMinute()), Once(TimeOfHour())
daily, weekly, monthly, yearly = Once(TimeOfDay()), Once(TimeOfWeek()), Once(TimeOfMonth()), Once(TimeOfYear())
time_of_second, time_of_minute = During(TimeOfSecond()), During(TimeOfMinute())
time_of_hour, time_of_day = During(TimeOfHour()), During(TimeOfDay())
time_of_week, time_of_month, time_of_year = During(TimeOfWeek()), During(TimeOfMonth()), During(TimeOfYear())


def crontime(expression: str | None = None, **fields: str | int) -> During:
    """Return the condition that holds during the minutes of a crontab expression. See :func:`cron` for its arguments."""
    return During(cron_period(expression, **fields))


def fresh(opening: float, own: TaskFacts) -> float | None:
    """Return `opening` if the task was not started since; the moment it was first followed where that is later."""
    if own.due is not None and own.due >= opening:
        return None
    return opening if own.seen is None else max(opening, own.seen)
