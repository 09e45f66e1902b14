"""Mailbox: how a message reaches an actor."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from contextvars import copy_context
from typing import Generic, TypeVar

M = TypeVar("M")


class Mailbox(Generic[M]):
    """First in, first out; its owner handles one message at a time, never two at once, and without waiting.

    A message is handled at once, on the stack of whoever puts it in, unless the owner is handling one already: then it is
    handled right after. That is what a task and a wake-up for each message would amount to, without the turn of the scheduler
    that each of them costs, which is more than a launch does otherwise. It happens in the context (of context variables) in
    which the mailbox was made, and senders never see what the owner raises.

    Args:
      handle: handles a message.
      failed: is told what ``handle`` raised; the messages after it are handled as ever.
    """

    __slots__ = ("_context", "_failed", "_handle", "_handling", "_is_held", "_messages")

    def __init__(self, handle: Callable[[M], object], failed: Callable[[Exception], object]) -> None:
        self._handle, self._failed = handle, failed
        self._messages: deque[M] = deque()
        self._handling = self._is_held = True  # until it is opened
        self._context = copy_context()

    def open(self) -> None:
        """Begin to handle messages, with those that have come already."""
        self._handling, self._is_held = True, False
        self._context.run(self._drain)

    def hold(self) -> None:
        """Handle no message after the current one until it is opened again: they wait."""
        self._is_held = True

    def put(self, message: M) -> None:
        """Deliver `message`. Only from the trio thread; never waits, never raises."""
        self._messages.append(message)
        if not self._handling:
            self._handling = True
            self._context.run(self._drain)

    def _drain(self) -> None:
        try:
            while self._messages and not self._is_held:
                try:
                    self._handle(self._messages.popleft())
                except Exception as exc:
                    self._failed(exc)
        finally:  # a KeyboardInterrupt must not leave it deaf
            self._handling = self._is_held

    def __len__(self) -> int:
        return len(self._messages)
