"""Reserve: room on the disk that is given up when nothing else is left, so that what happens then is still put on record."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

SIZE = 1 << 20
_ROOM = 8 * SIZE
"""Bytes that are to be free before it is made: it must not be what fills the disk."""


class Reserve:
    """A file of 1 MiB beside the log, of no content."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def make(self) -> bool:
        """Make it if there is none and the disk has room, and return whether there is one."""
        try:
            status = os.statvfs(self._path.parent)
            if not self._path.exists() and status.f_bavail * status.f_frsize >= _ROOM:
                self._path.write_bytes(bytes(SIZE))
            return self._path.exists()
        except OSError:
            self.free()
            return False

    def free(self) -> bool:
        """Give it up, and return whether there was one."""
        with suppress(OSError):
            self._path.unlink()
            return True
        return False
