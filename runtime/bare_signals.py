"""Bare signals: what :mod:`signal` calls, which makes an Enum of each signal and handler. That takes many times as long.

A handler takes 5 µs there, and a mask of all signals 40; a run in a worker needs three of the one, a request to the scheduler two
of the other.
"""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]  # a module of Python's own, which the stubs leave out
from collections.abc import Callable, Iterable
from types import FrameType
from typing import Any

Handler = Callable[[int, FrameType | None], Any] | int | None
DEFAULT: Handler = _signal.SIG_DFL
"""``signal.SIG_DFL``, which is an Enum."""

handle: Callable[[int, Handler], Handler] = _signal.signal
"""Put a handler in the place of that of a signal, and return the one before. In the main thread."""
handler_of: Callable[[int], Handler] = _signal.getsignal
"""Return the handler of a signal."""
set_mask: Callable[[int, Iterable[int]], set[int]] = _signal.pthread_sigmask
"""Change which signals come to this thread, as ``signal.pthread_sigmask`` does, and return which did not before."""
