"""Waits: the requests of a worker that take their time, each awaited in a task of its own."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import suppress

import trio

from actors.errors import TaskTerminationException
from actors.pickled import Piece
from runtime.runners.actor_service import ActorService
from runtime.runners.replies import refused, replied
from runtime.worker.parcels import Parcel
from runtime.worker.protocol import Request


class Waits:
    """What the function of one run waits for.

    Args:
      nursery: where that goes on; it ends soon after the run, as it is withdrawn then.
      service: does it.
    """

    def __init__(self, nursery: trio.Nursery, service: ActorService) -> None:
        self._nursery, self.service = nursery, service
        self._scopes: dict[int, trio.CancelScope] = {}  # {number of a request that is not answered: what withdraws it}

    def begin(self, request: Request, given: Sequence[Parcel], send: Callable[[list[Piece]], Awaitable[None]]) -> None:
        """Await what is requested, and reply to it then, by `send`."""
        self._scopes[request.number] = scope = trio.CancelScope()
        self._nursery.start_soon(self._attend, request, given, send, scope)

    def withdraw(self, numbers: Iterable[int]) -> None:
        """Have requests answered with an error, if they are not answered yet."""
        for number in numbers:
            if number in self._scopes:
                self._scopes[number].cancel()

    def end(self) -> None:
        """Withdraw all: nobody waits any more."""
        self.withdraw(self._scopes)

    async def _attend(
        self,
        request: Request,
        given: Sequence[Parcel],
        send: Callable[[list[Piece]], Awaitable[None]],
        scope: trio.CancelScope,
    ) -> None:
        frame: list[Piece] | None = None
        with scope:
            frame = await self._outcome(request, given)
        if frame is None:  # it was withdrawn
            frame = refused(request.number, TaskTerminationException("asked to end while it waited for an actor"))
        del self._scopes[request.number]
        with suppress(OSError, trio.ClosedResourceError):  # the process is gone, or the end of its run has cut the connection
            await send(frame)

    async def _outcome(self, request: Request, given: Sequence[Parcel]) -> list[Piece]:
        try:
            value, found = await self.service.awaited(request, given)
            return replied(request.number, value, found)
        except Exception as exc:
            return refused(request.number, exc)
