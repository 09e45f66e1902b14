"""``python -m benchmarks [--quick] [--only SECTION]``: what launches cost in each mode, and what following conditions does."""

from __future__ import annotations

import os
import platform
from importlib.metadata import version

import click
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from benchmarks import modes, timing

NOISY = 0.5
"""A spread of the primitives above this share of their median leaves nothing to conclude."""


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--quick", is_flag=True, help="Fewer launches and rounds: whether it works, not what it costs.")
@click.option("--rounds", type=click.IntRange(min=1), default=7, show_default=True, help="How often each launch is measured.")
@click.option("--only", type=click.Choice(["modes", *timing.SECTIONS]), multiple=True, help="Just this; may come several times.")
def main(quick: bool, rounds: int, only: tuple[str, ...]) -> None:
    """Measure what a launch costs in each execution mode, the run log on disk, and what following conditions costs.

    Ratios count; the machine may be noisy.
    """
    console = Console(highlight=False)
    if not only or "modes" in only:
        _measure_modes(console, 1 if quick else rounds, 0.05 if quick else 1.0)
    for name, figures in timing.SECTIONS.items():
        if not only or name in only:
            for figure in figures(quick):
                console.print(f"{figure.name:<44} {figure.value}", soft_wrap=True)


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


if __name__ == "__main__":
    main()
