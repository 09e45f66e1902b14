"""Reports as tables and sentences, for people."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from benchmarks import noise
from benchmarks.compare import RULE, Comparison
from benchmarks.contest import UNITS
from benchmarks.figures import Absent, Figure, Machine, Report, number
from benchmarks.targets import Verdict, held, verdicts

_STYLES = {"better": "green", "worse": "red", "same": "dim", "unknown": "dim"}


WIDE = 110
"""Columns that a table needs which says all; in fewer, ranges of figures, targets, and ratios of curves are left out."""


def section(name: str, about: str, found: Sequence[Figure | Absent], width: int = WIDE) -> RenderableType:
    """Return what a section has found: a table of single figures, and one of curves with a column for each size.

    Args:
      width: columns that there are.
    """
    figures = list(held([each for each in found if isinstance(each, Figure)]))
    single = [figure for figure in figures if figure.size is None]
    parts: list[RenderableType] = [Text(f"{name}: {about}", "bold")]
    if single:
        parts.append(_single(single, wide=width >= WIDE))
    curves = ([figure for figure in figures if figure.size_unit == unit] for unit in _size_units(figures))
    parts.extend(_curves(each, wide=width >= WIDE) for each in curves)
    parts.extend(Text(f"absent: {each.name} ({each.why})", "dim") for each in found if isinstance(each, Absent))
    return Group(*parts, "")


def _single(figures: Sequence[Figure], *, wide: bool) -> Table:
    ranges, targets = (["LOW", "HIGH"], ["TARGET"]) if wide else ([], [])
    table = _table("", "UNIT", "MEDIAN", *ranges, *_if_any(figures), "× BARE", *targets, left=2)
    baselines = {figure.baseline for figure in figures}
    for figure in figures:
        values = [marked_median(figure)]
        if wide:
            values += [number(figure.low), number(figure.high)]
        if _if_any(figures):
            values += ["" if value is None else number(value) for value in (figure.p50, figure.p99)]
            values.append(a_second(figure))
        ratio = _ratio(figure) if figure.name not in baselines else "1" if figure.package else "bare"
        target = [figure.target or ""] if wide else []
        table.add_row(figure.name, figure.unit, *values, ratio, *target, style="dim" if ratio == "bare" else None)
    return table


def _ratio(figure: Figure) -> str:
    return "" if figure.ratio is None else number(figure.ratio)


def _if_any(figures: Sequence[Figure]) -> list[str]:
    return ["P50", "P99", "A SECOND"] if any(figure.p50 is not None for figure in figures) else []


def _size_units(figures: Sequence[Figure]) -> list[str]:
    return list(dict.fromkeys(figure.size_unit for figure in figures if figure.size_unit is not None))


def _curves(figures: Sequence[Figure], *, wide: bool) -> Table:
    sizes = sorted({figure.size for figure in figures if figure.size is not None})
    table = _table(f"BY {figures[0].size_unit}", "UNIT", *(f"{size:,.0f}" for size in sizes), left=2)
    for name in dict.fromkeys(figure.name for figure in figures):
        curve = {figure.size: figure for figure in figures if figure.name == name}
        unit = next(iter(curve.values())).unit
        table.add_row(name, unit, *(_cell(curve[size], wide=wide) if size in curve else "" for size in sizes))
    return table


def _cell(figure: Figure, *, wide: bool) -> str:
    ratio = f" ({number(figure.ratio)} ×)" if wide and figure.ratio is not None else ""
    return marked_median(figure) + ratio


def marked_median(figure: Figure) -> str:
    """Return the median of a figure, with a ~ before what varied too much to conclude anything."""
    return "~" * noise.is_scattered(figure) + number(figure.median)


def a_second(figure: Figure) -> str:
    """Return how often in a second it can be done; nothing of what takes no time."""
    return f"{UNITS[figure.unit] / figure.median:,.0f}" if figure.unit in UNITS else ""


def summary(report: Report) -> RenderableType:
    """Return which targets are met, with what it was measured, and what to know before anything is concluded."""
    parts: list[RenderableType] = [Text(line) for line in machine_in_words(report.machine)]
    parts.append(f"{len(report.figures)} figures in {report.seconds:.0f} s")
    parts.extend(Text(sentence, "yellow") for sentence in noise.in_words(report.machine, report.figures))
    measured = [verdict for verdict in verdicts(report.figures) if verdict.figure is not None]
    if measured:
        parts[:0] = [_targets(measured), ""]
    return Group(*parts)


def _targets(measured: Sequence[Verdict]) -> Table:
    table = _table("TARGET", "OF", "MEASURED", "", left=2)
    for verdict in measured:
        figure = verdict.figure
        assert figure is not None
        of = f"{figure.section}: {figure.name}" + ("" if figure.size is None else f", {figure.size:,.0f} {figure.size_unit}")
        value = "" if verdict.value is None else number(verdict.value)
        words = {True: Text("met", "green"), False: Text("missed", "red"), None: Text("not measured", "dim")}[verdict.is_met]
        table.add_row(verdict.target.in_words(figure), of, value, words + Text(" ~" * noise.is_scattered(figure)))
    return table


def machine_in_words(machine: Machine) -> Iterator[str]:
    """Yield with what it was measured, a line each."""
    yield f"{machine.cpu}, {machine.cpus} processors, {machine.kernel}, {machine.python}"
    yield ", ".join(f"{name} {version}" for name, version in machine.versions.items())
    yield f"load {machine.load_before:.2f} before, {machine.load_after:.2f} after"


def comparison(compared: Comparison) -> RenderableType:
    """Return what has changed, by which rule, and how the machines differ."""
    table = _table("CHANGED", "UNIT", "OLD", "NEW", "BY", "", left=2)
    for change in compared.changes:
        name = f"{change.new.section}: {change.new.name}" + ("" if change.new.size is None else f", {change.new.size:,.0f}")
        values = (number(change.old.median), number(change.new.median), f"{change.share:+.1%}")
        table.add_row(name, change.new.unit, *values, Text(change.said, _STYLES[change.said]))
    parts: list[RenderableType] = [table, RULE]
    parts += [Text(f"other than before: {each}", "yellow") for each in compared.differences]
    parts += [Text(f"no longer measured: {figure.section}: {figure.name}", "dim") for figure in compared.gone]
    parts += [Text(f"new: {figure.section}: {figure.name}", "dim") for figure in compared.come]
    return Group(*parts)


def _table(*columns: str, left: int) -> Table:
    table = Table(box=None, header_style="bold", pad_edge=False)
    for position, column in enumerate(columns):
        is_text = position == 0 or column == "TARGET"
        table.add_column(column, justify="left" if position < left else "right", no_wrap=not is_text, overflow="fold")
    return table
