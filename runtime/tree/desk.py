"""Desk: the message that an actor deals with, those it has put aside, and the answers that it owes."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import trio

from actors.actor import Actor
from actors.errors import ActorFailed, AskTimeout, StashFull, UnexpectedMessage
from actors.handlers import Handler
from actors.nodes import Reason
from actors.outcomes import Outcome
from actors.portable import describe
from actors.supervision import is_fatal
from runtime.tree.envelopes import Envelope, Later, Question, Tick
from runtime.tree.timers import Timers

if TYPE_CHECKING:
    from runtime.tree.cell import Cell

SLICE = 32
"""How many messages an actor deals with before it lets others have a turn."""
SLICE_SECONDS = 0.005
"""For how many seconds it does."""


class Desk:
    """Deals with the messages of one life, one after the other."""

    __slots__ = ("_cell", "_is_aside", "_owed", "_stash", "_timers", "current", "drains", "is_closing", "is_cut", "since")

    def __init__(self, cell: Cell) -> None:
        self._cell = cell
        self.current: Any = None
        """The message or envelope that it deals with, None if it deals with none."""
        self.since = 0.0
        """From when on, on trio's clock."""
        self.is_closing = self.drains = False
        """Whether it deals with no more than the current message; whether with those that wait, too."""
        self.is_cut = False
        """Whether the current message is not to be dealt with any more, and what it does was cancelled."""
        self._is_aside = False
        self._stash: list[Any] | None = None
        self._owed: set[Question] | None = None
        self._timers: Timers | None = None

    async def serve(self, actor: Actor) -> None:
        """Deal with messages until it closes. What the actor raises and must not survive comes out of here."""
        mailbox, time = self._cell.mailbox, self._cell.tree.time
        left, until = SLICE, time() + SLICE_SECONDS
        while not self.is_closing or (self.drains and mailbox.user):
            item = mailbox.take()
            if item is None:
                await mailbox.wait()
                left, until = SLICE, time() + SLICE_SECONDS
                continue
            self.since = time()
            message = item.message if (is_envelope := isinstance(item, Envelope)) else item
            handler = None if is_envelope and not self._is_wanted(item) else self._handler_of(item, message)
            if handler is not None:
                self.current = item
                try:  # in no coroutine of its own: each between trio and the handler is felt in each message
                    value = await getattr(actor, handler.method)(message)
                except Exception as exc:
                    if not self._survives(item, handler, exc):
                        raise
                else:
                    if is_envelope and not self._is_aside:
                        item.take(value, wants_answer=handler.wants_answer)
                if is_envelope and isinstance(item, Tick):
                    self.timers.dealt_with(item)
            self.leave()
            item = message = value = None  # they are not kept until the next one comes
            left -= 1
            if self.is_cut or left <= 0 or self.since >= until:
                await trio.lowlevel.checkpoint()
                left, until = SLICE, time() + SLICE_SECONDS

    def leave(self) -> None:
        """Be done with the current message."""
        if self.current is not None:
            self.current = None
            self._cell.handled += 1
        self._is_aside = False

    @property
    def deadline(self) -> float:
        """Until when the current message is worth an answer."""
        return self.current.deadline if isinstance(self.current, Envelope) else math.inf

    @property
    def timers(self) -> Timers:
        """The timers of this life."""
        if self._timers is None:
            self._timers = Timers(self._cell)
        return self._timers

    def stash(self) -> None:
        """Put the current message aside; raises StashFull."""
        self._stash = self._stash or []
        if len(self._stash) >= self._cell.spec.capacity:
            raise StashFull(self._cell.name, self._cell.spec.capacity)
        if self.current is not None and not self._is_aside:
            self._is_aside = True
            self._stash.append(self.current.message if isinstance(self.current, Tick) else self.current)

    def unstash(self) -> None:
        """Take up again what was put aside."""
        stash, self._stash = self._stash or [], None
        for item in stash:
            if isinstance(item, Question):
                item.reader = None
        self._cell.mailbox.put_first(stash)

    def later(self) -> Later:
        """Put off the answer to the current message."""
        question = self.current if isinstance(self.current, Question) else None
        if question is not None:
            self._is_aside = True
            self._owed = self._owed or set()
            self._owed.add(question)
        return Later(question)

    def settle(self, question: Question) -> None:
        """Take note that an answer is not owed any more."""
        if self._owed is not None:
            self._owed.discard(question)

    def let_go(self, question: Question) -> bool:
        """Owe no answer to a question that nobody waits for any more; return whether it was put aside."""
        self.settle(question)
        if self._stash is None or question not in self._stash:
            return False
        self._stash.remove(question)
        return True

    def fail(self, error: BaseException, *, may_retry: bool) -> None:
        """Answer for the message on which the actor has failed, or keep it for the next life."""
        item, self.current = self.current, None
        if item is None:
            return
        envelope = item if isinstance(item, Envelope) else Envelope(item)
        envelope.attempts += 1
        if may_retry and envelope.attempts <= self._cell.spec.redeliver and not isinstance(item, Tick):
            if isinstance(envelope, Question):
                envelope.reader = None
            self._cell.mailbox.put_first([envelope])
            return
        self._refuse(item, error)
        self._cell.bury(item, "poison")

    def clear(self, outcome: Outcome, reason: Reason) -> None:
        """Leave nobody waiting for what this life will not do any more."""
        item, self.current = self.current, None
        if isinstance(item, Question):
            item.refuse(self._cell.refusal())
        for question in self._owed or ():
            question.leave_unanswered(f"the actor has ended: {outcome}")
        stash, self._stash, self._owed = self._stash or (), None, None
        for put_aside in stash:
            self._cell.lose(put_aside, reason)
        if self._timers is not None:
            self._timers.end()

    def _handler_of(self, item: Any, message: object) -> Handler | None:
        """Return what deals with a message; None if it came before it was known that nothing does."""
        handlers = self._cell.handlers
        handler = handlers.of(type(message))
        if handler is None and isinstance(item, Question):
            item.refuse(UnexpectedMessage(self._cell.name, item.kind, handlers.known))
        return handler

    def _is_wanted(self, item: Envelope) -> bool:
        """Return whether an envelope is still worth being dealt with."""
        if isinstance(item, Question):
            if not item.is_open:
                return False
            item.reader = self
        elif isinstance(item, Tick):
            return self.timers.take(item)
        if item.deadline <= self.since:
            self._cell.bury(item, "expired")
            if isinstance(item, Question):
                item.reader = None  # who waits for it is told by its own time, which is over at the next turn
            return False
        return True

    def _survives(self, item: Any, handler: Handler, error: Exception) -> bool:
        """Return whether the actor goes on after what its handler has raised, having answered."""
        cell = self._cell
        if handler.raises and isinstance(error, handler.raises):
            if isinstance(item, Question):
                item.refuse(error)
            return True
        is_late = isinstance(item, Question) and not item.is_open
        if is_late and isinstance(error, AskTimeout):  # it has asked others, with the time that it had itself
            return True
        if not is_fatal(error) and cell.spec.restart.directive(error) == "resume":
            cell.tree.tell_resumed(cell, error)
            self._refuse(item, error)
            cell.bury(item, "poison")
            return True
        return False

    def _refuse(self, item: Any, error: BaseException) -> None:
        """Tell whoever asked that the actor has failed on it."""
        if isinstance(item, Question):
            failed = ActorFailed(self._cell.name, item.kind, describe(error))
            failed.__cause__ = error
            item.refuse(failed)
