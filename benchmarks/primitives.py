"""The bare primitives: the least that a launch or a message can cost. Each takes how many there are and returns seconds."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections import deque
from collections.abc import Awaitable, Callable
from time import perf_counter

import anyio.to_process
import trio

from benchmarks.contest import Took
from benchmarks.work import nothing, nothing_async

LINE = b"x" * 200 + b"\n"
"""About as long as a record in the run log."""


def call(launches: int) -> float:
    """Call a function."""
    began = perf_counter()
    for _ in range(launches):
        nothing()
    return perf_counter() - began


def start_soon(launches: int) -> Took:
    """Start tasks in a nursery; then some of which each begins when the one before has ended."""
    each: list[float] = []

    async def main() -> float:
        began = perf_counter()
        async with trio.open_nursery() as nursery:
            for _ in range(launches):
                nursery.start_soon(nothing_async)
        took = perf_counter() - began
        async with trio.open_nursery() as chain:
            chain.start_soon(timed, chain, perf_counter(), launches // 5)
        return took

    async def timed(chain: trio.Nursery, asked: float, left: int) -> None:
        each.append(perf_counter() - asked)
        if left:
            chain.start_soon(timed, chain, perf_counter(), left - 1)

    return Took(trio.run(main), each)


def thread(launches: int, at_once: int = 1) -> Took:
    """Run a function in a thread of trio's cache."""
    return trio.run(_in_lanes, lambda: trio.to_thread.run_sync(nothing), launches, at_once)


def process(launches: int, at_once: int = 1) -> Took:
    """Run a function in a warm worker process of anyio's pool."""
    return trio.run(_in_lanes, lambda: anyio.to_process.run_sync(nothing), launches, at_once)


def first_process(times: int) -> float:
    """Run a function in the first worker of a pool of anyio's."""

    async def main() -> float:
        began = perf_counter()
        await anyio.to_process.run_sync(nothing)
        return perf_counter() - began

    return sum(trio.run(main) for _ in range(times))


def interpreter(times: int) -> float:
    """Start an interpreter that does nothing, and wait until it has ended."""
    began = perf_counter()
    for _ in range(times):
        subprocess.run([sys.executable, "-c", "pass"], check=True)  # ours
    return perf_counter() - began


def program(launches: int) -> float:
    """Run a program, by trio."""

    async def main() -> float:
        began = perf_counter()
        for _ in range(launches):
            await trio.run_process(["true"])
        return perf_counter() - began

    return trio.run(main)


def write(count: int, *, sync: bool = False) -> float:
    """Write a line to a file, and have the disk confirm it."""
    with tempfile.TemporaryDirectory() as folder:
        fd = os.open(os.path.join(folder, "bare"), os.O_WRONLY | os.O_CREAT | os.O_APPEND)  # noqa: PTH118  # a descriptor
        began = perf_counter()
        for _ in range(count):
            os.write(fd, LINE)
            if sync:
                os.fsync(fd)
        took = perf_counter() - began
        os.close(fd)
    return took


async def _in_lanes(launch: Callable[[], Awaitable[None]], launches: int, at_once: int) -> Took:
    each: list[float] = []

    async def lane(count: int) -> None:
        for _ in range(count):
            asked = perf_counter()
            await launch()
            each.append(perf_counter() - asked)

    async with trio.open_nursery() as nursery:  # warm: as many threads or workers as will be used
        for _ in range(at_once):
            nursery.start_soon(lane, 3)
    each.clear()
    began = perf_counter()
    async with trio.open_nursery() as nursery:
        for _ in range(at_once):
            nursery.start_soon(lane, launches // at_once)
    return Took(perf_counter() - began, each if at_once == 1 else [])


def queue(count: int) -> float:
    """Put something into a queue and take it out."""
    waiting: deque[object] = deque()
    began = perf_counter()
    for _ in range(count):
        waiting.append(None)
        waiting.popleft()
    return perf_counter() - began


def channel(count: int) -> float:
    """Put something into a channel of trio, and await that it comes out."""

    async def main() -> float:
        sending, receiving = trio.open_memory_channel[None](count)
        began = perf_counter()
        for _ in range(count):
            sending.send_nowait(None)
        for _ in range(count):
            await receiving.receive()
        return perf_counter() - began

    return trio.run(main)


def reschedules(count: int) -> float:
    """Have another task wake up and wake up this one."""
    wait, wake = trio.lowlevel.wait_task_rescheduled, trio.lowlevel.reschedule

    async def main() -> float:
        me = trio.lowlevel.current_task()

        async def other() -> None:
            while True:
                wake(me)
                await wait(_stop_waiting)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(other)
            await wait(_stop_waiting)
            (it,) = nursery.child_tasks
            began = perf_counter()
            for _ in range(count):
                wake(it)
                await wait(_stop_waiting)
            took = perf_counter() - began
            nursery.cancel_scope.cancel()
        return took

    return trio.run(main)


def _stop_waiting(_: object) -> trio.lowlevel.Abort:
    return trio.lowlevel.Abort.SUCCEEDED


def run_sync_soon(count: int) -> float:
    """Have a function called in trio's thread, from another, and wait for the last."""

    def post(token: trio.lowlevel.TrioToken) -> float:
        began = perf_counter()
        for _ in range(count):
            token.run_sync_soon(nothing)
        trio.from_thread.run_sync(nothing)
        return perf_counter() - began

    async def main() -> float:
        return await trio.to_thread.run_sync(post, trio.lowlevel.current_trio_token())

    return trio.run(main)


def from_thread(count: int) -> float:
    """Have a coroutine awaited in trio's thread, by a thread that waits for it."""

    def call() -> float:
        began = perf_counter()
        for _ in range(count):
            trio.from_thread.run(nothing_async)
        return perf_counter() - began

    async def main() -> float:
        return await trio.to_thread.run_sync(call)

    return trio.run(main)


def pipe(count: int) -> float:
    """Send a byte to another process, and wait until it comes back."""
    with subprocess.Popen("cat", bufsize=0, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as cat:  # noqa: S607  # the usual one
        assert cat.stdin is not None
        assert cat.stdout is not None
        began = perf_counter()
        for _ in range(count):
            cat.stdin.write(b".")
            cat.stdout.read(1)
        return perf_counter() - began


def sleepers(count: int) -> float:
    """Start tasks that sleep."""

    async def main() -> float:
        async with trio.open_nursery() as nursery:
            began = perf_counter()
            for _ in range(count):
                nursery.start_soon(trio.sleep_forever)
            await trio.lowlevel.checkpoint()
            took = perf_counter() - began
            nursery.cancel_scope.cancel()
        return took

    return trio.run(main)
