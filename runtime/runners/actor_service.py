"""ActorService: what functions in workers do with the actors of the app, carried out in the scheduler's process."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from actors.errors import UnportableMessage
from actors.nodes import DeadLetter
from actors.outcomes import Failed, Outcome
from actors.pickled import Pickled
from actors.portable import describe, pickled_or_none, portable
from actors.ref import ActorRef
from actors.session import Session
from runtime.message_codec import MessageCodec
from runtime.tree.refs import LocalRef
from runtime.worker.parcels import Parcel
from runtime.worker.protocol import Request

AWAITED = frozenset({"ask", "send", "stop", "start", "remove", "wait_ready", "wait_ended", "spawn", "spawn_child"})
"""The requests that take their time."""
OF_ACTORS = frozenset({"actor", "tell", "incarnation", "is_alive", "tree", "dead_letters"})
"""Those that do not."""

Answer = tuple[Any, Sequence[Pickled]]
"""What is replied, and the values that go with it."""


class ActorService:
    """Does what the function of one run wants of actors.

    Args:
      session: the one whose actors these are.
    """

    def __init__(self, session: Session, codec: MessageCodec) -> None:
        self.session, self._codec = session, codec
        self._lent: dict[int, ActorRef] = {}  # {number: actor} of those that the function has, which may be gone since

    def found(self, name: str, uid: int) -> ActorRef:
        """Return the actor of that name and number; raises UnknownActor if it is gone, also where another has its name."""
        ref = self._lent.get(uid)
        return ref if ref is not None else self._lend(self.session.controls.actor(name, uid))

    def _lend(self, ref: ActorRef) -> ActorRef:
        self._lent[ref.uid] = ref
        return ref

    def answered(self, request: Request, given: Sequence[Parcel]) -> Answer:
        """Carry out a request that takes no time."""
        match request.control, request.args:
            case "actor", (name,):
                return self._lend(self.session.actor(name)).uid, ()
            case "tell", (name, uid, within):
                ref = self.found(name, uid)
                ref.tell(self._message(ref, given), within=within)
                return None, ()
            case "incarnation", (name, uid):
                return self.found(name, uid).incarnation, ()
            case "is_alive", (name, uid):
                return self.found(name, uid).is_alive, ()
            case "tree", ():
                return self.session.tree(), ()
            case "dead_letters", ():
                return None, [_portable_letter(letter) for letter in self.session.dead_letters]
        raise AssertionError(request)

    async def awaited(self, request: Request, given: Sequence[Parcel]) -> Answer:
        """Carry out a request that takes its time."""
        if request.control == "spawn":
            return None, [Pickled(self._lend(await self.session.controls.spawn(given[0].open())))]
        name, uid, *args = request.args
        ref = self.found(name, uid)
        match request.control, args:
            case "ask", (within,):
                message = self._message(ref, given)
                return None, [_portable_answer(message, await ref.ask(message, within=within))]
            case "send", (within,):
                await ref.send(self._message(ref, given), within=within)
            case "stop", (reason, drain, within):
                return None, [_portable_outcome(name, await ref.stop(reason, drain=drain, within=within))]
            case "start", ():
                await ref.start()
            case "remove", ():
                await ref.remove()
            case "wait_ready", ():
                await ref.wait_ready()
            case "wait_ended", ():
                return None, [_portable_outcome(name, await ref.wait_ended())]
            case "spawn_child", ():
                factory, child, params, options = given[0].open()
                return None, [Pickled(self._lend(await ref.spawn(factory, child, params, **options)))]
        return None, ()

    def _message(self, ref: ActorRef, given: Sequence[Parcel]) -> Any:
        known = ref.cell.handlers.classes if isinstance(ref, LocalRef) else ()
        return self._codec.unpacked(given[0].open(), known)


def _portable_answer(message: object, answer: object) -> Pickled:
    try:
        return Pickled(answer)
    except Exception as exc:
        raise UnportableMessage(f"the answer to {type(message).__name__}", describe(exc)) from exc


def _portable_outcome(name: str, outcome: Outcome) -> Pickled:
    """Return an outcome pickled, an error in it that cannot be as its text."""
    if isinstance(outcome, Failed) and portable(outcome.error) is None:
        outcome = replace(outcome, error=RuntimeError(describe(outcome.error)))
    try:
        return Pickled(outcome)
    except Exception as exc:
        raise UnportableMessage(f"the outcome of actor {name!r}", describe(exc)) from exc


def _portable_letter(letter: DeadLetter) -> Pickled:
    """Return a dead letter pickled, a message that cannot be as its text."""
    return pickled_or_none(letter) or Pickled(replace(letter, message=repr(letter.message)))
