"""What following conditions costs: idle, in lateness, for each wake-up as tasks grow more, and in a simulation of a month."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median, quantiles

import trio

from actors import App
from actors.conds import after_success, cron, daily, every
from benchmarks.work import nothing
from runtime import open_runtime
from runtime.machine import local_zone
from runtime.simulation import Simulation, players_of

TASKS = (10, 1_000, 10_000)
MONTH = 30 * 86400.0


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure: what it is of, and its value with its unit."""

    name: str
    value: str


def idle(seconds: float) -> Iterator[Figure]:
    """Yield what part of a processor is used while so many tasks wait for tomorrow; none at all in comparison."""
    yield Figure("idle CPU, trio alone", f"{_cpu_while(None, seconds):.4%}")
    for count in TASKS:
        yield Figure(f"idle CPU, {count} tasks", f"{_cpu_while(_waiting(count), seconds):.4%}")


def lateness(seconds: float) -> Iterator[Figure]:
    """Yield how late starts are: of 1,000 tasks that are due in the same instant, each second, and of one each 10 ms."""
    with _folder() as folder:
        app = App(log=folder / "second.jsonl")
        for number in range(1000):
            app.task("cron * * * * * *", name=f"task {number}", func=nothing)
        yield Figure("lateness, 1,000 tasks in the same instant", _spread(_late(app, seconds)))
        app = App(log=folder / "ten.jsonl")
        app.task("every 10 ms", func=nothing)
        late = _late(app, seconds)
        yield Figure("lateness, one task every 10 ms", _spread(late))
        yield Figure("starts of it, of those that were due", f"{len(late) / (seconds / 0.01):.1%}")


def wake_ups(seconds: float) -> Iterator[Figure]:
    """Yield what one start of a task each 10 ms costs while so many others wait."""
    yield Figure("CPU per start, the bare wake-up", f"{trio.run(_bare, seconds):.0f} µs")
    for count in TASKS:
        app = _waiting(count)
        app.task("every 10 ms", name="tick", func=nothing)
        used = _cpu_while(app, seconds) * seconds
        starts = app.session.get_repo().filter_by(task_name="tick", action="run").count()
        yield Figure(f"CPU per start, {count} others waiting", f"{used / max(starts, 1) * 1e6:.0f} µs")


def simulation(rounds: int) -> Iterator[Figure]:
    """Yield how long the simulation of a month takes of tasks of all kinds."""
    took, starts = [], 0
    for _ in range(rounds):
        app = App(log=None, timezone="Europe/Berlin")
        app.task(daily.at("02:30"), name="backup", func=nothing)
        app.task(daily.between("08:00", "18:00"), name="work", func=nothing)
        app.task(cron("*/15 * * * *"), name="poll", func=nothing)
        app.task(every("10 minutes"), name="sync", func=nothing)
        app.task(after_success("backup"), name="report", func=nothing)
        app.task(after_success("sync"), name="index", func=nothing)
        begin = time.perf_counter()
        players = players_of(app.session.tasks, 1_774_000_000.0, local_zone())
        starts = sum(1 for _ in Simulation(players, 1_774_000_000.0).starts(1_774_000_000.0 + MONTH))
        took.append(time.perf_counter() - begin)
    yield Figure(f"simulation of a month, {starts} starts", f"{median(took):.2f} s")


SECTIONS: dict[str, Callable[[bool], Iterator[Figure]]] = {
    "idle": lambda quick: idle(0.2 if quick else 10.0),
    "lateness": lambda quick: lateness(1.2 if quick else 10.0),
    "wake-ups": lambda quick: wake_ups(0.2 if quick else 5.0),
    "simulation": lambda quick: simulation(1 if quick else 3),
}


@contextmanager
def _folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder)


def _waiting(count: int) -> App:
    """Return an app of `count` tasks that have nothing to do before tomorrow."""
    app = App(log=None)
    kinds = ("cron 0 3 1 1 *", "daily between 23:59:58 and 23:59:59", "after task 'task 0'", "monthly at 31st 23:59")
    for number in range(count):
        app.task(kinds[number % len(kinds)], name=f"task {number}", func=nothing)
    return app


def _cpu_while(app: App | None, seconds: float) -> float:
    """Return what part of a processor is used for `seconds` in which `app` runs, its start left out."""

    async def measure() -> float:
        if app is None:
            return await _cpu(seconds)
        async with open_runtime(app):
            return await _cpu(seconds)

    return trio.run(measure)


async def _cpu(seconds: float) -> float:
    await trio.sleep(0.1)
    used, begin = time.process_time(), time.perf_counter()
    await trio.sleep(seconds)
    return (time.process_time() - used) / (time.perf_counter() - begin)


async def _bare(seconds: float) -> float:
    """Return what one wake-up of trio costs each 10 ms, in microseconds of processor time."""
    used, begin = time.process_time(), trio.current_time()
    count = 0
    while trio.current_time() < begin + seconds:
        count += 1
        await trio.sleep_until(begin + count * 0.01)
    return (time.process_time() - used) / count * 1e6


def _late(app: App, seconds: float) -> list[float]:
    """Return how late the starts of an app were that ran for `seconds`, the first of each task left out."""

    async def live() -> None:
        async with open_runtime(app):
            await trio.sleep(seconds)

    trio.run(live)
    late: dict[str, list[float]] = {}
    for record in app.session.get_repo().filter_by(action="run"):
        late.setdefault(record.task_name, []).append(record.late)
    return [number for numbers in late.values() for number in numbers[1:]]


def _spread(late: list[float]) -> str:
    if len(late) < 2:  # noqa: PLR2004  # no spread
        return "too few starts"
    cuts = quantiles(late, n=100)
    return f"p50 {cuts[49] * 1e3:.2f} ms, p99 {cuts[98] * 1e3:.2f} ms, max {max(late) * 1e3:.2f} ms"
