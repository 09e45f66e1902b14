"""Contest: what each of several contenders takes, interleaved in one run, beside the bare primitives."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib.util import find_spec

from benchmarks.figures import Absent, Figure, latencies, ratio
from benchmarks.section import Progress, Settings

UNITS = {"µs": 1e6, "ms": 1e3, "s": 1.0}
"""{unit: how many make a second}."""
RATE = "MB/s"
_LEAST = 20


@dataclass(frozen=True, slots=True)
class Took:
    """What it took to do something a number of times."""

    seconds: float
    """For all of them."""
    each: Sequence[float] = ()
    """The seconds that single ones took, one after the other, where that was measured too."""


@dataclass(frozen=True, slots=True)
class Contender:
    """One thing that is measured: it takes a number of times that it is done, and returns the seconds, or more than these."""

    name: str
    measure: Callable[[int], float | Took]
    count: int
    baseline: str | None = None
    """The name of the bare primitive it is compared with; None is one, or there is none."""
    package: str | None = None
    """What must be installed for it, and whose it is, where it is neither Callsheet's nor a bare primitive."""
    least: int = _LEAST
    """How often it is done at least, however quick it is to be."""
    unit: str = "µs"
    size: float | None = None
    size_unit: str | None = None


def is_installed(package: str | None) -> bool:
    """Return whether a package can be imported; None is none that is needed."""
    return package is None or find_spec(package) is not None


def run(section: str, contenders: Sequence[Contender], settings: Settings, progress: Progress) -> Iterator[Figure | Absent]:
    """Measure all contenders in rounds, each in turn, so that a slow moment of the machine meets all of them.

    Yields:
      The figures when all rounds are done, and in their places what cannot be measured, since its package is not installed.
    """
    there = [contender for contender in contenders if is_installed(contender.package)]
    to_warm = [] if settings.quick else there
    progress.expect(len(there) * settings.rounds + len(to_warm))
    took: dict[tuple[str, float | None], list[Took]] = {_key(contender): [] for contender in there}
    for contender in to_warm:
        contender.measure(_count(contender, settings.scale / 10))  # warm: imports, caches, the first worker
        progress.step()
    for _ in range(settings.rounds):
        for contender in there:
            count = _count(contender, settings.scale)
            gc.collect()  # so that nobody pays for what the one before has left
            took[_key(contender)].append(_each(contender.measure(count), count))
            progress.step()
    for contender in contenders:
        if contender in there:
            yield _figure(section, contender, took)
        else:
            yield Absent(section, contender.name, f"pip install {contender.package}")


def _key(contender: Contender) -> tuple[str, float | None]:
    return contender.name, contender.size


def _count(contender: Contender, scale: float) -> int:
    return max(int(contender.count * scale), min(contender.least, contender.count))


def _each(took: float | Took, count: int) -> Took:
    return Took(took / count) if isinstance(took, float) else Took(took.seconds / count, took.each)


def _figure(section: str, contender: Contender, took: dict[tuple[str, float | None], list[Took]]) -> Figure:
    own = took[_key(contender)]
    p50, p99 = latencies((seconds for each in own for seconds in each.each), UNITS.get(contender.unit, 1.0))
    return Figure(
        section,
        contender.name,
        contender.unit,
        tuple(_value(contender, each.seconds) for each in own),
        contender.baseline,
        _ratio(contender, took),
        size=contender.size,
        size_unit=contender.size_unit,
        package=contender.package,
        p50=p50,
        p99=p99,
    )


def _value(contender: Contender, seconds: float) -> float:
    """Return the seconds that it took each time in the unit of the contender: MB/s by its size, which is in bytes."""
    if contender.unit == RATE:
        return (contender.size or 0) / 1e6 / seconds
    return seconds * UNITS[contender.unit]


def _ratio(contender: Contender, took: dict[tuple[str, float | None], list[Took]]) -> float | None:
    """Return how many times as long as the baseline it takes: that of the same size, or the one without a size."""
    if contender.baseline is None:
        return None
    baseline = took.get((contender.baseline, contender.size)) or took[contender.baseline, None]
    return ratio([each.seconds for each in took[_key(contender)]], [each.seconds for each in baseline])
