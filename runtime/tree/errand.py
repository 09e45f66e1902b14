"""Errand: what another thread waits for, done in the trio thread."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from concurrent.futures import Future, InvalidStateError
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import outcome
import trio

from actors.actor import Message
from actors.errors import DeadlockError, NotRunning, TaskTerminationException
from actors.termination import current_flag
from runtime.tree.acting import acting
from runtime.tree.envelopes import Relayed

if TYPE_CHECKING:
    from runtime.tree.cell import Cell
    from runtime.tree.tree import Tree


class Errand:
    """Something async of the tree that another thread has done for it, with the context variables that it has there.

    Args:
      func: is called and awaited in the trio thread, which bounds how long it takes.
    """

    def __init__(self, tree: Tree, func: Callable[[], Awaitable[Any]]) -> None:
        self._tree, self._func, self._acting = tree, func, acting.get()
        self._done: Future[Any] = Future()
        self._scope: trio.CancelScope | None = None
        self._is_called_off = False
        tree.post(self._begin, self._lose)

    def wait(self) -> Any:
        """Wait for it, blocking, and return or raise what comes of it.

        Raises:
          TaskTerminationException: the run that waits was asked to end.
          NotRunning: the app has ended.
        """
        if (flag := current_flag.get()) is None:
            return self._done.result()
        flag.on_cancel(self._end_waiting)
        try:
            return self._done.result()
        finally:
            flag.forget(self._end_waiting)

    async def wait_in_thread(self) -> Any:
        """Wait for it, on whatever loop this is; a cancellation calls it off."""
        import anyio  # takes 50 ms to import, which only programs on other loops need

        try:
            return await anyio.to_thread.run_sync(self.wait, abandon_on_cancel=True)
        except BaseException:
            self._call_off()
            raise

    def _begin(self) -> None:
        if self._done.done():
            return
        if not self._tree.is_open:
            self._lose()
            return
        try:
            self._tree.nursery.start_soon(self._perform)
        except RuntimeError:  # it is closed
            self._lose()

    async def _perform(self) -> None:
        acting.set(self._acting)
        with trio.CancelScope() as self._scope:
            try:
                if not self._done.done() and not self._is_called_off:
                    self._settle(self._done.set_result, await self._func())
            except Exception as exc:
                self._settle(self._done.set_exception, exc)
            finally:
                self._lose()

    def _end_waiting(self) -> None:
        self._settle(self._done.set_exception, TaskTerminationException("asked to end while it waited for an actor"))
        self._call_off()

    def _call_off(self) -> None:
        self._tree.post(self._cancel, lambda: None)

    def _cancel(self) -> None:
        self._is_called_off = True
        if self._scope is not None:
            self._scope.cancel()

    def _lose(self) -> None:
        """Let nobody wait any more, whatever becomes of it."""
        self._settle(self._done.set_exception, NotRunning("an actor"))

    def _settle(self, how: Callable[[Any], None], what: object) -> None:
        if not self._done.done():  # to find that out by the error costs as much as a turn of trio
            with suppress(InvalidStateError):  # another thread has settled it right now
                how(what)


class Inquiry(Errand):
    """A question that another thread asks. Where there is room for it, it takes no task, which would cost as much as all else.

    Args:
      cell: who is asked.
      within: seconds that the answer may take.
      func: asks it in a task.
    """

    def __init__(self, cell: Cell, message: Message[Any], within: float, func: Callable[[], Awaitable[Any]]) -> None:
        self._cell, self._message, self._within = cell, message, within
        self._question: Relayed | None = None
        super().__init__(cell.tree, func)

    def _begin(self) -> None:
        if self._done.done() or not self._tree.is_open or not self._cell.has_room:
            super()._begin()
            return
        try:
            self._ask()
        except DeadlockError as exc:
            self._settle(self._done.set_exception, exc)

    def _ask(self) -> None:
        cell, life, now = self._cell, self._acting, self._tree.time()
        expires = now + self._within
        if life is not None:
            expires = min(expires, life.desk.deadline)
            life.begin_wait(cell)
        self._question = question = Relayed(self._message, cell, expires, now, self._within, self._hear)
        cell.offer(question)
        question.open(expires)

    def _hear(self, answer: outcome.Outcome[Any]) -> None:
        self._end_wait()
        if isinstance(answer, outcome.Value):
            self._settle(self._done.set_result, answer.value)
        elif isinstance(answer, outcome.Error):
            self._settle(self._done.set_exception, answer.error)

    def _cancel(self) -> None:
        if self._question is not None and self._question.is_open:
            self._question.withdraw()
            self._end_wait()
        super()._cancel()

    def _end_wait(self) -> None:
        if self._acting is not None:
            self._acting.end_wait(self._cell)
