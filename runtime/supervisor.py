"""Supervisor: decides when tasks start and end, and tells their actors."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Mapping
from typing import Any

import trio

from actors.facts import Facts
from actors.messages import (
    Ask,
    Cancel,
    Halt,
    Launch,
    RunEnded,
    RunStarted,
    ShutDown,
    Start,
    Stop,
    TaskAdded,
    TaskChanged,
    TaskRemoved,
    Terminate,
    ToSupervisor,
)
from actors.session import Session
from actors.task import Task
from actors.timespans import to_words
from runtime.admission import Admission
from runtime.agenda import Agenda
from runtime.alarm import Alarm
from runtime.ids import RunIds
from runtime.logs import runtime_log
from runtime.mailbox import Mailbox
from runtime.runlog import RunLog
from runtime.runners import Runner
from runtime.runs import Services, end_unstarted
from runtime.stopping import FORCED_GRACE, LAST_GRACE, Patience, Phase, Shutdown
from runtime.task_actor import TaskActor
from runtime.terms import Terms, terms_of

LONGEST_NAP = 30.0
"""Seconds. The machine may be suspended and its clock be set, which trio's clock does not notice: so look again in time."""


class Supervisor:
    """The centre: takes messages and due moments, and answers with ``Start`` and ``Cancel``.

    Nothing happens here until the next deadline or message. What it decides follows from the facts of the tasks, which are up
    to date when the message about a change arrives.

    Args:
      session: the tasks, and the settings of their app.
      log, runners: what task actors use; wall time is the log's.
      patience: the budget of what is asked to end.
      history: the facts of tasks, by name, that the run log knows.
    """

    def __init__(
        self,
        session: Session,
        log: RunLog,
        runners: Mapping[str, Runner],
        patience: Patience,
        history: dict[str, Facts],
    ) -> None:
        self.mailbox: Mailbox[ToSupervisor | None] = Mailbox(self._handle, self._fail)  # None: the alarm rang
        self.listeners: list[Callable[[RunEnded], object]] = []
        """Called with each run that has ended."""
        self.restart_wanted = False
        self.cut_short = 0
        """How many runs were ended because the runtime ended."""
        self.stuck = 0
        """How many runs could not be ended, and are given up."""
        self.over = trio.Event()
        """Set when the shutdown is over."""
        self._session, self._clock, self._patience, self._history = session, log.clock, patience, history
        self._services = Services(session, log, log.clock, RunIds(), runners, self.mailbox.put)
        self._failure: Exception | None = None
        self._closed = False
        self._alarm = Alarm(lambda: self.mailbox.put(None))
        self._actors: dict[str, TaskActor] = {}
        self._leaving: list[TaskActor] = []  # of removed tasks, until their last run has ended
        self._terms: dict[str, Terms] = {}
        self._limits: dict[str, float] = {}
        self._admission = Admission(self._terms, self._limits)
        self._agenda: Agenda[str] = Agenda()  # when which task's condition may change; wall time
        self._timeouts: Agenda[int] = Agenda()  # when which launch's run has to end; trio's time
        self._timed: dict[int, tuple[TaskActor, float]] = {}  # {number of the launch: its actor, its timeout in seconds}
        self._pending: dict[str, int] = {}  # {task: launches that have not started}
        self._numbers = 0
        self._only: frozenset[str] | None = None
        self._ends_by_itself = False
        self._shutdown: Shutdown | None = None
        self._reason = "shutdown"
        self._handlers: dict[type, Callable[[Any], None]] = {
            Ask: self._on_asked,
            Halt: lambda _: self._close(),
            RunEnded: self._on_ended,
            RunStarted: self._on_started,
            ShutDown: self._on_shutdown,
            TaskAdded: self._on_added,
            TaskChanged: self._on_changed,
            TaskRemoved: self._on_removed,
            Terminate: self._on_terminate,
        }

    async def run(
        self,
        asked: list[tuple[str, Mapping[str, Any]]],
        *,
        only: list[str] | None = None,
        task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
    ) -> None:
        """Run the tasks of the session until a shutdown is over and the last actor has ended.

        Args:
          asked: launches that were asked for before the start.
          only: run just these tasks, once each, then end; None runs the app.
        """
        self._only = frozenset(only) if only is not None else None
        async with trio.open_nursery() as self._nursery:
            async with trio.open_nursery() as timing:
                timing.start_soon(self._alarm.run)
                await self._begin(asked, only)
                self.mailbox.open()
                self.mailbox.put(None)
                runtime_log.tell(logging.INFO, "runtime started, with %d tasks", len(self._actors))
                task_status.started()
                try:
                    await self.over.wait()
                finally:  # also if cancelled: what would still be started would only be cancelled, again and again
                    self._close()
                timing.cancel_scope.cancel()
            if self._failure is not None:
                raise self._failure
            for actor in self._actors.values():
                actor.mailbox.put(Stop())
        runtime_log.tell(logging.INFO, "runtime ended")

    async def _begin(self, asked: list[tuple[str, Mapping[str, Any]]], only: list[str] | None) -> None:
        """Start the actors, one after the other, then what is to start first."""
        self._take_settings()
        for task in self._session.tasks:
            await self._nursery.start(self._hired(task).run)
        starting = [name for name, actor in self._actors.items() if actor.task.on_startup]
        for name in starting if only is None else only:
            self._offer(name, {})
        for name, params in asked:
            self._on_asked(Ask(name, params, self._clock.now()))
        for name in self._actors:
            self._consider(name)

    def _handle(self, message: ToSupervisor | None) -> None:
        """Take in one message, decide what follows from it, and tell the actors."""
        if message is None:
            self._on_alarm()
        else:
            self._handlers[type(message)](message)
        if self._closed:
            return
        if self._ends_by_itself and self._admission.idle and self._shutdown is None and self._has_no_plans():
            self._shutdown = Shutdown(trio.current_time(), self._session.config.shutdown_wait)
        if self._shutdown is not None:
            self._advance(self._shutdown)
        if not self._admission.may_admit:
            return
        for launch, mode in self._admission.admit():
            self._actors[launch.task].mailbox.put(Start(launch, mode))

    def _close(self) -> None:
        """Start nothing any more; what waits ends with a record."""
        self._closed = True
        if self._shutdown is None:
            self._reason = "the runtime was cancelled"
        self._drop_waiting(None, self._reason)

    def _fail(self, error: Exception) -> None:
        """Have an error of the runtime's own end the runtime, from the supervisor's task, where it is heard."""
        self._failure = self._failure or error
        self._closed = True
        self.over.set()

    def _on_alarm(self) -> None:
        """Do what is due, and set the alarm for what comes next."""
        now = trio.current_time()
        for number in self._timeouts.take_due(now):
            actor, timeout = self._timed[number]
            actor.mailbox.put(Cancel(f"timeout: it took longer than {to_words(timeout)}", number=number))
        self._alarm.set(self._timeouts.next_moment())
        for name in self._agenda.take_due(self._clock.now()):
            self._consider(name)
        self._set_alarm(self._agenda.next_moment())

    def _set_alarm(self, moment: float) -> None:
        """Have the alarm ring at `moment`, wall time."""
        if moment < math.inf:
            self._alarm.set(trio.current_time() + min(moment - self._clock.now(), LONGEST_NAP))

    def _on_added(self, message: TaskAdded) -> None:
        if message.task in self._session and message.task not in self._actors:
            self._hire(self._session[message.task])

    def _hire(self, task: Task) -> None:
        """Start the actor of a task that came while the app runs; when it ends, none is started."""
        if self._shutdown is not None or self._closed:
            return
        self._nursery.start_soon(self._hired(task).run)
        self._consider(task.name)

    def _hired(self, task: Task) -> TaskActor:
        """Return the new actor of a task."""
        if task.facts.status is None:  # else it has run before in this process, and knows all itself
            task.facts = self._history.setdefault(task.name, task.facts)
        self._terms[task.name] = terms = terms_of(task)
        self._actors[task.name] = actor = TaskActor(task, terms, self._services, self._fail)
        return actor

    def _consider(self, name: str, *, launch: bool = True) -> None:
        """Launch the task if its condition holds and nothing stands against it, and plan when to look again."""
        actor = self._actors[name]
        condition = self._terms[name].condition
        if condition is None or self._closed or self._shutdown is not None or self._only is not None:
            self._agenda.set(name, math.inf)
            return
        now, facts = self._clock.now(), actor.task.facts
        try:
            if launch and self._may_launch(actor) and condition.holds(now, facts):
                due = condition.since(now, facts)
                self._offer(name, {}, due)
            moment = condition.next_change(now, facts)
            self._agenda.set(name, moment)
            self._set_alarm(moment)
        except Exception:
            self._agenda.set(name, math.inf)
            told = "task %r: its condition %s raised; it is not looked at until something changes"
            runtime_log.tell(logging.ERROR, told, name, condition, exc_info=True)

    def _may_launch(self, actor: TaskActor) -> bool:
        name = actor.task.name
        return name not in self._pending and (self._terms[name].multilaunch or not self._admission.is_engaged(name))

    def _offer(self, name: str, params: Mapping[str, Any], due: float | None = None) -> None:
        self._numbers += 1
        self._pending[name] = self._pending.get(name, 0) + 1
        self._admission.offer(Launch(name, self._numbers, self._clock.now() if due is None else due, params))

    def _on_started(self, started: RunStarted) -> None:
        launch = started.launch
        name = launch.task
        self._admission.started(launch)
        self._not_pending(name)
        if name not in self._actors:  # it was removed before its actor had begun, and the run is told to end right now
            return
        terms = self._terms[name]
        if (timeout := terms.timeout) < math.inf:
            moment = trio.current_time() + timeout
            self._timed[launch.number] = self._actors[name], timeout
            self._timeouts.set(launch.number, moment)
            self._alarm.set(moment)
        if terms.multilaunch and terms.condition is not None:
            self._consider(name, launch=False)  # the facts it was planned by have changed; otherwise its end is looked at

    def _on_asked(self, ask: Ask) -> None:
        name = ask.task
        if name not in self._actors:
            runtime_log.tell(logging.WARNING, "task %r was asked to run, but it is not, or no longer, a task of this app", name)
            return
        self._offer(name, ask.params, ask.at)
        if self._shutdown is not None or self._closed:
            self._drop_waiting(name, self._reason)

    def _on_ended(self, ended: RunEnded) -> None:
        name = ended.launch.task
        self._timeouts.drop(ended.launch.number)
        self._timed.pop(ended.launch.number, None)
        self._admission.ended(ended.launch)
        if self._shutdown is not None and ended.action == "terminate" and self._shutdown.phase is not Phase.FINISHING:
            self.cut_short += 1
        if name in self._actors and self._terms[name].condition is not None:
            self._consider(name)
        for listener in self.listeners:
            listener(ended)

    def _on_terminate(self, message: Terminate) -> None:
        name = message.task
        if name not in self._actors:
            return
        if message.run_id is None:
            self._drop_waiting(name, message.reason)
        self._actors[name].mailbox.put(Cancel(message.reason, message.run_id))
        self._consider(name)

    def _drop_waiting(self, name: str | None, reason: str) -> None:
        """End the launches that wait, of one task or of all, each with its record."""
        for launch in self._admission.withdraw(name):
            self._not_pending(launch.task)
            end_unstarted(self._actors[launch.task].task, self._terms[launch.task], launch, reason, self._services)

    def _not_pending(self, name: str) -> None:
        left = self._pending.pop(name) - 1
        if left:
            self._pending[name] = left

    def _on_removed(self, message: TaskRemoved) -> None:
        name = message.task
        actor = self._actors.get(name)
        if actor is None:
            return
        reason = f"the task was removed by {message.by}"
        self._drop_waiting(name, reason)
        self._agenda.drop(name)
        actor.mailbox.put(Cancel(reason))
        actor.mailbox.put(Stop())
        del self._actors[name], self._terms[name]
        self._leaving = [leaving for leaving in (*self._leaving, actor) if not leaving.has_ended]
        if name in self._session:  # a new task has taken the name meanwhile
            self._hire(self._session[name])

    def _on_changed(self, message: TaskChanged) -> None:
        if message.task is None:
            self._take_settings()
        self._admission.relax()
        for changed in [message.task] if message.task is not None else list(self._actors):
            if changed in self._actors:
                self._terms[changed] = self._actors[changed].terms = terms_of(self._actors[changed].task)
                self._admission.reconsider(changed)
                self._consider(changed)

    def _on_shutdown(self, message: ShutDown) -> None:
        again = self._shutdown is not None
        self.restart_wanted = message.restart and (self.restart_wanted or not again)  # who ends it outright has the last word
        if self._shutdown is None:
            self._reason = message.reason
            self._shutdown = Shutdown(trio.current_time(), self._session.config.shutdown_wait)
            if running := self._admission.running:
                told = "%s: %d runs get %g s to finish; a second signal, or shut_down(), ends them at once"
                runtime_log.tell(logging.WARNING, told, message.reason, running, self._shutdown.wait)
            self._drop_waiting(None, message.reason)
            for actor in self._actors.values():
                if actor.task.permanent:
                    actor.mailbox.put(Cancel(message.reason))
        if (message.force or again) and not self._shutdown.forced:
            self._shutdown.force()
            runtime_log.tell(logging.WARNING, "%s: ending %d runs now", message.reason, self._admission.running)

    def _advance(self, shutdown: Shutdown) -> None:
        """Do what a phase of the shutdown begins with."""
        while (phase := shutdown.step(trio.current_time(), not self._admission.idle)) is not None:
            if phase is Phase.OVER:
                if shutdown.forced:
                    self._offer_closing()
                    self._drop_waiting(None, self._reason)
                self._give_up()
                return
            if phase in (Phase.CANCELLING, Phase.CUTTING):
                self._patience.shorten(trio.current_time() + (FORCED_GRACE if shutdown.forced else LAST_GRACE))
                self._drop_waiting(None, self._reason)
                for actor in self._actors.values():
                    actor.mailbox.put(Cancel(self._reason))
            elif phase is Phase.CLOSING:
                self._patience.restore()
                self._offer_closing()
        self._alarm.set(shutdown.ends)

    def _offer_closing(self) -> None:
        """Offer one launch of each task that is to run at the end."""
        for name, actor in self._actors.items():
            if actor.task.on_shutdown and not actor.task.disabled and self._only is None:
                self._offer(name, {})

    def _give_up(self) -> None:
        """Leave what could not be ended, each with its record, and end."""
        for actor in (*self._actors.values(), *self._leaving):
            self.stuck += actor.give_up(f"{self._reason}; stuck: it ignores its cancellation")
        self.over.set()

    def _has_no_plans(self) -> bool:
        """Return whether nothing is planned and nothing was said that may change that."""
        return not len(self.mailbox) and self._agenda.next_moment() == math.inf

    def _take_settings(self) -> None:
        """Take in the settings of the app that are not those of its tasks."""
        config = self._session.config
        self._ends_by_itself = self._only is not None or config.stop_when_idle
        self._limits.update(thread=config.max_thread_count, process=config.max_process_count)
