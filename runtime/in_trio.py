"""Getting something done in the trio thread."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from contextvars import copy_context

import trio


class _Asked:
    """Something that is to be done."""

    __slots__ = ("is_done", "step")

    def __init__(self, step: Callable[[], object]) -> None:
        self.step, self.is_done = step, False


class Door:
    """By which other threads have things done in the trio thread, in the order in which they ask. One for a whole run of trio.

    They are done as soon as trio turns to its queue; or before that by a task which has heard of a thread in a quicker way, and
    goes on as if that had come after all the thread has asked for.
    """

    def __init__(self) -> None:
        self._token = trio.lowlevel.current_trio_token()
        self._asked: deque[_Asked] = deque()
        self._context = copy_context()  # a task that does it early lends its turn, and not what it is known as

    def post(self, step: Callable[[], object]) -> None:
        """Have `step` done soon, from any thread. It must not raise.

        Raises:
          trio.RunFinishedError: trio has ended.
        """
        self._asked.append(asked := _Asked(step))
        try:
            self._token.run_sync_soon(self._do_until, asked)  # one for each: in trio's queue, too, it has its place among others
        except trio.RunFinishedError:
            with suppress(ValueError):  # it was done after all, before what another thread has asked for in time
                self._asked.remove(asked)
                raise

    def clear(self) -> None:
        """Do what was asked for until now. In the trio thread."""
        for _ in range(len(self._asked)):
            self._do_next()

    def _do_until(self, asked: _Asked) -> None:
        """Do it, if it was not done early; and before it what came before it, whose thread may find that trio has ended."""
        while not asked.is_done:
            self._do_next()

    def _do_next(self) -> None:
        asked = self._asked.popleft()
        asked.is_done = True
        self._context.run(asked.step)


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
