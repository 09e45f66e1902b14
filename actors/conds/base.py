"""The base of all conditions, and their algebra."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar, NoReturn

if TYPE_CHECKING:
    from actors.facts import Facts

INF = math.inf
POLL = 1.0
"""Seconds between two times that the function of a custom condition is asked, by default."""
MOST_STEPS = 1000
"""How many slots a combination looks through for one that counts."""
MOST_COUNTED = 1000
"""How many slots are counted one by one; a record of more says at least so many."""


class Unanswered(Exception):  # it is no error, but how a condition says that its function must be asked first
    """A custom condition was needed whose function was not asked lately."""

    def __init__(self, condition: Condition) -> None:
        super().__init__(condition)
        self.condition = condition


class Condition:
    """A statement that holds or does not, and that knows when that can next change.

    Conditions are frozen values: equal when they say the same; ``str()`` is text that parses back to an equal one. They know
    nothing but what a question brings along, so asking changes nothing. Times are seconds since the epoch.

    Some say *when* and not only *whether*: ``every`` and ``cron`` name *slots*, moments each of which is worth one start.
    """

    __slots__ = ()

    def holds(self, now: float, facts: Facts) -> bool:
        """Return whether the statement is true at `now`, for the task whose `facts` these are."""
        raise NotImplementedError

    def since(self, now: float, facts: Facts) -> float | None:
        """Return from when on it has held, None where that is not known; called only where it holds."""
        return None

    def next_change(self, now: float, facts: Facts) -> float:
        """Return the first moment after `now` at which time alone can change it, or infinity.

        It may name a moment at which nothing changes, and must never skip one at which something does.
        A change of the facts is an event of its own, which this does not foresee.
        """
        return INF

    def change_before(self, moment: float, facts: Facts) -> float:
        """Return the latest moment, `moment` included, at which time alone changed it, as far as it knows; else `moment`."""
        return moment

    is_event: ClassVar[bool] = False
    """Whether it tells of something that happened, and is used up by one start."""
    has_slots = False
    """Whether it names slots."""

    def slot_after(self, moment: float, facts: Facts) -> float:
        """Return the first slot after `moment`, or infinity."""
        return INF

    def slot_before(self, moment: float, facts: Facts) -> float:
        """Return the latest slot at or before `moment`, or minus infinity."""
        return -INF

    def slots_between(self, start: float, end: float, facts: Facts) -> int:
        """Return how many slots lie between `start` and `end`, neither included; at most MOST_COUNTED."""
        count, slot = 0, self.slot_after(start, facts)
        while slot < end and count < MOST_COUNTED:
            count, slot = count + 1, self.slot_after(slot, facts)
        return count

    def lapsed(self, now: float, facts: Facts) -> float:
        """Return the latest slot that is past at `now` and is not waited for any longer, or minus infinity."""
        return -INF

    def admits(self, slot: float, facts: Facts) -> bool:
        """Return whether a slot of another condition counts at that moment, as far as time alone says."""
        return True

    def parts_inside(self) -> tuple[Condition, ...]:
        """Return what it is combined from; nothing for a condition that stands for itself."""
        return ()

    def watched(self) -> tuple[str, ...]:
        """Return the names of the tasks whose runs can change it, its own task apart."""
        return ()

    def renamed(self, find: Callable[[object], str]) -> Condition:
        """Return it with the tasks that it names by function or themselves given by name, which `find` finds."""
        return self

    def mapped(self, change: Callable[[Condition], Condition]) -> Condition:
        """Return it with each condition that stands for itself replaced by what `change` makes of it."""
        return change(self)

    def __and__(self, other: Condition) -> Condition:
        return All(_parts(All, self) + _parts(All, other)) if isinstance(other, Condition) else NotImplemented

    def __or__(self, other: Condition) -> Condition:
        return Any(_parts(Any, self) + _parts(Any, other)) if isinstance(other, Condition) else NotImplemented

    def __invert__(self) -> Condition:
        return Not(self)

    def __bool__(self) -> NoReturn:
        raise TypeError(f"a condition is neither true nor false by itself: combine with & | ~ instead of and, or, not ({self})")


@dataclass(frozen=True, slots=True)
class Constant(Condition):
    """What is said of conditions that never change: all of a kind are equal."""


class Always(Constant):
    """Holds at any moment: the task starts again as soon as it has ended."""

    __slots__ = ()

    def holds(self, now: float, facts: Facts) -> bool:
        return True

    def __str__(self) -> str:
        return "true"


class Never(Constant):
    """Holds at no moment: the task starts only when it is asked to."""

    __slots__ = ()

    def holds(self, now: float, facts: Facts) -> bool:
        return False

    def admits(self, slot: float, facts: Facts) -> bool:
        return False

    def __str__(self) -> str:
        return "false"


@dataclass(frozen=True, slots=True)
class Combination(Condition):
    """What is said of conditions that are made of conditions. Those of two kinds are never equal."""

    parts: tuple[Condition, ...]

    @property
    def has_slots(self) -> bool:  # type: ignore[override]  # here it depends on the parts
        """Whether a part names slots."""
        return any(part.has_slots for part in self.parts)

    def lapsed(self, now: float, facts: Facts) -> float:
        return max((part.lapsed(now, facts) for part in self.parts), default=-INF)

    def parts_inside(self) -> tuple[Condition, ...]:
        return self.parts

    def watched(self) -> tuple[str, ...]:
        return tuple(name for part in self.parts for name in part.watched())

    def mapped(self, change: Callable[[Condition], Condition]) -> Condition:
        return replace(self, parts=tuple(part.mapped(change) for part in self.parts))


class All(Combination):
    """Holds while every part holds. Parts are asked in their order, up to the first that does not."""

    __slots__ = ()

    def holds(self, now: float, facts: Facts) -> bool:
        return all(part.holds(now, facts) for part in self.parts)

    def next_change(self, now: float, facts: Facts) -> float:
        for part in self.parts:
            if not _is_met(part, now, facts):
                return part.next_change(now, facts)  # whatever the others do, it cannot hold before that
        return min((part.next_change(now, facts) for part in self.parts), default=INF)

    def since(self, now: float, facts: Facts) -> float | None:
        moments = [part.since(now, facts) for part in self.parts]
        return max((moment for moment in moments if moment is not None), default=None)

    def slot_after(self, moment: float, facts: Facts) -> float:
        naming = [part for part in self.parts if part.has_slots]
        for _ in range(MOST_STEPS):
            moment = min((part.slot_after(moment, facts) for part in naming), default=INF)
            if moment == INF or self.admits(moment, facts):
                return moment
            moment = max(moment, math.nextafter(self._may_admit(moment, facts), -INF))
        return INF

    def slot_before(self, moment: float, facts: Facts) -> float:
        naming = [part for part in self.parts if part.has_slots]
        for _ in range(MOST_STEPS):
            moment = max((part.slot_before(moment, facts) for part in naming), default=-INF)
            if moment == -INF or self.admits(moment, facts):
                return moment
            refusing = (part for part in self.parts if not part.admits(moment, facts))
            moment = math.nextafter(min((part.change_before(moment, facts) for part in refusing), default=moment), -INF)
        return -INF

    def _may_admit(self, moment: float, facts: Facts) -> float:
        """Return before when all parts admit no slot after `moment`."""
        refusing = (part for part in self.parts if not part.admits(moment, facts))
        return max((part.next_change(moment, facts) for part in refusing if is_timed(part)), default=-INF)

    def admits(self, slot: float, facts: Facts) -> bool:
        return all(part.admits(slot, facts) for part in self.parts)

    def __str__(self) -> str:
        return " & ".join(f"({part})" if isinstance(part, Any) else str(part) for part in self.parts)


class Any(Combination):
    """Holds while at least one part holds. Parts are asked in their order, up to the first that does."""

    __slots__ = ()

    def holds(self, now: float, facts: Facts) -> bool:
        return any(part.holds(now, facts) for part in self.parts)

    def next_change(self, now: float, facts: Facts) -> float:
        for part in self.parts:
            if _is_met(part, now, facts):
                return part.next_change(now, facts)  # whatever the others do, it holds until then
        return min((part.next_change(now, facts) for part in self.parts), default=INF)

    def since(self, now: float, facts: Facts) -> float | None:
        moments = [part.since(now, facts) for part in self.parts if part.holds(now, facts)]
        known = [moment for moment in moments if moment is not None]
        return min(known) if len(known) == len(moments) > 0 else None

    def slot_after(self, moment: float, facts: Facts) -> float:
        return min((part.slot_after(moment, facts) for part in self.parts), default=INF)

    def slot_before(self, moment: float, facts: Facts) -> float:
        return max((part.slot_before(moment, facts) for part in self.parts), default=-INF)

    def admits(self, slot: float, facts: Facts) -> bool:
        return any(part.admits(slot, facts) for part in self.parts)

    def __str__(self) -> str:
        return " | ".join(str(part) for part in self.parts)


@dataclass(frozen=True, slots=True)
class Not(Condition):
    """Holds while its part does not."""

    part: Condition

    def holds(self, now: float, facts: Facts) -> bool:
        return not self.part.holds(now, facts)

    def next_change(self, now: float, facts: Facts) -> float:
        return self.part.next_change(now, facts)

    def change_before(self, moment: float, facts: Facts) -> float:
        return self.part.change_before(moment, facts)

    def admits(self, slot: float, facts: Facts) -> bool:
        return not self.part.holds(slot, facts) if is_timed(self.part) else True

    def parts_inside(self) -> tuple[Condition, ...]:
        return (self.part,)

    def watched(self) -> tuple[str, ...]:
        return self.part.watched()

    def mapped(self, change: Callable[[Condition], Condition]) -> Condition:
        return ~self.part.mapped(change)

    def __invert__(self) -> Condition:
        return self.part

    def __str__(self) -> str:
        return f"~({self.part})" if isinstance(self.part, (All, Any)) else f"~{self.part}"


class Timed(Condition):
    """A condition that time alone decides."""

    __slots__ = ()

    def admits(self, slot: float, facts: Facts) -> bool:
        return self.holds(slot, facts)


always = Always()
never = Never()


def is_same(one: Condition | None, other: Condition | None) -> bool:
    """Return whether two conditions say the same; what cannot be compared, of the user's, does not."""
    try:
        return bool(one == other)
    except Exception:
        return False


def leaves(condition: Condition) -> Iterator[Condition]:
    """Yield the conditions that stand for themselves, from left to right."""
    if not (parts := condition.parts_inside()):
        yield condition
    for part in parts:
        yield from leaves(part)


def is_timed(condition: Condition) -> bool:
    """Return whether time alone decides it."""
    return all(isinstance(leaf, (Timed, Constant)) for leaf in leaves(condition))


def _is_met(condition: Condition, now: float, facts: Facts) -> bool:
    try:
        return condition.holds(now, facts)
    except Unanswered:  # the answer will be an event
        return False


def _parts(kind: type[All | Any], condition: Condition) -> tuple[Condition, ...]:
    return condition.parts if isinstance(condition, kind) else (condition,)
