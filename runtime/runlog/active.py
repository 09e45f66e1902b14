"""Active: the segment of a run log that is appended to."""

from __future__ import annotations

import errno
import math
import os
from contextlib import ExitStack
from pathlib import Path
from time import time

from runtime.runlog.mending import DRAFT, copy_path, give_rights
from runtime.runlog.segments import Header, new_header, sealed_path

LOOK_EVERY = 10.0
"""Seconds between two looks at whether somebody else has removed, replaced or cut the file, where records come."""
_AHEAD = 86400.0
"""Seconds in the future in which a segment was begun whose age is none: the clock was wrong."""


class Active:
    """One open file, which knows how long it is and when it has to be sealed. It ends as the descriptor of a sealed segment.

    Args:
      fd: what it is appended to by; whoever has it open closes it.
      most: bytes from which on it is to be sealed.
      age: seconds likewise, by the machine's clock, whatever its documents say.
    """

    __slots__ = ("_is_torn", "_until", "age", "fd", "header", "limit", "looked", "most", "next_look", "path", "size")

    def __init__(self, path: Path, header: Header, fd: int, most: int, age: float) -> None:
        self.path, self.header, self.fd, self.most, self.age = path, header, fd, most, age
        self.size = os.fstat(fd).st_size
        """Bytes of complete lines; a write that fails half way is cut back to this."""
        self._is_torn = False  # whether there may be more bytes than these
        self.limit = most
        """From which size on it is to be sealed, now that it could not be, perhaps."""
        self._until = header.created + age if header.created else math.inf
        self.looked = self.next_look = 0.0
        """When it was last looked whether it is to be sealed, or has become another file, and when to look again. A moment before
        the first, to which the clock was set back, is one to look, too."""

    @property
    def has_documents(self) -> bool:
        """Whether there is anything in it."""
        return self.size > len(self.header.line())

    @property
    def is_gone(self) -> bool:
        """Whether the file has no name any more: what is written to it is lost."""
        return not os.fstat(self.fd).st_nlink

    def write(self, line: bytes) -> None:
        """Append a line.

        Raises:
          OSError: it could not be written, and nothing of it is there.
        """
        if self._is_torn:
            self._cut_back()
        self._is_torn = True
        written = os.write(self.fd, line)
        if written < len(line):  # the disk is full: half a line must not stay in front of the next one
            self._cut_back()
            told = f"{os.strerror(errno.ENOSPC)}: only {written} of {len(line)} bytes could be written"
            raise OSError(errno.ENOSPC, told, str(self.path))
        self._is_torn = False
        self.size += written

    def _cut_back(self) -> None:
        """Cut off what was written half; where that fails too, it is tried again before anything is written behind it."""
        os.ftruncate(self.fd, self.size)
        self._is_torn = False

    def look(self) -> tuple[bool, str | None]:
        """Return whether it is to be sealed, and what somebody else has done to it, in words; None if nothing.

        What somebody has put in its place is moved aside. Until another one takes its place it is looked at for each line.
        """
        now = time()
        try:
            status = self.path.stat()
            is_ours, is_cut = os.path.samestat(os.fstat(self.fd), status), status.st_size < self.size
        except OSError:
            is_ours = is_cut = False
        if is_ours and not is_cut:
            self._look_again(now)
            is_of_future = now < self.header.created - _AHEAD
            return self.size >= self.limit or now >= self._until or is_of_future, None
        if not is_ours and self.path.exists():
            self.path.rename(copy_path(self.path))
        what = "cut by somebody else" if is_ours else "removed or replaced by somebody else"
        return True, f"{self.path} was {what}; what it had then is lost to the log, which goes on in a new file"

    def postpone(self) -> None:
        """Go on with it for a while, since it cannot be sealed now."""
        now = time()
        self.limit, self._until = self.size + self.most // 16, now + self.age / 16
        self._look_again(now)

    def _look_again(self, now: float) -> None:
        """Plan the next look after one at `now`."""
        self.looked, self.next_look = now, min(now + LOOK_EVERY, self._until)

    def sealed(self) -> Active:
        """Name it as a sealed segment, put a new one in its place, and return that.

        Raises:
          OSError: it could not; all is as it was, as far as that could be brought about.
        """
        header = new_header(self.header.number + 1)
        draft, name, line = self.path.with_name(self.path.name + DRAFT), sealed_path(self.path, self.header.number), header.line()
        with ExitStack() as undoing:
            fd = os.open(draft, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND | os.O_CLOEXEC, 0o644)
            undoing.callback(os.close, fd)
            undoing.callback(draft.unlink, missing_ok=True)
            give_rights(fd, os.fstat(self.fd))
            if os.write(fd, line) < len(line):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(draft))
            if self.path.exists():  # else it was deleted, or could not be named back after a rotation that has failed
                self.path.rename(name)  # from here until the next step there is no active segment, which readers know
                undoing.callback(name.rename, self.path)
            draft.rename(self.path)
            undoing.pop_all()
        return Active(self.path, header, fd, self.most, self.age)
