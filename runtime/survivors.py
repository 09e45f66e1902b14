"""Survivors: processes of runs that have outlived the runtime which had started them."""

from __future__ import annotations

import logging
import os
import signal
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Any

from runtime.identity import Identity, is_alive
from runtime.logs import runtime_log

TO_DIE = 2.0
"""Seconds that all of them together get to be gone once they are killed."""
_BETWEEN_LOOKS = 0.01


def end_survivors(runs: Iterable[Mapping[str, Any]]) -> frozenset[int]:
    """Kill the processes of `runs`, where they are there and certainly theirs, each with the process group it leads.

    Not where the scheduler that started one goes on elsewhere: the log is a copy of the one that it writes, and nobody was left
    behind. Waits until they are gone, for :data:`TO_DIE` at most; at once where there is none. Each is told of in the log.

    Args:
      runs: the "run" records of runs without an end, with what was noted of their processes.

    Returns:
      The ids of those that are still there, as the system does not let them be killed.
    """
    left_behind = ((identity_in(run), run) for run in runs if not _is_elsewhere(scheduler_in(run)))
    found = {identity: run for identity, run in left_behind if identity is not None and _is_elsewhere(identity)}
    for identity, run in found.items():
        told = "task %r run %s: its process %d has outlived the runtime that had started it, and is killed"
        runtime_log.tell(logging.WARNING, told, run["task_name"], run["run_id"], identity.pid)
        _kill(identity.pid)
    left = _wait_gone(list(found))
    for identity in left:
        told = "task %r run %s: its process %d could not be ended, and goes on"
        runtime_log.tell(logging.ERROR, told, found[identity]["task_name"], found[identity]["run_id"], identity.pid)
    return frozenset(identity.pid for identity in left)


def identity_in(run: Mapping[str, Any]) -> Identity | None:
    """Return which process a run has, as its record says; None if it says nothing, or nothing that can be."""
    identity = _identity(run, "pid", "pid_start")
    return identity if identity is not None and identity.pid > 1 else None


def scheduler_in(run: Mapping[str, Any]) -> Identity | None:
    """Return which process has started that of a run, as its record says; None likewise, as in older records. It may be 1."""
    return _identity(run, "scheduler", "scheduler_start")


def _identity(run: Mapping[str, Any], number: str, start: str) -> Identity | None:
    pid, started, boot = run.get(number), run.get(start), run.get("boot")
    if type(pid) is int and type(started) is int and isinstance(boot, str):
        return Identity(pid, started, boot)
    return None


def _is_elsewhere(identity: Identity | None) -> bool:
    """Return whether that process lives, and is not this one, which by ``exec`` may have taken its place."""
    return identity is not None and identity.pid != os.getpid() and is_alive(identity)


def _kill(pid: int) -> None:
    """Kill a process with the group it leads, unless that is our own: a command may have started this program."""
    with suppress(ProcessLookupError, PermissionError):
        if os.getpgid(pid) == pid != os.getpgrp():
            os.killpg(pid, signal.SIGKILL)
        else:
            os.kill(pid, signal.SIGKILL)


def _wait_gone(identities: list[Identity]) -> list[Identity]:
    """Wait until they are gone, and return those that are not in time."""
    deadline = time.monotonic() + TO_DIE
    while (left := [identity for identity in identities if is_alive(identity)]) and time.monotonic() < deadline:
        time.sleep(_BETWEEN_LOOKS)
    return left
