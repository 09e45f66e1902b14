"""OutputFile: the output of one run on disk, while it is written."""

from __future__ import annotations

import errno
import os
from collections import deque
from contextlib import suppress
from pathlib import Path
from threading import BoundedSemaphore

from runtime.output.gauge import on_disk
from runtime.output.paths import NAME_FILE, is_shortened
from runtime.output.shape import LIMITS, Limits, shaped

_FLAGS = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
_ATTEMPTS = 10
"""How often a file is opened whose folder is removed meanwhile, as it was empty."""


def part_at(path: Path, offset: int) -> Path:
    """Return the file with the output of a run from `offset` on, which is beyond what its own file takes."""
    return path.with_name(f"{path.name}.{offset:012d}")


class OutputFile:
    """Takes bytes, and keeps the first and the last of them; what was taken outlives this process.

    The first go to the file itself, until it has ``head`` bytes. Those after them go to parts beside it, each named by where in
    the output it begins, of at most ``tail`` bytes: the last two are kept. In the end all becomes one file. So on disk there is
    never more than the head and twice the tail, and reading needs nothing but the files.

    Not for several threads at once. Where a disk fails, OSError comes out of each method, and the object is not to be used again
    but by :meth:`close`.

    Args:
      task: whose name is put beside the file, where the path does not say it.
      slots: how many files may be held open; one beyond that is opened for each write.
    """

    __slots__ = ("_fd", "_limits", "_offset", "_parts", "_path", "_room", "_slots", "_task")

    def __init__(self, path: Path, task: str, slots: BoundedSemaphore, limits: Limits = LIMITS) -> None:
        self._path, self._task, self._slots, self._limits = path, task, slots, limits
        self._parts: deque[Path] = deque()
        self._fd = -1  # of the file that is written, if it is held open
        self._room = limits.head  # in that file
        self._offset = 0

    @property
    def weight(self) -> int:
        """How much of the disk it will have taken in the end, in bytes."""
        return on_disk(min(self._offset, self._limits.head + self._limits.tail))

    def append(self, data: bytes) -> None:
        """Add `data`."""
        while len(data) > self._room:
            data = self._filled_up(data)
            if (passed := len(data) - self._limits.tail) > 0:  # it would be written, and deleted at once
                self._offset += passed
                data = data[passed:]
            self._begin_part()
        self._write(data)

    def finish(self) -> None:
        """Put what is kept into one file."""
        self.close()
        if not self._parts:
            return
        head, tail = self._path.read_bytes(), b"".join(part.read_bytes() for part in self._parts)
        draft = self._path.with_name(f"{self._path.name}.new")
        draft.write_bytes(shaped(head, tail, max(self._offset - len(tail) - len(head), 0), self._limits))
        draft.replace(self._path)
        for part in self._parts:
            part.unlink()

    def close(self) -> None:
        """Write no more."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
            self._slots.release()

    def _filled_up(self, data: bytes) -> bytes:
        """Write as much of `data` as the current file takes, and return the rest."""
        room = self._room
        if room:
            self._write(data[:room])
        return data[room:]

    def _begin_part(self) -> None:
        self.close()
        self._parts.append(part_at(self._path, self._offset))
        self._room = self._limits.tail
        if len(self._parts) > 2:  # noqa: PLR2004  # the one that is full now has less of the end than is kept, with the next
            self._parts.popleft().unlink()

    def _write(self, data: bytes) -> None:
        fd = self._fd if self._fd >= 0 else self._opened()
        try:
            written = os.write(fd, data)
        finally:
            if fd != self._fd:
                os.close(fd)
        self._offset += written
        self._room -= written
        if written < len(data):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def _opened(self) -> int:
        path = self._parts[-1] if self._parts else self._path
        for _ in range(_ATTEMPTS):
            with suppress(FileNotFoundError):
                fd = os.open(path, _FLAGS, 0o644)
                break
            with suppress(FileNotFoundError):
                path.parent.mkdir(parents=True, exist_ok=True)
        else:
            fd = os.open(path, _FLAGS, 0o644)
        if self._slots.acquire(blocking=False):
            self._fd = fd
        if path is self._path and is_shortened(path.parent.name):
            self._name_folder(path.parent)
        return fd

    def _name_folder(self, folder: Path) -> None:
        """Put the name of the task beside the file, now that the folder is no longer one that may be removed as empty."""
        name = folder / NAME_FILE
        if not name.exists():
            name.write_bytes(self._task.encode("utf-8", "surrogatepass"))
