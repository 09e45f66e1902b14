"""``python -m benchmarks [--quick] [--only SECTION]``: what Callsheet costs, beside the bare primitives, in one run.

``--json FILE`` keeps what was measured, ``--compare FILE`` holds it against what was kept before, ``--plot DIR`` draws it, and
``--page FILE`` renews the tables of a page. To look again at what was kept, and measure nothing: ``--load FILE``.

``--only soak [--launches N] [--seed SEED]`` costs nothing but looks whether all ends as it should; so does
``--only kills [--kills N] [--seed SEED]``, with an app that is killed again and again.
"""

from __future__ import annotations

import os
import random
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import click
from rich.console import Console
from rich.progress import Progress as RichProgress

from benchmarks import findings, kills, plots, soak, suite, tables
from benchmarks.compare import compare
from benchmarks.contest import is_installed
from benchmarks.environments import default_folder
from benchmarks.figures import Absent, Figure, Report, UnreadableReport, load, save
from benchmarks.killing.report import kills_table, traces_table
from benchmarks.page import UnknownTable, filled
from benchmarks.section import Settings

SOAK, KILLS = "soak", "kills"
_WIDE = 140
"""Columns where it is printed to a file."""
_FILE = click.Path(dir_okay=False, path_type=Path)
_OURS = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--quick", is_flag=True, help="Once, and few times of all: whether it works, not what it costs. Under a minute.")
@click.option("--rounds", type=click.IntRange(min=1), default=5, show_default=True, help="How often each thing is measured.")
@click.option(
    "--only",
    type=click.Choice([*(section.name for section in suite.SECTIONS), SOAK, KILLS]),
    multiple=True,
    help="May come several times.",
)
@click.option(
    "--peers",
    type=click.Path(file_okay=False, path_type=Path),
    is_flag=False,
    flag_value=str(default_folder()),
    help="Install what others would pick into this folder, each for itself, and compare with it.  [a folder in your cache]",
)
@click.option("--json", "kept", type=_FILE, help="Write what was measured to this file, each section as it is done.")
@click.option("--compare", "old", type=_OURS, help="Tell what has changed since this file was written by --json.")
@click.option(
    "--plot",
    "pictures",
    type=click.Path(file_okay=False, path_type=Path),
    help="Draw it, as SVG files in this folder; by matplotlib.",
)
@click.option(
    "--page",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Renew the tables of this Markdown page, such as docs/performance.md.",
)
@click.option("--load", "loaded", type=_OURS, help="Measure nothing: take this file, which was written by --json.")
@click.option("--launches", type=click.IntRange(min=1), default=10_000, show_default=True, help="How many the soak makes.")
@click.option("--kills", "times", type=click.IntRange(min=1), default=200, show_default=True, help="How often an app is killed.")
@click.option("--seed", type=int, help="What the soak or the kills follow from, to repeat them; else it is random.")
def main(
    quick: bool,
    rounds: int,
    only: tuple[str, ...],
    peers: Path | None,
    kept: Path | None,
    old: Path | None,
    pictures: Path | None,
    page: Path | None,
    loaded: Path | None,
    launches: int,
    times: int,
    seed: int | None,
) -> None:
    """Measure what Callsheet costs, each figure beside a bare primitive in the same run: ratios count, the machine may be noisy.

    With --only soak, look instead whether launches of all kinds leave anything behind; with --only kills, whether an app that is
    killed at random moments loses anything.
    """
    console = Console(highlight=False, width=None if sys.stdout.isatty() else _WIDE)
    if {SOAK, KILLS} & {*only}:
        _look(console, only, launches, times, random.randrange(1 << 32) if seed is None else seed)
        return
    if pictures is not None and not is_installed("matplotlib"):
        raise click.ClickException("matplotlib is not installed, which draws: pip install -e '.[bench]'")
    if loaded is not None and (only or quick or peers is not None):
        raise click.UsageError("--load measures nothing: leave out --only, --quick and --peers")
    _check_writable(kept, pictures)
    before = None if old is None else _read(old)  # at once: a wrong file is not to be found out after ten minutes
    settings = Settings(quick, 1 if quick else rounds, peers)
    if loaded is None:
        with _interruptible():
            report = _measured(console, only, settings, kept)
    else:
        report = _shown(console, _read(loaded))
        if kept is not None:
            save(report, kept)
    console.print(tables.summary(report))
    if before is not None:
        console.print(tables.comparison(compare(before, report)))
    if pictures is not None:
        console.print(f"drawn: {', '.join(map(str, plots.draw(report, pictures)))}", soft_wrap=True)
    if page is not None:
        _renew(page, report)


def _renew(page: Path, report: Report) -> None:
    try:
        page.write_text(filled(page.read_text("utf-8"), report), "utf-8")
    except UnknownTable as exc:
        raise click.ClickException(f"{page} was left as it is: {exc}") from exc


def _read(file: Path) -> Report:
    try:
        return load(file)
    except UnreadableReport as exc:
        raise click.UsageError(str(exc)) from exc


def _check_writable(*places: Path | None) -> None:
    """Check that files, and folders that are made, can be written; at once, and not after a quarter of an hour."""
    for place in places:
        if place is not None:
            there = next(path for path in (place.absolute(), *place.absolute().parents) if path.exists())
            if not os.access(there, os.W_OK) or (there != place.absolute() and not there.is_dir()):
                raise click.UsageError(f"{place} cannot be written")


@contextmanager
def _interruptible() -> Iterator[None]:
    """Let an interruption out as it is, which trio may have wrapped in groups."""
    try:
        yield
    except BaseExceptionGroup as exc:
        if exc.split(KeyboardInterrupt)[1] is None:
            raise KeyboardInterrupt from None
        raise


def _measured(console: Console, only: tuple[str, ...], settings: Settings, kept: Path | None) -> Report:
    """Measure, show what each section has found, and keep it: who interrupts the next one has it."""
    report: Report | None = None
    for section, found, report in suite.measure(suite.chosen(only, with_peers=settings.peers is not None), settings):
        console.print(tables.section(section.name, section.about, found, console.width))
        if kept is not None:
            save(report, kept)
    assert report is not None  # there is no way to choose no section
    return report


def _shown(console: Console, report: Report) -> Report:
    about = {section.name: section.about for section in suite.SECTIONS}
    for name in report.sections:
        found: list[Figure | Absent] = [*report.of(name), *(each for each in report.absent if each.section == name)]
        console.print(tables.section(name, about.get(name, ""), found, console.width))
    return report


def _look(console: Console, only: tuple[str, ...], launches: int, times: int, seed: int) -> None:
    """Look whether all ends as it should, in place of what it costs."""
    if SOAK in only:
        _soak(console, launches, seed)
    if KILLS in only:
        _kills(console, times, seed)


def _soak(console: Console, launches: int, seed: int) -> None:
    console.print(f"{launches:,} launches, seed {seed}")
    report = soak.run(launches, seed)
    console.print(findings.outcomes_table(report), findings.resources_table(report), sep="\n")
    console.print(f"{report.killed} processes were killed from outside; {report.seconds:.0f} s")
    _conclude(console, report.problems, "All runs have one end, and nothing is left.")


def _kills(console: Console, times: int, seed: int) -> None:
    console.print(f"{times:,} kills, seed {seed}")
    with RichProgress(transient=True) as progress:
        task = progress.add_task("killing", total=times)
        report = kills.run(times, seed, killed=lambda: progress.advance(task))
    console.print(kills_table(report), traces_table(report), sep="\n")
    console.print(
        f"{report.orderly} lives ended in order; {report.runs:,} runs, {report.records:,} records; {report.seconds:.0f} s"
    )
    _conclude(console, report.problems, "All runs have one end, and nothing is lost or twice.")


def _conclude(console: Console, problems: Sequence[str], praise: str) -> None:
    """Print what is wrong and exit, or `praise`."""
    if problems:
        console.print("[red]Something is off:[/]")
        for problem in problems:
            console.print(f"  {problem}", markup=False, soft_wrap=True)
        sys.exit(1)
    console.print(praise)
