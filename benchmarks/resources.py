"""What a process holds: threads, children, file descriptors, trio tasks, memory. Read from Linux's ``/proc``."""

from __future__ import annotations

import gc
import linecache
import os
import signal
import threading
import time
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import trio

from benchmarks.memory import resident

_IDLE = "Trio thread"
"""How the threads of trio's cache are called while they do nothing; they end after some seconds."""
_TO_SETTLE = 15.0
"""Seconds that threads which were abandoned, and children of killed programs, get to end by themselves."""


@dataclass(frozen=True, slots=True)
class Resources:
    """What was held at one moment."""

    threads: int
    """Those that do something."""
    children: int
    """All processes that descend from this one, whoever is their parent by now; zombies too."""
    descriptors: int
    tasks: int
    """Of trio."""
    allocated: int
    """Bytes that Python has allocated and not freed."""
    resident: int
    """Bytes of memory in use, as the system counts them."""


def measured(mark: str) -> Resources:
    """Return what this process holds now; in a trio task, with tracemalloc running.

    Args:
      mark: a variable of the environment, ``NAME=value``, by which all descendants are known.
    """
    linecache.clearcache()  # the sources of all that is in some traceback
    gc.collect()
    return Resources(
        threads=sum(not thread.name.startswith(_IDLE) for thread in threading.enumerate()),
        children=len(set(children()) | set(marked(mark))),
        descriptors=len(os.listdir("/proc/self/fd")) - 1,  # noqa: PTH208  # that which reads the folder is one of them
        tasks=trio.lowlevel.current_statistics().tasks_living,
        allocated=tracemalloc.get_traced_memory()[0],
        resident=resident(),
    )


def children() -> Iterator[int]:
    """Yield the ids of the processes whose parent is this one, zombies too."""
    me = str(os.getpid())
    for folder in _processes():
        with suppress(OSError):  # it is gone by now
            if (folder / "stat").read_text().rsplit(")", 1)[1].split()[1] == me:
                yield int(folder.name)


def marked(mark: str) -> Iterator[int]:
    """Yield the ids of the processes that were started with `mark` in their environment."""
    for folder in _processes():
        with suppress(OSError):  # it is gone by now, or another user's
            if mark.encode() in (folder / "environ").read_bytes().split(b"\0"):
                yield int(folder.name)


def _processes() -> Iterator[Path]:
    return (folder for folder in Path("/proc").iterdir() if folder.name.isdigit())


@contextmanager
def marking() -> Iterator[str]:
    """Put a variable in the environment by which all descendants are known; an exception ends those that there are."""
    name, value = "CALLSHEET_SOAK", f"{os.getpid()} {time.monotonic_ns()}"
    os.environ[name] = value
    try:
        yield f"{name}={value}"
    except BaseException:  # an interruption, too: nobody looks any more at what is left
        for pid in marked(f"{name}={value}"):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        raise
    finally:
        del os.environ[name]


@contextmanager
def tracing() -> Iterator[None]:
    """Count what Python allocates."""
    tracemalloc.start()
    try:
        yield
    finally:
        tracemalloc.stop()


async def settled(mark: str, before: Resources) -> Resources:
    """Wait until what ends by itself has ended: children, and threads beyond those `before`. Return what is held then."""
    deadline = trio.current_time() + _TO_SETTLE
    while True:
        now = measured(mark)
        is_settled = not now.children and now.threads <= before.threads
        if is_settled or trio.current_time() > deadline:
            return now
        await trio.sleep(0.05)
