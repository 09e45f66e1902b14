"""Reader: the output of a run as it is on disk, in its final form or while it is written."""

from __future__ import annotations

import os
from codecs import getincrementaldecoder
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from runtime.output.last_lines import LastLines
from runtime.output.paths import output_file
from runtime.output.shape import LIMITS, Limits, gap_in, mark, shaped

_ATTEMPTS = 10
"""How often it is begun anew, as files were replaced meanwhile."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of output."""

    offset: int
    """Where in all that was written it begins."""
    data: bytes


def pieces(path: Path, position: int = 0, limits: Limits = LIMITS) -> list[Piece]:
    """Return what is there of the output from `position` on, in its order; what lies between two pieces is gone.

    Works also while it is written. Where there is no file, there are none.

    Raises:
      OSError: it cannot be read.
    """
    for attempt in range(_ATTEMPTS):
        try:
            with path.open("rb") as file:
                return [piece for piece in _read(path, file, position, limits) if piece.data]
        except FileNotFoundError:
            if not path.exists() or attempt + 1 == _ATTEMPTS:
                return []
    raise AssertionError("each attempt returns, or is followed by another")


def text_of(path: Path, limits: Limits = LIMITS) -> str | None:
    """Return the output in `path` as it is kept in the end, also while it is written; None if there is none.

    Raises:
      OSError: it cannot be read.
    """
    found = pieces(path, limits=limits)
    if not found:
        return None
    data = path.read_bytes()
    if len(data) > limits.head:  # it is in its final form
        return data.decode("utf-8", "backslashreplace")
    head, *tail = found
    left_out = tail[0].offset - len(head.data) if tail else 0
    return shaped(head.data, b"".join(piece.data for piece in tail), left_out, limits).decode("utf-8", "backslashreplace")


def last_lines(log: Path, document: Mapping[str, Any], limits: Limits = LIMITS) -> str | None:
    """Return the last lines of the output of the run that a record with a ``start`` is about; None if there are none."""
    try:
        found = pieces(output_file(log, document["task_name"], document["start"], document["run_id"]), limits=limits)
    except OSError:
        return None
    lines = LastLines()
    for piece in found:
        lines.take(piece.data.decode("utf-8", "backslashreplace"))
    return lines.text()


class Follower:
    """Reads output as it comes.

    Args:
      path: its file, which need not be there yet.
    """

    def __init__(self, path: Path, limits: Limits = LIMITS) -> None:
        self._path, self._limits = path, limits
        self._position = 0
        self._decoder = getincrementaldecoder("utf-8")("replace")

    def news(self) -> str:
        """Return what has come since it was asked last, with a mark where something is gone already; raises OSError."""
        news = []
        for piece in pieces(self._path, self._position, self._limits):
            if piece.offset > self._position:
                news.append(mark(piece.offset - self._position))
            news.append(piece.data)
            self._position = piece.offset + len(piece.data)
        return self._decoder.decode(b"".join(news))


def _read(path: Path, file: BinaryIO, position: int, limits: Limits) -> list[Piece]:
    size = os.fstat(file.fileno()).st_size
    if size < limits.head:
        return [_rest(file, 0, position)]
    if size > limits.head:  # it is in its final form
        return _parted(file.read(), position, limits)
    parts = sorted((offset, part) for part in path.parent.iterdir() if (offset := _offset_of(part, path)) is not None)
    found = [_rest(file, 0, position)]
    for offset, part in parts:
        with part.open("rb") as beyond:  # FileNotFoundError: it was let go of just now, or all was put into its final form
            found.append(_rest(beyond, offset, position))
    if path.stat().st_ino != os.fstat(file.fileno()).st_ino:
        raise FileNotFoundError
    return found


def _rest(file: BinaryIO, offset: int, position: int) -> Piece:
    """Return what is in a file from `position` of the output on; the file itself begins at `offset` of it."""
    skipped = max(position - offset, 0)
    file.seek(skipped)
    return Piece(offset + skipped, file.read())


def _parted(text: bytes, position: int, limits: Limits) -> list[Piece]:
    gap = gap_in(text, limits)
    if gap is None:
        return [Piece(position, text[position:])]
    head, end, left_out = gap
    after = head + left_out
    return [
        Piece(position, text[position:head]),
        Piece(max(after, position), text[end + max(position - after, 0) :]),
    ]


def _offset_of(part: Path, path: Path) -> int | None:
    number = part.name[len(path.name) + 1 :]
    return int(number) if part.name.startswith(f"{path.name}.") and number.isdigit() else None
