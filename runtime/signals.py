"""Signals: SIGINT and SIGTERM end the runtime in order, a second one ends what runs, a third kills it."""

from __future__ import annotations

import _thread
import logging
import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

import trio

from actors.session import Session
from runtime.logs import runtime_log
from runtime.shutdown import EXIT_CUT_SHORT, Haste, longest
from runtime.signal_mask import blocked

_MARGIN = 0.2
"""Seconds beyond the longest shutdown, after which the process exits without it."""


class Signals:
    """The signals that came, and who is told of them. Made in the trio thread.

    Args:
      session: that of the app, which says how long a shutdown may take, and whose tasks run.
    """

    def __init__(self, session: Session) -> None:
        self._token = trio.lowlevel.current_trio_token()
        self._session = session
        self._came: list[signal.Signals] = []
        self._shut_down: Callable[[int, str], object] | None = None
        self._told = 0
        self.ended = threading.Event()

    def connect(self, shut_down: Callable[[int, str], object]) -> None:
        """Have ``shut_down(count, reason)`` called, in the trio thread, for each signal, also for those that came before.

        `count` is 1 for the first.
        """
        self._shut_down = shut_down
        self._tell()

    def receive(self, number: int, _: FrameType | None) -> None:
        """Handle a signal: called between any two steps of the main thread, so it only takes note.

        That thread may hold any lock, also those of :mod:`threading`, when the next signal comes: so none of these is taken.
        """
        self._came.append(signal.Signals(number))
        self._token.run_sync_soon(self._tell)
        if len(self._came) <= len(Haste):
            seconds = longest(self._session.config.shutdown_wait, Haste(len(self._came) - 1)) + _MARGIN
            with blocked():
                _thread.start_new_thread(self._exit_unless_ended, (seconds,))

    def _tell(self) -> None:
        while self._shut_down is not None and self._told < len(self._came):
            self._told += 1
            self._shut_down(self._told, f"shutdown by {self._came[0].name}")

    def _exit_unless_ended(self, seconds: float) -> None:
        if not self.ended.wait(min(seconds, threading.TIMEOUT_MAX)):
            names = ", ".join(repr(task.name) for task in self._session.tasks if task.is_running) or "(none)"
            told = "something holds up the end: exiting at once; runs of these tasks go on: %s"
            runtime_log.tell(logging.ERROR, told, names)
            os._exit(EXIT_CUT_SHORT)


@contextmanager
def handled(session: Session, *, until_exit: bool = False) -> Iterator[Signals]:
    """Handle SIGINT and SIGTERM inside the block, through what the value is connected to.

    A function that blocks the loop would keep a shutdown waiting. So from the first signal on a thread watches: if the block
    has not ended when it should have, the process exits, and with it, by their lifelines, all workers.
    In another thread than the main one, where signals cannot be handled, none come. The handlers are put back as they were.

    Args:
      session: that of the app.
      until_exit: whether the process ends when the block has: the thread then watches that, too, which a thread that a task has
        left behind may hold up.
    """
    signals = Signals(session)
    before = {}
    if threading.current_thread() is threading.main_thread():
        before = {number: signal.signal(number, signals.receive) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield signals
    finally:
        for number, handler in before.items():
            signal.signal(number, handler if handler is not None else signal.SIG_DFL)  # None: it was not Python that set it
        if not until_exit:
            signals.ended.set()
