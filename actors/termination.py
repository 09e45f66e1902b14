"""How a function learns, from inside, that its run shall end."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextvars import ContextVar

from actors.errors import TaskTerminationException


class Flag(threading.Event):
    """Set when the run shall end. Look at it with ``is_set()``, or wait for it with ``wait(seconds)``, from any thread."""

    def __init__(self) -> None:
        super().__init__()
        self.is_heeded = False
        """Whether the function, or an argument of it, has asked for it, and so ends by itself when it is set."""
        self._listeners: list[Callable[[], object]] = []

    def set(self) -> None:
        """Set the flag, and call each listener once."""
        super().set()
        while self._listeners:
            self._listeners.pop()()

    def on_set(self, listener: Callable[[], object]) -> None:
        """Have `listener` called when the flag is set, in the thread that sets it; at once if it is set already."""
        self._listeners.append(listener)
        if self.is_set():
            self.set()


current_flag: ContextVar[Flag | None] = ContextVar("callsheet_current_flag", default=None)
"""The flag of the run whose code is being executed, where it has one: in threads and worker processes."""

current_task: ContextVar[str | None] = ContextVar("callsheet_current_task", default=None)
"""The name of the task whose code is being executed, None outside of tasks."""


def cancellation_point() -> None:
    """End the task here if its run was asked to end; otherwise do nothing, in well under a microsecond.

    For thread tasks, which cannot be interrupted from outside. In ``async`` tasks each await is such a point already.

    Raises:
      TaskTerminationException: the run was asked to end. Let it pass: the run is then recorded as ``terminate``.
    """
    flag = current_flag.get()
    if flag is not None and flag.is_set():
        raise TaskTerminationException("asked to end")
