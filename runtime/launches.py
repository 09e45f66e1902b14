"""Launches: how they are made, and how those end that come to nothing."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import trio

from actors.causes import CHANGED, Cause
from actors.controls import HERE
from actors.messages import Launch
from actors.policies import Missed
from actors.retries import superseded
from runtime.admission import Admission
from runtime.alarm import Alarm
from runtime.attempts import ending_of, is_rescue
from runtime.lookout import Lookout
from runtime.runs import Services, end_unstarted
from runtime.task_actor import TaskActor


class Launches:
    """Makes the launches of all tasks, lets them wait with admission, and puts on record those that do not start.

    Args:
      actors: {task: its actor}, kept by the supervisor.
      alarm: rings when the next of those is due that wait for a moment.
      left: the "retry" records of a former life, whose next attempts are still to come.
    """

    def __init__(
        self,
        actors: Mapping[str, TaskActor],
        services: Services,
        admission: Admission,
        lookout: Lookout,
        alarm: Alarm,
        left: list[dict[str, Any]],
    ) -> None:
        self._actors, self._services, self._admission = actors, services, admission
        self._lookout, self._alarm = lookout, alarm
        self._time = trio.lowlevel.current_clock().current_time  # a third of what trio.current_time() costs
        self._number = 0
        self._left = left
        self._owed: dict[int, Missed] = {}  # {number of a launch: what was missed beyond its slot, and is told once it starts}

    def offer(
        self,
        name: str,
        params: Mapping[str, Any],
        due: float | None = None,
        at: float = -math.inf,
        latest: float = math.inf,
    ) -> None:
        """Let one launch of a task wait for its turn, from the moment `at` on; without one, it was asked for."""
        now = self._services.clock.now()
        self._number += 1
        asked = at == -math.inf
        inputs = None if asked else self._inputs(name)
        launch = Launch(name, self._number, now if due is None else due, params, latest, asked, inputs)
        facts = self._actors[name].task.facts
        facts.decide(launch.due, anew=asked)
        if not asked:
            facts.claimed = self._services.log.count
        if at <= now:
            self._admission.offer(launch, self._time())
        else:  # on trio's clock: the wall's may be set meanwhile
            self._admission.delay(launch, self._time() + at - now)
            self._alarm.set(self._admission.next_moment)

    def owe(self, missed: Missed) -> None:
        """Keep back what was missed beyond the slot of the latest launch: its record must not come before the own one of that."""
        self._owed[self._number] = missed

    def settle(self, launch: Launch) -> None:
        """Put on record what was missed beyond the slot of a launch, which is decided for good now."""
        if self._owed and (missed := self._owed.pop(launch.number, None)) is not None:
            self._lookout.put_missed(launch.task, missed)

    def lost(self, name: str) -> list[str]:
        """Return the tasks whose return values a run of `name` needs, and that are gone: another life of the app had them."""
        returns = self._services.session.returns
        return [source for source in sorted(self._actors[name].terms.needs) if source not in returns]

    def pass_over(self, name: str, due: float, lost: list[str]) -> None:
        """Put on record that a start came to nothing, as what it was to work on is gone; it is used up."""
        facts = self._actors[name].task.facts
        facts.decide(due)
        facts.claimed = self._services.log.count
        self._lookout.put_missed(name, Missed(1, due, due, "lost", ", ".join(lost)))

    def expire(self, launch: Launch) -> None:
        """Put on record that an admitted launch came too late, and forget it."""
        self._admission.ended(launch)
        self._lookout.put_missed(launch.task, Missed(1, launch.due, launch.due, "deadline"))
        self.settle(launch)

    def try_again(self, launch: Launch, at: float) -> None:
        """Let the next attempt of a run wait for its moment, on trio's clock."""
        self._number += 1
        wait = max(at - self._services.clock.now(), 0.0)
        self._admission.delay(launch._replace(number=self._number), self._time() + wait)
        self._alarm.set(self._admission.next_moment)

    def take_over(self, name: str) -> bool:
        """Go on with the runs of a task that paused between two attempts when a former life ended.

        Returns:
          Whether one of them has ended instead, as its task starts anew before.
        """
        left = [ended for ended in self._left if ended["task_name"] == name]
        if not left:
            return False
        self._left = [ended for ended in self._left if ended["task_name"] != name]
        task, terms, now = self._actors[name].task, self._actors[name].terms, self._services.clock.now()
        has_ended = False
        for ended in left:
            at, due = ended["retry_at"], ended.get("due", ended["created"])
            attempt, rescues = ended["attempt"] + 1, ended.get("rescues", 0)
            launch = Launch(name, 0, due, ended["params"], attempt=attempt, run_id=ended["run_id"], rescues=rescues)
            start = self._lookout.next_start(name, at)
            if start <= now and not (task.retries.past_next or is_rescue(ended)):
                words = f"{ended.get('reason', 'an attempt failed')}; {superseded(start, terms.zone)}"
                end_unstarted(task, terms, launch, Cause("superseded", words), self._services, ending_of(ended))
                has_ended = True
            else:
                self.try_again(launch, at)
        return has_ended

    def drop(self, name: str | None, cause: Cause, chosen: Callable[[Launch], bool] = lambda _: True) -> None:
        """End the launches that wait and are `chosen`, of one task or of all, each with its record.

        When the runtime ends, those that a condition decided are left without one, and those that are further attempts: the next
        start makes up for them.
        """
        for launch in self._admission.withdraw(name, chosen):
            if name is None and (launch.attempt > 1 or not launch.asked):
                self._owed.pop(launch.number, None)
                continue
            self.settle(launch)
            actor = self._actors[launch.task]
            end_unstarted(actor.task, actor.terms, launch, cause, self._services)

    def drop_decided(self, name: str) -> None:
        """Drop those that wait and that a condition has decided which is not followed any longer, with a record."""
        self.drop(name, CHANGED, lambda launch: not launch.asked and launch.attempt == 1)

    def _inputs(self, name: str) -> dict[str, Any] | None:
        """Return what the tasks returned whose ends a condition has just decided by, as far as the task wants to know."""
        sources = self._actors[name].terms.sources
        if not sources:
            return None
        found = {source: self._services.session.returns.get(source, HERE) for source in sources}
        return {source: value for source, value in found.items() if value is not HERE}
