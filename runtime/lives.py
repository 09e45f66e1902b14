"""Lives: an app inside a trio program, over all its restarts."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import trio

from actors.app import App
from actors.loading import check_may_run
from actors.messages import RunEnded
from runtime.shutdown import Haste, longest
from runtime.system import Ended, System, open_runtime


class Lives:
    """An app that runs, and runs again where it asks to be restarted.

    The process belongs to the program around it, and is not replaced: whatever ``restarting`` says, a restart is a ``recall``.
    It is used in one trio thread only.
    """

    def __init__(self, app: App) -> None:
        self.session = app.session
        self.started = trio.Event()
        """Set when the first life has begun, or is not to begin any more."""
        self.failure: Exception | None = None
        """What kept it from starting, or ended it, other than a shutdown."""
        self._app = app
        self._system: System | None = None
        self._listeners: list[Callable[[RunEnded], object]] = []
        self._enough = self._forced = False  # whether it was asked to end for good, and to do so at once
        self._ended = Ended()
        self._over = trio.Event()
        self._shield = trio.CancelScope(shield=True)  # gets its deadline when the end is asked for

    def shut_down(self, *, force: bool = False, reason: str = "shutdown, asked for by the program") -> None:
        """End the app for good and return at once. See :meth:`Session.shut_down`."""
        self._enough, self._forced = True, self._forced or force
        if self._system is not None:
            self._system.shut_down(force=force, reason=reason)

    def on_run_ended(self, listener: Callable[[RunEnded], object]) -> None:
        """Have `listener` called for each run that ends from now on, after its record is in the log, also after a restart."""
        self._listeners.append(listener)
        if self._system is not None:
            self._system.on_run_ended(listener)

    async def wait_ended(self) -> Ended:
        """Wait until the app has ended by itself or was shut down; a restart is no end."""
        await self._over.wait()
        return self._ended

    def leave(self, reason: str, *, force: bool = False) -> None:
        """End the app for good, within the time a shutdown may take; one that goes on already is not hurried but by `force`."""
        self._enough = True
        if force or self._system is None or not self._system.is_ending:
            self.shut_down(force=force, reason=reason)
        seconds = longest(self.session.config.shutdown_wait, Haste.CANCEL if force else Haste.NONE)
        self._shield.deadline = min(self._shield.deadline, trio.current_time() + seconds)

    async def run(self, block: trio.CancelScope) -> None:
        """Run the app until it has ended for good; a cancellation from outside only counts once the app was left too long.

        Args:
          block: is cancelled if the runtime fails.
        """
        try:
            with self._shield:
                while not self._enough:
                    await self._live_once()
            self.started.set()  # also where it was to end before it could
        except Exception as exc:
            self.failure = exc
            block.cancel(reason="the runtime has failed")
        finally:
            self._over.set()

    async def _live_once(self) -> None:
        try:
            async with open_runtime(self._app, before_start=self._connect) as system:
                self.started.set()
                self._ended = await system.wait_ended()
                if self._ended.stuck or not self._ended.restart:
                    self._enough = True
                if self._ended.stuck:
                    self._over.set()  # now, since that holds up the end of the block
            self._ended = system.ended  # by now it is known what of the records is lost
        finally:
            self._system = None

    def _connect(self, system: System) -> None:
        self._system = system
        for listener in self._listeners:
            system.on_run_ended(listener)
        if self._enough:  # it was asked to end before it has started
            system.shut_down(force=self._forced)


@asynccontextmanager
async def open_lives(app: App, before_start: Callable[[Lives], object] = lambda _: None) -> AsyncIterator[Lives]:
    """Run `app` beside the block, in a task of its own; leaving the block, also by a cancellation, shuts it down in order.

    A cancellation that comes while the shutdown is waited for ends it at once. A run that ignores its cancellation holds up
    the end of the block, as it would that of any nursery.

    Args:
      before_start: called with the value of the block before the app starts; through it the start can be ended, too.

    Raises:
      Exception: what kept the app from starting, as :func:`open_runtime` says; what the block raised, as it is; or a
        failure of the runtime, which also cancels the block.
    """
    check_may_run()
    lives = Lives(app)
    before_start(lives)
    failure: Exception | None = None
    async with trio.open_nursery() as nursery:
        nursery.start_soon(lives.run, nursery.cancel_scope)
        try:
            await lives.started.wait()
            yield lives
        except Exception as exc:
            failure = exc  # raised below: out of here it would come wrapped in a group
        finally:
            lives.leave("shutdown, as its block was left")
        try:
            await lives.wait_ended()
        except trio.Cancelled:
            lives.leave("shutdown, as its block was cancelled", force=True)
            raise
    if (failure := lives.failure or failure) is not None:
        raise failure
