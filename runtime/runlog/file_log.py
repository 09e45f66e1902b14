"""FileLog: a run log in files of JSON lines, one of which is appended to. One process writes, any may read meanwhile."""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from actors.errors import LogLocked, LogUnusable
from runtime.output.paths import output_folder
from runtime.output.sweep import sweep
from runtime.runlog.history import History
from runtime.runlog.indexes import Indexes
from runtime.runlog.lines import encode
from runtime.runlog.locks import FileLock
from runtime.runlog.mending import DRAFT, drafted, mend, publish, sync_folder
from runtime.runlog.reserve import Reserve
from runtime.runlog.retention import Keep
from runtime.runlog.segments import Header, chain, new_header, sealed_files, sealed_path
from runtime.runlog.state_file import StateFile, fits
from runtime.runlog.tidying import Tidying
from runtime.runlog.views import View, views_of
from runtime.runlog.wanted import EVERYTHING, Wanted

SEGMENT_SIZE = 16 << 20
"""Bytes from which on the active segment is sealed, and another begun."""
SEGMENT_AGE = 7 * 86400.0
"""Seconds likewise, so that what is too old to be kept comes into a sealed one."""
FULL = (errno.ENOSPC, errno.EDQUOT)


class FileLog:
    """The run log at `path`, and what is beside it: see docs/run-log.md for what is in which file.

    Args:
      segment_size, segment_age: when a segment is sealed.
    """

    def __init__(self, path: Path, *, segment_size: int = SEGMENT_SIZE, segment_age: float = SEGMENT_AGE) -> None:
        self.path = path.resolve()  # a link is followed once: a file put in its place would end it
        self.guard = threading.RLock()
        self.is_untidy = False
        self._lock = FileLock(self._beside(".lock"), self.path)
        self._reserve = Reserve(self._beside(".reserve"))
        self._state = StateFile(self._beside(".state"))
        self._indexes = Indexes()
        self._tidying = Tidying(self.path, self._state, self.guard, segment_size)
        self._segment_size, self._segment_age = segment_size, segment_age
        self._fd = -1
        self._header = Header()
        self._size = 0  # bytes of complete lines; a write that fails half way is cut back to this
        self._limit, self._until = segment_size, float("inf")  # when the active segment is sealed: at that size, and moment
        self._unsynced: list[int] = []  # descriptors of what was sealed since the last sync

    def open(self) -> None:
        with self.guard:
            if self._lock.is_held:
                raise LogLocked(str(self.path), "another runtime of this process")
            try:
                chain(self.path)  # what is no run log is left without a lock file beside it, too
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
        for leftover in {*files.values()} - {segment.path for segment in segments}:
            leftover.unlink()
        for draft in self.path.parent.glob(f"{self.path.stem}*{DRAFT}"):
            draft.unlink()
        known = self._state.number
        if not fits(known, segments):  # it is that of a log which somebody has deleted
            self._state.forget()
            known = 0
        for segment in segments:
            if segment.number > known and (damage := mend(segment)) is not None:
                self._tidying.damage.append(damage)
        if segments and segments[-1].path == self.path:
            self._header = segments[-1].header
        else:  # there is none yet, or a rotation was cut off
            self._header = new_header(max(files, default=0) + 1)
            publish(drafted(self.path, self._header.line(), ()), self.path)
        self._take_over(os.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CLOEXEC))
        self._reserve.make()
        self.is_untidy = len(segments) > 1

    def _take_over(self, fd: int) -> None:
        """Append to the file `fd` from now on, whose header is known."""
        self._fd, self._size = fd, os.fstat(fd).st_size
        self._limit = self._segment_size
        self._until = self._header.created + self._segment_age if self._header.created else float("inf")

    def append(self, document: Mapping[str, Any]) -> None:
        line = encode(document)
        with self.guard:
            if self._fd < 0:
                self._append_alone(line)
                return
            if self._size >= self._limit or self._is_old(document):
                self._rotate()
            try:
                self._write(line)
            except OSError as exc:
                if exc.errno not in FULL or not self._reserve.free():
                    raise
                self._write(line)

    def _append_alone(self, line: bytes) -> None:
        """Append while nobody has the log open."""
        self.open()
        try:
            self._write(line)
        finally:
            self.close()

    def _is_old(self, document: Mapping[str, Any]) -> bool:
        created = document.get("created")
        return isinstance(created, (int, float)) and created >= self._until

    def _write(self, line: bytes) -> None:
        written = os.write(self._fd, line)
        if written < len(line):  # the disk is full: half a line must not stay in front of the next one
            os.ftruncate(self._fd, self._size)
            raise OSError(errno.ENOSPC, f"only {written} of {len(line)} bytes could be written", str(self.path))
        self._size += written

    def _rotate(self) -> None:
        """Seal the active segment and begin another; if that cannot be done now, go on with it for a while."""
        draft, sealed = self.path.with_name(self.path.name + DRAFT), sealed_path(self.path, self._header.number)
        header = new_header(self._header.number + 1)
        try:
            fd = os.open(draft, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND | os.O_CLOEXEC, 0o644)
            try:
                os.write(fd, header.line())
                self.path.rename(sealed)  # from here until the next step there is no active segment, which readers know
                try:
                    draft.rename(self.path)
                except BaseException:
                    sealed.rename(self.path)
                    raise
            except BaseException:
                os.close(fd)
                raise
        except OSError:
            self._limit, self._until = self._size + self._segment_size // 16, self._until + self._segment_age / 16
            return
        self._unsynced.append(self._fd)
        self._header = header
        self._take_over(fd)
        self.is_untidy = True

    def sync(self) -> None:
        self._sync_sealed()
        with self.guard:
            active = os.dup(self._fd)
        try:
            os.fsync(active)
        finally:
            os.close(active)

    def _sync_sealed(self) -> None:
        """Have what was sealed, and that it was, outlive a loss of power."""
        with self.guard:
            sealed, self._unsynced = self._unsynced, []
        try:
            for fd in sealed:
                os.fsync(fd)
            if sealed:
                sync_folder(self.path.parent)
        finally:  # after an error, another try would be told that all is well
            for fd in sealed:
                os.close(fd)

    def tidy(self, keep: Keep, now: float) -> None:
        self.is_untidy = False
        self._sync_sealed()
        if (chosen := self._tidying.run(keep, now)) is not None:
            always = {(task, start) for task, _, start in chosen.runs}
            sweep(output_folder(self.path), lambda task, start: chosen.keeps(task, start) or (task, start) in always)
        self._reserve.make()

    def history(self) -> History:
        return self._state.history(lambda: views_of(self.path))

    def documents(self, wanted: Wanted = EVERYTHING, *, newest_first: bool = False) -> Iterator[dict[str, Any]]:
        views = views_of(self.path)
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
            was_closed = self._fd < 0
            if was_closed:
                self.open()
            try:
                header = new_header(self._header.number + 1, first=1)
                draft = drafted(self.path, header.line(), map(encode, documents))
                fd = os.open(draft, os.O_RDWR | os.O_APPEND | os.O_CLOEXEC)
                publish(draft, self.path)
                os.close(self._fd)
                self._header = header
                self._take_over(fd)
                self._tidying.call_off()
                self._state.forget()
                for path in sealed_files(self.path).values():
                    path.unlink()
            finally:
                if was_closed:
                    self.close()

    def problems(self) -> tuple[str, ...]:
        return tuple(f"run log: {damage}" for damage in self._tidying.damage)

    def close(self) -> None:
        self._tidying.stop()  # before the lock is let go of: another process must be the only one
        with self.guard:
            for fd in (*self._unsynced, self._fd):
                if fd >= 0:
                    os.close(fd)
            if self._lock.is_held:
                self._reserve.free()
            self._fd, self._unsynced = -1, []
            self._lock.release()

    def _beside(self, ending: str) -> Path:
        return self.path.with_name(self.path.name + ending)
