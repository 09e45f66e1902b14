"""The lock on a run log: one process writes it, and another is told which."""

from __future__ import annotations

import errno
import fcntl
import json
import os
from collections.abc import Callable
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

    Args:
      path: the file.
      log: the log, for who hears that it is locked.
      forked: called in a child of this process that was forked while it is held; the child does not have it.
    """

    def __init__(self, path: Path, log: Path, forked: Callable[[], object]) -> None:
        self.path, self._log, self._forked = path, log, forked
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
        self._fd = self._taken()
        this = ref(self)  # what is registered stays so for good
        os.register_at_fork(after_in_child=lambda: _leave(this()))  # a child that outlives us would hold it

    def renew(self) -> None:
        """Take it anew where its file, or the folder of that, was removed or replaced: it would keep nobody out any more.

        Raises:
          OSError: somebody else has it by now, or the file cannot be made.
        """
        with suppress(OSError):
            if os.path.samestat(os.fstat(self._fd), self.path.stat()):
                return
        self.path.parent.mkdir(parents=True, exist_ok=True)
        try:
            fd = self._taken()
        except LogLocked as exc:
            raise OSError(errno.EBUSY, f"it is in use by {exc.holder}", str(self._log)) from exc
        except LogUnusable as exc:
            raise OSError(errno.ENOLCK, exc.problem, str(self._log)) from exc
        os.close(self._fd)
        self._fd = fd

    def _taken(self) -> int:
        """Return the descriptor of its file, locked."""
        fd = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        with ExitStack() as unless_taken:
            unless_taken.callback(os.close, fd)
            if not self._is_locked(fd):
                raise LogLocked(str(self._log), _described(os.read(fd, _MOST)))
            unless_taken.pop_all()
        with suppress(OSError):  # a full disk must not keep anybody from reading what is there; others then hear no name
            os.ftruncate(fd, 0)
            os.pwrite(fd, f"{json.dumps({'pid': os.getpid(), 'started': time()})}\n".encode(), 0)
        return fd

    def _is_locked(self, fd: int) -> bool:
        """Lock its file, and return whether that was possible."""
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
            self._close()

    def leave(self) -> None:
        """Let go of it in a child that was forked: it is the parent's."""
        if self.is_held:
            self._close()
            self._forked()

    def _close(self) -> None:
        os.close(self._fd)
        self._fd = -1


def _leave(lock: FileLock | None) -> None:
    if lock is not None:
        lock.leave()


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
