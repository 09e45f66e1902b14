"""Signals: SIGINT and SIGTERM end the runtime in order, a second one ends what runs, a third kills it."""

from __future__ import annotations

import logging
import math
import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from time import monotonic
from types import FrameType
from typing import Any, NoReturn

import trio

from actors.session import Session
from runtime.logs import runtime_log
from runtime.nap import Nap
from runtime.shutdown import EXIT_CUT_SHORT, Haste, longest
from runtime.signal_mask import blocked, prepare_forks

HANDLED: dict[signal.Signals, Any] = {signal.SIGINT: signal.default_int_handler, signal.SIGTERM: signal.SIG_DFL}
"""{signal that ends the runtime: how Python begins with it}."""
_MARGIN = 0.2
"""Seconds beyond the longest shutdown, after which the process exits without it."""
_AT_ONCE = 64
_TO_END = 1.0
"""Seconds that the thread gets to end, since it may be in a handler of the log."""


class Signals:
    """The signals that came, and who is told of them. Made in the trio thread.

    A thread hears of them, from the socket to which Python writes their numbers. A handler would not do: it waits for the main
    thread, which a function may block, and which is not even interrupted where another thread, that of a task, gets the signal.

    Args:
      session: that of the app, which says how long a shutdown may take, and whose tasks run.
    """

    def __init__(self, session: Session) -> None:
        self._token = trio.lowlevel.current_trio_token()
        self._session = session
        self._came: list[signal.Signals] = []
        self._shut_down: Callable[[int, str], object] | None = None
        self._told = 0
        self._deadline = math.inf  # by time.monotonic: the runtime has ended then, or else the process exits
        self._heard: socket.socket
        self._written: socket.socket
        self._thread = threading.Thread(target=self._listen, name="callsheet signals", daemon=True)

    def connect(self, shut_down: Callable[[int, str], object]) -> None:
        """Have ``shut_down(count, reason)`` called, in the trio thread, for each signal, also for those that came before.

        `count` is 1 for the first.
        """
        self._shut_down = shut_down
        self._tell()

    def begin(self) -> int:
        """Listen from now on; return where Python is to write the numbers of signals."""
        self._heard, self._written = socket.socketpair()
        self._written.setblocking(False)
        with blocked():
            self._thread.start()
        return self._written.fileno()

    def end(self, *, until_exit: bool) -> None:
        """Listen no more; with `until_exit` the thread goes on, where a signal has come, and watches the end of the process."""
        if not until_exit or self._deadline == math.inf:
            self._written.close()
            self._thread.join(_TO_END)

    def _listen(self) -> None:
        with self._heard:
            while numbers := self._next():
                for number in numbers:
                    if number in HANDLED:
                        self._take(signal.Signals(number))
                with suppress(trio.RunFinishedError):
                    self._token.run_sync_soon(self._tell)  # of other signals, too, whose handlers wait until trio wakes

    def _next(self) -> bytes:
        """Return the numbers that came next; an empty text once nobody writes any more."""
        while True:
            left = min(max(self._deadline - monotonic(), 0.001), threading.TIMEOUT_MAX)
            nap = Nap(left)
            self._heard.settimeout(None if self._deadline == math.inf else left)
            try:
                return self._heard.recv(_AT_ONCE)
            except TimeoutError:
                if not nap.stopped() > _MARGIN:
                    self._exit()
                self._deadline = monotonic() + left  # the end was stopped, too, in that time

    def _take(self, number: signal.Signals) -> None:
        self._came.append(number)
        haste = Haste(min(len(self._came), len(Haste)) - 1)
        self._deadline = min(self._deadline, monotonic() + longest(self._session.config.shutdown_wait, haste) + _MARGIN)

    def _tell(self) -> None:
        while self._shut_down is not None and self._told < len(self._came):
            self._told += 1
            self._shut_down(self._told, f"shutdown by {self._came[0].name}")

    def _exit(self) -> NoReturn:
        names = ", ".join(repr(task.name) for task in self._session.tasks if task.is_running)
        what = f"task {names}" if names else "something that is no task"
        runtime_log.tell(logging.ERROR, "%s holds up the end: exiting at once, without waiting for it", what)
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
    if threading.current_thread() is not threading.main_thread():
        yield signals
        return
    mask = signal.pthread_sigmask(signal.SIG_UNBLOCK, HANDLED)  # whoever started the program may have blocked them
    before = signal.set_wakeup_fd(signals.begin(), warn_on_full_buffer=False)  # trio's own: the thread wakes trio meanwhile
    handlers = {number: signal.signal(number, _noted) for number in HANDLED}
    try:
        yield signals
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler if handler is not None else signal.SIG_DFL)  # None: it was not Python that set it
        signal.set_wakeup_fd(before)
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        signals.end(until_exit=until_exit)


def _noted(number: int, _: FrameType | None) -> None:
    """Handle a signal, of which the thread has heard: only what has a handler is written down."""


def _end_as_usual() -> None:
    """Have signals do what they usually do: in a child that was forked, they would be written to its parent, which would end."""
    for number, usual in HANDLED.items():
        if signal.getsignal(number) is _noted:
            signal.set_wakeup_fd(-1)
            signal.signal(number, usual)


prepare_forks(HANDLED, _end_as_usual)
