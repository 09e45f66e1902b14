"""The commands that tell what comes next, and why: next, explain, why, simulate."""

from __future__ import annotations

from datetime import tzinfo
from typing import TYPE_CHECKING, Any

import click

from runtime.commands.moments import moment_of, zone_of
from runtime.commands.shared import history_of, load, reports_errors

if TYPE_CHECKING:
    from actors import App
    from runtime.simulation import Start

FARTHEST = 100 * 366 * 86400.0
"""Seconds that a simulation covers at most."""


@click.command(name="next")
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

    app, now, local, zone = load(target), time(), local_zone(), zone_of(tz)
    history = history_of(app)
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


@click.command()
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

    now, zone, app = time(), zone_of(tz) or local_zone(), App(log=None)
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


@click.command()
@click.argument("target")
@click.argument("task")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, one part of the condition a line.")
@reports_errors
def why(target: str, task: str, as_json: bool) -> None:
    """Show why TASK of the app in TARGET starts now or does not: each part of its condition, and what it waits for.

    It asks the app whether a launch waits, if one runs, and looks at the run log. Custom conditions are asked.
    """
    from runtime import tables as shown
    from runtime.runlog.repo import open_repo
    from runtime.why import reasons

    app = load(target)
    report = reasons(app, app.session[task], open_repo(app.session.config.log).log, _waits_for(app, task))
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


@click.command()
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

    app, local, asked = load(target), local_zone(), zone_of(tz)
    start = time() if begin is None else moment_of(begin, app, "--from")
    stop = moment_of(end, app, "--to", after=start)
    if not start < stop < start + FARTHEST:
        raise click.BadParameter("it must be later than the beginning, by 100 years at most", param_hint="--to")
    if task is not None:
        task = app.session[task].name
    players = players_of(app.session.tasks, start, local, history_of(app) if begin is None else None, app.session.config.env)
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


def _waits_for(app: App, task: str) -> str | None:
    """Return what the launch of `task` waits for in the app that runs; None where none waits, or nobody tells."""
    from actors.errors import AppNotAnswering
    from runtime.questions import ask_running

    log = app.session.config.log
    try:
        found = ask_running(log) if log is not None else None
    except AppNotAnswering as exc:
        click.echo(f"callsheet: {exc}; what follows is known from the run log alone", err=True)
        return None
    nodes = found.tree.children if found is not None else ()
    return next((node.waits_for for node in nodes if (node.kind, node.name) == ("task", task) and node.waiting), None)


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


def _no_starts(task: str | None, app: App) -> str:
    if task is None:
        return "no task of this app starts by itself"
    return f"{task!r} does not start by itself, or not as long as runs succeed: {app.session[task].start_cond}"
