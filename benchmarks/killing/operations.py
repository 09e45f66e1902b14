"""Operations on the files of a run log, in the middle of which a victim kills itself, or for which the disk is full."""

from __future__ import annotations

import errno
import os
import signal
import threading
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, NoReturn

from benchmarks.killing.plan import Full, Operation

_WRITES = os.O_WRONLY | os.O_RDWR


class Operations:
    """Counts what this process does to the files in `folder`, and dies, or fails, where that is planned."""

    def __init__(self, folder: Path, fatal: Operation | None, full: Full | None) -> None:
        self._folder, self._fatal, self._full = str(folder.resolve()), fatal, full
        self._counts: Counter[str] = Counter()
        self._guard = threading.Lock()  # tidying has a thread of its own

    def install(self) -> None:
        """Do so from now on, for good."""
        for name in ("rename", "replace", "unlink", "truncate"):
            setattr(os, name, self._around(name, getattr(os, name), self._has_path))
        os.ftruncate = self._around("truncate", os.ftruncate, self._has_open)
        os.fsync = self._around("fsync", os.fsync, self._has_open)
        os.open = self._around("open", os.open, self._has_to_write)
        os.write = self._writing(os.write)  # type: ignore[assignment]  # nobody here writes but bytes

    def _around(self, name: str, real: Callable[..., Any], is_ours: Callable[..., bool]) -> Callable[..., Any]:
        def operation(*args: Any, **kwargs: Any) -> Any:
            if not is_ours(*args):
                return real(*args, **kwargs)
            place = self._place_of_death(name)
            if place == "before":
                _die()
            done = real(*args, **kwargs)
            if place is not None:
                _die()
            return done

        return operation

    def _writing(self, real: Callable[[int, bytes], int]) -> Callable[[int, bytes], int]:
        def write(fd: int, data: bytes) -> int:
            if not self._has_open(fd):
                return real(fd, data)
            place = self._place_of_death("write")
            if place == "before":
                _die()
            if self._is_full() and self._is_of_log(fd):
                if self._counts["write"] % 2:
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
                return real(fd, data[: len(data) // 2])
            if place == "amid":
                real(fd, data[: len(data) // 2])
                _die()
            done = real(fd, data)
            if place == "after":
                _die()
            return done

        return write

    def _place_of_death(self, name: str) -> str | None:
        """Count an operation, and return where in it this process is to die; None if it is not."""
        with self._guard:
            self._counts[name] += 1
            fatal = self._fatal
            return fatal.place if fatal is not None and (fatal.name, fatal.number) == (name, self._counts[name]) else None

    def _is_full(self) -> bool:
        full = self._full
        return full is not None and full.first <= self._counts["write"] < full.first + full.count

    def _is_of_log(self, fd: int) -> bool:
        """Return whether a file is one of the log itself, and not what a run prints."""
        return str(_path_of(fd).parent) == self._folder

    def _has_path(self, path: Any, *_: Any) -> bool:
        return not isinstance(path, int) and os.path.realpath(os.fspath(path)).startswith(self._folder)

    def _has_to_write(self, path: Any, flags: int = 0, *_: Any) -> bool:
        return bool(flags & _WRITES) and self._has_path(path)

    def _has_open(self, fd: Any, *_: Any) -> bool:
        with suppress(OSError):
            return str(_path_of(fd)).startswith(self._folder)
        return False


def _path_of(fd: int) -> Path:
    return Path(f"/proc/self/fd/{fd}").readlink()


def _die() -> NoReturn:
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError("nothing comes after that")
