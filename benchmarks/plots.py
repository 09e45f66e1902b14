"""Reports as pictures: bars beside their baselines and targets, and curves over sizes. Only what draws imports matplotlib."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import cycle
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.figures import Figure, Report, number
from benchmarks.targets import TARGETS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Picture

OURS, OTHERS, BARE, TARGET = "#2a6fbb", "#e08214", "#4d4d4d", "#1a7f37"
"""The colours of Callsheet, of other packages, of bare primitives, and of targets."""
_CYCLE = ("#2a6fbb", "#8e44ad", "#16a085", "#c0392b", "#7f8c2a", "#d35f9e")
_CYCLE_OF_OTHERS = (OTHERS, "#b35806", "#f1b06a")
_LEAST_RANGE = 1000.0
"""How many times as high as the lowest value of an axis of curves its highest is at least."""
_STYLE: dict[Any, Any] = {  # matplotlib knows the names of all its settings by type
    "svg.fonttype": "none",  # texts stay texts: small, sharp, found by a search
    "svg.hashsalt": "callsheet",  # the same report is the same file
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "figure.facecolor": "white",
}
_WIDTH, _BAR, _PANEL = 9.0, 0.32, 0.75
"""Inches: of a picture, of a bar, of what a panel has around its bars."""


def draw(report: Report, folder: Path) -> list[Path]:
    """Draw each section of a report, as SVG files in `folder`, which is made; return the files.

    Raises:
      ModuleNotFoundError: matplotlib is not installed.
    """
    from matplotlib import rc_context

    folder.mkdir(parents=True, exist_ok=True)
    drawn = []
    with rc_context(_STYLE):
        for section in report.sections:
            figures = report.of(section)
            for name, picture in _pictures(section, figures):
                drawn.append(folder / f"{name}.svg")
                picture.savefig(drawn[-1], metadata={"Date": None})
    return drawn


def _pictures(section: str, figures: Sequence[Figure]) -> Iterator[tuple[str, Picture]]:
    if panels := bar_panels(figures):
        yield section, _bars(section, panels)
    if any(figure.size is not None for figure in figures):
        yield f"{section}-curves", _curves(section, figures)


def bar_panels(figures: Sequence[Figure]) -> list[tuple[Figure | None, list[Figure]]]:
    """Return each baseline with what is compared with it; and by their units, without one, what is compared with nothing.

    What others are compared with is among them where it is a product itself, as Callsheet is to its peers.
    """
    single = {figure.name: figure for figure in figures if figure.size is None}
    baselines = {figure.baseline for figure in figures}
    compared: dict[str, list[Figure]] = {}
    alone: dict[str, list[Figure]] = {}
    for figure in single.values():
        if figure.baseline in single:
            baseline = single[figure.baseline]
            compared.setdefault(baseline.name, [baseline] if baseline.package else []).append(figure)
        elif figure.name not in baselines:
            alone.setdefault(figure.unit, []).append(figure)
    return [*((single[baseline], bars) for baseline, bars in compared.items()), *((None, bars) for bars in alone.values())]


def curve_panels(figures: Sequence[Figure]) -> list[tuple[str, str, dict[str, list[Figure]]]]:
    """Return what each panel is of, its unit, and its curves by their names: of one part of several stores, or of one unit."""
    panels: dict[tuple[str, str, str], dict[str, list[Figure]]] = {}
    for figure in figures:
        if figure.size is not None:
            part, _, owner = figure.name.rpartition(": ")
            curves = panels.setdefault((part, figure.unit, figure.size_unit or ""), {})
            curves.setdefault(owner, []).append(figure)
    return [(part, unit, curves) for (part, unit, _), curves in panels.items()]


def _bars(section: str, panels: Sequence[tuple[Figure | None, list[Figure]]]) -> Picture:
    from matplotlib.figure import Figure as Canvas

    heights = [len(bars) * _BAR + _PANEL for _, bars in panels]
    picture = Canvas(figsize=(_WIDTH, sum(heights) + 0.4), layout="constrained")
    rows = picture.subplots(len(panels), 1, squeeze=False, height_ratios=heights)
    picture.suptitle(section, x=0.01, ha="left", weight="bold")
    for (baseline, bars), (axes,) in zip(panels, rows, strict=True):
        _draw_bars(axes, baseline, bars)
    return picture


def _draw_bars(axes: Axes, baseline: Figure | None, bars: Sequence[Figure]) -> None:
    """Draw bars from zero, with the range of their samples, the baseline as a line across, and targets as short lines."""
    values = [figure.median for figure in bars]
    ranges = [[figure.median - figure.low for figure in bars], [figure.high - figure.median for figure in bars]]
    colours = [OTHERS if figure.is_of_others else OURS for figure in bars]
    axes.barh(range(len(bars)), values, height=0.6, color=colours, xerr=ranges, error_kw={"ecolor": "#00000066", "lw": 1})
    for row, figure in enumerate(bars):
        label, beyond = _label(figure), [figure.high, 0.0 if baseline is None else baseline.median]
        if (most := mark(figure, baseline)) is not None:
            axes.plot([most, most], [row - 0.42, row + 0.42], color=TARGET, lw=2.5)
            label += f", target {most:,.4g}"
            beyond.append(most)
        axes.annotate(label, (max(beyond), row), (6, 0), textcoords="offset points", va="center")
    if baseline is not None:
        axes.axvline(baseline.median, color=BARE, lw=1, ls="--")
        axes.set_title(f"dashed: {baseline.name}, {number(baseline.median)} {baseline.unit}", loc="left", size=8, color=BARE)
    axes.set_yticks(range(len(bars)), [figure.name for figure in bars])
    axes.set_ylim(len(bars) - 0.4, -0.6)
    axes.set_xlim(0, 1.5 * max([*(figure.high for figure in bars), *([] if baseline is None else [baseline.median])]) or 1)
    axes.xaxis.set_major_formatter(_in_full)


def _label(figure: Figure) -> str:
    return f"{number(figure.median)} {figure.unit}" + ("" if figure.ratio is None else f" ({number(figure.ratio)} ×)")


def mark(figure: Figure, baseline: Figure | None) -> float | None:
    """Return the value of a bar at which its target would be just met; None where that is about something else."""
    for target in TARGETS:
        if target.concerns(figure) and target.by == "median":
            return target.most
        if target.concerns(figure) and target.by == "ratio" and baseline is not None:
            return target.most * baseline.median
    return None


def _curves(section: str, figures: Sequence[Figure]) -> Picture:
    from matplotlib.figure import Figure as Canvas

    panels = curve_panels(figures)
    flat = {figure.name: figure for figure in figures if figure.size is None}
    columns = min(len(panels), 2)
    rows = -(-len(panels) // columns)
    picture = Canvas(figsize=(_WIDTH, 3.2 * rows + 0.4), layout="constrained")
    grid = list(picture.subplots(rows, columns, squeeze=False).flat)
    picture.suptitle(section, x=0.01, ha="left", weight="bold")
    for axes, (part, unit, curves) in zip(grid, panels, strict=False):
        _draw_curves(axes, curves)
        baselines = dict.fromkeys(figure.baseline for curve in curves.values() for figure in curve)
        for baseline in (flat[name] for name in baselines if name in flat):
            axes.axhline(baseline.median, color=BARE, lw=1, ls="--", label=baseline.name)
        _scale(axes, unit, curves)
        axes.set_title(part, loc="left", size=9)
    for axes in grid[len(panels) :]:
        axes.set_axis_off()
    return picture


def _draw_curves(axes: Axes, curves: dict[str, list[Figure]]) -> None:
    """Draw curves over sizes, each with a band in which the middle half of its samples lies."""
    baselines = {figure.baseline for curve in curves.values() for figure in curve}
    ours, others = cycle(_CYCLE), cycle(_CYCLE_OF_OTHERS)
    for name, curve in curves.items():
        ordered = sorted(curve, key=lambda figure: figure.size or 0)
        is_baseline = name in baselines
        colour = BARE if is_baseline else next(others if curve[0].is_of_others else ours)
        sizes, values = [figure.size or 0 for figure in ordered], [figure.median for figure in ordered]
        axes.plot(sizes, values, marker="o", ms=3, lw=1.5, label=name, color=colour, ls="--" if is_baseline else "-")
        lows, highs = zip(*(figure.quartiles for figure in ordered), strict=True)
        axes.fill_between(sizes, lows, highs, alpha=0.15, lw=0, color=colour)


def _scale(axes: Axes, unit: str, curves: dict[str, list[Figure]]) -> None:
    """Give both axes powers of ten, and that of values some of them at least: a cost that hardly grows is flat."""
    axes.set(xscale="log", yscale="log", ylabel=unit, xlabel=next(iter(curves.values()))[0].size_unit)
    low, high = axes.get_ylim()
    widen = max(math.sqrt(_LEAST_RANGE * low / high), 1.0)
    axes.set_ylim(low / widen, high * widen)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(_in_full)
        axis.set_minor_formatter(lambda *_: "")
    axes.grid(visible=True, which="major", lw=0.4, alpha=0.5)
    axes.legend(frameon=False, fontsize=7)


def _in_full(value: float, _: object) -> str:
    return f"{value:,.10g}"
