"""What Callsheet takes, asked as the others are: in a process of its own, with its run log on disk.

Measured is from the first `task.run()` to the end of the last run, as a listener hears it: after its record is in the log.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import trio

from actors import App
from actors.config import Execution
from benchmarks import crowd, messages
from benchmarks.contest import Took
from benchmarks.peers.answering import answer
from benchmarks.peers.launching import WARM, Launches
from benchmarks.peers.ticking import SETTLED, Idleness, Starts
from benchmarks.work import nothing, nothing_async
from runtime import open_runtime


def launch(execution: Execution, count: int, lanes: int = 1) -> float:
    """Return the seconds that launches take, so many at a time."""
    with log() as file:
        app = App(log=file, execution=execution, max_process_count=lanes, max_thread_count=lanes, multilaunch=lanes > 1)
        app.task(func=nothing_async if execution == "async" else nothing, name="nothing")
        return trio.run(partial(launched, app, count, at_once=lanes > 1))


async def launched(app: App, count: int, *, at_once: bool) -> float:
    """Return the seconds that launches of the app's task take, after some that warm up."""
    async with open_runtime(app) as system:
        launches: Launches
        system.on_run_ended(lambda _: launches.hear())
        for number in (WARM, count):
            ended = trio.Event()
            launches = Launches(app.session["nothing"].run, number, ended.set, at_once=at_once)
            launches.begin()
            await ended.wait()
    return launches.seconds


def lateness(tasks: int, seconds: int) -> list[list[float]]:
    """Return when tasks started that are due each second."""
    starts = Starts(tasks)
    with log() as file:
        app = App(log=file)
        for number, function in enumerate(starts.functions()):
            app.task("cron * * * * * *", name=str(number), func=function)
        trio.run(run_for, app, seconds)
    return starts.since_due(on_the_clock=True)


def seconds(took: float | Took) -> float:
    """Return the seconds of what may be told with more than these."""
    return took if isinstance(took, float) else took.seconds


async def run_for(app: App, seconds: float) -> None:
    """Run an app for so long."""
    async with open_runtime(app):
        await trio.sleep(seconds)


def idle(tasks: int, seconds: int) -> float:
    """Return what part of a processor is used while tasks wait for the last minute of the day."""
    app = App(log=None)
    for number in range(tasks):
        app.task("daily between 23:59 and 23:59:30", name=str(number), func=nothing)

    async def measure() -> float:
        async with open_runtime(app):
            await trio.sleep(SETTLED)
            idleness = Idleness()
            await trio.sleep(seconds)
            return idleness.share()

    return trio.run(measure)


@contextmanager
def log() -> Iterator[Path]:
    """Give a file to a run log."""
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder) / "runs.jsonl"


if __name__ == "__main__":
    answer(
        "Callsheet",
        {
            "async": lambda count: launch("async", count),
            "main": lambda count: launch("main", count),
            "thread": lambda count: launch("thread", count),
            "threads": lambda count: launch("thread", count, lanes=4),
            "process": lambda count: launch("process", count),
            "processes": lambda count: launch("process", count, lanes=2),
            "lateness": lateness,
            "idle": idle,
            "tell": lambda count: seconds(messages.tell(count)),
            "tell_and_wait": lambda count: seconds(messages.tell_and_wait(count)),
            "ask": lambda count: seconds(messages.ask(count)),
            "start": messages.spawn,
            "stop": messages.stop,
            "memory": lambda count: trio.run(crowd.actors, count).resident,
        },
    )
