"""The command that tells in numbers how runs went: stats."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from runtime.commands.moments import past_moment
from runtime.commands.shared import clocks, existing, log_option, reports_errors

if TYPE_CHECKING:
    from actors.statistics import TaskStats

OTHER_ENDS = ("terminate", "inaction", "crash")


@click.command()
@click.argument("task", required=False)
@click.option("--since", metavar="TIME", help="Only what was recorded since then: '2 days' ago, or a date as 2026-01-31.")
@click.option("--until", metavar="TIME", help="Only what was recorded up to then, said likewise.")
@log_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON, one task a line.")
@reports_errors
def stats(task: str | None, since: str | None, until: str | None, log: str, as_json: bool) -> int:
    """Tell in numbers how the runs of each task went, or all that there is to tell of TASK.

    RUNS are those that ended; without a time, all there ever were, and so with the other counts. FAILING is how many have failed
    in a row. P50, P99 and MAX are how long runs took, LATE the P99 of how late they began, the wait for a retry or a rescue
    included: of those that the log still has. P99 is what 99 of 100 runs did not exceed.
    """
    from runtime import tables as shown
    from runtime.runlog.repo import open_repo

    path = existing(log)
    begin = past_moment(since, "--since") if since is not None else None
    end = past_moment(until, "--until") if until is not None else None
    found = open_repo(path).stats(task, begin, end)
    which = "totals" if begin is None and end is None else "counts"
    if task is not None and task not in found:
        click.echo(f"callsheet: {log} has no records of a task {task!r}; list those it has with: callsheet stats", err=True)
        return 1
    if task is not None and not as_json:
        _print_all(found[task], getattr(found[task], which))
        return 0
    shown.print_rows([asdict(each) for each in found.values()], as_json, _columns(which), f"there are no records in {log}")
    return 0


def _columns(which: str) -> dict[str, Callable[[dict[str, Any]], str]]:
    """Return the columns of the table, of which the outcomes are counted by the field `which`."""
    from runtime import tables as shown

    def count(*actions: str) -> Callable[[dict[str, Any]], str]:
        return lambda row: str(sum(row[which].get(action, 0) for action in actions) or "")

    return {
        "TASK": lambda row: row["task_name"],
        "RUNS": count("success", "fail", *OTHER_ENDS),
        "SUCCESS": count("success"),
        "FAIL": count("fail"),
        "OTHER": count(*OTHER_ENDS),
        "MISSED": count("missed"),
        "FAILING": lambda row: str(row["fail_streak"] or ""),
        "P50": lambda row: shown.seconds(row["p50_runtime"]),
        "P99": lambda row: shown.seconds(row["p99_runtime"]),
        "MAX": lambda row: shown.seconds(row["max_runtime"]),
        "LATE": lambda row: shown.seconds(row["p99_late"]),
    }


def _print_all(stats: TaskStats, counts: Mapping[str, int]) -> None:
    from runtime import tables as shown

    failing = f"{stats.fail_streak} time{'s' * (stats.fail_streak > 1)} in a row"
    shown.print_pairs(
        [
            ("task", stats.task_name),
            *((action, str(count)) for action, count in counts.items()),
            ("failing", failing if stats.fail_streak else ""),
            ("took", _spread(stats.p50_runtime, stats.p99_runtime, stats.max_runtime)),
            ("late", _spread(stats.p50_late, stats.p99_late, stats.max_late)),
            ("of", f"{stats.runs} runs that ended, {_period(stats)}" if stats.runs else ""),
            ("success", f"last at {shown.moment(stats.last_success)}" if stats.last_success is not None else ""),
            ("fail", f"last at {shown.moment(stats.last_fail)}" if stats.last_fail is not None else ""),
            ("clocks", clocks()),
        ]
    )


def _spread(p50: float | None, p99: float | None, most: float | None) -> str:
    from runtime import tables as shown

    return f"p50 {shown.seconds(p50)}, p99 {shown.seconds(p99)}, max {shown.seconds(most)}" if most is not None else ""


def _period(stats: TaskStats) -> str:
    from runtime import tables as shown

    return f"{shown.moment(stats.first)} to {shown.moment(stats.last)}"
