"""What a soak has found: what ended how, what is held, and what of that is wrong."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from itertools import chain, islice

from rich.table import Table

from actors import App
from benchmarks.plan import ACTIONS, ENDS, Planned, is_in_order, plausible
from benchmarks.resources import Resources
from benchmarks.tables import table

_ALLOCATED, _ALLOCATED_EACH = 1 << 20, 16
_RESIDENT = 64 << 20
"""Bytes by which memory may have grown: what is allocated by so much, and so much for each launch; what the system counts."""

_MOST_PROBLEMS = 20

Records = Mapping[tuple[str, str], Sequence[tuple[str, str]]]
"""{task and run id: the action and the reason of each of its records}."""


@dataclass(frozen=True)
class Report:
    """What a soak has found. Nothing was wrong if there are no problems."""

    outcomes: Mapping[str, Counter[str]]
    """{kind of task: {action: how many runs ended so}}."""
    killed: int
    """How many children of the scheduler were killed from outside."""
    before: Resources
    after: Resources
    seconds: float
    problems: list[str]
    """In words; the first of them."""


def report_of(
    planned: Iterable[Planned],
    app: App,
    killed: int,
    before: Resources,
    after: Resources,
    seconds: float,
    problems: Iterable[str],
) -> Report:
    """Return what the soak of `app` has found, given the `problems` that its run log does not tell of."""
    launches, found = list(planned), _records(app)
    outcomes: dict[str, Counter[str]] = {kind: Counter() for kind in ENDS}
    for launch in launches:
        outcomes[launch.kind].update(action for action, _ in found.get((launch.task, launch.run_id), [])[-1:])
    problems = islice(chain(problems, wrong(launches, found, killed)), _MOST_PROBLEMS)
    return Report(outcomes, killed, before, after, seconds, list(problems))


def _records(app: App) -> Records:
    found: defaultdict[tuple[str, str], list[tuple[str, str]]] = defaultdict(list)
    for record in app.session.get_repo().filter_by():
        found[record.task_name, record.run_id].append((record.action, record.reason or ""))
    return found


def grown(before: Resources, after: Resources, launches: int) -> Iterator[str]:
    """Yield, in words, what is held after the soak that was not held before."""
    allowed = {"allocated": _ALLOCATED + launches * _ALLOCATED_EACH, "resident": _RESIDENT}
    for field in fields(Resources):
        was, is_now = getattr(before, field.name), getattr(after, field.name)
        if is_now - was > allowed.get(field.name, 0):
            yield f"{field.name}: {was:,} before, {is_now:,} after"


def wrong(planned: Iterable[Planned], found: Records, killed: int) -> Iterator[str]:
    """Yield, in words, what is wrong with the records: runs without an end, with two, or with one that cannot be."""
    others, victims = set(found), 0
    for launch in planned:
        records = found.get((launch.task, launch.run_id), [])
        others.discard((launch.task, launch.run_id))
        if not records or not is_in_order([action for action, _ in records]):
            yield f"the records of {launch} are {records}"
            continue
        action, reason = records[-1]
        if action in plausible(launch):
            continue
        if "killed by signal 9" in reason and launch.kind in ("process", "command"):
            victims += 1
        else:
            yield f"{launch} ended as {action}: {reason}"
    if victims > killed:
        yield f"{victims} runs say that they were killed, and {killed} children were"
    for task, run_id in others:
        yield f"task {task!r} has records of run {run_id!r}, which was never launched: {found[task, run_id]}"


def outcomes_table(report: Report) -> Table:
    """Return how many launches there were of each kind, and how they ended."""
    made = table("LAUNCHES", "ALL", *(action.upper() for action in ACTIONS))
    for kind, counts in report.outcomes.items():
        made.add_row(kind, *(f"{count:,}" for count in (counts.total(), *(counts[action] for action in ACTIONS))))
    return made


def resources_table(report: Report) -> Table:
    """Return what was held before and after."""
    made = table("HELD", "BEFORE", "AFTER")
    for field in fields(Resources):
        made.add_row(field.name, *(f"{getattr(held, field.name):,}" for held in (report.before, report.after)))
    return made
