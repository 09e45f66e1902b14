"""Rows: figures and verdicts in words, which terminals and pages lay out each in their way."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from benchmarks import noise
from benchmarks.contest import UNITS
from benchmarks.figures import Figure, Report, number
from benchmarks.targets import Verdict, verdicts

MISSED, NOT_MEASURED = "missed", "not measured"
_SAID = {True: "met", False: MISSED, None: NOT_MEASURED}


@dataclass(frozen=True, slots=True)
class Held:
    """A target, and what was measured for it."""

    of: str
    target: str
    measured: str
    """In the terms of the target."""
    median: str
    """With its unit; nothing if the figure was not measured, as of the two before."""
    said: str
    """Whether it is met, with a ~ where the figure varied too much to conclude anything; nothing of a quick run."""


def subject(section: str, name: str, size: float | None) -> str:
    """Return what a figure is about: its section, its name, and of a curve how many there are of what."""
    return f"{section}: {name}" + ("" if size is None else f", {size:,.0f}")


def held(report: Report) -> Iterator[Held]:
    """Yield a row for each target."""
    for verdict in verdicts(report.figures):
        target, figure = verdict.target, verdict.figure
        of = subject(target.section, target.figure, target.size)
        if figure is None:
            yield Held(of, "", "", "", NOT_MEASURED)
        else:
            median = f"{marked_median(figure)} {figure.unit}"
            said = "" if report.quick else _said(verdict, figure)
            yield Held(of, target.in_words(figure), verdict.in_words(), median, said)


def _said(verdict: Verdict, figure: Figure) -> str:
    return _SAID[verdict.is_met] + " ~" * noise.is_scattered(figure)


def curves(figures: Sequence[Figure], cell: Callable[[Figure], str]) -> Iterator[tuple[str, ...]]:
    """Yield the sizes as the head, then a row for each curve: its name, its unit, a cell for each size, what it is beside."""
    sizes = sorted({figure.size for figure in figures if figure.size is not None})
    yield (figures[0].size_unit or "", "Unit", *(f"{size:,.0f}" for size in sizes), "Beside")
    for name in dict.fromkeys(figure.name for figure in figures):
        curve = {figure.size: figure for figure in figures if figure.name == name}
        one = next(iter(curve.values()))
        yield (name, one.unit, *(cell(curve[size]) if size in curve else "" for size in sizes), one.baseline or "")


def timings(figures: Sequence[Figure]) -> Callable[[Figure], list[str]]:
    """Return what makes the cells p50, p99 and how often in a second; they are none where nothing was timed by itself."""
    if all(figure.p50 is None for figure in figures):
        return lambda _: []
    return lambda figure: [*("" if each is None else number(each) for each in (figure.p50, figure.p99)), _a_second(figure)]


def marked_median(figure: Figure) -> str:
    """Return the median of a figure, with a ~ before what varied too much to conclude anything."""
    return "~" * noise.is_scattered(figure) + number(figure.median)


def times(figure: Figure) -> str:
    """Return how many times its baseline a figure is; nothing if it has none."""
    return "" if figure.ratio is None else f"{number(figure.ratio)} ×"


def beside(figure: Figure) -> str:
    """Return the median of a figure, and how many times its baseline it is."""
    return marked_median(figure) + (f" ({times(figure)})" if figure.ratio is not None else "")


def _a_second(figure: Figure) -> str:
    """Return how often in a second it can be done; nothing of what takes no time."""
    return f"{UNITS[figure.unit] / figure.median:,.0f}" if figure.unit in UNITS else ""
