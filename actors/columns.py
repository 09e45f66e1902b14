"""Columns: what each column of the run log holds, and how what somebody asks for becomes what records hold."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, fields
from datetime import date, datetime, timedelta
from numbers import Real

from actors.causes import CAUSES
from actors.config import EXECUTIONS
from actors.facts import EVENTS
from actors.progress import Progress
from actors.records import TaskRunRecord
from actors.timespans import to_seconds

COLUMNS = tuple(field.name for field in fields(TaskRunRecord))
TIMES = frozenset({"created", "start", "end", "due", "first", "last", "retry_at"})
"""Moments, as seconds since the epoch."""
SPANS = frozenset({"runtime", "late"})
"""Lengths of time, in seconds."""
KNOWN: Mapping[str, tuple[str, ...]] = {"action": EVENTS, "execution": EXECUTIONS, "cause": CAUSES}
"""The values of columns that have no others."""
_TYPES = {field.name: str(field.type).removesuffix(" | None") for field in fields(TaskRunRecord)}


def is_ordered(column: str) -> bool:
    """Return whether the values of `column` have an order."""
    return reader_of(column) is not _data


def reader_of(column: str) -> Callable[[object], object]:
    """Return what makes of an operand the value that records have in `column`; it raises ValueError, with what is wrong.

    A column that records do not have is taken for plain data.
    """
    if column in TIMES:
        return _moment
    if column in SPANS:
        return _span
    return {"str": _text, "Event": _text, "int": _number, "float": _number}.get(_TYPES.get(column, ""), _data)


def _moment(value: object) -> float:
    if isinstance(value, (str, date)):
        try:
            when = datetime.fromisoformat(value) if isinstance(value, str) else value
            if not isinstance(when, datetime):
                when = datetime(when.year, when.month, when.day)
            return when.timestamp()  # a naive one is in local time
        except (ValueError, OverflowError, OSError):
            pass  # it is no time, or one that the clocks of this machine do not reach
    elif isinstance(value, Real):
        return _number(value)
    expected = "seconds since the epoch, a datetime, or a text as '2026-01-31T12:00'"
    raise ValueError(f"{value!r} is no time; give {expected}{_so_long_ago(value)}")


def _so_long_ago(value: object) -> str:
    """Return how to write the time that is a length of time ago; an empty text if `value` is none."""
    try:
        return f"; so long ago is time.time() - {_span(value):.15g}" if isinstance(value, (str, timedelta)) else ""
    except ValueError:
        return ""


def _span(value: object) -> float:
    if isinstance(value, (str, timedelta)):
        return to_seconds(value)  # an InvalidTimeSpan is a ValueError, too
    if isinstance(value, Real):
        return _number(value)
    raise ValueError(f"{value!r} is no length of time; give seconds, a timedelta, or words such as '10 minutes'")


def _number(value: object) -> float:
    if isinstance(value, Real) and not isinstance(value, bool) and not math.isnan(value):
        return value if isinstance(value, (int, float)) else float(value)
    raise ValueError(f"{value!r} is no number")


def _text(value: object) -> str:
    if isinstance(value, str):
        return value
    raise ValueError(f"{value!r} is no text")


def _data(value: object) -> object:
    return asdict(value) if isinstance(value, Progress) else value
