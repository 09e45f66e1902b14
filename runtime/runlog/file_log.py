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
from runtime.runlog.history import History
from runtime.runlog.indexes import Indexes
from runtime.runlog.lines import encode
from runtime.runlog.locks import FileLock, lock_path
from runtime.runlog.mending import DRAFT, copy_path, drafted, give_rights, mend, publish, sync_folder
from runtime.runlog.reserve import Reserve
from runtime.runlog.retention import Keep
from runtime.runlog.segments import Header, Segment, chain, check_alone, new_header, sealed_files, sealed_path
from runtime.runlog.state_file import StateFile, fits
from runtime.runlog.tidying import Tidying
from runtime.runlog.views import Key, View, views_of
from runtime.runlog.wanted import EVERYTHING, Wanted

SEGMENT_SIZE = 16 << 20
"""Bytes from which on the active segment is sealed, and another begun."""
SEGMENT_AGE = 7 * 86400.0
"""Seconds likewise, so that what is too old to be kept comes into a sealed one."""
FULL = (errno.ENOSPC, errno.EDQUOT)
LOOK_EVERY = 10.0
"""Seconds between two looks at whether somebody else has removed, replaced or cut the active segment, where records come."""


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
        self._lock = FileLock(lock_path(self.path), self.path)
        self._reserve = Reserve(self._beside(".reserve"))
        self._state = StateFile(self._beside(".state"))
        self._indexes = Indexes()
        self._told: set[Key] = set()  # in which segments readers have met damage, and said so
        self._tidying = Tidying(self.path, self._state, self.guard, segment_size)
        self._segment_size, self._segment_age = segment_size, segment_age
        self._fd = -1
        self._header = Header()
        self._size = 0  # bytes of complete lines; a write that fails half way is cut back to this
        self._is_torn = False  # whether there may be more bytes than these
        self._limit, self._until = segment_size, float("inf")  # when the active segment is sealed: at that size, and moment
        self._next_look = 0.0
        self._unsynced: list[int] = []  # descriptors of what was sealed since the last sync

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
            self._header = segments[-1].header
        else:  # there is none yet, or a rotation was cut off
            self._header = new_header(max(files, default=0) + 1)
            publish(drafted(self.path, self._header.line(), ()), self.path)
        self._take_over(os.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CLOEXEC))
        self._reserve.make()
        self.is_untidy = len(segments) > 1

    def _check_newest(self, segments: Sequence[Segment], files: Mapping[int, Path]) -> None:
        """Check that no sealed segment is as new as the active one: what it has would be lost as a leftover."""
        newest = max(files, default=0)
        if segments and segments[-1].path == self.path and segments[-1].number <= newest:
            told = f"it is older than {files[newest].name} beside it, as if it came from a backup. Move one of them elsewhere"
            raise LogUnusable(str(self.path), told)

    def _take_over(self, fd: int) -> None:
        """Append to the file `fd` from now on, whose header is known."""
        self._fd, self._size, self._is_torn = fd, os.fstat(fd).st_size, False
        self._limit = self._segment_size
        self._until = self._header.created + self._segment_age if self._header.created else float("inf")

    def append(self, document: Mapping[str, Any]) -> None:
        line = encode(document)
        with self.guard:
            if self._fd < 0:
                self._append_alone(line)
                return
            if self._size >= self._limit or time() >= self._next_look:
                self._look()
            try:
                self._write(line)
            except OSError as exc:
                if exc.errno not in FULL or not self._reserve.free():
                    raise
                self._write(line)
                self.trouble = exc

    def _look(self) -> None:
        """See whether the active segment is still the file that it was, and is to be sealed."""
        now = time()
        try:
            status = self.path.stat()
            is_ours, is_cut = os.path.samestat(os.fstat(self._fd), status), status.st_size < self._size
        except OSError:
            is_ours = is_cut = False
        if not is_ours or is_cut:
            what = "cut by somebody else" if is_ours else "removed or replaced by somebody else"
            told = f"{self.path} was {what}; what it had then is lost to the log, which goes on in a new file"
            if told not in self._tidying.damage:
                self._tidying.damage.append(told)
            runtime_log.tell(logging.ERROR, "run log: %s", told)
            if not is_ours and self.path.exists():
                self.path.rename(copy_path(self.path))
            self._rotate()
        elif self._size >= self._limit or now >= self._until:
            self._rotate()
        self._next_look = min(now + LOOK_EVERY, self._until)

    def seal(self) -> None:
        """Seal the active segment if there is anything in it, so that :meth:`tidy` comes to that, too. Only while it is open."""
        with self.guard:
            if self._size > len(self._header.line()):
                self._rotate()

    def _append_alone(self, line: bytes) -> None:
        """Append while nobody has the log open."""
        self.open()
        try:
            self._write(line)
        finally:
            self.close()

    def _write(self, line: bytes) -> None:
        if self._is_torn:
            self._cut_back()
        self._is_torn = True
        written = os.write(self._fd, line)
        if written < len(line):  # the disk is full: half a line must not stay in front of the next one
            self._cut_back()
            told = f"{os.strerror(errno.ENOSPC)}: only {written} of {len(line)} bytes could be written"
            raise OSError(errno.ENOSPC, told, str(self.path))
        self._is_torn = False
        self._size += written

    def _cut_back(self) -> None:
        """Cut off what was written half; where that fails too, it is tried again before anything is written behind it."""
        os.ftruncate(self._fd, self._size)
        self._is_torn = False

    def _rotate(self) -> None:
        """Seal the active segment and begin another; if that cannot be done now, go on with it for a while."""
        header = new_header(self._header.number + 1)
        try:
            fd = self._begun(header)
        except OSError:
            self._limit, self._until = self._size + self._segment_size // 16, time() + self._segment_age / 16
            return
        self._unsynced.append(self._fd)
        self._header = header
        self._take_over(fd)
        self.is_untidy = True

    def _begun(self, header: Header) -> int:
        """Name the active segment as a sealed one, put a new one in its place, and return the descriptor of that.

        Raises:
          OSError: it could not; all is as it was, as far as that could be brought about.
        """
        draft, sealed, line = (
            self.path.with_name(self.path.name + DRAFT),
            sealed_path(self.path, self._header.number),
            header.line(),
        )
        with ExitStack() as undoing:
            fd = os.open(draft, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND | os.O_CLOEXEC, 0o644)
            undoing.callback(os.close, fd)
            undoing.callback(draft.unlink, missing_ok=True)
            give_rights(fd, os.fstat(self._fd))
            if os.write(fd, line) < len(line):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(draft))
            if self.path.exists():  # else it was deleted, or could not be named back after a rotation that has failed
                self.path.rename(sealed)  # from here until the next step there is no active segment, which readers know
                undoing.callback(sealed.rename, self.path)
            draft.rename(self.path)
            undoing.pop_all()
        return fd

    def sync(self) -> None:
        with self.guard:  # both at once: what is sealed in between would be in neither
            active = os.dup(self._fd)
            sealed, self._unsynced = self._unsynced, []
        self._sync([*sealed, active], names=bool(sealed))

    def _sync(self, fds: Sequence[int], *, names: bool) -> None:
        """Have what is in these files, which are closed, outlive a loss of power, and what they and others are called, too."""
        try:
            for fd in fds:
                os.fsync(fd)
            if names:
                sync_folder(self.path.parent)
        finally:  # after an error, another try would be told that all is well
            for fd in fds:
                os.close(fd)

    def tidy(self, keep: Keep, now: float) -> None:
        self.is_untidy = False
        try:
            with self.guard:
                if self._fd < 0:
                    return
                generation = self._tidying.generation
                sealed, self._unsynced = self._unsynced, []
            self._sync(sealed, names=bool(sealed))
            if (chosen := self._tidying.run(keep, now, generation)) is not None:
                sweep(output_folder(self.path), chosen.keeps_start)
        except BaseException:  # whatever it is, there is still something to tidy
            self.is_untidy = True
            raise
        with self.guard:
            if self._lock.is_held and self._reserve.make():  # else it was closed meanwhile, and nobody would free it
                self.trouble = None

    def history(self) -> History:
        return self._state.history(lambda: views_of(self.path, self._told))

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
            was_closed = self._fd < 0
            if was_closed:
                self.open()
            try:
                self._rewrite(documents)
            finally:
                if was_closed:
                    self.close()

    def _rewrite(self, documents: Iterable[Mapping[str, Any]]) -> None:
        header = new_header(self._header.number + 1, first=1)
        draft = drafted(self.path, header.line(), map(encode, documents))
        with ExitStack() as undoing:
            undoing.callback(draft.unlink, missing_ok=True)
            fd = os.open(draft, os.O_RDWR | os.O_APPEND | os.O_CLOEXEC)
            undoing.callback(os.close, fd)
            draft.replace(self.path)
            undoing.pop_all()
        os.close(self._fd)
        self._header = header
        self._take_over(fd)
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
            for fd in (*self._unsynced, self._fd):
                if fd >= 0:
                    os.close(fd)
            if self._lock.is_held:
                self._reserve.free()
            self._fd, self._unsynced = -1, []
            self._lock.release()

    def _beside(self, ending: str) -> Path:
        return self.path.with_name(self.path.name + ending)
