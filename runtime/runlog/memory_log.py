"""MemoryLog: a run log that ends with the process, for tests and short programs."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from runtime.runlog.history import History
from runtime.runlog.lines import decode, encode
from runtime.runlog.retention import Keep
from runtime.runlog.wanted import EVERYTHING, Wanted


class MemoryLog:
    """Keeps the lines that a file would have."""

    def __init__(self) -> None:
        self.guard = threading.RLock()
        self._lines: list[bytes] = []

    def open(self) -> None:
        """Nothing to do."""

    def append(self, document: Mapping[str, Any]) -> None:
        self._lines.append(encode(document))

    def sync(self) -> None:
        """Nothing to do."""

    def tidy(self, keep: Keep, now: float) -> None:
        """Nothing to do."""

    def history(self) -> History:
        return History.of(self.documents())

    def documents(self, wanted: Wanted = EVERYTHING, *, newest_first: bool = False) -> Iterator[dict[str, Any]]:
        lines = self._lines[::-1] if newest_first else self._lines[:]
        for line in lines:
            document = decode(line)
            if document is not None and wanted.includes(document):
                yield document

    def rewrite(self, documents: Iterable[Mapping[str, Any]]) -> None:
        self._lines = [encode(document) for document in documents]

    def problems(self) -> tuple[str, ...]:
        return ()

    def close(self) -> None:
        """Nothing to do: what is in memory stays readable."""
