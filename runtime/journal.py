"""Journal: the append-only file behind the run log, and TinyDB's storage and table on it.

TinyDB's own storage writes the whole file anew at each insert, which gets slower with each record and can be torn by a
crash. Here an insert appends one line. Everything else of TinyDB works as ever; what changes old records (``update``,
``remove``) writes a new file and puts it in the old one's place.
"""

from __future__ import annotations

import fcntl
import logging
import os
import threading
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from time import time
from typing import Any, Protocol

from tinydb import TinyDB
from tinydb.storages import Storage
from tinydb.table import Document, Table

from actors.errors import LogLocked, LogUnusable
from runtime.lines import complete_lines, decode, encode
from runtime.locks import holder_of
from runtime.logs import runtime_log

TABLE = "runs"
VERSION = 1
_MARK = len(b'{"callsheet":"run log"')


class Journal(Protocol):
    """Documents in the order in which they were appended."""

    guard: threading.RLock
    """Held by whoever changes it."""

    def open(self) -> None:
        """Make it ready for ``append``."""

    def append(self, document: Mapping[str, Any]) -> None:
        """Add a document; when this returns it outlives the process."""

    def read(self) -> list[dict[str, Any]]:
        """Return all documents, oldest first; open or not."""
        ...

    def rewrite(self, documents: Iterable[Mapping[str, Any]]) -> None:
        """Put `documents` in place of all that are there, or fail and change nothing."""

    def close(self) -> None:
        """Let go of the file. Closing twice does nothing."""


class MemoryJournal:
    """A journal that ends with the process, and grows with each record: for tests and short programs."""

    def __init__(self) -> None:
        self.guard = threading.RLock()
        self._lines: list[bytes] = []

    def open(self) -> None:
        """Nothing to do."""

    def append(self, document: Mapping[str, Any]) -> None:
        self._lines.append(encode(document))

    def read(self) -> list[dict[str, Any]]:
        return [document for line in self._lines if (document := decode(line)) is not None]

    def rewrite(self, documents: Iterable[Mapping[str, Any]]) -> None:
        self._lines = [encode(document) for document in documents]

    def close(self) -> None:
        """Nothing to do: what is in memory stays readable."""


class FileJournal:
    """A journal in a file of JSON lines: a header, then one document each. One process writes, any may read meanwhile."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.guard = threading.RLock()
        """Held by whoever changes the file: appends come from the scheduler, and TinyDB's table may be used in any thread."""
        self._fd = -1
        self._size = 0  # bytes of complete lines; a write that fails half way is cut back to this

    def open(self) -> None:
        """Lock the file for writing, making it where there is none. A torn last line is dropped, with a notice.

        Raises:
          LogLocked: another runtime writes it.
          LogUnusable: it is a folder, is not ours, is newer than this program, or cannot be opened. It is left as it is.
        """
        with self.guard:
            if self._fd >= 0:
                raise LogLocked(str(self.path), "another runtime of this process")
            try:
                self.path.parent.mkdir(parents=True, exist_ok=True)
                fd = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
            except OSError as exc:
                raise LogUnusable(str(self.path), exc.strerror or str(exc)) from exc
            try:
                self._lock(fd)
                data = _read_all(fd)
                self._check_header(data)
                self._size = data.rfind(b"\n") + 1
                if torn := len(data) - self._size:
                    runtime_log.tell(logging.WARNING, "run log %s: dropped a torn last line of %d bytes", self.path, torn)
                    os.ftruncate(fd, self._size)
                self._fd = fd
                if not self._size:
                    self.append(_header())
            except BaseException as exc:
                self._fd = -1
                os.close(fd)
                if isinstance(exc, OSError):
                    raise LogUnusable(str(self.path), exc.strerror or str(exc)) from exc
                raise

    def append(self, document: Mapping[str, Any]) -> None:
        """Add a line.

        Raises:
          OSError: it could not be written, and nothing of it is in the file.
        """
        line = encode(document)
        with self.guard:
            written = os.write(self._fd, line)
            if written < len(line):  # the disk is full: half a line must not stay in front of the next one
                os.ftruncate(self._fd, self._size)
                raise OSError(f"only {written} of {len(line)} bytes could be written to {self.path}")
            self._size += written

    def read(self) -> list[dict[str, Any]]:
        """Return all documents that are undamaged; nothing where there is no file yet.

        Raises:
          LogUnusable: it is a folder, is not ours, is newer than this program, or cannot be read.
        """
        try:
            data = self.path.read_bytes()
        except FileNotFoundError:
            return []
        except OSError as exc:
            raise LogUnusable(str(self.path), exc.strerror or str(exc)) from exc
        self._check_header(data)
        documents = [decode(line) for line in complete_lines(data)][1:]
        if damaged := documents.count(None):
            runtime_log.tell(logging.WARNING, "run log %s: passed over %d damaged lines", self.path, damaged)
        return [document for document in documents if document is not None]

    def rewrite(self, documents: Iterable[Mapping[str, Any]]) -> None:
        """Write a new file and put it in this one's place at once.

        Raises:
          LogLocked: another process writes it.
        """
        with self.guard:
            if was_closed := self._fd < 0:
                self.open()
            try:
                self._replace(encode(_header()) + b"".join(encode(document) for document in documents))
            finally:
                if was_closed:
                    self.close()

    def _replace(self, data: bytes) -> None:
        draft = self.path.with_name(f"{self.path.name}.{os.getpid()}.new")
        fd = os.open(draft, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            with os.fdopen(os.dup(fd), "wb") as file:
                file.write(data)
            os.fsync(fd)
            draft.replace(self.path)
        except BaseException:
            os.close(fd)
            draft.unlink(missing_ok=True)
            raise
        before, self._fd, self._size = self._fd, fd, len(data)
        os.close(before)

    def close(self) -> None:
        """Let go of the file and its lock."""
        with self.guard:
            if self._fd >= 0:
                os.close(self._fd)
                self._fd = -1

    def _lock(self, fd: int) -> None:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as exc:
            raise LogLocked(str(self.path), holder_of(fd)) from exc
        if not os.path.samestat(os.fstat(fd), self.path.stat()):  # it was replaced between opening and locking
            raise LogLocked(str(self.path), "a runtime that is just rewriting it")

    def _check_header(self, data: bytes) -> None:
        if not data:
            return
        begin = encode({"callsheet": "run log"})[:_MARK]
        if b"\n" not in data and (data.startswith(begin) or begin.startswith(data)):
            return  # torn while it was made: there is no record yet that could be lost
        header = decode(data[: data.find(b"\n") + 1])
        if header is None or header.get("callsheet") != "run log":
            raise LogUnusable(str(self.path), "it has something else in it, not a Callsheet run log")
        if (version := header.get("version")) != VERSION:
            age = "a newer" if isinstance(version, int) and version > VERSION else "another"
            raise LogUnusable(str(self.path), f"it was written by {age} Callsheet (format {version})")


class JournalStorage(Storage):
    """TinyDB's view of a journal."""

    def __init__(self, journal: Journal) -> None:
        self.journal = journal

    def read(self) -> dict[str, dict[str, Any]]:
        return {TABLE: {str(number): document for number, document in enumerate(self.journal.read(), start=1)}}

    def write(self, data: dict[str, dict[str, Any]]) -> None:
        self.journal.rewrite(data.get(TABLE, {}).values())

    def close(self) -> None:
        self.journal.close()


class JournalTable(Table):
    """TinyDB's table, on which an insert appends."""

    def _update_table(self, updater: Callable[[dict[int, Mapping[str, Any]]], Any]) -> None:
        with self._storage.journal.guard:  # type: ignore[attr-defined]  # from reading to writing, so that no record falls between
            super()._update_table(updater)

    def insert(self, document: Mapping[str, Any]) -> int:
        """Append `document` and return its number."""
        return self.insert_multiple([document])[0]

    def insert_multiple(self, documents: Iterable[Mapping[str, Any]]) -> list[int]:
        """Append `documents` in their order and return their numbers."""
        journal = self._storage.journal  # type: ignore[attr-defined]  # a JournalTable is only made on a JournalStorage
        first = len(self) + 1
        numbers = []
        for number, document in enumerate(documents, start=first):
            journal.append(document)
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


class JournalDatabase(TinyDB):
    """TinyDB on a journal: one table, ``runs``."""

    table_class = JournalTable


def open_table(journal: Journal) -> Table:
    """Return the TinyDB table of `journal`."""
    return JournalDatabase(journal, storage=JournalStorage).table(TABLE, cache_size=0)


def _header() -> dict[str, Any]:
    return {"callsheet": "run log", "version": VERSION, "created": time()}


def _read_all(fd: int) -> bytes:
    with os.fdopen(os.dup(fd), "rb") as file:
        file.seek(0)
        return file.read()
