"""The option ``start_cond``: text or a condition, which becomes one that names tasks by their names."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from actors.conds.after import After
from actors.conds.base import Condition
from actors.conds.custom import CustomConditions
from actors.conds.language import to_condition
from actors.conds.status import OfTask


def read(given: Any, customs: CustomConditions, name_of: Callable[[object], str]) -> Condition:
    """Return `given` as a condition, with tasks that it names by function given by name, which `name_of` finds.

    Raises:
      ConditionSyntaxError, TypeError: it says no condition.
    """

    def renamed(leaf: Condition) -> Condition:
        return leaf.renamed(name_of) if isinstance(leaf, (After, OfTask)) else leaf

    return to_condition(given, customs).mapped(renamed)
