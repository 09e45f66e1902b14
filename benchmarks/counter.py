"""The actor whose messages are measured, and functions that talk to it from a worker process, which imports this."""

from __future__ import annotations

from dataclasses import dataclass
from time import perf_counter

from actors import Actor, ActorRef, Message, Ref

LONG = 600.0
"""Seconds that a question may take that comes after many messages."""


@dataclass(frozen=True)
class Add(Message[int]):
    """Is answered with the total."""

    amount: int


class Counter(Actor):
    """Adds, which is as little as can be said to be work."""

    def __init__(self) -> None:
        self.total = 0

    async def receive(self, message: Add) -> int:
        self.total += message.amount
        return self.total


def tells(count: int, counter: ActorRef = Ref("counter")) -> float:  # noqa: B008  # an argument
    """Return the seconds that so many messages take, in a thread or process, until all are dealt with."""
    counter.ask_sync(Add(1))
    message, began = Add(1), perf_counter()
    for _ in range(count):
        counter.tell(message)
    counter.ask_sync(message, within=LONG)
    return perf_counter() - began


def asks(count: int, counter: ActorRef = Ref("counter")) -> float:  # noqa: B008  # an argument
    """Return the seconds that so many questions take, in a thread or process."""
    counter.ask_sync(Add(1))
    message, began = Add(1), perf_counter()
    for _ in range(count):
        counter.ask_sync(message)
    return perf_counter() - began
