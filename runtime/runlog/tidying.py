"""Tidying: brings the state of a run log up to date, and lets go of what need not be kept, while the log is appended to."""

from __future__ import annotations

import threading
from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from itertools import chain as chained
from pathlib import Path
from time import sleep
from typing import TypeVar

from runtime.runlog.lines import decode, is_whole
from runtime.runlog.loose_ends import LooseEnds
from runtime.runlog.mending import drafted, mend, sync_folder
from runtime.runlog.retention import Keep, Kept, Weight, groups_to_replace, kept, start_of_ended
from runtime.runlog.segments import new_header
from runtime.runlog.state_file import StateFile
from runtime.runlog.views import Key, View, views_of

T = TypeVar("T")
Starts = Mapping[str, "array[float]"]
"""{task: when its runs that have ended began}."""
_AT_ONCE = 500
"""Lines that are looked at before others have a turn: about 2 ms."""
_TURN = 0.0002
_TO_STOP = 1.0


@dataclass(frozen=True, slots=True)
class Content:
    """What there is to know of a segment, without looking into it again."""

    starts: Starts
    ends: LooseEnds


class Tidying:
    """What is done with the sealed segments of a log, which nobody else changes meanwhile, one at a time.

    Args:
      guard: held while files are exchanged; never while the disk is waited for.
      segment_size: bytes that a segment has which several are merged into, at most.
    """

    def __init__(self, log: Path, state: StateFile, guard: AbstractContextManager[object], segment_size: int) -> None:
        self._log, self._state, self._guard, self._segment_size = log, state, guard, segment_size
        self._going_on = threading.Lock()
        self._generation = self._generation_at_work = 0
        self._is_stopped = False
        self._contents: dict[Key, Content] = {}  # {key of a view: what it has}
        self.damage: list[str] = []
        """What was found damaged, in words."""

    def call_off(self) -> None:
        """Have what goes on change nothing any more: the segments have become others. With the guard held."""
        self._generation += 1

    def resume(self) -> None:
        """Let it be done again, after :meth:`stop`: the lock is held."""
        self._is_stopped = False

    def stop(self) -> None:
        """Call off what goes on, and wait until it has ended, or for :data:`_TO_STOP` seconds. Without the guard.

        What begins only now, in a thread that was late, does nothing: somebody else may have the log.
        """
        self._is_stopped = True
        self._generation += 1
        if self._going_on.acquire(timeout=_TO_STOP):
            self._going_on.release()

    def run(self, keep: Keep, now: float) -> Kept | None:
        """Do it, and return what is kept; None if nothing is sealed, another thread is at it, or it was called off.

        Raises:
          OSError: a file could not be written; nothing is lost.
        """
        if not self._going_on.acquire(blocking=False):
            return None
        self._generation_at_work = self._generation
        try:
            self._check_wanted()
            return self._run(keep, now)
        except _CalledOff:
            return None
        finally:
            self._going_on.release()

    def _run(self, keep: Keep, now: float) -> Kept | None:
        sealed = self._whole(self._sealed())
        if not sealed:
            return None
        history = self._state.follow(sealed, self._publish, self._with_turns)
        contents = [self._content_of(view) for view in sealed]
        chosen = kept(keep, now, _merged(content.starts for content in contents), history)
        weights = [_weight(view, content.starts, chosen) for view, content in zip(sealed, contents, strict=True)]
        before, place = LooseEnds(), 0
        for group in groups_to_replace(weights, self._segment_size):
            for content in contents[place : group.start]:
                before.follow(content.ends)
            self._replace([sealed[index] for index in group], chosen, before)
            place = group.stop
        self._contents = {view.key: self._contents[view.key] for view in sealed}
        return chosen

    def _sealed(self) -> list[View]:
        return views_of(self._log)[:-1]  # the newest is appended to: also one that a rotation which failed has named as sealed

    def _with_turns(self, items: Iterable[T]) -> Iterator[T]:
        """Yield `items`, and let other threads have a turn now and then: the scheduler waits for the same interpreter."""
        for number, item in enumerate(items):
            if number % _AT_ONCE == _AT_ONCE - 1:
                sleep(_TURN)
                self._check_wanted()
            yield item

    def _check_wanted(self) -> None:
        if self._is_stopped or self._generation != self._generation_at_work:
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

    def _whole(self, views: list[View]) -> list[View]:
        """Return `views`, having mended those that were not looked at before and are damaged."""
        new = [view for view in views if view.key not in self._contents]
        damaged = [view for view in new if view.is_torn or not all(map(is_whole, self._with_turns(view.lines())))]
        for view in damaged:
            if (told := mend(view.segment, is_sealed=True)) is not None:
                self.damage.append(told)
        return self._sealed() if damaged else views

    def _content_of(self, view: View) -> Content:
        if (known := self._contents.get(view.key)) is not None:
            return known
        starts: dict[str, array[float]] = {}
        ends = LooseEnds()
        for document in self._with_turns(view.documents()):
            ends.take_in(document)
            if (start := start_of_ended(document)) is not None:
                starts.setdefault(document["task_name"], array("d")).append(start)
        content = self._contents[view.key] = Content(starts, ends)
        return content

    def _replace(self, views: Sequence[View], chosen: Kept, before: LooseEnds) -> None:
        """Put one segment in the place of neighbours, with what is kept of them.

        Args:
          before: of all that is in the segments before these, which are dealt with; those of these are added.
        """
        path = views[-1].segment.path
        header = new_header(views[-1].segment.number, views[0].segment.first)
        lines = (line for view in views for line in view.lines() if _stays(line, chosen, before))
        self._publish(drafted(path, header.line(), self._with_turns(lines)), path)  # on the disk before the others go
        for view in views[:-1]:
            with suppress(FileNotFoundError):
                view.segment.path.unlink()


class _CalledOff(Exception):
    """The segments have become others, or the log is being closed."""


def _stays(line: bytes, chosen: Kept, before: LooseEnds) -> bool:
    """Return whether a line stays, and take it in then; `before` are the loose ends of all that is before it.

    What need not be kept stays while it finishes what is there: a run must not seem to go on whose end has gone.
    """
    document = decode(line)
    if document is None:
        return True
    stays = chosen.includes(document) or before.has_begun(document)
    if stays:
        before.take_in(document)
    return stays


def _merged(each: Iterable[Starts]) -> dict[str, Iterable[float]]:
    found: dict[str, list[array[float]]] = {}
    for starts in each:
        for task, moments in starts.items():
            found.setdefault(task, []).append(moments)
    return {task: chained.from_iterable(arrays) for task, arrays in found.items()}


def _weight(view: View, starts: Starts, chosen: Kept) -> Weight:
    total = sum(map(len, starts.values()))
    stay = sum(chosen.keeps(task, moment) for task, moments in starts.items() for moment in moments)
    size = len(view.data)
    return Weight(size, size * stay / total if total else size)
