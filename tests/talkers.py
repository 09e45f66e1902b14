"""Actors, their messages, and functions that talk to them from worker processes, which import them from here."""

from __future__ import annotations

import os
import signal
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anyio
import attrs

from actors import Actor, ActorRef, Message, Ref, TerminationFlag, handler
from actors.args import Session


@dataclass(frozen=True)
class Add(Message[int]):
    amount: int


@attrs.frozen
class Total(Message[int]):
    pass


@dataclass(frozen=True)
class Note(Message[None]):
    what: Any


@dataclass(frozen=True)
class Never(Message[None]):
    """What is never answered."""


@dataclass(frozen=True)
class Wait(Message[str]):
    """What is answered by the next Release."""


@dataclass(frozen=True)
class Waiting(Message[bool]):
    """Whether so many wait."""

    count: int


@dataclass(frozen=True)
class Release(Message[None]):
    pass


@dataclass(frozen=True)
class Fail(Message[None]):
    error: str


@dataclass(frozen=True)
class Give(Message[Any]):
    """What is answered with something that is hard to send."""

    what: str


@dataclass(frozen=True)
class Forward(Message[int]):
    to: ActorRef
    amount: int


@dataclass(frozen=True)
class Me(Message[ActorRef]):
    pass


class NotThere(Exception):
    """A declared error."""


class Counter(Actor):
    """Counts, and does what else the tests want of an actor."""

    def __init__(self) -> None:
        self.total = 0
        self.notes: list[Any] = []
        self.waiting: list[Any] = []

    @handler()
    async def add(self, message: Add) -> int:
        self.total += message.amount
        return self.total

    @handler()
    async def tell_total(self, message: Total) -> int:
        return self.total

    @handler()
    async def note(self, message: Note) -> None:
        self.notes.append(message.what)

    @handler()
    async def never(self, message: Never) -> None:
        self.ctx.later()

    @handler()
    async def wait(self, message: Wait) -> str:
        self.waiting.append(self.ctx.later())
        return ""

    @handler()
    async def is_waiting(self, message: Waiting) -> bool:
        return len(self.waiting) >= message.count

    @handler()
    async def release(self, message: Release) -> None:
        while self.waiting:
            self.waiting.pop().give("released")

    @handler(raises=(NotThere,))
    async def fail(self, message: Fail) -> None:
        raise (NotThere if message.error == "declared" else ValueError)("it is broken")

    @handler()
    async def give(self, message: Give) -> Any:
        return {"lock": threading.Lock, "bytes": lambda: bytes(20_000_000)}[message.what]()

    @handler()
    async def forward(self, message: Forward) -> int:
        return await message.to.ask(Add(message.amount))

    @handler()
    async def me(self, message: Me) -> ActorRef:
        return self.ctx.ref


class Sleeper(Actor):
    """Deals with one message for ever."""

    async def receive(self, message: Release | Wait) -> str:
        await anyio.sleep_forever()
        return ""


def asks(counter=Ref("counter")):
    return counter.ask_sync(Add(2))


async def asks_async(counter=Ref("counter")):
    return await counter.ask(Add(2))


def tells_and_sends(counter=Ref("counter")):
    counter.tell(Add(1))
    counter.send_sync(Add(2))
    return counter.ask_sync(Total())


async def sends_async(counter=Ref("counter")):
    await counter.send(Add(3))
    return await counter.ask(Total())


def describes(counter=Ref("counter")):
    return counter.name, counter.incarnation, counter.is_alive, repr(counter)


def finds(name, session=Session()):
    return session.actor(name)


def raised_by(work):
    """Return what a function raises."""
    try:
        work()
    except Exception as exc:
        return type(exc).__name__, str(exc), repr(exc.__cause__)
    return None


def asks_in_vain(counter=Ref("counter")):
    return raised_by(lambda: counter.ask_sync(Never(), within=0.05))


def asks_what_fails(error, counter=Ref("counter")):
    return raised_by(lambda: counter.ask_sync(Fail(error)))


def tells_a_lock(counter=Ref("counter")):
    return raised_by(lambda: counter.tell(Note({"a": [threading.Lock()]})))


def adds_a_text(counter=Ref("counter")):
    return raised_by(lambda: counter.tell(Add("2")))


def adds_what_has_no_class_here(counter=Ref("counter")):
    @dataclass(frozen=True)
    class Unknown(Message[None]):
        pass

    return raised_by(lambda: counter.tell(Unknown()))


def asks_for(what, counter=Ref("counter")):
    return raised_by(lambda: counter.ask_sync(Give(what)))


def asks_for_bytes(counter=Ref("counter")):
    return len(counter.ask_sync(Give("bytes")))


async def waits_and_releases(counter=Ref("counter")):
    answers = []

    async def ask():
        answers.append(await counter.ask(Wait(), within=60))

    async with anyio.create_task_group() as group:
        group.start_soon(ask)
        group.start_soon(ask)
        while not counter.ask_sync(Waiting(2)):
            await anyio.sleep(0.01)
        await counter.send(Release())
    return answers


def waits_in_a_thread(counter=Ref("counter")):
    answers = []
    thread = threading.Thread(target=lambda: answers.append(counter.ask_sync(Wait(), within=60)))
    thread.start()
    while not counter.ask_sync(Waiting(1)):
        time.sleep(0.01)
    counter.tell(Release())
    thread.join()
    return answers


def leaves_a_thread_that_asks(counter=Ref("counter")):
    threading.Thread(target=lambda: raised_by(lambda: counter.ask_sync(Wait(), within=3600)), daemon=True).start()
    while not counter.ask_sync(Waiting(1)):
        time.sleep(0.01)


async def asks_for_a_moment(counter=Ref("counter")):
    with anyio.move_on_after(0.05):
        await counter.ask(Never(), within=3600)
    return await counter.ask(Total())


def asks_for_ever(path, counter=Ref("counter")):
    try:
        counter.ask_sync(Wait(), within=3600)
    finally:
        time.sleep(0.1)  # a second exception would come here
        Path(path).write_text(f"cleaned up at {counter.ask_sync(Add(1))}")


async def asks_for_ever_async(path, counter=Ref("counter")):
    try:
        await counter.ask(Wait(), within=3600)
    finally:
        Path(path).write_text(f"cleaned up at {counter.ask_sync(Add(1))}")


def asks_in_a_thread_for_ever(path, counter=Ref("counter")):
    done = threading.Event()

    def ask():
        try:
            asks_for_ever(path, counter)
        finally:
            done.set()

    threading.Thread(target=ask).start()
    try:
        done.wait()
    finally:
        done.wait()


def heeds_its_flag_and_asks_for_ever(path, counter=Ref("counter"), flag=TerminationFlag()):
    asks_for_ever(path, counter)


def asks_for_ever_at_the_end(path, counter=Ref("counter")):
    try:
        counter.ask_sync(Wait(), within=3600)
    finally:
        try:
            counter.ask_sync(Never(), within=3600)
        finally:
            Path(path).write_text("cleaned up")


def is_killed_while_it_asks(sleeper=Ref("sleeper"), session=Session()):
    threading.Thread(target=lambda: sleeper.ask_sync(Wait(), within=3600), daemon=True).start()
    while not session.tree()["sleeper"].waiting:
        time.sleep(0.01)
    os.kill(os.getpid(), signal.SIGKILL)


async def spawns(session=Session()):
    ref = await session.spawn(Counter, "spawned")
    child = await ref.spawn(Counter, "child")
    first = await ref.ask(Add(4))
    return ref.name, child.name, first, await child.ask(Add(5))


async def spawns_a_lambda(session=Session()):
    try:
        await session.spawn(lambda start: Counter(), "spawned", {"start": 0})
    except Exception as exc:
        return str(exc)


async def spawns_and_stops(session=Session()):
    ref = await session.spawn(Counter, "spawned")
    await ref.wait_ready()
    outcome = await ref.stop("enough")
    again = await session.spawn(Counter, "spawned")
    ref.tell(Add(1))
    return outcome, await ref.wait_ended(), ref.is_alive, await again.ask(Total()), raised_by(lambda: ref.ask_sync(Total()))


def passes_itself_on(session=Session(), counter=Ref("counter")):
    return counter.ask_sync(Forward(session.actor("other"), 3)), session.actor("other").ask_sync(Total())


def gets_a_reference(counter=Ref("counter")):
    ref = counter.ask_sync(Me())
    return ref == counter, ref.ask_sync(Add(1))


def uses(ref):
    return ref.ask_sync(Add(7)), ref


def looks(session=Session()):
    return [node.name for node in session.tree().walk()], session.dead_letters
