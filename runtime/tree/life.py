"""Life: one incarnation of an actor, from the call of its class to its outcome."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import trio

from actors.actor import Actor, Down
from actors.errors import ActorFailed, DeadlockError, Decline, StartTimeout
from actors.outcomes import Completed, Failed, Ignored, Killed, Outcome, Stopped
from actors.portable import describe
from actors.spec import Supervisor
from actors.supervision import is_fatal
from runtime.left_behind import Left
from runtime.masked import masked_by
from runtime.output import current_output
from runtime.stopping import UNWINDING
from runtime.tree.acting import acting
from runtime.tree.context import LiveContext
from runtime.tree.deadlock import cycle
from runtime.tree.desk import Desk
from runtime.tree.envelopes import Question
from runtime.tree.fuse import Fuse
from runtime.tree.side_work import SideWork

if TYPE_CHECKING:
    from runtime.tree.cell import Cell


class Life:
    """One task, in which the methods of the actor are called, one at a time.

    It is shielded from what goes on around it, as a cancellation from outside would reach all actors at once, and ended by
    :meth:`end` only, step by step: the current message, the children, ``on_stop``, each for a bounded time.
    """

    __slots__ = (
        "_actor",
        "_ending",
        "_error",
        "_fuse",
        "_has_started",
        "_is_given_up",
        "_is_masked",
        "_is_over",
        "_remakes",
        "_scope",
        "_side_work",
        "_started",
        "_told",
        "_watched",
        "_with_children",
        "cell",
        "desk",
        "has_left",
        "incarnation",
        "waits",
    )

    def __init__(self, cell: Cell) -> None:
        self.cell, self.incarnation = cell, cell.incarnation
        self.desk = Desk(cell)
        self.waits: list[Cell] | None = None
        """For whom its method waits."""
        self._actor: Actor | None = None
        self._scope = trio.CancelScope(shield=True)  # around whatever its task does now
        self._fuse = Fuse(cell.tree.deadlines, cell.tree.time)  # what is done when that takes too long
        self._ending: Outcome | None = None  # how it is to end, once it is
        self._told: str | None = None  # who has asked for that, if it was somebody else
        self._error: BaseException | None = None  # what has failed beside its messages
        self._started = 0.0
        self._has_started = self._is_over = self._is_given_up = self._is_masked = False  # over: it deals with nothing any more
        self._remakes = self._with_children = False
        self._side_work: SideWork | None = None
        self._watched: set[Cell] | None = None
        self.has_left = False
        """Whether it begins nothing any more that would have to be ended."""

    async def run(self) -> None:
        """Live. Never raises: the outcome goes to the cell, what is for the whole program to the tree."""
        acting.set(self)
        current_output.set(None)  # a run may have spawned it, but it is none of its own
        actor: Actor | None = None
        error: BaseException | None = None
        try:
            while not self._is_over:
                with self._scope:  # one for its start and what follows: to enter one costs as much as an ask
                    try:
                        if actor is None:
                            actor = await self._begin()
                        if not self._scope.cancel_called:  # else that was ignored, and messages would be cut off by it
                            await self.desk.serve(actor)
                            self._is_over = True
                    except (trio.Cancelled, BaseExceptionGroup) as exc:
                        self._unmask(exc)
                        raise
                if not self._is_over:
                    self._mend()
        except GeneratorExit:  # the program ends in the middle of it
            raise
        except BaseException as exc:
            error = exc
        if not self._is_given_up:
            await self._finish(error)
        if self._is_given_up:
            self.cell.tree.left_behind.drop(self)
            self.cell.has_gone(self.incarnation)

    def end(self, ending: Outcome, *, told: str | None = None, drain: str = "current", by: float = math.inf) -> None:
        """Have it end as `ending`, unless something else comes out of it meanwhile; returns at once.

        Args:
          told: who wants it: ``stop``, or ``group`` if it is then to be started again; None if it is its own end.
          drain: what it still deals with: the ``current`` message, ``all`` that wait, or ``none``.
          by: until when it has to be over.
        """
        self._told = self._told or told
        if self._ending is None:
            self._ending = ending
            self.desk.is_closing, self.desk.drains = True, drain == "all"
            self.cell.begin_stop(keeps=told == "group", drains=self.desk.drains)
        if not self._is_over:
            if not self._has_started or drain == "none":
                self.cut_off()
            elif told is not None and not self._fuse.is_lit:
                self._fuse.light(self.cell.spec.seconds("grace"), self.cut_off)
        self.hurry(by)

    def end_by_link(self, name: str) -> None:
        """End, since what it is linked with has ended in a way that nobody wanted."""
        self.end(Stopped(f"its link with {name!r}"))

    def complete(self, outcome: Completed) -> None:
        """End, since it has done its work; that counts more than that it was to be stopped."""
        self.end(outcome)
        self._ending = outcome

    def complete_with_children(self) -> None:
        """End, since enough of its significant children have: its value is how they have ended."""
        self._with_children = True
        self.end(Completed())

    def hurry(self, by: float) -> None:
        """Let its end take until `by` at most, and those of its children."""
        self._fuse.shorten(by)
        if self._is_over and self.cell.brood is not None:
            self.cell.brood.hurry(by)

    def cut_off(self) -> None:
        """Cancel what it does: its time to end by itself is over."""
        self._is_over = True
        self._scope.cancel(reason=str(self._ending))
        self._fuse.light(self.cell.spec.seconds("cleanup") + UNWINDING, self.give_up, least=UNWINDING)

    def give_up(self) -> None:
        """Leave it behind: it ignores its cancellation, which nothing in a program can help."""
        self._is_given_up = self._is_over = self.desk.is_closing = True
        self.desk.drains = False
        tree, killed = self.cell.tree, Killed(self._ender(), stuck=True)
        tree.left_behind.add(self, Left("coroutine", str(self.cell)))
        if self.cell.brood is not None:
            self.cell.brood.begin_end(tree.time())
        self._leave(killed)
        self._report(killed)

    def cut(self, question: Question, *, restart: bool) -> None:
        """Cancel the handler that is at `question`, as nobody wants its answer any more; the next message is dealt with then.

        Args:
          restart: whether its state is not to be trusted after that, so that the actor is made anew.
        """
        self.desk.is_cut, self._remakes = True, restart
        self._cancel(f"nobody waits for the answer to {question.kind} any more")

    def notify(self, down: Down) -> None:
        """Have it told that what it watches has ended."""
        if self.cell.life is self and not self._is_over:
            self.cell.mailbox.put_control(down)

    def watch(self, cell: Cell) -> None:
        """Have it told of the end of `cell`, while it lives."""
        if not self.has_left:
            self._watched = self._watched or set()
            self._watched.add(cell)
            cell.watch(self)

    def unwatch(self, cell: Cell) -> None:
        """Have nothing come any more about the end of `cell`, not even what has come already."""
        if self._watched is not None:
            self._watched.discard(cell)
        cell.unwatch(self)
        self.cell.mailbox.remove_control(lambda item: isinstance(item, Down) and item.ref is cell.ref)

    def begin_wait(self, cell: Cell) -> None:
        """Take note that its method waits for another actor.

        Raises:
          DeadlockError: that one waits for this, by way of others perhaps.
        """
        found = cycle(self.cell, cell, _waits_of)
        if found is not None:
            raise DeadlockError([each.name for each in found])
        if self.waits is None:
            self.waits = []
        self.waits.append(cell)

    def end_wait(self, cell: Cell) -> None:
        """Take note that it does not wait any more."""
        if self.waits is not None and cell in self.waits:  # else this life is over, and a task that it has begun elsewhere is not
            self.waits.remove(cell)

    @property
    def side_work(self) -> SideWork:
        """What it awaits beside its messages."""
        if self._side_work is None:
            self._side_work = SideWork(self.cell, self._fail)
            if self.has_left:  # nobody would end it
                self._side_work.cancel()
        return self._side_work

    def _fail(self, error: BaseException) -> None:
        """Have it fail by what was raised beside its messages."""
        if self._is_over and is_fatal(error):
            self.cell.tree.fatal(error)
        elif self._is_over:
            self.cell.tree.warn(self.cell, Failed(error, during_stop=True))
        elif self._error is None:
            self._error = error
            self._cancel(f"something that it awaits beside its messages has failed: {describe(error)}")

    def _cancel(self, reason: str) -> None:
        """Cancel what it does now; what ignores that is given up, as where it is being ended."""
        self._scope.cancel(reason=reason)
        if self._ending is None:
            self._fuse.light(self.cell.spec.seconds("cleanup") + UNWINDING, self.give_up)

    async def _begin(self) -> Actor:
        """Make the actor and start it, within the time that it has for that."""
        cell = self.cell
        is_supervisor = isinstance(cell.spec.factory, Supervisor)  # whose children have a time each
        if not is_supervisor:
            self._fuse.light(cell.spec.seconds("start_timeout"), self._cut_start)
        self._actor = actor = cell.make(LiveContext(self))
        await actor.on_start()
        if is_supervisor:
            await cell.children.start_all()
        self._has_started = True
        if not self._is_given_up:
            self._fuse.put_out()
            self._started = cell.tree.time()
            if self._ending is None:
                cell.has_started()
        return actor

    def _cut_start(self) -> None:
        self._cancel("its time to start is over")

    def _mend(self) -> None:
        """Go on where only what it did was cancelled; raises why it must not."""
        desk = self.desk
        self._scope = trio.CancelScope(shield=True)
        self._fuse.put_out()
        if not self._has_started:
            raise self._error or StartTimeout(self.cell.name, self.cell.spec.seconds("start_timeout"))
        if self._told is not None:  # it was to end meanwhile
            self._fuse.light(self.cell.spec.seconds("grace"), self.cut_off)
        if self._error is not None:
            raise self._error
        desk.leave()
        if desk.is_cut:
            desk.is_cut = False
            if self._remakes:
                raise ActorFailed(self.cell.name, "a message", "its handler was cancelled, and declares that a reason to restart")

    def _unmask(self, error: BaseException) -> None:
        """Raise the exception whose place a cancellation has taken, if there is one."""
        masked = masked_by(error, trio.Cancelled)
        if masked is not None:
            self._is_masked = True
            try:
                raise masked from masked.__cause__
            finally:
                del masked  # it refers to this frame, and only the garbage collector would find that out

    async def _finish(self, error: BaseException | None) -> None:
        """End the children, clean up, and report the outcome."""
        self._is_over = True
        self.cell.state = "stopping"  # until it is decided what follows
        self._fuse.put_out()
        if error is not None:
            self.desk.fail(error, may_retry=self._ending is None)
        outcome = self._judge(error)
        if error is not None and is_fatal(error):
            self._error, self._told = error, "stop"  # nothing restarts it
        self._leave(outcome)
        if self._side_work is not None:
            self._fuse.light(self.cell.spec.seconds("cleanup") + UNWINDING, self._side_work.leave_behind, least=UNWINDING)
            with trio.CancelScope(shield=True):  # as long as the fuse burns
                await self._side_work.ended()
            self._fuse.put_out()
        if (brood := self.cell.brood) is not None:
            with trio.CancelScope(shield=True):  # as long as the children take, each of which has its time
                await brood.end_all(self._fuse.by, "all" if self.desk.drains else "current")
            if self._with_children and isinstance(outcome, Completed):
                outcome = Completed(brood.outcomes())
        if self._is_given_up:  # at the end of all, which waits for its children no longer
            return
        if self._has_started and self._actor is not None and type(self._actor).on_stop is not Actor.on_stop:
            outcome = await self._clean_up(self._actor, outcome)
            self._fuse.put_out()
            self._leave(outcome)  # what it has begun meanwhile: timers, and what it awaits beside its messages
        if not self._is_given_up:
            self._report(outcome)

    def _judge(self, error: BaseException | None) -> Outcome:
        """Decide how it ended: from what came out of it, and from the record of who has ended it."""
        if isinstance(error, Decline) and not self._has_started:
            return Ignored(str(error))
        if error is not None:
            return Failed(error, during_stop=self._told is not None, is_masked=self._is_masked)
        assert self._ending is not None
        return self._ending

    async def _clean_up(self, actor: Actor, outcome: Outcome) -> Outcome:
        """Call ``on_stop``, and return the outcome as it is then."""
        self._fuse.light(self.cell.spec.seconds("cleanup"), self._cut_cleanup)
        try:
            with trio.CancelScope(shield=True) as self._scope:
                await actor.on_stop(outcome)
        except Exception as exc:
            failed = Failed(exc, during_stop=True)
            if not outcome.is_abnormal:
                return failed
            self.cell.tree.warn(self.cell, failed)
            return outcome
        return Killed(self._ender()) if self._scope.cancelled_caught else outcome

    def _cut_cleanup(self) -> None:
        self._scope.cancel(reason="its time to clean up is over")
        self._fuse.light(UNWINDING, self.give_up, least=UNWINDING)

    def _ender(self) -> str:
        return self._ending.by if isinstance(self._ending, Stopped) else "its supervisor"

    def _leave(self, outcome: Outcome) -> None:
        """Leave nobody waiting for this life, and wait for nobody."""
        self.waits, self.has_left = None, True
        watched, self._watched = self._watched or (), None
        for cell in watched:
            cell.unwatch(self)
        self.desk.clear(outcome, "restarted" if self._ending is None else "stopped")
        self.cell.mailbox.control = None  # what came of its own timers and watches
        if self._side_work is not None:
            self._side_work.cancel()

    def _report(self, outcome: Outcome) -> None:
        if self._error is not None and is_fatal(self._error):
            self.cell.tree.fatal(self._error)
        healthy = self.cell.tree.time() - self._started if self._has_started else 0.0
        self.cell.has_ended(outcome, self._told, has_started=self._has_started, healthy=healthy)


def _waits_of(cell: Cell) -> list[Cell]:
    return (cell.life.waits if cell.life is not None else None) or []
