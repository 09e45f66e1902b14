"""Parts: what of the runtime itself goes on beside the actors, restarted by the same rules."""

from __future__ import annotations

import itertools
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

import trio

from actors.nodes import Node
from actors.outcomes import Completed, Failed, GaveUp, Outcome
from actors.spec import Supervisor
from actors.supervision import Restart
from runtime.tree.brood import Brood
from runtime.tree.member import Member, MemberSpec

if TYPE_CHECKING:
    from runtime.tree.tree import Tree

LIMIT, WINDOW = 20, 60.0
"""What fails more often than this within so many seconds, all together, is broken, and with it the runtime."""
LIMIT_OF_ONE = 3
"""What fails more often by itself is."""


class Parts(Brood["Part"]):
    """The parts of one runtime. They are not stopped from here, but told to end, or cancelled, by whoever has begun them.

    Args:
      failed: is told of the error by which the runtime has failed, as restarts did not help.
    """

    def __init__(self, tree: Tree, failed: Callable[[Exception], object]) -> None:
        super().__init__(tree, "the runtime", Supervisor(limit=LIMIT, window=WINDOW), lambda outcome: failed(_error_of(outcome)))
        self._restart = Restart.transient(limit=LIMIT_OF_ONE, window=WINDOW, backoff=0)
        self._numbers = itertools.count()

    def begin(
        self, name: str, body: Callable[[], Awaitable[None]], nursery: trio.Nursery, *, is_of_runtime: bool = False
    ) -> Part:
        """Begin a part, which is cancelled with the nursery it is in.

        Args:
          is_of_runtime: whether it belongs to no task.
          body: is called anew after each failure; a part that returns is over.
        """
        spec = MemberSpec(f"{name} {next(self._numbers)}", self._restart)
        part = Part(name, spec, self, body, nursery, is_of_runtime=is_of_runtime)
        self.launch(part)
        return part


class Part(Member):
    """One part."""

    __slots__ = ("_body", "_nursery", "is_of_runtime")

    siblings: Parts

    def __init__(
        self,
        name: str,
        spec: MemberSpec,
        siblings: Parts,
        body: Callable[[], Awaitable[None]],
        nursery: trio.Nursery,
        *,
        is_of_runtime: bool,
    ) -> None:
        super().__init__(name, spec, siblings)
        self.is_of_runtime = is_of_runtime
        self._body, self._nursery = body, nursery

    def node(self, name: str) -> Node:
        """Return it as it is now. From any thread."""
        outcome = str(self.outcome) if self.outcome is not None else None
        return Node(name=name, kind="part", state=self.state, incarnation=self.incarnation, outcome=outcome)

    def __str__(self) -> str:
        return f"the part {self.name!r} of the runtime" if self.is_of_runtime else f"the actor of {self.name}"

    def begin(self) -> None:
        self.incarnation += 1
        self.state, self.is_up = "running", True
        self._nursery.start_soon(self._live, name=self.name)

    def settle(self, outcome: Outcome) -> None:
        self.outcome, self.state = outcome, "completed" if isinstance(outcome, Completed) else "failed"
        self.siblings.forget(self)

    async def _live(self) -> None:
        began, outcome = trio.current_time(), Outcome()
        try:
            await self._body()
            outcome = Completed()
        except Exception as exc:
            outcome = Failed(exc)
        self.is_up = False
        self.siblings.ended(self, outcome, None, has_started=True, healthy=trio.current_time() - began)


def _error_of(outcome: GaveUp) -> Exception:
    return outcome.errors[-1] if outcome.errors else RuntimeError(outcome.reason)
