"""Facts: what conditions know. Kept in memory, and up to date whenever a condition is asked."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, tzinfo
from typing import Any, Literal, NamedTuple, get_args

Action = Literal["run", "success", "fail", "terminate", "inaction", "crash"]
"""What a record of a run says happened: ``run`` when a run starts, then exactly one of the others."""
Event = Literal["run", "success", "fail", "terminate", "inaction", "crash", "retry", "missed", "error"]
"""What any record says happened. ``retry``: an attempt failed, and the run goes on with another. The last two are about no run:
starts that did not happen, a condition that raised."""

ACTIONS: tuple[Action, ...] = get_args(Action)
TERMINAL: tuple[Action, ...] = tuple(action for action in ACTIONS if action != "run")
EVENTS: tuple[Event, ...] = get_args(Event)
REMEMBERED = 100
"""How many moments of each action a task remembers at least. Only questions about a time that is over need more than one."""


@dataclass(slots=True, eq=False)
class TaskFacts:
    """The last outcomes of one task. Times are seconds since the epoch; None means never.

    The runtime writes them, in its own thread, after the record is in the log; anybody may read them.
    """

    status: Action | None = None
    """The latest action."""
    run: float | None = None
    success: float | None = None
    fail: float | None = None
    terminate: float | None = None
    inaction: float | None = None
    crash: float | None = None
    poison: float | None = None
    """When one that crashed was given up for good, as it was cut off again and again. It uses up its cycle, as other ends do and
    crashes do not: else its condition would start it anew, and that cut it off again."""
    due: float | None = None
    """Up to here the slots of its start condition are decided: when the latest start was due."""
    anchor: float | None = None
    """A start from which grids are counted, so that what a number is rounded by does not add up."""
    seen: float | None = None
    """Since when its present start condition is followed; slots before that are none of its."""
    freed: float = -math.inf
    """Since when it may start: no run of it goes on or waits, and it is not paused."""
    held: str = "overlap"
    """Why it might not before: ``overlap``, ``paused``, or ``error`` while its condition raised."""
    ahead: frozenset[float] = frozenset()
    """Slots that were decided while the clock was wrong, and lie in the future."""
    fails: int = 0
    """How many runs have failed since one ended otherwise."""
    going: dict[int, float] = field(default_factory=dict)
    """The runs that have started and not ended: {number of the launch: when it started}."""
    order: dict[str, int] = field(default_factory=dict)
    """{action: number of its latest record}. What came first is decided by these: clocks go backwards, and tick slowly."""
    claimed: int = -1
    """The number of the latest record that is used up: when a start by its condition was last decided, or it was asked to."""
    remembered: dict[str, list[float]] = field(default_factory=dict)
    """{action: its latest moments, the last one last}."""

    @property
    def settled(self) -> float:
        """Up to when slots are decided, or were before its condition was followed; minus infinity if nothing is."""
        due, seen = self.due, self.seen
        if due is None:
            return -math.inf if seen is None else seen
        return due if seen is None or due > seen else seen

    @property
    def was_cut_off(self) -> bool:
        """Whether what happened last is that the whole process ended before a run did, which is not given up."""
        return self.status == "crash" and self.crash != self.poison

    @property
    def alive(self) -> int:
        """How many runs have started and not ended."""
        return len(self.going)

    def note(self, action: Action, created: float, number: int = 0, *, claims: bool = True) -> None:
        """Take in one record, the `number`-th of the log.

        Args:
          claims: whether a start uses up what happened before it; one that a condition had decided did so then.
        """
        self.status = action
        if claims and action == "run":
            self.claimed = number
        setattr(self, action, created)
        self.order[action] = number
        if action == "fail":
            self.fails += 1
        elif action != "run":
            self.fails = 0
        try:
            moments = self.remembered[action]
        except KeyError:
            moments = self.remembered[action] = []
        moments.append(created)
        if len(moments) > 2 * REMEMBERED:
            del moments[:REMEMBERED]

    def decide(self, slot: float, *, anew: bool = False) -> None:
        """Take note that the slots up to `slot` are decided; `anew` counts grids from there."""
        if self.due is None or slot > self.due:
            self.due = slot
            if self.ahead:
                self.ahead = frozenset(later for later in self.ahead if later > slot)
        if anew or self.anchor is None:
            self.anchor = slot

    def rebase(self, now: float) -> None:
        """Forget what was noted of the future while the clock was wrong, except for which slots need not come again."""
        if self.due is not None and self.due > now:
            self.ahead |= {self.due}
            self.due = self.anchor = now
        if self.seen is not None:
            self.seen = min(self.seen, now)
        self.freed = min(self.freed, now)

    def copy(self) -> TaskFacts:
        """Return the same facts, to be changed without changing these; runs that go on are left out."""
        remembered = {action: list(moments) for action, moments in self.remembered.items()}
        return replace(self, going={}, order=dict(self.order), remembered=remembered)

    def last(self, actions: tuple[str, ...]) -> float | None:
        """Return when one of `actions` last happened."""
        return max((moment for action in actions if (moment := getattr(self, action)) is not None), default=None)

    def latest(self, actions: tuple[Action, ...]) -> int:
        """Return the number of the latest record of one of `actions`; -1 if there is none."""
        return max((self.order.get(action, -1) for action in actions), default=-1)

    def happened(self, actions: tuple[str, ...], start: float, end: float) -> bool:
        """Return whether one of `actions` happened from `start` up to, not including, `end`.

        The latest moments are not in order where the clock was set, so that one before `start` says nothing of those before it.
        """
        for action in actions:
            moment: float | None = getattr(self, action)
            if moment is None:
                continue
            if start <= moment < end or any(start <= earlier < end for earlier in self.remembered.get(action, ())):
                return True
        return False


NOTHING = TaskFacts()
"""The facts of a task that never ran, or is not there; nobody writes to them."""


@dataclass(slots=True, eq=False)
class World:
    """What the conditions of all tasks of a runtime share."""

    tasks: Mapping[str, TaskFacts] = field(default_factory=dict)
    env: str | None = None
    """The app's ``env``."""
    started: float | None = None
    """When the runtime started, as the clock was then."""
    running_since: float | None = None
    """When it started, as the clock is now: so that what has elapsed since then is right also if that was set."""
    awake: float = -math.inf
    """Since when the runtime follows the clock without a gap: since its start, or since it was suspended or blocked."""
    away: str = "down"
    """Why it did not before: ``down``, ``suspended`` or ``blocked``."""
    cycles: int = 0
    """How often the supervisor has had something to decide."""


class Answer(NamedTuple):
    """What a custom condition said when it was asked."""

    at: float
    value: bool
    error: Exception | None = None


@dataclass(slots=True, eq=False)
class Facts:
    """What the condition of one task knows: the task's own facts, those of the others, and where its clocks hang."""

    own: TaskFacts = field(default_factory=TaskFacts)
    world: World = field(default_factory=World)
    zone: tzinfo = UTC
    params: Mapping[str, Any] = field(default_factory=dict)
    """The task's parameters."""
    answers: dict[Any, Answer] = field(default_factory=dict)
    """{custom condition: what it said last}, since the task last started."""

    def of(self, task: str | None) -> TaskFacts:
        """Return the facts of the task of that name, or with None of the task itself."""
        return self.own if task is None else self.world.tasks.get(task, NOTHING)
