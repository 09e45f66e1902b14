"""Member: what is supervised, as who supervises it sees it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Protocol

from actors.nodes import State
from actors.outcomes import Outcome, Stopped
from actors.supervision import Restart


class Supervised(Protocol):
    """What has to be known of a member before it is begun."""

    @property
    def name(self) -> str:
        """Its name among its siblings."""
        ...

    @property
    def restart(self) -> Restart: ...

    @property
    def significant(self) -> bool: ...


@dataclass(frozen=True, slots=True)
class MemberSpec:
    """What is known of a part of the runtime."""

    name: str
    restart: Restart
    significant: bool = False


class Member:
    """Something that begins, ends with an outcome, and may begin again.

    Args:
      name: its full name.
      siblings: the brood that it belongs to, which is told of its starts and ends.
      is_kept: whether it was declared, so that it is kept when it has ended, and may be started again.
    """

    __slots__ = (
        "in_a_row",
        "incarnation",
        "is_kept",
        "is_up",
        "is_wanted",
        "name",
        "outcome",
        "restarts",
        "siblings",
        "spec",
        "state",
    )

    def __init__(self, name: str, spec: Supervised, siblings: Any, *, is_kept: bool = False) -> None:
        self.name, self.spec, self.siblings, self.is_kept = name, spec, siblings, is_kept
        self.state: State = "stopped"
        self.is_up = False
        """Whether a life of it goes on."""
        self.is_wanted = True
        """Whether nobody has asked for just its end, so that it may be begun again with others."""
        self.outcome: Outcome | None = None
        """How it has ended last."""
        self.incarnation = self.in_a_row = 0
        self.restarts: list[float] = []
        """When it was restarted, as far as that counts."""

    @property
    def is_alive(self) -> bool:
        """Whether a life of it goes on, or is about to."""
        return self.is_up or self.state == "restarting"

    def __str__(self) -> str:
        return f"actor {self.name!r}"

    def begin(self) -> None:
        """Begin a life."""
        raise NotImplementedError

    def end(self, why: Stopped, *, told: str, drain: str = "current", by: float = math.inf) -> None:
        """Have its life end: see :meth:`runtime.tree.life.Life.end`."""
        raise NotImplementedError

    def hurry(self, by: float) -> None:
        """Let its end take until `by` at most."""

    def pause(self, outcome: Outcome) -> None:
        """Wait to be begun again."""
        self.outcome, self.state = outcome, "restarting"

    def settle(self, outcome: Outcome) -> None:
        """End for good, until somebody begins it again."""
        raise NotImplementedError
