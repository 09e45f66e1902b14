"""The session's controls while the app runs: messages to the supervisor, from any thread."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import trio

from actors.causes import Cause
from actors.controls import Local, Standby
from actors.errors import NotRunning
from actors.health import NOT_RUNNING, Health
from actors.messages import (
    Ask,
    ParametersChanged,
    ShutDown,
    TaskAdded,
    TaskChanged,
    TaskRemoved,
    Terminate,
    ToSupervisor,
)
from actors.nodes import DeadLetter, Node
from actors.ref import ActorRef
from actors.spec import ActorSpec
from actors.termination import asker, current_task
from runtime.clock import Clock
from runtime.in_trio import door_of_trio
from runtime.tree.tree import Tree


class LiveControls(Local):
    """Made in the trio thread; from there a message is delivered at once, from elsewhere as soon as trio turns to it.

    Args:
      put: delivers a message to the supervisor, in the trio thread.
      waits_for: says what the next launch of a task waits for, in any thread.
      standby: gets the launches that come when the runtime has ended already, for the next start.
      clock: says when something was asked.
      health: says what is wrong with the runtime, in any thread.
      tree: the actors.
      nodes: says what runs, in any thread.
    """

    def __init__(
        self,
        put: Callable[[ToSupervisor], None],
        waits_for: Callable[[str], str | None],
        standby: Standby,
        clock: Clock,
        health: Callable[[], Health],
        tree: Tree,
        nodes: Callable[[], Node],
    ) -> None:
        self._put, self._waits_for, self._standby, self._clock, self._health = put, waits_for, standby, clock, health
        self._tree, self._nodes = tree, nodes
        self._closed = False
        self._thread = threading.get_ident()
        self._door = door_of_trio()

    def launch(self, task: str, params: Mapping[str, Any]) -> None:
        self._post(Ask(task, params, self._clock.now()))

    def terminate(self, task: str, run_id: str | None) -> None:
        by = "itself" if current_task.get() == task else asker()
        self._post(Terminate(task, Cause("terminate", f"terminated by {by}"), run_id))

    def shut_down(self, *, force: bool) -> None:
        self._post(ShutDown(force, f"shutdown, asked for by {asker()}"))

    def restart(self) -> None:
        self._post(ShutDown(False, f"restart, asked for by {asker()}", restart=True))

    def task_added(self, task: str) -> None:
        self._post(TaskAdded(task))

    def task_removed(self, task: str) -> None:
        self._post(TaskRemoved(task, asker()))

    def task_changed(self, task: str | None, *, catch_up: bool = False) -> None:
        self._post(TaskChanged(task, catch_up))

    def parameters_changed(self, names: frozenset[str]) -> None:
        self._post(ParametersChanged(names))

    def waits_for(self, task: str) -> str | None:
        return None if self._closed else self._waits_for(task)

    def health(self) -> Health:
        return NOT_RUNNING if self._closed else self._health()

    def actor(self, name: str, uid: int | None = None) -> ActorRef:
        return self._tree.ref(name) if uid is None else self._tree.ref_by_uid(name, uid)

    async def spawn(self, spec: ActorSpec) -> ActorRef:
        return await self._tree.spawn(spec)

    def tree(self) -> Node | None:
        return None if self._closed else self._nodes()

    def dead_letters(self) -> tuple[DeadLetter, ...]:
        return self._tree.dead_letters

    def close(self) -> None:
        """Deliver nothing any more: the runtime has ended."""
        self._closed, self._standby.buried = True, self._tree.dead_letters

    def _deliver(self, message: ToSupervisor) -> None:
        if not self._closed:
            self._put(message)
        elif isinstance(message, Ask):  # from a thread that had these controls in hand when they were exchanged
            self._standby.launch(message.task, message.params)

    def _post(self, message: ToSupervisor) -> None:
        if threading.get_ident() == self._thread:
            self._deliver(message)
            return
        try:
            self._door.post(partial(self._deliver, message))
        except trio.RunFinishedError:
            if not isinstance(message, Ask):
                raise NotRunning(type(message).__name__) from None
            self._standby.launch(message.task, message.params)
