"""What a session's controls act on: nothing yet, a running runtime, or (in a worker) the runtime of the parent process."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol

from actors.errors import NotRunning

if TYPE_CHECKING:
    from actors.changes import Change
    from actors.facts import TaskFacts
    from actors.health import Health
    from actors.nodes import DeadLetter, Node
    from actors.ref import ActorRef
    from actors.spec import ActorSpec

HERE: Any = object()
"""Says that something is not kept elsewhere."""


class Controls(Protocol):
    """The seam between a session and what runs it. Every call returns at once and may come from any thread."""

    def launch(self, task: str, params: Mapping[str, Any]) -> None:
        """Queue one run of `task`."""

    def terminate(self, task: str, run_id: str | None) -> None:
        """End the runs of `task`, or the one that is meant, and its launches that wait."""

    def shut_down(self, *, force: bool) -> None:
        """End the runtime; with `force` without time to finish."""

    def restart(self) -> None:
        """End the runtime and start the app again."""

    def task_added(self, task: str) -> None:
        """Take note of a new task."""

    def task_removed(self, task: str) -> None:
        """Forget a task, ending its runs."""

    def task_changed(self, task: str | None, *, catch_up: bool = False) -> None:
        """Take note of a changed option; None means of the config. With `catch_up`, what came due meanwhile counts as missed."""

    def parameters_changed(self, names: frozenset[str]) -> None:
        """Take note that parameters of the session of these names have new values, or are gone."""

    def facts(self, task: str) -> TaskFacts | None:
        """Return the facts of a task where they are kept elsewhere, None where the task has them."""

    def waits_for(self, task: str) -> str | None:
        """Return what the next launch of a task waits for, in words; None if none waits."""

    def health(self) -> Health:
        """Return what is wrong now with the app."""
        ...

    def actor(self, name: str, uid: int | None = None) -> ActorRef:
        """Return the actor of that full name, with `uid` only if it is that one; raises UnknownActor, or NotRunning."""
        ...

    async def spawn(self, spec: ActorSpec) -> ActorRef:
        """Start an actor at the top, and return once its ``on_start`` has."""
        ...

    def tree(self) -> Node | None:
        """Return what runs; None where nothing does."""
        ...

    def dead_letters(self) -> tuple[DeadLetter, ...]:
        """Return the latest messages that nobody has dealt with, the oldest first."""
        ...

    def elsewhere(self, change: Change) -> bool:
        """Have `change` made where the app runs, if that is not here; return whether it is, so that nothing is left to do.

        Raises what that raises, and UnportableParameter if it cannot be sent there.
        """
        ...

    def names(self) -> list[str] | None:
        """Return the names of all tasks where they are kept elsewhere, None where the session has them."""
        ...

    def kept(self, task: str | None, option: str) -> Any:
        """Return an option of a task, or with None of the config, where it is kept elsewhere; HERE where the session has it."""
        ...

    def parameters(self) -> Mapping[str, Any] | None:
        """Return the session's parameters where they are kept elsewhere, None where the session has them."""
        ...

    def returned(self, task: str) -> Any:
        """Return what a task returned last, where it is kept elsewhere; HERE where the session has it."""
        ...


class Local:
    """What controls answer where the session itself is the one that counts."""

    def facts(self, task: str) -> TaskFacts | None:
        return None

    def elsewhere(self, change: Change) -> bool:
        return False

    def names(self) -> list[str] | None:
        return None

    def kept(self, task: str | None, option: str) -> Any:
        return HERE

    def parameters(self) -> Mapping[str, Any] | None:
        return None

    def returned(self, task: str) -> Any:
        return HERE


class Standby(Local):
    """The controls while nothing runs: launches wait for the start, what needs a running app is an error."""

    def __init__(self) -> None:
        self.launches: deque[tuple[str, Mapping[str, Any]]] = deque()
        self.buried: tuple[DeadLetter, ...] = ()
        """What no actor had dealt with when the app ran last."""
        self._changing = threading.Lock()  # threads may ask while a runtime takes
        self._claimed = False

    def claim(self) -> bool:
        """Take the session for one runtime, until that releases it; return whether it was free, of whatever thread."""
        with self._changing:
            was_free, self._claimed = not self._claimed, True
        return was_free

    def release(self) -> None:
        """Let another runtime have the session."""
        self._claimed = False

    def take(self) -> list[tuple[str, Mapping[str, Any]]]:
        """Return the launches that wait, and forget them."""
        with self._changing:
            taken = list(self.launches)
            self.launches.clear()
        return taken

    def launch(self, task: str, params: Mapping[str, Any]) -> None:
        with self._changing:
            self.launches.append((task, params))

    def terminate(self, task: str, run_id: str | None) -> None:
        with self._changing:
            self.launches = deque(launch for launch in self.launches if launch[0] != task)

    def shut_down(self, *, force: bool) -> None:
        raise NotRunning("session.shut_down()")

    def restart(self) -> None:
        raise NotRunning("session.restart()")

    def task_added(self, task: str) -> None:
        """Nothing to do: the session has it."""

    def task_removed(self, task: str) -> None:
        self.terminate(task, None)

    def task_changed(self, task: str | None, *, catch_up: bool = False) -> None:
        """Nothing to do: options are read at the start."""

    def parameters_changed(self, names: frozenset[str]) -> None:
        """Nothing to do: they are read at the start."""

    def waits_for(self, task: str) -> str | None:
        with self._changing:
            return "the app to run" if any(name == task for name, _ in self.launches) else None

    def health(self) -> Health:
        from actors.health import NOT_RUNNING  # asked for seldom, and not by workers

        return NOT_RUNNING

    def actor(self, name: str, uid: int | None = None) -> ActorRef:
        raise NotRunning(f"actor {name!r}")

    async def spawn(self, spec: ActorSpec) -> ActorRef:
        raise NotRunning(f"spawning actor {spec.name!r}")

    def tree(self) -> Node | None:
        return None

    def dead_letters(self) -> tuple[DeadLetter, ...]:
        return self.buried
