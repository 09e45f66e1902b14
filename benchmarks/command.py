"""``python -m benchmarks [--quick] [--only SECTION]``: what Callsheet costs, beside the bare primitives, in one run.

``--json FILE`` keeps what was measured, ``--compare FILE`` holds it against what was kept before, and ``--plot DIR`` draws it. To
look again at what was kept, and measure nothing: ``--load FILE``.

``--only soak [--launches N] [--seed SEED]`` costs nothing but looks whether all ends as it should.
"""

from __future__ import annotations

import random
import sys
from pathlib import Path

import click
from rich.console import Console

from benchmarks import findings, plots, soak, suite, tables
from benchmarks.compare import compare
from benchmarks.contest import is_installed
from benchmarks.environments import default_folder
from benchmarks.figures import Absent, Figure, Report, UnreadableReport, load, save
from benchmarks.section import Section, Settings

SOAK = "soak"
_WIDE = 140
"""Columns where it is printed to a file."""
_FILE = click.Path(dir_okay=False, path_type=Path)


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--quick", is_flag=True, help="Once, and few times of all: whether it works, not what it costs. Under a minute.")
@click.option("--rounds", type=click.IntRange(min=1), default=5, show_default=True, help="How often each thing is measured.")
@click.option(
    "--only",
    type=click.Choice([*(section.name for section in suite.SECTIONS), SOAK]),
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
@click.option("--json", "kept", type=_FILE, help="Write what was measured to this file.")
@click.option("--compare", "old", type=_FILE, help="Tell what has changed since this file was written by --json.")
@click.option(
    "--plot",
    "pictures",
    type=click.Path(file_okay=False, path_type=Path),
    help="Draw it, as SVG files in this folder; by matplotlib.",
)
@click.option("--load", "loaded", type=_FILE, help="Measure nothing: take this file, which was written by --json.")
@click.option("--launches", type=click.IntRange(min=1), default=10_000, show_default=True, help="How many the soak makes.")
@click.option("--seed", type=int, help="What the soak follows from, to repeat one; else it is random.")
def main(
    quick: bool,
    rounds: int,
    only: tuple[str, ...],
    peers: Path | None,
    kept: Path | None,
    old: Path | None,
    pictures: Path | None,
    loaded: Path | None,
    launches: int,
    seed: int | None,
) -> None:
    """Measure what Callsheet costs, each figure beside a bare primitive in the same run: ratios count, the machine may be noisy.

    With --only soak, look instead whether launches of all kinds leave anything behind.
    """
    console = Console(highlight=False, width=None if sys.stdout.isatty() else _WIDE)
    if SOAK in only:
        _soak(console, launches, random.randrange(1 << 32) if seed is None else seed)
        return
    if pictures is not None and not is_installed("matplotlib"):
        raise click.ClickException("matplotlib is not installed, which draws: pip install -e '.[bench]'")
    before = None if old is None else _read(old)  # at once: a wrong file is not to be found out after ten minutes
    settings = Settings(quick, 1 if quick else rounds, peers)
    report = _measured(console, only, settings) if loaded is None else _shown(console, _read(loaded))
    console.print(tables.summary(report))
    if kept is not None:
        save(report, kept)
    if before is not None:
        console.print(tables.comparison(compare(before, report)))
    if pictures is not None:
        console.print(f"drawn: {', '.join(map(str, plots.draw(report, pictures)))}", soft_wrap=True)


def _read(file: Path) -> Report:
    try:
        return load(file)
    except UnreadableReport as exc:
        raise click.ClickException(str(exc)) from exc


def _measured(console: Console, only: tuple[str, ...], settings: Settings) -> Report:
    def show(section: Section, found: list[Figure | Absent]) -> None:
        console.print(tables.section(section.name, section.about, found))

    return suite.measure(suite.chosen(only, with_peers=settings.peers is not None), settings, show)


def _shown(console: Console, report: Report) -> Report:
    about = {section.name: section.about for section in suite.SECTIONS}
    for name in report.sections:
        found: list[Figure | Absent] = [*report.of(name), *(each for each in report.absent if each.section == name)]
        console.print(tables.section(name, about.get(name, ""), found))
    return report


def _soak(console: Console, launches: int, seed: int) -> None:
    console.print(f"{launches:,} launches, seed {seed}")
    report = soak.run(launches, seed)
    console.print(findings.outcomes_table(report), findings.resources_table(report), sep="\n")
    console.print(f"{report.killed} processes were killed from outside; {report.seconds:.0f} s")
    if report.problems:
        console.print("[red]Something is off:[/]")
        for problem in report.problems:
            console.print(f"  {problem}", markup=False, soft_wrap=True)
        sys.exit(1)
    console.print("All runs have one end, and nothing is left.")
