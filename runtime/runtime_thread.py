"""RuntimeThread: an app in a thread of its own, beside whatever the program does."""

from __future__ import annotations

import atexit
import contextvars
import logging
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, wait
from contextlib import suppress
from types import TracebackType
from typing import Self

import trio

from actors.app import App
from actors.loading import check_may_run
from actors.messages import RunEnded
from runtime.in_trio import Door, door_of_trio
from runtime.lives import Lives, open_lives
from runtime.logs import runtime_log
from runtime.shutdown import longest
from runtime.stopping import LAST_MARGIN
from runtime.system import Ended


class RuntimeThread:
    """A running app in a daemon thread; as a context manager, it is stopped when the block is left.

    The end of the main program stops it too, in order and within the time a shutdown may take, so that it never holds up the
    exit. All methods may be called from any thread. In a process forked from this one, it does not run.
    """

    def __init__(self, app: App) -> None:
        check_may_run()
        self.session = app.session
        self.started: Future[None] = Future()
        """Done when the app has started, or could not."""
        self.ended: Future[Ended] = Future()
        """Done when the app has ended for good, or what is left of it was given up."""
        self._app = app
        self._lives: Lives
        self._door: Door | None = None
        self._asks: deque[Callable[[Lives], object]] = deque()
        live = contextvars.copy_context().run  # tasks see the context variables of who starts the app, as inside trio
        self._thread = threading.Thread(target=live, args=(self._live,), name="callsheet runtime", daemon=True)

    @property
    def is_running(self) -> bool:
        """Whether the app runs, or ends just now."""
        return self._thread.is_alive() and not self.ended.done()

    def shut_down(self, *, force: bool = False) -> None:
        """End the app and return at once: runs get ``shutdown_wait`` to finish, then they are ended.

        A second call, or ``force=True``, ends them without that time. Where the app has ended already, nothing happens.
        """
        self._tell(lambda lives: lives.shut_down(force=force))

    def wait(self, timeout: float | None = None) -> Ended | None:
        """Wait until the app has ended by itself or was shut down, and return how; a restart is no end.

        Args:
          timeout: seconds after which None is returned; None waits as long as it takes.

        Raises:
          RuntimeError: called by a task that runs in the runtime's own thread, which would wait for itself.
          Exception: the runtime has failed, by this.
        """
        return self.ended.result() if self._is_over_within(timeout) else None

    def stop(self, timeout: float | None = None) -> Ended | None:
        """Shut the app down and wait for its end. A shutdown that goes on already is not hurried.

        What does not end in time, since a function blocks the thread, is left behind, with an error in the log that names the
        tasks that still run. A KeyboardInterrupt meanwhile is let through, and what goes on is ended without more time.

        Args:
          timeout: seconds after which None is returned; None is the longest that a shutdown may take.

        Raises:
          RuntimeError, Exception: as :meth:`wait` does.
        """
        self.leave("shutdown, as its thread was stopped")
        try:
            ended = self.wait(self.patience if timeout is None else timeout)
            if ended is None and self.is_running:
                self.give_up()
        except KeyboardInterrupt:
            self.shut_down(force=True)
            raise
        return ended

    @property
    def patience(self) -> float:
        """The longest that a shutdown may take, in seconds."""
        return longest(self.session.config.shutdown_wait) + LAST_MARGIN

    def on_run_ended(self, listener: Callable[[RunEnded], object]) -> None:
        """Have `listener` called, in the runtime's thread, for each run that ends from now on, after its record is in the log."""
        self._tell(lambda lives: lives.on_run_ended(listener))

    def begin(self) -> None:
        """Begin to start the app, without waiting for that; ``started`` tells."""
        atexit.register(self._stop_at_exit)  # before, since the thread takes it back when it ends
        self._thread.start()

    def leave(self, reason: str) -> None:
        """Shut the app down unless that goes on already, and return at once."""
        self._tell(lambda lives: lives.leave(reason))

    def give_up(self) -> None:
        """Wait no longer for the end of the app, also not when the program exits."""
        atexit.unregister(self._stop_at_exit)
        names = ", ".join(repr(task.name) for task in self.session if task.is_running) or "(none)"
        told = "the runtime does not end; its thread is left behind, with runs of these tasks: %s"
        runtime_log.tell(logging.ERROR, told, names)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.stop()

    def _tell(self, ask: Callable[[Lives], object]) -> None:
        """Ask for something in the runtime's thread; where it has ended, drop it."""
        if not self.is_running:
            return
        self._asks.append(ask)
        if self._door is not None:  # else it is heard as soon as there is one
            with suppress(trio.RunFinishedError):
                self._door.post(self._hear)

    def _hear(self) -> None:
        while self._asks:
            self._asks.popleft()(self._lives)

    def _is_over_within(self, seconds: float | None) -> bool:
        if threading.current_thread() is self._thread:
            raise RuntimeError("a task in the runtime's own thread would wait for itself: use shut_down(), or execution='thread'")
        if self._thread.is_alive():  # else it has ended, or is that of the process this one was forked from
            wait([self.ended], None if seconds is None else min(seconds, threading.TIMEOUT_MAX))
        return self.ended.done()

    def _stop_at_exit(self) -> None:
        self.leave("shutdown, as the program ends")
        if not self._is_over_within(self.patience) and self.is_running:
            self.give_up()

    def _live(self) -> None:
        try:
            ended = trio.run(self._host)
            if not self.ended.done():
                self.ended.set_result(ended)
        except BaseException as exc:  # also a KeyboardInterrupt that a task has raised: it is for those who wait
            self._fail(exc)
        atexit.unregister(self._stop_at_exit)

    async def _host(self) -> Ended:
        async with open_lives(self._app, self._serve) as lives:
            self.started.set_result(None)
            ended = await lives.wait_ended()
            if ended.stuck:  # to be waited for by this thread, but by nobody else
                told = "the thread of the runtime is left behind, with the runs that ignore their cancellation: %d"
                runtime_log.tell(logging.ERROR, told, ended.stuck)
                self.ended.set_result(ended)
        return ended

    def _serve(self, lives: Lives) -> None:
        """Do what was asked for, and from now on what is, also while the app starts."""
        self._lives, self._door = lives, door_of_trio()
        self._hear()

    def _fail(self, error: BaseException) -> None:
        has_started = self.started.done()
        if has_started:
            runtime_log.tell(logging.ERROR, "the runtime has failed", exc_info=True)
        if not self.ended.done():
            self.ended.set_exception(error)
        if not has_started:
            self.started.set_exception(error)


def start_in_thread(app: App) -> RuntimeThread:
    """Run `app` in a thread of its own, and return once it has started.

    Raises:
      AlreadyRunning, InvalidOption, LogLocked, LogUnusable: as :func:`open_runtime` says; nothing was started.
    """
    thread = RuntimeThread(app)
    try:
        thread.begin()
        thread.started.result()
    except BaseException:  # above all a KeyboardInterrupt: nobody would have the thread in hand
        thread.shut_down(force=True)
        raise
    return thread
