"""Waiting for a function that runs outside of trio: in a thread, or on an asyncio loop."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import trio

from actors.errors import RemoteFailure, RunAbandoned
from actors.portable import describe, first_line
from runtime.in_trio import door_of_trio
from runtime.left_behind import Left, LeftBehind
from runtime.runners import Call
from runtime.runners.bells import Bells
from runtime.stopping import Patience, stop
from runtime.tracebacks import user_traceback


@dataclass(frozen=True, slots=True)
class Answer:
    """What a function returned, or raised."""

    value: Any = None
    error: BaseException | None = None

    def unwrap(self) -> Any:
        """Return the value, or raise the error."""
        if self.error is None:
            return self.value
        try:
            raise self.error
        finally:
            del self  # the error refers to this frame, and only the garbage collector would find that out

    def __str__(self) -> str:
        return "was cancelled" if self is CANCELLED else f"raised {describe(self.error)}" if self.error else "returned"


@dataclass(slots=True)
class Place:
    """A place outside of trio that executes one call.

    Args:
      what: the place in words, such as ``thread``.
      begin: has the call executed, and its answer given to the function it gets, from whatever thread.
      ask: asks the function to end; returns whether it listens. From the trio thread, without waiting; so does the next.
      cancel: makes it end from inside; returns whether that is possible.
      stack: tells where it is now.
    """

    what: str
    begin: Callable[[Callable[[Answer], None]], None]
    ask: Callable[[], bool]
    cancel: Callable[[], bool]
    stack: Callable[[], str]


class Outside:
    """One call that is executed elsewhere: begun, waited for, and brought to its end where it is cancelled.

    Args:
      left_behind: takes note of it while it goes on although it was given up.
      bells: one of them tells of its answer.
    """

    def __init__(self, place: Place, call: Call, patience: Patience, left_behind: LeftBehind, bells: Bells) -> None:
        self._place, self._call, self._patience, self._left_behind, self._bells = place, call, patience, left_behind, bells
        self._bell = bells.take()
        self._deciding = threading.Lock()  # held while it is decided which came first, its answer or its abandonment
        self._answer: Answer | None = None
        self._abandoned = self._is_heard = False
        self.ask, self.cancel = place.ask, place.cancel

    async def answer(self) -> Any:
        """Execute the call there, as :meth:`Runner.run` promises."""
        try:
            self._place.begin(self._deliver)
            await self.ended()
        except trio.Cancelled:
            asked = trio.current_time()
            await stop(self, self._patience, self._call.grace, self._call.cleanup)
            if self._abandoned:
                raise self._abandonment(trio.current_time() - asked) from None
            if self._answer is CANCELLED:
                raise
        finally:
            self._settle()
        assert self._answer is not None
        answer, self._answer = self._answer, None  # as in Answer.unwrap: its error will refer to this frame
        try:
            if isinstance(answer.error, KeyboardInterrupt):  # its own: a Ctrl+C reaches the main thread only
                raise RemoteFailure("KeyboardInterrupt", first_line(answer.error), user_traceback(answer.error))
            return answer.unwrap()
        finally:
            del answer

    async def ended(self) -> None:
        """Wait for its answer."""
        while not self._is_heard:
            await self._bell.heard()
            self._is_heard = self._answer is not None  # else a child that the function has forked has rung: it has the bell, too

    async def kill(self) -> None:
        """Abandon it: nothing ends a thread. What it still answers is noted, and changes nothing."""
        with self._deciding:
            if self._answer is None:
                self._abandoned = True
                self._left_behind.add(self, Left("thread", f"task {self._call.task!r} run {self._call.run_id}"))

    def _settle(self) -> None:
        """Let go of the bell, and have done what the function has asked for: its end comes after that."""
        if not self._is_heard:
            with self._deciding:  # so that it has been rung, or never will be
                self._abandoned = self._abandoned or self._answer is None
            self._bell.hush()
        self._bells.give_back(self._bell)
        door_of_trio().clear()

    def _deliver(self, answer: Answer) -> None:
        """Take its answer, in the thread that executes it."""
        with self._deciding:  # until it has rung: see _settle
            if not self._abandoned:
                self._answer = answer
                self._bell.ring()
                return
        self._left_behind.drop(self)
        self._call.note_late(f"the abandoned {self._place.what} has ended: it {answer}")

    def _abandonment(self, waited: float) -> RunAbandoned:
        return RunAbandoned(self._call.task, self._place.what, round(waited, 1), self._place.stack())


class _Cancelled(BaseException):
    """The function ended by being cancelled where it ran."""


CANCELLED = Answer(error=_Cancelled())
