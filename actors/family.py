"""Family: how the tasks of a group call each other."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from actors.conds.custom import CustomConditions
    from actors.session import Session


@dataclass(slots=True, eq=False)
class Family:
    """The tasks of one group: what they are called among themselves, and in the app. By its names their conditions are read.

    Args:
      session: the app's.
      parent: the group that this one is a part of.
    """

    session: Session
    prefix: str = ""
    parent: Family | None = None
    names: dict[Any, str] = field(default_factory=dict)
    """{name in the group, or function: name in the app}."""
    actors: dict[str, str] = field(default_factory=dict)
    """{name in the group: name in the app}."""

    def add(self, name: str, function: object) -> str:
        """Take in a task, and return its name in the app; it is known to the groups around this one too."""
        full = self.prefix + name
        if self.parent is not None:
            full = self.parent.add(full, function)
        self.names[name] = full
        if isinstance(function, Hashable):
            self.names.setdefault(function, full)
        return full

    def add_actor(self, name: str) -> str:
        """Take in an actor, and return its name in the app."""
        full = self.prefix + name
        if self.parent is not None:
            full = self.parent.add_actor(full)
        self.actors[name] = full
        return full

    def resolved_actor(self, name: str) -> str:
        """Return the full name of the actor that is called so in here, or in a group around it, or in the app.

        Of a path, such as ``pool/worker-1``, it is the first part that is looked for.
        """
        top, slash, below = name.partition("/")
        if top in self.actors:
            return self.actors[top] + slash + below
        return name if self.parent is None else self.parent.resolved_actor(name)

    def custom_conditions(self) -> CustomConditions:
        """Return the conditions that texts may name."""
        return self.session.conditions

    def resolved(self, key: object) -> str:
        """Return the name in the app of the task that is meant by `key`, by these names before those of the app.

        Raises:
          ValueError: it is neither a name nor a task.
        """
        found = self.find(key)
        return found if found is not None else self.session.resolved(key)

    def find(self, key: object) -> str | None:
        """Return the name in the app of what is called `key` in here, or in a group around it; None if nothing is."""
        if not isinstance(key, Hashable):
            return None
        found = self.names.get(key)
        return found if found is not None or self.parent is None else self.parent.find(key)
