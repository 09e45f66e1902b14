"""The cost of a launch through Callsheet, per execution mode and kind of run log."""

from __future__ import annotations

import tempfile
from pathlib import Path
from time import perf_counter
from typing import Any, Literal

import trio

from actors import App, Task
from actors.config import Execution
from benchmarks.contest import Took
from benchmarks.work import nothing, nothing_async
from runtime import System, open_runtime

Log = Literal["memory", "disk", "power"]
"""Where the run log is: in memory; on disk, as usual; there with ``durability="power"``."""
_WARM = 3
_SHARE = 5
"""One of so many launches is also timed by itself."""


def launch(execution: Execution, launches: int, at_once: int = 1, log: Log = "disk", **options: Any) -> Took:
    """Return what `launches` runs take from the first request to the last record, warm, `at_once` at a time.

    All are asked for in one go. One after the other, some more are asked for, each when the one before has ended, to see how long
    a single one takes from being asked for until a listener hears of its end.

    Args:
      options: of the task, beyond its function.
    """
    with tempfile.TemporaryDirectory() as folder:
        app = App(
            log=None if log == "memory" else Path(folder) / "runs.jsonl",
            durability="power" if log == "power" else "process",
            execution=execution,
            multilaunch=at_once > 1,
            max_process_count=at_once,
            max_thread_count=at_once,
        )
        if "command" not in options:
            options.setdefault("func", nothing_async if execution == "async" else nothing)
        app.task(name="nothing", **options)
        return trio.run(_measure, app, launches, at_once)


def first(execution: Execution, times: int) -> float:
    """Return the seconds that the first launch of a runtime takes, from being asked for, `times` times: all is cold."""
    return sum(trio.run(_first, execution) for _ in range(times))


async def _first(execution: Execution) -> float:
    app = App(log=None, execution=execution)
    app.task(func=nothing, name="nothing")
    async with open_runtime(app) as system:
        return (await one_by_one(system, app.session["nothing"], 1))[0]


async def _measure(app: App, launches: int, at_once: int) -> Took:
    task = app.session["nothing"]
    async with open_runtime(app) as system:
        await _in_one_go(system, task, _WARM * at_once)
        seconds = await _in_one_go(system, task, launches)
        each = await one_by_one(system, task, max(launches // _SHARE, _WARM)) if at_once == 1 else []
    return Took(seconds, each)


async def _in_one_go(system: System, task: Task, launches: int) -> float:
    ended, left = trio.Event(), launches

    def count(*_: object) -> None:
        nonlocal left
        left -= 1
        if not left:
            ended.set()

    unsubscribe = system.on_run_ended(count)
    began = perf_counter()
    for _ in range(launches):
        task.run()
    await ended.wait()
    took = perf_counter() - began
    unsubscribe()
    return took


async def one_by_one(system: System, task: Task, launches: int, **params: Any) -> list[float]:
    """Return the seconds until a listener hears of each end, of `launches` that are asked for when the one before has ended."""
    took: list[float] = []
    ended, asked = trio.Event(), 0.0

    def note(*_: object) -> None:
        nonlocal asked
        took.append(perf_counter() - asked)
        if len(took) == launches:
            ended.set()
            return
        asked = perf_counter()
        task.run(**params)

    unsubscribe = system.on_run_ended(note)
    asked = perf_counter()
    task.run(**params)
    await ended.wait()
    unsubscribe()
    return took
