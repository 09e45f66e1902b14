"""HookCalls: calls the hooks around the start and the end of an app, and those of runs that failed."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import trio

from actors.args.base import Circumstances
from actors.callables import backend_of
from actors.hooks import Hook, around_async
from actors.messages import RunEnded
from actors.progress import Progress
from actors.records import TaskRunRecord
from actors.session import Session
from actors.task import Task
from actors.termination import Flag, current_task
from runtime.logs import runtime_log
from runtime.outcome import is_fatal
from runtime.runners import Call, Runner

LONGEST = 30.0
"""Seconds that a callback of a failed run may take."""
LONGEST_LAST_PART = 2.0
"""Seconds that the last part of the hooks of the end may take."""


class Around:
    """Hooks of one kind, in a task of their own from the first part to the last, so that scopes around their ``yield`` nest.

    It is shielded: who begins it ends it, and gives each part its deadline.
    """

    def __init__(self, what: str, hooks: tuple[Hook, ...], session: Session) -> None:
        self._what, self._hooks, self._session = what, hooks, session
        self._scope = trio.CancelScope(shield=True)
        self._begun, self._enough, self._over = trio.Event(), trio.Event(), trio.Event()
        self._error: BaseException | None = None
        self._is_called = False
        self.is_begun = self.was_cut = False

    async def begin(self, nursery: trio.Nursery, seconds: float = math.inf) -> None:
        """Call the first part, for so many seconds at most; raises what it raises."""
        self.is_begun = self._is_called = True
        self._scope.deadline = trio.current_time() + seconds
        nursery.start_soon(self._live, name="hooks")
        await self._begun.wait()
        self._is_called, self._scope.deadline = False, math.inf
        self._raise()

    async def end(self, seconds: float = math.inf) -> None:
        """Call the last part, for so many seconds at most; raises what it raises."""
        self._is_called = True
        self._scope.deadline = trio.current_time() + seconds
        self._enough.set()
        await self._over.wait()
        self._raise()

    def cut(self, limit: float) -> None:
        """Let the part that is being called take no longer than up to `limit`, on trio's clock."""
        if self._is_called:
            self._scope.deadline = min(self._scope.deadline, limit)

    async def _live(self) -> None:
        try:
            with self._scope:
                async with around_async(self._hooks, Circumstances(None, self._session)):
                    self._begun.set()
                    await self._enough.wait()
            self.was_cut = self._scope.cancelled_caught
            if self.was_cut:
                runtime_log.tell(logging.ERROR, "a hook of the %s did not end in time, and was cancelled", self._what)
        except (Exception, SystemExit) as exc:
            self._error = exc
        finally:
            self._begun.set()
            self._over.set()

    def _raise(self) -> None:
        error, self._error = self._error, None
        if error is not None:
            raise error


class HookCalls:
    """The hooks of one life of an app.

    Args:
      changed: is called when a hook has ended that was waited for.
    """

    def __init__(self, session: Session, runners: Mapping[str, Runner], changed: Callable[[], object]) -> None:
        self._session, self._runners, self._changed = session, runners, changed
        self.listeners: list[Callable[[RunEnded], object]] = []
        """Called with each run that has ended."""
        self._starting, self._ending = Around("start", (), session), Around("end", (), session)
        self._scopes: set[trio.CancelScope] = set()  # of callbacks
        self._pending = 0
        self.has_started = False
        """Whether the first part of the hooks of the start has ended well."""
        self._nursery: trio.Nursery

    @property
    def is_idle(self) -> bool:
        """Whether no hook is waited for."""
        return not self._pending

    @property
    def cut_count(self) -> int:
        """How many kinds of hooks, those of the start and of the end, did not end in time, and were cancelled."""
        return self._starting.was_cut + self._ending.was_cut

    def open(self, nursery: trio.Nursery) -> None:
        """Take note of where all hooks live."""
        self._nursery = nursery

    async def begin_start(self) -> None:
        """Call the first part of the startup hooks; raises what they raise."""
        self._starting = Around("start", self._session.hooks.startup, self._session)
        await self._starting.begin(self._nursery)
        self.has_started = not self._starting.was_cut

    async def end_start(self) -> None:
        """Call the last part of the startup hooks, if the first was called; raises what they raise."""
        if self._starting.is_begun:
            await self._starting.end()

    def begin_end(self, seconds: float) -> None:
        """Have the first part of the shutdown hooks called, once; they have so many seconds."""
        if not self._ending.is_begun and self._session.hooks.shutdown:
            self._ending = Around("end", self._session.hooks.shutdown, self._session)
            self._ending.is_begun = True  # from now on, and not from when its task has its first turn
            self._start(partial(self._ending.begin, self._nursery, seconds), "a shutdown hook")

    async def finish_end(self, seconds: float) -> None:
        """Call the last part of the shutdown hooks, or all of them where the end came unasked, for two seconds at most.

        Shielded; also what else is being called has no more time than that. A second call does nothing.

        Args:
          seconds: the most that it may take, where that is less.
        """
        seconds = min(seconds, LONGEST_LAST_PART)
        limit = trio.current_time() + seconds
        self.cut(limit)
        with trio.CancelScope(shield=True, deadline=limit):
            if self._starting.is_begun:
                await self._in_turn(partial(self._starting.end, seconds))  # where its last part was never asked for
            if not self._ending.is_begun and self.has_started:
                self._ending = Around("end", self._session.hooks.shutdown, self._session)
                await self._in_turn(partial(self._ending.begin, self._nursery, seconds))
            if self._ending.is_begun:
                await self._in_turn(partial(self._ending.end, seconds))
        self._nursery.cancel_scope.cancel(reason="the runtime has ended")

    def cut(self, limit: float) -> None:
        """Let what is being called take no longer than up to `limit`, on trio's clock."""
        self._starting.cut(limit)
        self._ending.cut(limit)
        for scope in self._scopes:
            scope.deadline = min(scope.deadline, limit)

    def tell_ended(self, ended: RunEnded) -> None:
        """Tell the listeners that a run has ended, and if it failed have the callbacks of its task and of the app called."""
        for listener in self.listeners:
            try:
                listener(ended)
            except Exception:  # it is the program's, and must not end the runtime
                runtime_log.tell(logging.ERROR, "a listener to runs raised", exc_info=True)
        task = self._session.declared(ended.launch.task) if ended.is_failure else None
        if task is not None:
            own = (task.on_fail,) if task.on_fail is not None else ()
            for hook in (*own, *self._session.hooks.fail):
                self._start(partial(self._call_back, hook, task, ended.record), f"on_fail of task {task.name!r}")

    async def _call_back(self, hook: Hook, task: Task, document: Mapping[str, Any]) -> None:
        current_task.set(task.name)
        progress = Progress(**document["progress"]) if "progress" in document else None
        record = TaskRunRecord(**{**document, "progress": progress})
        work = partial(hook.call_with, record, Circumstances(task, self._session, Flag(), record.run_id))
        call = Call(task.name, record.run_id, work, {}, Flag(), backend_of(hook.function))
        scope = trio.CancelScope(deadline=trio.current_time() + LONGEST)
        self._scopes.add(scope)
        try:
            await self._runners["async" if hook.is_async else "thread"].run(call, scope)
        finally:
            self._scopes.discard(scope)
        if scope.cancelled_caught:
            runtime_log.tell(logging.ERROR, "on_fail of task %r did not end in time, and was cancelled", task.name)

    def _start(self, call: Callable[[], Any], what: str) -> None:
        """Have done what hooks are called by; it is waited for from now on, and not from when it has its first turn."""
        self._pending += 1
        self._nursery.start_soon(self._told, call, what, name=what)

    async def _told(self, call: Callable[[], Any], what: str) -> None:
        """Do what hooks are called by, and tell what it raises."""
        try:
            await call()
        except BaseException as exc:
            if is_fatal(exc):
                raise
            runtime_log.tell(logging.ERROR, "%s raised", what, exc_info=True)
        finally:
            self._pending -= 1
            self._changed()

    async def _in_turn(self, call: Callable[[], Any]) -> None:
        """Do one step of the end, and tell what it raises: the next is done in any case."""
        try:
            await call()
        except (Exception, SystemExit):
            runtime_log.tell(logging.ERROR, "a hook raised", exc_info=True)
