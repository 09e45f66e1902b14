"""The bare primitives: the least that each execution mode can cost. Each takes a number of launches and returns seconds."""

from __future__ import annotations

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
