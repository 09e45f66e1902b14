"""Envelopes: messages that are more than just told, since they expire, were tried before, or wait to be answered."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

import outcome
import trio

from actors.actor import Message
from actors.errors import AskTimeout, NoReply
from runtime.tree.deadlines import Entry

if TYPE_CHECKING:
    from runtime.tree.cell import Cell
    from runtime.tree.desk import Desk


class Envelope:
    """A message with what travels along. A message that is just told travels without."""

    __slots__ = ("attempts", "deadline", "message")

    def __init__(self, message: Message[Any], deadline: float = math.inf) -> None:
        self.message, self.deadline = message, deadline
        """`deadline`: until when it is worth being read, on trio's clock."""
        self.attempts = 0
        """How often an actor has failed on it."""

    def take(self, value: object, *, wants_answer: bool) -> None:
        """Take what its handler has returned, for which nobody waits here."""


class Tick(Envelope):
    """A message of a timer, in the control lane."""

    __slots__ = ("key", "timer")

    def __init__(self, message: Message[Any], key: object, timer: object) -> None:
        super().__init__(message)
        self.key, self.timer = key, timer


class Question(Envelope):
    """A message that waits to be answered: exactly once, by a value, by an error, or by the end of the waiting.

    Args:
      cell: who is asked.
      deadline: until when the answer is worth something; also that of a cancel scope around the asking, which trio sees to.
      asked: when it was asked; both are on trio's clock.
      within: seconds that whoever asks had for it, as an error says.
    """

    __slots__ = ("_answer", "_asked", "_entry", "_task", "_within", "cell", "is_open", "reader")

    def __init__(self, message: Message[Any], cell: Cell, deadline: float, asked: float, within: float) -> None:
        self.message, self.deadline, self.attempts = message, deadline, 0
        self.cell, self._asked, self._within, self.is_open = cell, asked, within, True
        self.reader: Desk | None = None
        """Who deals with it, or has put off its answer."""
        self._answer: outcome.Outcome[Any] | None = None  # if it came before anybody waited for it
        self._task: trio.lowlevel.Task | None = None
        self._entry: Entry | None = None

    def wait(self, expires: float) -> Awaitable[Any]:
        """Wait for the answer, until `expires` at most; to be awaited at once. A cancellation takes the question back."""
        if self._answer is not None:
            return _unwrapped(self._answer)
        self.open(expires)
        self._task = trio.lowlevel.current_task()
        return trio.lowlevel.wait_task_rescheduled(self._give_up)  # noqa: ASYNC105  # by who calls

    def open(self, expires: float) -> None:
        """Have it wait until `expires` at most."""
        self._entry = self.cell.tree.deadlines.at(expires, self._expire)

    def answer(self, value: object) -> None:
        """Answer it, if it is still open."""
        if self.is_open:
            self._close(outcome.Value(value))
        else:
            self.cell.late_replies += 1

    def take(self, value: object, *, wants_answer: bool) -> None:
        """Answer it with what a handler has returned, which is None where that has gone another way than it promises."""
        if value is None and wants_answer:
            self.leave_unanswered("its handler returned None")
        else:
            self.answer(value)

    def refuse(self, error: BaseException) -> None:
        """Answer it with an error, if it is still open."""
        if self.is_open:
            self._close(outcome.Error(error))

    def leave_unanswered(self, why: str) -> None:
        """Answer it with NoReply."""
        if self.is_open:
            self.refuse(NoReply(self.cell.name, self.kind, why))

    def withdraw(self) -> None:
        """Take it back, as nobody waits for the answer any more."""
        if self.is_open:
            self._done()
            if self.deadline <= self.cell.tree.time():  # whoever asks waits no more since that is over
                self.cell.expired(self)
            else:
                self.cell.withdrawn(self)

    @property
    def kind(self) -> str:
        """The class of the message."""
        return type(self.message).__name__

    def _give_up(self, _: object) -> trio.lowlevel.Abort:
        self._task = None
        self.withdraw()
        return trio.lowlevel.Abort.SUCCEEDED

    def _expire(self) -> None:
        state = self.cell.state_of(self, self.cell.tree.time() - self._asked)
        self._close(outcome.Error(AskTimeout(self.cell.name, self.kind, self._within, state)))
        self.cell.expired(self)

    def _close(self, answer: outcome.Outcome[Any]) -> None:
        self._done()
        if self._task is not None:
            task, self._task = self._task, None
            trio.lowlevel.reschedule(task, answer)
        else:
            self._answer = answer

    def _done(self) -> None:
        self.is_open = False
        if self._entry is not None:
            self.cell.tree.deadlines.call_off(self._entry)
            self._entry = None


class Relayed(Question):
    """A question for which no task waits: who hears of what comes of it, once, is a function; not if it is withdrawn before."""

    __slots__ = ("_hear",)

    def __init__(
        self,
        message: Message[Any],
        cell: Cell,
        deadline: float,
        asked: float,
        within: float,
        hear: Callable[[outcome.Outcome[Any]], object],
    ) -> None:
        super().__init__(message, cell, deadline, asked, within)
        self._hear = hear

    def _close(self, answer: outcome.Outcome[Any]) -> None:
        self._done()
        self._hear(answer)


class Later:
    """The answer to a question that an actor has put off."""

    __slots__ = ("_question",)

    def __init__(self, question: Question | None) -> None:
        self._question = question

    def give(self, value: object) -> None:
        if (question := self._taken()) is not None:
            question.answer(value)

    def refuse(self, error: Exception) -> None:
        if (question := self._taken()) is not None:
            question.refuse(error)

    def _taken(self) -> Question | None:
        """Return the question, to be answered once."""
        question, self._question = self._question, None
        if question is not None and question.reader is not None:
            question.reader.settle(question)
        return question


async def _unwrapped(answer: outcome.Outcome[Any]) -> Any:
    return answer.unwrap()
