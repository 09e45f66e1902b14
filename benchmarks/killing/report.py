"""What a kill test has found."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from rich.table import Table

from benchmarks.tables import table

PHASES = ("opening", "recovering", "running", "ending")
MEANS = ("moment", "operation")


@dataclass(frozen=True, slots=True)
class Report:
    """What a kill test has found. Nothing was wrong if there are no problems."""

    kills: Counter[tuple[str, str]]
    """{(what the app did when it was killed, how it was killed): how often}."""
    orderly: int
    """How many lives ended in order."""
    counts: Counter[str]
    """{what may be there after a kill: how often it was}."""
    runs: int
    """How many were claimed, or ended before that."""
    records: int
    seconds: float
    problems: list[str]
    """In words; the first of them."""

    @classmethod
    def of(cls, parts: Sequence[Report]) -> Report:
        """Return what several have found, taken together."""
        kills: Counter[tuple[str, str]] = Counter()
        counts: Counter[str] = Counter()
        for part in parts:
            kills.update(part.kills)
            counts.update(part.counts)
        total = [sum(numbers) for numbers in zip(*((part.orderly, part.runs, part.records) for part in parts), strict=True)]
        seconds, problems = sum(part.seconds for part in parts), [problem for part in parts for problem in part.problems]
        return cls(kills, total[0], counts, total[1], total[2], seconds, problems)


def kills_table(report: Report) -> Table:
    """Return how often the app was killed while it did what: at a random moment, or in the middle of an operation on a file."""
    made = table("KILLED WHILE", "AT A MOMENT", "IN AN OPERATION", "ALL")
    phases = [*PHASES, *sorted({phase for phase, _ in report.kills} - set(PHASES))]
    for phase in phases:
        counts = [report.kills[phase, means] for means in MEANS]
        made.add_row(phase, *map(str, counts), str(sum(counts)))
    made.add_row("all", *(str(sum(report.kills[phase, means] for phase in phases)) for means in MEANS), str(report.kills.total()))
    return made


def traces_table(report: Report) -> Table:
    """Return what was found after the kills, and may be."""
    made = table("FOUND", "TIMES")
    for what, count in sorted(report.counts.items()):
        made.add_row(what, str(count))
    return made
