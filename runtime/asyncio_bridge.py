"""Bridge: an app in a thread of its own, as an asyncio program sees it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from concurrent.futures import Future
from contextlib import asynccontextmanager, suppress
from typing import Any

import anyio

from actors.app import App
from actors.messages import RunEnded
from runtime.runtime_thread import RuntimeThread
from runtime.shutdown import Haste, longest
from runtime.system import Ended


class Bridge:
    """A running app in a thread of its own, used from the loop it was made in."""

    def __init__(self, thread: RuntimeThread) -> None:
        self.session = thread.session
        self._thread = thread
        self._loop = asyncio.get_running_loop()

    def shut_down(self, *, force: bool = False) -> None:
        """End the app for good and return at once. See :meth:`Session.shut_down`."""
        self._thread.shut_down(force=force)

    def on_run_ended(self, listener: Callable[[RunEnded], object]) -> None:
        """Have `listener` called, on the loop, for each run that ends from now on, after its record is in the log."""
        self._thread.on_run_ended(lambda ended: _post(self._loop, listener, ended))

    async def wait_ended(self) -> Ended:
        """Wait until the app has ended by itself or was shut down; a restart is no end. A cancellation ends the wait only.

        Raises:
          Exception: the runtime has failed, by this.
        """
        await _done(self._thread.ended)
        return self._thread.ended.result()


@asynccontextmanager
async def open_bridge(app: App) -> AsyncIterator[Bridge]:
    """Run `app` in a thread beside the block; leaving the block, also by a cancellation, shuts it down in order.

    The loop is not blocked meanwhile. A cancellation that comes while the end is waited for ends the app at once, and is
    raised when that has happened; a further one is raised right away. What does not end in time is left behind.

    Raises:
      Exception: what kept the app from starting, as :func:`open_runtime` says; or a failure of the runtime.
    """
    thread = RuntimeThread(app)
    thread.begin()
    try:
        await _done(thread.started)
        thread.started.result()
        yield Bridge(thread)
    finally:
        await _leave(thread)
    if thread.ended.done():
        thread.ended.result()


async def _leave(thread: RuntimeThread) -> None:
    """Shut the app down, and wait for its end as long as that may take."""
    thread.leave("shutdown, as its block was left")
    try:
        await _wait_or_give_up(thread, thread.patience)
    except asyncio.CancelledError:
        thread.shut_down(force=True)
        await _wait_or_give_up(thread, longest(0.0, Haste.CANCEL))
        raise


async def _wait_or_give_up(thread: RuntimeThread, seconds: float) -> None:
    with anyio.move_on_after(seconds, shield=True):  # from scopes of anyio, which cancel again at each await
        await _done(thread.ended)
    if not thread.ended.done():
        thread.give_up()


async def _done(future: Future[Any]) -> None:
    """Wait until `future`, of another thread, is done. What becomes of the wait does not touch it."""
    loop, done = asyncio.get_running_loop(), asyncio.Event()
    future.add_done_callback(lambda _: _post(loop, done.set))
    await done.wait()


def _post(loop: asyncio.AbstractEventLoop, function: Callable[..., object], *args: object) -> None:
    with suppress(RuntimeError):  # the loop is closed: nobody is left to hear it
        loop.call_soon_threadsafe(function, *args)
