"""Conditions about what became of a task: ``succeeded``, ``running``, ``retry`` and their kind."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Literal, Self, cast

from actors.conds.base import INF, Condition
from actors.conds.parts import Parted
from actors.conds.texts import quoted
from actors.facts import Action, Facts, TaskFacts
from actors.periods.base import Past, Period
from actors.periods.cycles import (
    CYCLES,
    TimeOf,
    TimeOfDay,
    TimeOfHour,
    TimeOfMinute,
    TimeOfMonth,
    TimeOfWeek,
)
from actors.timespans import TimeSpan, to_finite, to_words

TaskRef = object
"""A task: its name, its function, or the task itself; None is the one whose condition it is."""
Happening = Literal["started", "succeeded", "failed", "finished", "terminated", "inacted", "crashed"]
HAPPENINGS: dict[Happening, tuple[Action, ...]] = {
    "started": ("run",),
    "succeeded": ("success",),
    "failed": ("fail",),
    "finished": ("success", "fail", "terminate"),
    "terminated": ("terminate",),
    "inacted": ("inaction",),
    "crashed": ("crash",),
}


def named(task: TaskRef, find: Callable[[object], str]) -> str | None:
    """Return the name of `task` in the app, which `find` finds; None stays None."""
    return None if task is None else find(task)


@dataclass(frozen=True, slots=True)
class OfTask(Condition):
    """A condition about a task: the one it belongs to, or another."""

    task: TaskRef = None

    def watched(self) -> tuple[str, ...]:
        return (self.task,) if isinstance(self.task, str) else ()

    def renamed(self, find: Callable[[object], str]) -> Self:
        return replace(self, task=named(self.task, find))

    def told(self, facts: Facts) -> TaskFacts:
        """Return the facts of its task, which is given by name once the condition belongs to one."""
        return facts.of(cast("str | None", self.task))


@dataclass(frozen=True, slots=True)
class Status(OfTask, Parted):
    """Holds if it happened to a task: ever, or in a period. ``succeeded("fetch").today``, ``failed.past("1 hour")``."""

    happening: Happening = "succeeded"
    period: Period | None = None

    def __call__(self, task: TaskRef) -> Status:
        """Return the same for another task."""
        return replace(self, task=task)

    def holds(self, now: float, facts: Facts) -> bool:
        told, actions = self.told(facts), HAPPENINGS[self.happening]
        if self.period is None:
            return told.last(actions) is not None
        window = self.period.window(now, facts.zone)
        if window.closing <= now and isinstance(self.period, TimeOf):  # "today between 8 and 10" is about today's eight
            begun = CYCLES[self.period.unit]().previous_opening(now, facts.zone)
            if window.opening < begun:
                return False
        return told.happened(actions, window.opening, window.closing)

    def next_change(self, now: float, facts: Facts) -> float:
        if isinstance(self.period, Past):
            told = self.told(facts)
            moments = (moment for action in HAPPENINGS[self.happening] for moment in told.remembered.get(action, ()))
            ends = (moment + span for moment in moments for span in (self.period.near, self.period.far))
            return min((math.nextafter(end, INF) for end in ends if end >= now), default=INF)
        if isinstance(self.period, TimeOf):
            full = CYCLES[self.period.unit]()
            return min(self.period.next_change(now, facts.zone), full.next_opening(now, facts.zone))
        return INF if self.period is None else self.period.next_change(now, facts.zone)

    def within(self, period: Period) -> Status:
        """Return the same for `period`."""
        return replace(self, period=period)

    def past(self, span: TimeSpan) -> Status:
        """Return the same for the time since `span` ago."""
        return self.within(Past(to_finite(span)))

    @property
    def this_minute(self) -> Status:
        """The same for this minute; the others alike."""
        return self.within(TimeOfMinute())

    @property
    def this_hour(self) -> Status:
        """The same for this hour."""
        return self.within(TimeOfHour())

    @property
    def this_day(self) -> Status:
        """The same for this day."""
        return self.within(TimeOfDay())

    today = this_day

    @property
    def this_week(self) -> Status:
        """The same for this week."""
        return self.within(TimeOfWeek())

    @property
    def this_month(self) -> Status:
        """The same for this month."""
        return self.within(TimeOfMonth())

    def cycle(self) -> TimeOf:
        if not isinstance(self.period, TimeOf):
            raise TypeError(f"of what? Write for example {self.happening}.today.before(...)")
        return self.period

    def __str__(self) -> str:
        whose = "" if self.task is None else f"task {quoted(self.task)} "
        if self.period is None:
            return f"{whose}has {self.happening}"
        if isinstance(self.period, Past):
            return f"{whose}has {self.happening} past {to_words(self.period.far)}"
        if isinstance(self.period, TimeOf):
            return f"{whose}has {self.happening} this {self.period.unit}{self.period.in_words()}"
        return f"{whose}has {self.happening} within ({self.period})"


Comparison = Literal["more than", "less than", "at least", "at most", "exactly", "not exactly"]
COMPARISONS: dict[Comparison, Callable[[int, int], bool]] = {
    "more than": lambda count, wanted: count > wanted,
    "less than": lambda count, wanted: count < wanted,
    "at least": lambda count, wanted: count >= wanted,
    "at most": lambda count, wanted: count <= wanted,
    "exactly": lambda count, wanted: count == wanted,
    "not exactly": lambda count, wanted: count != wanted,
}


@dataclass(frozen=True, slots=True, eq=False)
class Running(OfTask):
    """Holds while runs of a task go on: any, so many (``running("a") >= 2``), or for so long (``running.more_than("1 h")``)."""

    comparison: Comparison = "at least"
    count: int = 1
    longer: float = 0.0
    """Seconds that a run must have lasted to count."""
    shorter: float = INF
    """Seconds up to which it counts."""

    def __call__(self, task: TaskRef) -> Running:
        """Return the same for another task."""
        return replace(self, task=task)

    def holds(self, now: float, facts: Facts) -> bool:
        going = self.told(facts).going.values()
        counted = (
            sum(begun + self.longer <= now < begun + self.shorter for begun in going) if self._is_about_time() else len(going)
        )
        return COMPARISONS[self.comparison](counted, self.count)

    def next_change(self, now: float, facts: Facts) -> float:
        if not self._is_about_time():
            return INF
        going = self.told(facts).going.values()
        moments = (begun + span for begun in going for span in (self.longer, self.shorter))
        return min((moment for moment in moments if moment > now), default=INF)

    def more_than(self, span: TimeSpan) -> Running:
        """Return the condition that a run has been going on for `span` or longer."""
        return replace(self, longer=to_finite(span))

    def less_than(self, span: TimeSpan) -> Running:
        """Return the condition that a run has been going on for less than `span`."""
        return replace(self, shorter=to_finite(span))

    def between(self, shortest: TimeSpan, longest: TimeSpan) -> Running:
        """Return the condition that a run has been going on for at least `shortest` and less than `longest`."""
        return replace(self, longer=to_finite(shortest), shorter=to_finite(longest))

    def __gt__(self, count: int) -> Running:
        return self._compared("more than", count)

    def __lt__(self, count: int) -> Running:
        return self._compared("less than", count)

    def __ge__(self, count: int) -> Running:
        return self._compared("at least", count)

    def __le__(self, count: int) -> Running:
        return self._compared("at most", count)

    def __eq__(self, other: object) -> Any:
        if isinstance(other, int) and not isinstance(
            other, bool
        ):  # compared with a number it is one more condition; with a condition, a value
            return self._compared("exactly", other)
        return isinstance(other, Running) and self._key() == other._key()

    def __ne__(self, other: object) -> Any:
        same = self == other
        return self._compared("not exactly", same.count) if isinstance(same, Running) else not same

    def __hash__(self) -> int:
        return hash(self._key())

    def _key(self) -> tuple[object, ...]:
        return (self.task, self.comparison, self.count, self.longer, self.shorter)

    def _compared(self, comparison: Comparison, count: int) -> Running:
        if not isinstance(count, int) or isinstance(count, bool):
            raise TypeError(f"runs are counted: a whole number is expected, not {count!r}")
        if count < 0:
            raise ValueError(f"runs are counted: there are never {count}")
        return replace(self, comparison=comparison, count=count)

    def _is_about_time(self) -> bool:
        return self.longer > 0 or self.shorter < INF

    def __str__(self) -> str:
        text = "is running" if self.task is None else f"task {quoted(self.task)} is running"
        if (self.comparison, self.count) != ("at least", 1):
            text += f" {self.comparison} {self.count} times"
        if not self._is_about_time():
            return text
        if self.shorter == INF:
            return f"{text} for more than {to_words(self.longer)}"
        if not self.longer:
            return f"{text} for less than {to_words(self.shorter)}"
        return f"{text} for between {to_words(self.longer)} and {to_words(self.shorter)}"


@dataclass(frozen=True, slots=True)
class Retrying(Condition):
    """Holds if the task's last run failed, and not more than `most` have failed in a row. Alone it never starts a first run."""

    most: int | None = None
    """None is without end."""

    def __call__(self, most: int | None = None) -> Retrying:
        """Return the same for that many failures; None, or -1, is without end."""
        if most is not None and (not isinstance(most, int) or isinstance(most, bool) or most < -1):
            raise ValueError(f"a number of retries is expected, not {most!r}")
        return Retrying(None if most == -1 else most)

    def holds(self, now: float, facts: Facts) -> bool:
        own = facts.own
        return own.status == "fail" and (self.most is None or own.fails <= self.most)

    def since(self, now: float, facts: Facts) -> float | None:
        return facts.own.fail

    def __str__(self) -> str:
        return "retry" if self.most is None else f"retry {self.most} times"


started, succeeded, failed = Status(None, "started"), Status(None, "succeeded"), Status(None, "failed")
finished, terminated = Status(None, "finished"), Status(None, "terminated")
inacted, crashed = Status(None, "inacted"), Status(None, "crashed")
running = Running()
retry = Retrying()
