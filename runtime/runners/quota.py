"""Quota: what the process of a run may use, and for how many runs it is used."""

from __future__ import annotations

import math
import os
import resource
import signal
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import trio

from actors import sizes, timespans

Limits = Mapping[int, tuple[int, int]]
"""{resource: the soft and the hard limit of it}, as ``resource.prlimit`` takes them."""

_OVERTIME = 1
"""Seconds of processor time that a command has left which ignores SIGXCPU."""
_TRIES = 10
_BETWEEN_TRIES = 0.1


@dataclass(frozen=True, slots=True)
class Quota:
    """The limits of a run's process. What it starts inherits those of memory and processor time, each process for itself.

    Memory is what Linux calls data (setrlimit(2), RLIMIT_DATA): heap and other private memory that can be written. Its address
    space would count what is only reserved too, such as 64 MiB for each thread that allocates, and files that are mapped.
    """

    memory: int | None = None
    """Bytes on top of what a worker has when the run begins; of a command, all that it has."""
    cpu_time: int | None = None
    """Seconds of processor time."""
    nice: int = 0
    """By how much its niceness is above the scheduler's."""
    fresh: bool = False
    """Whether it does this run only."""
    max_runs: int | None = None
    """How many runs a worker has done when it is replaced after this one; None is no limit."""

    def keeps(self, runs: int) -> bool:
        """Return whether a worker is used again that has done so many runs, this one included."""
        return not self.fresh and (self.max_runs is None or runs < self.max_runs)

    def impose(self, pid: int) -> Limits:
        """Limit a worker, and return the limits it had, which :func:`set_limits` gives it again.

        Only soft limits are set, since nothing could raise the others. A worker that is gone is not missed here.
        """
        before: dict[int, tuple[int, int]] = {}
        if self.memory is None and self.cpu_time is None:
            return before
        with suppress(ProcessLookupError, FileNotFoundError):
            for kind, limit in self._limits_of(pid):
                soft, hard = before[kind] = resource.prlimit(pid, kind)
                resource.prlimit(pid, kind, (_at_most(limit, soft), hard))
        return before

    def around(self, argv: list[str]) -> list[str]:
        """Return what to execute in place of `argv` so that it is limited from its first moment on.

        A shell sets the limits, then becomes the program: the scheduler would come too late for what that starts at once.
        """
        limits = []
        if self.memory is not None:
            _, most = resource.getrlimit(resource.RLIMIT_DATA)
            limits.append(f"ulimit -d {_at_most(self.memory, most) // 1024}")
        if self.cpu_time is not None:
            _, most = resource.getrlimit(resource.RLIMIT_CPU)
            limits.append(f"ulimit -S -t {_at_most(self.cpu_time, most)}")
            limits.append(f"ulimit -H -t {_at_most(self.cpu_time + _OVERTIME, most)}")
        return ["/bin/sh", "-c", " && ".join([*limits, 'exec "$@"']), "sh", *argv] if limits else argv

    def broken(self, status: int) -> str | None:
        """Return in words what a process has done that was ended for it with this exit status, None if that was not so."""
        if self.cpu_time is None or status not in (-signal.SIGXCPU, 128 + signal.SIGXCPU):  # the latter says a shell of its child
            return None
        return f"used more than its cpu_time of {timespans.to_words(self.cpu_time)}"

    def exceeded(self, kind: str) -> str:
        """Return what is to be said of an error of that class which says nothing itself: an empty text if nothing is."""
        if self.memory is None or kind != MemoryError.__name__:
            return ""
        return f"it wanted more than its memory of {sizes.to_words(self.memory)}"

    def _limits_of(self, pid: int) -> Iterator[tuple[int, int]]:
        if self.memory is not None:
            yield resource.RLIMIT_DATA, _data_of(pid) + self.memory
        if self.cpu_time is not None:
            yield resource.RLIMIT_CPU, math.ceil(_cpu_time_of(pid)) + self.cpu_time


UNLIMITED = Quota()


def set_limits(pid: int, limits: Limits) -> None:
    """Give a process these limits."""
    for kind, limit in limits.items():
        resource.prlimit(pid, kind, limit)


async def lower_priority(pid: int, nice: int) -> None:
    """Make a process that leads a session nicer by `nice` than it is, with all in its process group.

    Where Linux groups processes by session (sched(7), autogroup), niceness counts within a session only, and between sessions
    theirs does. Only ten changes of that in a second are allowed to others than root: then it is tried again for a second.
    """
    with suppress(ProcessLookupError):
        niceness = min(os.getpriority(os.PRIO_PROCESS, pid) + nice, 19)
        os.setpriority(os.PRIO_PGRP, pid, niceness)
        for _ in range(_TRIES):
            if _is_set_for_session(pid, niceness):
                return
            await trio.sleep(_BETWEEN_TRIES)


def _is_set_for_session(pid: int, niceness: int) -> bool:
    """Set the niceness of the session of a process; return whether that need not be tried again."""
    try:
        Path(f"/proc/{pid}/autogroup").write_text(str(niceness))
    except BlockingIOError:
        return False
    except OSError:  # sessions have none here
        pass
    return True


def _at_most(limit: int, current: int) -> int:
    return limit if current == resource.RLIM_INFINITY else min(limit, current)


def _data_of(pid: int) -> int:
    """Return how many bytes of data a process has; with its stack, which is small."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[5]) * resource.getpagesize()


def _cpu_time_of(pid: int) -> float:
    """Return how many seconds of processor time a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
