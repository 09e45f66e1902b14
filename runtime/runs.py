"""Run: one execution of a task, from the record that it began to the record of how it ended."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from time import monotonic
from typing import Any

import trio

from actors.args.base import Circumstances, all_valued, has_arguments
from actors.causes import CANCELLED, Cause
from actors.errors import InvalidLimitKey, InvalidRunId, SchedulerExit, SchedulerRestart
from actors.facts import Action, Event
from actors.messages import AttemptEnded, Halt, Launch, RunEnded, RunStarted, ShutDown, Start, ToSupervisor
from actors.portable import describe
from actors.progress import Progress, Reporter, current_report
from actors.retries import Failure, NextAttempt, next_attempt
from actors.session import Session
from actors.task import Task
from actors.termination import Flag, current_task
from runtime.attempts import kept_params, seed_of
from runtime.clock import Clock
from runtime.identity import Identity
from runtime.ids import RunIds
from runtime.left_behind import Left, LeftBehind
from runtime.outcome import SUCCESS, TIMEOUT, Ending, end_wanted, failure_of, is_fatal, judge
from runtime.output import current_output
from runtime.output.run_output import Outputs, RunOutput
from runtime.runlog.recorder import Recorder
from runtime.runners import Call, Runner
from runtime.stopping import Patience, stop
from runtime.terms import Terms
from runtime.tracebacks import coroutine_stack, user_traceback

NO_MORE = NextAttempt()


@dataclass(frozen=True, slots=True)
class Services:
    """What task actors and their runs use of the runtime."""

    session: Session
    log: Recorder
    clock: Clock
    ids: RunIds
    runners: Mapping[str, Runner]
    report: Callable[[ToSupervisor], None]
    """Delivers a message to the supervisor."""
    in_trio: Callable[[Callable[[], object]], None]
    """Has something done in the trio thread, at once from there, and from elsewhere as soon as it comes to it."""
    next_start: Callable[[str, float], float]
    """Returns when the condition of a task starts it next after a moment; infinity where it names no slots."""
    patience: Patience
    left_behind: LeftBehind
    outputs: Outputs


class Run:
    """One execution of a task. ``claim`` it, then ``live`` it, once each; exactly one terminal record follows, or a ``retry``.

    Args:
      siblings: {number of the launch: run} of those of the task that go on, which it joins, and leaves when it ends.
    """

    __slots__ = (
        "_began",
        "_call",
        "_cause",
        "_ended",
        "_execution",
        "_is_wanted_again",
        "_late",
        "_output",
        "_refused",
        "_reporter",
        "_runner",
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
        self._runner = "command" if terms.is_command else self._execution
        self._cause: Cause | None = None  # why the runtime wants it to end; the outcome is decided from this
        self._call: Call | None = None  # until its function is called
        self._is_wanted_again = False
        self._ended: trio.Event | None = None  # until somebody waits for its end
        self._scope = trio.CancelScope()
        self._began = 0.0
        self._reporter: Reporter | None = None  # until it is told of progress
        self._output: RunOutput | None = None  # until it lives, and where its task wants none

    def end(self, cause: Cause) -> bool:
        """Have it end, for `cause`; the first cause counts, but whoever wants it beside its timeout does not want it again.

        Returns:
          Whether it has to be brought to its end by :meth:`stop`: here where it runs, its runner cannot.
        """
        if self._cause is not None:
            self._is_wanted_again = self._is_wanted_again and cause.kind == "timeout"
            return False
        self._cause, self._is_wanted_again = cause, cause.kind == "timeout"
        if self._call is not None and self._runner in ("main", "async") and self._call.backend != "asyncio":
            self._call.ask()
            return True
        self._scope.cancel(reason=cause.text)
        return False

    async def stop(self) -> None:
        """Bring a function to its end that runs on this loop, down the ladder of :func:`runtime.stopping.stop`."""
        if self.launch.number in self._siblings:
            self._ended = trio.Event()
            await stop(self, self._services.patience, self._terms.grace, self._terms.cleanup)

    def ask(self) -> bool:
        """Set its flag, where it has asked for that."""
        return self._call is not None and self._call.ask()

    def cancel(self) -> bool:
        """Cancel it at each of its awaits."""
        assert self._cause is not None
        self._scope.cancel(reason=self._cause.text)
        return True

    async def ended(self) -> None:
        """Wait for its terminal record."""
        assert self._ended is not None
        await self._ended.wait()

    async def kill(self) -> None:
        """Give it up: nothing ends a coroutine that ignores its cancellation."""
        if self.launch.number in self._siblings:
            self.give_up()

    def claim(self) -> None:
        """Give it its id, and put on record that it begins. An id that cannot be had fails it, under a random one."""
        self.run_id, refused = run_id_of(self._task, self._terms, self.launch, self._services.ids)
        self._refused = self._refused or refused
        self._began = now = self._services.clock.now()
        self._late = max(now - self.launch.due, 0.0)
        document = self._document("run", now)
        if self._terms.keeps_params:
            document["params"] = kept_params(self.launch.params)
        facts, number = self._task.facts, self._services.log.record(document)
        facts.going[self.launch.number] = now
        if self.launch.attempt == 1:
            facts.note("run", now, number, claims=self.launch.asked)
        else:
            facts.status = "run"  # it has started before, as far as conditions are concerned
        self._end_without_log()
        self._services.report(RunStarted(self.launch, self.run_id))

    def _end_without_log(self) -> None:
        """Have it end if the run log has failed, and the app wants that then."""
        if (failure := self._services.log.failure) is not None:
            self.end(Cause("log", f"the run log cannot be written: {failure.problem}"))

    def break_off(self, error: Exception) -> None:
        """Put on record that it failed before its function could begin, by an error of the runtime."""
        if not self.run_id:  # it could not be claimed
            self.run_id, self._began, self._late = self._services.ids.next(), self._services.clock.now(), 0.0
        self._end(Ending("fail", f"the actor of its task has failed: {describe(error)}", user_traceback(error)))

    async def live(self) -> None:
        """Execute the function, and put on record how that ended.

        Raises only what must reach the root: a cancellation from further out, or a KeyboardInterrupt.
        """
        self._take_context()
        value, was_called = None, False
        try:
            await trio.lowlevel.checkpoint_if_cancelled()  # a function without awaits would not notice
            if self._services.log.is_strict:
                await self._services.log.synced()
                self._end_without_log()
            call = self._prepared() if self._cause is None else None
            if call is not None and self._cause is None:  # else one of its arguments has ended it
                self._call, was_called = call, True
                value = await self._services.runners[self._runner].run(call, self._scope)
        except BaseException as exc:
            if is_fatal(exc):
                self._services.report(Halt())  # before the end is: the next run would be cancelled too, and the next
            if (wanted := end_wanted(exc)) is not None:
                self._end_with_app(wanted)
                return
            if self._cause is None and trio.current_effective_deadline() == -math.inf:
                self._cause = CANCELLED
            self._end(judge(exc, self._asked), failure=failure_of(exc, self._asked, timed_out=self._is_wanted_again))
            if is_fatal(exc):
                raise
        else:
            if self._scope.cancelled_caught or not was_called:
                self._end(Ending("terminate", self._asked), failure=TIMEOUT if self._is_wanted_again else None)
                return
            self._end(SUCCESS, value)

    def _take_context(self) -> None:
        """Have what is executed in this task from now on known as its function's."""
        current_task.set(self._task.name)
        current_report.set(self._report)
        if self._terms.captures or self._runner in ("process", "command"):  # of these the last lines are kept in any case
            self._output = RunOutput(self._services.outputs, self._task.name, self._began, self.run_id, self._terms.captures)
        current_output.set(self._output if self._terms.captures else None)

    def give_up(self) -> None:
        """Put on record that it was terminated although it goes on; what comes of it later is noted, and changes nothing."""
        assert self._cause is not None
        self._services.left_behind.add(self, Left("coroutine", f"task {self._task.name!r} run {self.run_id}"))
        stack = coroutine_stack(None if self._call is None else self._call.awaited)
        self._end(Ending("terminate", f"{self._cause.text}; stuck: it ignores its cancellation", stack, is_forced=True))

    def _end_with_app(self, wanted: SchedulerExit | SchedulerRestart) -> None:
        """Put on record that it has done its work, and have the app end or begin anew; one that ends already is not hurried."""
        if self.launch.number in self._siblings:  # else it was given up
            restart = isinstance(wanted, SchedulerRestart)
            reason = f"{'restart' if restart else 'shutdown'}, asked for by task {self._task.name!r}"
            self._services.report(ShutDown(False, reason, restart, hurries=False))  # first, so that its success starts nothing
        self._end(SUCCESS)

    @property
    def _asked(self) -> str | None:
        """Why it was to end, in words; None if nobody wanted that."""
        return None if self._cause is None else self._cause.text

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
        launch, retries = self.launch, self._terms.retries
        if retries is not None or launch.rescues:
            limit = 0 if retries is None else retries.limit
            document["attempt"], document["attempts"] = launch.attempt, limit + 1 + launch.rescues
        elif launch.attempt > 1:
            document["attempt"] = launch.attempt
        if launch.rescues:
            document["rescues"] = launch.rescues
        return document

    def _prepared(self) -> Call:
        """Return the call, its arguments valued; what goes wrong here fails the run as if the function had raised it."""
        if self._refused is not None:
            raise self._refused
        task, terms = self._task, self._terms
        if self._runner == "thread":
            self._services.left_behind.check_threads(task.name, task.session.config.max_abandoned_threads)
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
        return Call(
            task.name,
            self.run_id,
            task.func,
            kwargs,
            flag,
            terms.backend,
            terms.grace,
            terms.cleanup,
            terms.interrupt,
            here,
            self._report,
            self._note_late,
            self._note_worker,
            terms.quota,
            output=self._output,
        )

    def _note_worker(self, identity: Identity) -> None:
        """Note which process it runs in, so that the next start knows whom this one has left behind."""
        services = self._services
        services.log.note_worker(self._document("run", services.clock.now()), identity)

    def _note_late(self, words: str) -> None:
        """Note what became of the function after its run was put on record as ended, from whatever thread."""
        services = self._services
        services.in_trio(lambda: services.log.note_late(self._document("run", services.clock.now()), words))

    def _end(self, ending: Ending, value: Any = None, *, failure: Failure | None = None) -> None:
        if self._siblings.pop(self.launch.number, None) is None:
            self._services.left_behind.drop(self)
            self._note_late(f"what was given up has ended: {ending.reason or ending.action}")
            return
        if self._ended is not None:
            self._ended.set()
        document = self._ending_document(ending)
        self._call = None  # it refers to this, and only the garbage collector would find that out
        following = NO_MORE if failure is None else self._following_safely(failure, document)
        if following.attempts is not None:
            document["attempt"], document["attempts"] = self.launch.attempt, following.attempts
        if failure is not None and following.at is not None:
            self._pause(document, failure, following.at)
            return
        if following.because:
            document["reason"] = f"{ending.reason}; {following.because}"
        number = self._services.log.record(document, is_warning=ending.is_forced)
        if self._services.log.is_strict and not ending.is_forced:  # what had to be given up is not waited for any longer
            self._services.log.when_synced(lambda: self._publish(ending, value, document, number))
        else:
            self._publish(ending, value, document, number)

    def _publish(self, ending: Ending, value: Any, document: dict[str, Any], number: int) -> None:
        """Let others see how it ended, which is on record."""
        if ending is SUCCESS and self._services.session.declared(self._task.name) is self._task:  # else it was removed
            self._services.session.returns.keep(self._task.name, value)
        facts = self._task.facts
        facts.going.pop(self.launch.number, None)
        facts.note(ending.action, document["created"], number)
        is_failure = ending.action == "fail" or (ending.action == "terminate" and self._is_wanted_again)
        self._services.report(RunEnded(self.launch, self.run_id, ending.action, document, is_failure))

    def _ending_document(self, ending: Ending) -> dict[str, Any]:
        """Return the record that it has ended so."""
        now = self._services.clock.now()
        document = self._document(ending.action, now)
        document["end"] = now
        document["runtime"] = now - self._began
        if self._reporter is not None and (progress := self._reporter.latest) is not None:
            document["progress"] = asdict(progress)
        if self._cause is not None and ending is not SUCCESS:
            document["cause"] = self._cause.kind
        if self._output is not None:
            self._output.close()
        if ending is not SUCCESS or self._runner == "command":
            output = self._output.last_lines if self._output is not None else None
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
        seed = seed_of(document)
        return next_attempt(terms.retries, failure, seed, launch.attempt, now, next_start, terms.zone, launch.rescues)

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
    task: Task, terms: Terms, launch: Launch, cause: Cause, services: Services, action: Action = "terminate"
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
        "cause": cause.kind,
        "reason": f"{cause.text}, before {'it' if launch.attempt == 1 else f'attempt {launch.attempt}'} started",
    }
    if launch.attempt > 1:
        document["attempt"] = launch.attempt
    if launch.rescues:
        document["rescues"] = launch.rescues
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
