"""What concurrent.futures takes, of the standard library: a pool that somebody submits to, without schedule, log or supervision.

Measured is from the first `submit` to the last `result`, of pools as they come, which have worked before.
"""

from __future__ import annotations

import platform
from collections.abc import Callable
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from time import perf_counter

from benchmarks.peers.answering import answer
from benchmarks.peers.launching import WARM


def nothing() -> None:
    """Do nothing."""


def in_turn(pool: Executor, count: int) -> None:
    """Wait for each result before the next is submitted."""
    for _ in range(count):
        pool.submit(nothing).result()


def at_once(pool: Executor, count: int) -> None:
    """Submit all, then wait for all results."""
    for future in [pool.submit(nothing) for _ in range(count)]:
        future.result()


def measured(pool: Executor, launch: Callable[[Executor, int], None], count: int) -> float:
    """Return the seconds that so many launches take in a warm pool, and end it."""
    with pool:
        launch(pool, WARM)
        began = perf_counter()
        launch(pool, count)
        return perf_counter() - began


if __name__ == "__main__":
    answer(
        f"Python {platform.python_version()}",
        {
            "thread": lambda count: measured(ThreadPoolExecutor(1), in_turn, count),
            "threads": lambda count: measured(ThreadPoolExecutor(4), at_once, count),
            "process": lambda count: measured(ProcessPoolExecutor(1), in_turn, count),
            "processes": lambda count: measured(ProcessPoolExecutor(2), at_once, count),
        },
    )
