"""Page: a Markdown file whose tables are made from a report, each between two comments that name it.

``<!-- modes -->`` and ``<!-- end -->`` have the table of that section between them; ``<!-- scaling by tasks -->`` that of its
curves over numbers of tasks; ``<!-- targets -->`` what was to be reached; ``<!-- machine -->`` with what it was measured.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from benchmarks import noise
from benchmarks.figures import Figure, Report, number
from benchmarks.tables import machine_in_words
from benchmarks.targets import verdicts

_PART = re.compile(r"(<!-- (?!end -->)(?P<name>[^>]+) -->\n).*?(?=<!-- end -->)", re.DOTALL)
_MET = {True: "met", False: "**missed**", None: "not measured"}


class UnknownTable(ValueError):
    """A page names a table that its report has nothing for."""


def filled(page: str, report: Report) -> str:
    """Return `page` with all its tables made anew.

    Raises:
      UnknownTable: a name is that of no section of the report.
    """
    return _PART.sub(lambda part: part[1] + _made(part["name"], report) + "\n", page)


def _made(name: str, report: Report) -> str:
    if name == "targets":
        return _targets(report)
    if name == "machine":
        return "\n".join(f"- {line}" for line in [*machine_in_words(report.machine), *noise.in_words(report.machine, [])])
    section, _, size_unit = name.partition(" by ")
    figures = [figure for figure in report.of(section) if figure.size_unit == (size_unit or None)]
    if not figures:
        raise UnknownTable(f"there is nothing in the report for the table {name!r}")
    return _curves(figures) if size_unit else _single(figures)


def _targets(report: Report) -> str:
    rows = []
    for verdict in verdicts(report.figures):
        target, figure = verdict.target, verdict.figure
        of = f"{target.section}: {target.figure}" + ("" if target.size is None else f", {target.size:,.0f}")
        if figure is None:
            rows.append((of, "", "", "", _MET[None]))
        else:
            median = f"{_median(figure)} {figure.unit}"
            rows.append((of, target.in_words(figure), verdict.in_words(), median, _MET[verdict.is_met]))
    return _table(("What", "Target", "Measured", "Median", ""), rows)


def _single(figures: Sequence[Figure]) -> str:
    rows = [
        (figure.name, f"{_median(figure)} {figure.unit}", f"{number(figure.low)} to {number(figure.high)}", _times(figure))
        for figure in figures
    ]
    return _table(("", "Median", "Rounds", "× limit"), rows)


def _curves(figures: Sequence[Figure]) -> str:
    sizes = sorted({figure.size for figure in figures if figure.size is not None})
    rows = []
    for name in dict.fromkeys(figure.name for figure in figures):
        of_size = {figure.size: _median(figure) for figure in figures if figure.name == name}
        unit = next(figure.unit for figure in figures if figure.name == name)
        rows.append((name, unit, *(of_size.get(size, "") for size in sizes)))
    return _table((figures[0].size_unit or "", "Unit", *(f"{size:,.0f}" for size in sizes)), rows)


def _median(figure: Figure) -> str:
    return "~" * noise.is_scattered(figure) + number(figure.median)


def _times(figure: Figure) -> str:
    return "" if figure.ratio is None else f"{number(figure.ratio)} × {figure.limit}"


def _table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    ruler = ["---", *("---:" for _ in columns[1:])]
    return "\n".join("| " + " | ".join(row) + " |" for row in (columns, ruler, *rows))
