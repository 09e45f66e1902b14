"""Endings: follows the conditions that end something, the runs of a task or the whole app, while it goes on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import cast

from actors.conds.base import Condition, Unanswered, is_same, leaves
from actors.conds.custom import Custom
from actors.conds.runtime import SchedulerCycles
from actors.facts import Facts
from actors.portable import describe
from runtime.agenda import Agenda
from runtime.clock import Clock

APP = ""
"""The key of the condition that ends the app; no task is called so."""
QUARANTINE = 60.0
"""Seconds that a condition which raises is left alone."""


@dataclass(slots=True)
class _Followed:
    condition: Condition
    facts: Facts
    left_until: float = 0.0


class Endings:
    """Which end conditions hold, and when each is to be asked again. It ends nothing itself.

    Args:
      ask: called with a key, a custom condition whose function has to be asked for it, and the facts that take the answer.
      broken: called with a key and in words what its condition raised; that ends nothing.
    """

    def __init__(self, clock: Clock, ask: Callable[[str, Custom, Facts], None], broken: Callable[[str, str], None]) -> None:
        self._clock, self._ask, self._broken = clock, ask, broken
        self._followed: dict[str, _Followed] = {}
        self._agenda: Agenda[str] = Agenda()
        self._of_cycles: dict[str, None] = {}
        self._waiters: dict[str, dict[str, None]] = {}  # {task: keys whose conditions watch it}

    @property
    def next_moment(self) -> float:
        """When to look again, if nothing happens before; infinity is never."""
        return self._agenda.next_moment()

    @property
    def of_cycles(self) -> Sequence[str]:
        """The keys whose conditions count how often there was something to decide."""
        return tuple(self._of_cycles) if self._of_cycles else ()

    def follow(self, key: str, condition: Condition | None, facts: Facts) -> None:
        """Follow `condition` for `key`, in place of what was followed before, if that is another; None follows nothing."""
        before = self._followed.get(key)
        if before is not None and is_same(before.condition, condition) and before.facts.own is facts.own:
            before.facts.zone, before.facts.params = facts.zone, facts.params  # what was answered stays
            return
        self.drop(key)
        if condition is not None:
            self._followed[key] = _Followed(condition, facts)
            if any(isinstance(leaf, SchedulerCycles) for leaf in leaves(condition)):
                self._of_cycles[key] = None
            for task in condition.watched():
                self._waiters.setdefault(task, {})[key] = None

    def drop(self, key: str) -> None:
        """Follow nothing for `key` any longer."""
        if (followed := self._followed.pop(key, None)) is not None:
            self._agenda.drop(key)
            self._of_cycles.pop(key, None)
            for task in followed.condition.watched():
                self._waiters.get(task, {}).pop(key, None)

    def watching(self, task: str) -> Sequence[str]:
        """Return the keys whose conditions runs of `task` can change."""
        waiters = self._waiters.get(task)
        return tuple(waiters) if waiters else ()

    def take_due(self) -> list[str]:
        """Return the keys that are to be looked at now."""
        return self._agenda.take_due(self._clock.now())

    def reason(self, key: str) -> str | None:
        """Return why what `key` stands for is to end now, or None; it will be due when time can change that."""
        followed, now = self._followed.get(key), self._clock.now()
        if followed is None or now < followed.left_until:
            return None
        try:
            if followed.condition.holds(now, followed.facts):
                return str(followed.condition)
            self._agenda.set(key, followed.condition.next_change(now, followed.facts))
        except Unanswered as unanswered:
            self._ask(key, cast("Custom", unanswered.condition), followed.facts)
        except (Exception, SystemExit) as exc:
            followed.left_until = now + QUARANTINE
            followed.facts.answers.clear()
            self._agenda.set(key, followed.left_until)
            self._broken(key, describe(exc))
        return None
