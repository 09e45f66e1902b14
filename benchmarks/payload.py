"""How fast return values pass, from 1 KB to 200 MB, through each mode, beside anyio's pool and a bare pipe."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from time import perf_counter

import anyio.to_process
import trio

from actors import App
from actors.config import Execution
from benchmarks import contest
from benchmarks.contest import RATE, Contender, Took
from benchmarks.figures import Absent, Figure
from benchmarks.launches import one_by_one
from benchmarks.section import Progress, Section, Settings
from benchmarks.work import blob
from runtime import open_runtime

SIZES = {1_000: 200, 1_000_000: 50, 32_000_000: 4, 200_000_000: 1}
"""{bytes: how many such values pass in each round}."""
QUICK_MOST = 1_000_000
CALL, PIPE, POOL = "a call", "a pipe from a child", "anyio.to_process.run_sync"

_CHILD = """
import os, sys
for line in sys.stdin:
    left = memoryview(b"x" * int(line))
    while left:
        left = left[os.write(1, left):]
"""


def through(execution: Execution, size: int, times: int) -> Took:
    """Return what it takes that a task returns `size` bytes, from being asked to run until a listener hears of its end."""
    app = App(log=None, execution=execution, max_process_count=1)
    app.task(func=blob, name="blob")

    async def main() -> Took:
        async with open_runtime(app) as system:
            await one_by_one(system, app.session["blob"], 1, size=1)
            each = await one_by_one(system, app.session["blob"], times, size=size)
        return Took(sum(each), each)

    return trio.run(main)


def call(size: int, times: int) -> float:
    """Return what it takes to call the function."""
    began = perf_counter()
    for _ in range(times):
        blob(size)
    return perf_counter() - began


def pool(size: int, times: int) -> float:
    """Return what it takes in a warm worker process of anyio's pool."""

    async def main() -> float:
        await anyio.to_process.run_sync(blob, 1)
        began = perf_counter()
        for _ in range(times):
            await anyio.to_process.run_sync(blob, size)
        return perf_counter() - began

    return trio.run(main)


def pipe(size: int, times: int) -> float:
    """Return what it takes that a child makes the bytes and writes them to a pipe, and they are read into one place."""
    place = memoryview(bytearray(size))
    command = [sys.executable, "-c", _CHILD]
    with subprocess.Popen(command, bufsize=0, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:  # noqa: S603  # ours
        assert child.stdin is not None
        assert child.stdout is not None
        began = perf_counter()
        for number in range(times + 1):
            if number == 1:  # warm
                began = perf_counter()
            child.stdin.write(b"%d\n" % size)
            got = 0
            while got < size:
                got += child.stdout.readinto(place[got:])  # type: ignore[attr-defined]  # it is raw
        took = perf_counter() - began
        child.stdin.close()
    return took


def measure(settings: Settings, progress: Progress) -> Iterator[Figure | Absent]:
    """Yield how many MB a second pass, for each size and mode."""
    contenders = []
    for size, count in SIZES.items():
        if settings.quick and size > QUICK_MOST:
            continue
        of = partial(Contender, count=count, unit=RATE, size=size, size_unit="bytes", least=3)
        contenders += [
            of(CALL, partial(call, size)),
            of("async", partial(through, "async", size), baseline=CALL),
            of("thread", partial(through, "thread", size), baseline=CALL),
            of(PIPE, partial(pipe, size)),
            of(POOL, partial(pool, size), baseline=PIPE, package="anyio"),
            of("process", partial(through, "process", size), baseline=PIPE),
        ]
    yield from contest.run("payload", contenders, settings, progress)


SECTION = Section("payload", "return values through each mode; the ratios are those of time", measure)
