"""The commands about whether the run log is whole: log verify, and log repair."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from runtime.commands.shared import existing, log_option, opened, reports_errors

if TYPE_CHECKING:
    from runtime.runlog.verify import FileReport, Verdict

MOST_SHOWN = 20
"""How many damaged lines of a file are listed for people."""


@click.command()
@log_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON, one object.")
@reports_errors
def verify(log: str, as_json: bool) -> int:
    """Tell whether the run log is whole: 0 is yes, 1 is no. Changes nothing, and works while an app runs."""
    from runtime.runlog import verify as verifying

    verdict = verifying.verify(existing(log))
    if as_json:
        click.echo(json.dumps({"is_whole": verdict.is_whole, **asdict(verdict)}))
    else:
        _print_verdict(verdict)
    return 0 if verdict.is_whole else 1


@click.command()
@log_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON, one object: what was done, and what verify then says.")
@reports_errors
def repair(log: str, as_json: bool) -> int:
    """Leave out damaged lines, each file copied before, and cut off a torn last one. Needs that no app runs.

    The exit code is 1 if the log is not whole then, since files are missing.
    """
    from runtime.runlog.verify import verify

    before = verify(existing(log))
    done = [] if before.is_whole else _repaired(log, before)
    after = before if before.is_whole else verify(existing(log))
    if as_json:
        click.echo(json.dumps({"is_whole": after.is_whole, "repaired": done, **asdict(after)}))
        return 0 if after.is_whole else 1
    if before.is_whole:
        done = [f"{log} is whole: there is nothing to repair"]
    for each in done:
        click.echo(each)
    if not after.is_whole:
        click.echo("\nwhat cannot be repaired:")
        _print_verdict(after)
    return 0 if after.is_whole else 1


def _repaired(log: str, before: Verdict) -> list[str]:
    """Repair a log that is not whole, and return what was done, in words."""
    from time import time

    from runtime.runlog.retention import FOREVER

    file = opened(log)
    _be_quiet()
    file.open()
    try:
        file.tidy(FOREVER, time())
        done = list(file.problems())
    finally:
        file.close()
    torn = [each for each in before.files if each.torn and before.is_damaged(each)]
    return [*done, *(f"{each.path}: cut off a torn last line of {each.torn} bytes" for each in torn)]


def _be_quiet() -> None:
    """Keep what the log tells the loggers from being printed: the command tells it itself."""
    import logging

    logging.getLogger("callsheet").addHandler(logging.NullHandler())


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
