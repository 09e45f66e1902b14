"""Explanation: what a condition says in plain words, what it says now, and what it waits for."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import tzinfo
from functools import singledispatch
from typing import Any

from actors.conds.after import After
from actors.conds.base import All, Condition, Never, Not, Unanswered, leaves
from actors.conds.base import Any as AnyOf
from actors.conds.custom import Custom
from actors.conds.cycles import During, Once
from actors.conds.slots import At, Delay, Every, OnCron
from actors.conds.status import Retrying, Running, Status
from actors.facts import Facts
from actors.periods.anchors import LAST
from actors.periods.cron import Cron
from actors.periods.cycles import TimeOf
from actors.portable import describe
from actors.timespans import to_words
from actors.zones import changes, mark, zone_name

LOOK_AHEAD = 366 * 86400.0
"""Seconds: how far warnings look for days on which the clocks change."""
HOUR = 3600.0
SHORTEST_MONTH = 28


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a condition, at one moment."""

    depth: int
    text: str
    value: str
    """``yes``, ``no``, ``?`` where its function would have to be asked, or what it raised."""
    waits_for: str
    """What can change it."""


def parts_of(condition: Condition, now: float, facts: Facts, show: Callable[[float], str], depth: int = 0) -> Iterator[Part]:
    """Yield the parts of `condition`, each below the one it is a part of.

    Args:
      show: makes a moment readable.
    """
    yield Part(depth, str(condition), _value(condition, now, facts), _waits_for(condition, now, facts, show))
    for part in condition.parts_inside():
        yield from parts_of(part, now, facts, show, depth + 1)


@singledispatch
def words(condition: Condition) -> str:
    """Return what `condition` says in plain words."""
    return str(condition)


@words.register
def _(condition: All) -> str:
    return ", and ".join(words(part) for part in condition.parts)


@words.register
def _(condition: AnyOf) -> str:
    return ", or ".join(words(part) for part in condition.parts)


@words.register
def _(condition: Not) -> str:
    return f"not ({words(condition.part)})"


@words.register
def _(condition: Every) -> str:
    return f"once in every {to_words(condition.seconds)}, on a fixed grid, at once when new"


@words.register
def _(condition: Delay) -> str:
    return f"{to_words(condition.seconds)} after the last {condition.base}, at once when new"


@words.register
def _(condition: OnCron) -> str:
    return condition.period.in_words()


@words.register
def _(condition: At) -> str:
    return f"{condition}: once, from then until the {condition.period.unit} ends"


@words.register
def _(condition: Once) -> str:
    return f"once each {condition.period.unit}{condition.period.in_words()}, counted by when it finishes"


@words.register
def _(condition: During) -> str:
    period = condition.period
    if isinstance(period, TimeOf):
        return f"all the while each {period.unit}{period.in_words()}"
    return f"all the while: {period.in_words() if isinstance(period, Cron) else period}"


@words.register
def _(condition: Custom) -> str:
    return f"when {condition} says so, asked every {to_words(condition.poll)} while it matters"


def warnings(condition: Condition, now: float, zone: tzinfo, next_start: float) -> Iterator[str]:
    """Yield what may be meant otherwise.

    Args:
      next_start: when it would start a new task next; infinity if never.
    """
    if next_start == math.inf and not _depends(condition):
        yield "it can never be true again"
    elif next_start == math.inf:
        yield "it waits for something else than time: callsheet why shows for what"
    for leaf in leaves(condition):
        if isinstance(leaf, OnCron):
            yield from _about_cron(leaf.period, now, zone)
        if (
            isinstance(leaf, (Once, At, During))
            and isinstance(leaf.period, TimeOf)
            and leaf.period.unit == "month"
            and leaf.period.start is not None
        ):
            day = leaf.period.start.day
            if day > SHORTEST_MONTH and day != LAST and not leaf.period.whole:
                yield f"months without that day ({day}) are left out; 'last' is the last day of each"
    if isinstance(condition, All):
        kinds = [type(part) for part in condition.parts]
        if Once in kinds and Every in kinds:
            once = next(part for part in condition.parts if isinstance(part, Once))
            yield f"it starts once each {once.period.unit}: the first run uses it up. For a window, write {During(once.period)}"
    if isinstance(condition, During):
        yield "alone it starts the task again and again while it holds"


def _about_cron(period: Cron, now: float, zone: tzinfo) -> Iterator[str]:
    minute, hour, day, _, weekday = period.expression.split()[-5:]
    if not day.startswith("*") and not weekday.startswith("*"):
        yield "it matches days of the month as well as days of the week: where both are given, either is enough"
    if minute.startswith("*") or hour.startswith("*"):
        return
    for change in changes(zone, now, now + LOOK_AHEAD):
        slot = period.next_opening(change - HOUR, zone)
        while slot < change + HOUR:
            if special := mark(slot, zone):
                how = (
                    "right after the gap, once"
                    if special == "gap"
                    else "in the hour that they show twice, in its first pass only"
                )
                yield f"when the clocks of {zone_name(zone)} change next, it starts {how}"
                return
            slot = period.next_opening(slot, zone)


def _depends(condition: Condition) -> bool:
    """Return whether other things than time may make it true."""
    return any(not isinstance(leaf, (Every, Delay, OnCron, At, Once, During, Never)) for leaf in leaves(condition))


def _value(condition: Condition, now: float, facts: Facts) -> str:
    try:
        return "yes" if condition.holds(now, facts) else "no"
    except Unanswered:
        return "?"
    except Exception as exc:
        return describe(exc)


def _waits_for(condition: Condition, now: float, facts: Facts, show: Callable[[float], str]) -> str:
    if condition.parts_inside():
        return ""
    reasons = []
    if isinstance(condition, After):
        if not condition.holds(now, facts):
            missing = condition.missing(facts)
            reasons.append(f"{', '.join(map(repr, missing))} to have {condition.outcome} since its last start")
    elif isinstance(condition, (Running, Status)) and condition.task is not None:
        reasons.append(f"runs of {condition.task!r}")
    elif isinstance(condition, Retrying):
        reasons.append(f"{facts.own.fails} failures in a row, up to {'any number' if condition.most is None else condition.most}")
    if isinstance(condition, Custom):
        reasons.append(f"its function, asked every {to_words(condition.poll)}")
    moment: Any = _safely(condition.next_change, now, facts)
    if isinstance(moment, float) and moment < math.inf:
        reasons.append(show(moment))
    return ", or ".join(reasons)


def _safely(question: Callable[[float, Facts], float], now: float, facts: Facts) -> float | None:
    try:
        return question(now, facts)
    except Exception:
        return None
