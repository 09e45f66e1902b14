"""Part: something of the runtime's own that goes on beside the actors, and is restarted by the same rules."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Protocol

import trio

from actors.outcomes import Completed, Failed, Outcome
from actors.supervision import Restart
from runtime.tree.member import Member, MemberSpec

if TYPE_CHECKING:
    from runtime.tree.brood import Brood

RESTART = Restart.transient(limit=5, window=60, backoff=0)
"""What fails more often than this is broken, and with it the runtime."""


class Body(Protocol):
    """What a part does: it says when it is ready, and goes on until it is told to end by whoever has made it."""

    def __call__(self, *, task_status: trio.TaskStatus[None]) -> Awaitable[None]: ...


class Part(Member):
    """One part. It lives in a nursery of whoever has made it, and is cancelled with that.

    Args:
      body: is called anew for each life; what it raises is a failure.
    """

    __slots__ = ("_body", "_nursery")

    def __init__(self, name: str, body: Body, nursery: trio.Nursery, siblings: Brood[Part]) -> None:
        super().__init__(name, MemberSpec(name, RESTART), siblings)
        self._body, self._nursery = body, nursery

    def begin(self) -> None:
        self.incarnation += 1
        self.state, self.is_up = "starting", True
        self._nursery.start_soon(self._live, name=self.name)

    def settle(self, outcome: Outcome) -> None:
        self.outcome, self.state = outcome, "completed" if isinstance(outcome, Completed) else "failed"
        self.siblings.forget(self)

    async def _live(self) -> None:
        began = trio.current_time()
        try:
            await self._body(task_status=_Readiness(self._started))
            outcome: Outcome = Completed()
        except Exception as exc:
            outcome = Failed(exc)
        has_started, self.is_up = self.state != "starting", False
        healthy = trio.current_time() - began
        self.siblings.ended(self, outcome, None, has_started=has_started, healthy=healthy)

    def _started(self) -> None:
        self.state = "running"
        self.siblings.started(self)


class _Readiness:
    """Takes the word that a part is ready."""

    def __init__(self, ready: Callable[[], None]) -> None:
        self._ready = ready

    def started(self, _: object = None) -> None:
        self._ready()
