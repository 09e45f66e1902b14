"""What a launch costs in each execution mode, beside the bare primitive, interleaved in one run."""

from __future__ import annotations

import gc
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median

from benchmarks import primitives
from benchmarks.launches import launch


@dataclass(frozen=True, slots=True)
class Contender:
    """One thing that is measured: it takes a number of launches and returns seconds."""

    name: str
    measure: Callable[[int], float]
    launches: int
    limit: str | None = None
    """The name of the bare primitive it is compared with; None is one."""


CONTENDERS = [
    Contender("nursery.start_soon", primitives.start_soon, 3000),
    Contender("async, one after the other", lambda n: launch("async", n), 3000, "nursery.start_soon"),
    Contender("async, a thousand at once", lambda n: launch("async", n, at_once=1000), 3000, "nursery.start_soon"),
    Contender("main", lambda n: launch("main", n), 3000, "nursery.start_soon"),
    Contender("trio.to_thread.run_sync", primitives.thread, 1500),
    Contender("thread, one after the other", lambda n: launch("thread", n), 1500, "trio.to_thread.run_sync"),
    Contender("trio.to_thread.run_sync x4", lambda n: primitives.thread(n, 4), 1500),
    Contender("thread, four at once", lambda n: launch("thread", n, at_once=4), 1500, "trio.to_thread.run_sync x4"),
    Contender("anyio.to_process.run_sync", primitives.process, 1000),
    Contender("process, one after the other", lambda n: launch("process", n), 1000, "anyio.to_process.run_sync"),
    Contender("anyio.to_process.run_sync x2", lambda n: primitives.process(n, 2), 1000),
    Contender("process, two at once", lambda n: launch("process", n, at_once=2), 1000, "anyio.to_process.run_sync x2"),
]


@dataclass(frozen=True, slots=True)
class Result:
    """What a contender took, in microseconds a launch."""

    name: str
    low: float
    middle: float
    high: float
    ratio: float | None
    """The median of the ratios to its limit, taken round by round; None for a limit itself."""


def run(rounds: int, scale: float, progress: Callable[[], object]) -> list[Result]:
    """Measure all contenders in `rounds` rounds, each in turn, so that a slow moment of the machine meets all of them.

    Args:
      scale: what part of the usual number of launches is made.
      progress: called after each measurement.
    """
    took: dict[str, list[float]] = {contender.name: [] for contender in CONTENDERS}
    for contender in CONTENDERS:
        contender.measure(max(int(contender.launches * scale / 10), 20))  # warm: imports, caches, the first worker
    for _ in range(rounds):
        for contender in CONTENDERS:
            launches = max(int(contender.launches * scale), 20)
            gc.collect()
            took[contender.name].append(contender.measure(launches) / launches * 1e6)
            progress()
    return [_result(contender, took) for contender in CONTENDERS]


def _result(contender: Contender, took: dict[str, list[float]]) -> Result:
    own = took[contender.name]
    ratio = None
    if contender.limit is not None:
        ratio = median(mine / limit for mine, limit in zip(own, took[contender.limit], strict=True))
    return Result(contender.name, min(own), median(own), max(own), ratio)
