"""MemoryLog: a run log that ends with the process, for tests and short programs."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Any

from runtime.runlog.contents import Contents, choose
from runtime.runlog.history import History
from runtime.runlog.lines import decode, encode
from runtime.runlog.retention import Keep
from runtime.runlog.state import documents_of, history_of
from runtime.runlog.turns import with_turns
from runtime.runlog.wanted import EVERYTHING, Wanted

MOST_LINES = 20_000
"""How many lines there may be more than the last tidying has left, at least, before the next one."""


class MemoryLog:
    """Keeps the lines that a file would have."""

    def __init__(self, most_lines: int = MOST_LINES) -> None:
        self.guard = threading.RLock()
        self.is_untidy = False
        self.trouble: OSError | None = None
        self._lines: list[bytes] = []
        self._state: list[bytes] = []  # a History, and of how many of the lines
        self._counted = 0
        self._more = self._most = most_lines

    def open(self) -> None:
        """Nothing to do."""

    def append(self, document: Mapping[str, Any]) -> None:
        line = encode(document)
        with self.guard:
            self._lines.append(line)
        self.is_untidy = len(self._lines) > self._most

    def sync(self) -> None:
        """Nothing to do."""

    def seal(self) -> None:
        """Nothing to do."""

    def tidy(self, keep: Keep, now: float) -> None:
        with self.guard:
            lines = self._lines[:]
        history = self._state_after(map(_decoded, with_turns(lines)))
        contents = Contents.of(map(_decoded, with_turns(lines)))
        chosen = choose(keep, now, [contents], history)
        stay = [line for line in with_turns(lines) if chosen.includes(_decoded(line))]
        state = list(map(encode, documents_of(history)))
        with self.guard:
            if self._lines[: len(lines)] == lines:  # else it was rewritten meanwhile
                self._lines[: len(lines)] = stay
                self._state, self._counted = state, len(stay)
            # Twice as many again: each tidying looks at all there is, so that one at each so many would cost more and more.
            self._most, self.is_untidy = len(self._lines) + max(self._more, len(self._lines)), False

    def history(self) -> History:
        with self.guard:
            lines = self._lines[:]
            return self._state_after(map(_decoded, lines))

    def _state_after(self, documents: Iterable[dict[str, Any]]) -> History:
        return history_of(map(_decoded, self._state)).followed_by(islice(documents, self._counted, None))

    def documents(self, wanted: Wanted = EVERYTHING, *, newest_first: bool = False) -> Iterator[dict[str, Any]]:
        with self.guard:
            lines = self._lines[::-1] if newest_first else self._lines[:]
        return (document for document in map(_decoded, lines) if wanted.includes(document))

    def rewrite(self, documents: Iterable[Mapping[str, Any]]) -> None:
        lines = [encode(document) for document in documents]
        with self.guard:
            self._lines, self._state, self._counted = lines, [], 0

    def problems(self) -> tuple[str, ...]:
        return ()

    def close(self) -> None:
        """Nothing to do: what is in memory stays readable."""


def _decoded(line: bytes) -> dict[str, Any]:
    document = decode(line)
    assert document is not None  # nobody else has it
    return document
