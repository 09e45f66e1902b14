"""``python -m benchmarks [--quick] [--only SECTION]``: what launches cost in each mode, and what following conditions does.

``--only messages`` is what it costs to tell and to ask actors, to start and to stop them, and what memory idle ones take; beside
bare primitives, and beside Pykka where that is installed: ``pip install -e '.[bench]'``.

``--only runlog`` is what the run log costs with up to a million records, beside TinyDB's own storages; it takes some minutes.

``python -m benchmarks --only soak [--launches N] [--seed SEED]`` costs nothing but looks whether all ends as it should; so does
``--only kills [--kills N] [--seed SEED]``, with an app that is killed again and again.
"""

from __future__ import annotations

import os
import platform
import random
import sys
from collections.abc import Sequence
from importlib.metadata import version

import click
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from benchmarks import contest, crowd, kills, messages, modes, runlog, soak, timing
from benchmarks.contest import Contender, Result, is_installed
from benchmarks.findings import outcomes_table, resources_table
from benchmarks.killing.report import kills_table, traces_table

NOISY = 0.5
"""A spread of the primitives above this share of their median leaves nothing to conclude."""


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--quick", is_flag=True, help="Fewer launches and rounds: whether it works, not what it costs.")
@click.option("--rounds", type=click.IntRange(min=1), default=7, show_default=True, help="How often each launch is measured.")
@click.option(
    "--only",
    type=click.Choice(["modes", "messages", "runlog", *timing.SECTIONS, "soak", "kills"]),
    multiple=True,
    help="Just this; may come several times.",
)
@click.option("--launches", type=click.IntRange(min=1), default=10_000, show_default=True, help="How many the soak makes.")
@click.option("--kills", "times", type=click.IntRange(min=1), default=200, show_default=True, help="How often an app is killed.")
@click.option("--seed", type=int, help="What the soak or the kills follow from, to repeat them; else it is random.")
def main(quick: bool, rounds: int, only: tuple[str, ...], launches: int, times: int, seed: int | None) -> None:
    """Measure what a launch costs in each execution mode, the run log on disk, what actors cost, and following conditions.

    Ratios count; the machine may be noisy. With --only soak, look instead whether launches of all kinds leave anything behind;
    with --only kills, whether an app that is killed at random moments loses anything.
    """
    console = Console(highlight=False)
    rounds, scale = (1, 0.05) if quick else (rounds, 1.0)
    if not only or "modes" in only:
        _measure(console, "LAUNCH", modes.CONTENDERS, rounds, scale)
    if not only or "messages" in only:
        _measure(console, "MESSAGE", messages.CONTENDERS, rounds, scale)
        console.print(_crowds(5000 if quick else 100_000))
    if not only or "runlog" in only:
        console.print(_run_logs(quick))
    for name, figures in timing.SECTIONS.items():
        if not only or name in only:
            for figure in figures(quick):
                console.print(f"{figure.name:<44} {figure.value}", soft_wrap=True)
    if "soak" in only:
        _soak(console, launches, random.randrange(1 << 32) if seed is None else seed)
    if "kills" in only:
        _kills(console, times, random.randrange(1 << 32) if seed is None else seed)


def _measure(console: Console, what: str, contenders: Sequence[Contender], rounds: int, scale: float) -> None:
    there = [contender for contender in contenders if is_installed(contender.package)]
    with Progress(transient=True) as progress:
        task = progress.add_task("measuring", total=rounds * len(there))
        results = contest.run(there, rounds, scale, lambda: progress.advance(task))
    console.print(_table(what, contenders, {result.name: result for result in results}))
    versions = ", ".join(f"{name} {version(name)}" for name in ("trio", "anyio", "orjson", "pykka") if is_installed(name))
    console.print(f"Python {platform.python_version()}, {versions}, {os.cpu_count()} processors, {rounds} rounds")
    if any((result.high - result.low) / result.middle > NOISY for result in results if result.ratio is None):
        console.print("[yellow]the machine was too noisy: the primitives themselves vary by more than half[/]")


def _table(what: str, contenders: Sequence[Contender], results: dict[str, Result]) -> Table:
    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column(f"{what}, µs")
    for name in ("MIN", "MEDIAN", "MAX", "TIMES THE LIMIT"):
        table.add_column(name, justify="right")
    for contender in contenders:
        if (result := results.get(contender.name)) is None:
            table.add_row(contender.name, "", "absent", "", f"pip install {contender.package}", style="dim")
            continue
        style = "dim" if result.ratio is None else None
        ratio = "limit" if result.ratio is None else f"{result.ratio:.2f}"
        took = [f"{micros:.{1 if micros >= 1 else 2}f}" for micros in (result.low, result.middle, result.high)]
        table.add_row(result.name, *took, ratio, style=style)
    return table


def _crowds(count: int) -> Table:
    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column("IDLE")
    for name in ("COUNT", "KB EACH", "START ALL, s", "STOP ALL, s"):
        table.add_column(name, justify="right")
    for key, kind in crowd.KINDS.items():
        if not is_installed(kind.package):
            table.add_row(kind.name, "absent", f"pip install {kind.package}", style="dim")
            continue
        took = crowd.measured(key, min(count, kind.most or count))
        figures = (took.resident / 1024, took.to_start, took.to_stop)
        table.add_row(kind.name, f"{took.count:,}", *(f"{figure:.2f}" for figure in figures))
    return table


def _run_logs(quick: bool) -> Table:
    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column("RUN LOG", no_wrap=True)
    for name in ("RECORDS", "INSERT, µs", "OF LIMIT", "OPEN, ms", "FIND 1ST", "FIND, ms", "MB"):
        table.add_column(name, justify="right")
    write = runlog.bare_write(2_000 if quick else 200_000)
    table.add_row("bare write of a line", "", f"{write * 1e6:.1f}", "limit", style="dim")
    with Progress(transient=True) as progress:
        sizes = runlog.QUICK_SIZES if quick else runlog.SIZES
        task = progress.add_task("measuring", total=len(sizes) * len(runlog.STORES))
        for cost in runlog.costs(quick, lambda: progress.advance(task)):
            milliseconds = (f"{seconds * 1e3:,.2f}" for seconds in (cost.reopen, cost.find_first, cost.find))
            insert = (f"{cost.insert * 1e6:,.1f}", f"{cost.insert / write:,.1f}")
            table.add_row(cost.store, f"{cost.records:,}", *insert, *milliseconds, f"{cost.memory / 1e6:,.0f}")
    return table


def _soak(console: Console, launches: int, seed: int) -> None:
    console.print(f"{launches:,} launches, seed {seed}")
    report = soak.run(launches, seed)
    console.print(outcomes_table(report), resources_table(report), sep="\n")
    console.print(f"{report.killed} processes were killed from outside; {report.seconds:.0f} s")
    _conclude(console, report.problems, "All runs have one end, and nothing is left.")


def _kills(console: Console, times: int, seed: int) -> None:
    console.print(f"{times:,} kills, seed {seed}")
    with Progress(transient=True) as progress:
        task = progress.add_task("killing", total=times)
        report = kills.run(times, seed, killed=lambda: progress.advance(task))
    console.print(kills_table(report), traces_table(report), sep="\n")
    lives = f"{report.orderly} lives ended in order; {report.runs:,} runs, {report.records:,} records; {report.seconds:.0f} s"
    console.print(lives)
    _conclude(console, report.problems, "All runs have one end, and nothing is lost or twice.")


def _conclude(console: Console, problems: Sequence[str], praise: str) -> None:
    """Print what is wrong and exit, or `praise`."""
    if problems:
        console.print("[red]Something is off:[/]")
        for problem in problems:
            console.print(f"  {problem}", markup=False, soft_wrap=True)
        sys.exit(1)
    console.print(praise)


if __name__ == "__main__":
    main()
