"""Asyncio loops beside trio, for functions that are written for asyncio."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from typing import Any

import anyio
import trio

from actors.errors import RunAbandoned
from actors.termination import current_cleanup
from runtime.daemon_threads import DaemonThreads
from runtime.left_behind import LeftBehind
from runtime.logs import runtime_log
from runtime.masked import masked_by
from runtime.runners import Call
from runtime.runners.bells import Bells
from runtime.runners.outside import CANCELLED, Answer, Outside, Place
from runtime.stopping import Patience
from runtime.tracebacks import stack_of

_TO_BEGIN = 10.0


class AsyncioLoop:
    """Runs what is awaited on an asyncio loop in a daemon thread, begun at first use, and anew where one was blocked or broken.

    Not anyio's blocking portal: that waits, in the calling thread, until the loop has taken a call, and so a function that
    blocks the asyncio loop would block trio too. The cancellation is anyio's: a cancelled function is cancelled at each await.
    """

    def __init__(self, patience: Patience, left_behind: LeftBehind) -> None:
        self._patience, self._left_behind, self._bells = patience, left_behind, Bells()
        self._beginning = trio.Lock()
        self._current: _Loop | None = None

    async def run(self, call: Call, awaited: Awaitable[Any]) -> Any:
        """Await on the loop what the function of `call` has returned, as :meth:`Runner.run` promises."""
        try:
            loop = await self._ready()
        except BaseException:
            _discard(awaited)
            raise
        work = _Work(awaited, call.cleanup)
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

    async def _ready(self) -> _Loop:
        async with self._beginning:
            if self._current is None or self._current.is_over:
                self._current = await _Loop.begin()
            return self._current

    async def close(self, seconds: float = 1.0) -> None:
        """End the loop; one that is blocked by a function is left behind after so many seconds."""
        self._bells.close()
        if self._current is not None:
            await self._current.end(seconds)


class _Loop:
    """One asyncio loop in its thread."""

    def __init__(self) -> None:
        self._token = trio.lowlevel.current_trio_token()
        self._begun = trio.Event()
        self._ended = trio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._enough: asyncio.Event
        self._main: asyncio.Task[Any]
        self._posting = threading.Lock()  # held while work is added, and while the thread sees what it leaves undone
        self._undelivered: dict[_Work, Callable[[Answer], None]] = {}
        self._tasks: set[asyncio.Task[None]] = set()  # asyncio itself keeps no hold of its tasks
        self._retired = False
        self.is_over = False
        self.thread = threading.Thread(target=self._live, name="callsheet asyncio", daemon=True)

    @classmethod
    async def begin(cls) -> _Loop:
        """Return a new loop that runs."""
        loop = cls()
        loop.thread.start()
        with trio.CancelScope(deadline=trio.current_time() + _TO_BEGIN, shield=True):  # one half begun could not be ended
            await loop._begun.wait()
        if loop._loop is None:
            raise RuntimeError(f"an asyncio loop did not begin within {_TO_BEGIN:g} s")
        return loop

    def post(self, work: _Work, deliver: Callable[[Answer], None]) -> None:
        """Have `work` done, and its answer delivered, exactly once, from whatever thread."""
        with self._posting:
            if not self.is_over:
                self._undelivered[work] = deliver
                self._call_soon(self._spawn, work)
                return
        deliver(_BROKEN)

    def cancel(self, work: _Work) -> bool:
        """Cancel `work`, also if it has not begun."""
        self._call_soon(work.cancel)
        return True

    def retire(self) -> None:
        """End the loop when all that runs on it has ended, without waiting for that."""
        self._retired = True
        self._call_soon(self._end_if_retired)

    async def end(self, seconds: float) -> None:
        """End the loop, or leave it behind after so many seconds."""
        self._call_soon(self._enough.set)
        with trio.CancelScope(deadline=trio.current_time() + seconds, shield=True):
            await self._ended.wait()
        if not self._ended.is_set():
            runtime_log.tell(logging.WARNING, "an asyncio loop is blocked by a function, and left behind")

    def _call_soon(self, function: Callable[..., object], *args: object) -> None:
        if self._loop is not None:
            with suppress(RuntimeError):  # it is closed: something in it has stopped it
                self._loop.call_soon_threadsafe(function, *args)

    def _live(self) -> None:
        try:
            anyio.run(self._serve, backend="asyncio")
        except BaseException as exc:  # such as the SystemExit of a task that a function has begun in it
            runtime_log.tell(logging.ERROR, "an asyncio loop was ended from inside by %r", exc)
        with self._posting:
            self.is_over = True
            left, self._undelivered = self._undelivered, {}
        for deliver in left.values():
            deliver(_BROKEN)
        with suppress(trio.RunFinishedError):  # it was left behind
            self._token.run_sync_soon(self._ended.set)

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        main = asyncio.current_task()
        assert main is not None
        self._main = main
        self._loop.set_default_executor(DaemonThreads())
        self._enough = asyncio.Event()
        with suppress(trio.RunFinishedError):  # it took too long, and nobody waits for it any more
            self._token.run_sync_soon(self._begun.set)
        await self._enough.wait()

    def _spawn(self, work: _Work) -> None:
        task = asyncio.get_running_loop().create_task(self._do(work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _do(self, work: _Work) -> None:
        answer = CANCELLED
        try:
            answer = await work.done()
        finally:
            if not self._is_torn_down():  # else it is delivered once the loop is over, so that what comes next begins another
                with self._posting:
                    deliver = self._undelivered.pop(work)
                deliver(answer)
                self._end_if_retired()
            del answer  # the frames of its error refer to this one, in Python 3.13

    def _end_if_retired(self) -> None:
        if self._retired and not self._undelivered:
            self._enough.set()

    def _is_torn_down(self) -> bool:
        """Return whether asyncio is ending the loop: it then cancels all tasks at once, ours among them."""
        return self._main.done() or self._main.cancelling() > 0


_BROKEN = Answer(error=RuntimeError("the asyncio loop that ran this was ended by another function in it"))


class _Work:
    """One thing to await; used only in the thread of its loop."""

    def __init__(self, awaited: Awaitable[Any], cleanup: float) -> None:
        self._awaited, self._cleanup = awaited, cleanup
        self._scope: anyio.CancelScope | None = None
        self._cancelled = False

    def cancel(self) -> None:
        """Cancel it, also if it has not begun."""
        self._cancelled = True
        if self._scope is not None:
            self._scope.cancel()

    async def done(self) -> Answer:
        """Await it and return what comes of it; raises only what asyncio must know."""
        if self._cancelled:
            _discard(self._awaited)
            return CANCELLED
        current_cleanup.set(lambda: anyio.move_on_after(self._cleanup, shield=True))
        answer = CANCELLED
        try:
            with anyio.CancelScope() as self._scope:
                try:
                    answer = Answer(await self._awaited)
                except asyncio.CancelledError as exc:
                    answer = self._answer_to(exc)
                    if self._cancelled:
                        raise
                except BaseException as exc:  # a SystemExit would end the loop for all
                    answer = Answer(error=exc)
            return answer
        finally:
            del answer  # its error refers to this frame, and only the garbage collector would find that out

    def _answer_to(self, cancellation: asyncio.CancelledError) -> Answer:
        masked = masked_by(cancellation, asyncio.CancelledError) if self._cancelled else cancellation
        return CANCELLED if masked is None else Answer(error=masked)


def _discard(awaited: Awaitable[Any]) -> None:
    """Give up what was never awaited, so that Python does not complain of that."""
    if isinstance(awaited, Coroutine):
        awaited.close()
