"""Who holds a lock on a file."""

from __future__ import annotations

import os
from contextlib import suppress
from datetime import datetime
from pathlib import Path


def holder_of(fd: int) -> str:
    """Return who holds the ``flock`` on the open file `fd`, in words: its process id and start, where the system tells."""
    inode = os.fstat(fd).st_ino
    with suppress(OSError):
        for line in Path("/proc/locks").read_text().splitlines():
            fields = line.split()
            if fields[1] == "FLOCK" and fields[5].rsplit(":", 1)[-1] == str(inode):
                return _described(int(fields[4]))
    return "another process"


def _described(pid: int) -> str:
    if pid == os.getpid():
        return f"another runtime of this process (pid {pid})"
    with suppress(OSError):
        started = datetime.fromtimestamp(Path(f"/proc/{pid}").stat().st_mtime).astimezone()
        return f"process {pid}, which started {started:%Y-%m-%d %H:%M:%S}"
    return f"process {pid}"
