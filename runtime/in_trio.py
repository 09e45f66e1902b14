"""Getting something done in the trio thread."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from contextvars import copy_context

import trio


class Door:
    """By which other threads have things done in the trio thread, in the order in which they ask. One for a whole run of trio.

    They are done as soon as trio turns to its queue; or before that by a task which has heard of a thread in a quicker way, and
    goes on as if that had come after all the thread has asked for.
    """

    def __init__(self) -> None:
        self._token = trio.lowlevel.current_trio_token()
        self._steps: deque[Callable[[], object]] = deque()
        self._context = copy_context()  # a task that does it early lends its turn, and not what it is known as

    def post(self, step: Callable[[], object]) -> None:
        """Have `step` done soon, from any thread. It must not raise.

        Raises:
          trio.RunFinishedError: trio has ended.
        """
        self._steps.append(step)
        self._token.run_sync_soon(self._do_next)  # one for each: in trio's queue, too, it has its place among others

    def clear(self) -> None:
        """Do what was asked for until now. In the trio thread."""
        for _ in range(len(self._steps)):
            self._do_next()

    def _do_next(self) -> None:
        if self._steps:  # else it was done early
            self._context.run(self._steps.popleft())


_door: trio.lowlevel.RunVar[Door] = trio.lowlevel.RunVar("callsheet_door")


def door_of_trio() -> Door:
    """Return the door of this run of trio."""
    try:
        return _door.get()
    except LookupError:
        _door.set(door := Door())
        return door


def in_trio() -> Callable[[Callable[[], object]], None]:
    """Return what has something done in this thread, which is trio's: at once from here, from elsewhere as soon as it can.

    Once trio has ended, nothing is done any more.
    """
    door, thread = door_of_trio(), threading.get_ident()

    def do(step: Callable[[], object]) -> None:
        if threading.get_ident() == thread:
            step()
        else:
            with suppress(trio.RunFinishedError):
                door.post(step)

    return do


def soon_in_trio(step: Callable[[], object]) -> Callable[[], None]:
    """Return what has `step` done in this thread, which is trio's, but never at once: when its loop turns to it.

    So it may be called from any thread, and by whatever interrupts this one. What is asked for several times before that is done
    once. `step` must not raise.
    """
    token = trio.lowlevel.current_trio_token()

    def ask() -> None:
        with suppress(trio.RunFinishedError):
            token.run_sync_soon(step, idempotent=True)

    return ask
