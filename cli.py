"""The command line of Callsheet: ``callsheet``, or ``python cli.py``. Its exit codes are those that ``--help`` tells."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from datetime import datetime, tzinfo
from functools import wraps
from typing import TYPE_CHECKING, Any, ParamSpec

import click

if TYPE_CHECKING:
    from pathlib import Path

    from actors import App
    from runtime.runlog.history import History
    from runtime.simulation import Start

P = ParamSpec("P")
DEFAULT_LOG = ".callsheet/runs.jsonl"
STATUSES = ("running", "success", "fail", "terminate", "inaction", "crash", "retry", "missed", "error")
UUID_DIGITS = 32
FARTHEST = 100 * 366 * 86400.0
"""Seconds that a simulation covers at most."""


def reports_errors(command: Callable[P, int | None]) -> Callable[P, None]:
    """Have what Callsheet raises on purpose printed without a traceback, and turned into the exit code."""

    @wraps(command)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> None:
        from actors.errors import AppNotAnswering, CallsheetError, LogError, LogLocked

        try:
            code = command(*args, **kwargs)
        except CallsheetError as exc:
            click.echo(f"callsheet: {exc}", err=True)
            codes = {LogLocked: 4, LogError: 5, AppNotAnswering: 1, CallsheetError: 2}
            code = next(code for kind, code in codes.items() if isinstance(exc, kind))
        sys.exit(code or 0)

    return wrapped


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(package_name="callsheet", prog_name="callsheet")
def main() -> None:
    """Run tasks as supervised actors, and see what became of them.

    \b
    Exit codes:
      0  ended in order; whether single runs failed is in the run log
      1  an internal error, or one that kept the app from starting; for `launch`: the task did not succeed;
         for `tree`: no app runs, or it does not answer
      2  wrong use: an unknown task or option, a program that cannot be loaded
      3  the end has killed, cut short or left behind something, which stderr and the run log name
      4  the run log is in use by another runtime
      5  the run log cannot be used
    """  # noqa: D301  # click takes the character itself for: keep these lines


@main.command()
@click.argument("target")
@click.argument("words", nargs=-1, type=click.UNPROCESSED, metavar="[-- ARGS]...")
@click.option("-q", "--quiet", is_flag=True, help="Do not tell each start and end of a run.")
@reports_errors
def run(target: str, words: tuple[str, ...], quiet: bool) -> int:  # noqa: ARG001  # arguments of the app find them
    """Run the app in TARGET: a file, a module, or either with :name. What follows two dashes is for the app itself.

    Ctrl+C or SIGTERM ends it in order: runs get the app's shutdown_wait (5 s) to finish, and a few seconds after that all is
    over. A second one ends the runs now, a third kills them. What was cut short is told at the end, and the exit code is 3.
    SIGHUP is not handled: it kills, as it does any program. To load changed code, start it anew.
    """
    import runtime

    app = _load(target)
    _tell_events(quiet)
    if not quiet:
        click.echo(f"callsheet: {len(app.session.tasks)} tasks, run log: {_log_in_words(app)}, clocks: {_clocks(app)}", err=True)
    if not app.session.tasks:
        click.echo("callsheet: there are no tasks in this app, so there is nothing to wait for but Ctrl+C", err=True)
    return runtime.run(app, until_exit=True).exit_code


@main.command()
@click.argument("target")
@click.argument("task")
@click.option("-p", "params", multiple=True, metavar="NAME=VALUE", help="A parameter; JSON where it can be read so, else text.")
@click.option("-q", "--quiet", is_flag=True, help="Do not tell the start and end of the run.")
@reports_errors
def launch(target: str, task: str, params: tuple[str, ...], quiet: bool) -> int:
    """Run one TASK of the app in TARGET now, whatever its condition, and wait for it.

    The exit code is 0 if it succeeded, or found nothing to do; 3 if a signal cut it short; else 1.
    """
    import runtime

    app = _load(target)
    chosen = app.session[task]
    _tell_events(quiet)
    chosen.run(**dict(_parameter(param) for param in params))
    ended = runtime.run(app, only=[], until_exit=True)
    record = app.session.get_repo().filter_by(task_name=chosen.name).last()
    succeeded = record is not None and record.action in ("success", "inaction")
    return ended.exit_code or (0 if succeeded else 1)


@main.command()
@click.argument("target")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, one task a line.")
@reports_errors
def tasks(target: str, as_json: bool) -> None:
    """List the tasks of the app in TARGET, and how they last ended."""
    from runtime import tables as shown

    app = _load(target)
    history = _history(app)
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
                "command": str(task.command) if task.command is not None else None,
            }
        )
    shown.print_rows(
        rows,
        as_json,
        {
            "TASK": lambda row: row["name"],
            "MODE": lambda row: row["execution"] + (", multi" if row["multilaunch"] else ""),
            "STARTS": _start_in_words,
            "LAST START": lambda row: shown.moment(row["last_run"]),
            "STATUS": lambda row: row["status"] or "never ran",
            "ABOUT": lambda row: row["description"] or " ".join((row["command"] or "").split()),
        },
        "there are no tasks in this app",
    )


@main.command()
@click.argument("target", required=False)
@click.option("--log", type=click.Path(), help=f"The run log of the app; default: that of TARGET, or {DEFAULT_LOG}.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, one actor, task or part a line.")
@reports_errors
def tree(target: str | None, log: str | None, as_json: bool) -> int:
    """Show what runs in an app as a tree: actors, tasks and parts of the scheduler, and what each deals with.

    Asks the app that writes the run log, if one runs; else shows what TARGET declares. WAITING, HANDLED and LOST count
    messages, of tasks launches; LOST are those that nobody has dealt with.
    """
    from pathlib import Path

    from runtime import tables as shown
    from runtime.outline import branches, outline
    from runtime.questions import ask_running

    app = _load(target) if target is not None else None
    path = Path(log or DEFAULT_LOG) if log or app is None else app.session.config.log
    found = ask_running(path) if path is not None else None
    if found is not None:
        root, pid, caption = found.tree, found.pid, f"running, pid {found.pid}"
    elif app is not None:
        root, pid, caption = app.session.tree(), None, _not_running(path)
    else:
        return _nobody_runs(log or DEFAULT_LOG)
    if as_json:
        rows = [{**row, "pid": pid} for row in outline(root)]
    else:
        click.echo(caption)
        rows = [{**row, "branch": branch} for row, branch in zip(outline(root), branches(root), strict=True)]
    shown.print_rows(
        rows,
        as_json,
        {
            "NAME": lambda row: row["branch"],
            "STATE": lambda row: row["state"],
            "RESTARTS": lambda row: _count(row["restarts"]),
            "WAITING": lambda row: _count(row["waiting"]),
            "HANDLED": lambda row: _count(row["handled"]),
            "LOST": lambda row: _count(row["lost"]),
            "ABOUT": _doing,
        },
        "",
    )
    return 0


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
    from runtime import tables as shown

    start = _since(since) if since is not None else 0.0
    rows = [
        row
        for row in _rows(log)
        if (task is None or row["task_name"] == task)
        and (status is None or row["status"] == status)
        and row.get("start", row["created"]) >= start
    ]
    shown.print_rows(
        rows[-most:],
        as_json,
        {
            "RUN": lambda row: _shortened(row["run_id"]),
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


@main.command()
@click.argument("run_id")
@click.option("--log", type=click.Path(), default=DEFAULT_LOG, show_default=True, help="The run log.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, one run a line.")
@reports_errors
def show(run_id: str, log: str, as_json: bool) -> int:
    """Show all that is known of the run RUN_ID, or of the runs whose id begins so."""
    found = _found(run_id, log)
    for row in found:
        if as_json:
            click.echo(json.dumps(row))
        else:
            _print_run(row)
    return 0 if found else _no_run(run_id, log)


@main.command()
@click.argument("run_id")
@click.option("-f", "--follow", is_flag=True, help="Show what it prints as it comes, until it has ended.")
@click.option("--log", type=click.Path(), default=DEFAULT_LOG, show_default=True, help="The run log.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, one run a line, or with -f one piece of output a line.")
@reports_errors
def logs(run_id: str, follow: bool, log: str, as_json: bool) -> int:
    """Show what the run RUN_ID has printed and logged, or the runs whose id begins so.

    Of long output the first 256 KiB and the last 768 KiB are kept. Where a run was tried again, each attempt has its own.
    """
    from pathlib import Path

    from runtime.output.showing import Showing
    from runtime.questions import is_listening
    from runtime.runlog.locks import is_locked

    if not _found(run_id, log):
        return _no_run(run_id, log)
    path: Path = Path(log)
    showing = Showing(
        path,
        lambda: _found(run_id, log),
        lambda: is_listening(path) or is_locked(path),
        as_json=as_json,
        show=lambda text: click.echo(text, nl=False),
        note=lambda text: click.echo(f"callsheet: {text}", err=True),
    )
    try:
        showing.follow() if follow else showing.all()
    except KeyboardInterrupt:  # that is how one stops to look
        click.echo()
    except PermissionError as exc:
        click.echo(f"callsheet: {exc.filename} cannot be read: {exc.strerror}", err=True)
        return 1
    return 0


@main.command(name="next")
@click.argument("target")
@click.argument("task", required=False)
@click.option("-n", "most", type=click.IntRange(min=1), default=10, show_default=True, help="How many starts of TASK.")
@click.option("--tz", metavar="ZONE", help="Show times in this zone; default: each task's own.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, one start a line.")
@reports_errors
def upcoming(target: str, task: str | None, most: int, tz: str | None, as_json: bool) -> None:
    """Show the next starts of TASK, or the next one of each task of the app in TARGET.

    Found as in `simulate`: runs are taken to succeed, custom conditions to stand in nothing's way. `gap` marks a start right
    after the clocks jumped forward, `fold` one at a time that they show twice.
    """
    from time import time

    from runtime import tables as shown
    from runtime.machine import local_zone
    from runtime.simulation import upcoming as found

    app, now, local, zone = _load(target), time(), local_zone(), _zone(tz)
    history = _history(app)
    tasks = [app.session[task]] if task is not None else app.session.tasks
    rows = []
    for each in tasks:
        place = zone or each.timezone or local
        starts = found(each, most if task is not None else 1, now, local, history)
        rows += [{**_start_row(start, place), "start_cond": str(each.start_cond)} for start in starts]
    shown.print_rows(
        sorted(rows, key=lambda row: row["at"]),
        as_json,
        {
            "TASK": lambda row: row["task"],
            "START": lambda row: row["local"],
            "UTC": lambda row: shown.utc_time(row["at"]),
            "IN": lambda row: shown.left(row["at"] - now),
            "CLOCK": lambda row: row["mark"],
            "ABOUT": lambda row: row["start_cond"],
        },
        _no_starts(task, app),
    )
    if not as_json and task is None and (others := [t.name for t in tasks if t.name not in {row["task"] for row in rows}]):
        click.echo(f"callsheet: nothing is foreseen of {', '.join(others)}; ask for one of them, or: why TARGET TASK", err=True)


@main.command()
@click.argument("condition")
@click.option("-n", "most", type=click.IntRange(min=0), default=5, show_default=True, help="How many starts to show.")
@click.option("--tz", metavar="ZONE", help="The zone of the clocks; default: this machine's.")
@reports_errors
def explain(condition: str, most: int, tz: str | None) -> None:
    """Say what CONDITION means: "cron 0 2 * * *", "daily at 10:00 & time of week before Sat"."""
    from time import time

    from actors import App
    from actors.errors import ConditionSyntaxError
    from actors.zones import mark, zone_name
    from runtime import explanation
    from runtime import tables as shown
    from runtime.machine import local_zone
    from runtime.simulation import upcoming as found

    now, zone, app = time(), _zone(tz) or local_zone(), App(log=None)
    try:
        app.task(condition, func=_nothing, name="it")
    except Exception as exc:
        if isinstance(exc.__cause__, ConditionSyntaxError):
            raise exc.__cause__ from None
        raise
    meant = app.session["it"].start_cond
    app.session.config.timezone = zone
    starts = [start.at for start in found(app.session["it"], max(most, 1), now, zone, None)]
    shown.print_pairs([("normal", str(meant)), ("means", explanation.words(meant)), ("zone", zone_name(zone))])
    for start in starts[:most]:
        special = mark(start, zone)
        click.echo(
            f"{'next':<8} {shown.date_and_time(start, zone)}  {shown.utc(start)}  in {shown.left(start - now)} {special}".rstrip()
        )
    for warning in explanation.warnings(meant, now, zone, starts[0] if starts else float("inf")):
        click.echo(f"{'note':<8} {warning}")


@main.command()
@click.argument("target")
@click.argument("task")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, one part of the condition a line.")
@reports_errors
def why(target: str, task: str, as_json: bool) -> None:
    """Show why TASK of the app in TARGET starts now or does not: each part of its condition, and what it waits for.

    It looks at the run log, so it tells of an app that runs, too. Custom conditions are asked.
    """
    from runtime import tables as shown
    from runtime.why import reasons

    app = _load(target)
    report = reasons(app, app.session[task], _documents(app))
    if not as_json:
        shown.print_pairs(report.summary)
    shown.print_rows(
        report.parts,
        as_json,
        {
            "CONDITION": lambda row: "  " * row["depth"] + row["condition"],
            "NOW": lambda row: row["now"],
            "ABOUT": lambda row: row["waits_for"],
        },
        "it has no condition: it starts when it is asked to",
    )


@main.command()
@click.argument("target")
@click.option("--tz", metavar="ZONE", help="Show times in this zone; default: each task's own.")
@click.option(
    "--from", "begin", metavar="TIME", help="From when, as 2026-01-31 or 2026-01-31T12:00; default: now, knowing the run log."
)
@click.option("--to", "end", metavar="TIME", required=True, help="Up to when: a time, or a length of time such as '3 days'.")
@click.option("--task", help="Only starts of this task.")
@click.option("-n", "most", type=click.IntRange(min=1), default=10_000, show_default=True, help="How many starts at most.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, one start a line.")
@reports_errors
def simulate(target: str, tz: str | None, begin: str | None, end: str, task: str | None, most: int, as_json: bool) -> None:
    """Show which tasks of the app in TARGET would start when, without running them.

    Runs are taken to succeed and to last as long as the last one did, or a second; custom conditions to stand in nothing's
    way. With --from, tasks are taken to be new then.
    """
    from time import time

    from runtime import tables as shown
    from runtime.machine import local_zone
    from runtime.simulation import Simulation, players_of

    app, local, asked = _load(target), local_zone(), _zone(tz)
    start = time() if begin is None else _time(begin, app, "--from")
    stop = _time(end, app, "--to", after=start)
    if not start < stop < start + FARTHEST:
        raise click.BadParameter("it must be later than the beginning, by 100 years at most", param_hint="--to")
    if task is not None:
        task = app.session[task].name
    players = players_of(app.session.tasks, start, local, _history(app) if begin is None else None, app.session.config.env)
    rows: list[dict[str, Any]] = []
    for found in Simulation(players, start).starts(stop):
        if len(rows) == most:
            click.echo(f"callsheet: there are more than {most} starts; show more of them with -n", err=True)
            break
        if task in (None, found.task):
            zone = asked or app.session[found.task].timezone or local
            rows.append({**_start_row(found, zone), "late": found.at - found.due})
    shown.print_rows(
        rows,
        as_json,
        {
            "START": lambda row: row["local"],
            "UTC": lambda row: shown.utc_time(row["at"]),
            "CLOCK": lambda row: row["mark"],
            "TASK": lambda row: row["task"],
            "ABOUT": lambda row: str(app.session[row["task"]].start_cond),
        },
        "nothing would start in that time",
    )
    if rows and not as_json:
        counts = {name: sum(row["task"] == name for row in rows) for name in {row["task"]: None for row in rows}}
        click.echo("\n" + ", ".join(f"{name}: {count}" for name, count in counts.items()), err=True)


def _about(row: dict[str, Any]) -> str:
    from runtime import tables as shown

    reason: str = row.get("reason") or _progress(row)
    if row.get("count", 1) > 1:
        return f"{reason} (the last at {shown.moment(row['last'])})"
    if row["status"] != "retry" and row.get("attempt", 1) == 1:
        return reason
    again = f", again at {shown.moment(row['retry_at'])}" if "retry_at" in row else ""
    said = f"attempt {_attempt(row)}{again}"
    return f"{reason} ({said})" if reason else said


def _not_running(log: Path | None) -> str:
    if log is None:
        return "as declared: an app with its run log in memory cannot be asked what runs in it"
    return "not running: as declared"


def _nobody_runs(log: str) -> int:
    """Say that no app runs that writes `log`, and return the exit code; raises NoLog if there is none."""
    from pathlib import Path

    from actors.errors import NoLog

    if not Path(log).exists():
        raise NoLog(log)
    click.echo(f"callsheet: no app runs that writes {log}; to see what one declares: callsheet tree TARGET", err=True)
    return 1


def _count(number: int) -> str:
    return str(number or "")


def _doing(row: dict[str, Any]) -> str:
    """Return what a node deals with and for how long, or else how it has ended."""
    from runtime import tables as shown

    if row["current"] is None:
        return row["outcome"] or ""
    current = ", ".join(map(_shortened, row["current"].split(", "))) if row["kind"] == "task" else row["current"]
    return current if row["age"] is None else f"{current} for {shown.age(row['age'])}"


def _attempt(row: dict[str, Any]) -> str:
    """Return which attempt a row is about; an empty text where there is only one."""
    if "attempt" not in row:
        return ""
    return f"{row['attempt']} of {row['attempts']}" if "attempts" in row else str(row["attempt"])


def _start_row(start: Start, zone: tzinfo) -> dict[str, Any]:
    """Return a start as a row: when, on the clocks of `zone` and in UTC."""
    from actors.zones import mark
    from runtime import tables as shown

    return {
        "task": start.task,
        "at": start.at,
        "local": shown.date_and_time(start.at, zone),
        "zone": str(zone),
        "utc": shown.utc(start.at),
        "mark": mark(start.at, zone),
    }


def _nothing() -> None:
    """Stand for the function of a task of which only the condition matters."""


def _history(app: App) -> History:
    from runtime.runlog.history import History

    return History.of(_documents(app))


def _documents(app: App) -> list[dict[str, Any]]:
    from runtime.runlog.repo import open_repo

    return list(open_repo(app.session.config.log).log.documents())


def _zone(name: str | None) -> tzinfo | None:
    from actors.zones import to_zone

    try:
        return to_zone(name)
    except ValueError as exc:
        raise click.BadParameter(str(exc), param_hint="--tz") from exc


def _no_starts(task: str | None, app: App) -> str:
    if task is None:
        return "no task of this app starts by itself"
    return f"{task!r} does not start by itself, or not as long as runs succeed: {app.session[task].start_cond}"


def _time(text: str, app: App, option: str, after: float | None = None) -> float:
    """Return the time that `text` names, on the clocks of the app; a length of time counts from `after`."""
    from actors.errors import InvalidTimeSpan
    from actors.timespans import to_seconds
    from runtime.machine import local_zone

    try:
        moment = datetime.fromisoformat(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=app.session.config.timezone or local_zone())).timestamp()
    except ValueError:
        pass
    except OverflowError as exc:
        raise click.BadParameter(f"{text!r} is too far away", param_hint=option) from exc
    try:
        if after is not None:
            return after + to_seconds(text)
    except InvalidTimeSpan as exc:
        raise click.BadParameter(f"neither a date nor a length of time: {exc}", param_hint=option) from exc
    raise click.BadParameter(f"{text!r} is no date as 2026-01-31 or 2026-01-31T12:00", param_hint=option)


def _load(target: str) -> App:
    from runtime.target import load_app

    return load_app(target)


def _log_in_words(app: App) -> str:
    log = app.session.config.log
    return "memory" if log is None else os.path.relpath(log)


def _clocks(app: App) -> str:
    from actors.zones import zone_name
    from runtime.machine import local_zone

    return zone_name(app.session.config.timezone or local_zone())


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
    from runtime.runlog.repo import open_repo
    from runtime.runlog.report import runs_in

    path: Path = Path(log)
    if not path.exists():
        raise NoLog(log)
    return runs_in(open_repo(path).log.documents())


def _found(run_id: str, log: str) -> list[dict[str, Any]]:
    """Return the rows of the runs with that id, or else of those whose id begins so."""
    rows = [row for row in _rows(log) if row["run_id"] and run_id]
    return [row for row in rows if row["run_id"] == run_id] or [row for row in rows if row["run_id"].startswith(run_id)]


def _no_run(run_id: str, log: str) -> int:
    """Say that there is none, and return the exit code."""
    click.echo(f"callsheet: no run in {log} has the id {run_id!r}; list them with: callsheet runs --log {log}", err=True)
    return 1


def _start_in_words(row: dict[str, Any]) -> str:
    if row["on_startup"] or row["on_shutdown"]:
        return "on startup" if row["on_startup"] else "on shutdown"
    condition: str = row["start_cond"]
    text = {"false": "when asked to", "true": "again and again"}.get(condition, condition)
    return f"{text} (disabled)" if row["disabled"] else text


def _print_run(row: dict[str, Any]) -> None:
    from runtime import tables as shown

    shown.print_pairs(
        [
            ("run", row["run_id"]),
            ("task", row["task_name"]),
            ("status", row["status"]),
            ("mode", row.get("execution", "")),
            ("due", shown.moment(row.get("due"))),
            ("start", shown.moment(row.get("start"))),
            ("end", shown.moment(row.get("end"))),
            ("late", shown.seconds(row.get("late"))),
            ("took", shown.seconds(row.get("runtime"))),
            ("reason", row.get("reason", "")),
            ("cause", row.get("cause", "")),
            ("later", row.get("afterwards", "")),
            ("progress", _progress(row)),
            ("attempt", _attempt(row)),
            ("again", shown.moment(row.get("retry_at"))),
        ]
    )
    for name, title in (("exc_text", "traceback"), ("output", "last output")):
        if row.get(name):
            click.echo(f"{title}\n" + "\n".join(f"  {line}" for line in row[name].splitlines()))
    click.echo()


def _progress(row: dict[str, Any]) -> str:
    from actors.progress import Progress

    return str(Progress(**row["progress"])) if row.get("progress") else ""


def _shortened(run_id: str) -> str:
    """Return enough of a run's id to show it by, where a person reads it; programs get all of it."""
    if not sys.stdout.isatty():
        return run_id
    if len(run_id) == UUID_DIGITS and run_id.isalnum():
        return run_id[:8]
    return run_id if len(run_id) < UUID_DIGITS else f"{run_id[: UUID_DIGITS - 1]}…"


if __name__ == "__main__":
    main()
