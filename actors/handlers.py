"""Handlers: which method of an actor deals with which messages, and what else it declares about that."""

from __future__ import annotations

import inspect
import types
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from actors.actor import Actor, Message
from actors.errors import InvalidOption

F = TypeVar("F", bound=Callable[..., Any])
OnGone = Literal["finish", "cancel", "restart"]
ON_GONE: tuple[str, ...] = ("finish", "cancel", "restart")
_DECLARED = "__callsheet_handler__"


@dataclass(frozen=True, slots=True)
class Handler:
    """What is declared about dealing with messages of one class."""

    method: str
    """The name of the method."""
    on_caller_gone: OnGone = "finish"
    on_deadline: OnGone = "cancel"
    raises: tuple[type[Exception], ...] = ()
    wants_answer: bool = False
    """Whether the class of the message promises an answer that is not None."""


def handler(
    *, on_caller_gone: OnGone = "finish", on_deadline: OnGone = "cancel", raises: tuple[type[Exception], ...] = ()
) -> Callable[[F], F]:
    """Have a method of an actor deal with the messages that its parameter is annotated with; on ``receive`` it only declares.

    ::

        @handler(raises=(NotFound,), on_caller_gone="cancel")
        async def find(self, message: Find) -> Row: ...

    Args:
      on_caller_gone: what becomes of the handler when whoever asked does not wait any more: it may ``finish``, it is asked to
        end by ``cancel``, so that it must leave the state whole at each await, or it is cancelled and the actor made anew
        (``restart``).
      on_deadline: the same, for when the time of the message is over.
      raises: the exceptions that are answers: they are raised where it was asked, and the actor goes on.
    """
    for option, value in (("on_caller_gone", on_caller_gone), ("on_deadline", on_deadline)):
        if value not in ON_GONE:
            raise InvalidOption("handler", option, repr(value), f"one of {', '.join(ON_GONE)} is expected")
    if not (isinstance(raises, tuple) and all(isinstance(one, type) and issubclass(one, Exception) for one in raises)):
        raise InvalidOption("handler", "raises", repr(raises), "a tuple of classes of exceptions is expected")

    def declare(method: F) -> F:
        setattr(method, _DECLARED, Handler(method.__name__, on_caller_gone, on_deadline, raises))
        return method

    return declare


class Handlers:
    """The handlers of a class of actors, by the class of the message."""

    def __init__(self, actor: type[Actor]) -> None:
        self._open: Handler | None = None  # of receive, where that takes whatever comes
        self._declared: dict[type, Handler] = {}
        for method, declared in _methods(actor):
            taken = _taken(getattr(actor, method))
            if taken is None:
                self._open = declared
            else:
                self._declared.update(dict.fromkeys(taken, declared))
        self.found: dict[type, Handler | None] = {}
        """{class: what deals with it, None if nothing does} of those that were asked for."""

    @classmethod
    def open(cls) -> Handlers:
        """Return those of an actor of which nothing is known yet."""
        handlers = cls(Actor)
        handlers._open = Handler("receive")
        return handlers

    @property
    def known(self) -> list[str]:
        """The names of the classes that it takes, as far as it says."""
        return [kind.__name__ for kind in self._declared]

    @property
    def classes(self) -> list[type]:
        """The classes that it takes, as far as it says."""
        return list(self._declared)

    def of(self, kind: type) -> Handler | None:
        """Return what deals with messages of a class, by the nearest class that it derives from; None if nothing does."""
        try:
            return self.found[kind]
        except KeyError:
            found = next((self._declared[base] for base in kind.__mro__ if base in self._declared), self._open)
            if found is not None and _wants_answer(kind):
                found = Handler(found.method, found.on_caller_gone, found.on_deadline, found.raises, wants_answer=True)
            self.found[kind] = found
            return found


def _methods(actor: type[Actor]) -> Iterator[tuple[str, Handler]]:
    for name in dir(actor):
        method = inspect.getattr_static(actor, name)
        declared = getattr(method, _DECLARED, None)
        if declared is not None or (name == "receive" and method is not Actor.receive):
            if not inspect.iscoroutinefunction(method):
                raise InvalidOption(f"actor {actor.__name__}", name, repr(method), "an async method is expected")
            yield name, declared or Handler(name)


def _taken(method: Callable[..., Any]) -> list[type] | None:
    """Return the classes of messages that a method is annotated with; None if it takes whatever comes."""
    parameters = list(inspect.signature(method).parameters.values())
    if len(parameters) != 2:  # noqa: PLR2004  # self, and the message
        raise InvalidOption("an actor", method.__qualname__, str(inspect.signature(method)), "self and one message are expected")
    annotation = parameters[1].annotation
    if isinstance(annotation, str):
        try:
            annotation = get_type_hints(method).get(parameters[1].name, Any)
        except NameError:  # of a class that is known to type checkers only, or is local to a function
            return None
    return None if annotation is parameters[1].empty else _classes(annotation)


def _classes(annotation: Any) -> list[type] | None:
    """Return the classes that an annotation is a union of, or None where it says nothing."""
    if get_origin(annotation) in (Union, types.UnionType):
        parts = [_classes(part) for part in get_args(annotation)]
        return None if None in parts else [kind for part in parts for kind in part or ()]
    kind = get_origin(annotation) or annotation
    return [kind] if isinstance(kind, type) and kind not in (object, Any, Message) else None


def _wants_answer(kind: type) -> bool:
    """Return whether a class of messages promises an answer that is not None."""
    for base in kind.__mro__:
        for declared in getattr(base, "__orig_bases__", ()):
            if get_origin(declared) is Message:
                (reply,) = get_args(declared)
                return not (reply in (None, type(None), Any, object) or isinstance(reply, (str, TypeVar)) or _may_be_none(reply))
    return False


def _may_be_none(reply: Any) -> bool:
    return get_origin(reply) in (Union, types.UnionType) and type(None) in get_args(reply)
