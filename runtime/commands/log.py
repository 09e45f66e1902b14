"""The commands about the run log itself: log verify, compact, repair, export."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from runtime.commands.moments import past_moment
from runtime.commands.shared import existing, log_option, opened, reports_errors

if TYPE_CHECKING:
    from runtime.runlog.verify import FileReport, Verdict

ACTIONS = ("run", "success", "fail", "terminate", "inaction", "crash", "retry", "missed", "error")
MOST_SHOWN = 20
"""How many damaged lines of a file are listed for people."""


@click.group()
def log() -> None:
    """Look after the run log: verify, repair, compact, export."""


@log.command()
@log_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON, one object.")
@reports_errors
def verify(log: str, as_json: bool) -> int:
    """Tell whether the run log is whole: 0 is yes, 1 is no. Changes nothing, and works while an app runs."""
    from dataclasses import asdict

    from runtime.runlog import verify as verifying

    verdict = verifying.verify(existing(log))
    if as_json:
        click.echo(json.dumps({"is_whole": verdict.is_whole, **asdict(verdict)}))
    else:
        _print_verdict(verdict)
    return 0 if verdict.is_whole else 1


@log.command()
@log_option
@reports_errors
def repair(log: str) -> int:
    """Leave out damaged lines, each file copied before, and cut off a torn last one. Needs that no app runs.

    The exit code is 1 if the log is not whole then, since files are missing.
    """
    from time import time

    from runtime.runlog.retention import FOREVER
    from runtime.runlog.verify import verify

    before = verify(existing(log))
    if before.is_whole:
        click.echo(f"{log} is whole: there is nothing to repair")
        return 0
    file = opened(log)
    _be_quiet()
    file.open()
    try:
        file.tidy(FOREVER, time())
        told = file.problems()
    finally:
        file.close()
    for problem in told:
        click.echo(problem)
    for each in before.files:
        if each.torn and before.is_damaged(each):
            click.echo(f"{each.path}: cut off a torn last line of {each.torn} bytes")
    after = verify(existing(log))
    if not after.is_whole:
        click.echo("\nwhat cannot be repaired:")
        _print_verdict(after)
    return 0 if after.is_whole else 1


@log.command()
@click.option("--keep", metavar="TIME", help="Let go of runs that began so long before the latest record, such as '30 days'.")
@click.option("--keep-runs", type=click.IntRange(min=1), help="Let go of all but so many runs of each task, the latest.")
@log_option
@reports_errors
def compact(keep: str | None, keep_runs: int | None, log: str) -> None:
    """Make the run log smaller: leave out what is not needed any more, and make one segment of several small ones.

    Runs go only where that is asked for; never the last success and failure of a task, nor what has not ended, and totals stay.
    Needs that no app runs; one that runs does this by itself, as its `keep` and `keep_runs` say.
    """
    from time import time

    from actors.errors import InvalidTimeSpan
    from actors.timespans import to_seconds
    from runtime.runlog.retention import Keep

    try:
        seconds = math.inf if keep is None else to_seconds(keep)
    except InvalidTimeSpan as exc:
        raise click.BadParameter(str(exc), param_hint="--keep") from exc
    file = opened(log)
    before = _sizes(file.path)
    keeping = Keep(seconds, math.inf if keep_runs is None else keep_runs)
    file.open()
    try:
        if not keeping.is_everything:
            file.seal()
        file.tidy(keeping, time())
    finally:
        file.close()
    click.echo(f"{log}: {_sized(before)} before, {_sized(_sizes(file.path))} now")


@log.command()
@click.option(
    "--format", "form", type=click.Choice(["csv", "jsonl"]), default="csv", show_default=True, help="How to write them."
)
@click.option("--task", "tasks", multiple=True, metavar="TASK", help="Only records of this task; may be given several times.")
@click.option("--action", "actions", type=click.Choice(ACTIONS), multiple=True, help="Only these; may be given several times.")
@click.option("--since", metavar="TIME", help="Only what was recorded since then: '2 days' ago, or a date as 2026-01-31.")
@click.option("--until", metavar="TIME", help="Only what was recorded up to then, said likewise.")
@click.option("-o", "--output", type=click.Path(dir_okay=False), help="The file to write; default: to stdout.")
@click.option("--force", is_flag=True, help="Write the file also if there is one.")
@log_option
@reports_errors
def export(
    form: str,
    tasks: tuple[str, ...],
    actions: tuple[str, ...],
    since: str | None,
    until: str | None,
    output: str | None,
    force: bool,
    log: str,
) -> None:
    """Write records as a table for other programs, the oldest first: CSV with all columns, or JSON, one a line."""
    from actors.opers import between, in_
    from runtime.runlog.export import csv_lines, json_lines
    from runtime.runlog.wanted import Wanted

    asked: dict[str, Any] = {}
    if tasks:
        asked["task_name"] = in_(tasks)
    if actions:
        asked["action"] = in_(actions)
    if since or until:
        begin, end = past_moment(since, "--since") if since else None, past_moment(until, "--until") if until else None
        asked["created"] = between(begin, end, none_as_open=True)
    if output is not None:
        _check(Path(output), existing(log), force=force)
    records = opened(log).documents(Wanted(asked))
    lines = csv_lines(records) if form == "csv" else json_lines(records)
    if output is None:
        stdout = sys.stdout.buffer
        stdout.writelines(lines)
        stdout.flush()
    else:
        _write(lines, Path(output))


def _check(path: Path, log: Path, *, force: bool) -> None:
    from runtime.runlog.segments import is_of_log

    if path.exists() and not force:
        raise click.BadParameter(f"{path} is there already; to write it anew, add --force", param_hint="-o")
    if is_of_log(path, log):
        raise click.BadParameter(f"{path} is one of the files of the run log itself", param_hint="-o")


def _write(lines: Iterable[bytes], path: Path) -> None:
    """Write a file at once: one that is there is replaced only when the new one is complete."""
    from runtime.runlog.mending import drafted, publish

    try:
        publish(drafted(path, b"", lines), path)
    except OSError as exc:
        raise click.BadParameter(f"{path} cannot be written: {exc.strerror or exc}", param_hint="-o") from exc


def _be_quiet() -> None:
    """Keep what the log tells the loggers from being printed: the command tells it itself."""
    import logging

    logging.getLogger("callsheet").addHandler(logging.NullHandler())


def _sizes(path: Path) -> list[int]:
    """Return how long the segments of a log are, in bytes."""
    from runtime.runlog.segments import chain

    return [segment.path.stat().st_size for segment in chain(path)]


def _sized(sizes: list[int]) -> str:
    return f"{len(sizes)} segment{'s' * (len(sizes) != 1)} of {sum(sizes) / 1e6:.1f} MB"


def _print_verdict(verdict: Verdict) -> None:
    for file in verdict.files:
        click.echo(_described(file))
        for damage in file.damaged[:MOST_SHOWN]:
            click.echo(f"  line {damage.line}, at byte {damage.offset}: damaged")
        if (more := len(file.damaged) - MOST_SHOWN) > 0:
            click.echo(f"  and {more} more")
        if file.torn:
            goes_on = file.is_active and verdict.holder is not None
            click.echo(f"  {file.torn} bytes at the end are of a line that {'is being' if goes_on else 'was not'} written")
    for first, last in verdict.missing:
        click.echo(f"missing: segment{'s' * (last > first)} {first}" + (f" to {last}" if last > first else ""))
    for path in verdict.leftovers:
        click.echo(f"{path}: left over by a replacement that was cut off, and not read")
    if verdict.state:
        click.echo(f"state: {verdict.state}; all segments are read instead, and the totals of what was let go are lost")
    for begun in verdict.open_runs:
        click.echo(f"no end: task {begun['task_name']!r} run {begun['run_id']}")
    click.echo(f"written by {verdict.holder}" if verdict.holder is not None else "nobody writes it now")
    click.echo("whole" if verdict.is_whole else "not whole" + (": see callsheet log repair" if verdict.holder is None else ""))


def _described(file: FileReport) -> str:
    numbers = str(file.number) if file.first == file.number else f"{file.first} to {file.number}"
    return f"{file.path}: segment {numbers}, {file.lines} lines, {len(file.damaged)} damaged"
