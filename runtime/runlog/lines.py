"""Lines: one JSON object each, ending in a checksum of itself, so that a damaged one is known.

``{"created":1.5,"task_name":"a","crc":"2f9a1c00"}`` is the object without ``crc``, whose CRC-32 as compact JSON ``crc`` is.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from mmap import mmap
from typing import Any
from zlib import crc32

import orjson

_TAIL = len(b',"crc":"01234567"}\n')


def encode(document: Mapping[str, Any]) -> bytes:
    """Return `document` as a line. Text that is not valid Unicode is kept readable, with its bad characters escaped."""
    try:
        body = orjson.dumps(document)
    except TypeError:
        body = orjson.dumps({key: _clean(value) for key, value in document.items()})
    return b'%b,"crc":"%08x"}\n' % (body[:-1], crc32(body))


def writable(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return `document` with a text in place of what JSON cannot say, such as a number beyond 64 bits."""
    return {key: value if _is_writable(value) else _shown(value) for key, value in document.items()}


def is_whole(line: bytes) -> bool:
    """Return whether a line, newline included, is as it was written."""
    return line[-_TAIL:] == b',"crc":"%08x"}\n' % crc32(line[:-_TAIL] + b"}")


def decode(line: bytes) -> dict[str, Any] | None:
    """Return the document of a line, newline included, or None if it is damaged."""
    if not is_whole(line):
        return None
    try:
        document = orjson.loads(line[:-_TAIL] + b"}")  # it may have a column ``crc`` of its own
    except ValueError:  # somebody else has written it, with a checksum that fits
        return None
    return document if isinstance(document, dict) else None


def complete_lines(data: bytes | mmap, start: int = 0) -> Iterator[bytes]:
    """Yield the lines of `data` from `start` on that are complete; a last one without its newline is left out."""
    while (end := data.find(b"\n", start) + 1) > 0:
        yield data[start:end]
        start = end


def complete_lines_backwards(data: bytes | mmap, start: int = 0) -> Iterator[bytes]:
    """Yield the same lines, the last one first."""
    end = data.rfind(b"\n", start) + 1
    while end > start:
        begin = max(data.rfind(b"\n", start, end - 1) + 1, start)
        yield data[begin:end]
        end = begin


def fragment(column: str, text: str, *, goes_on: bool = False) -> bytes | None:
    """Return what stands in each line whose document has `text` in `column`, so that others need not be decoded; None: nothing.

    Args:
      goes_on: whether the column only begins so.
    """
    try:
        part = orjson.dumps({column: text})
    except TypeError:  # it is not valid Unicode, and was written down otherwise
        return None
    return part[1:-2] if goes_on else part[1:-1]


def lines_with(part: bytes, data: bytes | mmap, start: int = 0) -> Iterator[bytes]:
    """Yield the complete lines of `data` from `start`, where a line begins, that have `part` in them, which has no newline."""
    while (found := data.find(part, start)) >= 0 and (end := data.find(b"\n", found) + 1) > 0:
        yield data[data.rfind(b"\n", start, found) + 1 or start : end]
        start = end


def lines_with_backwards(part: bytes, data: bytes | mmap, start: int = 0) -> Iterator[bytes]:
    """Yield the same lines, the last one first."""
    end = data.rfind(b"\n", start) + 1
    while (found := data.rfind(part, start, end)) >= 0:
        begin = data.rfind(b"\n", start, found) + 1 or start
        yield data[begin : data.find(b"\n", found) + 1]
        end = begin


def _shown(value: object) -> str:
    try:
        return repr(value)
    except Exception:  # of the user's, or a number of too many digits
        return f"(a {type(value).__name__})"


def _is_writable(value: object) -> bool:
    try:
        encode({"value": value})
    except (TypeError, ValueError):
        return False
    return True


def _clean(value: object) -> object:
    return value.encode("utf-8", "backslashreplace").decode() if isinstance(value, str) else value
