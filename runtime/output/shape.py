"""Shape: what is kept of output that is too long, and how that is told in the text itself."""

from __future__ import annotations

import re
from dataclasses import dataclass

_MARK = re.compile("… (\\d+) bytes left out …\n".encode())
_NEAR = 16
"""A line end is near a cut if it is within this share of what is kept."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How many bytes are kept: of the beginning, and of the end."""

    head: int = 256 << 10
    tail: int = 768 << 10


LIMITS = Limits()


def mark(left_out: int) -> bytes:
    """Return the line that stands where so many bytes were left out."""
    return f"… {left_out} bytes left out …\n".encode()


def shaped(head: bytes, tail: bytes, left_out: int, limits: Limits = LIMITS) -> bytes:
    """Return output as it is kept in the end: all of it if it fits, else its first and its last part, cut at ends of lines.

    Where a line has no end near the cut, it is cut within.

    Args:
      head: the first bytes.
      tail: the last ones; there may be more of them than are kept.
      left_out: how many between them are gone already.
    """
    if not left_out and len(tail) <= limits.tail:
        return head + tail
    total = len(head) + left_out + len(tail)
    head, tail = _ending_well(head), _beginning_well(tail, limits.tail)
    gap = mark(total - len(head) - len(tail))
    return b"%b%b%b%b" % (head, b"" if head.endswith(b"\n") else b"\n", gap, tail)


def gap_in(text: bytes, limits: Limits = LIMITS) -> tuple[int, int, int] | None:
    """Return how much of output that was shaped is its head, where its tail begins, and how much is left out; None if nothing."""
    begin = limits.head - limits.head // _NEAR - 4
    found = _MARK.search(text, max(begin, 0), limits.head + 128)
    if found is None:
        return None
    return min(found.start(), limits.head), found.end(), int(found[1])  # beyond is the end that a line got which was cut within


def _ending_well(head: bytes) -> bytes:
    cut = head.rfind(b"\n", len(head) - len(head) // _NEAR) + 1
    return head[:cut] if cut else _whole(head)


def _beginning_well(tail: bytes, most: int) -> bytes:
    begin = max(len(tail) - most, 0)
    cut = tail.find(b"\n", begin, begin + most // _NEAR) + 1
    return tail[cut:] if cut else _whole(tail[begin:])


def _whole(part: bytes) -> bytes:
    """Return `part` of a valid text without the halves of characters at its ends."""
    return part.decode("utf-8", "ignore").encode()
