"""The lock on a run log: one process writes it, and another is told which."""

from __future__ import annotations

import fcntl
import json
import os
from contextlib import ExitStack, suppress
from datetime import datetime
from pathlib import Path
from time import sleep, time
from typing import Any
from weakref import ref

from actors.errors import LogLocked, LogUnusable

_MOST = 4096
_TRIES = 10
_BETWEEN = 0.02


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
          LogUnusable: the file system has no locks.
          OSError: the file cannot be made.
        """
        fd = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        with ExitStack() as unless_taken:
            unless_taken.callback(os.close, fd)
            if not self._taken(fd):
                raise LogLocked(str(self._log), _described(os.read(fd, _MOST)))
            unless_taken.pop_all()
        self._fd = fd
        this = ref(self)  # what is registered stays so for good
        os.register_at_fork(after_in_child=lambda: _let_go(this()))  # a child that outlives us would hold it
        with suppress(OSError):  # a full disk must not keep anybody from reading what is there; others then hear no name
            os.ftruncate(fd, 0)
            os.pwrite(fd, f"{json.dumps({'pid': os.getpid(), 'started': time()})}\n".encode(), 0)

    def _taken(self, fd: int) -> bool:
        for _ in range(_TRIES):
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                sleep(_BETWEEN)  # somebody may only be asking who holds it
            except OSError as exc:
                problem = (
                    f"its file system has no locks ({exc.strerror}), so that two could write it at once: put it on a local disk"
                )
                raise LogUnusable(str(self._log), problem) from exc
            else:
                return True
        return False

    def release(self) -> None:
        """Let go of it; does nothing if it is not held."""
        if self.is_held:
            with suppress(OSError):
                os.ftruncate(self._fd, 0)
            self.let_go()

    def let_go(self) -> None:
        """Close its file, as a child of this process does that was forked."""
        if self.is_held:
            os.close(self._fd)
            self._fd = -1


def _let_go(lock: FileLock | None) -> None:
    if lock is not None:
        lock.let_go()


def holder_of(path: Path) -> str | None:
    """Return in words who holds the lock whose file is `path`; None if nobody does, or can. Takes it for a moment."""
    with ExitStack() as closing, suppress(OSError):  # also where the file system has no locks: nobody writes there
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)  # who may only read the log may ask too
        closing.callback(os.close, fd)
        try:
            fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return _described(os.read(fd, _MOST))
    return None


def lock_path(log: Path) -> Path:
    """Return the file of the lock on the run log `log`; it is there from the first time that somebody writes the log."""
    return log.with_name(f"{log.name}.lock")


def is_locked(log: Path) -> bool:
    """Return whether somebody writes the run log `log` now, or what that is a link to."""
    return holder_of(lock_path(log.resolve())) is not None


def _described(said: bytes) -> str:
    try:
        holder: Any = json.loads(said)
        pid, started = int(holder["pid"]), datetime.fromtimestamp(holder["started"]).astimezone()
    except (ValueError, TypeError, KeyError, OverflowError):  # it has not said so yet, or could not
        return "another process"
    which = f"another runtime of this process (pid {pid})" if pid == os.getpid() else f"process {pid}"
    return f"{which}, which opened it {started:%Y-%m-%d %H:%M:%S}"
