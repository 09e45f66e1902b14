"""Cell: one actor over all its lives: its name, its mailbox, what is known of it, and who wants to know."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import trio

from actors.actor import Actor, Down, Message
from actors.args.base import Circumstances, all_valued, has_arguments
from actors.context import Context
from actors.errors import ActorRestarting, ActorStopped, MailboxFull, UnexpectedMessage
from actors.handlers import Handler, Handlers
from actors.nodes import Reason, State
from actors.outcomes import Completed, Failed, GaveUp, Ignored, Killed, Outcome, Stopped
from actors.spec import ActorSpec, Supervisor
from runtime.tree.envelopes import Envelope, Question
from runtime.tree.life import Life
from runtime.tree.mailbox import Mailbox
from runtime.tree.member import Member
from runtime.tree.refs import LocalRef

if TYPE_CHECKING:
    from runtime.tree.children import Children
    from runtime.tree.tree import Tree

_STATES: dict[type[Outcome], State] = {Completed: "completed", Failed: "failed", GaveUp: "gave up", Ignored: "ignored"}


class Cell(Member):
    """What stays of an actor while its lives come and go.

    Args:
      parent: the actor that it is a child of; None at the top.
      siblings: what supervises it.
      name: its full name.
      is_kept: whether it was declared, so that it is kept when it has ended, and may be started again.
    """

    __slots__ = (
        "_changed",
        "_watchers",
        "brood",
        "handled",
        "handlers",
        "late_replies",
        "life",
        "links",
        "lost",
        "mailbox",
        "parent",
        "ref",
        "tree",
        "uid",
    )

    spec: ActorSpec
    siblings: Children

    def __init__(self, tree: Tree, parent: Cell | None, siblings: Children, name: str, spec: ActorSpec, *, is_kept: bool) -> None:
        super().__init__(name, spec, siblings, is_kept=is_kept)
        self.tree, self.parent = tree, parent
        self.uid = tree.register(self)
        self.handlers = self._handlers()
        self.mailbox = Mailbox(spec.capacity)
        self.mailbox.close()  # until it is begun
        self.ref = LocalRef(self)
        self.life: Life | None = None
        self.brood: Children | None = None
        self.handled = self.lost = self.late_replies = 0
        self.links: set[Cell] | None = None
        self._watchers: list[Life] | None = None
        self._changed: trio.Event | None = None

    def _handlers(self) -> Handlers:
        """Return what it takes, as far as that is known before it is made."""
        factory = self.spec.factory
        if isinstance(factory, Supervisor):
            return self.tree.handlers_of(Actor)
        return self.tree.handlers_of(factory) if isinstance(factory, type) else Handlers.open()

    def begin(self) -> None:
        self.incarnation += 1
        self.state, self.is_up = "starting", True
        self.mailbox.open()
        if self.brood is not None:
            self.brood.reopen()
        self.life = Life(self)
        self.tree.nursery.start_soon(self.life.run, name=self.name)

    def has_started(self) -> None:
        """Take note that ``on_start`` has returned."""
        self.state = "running"
        self._change()
        self.siblings.started(self)

    def has_ended(self, outcome: Outcome, told: str | None, *, has_started: bool, healthy: float) -> None:
        """Take note that its life has ended so; what follows is decided by who supervises it."""
        self.life, self.is_up, self.outcome = None, False, outcome
        if outcome.is_abnormal and self.links:
            for other in list(self.links):
                if other.life is not None:
                    other.life.end_by_link(self.name)
        for other in self.links or ():
            if other.links is not None:
                other.links.discard(self)
        self.links = None
        self.siblings.ended(self, outcome, told, has_started=has_started, healthy=healthy)

    def has_gone(self, incarnation: int) -> None:
        """Take note that a life that was left behind has ended at last."""
        if self.state == "stuck" and self.incarnation == incarnation:
            self.state = "stopped"

    def begin_stop(self, *, keeps: bool, drains: bool) -> None:
        """Take note that its life is to end; nothing more is taken unless it is to begin again (`keeps`).

        Args:
          drains: whether it still deals with what waits.
        """
        self.state = "stopping"
        if not keeps:
            self.mailbox.close()
            if not drains:
                self.flush()
        self.mailbox.wake()

    def pause(self, outcome: Outcome) -> None:
        super().pause(outcome)
        if self.spec.while_restarting == "reject":
            self.mailbox.close()
        self._change()

    def settle(self, outcome: Outcome) -> None:
        self.outcome = outcome
        self.state = "stuck" if isinstance(outcome, Killed) and outcome.stuck else _STATES.get(type(outcome), "stopped")
        self.mailbox.close()
        self.flush()
        if not self.is_kept or self.spec.restart.kind == "temporary":
            self.forget()  # its name is free before anybody hears of it
        watchers, self._watchers = self._watchers or (), None
        down = Down(self.ref, self.incarnation, outcome)
        for life in watchers:
            life.notify(down)
        self._change()

    def forget(self) -> None:
        """Be gone: its name is free, and those of its children."""
        for child in list(self.brood.members.values()) if self.brood is not None else ():
            child.forget()
        self.tree.unregister(self)
        self.siblings.forget(self)

    def flush(self) -> None:
        """Leave nothing in the mailbox: dead letters, and errors for those who wait for an answer."""
        for item in self.mailbox.drain():
            self.lose(item, "stopped")

    def handler_of(self, message: object) -> Handler:
        """Return what is declared about dealing with `message`; raises UnexpectedMessage if nothing is."""
        handler = self.handlers.of(type(message))
        if handler is None:
            raise UnexpectedMessage(self.name, type(message).__name__, self.handlers.known)
        return handler

    @property
    def has_room(self) -> bool:
        """Whether it takes one more message now."""
        return len(self.mailbox) < self.mailbox.room

    def offer(self, item: Any) -> None:
        """Take in a message, or an envelope, of a class that has been looked at, as far as there is room.

        Raises:
          MailboxFull: there is none. A question may wait for it.
          ActorStopped, ActorRestarting: it takes no questions.
        """
        mailbox = self.mailbox
        if mailbox.put(item):
            return
        if not mailbox.is_open:
            if isinstance(item, Question):
                raise self.refusal()
            self.lose(item, "stopped")
        elif self.spec.overflow == "drop_old":
            oldest = next(mailbox.drain())
            mailbox.put(item, in_any_case=True)  # there may be more than there is room for: what was put aside comes back
            self.lose(oldest, "overflow")
        elif self.spec.overflow == "drop_new" and not isinstance(item, Question):
            self.lose(item, "overflow")
        else:
            raise MailboxFull(self.name, mailbox.capacity)

    def deliver(self, message: Message[Any]) -> None:
        """Take in a message that the actor has seen to itself, whatever room there is; raises UnexpectedMessage."""
        self.handler_of(message)
        if self.mailbox.is_open:
            self.mailbox.put(message, in_any_case=True)
        else:
            self.lose(message, "stopped")

    def refusal(self) -> ActorStopped | ActorRestarting:
        """Return why it takes no messages."""
        if self.state == "restarting":
            return ActorRestarting(self.name, str(self.outcome))
        if self.outcome is None and self.life is None:
            return ActorStopped(self.name, "it has not been started")
        return ActorStopped(self.name, f"it has ended: {self.outcome}" if self.life is None else "it is ending")

    def bury(self, item: Any, reason: Reason) -> None:
        """Make a dead letter of a message, or of what is in an envelope. From any thread."""
        self.lost += 1
        self.tree.bury(self.name, item.message if isinstance(item, Envelope) else item, reason)

    def lose(self, item: Any, reason: Reason) -> None:
        """Make a dead letter of it, and an error for who waits for an answer."""
        self.bury(item, reason)
        if isinstance(item, Question) and item.is_open:
            if reason == "restarted":
                item.leave_unanswered("the actor had put it aside, and failed")
            else:
                item.refuse(MailboxFull(self.name, self.mailbox.capacity) if reason == "overflow" else self.refusal())

    def expired(self, question: Question) -> None:
        """Take note that the time of a question is over."""
        self._not_wanted(question, "expired", self.handlers.of(type(question.message)), "on_deadline")

    def withdrawn(self, question: Question) -> None:
        """Take note that nobody waits for the answer to a question any more."""
        self._not_wanted(question, "withdrawn", self.handlers.of(type(question.message)), "on_caller_gone")

    def _not_wanted(self, question: Question, reason: Reason, handler: Handler | None, policy: str) -> None:
        desk = question.reader
        if desk is None:
            if self.mailbox.remove(question):
                self.lose(question, reason)
        elif desk.current is not question:
            if desk.let_go(question):
                self.lose(question, reason)
        elif self.life is not None and self.life.desk is desk and getattr(handler, policy) != "finish":
            self.life.cut(question, restart=getattr(handler, policy) == "restart")

    def state_of(self, question: Question, waited: float) -> str:
        """Return in words where a question is."""
        desk, now = question.reader, self.tree.time()
        if desk is None:
            at = ""
            if self.life is not None and (current := self.life.desk.current) is not None:
                at = f", which is at {_kind(current)} since {now - self.life.desk.since:.3g} s"
            return f"it has waited {waited:.3g} s among {len(self.mailbox)} messages of an actor that is {self.state}{at}"
        if desk.current is question:
            return f"it was read after {waited - (now - desk.since):.3g} s, and its handler has not returned"
        return "it was read, and its answer was put off"

    @property
    def children(self) -> Children:
        """Its children, made room for at the first use."""
        if self.brood is None:
            factory = self.spec.factory
            self.brood = self.tree.children_of(self, factory if isinstance(factory, Supervisor) else Supervisor())
            if self.life is not None and self.life.has_left:  # nobody would end them
                self.brood.begin_end()
        return self.brood

    def give_up(self, outcome: GaveUp) -> None:
        """End, as its children cannot be kept."""
        if self.life is not None:
            self.life.end(outcome)

    def complete_with_children(self) -> None:
        """End, as its children have."""
        if self.life is not None:
            self.life.complete_with_children()

    def end(self, why: Stopped, *, told: str, drain: str = "current", by: float = math.inf) -> None:
        if self.life is not None:
            self.life.end(why, told=told, drain=drain, by=by)

    def hurry(self, by: float) -> None:
        if self.life is not None:
            self.life.hurry(by)

    def link(self, other: Cell) -> None:
        """Have the abnormal end of one stop the other."""
        if other is self:
            return
        for one, peer in ((self, other), (other, self)):
            one.links = one.links or set()
            one.links.add(peer)

    def unlink(self, other: Cell) -> None:
        """Have each end by itself."""
        for one, peer in ((self, other), (other, self)):
            if one.links is not None:
                one.links.discard(peer)

    def watch(self, life: Life) -> None:
        """Have a life of another actor told once when this has ended for good."""
        if self.is_final:
            assert self.outcome is not None
            life.notify(Down(self.ref, self.incarnation, self.outcome))
            return
        self._watchers = self._watchers or []
        if life not in self._watchers:
            self._watchers.append(life)

    def unwatch(self, life: Life) -> None:
        """Have it not told."""
        if self._watchers is not None and life in self._watchers:
            self._watchers.remove(life)

    async def wait_change(self) -> None:
        """Wait until its state changes."""
        if self._changed is None:
            self._changed = trio.Event()
        await self._changed.wait()

    def _change(self) -> None:
        if self._changed is not None:
            self._changed.set()
            self._changed = None

    @property
    def is_final(self) -> bool:
        """Whether it has ended, and nobody is about to start it."""
        return not self.is_alive and self.outcome is not None

    async def end_for_good(self) -> Outcome:
        """Wait until it has ended, and nobody is about to start it; return how."""
        while not self.is_final:
            await self.wait_change()
        assert self.outcome is not None
        return self.outcome

    def line(self) -> Iterator[Cell]:
        """Yield it, its parent, and so on to the top."""
        cell: Cell | None = self
        while cell is not None:
            yield cell
            cell = cell.parent

    def _args(self) -> Mapping[str, Any]:
        """Return what the factory is called with, the arguments among it valued anew for each life."""
        args = self.spec.args
        return all_valued(str(self), args, Circumstances(None, self.tree.session)) if has_arguments(args) else args

    def make(self, context: Context) -> Actor:
        """Make the actor of a new life; raises what its factory raises, and TypeError if that returns something else."""
        factory = self.spec.factory
        actor = Actor() if isinstance(factory, Supervisor) else factory(**self._args())
        if not isinstance(actor, Actor):
            raise TypeError(f"the factory of actor {self.name!r} has returned {actor!r}, which is no Actor")
        actor.ctx = context
        self.handlers = self.tree.handlers_of(type(actor))
        return actor


def _kind(item: Any) -> str:
    return type(item.message if isinstance(item, Envelope) else item).__name__
