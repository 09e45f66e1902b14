"""Inline: in the scheduler's own thread. The runner of ``main`` and ``async``, which differ in what may start meanwhile."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Coroutine, Generator
from types import CoroutineType, coroutine
from typing import Any

import trio

from actors.errors import AsyncioNeeded
from actors.termination import current_cleanup
from runtime.masked import raise_masked
from runtime.runners import Call
from runtime.runners.asyncio_loop import AsyncioLoop
from runtime.stopping import Patience


class InlineRunner:
    """Calls functions where the scheduler runs: sync ones block it, async ones are awaited, on trio or on an asyncio loop."""

    def __init__(self, asyncio_loop: AsyncioLoop, patience: Patience) -> None:
        self._asyncio_loop, self._patience = asyncio_loop, patience

    async def run(self, call: Call, scope: trio.CancelScope) -> Any:
        result = call.function(**call.kwargs) if call.circumstances is None else call.invoke()
        if result is None or not (isinstance(result, CoroutineType) or inspect.isawaitable(result)):
            return result
        call.awaited = result
        with scope:
            if call.backend == "asyncio":
                return await self._asyncio_loop.run(call, result)
            current_cleanup.set(lambda: self._patience.allow(call.cleanup))
            try:
                return await (_on_trio(result) if isinstance(result, CoroutineType) else result)
            except (trio.Cancelled, BaseExceptionGroup) as exc:
                raise_masked(exc, trio.Cancelled)
                raise


@coroutine
def _on_trio(work: Coroutine[Any, Any, Any]) -> Generator[Any, Any, Any]:
    """Drive `work` on trio, and refuse what only asyncio understands at the line that awaits it.

    Trio ends a task that yields what it does not know without giving it another word, so that the run could not be recorded.
    """
    resume: Callable[[Any], Any] = work.send
    value: Any = None
    while True:
        try:
            trap = resume(value)
        except StopIteration as stop:
            return stop.value
        finally:
            value = None  # an exception that comes out again refers to this frame: nothing but the garbage collector would see
        if not getattr(trap, "__module__", "").startswith("trio."):
            resume, value = work.throw, AsyncioNeeded(type(trap).__qualname__ if trap is not None else "asyncio.sleep(0)")
            continue
        try:
            resume, value = work.send, (yield trap)
        except BaseException as exc:  # among them Cancelled: it is thrown on, into the function, which is where it belongs
            resume, value = work.throw, exc
