"""What it costs to tell an actor something, to ask it, to start one and to stop it, beside bare primitives."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from time import perf_counter

import trio

from actors import ActorRef, App
from benchmarks import contest, crowd, primitives
from benchmarks.contest import Contender, Took
from benchmarks.counter import LONG, Add, Counter, asks, tells
from benchmarks.figures import Absent, Figure, ratio
from benchmarks.section import Progress, Section, Settings
from runtime import open_runtime

TELL, ASK = "deque.append, popleft", "two reschedules"
THREAD_TELL, THREAD_ASK, PROCESS = "run_sync_soon, from a thread", "trio.from_thread.run", "a byte to a process and back"
SPAWN = "nursery.start_soon, sleeping"


Measure = Callable[..., Awaitable[float | Took]]


def tell(count: int) -> float | Took:
    """Tell, and leave it to the actor to deal with it later."""
    return _with_counter(_tell, count, waits=False)


def tell_and_wait(count: int) -> float | Took:
    """Tell, until all is dealt with."""
    return _with_counter(_tell, count, waits=True)


async def _tell(counter: ActorRef, count: int, *, waits: bool) -> float:
    message, began = Add(1), perf_counter()
    for _ in range(count):
        counter.tell(message)
    told = perf_counter() - began
    await counter.ask(message, within=LONG)
    return perf_counter() - began if waits else told


def ask(count: int, at_once: int = 1) -> float | Took:
    """Ask, so many at once."""
    return _with_counter(_ask, count, at_once=at_once)


async def _ask(counter: ActorRef, count: int, *, at_once: int) -> Took:
    message = Add(1)
    each: list[float] = []

    async def asker() -> None:
        for _ in range(count // at_once):
            await counter.ask(message)

    began = perf_counter()
    async with trio.open_nursery() as nursery:
        for _ in range(at_once):
            nursery.start_soon(asker)
    took = perf_counter() - began
    for _ in range(count // 5 if at_once == 1 else 0):
        asked = perf_counter()
        await counter.ask(message)
        each.append(perf_counter() - asked)
    return Took(took, each)


def in_thread(talk: Callable[[int, ActorRef], float], count: int) -> float | Took:
    """Have a thread talk."""

    async def measure(counter: ActorRef, count: int) -> float:
        return await trio.to_thread.run_sync(talk, count, counter)

    return _with_counter(measure, count)


def in_process(talk: Callable[[int, ActorRef], float], count: int) -> float:
    """Have a task in a worker process talk."""
    app = App(log=None, max_process_count=1)
    app.actor(Counter, "counter", capacity=count + 1)
    task = app.task(func=talk, name="talk", execution="process")
    ended = trio.Event()

    async def measure() -> None:
        async with open_runtime(app) as system:
            system.on_run_ended(lambda _: ended.set())
            app.session["talk"].run(count=count)
            await ended.wait()

    trio.run(measure)
    took: float = app.session.returns[task]
    return took


def spawn(count: int) -> float:
    """Start actors, each when the one before has started."""
    return trio.run(_spawn_and_stop, count)[0]


def stop(count: int) -> float:
    """Stop actors, each when the one before has ended."""
    return trio.run(_spawn_and_stop, count)[1]


async def _spawn_and_stop(count: int) -> tuple[float, float]:
    app = App(log=None)
    async with open_runtime(app):
        began = perf_counter()
        refs = [await app.session.spawn(Counter, f"counter {number}") for number in range(count)]
        started = perf_counter()
        for ref in refs:
            await ref.stop()
        return started - began, perf_counter() - started


def _with_counter(measure: Measure, count: int, **options: object) -> float | Took:
    """Return what measuring says of a counter that has started, and has room for all messages."""

    async def main() -> float | Took:
        app = App(log=None)
        app.actor(Counter, "counter", capacity=count + 1)
        async with open_runtime(app):
            return await measure(app.session.actor("counter"), count, **options)

    return trio.run(main)


CONTENDERS = [
    Contender(TELL, primitives.queue, 200_000),
    Contender("tell", tell, 50_000, TELL),
    Contender("tell, until it is dealt with", tell_and_wait, 20_000, TELL),
    Contender("trio channel, sent and received", primitives.channel, 10_000, TELL, "trio"),
    Contender(ASK, primitives.reschedules, 5000),
    Contender("ask, one after the other", ask, 5000, ASK),
    Contender("ask, a hundred at once", lambda n: ask(n, 100), 5000, ASK),
    Contender(THREAD_TELL, primitives.run_sync_soon, 10_000),
    Contender("tell, from a thread", lambda n: in_thread(tells, n), 10_000, THREAD_TELL),
    Contender(THREAD_ASK, primitives.from_thread, 2000),
    Contender("ask, from a thread", lambda n: in_thread(asks, n), 2000, THREAD_ASK),
    Contender(PROCESS, primitives.pipe, 1000),
    Contender("tell, from a process", lambda n: in_process(tells, n), 1000, PROCESS),
    Contender("ask, from a process", lambda n: in_process(asks, n), 1000, PROCESS),
    Contender(SPAWN, primitives.sleepers, 2000),
    Contender("spawn", spawn, 1000, SPAWN),
    Contender("stop", stop, 1000, SPAWN),
]


def measure(settings: Settings, progress: Progress) -> Iterator[Figure | Absent]:
    """Yield what messages cost, and what those do that wait for some."""
    yield from contest.run("messages", CONTENDERS, settings, progress)
    yield from crowds(settings, progress)


def crowds(settings: Settings, progress: Progress) -> Iterator[Figure]:
    """Yield what each of a crowd takes that does nothing: memory, and the time to start all and to stop all."""
    rounds, count = min(settings.rounds, 3), 500 if settings.quick else 20_000
    progress.expect(rounds * len(crowd.KINDS))
    took: dict[str, list[crowd.Crowd]] = {key: [] for key in crowd.KINDS}
    for _ in range(rounds):
        for key, own in took.items():
            own.append(crowd.measured(key, count))
            progress.step()
    for key, kind in crowd.KINDS.items():
        yield from _of_crowd(kind, took[key], took["tasks"])


def _of_crowd(kind: crowd.Kind, own: list[crowd.Crowd], tasks: list[crowd.Crowd]) -> Iterator[Figure]:
    what: dict[str, tuple[str, Callable[[crowd.Crowd], float]]] = {
        "memory of {}": ("KB", lambda crowd: crowd.resident / 1024),
        "start all of many: {}": ("µs", lambda crowd: crowd.to_start / crowd.count * 1e6),
        "stop all of many: {}": ("µs", lambda crowd: crowd.to_stop / crowd.count * 1e6),
    }
    for words, (unit, value) in what.items():
        baseline = None if own is tasks else words.format(crowd.KINDS["tasks"].name)
        samples = tuple(value(each) for each in own)
        times = None if baseline is None else ratio(samples, [value(each) for each in tasks])
        yield Figure("messages", words.format(kind.name), unit, samples, baseline, times)


SECTION = Section("messages", "telling and asking actors, starting and stopping them", measure)
