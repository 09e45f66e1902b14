"""Unsynced: the segments of a run log of which the disk has not confirmed all, and those of which it has failed to."""

from __future__ import annotations

import os
from collections.abc import Collection
from contextlib import AbstractContextManager
from pathlib import Path
from typing import NamedTuple

from runtime.runlog.active import Active
from runtime.runlog.mending import sync_folder


class Taken(NamedTuple):
    """What is to be synced now, by whoever has taken it."""

    segments: dict[int, int]
    """{number: its descriptor}, which that one closes."""
    are_named: bool
    """Whether the disk has confirmed what all of them are called."""


class Unsynced:
    """What was sealed since the last sync, and what has to be written anew since a sync of it has failed.

    The system may let go of what it could not write, and tell the next sync that all is well. So none is made any more until
    :meth:`trust` was told of each of those segments.

    Args:
      folder: where the segments are.
      guard: held by whoever calls, but for :meth:`sync`, which waits for the disk.
    """

    def __init__(self, folder: Path, guard: AbstractContextManager[object]) -> None:
        self._folder, self._guard = folder, guard
        self._sealed: list[Active] = []
        self._error: OSError | None = None
        self._doubtful: set[int] = set()

    @property
    def doubtful(self) -> frozenset[int]:
        """The numbers of the segments that are to be written anew."""
        return frozenset(self._doubtful)

    def add(self, sealed: Active) -> None:
        """Take in a segment that was sealed right now; its descriptor belongs to this from here on."""
        self._sealed.append(sealed)

    def take(self, active: Active | None = None) -> Taken:
        """Hand out what was sealed since the last time, and `active` as it is now, to be synced."""
        segments = {sealed.header.number: sealed.fd for sealed in self._sealed}
        self._sealed, are_named = [], not segments
        if active is not None:
            segments[active.header.number] = os.dup(active.fd)
        return Taken(segments, are_named)

    def sync(self, taken: Taken) -> None:
        """Have it outlive a loss of power.

        Raises:
          OSError: the disk does not confirm it.
        """
        try:
            for fd in taken.segments.values():
                os.fsync(fd)
            if not taken.are_named:
                sync_folder(self._folder)
        except OSError as exc:
            with self._guard:
                self._error = exc
                self._doubtful.update(taken.segments)
            raise
        finally:
            for fd in taken.segments.values():
                os.close(fd)

    def trust(self, numbers: Collection[int]) -> None:
        """Take note that segments were written anew, and are on the disk."""
        self._doubtful.difference_update(numbers)
        if not self._doubtful:
            self._error = None

    def check(self) -> None:
        """Raise the OSError by which a sync has failed, while segments are still to be written anew."""
        if self._error is not None:
            raise OSError(self._error.errno, self._error.strerror)

    def forget(self) -> None:
        """Know nothing any more, as of segments that others have taken the place of."""
        self._sealed, self._error = [], None
        self._doubtful.clear()

    def close(self) -> None:
        """Close what was not synced, and forget it."""
        for sealed in self._sealed:
            os.close(sealed.fd)
        self.forget()
