"""Identity: which process one is, and whether it is still there."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc")
"""Where Linux tells of processes."""
_STATE, _STARTED = 0, 19  # fields 3 and 22 of proc(5), counted behind the name, which may hold spaces and parentheses
_DEAD = ("Z", "X")


@dataclass(frozen=True, slots=True)
class Identity:
    """What tells one process from all others, also from one that gets its number later, or after a boot of the machine."""

    pid: int
    started: int
    """When it started: clock ticks since the boot."""
    boot: str
    """The id of that boot."""


def identity_of(pid: int, proc: Path = PROC) -> Identity | None:
    """Return who the process `pid` is, dead or not; None if there is none, or the system has no ``/proc`` to tell it.

    Args:
      proc: where the system tells of processes.
    """
    fields = _fields_of(pid, proc)
    with suppress(OSError, ValueError, IndexError):
        return Identity(pid, int(fields[_STARTED]), (proc / "sys/kernel/random/boot_id").read_text().strip())
    return None


def is_alive(identity: Identity, proc: Path = PROC) -> bool:
    """Return whether that very process is there, and not a zombie. Where nothing can be told apart, it is not.

    Args:
      proc: where the system tells of processes.
    """
    fields = _fields_of(identity.pid, proc)
    return bool(fields) and fields[_STATE] not in _DEAD and identity_of(identity.pid, proc) == identity


def _fields_of(pid: int, proc: Path) -> list[str]:
    """Return what the system tells of a process behind its name; nothing if there is no such process."""
    try:
        return (proc / str(pid) / "stat").read_bytes().rpartition(b")")[2].decode("ascii", "replace").split()
    except OSError:
        return []
