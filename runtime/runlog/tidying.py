"""Tidying: brings the state of a run log up to date, and lets go of what need not be kept, while the log is appended to."""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from typing import Any, TypeVar

from actors.errors import LogChanged
from runtime.runlog.contents import Contents, choose, weights
from runtime.runlog.lines import decode
from runtime.runlog.mending import drafted, mend, read_through, sync_folder
from runtime.runlog.retention import Keep, Kept, Weight, groups_to_replace
from runtime.runlog.segments import new_header
from runtime.runlog.state_file import StateFile
from runtime.runlog.turns import with_turns
from runtime.runlog.views import Key, View, views_of

T = TypeVar("T")
_TO_STOP = 1.0


class Tidying:
    """What is done with the sealed segments of a log, which nobody else changes meanwhile, one at a time.

    Args:
      guard: held while files are exchanged; never while the disk is waited for.
      segment_size: bytes that a segment has which several are merged into, at most.
    """

    def __init__(self, log: Path, state: StateFile, guard: AbstractContextManager[object], segment_size: int) -> None:
        self._log, self._state, self._guard, self._segment_size = log, state, guard, segment_size
        self._going_on = threading.Lock()
        self.generation = self._generation_at_work = 0
        """Which segments they are, of all that there were one after the other: see :meth:`call_off`."""
        self._contents: dict[Key, Contents] = {}  # of those that were there the last time
        self._whole_ones: set[Key] = set()  # of which no more need be known, while all is kept: as many as there ever were
        self.damage: list[str] = []
        """What was found damaged, in words."""

    def call_off(self) -> None:
        """Have what goes on change nothing any more: the segments have become others. With the guard held."""
        self.generation += 1

    def stop(self) -> None:
        """Call off what goes on, and wait until it has ended, or for :data:`_TO_STOP` seconds. Without the guard."""
        self.generation += 1
        if self._going_on.acquire(timeout=_TO_STOP):
            self._going_on.release()

    def run(self, keep: Keep, now: float, generation: int, doubtful: Collection[int] = ()) -> Kept | None:
        """Do it, and return what is kept; None if there is nothing sealed, another thread is at it, or it was called off.

        Args:
          generation: as it was when somebody began with it: it may be called off before it comes to this.
          doubtful: the numbers of segments that may not be on the disk as they were written, and are written anew.

        Raises:
          OSError: a file could not be written; nothing is lost.
        """
        if not self._going_on.acquire(blocking=False):
            return None
        self._generation_at_work = generation
        try:
            self._check_wanted()
            self._renew(doubtful)
            return self._run(keep, now)
        except _CalledOff:
            return None
        except (LogChanged, FileNotFoundError):  # a segment has gone that was about to be read, or replaced
            if self.generation == generation:
                raise
            return None
        finally:
            self._going_on.release()

    def _run(self, keep: Keep, now: float) -> Kept | None:
        sealed = self._sealed()
        if not sealed:
            return None
        history = self._state.follow(sealed, self._publish, self._documents)
        sealed = self._whole(sealed, keep)
        contents = [] if keep.is_everything else [self._contents_of(view) for view in sealed]
        chosen = choose(keep, now, contents, history)
        sizes = [len(view.data) for view in sealed]
        found = (
            [Weight(size, size) for size in sizes] if not contents else weights(list(zip(contents, sizes, strict=True)), chosen)
        )
        for group in groups_to_replace(found, self._segment_size, exactly=keep.exactly):
            self._replace([sealed[index] for index in group], chosen)
        self._contents = {view.key: each for view, each in zip(sealed, contents, strict=False)}
        return chosen

    def _renew(self, numbers: Collection[int]) -> None:
        """Write segments anew as they are, on the disk for certain."""
        for view in self._sealed() if numbers else ():
            if any(view.segment.first <= number <= view.segment.number for number in numbers):
                lines = self._with_turns(view.lines())
                self._publish(drafted(view.segment.path, view.segment.header.line(), lines), view.segment.path)

    def _sealed(self) -> list[View]:
        return views_of(self._log)[:-1]  # the newest is appended to: also one that a rotation which failed has named as sealed

    def _with_turns(self, items: Iterable[T]) -> Iterator[T]:
        return with_turns(items, self._check_wanted)

    def _check_wanted(self) -> None:
        if self.generation != self._generation_at_work:
            raise _CalledOff

    def _publish(self, draft: Path, path: Path) -> None:
        """Put a draft in its place, unless that is no longer wanted; on the disk for certain when this returns."""
        with self._guard:
            try:
                self._check_wanted()
                draft.replace(path)
            except BaseException:
                draft.unlink(missing_ok=True)
                raise
        sync_folder(path.parent)

    def _whole(self, views: list[View], keep: Keep) -> list[View]:
        """Return `views`, having mended those that are damaged."""
        is_mended = False
        for view in views:
            if view.key in self._whole_ones:
                continue
            if view.is_torn or self._contents_of(view).damaged:
                is_mended = True
                if (told := mend(view.segment, is_sealed=True, put=self._publish)) is not None:
                    self.damage.append(told)
            elif keep.is_everything:
                self._whole_ones.add(view.key)
                del self._contents[view.key]
        return self._sealed() if is_mended else views

    def _documents(self, view: View) -> Iterator[dict[str, Any]]:
        """Yield the documents of a view, and take note of its contents: decoding a line is what takes the time."""
        contents = Contents()
        for document in self._decoded(view):
            contents.take_in(document)
            if document is not None:
                yield document
        contents.settle()
        self._contents[view.key] = contents

    def _decoded(self, view: View) -> Iterator[dict[str, Any] | None]:
        read_through(view.segment.path)
        return self._with_turns(map(decode, view.lines()))

    def _contents_of(self, view: View) -> Contents:
        if view.key not in self._contents:
            self._contents[view.key] = Contents.of(self._decoded(view))
        return self._contents[view.key]

    def _replace(self, views: Sequence[View], chosen: Kept) -> None:
        """Put one segment in the place of neighbours, with what is kept of them."""
        path = views[-1].segment.path
        header = new_header(views[-1].segment.number, views[0].segment.first)
        lines = (line for view in views for line in view.lines() if _stays(line, chosen))
        self._publish(drafted(path, header.line(), self._with_turns(lines)), path)  # on the disk before the others go
        for view in views[:-1]:
            with suppress(FileNotFoundError):
                view.segment.path.unlink()


class _CalledOff(Exception):
    """The segments have become others, or the log is being closed."""


def _stays(line: bytes, chosen: Kept) -> bool:
    document = decode(line)
    return document is None or chosen.includes(document)
