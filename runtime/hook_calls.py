"""HookCalls: calls the hooks around the start and the end of an app, and those of runs that failed."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from functools import partial
from typing import Any

import trio

from actors.args.base import Circumstances
from actors.callables import backend_of
from actors.hooks import Hook, around_async
from actors.messages import RunEnded
from actors.records import TaskRunRecord
from actors.session import Session
from actors.task import Task
from actors.termination import Flag, current_task
from runtime.logs import runtime_log
from runtime.outcome import is_fatal
from runtime.runners import Call, Runner
from runtime.stopping import LAST_GRACE

LONGEST = 30.0
"""Seconds that a callback of a failed run may take."""


class HookCalls:
    """The hooks of one life of an app.

    Args:
      changed: is called when a hook has ended that was waited for.
    """

    def __init__(self, session: Session, runners: Mapping[str, Runner], changed: Callable[[], object]) -> None:
        self._session, self._runners, self._changed = session, runners, changed
        self.listeners: list[Callable[[RunEnded], object]] = []
        """Called with each run that has ended."""
        self._starting, self._ending = AsyncExitStack(), AsyncExitStack()
        self._pending = 0
        self._has_begun_to_end = False

    @property
    def is_idle(self) -> bool:
        """Whether no hook is waited for."""
        return not self._pending

    async def begin_start(self) -> None:
        """Call the first part of the startup hooks; raises what they raise."""
        await self._starting.enter_async_context(around_async(self._session.hooks.startup, self._here))

    async def end_start(self) -> None:
        """Call the second part of the startup hooks; raises what they raise."""
        await self._starting.aclose()

    def begin_end(self, nursery: trio.Nursery, seconds: float) -> None:
        """Have the first part of the shutdown hooks called, once; they have so many seconds."""
        if not self._has_begun_to_end and self._session.hooks.shutdown:
            self._has_begun_to_end = True
            self._start(nursery, partial(self._enter_end, seconds), "a shutdown hook")

    async def finish_end(self) -> None:
        """Call the second part of the shutdown hooks, or both where the end came unasked: shielded, for two seconds at most."""
        with trio.CancelScope(shield=True, deadline=trio.current_time() + LAST_GRACE) as scope:
            try:
                if not self._has_begun_to_end:
                    self._has_begun_to_end = True
                    await self._enter_end(LAST_GRACE)
                await self._ending.aclose()
            except Exception:
                runtime_log.tell(logging.ERROR, "a shutdown hook raised", exc_info=True)
        if scope.cancelled_caught:
            runtime_log.tell(logging.ERROR, "a shutdown hook did not end within %g s, and was cancelled", LAST_GRACE)

    def tell_ended(self, nursery: trio.Nursery, ended: RunEnded) -> None:
        """Tell the listeners that a run has ended, and if it failed have the callbacks of its task and of the app called."""
        for listener in self.listeners:
            try:
                listener(ended)
            except Exception:  # it is the program's, and must not end the runtime
                runtime_log.tell(logging.ERROR, "a listener to runs raised", exc_info=True)
        if ended.is_failure and (task := self._session.declared(ended.launch.task)) is not None:
            self._tell_failed(nursery, task, ended.record)

    def _tell_failed(self, nursery: trio.Nursery, task: Task, record: Mapping[str, Any]) -> None:
        own = (task.on_fail,) if task.on_fail is not None else ()
        for hook in (*own, *self._session.hooks.fail):
            call = partial(self._call_back, hook, task, TaskRunRecord(**record))
            self._start(nursery, call, f"on_fail of task {task.name!r}")

    async def _enter_end(self, seconds: float) -> None:
        with trio.CancelScope(deadline=trio.current_time() + seconds) as scope:
            await self._ending.enter_async_context(around_async(self._session.hooks.shutdown, self._here))
        if scope.cancelled_caught:
            runtime_log.tell(logging.ERROR, "a shutdown hook did not end within %g s, and was cancelled", seconds)

    async def _call_back(self, hook: Hook, task: Task, record: TaskRunRecord) -> None:
        current_task.set(task.name)
        here = Circumstances(task, self._session, Flag(), record.run_id)
        scope = trio.CancelScope(deadline=trio.current_time() + LONGEST)
        kind = "async" if hook.is_async else "thread"
        work = partial(hook.call_with, record, here)
        await self._runners[kind].run(Call(task.name, record.run_id, work, {}, Flag(), backend_of(hook.function)), scope)
        if scope.cancelled_caught:
            runtime_log.tell(logging.ERROR, "on_fail of task %r did not end within %g s, and was cancelled", task.name, LONGEST)

    def _start(self, nursery: trio.Nursery, call: Callable[[], Any], what: str) -> None:
        """Have done what hooks are called by; it is waited for from now on, and not from when it has its first turn."""
        self._pending += 1
        nursery.start_soon(self._told, call, what, name=what)

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

    @property
    def _here(self) -> Circumstances:
        return Circumstances(None, self._session)
