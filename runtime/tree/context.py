"""LiveContext: what an actor asks of the runtime, as ``self.ctx``."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any, Literal, TypeVar, Unpack

from actors.actor import Down, Message
from actors.context import Answer
from actors.outcomes import Completed, Stopped
from actors.ref import ActorRef
from actors.session import Session
from actors.spec import ActorOptions, Factory
from actors.timespans import TimeSpan, to_finite
from runtime.tree.refs import LocalRef

if TYPE_CHECKING:
    from runtime.tree.life import Life

T = TypeVar("T")


class LiveContext:
    """See :class:`actors.context.Context`."""

    __slots__ = ("_life",)

    def __init__(self, life: Life) -> None:
        self._life = life

    @property
    def ref(self) -> ActorRef:
        return self._life.cell.ref

    @property
    def name(self) -> str:
        return self._life.cell.name

    @property
    def incarnation(self) -> int:
        return self._life.incarnation

    @property
    def parent(self) -> ActorRef | None:
        parent = self._life.cell.parent
        return None if parent is None else parent.ref

    @property
    def children(self) -> list[ActorRef]:
        brood = self._life.cell.brood
        return [] if brood is None else [cell.ref for cell in brood.members.values()]

    @property
    def session(self) -> Session:
        return self._life.cell.tree.session

    @property
    def deadline(self) -> float:
        return self._life.desk.deadline

    def lookup(self, name: str) -> ActorRef:
        return self._life.cell.tree.ref(name)

    async def spawn(
        self, factory: Factory, name: str | None = None, args: Mapping[str, Any] | None = None, **options: Unpack[ActorOptions]
    ) -> ActorRef:
        cell = self._life.cell
        return await cell.ref.spawn(factory, name, args, **options)

    async def get_or_spawn(
        self, factory: Factory, name: str, args: Mapping[str, Any] | None = None, **options: Unpack[ActorOptions]
    ) -> ActorRef:
        cell = self._life.cell
        if (child := cell.children.members.get(name)) is not None:  # from here to its being a child nobody else comes between
            if child.state == "starting":
                await child.ref.wait_ready()
            return child.ref
        return await cell.ref.spawn(factory, name, args, **options)

    def stop(self, reason: str = "") -> None:
        self._life.end(Stopped("itself", reason))

    def complete(self, value: object = None) -> None:
        self._life.complete(Completed(value))

    def watch(self, ref: ActorRef) -> None:
        self._life.cell.handler_of(Down(ref, 0, Completed()))
        self._life.watch(self._cell_of(ref))

    def unwatch(self, ref: ActorRef) -> None:
        self._life.unwatch(self._cell_of(ref))

    def link(self, ref: ActorRef) -> None:
        self._life.cell.link(self._cell_of(ref))

    def unlink(self, ref: ActorRef) -> None:
        self._life.cell.unlink(self._cell_of(ref))

    def set_timer(
        self,
        key: object,
        message: Message[Any],
        *,
        after: TimeSpan | None = None,
        every: TimeSpan | None = None,
        mode: Literal["fixed_rate", "fixed_delay"] = "fixed_delay",
    ) -> None:
        if mode not in ("fixed_rate", "fixed_delay"):
            raise ValueError(f"a timer has no mode {mode!r}; 'fixed_rate' or 'fixed_delay' is expected")
        period = None if every is None else to_finite(every)
        first = period if after is None else to_finite(after)
        if first is None:
            raise TypeError("a timer needs to know when: set_timer(key, message, after=...), or every=...")
        if period is not None and period <= 0:
            raise ValueError("every=0 would leave no time for anything else; after=0 is as soon as can be")
        self._life.cell.handler_of(message)
        if not self._life.has_left:  # else nobody would end it
            self._life.desk.timers.set(key, message, first, period, is_fixed_rate=mode == "fixed_rate")

    def cancel_timer(self, key: object) -> None:
        self._life.desk.timers.cancel(key)

    def stash(self) -> None:
        self._life.desk.stash()

    def unstash(self) -> None:
        self._life.desk.unstash()

    def later(self) -> Answer:
        return self._life.desk.later()

    def pipe_to_self(
        self,
        func: Callable[..., Awaitable[T]],
        *args: object,
        then: Callable[[T], Message[Any]] | None = None,
        failed: Callable[[Exception], Message[Any]] | None = None,
    ) -> None:
        self._life.side_work.begin(func, args, then, failed)

    @staticmethod
    def _cell_of(ref: ActorRef) -> Any:
        if not isinstance(ref, LocalRef):
            raise TypeError(f"an actor of this app is expected, and not {ref!r}")
        return ref.cell
