"""Tree: all actors of one running app, and what they share."""

from __future__ import annotations

import itertools
import logging
import threading
from collections import deque
from collections.abc import Callable
from functools import partial
from random import Random
from typing import Any

import trio

from actors.actor import Actor
from actors.errors import ActorGaveUp, NotRunning, UnknownActor
from actors.handlers import Handlers
from actors.nodes import DeadLetter, Node, Reason
from actors.outcomes import Failed, GaveUp, Outcome, Stopped
from actors.portable import describe
from actors.ref import ActorRef, Drain
from actors.session import Session
from actors.spec import ActorSpec, Supervisor
from actors.supervision import leaves_of
from runtime.clock import Clock
from runtime.in_trio import door_of_trio
from runtime.left_behind import LeftBehind
from runtime.logs import runtime_log
from runtime.stopping import UNWINDING
from runtime.tracebacks import user_traceback
from runtime.tree.acting import acting
from runtime.tree.brood import BY_SUPERVISOR
from runtime.tree.cell import Cell
from runtime.tree.children import Children
from runtime.tree.deadlines import Deadlines
from runtime.tree.envelopes import Envelope
from runtime.tree.errand import Errand
from runtime.tree.member import Member
from runtime.tree.parts import Parts

LIMIT, WINDOW = 10, 60.0
"""More restarts than this within so many seconds, of all actors at the top together, end the app."""
LAST_TURN = 2 * UNWINDING
"""Seconds that all get together at the end, once the time is over in which one ends after the other."""
_DOWN = ("failed", "gave up", "restarting")
KEPT = 1000
"""How many dead letters are kept."""


class Tree:
    """The root of all actors. Made in the trio thread, where all of it happens; ``post`` brings things there.

    Args:
      failed: is told of what is to end the app in order: an error that no restart may keep, or that all have given up.
      broken: is told of an error of the runtime's own that restarts did not help against.
      random: what the waits before restarts are drawn from.
    """

    def __init__(
        self,
        session: Session,
        clock: Clock,
        left_behind: LeftBehind,
        failed: Callable[[BaseException], object],
        broken: Callable[[Exception], object],
        random: Random,
    ) -> None:
        self.session, self.left_behind, self.fatal = session, left_behind, failed
        self.thread = threading.get_ident()
        self.time = trio.lowlevel.current_clock().current_time  # a third of what trio.current_time() costs
        self.deadlines = Deadlines()
        self.names: dict[str, Cell] = {}
        """{full name: cell} of all that can be found."""
        self.random = random
        self.top = Children(self, None, Supervisor(session.actors, limit=LIMIT, window=WINDOW), self._give_up)
        self.parts = Parts(self, broken)
        self.is_open = False
        """Whether actors can begin."""
        self.nursery: trio.Nursery
        self._clock, self._door = clock, door_of_trio()
        self._uids = itertools.count(1)
        self._by_uid: dict[int, Cell] = {}
        self._handlers: dict[type[Actor], Handlers] = {}
        self._buried: deque[DeadLetter] = deque(maxlen=KEPT)
        self._is_over = trio.Event()
        self._in_turn = trio.CancelScope(shield=True)  # around the time in which one ends after the other

    async def serve(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Hold the one nursery in which all lives are tasks, until :meth:`end` is over; started once actors can be."""
        with trio.CancelScope(shield=True):  # who serves also ends, which has a deadline
            async with trio.open_nursery() as self.nursery:
                self.is_open = True
                self.parts.begin("deadlines of actors", self.deadlines.run, self.nursery, is_of_runtime=True)
                task_status.started()
                await self._is_over.wait()
                self.nursery.cancel_scope.cancel(reason="all actors have ended")

    async def start(self) -> None:
        """Start the actors that are declared, in their order; raises StartError if one does not start, and none runs then."""
        await self.top.start_all()

    async def spawn(self, spec: ActorSpec) -> ActorRef:
        """Start one more actor at the top; from any thread. See :meth:`Session.spawn`."""
        if threading.get_ident() != self.thread:
            there: ActorRef = await Errand(self, partial(self.spawn, spec)).wait_in_thread()
            return there
        if not self.is_open:
            raise NotRunning(f"spawning actor {spec.name!r}")
        return (await self.top.spawn(spec, acting.get())).ref

    def call_off(self, by: float) -> None:
        """End a start that goes on, with all that have started."""
        self.top.begin_end(by)

    async def end(self, by: float, drain: Drain = "current") -> None:
        """End all actors, the last first, until `by` at the latest; a moment later what ignores that is left behind.

        Args:
          drain: what they still deal with: the ``current`` message, or ``all`` that wait.
        """
        if self._is_over.is_set():
            return
        self.hurry(by)
        with self._in_turn:
            await self.top.end_all(by, drain)
        if self._in_turn.cancelled_caught:
            await self._end_at_once()
        self._is_over.set()

    async def _end_at_once(self) -> None:
        """End those for whose turn no time is left, all together, and leave behind those that still go on then."""
        now = self.time()
        for cell in list(self._by_uid.values()):
            cell.end(Stopped(BY_SUPERVISOR, "no time is left"), told="stop", drain="none", by=now)
        with trio.CancelScope(shield=True, deadline=now + LAST_TURN):
            await self.top.end_all(now)
        for cell in list(self._by_uid.values()):
            if cell.life is not None:
                cell.life.give_up()

    def hurry(self, by: float) -> None:
        """Let no actor that is being ended take longer than until `by`."""
        self.top.hurry(by)
        self._in_turn.deadline = min(self._in_turn.deadline, by)

    def register(self, cell: Cell) -> int:
        """Take in a new actor by its name; return a number that no other ever has."""
        uid = next(self._uids)
        self.names[cell.name] = self._by_uid[uid] = cell
        return uid

    def unregister(self, cell: Cell) -> None:
        """Free the name of an actor."""
        if self.names.get(cell.name) is cell:
            del self.names[cell.name]
        self._by_uid.pop(cell.uid, None)

    def ref(self, name: str) -> ActorRef:
        """Return the actor of that full name; raises UnknownActor. From any thread."""
        cell = self.names.get(name)
        if cell is None:
            raise UnknownActor(name, list(self.names))
        return cell.ref

    def ref_by_uid(self, name: str, uid: int) -> ActorRef:
        """Return just the actor that had this number, not one that has its name now; raises UnknownActor if it is gone."""
        cell = self._by_uid.get(uid)
        if cell is None:
            raise UnknownActor(name, list(self.names))
        return cell.ref

    def handlers_of(self, actor: type[Actor]) -> Handlers:
        """Return what a class of actors takes."""
        if (handlers := self._handlers.get(actor)) is None:
            handlers = self._handlers[actor] = Handlers(actor)
        return handlers

    def children_of(self, cell: Cell, plan: Supervisor) -> Children:
        """Return room for the children of an actor."""
        return Children(self, cell, plan)

    def post(self, step: Callable[[], object], lost: Callable[[], object]) -> None:
        """Have a step taken in the trio thread: at once from there, else soon; `lost` is called where trio has ended."""
        if threading.get_ident() == self.thread:
            step()
            return
        try:
            self._door.post(step)
        except trio.RunFinishedError:
            lost()

    def bury(self, name: str, message: Any, reason: Reason) -> None:
        """Keep a message that nobody deals with. From any thread."""
        self._buried.append(DeadLetter(name, message, reason, self._clock.now()))
        runtime_log.tell(logging.DEBUG, "dead letter for actor %r: %s (%s)", name, type(message).__name__, reason)

    @property
    def dead_letters(self) -> tuple[DeadLetter, ...]:
        """The latest, the oldest first. From any thread."""
        return tuple(self._buried)

    def tell_restart(self, member: Member, outcome: Outcome, seconds: float) -> None:
        """Tell in the log that an actor, or a part of the runtime, is restarted."""
        when = f"in {seconds:.3g} s" if seconds else "now"
        traceback = f"\n{user_traceback(outcome.error)}" if isinstance(outcome, Failed) else ""
        runtime_log.tell(logging.WARNING, "%s %s; it is restarted %s%s", member, outcome, when, traceback)

    def tell_resumed(self, cell: Cell, error: Exception) -> None:
        """Tell in the log that an actor goes on although it has failed on a message."""
        runtime_log.tell(logging.WARNING, "actor %r goes on after %s\n%s", cell.name, describe(error), user_traceback(error))

    def warn(self, member: Member, outcome: Failed) -> None:
        """Tell in the log what an actor raised while it was being stopped."""
        runtime_log.tell(logging.ERROR, "%s %s\n%s", member, outcome, user_traceback(outcome.error))

    def _give_up(self, outcome: GaveUp) -> None:
        error = ActorGaveUp("the actors of the app", outcome.reason)
        errors = [leaf for one in outcome.errors for leaf in leaves_of(one) if isinstance(leaf, Exception)]
        if errors:
            error.__cause__ = ExceptionGroup("the last failures", errors)
        self.fatal(error)

    def problems(self) -> tuple[str, ...]:
        """Return which actors are down that should not be, in words. From any thread."""
        cells = [cell for cell in list(self.names.values()) if cell.outcome is not None and cell.state in _DOWN]
        return tuple(
            f"{cell} {'is being restarted, as it ' if cell.state == 'restarting' else ''}{cell.outcome}" for cell in cells
        )

    def nodes(self) -> tuple[Node, ...]:
        """Return the actors as they are now. From any thread."""
        return tuple(self._node(cell) for cell in list(self.top.members.values()))

    def _node(self, cell: Cell) -> Node:
        life = cell.life
        current = life.desk.current if life is not None else None
        message = current.message if isinstance(current, Envelope) else current
        below = list(cell.brood.members.values()) if cell.brood is not None else []
        return Node(
            name=cell.name,
            kind="supervisor" if isinstance(cell.spec.factory, Supervisor) else "actor",
            state=cell.state,
            incarnation=cell.incarnation,
            waiting=len(cell.mailbox),
            handled=cell.handled,
            lost=cell.lost,
            current=type(message).__name__ if current is not None else None,
            age=self.time() - life.desk.since if life is not None and current is not None else None,
            outcome=str(cell.outcome) if cell.outcome is not None else None,
            children=tuple(self._node(child) for child in below),
        )
