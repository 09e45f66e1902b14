"""Page: a Markdown file whose tables are made from a report, each between two comments that name it.

``<!-- modes -->`` and ``<!-- end -->`` have the table of that section between them; ``<!-- scaling by tasks -->`` that of its
curves over numbers of tasks; ``<!-- targets -->`` what was to be reached; ``<!-- machine -->`` with what it was measured.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence

from benchmarks import noise
from benchmarks.figures import Figure, Report, number
from benchmarks.rows import MISSED, beside, curves, held, marked_median, times, timings
from benchmarks.tables import machine_in_words

_PART = re.compile(r"(<!-- (?!end -->)(?P<name>[^>]+) -->\n).*?(?=<!-- end -->)", re.DOTALL)
_OF_ALL = ("targets", "machine")


class UnknownTable(ValueError):
    """A page names a table that its report has nothing for."""


def check(page: str, sections: Collection[str]) -> None:
    """Check, before anything is measured, that a page has tables, and that these are of `sections`.

    Raises:
      UnknownTable: it has none, or one of another section.
    """
    names = [part["name"] for part in _PART.finditer(page)]
    if not names:
        raise UnknownTable("it has no table, which would be between <!-- modes --> and <!-- end -->")
    for name in names:
        if name not in _OF_ALL and name.partition(" by ")[0] not in sections:
            raise UnknownTable(f"nothing is measured for the table {name!r}")


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
        packages = dict.fromkeys(figure.package for figure in report.figures if figure.package is not None)
        peers = ", ".join(package for package in packages if "callsheet" not in package.lower())
        lines = [*machine_in_words(report.machine), *noise.in_words(report.machine, [])]
        return "\n".join(f"- {line}" for line in ([*lines, f"beside it: {peers}"] if peers else lines))
    section, _, size_unit = name.partition(" by ")
    figures = [figure for figure in report.of(section) if figure.size_unit == (size_unit or None)]
    if not figures:
        raise UnknownTable(f"there is nothing in the report for the table {name!r}")
    if not size_unit:
        return _single(report, figures)
    head, *rows = curves(figures, beside)
    return _table(head, rows)


def _targets(report: Report) -> str:
    rows = [(row.of, row.target, row.measured, row.median, row.said.replace(MISSED, f"**{MISSED}**")) for row in held(report)]
    return _table(("What", "Target", "Measured", "Median", ""), rows)


def _single(report: Report, figures: Sequence[Figure]) -> str:
    timed = timings(figures)
    rows = [
        (
            figure.name,
            f"{marked_median(figure)} {figure.unit}",
            _range(figure.samples),
            *timed(figure),
            times(figure),
            _range(report.ratios(figure)),
            figure.baseline or "",
        )
        for figure in figures
    ]
    single = ("p50", "p99", "A second") if timed(figures[0]) else ()
    return _table(("", "Median", "Rounds", *single, "×", "Rounds", "Beside"), rows)


def _range(values: Sequence[float]) -> str:
    return f"{number(min(values))} to {number(max(values))}" if len(values) > 1 else ""


def _table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    ruler = ["---", *("---:" for _ in columns[1:])]
    return "\n".join("| " + " | ".join(row) + " |" for row in (columns, ruler, *rows))
