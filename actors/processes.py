"""The options of processes: what the process of a run may use, and for how many runs it is used."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator, Mapping
from typing import Any

from actors.sizes import Size, to_bytes
from actors.timespans import TimeSpan, to_finite

OF_PROCESSES = ("memory", "cpu_time", "nice")
"""The options that need a process of the run's own: that of its worker, or of its command."""
OF_WORKERS = ("fresh", "max_runs_per_worker")
"""Those that need a worker."""
NICEST = 19


def to_memory(given: Size | None) -> int | None:
    """Return a limit of memory in bytes, None for none."""
    if given is None:
        return None
    _check_platform()
    if not (count := to_bytes(given)):
        raise ValueError("a size above 0 is expected, or None for no limit")
    return count


def to_cpu_time(given: TimeSpan | None) -> int | None:
    """Return a limit of processor time in seconds, rounded up to whole ones since no others are counted; None for none."""
    if given is None:
        return None
    _check_platform()
    if not (seconds := math.ceil(to_finite(given))):
        raise ValueError("a time above 0 is expected, or None for no limit")
    return seconds


def to_nice(given: int) -> int:
    """Return by how much the niceness of a process is above that of the scheduler."""
    if not isinstance(given, int) or isinstance(given, bool) or not 0 <= given <= NICEST:
        raise ValueError(f"a whole number from 0 to {NICEST} is expected")
    return given


def idle_options(given: Mapping[str, Any], execution: str, *, is_command: bool) -> Iterator[str]:
    """Yield the names of the options `given` that ask for something, and have nothing to apply to with that `execution`."""
    if execution != "process":
        needy = OF_WORKERS if is_command else (*OF_PROCESSES, *OF_WORKERS)
        yield from (name for name in needy if given[name])


def _check_platform() -> None:
    if sys.platform != "linux":
        raise ValueError("it works on Linux only; elsewhere leave it out, and let timeout= bound the run")
