"""Conditions about the app that runs: for how long, how often it decided, in which environment, with which parameters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from actors.conds.base import INF, Condition
from actors.conds.status import COMPARISONS, Comparison
from actors.conds.texts import quoted
from actors.facts import Facts
from actors.timespans import TimeSpan, to_finite, to_words


@dataclass(frozen=True, slots=True)
class SchedulerRunning(Condition):
    """Holds while the runtime has been running for so long."""

    longer: float = 0.0
    """Seconds that it must have run."""
    shorter: float = INF
    """Seconds up to which it holds."""

    def holds(self, now: float, facts: Facts) -> bool:
        since = facts.world.running_since
        return since is not None and since + self.longer <= now < since + self.shorter

    def since(self, now: float, facts: Facts) -> float | None:
        since = facts.world.running_since
        return None if since is None or not self.longer else since + self.longer

    def next_change(self, now: float, facts: Facts) -> float:
        since = facts.world.running_since
        if since is None:
            return INF
        return min((moment for span in (self.longer, self.shorter) if (moment := since + span) > now), default=INF)

    def __str__(self) -> str:
        if self.shorter == INF:
            return f"scheduler has run over {to_words(self.longer)}" if self.longer else "scheduler is running"
        if not self.longer:
            return f"scheduler started {to_words(self.shorter)} ago"
        return f"scheduler has run between {to_words(self.longer)} and {to_words(self.shorter)}"


@dataclass(frozen=True, slots=True)
class SchedulerCycles(Condition):
    """Holds while the supervisor has had something to decide so often: each message and each alarm is one cycle."""

    comparison: Comparison
    count: int

    def holds(self, now: float, facts: Facts) -> bool:
        return COMPARISONS[self.comparison](facts.world.cycles, self.count)

    def __str__(self) -> str:
        how = "" if self.comparison == "exactly" else f"{self.comparison} "
        return f"scheduler has {how}{self.count} cycles"


@dataclass(frozen=True, slots=True)
class Env(Condition):
    """Holds if the app's ``env`` is this one: ``App(env="test")``."""

    name: str

    def holds(self, now: float, facts: Facts) -> bool:
        return facts.world.env == self.name

    def __str__(self) -> str:
        return f"env {quoted(self.name)}"


@dataclass(frozen=True, slots=True)
class Param(Condition):
    """Holds if the task has a parameter of that name; of that value, if one is given as text."""

    name: str
    value: str | None = None

    def holds(self, now: float, facts: Facts) -> bool:
        if self.name not in facts.params:
            return False
        return self.value is None or _same(facts.params[self.name], self.value)

    def __str__(self) -> str:
        return f"param {quoted(self.name)} " + ("exists" if self.value is None else f"is {quoted(self.value)}")


def scheduler_running(more_than: TimeSpan | None = None, less_than: TimeSpan | None = None) -> SchedulerRunning:
    """Return the condition that the runtime has been running for at least `more_than`, and less than `less_than`."""
    return SchedulerRunning(
        0.0 if more_than is None else to_finite(more_than), INF if less_than is None else to_finite(less_than)
    )


def scheduler_cycles(more_than: int | None = None, less_than: int | None = None) -> Condition:
    """Return the condition that the supervisor has had something to decide more or less often than that."""
    if any(bound is not None and bound < 0 for bound in (more_than, less_than)):
        raise ValueError("cycles are counted: a number of at least 0 is expected")
    parts: list[Condition] = []
    if more_than is not None:
        parts.append(SchedulerCycles("more than", more_than))
    if less_than is not None:
        parts.append(SchedulerCycles("less than", less_than))
    if not parts:
        return SchedulerCycles("at least", 1)
    return parts[0] if len(parts) == 1 else parts[0] & parts[1]


def _same(value: Any, text: str) -> bool:
    return bool(value == text) or str(value) == text
