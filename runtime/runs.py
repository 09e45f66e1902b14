"""Run: one execution of a task, from the record that it began to the record of how it ended."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import trio

from actors.args import Circumstances, has_arguments, valued
from actors.errors import InvalidLimitKey, InvalidRunId
from actors.facts import Action
from actors.messages import Halt, Launch, RunEnded, RunStarted, Start, ToSupervisor
from actors.portable import describe
from actors.session import Session
from actors.task import Task
from actors.termination import Flag, current_task
from runtime.clock import Clock
from runtime.ids import RunIds
from runtime.outcome import SUCCESS, Ending, is_fatal, judge
from runtime.runlog import RunLog
from runtime.runners import Call, Runner
from runtime.terms import Terms


@dataclass(frozen=True, slots=True)
class Services:
    """What task actors and their runs use of the runtime."""

    session: Session
    log: RunLog
    clock: Clock
    ids: RunIds
    runners: Mapping[str, Runner]
    report: Callable[[ToSupervisor], None]
    """Delivers a message to the supervisor."""


class Run:
    """One execution of a task. ``claim`` it, then ``live`` it, once each; exactly one terminal record follows.

    Args:
      siblings: {number of the launch: run} of those of the task that go on, which it joins, and leaves when it ends.
    """

    __slots__ = (
        "_asked",
        "_began",
        "_execution",
        "_late",
        "_refused",
        "_scope",
        "_services",
        "_siblings",
        "_task",
        "_terms",
        "launch",
        "run_id",
    )

    def __init__(self, start: Start, task: Task, terms: Terms, siblings: dict[int, Run], services: Services) -> None:
        self._refused: InvalidLimitKey | InvalidRunId | None
        self.launch, self._execution, self._refused = start
        siblings[self.launch.number] = self
        self._siblings = siblings
        self.run_id = ""
        self._task, self._terms, self._services = task, terms, services
        self._asked: str | None = None  # why the runtime asked it to end; the outcome is decided from this
        self._scope = trio.CancelScope()
        self._began = 0.0

    def cancel(self, reason: str) -> None:
        """Ask it to end, for `reason`; the first reason counts."""
        if self._asked is None:
            self._asked = reason
            self._scope.cancel(reason=reason)

    def claim(self) -> None:
        """Give it its id, and put on record that it begins. An id that cannot be had fails it, under a random one."""
        self.run_id, refused = run_id_of(self._task, self._terms, self.launch, self._services.ids)
        self._refused = self._refused or refused
        self._began = now = self._services.clock.now()
        self._late = max(now - self.launch.due, 0.0)
        facts, number = self._task.facts, self._services.log.record(self._document("run", now))
        facts.going[self.launch.number] = now
        facts.note("run", now, number)
        self._services.report(RunStarted(self.launch, self.run_id))

    async def live(self) -> None:
        """Execute the function, and put on record how that ended.

        Raises only what must reach the root: a cancellation from further out, or a KeyboardInterrupt.
        """
        current_task.set(self._task.name)
        call: Call | None = None
        value: Any = None
        try:
            await trio.lowlevel.checkpoint_if_cancelled()  # a function without awaits would not notice
            if self._asked is None:
                call = self._call()
                value = await self._services.runners[self._execution].run(call, self._scope)
        except BaseException as exc:
            if is_fatal(exc):
                self._services.report(Halt())  # before the end is: the next run would be cancelled too, and the next
            outside = "the runtime was cancelled" if trio.current_effective_deadline() == -math.inf else None
            self._end(judge(exc, self._asked or outside), call)
            if is_fatal(exc):
                raise
        else:
            if self._scope.cancelled_caught or call is None:
                self._end(Ending("terminate", self._asked), call)
                return
            self._end(SUCCESS, call, value)

    def give_up(self, reason: str) -> None:
        """Put on record that it was terminated although it goes on; what comes of it later changes nothing."""
        self._end(Ending("terminate", reason), None)

    def _document(self, action: Action, now: float) -> dict[str, Any]:
        return {
            "created": now,
            "task_name": self.launch.task,
            "run_id": self.run_id,
            "action": action,
            "start": self._began,
            "execution": self._execution,
            "due": self.launch.due,
            "late": self._late,
        }

    def _call(self) -> Call:
        """Value the arguments; what goes wrong here fails the run as if the function had raised it."""
        if self._refused is not None:
            raise self._refused
        task, terms = self._task, self._terms
        flag = Flag() if self._execution == "thread" else None
        kwargs: dict[str, Any] = {}
        if not terms.bare or self.launch.params:
            kwargs = task.signature.fit({**terms.parameters, **self.launch.params})
            if has_arguments(kwargs):
                flag = flag or Flag()
                here = Circumstances(task, self._services.session, flag)
                kwargs = valued(kwargs, here, in_worker=False if self._execution == "process" else None)
        return Call(task.name, self.run_id, task.func, kwargs, flag, terms.backend, terms.grace)

    def _end(self, ending: Ending, call: Call | None, value: Any = None) -> None:
        if self._siblings.pop(self.launch.number, None) is None:  # it was given up
            return
        now = self._services.clock.now()
        document = self._document(ending.action, now)
        document["end"] = now
        document["runtime"] = now - self._began
        if ending is not SUCCESS:
            output = call.output if call is not None else None
            details = {"reason": ending.reason, "exc_text": ending.exc_text, "output": output}
            document.update((column, text) for column, text in details.items() if text is not None)
        number = self._services.log.record(document)
        if value is not None:
            self._services.session.returns.keep(self._task.name, value)
        facts = self._task.facts
        facts.going.pop(self.launch.number, None)
        facts.note(ending.action, now, number)
        self._services.report(RunEnded(self.launch, self.run_id, ending.action))


def end_unstarted(task: Task, terms: Terms, launch: Launch, reason: str, services: Services) -> None:
    """Put on record that a launch ended before its run could begin."""
    now = services.clock.now()
    run_id, _ = run_id_of(task, terms, launch, services.ids)
    number = services.log.record(
        {
            "created": now,
            "task_name": launch.task,
            "run_id": run_id,
            "action": "terminate",
            "execution": terms.execution,
            "due": launch.due,
            "reason": f"{reason}, before it started",
        }
    )
    task.facts.note("terminate", now, number)
    task.facts.order["run"] = number  # what it was to start for counts as seen


def run_id_of(task: Task, terms: Terms, launch: Launch, ids: RunIds) -> tuple[str, InvalidRunId | None]:
    """Return the id of a run: what ``func_run_id`` makes of the launch's parameters, else a random UUID as 32 hex digits.

    Where the function raises, or returns something else than a text, it is a UUID too, and the error comes with it.
    """
    if terms.run_id is None:
        return ids.next(), None
    try:
        run_id = terms.run_id(task, {**terms.parameters, **launch.params})
    except BaseException as exc:  # it is the user's, and a SystemExit of it must not be ours
        return ids.next(), InvalidRunId(task.name, f"raised {describe(exc)}")
    if not isinstance(run_id, str) or not run_id:
        return ids.next(), InvalidRunId(task.name, f"returned {run_id!r}")
    return run_id, None
