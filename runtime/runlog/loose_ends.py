"""LooseEnds: what of runs has begun in some documents and not ended there. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from actors.facts import TERMINAL
from actors.records import is_record, run_key
from runtime.runlog.history import attempt_key

End = tuple[Any, ...]
"""What two documents have in common of which one begins what the other ends: the key of a run, or of an attempt."""


class LooseEnds:
    """Which runs and attempts some documents leave unfinished, and which they finish that were begun before them."""

    __slots__ = ("begun", "finished")

    def __init__(self) -> None:
        self.begun: set[End] = set()
        self.finished: set[End] = set()

    @classmethod
    def of(cls, documents: Iterable[Mapping[str, Any]]) -> LooseEnds:
        """Return those of `documents`, the oldest first."""
        ends = cls()
        for document in documents:
            ends.take_in(document)
        return ends

    def take_in(self, document: Mapping[str, Any]) -> None:
        """Take in the next document."""
        for end in _finished_by(document):
            if end in self.begun:
                self.begun.remove(end)
            else:
                self.finished.add(end)
        self.begun.update(_begun_by(document))

    def follow(self, later: LooseEnds) -> None:
        """Take in documents of which only the loose ends are known."""
        self.finished |= later.finished - self.begun
        self.begun -= later.finished
        self.begun |= later.begun

    def has_begun(self, document: Mapping[str, Any]) -> bool:
        """Return whether what these leave unfinished is finished by `document`."""
        return any(end in self.begun for end in _finished_by(document))


def _finished_by(document: Mapping[str, Any]) -> list[End]:
    if not is_record(document):
        return []
    action, ends = document["action"], list[End]()
    if (action == "retry" or action in TERMINAL) and "start" in document:
        ends.append(run_key(document))
    if (action == "run" or action in TERMINAL) and document.get("attempt", 1) > 1:
        ends.append(attempt_key(document, before=1))
    return ends


def _begun_by(document: Mapping[str, Any]) -> list[End]:
    if document.get("action") == "run" and is_record(document):
        return [run_key(document)]
    if document.get("action") == "retry" and is_record(document) and document.keys() >= {"attempt", "retry_at"}:
        return [attempt_key(document)]
    return []
