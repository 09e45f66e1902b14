"""How cost grows with the number of tasks, launches and messages, over four orders of magnitude, each in its own process."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from benchmarks.apart import apart
from benchmarks.figures import Figure, ratio
from benchmarks.section import Progress, Section, Settings

TASKS = (1, 10, 100, 1_000, 10_000)
LAUNCHES = (10, 100, 1_000, 10_000, 100_000)
MESSAGES = (10, 100, 1_000, 10_000, 100_000, 1_000_000)
QUICK = {"tasks": (100,), "launches": (100,), "messages": (100,)}
SIZES = {"tasks": TASKS, "launches": LAUNCHES, "messages": MESSAGES}
_SECONDS, _QUICK_SECONDS = 2.0, 0.3

Took = dict[tuple[str, int], list[dict[str, float]]]
"""{what and how many: what the process said of them in each round}; without number, 0, is trio alone."""


@dataclass(frozen=True, slots=True)
class Curve:
    """One curve: what of which process it is, and beside what."""

    name: str
    unit: str
    kind: str
    """Which process says it, and so what there are many of."""
    part: str
    """What of all that it says."""
    baseline: str | None = None


BARE = {"idle": ("idle CPU, trio alone", "%"), "wake": ("CPU of a wake-up, trio alone", "µs")}
CURVES = (
    Curve("idle CPU, daily tasks", "%", "tasks", "idle", BARE["idle"][0]),
    Curve("CPU of a start while others wait", "µs", "tasks", "wake", BARE["wake"][0]),
    Curve("memory of a task", "KB", "tasks", "memory"),
    Curve("to declare a task", "µs", "tasks", "declare"),
    Curve("to start with a task", "µs", "tasks", "start"),
    Curve("nursery.start_soon, in one go", "µs", "launches", "bare"),
    Curve("a launch, asked for in one go", "µs", "launches", "ours", "nursery.start_soon, in one go"),
    Curve("deque.append, popleft", "µs", "messages", "bare"),
    Curve("tell in one go, until it is dealt with", "µs", "messages", "ours", "deque.append, popleft"),
)


def measure(settings: Settings, progress: Progress) -> Iterator[Figure]:
    """Yield the curves, a figure for each size, and what trio alone costs."""
    rounds, seconds = min(settings.rounds, 3), _QUICK_SECONDS if settings.quick else _SECONDS
    sizes = QUICK if settings.quick else SIZES
    points = [("bare", 0), *((kind, size) for kind, own in sizes.items() for size in own)]
    progress.expect(rounds * len(points))
    took: Took = {point: [] for point in points}
    for _ in range(rounds):
        for kind, size in points:
            took[kind, size].append(apart("scaled", kind, size, seconds))
            progress.step()
    for part, (name, unit) in BARE.items():
        yield Figure("scaling", name, unit, tuple(said[part] for said in took["bare", 0]))
    for curve in CURVES:
        yield from _figures(curve, took)


def _figures(curve: Curve, took: Took) -> Iterator[Figure]:
    for (kind, size), said in took.items():
        if kind == curve.kind:
            samples = [each[curve.part] for each in said]
            times = None if curve.baseline is None else ratio(samples, _baseline(curve, said, took))
            yield Figure("scaling", curve.name, curve.unit, tuple(samples), curve.baseline, times, size=size, size_unit=kind)


def _baseline(curve: Curve, said: list[dict[str, float]], took: Took) -> list[float]:
    """Return what a curve is beside: trio alone, or what the same process has measured too."""
    return [each[curve.part] for each in took["bare", 0]] if curve.kind == "tasks" else [each["bare"] for each in said]


SECTION = Section("scaling", "how cost grows", measure)
