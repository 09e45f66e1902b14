"""Probe: an actor that does what a test says, and tells it what came."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import trio

from actors.actor import Actor, Down, Message
from actors.context import Answer
from actors.ref import ActorRef
from actors.session import Session
from actors.supervision import Restart
from actors.timespans import TimeSpan, to_seconds, to_words

M = TypeVar("M", bound=Message[Any])
WITHIN = 1.0
"""Seconds that a probe waits for a message, where a test does not say."""


@dataclass(frozen=True, slots=True)
class _Watch(Message[None]):
    """Asks the actor of a probe to watch another."""

    ref: ActorRef


@dataclass(frozen=True, slots=True)
class _Letter:
    """A message that has come, and what answers it."""

    message: Message[Any]
    answer: Answer


class Probe:
    """An actor that takes all messages and does with them what the test says. Others get its :attr:`ref`.

    A message that is expected may come before others of other classes have been asked for: these stay unread, in their order.
    """

    def __init__(self) -> None:
        self.ref: ActorRef
        """The actor, as others see it."""
        self._unread: list[_Letter] = []
        self._latest: _Letter | None = None
        self._answers: dict[type[Message[Any]], Any] = {}
        self._watched: set[ActorRef] = set()
        self._changed = trio.Event()

    @classmethod
    async def started(cls, session: Session, name: str) -> Probe:
        """Return a new probe, its actor started at the top; raises ActorExists if the name is taken."""
        probe = cls()
        probe.ref = await session.spawn(_ProbeActor, name, {"probe": probe}, restart=Restart.temporary())
        return probe

    @property
    def unread(self) -> list[Message[Any]]:
        """The messages that have come and were not expected yet, in their order."""
        return [letter.message for letter in self._unread]

    async def expect(self, kind: type[M], *, within: TimeSpan = WITHIN) -> M:
        """Return the next message of that class, waiting for it.

        Raises:
          AssertionError: none came in that time; says what did.
        """
        message = await self._expected(lambda message: isinstance(message, kind), kind.__name__, within)
        assert isinstance(message, kind)
        return message

    async def expect_none(self, *, within: TimeSpan = WITHIN) -> None:
        """Wait so long, and check that no message is unread then.

        Raises:
          AssertionError: one is; says which, as soon as it comes.
        """
        with trio.move_on_after(to_seconds(within)):
            while not self._unread:
                await self._changed.wait()
        if self._unread:
            raise AssertionError(f"{self.ref} was to get nothing, and got {self._in_words()}")

    async def expect_down(self, ref: ActorRef, *, within: TimeSpan = WITHIN) -> Down:
        """Return the news that `ref` has ended for good, waiting for it; watches it from now on, if it did not.

        Raises:
          AssertionError: it has not ended in that time.
        """
        await self.watch(ref)
        down = await self._expected(lambda message: isinstance(message, Down) and message.ref == ref, f"Down of {ref}", within)
        assert isinstance(down, Down)
        self._watched.discard(ref)
        return down

    async def watch(self, ref: ActorRef) -> None:
        """Have the news come when `ref` has ended for good; a second time changes nothing."""
        if ref not in self._watched:
            self._watched.add(ref)
            await self.ref.ask(_Watch(ref))

    def answers(self, kind: type[Message[Any]], answer: object) -> None:
        """Have messages of that class answered at once; they can be expected all the same.

        Args:
          answer: a value, an exception, which is raised where it was asked, or a function of the message, which may be async and
            returns or raises that.
        """
        self._answers[kind] = answer

    def reply(self, answer: object) -> None:
        """Answer the message that was expected last: with a value, or an exception, which is raised where it was asked."""
        assert self._latest is not None, f"{self.ref} has nothing to reply to: no message was expected yet"
        _give(self._latest.answer, answer)

    async def take(self, message: Message[Any], answer: Answer) -> None:
        """Take a message that has come to its actor, and see to its answer if that is known."""
        self._unread.append(_Letter(message, answer))
        self._changed.set()
        self._changed = trio.Event()
        if (scripted := next((kind for kind in type(message).__mro__ if kind in self._answers), None)) is not None:
            _give(answer, await _value(self._answers[scripted], message))

    async def _expected(self, fits: Callable[[Message[Any]], bool], what: str, within: TimeSpan) -> Message[Any]:
        with trio.move_on_after(to_seconds(within)):
            while (found := next((letter for letter in self._unread if fits(letter.message)), None)) is None:
                await self._changed.wait()
            self._unread.remove(found)
            self._latest = found
            return found.message
        raise AssertionError(f"{self.ref} got no {what} within {to_words(to_seconds(within))}; it got {self._in_words()}")

    def _in_words(self) -> str:
        return ", ".join(repr(message) for message in self.unread) or "nothing else"


class _ProbeActor(Actor):
    def __init__(self, probe: Probe) -> None:
        self._probe = probe

    async def receive(self, message: Any) -> None:
        if isinstance(message, _Watch):
            self.ctx.watch(message.ref)
        else:
            await self._probe.take(message, self.ctx.later())


async def _value(answer: Any, message: Message[Any]) -> object:
    """Return what a function says, or raises, of a message; any other answer is as it is."""
    if not callable(answer):
        return answer
    try:
        said = answer(message)
        return await said if inspect.isawaitable(said) else said
    except Exception as exc:
        return exc


def _give(answer: Answer, value: object) -> None:
    if isinstance(value, Exception):
        answer.refuse(value)
    else:
        answer.give(value)
