"""System: owns the root. Opens the log, starts the supervisor, and ends everything in order."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from random import Random
from typing import Any

import trio

from actors.app import App
from actors.controls import Standby
from actors.errors import AlreadyRunning
from actors.health import Health
from actors.loading import check_may_run
from actors.messages import RunEnded, ShutDown
from actors.session import Session
from actors.supervision import leaves_of
from runtime.attempts import Recourse
from runtime.clock import Clock, SystemClock
from runtime.control_socket import ControlSocket
from runtime.controls import LiveControls
from runtime.left_behind import LeftBehind
from runtime.output.capture import capturing
from runtime.output.reader import last_lines
from runtime.program import program_of
from runtime.recovery import Recovery
from runtime.runlog import RunLog
from runtime.runlog.history import History
from runtime.runlog.recorder import Recorder
from runtime.runlog.repo import RunRepo
from runtime.runners import Runner
from runtime.runners.asyncio_loop import AsyncioLoop
from runtime.runners.command import CommandRunner
from runtime.runners.inline import InlineRunner
from runtime.runners.process import ProcessRunner
from runtime.runners.thread import ThreadRunner
from runtime.shutdown import EXIT_CUT_SHORT, EXIT_LOST_RECORDS
from runtime.stopping import LAST_MARGIN, Patience
from runtime.supervisor import Supervisor
from runtime.watchdog import Watchdog

_TO_EXIT = 1.0
"""Seconds that idle workers get to exit by themselves."""

Recast = Callable[[Mapping[str, Runner], Patience, LeftBehind], Mapping[str, Runner]]
"""Takes the runners by the name of their mode, what their ends are counted by, and returns those that are used instead."""


@dataclass(frozen=True, slots=True)
class Ended:
    """How a runtime ended."""

    cut_short: tuple[str, ...] = ()
    """The tasks whose runs were ended because the runtime ended, by name, once for each run."""
    stuck: int = 0
    """How many runs could not be ended: they ignore their cancellation, and hold up the end of the trio program."""
    hooks: int = 0
    """How many hooks of the start and of the end did not end in time, and were cancelled."""
    abandoned: int = 0
    """How many threads that were given up still go on."""
    restart: bool = False
    """Whether the app is to be started again."""
    lost_records: int = 0
    """How many records could not be written to the run log, and are lost; known when the app has ended altogether."""

    @property
    def exit_code(self) -> int:
        """What a program exits with that ended so: 0, 5 if records are lost, or 3 if something was killed or cut short."""
        if self.lost_records:
            return EXIT_LOST_RECORDS
        return EXIT_CUT_SHORT if self.cut_short or self.stuck or self.hooks or self.abandoned else 0

    def __str__(self) -> str:
        """What was cut short, in words; an empty text if nothing was."""
        runs = [f"task {name!r}" + f" ({count} runs)" * (count > 1) for name, count in Counter(self.cut_short).items()]
        others = {"hook": self.hooks, "abandoned thread": self.abandoned}
        return ", ".join([*runs, *(f"{count} {what}" + "s" * (count > 1) for what, count in others.items() if count)])


class System:
    """A running app, as its host sees it."""

    def __init__(self, session: Session, supervisor: Supervisor, log: Recorder) -> None:
        self.session = session
        self._supervisor, self._log = supervisor, log

    @property
    def is_ending(self) -> bool:
        """Whether a shutdown has begun."""
        return self._supervisor.is_ending

    @property
    def ended(self) -> Ended:
        """How it has ended, as far as it has."""
        supervisor = self._supervisor
        return Ended(
            tuple(supervisor.cut_short),
            supervisor.stuck,
            supervisor.hooks_cut,
            supervisor.abandoned,
            supervisor.restart_wanted,
            self._log.lost,
        )

    def close_log(self) -> None:
        """Write what waits, if it can be written, for who exits without leaving the block: nothing is put on record after it."""
        self._log.close()

    def shut_down(self, *, force: bool = False, reason: str = "shutdown, asked for by the program", signals: int = 0) -> None:
        """End the runtime and return at once; only from the trio thread. See :meth:`Session.shut_down`.

        Args:
          signals: which signal in a row it is that asks for it; 0 is none.
        """
        self._supervisor.put(ShutDown(force, reason, signals=signals))

    def on_run_ended(self, listener: Callable[[RunEnded], object]) -> Callable[[], None]:
        """Have `listener` called, in the trio thread, for each run that ends from now on, after its record is in the log.

        Returns what has it no longer called.
        """
        self._supervisor.listeners.append(listener)
        return lambda: self._supervisor.listeners.remove(listener)

    async def wait_ended(self) -> Ended:
        """Wait until the runtime has ended by itself or was shut down."""
        await self._supervisor.over.wait()
        return self.ended


@asynccontextmanager
async def open_runtime(
    app: App,
    *,
    only: list[str] | None = None,
    clock: Clock | None = None,
    before_start: Callable[[System], object] = lambda _: None,
    recast: Recast | None = None,
    random: Random | None = None,
) -> AsyncIterator[System]:
    """Run `app` inside a trio program for as long as the block lasts; leaving the block shuts it down.

    Args:
      only: run just these tasks, once each, and end; None runs the app.
      clock: the wall clock; default is the machine's.
      before_start: called with the value of the block before anything of the app is; through it the start can be ended, too.
      recast: puts other runners in the place of those of the modes, as tests do.
      random: what is left to chance is drawn from this; default is a generator that the operating system seeds.

    Raises:
      AlreadyRunning: the app is run by another runtime.
      InvalidOption: a condition names a task that is not there.
      LogLocked, LogUnusable: the run log cannot be used; nothing was started.
    """
    session, standby = app.session, _claimed(app.session)
    log = Recorder(_log_of(session), clock if clock is not None else SystemClock())
    failure: Exception | None = None
    live: LiveControls | None = None
    try:
        history = log.open(_recovery(session))
        parts = _assembled(app, log, history, recast, random)
        supervisor = parts.supervisor
        live = LiveControls(
            supervisor.put, supervisor.waits_for, standby, log.clock, parts.health, supervisor.tree, supervisor.nodes
        )
        session.controls = live
        asked, system = standby.take(), System(session, parts.supervisor, log)
        before_start(system)
        async with parts.watchdog.watching(), capturing(), _unwrapped(supervisor), _running(parts, asked, only):
            try:
                yield system
            except Exception as exc:
                failure = exc  # raised below: out of here it would come wrapped in a group
            if not parts.supervisor.over.is_set():
                system.shut_down(reason="shutdown, as its block was left")
                await parts.supervisor.over.wait()
        if failure is not None:
            raise failure
    finally:
        session.controls = standby
        if live is not None:
            live.close()
        log.close()
        standby.release()


@dataclass(frozen=True, slots=True)
class _Parts:
    supervisor: Supervisor
    process: ProcessRunner
    thread: ThreadRunner
    asyncio_loop: AsyncioLoop
    watchdog: Watchdog
    left_behind: LeftBehind
    log: Recorder
    control_socket: ControlSocket

    def health(self) -> Health:
        """Return what is wrong now, as all parts tell that may know of something; from any thread."""
        sources = (self.watchdog.problems, self.left_behind.problems, self.supervisor.tree.problems, self.log.problems)
        return Health(tuple(problem for source in sources for problem in source()))


@asynccontextmanager
async def _unwrapped(supervisor: Supervisor) -> AsyncIterator[None]:
    """Raise what an actor ends the app by as it is, and not in the groups of all the nurseries it has come out of."""
    error: BaseException | None = None
    try:
        yield
    except BaseExceptionGroup as group:
        error = supervisor.wanted_end
        if error is None or list(leaves_of(group)) != list(leaves_of(error)):
            raise
    if error is not None:
        raise error


@asynccontextmanager
async def _running(parts: _Parts, asked: list[tuple[str, Mapping[str, Any]]], only: list[str] | None) -> AsyncIterator[None]:
    """Hold the one root nursery: the supervisor with all its actors, what passes on the output of workers, and who answers."""
    failure: BaseException | None = None
    async with trio.open_nursery() as root:
        with trio.CancelScope(shield=True, deadline=trio.current_time() + LAST_MARGIN):
            parts.supervisor.tree.parts.begin("output of workers", parts.process.serve, root, is_of_runtime=True)
            parts.supervisor.tree.parts.begin("run log", parts.log.serve, root, is_of_runtime=True)
            await parts.process.ready.wait()
        parts.control_socket.open(root)
        try:
            async with _supervised(parts.supervisor, asked, only):
                yield
        except (Exception, SystemExit) as exc:
            failure = exc  # raised below: out of here it would come wrapped in a group
        finally:  # the last run has ended
            parts.control_socket.close()
            left = parts.supervisor.time_left(2 * _TO_EXIT + LAST_MARGIN)
            try:
                with trio.CancelScope(shield=True, deadline=trio.current_time() + left):
                    parts.thread.close()
                    await parts.process.close(min(_TO_EXIT, left / 2))
                    await parts.asyncio_loop.close(min(_TO_EXIT, left / 2))
            finally:
                parts.log.stop()
    if failure is not None:
        raise failure


@asynccontextmanager
async def _supervised(
    supervisor: Supervisor, asked: list[tuple[str, Mapping[str, Any]]], only: list[str] | None
) -> AsyncIterator[None]:
    """Run the supervisor beside the block, which is cancelled where it fails; raises by what, as it is."""
    failure: BaseException | None = None
    has_started = False

    async def supervise(*, task_status: trio.TaskStatus[None]) -> None:
        nonlocal failure
        try:
            await supervisor.run(asked, only=only, task_status=task_status)
        except (Exception, SystemExit) as exc:
            if not has_started:
                raise  # out of the start
            failure = exc  # raised below: out of the nursery it would come wrapped in a group
            nursery.cancel_scope.cancel(reason="the runtime has failed")

    async with trio.open_nursery() as nursery:
        try:
            await nursery.start(supervise)
        except (Exception, SystemExit) as exc:
            failure = exc  # likewise
        else:
            has_started = True
            yield
    if failure is not None:
        raise failure


def _recovery(session: Session) -> Recovery:
    """Return how is dealt with what a former life of the app has left behind."""
    path = session.config.log
    return Recovery(
        lambda name: Recourse.of(session[name]) if name in session else None,
        lambda begun: None if path is None else last_lines(path.resolve(), begun),
    )


def _assembled(app: App, log: Recorder, history: History, recast: Recast | None, random: Random | None) -> _Parts:
    patience, left_behind = Patience(), LeftBehind()
    asyncio_loop = AsyncioLoop(patience, left_behind)
    process = ProcessRunner(lambda: program_of(app), app.session, patience)
    inline, thread = InlineRunner(asyncio_loop, patience), ThreadRunner(patience, left_behind)
    runners: Mapping[str, Runner] = {"main": inline, "async": inline, "thread": thread, "process": process}
    runners = {**runners, "command": CommandRunner(patience)}
    if recast is not None:
        runners = recast(runners, patience, left_behind)
    supervisor = Supervisor(app.session, log, runners, patience, left_behind, history, random or Random())
    watchdog = Watchdog(lambda: app.session.config.stall_after)
    control_socket = ControlSocket(app.session.config.log, app.session.tree, lambda: app.session.health.problems)
    return _Parts(supervisor, process, thread, asyncio_loop, watchdog, left_behind, log, control_socket)


def _claimed(session: Session) -> Standby:
    """Return the controls that wait while nothing runs, claimed for one runtime, having checked that the session may be run."""
    check_may_run()
    if not isinstance(standby := session.controls, Standby):
        raise AlreadyRunning
    session.check_references()
    if not standby.claim():
        raise AlreadyRunning
    return standby


def _log_of(session: Session) -> RunLog:
    repo = session.get_repo()
    assert isinstance(repo, RunRepo)
    return repo.log
