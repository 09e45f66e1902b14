"""Interruption: an exception raised in another thread, wherever that is in its Python code."""

from __future__ import annotations

import threading

from actors.errors import TaskTerminationException


class Interruption:
    """Interrupts one function in its thread, at most once, and never what the thread does after it."""

    def __init__(self) -> None:
        self._deciding = threading.Lock()
        self._thread: int | None = None
        self._was_made = False

    def open(self) -> None:
        """Let this thread be interrupted from now on."""
        self._thread = threading.get_ident()

    def close(self) -> None:
        """Let it be interrupted no more, and drop an interruption that it has not noticed yet.

        Raises:
          TaskTerminationException: it notices it just now; nothing more comes then.
        """
        with self._deciding:
            thread, self._thread = self._thread, None
            if thread is not None and self._was_made:
                _set_async_exception(thread, None)

    def make(self) -> bool:
        """Have ``TaskTerminationException`` raised in the thread, once it executes Python code; return whether that will be."""
        with self._deciding:
            if self._thread is None or self._was_made:
                return False
            self._was_made = True
            _set_async_exception(self._thread, TaskTerminationException)
            return True


def _set_async_exception(thread: int, kind: type[BaseException] | None) -> None:
    import ctypes  # which nobody else needs

    given = ctypes.py_object(kind) if kind is not None else None
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), given)
