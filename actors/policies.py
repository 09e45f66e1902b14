"""Policies: what becomes of a task's slots that are late, missed, or meet a run that goes on. Pure decisions.

Verdicts are named tuples: one is made at each look, and a frozen dataclass takes three times as long.

A *slot* is a moment at which a task is to start: named by its condition, in UTC, before jitter. Each is decided once.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

from actors.conds.base import INF, Condition, leaves
from actors.config import Misfire, Overlap
from actors.facts import Facts

ON_TIME = 60.0
"""Seconds by which a slot may be late without being missed; a tenth of the time between two slots where that is more."""
NAG_AFTER = 3
"""How many slots in a row a run may cost before somebody is told."""


class Timing(NamedTuple):
    """The options of a task that decide about its slots. Times in seconds."""

    misfire: Misfire = "latest"
    overlap: Overlap = "skip"
    deadline: float = INF
    catchup_limit: int = 10
    catchup_window: float = 86400.0
    queue_limit: int = 10
    jitter: float = 0.0
    spread: float = 0.0
    seed: str = ""
    """What makes this task on this machine different from others: its name, and the machine's."""


class Engagement(NamedTuple):
    """What a task is busy with."""

    waiting: int = 0
    """Launches that have not started."""
    running: int = 0
    blocker: str | None = None
    """The id of the run that has just ended, if it was the last one: what came due meanwhile met it."""


IDLE = Engagement()


@dataclass(frozen=True, slots=True)
class Missed:
    """Slots that start nothing."""

    count: int
    first: float
    last: float
    cause: str
    """``down``, ``suspended``, ``blocked``, ``deadline``, ``overlap``, ``paused`` or ``error``."""
    blocker: str | None = None
    """The id of the run that was in the way."""
    why: str | None = None
    """What was in the way, in words, where the cause alone does not tell."""


class StartAt(NamedTuple):
    """One start: what it is due for, when it is to be, and until when it may be."""

    due: float
    at: float
    latest: float = INF


class Verdict(NamedTuple):
    """What is to be done about a task."""

    starts: tuple[StartAt, ...] = ()
    missed: Missed | None = None
    decided: float = -INF
    """Up to here slots are decided now."""
    cancel: bool = False
    """Whether its runs are to be ended first."""
    nag: bool = False
    """Whether its run has cost so many starts that somebody should know."""
    look: float = INF
    """When to look again, if nothing happens before."""


def decide(condition: Condition, now: float, facts: Facts, timing: Timing, busy: Engagement = IDLE) -> Verdict:
    """Return what is to be done at `now` about the task with that `condition`.

    Raises what the condition raises. Calling it again without carrying out the verdict gives the same.
    """
    engaged = busy.waiting > 0 or busy.running > 0
    if engaged and timing.overlap not in ("allow", "cancel_running"):
        return _of_engaged(condition, now, facts)
    look = condition.next_change(now, facts)
    if busy.waiting and not (timing.overlap == "allow" and _has_event(condition, now, facts)):
        return Verdict(look=look)
    if not condition.holds(now, facts):
        return Verdict(decided=-INF if engaged else condition.lapsed(now, facts), look=look)
    slot = condition.slot_before(now, facts) if condition.has_slots else -INF
    if slot <= facts.own.settled:
        return _of_statement(condition, now, facts, timing, engaged=engaged, look=look)
    if busy.blocker is not None and not engaged and timing.overlap not in ("allow", "cancel_running"):
        return _of_met(condition, now, slot, facts, timing, busy.blocker, look)
    return _of_slots(condition, now, slot, facts, timing, cancel=busy.running > 0 and timing.overlap != "allow", look=look)


def delay(timing: Timing, slot: float, period: float, *, is_late: bool = False) -> float:
    """Return how many seconds after `slot` the start is to be: the task's own share of ``spread``, and ``jitter``.

    A pure function of task, machine and slot, so that a restart does not draw anew. Always shorter than `period`; a start that
    is late already waits for a tenth of it at most.
    """
    if not timing.spread and not timing.jitter:
        return 0.0
    total = share(timing.seed) * timing.spread + share(f"{timing.seed}\0{slot!r}") * timing.jitter
    return total % (period / 10 if is_late else period) if period < INF else total


def share(text: str) -> float:
    """Return a number from 0 up to 1 that looks random and always is the same for the same text."""
    from hashlib import blake2b  # takes 5 ms to import, which each worker would pay

    return int.from_bytes(blake2b(text.encode("utf-8", "backslashreplace"), digest_size=7).digest()) / 2**56


def _has_event(condition: Condition, now: float, facts: Facts) -> bool:
    """Return whether something has happened that is worth a start of its own, whatever else waits or runs."""
    return any(leaf.is_event and leaf.holds(now, facts) for leaf in leaves(condition))


def _of_engaged(condition: Condition, now: float, facts: Facts) -> Verdict:
    """Its end will be looked at; before that there is something to say only if the run costs many starts."""
    if not condition.has_slots:
        return Verdict()
    latest = condition.slot_before(now, facts)
    following = condition.slot_after(now, facts)
    start = facts.own.settled
    if start == -INF or following == INF or latest == -INF:
        return Verdict()
    moment = start + (NAG_AFTER + 0.5) * (following - latest)
    return Verdict(nag=True) if moment <= now else Verdict(look=moment)


def _of_statement(condition: Condition, now: float, facts: Facts, timing: Timing, *, engaged: bool, look: float) -> Verdict:
    """It holds, and no slot is to be decided: the statement itself is what starts the task."""
    due = condition.since(now, facts)
    is_old = due is None or (facts.own.due is not None and due <= facts.own.due)
    if engaged and (timing.overlap != "allow" or (is_old and not _has_event(condition, now, facts))):
        return Verdict(look=look)
    if due is None:
        return Verdict((StartAt(now, now),), decided=now, look=look)
    return Verdict((StartAt(due, max(now, due + delay(timing, due, INF))),), decided=due, look=look)


def _of_met(condition: Condition, now: float, slot: float, facts: Facts, timing: Timing, blocker: str, look: float) -> Verdict:
    """Slots came while a run went on that has now ended."""
    start = facts.own.settled
    ended = min(facts.own.freed, now) if facts.own.freed > start else now
    met = condition.slots_between(start, ended, facts)
    if not met:
        return _of_slots(condition, now, slot, facts, timing, cancel=False, look=look)
    last = condition.slot_before(math.nextafter(ended, -INF), facts)
    kept = {"queue_one": 1, "queue": timing.queue_limit}.get(timing.overlap, 0)
    oldest = max(start, math.nextafter(now - timing.deadline, -INF))
    begin, following = condition.slot_after(start, facts), condition.slot_after(oldest, facts)
    starts: list[StartAt] = []
    while len(starts) < kept and following <= last:
        starts.append(StartAt(following, now, now + timing.deadline))
        following = condition.slot_after(following, facts)
    left = met - len(starts)
    if starts and starts[0].due == begin:
        begin = following
    missed = Missed(left, begin, max(begin, last), "overlap", blocker) if left else None
    if slot >= ended and not starts:  # one comes just now, and meets nothing; else it meets those that waited
        at = now + delay(timing, slot, condition.slot_after(slot, facts) - slot)
        return Verdict((StartAt(slot, at, at + timing.deadline),), missed, slot, look=look)
    return Verdict(tuple(starts), missed, last, look=look)


def _of_slots(
    condition: Condition, now: float, slot: float, facts: Facts, timing: Timing, *, cancel: bool, look: float
) -> Verdict:
    """The latest slot is `slot`. Others before it are missed if they came while nobody looked; else something else kept them."""
    start, age = facts.own.settled, now - slot
    unwatched = _unwatched(facts)
    first = condition.slot_after(start, facts) if start > -INF else slot
    others = condition.slots_between(start, min(slot, unwatched), facts) if first < min(slot, unwatched) else 0
    may_be_late = slot < unwatched and age > ON_TIME
    if not others and not may_be_late and age <= timing.deadline and not timing.jitter and not timing.spread:  # as almost always
        return Verdict((StartAt(slot, now, now + timing.deadline),), None, slot, cancel, look=look)
    period = condition.slot_after(slot, facts) - slot
    is_late = may_be_late and (period == INF or age > period / 10)
    if not others:
        first = slot
    if age > timing.deadline:
        return Verdict(missed=Missed(others + 1, first, slot, "deadline"), decided=slot, look=look)
    cause = _cause(first, facts)
    if timing.misfire == "skip" and is_late:
        return Verdict(missed=Missed(others + 1, first, slot, cause), decided=slot, look=look)
    chosen = _made_up_for(condition, now, slot, first, others, facts, timing) if timing.misfire == "all" else [slot]
    left = others + 1 - len(chosen)
    missed = None
    if left:
        last = condition.slot_before(math.nextafter(min(chosen[0], unwatched), -INF), facts)
        missed = Missed(left, first, last, cause)
    starts: list[StartAt] = []
    for due in chosen:
        at = max(now, (now if is_late else due) + delay(timing, due, period, is_late=is_late))
        at = max(at, starts[-1].at) if starts else at
        starts.append(StartAt(due, at, at + timing.deadline))
    return Verdict(tuple(starts), missed, slot, cancel, look=look)


def _made_up_for(
    condition: Condition, now: float, slot: float, first: float, others: int, facts: Facts, timing: Timing
) -> list[float]:
    """Return the slots up to `slot` that are run after all, oldest first: the latest ones, as many as may be."""
    chosen = [slot]
    oldest = max(now - min(timing.catchup_window, timing.deadline), first)
    unwatched = _unwatched(facts)
    while len(chosen) < min(timing.catchup_limit, others + 1):
        earlier = condition.slot_before(math.nextafter(min(chosen[0], unwatched), -INF), facts)
        if earlier < oldest:
            break
        chosen.insert(0, earlier)
    return chosen


def _unwatched(facts: Facts) -> float:
    """Return up to when slots could pass without being looked at."""
    return max(facts.world.awake, facts.own.freed)


def _cause(first: float, facts: Facts) -> str:
    world = facts.world
    if world.started is not None and first < world.started:
        return "down"
    if first < facts.own.freed:
        return facts.own.held
    return world.away
