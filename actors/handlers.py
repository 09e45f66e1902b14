"""Handlers: which method of an actor deals with which messages, and what else it declares about that."""

from __future__ import annotations

import inspect
import types
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from types import SimpleNamespace
from typing import Any, ForwardRef, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

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
    method: None = None,
    /,
    *,
    on_caller_gone: OnGone = "finish",
    on_deadline: OnGone = "cancel",
    raises: tuple[type[Exception], ...] = (),
) -> Callable[[F], F]:
    """Have a method of an actor deal with the messages that its parameter is annotated with; on ``receive`` it only declares.

    A method that overrides one in a class below need not be decorated again.

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
    if method is not None:
        raise TypeError("write @handler() with parentheses")
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
    """The handlers of a class of actors, by the class of the message.

    Raises:
      InvalidOption: a method cannot deal with messages, does not say with which, or another one does with the same.
    """

    def __init__(self, actor: type[Actor]) -> None:
        self._open: Handler | None = None  # of receive, where that takes whatever comes
        self._declared: dict[type, Handler] = {}
        self.found: dict[type, Handler | None] = {}
        """{class: what deals with it, None if nothing does} of those that were asked for."""
        for declared in _methods(actor):
            taken = _taken(actor, declared.method)
            if taken is None:
                self._open = declared
            for kind in taken or ():
                self._add(actor, kind, declared)

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
                found = replace(found, wants_answer=True)
            self.found[kind] = found
            return found

    def _add(self, actor: type[Actor], kind: type, declared: Handler) -> None:
        other = self._declared.get(kind)
        if other is not None and other.method not in ("receive", declared.method):
            expected = f"one method for each class is expected, and {other.method} takes it too"
            raise InvalidOption(f"actor {actor.__name__}", declared.method, kind.__name__, expected)
        self._declared[kind] = declared


def _methods(actor: type[Actor]) -> Iterator[Handler]:
    """Yield what is declared about each method that deals with messages: of ``receive`` first, before which others come."""
    for name in sorted(dir(actor), key=lambda name: name != "receive"):
        method = inspect.getattr_static(actor, name)
        declared = next((found for base in actor.__mro__ if (found := getattr(vars(base).get(name), _DECLARED, None))), None)
        if declared is not None or (name == "receive" and method is not Actor.receive):
            if not inspect.iscoroutinefunction(method):
                raise InvalidOption(f"actor {actor.__name__}", name, repr(method), "an async method is expected")
            yield declared or Handler(name)


def _taken(actor: type[Actor], name: str) -> list[type] | None:
    """Return the classes of messages that a method is annotated with; None of a ``receive`` that takes whatever comes."""
    method = inspect.getattr_static(actor, name)
    signature = inspect.signature(method)
    if len(signature.parameters) != 2:  # noqa: PLR2004  # self, and the message
        raise InvalidOption(f"actor {actor.__name__}", name, str(signature), "self and one message are expected")
    message = list(signature.parameters.values())[1]
    taken = None if message.annotation is message.empty else _classes(_evaluated(message.annotation, method, actor))
    if taken is None and name != "receive":
        expected = "the message is expected to have an annotation with classes that can be found when the program runs"
        raise InvalidOption(f"actor {actor.__name__}", name, str(signature), expected)
    return taken


def _evaluated(annotation: Any, method: Callable[..., Any], actor: type[Actor]) -> Any:
    """Return what an annotation means that may be text, or have text in it; Any where that cannot be told."""
    try:
        annotated = SimpleNamespace(__annotations__={"message": annotation})  # without what it returns, which does not matter
        inner = {name: value for base in reversed(actor.__mro__) for name, value in vars(base).items()}  # where it is nested
        return get_type_hints(annotated, inspect.unwrap(method).__globals__, inner)["message"]
    except NameError:  # of a class that is known to type checkers only, or is local to a function
        return Any


def _classes(annotation: Any) -> list[type] | None:
    """Return the classes that an annotation is a union of, or None where it says nothing."""
    annotation = getattr(annotation, "__value__", annotation)  # of an alias: type Known = Add | Reset
    if get_origin(annotation) in (Union, types.UnionType):
        parts = [_classes(part) for part in get_args(annotation)]
        return None if None in parts else [kind for part in parts for kind in part or ()]
    kind = get_origin(annotation) or annotation
    return [kind] if isinstance(kind, type) and kind not in (object, Message, Any) else None


def _wants_answer(kind: type) -> bool:
    """Return whether a class of messages promises an answer that is not None."""
    reply = _reply(kind) if issubclass(kind, Message) else Any
    reply = getattr(reply, "__value__", reply)  # of an alias: type Found = Row | None
    may_be_none = get_origin(reply) in (Union, types.UnionType) and type(None) in get_args(reply)
    return not (may_be_none or isinstance(reply, (ForwardRef, TypeVar)) or reply in (None, type(None), Any, object))


def _reply(kind: Any) -> Any:
    """Return what a class of messages, or ``Class[argument]``, says about the answer: a type, or what tells nothing."""
    made, given = get_origin(kind) or kind, get_args(kind)
    if made is Message:
        return given[0] if given else Any
    bases = vars(made).get("__orig_bases__", made.__bases__)
    base = next(base for base in bases if issubclass(get_origin(base) or base, Message))
    if get_args(base) and base.__parameters__:
        meaning = dict(zip(made.__parameters__, given, strict=False))  # of a class without its arguments, they are unknown
        base = base[tuple(meaning.get(parameter, parameter) for parameter in base.__parameters__)]
    return _reply(base)
