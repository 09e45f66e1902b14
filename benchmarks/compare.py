"""Two reports, old and new: what has changed beyond the noise. The rule is :data:`RULE`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from statistics import median
from typing import Literal

from benchmarks.figures import FEW, Figure, Machine, Report

LEAST = 0.05
"""A smaller change than this share says nothing, however steady the figures are."""
RULE = (
    f"A change counts where the middle halves of both samples do not overlap, the medians differ by more than {LEAST:.0%}, and "
    f"both have {FEW} rounds or more."
)

Said = Literal["better", "worse", "same", "unknown"]


@dataclass(frozen=True, slots=True)
class Change:
    """One figure of two reports."""

    old: Figure
    new: Figure

    @property
    def share(self) -> float:
        """By what share of the old median the new one is higher."""
        return self.new.median / self.old.median - 1 if self.old.median else 0.0

    @property
    def said(self) -> Said:
        """What can be concluded: ``same`` is within the noise, ``unknown`` where there are too few rounds to tell."""
        if min(len(self.old.samples), len(self.new.samples)) < FEW:
            return "unknown"
        (old_low, old_high), (new_low, new_high) = self.old.quartiles, self.new.quartiles
        if abs(self.share) <= LEAST or (old_low <= new_high and new_low <= old_high):
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
            Change(before[key], figure) for key, figure in after.items() if key in before and _is_comparable(before[key], figure)
        ),
        tuple(figure for key, figure in before.items() if key not in after and figure.section in both),
        tuple(figure for key, figure in after.items() if key not in before and figure.section in both),
        tuple(_differences(old.machine, new.machine)),
    )


def _is_comparable(old: Figure, new: Figure) -> bool:
    return old.unit == new.unit


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
