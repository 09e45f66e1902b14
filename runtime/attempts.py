"""Attempts: what the run log keeps of runs that are tried again, and how a next start of the runtime goes on with them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from actors.errors import RunBroken
from actors.facts import Action
from actors.retries import Failure, Retry, next_attempt

CRASHED = "the runtime ended before the run did"
DEEPEST = 100
"""How many levels plain data may have."""
PLAIN = (dict, list, str, float, int, bool, type(None))
ENDINGS: dict[str, Action] = {"timeout": "terminate", "crash": "crash"}
"""{why a run was to be tried again: how it ends if it is not}; else it is a fail."""


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


def after_crash(begun: Mapping[str, Any], policy: Retry | None, now: float) -> dict[str, Any]:
    """Return the record that closes an attempt which the end of the whole process cut off.

    Its delay counts from its start: nobody knows when it ended.

    Args:
      begun: its record ``run``.
      policy: how its task is tried again; None if there is no such task any more.
    """
    document = {**begun, "created": now, "action": "crash", "reason": CRASHED}
    params, attempt = document.pop("params", None), begun.get("attempt", 1)
    if policy is None or "params" not in begun:
        return document
    failure = Failure.of(RunBroken())
    following = next_attempt(policy, failure, seed_of(begun), attempt, begun.get("start", now))
    because = following.because
    if following.at is not None:
        if params is not None:
            return document | {
                "action": "retry",
                "cause": "crash",
                "attempt": attempt,
                "attempts": following.attempts,
                "retry_at": following.at,
                "params": params,
            }
        because = "not tried again: its parameters could not be kept"
    return document | ({"reason": f"{CRASHED}; {because}"} if because else {})


def given_up(ended: Mapping[str, Any], policy: Retry | None, now: float) -> dict[str, Any] | None:
    """Return the record that closes a run whose next attempt was waited for, or None if that is still to come.

    Args:
      ended: the record ``retry`` of its last attempt.
      policy: how its task is tried again; None if there is no such task any more.
    """
    if policy is None:
        because = "there is no such task any more"
    elif ended["attempt"] > policy.limit and (policy.limit or ended.get("cause") != "asked"):
        because = f"its task has {f'only {policy.limit}' if policy.limit else 'no'} retries now"
    elif not isinstance(ended.get("params"), dict):
        because = "its parameters could not be kept"
    else:
        return None
    return {
        **{column: ended[column] for column in ("task_name", "run_id", "execution", "due", "attempts") if column in ended},
        "created": now,
        "action": ending_of(ended),
        "attempt": ended["attempt"] + 1,
        "reason": f"{ended.get('reason', 'an attempt failed')}; not tried again: {because}",
    }


def ending_of(ended: Mapping[str, Any]) -> Action:
    """Return how a run ends that is not tried again after all, as its last attempt did."""
    return ENDINGS.get(ended.get("cause", ""), "fail")


def seed_of(document: Mapping[str, Any]) -> str:
    """Return what tells the run of a record from others."""
    return f"{document['task_name']}\0{document['run_id']}"
