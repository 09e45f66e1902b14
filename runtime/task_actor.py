"""TaskActor: one for each task. Receives Start and Cancel, owns the task's runs in its nursery."""

from __future__ import annotations

from collections.abc import Callable

import trio

from actors.causes import CANCELLED
from actors.messages import Cancel, Halt, Start, Stop, ToTaskActor
from actors.task import Task
from runtime.mailbox import Mailbox
from runtime.runs import Run, Services, end_unstarted
from runtime.terms import Terms


class TaskActor:
    """Runs one task whenever it is told to, and ends its runs when it is told to.

    Args:
      terms: the options of the task; may be replaced, and runs that go on keep those they started with.
      failed: is told of an exception in here, which would be an error of the runtime and not of the task.
    """

    def __init__(self, task: Task, terms: Terms, services: Services, failed: Callable[[Exception], object]) -> None:
        self.task, self.terms = task, terms
        self.mailbox: Mailbox[ToTaskActor] = Mailbox(self._handle, failed)
        self.has_ended = False
        """Whether it was stopped, and its last run has ended."""
        self._services = services
        self._name_of_runs = f"run of task {task.name!r}"
        self._runs: dict[int, Run] = {}  # {number of the launch: run}
        self._stopped = trio.Event()
        self._is_leaving = False
        self._nursery: trio.Nursery

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Serve until ``Stop``, then until the last run has ended."""
        async with trio.open_nursery() as self._nursery:
            self.mailbox.open()
            task_status.started()
            try:
                await self._stopped.wait()
            finally:
                self._is_leaving = True
        self.has_ended = True

    def give_up(self) -> None:
        """Put on record that the runs which are left were terminated, whatever becomes of them."""
        for run in list(self._runs.values()):
            run.give_up()

    def _handle(self, message: ToTaskActor) -> None:
        match message:
            case Start() if self._is_leaving:  # it was cancelled from outside a moment ago, and its nursery may be closed
                self._services.report(Halt())
                if message.launch.asked:
                    end_unstarted(self.task, self.terms, message.launch, CANCELLED, self._services)
            case Start():
                run = Run(message, self.task, self.terms, self._runs, self._services)
                run.claim()
                self._nursery.start_soon(run.live, name=self._name_of_runs)
            case Cancel():
                for number, run in self._runs.items():
                    is_meant = message.number in (None, number) and message.run_id in (None, run.run_id)
                    if is_meant and run.end(message.cause):
                        self._nursery.start_soon(run.stop, name=f"end of {self._name_of_runs}")
            case Stop():
                self._stopped.set()
