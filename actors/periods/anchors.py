"""Anchors: places within a second, minute, hour, day, week, month or year, and how they are written.

An anchor is a pair: the number of a day, and seconds from the beginning of that day. Units shorter than a month have no days
in it, so the first is 0 there; a week's days begin on Monday at 0; those of a month are its dates, -1 being its last; those
of a year are 100 x month + date. An end that names a whole day, a month or a number is the end of that.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Literal, NamedTuple

from actors.errors import nearest
from actors.zones import DAY

Unit = Literal["second", "minute", "hour", "day", "week", "month", "year"]
Side = Literal["start", "end"]
Given = str | int | float
"""An anchor as people give it: ``"10:00"``, ``"Mon 10:00"``, ``"5th"``, ``"last"``, or the number of an hour, weekday, ..."""

LENGTH: dict[Unit, float] = {"second": 1.0, "minute": 60.0, "hour": 3600.0, "day": DAY, "week": 7 * DAY}
STEP: dict[Unit, float] = {"second": 0.001, "minute": 1.0, "hour": 60.0, "day": 3600.0, "week": DAY, "month": DAY, "year": DAY}
"""How long a unit's window is that is named by one anchor: ``daily.at("10:00")`` for a period is one hour."""
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December",
)  # fmt: skip
_NUMBERS: dict[Unit, tuple[int, int]] = {
    "second": (0, 1000), "minute": (0, 60), "hour": (0, 59), "day": (0, 23), "week": (1, 7), "month": (1, 31), "year": (1, 12),
}  # fmt: skip
_DAYS = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
LAST = -1
MICROSECONDS = 6
"""Digits to which seconds are told apart."""

_CLOCK = r"(\d{1,2}):(\d{2})(?::(\d{2}(?:\.\d+)?))?"
_IN_HOUR = r"(\d{1,2}):(\d{2}(?:\.\d+)?)"
_QUARTER = r"([0-4])\s*(?:q|quarters?)"
_NUMBER = r"\d+(?:\.\d+)?"
_DATE = r"(\d{1,2})(?:st|nd|rd|th|\.)?"
EXAMPLES: dict[Unit, str] = {
    "second": "milliseconds from 0 to 1000",
    "minute": "seconds from 0 to 60, such as 45",
    "hour": "minutes and seconds, such as 30:00, or quarters, such as 1 quarter",
    "day": "a time of day, such as 10:00",
    "week": "a weekday, such as Mon or Mon 10:00",
    "month": "a day of the month, such as 5th, last or 3rd 12:30",
    "year": "a month, such as Feb or Feb 3rd",
}


class Anchor(NamedTuple):
    """A place in a unit."""

    day: int
    seconds: float


def to_anchor(unit: Unit, given: Given, side: Side = "start") -> Anchor:
    """Return the place that `given` names in a `unit`; an end that names a whole day, month or number is the end of that.

    Raises:
      TypeError: it is neither text nor a number.
      ValueError: it names no place; says what is expected.
    """
    if isinstance(given, bool) or not isinstance(given, (str, int, float)):
        raise TypeError(f"{EXAMPLES[unit]} is expected, not {given!r}")
    anchor = _from_number(unit, given, side) if not isinstance(given, str) else _from_text(unit, given, side)
    day, seconds = anchor.day, round(anchor.seconds, MICROSECONDS)
    if unit in LENGTH and seconds in (0.0, LENGTH[unit]):  # the beginning of one is the end of the one before
        seconds = LENGTH[unit] if side == "end" else 0.0
    return Anchor(day, seconds)


def _from_text(unit: Unit, given: str, side: Side) -> Anchor:
    text = " ".join(given.split())
    anchor = _READERS[unit](text.lower(), side)
    if anchor is None:
        hint = nearest(text, WEEKDAYS) if unit == "week" else nearest(text, MONTHS) if unit == "year" else ""
        raise ValueError(f"{EXAMPLES[unit]} is expected, not {text!r}.{hint}")
    return anchor


def after_step(unit: Unit, start: Anchor) -> Anchor:
    """Return the end of the window that is named by its start alone."""
    if unit == "year" and not start.day % 100:
        return Anchor(start.day + 100, start.seconds)
    return Anchor(start.day, start.seconds + STEP[unit])


def written(unit: Unit, anchor: Anchor, side: Side = "start") -> str:
    """Return `anchor` as it is written, so that ``to_anchor`` reads it back."""
    return _WRITERS[unit](anchor, side)


def _from_number(unit: Unit, given: float, side: Side) -> Anchor:
    smallest, largest = _NUMBERS[unit]
    may_be_part = largest > 59  # of a unit so small that people count in parts of it
    if not smallest <= given <= largest or not (may_be_part or isinstance(given, int)):
        raise ValueError(f"{EXAMPLES[unit]}, or a number from {smallest} to {largest} is expected, not {given!r}")
    number = int(given)
    if unit == "year":
        return Anchor(100 * (number + (side == "end")), 0.0)
    if unit == "month":
        return Anchor(number, DAY if side == "end" else 0.0)
    if unit == "week":
        return Anchor(0, (number - (side == "start")) * DAY)
    if unit == "second":
        return Anchor(0, (given + (side == "end" and isinstance(given, int) and given < largest)) / 1000)
    size = {"minute": 1.0, "hour": 60.0, "day": 3600.0}[unit]
    whole = side == "end" and isinstance(given, int) and given < LENGTH[unit] / size
    return Anchor(0, (given + whole) * size)


def _read_second(text: str, side: Side) -> Anchor | None:
    return Anchor(0, float(text) / 1000) if re.fullmatch(_NUMBER, text) and float(text) <= 1000 else None


def _read_minute(text: str, side: Side) -> Anchor | None:
    return Anchor(0, float(text)) if re.fullmatch(_NUMBER, text) and float(text) <= 60 else None


def _read_hour(text: str, side: Side) -> Anchor | None:
    if quarter := re.fullmatch(_QUARTER, text):
        return Anchor(0, int(quarter[1]) * 900.0)
    if clock := re.fullmatch(_IN_HOUR, text):
        seconds = int(clock[1]) * 60 + float(clock[2])
        return Anchor(0, seconds) if float(clock[2]) < 60 and seconds <= 3600 else None
    return Anchor(0, float(text) * 60) if text.isdecimal() and int(text) <= 60 else None


def _read_day(text: str, side: Side) -> Anchor | None:
    seconds = _seconds_of_day(text)
    return None if seconds is None else Anchor(0, seconds)


def _read_week(text: str, side: Side) -> Anchor | None:
    name, _, clock = text.partition(" ")
    number = _named(name, WEEKDAYS)
    if number is None and name.isdecimal() and 1 <= int(name) <= 7:
        number = int(name) - 1
    seconds = _seconds_of_day(clock) if clock else DAY if side == "end" else 0.0
    return None if number is None or seconds is None else Anchor(0, number * DAY + seconds)


def _read_month(text: str, side: Side) -> Anchor | None:
    text = text.replace("last day", "last")
    name, _, clock = text.partition(" ")
    seconds = _seconds_of_day(clock) if clock else DAY if side == "end" else 0.0
    if seconds is None:
        return None
    if name == "last":
        return Anchor(LAST, seconds)
    date = re.fullmatch(_DATE, name)
    return Anchor(int(date[1]), seconds) if date and 1 <= int(date[1]) <= 31 else None


def _read_year(text: str, side: Side) -> Anchor | None:
    name, _, rest = text.partition(" ")
    month = _named(name, MONTHS)
    if month is None:
        return None
    if not rest:
        return Anchor(100 * (month + 1 + (side == "end")), 0.0)
    within = _read_month(rest, side)
    if within is None or not 1 <= within.day <= _DAYS[month]:
        return None
    return Anchor(100 * (month + 1) + within.day, within.seconds)


def _write_hour(anchor: Anchor, side: Side) -> str:
    return f"{int(anchor.seconds // 60):02}:{_two_digits(anchor.seconds % 60)}"


def _write_week(anchor: Anchor, side: Side) -> str:
    number, rest = divmod(anchor.seconds, DAY)
    if side == "end" and not rest:
        return WEEKDAYS[int(number) - 1]
    return _with_clock(WEEKDAYS[int(number) % 7], rest)


def _write_month(anchor: Anchor, side: Side) -> str:
    whole = side == "end" and anchor.seconds == DAY
    return _with_clock(_date(anchor.day), 0.0 if whole else anchor.seconds, explicit=side == "end" and not whole)


def _write_year(anchor: Anchor, side: Side) -> str:
    month, date = divmod(anchor.day, 100)
    if not date:
        return MONTHS[month - (2 if side == "end" else 1)]
    return f"{MONTHS[month - 1]} {_write_month(Anchor(date, anchor.seconds), side)}"


_READERS: dict[Unit, Callable[[str, Side], Anchor | None]] = {
    "second": _read_second, "minute": _read_minute, "hour": _read_hour, "day": _read_day, "week": _read_week,
    "month": _read_month, "year": _read_year,
}  # fmt: skip
_WRITERS: dict[Unit, Callable[[Anchor, Side], str]] = {
    "second": lambda anchor, _: _digits(anchor.seconds * 1000),
    "minute": lambda anchor, _: _digits(anchor.seconds),
    "hour": _write_hour,
    "day": lambda anchor, _: _clock(anchor.seconds),
    "week": _write_week,
    "month": _write_month,
    "year": _write_year,
}


def _seconds_of_day(text: str) -> float | None:
    clock = re.fullmatch(_CLOCK, text)
    if clock is None:
        return None
    minutes, seconds = int(clock[2]), float(clock[3] or 0)
    total = int(clock[1]) * 3600 + minutes * 60 + seconds
    return total if minutes < 60 and seconds < 60 and total <= DAY else None


def _named(text: str, names: Sequence[str]) -> int | None:
    """Return which of `names` is meant by `text`: the name, or its first three letters."""
    return next((i for i, name in enumerate(names) if text in (name.lower(), name[:3].lower())), None)


def _clock(seconds: float) -> str:
    minutes, rest = divmod(seconds, 60)
    hours, minutes = divmod(int(minutes), 60)
    return f"{hours:02}:{minutes:02}" + (f":{_two_digits(rest)}" if rest else "")


def _with_clock(name: str, seconds: float, *, explicit: bool = False) -> str:
    return f"{name} {_clock(seconds)}" if seconds or explicit else name


def _date(day: int) -> str:
    if day == LAST:
        return "last"
    ending = "th" if 10 <= day % 100 <= 20 else {1: "st", 2: "nd", 3: "rd"}.get(day % 10, "th")
    return f"{day}{ending}"


def _digits(number: float) -> str:
    text = f"{Decimal(repr(round(number, MICROSECONDS))):f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _two_digits(seconds: float) -> str:
    text = _digits(seconds)
    return text if len(text.partition(".")[0]) > 1 else f"0{text}"
