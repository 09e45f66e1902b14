"""Virtual time: running an app in a test on a clock that jumps to the next moment at which something is due."""

from __future__ import annotations

import math
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from datetime import datetime
from typing import TypeVar

import trio
from trio.testing import MockClock

from actors.app import App
from actors.controls import Standby
from actors.errors import AlreadyRunning
from actors.facts import TaskFacts
from actors.session import TaskKey
from runtime.clock import VirtualClock
from runtime.machine import local_zone
from runtime.system import open_runtime
from runtime.testing.scripted import Playbook, Scripts
from runtime.testing.seeds import derived_random, drawn_seed, seeded
from runtime.testing.simulated import simulated as simulated_runners
from runtime.testing.world import World

T = TypeVar("T")
START = 1_700_000_000.0
"""What the wall clock shows at the start, where a test does not say: 22:13:20 UTC on 14 November 2023."""


def run(scenario: Callable[..., Awaitable[T]], *args: object, seed: int | None = None) -> T:
    """Run an async function on virtual time, and return what it returns.

    ::

        def test_it_is_fetched_every_hour() -> None:
            async def scenario() -> None:
                async with running(app) as world:
                    await world.wait_ended(24)

            run(scenario)

    Args:
      args: what it is called with.
      seed: decides in which order trio turns to its tasks, and what the runtime draws by lot; default is one drawn by lot. An
        error says which it was.
    """
    chosen = drawn_seed() if seed is None else seed
    with seeded(chosen):
        try:
            return trio.run(scenario, *args, clock=MockClock(autojump_threshold=0))
        except BaseException as exc:  # of whatever kind: it is raised on
            exc.add_note(f"run(..., seed={chosen}) takes the same turns again")
            raise


@asynccontextmanager
async def running(
    app: App,
    *,
    start: datetime | float = START,
    simulated: Scripts | Mapping[TaskKey, Scripts] | None = None,
    log: str | os.PathLike[str] | None = None,
) -> AsyncIterator[World]:
    """Run `app` on virtual time for as long as the block lasts; leaving the block shuts it down.

    It begins as if it had never run: without records, outcomes and return values. No thread and no process is started: runs
    follow their script; functions without one are called on the loop, those of threads and processes too, for which no virtual
    time passes. What can be done in neither way fails its run with NotSimulated: commands, and functions for asyncio.

    Args:
      start: what the wall clock shows then: seconds since the epoch, or a datetime, by default in the zone of the app.
      simulated: scripts in place of functions, for all tasks or by task: see :class:`Scripted`.
      log: a file for the run log; by default it is in memory, whatever the app says, for as long as the block lasts.

    Raises:
      RuntimeError: time is not virtual here. Call this within :func:`run`, or on a ``trio.testing.MockClock`` that jumps.
      UnknownTask: a script is for a task that is not there.
      AlreadyRunning, ActorError, InvalidOption, LogLocked, LogUnusable: as for ``app.run()``.
    """
    clock = _virtual_clock(app, start)
    playbook = Playbook(app.session, {} if simulated is None else simulated)
    with _begun_anew(app, log):
        async with open_runtime(
            app,
            clock=clock,
            recast=lambda runners, *endings: simulated_runners(runners, playbook.script_of, *endings),
            random=derived_random(),
        ) as system:
            yield World(app, system, clock)


def _virtual_clock(app: App, start: datetime | float) -> VirtualClock:
    """Return a wall clock that shows `start` now, and goes as trio's does."""
    clock = trio.lowlevel.current_clock()
    if not (isinstance(clock, MockClock) and clock.autojump_threshold < math.inf):
        raise RuntimeError(
            "running(app) needs virtual time: call it within run(scenario), or on a MockClock(autojump_threshold=0)"
        )
    if isinstance(start, datetime):
        zone = app.session.config.timezone or local_zone()
        start = (start if start.tzinfo is not None else start.replace(tzinfo=zone)).timestamp()
    return VirtualClock(start - trio.current_time())


@contextmanager
def _begun_anew(app: App, log: str | os.PathLike[str] | None) -> Iterator[None]:
    """Have an app forget what it has done, and keep its records in another log for as long as the block lasts."""
    session = app.session
    if not isinstance(session.controls, Standby):
        raise AlreadyRunning
    for name in session.returns.names():
        session.returns.forget(name)
    for task in session.tasks:
        task.facts = TaskFacts()
    kept = app._repo, session.config.log
    app._repo, session.config.log = None, log
    try:
        yield
    finally:
        app._repo, session.config.log = kept
