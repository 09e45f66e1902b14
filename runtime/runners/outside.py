"""Waiting for a function that runs outside of trio: in a thread, or on an asyncio loop."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import trio

from actors.errors import RemoteFailure, RunAbandoned
from actors.portable import first_line
from runtime.logs import runtime_log
from runtime.runners import Call
from runtime.stopping import Patience
from runtime.tracebacks import user_stack, user_traceback


@dataclass(frozen=True, slots=True)
class Answer:
    """What a function returned, or raised."""

    value: Any = None
    error: BaseException | None = None

    def unwrap(self) -> Any:
        """Return the value, or raise the error."""
        if self.error is not None:
            raise self.error
        return self.value


@dataclass(slots=True)
class Outside:
    """A place outside of trio that executes one call.

    Args:
      what: the place in words, such as ``thread``.
      begin: has the call executed, and its answer given to the function it gets, from whatever thread.
      ask_to_end: asks the function to end; from the trio thread, without waiting.
      thread_id: tells the thread that executes it, for its stack, where that is known.
    """

    what: str
    begin: Callable[[Callable[[Answer], None]], None]
    ask_to_end: Callable[[], object]
    thread_id: Callable[[], int | None]

    async def answer(self, call: Call, patience: Patience) -> Any:
        """Execute `call` there, as :meth:`Runner.run` promises."""
        token = trio.lowlevel.current_trio_token()
        answered = trio.Event()
        answers: list[Answer] = []
        abandoned = False

        def deliver(answer: Answer) -> None:
            if abandoned:
                runtime_log.tell(
                    logging.INFO, "task %r run %s: the abandoned %s has ended now", call.task, call.run_id, self.what
                )
                return
            answers.append(answer)
            with suppress(trio.RunFinishedError):  # nobody is left to hear it
                token.run_sync_soon(answered.set)

        self.begin(deliver)
        try:
            await answered.wait()
        except trio.Cancelled:
            self.ask_to_end()
            asked = trio.current_time()
            with patience.allow(call.grace):
                await answered.wait()
            if not answers:
                abandoned = True
                waited = round(trio.current_time() - asked, 1)
                error = RunAbandoned(call.task, self.what, waited, _stack(self.thread_id()))
                runtime_log.tell(logging.WARNING, "run %s: %s", call.run_id, error)
                raise error from None
            if isinstance(answers[0].error, _Cancelled):
                raise
        return _unwrapped(answers[0])


class _Cancelled(BaseException):
    """The function ended by being cancelled where it ran."""


CANCELLED = Answer(error=_Cancelled())


def _unwrapped(answer: Answer) -> Any:
    if isinstance(answer.error, KeyboardInterrupt):  # its own: a Ctrl+C reaches the main thread only
        raise RemoteFailure("KeyboardInterrupt", first_line(answer.error), user_traceback(answer.error))
    return answer.unwrap()


def _stack(thread_id: int | None) -> str:
    frame = sys._current_frames().get(thread_id) if thread_id is not None else None
    return user_stack(frame) if frame is not None else "(its stack is not known)"
