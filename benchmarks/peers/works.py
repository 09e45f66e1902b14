"""What all are asked to do, and what is read from their answers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from statistics import median
from typing import cast

from benchmarks.peers.answering import Value
from runtime.runlog.statistics import percentile

_BY_THE_CLOCK = 3
"""Rounds of what takes its time, whoever is asked."""


@dataclass(frozen=True, slots=True)
class Reading:
    """One figure that an answer gives."""

    name: str
    unit: str
    read: Callable[[Value, int], float]
    """Takes the answer, and the first of the numbers that were asked with."""
    has_ratio: bool = True
    """Whether it makes sense to say how many times that of another it is."""


@dataclass(frozen=True, slots=True)
class Work:
    """Something that all are asked to do who offer it."""

    deed: str
    numbers: tuple[int, ...]
    """How many launches, messages or tasks there are; and for how many seconds."""
    quick: tuple[int, ...]
    """The same, where the aim is only to see that it works."""
    readings: tuple[Reading, ...]
    most_rounds: int | None = None
    """How often it is measured at most."""
    warms_up: bool = True
    """Whether each does it once before it counts."""
    begins_anew: bool = False
    """Whether each does it in a new process, where nothing is left over that could be used again."""
    size_unit: str | None = None
    """What the first of the numbers counts, where the figure is of so many; None where it is of each."""
    within: float = 120.0
    """Seconds that it may take."""


def _per_launch(value: Value, count: int) -> float:
    return cast("float", value) / count * 1e6


def _kilobytes(value: Value, _: int) -> float:
    return cast("float", value) / 1024


def _percent(value: Value, _: int) -> float:
    return cast("float", value) * 100


def late(value: Value, _: int = 0) -> float:
    """Return how late 99 of 100 starts were at the most, in ms, of tasks that are due each second; the first starts left out."""
    moments = cast("list[list[float]]", value)
    ordered = sorted(moment - k for of_task in moments for k, moment in enumerate(of_task) if k)
    return percentile(ordered, 99) * 1e3 if ordered else float("inf")


def drift(value: Value, _: int = 0) -> float:
    """Return by how much a task falls behind each second, in ms: how much longer than that its periods are on average."""
    moments = cast("list[list[float]]", value)
    drifts = [(of_task[-1] - of_task[0]) / (len(of_task) - 1) - 1 for of_task in moments if len(of_task) > 1]
    return median(drifts) * 1e3 if drifts else float("inf")


def _launches(deed: str, name: str, count: int, quick: int) -> Work:
    return Work(deed, (count,), (quick,), (Reading(name, "µs", _per_launch),))


def _each_second(tasks: int) -> Work:
    readings = (
        Reading("lateness each second, p99", "ms", late),
        Reading("drift each second", "ms", drift, has_ratio=False),
    )
    return Work("lateness", (tasks, 6), (min(tasks, 10), 2), readings, _BY_THE_CLOCK, warms_up=False, size_unit="tasks")


WORKS = (
    _launches("async", "async, one after the other", 1000, 50),
    _launches("main", "main, one after the other", 1000, 50),
    _launches("thread", "thread, one after the other", 500, 50),
    _launches("threads", "thread, four at once", 1000, 50),
    _launches("process", "process, one after the other", 200, 10),
    _launches("processes", "process, two at once", 200, 10),
    _launches("tell", "tell", 20_000, 500),
    _launches("tell_and_wait", "tell, until it is dealt with", 20_000, 500),
    _launches("ask", "ask, one after the other", 2000, 100),
    _launches("start", "start an actor", 500, 20),
    _launches("stop", "stop an actor", 500, 20),
    Work(
        "memory",
        (1000,),
        (100,),
        (Reading("memory of an idle actor", "KB", _kilobytes),),
        _BY_THE_CLOCK,
        warms_up=False,
        begins_anew=True,
    ),
    _each_second(1),
    _each_second(1000),
    Work(
        "idle",
        (1000, 3),
        (100, 1),
        (Reading("idle CPU, daily tasks", "%", _percent),),
        _BY_THE_CLOCK,
        warms_up=False,
        size_unit="tasks",
    ),
)
