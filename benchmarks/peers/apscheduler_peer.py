"""What APScheduler 3 takes: jobs that are added to a running scheduler without a trigger, which is to run at once.

Measured is from the first `add_job` to the last event of an executed job, as a listener hears it, with the job store in memory
and no log. No job is left out for being late. Time is measured with executors and options as they come, jobs with a cron trigger.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from importlib.metadata import version

from apscheduler.events import EVENT_JOB_EXECUTED
from apscheduler.executors.base import BaseExecutor
from apscheduler.executors.pool import ProcessPoolExecutor, ThreadPoolExecutor
from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.schedulers.base import BaseScheduler

from benchmarks.peers.answering import answer
from benchmarks.peers.launching import WARM, Launches
from benchmarks.peers.ticking import SETTLED, Idleness, Starts

NEVER_TOO_LATE = {"misfire_grace_time": None}


def nothing() -> None:
    """Do nothing."""


async def nothing_async() -> None:
    """Do nothing, as a coroutine."""


def in_pool(executor: BaseExecutor, count: int, *, at_once: bool) -> float:
    """Return the seconds that launches take in a pool of threads or processes, of a scheduler in a thread of its own."""
    scheduler = BackgroundScheduler(executors={"default": executor}, job_defaults=NEVER_TOO_LATE)
    launches: Launches
    scheduler.add_listener(lambda _: launches.hear(), EVENT_JOB_EXECUTED)
    scheduler.start()
    for number in (WARM, count):
        ended = threading.Event()
        launches = Launches(lambda: scheduler.add_job(nothing), number, ended.set, at_once=at_once)
        launches.begin()
        ended.wait()
    scheduler.shutdown()
    return launches.seconds


async def on_loop(count: int) -> float:
    """Return the seconds that launches take on asyncio's loop, one after the other."""
    scheduler = AsyncIOScheduler(job_defaults=NEVER_TOO_LATE)
    launches: Launches
    scheduler.add_listener(lambda _: launches.hear(), EVENT_JOB_EXECUTED)
    scheduler.start()
    for number in (WARM, count):
        ended = asyncio.Event()
        launches = Launches(lambda: scheduler.add_job(nothing_async), number, ended.set, at_once=False)
        launches.begin()
        await ended.wait()
    scheduler.shutdown()
    return launches.seconds


def lateness(tasks: int, seconds: int) -> list[list[float]]:
    """Return when jobs started that are due each second."""
    starts = Starts(tasks)
    with_jobs(starts.functions(), lambda: time.sleep(seconds), second="*")
    return starts.since_due(on_the_clock=True)


def idle(tasks: int, seconds: int) -> float:
    """Return what part of a processor is used while jobs wait for tomorrow."""
    shares: list[float] = []

    def wait() -> None:
        time.sleep(SETTLED)
        idleness = Idleness()
        time.sleep(seconds)
        shares.append(idleness.share())

    with_jobs([nothing] * tasks, wait, hour=23, minute=59, second=58)
    return shares[0]


def with_jobs(functions: list[Callable[[], None]], wait: Callable[[], None], **cron: str | int) -> None:
    """Have a scheduler with a job for each function, for as long as somebody waits."""
    scheduler: BaseScheduler = BackgroundScheduler()
    for function in functions:
        scheduler.add_job(function, "cron", **cron)
    scheduler.start()
    wait()
    scheduler.shutdown()


if __name__ == "__main__":
    answer(
        f"APScheduler {version('apscheduler')}",
        {
            "async": lambda count: asyncio.run(on_loop(count)),
            "thread": lambda count: in_pool(ThreadPoolExecutor(1), count, at_once=False),
            "threads": lambda count: in_pool(ThreadPoolExecutor(4), count, at_once=True),
            "process": lambda count: in_pool(ProcessPoolExecutor(1), count, at_once=False),
            "processes": lambda count: in_pool(ProcessPoolExecutor(2), count, at_once=True),
            "lateness": lateness,
            "idle": idle,
        },
    )
