"""StateFile: what the sealed segments of a run log amount to, in a file beside them."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from time import time
from typing import Any

from runtime.logs import runtime_log
from runtime.runlog.history import History
from runtime.runlog.lines import complete_lines, decode, encode
from runtime.runlog.mending import drafted
from runtime.runlog.segments import TRIES, VERSION, Segment
from runtime.runlog.state import documents_of, history_of
from runtime.runlog.views import View

NAME = "run log state"
Publish = Callable[[Path, Path], None]
_LONGEST_HEADER = 4096


class StateFile:
    """The History as of the end of one sealed segment.

    The segments are the truth: without the file, or where it does not fit them, they are read from the beginning. That takes
    longer, and the totals of what was let go are lost.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    @property
    def number(self) -> int:
        """The segment up to which it goes; 0 if there is none, or none that can be read."""
        with suppress(OSError), self._path.open("rb") as file:
            return _number(file.readline(_LONGEST_HEADER))
        return 0

    def history(self, views_of: Callable[[], Sequence[View]]) -> History:
        """Return what all documents amount to; `views_of` returns the views of the segments as they are at that moment."""
        for _ in range(TRIES):
            said = self.number
            number, history = self._load()
            views = views_of()
            if self.number != said:  # it was written anew: the segments may be without what that has, and this has not
                continue
            if fits(number, [view.segment for view in views]):
                return history.followed_by(_documents(view for view in views if view.segment.number > number))
            break
        return History.of(_documents(views_of()))

    def follow(self, sealed: Sequence[View], publish: Publish, documents: Callable[[View], Iterable[dict[str, Any]]]) -> History:
        """Bring it up to date with the views of all sealed segments, and return what it has.

        Args:
          publish: puts a draft in its place.
          documents: reads those of a view.

        Raises:
          OSError: it could not be written, and is as it was.
        """
        number, history = self._load()
        if not fits(number, [view.segment for view in sealed]):
            number, history = 0, History()
        later = [view for view in sealed if view.segment.number > number]
        if later:
            for view in later:
                history.followed_by(documents(view))
            header = {"callsheet": NAME, "version": VERSION, "created": time(), "segment": sealed[-1].segment.number}
            lines = map(encode, documents_of(history))
            publish(drafted(self._path, encode(header), lines, like=sealed[-1].segment.path), self._path)
        return history

    def forget(self) -> None:
        """Delete it: the segments have become others."""
        self._path.unlink(missing_ok=True)

    def _load(self) -> tuple[int, History]:
        try:
            lines = list(complete_lines(self._path.read_bytes()))
        except OSError:
            return 0, History()
        number = _number(lines[0]) if lines else 0
        if number and len(lines) > 1:
            with suppress(KeyError, TypeError, ValueError, AttributeError):
                return number, history_of(map(_decoded, lines[1:]))
        runtime_log.tell(logging.WARNING, "run log: %s is damaged and not used: all segments are read instead", self._path)
        return 0, History()


def fits(number: int, segments: Sequence[Segment]) -> bool:
    """Return whether a state up to segment `number` ends where one of these begins, or where the last one ends.

    That one must be sealed: where the active one has come back from a backup, what is appended to it is in no state.
    """
    if not number:
        return True
    begins = any(segment.first == number + 1 for segment in segments)
    return begins or (bool(segments) and segments[-1].number == number and segments[-1].is_sealed)


def _documents(views: Iterable[View]) -> Iterable[dict[str, Any]]:
    return (document for view in views for document in view.documents())


def _number(line: bytes) -> int:
    header = decode(line) or {}
    number = header.get("segment")
    is_one = header.get("callsheet") == NAME and header.get("version") == VERSION
    return number if is_one and isinstance(number, int) and number > 0 else 0


def _decoded(line: bytes) -> dict[str, Any]:
    document = decode(line)
    if document is None:
        raise ValueError("damaged")
    return document
