"""The run log as TinyDB's table.

TinyDB's own storage writes the whole file anew at each insert. Here an insert appends one document to a run log, and everything
else of TinyDB works as ever; what changes old records (``update``, ``remove``) has the log rewritten at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from tinydb import TinyDB
from tinydb.storages import Storage
from tinydb.table import Document, Table

from runtime.runlog import RunLog

TABLE = "runs"


class RunLogStorage(Storage):
    """TinyDB's view of a run log."""

    def __init__(self, log: RunLog) -> None:
        self.log = log

    def read(self) -> dict[str, dict[str, Any]]:
        return {TABLE: {str(number): document for number, document in enumerate(self.log.documents(), start=1)}}

    def write(self, data: dict[str, dict[str, Any]]) -> None:
        self.log.rewrite(data.get(TABLE, {}).values())

    def close(self) -> None:
        self.log.close()


class RunLogTable(Table):
    """TinyDB's table, on which an insert appends."""

    def _update_table(self, updater: Callable[[dict[int, Mapping[str, Any]]], Any]) -> None:
        with self._storage.log.guard:  # type: ignore[attr-defined]  # from reading to writing, so that no record falls between
            super()._update_table(updater)

    def insert(self, document: Mapping[str, Any]) -> int:
        """Append `document` and return its number."""
        return self.insert_multiple([document])[0]

    def insert_multiple(self, documents: Iterable[Mapping[str, Any]]) -> list[int]:
        """Append `documents` in their order and return their numbers."""
        log = self._storage.log  # type: ignore[attr-defined]  # a RunLogTable is only made on a RunLogStorage
        first = len(self) + 1
        numbers = []
        for number, document in enumerate(documents, start=first):
            log.append(document)
            numbers.append(number)
        self.clear_cache()
        return numbers

    def upsert(self, document: Mapping[str, Any], cond: Any | None = None) -> list[int]:
        """Update the documents that match, or append."""
        if isinstance(document, Document) or cond is not None:
            doc_ids = [document.doc_id] if isinstance(document, Document) and self.contains(doc_id=document.doc_id) else None
            updated: list[int] = self.update(document, cond, doc_ids) if doc_ids or cond is not None else []
            if updated:
                return updated
        return [self.insert(document)]


class RunLogDatabase(TinyDB):
    """TinyDB on a run log: one table, ``runs``."""

    table_class = RunLogTable


def open_table(log: RunLog) -> Table:
    """Return the TinyDB table of `log`."""
    return RunLogDatabase(log, storage=RunLogStorage).table(TABLE, cache_size=0)
