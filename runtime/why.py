"""Why: what is known of a task, whether it would start now, and what it waits for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import tzinfo
from typing import Any

import trio

from actors.app import App
from actors.conds.base import Unanswered, leaves
from actors.conds.custom import Custom
from actors.facts import ACTIONS, Facts, World
from actors.opers import in_
from actors.policies import Engagement, decide
from actors.portable import describe
from actors.task import Task
from runtime import tables
from runtime.asking import Asker
from runtime.clock import SystemClock
from runtime.explanation import parts_of
from runtime.left_behind import LeftBehind
from runtime.machine import local_zone
from runtime.runlog import RunLog
from runtime.runlog.wanted import Wanted
from runtime.runners.asyncio_loop import AsyncioLoop
from runtime.runners.inline import InlineRunner
from runtime.simulation import known_of
from runtime.stopping import Patience
from runtime.terms import Terms, terms_of


@dataclass(frozen=True, slots=True)
class Reasons:
    """What can be said of a task now."""

    summary: list[tuple[str, str]]
    parts: list[dict[str, Any]]
    """The parts of its condition, each with ``depth``, ``condition``, ``now`` and ``waits_for``."""


def reasons(app: App, task: Task, log: RunLog, waits_for: str | None = None) -> Reasons:
    """Return why `task` starts now, or does not, as the run log tells.

    Args:
      waits_for: what a launch of it waits for, as the app says that runs.
    """
    history = log.history()
    for number, begun in enumerate(history.open_runs()):
        history.facts[begun["task_name"]].going[number] = begun["start"]
    paused = [ended for ended in history.waiting_attempts() if ended["task_name"] == task.name]
    terms, clock = terms_of(task, local_zone()), SystemClock()
    own = known_of(task, terms, clock.now(), history)
    if (known := history.facts.get(task.name)) is not None:
        own.going = known.going
    start = clock.now()
    world = World({**history.facts, task.name: own}, app.session.config.env, started=start, running_since=start, awake=start)
    facts = Facts(own, world, terms.zone, terms.parameters)
    trio.run(_ask_all, app, task, facts)
    now = clock.now()

    def show(moment: float) -> str:
        return f"{tables.moment(moment, terms.zone)} (in {tables.left(moment - now)})"

    summary = [
        ("task", task.name),
        ("now", f"{tables.date_and_time(now, terms.zone)} {terms.zone}"),
        ("so", f"its launch waits for {waits_for}" if waits_for is not None else _verdict(task, terms, facts, now, paused)),
        ("run", _latest(log, task.name, terms.zone, *ACTIONS, "retry")),
        ("missed", _latest(log, task.name, terms.zone, "missed")),
        ("error", _latest(log, task.name, terms.zone, "error")),
    ]
    parts = parts_of(task.start_cond, now, facts, show) if terms.condition is not None else ()
    rows = [{"depth": p.depth, "condition": p.text, "now": p.value, "waits_for": p.waits_for} for p in parts]
    return Reasons(summary, rows)


def _verdict(task: Task, terms: Terms, facts: Facts, now: float, paused: Sequence[dict[str, Any]]) -> str:
    if terms.condition is None:
        return "it does not start: it is disabled" if task.disabled else "it starts when it is asked to"
    running = facts.own.going
    try:
        verdict = decide(terms.condition, now, facts, terms.timing, Engagement(running=len(running) + len(paused)))
    except Unanswered as unanswered:
        return f"{unanswered.condition} has to be asked first"
    except Exception as exc:
        return f"it is left alone for a while: its condition raised {describe(exc)}"
    if verdict.starts:
        return f"it would start now, for {tables.date_and_time(verdict.starts[0].due, facts.zone)}"
    if paused and not running:
        following = paused[0]["attempt"] + 1, tables.moment(paused[0]["retry_at"], facts.zone)
        return f"it does not start: attempt {following[0]} of run {paused[0]['run_id']} begins at {following[1]}"
    since = f": it is running since {tables.moment(next(iter(running.values())), facts.zone)}" if running else " now"
    return f"it does not start{since}"


def _latest(log: RunLog, task: str, zone: tzinfo, *actions: str) -> str:
    wanted = Wanted({"task_name": task, "action": in_(actions)})
    for record in log.documents(wanted, newest_first=True):
        said = (tables.moment(record["created"], zone), tables.status(record["action"]), record.get("reason"), record["run_id"])
        return " ".join(filter(None, said))
    return "never" if "run" in actions else ""


async def _ask_all(app: App, task: Task, facts: Facts) -> None:
    patience = Patience()
    loop = AsyncioLoop(patience, LeftBehind())
    asker = Asker(app.session, SystemClock(), {"async": InlineRunner(loop, patience)}, lambda _: None)
    try:
        for leaf in leaves(task.start_cond):
            if isinstance(leaf, Custom):
                facts.answers[leaf] = await asker.answer(leaf, task)
    finally:
        await loop.close()
