"""History: what the records of a log amount to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from actors.facts import ACTIONS, TaskFacts
from actors.records import is_record, run_key

KNOWN_OF_RUNS = {"progress": ("progress",), "worker": ("pid", "pid_start", "boot")}
"""{action of a note: what it says of a run that goes on}."""


class History:
    """What the records of a log amount to: the facts of each task, and the runs that have no end."""

    def __init__(self) -> None:
        self.facts: dict[str, TaskFacts] = {}
        self.schedules: dict[str, tuple[str | None, float]] = {}
        """{task: its start condition as last followed, since when}."""
        self.latest = 0.0
        """When the latest record was written."""
        self.count = 0
        """How many documents there were."""
        self._open: dict[
            tuple[str, str, float | None], dict[str, Any]
        ] = {}  # {(task, run id, start): their "run" records, with what was noted since}
        self._waiting: dict[tuple[Any, ...], dict[str, Any]] = {}  # {key of an attempt: "retry" record, while no other came}

    @classmethod
    def of(cls, documents: Iterable[dict[str, Any]]) -> History:
        """Return what `documents` amount to, oldest first."""
        history = cls()
        for document in documents:
            history.take_in(document)
        return history

    def take_in(self, document: dict[str, Any]) -> None:
        """Take in the next record; what is none, put there by somebody else, is passed over."""
        self.count += 1
        if not is_record(document):
            self._take_in_note(document)
            return
        action, key, created = document["action"], run_key(document), document["created"]
        self.latest = max(self.latest, created)
        facts = self.facts.setdefault(document["task_name"], TaskFacts())
        if action == "retry":
            self._open.pop(key, None)
            if document.keys() >= {"attempt", "retry_at"}:
                self._waiting[_attempt_key(document)] = document
            return
        if action not in ACTIONS:
            if isinstance(last := document.get("last"), (int, float)):
                facts.decide(last)
            return
        goes_on = bool(self._waiting) and self._waiting.pop(_attempt_key(document, before=1), None) is not None
        if goes_on and action == "run":
            facts.status = "run"  # it has started before
        else:
            facts.note(action, created, self.count)
            if action == "crash" and document.get("cause") == "poison":
                facts.poison = created
        if action == "run":
            facts.decide(document.get("due", created))
            self._open[key] = dict(document)
        elif self._open.pop(key, None) is None and "due" in document and not goes_on:  # it was ended before it started
            facts.decide(document["due"])
            facts.claimed = self.count

    def _take_in_note(self, document: dict[str, Any]) -> None:
        action = document.get("action")
        if action in KNOWN_OF_RUNS:
            if is_record({**document, "action": "run"}) and (begun := self._open.get(run_key(document))) is not None:
                begun.update((column, document[column]) for column in KNOWN_OF_RUNS[action] if column in document)
        elif not _is_note(document):
            return
        elif action == "clock":  # it was found right, whatever the records before it say
            self.latest = document["created"]
        else:
            self.schedules[document["task_name"]] = document.get("schedule"), document["created"]

    def open_runs(self) -> list[dict[str, Any]]:
        """Return the "run" records of the runs that have no end, with what was noted of them since."""
        return list(self._open.values())

    def waiting_attempts(self) -> list[dict[str, Any]]:
        """Return the "retry" records of the runs whose next attempt is still to come."""
        return list(self._waiting.values())


def _attempt_key(document: Mapping[str, Any], before: int = 0) -> tuple[Any, ...]:
    """Return what tells an attempt of a run from others, or that many before it."""
    return document["task_name"], document["run_id"], document.get("due"), document.get("attempt", 1) - before


def _is_note(document: Mapping[str, Any]) -> bool:
    """Return whether `document` is what the runtime notes for its next start."""
    schedule = document.get("schedule")
    return (
        document.get("action") in ("schedule", "clock")
        and isinstance(document.get("task_name"), str)
        and isinstance(document.get("created"), (int, float))
        and (schedule is None or isinstance(schedule, str))
    )
