"""LocalRef: an actor of this process, as others see it, from whatever thread."""

from __future__ import annotations

import math
import threading
from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, TypeVar, Unpack

import trio

from actors.actor import Message
from actors.errors import MailboxFull, UnknownActor
from actors.outcomes import Outcome, Stopped
from actors.ref import DRAINS, WITHIN, ActorRef, Drain
from actors.spec import ActorOptions, Factory, spec_of
from actors.termination import asker
from actors.timespans import TimeSpan, to_seconds
from runtime.tree.acting import acting
from runtime.tree.envelopes import Envelope, Question
from runtime.tree.errand import Errand, Inquiry

if TYPE_CHECKING:
    from runtime.tree.cell import Cell
    from runtime.tree.life import Life

R = TypeVar("R")


class LocalRef(ActorRef):
    """See :class:`actors.ref.ActorRef`. In the trio thread what it does is done at once, elsewhere it is passed to there."""

    __slots__ = ("cell",)

    def __init__(self, cell: Cell) -> None:
        self.name, self.uid, self.cell = cell.name, cell.uid, cell

    @property
    def incarnation(self) -> int:
        return self.cell.incarnation

    @property
    def is_alive(self) -> bool:
        return self.cell.is_alive

    def tell(self, message: Message[Any], *, within: TimeSpan | None = None) -> None:
        cell = self.cell
        if cell.tree.thread != threading.get_ident():
            cell.handler_of(message)
            cell.tree.post(partial(self._tell_from_elsewhere, message, within), partial(cell.bury, message, "not running"))
            return
        if cell.handlers.found.get(type(message)) is None:
            cell.handler_of(message)
        item: Any = message if within is None else Envelope(message, cell.tree.time() + to_seconds(within))
        cell.offer(item)

    def _tell_from_elsewhere(self, message: Message[Any], within: TimeSpan | None) -> None:
        try:
            self.tell(message, within=within)
        except MailboxFull:
            self.cell.lose(message, "overflow")

    async def send(self, message: Message[Any], *, within: TimeSpan = WITHIN) -> None:
        cell = self.cell
        if cell.tree.thread != threading.get_ident():
            await Errand(cell.tree, partial(self.send, message, within=within)).wait_in_thread()
            return
        cell.handler_of(message)
        await trio.lowlevel.checkpoint_if_cancelled()
        if not cell.mailbox.is_open:
            raise cell.refusal()
        if cell.has_room or cell.spec.overflow in ("drop_new", "drop_old"):
            cell.offer(message)
        else:
            await self._put_in_turn(message, cell.tree.time() + to_seconds(within))

    async def ask(self, message: Message[R], *, within: TimeSpan = WITHIN) -> R:
        cell = self.cell
        tree = cell.tree
        found: R
        if tree.thread != threading.get_ident():
            found = await Errand(tree, partial(self.ask, message, within=within)).wait_in_thread()
            return found
        if cell.handlers.found.get(type(message)) is None:
            cell.handler_of(message)
        seconds = within if type(within) is float and within >= 0 else to_seconds(within)
        now, life = tree.time(), acting.get()
        expires = now + seconds
        if life is not None:
            expires = min(expires, life.desk.deadline)
            life.begin_wait(cell)
        try:
            question = Question(message, cell, min(expires, trio.current_effective_deadline()), now, seconds)
            if cell.spec.overflow == "block" and cell.mailbox.is_open and not cell.has_room:
                await self._put_in_turn(question, expires)
            else:
                cell.offer(question)
            found = await question.wait(expires)
            return found
        finally:
            if life is not None:
                life.end_wait(cell)

    async def _put_in_turn(self, item: object, until: float) -> None:
        """Put a message into the mailbox once there is room.

        Raises:
          MailboxFull: there was none until then.
          ActorStopped, ActorRestarting: it was closed meanwhile.
          DeadlockError: the actor waits itself for who sends.
        """
        cell, life = self.cell, acting.get()
        if life is not None:
            life.begin_wait(cell)
        try:
            with trio.move_on_at(until):
                if not await cell.mailbox.put_in_turn(item):
                    raise cell.refusal()
                return
            raise MailboxFull(cell.name, cell.mailbox.capacity)
        finally:
            if life is not None:
                life.end_wait(cell)

    def send_sync(self, message: Message[Any], *, within: TimeSpan = WITHIN) -> None:
        self._check_thread("send")
        Errand(self.cell.tree, partial(self.send, message, within=within)).wait()

    def ask_sync(self, message: Message[R], *, within: TimeSpan = WITHIN) -> R:
        self._check_thread("ask")
        self.cell.handler_of(message)
        answer: R = Inquiry(self.cell, message, to_seconds(within), partial(self.ask, message, within=within)).wait()
        return answer

    def _check_thread(self, what: Literal["ask", "send"]) -> None:
        if self.cell.tree.thread == threading.get_ident():
            raise RuntimeError(
                f"{what}_sync() would block the scheduler, and so the actor {self.name!r}, for ever; in an async function "
                f"`await ref.{what}(...)`, else give the task execution='thread'"
            )

    async def stop(self, reason: str = "", *, drain: Drain = "current", within: TimeSpan | None = None) -> Outcome:
        cell = self.cell
        if drain not in DRAINS:
            raise ValueError(f"drain={drain!r} is not one of {', '.join(DRAINS)}")
        if cell.tree.thread != threading.get_ident():
            found: Outcome = await Errand(cell.tree, partial(self.stop, reason, drain=drain, within=within)).wait_in_thread()
            return found
        life = acting.get()
        why = Stopped(_asker(life), reason)
        by = math.inf if within is None else cell.tree.time() + to_seconds(within)
        await trio.lowlevel.checkpoint_if_cancelled()
        if not cell.is_final:
            cell.siblings.stop(cell, why, drain=drain, by=by)
            if life is not None and cell in life.cell.line():  # it would wait for itself
                return why
        return await cell.end_for_good()

    async def start(self) -> None:
        cell = self.cell
        if cell.tree.thread != threading.get_ident():
            await Errand(cell.tree, self.start).wait_in_thread()
            return
        if cell.tree.names.get(cell.name) is not cell:
            raise UnknownActor(cell.name, list(cell.tree.names))
        await cell.siblings.start(cell)

    async def remove(self) -> None:
        cell = self.cell
        if cell.tree.thread != threading.get_ident():
            await Errand(cell.tree, self.remove).wait_in_thread()
            return
        if not cell.is_final:
            await self.stop("it is removed")
        cell.forget()

    async def spawn(
        self, factory: Factory, name: str | None = None, args: Mapping[str, Any] | None = None, **options: Unpack[ActorOptions]
    ) -> ActorRef:
        cell = self.cell
        if cell.tree.thread != threading.get_ident():
            there: ActorRef = await Errand(cell.tree, partial(self.spawn, factory, name, args, **options)).wait_in_thread()
            return there
        if cell.life is None:
            raise cell.refusal()
        spec = spec_of(factory, name or cell.children.free_name(factory), args, options)
        return (await cell.children.spawn(spec, acting.get())).ref

    async def wait_ready(self) -> None:
        cell = self.cell
        if cell.tree.thread != threading.get_ident():
            await Errand(cell.tree, self.wait_ready).wait_in_thread()
            return
        await trio.lowlevel.checkpoint_if_cancelled()
        while cell.state != "running":
            if not cell.is_alive:
                raise cell.refusal()
            await cell.wait_change()

    async def wait_ended(self) -> Outcome:
        cell = self.cell
        if cell.tree.thread != threading.get_ident():
            found: Outcome = await Errand(cell.tree, self.wait_ended).wait_in_thread()
            return found
        await trio.lowlevel.checkpoint_if_cancelled()
        return await cell.end_for_good()


def _asker(life: Life | None) -> str:
    return asker() if life is None else life.cell.name
