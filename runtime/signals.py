"""Signals: SIGINT and SIGTERM end the runtime in order, a second one at once."""

from __future__ import annotations

import logging
import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

import trio

from runtime.logs import runtime_log
from runtime.stopping import LAST_GRACE, LAST_MARGIN

EXIT_CUT_SHORT = 3
AT_ONCE = 2
"""The signal, counted from 1, that gives runs no more time."""


class Signals:
    """The signals that came, and who is told of them. Made in the trio thread.

    Args:
      budget: tells how many seconds a shutdown may take that is not forced; one that comes before the runtime has started, too.
    """

    def __init__(self, budget: Callable[[], float]) -> None:
        self._token = trio.lowlevel.current_trio_token()
        self._came: list[signal.Signals] = []
        self._shut_down: Callable[[bool, str], None] | None = None
        self._budget = budget
        self._told = 0
        self.ended = threading.Event()

    def connect(self, shut_down: Callable[[bool, str], None]) -> None:
        """Have ``shut_down(force, reason)`` called, in the trio thread, for each signal, also for those that came before."""
        self._shut_down = shut_down
        self._tell()

    def receive(self, number: int, _: FrameType | None) -> None:
        """Handle a signal: called between any two steps of the main thread, so it only takes note."""
        self._came.append(signal.Signals(number))
        self._token.run_sync_soon(self._tell)
        if len(self._came) <= AT_ONCE:
            seconds = self._budget() if len(self._came) < AT_ONCE else LAST_GRACE + LAST_MARGIN
            threading.Thread(target=self._exit_unless_ended, args=(seconds + LAST_MARGIN,), daemon=True).start()

    def _tell(self) -> None:
        while self._shut_down is not None and self._told < len(self._came):
            self._told += 1
            self._shut_down(self._told >= AT_ONCE, f"shutdown by {self._came[0].name}")

    def _exit_unless_ended(self, seconds: float) -> None:
        if not self.ended.wait(seconds):
            runtime_log.tell(logging.ERROR, "a task blocks the runtime, which cannot end in order: exiting at once")
            os._exit(EXIT_CUT_SHORT)


@contextmanager
def handled(budget: Callable[[], float]) -> Iterator[Signals]:
    """Handle SIGINT and SIGTERM inside the block, through what the value is connected to; `budget` as :class:`Signals` takes it.

    A function that blocks the loop would keep a shutdown waiting. So from the first signal on a thread watches: if the block
    has not ended when it should have, the process exits, and with it, by their lifelines, all workers.
    In another thread than the main one, where signals cannot be handled, none come.
    """
    signals = Signals(budget)
    before = {}
    if threading.current_thread() is threading.main_thread():
        before = {number: signal.signal(number, signals.receive) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield signals
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        signals.ended.set()
