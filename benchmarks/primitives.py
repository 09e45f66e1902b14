"""The bare primitives: the least that a launch or a message can cost. Each takes how many there are and returns seconds."""

from __future__ import annotations

import subprocess
from collections import deque
from collections.abc import Awaitable, Callable
from time import perf_counter

import anyio.to_process
import trio

from benchmarks.work import nothing, nothing_async


def call(launches: int) -> float:
    """Call a function."""
    began = perf_counter()
    for _ in range(launches):
        nothing()
    return perf_counter() - began


def start_soon(launches: int) -> float:
    """Start a task in a nursery."""

    async def main() -> float:
        began = perf_counter()
        async with trio.open_nursery() as nursery:
            for _ in range(launches):
                nursery.start_soon(nothing_async)
        return perf_counter() - began

    return trio.run(main)


def thread(launches: int, at_once: int = 1) -> float:
    """Run a function in a thread of trio's cache."""
    return trio.run(_in_lanes, lambda: trio.to_thread.run_sync(nothing), launches, at_once)


def process(launches: int, at_once: int = 1) -> float:
    """Run a function in a warm worker process of anyio's pool."""
    return trio.run(_in_lanes, lambda: anyio.to_process.run_sync(nothing), launches, at_once)


async def _in_lanes(launch: Callable[[], Awaitable[None]], launches: int, at_once: int) -> float:
    async def lane(count: int) -> None:
        for _ in range(count):
            await launch()

    async with trio.open_nursery() as nursery:  # warm: as many threads or workers as will be used
        for _ in range(at_once):
            nursery.start_soon(lane, 3)
    began = perf_counter()
    async with trio.open_nursery() as nursery:
        for _ in range(at_once):
            nursery.start_soon(lane, launches // at_once)
    return perf_counter() - began


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
