"""SideWork: what an actor awaits beside its messages."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

import trio

from actors.actor import Message
from runtime.left_behind import Left
from runtime.tree.acting import acting

if TYPE_CHECKING:
    from runtime.tree.cell import Cell


class SideWork:
    """The tasks of one life beside its messages; what comes of each comes as a message.

    Args:
      failed: is told what one has raised that makes no message.
    """

    __slots__ = ("_cell", "_failed", "_is_over", "_none_left", "_scopes")

    def __init__(self, cell: Cell, failed: Callable[[BaseException], object]) -> None:
        self._cell, self._failed = cell, failed
        self._scopes: set[trio.CancelScope] = set()
        self._is_over = False
        self._none_left: trio.Event | None = None

    def begin(
        self,
        func: Callable[..., Awaitable[Any]],
        args: tuple[object, ...],
        then: Callable[[Any], Message[Any]] | None,
        failed: Callable[[Exception], Message[Any]] | None,
    ) -> None:
        """Begin one more, unless the life is over: see :meth:`actors.context.Context.pipe_to_self`."""
        if not self._is_over:
            scope = trio.CancelScope(shield=True)  # cancelled when this life ends
            self._scopes.add(scope)
            name = f"{self._cell.name}, beside its messages"
            self._cell.tree.nursery.start_soon(self._perform, scope, func, args, then, failed, name=name)

    def cancel(self) -> None:
        """Cancel all that goes on, and begin no more."""
        self._is_over = True
        for scope in self._scopes:
            scope.cancel(reason="the life of its actor has ended")

    async def ended(self) -> None:
        """Wait until nothing goes on, or it is left behind."""
        if self._scopes:
            self._none_left = trio.Event()
            await self._none_left.wait()

    def leave_behind(self) -> None:
        """Let nobody wait for what ignores its cancellation."""
        for scope in self._scopes:
            self._cell.tree.left_behind.add(scope, Left("coroutine", f"{self._cell}, beside its messages,"))
        if self._none_left is not None:
            self._none_left.set()

    async def _perform(
        self,
        scope: trio.CancelScope,
        func: Callable[..., Awaitable[Any]],
        args: tuple[object, ...],
        then: Callable[[Any], Message[Any]] | None,
        failed: Callable[[Exception], Message[Any]] | None,
    ) -> None:
        acting.set(None)  # while it waits for another actor, this one deals with messages
        try:
            with scope:
                message = await _message_of(func, args, then, failed)
                if message is not None:
                    self._cell.deliver(message)
        except trio.Cancelled:
            raise
        except BaseException as exc:  # what is for the whole program too: who is told sees to that
            self._failed(exc)
        finally:
            self._scopes.discard(scope)
            self._cell.tree.left_behind.drop(scope)
            if not self._scopes and self._none_left is not None:
                self._none_left.set()


async def _message_of(
    func: Callable[..., Awaitable[Any]],
    args: tuple[object, ...],
    then: Callable[[Any], Message[Any]] | None,
    failed: Callable[[Exception], Message[Any]] | None,
) -> Message[Any] | None:
    """Return the message of what ``func(*args)`` returns or raises; None if there is none."""
    try:
        value = await func(*args)
        return None if then is None else then(value)
    except Exception as exc:
        if failed is None:
            raise
        return failed(exc)
