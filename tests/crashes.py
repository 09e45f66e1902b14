"""Snapshots of a folder before and after each thing that is done to its files: what a process leaves that dies there."""

import io
import os
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

WRITING = os.O_WRONLY | os.O_RDWR


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What is in the folder at one moment."""

    moment: str
    files: dict[str, bytes]
    truth: Any
    """What the test says of the moment."""

    def restored(self, folder):
        """Write it to `folder`, which is made, and return that."""
        folder.mkdir()
        for name, data in self.files.items():
            (folder / name).write_bytes(data)
        return folder


class Snapshots:
    """Takes them while ``watching``; two moments without a difference are one.

    Args:
      truth: returns what is true at this moment.
      power: whether it is the power that fails: then of each file only that is left which was synced. Names are taken to be kept
        in their order, as journaling file systems do.
    """

    def __init__(self, folder, monkeypatch, truth, *, power=False):
        self._folder, self._monkeypatch, self._truth, self._power = folder, monkeypatch, truth, power
        self._synced = {path.stat().st_ino: path.stat().st_size for path in folder.iterdir() if path.is_file()}
        self._is_busy = False
        self.taken = []

    def take(self, moment):
        """Take one, unless it is like the last."""
        snapshot = Snapshot(moment, self._files(), self._truth())
        if not self.taken or (snapshot.files, snapshot.truth) != (self.taken[-1].files, self.taken[-1].truth):
            self.taken.append(snapshot)

    def _files(self):
        found, synced = {}, {}
        for path in self._folder.iterdir():
            if path.is_file():
                data, inode = path.read_bytes(), path.stat().st_ino
                synced[inode] = self._synced.get(inode, 0)
                found[path.name] = data[: synced[inode]] if self._power else data
        self._synced = synced  # the number of a file that is gone may be given to another
        return found

    @contextmanager
    def watching(self):
        """Take one around each operation in the block."""
        with self._monkeypatch.context() as patch:
            for name in ("rename", "replace", "unlink", "truncate"):
                patch.setattr(os, name, self._around(name, getattr(os, name), self._is_ours))
            for name in ("ftruncate", "fsync"):
                patch.setattr(os, name, self._around(name, getattr(os, name), self._is_open_here))
            patch.setattr(os, "open", self._around("open", os.open, self._is_ours_to_write))
            patch.setattr(
                io, "open", self._around("open", io.open, lambda path, mode="r", *_: mode != "rb" and self._is_ours(path))
            )
            patch.setattr(os, "write", self._torn(os.write))
            yield

    def _around(self, name, real, is_ours):
        def operation(*args, **kwargs):
            if self._is_busy or not is_ours(*args):
                return real(*args, **kwargs)
            words = f"{name} {self._named(args[0])}"
            self._quietly(f"before {words}")
            try:
                done = real(*args, **kwargs)
                if name == "fsync":
                    self._note_synced(args[0])
            finally:
                self._quietly(f"after {words}")
            return done

        return operation

    def _torn(self, real):
        """Write in two pieces."""

        def write(fd, data):
            if self._is_busy or not self._is_open_here(fd):
                return real(fd, data)
            named, half = self._named(fd), len(data) // 2
            self._quietly(f"before write {named}")
            real(fd, data[:half])
            self._quietly(f"amid write {named}")
            real(fd, data[half:])
            self._quietly(f"after write {named}")
            return len(data)

        return write

    def _quietly(self, moment):
        self._is_busy = True
        try:
            self.take(moment)
        finally:
            self._is_busy = False

    def _note_synced(self, fd):
        status = os.fstat(fd)
        self._synced[status.st_ino] = status.st_size

    def _is_ours(self, path, *_):
        return not isinstance(path, int) and Path(os.fspath(path)).parent == self._folder

    def _is_ours_to_write(self, path, flags=0, *_):
        return bool(flags & WRITING) and self._is_ours(path)

    def _is_open_here(self, fd, *_):
        with suppress(OSError):
            path = Path(f"/proc/self/fd/{fd}").readlink()
            return self._folder in (path, path.parent)
        return False

    def _named(self, what):
        return (Path(f"/proc/self/fd/{what}").readlink() if isinstance(what, int) else Path(what)).name
