"""State: a History written down, so that what it stands for need not be read again, nor be there any more."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import fields
from typing import Any

from actors.facts import REMEMBERED, TaskFacts
from runtime.runlog.history import History, RunKey

_PLAIN = tuple(field.name for field in fields(TaskFacts) if field.name not in ("ahead", "going", "remembered"))


def documents_of(history: History) -> Iterator[dict[str, Any]]:
    """Yield `history` as documents: one for each task, and one for each run that goes on or waits, between two of their own."""
    yield {"of": "log", "count": history.count, "latest": history.latest}
    for task in sorted({*history.facts, *history.schedules}):
        facts = history.facts.get(task)
        yield {
            "of": "task",
            "task_name": task,
            "facts": None if facts is None else _written(facts),
            "schedule": history.schedules.get(task),
            "totals": history.totals.get(task, {}),
            "ends": history.ends.get(task, {}),
        }
    for begun in history.open.values():
        yield {"of": "open", "document": begun}
    for ended in history.waiting.values():
        yield {"of": "waiting", "document": ended}
    yield {"of": "end"}


def history_of(documents: Iterable[Mapping[str, Any]]) -> History:
    """Return the History that was written down as `documents`.

    Raises:
      KeyError, TypeError, ValueError: they are none, or not all; none at all are the one of no documents.
    """
    history, of = History(), "end"
    for document in documents:
        of = document["of"]
        match of:
            case "log":
                history.count, history.latest = document["count"], document["latest"]
            case "task":
                _take_in_task(history, document)
            case "open":
                history.take_in_open(document["document"])
            case "waiting":
                history.take_in_waiting(document["document"])
    if of != "end":
        raise ValueError("its end is missing")
    return history


def _take_in_task(history: History, document: Mapping[str, Any]) -> None:
    task: str = document["task_name"]
    if document["facts"] is not None:
        history.facts[task] = _read(document["facts"])
    if document["schedule"] is not None:
        schedule, since = document["schedule"]
        history.schedules[task] = schedule, since
    if document["totals"]:
        history.totals[task] = dict(document["totals"])
    if document["ends"]:
        history.ends[task] = {action: _key(key) for action, key in document["ends"].items()}


def _key(written: list[Any]) -> RunKey:
    task, run_id, start = written
    return task, run_id, start


def _written(facts: TaskFacts) -> dict[str, Any]:
    written = {name: value for name in _PLAIN if (value := getattr(facts, name)) != -math.inf}
    remembered = {action: moments[-REMEMBERED:] for action, moments in facts.remembered.items()}
    return {**written, "ahead": sorted(facts.ahead), "remembered": remembered}


def _read(written: Mapping[str, Any]) -> TaskFacts:
    known = {name: written[name] for name in _PLAIN if name in written}
    return TaskFacts(**known, ahead=frozenset(written["ahead"]), remembered=dict(written["remembered"]))
