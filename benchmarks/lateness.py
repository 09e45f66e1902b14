"""How late starts are: of tasks that are due in the same instant, and of one that is due often; beside sleeps of trio."""

from __future__ import annotations

import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from statistics import median

import trio

from actors import App
from benchmarks.figures import Figure, latencies, ratio
from benchmarks.heard import unheard
from benchmarks.section import Progress, Section, Settings
from benchmarks.work import nothing
from runtime import open_runtime

MANY = 1000
OFTEN = 0.01
_SECONDS, _QUICK_SECONDS = 10.0, 2.5

Late = Mapping[float, Sequence[float]]
"""{moment at which something was due: how many seconds late each start was}."""


def measure(settings: Settings, progress: Progress) -> Iterator[Figure]:
    """Yield how late starts are, a sample for each second; and how many of those that were due there were."""
    seconds, shorter = (_QUICK_SECONDS, _QUICK_SECONDS / 4) if settings.quick else (_SECONDS, _SECONDS)
    progress.expect(4)
    bare = trio.run(_sleepers, MANY, 1.0, seconds)
    progress.step()
    ours = _starts("cron * * * * * *", MANY, seconds)
    progress.step()
    baseline = _figure(f"{MANY:,} trio tasks, every second", bare)
    yield baseline
    yield _figure(f"{MANY:,} tasks, every second", ours, baseline)
    bare = trio.run(_sleepers, 1, OFTEN, shorter)
    progress.step()
    ours = _starts("every 10 ms", 1, shorter)
    progress.step()
    baseline = _figure("a trio task, every 10 ms", bare)
    yield baseline
    yield _figure("a task, every 10 ms", ours, baseline)
    yield Figure("lateness", "starts of it, of those due", "%", (len(ours) / (shorter / OFTEN) * 100,))


def _starts(condition: str, count: int, seconds: float) -> Late:
    """Return how late the starts of `count` tasks are, the first of each left out, which are late by the start of the app."""

    async def live() -> None:
        async with open_runtime(app):
            await trio.sleep(seconds)

    with tempfile.TemporaryDirectory() as folder, unheard():
        app = App(log=Path(folder) / "runs.jsonl", stall_after="never", keep_runs=None)
        for number in range(count):
            app.task(condition, name=f"task {number}", func=nothing)
        trio.run(live)
        late: dict[float, list[float]] = defaultdict(list)
        begun: set[str] = set()
        for record in app.session.get_repo().filter_by(action="run"):
            if record.task_name in begun:
                late[record.due].append(record.late)
            begun.add(record.task_name)
    return late


async def _sleepers(count: int, every: float, seconds: float) -> Late:
    """Return how late trio tasks wake up that sleep until the same instants."""
    late: dict[float, list[float]] = defaultdict(list)
    offset = time.time() - trio.current_time()

    async def sleep() -> None:
        due = (time.time() // every + 1) * every
        while True:
            await trio.sleep_until(due - offset)
            late[due].append(time.time() - due)
            due += every

    with trio.move_on_after(seconds):
        async with trio.open_nursery() as nursery:
            for _ in range(count):
                nursery.start_soon(sleep)
    return late


def _figure(name: str, late: Late, baseline: Figure | None = None) -> Figure:
    """Return the figure of what was late: a sample is the median of one second."""
    by_second: dict[int, list[float]] = defaultdict(list)
    for due, seconds in late.items():
        by_second[int(due)] += [each * 1e3 for each in seconds]
    samples = tuple(median(each) for each in by_second.values())
    p50, p99 = latencies((each for seconds in late.values() for each in seconds), 1e3)
    return Figure(
        "lateness",
        name,
        "ms",
        samples,
        None if baseline is None else baseline.name,
        None if baseline is None else ratio(samples, baseline.samples),
        p50=p50,
        p99=p99,
    )


SECTION = Section("lateness", "how much later than they are due runs start", measure)
