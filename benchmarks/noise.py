"""Whether what was measured can be relied upon: pure rules, which the report tells with what they say."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.figures import FEW, Figure, Machine
from runtime.runlog.statistics import percentile

UNSTEADY = 0.15
"""A loop that does always the same may take so much longer, nine times of ten, than it does in the middle."""
SCATTERED = 0.3
"""The quartiles of a figure may be apart by this share of its median."""


def unsteadiness(calibration: Sequence[float]) -> float:
    """Return by what share the loop took longer than its median in the worst tenth; 0 where it was hardly run."""
    if len(calibration) < FEW:
        return 0.0
    ordered = sorted(calibration)
    return percentile(ordered, 90) / percentile(ordered, 50) - 1


def is_noisy(machine: Machine) -> bool:
    """Return whether the machine did not give the same work the same time, so that only large differences mean something."""
    return unsteadiness(machine.calibration) > UNSTEADY


def is_scattered(figure: Figure) -> bool:
    """Return whether a figure varies so much that nothing can be concluded from it."""
    return figure.spread > SCATTERED


def in_words(machine: Machine, figures: Sequence[Figure]) -> list[str]:
    """Return what to know before anything is concluded, a sentence each; nothing if the machine was quiet."""
    said = []
    if is_noisy(machine):
        said.append(
            f"The machine was noisy: a loop that does always the same took {unsteadiness(machine.calibration):.0%} longer "
            f"than usual in the worst tenth of its times ({UNSTEADY:.0%} is allowed). Compare ratios, not times."
        )
    if machine.load_before > machine.cpus / 2:
        said.append(f"The machine was busy when this began: a load of {machine.load_before:.1f} on {machine.cpus} processors.")
    if any(len(figure.samples) == 1 for figure in figures):
        said.append("Figures of a single round have no spread, and nothing can be concluded from them.")
    if scattered := [figure for figure in figures if is_scattered(figure)]:
        count = f"{len(scattered)} figure{'s' * (len(scattered) > 1)}"
        said.append(f"Nothing can be concluded from {count}, marked with ~: varied by more than {SCATTERED:.0%}.")
    return said
