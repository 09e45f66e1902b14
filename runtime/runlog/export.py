"""Export: records as columns, for other programs."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from actors.columns import COLUMNS


def csv_lines(records: Iterable[Mapping[str, Any]]) -> Iterator[bytes]:
    """Yield records as CSV in UTF-8, after a line with the names of all columns; what a record lacks is empty.

    Columns that hold data, such as ``params``, are JSON.
    """
    line = io.StringIO(newline="")
    writer = csv.writer(line, lineterminator="\n")
    for row in _rows(records):
        writer.writerow(row)
        yield line.getvalue().encode("utf-8", "backslashreplace")
        line.seek(0)
        line.truncate()


def json_lines(records: Iterable[Mapping[str, Any]]) -> Iterator[bytes]:
    """Yield records as JSON, one a line in UTF-8, with the columns that they have."""
    for record in records:
        row = {column: record[column] for column in COLUMNS if column in record}
        yield json.dumps(row, ensure_ascii=False).encode("utf-8", "backslashreplace") + b"\n"


def _rows(records: Iterable[Mapping[str, Any]]) -> Iterator[Iterable[object]]:
    yield COLUMNS
    for record in records:
        yield (_cell(record.get(column)) for column in COLUMNS)


def _cell(value: object) -> object:
    return json.dumps(value, ensure_ascii=False) if isinstance(value, (dict, list)) else value
