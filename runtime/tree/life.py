"""Life: one incarnation of an actor, from the call of its class to its outcome."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

import trio

from actors.actor import Actor, Down, Message
from actors.errors import ActorFailed, AskTimeout, DeadlockError, Decline, StartTimeout, StashFull, UnexpectedMessage
from actors.handlers import Handler
from actors.outcomes import Completed, Failed, Ignored, Killed, Outcome, Stopped
from actors.portable import describe
from actors.spec import Supervisor
from actors.supervision import is_fatal
from runtime.left_behind import Left
from runtime.masked import masked_by
from runtime.stopping import UNWINDING
from runtime.tree.acting import acting
from runtime.tree.context import LiveContext
from runtime.tree.deadlines import Entry
from runtime.tree.deadlock import cycle
from runtime.tree.envelopes import Envelope, Later, Question, Tick
from runtime.tree.timers import Timers

if TYPE_CHECKING:
    from runtime.tree.cell import Cell

SLICE = 32
"""How many messages an actor deals with before it lets others have a turn."""
SLICE_SECONDS = 0.005
"""For how many seconds it does."""


class Life:
    """One task, in which the methods of the actor are called, one at a time.

    It is shielded from what goes on around it, as a cancellation from outside would reach all actors at once, and ended by
    :meth:`end` only, step by step: the current message, the children, ``on_stop``, each for a bounded time.
    """

    __slots__ = (
        "_act",
        "_background",
        "_by",
        "_drains",
        "_ending",
        "_entry",
        "_error",
        "_has_started",
        "_is_aside",
        "_is_cut",
        "_is_given_up",
        "_is_masked",
        "_is_over",
        "_moment",
        "_owed",
        "_remakes",
        "_started",
        "_stash",
        "_timers",
        "_told",
        "_with_children",
        "actor",
        "cell",
        "current",
        "incarnation",
        "scope",
        "since",
        "waits",
    )  # fmt: skip

    def __init__(self, cell: Cell) -> None:
        self.cell, self.incarnation = cell, cell.incarnation
        self.actor: Actor | None = None
        self.scope: trio.CancelScope | None = None
        self.current: Any = None
        """The message or envelope that it deals with, None if it deals with none."""
        self.since = self._started = 0.0
        """`since`: from when on, on trio's clock."""
        self.waits: list[Cell] | None = None
        """For whom its method waits."""
        self._ending: Outcome | None = None  # how it is to end, once it is
        self._told: str | None = None  # who has asked for that, if it was somebody else
        self._by, self._moment = math.inf, math.inf
        self._entry: Entry | None = None
        self._act: Callable[[], object] | None = None
        self._drains = self._has_started = self._is_over = self._is_given_up = False
        self._is_cut = self._remakes = self._is_aside = self._is_masked = self._with_children = False
        self._error: BaseException | None = None
        self._timers: Timers | None = None
        self._stash: list[Any] | None = None
        self._owed: set[Question] | None = None
        self._background: set[trio.CancelScope] | None = None

    async def run(self) -> None:
        """Live. Never raises: the outcome goes to the cell, what is for the whole program to the tree."""
        acting.set(self)
        error: BaseException | None = None
        try:
            with trio.CancelScope(shield=True, deadline=self._start_deadline()) as self.scope:
                try:
                    await self._start()
                    self._has_started = True
                except (trio.Cancelled, BaseExceptionGroup) as exc:
                    self._unmask(exc)
                    raise
            if self._has_started:
                self.scope.deadline = math.inf
                self._started = self.cell.tree.time()
                if self._ending is None:
                    self.cell.has_started()
            elif self._ending is None:
                raise self._error or StartTimeout(self.cell.name, _seconds(self.cell.spec.start_timeout))
            while self._has_started and not self._is_over:
                with trio.CancelScope(shield=True) as self.scope:
                    try:
                        await self._serve()
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
        await self._finish(error)

    def end(self, ending: Outcome, *, told: str | None = None, drain: str = "current", by: float = math.inf) -> None:
        """Have it end as `ending`, unless something else comes out of it meanwhile; returns at once.

        Args:
          told: who wants it: ``stop``, or ``group`` if it is then to be started again; None if it is its own end.
          drain: what it still deals with: the ``current`` message, ``all`` that wait, or ``none``.
          by: until when it has to be over.
        """
        if self._told is None:
            self._told = told
        is_first = self._ending is None
        if is_first:
            self._ending, self._drains = ending, drain == "all"
            self.cell.state = "stopping"
            if told != "group":
                self.cell.mailbox.close()
                if not self._drains:
                    self.cell.flush()
            self.cell.mailbox.wake()
        self._by = min(self._by, by)
        if self._is_over:
            self.hurry(by)
        elif not self._has_started or drain == "none":
            self.cut_off()
        elif told is not None and self._entry is None:
            self._limit(_seconds(self.cell.spec.grace), self.cut_off)
        else:
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
        """Let what is being waited for at its end take until `by` at most."""
        self._by = min(self._by, by)
        if self._act is not None and self._moment > self._by:
            self._limit(0.0, self._act)
        if self._is_over and self.cell.brood is not None:
            self.cell.brood.hurry(self._by)

    def cut_off(self) -> None:
        """Cancel what it does: its time to end by itself is over."""
        self._is_over = True
        if self.scope is not None:
            self.scope.cancel(reason=str(self._ending))
        self._limit(_seconds(self.cell.spec.cleanup) + UNWINDING, self.give_up, least=UNWINDING)

    def give_up(self) -> None:
        """Leave it behind: it ignores its cancellation, which nothing in a program can help."""
        self._is_given_up = True
        tree = self.cell.tree
        tree.left_behind.add(self, Left("coroutine", self.cell.name, ""))
        if self.cell.brood is not None:
            self.cell.brood.begin_end(tree.time())
        killed = Killed(self._ender(), stuck=True)
        self._close(killed, None)
        self._leave()
        self._report(killed)

    def cut(self, question: Question, *, restart: bool) -> None:
        """Cancel the handler that is at `question`, as nobody wants its answer any more; the next message is dealt with then.

        Args:
          restart: whether its state is not to be trusted after that, so that the actor is made anew.
        """
        if self.current is question and self.scope is not None:
            self._is_cut, self._remakes = True, restart
            self.scope.cancel(reason=f"nobody waits for the answer to {question.kind} any more")

    def fail(self, error: BaseException) -> None:
        """Have it fail by what was raised beside its messages."""
        if self._error is None and not self._is_over and self.scope is not None:
            self._error = error
            self.scope.cancel(reason=f"something that it awaits beside its messages has failed: {describe(error)}")

    def notify(self, down: Down) -> None:
        """Have it told that what it watches has ended."""
        if self.cell.life is self and not self._is_over:
            self.cell.mailbox.put_control(down)

    def unwatch(self, cell: Cell) -> None:
        """Have nothing come any more about the end of `cell`, not even what has come already."""
        cell.unwatch(self)
        control = self.cell.mailbox.control
        for item in [item for item in control or () if isinstance(item, Down) and item.ref is cell.ref]:
            assert control is not None
            control.remove(item)

    def begin_wait(self, cell: Cell) -> None:
        """Take note that its method waits for another actor.

        Raises:
          DeadlockError: that one waits for this, by way of others perhaps.
        """
        found = cycle(self.cell, cell, _waits_of)
        if found is not None:
            raise DeadlockError([each.name for each in found])
        self.waits = self.waits or []
        self.waits.append(cell)

    def end_wait(self, cell: Cell) -> None:
        """Take note that it does not wait any more."""
        if self.waits is not None:
            self.waits.remove(cell)

    @property
    def deadline(self) -> float:
        """Until when the current message is worth an answer."""
        return self.current.deadline if isinstance(self.current, Envelope) else math.inf

    @property
    def timers(self) -> Timers:
        """Its timers."""
        if self._timers is None:
            self._timers = Timers(self.cell)
        return self._timers

    def stash(self) -> None:
        """Put the current message aside; raises StashFull."""
        self._stash = self._stash or []
        if len(self._stash) >= self.cell.spec.capacity:
            raise StashFull(self.cell.name, self.cell.spec.capacity)
        if self.current is not None and not self._is_aside:
            self._is_aside = True
            self._stash.append(self.current.message if isinstance(self.current, Tick) else self.current)

    def unstash(self) -> None:
        """Take up again what was put aside."""
        stash, self._stash = self._stash or [], None
        for item in stash:
            if isinstance(item, Question):
                item.reader = None
        self.cell.mailbox.put_first(stash)

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

    async def pipe(
        self,
        func: Callable[..., Awaitable[Any]],
        args: tuple[object, ...],
        then: Callable[[Any], Message[Any]] | None,
        failed: Callable[[Exception], Message[Any]] | None,
    ) -> None:
        """Await something beside the messages, in a task of its own, and have what comes of it come as a message."""
        acting.set(None)  # while it waits for another actor, this one deals with messages
        if self._is_over:
            return
        self._background = self._background or set()
        with trio.CancelScope(shield=True) as scope:
            self._background.add(scope)
            try:
                message = None
                try:
                    value = await func(*args)
                    message = None if then is None else then(value)
                except Exception as exc:
                    if failed is None:
                        raise
                    message = failed(exc)
                if message is not None and self.cell.life is self:
                    self.cell.ref.tell(message)
            except trio.Cancelled:
                raise
            except BaseException as exc:
                self.fail(exc)
            finally:
                self._background.discard(scope)

    async def _start(self) -> None:
        cell = self.cell
        actor = cell.make()
        if not isinstance(actor, Actor):
            raise TypeError(f"the factory of actor {cell.name!r} has returned {actor!r}, which is no Actor")
        actor.ctx = LiveContext(self)
        self.actor, cell.handlers = actor, cell.tree.handlers_of(type(actor))
        await actor.on_start()
        if isinstance(cell.spec.factory, Supervisor):
            await cell.children.start_all()

    def _start_deadline(self) -> float:
        if isinstance(self.cell.spec.factory, Supervisor):  # each of its children has its own
            return math.inf
        return self.cell.tree.time() + _seconds(self.cell.spec.start_timeout)

    async def _serve(self) -> None:
        """Deal with messages until it is to end."""
        cell, mailbox, actor, time = self.cell, self.cell.mailbox, self.actor, self.cell.tree.time
        handlers = cell.handlers
        left, until = SLICE, time() + SLICE_SECONDS
        while True:
            if self._ending is not None and not (self._drains and mailbox.user):
                return
            if mailbox.control:
                item = mailbox.control.popleft()
            elif mailbox.user:
                item = mailbox.user.popleft()
                mailbox.took_one()
            else:
                await mailbox.wait()
                left, until = SLICE, time() + SLICE_SECONDS
                continue
            message = item
            if isinstance(item, Envelope):
                if not self._is_wanted(item):
                    continue
                message = item.message
            handler = handlers.of(type(message))
            if handler is None:  # it came before it was known what the actor takes
                self._refuse_unexpected(item, message)
                continue
            self.current, self.since = item, time()
            try:
                value = await getattr(actor, handler.method)(message)
            except Exception as exc:
                if not self._survives(item, handler, exc):
                    raise
            else:
                if item is not message:
                    self._answer(item, handler, value)
            if isinstance(item, Tick):
                self.timers.dealt_with(item)
            self._is_aside = False
            self.current = None
            cell.handled += 1
            left -= 1
            if self._is_cut or left <= 0 or time() >= until:
                await trio.lowlevel.checkpoint()
                left, until = SLICE, time() + SLICE_SECONDS

    def _is_wanted(self, item: Envelope) -> bool:
        """Return whether an envelope is still worth being dealt with."""
        if isinstance(item, Tick):
            return self.timers.take(item)
        if isinstance(item, Question):
            if not item.is_open:
                return False
            item.reader = self
        if item.deadline <= self.cell.tree.time():
            self.cell.lose(item, "expired")
            return False
        return True

    def _answer(self, item: Envelope, handler: Handler, value: object) -> None:
        """Give the answer to a question that was dealt with, unless it was put off."""
        if isinstance(item, Question) and not self._is_aside:
            if value is None and handler.wants_answer:
                item.leave_unanswered("its handler returned None")
            else:
                item.answer(value)

    def _refuse_unexpected(self, item: Any, message: Any) -> None:
        if isinstance(item, Question):
            item.refuse(UnexpectedMessage(self.cell.name, item.kind, self.cell.handlers.known))
        self.cell.tree.bury_one(self.cell, item, "poison")

    def _survives(self, item: Any, handler: Handler, error: Exception) -> bool:
        """Return whether the actor goes on after what its handler has raised, having answered."""
        tree = self.cell.tree
        if handler.raises and isinstance(error, handler.raises):
            if isinstance(item, Question):
                item.refuse(error)
            return True
        is_late = isinstance(item, Question) and not item.is_open
        if is_late and isinstance(error, AskTimeout):  # it has asked others, with the time that it had itself
            return True
        if not is_fatal(error) and self.cell.spec.restart.directive(error) == "resume":
            tree.tell_resumed(self.cell, error)
            self._refuse(item, error)
            tree.bury_one(self.cell, item, "poison")
            return True
        return False

    def _refuse(self, item: Any, error: BaseException) -> None:
        """Tell whoever asked that the actor has failed on it."""
        if isinstance(item, Question):
            failed = ActorFailed(self.cell.name, item.kind, describe(error))
            failed.__cause__ = error
            item.refuse(failed)

    def _mend(self) -> None:
        """Go on after what it did was cancelled; raises why it must not."""
        if self._error is not None:
            raise self._error
        self.cell.handled += self.current is not None
        self.current = None
        self._is_aside = False
        if self._is_cut:
            self._is_cut = False
            if self._remakes:
                raise ActorFailed(
                    self.cell.name, "a message", "its handler was cancelled, and declares that as a reason to restart"
                )

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
        if self._is_given_up:
            self.cell.tree.left_behind.drop(self)
            return
        outcome = self._judge(error)
        self._call_off()
        self._close(outcome, error)
        if self.cell.brood is not None:
            with trio.CancelScope(shield=True):  # bounded by the ends of the children
                await self.cell.brood.end_all(self._by)
            if self._with_children and isinstance(outcome, Completed):
                outcome = Completed(self.cell.brood.outcomes())
        if self._has_started and self.actor is not None and type(self.actor).on_stop is not Actor.on_stop:
            outcome = await self._clean_up(outcome)
        self._call_off()
        if self._is_given_up:
            self.cell.tree.left_behind.drop(self)
            return
        self._leave()
        if error is not None and is_fatal(error):
            self.cell.tree.fatal(error)
        self._report(outcome)

    def _judge(self, error: BaseException | None) -> Outcome:
        if isinstance(error, Decline) and not self._has_started:
            return Ignored(str(error))
        if error is not None:
            return Failed(error, during_stop=self._told is not None, is_masked=self._is_masked)
        assert self._ending is not None
        return self._ending

    def _close(self, outcome: Outcome, error: BaseException | None) -> None:
        """Leave nobody waiting for what this life will not do any more."""
        item, self.current = self.current, None
        if item is not None and error is not None:
            self._fail_on(item, error)
        elif isinstance(item, Question):  # it was cancelled at it
            item.refuse(self.cell.refusal())
        for question in self._owed or ():
            question.leave_unanswered(f"the actor has {outcome}")
        self._owed = None
        stash, self._stash = self._stash or (), None
        for put_aside in stash:
            self.cell.lose(put_aside, "restarted" if self._ending is None else "stopped")
        if self._timers is not None:
            self._timers.end()
        for scope in list(self._background or ()):
            scope.cancel(reason="the life of its actor has ended")

    def _fail_on(self, item: Any, error: BaseException) -> None:
        """Answer for the message on which it has failed, or keep it for the next life."""
        cell = self.cell
        envelope = item if isinstance(item, Envelope) else Envelope(item)
        envelope.attempts += 1
        if not isinstance(item, Tick) and envelope.attempts <= cell.spec.redeliver and self._ending is None:
            if isinstance(envelope, Question):
                envelope.reader = None
            cell.mailbox.put_first([envelope])
            return
        self._refuse(item, error)
        cell.tree.bury_one(cell, item, "poison")

    async def _clean_up(self, outcome: Outcome) -> Outcome:
        """Call ``on_stop``, and return the outcome as it is then."""
        assert self.actor is not None
        self._limit(_seconds(self.cell.spec.cleanup), self._cut_cleanup)
        try:
            with trio.CancelScope(shield=True) as self.scope:
                await self.actor.on_stop(outcome)
        except Exception as exc:
            failed = Failed(exc, during_stop=True)
            if outcome.is_abnormal:
                self.cell.tree.warn(self.cell, failed)
                return outcome
            return failed
        return Killed(self._ender()) if self.scope.cancelled_caught else outcome

    def _cut_cleanup(self) -> None:
        assert self.scope is not None
        self.scope.cancel(reason="its time to clean up is over")
        self._limit(UNWINDING, self.give_up, least=UNWINDING)

    def _ender(self) -> str:
        return self._ending.by if isinstance(self._ending, Stopped) else "its supervisor"

    def _leave(self) -> None:
        """Wait for nobody, and watch nobody."""
        self.waits = None
        self.scope = None

    def _report(self, outcome: Outcome) -> None:
        healthy = self.cell.tree.time() - self._started if self._has_started else 0.0
        self.cell.has_ended(outcome, self._told, has_started=self._has_started, healthy=healthy)

    def _limit(self, seconds: float, act: Callable[[], object], *, least: float = 0.0) -> None:
        """Have `act` called in `seconds`, or when all has to be over, unless what it waits for ends before."""
        self._call_off()
        now = self.cell.tree.time()
        self._moment, self._act = max(min(now + seconds, self._by), now + least), act
        self._entry = self.cell.tree.deadlines.at(self._moment, act)

    def _call_off(self) -> None:
        if self._entry is not None:
            self.cell.tree.deadlines.call_off(self._entry)
        self._entry = self._act = None


def _waits_of(cell: Cell) -> list[Cell]:
    return (cell.life.waits if cell.life is not None else None) or []


def _seconds(span: object) -> float:
    assert isinstance(span, (int, float))  # the specification has converted it
    return span
