"""Recorder: what the rest of the runtime speaks to when something happened to a run."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict
from typing import Any

from actors.progress import Progress
from runtime.clock import Clock
from runtime.identity import Identity
from runtime.logs import runtime_log, task_log
from runtime.recovery import Recovery
from runtime.runlog import RunLog
from runtime.runlog.history import History
from runtime.runlog.lines import writable

LEVELS = {"fail": logging.ERROR, "error": logging.ERROR, "missed": logging.WARNING, "retry": logging.WARNING}
WAITING_RECORDS = 10_000
"""How many records are kept in memory while the log cannot be written."""
NOTHING_KNOWN = Recovery()


class Recorder:
    """Writes the records of runs, and knows each task's facts from them.

    A record is in the log when ``record`` returns. If the log cannot be written, the runtime goes on: records wait
    in memory and follow in their order as soon as it can.
    """

    def __init__(self, log: RunLog, clock: Clock) -> None:
        self._log, self.clock = log, clock
        self._waiting: deque[dict[str, Any]] = deque(maxlen=WAITING_RECORDS)
        self._dropped = 0
        self._count = 0

    @property
    def count(self) -> int:
        """How many records there are, and other lines: the number of the latest."""
        return self._count

    def problems(self) -> tuple[str, ...]:
        """Return what is wrong with it now, in words; from any thread."""
        waiting = len(self._waiting)
        return (f"the run log cannot be written; records that wait in memory: {waiting}",) if waiting else ()

    def open(self, recovery: Recovery = NOTHING_KNOWN) -> History:
        """Open the log, close the runs that a former life left open and that do not go on, and return what it amounts to.

        Args:
          recovery: how they are dealt with; by default as if there were none of their tasks any more.

        Raises:
          LogLocked, LogUnusable: it cannot be written; nothing was changed.
        """
        self._log.open()
        try:
            return self._taken_over(recovery)
        except BaseException:
            self._log.close()
            raise

    def _taken_over(self, recovery: Recovery) -> History:
        history = self._log.history()
        self._count = history.count
        for document in recovery.carried_out(history, self.clock):
            self.record(document)
            history.take_in(document)
        return history

    def note(self, document: dict[str, Any]) -> None:
        """Write `document`, which is no record but for the next start of the runtime, if it can be written."""
        if not self._waiting:
            with suppress(OSError):
                self._append(document)

    def note_progress(self, begun: Mapping[str, Any], update: Progress) -> None:
        """Note how far a run is whose "run" record is like `begun`, and tell the standard loggers."""
        columns = {name: begun[name] for name in ("created", "task_name", "run_id", "start")}
        self.note({**columns, "action": "progress", "progress": asdict(update)})
        task_log.tell(logging.INFO, "task %r run %s: %s", begun["task_name"], begun["run_id"], update)

    def note_worker(self, begun: Mapping[str, Any], identity: Identity) -> None:
        """Note which process executes a run whose "run" record is like `begun`, before it does."""
        columns = {name: begun[name] for name in ("created", "task_name", "run_id", "start")}
        known = {"pid": identity.pid, "pid_start": identity.started, "boot": identity.boot}
        self.note({**columns, "action": "worker", **known})

    def note_late(self, begun: Mapping[str, Any], words: str) -> None:
        """Note what became of a function after its run was put on record as ended, and tell the standard loggers."""
        columns = {name: begun[name] for name in ("created", "task_name", "run_id", "start")}
        self.note({**columns, "action": "late", "afterwards": words})
        task_log.tell(logging.INFO, "task %r run %s: %s", begun["task_name"], begun["run_id"], words)

    def record(self, document: dict[str, Any], *, is_warning: bool = False) -> int:
        """Write `document`, a record as its columns, tell the standard loggers, and return its number in the order of records.

        Args:
          is_warning: whether it is told as a warning, whatever its action.
        """
        self._count += 1
        if self._waiting:
            self._wait(document)
        else:
            try:
                self._log.append(document)
            except (TypeError, ValueError):
                self._wait(document)  # from there, what cannot be written down is written as text
            except OSError as exc:
                runtime_log.tell(logging.ERROR, "run log: cannot write (%s); records wait in memory until it can be", exc)
                self._wait(document)
        level = logging.WARNING if is_warning else LEVELS.get(document["action"], logging.INFO)
        if task_log.wants(level):
            task_log.tell(level, "%s", ": ".join(_sayings(document)), extra={"callsheet": dict(document)})
        return self._count

    def close(self) -> None:
        """Write what waits, if it can be written, and let go of the log."""
        with suppress(OSError):
            self._write_waiting()
        if lost := len(self._waiting) + self._dropped:
            runtime_log.tell(logging.ERROR, "run log: %d records could not be written and are lost", lost)
        self._log.close()

    def _append(self, document: dict[str, Any]) -> None:
        """Write `document`, with a text in place of what cannot be written down."""
        try:
            self._log.append(document)
        except (TypeError, ValueError):  # a value of the user's: that there is a record matters more than that
            self._log.append(writable(document))

    def _wait(self, document: dict[str, Any]) -> None:
        self._dropped += len(self._waiting) == WAITING_RECORDS  # the oldest makes room
        self._waiting.append(document)
        with suppress(OSError):
            self._write_waiting()

    def _write_waiting(self) -> None:
        while self._waiting:
            self._append(self._waiting[0])
            self._waiting.popleft()


def _sayings(document: Mapping[str, Any]) -> Iterator[str]:
    yield f"task {document['task_name']!r}" + (f" run {document['run_id']}" if document["run_id"] else "")
    yield f"{document['action']} ({document['reason']})" if document.get("reason") else document["action"]
    if (retry_at := document.get("retry_at")) is not None:
        wait = f"{max(retry_at - document['created'], 0.0):.1f} s"
        yield f"attempt {document['attempt']} of {document['attempts']}, again in {wait}"
    elif text := document.get("exc_text"):  # of what is tried again the record has it
        yield f"\n{text}"
