"""The soak: thousands of launches in all modes, which end in all ways. After it nothing is missing, held or left behind."""

from __future__ import annotations

import os
import random
import signal
import tempfile
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import trio

from actors import App, Retry, limit
from benchmarks.deeds import SHELL, act, act_and_ask, act_async, act_by_flag
from benchmarks.findings import Report, grown, report_of
from benchmarks.heard import Heard, hearing
from benchmarks.plan import ACTIONS, ENDS, MANNERS, Manner, Planned, plan, task_name
from benchmarks.resources import children, marking, measured, settled, tracing
from runtime import System, open_runtime
from runtime.left_behind import LeftBehind

AT_ONCE = 48
"""How many launches wait or run at a time."""
WARM_UP = 200
"""Launches before the resources are measured for the first time: imports, caches, what is made at first use."""
_STALL = 30.0
"""Seconds after which nothing is awaited any more if no run has ended meanwhile."""


def run(launches: int, seed: int) -> Report:
    """Make `launches` launches that follow from `seed`, and some more before to warm up; look at what they leave behind.

    Raises:
      FileNotFoundError: there is no ``/proc``, from which children and descriptors are read.
    """
    with tempfile.TemporaryDirectory() as folder, marking() as mark, tracing():
        return trio.run(partial(_soaked, Path(folder) / "runs.jsonl", mark, launches, seed))


async def _soaked(log: Path, mark: str, launches: int, seed: int) -> Report:
    app, planned = _app(log), plan(seed, WARM_UP + launches)
    with hearing() as heard:
        soak = Soak(app, heard, random.Random(seed))
        cold = measured(mark)
        await soak.live(islice(planned, WARM_UP))
        before = await settled(mark, cold)
        begin = time.perf_counter()
        await soak.live(planned)
        seconds = time.perf_counter() - begin
        after = await settled(mark, before)
    said = [f"the runtime says: {words}" for words in (*heard.errors, *soak.left_behind.problems())]
    problems = [*soak.problems, *said, *grown(before, after, launches)]
    return report_of(plan(seed, WARM_UP + launches), app, soak.killed, before, after, seconds, problems)


def _app(log: Path) -> App:
    """Return an app with a task of each kind and manner, whose runs have the numbers of their launches as ids."""
    app = App(
        log=log,
        grace=0.1,
        cleanup=0.1,
        max_process_count=4,
        max_thread_count=8,
        func_run_id=lambda _, params: str(params["number"]),
    )
    how: dict[str, dict[str, Any]] = {
        "main": {"execution": "main", "func": act},
        "async": {"execution": "async", "func": act_async, "backend": "trio"},
        "asyncio": {"execution": "async", "func": act_async, "backend": "asyncio"},
        "thread": {"execution": "thread", "func": act_by_flag},
        "process": {"execution": "process", "func": act_and_ask},
        "command": {"command": ["/bin/sh", "-c", SHELL, "soak"]},
    }
    of_manner: dict[Manner, dict[str, Any]] = {
        "many": {"multilaunch": True},
        "one": {"limits": limit("one", 3)},
        "timed": {"multilaunch": True},
        "retried": {"multilaunch": True, "retries": Retry(2, base=0.001), "limits": limit("retried", 10)},
    }
    for kind in ENDS:
        for manner in MANNERS:
            options = {**how[kind], **of_manner[manner]}
            if kind == "process" and manner == "one":
                options["func"] = act_by_flag
            if kind == "thread" and manner in ("one", "timed"):
                options["interrupt"] = True
            if kind == "process" and manner == "many":
                options["max_runs_per_worker"] = 5
            app.task(name=task_name(kind, manner), **options)
    return app


class Soak:
    """Makes launches, and does to them what is planned.

    Args:
      heard: the messages of the runtime's loggers, to which it listens.
      chance: decides which child is killed, where one is to be.
    """

    def __init__(self, app: App, heard: Heard, chance: random.Random) -> None:
        self.problems: list[str] = []
        self.killed = 0
        self.left_behind = LeftBehind()
        """What goes on although its run was put on record as ended: nothing, after some time."""
        self._app, self._chance = app, chance
        self._begun: dict[str, trio.Event] = {}  # {run id: set once it begins, or ends without that}, of what has not ended
        self._room = trio.Semaphore(AT_ONCE)
        heard.listener = self._hear

    async def live(self, planned: Iterable[Planned]) -> None:
        """Run the app until all that is planned has been launched and has ended, or nothing has for too long."""
        self._room = trio.Semaphore(AT_ONCE)
        async with open_runtime(self._app) as system, trio.open_nursery() as nursery:
            for launch in planned:
                if not await self._gets_room():
                    break
                nursery.start_soon(self._launch, launch)
            for _ in range(AT_ONCE):
                if not await self._gets_room():
                    break
            nursery.cancel_scope.cancel()
            self._look(system)
            self.left_behind = system._supervisor._services.left_behind
        for task in self._app.session.tasks:
            self._app.session.returns.forget(task.name)  # the last value is kept, and may be much

    async def _gets_room(self) -> bool:
        with trio.move_on_after(_STALL) as scope:
            await self._room.acquire()
        return not scope.cancelled_caught

    async def _launch(self, planned: Planned) -> None:
        task = self._app.session[planned.task]
        begun = self._begun[planned.run_id] = trio.Event()
        if planned.manner == "timed":
            task.timeout = planned.after + 0.01
        task.run(number=planned.number, end=planned.end, seconds=planned.seconds)
        if planned.is_ended and planned.manner == "one":
            await trio.sleep(planned.after)
            task.terminate()
        elif planned.is_ended and planned.manner != "timed":
            await begun.wait()
            await trio.sleep(planned.after)
            task.terminate(planned.run_id)
        if planned.kills and (found := list(children())):
            with suppress(ProcessLookupError):
                os.kill(self._chance.choice(found), signal.SIGKILL)
                self.killed += 1

    def _hear(self, document: Mapping[str, Any]) -> None:
        """Take note of a record."""
        run_id, action = document["run_id"], document["action"]
        if (begun := self._begun.get(run_id)) is None:
            self.problems.append(f"a record of a run that has ended, or was never launched: {document}")
            return
        begun.set()
        if action in ACTIONS:
            del self._begun[run_id]
            self._room.release()

    def _look(self, system: System) -> None:
        """Look for what waits, runs or is held when nothing should."""
        if self._begun:
            self.problems.append(f"{len(self._begun)} runs have not ended, such as {list(self._begun)[:5]}")
        admission = system._supervisor._admission
        held = {
            "runs go on": admission.running,
            "slots of modes are in use": sum(admission._used.values()),
            "tokens of limits are in use": sum(admission._tokens._used.values()),
            "launches wait": sum(admission.waiting(task.name) + admission.paused(task.name) for task in self._app.session.tasks),
        }
        self.problems += [f"{count} {what} at the end" for what, count in held.items() if count]
