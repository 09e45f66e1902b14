"""Actors that do what messages say, and a diary of what became of them and when."""

from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import repeat
from typing import Any, NamedTuple

import pytest
import trio
import trio._core._run
import trio.testing

from actors import Actor, ActorRef, ActorSpec, Down, Message, Outcome, Restart, Supervisor, handler
from actors.errors import ActorFailed

AT_ONCE = Restart.transient(backoff=0)
"""Restarted when it fails, without a wait."""
LAST = Restart.temporary()
"""Of a supervisor whose own end is looked at."""


class Entry(NamedTuple):
    """What happened to an actor, and when on the clock of the test."""

    at: float
    name: str
    what: object


class Diary(list[Entry]):
    """What happened, in its order."""

    def note(self, name, what):
        self.append(Entry(trio.current_time(), name, what))

    def of(self, name):
        """Return what happened to one actor."""
        return [entry.what for entry in self if entry.name == name]

    def names(self, what):
        """Return to whom that happened, in order."""
        return [entry.name for entry in self if entry.what == what]

    def whys(self, name):
        """Return what ``on_stop`` of an actor was told, each time."""
        return [what for what in self.of(name) if isinstance(what, Outcome)]

    def times(self, name, what):
        """Return when that happened to an actor."""
        return [entry.at for entry in self if (entry.name, entry.what) == (name, what)]

    def moments(self, what):
        """Return when that happened, and to whom."""
        return [(entry.at, entry.name) for entry in self if entry.what == what]

    @property
    def lives(self):
        """Return starts and stops in their order, as ``+name`` and ``-name``: when one has started, and begins to clean up."""
        signs = {"started": "+", "stopping": "-"}
        return [f"{signs[entry.what]}{entry.name}" for entry in self if entry.what in ("started", "stopping")]


@dataclass(frozen=True)
class Echo(Message[object]):
    """Answer with the value."""

    value: object = None


@dataclass(frozen=True)
class Fail(Message[None]):
    """Raise the error."""

    error: BaseException


@dataclass(frozen=True)
class Sleep(Message[None]):
    """Take so long over this message."""

    seconds: float


@dataclass(frozen=True)
class WhoAmI(Message[tuple[str, int]]):
    """Answer with the full name and the incarnation."""


@dataclass(frozen=True)
class Quit(Message[None]):
    """End by ``ctx.stop(reason)``."""

    reason: str = ""


@dataclass(frozen=True)
class Complete(Message[None]):
    """End by ``ctx.complete(value)``."""

    value: object = None


@dataclass(frozen=True)
class Remember(Message[None]):
    """Keep the value."""

    value: object


@dataclass(frozen=True)
class Recall(Message[list[Any]]):
    """Answer with what was kept in this life."""


@dataclass(frozen=True)
class Spawn(Message[ActorRef]):
    """Start a child, and answer with it."""

    spec: ActorSpec


@dataclass(frozen=True)
class Watch(Message[None]):
    """Watch an actor; its Down is noted in the diary."""

    ref: ActorRef


@dataclass(frozen=True)
class Do(Message[object]):
    """Answer with what the function returns that is called with the actor, and awaited if it is async."""

    func: Callable[[Actor], object]


class Player(Actor):
    """Notes ``starting``, ``started``, ``stopping``, why, ``stopped`` and each Down, and does what messages say.

    Args:
      diary: where it notes that, by its full name.
      starts_in: seconds that ``on_start`` takes, one after the other over all lives; at the end of it 0.
      stops_in: seconds that ``on_stop`` takes.
      refusals: what ``on_start`` raises, one after the other over all lives; None, and the end of it, is nothing.
      stop_error: what ``on_stop`` raises at its end.
    """

    def __init__(self, diary, starts_in=iter(()), stops_in=0, refusals=iter(()), stop_error=None):
        self.diary, self.starts_in, self.stops_in = diary, starts_in, stops_in
        self.refusals, self.stop_error = refusals, stop_error
        self.kept: list[object] = []

    async def on_start(self):
        self.diary.note(self.ctx.name, "starting")
        await trio.sleep(next(self.starts_in, 0))
        if (refusal := next(self.refusals, None)) is not None:
            raise refusal
        self.diary.note(self.ctx.name, "started")

    async def on_stop(self, why):
        self.diary.note(self.ctx.name, "stopping")
        self.diary.note(self.ctx.name, why)
        await trio.sleep(self.stops_in)
        if self.stop_error is not None:
            raise self.stop_error
        self.diary.note(self.ctx.name, "stopped")

    @handler()
    async def echo(self, message: Echo):
        return message.value

    @handler()
    async def fail(self, message: Fail):
        raise message.error

    @handler()
    async def sleep(self, message: Sleep):
        await trio.sleep(message.seconds)

    @handler()
    async def who_am_i(self, message: WhoAmI):
        return self.ctx.name, self.ctx.incarnation

    @handler()
    async def quit(self, message: Quit):
        self.ctx.stop(message.reason)

    @handler()
    async def complete(self, message: Complete):
        self.ctx.complete(message.value)

    @handler()
    async def remember(self, message: Remember):
        self.kept.append(message.value)

    @handler()
    async def recall(self, message: Recall):
        return list(self.kept)

    @handler()
    async def spawn(self, message: Spawn):
        spec = message.spec
        return await self.ctx.spawn(
            spec.factory,
            spec.name,
            spec.args,
            restart=spec.restart,
            start_timeout=spec.start_timeout,
            grace=spec.grace,
            cleanup=spec.cleanup,
        )

    @handler()
    async def watch(self, message: Watch):
        self.ctx.watch(message.ref)

    @handler()
    async def do(self, message: Do):
        done = message.func(self)
        return await done if hasattr(done, "__await__") else done

    @handler()
    async def down(self, message: Down):
        self.diary.note(self.ctx.name, message)


def player(diary, name, *, starts_in=0, stops_in=0, refusals=(), stop_error=None, restart=AT_ONCE, **options):
    """Return the declaration of a player; `starts_in` is the same for all lives, or a sequence of one for each."""
    seconds = iter(starts_in) if isinstance(starts_in, (list, tuple)) else repeat(starts_in)
    args = {"diary": diary, "starts_in": seconds, "stops_in": stops_in, "refusals": iter(refusals), "stop_error": stop_error}
    return ActorSpec(Player, name, args, restart=restart, **options)


def pool(*children, name="pool", restart=AT_ONCE, **options):
    """Return the declaration of a supervisor of these children."""
    return ActorSpec(Supervisor(children, **options), name, restart=restart)


def declare(app, *specs):
    """Declare actors as `specs` say, at the top of an app."""
    for spec in specs:
        app.session.declare_actor(spec)


async def fail(ref, error):
    """Have an actor fail by `error`, and wait until all has come of that what does not take time."""
    with pytest.raises(ActorFailed) as caught:
        await ref.ask(Fail(error))
    assert caught.value.__cause__ is error
    await settled()


async def settled():
    """Wait until nothing goes on before time passes."""
    await trio.testing.wait_all_tasks_blocked()


@contextmanager
def scheduled_by(seed):
    """Have trio's scheduler choose what goes on next by `seed` alone, in the runs of trio that begin in here."""
    core = trio._core._run
    before, state = core._ALLOW_DETERMINISTIC_SCHEDULING, core._r.getstate()
    core._ALLOW_DETERMINISTIC_SCHEDULING = True
    core._r.seed(seed)
    try:
        yield
    finally:
        core._ALLOW_DETERMINISTIC_SCHEDULING = before
        core._r.setstate(state)
