"""FileLog: a run log in files of JSON lines."""

from __future__ import annotations

import fcntl
import logging
import os
import threading
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from time import time
from typing import Any

from actors.errors import LogLocked, LogUnusable
from runtime.logs import runtime_log
from runtime.runlog.history import History
from runtime.runlog.lines import complete_lines, decode, encode
from runtime.runlog.locks import holder_of
from runtime.runlog.retention import Keep
from runtime.runlog.wanted import EVERYTHING, Wanted

VERSION = 1
_MARK = len(b'{"callsheet":"run log"')


class FileLog:
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

    def sync(self) -> None:
        os.fsync(self._fd)

    def tidy(self, keep: Keep, now: float) -> None:
        """Nothing yet."""

    def history(self) -> History:
        return History.of(self.documents())

    def problems(self) -> tuple[str, ...]:
        return ()

    def documents(self, wanted: Wanted = EVERYTHING, *, newest_first: bool = False) -> Iterator[dict[str, Any]]:
        documents = filter(wanted.includes, self._read())
        return reversed(list(documents)) if newest_first else documents

    def _read(self) -> list[dict[str, Any]]:
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


def _header() -> dict[str, Any]:
    return {"callsheet": "run log", "version": VERSION, "created": time()}


def _read_all(fd: int) -> bytes:
    with os.fdopen(os.dup(fd), "rb") as file:
        file.seek(0)
        return file.read()
