"""What Rocketry takes: tasks of a running session that are asked to run, with its log in memory.

Measured is from the first `task.run()` to the record of the last success. As it comes, it looks at its tasks ten times a second,
and each launch that is waited for would take so long; so it is told to look all the time, or, where it would keep its own threads
from running by that, each millisecond: what takes least. Time is measured as it comes.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections.abc import Callable
from importlib.metadata import version
from typing import Any

from rocketry import Rocketry

from benchmarks.peers.answering import answer
from benchmarks.peers.launching import WARM, Launches
from benchmarks.peers.ticking import SETTLED, Idleness, Starts

CYCLE_SLEEP = {"async": None, "main": None, "thread": 0.001, "process": 0.001}
"""Seconds between two looks at the tasks, by mode of execution; None is to look all the time."""


def nothing() -> None:
    """Do nothing."""


async def nothing_async() -> None:
    """Do nothing, as a coroutine."""


class Successes(logging.Handler):
    """Tells launches of each success that is put on record."""

    def __init__(self, launches: Launches) -> None:
        super().__init__()
        self.launches = launches

    def emit(self, record: logging.LogRecord) -> None:
        if getattr(record, "action", None) == "success":
            self.launches.hear()


def launch(execution: str, count: int, lanes: int = 1) -> float:
    """Return the seconds that launches take of so many tasks: a task runs once at a time."""
    app = make_app(execution=execution, cycle_sleep=CYCLE_SLEEP[execution], max_process_count=lanes)
    tasks = [app.session.create_task(func=nothing_async if execution == "async" else nothing, name=str(n)) for n in range(lanes)]
    turns = itertools.cycle(tasks)
    asked = Launches(lambda: next(turns).run(), count, app.session.shut_down, at_once=lanes > 1)

    def go_on() -> None:
        successes.launches = asked
        asked.begin()

    warm = Launches(lambda: next(turns).run(), WARM, go_on, at_once=lanes > 1)
    successes = Successes(warm)
    logging.getLogger("rocketry.task").addHandler(successes)
    warm.begin()
    asyncio.run(app.serve())
    return asked.seconds


def lateness(tasks: int, seconds: int) -> list[list[float]]:
    """Return when tasks started that are due each second, on the loop, which is where it starts them soonest."""
    starts = Starts(tasks)
    app = make_app(execution="async")
    for number, function in enumerate(starts.functions()):
        app.session.create_task(func=coroutine(function), name=str(number), start_cond="every 1 second")
    asyncio.run(serve_for(app, seconds))
    return starts.since_due(on_the_clock=False)


def coroutine(function: Callable[[], None]) -> Callable[[], Any]:
    """Return a coroutine function that calls a function."""

    async def call() -> None:
        function()

    return call


def idle(tasks: int, seconds: int) -> float:
    """Return what part of a processor is used while tasks wait for the last minute of the day."""
    app = make_app(execution="async")
    for number in range(tasks):
        app.session.create_task(func=nothing_async, name=str(number), start_cond="daily between 23:59 and 23:59:30")

    async def measure() -> float:
        serving = asyncio.create_task(app.serve())
        await asyncio.sleep(SETTLED)
        idleness = Idleness()
        await asyncio.sleep(seconds)
        share = idleness.share()
        app.session.shut_down()
        await serving
        return share

    return asyncio.run(measure())


async def serve_for(app: Rocketry, seconds: float) -> None:
    """Run an app for so long."""
    serving = asyncio.create_task(app.serve())
    await asyncio.sleep(seconds)
    app.session.shut_down()
    await serving


def make_app(**config: Any) -> Rocketry:
    """Return an app whose log is its own: loggers are global, and would take the records of all apps before to it."""
    logging.getLogger("rocketry.task").handlers.clear()
    return Rocketry(**config)


if __name__ == "__main__":
    answer(
        f"Rocketry {version('rocketry')}",
        {
            "async": lambda count: launch("async", count),
            "main": lambda count: launch("main", count),
            "thread": lambda count: launch("thread", count),
            "threads": lambda count: launch("thread", count, lanes=4),
            "process": lambda count: launch("process", count),
            "processes": lambda count: launch("process", count, lanes=2),
            "lateness": lateness,
            "idle": idle,
        },
    )
