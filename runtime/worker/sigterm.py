"""SIGTERM in a worker, while a function runs: how the scheduler asks it to end, and cancels it."""

from __future__ import annotations

import _thread
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from actors.errors import TaskTerminationException
from actors.termination import Flag
from runtime.bare_signals import DEFAULT, handle, handler_of
from runtime.worker.channel import RemoteControls


def end_by_sigterm() -> None:
    """Have SIGTERM end this process, as is usual: it executes no function."""
    handle(signal.SIGTERM, DEFAULT)


class Sigterm:
    """Where the function heeds its flag, the first SIGTERM sets that. The next one cancels it, and those after it do nothing.

    That is an exception wherever it is, so that what it has begun is cleaned up, or for an async function a cancellation at its
    next await. One that does not notice, as the interpreter does not come to it, is killed by the scheduler. Once the function
    has ended, SIGTERM does nothing until its answer is sent: nothing is lost that is done.
    """

    def __init__(self, flag: Flag, controls: RemoteControls) -> None:
        self._flag, self._controls = flag, controls
        self._is_to_ask = flag.is_heeded  # as the scheduler knows it: a hook that takes the flag later asks for nothing
        self._is_async = self._was_cancelled = self._is_over = False

    def __enter__(self) -> None:
        """Handle it inside the block, in which the function is called, and after that do nothing about it."""
        handle(signal.SIGTERM, self._receive)

    def __exit__(self, *_: object) -> None:
        self._is_over = True
        if handler_of(signal.SIGTERM) != self._receive:  # the function has put another handler in its place
            handle(signal.SIGTERM, self._receive)

    @contextmanager
    def of_coroutine(self) -> Iterator[None]:
        """Let it cancel, inside the block, what is awaited there: an exception would hit the event loop."""
        self._is_async = True
        yield
        self._is_async = False

    def _receive(self, number: int, frame: FrameType | None) -> None:
        """Called between any two steps of the main thread, which may hold any lock: so the flag is set in another one.

        That is begun without the locks of :mod:`threading`, too.
        """
        if self._was_cancelled or self._is_over:
            return
        is_asking, self._is_to_ask = self._is_to_ask, False
        self._was_cancelled = not is_asking
        _thread.start_new_thread(self._tell, (is_asking,))
        if not (is_asking or self._is_async):
            self._controls.after_message(self._cancel)

    def _tell(self, is_asking: bool) -> None:
        """Set the flag. What the function waits for meanwhile it need not wait for: it would not notice."""
        if is_asking:
            self._flag.set()
        else:
            self._flag.cancel()
        if not (is_asking and self._is_async):
            self._controls.withdraw()

    def _cancel(self) -> None:
        raise TaskTerminationException("its process got a SIGTERM, and not from the scheduler")  # else that knows why
