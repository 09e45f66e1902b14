"""What can cross to a worker process and back: pickle, with answers that people can use.

Pickle itself is loaded where something is to cross: it takes 3 ms to import, and most apps have no processes.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from importlib import import_module
from types import FunctionType
from typing import TYPE_CHECKING, Any

from actors.callables import Function
from actors.errors import UnportableParameter, UnportableResult

if TYPE_CHECKING:
    from actors.pickled import Pickled


class Reference:
    """A function by the name it has in its module, also where a decorator of ours has put something in its place there.

    Args:
      function: what is referred to.

    Raises:
      Exception: it can be found neither by pickle nor by its name; whatever pickle raises.
    """

    def __init__(self, function: Function) -> None:
        import pickle

        self._module, self._name = "", ""
        self._pickled: bytes | None = None
        try:
            self._pickled = pickle.dumps(function, pickle.HIGHEST_PROTOCOL)
        except Exception:
            if not isinstance(function, FunctionType) or "<" in function.__qualname__:
                raise
            self._module, self._name = function.__module__, function.__qualname__

    def found(self) -> Function:
        """Return the function."""
        if self._pickled is not None:
            import pickle

            unpickled: Function = pickle.loads(self._pickled)
            return unpickled
        place: Any = import_module(self._module)
        for part in self._name.split("."):
            place = getattr(place, part)
        found: Function = getattr(place, "function", place)
        return found


def check_parameters(task: str, params: Mapping[str, Any]) -> None:
    """Check that each of `params` can be sent to a worker.

    Raises:
      UnportableParameter: one cannot; names it.
    """
    pickled_parameters(task, params)


def pickled_parameters(task: str, params: Mapping[str, Any]) -> dict[str, Pickled]:
    """Return `params`, each pickled on its own.

    Raises:
      UnportableParameter: one cannot be; names it.
    """
    pickled = {}
    for name, value in params.items():
        try:
            pickled[name] = _pickled(value)
        except Exception as exc:
            raise UnportableParameter(task, name, describe(exc)) from exc
    return pickled


def pickled_result(task: str, value: object) -> Pickled:
    """Return what a task returned, pickled.

    Raises:
      UnportableResult: it cannot be.
    """
    try:
        return _pickled(value)
    except Exception as exc:
        raise UnportableResult(task, type(value).__qualname__, describe(exc)) from None


def pickled_or_none(value: object) -> Pickled | None:
    """Return `value` pickled, or None if it cannot be."""
    with suppress(Exception):
        return _pickled(value)
    return None


def _pickled(value: object) -> Pickled:
    from actors.pickled import Pickled

    return Pickled(value)


def describe(exc: BaseException) -> str:
    """Return `exc` in one line, whatever its ``__str__`` does."""
    first = first_line(exc)
    return f"{type(exc).__name__}: {first}" if first else type(exc).__name__


def first_line(exc: BaseException) -> str:
    """Return the first line of what `exc` says, whatever its ``__str__`` does."""
    try:
        text = str(exc)
    except Exception:
        return "(its text cannot be shown)"
    return next(iter(text.strip().splitlines()), "")


def portable(exc: BaseException) -> bytes | None:
    """Return `exc` pickled if its copy still says the same, else None."""
    import pickle

    with suppress(Exception):
        blob = pickle.dumps(exc, pickle.HIGHEST_PROTOCOL)
        copy = pickle.loads(blob)
        if type(copy) is type(exc) and str(copy) == str(exc):
            return blob
    return None
