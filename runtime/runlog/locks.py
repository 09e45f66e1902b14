"""The lock on a run log: one process writes it, and another is told which."""

from __future__ import annotations

import fcntl
import os
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from time import time
from typing import Any
from weakref import WeakMethod

import orjson

from actors.errors import LogLocked

_MOST = 4096


class FileLock:
    """An ``flock`` on a file beside the log, in which its holder says who it is.

    It ends with its process, however that ends, so nobody has to clean up. The file stays: a lock on one that is deleted and made
    anew would keep nobody out.
    """

    def __init__(self, path: Path, log: Path) -> None:
        self.path, self._log = path, log
        self._fd = -1

    @property
    def is_held(self) -> bool:
        """Whether it is held by this object."""
        return self._fd >= 0

    def acquire(self) -> None:
        """Take it.

        Raises:
          LogLocked: somebody else has it; says who.
          OSError: the file cannot be made.
        """
        fd = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            said = os.read(fd, _MOST)
            os.close(fd)
            raise LogLocked(str(self._log), _described(said)) from None
        except BaseException:
            os.close(fd)
            raise
        self._fd = fd
        release = WeakMethod(self._let_go)  # what is registered stays so for good
        os.register_at_fork(after_in_child=lambda: (release() or bool)())  # a child that outlives us would hold it
        with suppress(OSError):  # a full disk must not keep anybody from reading what is there; others then hear no name
            os.ftruncate(fd, 0)
            os.pwrite(fd, orjson.dumps({"pid": os.getpid(), "started": time()}) + b"\n", 0)

    def release(self) -> None:
        """Let go of it; does nothing if it is not held."""
        if self.is_held:
            with suppress(OSError):
                os.ftruncate(self._fd, 0)
            self._let_go()

    def _let_go(self) -> None:
        if self.is_held:
            os.close(self._fd)
            self._fd = -1


def holder_of(path: Path) -> str | None:
    """Return in words who holds the lock whose file is `path`; None if nobody does. Takes it for a moment."""
    try:
        fd = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return _described(os.read(fd, _MOST))
    finally:
        os.close(fd)
    return None


def _described(said: bytes) -> str:
    try:
        holder: Any = orjson.loads(said)
        pid, started = int(holder["pid"]), datetime.fromtimestamp(holder["started"]).astimezone()
    except (ValueError, TypeError, KeyError, OverflowError):  # it has not said so yet, or could not
        return "another process"
    which = f"another runtime of this process (pid {pid})" if pid == os.getpid() else f"process {pid}"
    return f"{which}, which opened it {started:%Y-%m-%d %H:%M:%S}"
