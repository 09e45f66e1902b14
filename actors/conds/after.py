"""``after_success`` and its kind: start a task when others have ended."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import ClassVar, Literal, Self

from actors.conds.base import Condition
from actors.conds.status import TaskRef, named
from actors.conds.texts import quoted
from actors.facts import Action, Facts

Outcome = Literal["succeeded", "failed", "finished", "terminated"]
OUTCOMES: dict[Outcome, tuple[Action, ...]] = {
    "succeeded": ("success",),
    "failed": ("fail",),
    "finished": ("success", "fail"),
    "terminated": ("terminate",),
}


@dataclass(frozen=True, slots=True)
class After(Condition):
    """Holds if other tasks have ended, in that way, since this one last started: each of them, or any.

    What came first is told by the order of the records, not by clocks. Several ends before a start is decided count once.
    """

    tasks: tuple[TaskRef, ...]
    outcome: Outcome = "succeeded"
    any: bool = False
    """Whether one of them is enough."""
    is_event: ClassVar[bool] = True

    def holds(self, now: float, facts: Facts) -> bool:
        missing = len(self.missing(facts))
        return missing < len(self.tasks) if self.any else not missing

    def missing(self, facts: Facts) -> list[str]:
        """Return the tasks that have not ended so since a start of this one was last decided."""
        mine, actions = facts.own.claimed, OUTCOMES[self.outcome]
        return [name for name in map(str, self.tasks) if facts.of(name).latest(actions) <= mine]

    def since(self, now: float, facts: Facts) -> float | None:
        missing = self.missing(facts)
        ends = [facts.of(name).last(OUTCOMES[self.outcome]) for name in map(str, self.tasks) if name not in missing]
        moments = [moment for moment in ends if moment is not None]
        return (min if self.any else max)(moments, default=None)

    def watched(self) -> tuple[str, ...]:
        return tuple(name for name in self.tasks if isinstance(name, str))

    def renamed(self, find: Callable[[object], str]) -> Self:
        return replace(self, tasks=tuple(named(task, find) for task in self.tasks))

    def __str__(self) -> str:
        names = ", ".join(quoted(task) for task in self.tasks)
        how = "" if self.outcome == "succeeded" else f" {self.outcome}"
        if len(self.tasks) == 1:
            return f"after task {names}{how}"
        return f"after {'any ' if self.any else ''}tasks {names}{how}"


def _after(tasks: tuple[TaskRef, ...], outcome: Outcome, *, any_of: bool) -> After:
    if not tasks or None in tasks:
        raise ValueError("after which task? Name at least one")
    return After(tasks, outcome, any=any_of and len(tasks) > 1)


def after_success(task: TaskRef) -> After:
    """Return the condition that `task` has succeeded since this one last started."""
    return _after((task,), "succeeded", any_of=False)


def after_fail(task: TaskRef) -> After:
    """Return the condition that `task` has failed since this one last started."""
    return _after((task,), "failed", any_of=False)


def after_finish(task: TaskRef) -> After:
    """Return the condition that `task` has succeeded or failed since this one last started."""
    return _after((task,), "finished", any_of=False)


def after_terminate(task: TaskRef) -> After:
    """Return the condition that `task` was terminated since this one last started."""
    return _after((task,), "terminated", any_of=False)


def after_all_success(*tasks: TaskRef) -> After:
    """Return the condition that each of `tasks` has succeeded since this one last started."""
    return _after(tasks, "succeeded", any_of=False)


def after_all_fail(*tasks: TaskRef) -> After:
    """Return the condition that each of `tasks` has failed since this one last started."""
    return _after(tasks, "failed", any_of=False)


def after_all_finish(*tasks: TaskRef) -> After:
    """Return the condition that each of `tasks` has succeeded or failed since this one last started."""
    return _after(tasks, "finished", any_of=False)


def after_any_success(*tasks: TaskRef) -> After:
    """Return the condition that one of `tasks` has succeeded since this one last started."""
    return _after(tasks, "succeeded", any_of=True)


def after_any_fail(*tasks: TaskRef) -> After:
    """Return the condition that one of `tasks` has failed since this one last started."""
    return _after(tasks, "failed", any_of=True)


def after_any_finish(*tasks: TaskRef) -> After:
    """Return the condition that one of `tasks` has succeeded or failed since this one last started."""
    return _after(tasks, "finished", any_of=True)
