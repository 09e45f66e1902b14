"""What a launch costs in each execution mode, beside the bare primitive."""

from __future__ import annotations

from benchmarks import primitives
from benchmarks.contest import Contender
from benchmarks.launches import launch

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
