"""The base of all conditions, and their algebra."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NoReturn

from actors.facts import Facts


class Condition:
    """A statement that holds or does not, and that knows when that can next change.

    Conditions are frozen values: equal when they say the same; ``str()`` shows one as it is written.
    Times are seconds since the epoch.
    """

    __slots__ = ()

    def holds(self, now: float, facts: Facts) -> bool:
        """Return whether the statement is true at `now`, for the task whose `facts` these are."""
        raise NotImplementedError

    def since(self, now: float, facts: Facts) -> float:
        """Return the moment from which it has held; called only where it holds. The run it starts is due then."""
        return now

    def next_change(self, now: float, facts: Facts) -> float:
        """Return the first moment after `now` at which time alone can change it, or infinity.

        It may name a moment at which nothing changes, and must never skip one at which something does.
        A change of the facts is an event of its own, which this does not foresee.
        """
        return math.inf

    def __and__(self, other: Condition) -> Condition:
        return All(_parts(All, self) + _parts(All, other)) if isinstance(other, Condition) else NotImplemented

    def __or__(self, other: Condition) -> Condition:
        return Any(_parts(Any, self) + _parts(Any, other)) if isinstance(other, Condition) else NotImplemented

    def __invert__(self) -> Condition:
        return Not(self)

    def __bool__(self) -> NoReturn:
        raise TypeError(f"a condition is neither true nor false by itself: combine with & | ~ instead of and, or, not ({self})")


@dataclass(frozen=True, slots=True)
class Always(Condition):
    """Holds at any moment: the task starts again as soon as it has ended."""

    def holds(self, now: float, facts: Facts) -> bool:
        return True

    def __str__(self) -> str:
        return "true"


@dataclass(frozen=True, slots=True)
class Never(Condition):
    """Holds at no moment: the task starts only when it is asked to."""

    def holds(self, now: float, facts: Facts) -> bool:
        return False

    def __str__(self) -> str:
        return "false"


@dataclass(frozen=True, slots=True)
class All(Condition):
    """Holds while every part holds."""

    parts: tuple[Condition, ...]

    def holds(self, now: float, facts: Facts) -> bool:
        return all(part.holds(now, facts) for part in self.parts)

    def since(self, now: float, facts: Facts) -> float:
        return max((part.since(now, facts) for part in self.parts), default=now)

    def next_change(self, now: float, facts: Facts) -> float:
        return min((part.next_change(now, facts) for part in self.parts), default=math.inf)

    def __str__(self) -> str:
        return " & ".join(f"({part})" if isinstance(part, Any) else str(part) for part in self.parts)


@dataclass(frozen=True, slots=True)
class Any(Condition):
    """Holds while at least one part holds."""

    parts: tuple[Condition, ...]

    def holds(self, now: float, facts: Facts) -> bool:
        return any(part.holds(now, facts) for part in self.parts)

    def since(self, now: float, facts: Facts) -> float:
        return min((part.since(now, facts) for part in self.parts if part.holds(now, facts)), default=now)

    def next_change(self, now: float, facts: Facts) -> float:
        return min((part.next_change(now, facts) for part in self.parts), default=math.inf)

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

    def __invert__(self) -> Condition:
        return self.part

    def __str__(self) -> str:
        return f"~({self.part})" if isinstance(self.part, (All, Any)) else f"~{self.part}"


always = Always()
never = Never()


def _parts(kind: type[All | Any], condition: Condition) -> tuple[Condition, ...]:
    return condition.parts if isinstance(condition, kind) else (condition,)
