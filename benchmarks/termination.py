"""How long it takes from ``task.terminate()`` to the record of the end, in each mode, beside the bare primitive."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Awaitable, Callable
from functools import partial
from time import perf_counter
from typing import Any

import trio

from actors import App
from benchmarks import contest, ending
from benchmarks.contest import Contender, Took
from benchmarks.heard import unheard
from benchmarks.section import Section
from runtime import open_runtime
from runtime.stopping import UNWINDING

PATIENCE = 0.05
"""Seconds that what ignores its end gets, as ``grace`` or ``cleanup``, before it is abandoned or killed; they are left out."""
_SETTLE = 0.002
"""Seconds from when a function says that it has begun until it waits."""
SCOPE, EVENT = "a cancel scope, cancelled", "threading.Event, set; to_thread.run_sync"
CHILD, KILLED = "SIGTERM to a bare interpreter, reaped", "SIGKILL to a bare interpreter, reaped"


def ends(times: int, *, patience: float = 0.0, **task: Any) -> Took:
    """Return what it takes to end a run that goes on, `times` times: what a listener sees, less the `patience` with it.

    Args:
      task: the options of the task.
    """
    app = App(log=None, grace=PATIENCE, cleanup=PATIENCE, max_abandoned_threads=1000, max_thread_count=1000)
    app.task(name="task", **task)
    with tempfile.TemporaryDirectory() as folder, unheard():
        return trio.run(_ends, app, times, patience, folder)


async def _ends(app: App, times: int, patience: float, folder: str) -> Took:
    each: list[float] = []
    task, ended, asked = app.session["task"], trio.Event(), 0.0

    def hear(_: object) -> None:
        each.append(perf_counter() - asked - patience)
        ended.set()

    async with open_runtime(app) as system:
        system.on_run_ended(hear)
        for number in range(times):
            ended, begun = trio.Event(), os.path.join(folder, str(number))  # noqa: PTH118  # crosses as a text
            task.run(**({} if task.command is not None else {"begun": begun}))
            await _settled(begun, is_told=task.command is None)
            asked = perf_counter()
            task.terminate()
            await ended.wait()
    return Took(sum(each), each)


async def _settled(begun: str, *, is_told: bool) -> None:
    """Wait until a function has begun and waits; of a command nobody tells."""
    while is_told and not await trio.Path(begun).exists():  # noqa: ASYNC110  # a file cannot be awaited
        await trio.sleep(_SETTLE)
    await trio.sleep(_SETTLE if is_told else 10 * _SETTLE)


def _timed(end: Callable[[], Awaitable[float]]) -> Callable[[int], Took]:
    """Return what measures a primitive that says how long one end takes."""

    async def main(times: int) -> Took:
        each = [await end() for _ in range(times)]
        return Took(sum(each), each)

    return lambda times: trio.run(main, times)


async def _scope() -> float:
    async with trio.open_nursery() as nursery:
        nursery.start_soon(trio.sleep_forever)
        await trio.sleep(_SETTLE)
        asked = perf_counter()
        nursery.cancel_scope.cancel()
    return perf_counter() - asked


async def _event() -> float:
    event = threading.Event()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(trio.to_thread.run_sync, partial(event.wait, None))
        await trio.sleep(_SETTLE)
        asked = perf_counter()
        event.set()
    return perf_counter() - asked


async def _child(*, kill: bool) -> float:
    code = "import time; print(flush=True); time.sleep(600)"
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as child:  # noqa: S603, ASYNC220  # nobody else waits
        assert child.stdout is not None
        child.stdout.readline()
        await trio.sleep(_SETTLE)
        asked = perf_counter()
        child.kill() if kill else child.terminate()
        child.wait()
        return perf_counter() - asked


def _of(execution: str, func: Callable[..., object], patience: float = 0.0) -> Callable[[int], Took]:
    return lambda times: ends(times, execution=execution, func=func, patience=patience)


CONTENDERS = [
    Contender(SCOPE, _timed(_scope), 50, unit="ms", least=3),
    Contender("async, at an await", _of("async", ending.awaits), 50, SCOPE, unit="ms", least=3),
    Contender(EVENT, _timed(_event), 50, unit="ms", least=3),
    Contender("thread, at its flag", _of("thread", ending.heeds), 50, EVENT, unit="ms", least=3),
    Contender("thread, at a cancellation point each ms", _of("thread", ending.passes_points), 50, EVENT, unit="ms", least=3),
    Contender("thread that ignores it, abandoned", _of("thread", ending.sleeps_on, PATIENCE), 10, EVENT, unit="ms", least=2),
    Contender(CHILD, _timed(lambda: _child(kill=False)), 10, unit="ms", least=2),
    Contender("process, at its flag", _of("process", ending.heeds), 10, CHILD, unit="ms", least=2),
    Contender("process, by SIGTERM", _of("process", ending.sleeps), 10, CHILD, unit="ms", least=2),
    Contender("command, by SIGTERM", lambda n: ends(n, command=["sleep", "600"]), 10, CHILD, unit="ms", least=2),
    Contender(KILLED, _timed(lambda: _child(kill=True)), 10, unit="ms", least=2),
    Contender(
        "process that ignores it, killed", _of("process", ending.ignores, PATIENCE + UNWINDING), 10, KILLED, unit="ms", least=2
    ),
]

SECTION = Section(
    "termination",
    "from terminate() to the record of the end; the time that what ignores it is given is left out",
    lambda *given: contest.run("termination", CONTENDERS, *given),
)
