"""Figures and the report they make: what is printed, saved, compared and drawn is all made from these."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median, quantiles
from typing import Any

import cattrs
from cattrs.errors import BaseValidationError

from runtime.runlog.statistics import percentile

FEW = 3
"""Fewer samples than this have no spread worth the name."""
FORMAT = 2
"""Of the JSON; one that has another is not read."""


@dataclass(frozen=True, slots=True)
class Figure:
    """One thing that was measured."""

    section: str
    name: str
    unit: str
    """Of the samples: µs, ms, KB, MB, % or a rate such as MB/s, of which more is better."""
    samples: tuple[float, ...]
    """One value a round."""
    baseline: str | None = None
    """The name of the figure of the same section that it is compared with: a bare primitive. None is not compared."""
    ratio: float | None = None
    """How many times the baseline it is: the median of the ratios within each round."""
    target: str | None = None
    """What it is held to, in words; filled in from ``targets.py`` when the report is made."""
    size: float | None = None
    """How many of something there were; figures of one name over their sizes are a curve."""
    size_unit: str | None = None
    """What there were so many of: tasks, launches, messages, records or bytes."""
    package: str | None = None
    """Whose it is, where it is neither Callsheet's nor a bare primitive."""
    p50: float | None = None
    """The median of the single latencies of all rounds, in the same unit, where they were measured."""
    p99: float | None = None
    """What 99 of 100 of them did not exceed."""

    @property
    def key(self) -> tuple[str, str, float | None]:
        """What tells it apart from all others of a report."""
        return self.section, self.name, self.size

    @property
    def median(self) -> float:
        """The middle one of the samples."""
        return median(self.samples)

    @property
    def low(self) -> float:
        """The lowest sample."""
        return min(self.samples)

    @property
    def high(self) -> float:
        """The highest sample."""
        return max(self.samples)

    @property
    def quartiles(self) -> tuple[float, float]:
        """Between which the middle half of the samples lies; the lowest and the highest of a few."""
        if len(self.samples) < FEW:
            return self.low, self.high
        first, _, third = quantiles(self.samples, n=4, method="inclusive")
        return first, third

    @property
    def spread(self) -> float:
        """How far the quartiles are apart, as a share of the median; 0 of a single sample."""
        first, third = self.quartiles
        return (third - first) / self.median if self.median else 0.0

    @property
    def more_is_better(self) -> bool:
        """Whether a higher value is the better one."""
        return self.unit.endswith("/s")

    @property
    def is_of_others(self) -> bool:
        """Whether it is of a package other than Callsheet."""
        return self.package is not None and not self.package.lower().startswith("callsheet")


@dataclass(frozen=True, slots=True)
class Absent:
    """What was not measured, and why not, in words."""

    section: str
    name: str
    why: str


@dataclass(frozen=True, slots=True)
class Machine:
    """Where and with what it was measured, and whether something else was going on there."""

    cpu: str
    cpus: int
    kernel: str
    python: str
    versions: dict[str, str]
    """{package: version}, of those that are installed."""
    load_before: float
    """The load average of the last minute before it began: how many processes wanted a processor."""
    load_after: float
    calibration: tuple[float, ...]
    """What one and the same loop took each time between two measurements, in ms."""


@dataclass(frozen=True, slots=True)
class Report:
    """All that one run of the suite has measured."""

    machine: Machine
    figures: tuple[Figure, ...]
    absent: tuple[Absent, ...]
    seconds: float
    """How long it took."""
    quick: bool = False
    """Whether it was only to see that it works: then no figure is held to its target."""

    @property
    def sections(self) -> list[str]:
        """The names of the sections, in their order."""
        names = [*(figure.section for figure in self.figures), *(absent.section for absent in self.absent)]
        return list(dict.fromkeys(names))

    def of(self, section: str) -> list[Figure]:
        """Return the figures of a section."""
        return [figure for figure in self.figures if figure.section == section]

    def baseline(self, figure: Figure) -> Figure | None:
        """Return what a figure is compared with: that of the same size, or the one without a size; None if there is none."""
        beside = {each.size: each for each in self.of(figure.section) if each.name == figure.baseline}
        return beside.get(figure.size) or beside.get(None)

    def ratios(self, figure: Figure) -> tuple[float, ...]:
        """Return how many times its baseline a figure is in each round, of rates the other way round; none if it has none."""
        baseline = self.baseline(figure)
        pairs = [] if baseline is None else zip(figure.samples, baseline.samples, strict=False)
        return tuple(least / mine if figure.more_is_better else mine / least for mine, least in pairs if mine and least)


class UnreadableReport(ValueError):
    """A file is no report of this suite."""


def save(report: Report, file: Path) -> None:
    """Write a report as JSON."""
    file.write_text(json.dumps({"format": FORMAT, **asdict(report)}, indent=1, ensure_ascii=False) + "\n", "utf-8")


def load(file: Path) -> Report:
    """Return the report that :func:`save` has written.

    Raises:
      UnreadableReport: the file holds something else, or the report of a version with another format.
    """
    try:
        document: dict[str, Any] = json.loads(file.read_text("utf-8"))
        if document.pop("format") != FORMAT:
            raise UnreadableReport(f"{file} is a report in another format than {FORMAT}: measure again with this version")
        return cattrs.Converter().structure(document, Report)
    except OSError as exc:
        raise UnreadableReport(f"{file} cannot be read: {exc.strerror}") from exc
    except (ValueError, KeyError, TypeError, AttributeError, BaseValidationError) as exc:
        if isinstance(exc, UnreadableReport):
            raise
        raise UnreadableReport(f"{file} is no report of the benchmarks, as --json writes it") from exc


def latencies(seconds: Iterable[float], factor: float) -> tuple[float | None, float | None]:
    """Return the median and the 99th percentile of single latencies, times `factor`; None of none."""
    ordered = sorted(seconds)
    if not ordered:
        return None, None
    return percentile(ordered, 50) * factor, percentile(ordered, 99) * factor


def ratio(own: Sequence[float], baseline: Sequence[float]) -> float:
    """Return the median of the ratios round by round, so that a slow moment of the machine is in both."""
    return median(mine / least for mine, least in zip(own, baseline, strict=False))


def number(value: float) -> str:
    """Return a number with about three digits that mean something."""
    if value == 0:
        return "0"
    digits = 0 if abs(value) >= 100 else 1 if abs(value) >= 10 else 2 if abs(value) >= 1 else 3  # noqa: PLR2004  # powers of ten
    return f"{value:,.{digits}f}"
