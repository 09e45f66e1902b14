"""Contest: what each of several contenders takes, interleaved in one run, beside the bare primitives."""

from __future__ import annotations

import gc
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from statistics import median


@dataclass(frozen=True, slots=True)
class Contender:
    """One thing that is measured: it takes a number of times that it is done, and returns seconds."""

    name: str
    measure: Callable[[int], float]
    count: int
    limit: str | None = None
    """The name of the bare primitive it is compared with; None is one."""
    package: str | None = None
    """What must be installed for it, beyond what Callsheet needs."""


@dataclass(frozen=True, slots=True)
class Result:
    """What a contender took, in microseconds each time."""

    name: str
    low: float
    middle: float
    high: float
    ratio: float | None
    """The median of the ratios to its limit, taken round by round; None for a limit itself."""


def is_installed(package: str | None) -> bool:
    """Return whether a package can be imported; None is none that is needed."""
    return package is None or find_spec(package) is not None


def run(contenders: Sequence[Contender], rounds: int, scale: float, progress: Callable[[], object]) -> list[Result]:
    """Measure all contenders in `rounds` rounds, each in turn, so that a slow moment of the machine meets all of them.

    Args:
      contenders: those whose package is installed.
      scale: what part of the usual number of times it is done.
      progress: called after each measurement.
    """
    took: dict[str, list[float]] = {contender.name: [] for contender in contenders}
    for contender in contenders:
        contender.measure(max(int(contender.count * scale / 10), 20))  # warm: imports, caches, the first worker
    for _ in range(rounds):
        for contender in contenders:
            count = max(int(contender.count * scale), 20)
            gc.collect()
            took[contender.name].append(contender.measure(count) / count * 1e6)
            progress()
    return [_result(contender, took) for contender in contenders]


def _result(contender: Contender, took: dict[str, list[float]]) -> Result:
    own = took[contender.name]
    ratio = None
    if contender.limit is not None:
        ratio = median(mine / limit for mine, limit in zip(own, took[contender.limit], strict=True))
    return Result(contender.name, min(own), median(own), max(own), ratio)
