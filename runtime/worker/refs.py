"""References to actors inside a worker: what is done with them are requests to the scheduler."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar, Unpack

from actors.errors import UnportableChange, UnportableMessage
from actors.pickled import Pickled
from actors.portable import describe
from actors.ref import WITHIN, ActorRef, Drain
from actors.timespans import TimeSpan, to_seconds
from runtime.signal_mask import blocked
from runtime.worker.exchange import Exchange
from runtime.worker.parcels import Parcel

if TYPE_CHECKING:
    from actors.actor import Message
    from actors.outcomes import Outcome
    from actors.spec import ActorOptions, Factory
    from runtime.message_codec import MessageCodec

R = TypeVar("R")


class RemoteActors:
    """The actors of the scheduler's process, as a worker reaches them.

    Args:
      ask: makes a request and waits for the reply, in any thread.
      exchange: what that goes over.
    """

    def __init__(self, ask: Callable[..., tuple[Any, list[Parcel]]], exchange: Exchange) -> None:
        self.ask, self._exchange = ask, exchange

    @cached_property
    def codec(self) -> MessageCodec:
        """What makes messages plain data."""
        from runtime.message_codec import MessageCodec  # takes 60 ms to import, and not every worker talks to actors

        return MessageCodec()

    def named(self, name: str) -> ActorRef:
        """Return the actor that has that full name now; raises UnknownActor."""
        uid, _ = self.ask("actor", name)
        return RemoteRef(name, uid, self)

    def found(self, name: str, uid: int) -> ActorRef:
        """Return the actor of that name and number, which may have ended."""
        return RemoteRef(name, uid, self)

    async def wait(self, control: str, *args: object, values: tuple[Pickled, ...] = ()) -> list[Parcel]:
        """Make a request of an async function, on trio or asyncio. Cancelling withdraws it.

        It waits in a thread of its own. That ends soon after, as withdrawn requests are answered at once.
        """
        import anyio

        ticket = self._exchange.ticket()

        def wait() -> list[Parcel]:
            with blocked():
                _, found = self.ask(control, *args, values=values, ticket=ticket)
            return found

        try:
            return await anyio.to_thread.run_sync(wait, abandon_on_cancel=True, limiter=anyio.CapacityLimiter(1))
        except anyio.get_cancelled_exc_class():
            self._exchange.withdraw(ticket)
            raise

    async def spawn(self, change: str, control: str, *args: object, what: object) -> ActorRef:
        """Have an actor spawned; `change` says that in words, `what` is all that is sent for it.

        Raises:
          UnportableChange: that cannot be sent.
        """
        try:
            pickled = Pickled(what)
        except Exception as exc:
            raise UnportableChange(change, describe(exc)) from exc
        (ref,) = await self.wait(control, *args, values=(pickled,))
        spawned: ActorRef = ref.open()
        return spawned


class RemoteRef(ActorRef):
    """An actor of the scheduler's process. In an async function, ``tell`` and the properties wait for the scheduler too."""

    __slots__ = ("_actors",)

    def __init__(self, name: str, uid: int, actors: RemoteActors) -> None:
        self.name, self.uid, self._actors = name, uid, actors

    def __eq__(self, other: object) -> bool:
        return isinstance(other, RemoteRef) and other.uid == self.uid

    def __hash__(self) -> int:
        return hash(self.uid)

    @property
    def incarnation(self) -> int:
        count: int
        count, _ = self._actors.ask("incarnation", self.name, self.uid)
        return count

    @property
    def is_alive(self) -> bool:
        is_alive: bool
        is_alive, _ = self._actors.ask("is_alive", self.name, self.uid)
        return is_alive

    def tell(self, message: Message[Any], *, within: TimeSpan | None = None) -> None:
        self._actors.ask("tell", self.name, self.uid, _seconds(within), values=(self._packed(message),))

    def send_sync(self, message: Message[Any], *, within: TimeSpan = WITHIN) -> None:
        self._actors.ask("send", self.name, self.uid, to_seconds(within), values=(self._packed(message),))

    def ask_sync(self, message: Message[R], *, within: TimeSpan = WITHIN) -> R:
        _, found = self._actors.ask("ask", self.name, self.uid, to_seconds(within), values=(self._packed(message),))
        return _answer(message, found)

    async def send(self, message: Message[Any], *, within: TimeSpan = WITHIN) -> None:
        await self._wait("send", _at_most(within), values=(self._packed(message),))

    async def ask(self, message: Message[R], *, within: TimeSpan = WITHIN) -> R:
        return _answer(message, await self._wait("ask", _at_most(within), values=(self._packed(message),)))

    async def stop(self, reason: str = "", *, drain: Drain = "current", within: TimeSpan | None = None) -> Outcome:
        (outcome,) = await self._wait("stop", reason, drain, _seconds(within))
        stopped: Outcome = outcome.open()
        return stopped

    async def start(self) -> None:
        await self._wait("start")

    async def remove(self) -> None:
        await self._wait("remove")

    async def spawn(
        self, factory: Factory, name: str | None = None, args: Mapping[str, Any] | None = None, **options: Unpack[ActorOptions]
    ) -> ActorRef:
        what = (factory, name, args, options)
        return await self._actors.spawn(
            f"the spawning of a child of actor {self.name!r}", "spawn_child", self.name, self.uid, what=what
        )

    async def wait_ready(self) -> None:
        await self._wait("wait_ready")

    async def wait_ended(self) -> Outcome:
        (outcome,) = await self._wait("wait_ended")
        ended: Outcome = outcome.open()
        return ended

    def _packed(self, message: Message[Any]) -> Pickled:
        return Pickled(self._actors.codec.packed(message))

    async def _wait(self, control: str, *args: object, values: tuple[Pickled, ...] = ()) -> list[Parcel]:
        return await self._actors.wait(control, self.name, self.uid, *args, values=values)


def _seconds(within: TimeSpan | None) -> float | None:
    return None if within is None else to_seconds(within)


def _at_most(within: TimeSpan) -> float:
    """Return how many seconds there are, up to the deadline of a cancel scope around."""
    import anyio

    return max(min(to_seconds(within), anyio.current_effective_deadline() - anyio.current_time()), 0.0)


def _answer(message: Message[R], found: list[Parcel]) -> R:
    """Return the answer that has come; raises UnportableMessage if it could not be loaded here."""
    try:
        answer: R = found[0].open()
    except Exception as exc:
        raise UnportableMessage(f"the answer to {type(message).__name__}", describe(exc)) from exc
    return answer
