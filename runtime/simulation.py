"""Simulation: which tasks would start when, found by the same decisions as in earnest, without running anything.

Runs are taken to succeed, after as long as the task took last, or a second. Custom conditions are left out, as if they stood in
nothing's way. Limits, rates and priorities are left out of account.
"""

from __future__ import annotations

import heapq
import math
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import tzinfo

from actors.conds.base import All, Any, Condition, Not, always
from actors.conds.custom import Custom
from actors.facts import Facts, TaskFacts, World
from actors.policies import Engagement, StartAt, decide
from actors.task import Task
from runtime.agenda import Agenda
from runtime.lookout import schedule_of, seen_since
from runtime.runlog.history import History
from runtime.terms import Terms, terms_of

TAKES = 1.0
"""Seconds a run is taken to last of which nothing is known."""
SHORTEST = 0.001
"""Seconds a run lasts at least, so that one which is always to run does not stop the time."""
MOST_IDLE = 50_000
"""Looks without a start after which none is expected any more."""
MOST_OTHERS = 20_000
"""Starts of other tasks after which none of a task is expected any more."""
CYCLES = 1000
"""How often the scheduler is taken to have decided: as after some minutes."""
HORIZON = 50 * 366 * 86400.0
"""Seconds: how far ahead the next start is looked for."""


@dataclass(frozen=True, slots=True)
class Start:
    """One start that would happen."""

    task: str
    at: float
    """When, in seconds since the epoch."""
    due: float
    """For which slot."""


@dataclass(slots=True)
class Player:
    """A task in a simulation."""

    name: str
    condition: Condition | None
    terms: Terms
    facts: Facts
    takes: float = TAKES
    on_startup: bool = False
    again: tuple[StartAt, ...] = ()
    """The next attempts of runs that failed."""
    planned: int = 0
    waiting: deque[StartAt] = field(default_factory=deque)


class Simulation:
    """Plays the start conditions of `players` from `start` on."""

    def __init__(self, players: Iterable[Player], start: float) -> None:
        self._players = {player.name: player for player in players}
        self._now = start
        self._agenda: Agenda[str] = Agenda()
        self._events: list[tuple[float, int, str, StartAt | int]] = []  # starts to come, and numbers of runs that end
        self._count = max((n for player in self._players.values() for n in player.facts.own.order.values()), default=0)
        self._waiters: dict[str, list[str]] = {}
        for player in self._players.values():
            for watched in player.condition.watched() if player.condition is not None else ():
                self._waiters.setdefault(watched, []).append(player.name)

    def starts(self, end: float = math.inf) -> Iterator[Start]:
        """Yield the starts up to, not including, `end`, in their order."""
        for player in self._players.values():
            if player.on_startup:
                self._plan(player, StartAt(self._now, self._now))
            for start in player.again:
                self._plan(player, start)
        for name in self._players:
            self._consider(name)
        idle = 0
        while idle < MOST_IDLE:
            idle += 1
            coming = self._events[0][0] if self._events else math.inf
            self._now = max(min(coming, self._agenda.next_moment()), self._now)
            if self._now >= end or self._now == math.inf:
                return
            for name in self._agenda.take_due(self._now):
                self._consider(name)
            while self._events and self._events[0][0] <= self._now:
                _, _, name, event = heapq.heappop(self._events)
                idle = 0
                if isinstance(event, StartAt):
                    yield from self._start(self._players[name], event)
                else:
                    yield from self._end(self._players[name], event)

    def _consider(self, name: str, blocker: str | None = None) -> None:
        player = self._players[name]
        if player.condition is None:
            return
        own = player.facts.own
        busy = Engagement(player.planned + len(player.waiting), len(own.going), blocker)
        if blocker is not None:
            own.freed = self._now
        verdict = decide(player.condition, self._now, player.facts, player.terms.timing, busy)
        if verdict.decided > -math.inf:
            own.decide(verdict.decided)
        if verdict.cancel:
            for number in own.going:
                self._push(self._now, name, number)
        for start in verdict.starts:
            own.decide(start.due)
            self._plan(player, start)
        self._agenda.set(name, verdict.look)

    def _plan(self, player: Player, start: StartAt) -> None:
        player.planned += 1
        self._push(max(start.at, self._now), player.name, start)

    def _push(self, moment: float, name: str, event: StartAt | int) -> None:
        self._count += 1
        heapq.heappush(self._events, (moment, self._count, name, event))

    def _start(self, player: Player, start: StartAt) -> Iterator[Start]:
        player.planned -= 1
        own = player.facts.own
        if own.going and player.terms.timing.overlap != "allow":
            player.waiting.append(start)
            return
        self._count += 1
        own.going[self._count] = self._now
        own.note("run", self._now, self._count)
        self._push(self._now + max(player.takes, SHORTEST), player.name, self._count)
        self._tell(player.name, None)
        yield Start(player.name, self._now, start.due)

    def _end(self, player: Player, number: int) -> Iterator[Start]:
        own = player.facts.own
        if own.going.pop(number, None) is None:  # it was ended before
            return
        self._count += 1
        own.note("success", self._now, self._count)
        if player.waiting:
            player.planned += 1
            yield from self._start(player, player.waiting.popleft())
        busy = own.going or player.planned or player.waiting
        self._tell(player.name, None if busy else f"simulated {number}")

    def _tell(self, name: str, blocker: str | None) -> None:
        self._consider(name, blocker)
        for other in self._waiters.get(name, ()):
            self._consider(other)


def players_of(
    tasks: Iterable[Task], start: float, local: tzinfo, history: History | None = None, env: str | None = None
) -> list[Player]:
    """Return the players of `tasks`, as `history` knows them; without one, as if they were all new at `start`."""
    left = history.waiting_attempts() if history is not None else []
    world = World(env=env, started=start, running_since=start, awake=start, cycles=CYCLES)
    players = []
    for task in tasks:
        terms = terms_of(task, local)
        own = known_of(task, terms, start, history)
        facts = Facts(own, world, terms.zone, terms.parameters)
        condition = _assumed(terms.condition) if terms.condition is not None else None
        if condition is None and terms.condition is not None:
            condition = always
        takes = own.success - own.run if own.success is not None and own.run is not None and own.success >= own.run else TAKES
        again = tuple(StartAt(ended.get("due", start), ended["retry_at"]) for ended in left if ended["task_name"] == task.name)
        players.append(Player(task.name, condition, terms, facts, takes, task.on_startup, again))
    world.tasks = {player.name: player.facts.own for player in players}
    return players


def known_of(task: Task, terms: Terms, now: float, history: History | None) -> TaskFacts:
    """Return the facts of `task` as a runtime would take them up that starts `now`."""
    known = history.facts.get(task.name) if history is not None else None
    own = known.copy() if known is not None else TaskFacts()
    followed = history.schedules.get(task.name) if history is not None else None
    own.seen = seen_since(own, schedule_of(terms.condition, terms), followed, now)
    return own


def needed_for(task: Task) -> list[Task]:
    """Return `task` and the tasks whose runs matter to its condition, in the order of their definition."""
    names, found = [task.name], set()
    while names:
        name = names.pop()
        if name not in found and name in task.session:
            found.add(name)
            names += task.session[name].start_cond.watched()
    return [other for other in task.session.tasks if other.name in found]


def upcoming(task: Task, count: int, now: float, local: tzinfo, history: History | None) -> Iterator[Start]:
    """Yield the next `count` starts of `task`, if so many come."""
    players = players_of(needed_for(task), now, local, history, task.session.config.env)
    others = 0
    for start in Simulation(players, now).starts(now + HORIZON):
        if start.task == task.name:
            yield start
            count -= 1
            others = 0
        else:
            others += 1
        if not count or others == MOST_OTHERS:
            return


def _assumed(condition: Condition) -> Condition | None:
    """Return `condition` without the parts that only a function could decide; None where nothing is left."""
    match condition:
        case Custom():
            return None
        case Not():
            part = _assumed(condition.part)
            return None if part is None else ~part
        case All() | Any():
            parts = tuple(part for part in map(_assumed, condition.parts) if part is not None)
            return replace(condition, parts=parts) if parts else None
        case _:
            return condition
