"""Verify: whether the files of a run log are whole, without changing any."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runtime.runlog.history import History
from runtime.runlog.lines import complete_lines, decode, is_whole
from runtime.runlog.locks import holder_of, lock_path
from runtime.runlog.segments import Segment, sealed_files
from runtime.runlog.state_file import StateFile, fits
from runtime.runlog.views import View, views_of


@dataclass(frozen=True, slots=True)
class Damage:
    """A line that is not as it was written."""

    line: int
    """Which of the file; the header is the first."""
    offset: int
    """Where it begins, in bytes from the beginning of the file."""


@dataclass(frozen=True, slots=True)
class FileReport:
    """What is in one file of a run log."""

    path: str
    number: int
    """Which segment it is, the oldest being 1; it holds what was kept of those from `first` on."""
    first: int
    is_active: bool
    """Whether it is the one that is appended to."""
    lines: int
    """How many there are, damaged ones too, without one that is torn."""
    damaged: tuple[Damage, ...]
    torn: int
    """How many bytes follow the last newline: those of a line that was not written to its end."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What there is to say of the files of a run log."""

    files: tuple[FileReport, ...]
    """The oldest first."""
    missing: tuple[tuple[int, int], ...]
    """The segments that should be there and are not, each as the first and the last of some in a row."""
    leftovers: tuple[str, ...]
    """Files that nobody reads, left by a replacement that was cut off; whoever next opens the log deletes them."""
    state: str
    """What is wrong with the file that says what the sealed segments amount to; empty if nothing is."""
    open_runs: tuple[dict[str, Any], ...]
    """The records of the runs that have no end; they go on, or their runtime was killed and the next one closes them."""
    holder: str | None
    """Who writes the log now, in words; None if nobody does."""

    @property
    def is_whole(self) -> bool:
        """Whether nothing is damaged, torn or missing. What the writer is just writing is not torn."""
        return not self.missing and not self.state and not any(map(self.is_damaged, self.files))

    def is_damaged(self, file: FileReport) -> bool:
        """Return whether a file of it is not whole."""
        return bool(file.damaged or (file.torn and not (file.is_active and self.holder is not None)))


def verify(log: Path) -> Verdict:
    """Read all files of the run log at `log`, and return what is to be said of them.

    Raises:
      LogUnusable: one of them is no segment, or cannot be read.
    """
    log = log.resolve()
    holder = holder_of(lock_path(log))
    views = views_of(log)
    segments = [view.segment for view in views]
    history = History()
    files = tuple(_read(view, history, is_active=view.segment.path == log) for view in views)
    used = {segment.path for segment in segments}
    return Verdict(
        files=files,
        missing=tuple(gaps(segments)),
        leftovers=tuple(str(path) for path in sealed_files(log).values() if path not in used),
        state=_state(log.with_name(f"{log.name}.state"), segments),
        open_runs=tuple(history.open_runs()),
        holder=holder,
    )


def gaps(segments: Sequence[Segment]) -> Iterator[tuple[int, int]]:
    """Yield the segments that are missing among `segments`, the oldest first, each as the first and last of some in a row."""
    expected = 1
    for segment in segments:
        if segment.first > expected:
            yield expected, segment.first - 1
        expected = segment.number + 1


def _read(view: View, history: History, *, is_active: bool) -> FileReport:
    segment, data, offset, lines, damaged = view.segment, view.data, 0, 0, []
    for line in complete_lines(data):
        lines += 1
        if not is_whole(line):
            damaged.append(Damage(lines, offset))
        elif (offset or not segment.header.is_whole) and (document := decode(line)) is not None:
            history.take_in(document)
        offset += len(line)
    return FileReport(str(segment.path), segment.number, segment.first, is_active, lines, tuple(damaged), len(data) - offset)


def _state(path: Path, segments: Sequence[Segment]) -> str:
    if not path.exists():
        return ""  # it comes with the first tidying, and all segments are read without it
    number = StateFile(path).number
    try:
        damaged = [number for number, line in enumerate(path.read_bytes().splitlines(keepends=True), 1) if not is_whole(line)]
    except OSError as exc:
        return exc.strerror or str(exc)
    if damaged or not number:
        return f"line {damaged[0] if damaged else 1} is damaged"
    return "" if fits(number, segments) else f"it goes up to segment {number}, and does not fit those that are there"
