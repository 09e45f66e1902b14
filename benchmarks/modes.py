"""What a launch costs in each execution mode, beside the bare primitive."""

from __future__ import annotations

from benchmarks import contest, primitives
from benchmarks.contest import Contender
from benchmarks.launches import first, launch
from benchmarks.section import Section

START, THREAD, THREADS = "nursery.start_soon", "trio.to_thread.run_sync", "trio.to_thread.run_sync x4"
PROCESS, PROCESSES, COLD = "anyio.to_process.run_sync", "anyio.to_process.run_sync x2", "an interpreter, started and ended"
SYNCED, PROGRAM = "a line written and synced", "trio.run_process"

CONTENDERS = [
    Contender(START, primitives.start_soon, 3000),
    Contender("async, one after the other", lambda n: launch("async", n), 3000, START),
    Contender("async, a thousand at once", lambda n: launch("async", n, at_once=1000), 3000, START),
    Contender("async, log in memory", lambda n: launch("async", n, log="memory"), 3000, START),
    Contender("async, on asyncio", lambda n: launch("async", n, backend="asyncio"), 1500, START),
    Contender("main", lambda n: launch("main", n), 3000, START),
    Contender(SYNCED, lambda n: primitives.write(n, sync=True), 200, least=5),
    Contender('async, durability="power"', lambda n: launch("async", n, log="power"), 200, SYNCED, least=5),
    Contender("async, power, a hundred at once", lambda n: launch("async", n, 100, log="power"), 1000, SYNCED, least=5),
    Contender(THREAD, primitives.thread, 1500),
    Contender("thread, one after the other", lambda n: launch("thread", n), 1500, THREAD),
    Contender(THREADS, lambda n: primitives.thread(n, 4), 1500),
    Contender("thread, four at once", lambda n: launch("thread", n, at_once=4), 1500, THREADS),
    Contender(PROCESS, primitives.process, 1000),
    Contender("process, one after the other", lambda n: launch("process", n), 1000, PROCESS),
    Contender(PROCESSES, lambda n: primitives.process(n, 2), 1000),
    Contender("process, two at once", lambda n: launch("process", n, at_once=2), 1000, PROCESSES),
    Contender(COLD, primitives.interpreter, 5, least=2),
    Contender("anyio.to_process.run_sync, first", primitives.first_process, 3, COLD, "anyio", least=1),
    Contender("process, first launch", lambda n: first("process", n), 5, COLD, least=1),
    Contender(PROGRAM, primitives.program, 50, least=5),
    Contender("command", lambda n: launch("async", n, command=["true"]), 50, PROGRAM, least=5),
]

SECTION = Section("modes", "launches in each execution mode", lambda *given: contest.run("modes", CONTENDERS, *given))
