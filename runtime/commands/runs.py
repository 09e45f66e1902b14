"""The commands that list runs, and show one: runs, show."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

import click

from runtime.commands.moments import past_moment
from runtime.commands.shared import clocks, existing, is_written, log_option, opened, reports_errors, shortened, tell_clocks

if TYPE_CHECKING:
    from runtime.runlog.file_log import FileLog
    from runtime.runlog.report import Row

STATUSES = ("running", "success", "fail", "terminate", "inaction", "crash", "retry", "missed", "error")
LAST = chr(sys.maxunicode)
"""What no text goes on with beyond."""


@click.command()
@click.option("--task", "tasks", multiple=True, metavar="TASK", help="Only runs of this task; may be given several times.")
@click.option("--status", type=click.Choice(STATUSES), help="Only runs that ended so.")
@click.option("--since", metavar="TIME", help="Only runs since then: '2 hours' ago, or a date as 2026-01-31 or 2026-01-31T12:00.")
@click.option("--until", metavar="TIME", help="Only runs up to then, said likewise.")
@click.option("-n", "most", type=click.IntRange(min=1), default=20, show_default=True, help="How many, the latest.")
@log_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON, one run a line.")
@reports_errors
def runs(
    tasks: tuple[str, ...], status: str | None, since: str | None, until: str | None, most: int, log: str, as_json: bool
) -> None:
    """List runs, the latest last. Works while an app runs, and while none does."""
    from actors.opers import in_
    from runtime import tables as shown
    from runtime.runlog.report import began, latest_runs
    from runtime.runlog.wanted import Wanted

    start = past_moment(since, "--since") if since is not None else -math.inf
    end = past_moment(until, "--until") if until is not None else math.inf
    wanted = Wanted({"task_name": in_(tasks)} if tasks else {}, only_records=False)
    file = opened(log)

    def matches(row: Row) -> bool:
        return status in (None, row["status"]) and start <= began(row) <= end

    rows = noted(lambda: latest_runs(file.documents(wanted, newest_first=True), most, matches, start), log)
    shown.print_rows(
        rows,
        as_json,
        {
            "RUN": lambda row: shortened(row["run_id"]),
            "TASK": lambda row: row["task_name"],
            "MODE": lambda row: row.get("execution", ""),
            "START": lambda row: shown.moment(row.get("start", row.get("first"))),
            "LATE": lambda row: shown.seconds(row.get("late")),
            "TOOK": lambda row: shown.seconds(row.get("runtime")),
            "STATUS": lambda row: row["status"],
            "ABOUT": _about,
        },
        f"no such runs in {log}",
    )
    if rows and not as_json:
        tell_clocks()


@click.command()
@click.argument("run_id")
@log_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON, one run a line.")
@reports_errors
def show(run_id: str, log: str, as_json: bool) -> int:
    """Show all that is known of the run RUN_ID, or of the runs whose id begins so."""
    file = opened(log)
    found = noted(lambda: runs_called(run_id, file), log)
    if not found:
        return no_run(run_id, log)
    for row in found:
        if as_json:
            click.echo(json.dumps(row))
        else:
            _print_run(row)
    return 0


def no_run(run_id: str, log: str) -> int:
    """Say that there is none, and return the exit code."""
    click.echo(f"callsheet: no run in {log} has the id {run_id!r}; list them with: callsheet runs --log {log}", err=True)
    return 1


def noted(find: Callable[[], list[Row]], log: str) -> list[Row]:
    """Return the rows that `find` returns, and say so on stderr if some have no end, and nobody is there who could write one."""
    from runtime.runlog.segments import asked_anew

    find = partial(asked_anew, find)
    rows = find()
    if not _has_running(rows) or is_written(existing(log)):
        return rows
    rows = find()  # anew: who wrote it may have ended in between, and has put the ends on record first
    if _has_running(rows):
        told = "nobody writes this log now: the next start of its app closes what is shown as running, or goes on with it"
        click.echo(f"callsheet: {told}", err=True)
    return rows


def _has_running(rows: list[Row]) -> bool:
    return any(row["status"] == "running" for row in rows)


def runs_called(run_id: str, log: FileLog) -> list[Row]:
    """Return the runs with an id, or else those whose ids begin so."""
    from actors.opers import between
    from runtime.runlog.report import latest_runs
    from runtime.runlog.wanted import Wanted

    if not run_id:
        return []
    for asked in (run_id, between(run_id, run_id + LAST)):
        wanted = Wanted({"run_id": asked}, only_records=False)
        if found := latest_runs(log.documents(wanted, newest_first=True)):
            return found
    return []


def _about(row: dict[str, Any]) -> str:
    from runtime import tables as shown

    reason: str = row.get("reason") or _progress(row)
    if row.get("count", 1) > 1 and "last" in row:
        return f"{reason} (the last at {shown.moment(row['last'])})"
    if row["status"] != "retry" and row.get("attempt", 1) == 1:
        return reason
    again = f", again at {shown.moment(row['retry_at'])}" if "retry_at" in row else ""
    said = f"attempt {_attempt(row)}{again}"
    return f"{reason} ({said})" if reason else said


def _attempt(row: dict[str, Any]) -> str:
    """Return which attempt a row is about; an empty text where there is only one."""
    if "attempt" not in row:
        return ""
    return f"{row['attempt']} of {row['attempts']}" if "attempts" in row else str(row["attempt"])


def _print_run(row: dict[str, Any]) -> None:
    from runtime import tables as shown

    shown.print_pairs(
        [
            ("run", row["run_id"]),
            ("task", row["task_name"]),
            ("status", row["status"]),
            ("mode", row.get("execution", "")),
            ("pid", str(row.get("pid", ""))),
            ("due", shown.moment(row.get("due"))),
            ("start", shown.moment(row.get("start"))),
            ("end", shown.moment(row.get("end"))),
            ("clocks", clocks()),
            ("late", shown.seconds(row.get("late"))),
            ("took", shown.seconds(row.get("runtime"))),
            ("reason", row.get("reason", "")),
            ("cause", row.get("cause", "")),
            ("later", row.get("afterwards", "")),
            ("progress", _progress(row)),
            ("attempt", _attempt(row)),
            ("rescues", str(row.get("rescues", ""))),
            ("again", shown.moment(row.get("retry_at"))),
        ]
    )
    for name, title in (("exc_text", "traceback"), ("output", "last output")):
        if row.get(name):
            click.echo(f"{title}\n" + "\n".join(f"  {shown.visible(line)}" for line in row[name].splitlines()))
    click.echo()


def _progress(row: dict[str, Any]) -> str:
    from actors.progress import progress_in

    progress = progress_in(row.get("progress"))
    return "" if progress is None else str(progress)
