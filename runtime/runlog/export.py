"""Export: records as columns, for other programs."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Any

from actors.columns import COLUMNS, is_ordered

_DATA = tuple(at for at, column in enumerate(COLUMNS) if not is_ordered(column))
_AT_ONCE = 500
"""Lines, so that a reader gets the first ones soon."""


def csv_lines(records: Iterable[Mapping[str, Any]]) -> Iterator[bytes]:
    """Yield records as CSV in UTF-8, after a line with the names of all columns, many lines at a time; a missing value is empty.

    Columns that hold data, such as ``params``, are JSON.
    """
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    rows = map(_row, records)
    while True:
        writer.writerows(islice(rows, _AT_ONCE))
        if not text.tell():
            return
        yield text.getvalue().encode("utf-8", "backslashreplace")
        text.seek(0)
        text.truncate()


def json_lines(records: Iterable[Mapping[str, Any]]) -> Iterator[bytes]:
    """Yield records as JSON, one a line in UTF-8, with the columns that they have."""
    for record in records:
        row = {column: record[column] for column in COLUMNS if column in record}
        yield json.dumps(row, ensure_ascii=False).encode("utf-8", "backslashreplace") + b"\n"


def _row(record: Mapping[str, Any]) -> list[object]:
    row: list[object] = [record.get(column) for column in COLUMNS]
    for at in _DATA:
        if row[at] is not None:
            row[at] = json.dumps(row[at], ensure_ascii=False)
    return row
