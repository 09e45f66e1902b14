"""Report: the runs in a log, one row each, as the command line shows them. Read from the end, so that the latest cost little."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, NamedTuple

from actors.records import is_note_of_run, is_record, run_key

Row = dict[str, Any]
SLACK = 86400.0
"""Seconds by which the clock may have been set back meanwhile: where only what came since some time matters, reading goes on
until records are so much older."""
_NOTES = {"progress": "progress", "worker": "pid", "late": "afterwards"}
"""{action of a note: the column of the row that it says}."""


@dataclass(slots=True)
class _Half:
    """What was read of a run so far: what came after its beginning."""

    place: int
    """How many documents came after its end."""
    end: dict[str, Any] | None = None
    notes: dict[str, Any] = field(default_factory=dict)


class _Found(NamedTuple):
    place: int
    """How many documents came after the one by which the row has its place in the order."""
    row: Row


def latest_runs(
    newest_first: Iterable[dict[str, Any]],
    most: int | None = None,
    matches: Callable[[Row], object] = lambda _: True,
    since: float = -math.inf,
) -> list[Row]:
    """Return one row for each attempt of a run that `matches`, in the order in which they began or, unstarted, ended.

    A row is the attempt's last record, with ``status`` for its action: ``running`` where there is no end. What is about no run
    has a row of its own. An attempt of which only the end is there, as the line of its beginning was damaged, is where that is.

    Args:
      newest_first: the documents of the log, notes too; they are read only as far as needed.
      most: how many rows, the latest; None is all.
      since: no row that matches began before this.
    """
    halves: dict[tuple[Any, ...], _Half] = {}
    found: list[_Found] = []
    oldest: float = -math.inf
    for place, document in enumerate(newest_first):
        found += (each for each in _read(place, document, halves) if matches(each.row))
        if most is not None and len(found) >= most:
            oldest = began(found[-1].row)  # what began before that is not among the latest, whether or not it is found
            break
        if is_record(document) and document["created"] < since - SLACK:
            break
    alone = (_without_beginning(half) for half in halves.values())
    found += (each for each in alone if each is not None and began(each.row) >= oldest and matches(each.row))
    return [each.row for each in islice(sorted(found, key=lambda each: each.place), most)][::-1]


def began(row: Mapping[str, Any]) -> float:
    """Return when the attempt of a row began, or, if it never did, when that was put on record."""
    moment: float = row.get("start", row["created"])
    return moment


def _read(place: int, document: dict[str, Any], halves: dict[tuple[Any, ...], _Half]) -> Iterator[_Found]:
    """Take in the next older document, and yield what is complete by it."""
    action: Any = document.get("action")
    if is_note_of_run(document):
        half = halves.setdefault(run_key(document), _Half(place))
        if action != "late" or half.end is None:  # it says what came after the end
            half.notes.setdefault(_NOTES[action], document.get(_NOTES[action]))
    elif not is_record(document):
        return
    elif action == "run":
        yield _Found(place, _row(document, halves.pop(run_key(document), None)))
    elif "start" not in document:
        yield _Found(place, _row(document, None))
    else:
        later = halves.get(run_key(document))
        if later is not None and (alone := _without_beginning(later)) is not None:
            yield alone
        notes = {} if later is None or later.end is not None else later.notes
        notes.pop("progress", None)  # somebody told it when the run was over
        halves[run_key(document)] = _Half(place, document, notes)


def _without_beginning(half: _Half) -> _Found | None:
    return None if half.end is None else _Found(half.place, _row(half.end, half))


def _row(first: dict[str, Any], half: _Half | None) -> Row:
    """Return the row of an attempt whose first record is `first`."""
    end = None if half is None else half.end
    notes = {} if half is None else {name: value for name, value in half.notes.items() if end is not None or name != "afterwards"}
    row = {**first, **notes, **(end or {})}
    action = row.pop("action")
    row["status"] = "running" if action == "run" else action
    if "start" in row and "due" in row:  # a log of the first version does not say it
        row.setdefault("late", max(row["start"] - row["due"], 0.0))
    return row
