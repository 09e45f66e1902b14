"""Segments: the files that a run log is made of, and the order in which they are read.

The active one has the name of the log, ``runs.jsonl``; those that were sealed before it are ``runs-000001.jsonl`` and on. The
header of each says which segments it stands for, so that one file, renamed over another, takes the place of many at once.
"""

from __future__ import annotations

import glob
import re
import stat
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from mmap import mmap
from pathlib import Path
from time import time
from typing import Any, TypeVar

from actors.errors import LogChanged, LogUnusable
from runtime.runlog.lines import complete_lines, decode, encode, is_whole
from runtime.runlog.locks import lock_path

T = TypeVar("T")

VERSION = 1
"""The major version of the format; what is added so that a reader of this version may pass over it does not change it."""
NAME = "run log"
_BEGIN = b'{"callsheet":'
_SEALED = re.compile(r"(.+)-(\d{6,})", re.ASCII | re.DOTALL)
_END = re.compile(rb',"crc":"[0-9a-f]{8}"}\n\Z')
_LONGEST_HEADER = 4096
_LOOKED_AT = 1 << 20
"""Bytes at the beginning of a file that tell what it is, where its header does not."""
TRIES = 10
"""How often one looks anew that finds the files becoming others."""


@dataclass(frozen=True, slots=True)
class Header:
    """The first line of a segment."""

    number: int = 1
    first: int = 1
    """It holds what was kept of the segments from this one to its own number."""
    created: float = 0.0
    is_whole: bool = True
    """False if it was damaged or torn, and stands for what it may have said."""

    def line(self) -> bytes:
        """Return it as it is written."""
        return encode(
            {"callsheet": NAME, "version": VERSION, "created": self.created, "segment": self.number, "first": self.first}
        )


@dataclass(frozen=True, slots=True)
class Segment:
    """One file of a run log."""

    path: Path
    header: Header

    @property
    def number(self) -> int:
        """Which it is; the oldest is 1."""
        return self.header.number

    @property
    def first(self) -> int:
        """From which one on it holds what was kept of them."""
        return self.header.first

    @property
    def is_sealed(self) -> bool:
        """Whether its file is named as :func:`sealed_path` has it, and not like the log."""
        return self.path.stem.endswith(f"-{self.number:06d}")


def new_header(number: int, first: int | None = None) -> Header:
    """Return the header of a segment that is made now."""
    return Header(number, number if first is None else first, time())


def sealed_path(log: Path, number: int) -> Path:
    """Return the file of a sealed segment of `log`."""
    return log.with_name(f"{log.stem}-{number:06d}{log.suffix}")


def sealed_files(log: Path, ending: str = "") -> dict[int, Path]:
    """Return the files that are named like sealed segments of `log`: {number: path}, the oldest first.

    Args:
      ending: what their names have behind that.
    """
    start, end = f"{log.stem}-", log.suffix + ending
    found = {}
    for path in log.parent.glob(f"{glob.escape(start)}*{glob.escape(end)}") if log.parent.is_dir() else ():
        digits = path.name[len(start) : len(path.name) - len(end)]
        if len(digits) >= 6 and digits.isdecimal() and sealed_path(log, int(digits)).name + ending == path.name:  # noqa: PLR2004  # as sealed_path has it
            found[int(digits)] = path
    return dict(sorted(found.items()))


def check_alone(log: Path) -> None:
    """Check that no file is both a run log and, by its name, a sealed segment of another one, which would delete it in the end.

    Raises:
      LogUnusable: one is; names both.
    """
    for path in sealed_files(log).values():
        if lock_path(path).exists():
            raise LogUnusable(
                str(log), f"{path.name} beside it is a run log of its own, and would be taken for a part of this one"
            )
    if (found := _SEALED.fullmatch(log.stem)) is None:
        return
    other = log.with_name(f"{found[1]}{log.suffix}")
    if log == sealed_path(other, int(found[2])) and (other.exists() or lock_path(other).exists()):
        raise LogUnusable(str(log), f"it has the name of a part of the run log {other.name} beside it")


def is_of_log(path: Path, log: Path) -> bool:
    """Return whether a file at `path` would be taken for one of those of `log`: a segment, or something beside it."""
    path, log = path.resolve(), log.resolve()
    digits = path.name[len(log.stem) + 1 : len(path.name) - len(log.suffix)]
    is_sealed = digits.isdecimal() and path == sealed_path(log, int(digits))
    return path == log or is_sealed or (path.parent == log.parent and path.name.startswith(f"{log.name}."))


def chain(log: Path) -> list[Segment]:
    """Return the segments of `log` that count, the oldest first; none if there is no file.

    Sealed files that another one stands for are left out: a replacement was cut off before it could delete them.

    Raises:
      LogUnusable: one of them is no segment; says what it is.
    """
    for _ in range(TRIES):
        with suppress(FileNotFoundError):  # one went away between being found and being read
            return _chain(log)
    raise too_fast(log)


def _chain(log: Path) -> list[Segment]:
    active = _beginning_of_active(log)
    files = sealed_files(log)  # only now: an active one that is sealed meanwhile is among them, while they might lack the last
    below = max(files, default=0) + 1
    segments = []
    if active is not None and (active or not files):  # empty beside others, it is one that lost its header with the power
        header = header_of(active, log, below)
        segments.append(Segment(log, header))
        below = header.first
    for number in sorted(files, reverse=True):
        if number < below:
            header = header_of(_beginning(files[number]), files[number], number, is_sealed=True)
            segments.append(Segment(files[number], header))
            below = min(header.first, number)
    return segments[::-1]


def too_fast(path: Path) -> LogChanged:
    """Return the error where a file of a log has become another one since it was found, or does whenever it is to be read."""
    return LogChanged(str(path), "has become another file before it was read")


def asked_anew(question: Callable[[], T]) -> T:
    """Return the answer to a question to the files of a log, asked again where they become others meanwhile.

    Raises:
      LogChanged: they did each time.
    """
    for _ in range(TRIES - 1):
        with suppress(LogChanged):
            return question()
    return question()


def _beginning_of_active(log: Path) -> bytes | None:
    with suppress(FileNotFoundError):
        return _beginning(log)
    return None


def _beginning(path: Path) -> bytes:
    """Return what tells what the file `path` is."""
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise LogUnusable(str(path), "it is a folder" if path.is_dir() else "it is no ordinary file")
        with path.open("rb") as file:
            head = file.read(_LONGEST_HEADER)
            return head if _begins_whole(head) else head + file.read(_LOOKED_AT - len(head))
    except FileNotFoundError:
        raise
    except OSError as exc:
        raise LogUnusable(str(path), exc.strerror or str(exc)) from exc


def head_of(data: bytes | mmap) -> bytes:
    """Return as much of the beginning of a segment as tells what it is: see :func:`header_of`."""
    head = data[:_LONGEST_HEADER]
    return head if _begins_whole(head) else data[:_LOOKED_AT]


def _begins_whole(head: bytes) -> bool:
    return is_whole(head[: head.find(b"\n") + 1])


def header_of(data: bytes, path: Path, number: int, *, is_sealed: bool = False) -> Header:
    """Return the header that `data` begins with, the beginning of the file `path`.

    Args:
      number: which segment it is if the header does not say, or cannot be read.
      is_sealed: whether it may be empty: one that was sealed just before the power failed may have lost all.

    Raises:
      LogUnusable: it is no segment of this version; says what it is, and what to do.
    """
    if not data and is_sealed:
        return Header(number, number, is_whole=False)
    if not data:
        raise LogUnusable(
            str(path),
            "it is empty, as no run log ever is. If it was made for a new one, delete it; "
            "if it had records, something else has emptied it, so restore it from a backup",
        )
    line = data[: data.find(b"\n") + 1]
    header = decode(line)
    if header is None:
        return _damaged(data, path, number)
    if "callsheet" not in header:  # one of our lines, as the checksum says: the header was cut off
        return Header(number, number, is_whole=False)
    if header.get("callsheet") != NAME:
        raise _foreign(path, data)
    _check_version(header, path)
    said = header.get("segment", number)
    number = said if isinstance(said, int) else number
    first, created = header.get("first", number), header.get("created", 0.0)
    return Header(number, first if isinstance(first, int) else number, created if isinstance(created, (int, float)) else 0.0)


def _check_version(header: dict[str, Any], path: Path) -> None:
    if (version := header.get("version")) != VERSION:
        age = "a newer" if isinstance(version, int) and version > VERSION else "another"
        raise LogUnusable(
            str(path),
            f"it was written by {age} Callsheet (format {version}; this one reads {VERSION}): use that one, or a new log",
        )


def _damaged(data: bytes, path: Path, number: int) -> Header:
    """Return what a header may have said that cannot be read, if what follows it, or its beginning, shows that it is one."""
    line = data[: data.find(b"\n") + 1]
    is_torn = not line and _BEGIN.startswith(data)
    if is_torn or data.startswith(_BEGIN) or _END.search(line) or any(decode(line) is not None for line in complete_lines(data)):
        return Header(number, number, is_whole=False)
    raise _foreign(path, data)


def _foreign(path: Path, data: bytes) -> LogUnusable:
    what = "it is a binary file" if b"\0" in data else "it has something else in it"
    return LogUnusable(str(path), f"{what}, not a Callsheet run log")
