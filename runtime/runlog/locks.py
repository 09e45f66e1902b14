"""Who holds a lock on a file."""

from __future__ import annotations

import fcntl
import os
from contextlib import suppress
from datetime import datetime
from pathlib import Path


def holder_of(fd: int) -> str:
    """Return who holds the ``flock`` on the open file `fd`, in words: its process id and start, where the system tells."""
    inode = os.fstat(fd).st_ino
    pid = _holders().get(inode)
    return "another process" if pid is None else _described(pid)


def is_locked(log: Path) -> bool:
    """Return whether somebody holds the lock of the run log `log`, to write it.

    Who holds locks the system may not tell, as in a container. Then it is tried, for some microseconds, in which a runtime that
    starts would be refused: so this is not to be asked again and again about a log that nobody writes.
    """
    return any(_is_locked(path) for path in (log, log.with_name(f"{log.name}.lock")))


def _is_locked(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            if os.fstat(file.fileno()).st_ino not in _holders():
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
                return False
    except BlockingIOError:
        return True
    except OSError:
        return False
    return True


def _holders() -> dict[int, int]:
    """Return {inode: process that holds a ``flock`` on it}, as far as the system tells."""
    try:
        lines = Path("/proc/locks").read_text().splitlines()
    except OSError:
        return {}
    locks = [line.split() for line in lines if "->" not in line]  # an arrow is in front of who waits
    return {int(fields[5].rsplit(":", 1)[-1]): int(fields[4]) for fields in locks if fields[1] == "FLOCK"}


def _described(pid: int) -> str:
    if pid == os.getpid():
        return f"another runtime of this process (pid {pid})"
    with suppress(OSError):
        started = datetime.fromtimestamp(Path(f"/proc/{pid}").stat().st_mtime).astimezone()
        return f"process {pid}, which started {started:%Y-%m-%d %H:%M:%S}"
    return f"process {pid}"
