"""Wanted: which documents somebody wants to see."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from actors.records import is_record


@dataclass(frozen=True, slots=True)
class Wanted:
    """Records whose columns have exactly these values."""

    columns: Mapping[str, object] = field(default_factory=dict)
    only_records: bool = True
    """Whether what is no record is left out."""

    def includes(self, document: Mapping[str, Any]) -> bool:
        """Return whether `document` is one of them."""
        if self.only_records and not is_record(document):
            return False
        return all(document.get(column) == value for column, value in self.columns.items())


EVERYTHING = Wanted(only_records=False)
