"""What trio-parallel takes: a pool of processes for trio, without schedule, log or supervision.

Measured is from the first call of `run_sync` to the last value, of workers that have worked before.
"""

from __future__ import annotations

from importlib.metadata import version
from time import perf_counter

import trio
import trio_parallel

from benchmarks.peers.answering import answer
from benchmarks.peers.launching import WARM


def nothing() -> None:
    """Do nothing."""


async def launch(count: int, lanes: int) -> None:
    """Have `lanes` tasks call a worker each, one call after the other."""

    async def lane() -> None:
        for _ in range(count // lanes):
            await trio_parallel.run_sync(nothing)

    async with trio.open_nursery() as nursery:
        for _ in range(lanes):
            nursery.start_soon(lane)


async def measured(count: int, lanes: int) -> float:
    """Return the seconds that so many calls take with warm workers."""
    await launch(WARM, lanes)
    began = perf_counter()
    await launch(count, lanes)
    return perf_counter() - began


if __name__ == "__main__":
    answer(
        f"trio-parallel {version('trio-parallel')}",
        {
            "process": lambda count: trio.run(measured, count, 1),
            "processes": lambda count: trio.run(measured, count, 2),
        },
    )
