"""History: what the records of a log amount to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from actors.facts import ACTIONS, TERMINAL, TaskFacts
from actors.records import is_moment, is_note_of_run, is_record, run_key

RunKey = tuple[str, str, float | None]
"""What the records of one run, or one attempt of it, have in common: task, run id, start."""
KNOWN_OF_RUNS = {"progress": ("progress",), "worker": ("pid", "pid_start", "boot", "scheduler", "scheduler_start")}
"""{action of a note: what it says of a run that goes on}."""


class History:
    """What the records of a log amount to: the facts of each task, and the runs that have no end."""

    def __init__(self) -> None:
        self.facts: dict[str, TaskFacts] = {}
        self.schedules: dict[str, tuple[str | None, float]] = {}
        """{task: its start condition as last followed, since when}."""
        self.totals: dict[str, dict[str, int]] = {}
        """{task: {action: how many records of it there were}}, and of ``missed`` how many starts."""
        self.ends: dict[str, dict[str, RunKey]] = {}
        """{task: {action that ends a run: the latest run that ended so}}."""
        self.latest = 0.0
        """When the latest record was written."""
        self.count = 0
        """How many documents there were."""
        self.open: dict[RunKey, dict[str, Any]] = {}
        """{run: its "run" record, with what was noted since}, of the runs that have no end."""
        self.waiting: dict[tuple[Any, ...], dict[str, Any]] = {}
        """{key of an attempt: its "retry" record}, of the runs whose next attempt is still to come."""

    @classmethod
    def of(cls, documents: Iterable[dict[str, Any]]) -> History:
        """Return what `documents` amount to, oldest first."""
        return cls().followed_by(documents)

    def followed_by(self, documents: Iterable[dict[str, Any]]) -> History:
        """Take in `documents`, oldest first, and return this."""
        for document in documents:
            self.take_in(document)
        return self

    def take_in(self, document: dict[str, Any]) -> None:
        """Take in the next record; what is none, put there by somebody else, is passed over."""
        self.count += 1
        if not is_record(document):
            self._take_in_note(document)
            return
        action, task, created = document["action"], document["task_name"], document["created"]
        self.latest = max(self.latest, created)
        totals = self.totals.setdefault(task, {})
        totals[action] = totals.get(action, 0) + times(document)
        facts = self.facts.get(task)
        if facts is None:
            facts = self.facts[task] = TaskFacts()
        if action == "retry":
            self._pause(document)
        elif action in ACTIONS:
            self._take_in_run(document, facts)
        elif "last" in document:
            facts.decide(document["last"])

    def take_in_open(self, begun: dict[str, Any]) -> None:
        """Take in a run that goes on, of which nothing else is to be learnt."""
        self.open[run_key(begun)] = begun

    def take_in_waiting(self, ended: dict[str, Any]) -> None:
        """Take in a run whose next attempt is to come, likewise."""
        self.waiting[attempt_key(ended)] = ended

    def _pause(self, document: dict[str, Any]) -> None:
        self.open.pop(run_key(document), None)
        if document.keys() >= {"attempt", "retry_at"}:
            self.take_in_waiting(document)

    def _take_in_run(self, document: dict[str, Any], facts: TaskFacts) -> None:
        action, key, created = document["action"], run_key(document), document["created"]
        goes_on = bool(self.waiting) and self.waiting.pop(attempt_key(document, before=1), None) is not None
        if goes_on and action == "run":
            facts.status = "run"  # it has started before
        else:
            facts.note(action, created, self.count)
            if action == "crash" and document.get("cause") == "poison":
                facts.poison = created
        if action == "run":
            facts.decide(document.get("due", created))
            self.take_in_open(dict(document))
            return
        if action in TERMINAL:
            self.ends.setdefault(key[0], {})[action] = key
        if self.open.pop(key, None) is None and "due" in document and not goes_on:  # it was ended before it started
            facts.decide(document["due"])
            facts.claimed = self.count

    def _take_in_note(self, document: dict[str, Any]) -> None:
        if is_note_of_run(document):
            known = KNOWN_OF_RUNS.get(document["action"], ())
            if (begun := self.open.get(run_key(document))) is not None:
                begun.update((column, document[column]) for column in known if column in document)
        elif is_note(document):
            if document["action"] == "clock":  # it was found right, whatever the records before it say
                self.latest = document["created"]
            else:
                self.schedules[document["task_name"]] = document.get("schedule"), document["created"]

    def open_runs(self) -> list[dict[str, Any]]:
        """Return the "run" records of the runs that have no end, with what was noted of them since."""
        return list(self.open.values())

    def waiting_attempts(self) -> list[dict[str, Any]]:
        """Return the "retry" records of the runs whose next attempt is still to come."""
        return list(self.waiting.values())


def times(document: Mapping[str, Any]) -> int:
    """Return how often that has happened which a record tells: once, but starts are missed by many at a time."""
    count = document.get("count", 1) if document["action"] == "missed" else 1
    return count if isinstance(count, int) else 1


def attempt_key(document: Mapping[str, Any], before: int = 0) -> tuple[Any, ...]:
    """Return what tells an attempt of a run from others, or that many before it."""
    return document["task_name"], document["run_id"], document.get("due"), document.get("attempt", 1) - before


def is_note(document: Mapping[str, Any]) -> bool:
    """Return whether `document` is what the runtime notes for its next start: a schedule, or that the clock was found right."""
    schedule = document.get("schedule")
    return (
        document.get("action") in ("schedule", "clock")
        and isinstance(document.get("task_name"), str)
        and is_moment(document.get("created"))
        and (schedule is None or isinstance(schedule, str))
    )
