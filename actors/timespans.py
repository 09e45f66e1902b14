"""Lengths of time, in words or numbers."""

from __future__ import annotations

import math
import re
from datetime import timedelta

from actors.errors import InvalidTimeSpan, nearest

TimeSpan = str | float | timedelta
"""Seconds as a number, a ``timedelta``, or words: ``"10 seconds"``, ``"1 h 30 min"``, ``"00:01:30"``."""

_SECONDS = {
    "microsecond": 1e-6, "us": 1e-6,
    "millisecond": 1e-3, "ms": 1e-3,
    "second": 1.0, "sec": 1.0, "s": 1.0,
    "minute": 60.0, "min": 60.0, "m": 60.0,
    "hour": 3600.0, "hr": 3600.0, "h": 3600.0,
    "day": 86400.0, "d": 86400.0,
    "week": 604800.0, "w": 604800.0,
}  # fmt: skip
_ABBREVIATIONS = {"us", "ms", "s", "m", "h", "d", "w"}  # these have no plural
_PART = re.compile(r"(?P<number>\d+(?:\.\d+)?)\s*(?P<unit>[^\W\d_]+)")
_CLOCK = re.compile(r"(?P<hours>\d+):(?P<minutes>\d{1,2})(?::(?P<seconds>\d{1,2}(?:\.\d+)?))?")


def to_seconds(span: TimeSpan) -> float:
    """Return `span` in seconds.

    Raises:
      InvalidTimeSpan: the text says no length of time, or the length is negative or not a number.
    """
    if isinstance(span, timedelta):
        return _checked(span.total_seconds(), span)
    if isinstance(span, (int, float)) and not isinstance(span, bool):
        return _checked(float(span), span)
    if isinstance(span, str):
        try:
            return _from_words(span)
        except OverflowError:
            raise InvalidTimeSpan(span, "it is too long") from None
    raise InvalidTimeSpan(repr(span), f"it is a {type(span).__name__}")


def to_finite(span: TimeSpan) -> float:
    """Return `span` in seconds.

    Raises:
      InvalidTimeSpan: as :func:`to_seconds`, or it is infinite.
    """
    seconds = to_seconds(span)
    if seconds == math.inf:
        raise InvalidTimeSpan(str(span), "it is infinite")
    return seconds


def to_words(seconds: float) -> str:
    """Return `seconds` as words that :func:`to_seconds` reads back to the same number; infinity is ``never``."""
    if seconds == math.inf:
        return "never"
    for unit in ("week", "day", "hour", "minute", "second"):
        count = seconds / _SECONDS[unit]
        if count >= 1 and count == int(count) and count * _SECONDS[unit] == seconds:
            return f"{int(count)} {unit}{'s' if count != 1 else ''}"
    if seconds == int(seconds):
        return f"{int(seconds)} seconds"
    from decimal import Decimal  # takes 4 ms to import, which each worker would pay

    return f"{Decimal(repr(seconds)):f} seconds"  # the shortest digits that mean this number, never with an exponent


def _checked(seconds: float, given: object) -> float:
    if math.isnan(seconds) or seconds < 0:
        raise InvalidTimeSpan(str(given), "it must not be negative")
    return seconds


def _from_words(text: str) -> float:
    rest = text.strip().lower()
    if clock := _CLOCK.fullmatch(rest):
        return int(clock["hours"]) * 3600 + int(clock["minutes"]) * 60 + float(clock["seconds"] or 0)
    seconds, position = 0.0, 0
    while position < len(rest):
        part = _PART.match(rest, position)
        if part is None:
            raise InvalidTimeSpan(text, f"a number and a unit are expected at {rest[position:]!r}")
        seconds += float(part["number"]) * _unit(text, part["unit"])
        position = part.end()
        while position < len(rest) and rest[position] in " ,\t\n":
            position += 1
    if not rest:
        raise InvalidTimeSpan(text, "it is empty")
    return seconds


def _unit(text: str, unit: str) -> float:
    if unit in _SECONDS:
        return _SECONDS[unit]
    singular = unit.removesuffix("s")
    if singular in _SECONDS and singular not in _ABBREVIATIONS:
        return _SECONDS[singular]
    raise InvalidTimeSpan(text, f"{unit!r} is no unit.{nearest(unit, list(_SECONDS))} Units are {', '.join(_SECONDS)}")
