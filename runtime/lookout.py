"""Lookout: follows the conditions of all tasks, and says what is to be done about each, and when to look again."""

from __future__ import annotations

import logging
import math
import re
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, NoReturn, cast

import trio

from actors.conds.base import MOST_COUNTED, Condition, Unanswered, is_same, leaves
from actors.conds.custom import Custom
from actors.conds.runtime import SchedulerCycles
from actors.errors import ConditionBroken
from actors.facts import Facts, TaskFacts, World
from actors.policies import NAG_AFTER, Engagement, Missed, Verdict, decide
from actors.portable import describe
from actors.task import Task
from actors.timespans import to_words
from actors.zones import DAY, zone_name
from runtime.agenda import Agenda
from runtime.clock import StepDetector
from runtime.logs import runtime_log
from runtime.runlog.history import History
from runtime.runlog.recorder import Recorder
from runtime.terms import Terms
from runtime.tracebacks import user_traceback

CLOCK_HOLD = 60.0
"""Seconds that conditions wait for a clock to be set that shows a time it cannot be."""
HOLD_LOOK = 1.0
"""Seconds between two looks at such a clock."""
FAR_AHEAD = 60.0
"""Seconds. What is noted of a moment further in the future was noted while the clock was wrong."""
LATE = 1.0
"""Seconds by which a moment must have been overlooked before that is taken for an absence."""
LONGEST_QUARANTINE = 300.0
"""Seconds that a condition which raises is left alone, at most. It begins with one, and doubles."""
MOST_DECISIONS = 10_000
MOST_UNUSED = 100
"""How many conditions are kept for sharing that may be followed no longer."""
CAUSES = {
    "down": "the app was not running",
    "suspended": "the machine was suspended, or its clock was set",
    "blocked": "the scheduler was blocked",
    "deadline": "their deadline had passed",
    "overlap": "the task was running",
    "paused": "the task was paused",
    "error": "its condition raised",
    "lost": "it needs a return value that is not there",
}
NOTHING = Verdict()


@dataclass(slots=True)
class _Followed:
    """One task whose condition is followed."""

    condition: Condition
    terms: Terms
    facts: Facts
    failures: int = 0
    """How often in a row it has raised."""
    quarantined: float = -math.inf
    """Until when it is left alone; trio's time."""
    blocker: str | None = None
    """The run that ended last, while it could not be decided what becomes of the slots it met."""
    has_lapsed: bool = False
    """Whether slots were decided of which no record tells."""
    waits: bool = False
    """Whether a launch of it waited at the last look, so that nothing else was decided."""
    nagged: float = -math.inf
    """Up to where slots were settled when somebody was told of a run that costs so many."""
    waited_for: str | None = None
    """What its launch waited for when a slot met that, in words, until what became of the slots is decided."""


class Lookout:
    """What the conditions say now, and when each is to be asked again.

    It decides nothing but by asking :func:`actors.policies.decide`, and does nothing but put on record what raised. Who carries
    out a verdict reports back by asking it to look again when something has happened.

    Args:
      log: where it puts what it has to say.
      history: what the log knows already.
      ask: called with a task's name and a custom condition of it whose function has to be asked.
      waits_for: says what the next launch of a task waits for, in words.
    """

    def __init__(
        self, log: Recorder, history: History, ask: Callable[[str, Custom], None], waits_for: Callable[[str], str | None]
    ) -> None:
        self.world = World()
        self._facts: dict[str, TaskFacts] = {}
        self.world.tasks = self._facts
        self._log, self._clock, self._history, self._ask, self._waits_for = log, log.clock, history, ask, waits_for
        self._followed: dict[str, _Followed] = {}
        self._agenda: Agenda[str] = Agenda()
        self._waiters: dict[str, dict[str, None]] = {}  # {task: those whose conditions watch it, in their order}
        self._of_cycles: dict[str, None] = {}
        self._decisions: deque[tuple[float, str]] = deque(maxlen=MOST_DECISIONS)
        self._steps = StepDetector(0.0, 0.0)
        self._shared: dict[Condition, Condition] = {}
        self._hold = -math.inf  # until when the clock is not believed; trio's time
        self._time: Callable[[], float]  # a third of what trio.current_time() costs, which counts with 1,000 tasks at once

    def begin(self, env: str | None) -> None:
        """Begin to follow the clock."""
        wall = self._clock.now()
        self._time = trio.lowlevel.current_clock().current_time
        self.world.env = env
        self.world.started = self.world.running_since = self.world.awake = wall
        self._steps = StepDetector(wall, self._time())
        if not self._is_plausible(wall):
            self._hold = self._time() + CLOCK_HOLD
            told = "the clock shows %s, which cannot be; conditions wait up to %g s for it to be set"
            runtime_log.tell(logging.WARNING, told, datetime.fromtimestamp(wall).astimezone(), CLOCK_HOLD)

    @property
    def next_moment(self) -> float:
        """When to look again, if nothing happens before; infinity is never."""
        return self._clock.now() + HOLD_LOOK if self._is_holding else self._agenda.next_moment()

    def count_cycle(self) -> Sequence[str]:
        """Take note that there is something to decide, and return the tasks whose conditions count that."""
        self.world.cycles += 1
        return tuple(self._of_cycles) if self._of_cycles else ()

    def watching(self, task: str) -> Sequence[str]:
        """Return the tasks whose conditions runs of `task` can change, itself apart."""
        waiters = self._waiters.get(task)
        return tuple(waiters) if waiters else ()

    def take_due(self) -> list[str]:
        """Return the tasks that are to be looked at now."""
        now = self.now()
        if self._hold > -math.inf:
            if self._is_holding and not self._is_plausible(now):
                return []
            self._end_hold(now)
        return self._agenda.take_due(now)

    def now(self) -> float:
        """Return the time, having taken note of whatever happened to the clock."""
        wall = self._clock.now()
        if step := self._steps.look(wall, self._time()):
            self._stepped(step, wall)
        elif wall - self._agenda.next_moment() > LATE:
            self.world.awake, self.world.away = wall, "blocked"
        return wall

    def know(self, name: str, facts: TaskFacts) -> None:
        """Let conditions know the facts of a task."""
        self._facts[name] = facts

    def follow(self, task: Task, terms: Terms, *, catch_up: bool = False) -> None:
        """Follow the condition of `task`, in place of what was followed of it before, if that is another.

        Args:
          catch_up: whether slots count that came while no condition of it was followed.
        """
        name, condition, own = task.name, terms.condition, task.facts
        before = self._unfollowed(name)
        now = self._clock.now()
        if max(own.settled, own.freed) > now + FAR_AHEAD:  # noted in a former life, on a clock that was wrong
            own.rebase(now)
        if not self._is_holding:
            self._take_up(
                name, terms, own, now, catch_up=catch_up, is_new=before is None or not is_same(before.condition, condition)
            )
        if condition is None:
            self._agenda.set(name, math.inf)
            return
        if before is not None and is_same(before.condition, condition) and before.facts.own is own:
            before.terms, before.facts.zone, before.facts.params = terms, terms.zone, terms.parameters
            self._followed[name] = before
        else:
            self._followed[name] = _Followed(
                self._shared_one(condition), terms, Facts(own, self.world, terms.zone, terms.parameters)
            )
        for watched in condition.watched():
            if watched != name:
                self._waiters.setdefault(watched, {})[name] = None
        if any(isinstance(leaf, SchedulerCycles) for leaf in leaves(condition)):
            self._of_cycles[name] = None

    def drop(self, name: str) -> None:
        """Follow a task that is gone no longer. One that takes its name has its past, and a condition that is new."""
        if (watching := self.watching(name)) and name in self._facts:
            told = "task %r was removed, which the conditions of other tasks name: %s"
            runtime_log.tell(logging.WARNING, told, name, ", ".join(map(repr, watching)))
        self._unfollowed(name)
        if (facts := self._facts.pop(name, None)) is not None and facts.status is None:
            self._history.facts.pop(name, None)
        if self._history.schedules.pop(name, (None, 0.0))[0] is not None:
            self._note_schedule(name, None, self._clock.now())
        self._agenda.drop(name)

    def end(self) -> None:
        """Put down up to where slots are decided without a record, for the next start."""
        for name, followed in self._followed.items():
            schedule, _ = self._history.schedules.get(name, (None, 0.0))
            if followed.has_lapsed and schedule is not None:
                self._note_schedule(name, schedule, followed.facts.own.settled)

    def facts(self, name: str) -> Facts | None:
        """Return what the condition of a task knows; None if it is not followed."""
        followed = self._followed.get(name)
        return followed.facts if followed is not None else None

    def next_start(self, name: str, moment: float) -> float:
        """Return the first slot of a task after `moment`, or infinity."""
        followed = self._followed.get(name)
        try:
            return math.inf if followed is None else followed.condition.slot_after(moment, followed.facts)
        except (Exception, SystemExit):  # it is the user's, and is put on record when it is asked whether it holds
            return math.inf

    def rest(self, name: str) -> None:
        """Do not look at a task again by itself."""
        self._agenda.set(name, math.inf)

    def consider(self, name: str, busy: Engagement) -> Verdict:
        """Return what is to be done about a task now; its slots are decided by that."""
        followed = self._followed.get(name)
        if followed is None or self._is_holding:
            return NOTHING
        now = self.now()
        busy = self._engagement(followed, busy, now)
        if busy.waiting and not busy.running and followed.condition.has_slots:
            followed.waited_for = self._waits_for(name)
        if (left := followed.quarantined - self._time()) > 0:
            followed.blocker = busy.blocker
            self._agenda.set(name, now + left)
            return NOTHING
        try:
            verdict = decide(followed.condition, now, followed.facts, followed.terms.timing, busy)
            if not verdict.look > now:  # it may be no number
                _raise_broken(followed.condition, now - verdict.look)
        except Unanswered as unanswered:
            followed.blocker = busy.blocker
            self._ask(name, cast("Custom", unanswered.condition))
            self._agenda.set(name, math.inf)  # the answer will be a reason to look
            return NOTHING
        except (Exception, SystemExit) as exc:
            followed.blocker = busy.blocker
            self._quarantine(name, followed, now, exc)
            return NOTHING
        self._keep(name, followed, verdict)
        if followed.waited_for is not None:
            verdict = _explained(verdict, followed)
            if not (busy.waiting or busy.running):
                followed.waited_for = None
        return verdict

    def _engagement(self, followed: _Followed, busy: Engagement, now: float) -> Engagement:
        """Return with what a task is busy, taking note of since when it may start, and of a run that it has met before."""
        own = followed.facts.own
        if busy.blocker is not None or (followed.waits and not busy.waiting):
            own.freed, own.held = now, "overlap"
        elif followed.blocker is not None and not busy.waiting and not busy.running:
            busy = busy._replace(blocker=followed.blocker)  # what it met was not decided yet
        elif followed.failures and not followed.quarantined > self._time():
            own.freed, own.held = now, "error"
        followed.waits = busy.waiting > 0
        return busy

    def _keep(self, name: str, followed: _Followed, verdict: Verdict) -> None:
        """Take note of what was decided."""
        own = followed.facts.own
        followed.failures, followed.blocker = 0, None
        if verdict.decided > own.settled and not verdict.starts and verdict.missed is None:
            followed.has_lapsed = True
        if verdict.decided > -math.inf:
            own.decide(verdict.decided)
            self._decisions += [(slot, name) for slot in (*(start.due for start in verdict.starts), verdict.decided)]
        if verdict.nag:
            self._nag(name, followed)
        self._agenda.set(name, verdict.look)

    def _unfollowed(self, name: str) -> _Followed | None:
        """Follow a task no longer, and return what was known of it."""
        followed = self._followed.pop(name, None)
        if followed is not None:
            for watched in followed.condition.watched():
                waiting = self._waiters.get(watched, {})
                waiting.pop(name, None)
                if not waiting:
                    self._waiters.pop(watched, None)
        self._of_cycles.pop(name, None)
        return followed

    def _take_up(self, name: str, terms: Terms, own: TaskFacts, now: float, *, catch_up: bool, is_new: bool) -> None:
        """Settle since when the slots of a condition count: a new or changed one begins now, whatever was before."""
        schedule, known = schedule_of(terms.condition, terms), self._history.schedules.get(name)
        is_changed = (known[0] if known is not None else None) != schedule
        if catch_up and is_changed:
            own.freed, own.held = now, "paused"
        elif is_new or schedule is not None or known is not None:
            own.seen = seen_since(own, schedule, known, now)
        if is_changed:
            self._history.schedules[name] = (schedule, now)
            self._note_schedule(name, schedule, now)

    def _shared_one(self, condition: Condition) -> Condition:
        """Return the one of all equal conditions that is asked: its periods remember what they were asked for another task."""
        if len(self._shared) > 2 * len(self._followed) + MOST_UNUSED:
            self._shared = {}
        try:
            return self._shared.setdefault(condition, condition)
        except Exception:  # one of the user's that cannot be hashed, or compared
            return condition

    def _note_schedule(self, name: str, schedule: str | None, since: float) -> None:
        self._log.note({"created": since, "task_name": name, "run_id": "", "action": "schedule", "schedule": schedule})

    def _is_plausible(self, wall: float) -> bool:
        return wall >= max(self._clock.earliest, self._history.latest - DAY)

    @property
    def _is_holding(self) -> bool:
        return self._hold > -math.inf and self._time() < self._hold

    def _end_hold(self, now: float) -> None:
        """Begin anew, on a clock that is right now, or not going to be."""
        self._hold = -math.inf
        if not self._is_plausible(now):  # it is the log that is wrong
            self._history.latest = now
            self._log.note({"created": now, "task_name": "", "run_id": "", "action": "clock"})
        self.world.started = self.world.running_since = self.world.awake = now
        for name, followed in self._followed.items():
            followed.facts.own.rebase(now)
            self._take_up(name, followed.terms, followed.facts.own, now, catch_up=False, is_new=True)
            self._agenda.set(name, now)

    def _stepped(self, step: float, wall: float) -> None:
        """Take note that the clock was set, or the machine was suspended."""
        told = "the clock has jumped %s by %s" if step < 0 else "the clock has jumped %s by %s, or the machine was suspended"
        runtime_log.tell(logging.WARNING, told, "back" if step < 0 else "forward", to_words(round(abs(step))))
        world = self.world
        world.awake, world.away = wall, "suspended"
        if world.running_since is not None:
            world.running_since += step
        for own in self._facts.values():
            own.going = {number: begun + step for number, begun in own.going.items()}
            if step < 0:
                own.rebase(wall)
        if step < 0:
            for slot, name in self._decisions:
                if slot > wall and (facts := self._facts.get(name)) is not None:
                    facts.ahead |= {slot}
        for name in self._followed:
            self._agenda.set(name, wall)

    def _quarantine(self, name: str, followed: _Followed, now: float, error: BaseException) -> None:
        """Leave a task alone whose condition raised, for a while; others go on."""
        pause = min(2.0 ** min(followed.failures, 30), LONGEST_QUARANTINE)
        followed.failures += 1
        followed.quarantined = self._time() + pause
        self._agenda.set(name, now + pause)
        culprit = _culprit(followed.condition, now, followed.facts)
        followed.facts.answers.clear()
        self._log.record(
            {
                "created": now,
                "task_name": name,
                "run_id": "",
                "action": "error",
                "reason": f"its condition {_text(culprit)} raised {describe(error)}; it is asked again in {to_words(pause)}",
                "exc_text": user_traceback(error),
            }
        )

    def _nag(self, name: str, followed: _Followed) -> None:
        """Tell once of a run, or of a launch that waits, that costs many starts."""
        settled = followed.facts.own.settled
        if followed.nagged == settled:
            return
        followed.nagged = settled
        if followed.waited_for is None or followed.facts.own.going:
            told = "task %r has been running for so long that %d starts of it were skipped; terminate it, or give it a timeout"
            runtime_log.tell(logging.WARNING, told, name, NAG_AFTER)
        else:
            told = "a launch of task %r has been waiting for so long (for %s) that %d starts of it were skipped; let it start "
            told += "less often, or make room: a higher limit or rate, shorter main runs"
            runtime_log.tell(logging.WARNING, told, name, followed.waited_for, NAG_AFTER)

    def put_missed(self, name: str, missed: Missed) -> None:
        """Put on record what came to nothing."""
        now = self._clock.now()
        at_least = "at least " if missed.count in (MOST_COUNTED, MOST_COUNTED + 1) else ""
        starts = "1 start" if missed.count == 1 else f"{at_least}{missed.count} starts"
        document: dict[str, Any] = {
            "created": now,
            "task_name": name,
            "run_id": "",
            "action": "missed",
            "cause": missed.cause,
            "count": missed.count,
            "first": missed.first,
            "last": missed.last,
            "reason": f"{starts} missed: {missed.why or CAUSES[missed.cause]}",
        }
        if missed.blocker:
            document["blocker"] = missed.blocker
            document["reason"] += f" ({'of task' if missed.cause == 'lost' else 'run'} {missed.blocker})"
        self._log.record(document)


def _explained(verdict: Verdict, followed: _Followed) -> Verdict:
    """Return `verdict` with the launch that has waited named as what slots met, and not its run alone."""
    missed, run = verdict.missed, followed.facts.own.run
    if missed is None or missed.cause != "overlap":
        return verdict
    has_met_run = missed.blocker and run is not None and missed.last > run
    why = f"its launch was waiting (for {followed.waited_for})" + (", then the task was running" if has_met_run else "")
    return verdict._replace(missed=replace(missed, why=why))


def _culprit(condition: Condition, now: float, facts: Facts) -> Condition:
    """Return the part of `condition` that raises."""
    for leaf in leaves(condition):
        try:
            leaf.holds(now, facts)
            leaf.next_change(now, facts)
        except Unanswered:
            continue
        except (Exception, SystemExit):
            return leaf
    return condition


def _raise_broken(condition: Condition, ago: float) -> NoReturn:
    raise ConditionBroken(_text(condition), f"its next change is said to be {ago:g} s ago")


def schedule_of(condition: Condition | None, terms: Terms) -> str | None:
    """Return what tells a condition with slots from others, over restarts; None for one without.

    Arguments of functions are left out, as are addresses: their texts may differ from one process to the next.
    """
    if condition is None or not condition.has_slots:
        return None
    bare = condition.mapped(lambda leaf: replace(leaf, args=(), kwargs={}, text=None) if isinstance(leaf, Custom) else leaf)
    return re.sub(r" at 0x[0-9a-f]+", "", f"{_text(bare)} in {zone_name(terms.zone)}")


def seen_since(own: TaskFacts, schedule: str | None, known: tuple[str | None, float] | None, now: float) -> float | None:
    """Return since when the slots of a condition count that is taken up `now`: a new or changed one begins now.

    Args:
      schedule: what tells it from others.
      known: what was followed of the task last, and since when; None if nothing was.
    """
    if known is not None and known[0] == schedule:
        return min(known[1], now) if own.seen is None else own.seen
    if schedule is not None or known is not None:
        return now
    return now if own.run is None else own.seen


def _text(condition: Condition) -> str:
    """Return `condition` as text, also if it is the user's and cannot be shown."""
    try:
        return str(condition)
    except Exception:
        return type(condition).__name__
