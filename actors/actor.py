"""Actor: what people write to have a state of their own and be talked to by messages."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from actors.context import Context
from actors.outcomes import Outcome
from actors.ref import ActorRef

R_co = TypeVar("R_co", covariant=True)


class Message(Generic[R_co]):
    """What an actor is told or asked; ``Message[int]`` is answered by an int, ``Message[None]`` by nothing.

    Derive from it, and make the class a frozen dataclass, or ``attrs.frozen``: a message must not change on its way.
    """

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Down(Message[None]):
    """An actor that was watched has ended for good; it comes exactly once for each watch."""

    ref: ActorRef
    incarnation: int
    """Which life of it that was, counted from 1."""
    outcome: Outcome


class Actor:
    """A state of its own that nobody else touches, and messages, one at a time.

    ::

        class Counter(Actor):
            def __init__(self, start: int = 0) -> None:
                self.total = start

            async def receive(self, message: Add | Reset) -> int:
                ...

    Its methods run on the loop of the scheduler, on trio: what takes long must be awaited. Where it fails, it is made anew, by
    calling its class again, and goes on with the messages that wait. :attr:`ctx` is what it asks of the runtime.
    """

    ctx: Context
    """There from ``on_start`` on."""

    async def on_start(self) -> None:
        """Prepare; the actor takes messages when this returns, and only then are those after it started.

        Raises:
          Decline: it is not to begin.
        """

    async def receive(self, message: Any) -> Any:
        """Deal with a message, and return the answer to it.

        The annotation of `message` says which classes it takes; others are refused where they are sent. A method that is
        decorated with :func:`actors.handlers.handler` takes those of its own annotation instead.

        What it raises is a failure: whoever asked gets :class:`ActorFailed`, and the actor is restarted, as its ``restart`` says.
        """
        raise NotImplementedError

    async def on_stop(self, why: Outcome) -> None:
        """Clean up, when its life ends, however it ends; not if ``on_start`` did not return.

        It has ``cleanup`` seconds, shielded from any cancellation. It comes after the end of its children.
        """
