"""One asyncio loop in a thread, and what is awaited on it. Loaded by the first function that needs asyncio."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

import anyio
import trio

from actors.termination import current_cleanup
from runtime.daemon_threads import DaemonThreads
from runtime.logs import runtime_log
from runtime.masked import masked_by
from runtime.runners.asyncio_loop import discard
from runtime.runners.outside import CANCELLED, Answer

_TO_BEGIN = 10.0


class Loop:
    """One asyncio loop in its thread."""

    def __init__(self) -> None:
        self._token = trio.lowlevel.current_trio_token()
        self._begun = trio.Event()
        self._ended = trio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._enough: asyncio.Event
        self._main: asyncio.Task[Any]
        self._posting = threading.Lock()  # held while work is added, and while the thread sees what it leaves undone
        self._undelivered: dict[Work, Callable[[Answer], None]] = {}
        self._tasks: set[asyncio.Task[None]] = set()  # asyncio itself keeps no hold of its tasks
        self._retired = False
        self.is_over = False
        self.thread = threading.Thread(target=self._live, name="callsheet asyncio", daemon=True)

    @classmethod
    async def begin(cls) -> Loop:
        """Return a new loop that runs."""
        loop = cls()
        loop.thread.start()
        with trio.CancelScope(deadline=trio.current_time() + _TO_BEGIN, shield=True):  # one half begun could not be ended
            await loop._begun.wait()
        if loop._loop is None:
            raise RuntimeError(f"an asyncio loop did not begin within {_TO_BEGIN:g} s")
        return loop

    def work(self, awaited: Awaitable[Any], cleanup: float) -> Work:
        """Return what it is to do: await that, and once it is cancelled give it so many seconds to clean up where it asks."""
        return Work(awaited, cleanup)

    def post(self, work: Work, deliver: Callable[[Answer], None]) -> None:
        """Have `work` done, and its answer delivered, exactly once, from whatever thread."""
        with self._posting:
            if not self.is_over:
                self._undelivered[work] = deliver
                self._call_soon(self._spawn, work)
                return
        deliver(_BROKEN)

    def cancel(self, work: Work) -> bool:
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

    def _spawn(self, work: Work) -> None:
        task = asyncio.get_running_loop().create_task(self._do(work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _do(self, work: Work) -> None:
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


class Work:
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
            discard(self._awaited)
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
