"""What so many tasks, launches or messages cost, in a process of its own: ``python -m benchmarks.scaled WHAT COUNT SECONDS``."""

from __future__ import annotations

import gc
import json
import sys
import time
from collections.abc import Callable

import trio

from actors import App
from benchmarks import messages, primitives
from benchmarks.contest import Took
from benchmarks.launches import launch
from benchmarks.memory import resident
from benchmarks.work import nothing
from runtime import open_runtime

OFTEN = 0.01
_ENOUGH = 1000
"""Where there are fewer, it is done so often that there are as many in all."""
_TO_SETTLE = 0.3
"""Seconds after its start in which a runtime still has something to do."""


def tasks(count: int, seconds: float) -> dict[str, float]:
    """Return what `count` tasks cost that wait for tomorrow: each at the start, all while nothing happens, and while one runs."""
    trio.run(_live, _waiting(1), 0.1)  # what is imported and made at first use is not of the tasks
    gc.collect()
    before, began = resident(), time.perf_counter()
    app = _waiting(count)
    declared = time.perf_counter()
    opened, grown, idle = trio.run(_live, app, seconds, before)
    return {
        "declare": (declared - began) / count * 1e6,
        "start": (opened - declared) / count * 1e6,
        "memory": grown / 1024 / count,
        "idle": idle * 100,
        "wake": _wake(count, seconds),
    }


def bare(_: int, seconds: float) -> dict[str, float]:
    """Return what trio alone costs: while it sleeps, and to wake up often."""
    return {"idle": trio.run(_cpu, seconds) * 100, "wake": trio.run(_bare_wake, seconds)}


def launches(count: int, _: float) -> dict[str, float]:
    """Return what each of `count` launches costs that are asked for in one go, and tasks that are started so in a nursery."""
    return {"ours": _each(lambda n: launch("async", n), count), "bare": _each(primitives.start_soon, count)}


def tells(count: int, _: float) -> dict[str, float]:
    """Return what each of `count` messages costs that an actor is told in one go, and a place in a queue."""
    return {"ours": _each(messages.tell_and_wait, count), "bare": _each(primitives.queue, count)}


def _each(measure: Callable[[int], float | Took], count: int) -> float:
    """Return the microseconds that one of `count` takes, the best of so many times that it can be told apart from the clock."""
    measure(min(count, _ENOUGH))
    best = min((measure(count) for _ in range(max(_ENOUGH // count, 1))), key=_seconds)
    return _seconds(best) / count * 1e6


def _seconds(took: float | Took) -> float:
    return took if isinstance(took, float) else took.seconds


def _waiting(count: int) -> App:
    """Return an app of `count` tasks that have nothing to do before tomorrow."""
    app = App(log=None, stall_after="never")
    kinds = ("cron 0 3 1 1 *", "daily between 23:59:58 and 23:59:59", "after task 'task 0'", "monthly at 31st 23:59")
    for number in range(count):
        app.task(kinds[number % len(kinds)], name=f"task {number}", func=nothing)
    return app


async def _live(app: App, seconds: float, before: int = 0) -> tuple[float, float, float]:
    """Return when an app had started, how much memory it takes then, and what part of a processor while it does nothing."""
    async with open_runtime(app):
        opened = time.perf_counter()
        gc.collect()
        grown = resident() - before
        await trio.sleep(_TO_SETTLE)
        return opened, grown, await _cpu(seconds)


async def _cpu(seconds: float) -> float:
    used, begin = time.process_time(), time.perf_counter()
    await trio.sleep(seconds)
    return (time.process_time() - used) / (time.perf_counter() - begin)


def _wake(count: int, seconds: float) -> float:
    """Return the microseconds of a processor that a start costs of a task each 10 ms, while so many others wait."""
    app = _waiting(count)
    app.task("every 10 ms", name="tick", func=nothing)
    used = trio.run(_live, app, seconds)[2] * (seconds + _TO_SETTLE)
    starts = app.session.get_repo().filter_by(task_name="tick", action="run").count()
    return used / max(starts, 1) * 1e6


async def _bare_wake(seconds: float) -> float:
    used, begin = time.process_time(), trio.current_time()
    count = 0
    while trio.current_time() < begin + seconds:
        count += 1
        await trio.sleep_until(begin + count * OFTEN)
    return (time.process_time() - used) / count * 1e6


KINDS = {"tasks": tasks, "bare": bare, "launches": launches, "messages": tells}

if __name__ == "__main__":
    print(json.dumps(KINDS[sys.argv[1]](int(sys.argv[2]), float(sys.argv[3]))))
