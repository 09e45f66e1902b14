"""The cattrs converter of messages that cross between a process and the actors: to plain data, and back.

Every app that may have processes has one, few send messages: so cattrs is loaded when the first is to cross.
"""

from __future__ import annotations

import datetime as dt
import sys
from collections.abc import Iterable, Iterator
from dataclasses import is_dataclass
from decimal import Decimal
from fractions import Fraction
from functools import cached_property, reduce
from pathlib import PurePath
from typing import TYPE_CHECKING, Any
from uuid import UUID

from attrs import has as is_attrs

from actors.actor import Message
from actors.errors import UnportableMessage
from actors.portable import describe
from actors.ref import ActorRef
from runtime.worker.protocol import PlainMessage

if TYPE_CHECKING:
    from cattrs import Converter

_VALUES = (
    bool, int, float, complex, str, bytes, Decimal, Fraction, UUID,
    dt.date, dt.datetime, dt.time, dt.timedelta,
)  # fmt: skip
"""Classes whose values go as they are; those of a class derived from one do not."""
_FAMILIES = (PurePath, dt.tzinfo, ActorRef)
"""Classes whose values go as they are, derived ones too."""
_COLLECTIONS = (list, tuple, set, frozenset)


class MessageCodec:
    """Makes messages plain data, and messages of them again. Nothing is imported for that, and no class but messages' is made.

    A message is a dataclass or an attrs class, whose fields are annotated with what is in them: plain values, collections,
    enumerations, such classes, and references to actors.
    """

    @cached_property
    def _converter(self) -> Converter:
        from cattrs import Converter
        from cattrs.strategies import configure_union_passthrough

        converter = Converter(forbid_extra_keys=True)
        converter.register_unstructure_hook_func(lambda kind: kind is Any or kind is object, lambda value: value)
        for kind in _VALUES:
            converter.register_structure_hook(kind, _as_it_is)
        converter.register_structure_hook_func(_is_of_a_family, _as_it_is)
        configure_union_passthrough(bool | int | float | str | bytes | None, converter)
        return converter

    def packed(self, message: Message[Any]) -> PlainMessage:
        """Return `message` as plain data.

        Raises:
          UnportableMessage: it would not arrive as it is; names the field.
        """
        kind = type(message)
        if not isinstance(message, Message):
            raise UnportableMessage(kind.__name__, "it is no message: derive its class from actors.Message")
        if not _has_fields(kind):
            raise UnportableMessage(kind.__name__, "make its class a frozen dataclass, or attrs.frozen")
        try:
            data = self._converter.unstructure(message, kind)
            odd = next(_odd(data), None)
        except Exception as exc:
            raise UnportableMessage(kind.__name__, describe(exc)) from exc
        if odd is not None:
            path, value = odd
            raise UnportableMessage(kind.__name__, f"{path[1:]} is a {type(value).__name__}, which is no plain data")
        copy: Any = self._structured(data, kind)
        if kind.__eq__ is not object.__eq__ and copy != message:
            field = next((name for name in data if getattr(copy, name, None) != getattr(message, name, None)), "it")
            raise UnportableMessage(kind.__name__, f"{field} would arrive as something else: annotate it with what is in it")
        return PlainMessage(kind.__module__, kind.__qualname__, data)

    def unpacked(self, plain: PlainMessage, known: Iterable[type] = ()) -> Message[Any]:
        """Return the message that was packed.

        Args:
          known: classes that come first, such as those that an actor takes; the others are looked for in the modules that are
            loaded.

        Raises:
          UnportableMessage: its class is not there, or the data does not fit it.
        """
        kind = _class_of(plain, known)
        if kind is None:
            problem = f"the scheduler's process has no class of messages {plain.name!r} in a module {plain.module!r}"
            raise UnportableMessage(plain.name, f"{problem}. Define it where the app is loaded from")
        return self._structured(plain.data, kind)

    def _structured(self, data: Any, kind: type[Message[Any]]) -> Message[Any]:
        try:
            return self._converter.structure(data, kind)
        except Exception as exc:
            from cattrs import transform_error

            problems = transform_error(exc, format_exception=_in_words)
            raise UnportableMessage(kind.__name__, "; ".join(map(_by_field, problems))) from exc


def _has_fields(kind: type) -> bool:
    return is_dataclass(kind) or is_attrs(kind)


def _class_of(plain: PlainMessage, known: Iterable[type]) -> type[Message[Any]] | None:
    for kind in known:
        if (kind.__module__, kind.__qualname__) == (plain.module, plain.name) and issubclass(kind, Message):
            return kind
    found: Any = reduce(lambda place, part: getattr(place, part, None), plain.name.split("."), sys.modules.get(plain.module))
    return found if isinstance(found, type) and issubclass(found, Message) else None


def _in_words(exc: BaseException, kind: type | None) -> str:
    from cattrs import StructureHandlerNotFoundError
    from cattrs.v import format_exception

    is_ours = isinstance(exc, (TypeError, StructureHandlerNotFoundError))
    return str(exc) if is_ours else format_exception(exc, kind)


def _by_field(problem: str) -> str:
    """Return ``a.b: wrong`` for ``wrong @ $.a.b``."""
    what, _, path = problem.rpartition(" @ $")
    return f"{path[1:]}: {what}" if path else what


def _is_of_a_family(kind: Any) -> bool:
    return kind is object or (isinstance(kind, type) and issubclass(kind, _FAMILIES))


def _as_it_is(value: Any, kind: type) -> Any:
    if isinstance(value, kind) or (kind is float and isinstance(value, int)):
        return value
    raise TypeError(f"{value!r} is no {kind.__name__}")


def _odd(data: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Yield what is no plain data, and where it is, such as ``.lines[2].price``."""
    if type(data) is dict:
        for key, value in data.items():
            yield from _odd(key, path)
            yield from _odd(value, f"{path}.{key}")
    elif type(data) in _COLLECTIONS:
        for index, value in enumerate(data):
            yield from _odd(value, f"{path}[{index}]")
    elif not (data is None or type(data) in _VALUES or isinstance(data, _FAMILIES)):
        yield path, data
