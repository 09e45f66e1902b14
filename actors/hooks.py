"""Hooks: functions of the user's that are called around what the runtime does.

A hook is a plain function, an async one, or a generator of either kind: what is before its ``yield`` is executed before, the
rest after. What the ``yield`` gives is how it went in between, as ``(type, error, traceback)``, three times None if it went well.
"""

from __future__ import annotations

import inspect
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Generator, Iterator
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from functools import partial, wraps
from types import TracebackType
from typing import Any, TypeVar, overload

from actors.args.base import Circumstances, all_valued
from actors.args.signature import Signature
from actors.callables import Function, is_async, is_generator, name_of

F = TypeVar("F", bound=Function)


@dataclass(frozen=True)
class Hook:
    """One function, and what it takes."""

    function: Function
    signature: Signature
    takes_first: bool
    """Whether it takes what it is about by position: it has a parameter that is required, or by default None."""

    @classmethod
    def of(cls, function: Function) -> Hook:
        """Return the hook of `function`; raises TypeError if it is none."""
        if not callable(function):
            raise TypeError(f"a hook is a function, not {function!r}")
        signature, first = Signature.of(f"the hook {name_of(function)}()", function), _first_of(function)
        if first is None or not (first.kind is first.VAR_POSITIONAL or _is_open(first.default)):
            return cls(function, signature, takes_first=False)
        return cls(function, signature.after(frozenset({first.name})), takes_first=True)

    @property
    def is_async(self) -> bool:
        """Whether it is an async function, or generator."""
        return is_async(self.function) or inspect.isasyncgenfunction(self.function)

    def call(self, here: Circumstances) -> Any:
        """Call it, with its arguments valued; its first parameter is the task, if there is one."""
        return self.call_with(here.task, here)

    def call_with(self, first: Any, here: Circumstances) -> Any:
        """Call it with `first` as its first parameter, if it takes one, and `first` is not None."""
        is_given = first is not None and self.takes_first
        signature = self.signature if is_given else Signature.of(self.signature.owner, self.function)
        fitted = all_valued(signature.owner, signature.fit({}, here.session.parameters.snapshot()), here)
        return self.function(first, **fitted) if is_given else self.function(**fitted)


def _is_open(default: object) -> bool:
    return default is None or default is inspect.Parameter.empty


def _first_of(function: Function) -> inspect.Parameter | None:
    """Return the first parameter that can be given by position."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (ValueError, TypeError):  # of a built-in that does not say
        return inspect.Parameter("first", inspect.Parameter.POSITIONAL_ONLY)
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.VAR_POSITIONAL)
    return next((parameter for parameter in parameters if parameter.kind in kinds), None)


class Hooks:
    """The hooks of a session, each kind in the order in which they were added."""

    def __init__(self) -> None:
        self.startup: tuple[Hook, ...] = ()
        self.shutdown: tuple[Hook, ...] = ()
        self.task_init: tuple[Hook, ...] = ()
        self.task_execute: tuple[Hook, ...] = ()
        self.fail: tuple[Hook, ...] = ()


@contextmanager
def around(hooks: tuple[Hook, ...], here: Circumstances) -> Iterator[None]:
    """Call plain hooks around the block, the first one outermost. What one raises comes out of it."""
    with ExitStack() as begun:
        for hook in hooks:
            made = hook.call(here)
            if inspect.isgenerator(made):
                next(made, None)
                begun.push(partial(_finish, made))
        yield


@asynccontextmanager
async def around_async(hooks: tuple[Hook, ...], here: Circumstances) -> AsyncIterator[None]:
    """Call hooks of all kinds around the block, the first one outermost. What one raises comes out of it."""
    async with AsyncExitStack() as begun:
        for hook in hooks:
            made = hook.call(here)
            if inspect.isgenerator(made):
                next(made, None)
                begun.push(partial(_finish, made))
            elif inspect.isasyncgen(made):
                await anext(made, None)
                begun.push_async_exit(partial(_finish_async, made))
            elif inspect.isawaitable(made):
                await made
        yield


def hooked(function: Function, hooks: tuple[Hook, ...], here: Circumstances) -> Function:
    """Return what calls `function` with `hooks` around it: async if it is, or one of them."""
    if is_async(function) or any(hook.is_async for hook in hooks):

        @wraps(function)
        async def call_async(*args: Any, **kwargs: Any) -> Any:
            async with around_async(hooks, here):
                result = function(*args, **kwargs)
                return await result if inspect.isawaitable(result) else result

        return call_async

    @wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        with around(hooks, here):
            return function(*args, **kwargs)

    return call


def check_callback(hook: Hook) -> Hook:
    """Return `hook` if it can be called with a record; raises TypeError if nothing of it would be executed by that."""
    if is_generator(hook.function):
        raise TypeError(f"{name_of(hook.function)} is a generator, and nothing comes after it has been told: use a function")
    return hook


class AddHook:
    """A decorator that adds a hook: with parentheses or without, ``@session.hook_startup()`` or ``@session.hook_startup``.

    Args:
      add: takes the hook; raises TypeError if it is none of its kind.
    """

    def __init__(self, add: Callable[[Hook], object]) -> None:
        self._add = add

    @overload
    def __call__(self, function: F) -> F: ...
    @overload
    def __call__(self) -> Callable[[F], F]: ...
    def __call__(self, function: Function | None = None) -> Any:
        """Add `function`, and return it; without one return what does."""
        if function is None:
            return self
        self._add(Hook.of(function))
        return function


def _finish(
    made: Generator[Any, Any, Any],
    kind: type[BaseException] | None,
    error: BaseException | None,
    traceback: TracebackType | None,
) -> None:
    try:
        made.send((kind, error, traceback))
    except StopIteration:
        return
    made.close()
    raise RuntimeError(f"the hook {getattr(made, '__name__', '')} yields more than once")


async def _finish_async(
    made: AsyncGenerator[Any, Any],
    kind: type[BaseException] | None,
    error: BaseException | None,
    traceback: TracebackType | None,
) -> None:
    try:
        await made.asend((kind, error, traceback))
    except StopAsyncIteration:
        return
    await made.aclose()
    raise RuntimeError(f"the hook {getattr(made, '__name__', '')} yields more than once")
