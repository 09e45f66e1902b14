"""The command line of Callsheet: ``callsheet``, or ``python cli.py``. Its exit codes are those that ``--help`` tells."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

import click

from runtime.commands.lazy import LazyGroup
from runtime.commands.shared import DEFAULT_LOG, clocks, existing, history_of, load, reports_errors, shortened, tell_clocks

if TYPE_CHECKING:
    from datetime import tzinfo
    from pathlib import Path

    from actors import App

ELSEWHERE = {
    "bench": "runtime.commands.bench:bench",
    "explain": "runtime.commands.schedule:explain",
    "log": "runtime.commands.log:log",
    "logs": "runtime.commands.logs:logs",
    "next": "runtime.commands.schedule:upcoming",
    "runs": "runtime.commands.runs:runs",
    "show": "runtime.commands.runs:show",
    "simulate": "runtime.commands.schedule:simulate",
    "stats": "runtime.commands.stats:stats",
    "why": "runtime.commands.schedule:why",
}


@click.group(
    cls=LazyGroup, elsewhere=ELSEWHERE, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110}
)
@click.version_option(package_name="callsheet", prog_name="callsheet")
def main() -> None:
    """Run tasks as supervised actors, and see what became of them.

    \b
    Exit codes:
      0  ended in order; whether single runs failed is in the run log
      1  an internal error, or one that kept the app from starting; for `launch`: the task did not succeed;
         for `tree`: no app runs, or it does not answer; for `log verify` and `log repair`: the log is not whole
      2  wrong use: an unknown task or option, a program that cannot be loaded
      3  the end has killed, cut short or left behind something, which stderr and the run log name
      4  the run log is in use by another runtime
      5  the run log cannot be used, or could not be written at the end
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

    app = load(target)
    zone = app.session.config.timezone
    _tell_events(quiet, zone)
    if not quiet:
        click.echo(f"callsheet: {len(app.session.tasks)} tasks, run log: {_log_in_words(app)}, clocks: {clocks(zone)}", err=True)
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

    app = load(target)
    chosen = app.session[task]
    _tell_events(quiet, app.session.config.timezone)
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

    app = load(target)
    history, zone = history_of(app), app.session.config.timezone
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
            "LAST START": lambda row: shown.moment(row["last_run"], zone),
            "STATUS": lambda row: shown.status(row["status"] or "never ran"),
            "ABOUT": lambda row: row["description"] or " ".join((row["command"] or "").split()),
        },
        "there are no tasks in this app",
    )
    if not as_json and any(row["last_run"] is not None for row in rows):
        tell_clocks(zone)


@main.command()
@click.argument("target", required=False)
@click.option(
    "--log", type=click.Path(readable=False), help=f"The run log of the app; default: that of TARGET, or {DEFAULT_LOG}."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON, one actor, task or part a line.")
@reports_errors
def tree(target: str | None, log: str | None, as_json: bool) -> int:
    """Show what runs in an app as a tree: actors, tasks and parts of the scheduler, and what each deals with.

    Asks the app that writes the run log, if one runs; else shows what TARGET declares. WAITING, HANDLED and LOST count
    messages, of tasks launches; LOST are those that nobody has dealt with. ABOUT says what each deals with, and what the first
    launch that waits is waiting for. What is wrong with the app is told below, and in JSON by the `problems` of its own line,
    the first.
    """
    from pathlib import Path

    from runtime import tables as shown
    from runtime.outline import branches, outline
    from runtime.questions import ask_running

    app = load(target) if target is not None else None
    path = Path(log or DEFAULT_LOG) if log or app is None else app.session.config.log
    found = ask_running(path) if path is not None else None
    if found is not None:
        root, pid, problems, caption = found.tree, found.pid, found.problems, f"running, pid {found.pid}"
    elif app is not None:
        root, pid, problems, caption = app.session.tree(), None, (), _not_running(path)
    else:
        return _nobody_runs(log or DEFAULT_LOG)
    if as_json:
        rows = [{**row, "pid": pid} for row in outline(root)]
        rows[0]["problems"] = problems
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
    if not as_json:
        _print_problems(problems)
    return 0


def _print_problems(problems: tuple[str, ...]) -> None:
    from runtime.tables import visible

    for problem in problems:
        click.echo(f"problem: {visible(problem)}")


def _not_running(log: Path | None) -> str:
    if log is None:
        return "as declared: an app with its run log in memory cannot be asked what runs in it"
    return "not running: as declared"


def _nobody_runs(log: str) -> int:
    """Say that no app runs that writes `log`, and return the exit code; raises NoLog if there is none."""
    existing(log)
    click.echo(f"callsheet: no app runs that writes {log}; to see what one declares: callsheet tree TARGET", err=True)
    return 1


def _count(number: int) -> str:
    return str(number or "")


def _doing(row: dict[str, Any]) -> str:
    """Return what a node deals with and for how long, and what it waits for, or else how it has ended."""
    from runtime import tables as shown

    said = []
    if row["current"] is not None:
        current = ", ".join(map(shortened, row["current"].split(", "))) if row["kind"] == "task" else row["current"]
        said.append(current if row["age"] is None else f"{current} for {shown.age(row['age'])}")
    if row["waits_for"] is not None:
        said.append(f"waits for {row['waits_for']}")
    return "; ".join(said) or row["outcome"] or ""


def _log_in_words(app: App) -> str:
    log = app.session.config.log
    return "memory" if log is None else os.path.relpath(log)


def _tell_events(quiet: bool, zone: tzinfo | None) -> None:
    """Have the runtime's events printed to stderr, on the clocks of `zone`: all of them, or warnings and failures."""
    import logging
    from datetime import datetime

    handler, form = logging.StreamHandler(), logging.Formatter("%(asctime)s %(message)s", "%H:%M:%S")
    form.converter = lambda seconds: datetime.fromtimestamp(seconds or 0.0).astimezone(zone).timetuple()
    handler.setFormatter(form)
    logging.basicConfig(handlers=[handler])
    logging.getLogger("callsheet").setLevel(logging.WARNING if quiet else logging.INFO)


def _parameter(text: str) -> tuple[str, Any]:
    name, equals, value = text.partition("=")
    if not equals or not name.isidentifier():
        raise click.BadParameter(f"{text!r} is not NAME=VALUE", param_hint="-p")
    try:
        return name, json.loads(value)
    except ValueError:
        return name, value


def _start_in_words(row: dict[str, Any]) -> str:
    if row["on_startup"] or row["on_shutdown"]:
        return "on startup" if row["on_startup"] else "on shutdown"
    condition: str = row["start_cond"]
    text = {"false": "when asked to", "true": "again and again"}.get(condition, condition)
    return f"{text} (disabled)" if row["disabled"] else text


if __name__ == "__main__":
    main()
