"""Context: what an actor can ask of the runtime, as ``self.ctx``. Used from within its own methods only."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeVar, Unpack

from actors.timespans import TimeSpan

if TYPE_CHECKING:
    from actors.actor import Message
    from actors.ref import ActorRef
    from actors.session import Session
    from actors.spec import ActorOptions, Factory

T = TypeVar("T")


class Answer(Protocol):
    """The answer to a question that an actor has put off: it is given later, once, from wherever the actor is."""

    def give(self, value: object) -> None:
        """Answer with `value`. Whoever asked may have given up waiting, or never have asked but told: then nothing happens."""

    def refuse(self, error: Exception) -> None:
        """Answer with an error, which is raised where it was asked."""


class Context(Protocol):
    """What an actor can ask of the runtime."""

    @property
    def ref(self) -> ActorRef:
        """The actor itself, as others see it: give this away, and not ``self``."""
        ...

    @property
    def name(self) -> str:
        """Its full name, such as ``pool/worker-1``."""
        ...

    @property
    def incarnation(self) -> int:
        """Which life this is, counted from 1."""
        ...

    @property
    def parent(self) -> ActorRef | None:
        """The actor that it is a child of; None at the top."""
        ...

    @property
    def children(self) -> list[ActorRef]:
        """Its children, in the order of their start."""
        ...

    @property
    def session(self) -> Session:
        """The session of the app."""
        ...

    @property
    def deadline(self) -> float:
        """When the current message is not worth an answer any more, on trio's clock; infinity if it has no such time."""
        ...

    def lookup(self, name: str) -> ActorRef:
        """Return the actor of that full name; raises UnknownActor."""
        ...

    async def spawn(
        self, factory: Factory, name: str | None = None, args: Mapping[str, Any] | None = None, **options: Unpack[ActorOptions]
    ) -> ActorRef:
        """Start a child, and return once its ``on_start`` has: see :class:`actors.spec.ActorSpec`.

        It ends before this actor does, and is not there any more after a restart of it. Its name is free once it has ended.

        Args:
          name: without that of its parent; default is its class with a number.

        Raises:
          ActorExists: a child has that name.
          StartError: it did not start.
        """
        ...

    async def get_or_spawn(
        self, factory: Factory, name: str, args: Mapping[str, Any] | None = None, **options: Unpack[ActorOptions]
    ) -> ActorRef:
        """Return the child of that name, started now if there is none."""
        ...

    def stop(self, reason: str = "") -> None:
        """Have this actor end after the current message: it is ``Stopped``. What waits becomes dead letters."""

    def complete(self, value: object = None) -> None:
        """Have this actor end after the current message, as its work is done: it is ``Completed(value)``."""

    def watch(self, ref: ActorRef) -> None:
        """Have :class:`actors.actor.Down` come once to this actor when `ref` has ended for good, at once if it has already."""

    def unwatch(self, ref: ActorRef) -> None:
        """Have none come any more, not even one that waits to be read."""

    def link(self, ref: ActorRef) -> None:
        """Have this actor and `ref` end together: when one ends in a way that nobody wanted, the other is stopped."""

    def unlink(self, ref: ActorRef) -> None:
        """Have each end by itself."""

    def set_timer(
        self,
        key: object,
        message: Message[Any],
        *,
        after: TimeSpan | None = None,
        every: TimeSpan | None = None,
        mode: Literal["fixed_rate", "fixed_delay"] = "fixed_delay",
    ) -> None:
        """Have `message` come to this actor later, before those in its mailbox; a timer of the same `key` is replaced.

        Of one that was replaced or cancelled nothing comes any more, not even what waits to be read. Never more than one of a
        timer waits. All end with this life of the actor.

        Args:
          after: the time to the first, or only one; default is `every`.
          every: the time between one and the next; None is once.
          mode: whether that is counted from when the last was due (``fixed_rate``), or was dealt with (``fixed_delay``).
        """

    def cancel_timer(self, key: object) -> None:
        """Have none come of the timer of that key."""

    def stash(self) -> None:
        """Put the current message aside; whoever asked goes on waiting.

        Raises:
          StashFull: there are as many as the mailbox may hold.
        """

    def unstash(self) -> None:
        """Take up again all messages that were put aside, in their order, before those in the mailbox."""

    def later(self) -> Answer:
        """Put off the answer to the current message: what the handler returns is not it. With the actor it ends as NoReply."""
        ...

    def pipe_to_self(
        self,
        func: Callable[..., Awaitable[T]],
        *args: object,
        then: Callable[[T], Message[Any]] | None = None,
        failed: Callable[[Exception], Message[Any]] | None = None,
    ) -> None:
        """Await ``func(*args)`` beside the messages, and have what comes of it come to this actor as a message.

        It is cancelled when this life of the actor ends.

        Args:
          then: makes the message of what was returned; None is no message.
          failed: makes it of what was raised; without it the actor fails by that.
        """
