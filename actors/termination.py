"""How a function learns, from inside, that its run shall end, and how it gets time to clean up."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext, suppress
from contextvars import ContextVar

from actors.errors import TaskTerminationException


class Flag(threading.Event):
    """Set when the run shall end. Look at it with ``is_set()``, or wait for it with ``wait(seconds)``, from any thread."""

    def __init__(self) -> None:
        super().__init__()
        self.is_heeded = False
        """Whether the function, or an argument of it, has asked for it, and so ends by itself when it is set."""
        self._is_cancelled = False
        self._listeners: list[Callable[[], object]] = []

    def set(self) -> None:
        """Ask the run to end. One that does not heed the flag is cancelled at once."""
        super().set()
        if not self.is_heeded:
            self.cancel()

    def cancel(self) -> None:
        """Set the flag, and call each listener once: the run is not asked any more, but ended."""
        self._is_cancelled = True
        super().set()
        while self._listeners:
            try:
                listener = self._listeners.pop()
            except IndexError:  # another thread was quicker
                return
            listener()

    def on_cancel(self, listener: Callable[[], object]) -> None:
        """Have `listener` called when the run is cancelled, in the thread that does it; at once if it is already."""
        self._listeners.append(listener)
        if self._is_cancelled:
            self.cancel()

    def forget(self, listener: Callable[[], object]) -> None:
        """Call a listener no more, if it was not called yet."""
        with suppress(ValueError):
            self._listeners.remove(listener)


current_flag: ContextVar[Flag | None] = ContextVar("callsheet_current_flag", default=None)
"""The flag of the run whose code is being executed, where it has one: in threads and worker processes."""

current_task: ContextVar[str | None] = ContextVar("callsheet_current_task", default=None)
"""The name of the task whose code is being executed, None outside of tasks."""

current_cleanup: ContextVar[Callable[[], AbstractContextManager[object]] | None] = ContextVar(
    "callsheet_current_cleanup", default=None
)
"""Makes what :func:`cleanup` returns, where an async function is being executed."""


def asker() -> str:
    """Return in words whose code is being executed: that of a task, or of the program around the app."""
    task = current_task.get()
    return "the program" if task is None else f"task {task!r}"


def cancellation_point() -> None:
    """End the task here if its run was asked to end; otherwise do nothing, in well under a microsecond.

    For thread tasks, which are not interrupted from outside unless they say so. In async functions each await is such a point.

    Raises:
      TaskTerminationException: the run was asked to end. Let it pass: the run is then recorded as ``terminate``.
    """
    flag = current_flag.get()
    if flag is not None and flag.is_set():
        raise TaskTerminationException("asked to end")


def cleanup() -> AbstractContextManager[object]:
    """Give the awaits of a block the time to clean up, although the run is being cancelled.

    ::

        try:
            await work(connection)
        finally:
            with cleanup():
                await connection.aclose()

    The block is shielded from the cancellation of its run for at most the ``cleanup`` of its task, counted from its beginning,
    and for less when the whole app ends; then it is cancelled too. In an async function on trio or asyncio, in whatever mode;
    elsewhere there is nothing to be shielded from, and it does nothing. What ``asyncio.gather`` cancels itself it does not
    shield: use an ``asyncio.TaskGroup``.
    """
    make = current_cleanup.get()
    return nullcontext() if make is None else make()
