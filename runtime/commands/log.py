"""The commands about the run log itself: log verify, compact, repair, export."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import click

from runtime.commands.moments import past_moment
from runtime.commands.shared import existing, log_option, opened, reports_errors
from runtime.commands.whole import repair, verify

if TYPE_CHECKING:
    from pathlib import Path

    from runtime.runlog.file_log import FileLog
    from runtime.runlog.retention import Keep

ACTIONS = ("run", "success", "fail", "terminate", "inaction", "crash", "retry", "missed", "error")


@click.group()
def log() -> None:
    """Look after the run log: verify, repair, compact, export."""


log.add_command(verify)
log.add_command(repair)


@log.command()
@click.option("--keep", metavar="TIME", help="Let go of runs that began so long before the latest record, such as '30 days'.")
@click.option("--keep-runs", type=click.IntRange(min=1), help="Let go of all but so many runs of each task, the latest.")
@log_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON, one object.")
@reports_errors
def compact(keep: str | None, keep_runs: int | None, log: str, as_json: bool) -> None:
    """Make the run log smaller: leave out what is not needed any more, and make one segment of several small ones.

    Runs go only where that is asked for; never the last of a task that ended in each way, nor what has not ended; totals stay.
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
    file, keeping = opened(log), Keep(seconds, math.inf if keep_runs is None else keep_runs, exactly=True)
    file.open()
    try:
        before, moment = _measured(file), time()
        if not keeping.is_everything and _would_shrink(file, keeping, moment):
            file.seal()
        file.tidy(keeping, moment)
        now = _measured(file)
    finally:
        file.close()
    gone = before["runs"] - now["runs"]
    if as_json:
        click.echo(json.dumps({"runs_gone": gone, "before": before, "now": now}))
    else:
        runs = f"{gone} run{'s' * (gone != 1)} let go of, {now['runs']} left"
        click.echo(f"{log}: {runs}; {_in_words(before)} before, {_in_words(now)} now")


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
    from pathlib import Path  # listing the commands needs none, and it takes 5 ms to import

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

    try:
        is_there = path.exists()
    except OSError as exc:
        raise click.BadParameter(f"{path} cannot be looked at: {exc.strerror or exc}", param_hint="-o") from exc
    if is_there and not force:
        raise click.BadParameter(f"{path} is there already; to write it anew, add --force", param_hint="-o")
    if is_of_log(path, log):
        raise click.BadParameter(f"{path} is one of the files of the run log itself", param_hint="-o")


def _write(lines: Iterable[bytes], path: Path) -> None:
    """Write a file at once: one that is there is replaced only when the new one is complete.

    A link is followed, and what is no file, such as a device or a pipe, is written into.
    """
    from runtime.runlog.mending import drafted, publish

    try:
        if path.exists() and not path.is_file():  # a file in its place would take it away from everybody
            with path.open("wb") as there:
                there.writelines(lines)
        else:
            file = path.resolve()  # a link stays one
            publish(drafted(file, b"", lines), file)
    except OSError as exc:
        raise click.BadParameter(f"{path} cannot be written: {exc.strerror or exc}", param_hint="-o") from exc


def _would_shrink(file: FileLog, keep: Keep, now: float) -> bool:
    """Return whether the active segment would get smaller if it were sealed; else all that came of it is one more, empty."""
    from runtime.runlog.contents import Contents, choose, weights
    from runtime.runlog.views import views_of

    views = views_of(file.path)
    contents = [Contents.of(view.documents()) for view in views]
    chosen = choose(keep, now, contents, file.history())
    active = weights([(each, len(view.data)) for each, view in zip(contents, views, strict=True)], chosen)[-1]
    return active.kept < active.whole or active.is_overdue


def _measured(file: FileLog) -> dict[str, int]:
    """Return how many runs have ended in a log, and of how many segments and bytes it is."""
    from actors.facts import TERMINAL
    from actors.opers import in_
    from runtime.runlog.segments import chain
    from runtime.runlog.wanted import Wanted

    sizes = [segment.path.stat().st_size for segment in chain(file.path)]
    runs = sum(1 for _ in file.documents(Wanted({"action": in_(TERMINAL)})))
    return {"runs": runs, "segments": len(sizes), "bytes": sum(sizes)}


def _in_words(measured: dict[str, int]) -> str:
    from runtime.tables import size

    count = measured["segments"]
    return f"{count} segment{'s' * (count != 1)} of {size(measured['bytes'])}"
