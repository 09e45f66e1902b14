"""Conditions that name slots: ``every`` on a grid, ``cron`` at the minutes of an expression, ``daily.at(...)`` once a day."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from actors.conds.base import INF, Condition
from actors.errors import InvalidTimeSpan
from actors.facts import Facts, TaskFacts
from actors.periods.anchors import written
from actors.periods.base import Period
from actors.periods.cron import FIELDS, Cron
from actors.periods.cycles import BEGINNING, TimeOf
from actors.timespans import TimeSpan, to_seconds, to_words

SHORTEST = 0.01
"""Seconds: the shortest period that is kept on time."""
SAME_GRID = 1e-4
"""Seconds that rounding may be off."""
LAPSE = 60.0
"""Seconds that a slot of ``cron`` is waited for where something else has to hold too: the minute that cron looks at."""
FAR_AHEAD = 60.0
"""Seconds. A moment further in the future than this was noted while the clock was wrong."""

FINISHES: tuple[str, ...] = ("success", "fail", "terminate", "inaction", "poison")
ADVERBS = {
    "second": "secondly", "minute": "minutely", "hour": "hourly", "day": "daily", "week": "weekly", "month": "monthly",
    "year": "yearly",
}  # fmt: skip
Base = Literal["run", "finish", "success", "fail"]


@dataclass(frozen=True, slots=True)
class Every(Condition):
    """Holds when the task was not yet started for the current slot of a grid.

    The first slot is the first moment, the others follow it by whole periods: counted from when a run was due, not from
    when it started, so that being late once does not move the rest. A start that was asked for by ``task.run()`` counts as
    one and moves the grid to itself.
    """

    seconds: float

    has_slots = True

    def holds(self, now: float, facts: Facts) -> bool:
        return facts.own.due is None or self.slot_before(now, facts) > facts.own.settled

    def since(self, now: float, facts: Facts) -> float | None:
        return facts.own.seen if facts.own.due is None else self.slot_before(now, facts)

    def next_change(self, now: float, facts: Facts) -> float:
        return now + self.seconds if facts.own.due is None else self.slot_after(now, facts)

    def slot_after(self, moment: float, facts: Facts) -> float:
        if facts.own.due is None:
            return INF
        start = self._origin(facts.own, facts.own.due)
        number = math.floor((moment - start) / self.seconds)
        while (slot := start + number * self.seconds) <= moment:  # dividing alone would at times name the one before, or after
            number += 1
        return slot

    def slot_before(self, moment: float, facts: Facts) -> float:
        if facts.own.due is None:
            return -INF
        start = self._origin(facts.own, facts.own.due)
        number = math.ceil((moment - start) / self.seconds)
        while (slot := start + number * self.seconds) > moment:
            number -= 1
        return slot

    def slots_between(self, start: float, end: float, facts: Facts) -> int:
        first, last = self.slot_after(start, facts), self.slot_before(math.nextafter(end, -INF), facts)
        return round((last - first) / self.seconds) + 1 if first <= last else 0

    def _origin(self, own: TaskFacts, due: float) -> float:
        """Return from where the grid is counted: the anchor, or the latest start if that is on another grid."""
        if own.anchor is None:
            return due
        number = round((due - own.anchor) / self.seconds)
        return own.anchor if abs(own.anchor + number * self.seconds - due) < SAME_GRID else due

    def __str__(self) -> str:
        return f"every {to_words(self.seconds)}"


@dataclass(frozen=True, slots=True)
class Delay(Condition):
    """Holds when so many seconds have passed since the task last ended, or ended so: a fixed delay, not a fixed rate."""

    seconds: float
    base: Base = "finish"

    def holds(self, now: float, facts: Facts) -> bool:
        last = self._last(facts)
        return last is None or now >= last + self.seconds or last > now + FAR_AHEAD

    def since(self, now: float, facts: Facts) -> float | None:
        last = self._last(facts)
        return last + self.seconds if last is not None and last <= now else None

    def next_change(self, now: float, facts: Facts) -> float:
        last = self._last(facts)
        return last + self.seconds if last is not None and last + self.seconds > now else INF

    def _last(self, facts: Facts) -> float | None:
        return facts.own.last(FINISHES if self.base == "finish" else (self.base,))

    def __str__(self) -> str:
        return f"every {to_words(self.seconds)} based on {self.base}"


@dataclass(frozen=True, slots=True)
class OnCron(Condition):
    """Holds at each minute of a crontab expression until the task was started for it.

    A slot that passed while the app was down, or while the task ran, is waited for until it is decided. One that passed
    otherwise, because something else did not hold, is over after a minute.
    """

    period: Cron

    has_slots = True

    def holds(self, now: float, facts: Facts) -> bool:
        own, slot = facts.own, self.slot_before(now, facts)
        if slot <= own.settled:
            return False
        return now < slot + LAPSE or slot < facts.world.awake or slot < own.freed

    def since(self, now: float, facts: Facts) -> float | None:
        return self.slot_before(now, facts)

    def next_change(self, now: float, facts: Facts) -> float:
        window = self.period.window(now, facts.zone)
        return min(window.opening + LAPSE, window.following) if now < window.opening + LAPSE else window.following

    def slot_after(self, moment: float, facts: Facts) -> float:
        return _opening_after(self.period, moment, facts)

    def slot_before(self, moment: float, facts: Facts) -> float:
        return _opening_before(self.period, moment, facts)

    def lapsed(self, now: float, facts: Facts) -> float:
        slot = self.slot_before(now, facts)
        return slot if now >= slot + LAPSE else -INF

    def __str__(self) -> str:
        return str(self.period)


@dataclass(frozen=True, slots=True)
class At(Condition):
    """Holds from one moment of each cycle on until the task was started for it, at the longest until the cycle ends.

    ``daily.at("10:00")`` starts the task at ten, and later that day if the app was down at ten, or the run was cut off by the
    end of the whole process. A task that is new, or whose condition is, begins with the next such moment.
    """

    period: TimeOf

    has_slots = True

    def holds(self, now: float, facts: Facts) -> bool:
        own, window = facts.own, self.period.window(now, facts.zone)
        slot = window.opening
        if not slot <= now < window.closing or slot in own.ahead:
            return False
        return slot > own.settled or (own.was_cut_off and own.run is not None and own.run >= slot)

    def since(self, now: float, facts: Facts) -> float | None:
        return self.period.previous_opening(now, facts.zone)

    def next_change(self, now: float, facts: Facts) -> float:
        return self.period.next_change(now, facts.zone)

    def slot_after(self, moment: float, facts: Facts) -> float:
        return _opening_after(self.period, moment, facts)

    def slot_before(self, moment: float, facts: Facts) -> float:
        return _opening_before(self.period, moment, facts)

    def __str__(self) -> str:
        return f"{ADVERBS[self.period.unit]} at {written(self.period.unit, self.period.start or BEGINNING)}"


def every(span: TimeSpan, based: Base = "run") -> Condition:
    """Return the condition that starts a task once in each `span`, beginning at once.

    Args:
      based: ``run`` is a fixed rate; ``finish``, ``success`` and ``fail`` wait for `span` after the task last ended, or
        ended so, and start it as often as it takes until then.

    Raises:
      InvalidTimeSpan: `span` says no length of time, or one shorter than 10 ms.
      ValueError: `based` is none of these.
    """
    seconds = to_seconds(span)
    if not SHORTEST <= seconds < INF:
        raise InvalidTimeSpan(str(span), f"a period is at least {SHORTEST:g} s, and finite")
    if based not in ("run", "finish", "success", "fail"):
        raise ValueError(f"a period is based on 'run', 'finish', 'success' or 'fail', not {based!r}")
    return Every(seconds) if based == "run" else Delay(seconds, based)


def _opening_after(period: Period, moment: float, facts: Facts) -> float:
    """Return the first opening after `moment`, but for those that were decided while the clock was wrong."""
    slot = period.next_opening(moment, facts.zone)
    while slot in facts.own.ahead:
        slot = period.next_opening(slot, facts.zone)
    return slot


def _opening_before(period: Period, moment: float, facts: Facts) -> float:
    slot = period.previous_opening(moment, facts.zone)
    while slot in facts.own.ahead:
        slot = period.previous_opening(math.nextafter(slot, -INF), facts.zone)
    return slot


def cron_period(expression: str | None = None, **fields: str | int) -> Cron:
    """Return the period of a crontab expression, given whole or by its fields; a field that is not given is ``*``.

    Raises:
      ValueError: it is no such expression; both, or an unknown field, are given.
    """
    names = tuple(name.replace("-", "_") for name in FIELDS)
    if unknown := set(fields) - set(names):
        raise ValueError(f"cron has no field {min(unknown)!r}; fields are {', '.join(names)}")
    if expression is not None and fields:
        raise ValueError("give a cron expression, or its fields, not both")
    return Cron(expression if expression is not None else " ".join(str(fields.get(name, "*")) for name in names))


def cron(expression: str | None = None, **fields: str | int) -> OnCron:
    """Return the condition that starts a task at each minute of a crontab expression: ``cron("0 2 * * *")``, ``cron(hour=2)``.

    Args:
      fields: minute, hour, day_of_month, month, day_of_week.

    Raises:
      ValueError: it is no such expression.
    """
    return OnCron(cron_period(expression, **fields))
