"""What can be known of a callable before it is called."""

from __future__ import annotations

import dis
import functools
import inspect
import os
import sys
from collections.abc import Callable, Iterator
from types import CodeType, FunctionType, ModuleType
from typing import Any

from actors.errors import UnportableFunction

Function = Callable[..., Any]
_OURS = os.path.dirname(__file__)  # noqa: PTH120  # pathlib takes 5 ms to import


def name_of(function: Function) -> str:
    """Return the name a task gets from its function: of a partial, that of what it wraps; of an instance, its class's."""
    bare = _unwrapped(function)
    return getattr(bare, "__name__", None) or type(bare).__name__


def qualname_of(function: Function) -> str:
    """Return the dotted name of `function` in its module; of a partial or instance, that of the function behind it."""
    bare = _underlying(function)
    return getattr(bare, "__qualname__", type(bare).__qualname__)


def place_of(function: Function) -> str:
    """Return ``file:line`` of the definition of `function`, or of the call that led here where it has none, or has it here."""
    code = _code_of(function)
    if code is not None and not code.co_filename.startswith(_OURS):
        return f"{code.co_filename}:{code.co_firstlineno}"
    frame = sys._getframe(1)
    while frame.f_back is not None and frame.f_code.co_filename.startswith(_OURS):
        frame = frame.f_back
    return f"{frame.f_code.co_filename}:{frame.f_lineno}"


def is_async(function: Function) -> bool:
    """Return whether calling `function` gives something to await."""
    return inspect.iscoroutinefunction(_underlying(function))


def is_generator(function: Function) -> bool:
    """Return whether calling `function` gives a generator, whose code has not begun then."""
    bare = _underlying(function)
    return inspect.isgeneratorfunction(bare) or inspect.isasyncgenfunction(bare)


def names_asyncio(function: Function) -> bool:
    """Return whether the own code of `function` uses asyncio: the module, or something imported from it."""
    code = _code_of(function)
    if code is None:
        return False
    scope = getattr(inspect.unwrap(_underlying(function)), "__globals__", {})

    def is_asyncio(name: str) -> bool:
        return name.partition(".")[0] == "asyncio" or _is_of_asyncio(scope.get(name))

    return any(map(is_asyncio, _mentioned_in(code))) and any(map(is_asyncio, _names_in(code)))


def backend_of(function: Function) -> str:
    """Return what drives `function`, if it is async and does not say so: ``asyncio`` if its own code uses that, else ``trio``."""
    return "asyncio" if names_asyncio(function) else "trio"


def plain_function(function: Function) -> FunctionType | None:
    """Return the function in Python that a call of `function` calls first, behind partials, methods and instances.

    Not what a decorator has wrapped, which that may call elsewhere. None if it is none, such as one in C.
    """
    plain = _underlying(function)
    return plain if isinstance(plain, FunctionType) else None


def check_portable(task: str, function: Function) -> None:
    """Check that a worker process can find `function` again.

    Raises:
      UnportableFunction: it is a lambda, or was defined inside another function.
    """
    qualname = qualname_of(function)
    if "<lambda>" in qualname:
        raise UnportableFunction(task, f"a lambda ({place_of(function)})", "has no name that a worker could find it by")
    if "<locals>" in qualname:
        raise UnportableFunction(task, qualname, "is defined inside a function, where a worker cannot find it")
    if getattr(function, "__module__", None) == "__main__" and not _is_file(getattr(sys.modules["__main__"], "__file__", "")):
        raise UnportableFunction(task, qualname, "is defined in an interactive session, which a worker cannot load")


def _is_file(path: str) -> bool:
    return os.path.isfile(path)  # noqa: PTH113  # likewise


def _unwrapped(function: Function) -> Any:
    while isinstance(function, functools.partial):
        function = function.func
    return function


def _underlying(function: Function) -> Any:
    """Return the plain function behind partials, methods and instances (whose ``__call__`` it then is)."""
    bare = _unwrapped(function)
    bare = getattr(bare, "__func__", bare)
    return bare if hasattr(bare, "__code__") or hasattr(bare, "__wrapped__") else _call_of(bare)


def _call_of(instance: Any) -> Any:
    """Return the ``__call__`` of the class of `instance`, which is what calling it calls."""
    return getattr(type(instance), "__call__")  # noqa: B004, B009  # it is the method that is wanted, not whether there is one


def _code_of(function: Function) -> CodeType | None:
    code = getattr(inspect.unwrap(_underlying(function)), "__code__", None)
    return code if isinstance(code, CodeType) else None


def _mentioned_in(code: CodeType) -> Iterator[str]:
    """Yield all names in `code`, attributes too: where none is of interest, the closer look is not worth its time."""
    yield from code.co_freevars
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _mentioned_in(constant)


def _names_in(code: CodeType) -> Iterator[str]:
    """Yield the names of what `code` takes from outside of it, by import or as globals; attributes are other names."""
    yield from code.co_freevars
    for instruction in dis.get_instructions(code):
        if instruction.opname in ("LOAD_GLOBAL", "LOAD_NAME", "IMPORT_NAME"):
            yield str(instruction.argval)
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names_in(constant)


def _is_of_asyncio(value: object) -> bool:
    name = value.__name__ if isinstance(value, ModuleType) else getattr(value, "__module__", None)
    return isinstance(name, str) and (name == "asyncio" or name.startswith("asyncio."))
