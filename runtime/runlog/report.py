"""Report: the runs in a log, one row each, as the command line shows them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from actors.records import is_record, run_key


def runs_in(documents: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return one row for each attempt of a run, in the order in which they began or, unstarted, ended.

    A row is the attempt's last record, with ``status`` for its action: ``running`` where there is no end. What is about no run
    has a row of its own.
    """
    rows: list[dict[str, Any]] = []
    open_rows: dict[tuple[Any, ...], dict[str, Any]] = {}
    ended_rows: dict[tuple[Any, ...], dict[str, Any]] = {}
    for document in documents:
        if document.get("action") == "progress" and (row := open_rows.get(run_key(document))) is not None:
            row["progress"] = document.get("progress")
        if document.get("action") == "worker" and (row := open_rows.get(run_key(document))) is not None:
            row["pid"] = document.get("pid")
        if document.get("action") == "late" and (row := ended_rows.get(run_key(document))) is not None:
            row["afterwards"] = document.get("afterwards")
        if not is_record(document):
            continue
        action, key = document["action"], run_key(document)
        row = open_rows.pop(key, None)
        if row is None:
            row = {}
            rows.append(row)
        row.update(document)
        del row["action"]
        row["status"] = "running" if action == "run" else action
        (open_rows if action == "run" else ended_rows)[key] = row
        if "start" in row and "due" in row:  # a log of the first version does not say it
            row.setdefault("late", max(row["start"] - row["due"], 0.0))
    return rows
