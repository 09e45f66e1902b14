"""Amounts of memory, in words or numbers."""

from __future__ import annotations

import re

Size = str | int
"""Bytes as a whole number, or words: ``"500 MB"``, ``"1.5 GiB"``."""

_BYTES = {
    "B": 1,
    "kB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12,
    "KiB": 2**10, "MiB": 2**20, "GiB": 2**30, "TiB": 2**40,
}  # fmt: skip
_BY_LOWER = {unit.lower(): count for unit, count in _BYTES.items()}
_WORDS = re.compile(r"(?P<number>\d+(?:\.\d+)?)\s*(?P<unit>[^\W\d_]+)")


def to_bytes(size: Size) -> int:
    """Return `size` in bytes. ``MB`` is a million of them, ``MiB`` is 2**20; the case of letters does not count.

    Raises:
      ValueError: it says no size; says what is expected.
    """
    if isinstance(size, int) and not isinstance(size, bool):
        if size < 0:
            raise ValueError("it must not be negative")
        return size
    words = _WORDS.fullmatch(size.strip()) if isinstance(size, str) else None
    if words is None:
        raise ValueError("a number with a unit is expected, such as '500 MB' or '2 GiB', or a whole number of bytes")
    unit = words["unit"]
    if unit.lower() not in _BY_LOWER:
        raise ValueError(f"{unit!r} is no unit; units are {', '.join(_BYTES)}")
    from decimal import Decimal  # takes a millisecond to import, which each worker would pay

    return int(Decimal(words["number"]) * _BY_LOWER[unit.lower()])


def to_words(count: int) -> str:
    """Return `count` bytes, at least one, as words that :func:`to_bytes` reads back to the same number."""
    size, unit = max((size, unit) for unit, size in _BYTES.items() if count % size == 0)
    return f"{count // size} {unit}"
