"""What Callsheet's figures are held to: the table of targets, and whether they are met."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from benchmarks.figures import Figure, number

By = Literal["median", "ratio", "p99", "growth", "ahead"]
"""What of a figure is looked at: its median; how many times its baseline it is; its 99th percentile; its median as a multiple of
that at the smallest size; its median as a multiple of another figure's, which it is to be ahead of."""


@dataclass(frozen=True, slots=True)
class Target:
    """What one figure must not exceed."""

    section: str
    figure: str
    most: float
    by: By = "median"
    size: float | None = None
    other: str | None = None
    """Of the same section: the figure that it is to be ahead of."""

    def concerns(self, figure: Figure) -> bool:
        """Return whether it is this figure that is held to it."""
        return figure.key == (self.section, self.figure, self.size)

    def in_words(self, figure: Figure) -> str:
        """Return what is expected of the figure."""
        match self.by:
            case "median":
                return f"≤ {self.most:g} {figure.unit}"
            case "ratio":
                return f"≤ {self.most:g} × {figure.baseline}"
            case "p99":
                return f"p99 ≤ {self.most:g} {figure.unit}"
            case "growth":
                return f"flat: ≤ {self.most:g} × the smallest"
            case "ahead":
                return f"ahead of {self.other}"


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a target is met."""

    target: Target
    figure: Figure | None
    """What was measured; None if that was left out."""
    value: float | None
    """What is held against the target."""

    @property
    def is_met(self) -> bool | None:
        """Whether the value is within the target; None if it was not measured."""
        return None if self.value is None else self.value <= self.target.most

    def in_words(self) -> str:
        """Return what was measured, in the terms of the target; nothing if it was not."""
        if self.figure is None or self.value is None:
            return ""
        return f"{number(self.value)} {self.figure.unit if self.target.by in ('median', 'p99') else '×'}"


TARGETS = (
    Target("modes", "async, one after the other", 30),
    Target("modes", "main", 30),
    Target("modes", "thread, one after the other", 1.3, "ratio"),
    Target("modes", "process, one after the other", 1.5, "ratio"),
    Target("messages", "tell", 1),
    Target("messages", "ask, one after the other", 13),
    Target("messages", "memory of an idle actor", 5),
    Target("lateness", "1,000 tasks, every second", 50, "p99"),
    Target("scaling", "idle CPU, daily tasks", 0.1, size=1000),
    Target("runlog", "insert: run log", 5, size=1_000_000),
    Target("runlog", "insert: run log", 1.5, "growth", size=1_000_000),
    Target("startup", "import actors", 60),
    Target("peers", "thread, four at once: Callsheet", 1, "ahead", other="thread, four at once: APScheduler"),
    Target("peers", "process, one after the other: Callsheet", 1, "ahead", other="process, one after the other: trio-parallel"),
    Target("peers", "process, two at once: Callsheet", 1, "ahead", other="process, two at once: APScheduler"),
)


def verdicts(figures: Sequence[Figure], targets: Sequence[Target] = TARGETS) -> list[Verdict]:
    """Return for each target whether it is met."""
    return [_verdict(target, figures) for target in targets]


def with_targets(figures: Sequence[Figure], targets: Sequence[Target] = TARGETS) -> Iterator[Figure]:
    """Yield the figures, with what each is held to in words."""
    for figure in figures:
        words = [target.in_words(figure) for target in targets if target.concerns(figure)]
        yield replace(figure, target=", ".join(words) or None)


def _verdict(target: Target, figures: Sequence[Figure]) -> Verdict:
    figure = next((figure for figure in figures if target.concerns(figure)), None)
    return Verdict(target, figure, None if figure is None else _value(target, figure, figures))


def _value(target: Target, figure: Figure, figures: Sequence[Figure]) -> float | None:
    match target.by:
        case "median":
            return figure.median
        case "ratio":
            return figure.ratio
        case "p99":
            return figure.p99
        case "growth":
            curve = [each for each in figures if each.key[:2] == figure.key[:2] and each.size is not None]
            return figure.median / min(curve, key=lambda each: each.size or 0).median
        case "ahead":
            other = next((each for each in figures if each.key == (target.section, target.other, target.size)), None)
            return None if other is None else figure.median / other.median
