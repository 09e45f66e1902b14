"""Asyncio loops beside trio, for functions that are written for asyncio."""

from __future__ import annotations

from collections.abc import Awaitable, Coroutine
from typing import TYPE_CHECKING, Any

import trio

from actors.errors import RunAbandoned
from runtime.left_behind import LeftBehind
from runtime.runners import Call
from runtime.runners.bells import Bells
from runtime.runners.outside import Outside, Place
from runtime.stopping import Patience
from runtime.tracebacks import stack_of

if TYPE_CHECKING:
    from runtime.runners.asyncio_thread import Loop


class AsyncioLoop:
    """Runs what is awaited on an asyncio loop in a daemon thread, begun at first use, and anew where one was blocked or broken.

    Not anyio's blocking portal: that waits, in the calling thread, until the loop has taken a call, and so a function that
    blocks the asyncio loop would block trio too. The cancellation is anyio's: a cancelled function is cancelled at each await.
    """

    def __init__(self, patience: Patience, left_behind: LeftBehind) -> None:
        self._patience, self._left_behind, self._bells = patience, left_behind, Bells()
        self._beginning = trio.Lock()
        self._current: Loop | None = None

    async def run(self, call: Call, awaited: Awaitable[Any]) -> Any:
        """Await on the loop what the function of `call` has returned, as :meth:`Runner.run` promises."""
        try:
            loop = await self._ready()
        except BaseException:
            discard(awaited)
            raise
        work = loop.work(awaited, call.cleanup)
        place = Place(
            "asyncio function",
            lambda deliver: loop.post(work, deliver),
            call.ask,
            lambda: loop.cancel(work),
            lambda: stack_of(loop.thread.ident, awaited),
        )
        try:
            return await Outside(place, call, self._patience, self._left_behind, self._bells).answer()
        except RunAbandoned:
            if self._current is loop:  # it is blocked: what comes next gets another
                self._current = None
                loop.retire()
            raise

    async def _ready(self) -> Loop:
        async with self._beginning:
            if self._current is None or self._current.is_over:
                from runtime.runners.asyncio_thread import Loop  # asyncio and anyio take 20 ms to import

                self._current = await Loop.begin()
            return self._current

    async def close(self, seconds: float = 1.0) -> None:
        """End the loop; one that is blocked by a function is left behind after so many seconds."""
        self._bells.close()
        if self._current is not None:
            await self._current.end(seconds)


def discard(awaited: Awaitable[Any]) -> None:
    """Give up what was never awaited, so that Python does not complain of that."""
    if isinstance(awaited, Coroutine):
        awaited.close()
