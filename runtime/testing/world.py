"""World: an app that runs in a test, and what the test asks of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any, Unpack

import trio
from trio.testing import wait_all_tasks_blocked

from actors.app import App
from actors.facts import TERMINAL, Action
from actors.nodes import Node
from actors.records import TaskRunRecord
from actors.ref import ActorRef
from actors.session import TaskKey
from actors.spec import ActorOptions, Factory
from actors.timespans import TimeSpan, to_seconds, to_words
from runtime.clock import VirtualClock
from runtime.runlog.repo import RunRepo
from runtime.system import Ended, System
from runtime.testing.probe import Probe


class World:
    """A running app, as its test sees it. Its records can be read after the end, too.

    Args:
      clock: the wall clock of the app.
      patience: how long it waits for runs and for the end, where a test does not say.
    """

    def __init__(self, app: App, system: System, clock: VirtualClock, patience: TimeSpan = "1 day") -> None:
        self.app, self.session, self.system, self.clock = app, app.session, system, clock
        repo = app.session.get_repo()
        assert isinstance(repo, RunRepo)
        self._repo = RunRepo(repo.log)  # of our own: the model of the app's may be changed
        self._patience = patience
        self._ends: list[tuple[str, Action]] = []  # (task, how its run ended): the log takes too long to be asked each time
        self._counts: Counter[str | None] = Counter()  # {task: how many of its runs have ended; None: of all}
        self._changed = trio.Event()
        for record in self.records():
            if record.start is not None and record.action in TERMINAL:
                self._note_end(record.task_name, record.action)
        system.on_run_ended(lambda ended: self._note_end(ended.launch.task, ended.action))

    def _note_end(self, task: str, action: Action) -> None:
        self._ends.append((task, action))
        self._counts.update((task, None))
        self._changed.set()
        self._changed = trio.Event()

    async def advance(self, seconds: TimeSpan) -> None:
        """Let time pass, and what is due by then happen."""
        await trio.sleep(to_seconds(seconds))
        await wait_all_tasks_blocked()

    async def wait_ended(self, count: int = 1, *, task: TaskKey | None = None, within: TimeSpan | None = None) -> list[Action]:
        """Wait until so many runs that had started have ended, of one task or of all, and return how, in their order.

        Raises:
          AssertionError: they have not, within that time; says which have.
        """
        name = None if task is None else self.session[task].name
        span = self._patience if within is None else within
        with trio.move_on_after(to_seconds(span)):
            while self._counts[name] < count:
                await self._changed.wait()
        ended: list[Action] = [action for whose, action in self._ends if name in (None, whose)]
        if len(ended) < count:
            of = "" if name is None else f" of task {name!r}"
            raise AssertionError(f"{len(ended)} runs{of} and not {count} have ended within {_words(span)}: {ended}")
        return ended

    async def wait_over(self, *, within: TimeSpan | None = None) -> Ended:
        """Wait until the app has ended, and return how.

        Raises:
          AssertionError: it has not, within that time.
        """
        span = self._patience if within is None else within
        with trio.move_on_after(to_seconds(span)):
            return await self.system.wait_ended()
        raise AssertionError(f"the app has not ended within {_words(span)}")

    async def shut_down(self, *, force: bool = False) -> Ended:
        """End the app, as :meth:`Session.shut_down` does, and return how it ended."""
        self.session.shut_down(force)
        return await self.wait_over()

    def records(self, task: TaskKey | None = None, **columns: object) -> list[TaskRunRecord]:
        """Return the records of the run log, of one task or of all, whose columns have exactly these values."""
        if task is not None:
            columns["task_name"] = self.session[task].name
        return self._repo.filter_by(**columns).all()

    def actions(self, task: TaskKey | None = None) -> list[str]:
        """Return what the records say happened, of one task or of all, in their order."""
        return [record.action for record in self.records(task)]

    def tree(self) -> Node:
        """Return what runs now: see :meth:`Session.tree`."""
        return self.session.tree()

    async def spawn(
        self, factory: Factory, name: str | None = None, args: Mapping[str, Any] | None = None, **options: Unpack[ActorOptions]
    ) -> ActorRef:
        """Start an actor, and return once its ``on_start`` has: see :meth:`Session.spawn`."""
        return await self.session.spawn(factory, name, args, **options)

    async def probe(self, name: str = "probe") -> Probe:
        """Start an actor that does what the test says; raises ActorExists if the name is taken."""
        return await Probe.started(self.session, name)


def _words(span: TimeSpan) -> str:
    return to_words(to_seconds(span))
