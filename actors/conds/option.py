"""The option ``start_cond``: text or a condition, which becomes one that names tasks by their names."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from actors.conds.base import Condition, always, never
from actors.conds.custom import CustomConditions


def read(given: Any, customs: CustomConditions, name_of: Callable[[object], str]) -> Condition:
    """Return `given` as a condition, with tasks that it names by function given by name, which `name_of` finds.

    Raises:
      ConditionSyntaxError, TypeError: it says no condition.
    """
    if isinstance(given, str):
        from actors.conds.language import parse  # loads all kinds of conditions, which not every app needs

        return parse(given, customs)
    if given is None or isinstance(given, bool):
        return always if given else never
    if isinstance(given, Condition):
        return given.mapped(lambda leaf: leaf.renamed(name_of))
    raise TypeError(f"a condition or its text is expected, not {type(given).__name__}")
