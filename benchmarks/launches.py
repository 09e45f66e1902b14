"""The cost of a launch through Callsheet, the run log on disk, per execution mode."""

from __future__ import annotations

import tempfile
from pathlib import Path
from time import perf_counter

import trio

from actors import App
from actors.config import Execution
from benchmarks.work import nothing, nothing_async
from runtime import open_runtime


def launch(execution: Execution, launches: int, at_once: int = 1) -> float:
    """Return the seconds that `launches` runs take from the first request to the last record, warm, `at_once` at a time."""
    with tempfile.TemporaryDirectory() as folder:
        app = App(
            log=Path(folder) / "runs.jsonl",
            execution=execution,
            multilaunch=at_once > 1,
            max_process_count=at_once,
            max_thread_count=at_once,
        )
        app.task(func=nothing_async if execution == "async" else nothing, name="nothing")
        return trio.run(_measure, app, launches, at_once)


async def _measure(app: App, launches: int, at_once: int) -> float:
    task = app.session["nothing"]
    ended = trio.Event()
    left = 3 * at_once

    def count(*_: object) -> None:
        nonlocal left
        left -= 1
        if not left:
            ended.set()

    async with open_runtime(app) as system:
        system.on_run_ended(count)
        for _ in range(left):
            task.run()
        await ended.wait()
        ended, left = trio.Event(), launches
        began = perf_counter()
        for _ in range(launches):
            task.run()
        await ended.wait()
        return perf_counter() - began
