"""Attempts: what the run log keeps of runs that are tried again, and which of them a next start goes on with. Pure decisions."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from actors.config import OnOrphan
from actors.errors import RunBroken
from actors.facts import Action
from actors.retries import Failure, Retry, next_attempt
from actors.task import Task

CRASHED = "the runtime ended before the run did"
NOT_RETRIED, NOT_RESCUED = "not tried again", "not run again"
ONLY_WHILE_OPEN = frozenset({"params", "pid_start", "boot", "scheduler", "scheduler_start"})
"""What is known of a run that goes on, and is not told of one that has ended."""
KEPT_WHEN_GIVEN_UP = ("task_name", "run_id", "execution", "due", "attempts", "rescues")
DEEPEST = 100
"""How many levels plain data may have."""
PLAIN = (dict, list, str, float, int, bool, type(None))
ENDINGS: dict[str, Action] = {"timeout": "terminate", "crash": "crash"}
"""{why a run was to be tried again: how it ends if it is not}; else it is a fail."""


@dataclass(frozen=True, slots=True)
class Recourse:
    """What a task has done about a run that the end of the whole process cut off."""

    retries: Retry = field(default_factory=lambda: Retry(0))
    on_orphan: OnOrphan = "mark"
    max_rescues: int = 1
    at_start: bool = False
    """Whether it runs at each start of the app, without parameters."""
    at_end: bool = False
    """Whether it runs at the end of the app, and so never at its start."""

    @classmethod
    def of(cls, task: Task) -> Recourse:
        """Return that of `task`, by its options as they are now."""
        retries = Retry(0) if task.on_shutdown else task.retries
        return cls(retries, task.on_orphan, task.max_rescues, task.on_startup, task.on_shutdown)


class _Verdict(NamedTuple):
    """What becomes of an attempt that was cut off."""

    columns: dict[str, Any] | None = None
    """What the record says of the next one; None if there is none."""
    because: str = ""
    """Why there is none although there might have been one."""
    is_poison: bool = False
    """Whether that is since it was cut off too often."""
    refusal: str = NOT_RETRIED
    """What is to be said if it cannot be had."""


def kept_params(params: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return `params` as a record keeps them for a next attempt; None if they are not plain data."""
    kept = dict(params)
    return kept if is_plain(kept) else None


def is_plain(value: object, levels: int = DEEPEST) -> bool:
    """Return whether JSON gives `value` back as it is."""
    if type(value) not in PLAIN or not levels:  # also of subclasses it would make something else
        return False
    match value:
        case dict():
            return all(type(name) is str for name in value) and is_plain([*value, *value.values()], levels)
        case list():
            return all(is_plain(part, levels - 1) for part in value)
        case str():
            return value.encode("utf-8", "replace").decode() == value  # not so with half a surrogate pair
        case float():
            return math.isfinite(value)
    return not isinstance(value, int) or -(2**63) <= value < 2**63


def after_crash(begun: Mapping[str, Any], recourse: Recourse | None, now: float, *, goes_on: bool = False) -> dict[str, Any]:
    """Return the record of an attempt that the end of the whole process cut off: a crash, or a retry if its run goes on.

    Args:
      begun: its record ``run``, with what was noted of it since.
      recourse: what its task has done about that; None if there is no such task any more.
      goes_on: whether its process is still there, and could not be ended: then it must not be run beside that.
    """
    document = {column: value for column, value in begun.items() if column not in ONLY_WHILE_OPEN}
    document |= {"created": now, "action": "crash", "reason": CRASHED}
    if recourse is None:
        return document
    verdict = _verdict(begun, recourse, now)
    because = verdict.because
    if verdict.columns is not None:
        if goes_on:
            because = f"{verdict.refusal}: its process {begun.get('pid')} could not be ended"
        elif begun.get("params") is None:
            because = f"{verdict.refusal}: its parameters could not be kept"
        else:
            again = {"action": "retry", "cause": "crash", "attempt": begun.get("attempt", 1), "params": begun["params"]}
            return document | again | verdict.columns
    if verdict.is_poison:
        document["cause"] = "poison"
    return document | ({"reason": f"{CRASHED}; {because}"} if because else {})


def given_up(ended: Mapping[str, Any], recourse: Recourse | None, now: float) -> dict[str, Any] | None:
    """Return the record that closes a run whose next attempt was waited for, or None if that is still to come.

    Args:
      ended: the record ``retry`` of its last attempt.
      recourse: what its task has done about runs that were cut off; None if there is no such task any more.
    """
    refusal = NOT_RESCUED if is_rescue(ended) else NOT_RETRIED
    if recourse is None:
        because = "there is no such task any more"
    elif refused := _refusal_now(ended, recourse):
        because = refused
    elif not isinstance(ended.get("params"), dict):
        because = "its parameters could not be kept"
    else:
        return None
    return {
        **{column: ended[column] for column in KEPT_WHEN_GIVEN_UP if column in ended},
        "created": now,
        "action": ending_of(ended),
        "attempt": ended["attempt"] + 1,
        "reason": f"{ended.get('reason', 'an attempt failed')}; {refusal}: {because}",
    }


def is_rescue(ended: Mapping[str, Any]) -> bool:
    """Return whether a record ``retry`` says that its run is run again as the whole process had died, and not by its retries."""
    return ended.get("cause") == "crash" and bool(ended.get("rescues"))


def _verdict(begun: Mapping[str, Any], recourse: Recourse, now: float) -> _Verdict:
    """Return what becomes of an attempt that was cut off: its retries come first, then its rescues.

    A run that was rescued is never left to its retries again: they had said no, and their limit and that of rescues would add up.
    The delay of a retry counts from the start of the attempt: nobody knows when it ended.
    """
    attempt, rescues = begun.get("attempt", 1), begun.get("rescues", 0)
    because = ""
    if "params" in begun and not rescues:
        following = next_attempt(recourse.retries, Failure.of(RunBroken()), seed_of(begun), attempt, begun.get("start", now))
        if following.at is not None:
            return _Verdict({"attempts": following.attempts, "retry_at": following.at})
        because = following.because
    if recourse.on_orphan == "mark":
        return _Verdict(because=because)
    if refused := _no_rescue(begun, recourse):
        return _Verdict(because=f"{NOT_RESCUED}: {refused}")
    if rescues >= recourse.max_rescues:
        return _Verdict(because=f"{NOT_RESCUED}: it was cut off {rescues + 1} times", is_poison=True)
    attempts = recourse.retries.limit + 2 + rescues
    return _Verdict({"rescues": rescues + 1, "attempts": attempts, "retry_at": now}, refusal=NOT_RESCUED)


def _no_rescue(begun: Mapping[str, Any], recourse: Recourse) -> str:
    """Return why a run is not rescued although its task says so, or an empty text."""
    if recourse.at_end:
        return "its task runs when the app ends"
    if "params" not in begun:
        return "its parameters were not kept when it began"
    if recourse.at_start and begun["params"] == {}:
        return "its task runs anyway, as the app starts"
    return ""


def _refusal_now(ended: Mapping[str, Any], recourse: Recourse) -> str:
    """Return why the task of a run does not want its next attempt any more, or an empty text."""
    if is_rescue(ended):
        return "its task does not want it any more" if recourse.on_orphan == "mark" or recourse.at_end else ""
    limit, tried = recourse.retries.limit, ended["attempt"] - ended.get("rescues", 0)
    if tried > limit and (limit or ended.get("cause") != "asked"):
        return f"its task has {f'only {limit}' if limit else 'no'} retries now"
    return ""


def ending_of(ended: Mapping[str, Any]) -> Action:
    """Return how a run ends that is not tried again after all, as its last attempt did."""
    return ENDINGS.get(ended.get("cause", ""), "fail")


def seed_of(document: Mapping[str, Any]) -> str:
    """Return what tells the run of a record from others."""
    return f"{document['task_name']}\0{document['run_id']}"
