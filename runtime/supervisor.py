"""Supervisor: decides when tasks start and end, and tells their actors."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Mapping
from random import Random
from typing import Any

import trio

from actors.causes import CANCELLED, OVERLAP, Cause
from actors.conds.base import is_same
from actors.conds.custom import Custom
from actors.errors import StartError
from actors.facts import Facts, TaskFacts
from actors.messages import (
    Answered,
    Ask,
    AttemptEnded,
    Cancel,
    Halt,
    Launch,
    ParametersChanged,
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
from actors.nodes import Node, State
from actors.policies import IDLE, Engagement
from actors.portable import describe
from actors.session import Session
from actors.task import Task
from runtime.admission import Admission
from runtime.alarm import Alarm, WallAlarm
from runtime.asking import Asker
from runtime.endings import APP, Endings
from runtime.hook_calls import HookCalls
from runtime.ids import RunIds
from runtime.in_trio import in_trio, soon_in_trio
from runtime.launches import Launches
from runtime.left_behind import LeftBehind
from runtime.logs import runtime_log
from runtime.lookout import Lookout
from runtime.machine import local_zone
from runtime.mailbox import Mailbox
from runtime.output.run_output import Outputs
from runtime.runlog.history import History
from runtime.runlog.recorder import LogTerms, Recorder
from runtime.runlog.retention import Keep
from runtime.runners import Runner
from runtime.runs import Services
from runtime.shutdown import LAST_PART, LEAST_TURN, Haste, Phase, Shutdown, announcement
from runtime.stopping import LAST_GRACE, Patience
from runtime.task_actor import TaskActor
from runtime.terms import Terms, renewed, terms_of
from runtime.timeouts import Timeouts
from runtime.tree.tree import LAST_TURN, Tree

FOR_ACTORS = 60.0
"""Seconds that actors get for their ends, where no shutdown gives them less."""
TO_KILL = 3
"""The signal, counted from 1, that kills what still runs."""


class Supervisor:
    """The centre: takes messages and due moments, and answers with ``Start`` and ``Cancel``.

    Nothing happens here until the next deadline or message. What it decides follows from the facts of the tasks, which are up
    to date when the message about a change arrives.

    Args:
      session: the tasks, and the settings of their app.
      log, runners: what task actors use; wall time is the log's.
      patience: the budget of what is asked to end.
      left_behind: what could not be ended, and goes on.
      history: what the run log knows already.
      random: what the ids of runs and the waits before restarts of actors are drawn from.
    """

    wanted_end: BaseException | None
    _failure: BaseException | None  # by what it has failed itself
    _only: frozenset[str] | None  # the tasks that are run, once each; None is all
    _shutdown: Shutdown | None  # once it ends

    def __init__(
        self,
        session: Session,
        log: Recorder,
        runners: Mapping[str, Runner],
        patience: Patience,
        left_behind: LeftBehind,
        history: History,
        random: Random,
    ) -> None:
        self.mailbox: Mailbox[ToSupervisor | None] = Mailbox(self._handle, self._fail)  # None: the alarm rang
        self.restart_wanted, self.cut_short = False, list[str]()
        """Whether the app is to start again; the tasks whose runs were ended because the runtime ended, once for each run."""
        self.over, self._enough = trio.Event(), trio.Event()
        """Set when the shutdown is over; and before, when its phases are, or the runtime has failed."""
        self._session, self._clock, self._patience, self._left_behind = session, log.clock, patience, left_behind
        self._history, self._zone = history, local_zone()
        self._failure = self.wanted_end = None
        """The second: what an actor has raised that ends the app in order, and is raised then."""
        self._alarm = Alarm(lambda: self.mailbox.put(None))
        self._wall_alarm = WallAlarm(self._alarm, log.clock)
        self._actors: dict[str, TaskActor] = {}
        self._leaving: list[TaskActor] = []  # of removed tasks, until their last run has ended
        self._terms: dict[str, Terms] = {}
        self._limits: dict[str, float] = {}
        self._time = trio.lowlevel.current_clock().current_time  # a third of what trio.current_time() costs
        self._admission, self._timeouts = Admission(self._terms, self._limits, self._time()), Timeouts(self._time)
        self._lookout = Lookout(log, history, self._ask, self._admission.waits_for)
        self._endings = Endings(log, self._ask_of_ending, self._end)
        self._services = Services(
            session,
            log,
            log.clock,
            RunIds(random),
            runners,
            self.mailbox.put,
            in_trio(),
            self._lookout.next_start,
            patience,
            left_behind,
            Outputs(session.config.log, filled=soon_in_trio(log.make_room)),
        )
        self.tree = Tree(session, log.clock, left_behind, self._fail_in_order, self._fail, random)
        self._hooks = HookCalls(session, runners, lambda: self.mailbox.put(None))
        self.listeners = self._hooks.listeners
        self._asker = Asker(session, log.clock, runners, self.mailbox.put)
        self._launches = Launches(
            self._actors, self._services, self._admission, self._lookout, self._alarm, history.waiting_attempts()
        )
        self._of_app, self._cause = TaskFacts(), Cause("shutdown", "shutdown")  # why it ends, once it does
        self._closed = self._ends_by_itself = self._is_done = self._on_hold = self._is_planned = False
        self._has_begun = self._has_started = False  # begun: it takes messages; started: the hooks of the start have ended, too
        self._shutdown = self._only = None
        self._handlers: dict[type, Callable[[Any], None]] = {
            Answered: self._on_answered,
            Ask: self._on_asked,
            AttemptEnded: self._on_attempt_ended,
            Halt: lambda _: self._close(),
            ParametersChanged: self._on_parameters_changed,
            RunEnded: self._on_ended,
            RunStarted: self._on_started,
            ShutDown: self._on_shutdown,
            TaskAdded: self._on_added,
            TaskChanged: self._on_changed,
            TaskRemoved: self._on_removed,
            Terminate: self._on_terminate,
        }

    @property
    def stuck(self) -> int:
        """How many runs, and functions of conditions, could not be ended, and go on."""
        return self._left_behind.count("coroutine") + self._asker.count

    @property
    def abandoned(self) -> int:
        """How many threads go on that were abandoned."""
        return self._left_behind.count("thread")

    @property
    def is_ending(self) -> bool:
        """Whether a shutdown has begun."""
        return self._shutdown is not None

    @property
    def hooks_cut(self) -> int:
        """How many hooks did not end in time, and were cancelled."""
        return self._hooks.cut_count

    def time_left(self, most: float) -> float:
        """Return how many seconds what comes last may take: `most`, or what the shutdown leaves, but always a little."""
        limit = self._shutdown.limit if self._shutdown is not None else math.inf
        return min(max(limit - trio.current_time(), LEAST_TURN), most)

    def put(self, message: ToSupervisor) -> None:
        """Deliver `message`, at once. Only from the trio thread. The end is heeded while the start still goes on, too."""
        if self._has_begun or not isinstance(message, ShutDown):
            self.mailbox.put(message)
            return
        self._on_shutdown(message)
        if self._shutdown is not None:
            self._hooks.cut(self._shutdown.ends)
            self.tree.call_off(self._actors_limit)

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
        self._services.log.on_halt = self._fail_in_order
        failure: BaseException | None = None
        async with trio.open_nursery() as hooks:
            try:
                await self._begin_start(hooks)
                await self._live_with_actors(asked, only, task_status)
            except (Exception, SystemExit) as exc:
                failure = exc  # raised below: out of here it would come wrapped in a group
            finally:
                await self._finish_hooks()
        if failure is not None:
            raise failure
        runtime_log.tell(logging.INFO, "runtime ended")

    async def _live_with_actors(
        self, asked: list[tuple[str, Mapping[str, Any]]], only: list[str] | None, task_status: trio.TaskStatus[None]
    ) -> None:
        """Live with the actors that talk, which start before the first task, and end after the last."""
        failure: BaseException | None = None
        async with trio.open_nursery() as nursery:
            await nursery.start(self.tree.serve)
            try:
                await self._start_actors()
                await self._live(asked, only, task_status)
            except (Exception, SystemExit) as exc:
                failure = exc  # raised below: out of here it would come wrapped in a group
            finally:
                await self._end_actors()  # where that was not reached
        if (failure := self.wanted_end or failure) is not None:
            raise failure

    async def _start_actors(self) -> None:
        """Start the actors that are declared, unless the end is asked for meanwhile; then those that have started end."""
        try:
            if self._shutdown is None:
                await self.tree.start()
        except StartError:
            if self._shutdown is None:
                raise

    async def _weigh_output(self) -> None:
        weigh, limiter = self._services.outputs.weigh, trio.CapacityLimiter(1)
        await trio.to_thread.run_sync(weigh, abandon_on_cancel=True, limiter=limiter, thread_name="callsheet weighing")

    async def _live(
        self, asked: list[tuple[str, Mapping[str, Any]]], only: list[str] | None, task_status: trio.TaskStatus[None]
    ) -> None:
        async with trio.open_nursery() as self._nursery:
            async with trio.open_nursery() as timing:
                self._asking = timing  # whose tasks end when the shutdown is over, as no answer is waited for then
                self.tree.parts.begin("alarm", self._alarm.run, timing, is_of_runtime=True)
                self.tree.parts.begin("wall alarm", self._wall_alarm.run, timing, is_of_runtime=True)
                if self._services.outputs.has_former():
                    timing.start_soon(self._weigh_output)
                await self._begin(asked, only)
                if self._shutdown is None:
                    runtime_log.tell(logging.INFO, "runtime started, with %d tasks", len(self._actors))
                self._has_begun = True
                self.mailbox.open()
                self.mailbox.put(None)
                await self._end_start()
                if self._failure is None:  # else it never started
                    task_status.started()
                await self._until_over()
                timing.cancel_scope.cancel()
            self._lookout.end()
            if self._failure is not None:
                self._nursery.cancel_scope.cancel(reason="the runtime has failed")
            for actor in self._actors.values():
                actor.mailbox.put(Stop())
        if self._failure is not None:  # raised here: out of the nursery it would come wrapped in a group
            raise self._failure

    async def _end_start(self) -> None:
        """Call the last part of the hooks of the start, which a shutdown waits for, and cuts, as it does with runs."""
        try:
            await self._hooks.end_start()
        except (Exception, SystemExit) as exc:
            self._fail(exc)
        self._has_started = True
        if self._shutdown is not None:
            self.mailbox.put(None)

    async def _until_over(self) -> None:
        """Wait until the shutdown is over, or the runtime has failed."""
        try:
            await self._enough.wait()
        finally:  # also if cancelled: what would still be started would only be cancelled, again and again
            self._close()
        await self._end_actors()
        if self.stuck:  # it would hold up the hooks of the end, which are called once nothing else runs
            await self._finish_hooks()
        self.over.set()

    async def _end_actors(self) -> None:
        """End the actors that talk, after the last run, and also if one cannot be ended.

        Where nothing is left to do but what waits in their mailboxes, they do that first.
        """
        await self.tree.end(self._actors_limit, "all" if self._is_done else "current")

    @property
    def _actors_limit(self) -> float:
        """Until when the actors that talk may take for their ends, in turn."""
        left = self.time_left(FOR_ACTORS) - LAST_TURN - LAST_PART
        return trio.current_time() + max(left, LEAST_TURN)

    async def _begin_start(self, nursery: trio.Nursery) -> None:
        """Call the first part of the hooks of the start. Where the end is asked for meanwhile and cuts it, nothing is closed."""
        self._hooks.open(nursery)
        if self._shutdown is None:
            await self._hooks.begin_start()
        if self._shutdown is not None:
            if self._hooks.has_started:
                self._hooks.begin_end(self._shutdown.wait)
            else:
                self._shutdown.hurry(trio.current_time(), Haste.CANCEL)

    async def _finish_hooks(self) -> None:
        """Call the last part of the hooks of the end, before what comes after them."""
        await self._hooks.finish_end(max(self.time_left(math.inf) - LAST_PART / 2, LEAST_TURN))

    def nodes(self) -> Node:
        """Return what runs, as it is now: the actors, the tasks, and what else there is of the runtime. From any thread."""
        now = self._clock.now()
        tasks = [
            actor.node(now, self._admission.waiting(name), self.waits_for(name)) for name, actor in list(self._actors.items())
        ]
        others = [part.node(part.name) for part in list(self.tree.parts.members.values()) if part.is_of_runtime]
        state: State = "stopping" if self.is_ending else "running"
        return Node(name="app", kind="app", state=state, children=(*self.tree.nodes(), *tasks, *others))

    def waits_for(self, task: str) -> str | None:
        """Return what the next launch of a task waits for, in words; None if none waits. From any thread."""
        return self._admission.waits_for(task)

    async def _begin(self, asked: list[tuple[str, Mapping[str, Any]]], only: list[str] | None) -> None:
        """Start the actors of the tasks, then what is to start first."""
        self._take_settings()
        self._lookout.begin(self._session.config.env)
        for task in self._session.tasks:
            self._hire_now(task)
        for actor in list(self._actors.values()):
            await actor.begun.wait()
        if self._shutdown is None:
            starting = [name for name, actor in self._actors.items() if actor.task.on_startup]
            for name in starting if only is None else only:
                self._launches.offer(name, {})
        for name, params in asked:
            self._on_asked(Ask(name, params, self._clock.now()))
        for name in self._actors:
            self._follow(name)
        self._endings.look(APP)

    def _handle(self, message: ToSupervisor | None) -> None:
        """Take in one message, decide what follows from it, and tell the actors."""
        counting = self._lookout.count_cycle()
        if message is None:
            self._on_alarm()
        else:
            self._handlers[type(message)](message)
        if self._closed:
            if self._shutdown is not None:
                self._advance(self._shutdown)
            return
        for name in counting:
            self._consider(name)
        if self._endings.of_cycles:
            self._endings.look_at_cycles()
        if self._ends_by_itself and self._admission.idle and self._shutdown is None and self._has_no_plans():
            self._is_done = True
            self._begin_shutdown()
        if self._shutdown is not None:
            self._advance(self._shutdown)
        if self._admission.ready and not (self._on_hold and self._shutdown is None and self._only is None):
            self._admit()
        if not self._is_planned:
            self._is_planned = True
            self._wall_alarm.set(min(self._lookout.next_moment, self._endings.next_moment))

    def _admit(self) -> None:
        """Have what may start now start."""
        while admitted := self._admission.admit(self._time()):
            for launch, mode in admitted:
                if launch.latest < math.inf and launch.latest < self._clock.now():
                    self._expire(launch)
                else:
                    self._actors[launch.task].mailbox.put(Start(launch, mode, self._admission.refused.get(launch.number)))
            if not self._admission.ready:
                break
        if (moment := self._admission.next_moment) < math.inf:
            self._alarm.set(moment)

    def _close(self) -> None:
        """Start nothing any more; what waits ends with a record."""
        self._closed = True
        if self._shutdown is None:
            self._cause = CANCELLED
            self._patience.shorten(trio.current_time() + LAST_GRACE)
        self._launches.drop(None, self._cause)

    def _fail_in_order(self, error: BaseException) -> None:
        """Have an error of an actor, or of the run log, end the runtime, like a shutdown that somebody asks for."""
        self.wanted_end = self.wanted_end or error
        self.put(ShutDown(False, f"shutdown, as {describe(error)}", hurries=False))

    def _fail(self, error: BaseException) -> None:
        """Have an error of the runtime's own end the runtime, from the supervisor's task, where it is heard."""
        self._failure = self._failure or error
        self._closed = True
        self._enough.set()

    def _on_alarm(self) -> None:
        """Do what is due, and set the alarm for what comes next."""
        self._alarm.set(self._timeouts.enforce())
        for name in self._lookout.take_due():
            self._consider(name)
        self._endings.look_at_due()
        self._admission.offer_due(trio.current_time())
        self._alarm.set(self._admission.next_moment)
        self._is_planned = False

    def _on_added(self, message: TaskAdded) -> None:
        task = self._session.declared(message.task)
        if task is not None and message.task not in self._actors:
            self._hire(task)

    def _hire(self, task: Task) -> None:
        """Start the actor of a task that came while the app runs; when it ends, none is started."""
        if self._shutdown is not None or self._closed:
            return
        self._hire_now(task)
        self._follow(task.name)

    def _hire_now(self, task: Task) -> None:
        """Start the actor of a task."""
        task.facts = self._history.facts.setdefault(task.name, task.facts)
        self._lookout.know(task.name, task.facts)
        self._terms[task.name] = terms = terms_of(task, self._zone)
        if terms.limits:
            self._admission.relax()
        actor = TaskActor(task, terms, self._services, self._fail)
        actor.part = self.tree.parts.begin(f"task {task.name!r}", actor.run, self._nursery)
        self._actors[task.name] = actor

    def _follow(self, name: str, *, catch_up: bool = False) -> None:
        """Follow the condition of a task, a new or changed one perhaps."""
        if self._only is None:
            self._lookout.follow(self._actors[name].task, self._terms[name], catch_up=catch_up)
            if self._launches.take_over(name):
                for other in self._lookout.watching(name):
                    self._consider(other)
            self._consider(name)

    def _consider(self, name: str, blocker: str | None = None) -> None:
        """Do what the condition of a task calls for now.

        Args:
          blocker: the id of the run of it that has just ended.
        """
        if name not in self._actors or self._closed or self._shutdown is not None or self._only is not None:
            self._lookout.rest(name)
            return
        paused = self._admission.paused(name)  # between two attempts a run goes on, as far as its task's slots are concerned
        waiting, running = self._admission.waiting(name), len(self._actors[name].task.facts.going) + paused
        busy = Engagement(waiting, running, blocker) if waiting or running or blocker is not None else IDLE
        verdict = self._lookout.consider(name, busy)
        missed, starts = verdict.missed, verdict.starts
        is_owed = missed is not None and bool(starts) and missed.last > starts[-1].due
        if missed is not None and not is_owed:
            self._lookout.put_missed(name, missed)
        if verdict.cancel:
            self._launches.drop(name, OVERLAP, lambda launch: launch.attempt > 1)
            self._actors[name].mailbox.put(Cancel(OVERLAP))
        for start in starts:
            if self._terms[name].needs and (lost := self._launches.lost(name)):
                self._launches.pass_over(name, start.due, lost)
            else:
                self._launches.offer(name, {}, start.due, start.at, start.latest)
        if missed is not None and is_owed:
            self._launches.owe(missed)
        self._is_planned = False

    def _end(self, key: str, condition: str) -> None:
        """End the runs of a task, or the app, since the condition that ends them holds."""
        if self._closed:
            return
        if key != APP:
            self._actors[key].mailbox.put(Cancel(Cause("end_cond", f"end_cond: {condition}")))
        elif self._shutdown is None:
            self._on_shutdown(ShutDown(force=False, reason=f"shutdown by shut_cond: {condition}"))

    def _tell_watching(self, name: str) -> None:
        """Look at the conditions that runs of a task can change, its own apart."""
        for other in self._lookout.watching(name):
            self._consider(other)
        if name in self._endings.waiters:
            self._endings.look_at_watching(name)
            self._is_planned = False

    def _ask_of_ending(self, key: str, condition: Custom, facts: Facts) -> None:
        self._asker.ask(self._asking, condition, key, self._actors[key].task if key != APP else None, facts)

    def _on_answered(self, message: Answered) -> None:
        self._consider(message.task)
        self._endings.look(message.task)

    def _ask(self, name: str, condition: Custom) -> None:
        facts = self._lookout.facts(name)
        assert facts is not None  # it is followed, as it wants to know something
        self._asker.ask(self._asking, condition, name, self._actors[name].task, facts)

    def _expire(self, launch: Launch) -> None:
        self._launches.expire(launch)
        self._consider(launch.task, "")

    def _on_started(self, started: RunStarted) -> None:
        launch = started.launch
        name = launch.task
        self._admission.started(launch)
        self._launches.settle(launch)
        if name not in self._actors:  # it was removed before its actor had begun, and the run is told to end right now
            return
        terms = self._terms[name]
        if terms.end_condition is not None:
            self._follow_end(name)
        if (timeout := terms.timeout) < math.inf:
            self._alarm.set(self._timeouts.set(launch.number, self._actors[name], timeout))
        if terms.condition is not None:
            if (facts := self._lookout.facts(name)) is not None:
                facts.answers.clear()  # what was said before is used up
            if terms.timing.overlap in ("allow", "cancel_running"):  # else it is looked at when its next slot comes, or it ends
                self._consider(name)
        self._tell_watching(name)

    def _follow_end(self, name: str) -> None:
        """Follow the condition that ends the runs of a task, as one goes on."""
        facts, terms = self._actors[name].task.facts, self._terms[name]
        self._endings.follow(name, terms.end_condition, Facts(facts, self._lookout.world, terms.zone, terms.parameters))
        self._endings.look(name)
        self._is_planned = False

    def _on_asked(self, ask: Ask) -> None:
        name = ask.task
        if name not in self._actors:
            runtime_log.tell(logging.WARNING, "task %r was asked to run, but it is not, or no longer, a task of this app", name)
            return
        self._launches.offer(name, ask.params, ask.at)
        if self._shutdown is not None or self._closed:
            self._launches.drop(name, self._cause)

    def _on_ended(self, ended: RunEnded) -> None:
        name = ended.launch.task
        self._timeouts.drop(ended.launch.number)
        self._admission.ended(ended.launch)
        if self._shutdown is not None and self._shutdown.cuts(ended.action):
            self.cut_short.append(name)
        actor = self._actors.get(name)
        if actor is not None and self._terms[name].condition is not None:
            self._consider(name, None if self._admission.is_engaged(name) else ended.run_id)
        if actor is not None and self._terms[name].end_condition is not None and not actor.task.facts.going:
            self._endings.drop(name)
        self._tell_watching(name)
        self._hooks.tell_ended(ended)

    def _on_attempt_ended(self, ended: AttemptEnded) -> None:
        launch = ended.launch
        self._timeouts.drop(launch.number)
        self._admission.ended(launch)
        if self._shutdown is None and not self._closed and launch.task in self._actors:  # else it is left for the next start
            following = launch._replace(attempt=launch.attempt + 1, run_id=ended.run_id, latest=math.inf)
            self._launches.try_again(following, ended.retry_at)
        for name in (launch.task, *self._lookout.watching(launch.task)):
            self._consider(name)

    def _on_terminate(self, message: Terminate) -> None:
        name = message.task
        if name not in self._actors:
            return
        meant = message.run_id
        self._launches.drop(name, message.cause, lambda launch: meant is None or launch.run_id == meant)
        self._actors[name].mailbox.put(Cancel(message.cause, message.run_id))
        self._consider(name, None if self._admission.is_engaged(name) else "")
        for other in self._lookout.watching(name):
            self._consider(other)

    def _on_removed(self, message: TaskRemoved) -> None:
        name = message.task
        actor = self._actors.get(name)
        if actor is None or actor.task is self._session.declared(name):  # a new one has its name, and its actor
            return
        cause = Cause("removed", f"the task was removed by {message.by}")
        self._launches.drop(name, cause)
        self._lookout.drop(name)
        self._endings.drop(name)
        actor.mailbox.put(Cancel(cause))
        actor.mailbox.put(Stop())
        del self._actors[name]
        if self._terms.pop(name).limits:
            self._admission.relax()
        self._leaving = [leaving for leaving in (*self._leaving, actor) if not leaving.has_ended]
        if (task := self._session.declared(name)) is not None:  # a new task has taken the name meanwhile
            self._hire(task)

    def _on_changed(self, message: TaskChanged) -> None:
        if message.task is None:
            self._take_settings()
            self._endings.look(APP)
        self._admission.relax()
        for changed in [message.task] if message.task is not None else list(self._actors):
            if changed in self._actors:
                before = self._terms[changed].condition
                self._terms[changed] = self._actors[changed].terms = terms_of(self._actors[changed].task, self._zone)
                if before is not None and not is_same(before, self._terms[changed].condition):
                    self._launches.drop_decided(changed)
                self._admission.reconsider(changed)
                if self._actors[changed].task.facts.going:
                    self._follow_end(changed)
                self._follow(changed, catch_up=message.catch_up)

    def _on_parameters_changed(self, message: ParametersChanged) -> None:
        for name, actor in self._actors.items():
            task = actor.task
            if task.path is not None or not message.names.isdisjoint(task.signature.accepted):
                self._terms[name] = actor.terms = renewed(self._terms[name], task)

    def _on_shutdown(self, message: ShutDown) -> None:
        again = self._shutdown is not None
        if again and not message.hurries:
            return
        self.restart_wanted = message.restart and (self.restart_wanted or not again)  # who ends it outright has the last word
        shutdown, haste = self._shutdown or self._begin_shutdown(), _haste(message, again=again)
        if not again:
            self._cause = Cause("restart" if message.restart else "shutdown", message.reason)
        if (runs := self._admission.running) or not self._has_started:
            if haste > shutdown.haste or not again:
                told = announcement(haste, runs, shutdown.wait, by_signal=bool(message.signals))
                runtime_log.tell(logging.WARNING, "%s: %s", message.reason, told)
        elif not again:
            runtime_log.tell(logging.INFO, "%s", message.reason)
        shutdown.hurry(trio.current_time(), haste)
        self.tree.hurry(self._actors_limit)
        if shutdown.phase is Phase.OVER:
            self._hooks.cut(shutdown.limit - LAST_PART / 2)
        if not again:
            self._launches.drop(None, self._cause)
            self._asker.cancel()
            for actor in self._actors.values():
                if actor.task.permanent:
                    actor.mailbox.put(Cancel(self._cause))

    def _begin_shutdown(self) -> Shutdown:
        self._shutdown = shutdown = Shutdown(trio.current_time(), self._session.config.shutdown_wait)
        if self._hooks.has_started:
            self._hooks.begin_end(shutdown.wait)
        return shutdown

    def _advance(self, shutdown: Shutdown) -> None:
        """Do what a phase of the shutdown begins with."""
        while (phase := shutdown.step(trio.current_time(), self._is_busy())) is not None:
            if phase is Phase.OVER:
                if not shutdown.has_closed:
                    self._offer_closing()
                    self._launches.drop(None, self._cause)
                self._give_up()
                return
            if phase is Phase.CLOSING:
                self._patience.restore()
                self._offer_closing()
            else:
                if phase is Phase.KILLING:
                    self._patience.end()
                else:
                    self._patience.shorten(shutdown.patience)
                self._hooks.cut(shutdown.patience)
                self._launches.drop(None, self._cause)
                for actor in self._actors.values():
                    actor.mailbox.put(Cancel(self._cause))
        self._alarm.set(shutdown.ends)

    def _is_busy(self) -> bool:
        """Return whether something goes on that a shutdown waits for."""
        return not (self._has_started and self._admission.idle and self._asker.is_idle and self._hooks.is_idle)

    def _offer_closing(self) -> None:
        """Offer one launch of each task that is to run at the end."""
        for name, actor in self._actors.items():
            if actor.task.on_shutdown and not actor.task.disabled and self._only is None:
                self._launches.offer(name, {})

    def _give_up(self) -> None:
        """Leave what could not be ended, each with its record, and end."""
        for actor in (*self._actors.values(), *self._leaving):
            actor.give_up()
        self._enough.set()

    def _has_no_plans(self) -> bool:
        """Return whether nothing is planned and nothing was said that may change that."""
        return not len(self.mailbox) and self._asker.is_idle and self._hooks.is_idle and self._lookout.next_moment == math.inf

    def _take_settings(self) -> None:
        """Take in the settings of the app that are not those of its tasks."""
        config = self._session.config
        keep = Keep(config.keep, math.inf if config.keep_runs is None else config.keep_runs)
        self._services.log.take(LogTerms(config.durability, config.on_log_failure, keep))
        self._ends_by_itself, self._on_hold = self._only is not None or config.stop_when_idle, config.on_hold
        self._lookout.world.env = config.env
        self._endings.follow(APP, config.shut_cond, Facts(self._of_app, self._lookout.world, config.timezone or self._zone))
        self._limits.update(thread=config.max_thread_count, process=config.max_process_count)


def _haste(message: ShutDown, *, again: bool) -> Haste:
    """Return how much a shutdown is to hurry that `message` asks for."""
    if message.signals >= TO_KILL:
        return Haste.KILL
    return Haste.CANCEL if message.force or again else Haste.NONE
