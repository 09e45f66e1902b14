"""Operators: what else than one value a query of the run log may ask of a column.

``repo.filter_by(created=greater_equal("2026-01-31"), action=in_(["fail", "crash"]), runtime=less_than("10 seconds"))``

A column that a record lacks is None; no range includes that. Columns that are times take seconds since the epoch, datetimes
(naive ones are in local time), dates (their midnight) and ISO texts; ``runtime`` and ``late`` take lengths of time as everywhere.
What a column cannot be compared with is an ``InvalidOperand``, raised where the operator or the query is made.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import partial

from actors.columns import KNOWN, is_ordered, reader_of
from actors.errors import InvalidOperand, nearest

Test = Callable[[object], bool]


@dataclass(frozen=True, slots=True)
class OneOf:
    """One of some values, of which None is no value at all; or, if `is_negated`, anything else."""

    values: tuple[object, ...]
    is_negated: bool = False

    def __str__(self) -> str:
        if self.is_negated:
            return f"not_equal({self.values[0]!r})"
        return f"equal({self.values[0]!r})" if len(self.values) == 1 else f"in_({list(self.values)!r})"

    def of(self, column: str) -> OneOf:
        """Return it with values as `column` holds them.

        Raises:
          InvalidOperand: it holds no such values.
        """
        return replace(self, values=tuple(_read(self, column, value) for value in self.values))

    def test(self) -> Test:
        """Return a function that tells whether it includes a value; for very many questions."""
        if len(self.values) == 1:
            return partial(operator.ne if self.is_negated else operator.eq, self.values[0])
        try:
            known: frozenset[object] | tuple[object, ...] = frozenset(self.values)
        except TypeError:
            known = self.values

        def is_known(value: object) -> bool:
            try:
                return value in known
            except TypeError:
                return False  # somebody else's document: what has no hash is none of those that have

        return is_known


@dataclass(frozen=True, slots=True)
class Range:
    """All from `low` to `high`, where None is no end; in the order of numbers, or of texts."""

    low: object = None
    high: object = None
    with_low: bool = True
    with_high: bool = True

    def __str__(self) -> str:
        if self.low is not None and self.high is not None:
            return f"between({self.low!r}, {self.high!r})"
        if self.low is not None:
            return f"greater_{'equal' if self.with_low else 'than'}({self.low!r})"
        if self.high is not None:
            return f"less_{'equal' if self.with_high else 'than'}({self.high!r})"
        return "between(None, None, none_as_open=True)"

    def of(self, column: str) -> Range:
        """Return it with ends as `column` holds them.

        Raises:
          InvalidOperand: it holds no such values, or none that have an order.
        """
        if not is_ordered(column):
            raise InvalidOperand(f"{column}={self}", "what this column holds has no order")
        return replace(self, low=_read(self, column, self.low), high=_read(self, column, self.high))

    def test(self) -> Test:
        """Return a function that tells whether it includes a value; for very many questions."""
        low, high, with_low, with_high = self.low, self.high, self.with_low, self.with_high

        def is_within(value: object) -> bool:
            try:
                return (
                    value is not None
                    and (low is None or value > low or (with_low and value == low))  # type: ignore[operator]
                    and (high is None or value < high or (with_high and value == high))  # type: ignore[operator]
                )
            except TypeError:
                return False  # somebody else's document: a text where records have a number

        return is_within


Operator = OneOf | Range


def asked_of(column: str, value: object) -> Operator:
    """Return what a query asks of `column`, with operands as records hold them; a plain `value` is one to be equal to.

    Raises:
      InvalidOperand: the column cannot be compared with that.
    """
    return (value if isinstance(value, OneOf | Range) else OneOf((value,))).of(column)


def check_known(column: str, value: object) -> None:
    """Check that what a query asks of `column` can be there, where only certain values can.

    Raises:
      InvalidOperand: it cannot; names the nearest that can.
    """
    asked = asked_of(column, value)
    if column not in KNOWN or not isinstance(asked, OneOf):
        return
    known = KNOWN[column]
    for each in asked.values:
        if each is not None and each not in known:
            told = f"{each!r} is never there.{nearest(str(each), known)} It may be {', '.join(known)}"
            raise InvalidOperand(f"{column}={asked}", told)


def equal(value: object) -> OneOf:
    """Include `value` alone; None includes what lacks the column. The same as `value` itself."""
    return OneOf((value,))


def not_equal(value: object) -> OneOf:
    """Include all but `value`, also what lacks the column; of None, whatever has it."""
    return OneOf((value,), is_negated=True)


def in_(values: Iterable[object]) -> OneOf:
    """Include each of `values`; of none, nothing. A None among them includes what lacks the column.

    Raises:
      InvalidOperand: it is one text, or nothing that has values.
    """
    if isinstance(values, str | bytes) or not isinstance(values, Iterable):
        raise InvalidOperand(f"in_({values!r})", f"it takes several values; for one, write in_([{values!r}])")
    return OneOf(tuple(values))


def between(low: object, high: object, none_as_open: bool = False) -> Range:
    """Include all from `low` to `high`, both of them too; nothing where `high` is the lower one.

    Args:
      none_as_open: whether None is no end on that side, rather than a mistake.

    Raises:
      InvalidOperand: one is None, and that is not to be an open end.
    """
    found = Range(low, high)
    if (low is None or high is None) and not none_as_open:
        raise InvalidOperand(f"between({low!r}, {high!r})", "None is no end; for an open one, add none_as_open=True")
    return found


def greater_equal(low: object) -> Range:
    """Include `low` and all above; raises InvalidOperand where that is None, as the next three do."""
    return Range(low=_end("greater_equal", low))


def greater_than(low: object) -> Range:
    """Include all above `low`."""
    return Range(low=_end("greater_than", low), with_low=False)


def less_equal(high: object) -> Range:
    """Include `high` and all below."""
    return Range(high=_end("less_equal", high))


def less_than(high: object) -> Range:
    """Include all below `high`."""
    return Range(high=_end("less_than", high), with_high=False)


def _end(name: str, value: object) -> object:
    if value is None:
        raise InvalidOperand(f"{name}(None)", "nothing is above or below None; to ask for any value, write not_equal(None)")
    return value


def _read(asked: Operator, column: str, value: object) -> object:
    if value is None:
        return None
    try:
        return reader_of(column)(value)
    except ValueError as exc:
        raise InvalidOperand(f"{column}={asked}", str(exc)) from exc
