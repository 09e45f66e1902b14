"""Conditions in words."""

from __future__ import annotations

import re

from actors.conds.base import Condition, always, never
from actors.conds.every import every
from actors.errors import ConditionSyntaxError, InvalidTimeSpan, nearest

_CONSTANTS = {"true": always, "always": always, "always true": always, "false": never, "never": never, "always false": never}
_EVERY = re.compile(r"every\s+", re.IGNORECASE)


def parse(text: str) -> Condition:
    """Return the condition that `text` says: ``true``, ``false``, or ``every <length of time>``, in any letter case.

    Raises:
      ConditionSyntaxError: it says none; shows where, and what is expected there.
    """
    line = " ".join(text.split())
    if (constant := _CONSTANTS.get(line.lower())) is not None:
        return constant
    if begin := _EVERY.match(line):
        try:
            return every(line[begin.end() :])
        except InvalidTimeSpan as exc:
            raise ConditionSyntaxError(line, begin.end(), str(exc)) from exc
    first = line.split(" ", maxsplit=1)[0]
    hint = nearest(first, ["every", *_CONSTANTS])
    raise ConditionSyntaxError(line, 0, f"true, false, or every <length of time> is expected here.{hint}")


def to_condition(given: str | bool | Condition | None) -> Condition:
    """Return `given` as a condition: text is parsed, booleans are constants, None is never."""
    if isinstance(given, Condition):
        return given
    if given is None or isinstance(given, bool):
        return always if given else never
    if isinstance(given, str):
        return parse(given)
    raise TypeError(f"a condition or its text is expected, not {type(given).__name__}")
