"""ActorRef: an actor as others see it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Literal, TypeVar, Unpack

from actors.errors import NotRunning
from actors.timespans import TimeSpan

if TYPE_CHECKING:
    from actors.actor import Message
    from actors.outcomes import Outcome
    from actors.spec import ActorOptions, Factory

R = TypeVar("R")
Drain = Literal["none", "current", "all"]
DRAINS: tuple[str, ...] = ("none", "current", "all")
WITHIN = 5.0
"""Seconds that a question is worth waiting for, where nobody says otherwise."""


class ActorRef(ABC):
    """An actor as others see it: it stays the same over restarts, and never leads to another actor that takes its name later.

    It may be passed around, also in messages and to processes. What is async here is for async functions, on trio or asyncio;
    its twin in ``_sync`` is for threads and processes, and must not be used in the scheduler's own thread, which it would block.
    """

    __slots__ = ("name", "uid")

    name: str
    """Its full name, such as ``pool/worker-1``."""
    uid: int
    """Tells it from another actor that takes its name later; unique in one run of the app."""

    @property
    @abstractmethod
    def incarnation(self) -> int:
        """How often it has been started."""

    @property
    @abstractmethod
    def is_alive(self) -> bool:
        """Whether it takes messages: it runs, or is being started or restarted."""

    @abstractmethod
    def tell(self, message: Message[Any], *, within: TimeSpan | None = None) -> None:
        """Deliver a message and return at once; whatever it becomes is not heard of here.

        From any thread and process. If the actor has ended, the message is a dead letter.

        Args:
          within: after so long it is not worth being read any more; default is for ever.

        Raises:
          MailboxFull: there is no room for it; from another thread than the scheduler's it is a dead letter instead.
          UnexpectedMessage: it takes none of this class.
        """

    @abstractmethod
    async def send(self, message: Message[Any], *, within: TimeSpan = WITHIN) -> None:
        """Deliver a message, waiting for room in the mailbox.

        Raises:
          MailboxFull: there was none in that time.
          DeadlockError: the actor waits itself for who sends.
          UnexpectedMessage, ActorStopped, ActorRestarting: as they say.
        """

    @abstractmethod
    async def ask(self, message: Message[R], *, within: TimeSpan = WITHIN) -> R:
        """Deliver a message and return the answer.

        The time travels with the message: past it, nobody reads it any more, and a handler that is at it is cancelled, as it
        declares. It is never later than the time of the message that the asking actor deals with, nor the deadline of a cancel
        scope around. Cancelling takes the message back, or does to the handler what it declares: see
        :func:`actors.handlers.handler`.

        Raises:
          AskTimeout: there was no answer in that time; says where the message was.
          ActorFailed: the actor failed on it; ``__cause__`` is what it raised.
          NoReply: it has dealt with it and gave no answer.
          ActorStopped, ActorRestarting, MailboxFull, DeadlockError, UnexpectedMessage: at once, as they say.
          Exception: what the handler raised of the classes that it declares.
        """

    @abstractmethod
    def send_sync(self, message: Message[Any], *, within: TimeSpan = WITHIN) -> None:
        """Do what :meth:`send` does, in a thread or a process, blocking.

        Raises:
          TaskTerminationException: the run that waits was asked to end.
        """

    @abstractmethod
    def ask_sync(self, message: Message[R], *, within: TimeSpan = WITHIN) -> R:
        """Do what :meth:`ask` does, in a thread or a process, blocking.

        Raises:
          TaskTerminationException: the run that waits was asked to end.
        """

    @abstractmethod
    async def stop(self, reason: str = "", *, drain: Drain = "current", within: TimeSpan | None = None) -> Outcome:
        """End the actor and its children, and return how it ended; one that has ended is not started again by itself.

        Its name is free when this returns, unless it was declared, by ``app.actor`` or among the children of a ``Supervisor``:
        then :meth:`start` starts it again. From within the actor itself, or a child of it, it does not wait, as it would wait for
        itself.

        Args:
          drain: what it still deals with: the ``current`` message, ``all`` that wait, or ``none``.
          within: until when all is over: what the actor and its children get for it otherwise is cut to that.
        """

    @abstractmethod
    async def start(self) -> None:
        """Start an actor again that was stopped, or has ended, and was declared: see :meth:`stop`.

        Raises:
          ActorExists: it runs, or is being restarted.
          UnknownActor: it is gone.
          StartError: it did not start.
        """

    @abstractmethod
    async def remove(self) -> None:
        """Stop it if it runs, and forget it, so that its name is free."""

    @abstractmethod
    async def spawn(
        self, factory: Factory, name: str | None = None, args: Mapping[str, Any] | None = None, **options: Unpack[ActorOptions]
    ) -> ActorRef:
        """Start a child of this actor, which supervises it from then on: see :meth:`actors.context.Context.spawn`."""

    @abstractmethod
    async def wait_ready(self) -> None:
        """Wait until it takes messages, also over a restart; raises ActorStopped if it has ended."""

    @abstractmethod
    async def wait_ended(self) -> Outcome:
        """Wait until it has ended for good, and return how."""

    def __repr__(self) -> str:
        return f"<actor {self.name!r}>"

    def __reduce__(self) -> tuple[Any, ...]:
        return _found, (self.name, self.uid)


ref_resolver: ContextVar[Callable[[str, int], ActorRef] | None] = ContextVar("callsheet_ref_resolver", default=None)
"""Finds the actor of a name and a number, where references come from another process."""


def _found(name: str, uid: int) -> ActorRef:
    """Return an actor as it is seen here; raises NotRunning where there are none."""
    resolve = ref_resolver.get()
    if resolve is None:
        raise NotRunning(f"a reference to actor {name!r}")
    return resolve(name, uid)
