"""Views: the segments of a run log as they are at one moment, whatever becomes of their files meanwhile."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from mmap import ACCESS_READ, mmap
from pathlib import Path
from typing import Any

from actors.errors import LogUnusable
from runtime.logs import runtime_log
from runtime.runlog.lines import complete_lines, complete_lines_backwards, decode, lines_with, lines_with_backwards
from runtime.runlog.segments import TRIES, Header, Segment, chain, head_of, header_of, sealed_path, too_fast

Key = tuple[int, Header]
HELD = 64
"""How many segments are held open, the newest: a process may have only so many files open."""


@dataclass(frozen=True, slots=True)
class View:
    """What is in a segment: all of a sealed one, and of the active one what has been written."""

    segment: Segment
    inode: int
    held: bytes | mmap | None
    """Its bytes, whatever becomes of the file; None if it is opened each time it is read."""
    told: set[Key] = field(default_factory=set, compare=False)
    """Of which segments it was told already that something is damaged."""

    @property
    def key(self) -> Key:
        """What tells its file from those that had its name before, or have its number."""
        return self.inode, self.segment.header

    @property
    def data(self) -> bytes | mmap:
        """Its bytes.

        Raises:
          LogChanged: it is not held, and has become another since.
          LogUnusable: it cannot be read.
        """
        if self.held is not None:
            return self.held
        with suppress(FileNotFoundError):
            if (now := _view(self.segment, self.told)) is not None and now.key == self.key:
                return now.data
        raise too_fast(self.segment.path)

    def body(self, data: bytes | mmap) -> int:
        """Return where the documents begin in its bytes, `data`."""
        return data.find(b"\n") + 1 if self.segment.header.is_whole else 0

    @property
    def is_torn(self) -> bool:
        """Whether its last line is not complete."""
        return self.data[-1:] != b"\n"

    def lines(self, part: bytes | None = None, *, newest_first: bool = False) -> Iterator[bytes]:
        """Yield its lines that are complete, without the header; of them those that have `part` in them, if that is given."""
        data = self.data
        if part is not None:
            return (lines_with_backwards if newest_first else lines_with)(part, data, self.body(data))
        return (complete_lines_backwards if newest_first else complete_lines)(data, self.body(data))

    def documents(self, lines: Iterable[bytes] | None = None) -> Iterator[dict[str, Any]]:
        """Yield its documents that are whole; that others were passed over is told, once.

        Args:
          lines: those that matter; None is all, the oldest first.
        """
        damaged = 0
        for line in self.lines() if lines is None else lines:
            if (document := decode(line)) is not None:
                yield document
            else:
                damaged += 1
        if damaged and self.key not in self.told:
            self.told.add(self.key)
            told = "run log %s: passed over %d damaged line" + "s" * (damaged > 1)
            runtime_log.tell(logging.WARNING, told, self.segment.path, damaged)


def views_of(log: Path, told: set[Key] | None = None) -> list[View]:
    """Return the views of all segments of `log` that count, the oldest first; none if there is no file.

    They show what was there at this moment, but for those before the newest :data:`HELD`: to read one of these is a LogChanged
    where it has become another meanwhile.

    Args:
      told: of which segments it was told already that something is damaged, which those add to; None is of none.

    Raises:
      LogUnusable: a file is no segment, or cannot be read.
    """
    told = set() if told is None else told
    for _ in range(TRIES):
        try:
            segments = chain(log)
            older = [_later(each, told) for each in segments[:-HELD]]
            newest = [_active_view(each, told) if each.path == log else _view(each, told) for each in segments[-HELD:]]
        except FileNotFoundError:  # sealed, or replaced, between being found and being opened
            continue
        if None not in newest:
            return [*older, *(view for view in newest if view is not None)]
    raise too_fast(log)


def _active_view(segment: Segment, told: set[Key]) -> View | None:
    """Return the view of the active segment, also where it was sealed since its header was read; None likewise."""
    with suppress(FileNotFoundError):
        if (view := _view(segment, told, is_active=True)) is not None:
            return view
    return _view(replace(segment, path=sealed_path(segment.path, segment.number)), told)


def _later(segment: Segment, told: set[Key]) -> View:
    """Return the view of a segment that is opened when it is read."""
    return View(segment, segment.path.stat().st_ino, None, told)


def _view(segment: Segment, told: set[Key], *, is_active: bool = False) -> View | None:
    """Return the view of a segment; None if the file has become another one since its header was read."""
    data, inode = _opened(segment.path, is_active=is_active)
    now = header_of(head_of(data), segment.path, segment.number, is_sealed=not is_active)
    return View(segment, inode, data, told) if now == segment.header else None


def _opened(path: Path, *, is_active: bool = False) -> tuple[bytes | mmap, int]:
    """Return the bytes of a segment's file, and its inode."""
    try:
        with path.open("rb") as file:
            # Only what is sealed is mapped: of the active one, the writer may cut off what it could not finish.
            status = os.fstat(file.fileno())
            is_read = is_active or not status.st_size
            return file.read() if is_read else mmap(file.fileno(), 0, access=ACCESS_READ), status.st_ino
    except FileNotFoundError:
        raise
    except (OSError, ValueError) as exc:
        raise LogUnusable(str(path), getattr(exc, "strerror", None) or str(exc)) from exc
