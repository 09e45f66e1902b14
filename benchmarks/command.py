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
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import click
from rich.console import Console

from benchmarks import asked, plots, suite, tables
from benchmarks.asked import KILLS, LOOKS, SOAK
from benchmarks.compare import compare
from benchmarks.contest import is_installed
from benchmarks.environments import default_folder
from benchmarks.figures import Absent, Figure, Report, UnreadableReport, load, save
from benchmarks.looks import look_at_kills, look_at_soak
from benchmarks.page import UnknownTable, check, filled
from benchmarks.section import Section, Settings

_WIDE = 140
"""Columns where it is printed to a file."""
_INTERRUPTED = 130
"""The exit code that shells give to what SIGINT has ended."""
_FILE = click.Path(dir_okay=False, path_type=Path)
_COUNT = click.IntRange(min=1)
_OURS = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--quick", is_flag=True, help="Once, and few times of all: whether it works, not what it costs. Under a minute.")
@click.option("--rounds", type=_COUNT, help="How often each thing is measured.  [5; with --quick: 1]")
@click.option(
    "--only",
    type=click.Choice([*(section.name for section in suite.SECTIONS), *LOOKS]),
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
    type=click.Path(exists=True, dir_okay=False, writable=True, path_type=Path),
    help="Renew the tables of this Markdown page, such as docs/performance.md.",
)
@click.option("--load", "loaded", type=_OURS, help="Measure nothing: take this file, which was written by --json.")
@click.option("--launches", type=_COUNT, help="How many the soak makes.  [10,000; with --quick: 500]")
@click.option("--kills", "times", type=_COUNT, help="How often an app is killed.  [200; with --quick: 5]")
@click.option("--seed", type=int, help="What the soak or the kills follow from, to repeat them; else it is random.")
@click.pass_context
def main(
    context: click.Context,
    quick: bool,
    rounds: int | None,
    only: tuple[str, ...],
    peers: Path | None,
    kept: Path | None,
    old: Path | None,
    pictures: Path | None,
    page: Path | None,
    loaded: Path | None,
    launches: int | None,
    times: int | None,
    seed: int | None,
) -> None:
    """Measure what Callsheet costs, each figure beside a bare primitive in the same run: ratios count, the machine may be noisy.

    With --only soak, look instead whether launches of all kinds leave anything behind; with --only kills, whether an app that is
    killed at random moments loses anything.
    """
    asked.check(asked.given(context), only)
    console = Console(highlight=False, width=None if sys.stdout.isatty() else _WIDE)
    if set(LOOKS) & set(only):
        seed = random.randrange(1 << 32) if seed is None else seed
        _look(console, only, launches or (500 if quick else 10_000), times or (5 if quick else 200), seed)
        return
    settings = Settings(quick, rounds or (1 if quick else 5), peers)
    before = None if old is None else _read(old)  # at once: a wrong file is not to be found out after ten minutes
    stored = None if loaded is None else _read(loaded)
    sections = suite.chosen(only, with_peers=peers is not None)
    _check_places(kept, pictures)
    if page is not None:
        _check_page(page, [section.name for section in sections] if stored is None else stored.sections)
    report = _measured(console, sections, settings, kept) if stored is None else _shown(console, stored, kept)
    console.print(tables.summary(report))
    if before is not None:
        console.print(tables.comparison(compare(before, report)))
    if pictures is not None:
        console.print(f"drawn: {', '.join(map(str, plots.draw(report, pictures)))}", soft_wrap=True)
    if page is not None:
        with _leaving(page):
            page.write_text(filled(page.read_text("utf-8"), report), "utf-8")


def _check_page(page: Path, sections: Collection[str]) -> None:
    with _leaving(page):
        check(page.read_text("utf-8"), sections)


@contextmanager
def _leaving(page: Path) -> Iterator[None]:
    """Tell of a page that cannot be filled."""
    try:
        yield
    except UnknownTable as exc:
        raise click.ClickException(f"{page} was left as it is: {exc}") from exc


def _read(file: Path) -> Report:
    try:
        return load(file)
    except UnreadableReport as exc:
        raise click.UsageError(str(exc)) from exc


def _check_places(kept: Path | None, pictures: Path | None) -> None:
    """Check that a file, and a folder that is made, can be written; at once, and not after a quarter of an hour."""
    if pictures is not None and not is_installed("matplotlib"):
        raise click.ClickException("matplotlib is not installed, which draws: pip install -e '.[bench]'")
    if kept is not None and not kept.absolute().parent.is_dir():
        raise click.UsageError(f"{kept} cannot be written: {kept.parent} is no folder that there is")
    for place in (kept, pictures):
        if place is not None:
            there = next(path for path in (place.absolute(), *place.absolute().parents) if path.exists())
            if not os.access(there, os.W_OK) or (there != place.absolute() and not there.is_dir()):
                raise click.UsageError(f"{place} cannot be written")


@contextmanager
def _interruptible(kept: Callable[[], Path | None] = lambda: None) -> Iterator[None]:
    """Tell of an interruption, which trio may have wrapped in groups, with what has come of it.

    Args:
      kept: returns the file that has what was measured until then; None if there is none.
    """
    try:
        yield
    except (KeyboardInterrupt, BaseExceptionGroup) as exc:
        if isinstance(exc, BaseExceptionGroup) and exc.subgroup(KeyboardInterrupt) is None:
            raise
        file = kept()
        click.echo("Interrupted." if file is None else f"Interrupted: {file} has the sections that were done.", err=True)
        raise click.exceptions.Exit(_INTERRUPTED) from None


def _measured(console: Console, sections: Sequence[Section], settings: Settings, kept: Path | None) -> Report:
    """Measure, show what each section has found, and keep it: who interrupts the next one has it."""
    report: Report | None = None
    with _interruptible(lambda: None if report is None else kept):
        for section, found, report in suite.measure(sections, settings):
            if kept is not None:
                save(report, kept)
            console.print(tables.section(section.name, section.about, found, console.width))
    assert report is not None  # there is no way to choose no section
    return report


def _shown(console: Console, report: Report, kept: Path | None) -> Report:
    about = {section.name: section.about for section in suite.SECTIONS}
    for name in report.sections:
        found: list[Figure | Absent] = [*report.of(name), *(each for each in report.absent if each.section == name)]
        console.print(tables.section(name, about.get(name, ""), found, console.width))
    if kept is not None:
        save(report, kept)
    return report


def _look(console: Console, only: Collection[str], launches: int, times: int, seed: int) -> None:
    """Look whether all ends as it should, in place of what it costs; exit with 1 if something is off."""
    with _interruptible():
        are_fine = [look_at_soak(console, launches, seed)] if SOAK in only else []
        are_fine += [look_at_kills(console, times, seed)] if KILLS in only else []
    if not all(are_fine):
        sys.exit(1)
