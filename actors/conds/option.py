"""The option ``start_cond``: text or a condition, which becomes one that names tasks by their names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from actors.conds.base import Condition, always, never

if TYPE_CHECKING:
    from actors.conds.custom import CustomConditions

StartCondition = str | bool | Condition | None
"""A condition, its text, or a constant; None is never: the task runs when it is asked to."""


class References(Protocol):
    """What the names in a condition are understood by: a task, which knows its group, or a whole app."""

    def custom_conditions(self) -> CustomConditions:
        """Return the conditions that texts may name."""
        ...

    def resolved(self, key: object) -> str:
        """Return the name of the task that is meant by its name, its function or itself; raises ValueError."""
        ...


def read(given: Any, names: References) -> Condition:
    """Return `given` as a condition, which names tasks by their names in the app.

    Raises:
      ConditionSyntaxError, TypeError: it says no condition.
    """
    if isinstance(given, str):
        from actors.conds.language import parse  # loads all kinds of conditions, which not every app needs

        given = parse(given, names.custom_conditions())
    if given is None or isinstance(given, bool):
        return always if given else never
    if isinstance(given, Condition):
        return given.mapped(lambda leaf: leaf.renamed(names.resolved))
    raise TypeError(f"a condition or its text is expected, not {type(given).__name__}")
