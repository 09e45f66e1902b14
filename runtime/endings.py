"""Endings: follows the conditions that end something, the runs of a task or the whole app, while it goes on."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

from actors.conds.base import Condition, Unanswered, is_same, leaves
from actors.conds.custom import Custom
from actors.conds.runtime import SchedulerCycles
from actors.facts import Facts
from actors.portable import describe
from runtime.agenda import Agenda
from runtime.runlog.recorder import Recorder

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
    """Which end conditions hold, and when each is to be asked again. What is to end then is ended by somebody else.

    Args:
      log: where what a condition raised is put on record; that ends nothing.
      ask: called with a key, a custom condition whose function has to be asked for it, and the facts that take the answer.
      end: called with a key and in words the condition that holds.
    """

    def __init__(self, log: Recorder, ask: Callable[[str, Custom, Facts], None], end: Callable[[str, str], None]) -> None:
        self._log, self._clock, self._ask, self._end = log, log.clock, ask, end
        self._followed: dict[str, _Followed] = {}
        self._agenda: Agenda[str] = Agenda()
        self.waiters: dict[str, dict[str, None]] = {}
        """{task: keys whose conditions runs of it can change}, none empty."""
        self.of_cycles: dict[str, None] = {}
        """The keys whose conditions count how often there was something to decide."""

    @property
    def next_moment(self) -> float:
        """When to look again, if nothing happens before; infinity is never."""
        return self._agenda.next_moment()

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
                self.of_cycles[key] = None
            for task in condition.watched():
                self.waiters.setdefault(task, {})[key] = None

    def drop(self, key: str) -> None:
        """Follow nothing for `key` any longer."""
        if (followed := self._followed.pop(key, None)) is not None:
            self._agenda.drop(key)
            self.of_cycles.pop(key, None)
            for task in set(followed.condition.watched()):
                self.waiters[task].pop(key)
                if not self.waiters[task]:
                    del self.waiters[task]

    def look_at_watching(self, task: str) -> None:
        """Look at the conditions that runs of `task` can change."""
        for key in tuple(self.waiters.get(task, ())):
            self.look(key)

    def look_at_due(self) -> None:
        """Look at the conditions that time may have changed."""
        for key in self._agenda.take_due(self._clock.now()):
            self.look(key)

    def look_at_cycles(self) -> None:
        """Look at the conditions that count how often there was something to decide."""
        for key in tuple(self.of_cycles):
            self.look(key)

    def look(self, key: str) -> None:
        """Have what `key` stands for ended if its condition holds; else it will be due when time can change that."""
        followed, now = self._followed.get(key), self._clock.now()
        if followed is None or now < followed.left_until:
            return
        try:
            holds = followed.condition.holds(now, followed.facts)
            self._agenda.set(key, math.inf if holds else followed.condition.next_change(now, followed.facts))
        except Unanswered as unanswered:
            self._ask(key, cast("Custom", unanswered.condition), followed.facts)
        except (Exception, SystemExit) as exc:
            self._leave(key, followed, now, exc)
        else:
            if holds:
                self._end(key, str(followed.condition))

    def _leave(self, key: str, followed: _Followed, now: float, error: BaseException) -> None:
        """Leave a condition alone that raised, for a while."""
        followed.left_until = now + QUARANTINE
        followed.facts.answers.clear()
        self._agenda.set(key, followed.left_until)
        whose = "the app's shut_cond" if key == APP else "its end_cond"
        reason = f"{whose} raised {describe(error)}; nothing is ended by it, and it is asked again in a minute"
        self._log.record({"created": now, "task_name": key, "run_id": "", "action": "error", "reason": reason})
