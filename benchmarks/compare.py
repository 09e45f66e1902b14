"""Two reports, old and new: what has changed beyond the noise. The rule is :data:`RULE`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from statistics import median
from typing import Literal

from benchmarks import noise
from benchmarks.figures import FEW, Figure, Machine, Report

LEAST = 0.05
"""A smaller change than this share says nothing, however steady the figures are."""
RULE = (
    "Ratios are compared, and times only of what has no bare primitive beside it. Better and worse: the middle halves of the "
    f"rounds do not overlap, and the medians differ by more than {LEAST:.0%}. Same: they differ by less, or both halves lie "
    f"within that. Unknown: all else, fewer than {FEW} rounds, and what varied too much (~). Bare primitives, and what is not "
    "ours, are not judged."
)

Said = Literal["better", "worse", "same", "unknown"]


@dataclass(frozen=True, slots=True)
class Change:
    """One figure of two reports, in the terms in which it is judged: its ratios where it has any, else its values."""

    old: Figure
    new: Figure
    is_scattered: bool = False
    """Whether the figure itself varied too much in either report to conclude anything."""

    @property
    def share(self) -> float:
        """By what share of the old median the new one is higher."""
        return self.new.median / self.old.median - 1 if self.old.median else 0.0

    @property
    def said(self) -> Said:
        """What can be concluded, by the rule."""
        if self.is_scattered or min(len(self.old.samples), len(self.new.samples)) < FEW:
            return "unknown"
        (old_low, old_high), (new_low, new_high) = self.old.quartiles, self.new.quartiles
        if max(old_high, new_high) - min(old_low, new_low) <= LEAST * self.old.median:
            return "same"
        if old_low <= new_high and new_low <= old_high:
            return "unknown"
        if abs(self.share) <= LEAST:
            return "same"
        return "better" if (self.share > 0) is self.new.more_is_better else "worse"


@dataclass(frozen=True, slots=True)
class Comparison:
    """What has changed from one report to another."""

    changes: tuple[Change, ...]
    """Of each figure that both have, in the order of the new one."""
    gone: tuple[Figure, ...]
    """Those that only the old one has, of the sections that both have."""
    come: tuple[Figure, ...]
    """Those that only the new one has, of these sections."""
    differences: tuple[str, ...]
    """How the machines differ, in words."""


def compare(old: Report, new: Report) -> Comparison:
    """Return what has changed from one report to another, figure by figure."""
    before = {figure.key: figure for figure in old.figures}
    after = {figure.key: figure for figure in new.figures}
    both = set(old.sections) & set(new.sections)
    return Comparison(
        tuple(
            _change(old, before[key], new, figure)
            for key, figure in after.items()
            if key in before and _is_judged(new, figure) and _is_comparable(before[key], figure)
        ),
        tuple(figure for key, figure in before.items() if key not in after and figure.section in both),
        tuple(figure for key, figure in after.items() if key not in before and figure.section in both),
        tuple(_differences(old.machine, new.machine)),
    )


def _change(old: Report, before: Figure, new: Report, after: Figure) -> Change:
    is_scattered = noise.is_scattered(before) or noise.is_scattered(after)
    if after.baseline is None:
        return Change(before, after, is_scattered)
    return Change(_as_ratio(old, before), _as_ratio(new, after), is_scattered)


def _as_ratio(report: Report, figure: Figure) -> Figure:
    return replace(figure, unit="×", samples=report.ratios(figure) or (figure.ratio or 0.0,))


def _is_judged(report: Report, figure: Figure) -> bool:
    """Return whether it is a cost of ours: no primitive, nobody else's, and no share of a whole that is ours."""
    is_bare = figure.package is None and any(each.baseline == figure.name for each in report.of(figure.section))
    baseline = report.baseline(figure)
    is_share = baseline is not None and baseline.package is not None
    return not (is_bare or is_share or figure.is_of_others)


def _is_comparable(old: Figure, new: Figure) -> bool:
    return (old.unit, old.baseline) == (new.unit, new.baseline)


def _differences(old: Machine, new: Machine) -> Iterator[str]:
    for what in ("cpu", "cpus", "kernel", "python"):
        if (was := getattr(old, what)) != (is_now := getattr(new, what)):
            yield f"{what}: {was}, now {is_now}"
    for package in sorted(old.versions.keys() | new.versions.keys()):
        versions = [machine.versions.get(package, "not installed") for machine in (old, new)]
        if versions[0] != versions[1]:
            yield f"{package}: {versions[0]}, now {versions[1]}"
    if old.calibration and new.calibration:
        share = median(new.calibration) / median(old.calibration) - 1
        if abs(share) > LEAST:
            yield f"the machine itself: a loop that does always the same takes {share:+.0%}"
