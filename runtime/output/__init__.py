"""What runs print and log: who takes it, where it is kept, how it is read."""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar
from typing import ParamSpec, Protocol, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


class Sink(Protocol):
    """Takes what a run prints and logs, in its order."""

    def write(self, text: str) -> None:
        """Take `text` as it is; from any thread. Never raises, and after the end of the run does nothing."""


current_output: ContextVar[Sink | None] = ContextVar("callsheet_current_output", default=None)
"""What takes the output of the run whose code is being executed; None outside of runs, and where nobody wants it."""


def aside(call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Call something whose output is not that of the run which is being executed, or is taken already."""
    token = current_output.set(None)
    try:
        return call(*args, **kwargs)
    finally:
        current_output.reset(token)
