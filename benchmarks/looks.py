"""The soak and the kills as somebody at a terminal has them: what they do, what they have found, and whether that is fine."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.progress import Progress

from benchmarks import findings, kills, soak
from benchmarks.killing.report import kills_table, traces_table


def look_at_soak(console: Console, launches: int, seed: int) -> bool:
    """Make so many launches that follow from `seed`, and return whether all is fine after them."""
    console.print(f"{launches:,} launches, seed {seed}")
    report = soak.run(launches, seed)
    console.print(findings.outcomes_table(report), findings.resources_table(report), sep="\n")
    console.print(f"{report.killed} processes were killed from outside; {report.seconds:.0f} s")
    return _is_fine(console, report.problems, "All runs have one end, and nothing is left.")


def look_at_kills(console: Console, times: int, seed: int) -> bool:
    """Kill an app so many times, in ways that follow from `seed`, and return whether all is fine after that."""
    console.print(f"{times:,} kills, seed {seed}")
    with Progress(transient=True) as progress:
        task = progress.add_task("killing", total=times)
        report = kills.run(times, seed, killed=lambda: progress.advance(task))
    console.print(kills_table(report), traces_table(report), sep="\n")
    console.print(
        f"{report.orderly} lives ended in order; {report.runs:,} runs, {report.records:,} records; {report.seconds:.0f} s"
    )
    return _is_fine(console, report.problems, "All runs have one end, and nothing is lost or twice.")


def _is_fine(console: Console, problems: Sequence[str], praise: str) -> bool:
    """Print what is wrong, or `praise`."""
    if not problems:
        console.print(praise)
        return True
    console.print("[red]Something is off:[/]")
    for problem in problems:
        console.print(f"  {problem}", markup=False, soft_wrap=True)
    return False
