"""Reports as tables and sentences, for people."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from benchmarks import noise
from benchmarks.compare import RULE, Comparison
from benchmarks.figures import Absent, Figure, Machine, Report, number
from benchmarks.rows import MISSED, NOT_MEASURED, Held, beside, curves, held, marked_median, subject, timings
from benchmarks.targets import with_targets

_STYLES = {"better": "green", "worse": "red", "same": "dim", "unknown": "dim"}
LEGEND = (
    "MEDIAN, LOW, HIGH: of the rounds. P50, P99: of single ones, one after the other. × BARE: how many times the primitive, in "
    "the same rounds. ~: varied too much to conclude anything."
)

WIDE = 110
"""Columns that a table needs which says all; in fewer, ranges of figures, targets, and ratios of curves are left out."""


def section(name: str, about: str, found: Sequence[Figure | Absent], width: int = WIDE) -> RenderableType:
    """Return what a section has found: a table of single figures, and one of curves with a column for each size.

    Args:
      width: columns that there are.
    """
    figures = list(with_targets([each for each in found if isinstance(each, Figure)]))
    single = [figure for figure in figures if figure.size is None]
    parts: list[RenderableType] = [Text(f"{name}: {about}", "bold")]
    if single:
        parts.append(_single(single, wide=width >= WIDE))
    of_units = ([figure for figure in figures if figure.size_unit == unit] for unit in _size_units(figures))
    parts.extend(_curves(each, wide=width >= WIDE) for each in of_units)
    parts.extend(Text(f"absent: {each.name} ({each.why})", "dim") for each in found if isinstance(each, Absent))
    return Group(*parts, "")


def _single(figures: Sequence[Figure], *, wide: bool) -> Table:
    ranges, targets = (["LOW", "HIGH"], ["TARGET"]) if wide else ([], [])
    timed = timings(figures)
    single = ["P50", "P99", "A SECOND"] if timed(figures[0]) else []
    made = table("", "UNIT", "MEDIAN", *ranges, *single, "× BARE", *targets, left=2)
    baselines = {figure.baseline for figure in figures}
    for figure in figures:
        values = [marked_median(figure), *([number(figure.low), number(figure.high)] if wide else []), *timed(figure)]
        ratio = "" if figure.ratio is None else number(figure.ratio)
        if figure.name in baselines:
            ratio = "1" if figure.package else "bare"
        target = [figure.target or ""] if wide else []
        made.add_row(figure.name, figure.unit, *values, ratio, *target, style="dim" if ratio == "bare" else None)
    return made


def _size_units(figures: Sequence[Figure]) -> list[str]:
    return list(dict.fromkeys(figure.size_unit for figure in figures if figure.size_unit is not None))


def _curves(figures: Sequence[Figure], *, wide: bool) -> Table:
    head, *rows = curves(figures, beside if wide else marked_median)
    made = table(f"BY {head[0]}", "UNIT", *head[2:-1], left=2)
    for row in rows:
        made.add_row(*row[:-1])
    return made


def summary(report: Report) -> RenderableType:
    """Return which targets are met, with what it was measured, and what to know before anything is concluded."""
    parts: list[RenderableType] = [Text(LEGEND, "dim"), ""]
    if measured := [row for row in held(report) if row.median]:
        parts += [_targets(measured), ""]
    parts.extend(Text(line) for line in machine_in_words(report.machine))
    parts.append(f"{len(report.figures)} figures in {report.seconds:.0f} s")
    if report.quick:
        parts.append(
            Text("It was to be quick: the figures show that it works, not what it costs. None is held to its target.", "yellow")
        )
    parts.extend(Text(sentence, "yellow") for sentence in noise.in_words(report.machine, report.figures))
    return Group(*parts)


def _targets(measured: Sequence[Held]) -> Table:
    made = table("TARGET", "OF", "MEASURED", "", left=2)
    for row in measured:
        style = "red" if row.said.startswith(MISSED) else "dim" if row.said == NOT_MEASURED else "green"
        made.add_row(row.target, row.of, row.measured, Text(row.said, style))
    return made


def machine_in_words(machine: Machine) -> Iterator[str]:
    """Yield with what it was measured, a line each."""
    yield f"{machine.cpu}, {machine.cpus} processors, {machine.kernel}, {machine.python}"
    yield ", ".join(f"{name} {version}" for name, version in machine.versions.items())
    yield f"load {machine.load_before:.2f} before, {machine.load_after:.2f} after"


def comparison(compared: Comparison) -> RenderableType:
    """Return what has changed, by which rule, and how the machines differ."""
    made = table("CHANGED", "IN", "OLD", "NEW", "BY", "", left=2)
    for change in compared.changes:
        name = subject(change.new.section, change.new.name, change.new.size)
        values = (number(change.old.median), number(change.new.median), f"{change.share:+.1%}")
        made.add_row(name, change.new.unit, *values, Text(change.said + " ~" * change.is_scattered, _STYLES[change.said]))
    parts: list[RenderableType] = [made, RULE]
    parts += [Text(f"other than before: {each}", "yellow") for each in compared.differences]
    parts += [Text(f"no longer measured: {figure.section}: {figure.name}", "dim") for figure in compared.gone]
    parts += [Text(f"new: {figure.section}: {figure.name}", "dim") for figure in compared.come]
    return Group(*parts)


def table(*columns: str, left: int = 1) -> Table:
    """Return an empty table of these columns, of which the first `left` are of words, and all others of numbers."""
    made = Table(box=None, header_style="bold", pad_edge=False)
    for position, column in enumerate(columns):
        is_text = position == 0 or column == "TARGET"
        made.add_column(column, justify="left" if position < left else "right", no_wrap=not is_text, overflow="fold")
    return made
