"""``python -m benchmarks [--quick] [--only SECTION]``: what launches cost in each mode, and what following conditions does.

``python -m benchmarks --only soak [--launches N] [--seed SEED]`` costs nothing but looks whether all ends as it should.
"""

from __future__ import annotations

import os
import platform
import random
import sys
from importlib.metadata import version

import click
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from benchmarks import modes, soak, timing
from benchmarks.findings import outcomes_table, resources_table

NOISY = 0.5
"""A spread of the primitives above this share of their median leaves nothing to conclude."""


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--quick", is_flag=True, help="Fewer launches and rounds: whether it works, not what it costs.")
@click.option("--rounds", type=click.IntRange(min=1), default=7, show_default=True, help="How often each launch is measured.")
@click.option(
    "--only", type=click.Choice(["modes", *timing.SECTIONS, "soak"]), multiple=True, help="Just this; may come several times."
)
@click.option("--launches", type=click.IntRange(min=1), default=10_000, show_default=True, help="How many the soak makes.")
@click.option("--seed", type=int, help="What the soak follows from, to repeat one; else it is random.")
def main(quick: bool, rounds: int, only: tuple[str, ...], launches: int, seed: int | None) -> None:
    """Measure what a launch costs in each execution mode, the run log on disk, and what following conditions costs.

    Ratios count; the machine may be noisy. With --only soak, look instead whether launches of all kinds leave anything behind.
    """
    console = Console(highlight=False)
    if not only or "modes" in only:
        _measure_modes(console, 1 if quick else rounds, 0.05 if quick else 1.0)
    for name, figures in timing.SECTIONS.items():
        if not only or name in only:
            for figure in figures(quick):
                console.print(f"{figure.name:<44} {figure.value}", soft_wrap=True)
    if "soak" in only:
        _soak(console, launches, random.randrange(1 << 32) if seed is None else seed)


def _measure_modes(console: Console, rounds: int, scale: float) -> None:
    with Progress(transient=True) as progress:
        task = progress.add_task("measuring", total=rounds * len(modes.CONTENDERS))
        results = modes.run(rounds, scale, lambda: progress.advance(task))
    console.print(_table(results))
    versions = ", ".join(f"{name} {version(name)}" for name in ("trio", "anyio", "orjson"))
    console.print(f"Python {platform.python_version()}, {versions}, {os.cpu_count()} processors, {rounds} rounds")
    if any((result.high - result.low) / result.middle > NOISY for result in results if result.ratio is None):
        console.print("[yellow]the machine was too noisy: the primitives themselves vary by more than half[/]")


def _table(results: list[modes.Result]) -> Table:
    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column("LAUNCH, µs")
    for name in ("MIN", "MEDIAN", "MAX", "TIMES THE LIMIT"):
        table.add_column(name, justify="right")
    for result in results:
        style = "dim" if result.ratio is None else None
        ratio = "limit" if result.ratio is None else f"{result.ratio:.2f}"
        table.add_row(result.name, f"{result.low:.1f}", f"{result.middle:.1f}", f"{result.high:.1f}", ratio, style=style)
    return table


def _soak(console: Console, launches: int, seed: int) -> None:
    console.print(f"{launches:,} launches, seed {seed}")
    report = soak.run(launches, seed)
    console.print(outcomes_table(report), resources_table(report), sep="\n")
    console.print(f"{report.killed} processes were killed from outside; {report.seconds:.0f} s")
    if report.problems:
        console.print("[red]Something is off:[/]")
        for problem in report.problems:
            console.print(f"  {problem}", markup=False, soft_wrap=True)
        sys.exit(1)
    console.print("All runs have one end, and nothing is left.")


if __name__ == "__main__":
    main()
