"""Mending: makes a segment whole again, and keeps a copy of what it was where that is more than a torn last line."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from mmap import ACCESS_READ, mmap
from pathlib import Path
from stat import S_IMODE
from time import time

from runtime.logs import runtime_log
from runtime.runlog.lines import complete_lines, is_whole
from runtime.runlog.segments import Segment

DRAFT = ".new"
"""What the name of a file ends in that is still being written; whoever opens the log deletes those that are left over."""

Put = Callable[[Path, Path], object]
_READ_AT_ONCE = 1 << 20


def mend(segment: Segment, *, is_sealed: bool, put: Put | None = None) -> str | None:
    """Cut off a torn last line, and leave out damaged ones, having copied the file; return what was damaged, in words.

    Only for who holds the lock. The file is replaced at once, or left as it is.

    Args:
      is_sealed: whether its last line was whole once, so that a torn one is damage, too.
      put: puts a draft in the place of a file; default: :func:`publish`.

    Raises:
      OSError: it could not be read, copied or replaced.
    """
    path, header, put = segment.path, segment.header, put or publish
    renewed = replace(header, is_whole=True, created=header.created or time()).line()  # one that cannot be read says no time
    read_through(path)
    if not path.stat().st_size:
        put(drafted(path, renewed, ()), path)
        told = f"{path} was empty: what it had was lost, as where the power fails"
        runtime_log.tell(logging.WARNING, "run log: %s", told)
        return told
    with path.open("r+b") as file, mmap(file.fileno(), 0, access=ACCESS_READ) as data:
        good = data.rfind(b"\n") + 1
        torn = len(data) - good
        lines = complete_lines(data, data.find(b"\n") + 1)
        damaged = sum(not is_whole(line) for line in lines) + (not header.is_whole and good > 0) + (is_sealed and torn > 0)
        is_headless = not header.is_whole and is_whole(data[: data.find(b"\n") + 1])
        if damaged:
            copy = copied(path)
            kept = (line for line in complete_lines(data) if is_whole(line))
            if header.is_whole:
                next(kept)
            put(drafted(path, renewed, kept), path)
            told = f"{path} had {_damage_in_words(damaged, is_headless=is_headless)}"
            runtime_log.tell(logging.WARNING, "run log: %s; the file as it was is %s", told, copy)
            return f"{told}; the file as it was is {copy}"
    if torn:
        runtime_log.tell(logging.WARNING, "run log %s: dropped a torn last line of %d bytes", path, torn)
        if good:
            os.truncate(path, good)
        else:
            put(drafted(path, renewed, ()), path)
    return None


def read_through(path: Path) -> None:
    """Read all of a file, so that what cannot be read is an error: where it is only mapped, a bad sector kills the process.

    Raises:
      OSError: it cannot be read.
    """
    with path.open("rb", buffering=0) as file:
        while file.read(_READ_AT_ONCE):
            pass


def drafted(path: Path, header: bytes, lines: Iterable[bytes], like: Path | None = None) -> Path:
    """Write a file of these lines beside `path`, on the disk for certain, and return its path.

    Args:
      like: the file whose owner and rights it gets, if there is one; default: `path`.

    Raises:
      OSError: it could not be written, and is not there.
    """
    draft = path.with_name(path.name + DRAFT)
    try:
        with draft.open("wb") as file:
            with suppress(FileNotFoundError):
                give_rights(file.fileno(), (path if like is None else like).stat())
            file.write(header)
            file.writelines(lines)
            file.flush()
            os.fsync(file.fileno())
    except BaseException:  # also where the lines come from something that is interrupted
        draft.unlink(missing_ok=True)
        raise
    return draft


def give_rights(fd: int, like: os.stat_result) -> None:
    """Give a file the owner and the rights of another one: what takes its place is to be read by nobody else."""
    with suppress(PermissionError):
        os.fchown(fd, like.st_uid, like.st_gid)
    with suppress(PermissionError):
        os.fchmod(fd, S_IMODE(like.st_mode))


def publish(draft: Path, path: Path) -> None:
    """Put `draft` in the place of `path`, and have that outlive a loss of power."""
    draft.replace(path)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Have the names of the files in `folder` outlive a loss of power."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def _damage_in_words(lines: int, *, is_headless: bool) -> str:
    if is_headless:
        more = f", and {lines - 1} damaged lines, which were left out" if lines > 1 else ""
        return f"no header, which was written anew{more}"
    return f"{lines} damaged line{'s' * (lines > 1)}, which {'were' if lines > 1 else 'was'} left out"


def copied(path: Path) -> Path:
    """Copy a file that is damaged, and return the copy."""
    from shutil import copy2  # takes 2 ms to import, and few logs are ever damaged

    return Path(copy2(path, copy_path(path)))


def copy_path(path: Path) -> Path:
    """Return a name for a copy of `path` that says when it was made, and that no file has."""
    moment = f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}"
    copy, number = path.with_name(f"{path.name}.corrupt-{moment}"), 1
    while copy.exists():
        number += 1
        copy = path.with_name(f"{path.name}.corrupt-{moment}-{number}")
    return copy
