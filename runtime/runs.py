"""Run: one execution of a task, from the record that it began to the record of how it ended."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from time import monotonic
from typing import Any

import trio

from actors.args.base import Circumstances, all_valued, has_arguments
from actors.errors import InvalidLimitKey, InvalidRunId
from actors.facts import Action, Event
from actors.messages import AttemptEnded, Halt, Launch, RunEnded, RunStarted, Start, ToSupervisor
from actors.portable import describe
from actors.progress import Progress, Reporter, current_report
from actors.retries import Failure, NextAttempt, next_attempt
from actors.session import Session
from actors.task import Task
from actors.termination import Flag, current_task
from runtime.attempts import kept_params, seed_of
from runtime.clock import Clock
from runtime.ids import RunIds
from runtime.outcome import SUCCESS, TIMEOUT, Ending, failure_of, is_fatal, judge
from runtime.runlog import RunLog
from runtime.runners import Call, Runner
from runtime.terms import Terms

NO_MORE = NextAttempt()


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
    in_trio: Callable[[Callable[[], object]], None]
    """Has something done in the trio thread, at once from there, and from elsewhere as soon as it comes to it."""
    next_start: Callable[[str, float], float]
    """Returns when the condition of a task starts it next after a moment; infinity where it names no slots."""


class Run:
    """One execution of a task. ``claim`` it, then ``live`` it, once each; exactly one terminal record follows, or a ``retry``.

    Args:
      siblings: {number of the launch: run} of those of the task that go on, which it joins, and leaves when it ends.
    """

    __slots__ = (
        "_asked",
        "_began",
        "_execution",
        "_flag",
        "_late",
        "_refused",
        "_reporter",
        "_runner",
        "_scope",
        "_services",
        "_siblings",
        "_task",
        "_terms",
        "_timed_out",
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
        self._runner = "command" if terms.is_command else self._execution
        self._asked: str | None = None  # why the runtime asked it to end; the outcome is decided from this
        self._timed_out = False
        self._flag: Flag | None = None
        self._scope = trio.CancelScope()
        self._began = 0.0
        self._reporter: Reporter | None = None  # until it is told of progress

    def cancel(self, reason: str, *, is_timeout: bool = False) -> None:
        """Ask it to end, for `reason`; the first reason counts, but whoever asks beside its timeout does not want it again."""
        self._timed_out = is_timeout and (self._timed_out or self._asked is None)
        if self._asked is None:
            self._asked = reason
            if self._flag is not None:
                self._flag.set()
            self._scope.cancel(reason=reason)

    def claim(self) -> None:
        """Give it its id, and put on record that it begins. An id that cannot be had fails it, under a random one."""
        self.run_id, refused = run_id_of(self._task, self._terms, self.launch, self._services.ids)
        self._refused = self._refused or refused
        self._began = now = self._services.clock.now()
        self._late = max(now - self.launch.due, 0.0)
        document = self._document("run", now)
        if self._terms.retries is not None:
            document["params"] = kept_params(self.launch.params)
        facts, number = self._task.facts, self._services.log.record(document)
        facts.going[self.launch.number] = now
        if self.launch.attempt == 1:
            facts.note("run", now, number, claims=self.launch.asked)
        else:
            facts.status = "run"  # it has started before, as far as conditions are concerned
        self._services.report(RunStarted(self.launch, self.run_id))

    async def live(self) -> None:
        """Execute the function, and put on record how that ended.

        Raises only what must reach the root: a cancellation from further out, or a KeyboardInterrupt.
        """
        current_task.set(self._task.name)
        current_report.set(self._report)
        call: Call | None = None
        value: Any = None
        try:
            await trio.lowlevel.checkpoint_if_cancelled()  # a function without awaits would not notice
            if self._asked is None:
                call = self._call()
                value = await self._services.runners[self._runner].run(call, self._scope)
        except BaseException as exc:
            if is_fatal(exc):
                self._services.report(Halt())  # before the end is: the next run would be cancelled too, and the next
            asked = self._asked or ("the runtime was cancelled" if trio.current_effective_deadline() == -math.inf else None)
            self._end(judge(exc, asked), call, failure=failure_of(exc, asked, timed_out=self._timed_out))
            if is_fatal(exc):
                raise
        else:
            if self._scope.cancelled_caught or call is None:
                self._end(Ending("terminate", self._asked), call, failure=TIMEOUT if self._timed_out else None)
                return
            self._end(SUCCESS, call, value)

    def give_up(self, reason: str) -> None:
        """Put on record that it was terminated although it goes on; what comes of it later changes nothing."""
        self._end(Ending("terminate", reason), None)

    def _report(self, update: Progress) -> None:
        """Take an update of its progress, from whatever thread the function runs in."""
        if self._reporter is None:
            self._reporter = Reporter(_elapsed, self._tell_progress)
        self._reporter.report(update)

    def _tell_progress(self, update: Progress) -> None:
        services = self._services
        services.in_trio(lambda: services.log.note_progress(self._document("run", services.clock.now()), update))

    def _document(self, action: Event, now: float) -> dict[str, Any]:
        document = {
            "created": now,
            "task_name": self.launch.task,
            "run_id": self.run_id,
            "action": action,
            "start": self._began,
            "execution": self._execution,
            "due": self.launch.due,
            "late": self._late,
        }
        if self._terms.retries is not None:
            document["attempt"], document["attempts"] = self.launch.attempt, self._terms.retries.limit + 1
        elif self.launch.attempt > 1:
            document["attempt"] = self.launch.attempt
        return document

    def _call(self) -> Call:
        """Value the arguments; what goes wrong here fails the run as if the function had raised it."""
        if self._refused is not None:
            raise self._refused
        task, terms = self._task, self._terms
        flag = Flag() if self._runner == "thread" else None
        kwargs: dict[str, Any] = {}
        here: Circumstances | None = None
        if not terms.bare or self.launch.params:
            session = self._services.session
            kwargs = task.signature.fit({**terms.parameters, **self.launch.params}, session.parameters.snapshot())
            if task.path is not None or session.hooks.task_execute or has_arguments(kwargs):
                flag = flag or Flag()
                here = Circumstances(task, session, flag, self.run_id, self.launch.returns or {})
                is_there = self._runner in ("thread", "process")
                kwargs = all_valued(task.signature.owner, kwargs, here, stage=is_there)
        self._flag = flag
        return Call(task.name, self.run_id, task.func, kwargs, flag, terms.backend, terms.grace, here, self._report, terms.quota)

    def _end(self, ending: Ending, call: Call | None, value: Any = None, *, failure: Failure | None = None) -> None:
        if self._siblings.pop(self.launch.number, None) is None:  # it was given up
            return
        document = self._ended(ending, call)
        following = NO_MORE if failure is None else self._following_safely(failure, document)
        if following.attempts is not None:
            document["attempt"], document["attempts"] = self.launch.attempt, following.attempts
        if failure is not None and following.at is not None:
            self._pause(document, failure, following.at)
            return
        if following.because:
            document["reason"] = f"{ending.reason}; {following.because}"
        number = self._services.log.record(document)
        is_failure = ending.action == "fail" or (ending.action == "terminate" and self._timed_out)
        if ending is SUCCESS and self._services.session.declared(self._task.name) is self._task:  # else it was removed
            self._services.session.returns.keep(self._task.name, value)
        facts = self._task.facts
        facts.going.pop(self.launch.number, None)
        facts.note(ending.action, document["created"], number)
        self._services.report(RunEnded(self.launch, self.run_id, ending.action, document, is_failure))

    def _ended(self, ending: Ending, call: Call | None) -> dict[str, Any]:
        """Return the record that it has ended so."""
        now = self._services.clock.now()
        document = self._document(ending.action, now)
        document["end"] = now
        document["runtime"] = now - self._began
        if self._reporter is not None and (progress := self._reporter.latest) is not None:
            document["progress"] = asdict(progress)
        if ending is not SUCCESS or self._runner == "command":
            output = call.output if call is not None else None
            details = {"reason": ending.reason, "exc_text": ending.exc_text, "output": output}
            document.update((column, text) for column, text in details.items() if text is not None)
        return document

    def _following_safely(self, failure: Failure, document: Mapping[str, Any]) -> NextAttempt:
        """Return what follows this attempt: none if a policy of the user's own making cannot tell."""
        try:
            return self._following(failure, document)
        except Exception as exc:
            return NextAttempt(because=f"not tried again: its Retry raised {describe(exc)}")

    def _following(self, failure: Failure, document: Mapping[str, Any]) -> NextAttempt:
        """Return what follows this attempt, of whose failure `document` tells."""
        terms, launch, now = self._terms, self.launch, document["created"]
        if (terms.retries is None and failure.wanted is None) or self._task.on_shutdown:  # nothing waits for that any more
            return NO_MORE
        next_start = self._services.next_start(launch.task, now)
        return next_attempt(terms.retries, failure, seed_of(document), launch.attempt, now, next_start, terms.zone)

    def _pause(self, document: dict[str, Any], failure: Failure, retry_at: float) -> None:
        """Put on record that it goes on with another attempt; conditions see only that it does not run meanwhile."""
        document["action"] = "retry"
        document["cause"] = "asked" if failure.wanted is not None else "timeout" if failure is TIMEOUT else "fail"
        document["retry_at"] = retry_at
        document["params"] = kept_params(self.launch.params)
        self._services.log.record(document)
        self._task.facts.going.pop(self.launch.number, None)
        self._services.report(AttemptEnded(self.launch, self.run_id, retry_at))


def end_unstarted(
    task: Task, terms: Terms, launch: Launch, reason: str, services: Services, action: Action = "terminate"
) -> None:
    """Put on record that a launch ended before its run, or the next attempt of its run, could begin."""
    now = services.clock.now()
    run_id, _ = run_id_of(task, terms, launch, services.ids)
    document = {
        "created": now,
        "task_name": launch.task,
        "run_id": run_id,
        "action": action,
        "execution": terms.execution,
        "due": launch.due,
        "reason": f"{reason}, before {'it' if launch.attempt == 1 else f'attempt {launch.attempt}'} started",
    }
    if launch.attempt > 1:
        document["attempt"] = launch.attempt
    number = services.log.record(document)
    task.facts.note(action, now, number)


def _elapsed() -> float:
    """Return seconds, on trio's clock where there is one."""
    try:
        return trio.current_time()
    except RuntimeError:
        return monotonic()


def run_id_of(task: Task, terms: Terms, launch: Launch, ids: RunIds) -> tuple[str, InvalidRunId | None]:
    """Return the id of a run: the one it has, else what ``func_run_id`` makes of its parameters, else a random UUID.

    That is 32 hex digits. Where the function raises, or returns something else than a text, it is a UUID too, and the error comes
    with it.
    """
    if launch.run_id is not None:
        return launch.run_id, None
    if terms.run_id is None:
        return ids.next(), None
    try:
        run_id = terms.run_id(task, {**terms.parameters, **launch.params})
    except BaseException as exc:  # it is the user's, and a SystemExit of it must not be ours
        return ids.next(), InvalidRunId(task.name, f"raised {describe(exc)}")
    if not isinstance(run_id, str) or not run_id:
        return ids.next(), InvalidRunId(task.name, f"returned {run_id!r}")
    return run_id, None
