"""What a victim leaves: the files of its run log, read as docs/run-log.md describes them, and what others saw meanwhile."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

EVENTS = ("run", "success", "fail", "terminate", "inaction", "crash", "retry", "missed", "error")
Record = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Deed:
    """What a function told of itself, or the victim of its life."""

    what: str
    time: float
    task: str
    """Or the number of a life."""
    run_id: str


@dataclass(slots=True)
class Segment:
    """One file of a run log."""

    name: str
    number: int
    first: int
    records: list[Record] = field(default_factory=list)
    damaged: int = 0
    """How many complete lines are not as they were written."""
    torn: int = 0
    """Bytes behind the last newline."""


class Tail:
    """What is new in a file of lines, at each look. A last line that is torn is passed over, once there is more behind it."""

    def __init__(self, path: Path) -> None:
        self._path, self._position = path, 0

    def lines(self, *, is_over: bool = True) -> list[str]:
        """Return the new lines; with `is_over` one that is torn now will never be completed."""
        if not self._path.exists():
            return []
        with self._path.open("rb") as file:
            file.seek(self._position)
            data = file.read()
        end = data.rfind(b"\n") + 1
        self._position += len(data) if is_over else end
        if is_over and end < len(data):  # what comes next must not be taken for the rest of it
            with self._path.open("ab") as file:
                self._position += file.write(b"\n")
        return data[:end].decode("utf-8", "replace").splitlines()


def deeds_of(lines: list[str]) -> Iterator[Deed]:
    """Yield the deeds that lines tell of."""
    for line in lines:
        what, moment, task, run_id = line.split("\t")
        yield Deed(what, float(moment), task, run_id)


def segments_of(log: Path) -> list[Segment]:
    """Return the segments of a log that count, the oldest first: each begins where the one before it, by its header, ends."""
    found = sorted(map(_segment, log.parent.glob(f"{log.stem}*{log.suffix}")), key=lambda each: each.number, reverse=True)
    found.sort(key=lambda each: each.name != log.name)  # the active one leads; else the newest sealed one does
    counted: list[Segment] = []
    for segment in found:
        if not counted or segment.number < counted[-1].first:
            counted.append(segment)
    return counted[::-1]


def _segment(path: Path) -> Segment:
    data = path.read_bytes()
    end = data.rfind(b"\n") + 1
    header, *documents = [_document(line) for line in data[:end].splitlines()] or [None]
    said = header or {"segment": 0, "first": 0}
    whole = [document for document in documents if document is not None]
    records = [document for document in whole if document.get("action") in EVENTS]
    damaged = len(documents) - len(whole) + (header is None)
    return Segment(path.name, said["segment"], said["first"], records, damaged, len(data) - end)


def _document(line: bytes) -> Record | None:
    """Return the document of a line, or None if its checksum is wrong."""
    body, mark, crc = line.rpartition(b',"crc":')
    if not mark or crc != b'"%08x"}' % zlib.crc32(body + b"}"):
        return None
    document: Record = json.loads(body + b"}")
    return document


def text_of(record: Record) -> str:
    """Return a text that two records share only if they are the same."""
    return json.dumps(record, sort_keys=True)
