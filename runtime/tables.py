"""Tables: rows as people want to read them, or as JSON."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, tzinfo
from typing import Any

COLOURS = {
    "success": "green", "fail": "red", "crash": "red", "error": "red", "terminate": "yellow", "missed": "yellow",
    "retry": "yellow", "running": "cyan", "inaction": "dim",
    "failed": "red", "gave up": "red", "stuck": "red", "restarting": "yellow", "stopping": "yellow", "declared": "dim",
}  # fmt: skip
SHRINKING = "ABOUT"
"""The column that wraps where a terminal is narrow."""
NARROWEST = 10
MINUTE = 60
THOUSAND = 1000
UNSEEN = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
"""What terminals obey rather than show, but for ends of lines and tabs; and halves of characters, which cannot be printed."""
UNITS = (("d", 86400), ("h", 3600), ("min", MINUTE), ("s", 1))

Row = dict[str, Any]


def print_rows(rows: list[Row], as_json: bool, columns: dict[str, Callable[[Row], str]], empty: str) -> None:
    """Print `rows`: each a JSON object on a line, or all as a table of `columns`; where there are none, `empty` to stderr.

    On a terminal the table is made to fit; elsewhere each row is a line, whatever its length.
    """
    if as_json:
        for row in rows:
            print(json.dumps(row))
        return
    if not rows:
        print(empty, file=sys.stderr)
        return
    cells = [[visible(cell(row)) for cell in columns.values()] for row in rows]
    if sys.stdout.isatty():
        _print_fitted(list(columns), cells)
    else:
        _print_whole([list(columns), *cells])


def _print_whole(lines: list[list[str]]) -> None:
    """Print a table as it is: Rich would take seconds for ten thousand rows, to fit what need not fit."""
    from rich.cells import cell_len

    lines = [[" ".join(cell.splitlines()) for cell in line] for line in lines]
    widths = [max(map(cell_len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        padded = (cell + " " * (width - cell_len(cell)) for cell, width in zip(line, widths, strict=True))
        print("  ".join(padded).rstrip())


def _print_fitted(columns: list[str], cells: list[list[str]]) -> None:
    """Print a table in the width of the terminal, in colour."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text  # not markup: what tasks say may have brackets in it

    console = Console(highlight=False)
    widths = _fitted([max(map(len, column)) for column in zip(columns, *cells, strict=True)], columns, console.width)
    table = Table(box=None, header_style="bold", pad_edge=False)
    for name, width in zip(columns, widths, strict=True):
        table.add_column(name, no_wrap=name != SHRINKING, overflow="fold" if name == SHRINKING else "ellipsis", width=width)
    for line in cells:
        table.add_row(*(Text(text, style=COLOURS.get(text, "")) for text in line))
    console.print(table)


def _fitted(widths: list[int], names: list[str], room: int) -> list[int]:
    """Return `widths` made so narrow that all columns fit: first the one that may wrap, then whichever is the widest."""
    too_much = sum(widths) + 2 * (len(widths) - 1) - room
    if SHRINKING in names:
        which = names.index(SHRINKING)
        narrower = min(max(too_much, 0), max(widths[which] - NARROWEST, 0))
        widths[which] -= narrower
        too_much -= narrower
    while too_much > 0 and max(widths) > NARROWEST:
        widths[widths.index(max(widths))] -= 1
        too_much -= 1
    return widths


def print_pairs(pairs: Iterable[tuple[str, str]]) -> None:
    """Print names and values, one a line; those without a value are left out."""
    for name, value in pairs:
        if value:
            print(f"{name:<8} {visible(value)}")


def visible(text: str) -> str:
    """Return `text` with what a terminal would obey shown as Python writes it: what tasks are called and say is not ours."""
    return UNSEEN.sub(lambda found: ascii(found[0])[1:-1], text)


def status(action: str) -> str:
    """Return how the latest action of a run or a task is told to people: one whose beginning is the latest is running."""
    return "running" if action == "run" else action


def moment(seconds: float | None, zone: tzinfo | None = None) -> str:
    """Return `seconds` since the epoch as a time of day, with the date unless it is today's; in local time by default."""
    if seconds is None:
        return ""
    when = datetime.fromtimestamp(seconds).astimezone(zone)
    return f"{when:%H:%M:%S}" if when.date() == datetime.now().astimezone(zone).date() else f"{when:%Y-%m-%d %H:%M}"


def date_and_time(seconds: float, zone: tzinfo) -> str:
    """Return `seconds` since the epoch as a day and a time in `zone`."""
    return f"{datetime.fromtimestamp(seconds, zone):%a %Y-%m-%d %H:%M:%S}"


def utc_time(seconds: float) -> str:
    """Return `seconds` since the epoch in UTC, as a weekday and a time."""
    return f"{datetime.fromtimestamp(seconds, UTC):%a %H:%M:%S}Z"


def utc(seconds: float) -> str:
    """Return `seconds` since the epoch in UTC, as ISO 8601 has it."""
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}Z"


def seconds(number: float | None) -> str:
    """Return a short length of time."""
    if number is None:
        return ""
    return f"{number * 1000:.1f} ms" if number < 1 else f"{number:.2f} s"


def size(count: int) -> str:
    """Return so many bytes, roughly."""
    number, unit = float(count), "B"
    for larger in ("kB", "MB", "GB"):
        if number < THOUSAND:
            break
        number, unit = number / THOUSAND, larger
    return f"{count} B" if unit == "B" else f"{number:.1f} {unit}"


def age(number: float) -> str:
    """Return a length of time, exactly where it is short, and roughly from a minute on."""
    return seconds(number) if number < MINUTE else left(number)


def left(number: float) -> str:
    """Return a length of time in its two largest units, roughly."""
    parts: list[str] = []
    rest = max(round(number), 0)
    for unit, size in UNITS:
        count, rest = divmod(rest, size)
        if count or (unit == "s" and not parts):
            parts.append(f"{count} {unit}")
    return " ".join(parts[:2])
