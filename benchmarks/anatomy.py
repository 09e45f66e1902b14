"""What a launch consists of: each part by itself, as quick as it can be, and what is left of the whole."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from time import perf_counter

import trio

from benchmarks import contest, primitives
from benchmarks.contest import Contender, Took
from benchmarks.figures import Absent, Figure, ratio
from benchmarks.launches import launch
from benchmarks.section import Progress, Section, Settings
from runtime.clock import SystemClock
from runtime.mailbox import Mailbox
from runtime.runlog.file_log import FileLog
from runtime.runlog.recorder import Recorder

RUN = {
    "task_name": "nothing",
    "run_id": "0123456789abcdef0123456789abcdef",
    "action": "run",
    "execution": "async",
    "late": 0.000123,
}
"""A record, but for its moments."""


def scopes(count: int) -> float:
    """Enter and leave cancel scopes: by one of its own each run is terminated."""

    async def main() -> float:
        began = perf_counter()
        for _ in range(count):
            with trio.CancelScope():  # noqa: ASYNC100  # what it costs is the point
                pass
        return perf_counter() - began

    return trio.run(main)


def records(count: int) -> float:
    """Put on record that a run begins, and that it has ended."""
    with tempfile.TemporaryDirectory() as folder:
        recorder = Recorder(FileLog(Path(folder) / "runs.jsonl"), SystemClock())
        recorder.open()
        began = perf_counter()
        for _ in range(count):
            now = recorder.clock.now()
            recorder.record({**RUN, "created": now, "start": now, "due": now})
            recorder.record({**RUN, "created": now, "start": now, "due": now, "end": now, "runtime": 0.0})
        took = perf_counter() - began
        recorder.close()
    return took


def posts(count: int) -> float:
    """Have the four messages of a launch handled: it is asked for, may start, has begun, has ended."""
    mailbox: Mailbox[None] = Mailbox(lambda _: None, lambda _: None)
    mailbox.open()
    began = perf_counter()
    for _ in range(count):
        mailbox.put(None)
        mailbox.put(None)
        mailbox.put(None)
        mailbox.put(None)
    return perf_counter() - began


LAUNCH = "a launch, async"
PARTS: dict[str, Callable[[int], float | Took]] = {
    "a trio task, started and ended": primitives.start_soon,
    "a cancel scope, entered and left": scopes,
    "two records, written to disk": records,
    "four messages, delivered": posts,
}
REST = "the rest: deciding what may start, what it is given, who hears of its end"
CONTENDERS = [Contender(name, measure, 5000, LAUNCH) for name, measure in PARTS.items()]
CONTENDERS.append(Contender(LAUNCH, lambda n: launch("async", n), 3000))


def measure(settings: Settings, progress: Progress) -> Iterator[Figure | Absent]:
    """Yield what each part takes, what is left of the whole, and the whole."""
    *parts, whole = [each for each in contest.run("anatomy", CONTENDERS, settings, progress) if isinstance(each, Figure)]
    yield from parts
    rounds = zip(whole.samples, *(part.samples for part in parts), strict=True)
    samples = tuple(all_of_it - sum(known) for all_of_it, *known in rounds)
    yield Figure("anatomy", REST, whole.unit, samples, LAUNCH, ratio(samples, whole.samples))
    yield replace(whole, package="callsheet")  # what it is compared with is no bare primitive


SECTION = Section("anatomy", "what a launch consists of; the ratios are shares of the whole", measure)
