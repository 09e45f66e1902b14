"""A crowd that does nothing: what memory each of it takes, and how long it takes all to start and to stop."""

from __future__ import annotations

import gc
import json
import subprocess
import sys
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass
from time import perf_counter

import trio
import trio.testing

from actors import Actor, App, Supervisor
from benchmarks.memory import resident
from runtime import open_runtime

_LONG = 600.0


@dataclass(frozen=True, slots=True)
class Crowd:
    """What a crowd took."""

    count: int
    resident: float
    """Bytes of memory for each."""
    to_start: float
    """Seconds until all had started."""
    to_stop: float
    """Seconds until all had ended, which were stopped together."""


def measured(kind: str, count: int) -> Crowd:
    """Return what a crowd takes, in a process of its own: memory that another has left would be used again.

    Args:
      kind: one of `KINDS`.
    """
    command = [sys.executable, "-m", "benchmarks.crowd", kind, str(count)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE)  # noqa: S603  # ours
    return Crowd(**json.loads(done.stdout))


async def actors(count: int) -> Crowd:
    """Spawn actors below a supervisor that stops them all at once, and stop it."""
    app = App(log=None, stall_after="never")  # a garbage collection of so many objects takes its time
    async with open_runtime(app) as system:
        parent = await system.session.spawn(Supervisor(stop_order="parallel"), "parent")

        async def start() -> None:
            for _ in range(count):
                await parent.spawn(Actor)

        async def stop() -> None:
            await parent.stop(within=_LONG)

        return await _measured(count, start, stop)


async def tasks(count: int) -> Crowd:
    """Start trio tasks that sleep, and cancel them."""

    async def start() -> None:
        for _ in range(count):
            nursery.start_soon(trio.sleep_forever)
        await trio.testing.wait_all_tasks_blocked()

    async def stop() -> None:
        nursery.cancel_scope.cancel()
        with trio.CancelScope(shield=True):
            while nursery.child_tasks:
                await trio.lowlevel.checkpoint()

    async with trio.open_nursery() as nursery:
        crowd = await _measured(count, start, stop)
    return crowd  # noqa: RET504  # to type checkers, a nursery may swallow what comes out of it


async def _measured(count: int, start: Callable[[], Awaitable[None]], stop: Callable[[], Awaitable[None]]) -> Crowd:
    gc.collect()
    before, began = resident(), perf_counter()
    await start()
    to_start = perf_counter() - began
    gc.collect()
    grown, began = resident() - before, perf_counter()
    await stop()
    return Crowd(count, grown / count, to_start, perf_counter() - began)


@dataclass(frozen=True, slots=True)
class Kind:
    """What a crowd may be of."""

    name: str
    gather: Callable[[int], Awaitable[Crowd]]


KINDS = {
    "tasks": Kind("a trio task that sleeps", tasks),
    "actors": Kind("an idle actor", actors),
}


if __name__ == "__main__":
    print(json.dumps(asdict(trio.run(KINDS[sys.argv[1]].gather, int(sys.argv[2])))))
