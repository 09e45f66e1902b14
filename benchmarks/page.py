"""Page: a Markdown file whose tables are made from a report, each between two comments that name it.

``<!-- modes -->`` and ``<!-- end -->`` have the table of that section between them; ``<!-- scaling by tasks -->`` that of its
curves over numbers of tasks; ``<!-- targets -->`` what was to be reached; ``<!-- machine -->`` with what it was measured.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence

from benchmarks import noise
from benchmarks.figures import Figure, Report, number
from benchmarks.tables import a_second, machine_in_words, marked_median
from benchmarks.targets import verdicts

_PART = re.compile(r"(<!-- (?!end -->)(?P<name>[^>]+) -->\n).*?(?=<!-- end -->)", re.DOTALL)
_OF_ALL = ("targets", "machine")
_MET = {True: "met", False: "**missed**", None: "not measured"}


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
    return _curves(figures) if size_unit else _single(figures)


def _targets(report: Report) -> str:
    rows = []
    for verdict in verdicts(report.figures):
        target, figure = verdict.target, verdict.figure
        of = f"{target.section}: {target.figure}" + ("" if target.size is None else f", {target.size:,.0f}")
        if figure is None:
            rows.append((of, "", "", "", _MET[None]))
        else:
            median = f"{marked_median(figure)} {figure.unit}"
            rows.append((of, target.in_words(figure), verdict.in_words(), median, _MET[verdict.is_met]))
    return _table(("What", "Target", "Measured", "Median", ""), rows)


def _single(figures: Sequence[Figure]) -> str:
    of_name = {figure.name: figure for figure in figures}
    timed = any(figure.p99 is not None for figure in figures)
    rows = []
    for figure in figures:
        row = [figure.name, f"{marked_median(figure)} {figure.unit}", _range(figure.samples)]
        if timed:
            row += [*("" if value is None else number(value) for value in (figure.p50, figure.p99)), a_second(figure)]
        rows.append((*row, _times(figure), _rounds(figure, of_name.get(figure.baseline or "")), figure.baseline or ""))
    single = ("p50", "p99", "A second") if timed else ()
    return _table(("", "Median", "Rounds", *single, "×", "Rounds", "Beside"), rows)


def _curves(figures: Sequence[Figure]) -> str:
    sizes = sorted({figure.size for figure in figures if figure.size is not None})
    rows = []
    for name in dict.fromkeys(figure.name for figure in figures):
        curve = [figure for figure in figures if figure.name == name]
        of_size = {figure.size: marked_median(figure) + (f" ({_times(figure)})" if figure.ratio else "") for figure in curve}
        rows.append((name, curve[0].unit, *(of_size.get(size, "") for size in sizes), curve[0].baseline or ""))
    return _table((figures[0].size_unit or "", "Unit", *(f"{size:,.0f}" for size in sizes), "Beside"), rows)


def _range(values: Sequence[float]) -> str:
    return f"{number(min(values))} to {number(max(values))}" if len(values) > 1 else ""


def _times(figure: Figure) -> str:
    return "" if figure.ratio is None else f"{number(figure.ratio)} ×"


def _rounds(figure: Figure, baseline: Figure | None) -> str:
    """Return between what the ratios of single rounds are; of a rate, more of which is better, too."""
    if baseline is None:
        return ""
    pairs = zip(figure.samples, baseline.samples, strict=False)
    return _range([least / mine if figure.more_is_better else mine / least for mine, least in pairs])


def _table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    ruler = ["---", *("---:" for _ in columns[1:])]
    return "\n".join("| " + " | ".join(row) + " |" for row in (columns, ruler, *rows))
