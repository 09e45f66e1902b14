"""FileLog: a run log in files of JSON lines, one of which is appended to. One process writes, any may read meanwhile."""

from __future__ import annotations

import errno
import logging
import os
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from time import time
from typing import Any

from actors.errors import LogLocked, LogUnusable
from runtime.logs import runtime_log
from runtime.output.paths import output_folder
from runtime.output.sweep import sweep
from runtime.runlog.active import Active
from runtime.runlog.history import History
from runtime.runlog.indexes import Indexes
from runtime.runlog.lines import encode, is_whole
from runtime.runlog.locks import FileLock, lock_path
from runtime.runlog.mending import DRAFT, copied, drafted, mend, publish, sync_folder
from runtime.runlog.reserve import Reserve
from runtime.runlog.retention import Keep
from runtime.runlog.segments import Header, Segment, asked_anew, chain, check_alone, new_header, sealed_files
from runtime.runlog.state_file import StateFile, fits
from runtime.runlog.tidying import Tidying
from runtime.runlog.unsynced import Unsynced
from runtime.runlog.views import Key, View, views_of
from runtime.runlog.wanted import EVERYTHING, Wanted

SEGMENT_SIZE = 16 << 20
"""Bytes from which on the active segment is sealed, and another begun."""
SEGMENT_AGE = 7 * 86400.0
"""Seconds likewise, so that what is too old to be kept comes into a sealed one."""
FULL = (errno.ENOSPC, errno.EDQUOT)


class FileLog:
    """The run log at `path`, and what is beside it: see docs/run-log.md for what is in which file.

    Args:
      segment_size, segment_age: when a segment is sealed. Its age is one by the machine's clock, whatever its documents say.
    """

    def __init__(self, path: Path, *, segment_size: int = SEGMENT_SIZE, segment_age: float = SEGMENT_AGE) -> None:
        self.path = path.resolve()  # a link is followed once: a file put in its place would end it
        self.guard = threading.RLock()
        self.is_untidy = False
        self.trouble: OSError | None = None
        self._lock = FileLock(lock_path(self.path), self.path, self._let_go)
        self._reserve = Reserve(self._beside(".reserve"))
        self._state = StateFile(self._beside(".state"))
        self._indexes = Indexes()
        self._told: set[Key] = set()  # in which segments readers have met damage, and said so
        self._tidying = Tidying(self.path, self._state, self.guard, segment_size)
        self._segment_size, self._segment_age = segment_size, segment_age
        self._active: Active | None = None  # while it is open
        self._unsynced = Unsynced(self.path.parent, self.guard)

    def open(self) -> None:
        with self.guard:
            if self._lock.is_held:
                raise LogLocked(str(self.path), "another runtime of this process")
            try:
                chain(self.path)  # what is no run log is left without a lock file beside it, too
                check_alone(self.path)
                self.path.parent.mkdir(parents=True, exist_ok=True)
                self._lock.acquire()
                self._open_locked()
            except OSError as exc:
                self.close()
                raise LogUnusable(str(self.path), exc.strerror or str(exc)) from exc
            except BaseException:
                self.close()
                raise

    def _open_locked(self) -> None:
        segments = chain(self.path)
        files = sealed_files(self.path)
        self._check_newest(segments, files)
        for leftover in {*files.values()} - {segment.path for segment in segments}:
            leftover.unlink()
        for draft in (self._beside(DRAFT), self._beside(f".state{DRAFT}"), *sealed_files(self.path, DRAFT).values()):
            draft.unlink(missing_ok=True)
        known = self._state.number
        if not fits(known, segments):  # it is that of a log which somebody has deleted
            self._state.forget()
            known = 0
        for segment in segments:
            if segment.number > known and (damage := mend(segment, is_sealed=segment.path != self.path)) is not None:
                self._tidying.damage.append(damage)
        if segments and segments[-1].path == self.path:
            header = segments[-1].header
        else:  # there is none yet, or a rotation was cut off
            header = new_header(max(files, default=0) + 1)
            publish(drafted(self.path, header.line(), ()), self.path)
        self._active = self._opened(self.path, header)
        self._reserve.make()
        self.is_untidy = len(segments) > 1

    def _check_newest(self, segments: Sequence[Segment], files: Mapping[int, Path]) -> None:
        """Check that no sealed segment is as new as the active one: what it has would be lost as a leftover."""
        if not segments or segments[-1].path != self.path:
            return
        if newer := [path.name for number, path in files.items() if number >= segments[-1].number]:
            them = newer[0] if len(newer) == 1 else f"{newer[0]} to {newer[-1]}"
            told = (
                f"it is older than {newer[-1]} beside it, as if it came from a backup. To go on with the newer records, move "
                f"{self.path.name} elsewhere; to go back to the backup, move {them} elsewhere"
            )
            raise LogUnusable(str(self.path), told)

    def _opened(self, file: Path, header: Header) -> Active:
        """Return the active segment that is, or will be, the one in `file`."""
        fd = os.open(file, os.O_RDWR | os.O_APPEND | os.O_CLOEXEC)
        return Active(self.path, header, fd, self._segment_size, self._segment_age)

    def append(self, document: Mapping[str, Any]) -> None:
        line = encode(document)
        with self.guard:
            active = self._active
            if active is None:
                self._append_alone(line)
                return
            if active.size >= active.limit or not active.looked <= time() < active.next_look:
                active = self._look(active)
            try:
                active.write(line)
            except OSError as exc:
                if exc.errno not in FULL or not self._reserve.free():
                    raise
                active.write(line)
                self.trouble = exc

    def _look(self, active: Active) -> Active:
        """Return the segment that is to be written to now: a new one where this has to be sealed, or is not what it was.

        Raises:
          OSError: another runtime writes the log now, or what would be written to is gone and cannot be made anew.
        """
        self._lock.renew()  # first: what is at its place may be another runtime's
        is_due, told = active.look()
        if told is not None and told not in self._tidying.damage:
            self._tidying.damage.append(told)
            runtime_log.tell(logging.ERROR, "run log: %s", told)
        return self._rotated(active) if is_due else active

    def _rotated(self, active: Active) -> Active:
        """Seal a segment and return the next one; if that cannot be done now, go on with this for a while, unless it is gone."""
        try:
            self._active = active.sealed()
        except OSError:
            if active.is_gone:
                raise
            active.postpone()
            return active
        self._unsynced.add(active)
        self.is_untidy = True
        return self._active

    def seal(self) -> None:
        with self.guard:
            if self._active is not None and self._active.has_documents:
                with suppress(OSError):  # what is in the place of the file cannot be moved aside: the next record says so
                    if self._look(self._active) is self._active:  # else that has done it
                        self._rotated(self._active)

    def _append_alone(self, line: bytes) -> None:
        """Append while nobody has the log open."""
        self.open()
        try:
            assert self._active is not None
            self._active.write(line)
        finally:
            self.close()

    def sync(self) -> None:
        with self.guard:  # both at once: what is sealed in between would be in neither
            self._unsynced.check()
            if self._active is None:
                raise OSError(errno.EBADF, os.strerror(errno.EBADF))
            taken = self._unsynced.take(self._active)
        try:
            self._unsynced.sync(taken)
        except OSError:
            self.is_untidy = True
            raise

    def tidy(self, keep: Keep, now: float) -> None:
        self.is_untidy = False
        try:
            with self.guard:
                if self._active is None:
                    return
                if self._active.header.number in self._unsynced.doubtful:
                    self._rotated(self._active)  # only what is sealed is written anew
                generation, taken = self._tidying.generation, self._unsynced.take()
                doubtful = self._unsynced.doubtful - {self._active.header.number}
            self._unsynced.sync(taken)
            if (chosen := self._tidying.run(keep, now, generation, doubtful)) is not None:
                with self.guard:
                    self._unsynced.trust(doubtful)
                    self._unsynced.check()
                sweep(output_folder(self.path), chosen.keeps_start)
        except BaseException:  # whatever it is, there is still something to tidy
            self.is_untidy = True
            raise
        with self.guard:
            if self._lock.is_held and self._reserve.make():  # else it was closed meanwhile, and nobody would free it
                self.trouble = None

    def history(self) -> History:
        return asked_anew(lambda: self._state.history(lambda: views_of(self.path, self._told)))

    def documents(self, wanted: Wanted = EVERYTHING, *, newest_first: bool = False) -> Iterator[dict[str, Any]]:
        views = views_of(self.path, self._told)
        return (
            document
            for view in (reversed(views) if newest_first else views)
            for document in view.documents(self._lines(view, wanted, newest_first=newest_first))
            if wanted.includes(document)
        )

    def _lines(self, view: View, wanted: Wanted, *, newest_first: bool) -> Iterable[bytes]:
        """Return the lines of a view among which all are that are wanted."""
        lines = self._indexes.lines(view, wanted)
        if lines is None:
            return view.lines(wanted.fragment(), newest_first=newest_first)
        return reversed(list(lines)) if newest_first else lines

    def rewrite(self, documents: Iterable[Mapping[str, Any]]) -> None:
        with self.guard:
            if was_closed := self._active is None:
                self.open()
            assert self._active is not None
            try:
                self._rewrite(self._active, documents)
            finally:
                if was_closed:
                    self.close()

    def _rewrite(self, active: Active, documents: Iterable[Mapping[str, Any]]) -> None:
        for view in views_of(self.path, self._told):
            if not all(map(is_whole, view.lines())):  # what was not read of it is not in the documents
                told = "run log: %s has damaged lines, which are left out of what is written anew; the file as it was is %s"
                runtime_log.tell(logging.WARNING, told, view.segment.path, copied(view.segment.path))
        header = new_header(active.header.number + 1, first=1)
        draft = drafted(self.path, header.line(), map(encode, documents))
        with ExitStack() as undoing:
            undoing.callback(draft.unlink, missing_ok=True)
            following = self._opened(draft, header)
            undoing.callback(os.close, following.fd)
            draft.replace(self.path)
            undoing.pop_all()
        os.close(active.fd)
        self._active = following
        self._unsynced.close()
        self._tidying.call_off()
        with suppress(OSError):  # from here on it has happened: what is left of the old ones does not count
            sync_folder(self.path.parent)
            self._state.forget()
            for path in sealed_files(self.path).values():
                path.unlink()

    def problems(self) -> tuple[str, ...]:
        full = (
            ()
            if self.trouble is None
            else (f"run log: {self.trouble}; it goes on in the room that was kept for the last records",)
        )
        return (*full, *(f"run log: {damage}" for damage in self._tidying.damage))

    def close(self) -> None:
        self._tidying.stop()  # before the lock is let go of: another process must be the only one
        with self.guard:
            self._unsynced.close()
            if self._active is not None:
                os.close(self._active.fd)
            if self._lock.is_held:
                self._reserve.free()
            self._active = None
            self._lock.release()

    def _let_go(self) -> None:
        """Write no more, in a process that was forked: it is not the one that has the lock."""
        self._active = None
        self._unsynced.forget()

    def _beside(self, ending: str) -> Path:
        return self.path.with_name(self.path.name + ending)
