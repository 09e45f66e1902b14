"""The command line of Callsheet: ``callsheet``, or ``python cli.py``.

Exit codes: 0 well, 1 a task failed or an internal error, 2 wrong use, 3 runs were cut short by the end, 4 the run log is in
use by another runtime, 5 the run log cannot be used.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterable
from datetime import datetime
from functools import wraps
from typing import TYPE_CHECKING, Any, ParamSpec

import click

if TYPE_CHECKING:
    from pathlib import Path

    from actors import App

P = ParamSpec("P")
DEFAULT_LOG = ".callsheet/runs.jsonl"
STATUSES = ("running", "success", "fail", "terminate", "inaction", "crash")
COLOURS = {"success": "green", "fail": "red", "crash": "red", "terminate": "yellow", "running": "cyan", "inaction": "dim"}
COLUMNS_TO_KEEP_WHOLE = 240
SHRINKING = "ABOUT"
"""The column that gives way where a terminal is narrow; each table has it."""
UUID_DIGITS = 32


def reports_errors(command: Callable[P, int | None]) -> Callable[P, None]:
    """Have what Callsheet raises on purpose printed without a traceback, and turned into the exit code."""

    @wraps(command)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> None:
        from actors.errors import CallsheetError, LogError, LogLocked

        try:
            code = command(*args, **kwargs)
        except CallsheetError as exc:
            click.echo(f"callsheet: {exc}", err=True)
            code = 4 if isinstance(exc, LogLocked) else 5 if isinstance(exc, LogError) else 2
        sys.exit(code or 0)

    return wrapped


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(package_name="callsheet", prog_name="callsheet")
def main() -> None:
    """Run tasks as supervised actors, and see what became of them."""


@main.command()
@click.argument("target")
@click.option("-q", "--quiet", is_flag=True, help="Do not tell each start and end of a run.")
@reports_errors
def run(target: str, quiet: bool) -> int:
    """Run the app in TARGET: a file, a module, or either with :name.

    Ctrl+C or SIGTERM ends it in order, a second one at once.
    """
    import runtime

    app = _load(target)
    _tell_events(quiet)
    if not quiet:
        click.echo(f"callsheet: {len(app.session.tasks)} tasks, run log: {_log_in_words(app)}", err=True)
    if not app.session.tasks:
        click.echo("callsheet: there are no tasks in this app, so there is nothing to wait for but Ctrl+C", err=True)
    ended = runtime.run(app)
    return 3 if ended.cut_short or ended.stuck else 0


@main.command()
@click.argument("target")
@click.argument("task")
@click.option("-p", "params", multiple=True, metavar="NAME=VALUE", help="A parameter; JSON where it can be read so, else text.")
@click.option("-q", "--quiet", is_flag=True, help="Do not tell the start and end of the run.")
@reports_errors
def launch(target: str, task: str, params: tuple[str, ...], quiet: bool) -> int:
    """Run one TASK of the app in TARGET now, whatever its condition, and wait for it.

    The exit code is 0 if it succeeded, or found nothing to do.
    """
    import runtime

    app = _load(target)
    chosen = app.session[task]
    _tell_events(quiet)
    chosen.run(**dict(_parameter(param) for param in params))
    runtime.run(app, only=[])
    record = app.session.get_repo().filter_by(task_name=chosen.name).last()
    return 0 if record is not None and record.action in ("success", "inaction") else 1


@main.command()
@click.argument("target")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, one task a line.")
@reports_errors
def tasks(target: str, as_json: bool) -> None:
    """List the tasks of the app in TARGET, and how they last ended."""
    from runtime.repo import open_repo
    from runtime.runlog import History

    app = _load(target)
    history = History()
    for document in open_repo(app.session.config.log).journal.read():
        history.take_in(document)
    rows = []
    for task in app.session.tasks:
        facts = history.facts.get(task.name, task.facts)
        rows.append(
            {
                "name": task.name,
                "execution": task.execution,
                "start_cond": str(task.start_cond),
                "on_startup": task.on_startup,
                "on_shutdown": task.on_shutdown,
                "multilaunch": task.multilaunch,
                "disabled": task.disabled,
                "status": facts.status,
                "last_run": facts.run,
                "description": task.description,
            }
        )
    _print_rows(
        rows,
        as_json,
        {
            "TASK": lambda row: row["name"],
            "MODE": lambda row: row["execution"] + (", multi" if row["multilaunch"] else ""),
            "STARTS": _start_in_words,
            "LAST START": lambda row: _moment(row["last_run"]),
            "STATUS": lambda row: row["status"] or "never ran",
            "ABOUT": lambda row: row["description"] or "",
        },
        "there are no tasks in this app",
    )


@main.command()
@click.option("--task", help="Only runs of this task.")
@click.option("--status", type=click.Choice(STATUSES), help="Only runs that ended so.")
@click.option("--since", metavar="TIME", help="Only runs since then: '2 hours' ago, or a date as 2026-01-31 or 2026-01-31T12:00.")
@click.option("-n", "most", type=click.IntRange(min=1), default=20, show_default=True, help="How many, the latest.")
@click.option("--log", type=click.Path(), default=DEFAULT_LOG, show_default=True, help="The run log.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, one run a line.")
@reports_errors
def runs(task: str | None, status: str | None, since: str | None, most: int, log: str, as_json: bool) -> None:
    """List runs, the latest last. Works while an app runs, and while none does."""
    start = _since(since) if since is not None else 0.0
    rows = [
        row
        for row in _rows(log)
        if (task is None or row["task_name"] == task)
        and (status is None or row["status"] == status)
        and row.get("start", row["created"]) >= start
    ]
    _print_rows(
        rows[-most:],
        as_json,
        {
            "RUN": lambda row: _shortened(row["run_id"]),
            "TASK": lambda row: row["task_name"],
            "MODE": lambda row: row.get("execution", ""),
            "START": lambda row: _moment(row.get("start")),
            "LATE": lambda row: _seconds(row.get("late")),
            "TOOK": lambda row: _seconds(row.get("runtime")),
            "STATUS": lambda row: row["status"],
            "ABOUT": lambda row: row.get("reason", ""),
        },
        f"no such runs in {log}",
    )


@main.command()
@click.argument("run_id")
@click.option("--log", type=click.Path(), default=DEFAULT_LOG, show_default=True, help="The run log.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, one run a line.")
@reports_errors
def show(run_id: str, log: str, as_json: bool) -> int:
    """Show all that is known of the run RUN_ID, or of the runs whose id begins so."""
    rows = _rows(log)
    found = [row for row in rows if row["run_id"] == run_id] or [row for row in rows if row["run_id"].startswith(run_id)]
    if not found:
        click.echo(f"callsheet: no run in {log} has the id {run_id!r}; list them with: callsheet runs --log {log}", err=True)
        return 1
    for row in found:
        if as_json:
            click.echo(json.dumps(row))
        else:
            _print_run(row)
    return 0


def _load(target: str) -> App:
    from runtime.target import load_app

    return load_app(target)


def _log_in_words(app: App) -> str:
    log = app.session.config.log
    return "memory" if log is None else os.path.relpath(log)


def _tell_events(quiet: bool) -> None:
    """Have the runtime's events printed to stderr: all of them, or warnings and failures."""
    import logging

    logging.basicConfig(format="%(asctime)s %(message)s", datefmt="%H:%M:%S")
    logging.getLogger("callsheet").setLevel(logging.WARNING if quiet else logging.INFO)


def _parameter(text: str) -> tuple[str, Any]:
    name, equals, value = text.partition("=")
    if not equals or not name.isidentifier():
        raise click.BadParameter(f"{text!r} is not NAME=VALUE", param_hint="-p")
    try:
        return name, json.loads(value)
    except ValueError:
        return name, value


def _since(text: str) -> float:
    from time import time

    from actors.errors import InvalidTimeSpan
    from actors.timespans import to_seconds

    try:
        return datetime.fromisoformat(text).timestamp()
    except ValueError:
        pass
    try:
        return time() - to_seconds(text)
    except InvalidTimeSpan as exc:
        raise click.BadParameter(f"neither a date nor a length of time: {exc}", param_hint="--since") from exc


def _rows(log: str) -> list[dict[str, Any]]:
    from pathlib import Path

    from actors.errors import NoLog
    from runtime.repo import open_repo
    from runtime.report import runs_in

    path: Path = Path(log)
    if not path.exists():
        raise NoLog(log)
    return runs_in(open_repo(path).journal.read())


def _start_in_words(row: dict[str, Any]) -> str:
    if row["on_startup"] or row["on_shutdown"]:
        return "on startup" if row["on_startup"] else "on shutdown"
    condition: str = row["start_cond"]
    text = {"false": "when asked to", "true": "again and again"}.get(condition, condition)
    return f"{text} (disabled)" if row["disabled"] else text


def _print_rows(
    rows: list[dict[str, Any]], as_json: bool, columns: dict[str, Callable[[dict[str, Any]], str]], empty: str
) -> None:
    if as_json:
        for row in rows:
            click.echo(json.dumps(row))
        return
    if not rows:
        click.echo(empty, err=True)
        return
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text  # not markup: what tasks say may have brackets in it

    console = Console(width=None if sys.stdout.isatty() else COLUMNS_TO_KEEP_WHOLE, highlight=False)
    cells = [[cell(row) for cell in columns.values()] for row in rows]
    widths = [max(len(text) for text in column) for column in zip(columns, *cells, strict=True)]
    shrinking = list(columns).index(SHRINKING)
    widths[shrinking] -= max(sum(widths) + 2 * len(widths) - console.width, 0)
    table = Table(box=None, header_style="bold", pad_edge=False)
    for name, width in zip(columns, widths, strict=True):
        table.add_column(name, no_wrap=True, overflow="ellipsis", width=max(width, len(name)))
    for line in cells:
        table.add_row(*(Text(text, style=COLOURS.get(text, "")) for text in line))
    console.print(table)


def _print_run(row: dict[str, Any]) -> None:
    lines: Iterable[tuple[str, str]] = (
        ("run", row["run_id"]),
        ("task", row["task_name"]),
        ("status", row["status"]),
        ("mode", row.get("execution", "")),
        ("due", _moment(row.get("due"))),
        ("start", _moment(row.get("start"))),
        ("end", _moment(row.get("end"))),
        ("late", _seconds(row.get("late"))),
        ("took", _seconds(row.get("runtime"))),
        ("reason", row.get("reason", "")),
    )
    for name, value in lines:
        if value:
            click.echo(f"{name:<8} {value}")
    for name in ("exc_text", "output"):
        if row.get(name):
            click.echo(
                f"{'traceback' if name == 'exc_text' else 'last output'}\n" + "\n".join(f"  {x}" for x in row[name].splitlines())
            )
    click.echo()


def _shortened(run_id: str) -> str:
    """Return enough of a run's id to show it by, where a person reads it; programs get all of it."""
    if not sys.stdout.isatty():
        return run_id
    if len(run_id) == UUID_DIGITS and run_id.isalnum():
        return run_id[:8]
    return run_id if len(run_id) < UUID_DIGITS else f"{run_id[: UUID_DIGITS - 1]}…"


def _moment(seconds: float | None) -> str:
    if seconds is None:
        return ""
    moment = datetime.fromtimestamp(seconds).astimezone()
    return f"{moment:%H:%M:%S}" if moment.date() == datetime.now().astimezone().date() else f"{moment:%Y-%m-%d %H:%M}"


def _seconds(seconds: float | None) -> str:
    if seconds is None:
        return ""
    return f"{seconds * 1000:.1f} ms" if seconds < 1 else f"{seconds:.2f} s"


if __name__ == "__main__":
    main()
