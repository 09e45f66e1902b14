"""Arguments whose value a function gives."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from typing import Any, overload

from actors.args.base import MATERIALIZE, Argument, Circumstances, Materialize, all_valued, staged, valued
from actors.args.signature import Signature
from actors.callables import Function, is_async, is_generator, name_of
from actors.portable import Reference


class FuncArg(Argument):
    """What `function` returns when a run starts.

    Its own parameters may have arguments as defaults, which are valued for it, and those that are named like a parameter of the
    session get that.

    Args:
      function: is called anew for each run; not async, and no generator.
      args, kwargs: what it is called with; arguments among them are valued.
      materialize: ``pre`` calls it in the scheduler, which it blocks meanwhile; ``post`` in the thread or worker process of the
        run. Default: the app's ``param_materialize``.

    Raises:
      TypeError, ValueError: it is nothing that gives a value when it is called; `materialize` is neither of the two.
    """

    def __init__(self, function: Function, /, *args: Any, materialize: Materialize | None = None, **kwargs: Any) -> None:
        if not callable(function):
            raise TypeError(f"FuncArg needs a function, not {function!r}")
        if is_async(function) or is_generator(function):
            raise TypeError(f"the argument {name_of(function)} is an async function or a generator; a plain function is needed")
        if materialize is not None and materialize not in MATERIALIZE:
            raise ValueError(f"materialize={materialize!r} of the argument {name_of(function)}: it must be 'pre' or 'post'")
        self.function = function
        self.materialize = materialize
        self.args, self.kwargs = args, kwargs
        self._signature = Signature.of(f"the argument {name_of(function)}()", function).after(_bound(function, args, kwargs))

    def tasks(self) -> Iterator[object]:
        for part in self._parts():
            yield from part.tasks()

    def needs(self) -> Iterator[object]:
        for part in self._parts():
            yield from part.needs()

    def _parts(self) -> Iterator[Argument]:
        """Yield the arguments that it is made of."""
        values = (*self.args, *self._signature.arguments.values(), *self.kwargs.values())
        return (value for value in values if isinstance(value, Argument))

    def value(self, circumstances: Circumstances) -> Any:
        args = [valued(value, circumstances) for value in self.args]
        return self.function(*args, **all_valued(self._signature.owner, self._fitted(circumstances), circumstances))

    def stage(self, circumstances: Circumstances) -> Any:
        if not self.travels(circumstances.session.config.param_materialize):
            return self.value(circumstances)
        args = [staged(value, circumstances) for value in self.args]
        kwargs = all_valued(self._signature.owner, self._fitted(circumstances), circumstances, stage=True)
        return FuncArg(self.function, *args, materialize="post", **kwargs)

    def _fitted(self, circumstances: Circumstances) -> dict[str, Any]:
        return self._signature.fit(self.kwargs, circumstances.session.parameters.snapshot())

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call the function itself, as if it had not been decorated."""
        return self.function(*args, **kwargs)

    def __reduce__(self) -> tuple[Any, ...]:
        return _restored, (Reference(self.function), self.materialize, self.args, self.kwargs)

    def __repr__(self) -> str:
        return f"FuncArg({name_of(self.function)})"


def _bound(function: Function, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> frozenset[str]:
    """Return the names of the parameters that `args` are for; raises TypeError if they do not fit."""
    try:
        signature = inspect.signature(function)
    except ValueError:  # of a built-in that does not say
        return frozenset()
    try:
        signature.bind_partial(*args, **kwargs)
        return frozenset(signature.bind_partial(*args).arguments)
    except TypeError as exc:
        raise TypeError(f"the argument {name_of(function)}(): {exc}") from exc


def _restored(function: Reference, materialize: Materialize | None, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> FuncArg:
    return FuncArg(function.found(), *args, materialize=materialize, **kwargs)


@overload
def argument(function: Function, /) -> Any: ...
@overload
def argument(*, materialize: Materialize | None = None) -> Callable[[Function], Any]: ...
def argument(function: Function | None = None, /, *, materialize: Materialize | None = None) -> Any:
    """Make a function an argument, as a decorator: the default ``pages=read_pages`` is then what it returns.

    >>> @argument()
    ... def read_pages(url=EnvArg("URL")): ...

    Args:
      materialize: see :class:`FuncArg`.
    """
    if function is not None:
        return FuncArg(function)
    return lambda function: FuncArg(function, materialize=materialize)
