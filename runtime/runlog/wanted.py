"""Wanted: which documents somebody wants to see."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from os.path import commonprefix
from typing import Any, NamedTuple

from actors.opers import OneOf, Operator, Range, Test, asked_of
from actors.records import is_record
from runtime.runlog.lines import fragment


class Bounds(NamedTuple):
    """A range of numbers, both ends included."""

    low: float = -math.inf
    high: float = math.inf

    def overlaps(self, low: float, high: float) -> bool:
        """Return whether it has anything in common with the range from `low` to `high`; a range is empty if that is lower."""
        return max(low, self.low) <= min(high, self.high)


@dataclass(frozen=True, slots=True)
class Wanted:
    """Records whose columns are as somebody asks.

    Raises:
      InvalidOperand: a column cannot be compared with what is asked of it.
    """

    columns: Mapping[str, object] = field(default_factory=dict)
    """{column: an operator of :mod:`actors.opers`, or the value that it must have}; None is that of one that is not there."""
    only_records: bool = True
    """Whether what is no record is left out."""
    _asked: Mapping[str, Operator] = field(init=False, repr=False, compare=False)
    _tests: tuple[tuple[str, Test], ...] = field(init=False, repr=False, compare=False)  # made once, asked for each document

    def __post_init__(self) -> None:
        asked = {column: asked_of(column, value) for column, value in self.columns.items()}
        object.__setattr__(self, "_asked", asked)
        object.__setattr__(self, "_tests", tuple((column, operator.test()) for column, operator in asked.items()))

    def includes(self, document: Mapping[str, Any]) -> bool:
        """Return whether `document` is one of them."""
        for column, is_included in self._tests:
            if not is_included(document.get(column)):
                return False
        return not self.only_records or is_record(document)

    def exactly(self, column: str) -> frozenset[str] | None:
        """Return the only texts that `column` has in what is wanted, or None if it may have others, or be missing."""
        asked = self._asked.get(column)
        if not isinstance(asked, OneOf) or asked.is_negated:
            return None
        texts = [value for value in asked.values if isinstance(value, str)]
        return frozenset(texts) if len(texts) == len(asked.values) else None

    def fragment(self) -> bytes | None:
        """Return what stands in each line that is wanted, to look for it before decoding any; None if there is nothing such."""
        for column in ("run_id", "task_name"):
            texts = self.exactly(column)
            if texts is not None and len(texts) == 1:
                return fragment(column, *texts)
            if beginning := _beginning(self._asked.get(column)):
                return fragment(column, beginning, goes_on=True)
        return None

    def bounds(self, column: str) -> Bounds:
        """Return the range out of which no number in `column` is wanted; where the column is missing, it says nothing."""
        asked = self._asked.get(column)
        if asked is None or (isinstance(asked, OneOf) and asked.is_negated):
            return Bounds()
        ends = asked.values if isinstance(asked, OneOf) else (asked.low, asked.high)
        numbers = [value for value in ends if isinstance(value, int | float)]
        if isinstance(asked, OneOf):
            is_closed = len(numbers) == len(ends)
            return Bounds(min(numbers, default=math.inf), max(numbers, default=-math.inf)) if is_closed else Bounds()
        low, high = (end if isinstance(end, int | float) else None for end in ends)
        return Bounds(-math.inf if low is None else low, math.inf if high is None else high)


def _beginning(asked: Operator | None) -> str:
    """Return what all texts begin with that are asked for; empty if they need not have anything in common."""
    if not isinstance(asked, Range) or not isinstance(asked.low, str) or not isinstance(asked.high, str):
        return ""
    return commonprefix([asked.low, asked.high])  # noqa: RUF071  # of texts: what lies between two in order begins as both do


EVERYTHING = Wanted(only_records=False)
