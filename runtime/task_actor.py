"""TaskActor: one for each task. Receives Start and Cancel, owns the task's runs in its nursery."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import trio

from actors.causes import CANCELLED, Cause
from actors.messages import Cancel, Halt, Start, Stop, ToTaskActor
from actors.nodes import Node
from actors.portable import describe
from actors.task import Task
from runtime.mailbox import Mailbox
from runtime.runs import Run, Services, end_unstarted
from runtime.terms import Terms
from runtime.tree.parts import Part


class TaskActor:
    """Runs one task whenever it is told to, and ends its runs when it is told to.

    An exception in here is an error of the runtime and not of the task. It ends its runs, that of the message at hand as a
    failure, and comes out of ``run``, which may then be called again: what waits in the mailbox is still there.

    Args:
      terms: the options of the task; may be replaced, and runs that go on keep those they started with.
      failed: is told of an exception that it could not even answer for.
    """

    def __init__(self, task: Task, terms: Terms, services: Services, failed: Callable[[Exception], object]) -> None:
        self.task, self.terms = task, terms
        self.mailbox: Mailbox[ToTaskActor] = Mailbox(self._take, failed)
        self.has_ended = False
        """Whether it was stopped, and its last run has ended."""
        self._services = services
        self._name_of_runs = f"run of task {task.name!r}"
        self._runs: dict[int, Run] = {}  # {number of the launch: run}
        self._stopped = trio.Event()
        self._is_leaving = False
        self._error: Exception | None = None
        self.begun = trio.Event()
        """Set when it takes messages for the first time."""
        self.part: Part
        """As what it is supervised."""
        self._nursery: trio.Nursery

    async def run(self) -> None:
        """Serve until ``Stop``, then until the last run has ended; raises what it has failed by."""
        self._stopped, self._is_leaving, self._error = trio.Event(), False, None
        async with trio.open_nursery() as self._nursery:
            self.mailbox.open()
            self.begun.set()
            try:
                await self._stopped.wait()
            finally:
                self._is_leaving = True
        if self._error is not None:
            raise self._error
        self.has_ended = True

    def node(self, now: float, waiting: int, waits_for: str | None) -> Node:
        """Return it as it is, with so many launches that wait. From any thread.

        Args:
          now: seconds since the epoch.
          waits_for: what the first of these launches waits for.
        """
        runs, going = self.runs, list(self.task.facts.going.values())
        return replace(
            self.part.node(self.task.name),
            kind="task",
            waiting=waiting,
            waits_for=waits_for,
            current=", ".join(run.run_id for run in runs) or None,
            age=now - min(going) if going else None,
        )

    @property
    def runs(self) -> list[Run]:
        """The runs that go on. From any thread."""
        return list(self._runs.values())

    def give_up(self) -> None:
        """Put on record that the runs which are left were terminated, whatever becomes of them."""
        for run in self.runs:
            run.give_up()

    def _take(self, message: ToTaskActor) -> None:
        try:
            self._handle(message)
        except Exception as exc:
            self._fail(exc, message)

    def _fail(self, error: Exception, message: ToTaskActor) -> None:
        """Fail by what was raised while a message was handled; its run fails by it too, the others are ended."""
        self._error = error
        self.mailbox.hold()
        if isinstance(message, Start):
            run = self._runs.get(message.launch.number) or self._new_run(message)
            run.break_off(error)
        self._end_runs(Cancel(Cause("cancelled", f"cancelled, as the actor of its task has failed: {describe(error)}")))
        self._stopped.set()

    def _new_run(self, message: Start) -> Run:
        return Run(message, self.task, self.terms, self._runs, self._services)

    def _end_runs(self, message: Cancel) -> None:
        for number, run in list(self._runs.items()):
            is_meant = message.number in (None, number) and message.run_id in (None, run.run_id)
            if is_meant and run.end(message.cause):
                self._nursery.start_soon(run.stop, name=f"end of {self._name_of_runs}")

    def _handle(self, message: ToTaskActor) -> None:
        match message:
            case Start() if self._is_leaving:  # it was cancelled from outside a moment ago, and its nursery may be closed
                self._services.report(Halt())
                if message.launch.asked:
                    end_unstarted(self.task, self.terms, message.launch, CANCELLED, self._services)
            case Start():
                run = self._new_run(message)
                run.claim()
                self._nursery.start_soon(run.live, name=self._name_of_runs)
            case Cancel():
                self._end_runs(message)
            case Stop():
                self._stopped.set()
