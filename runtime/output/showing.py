"""Showing: the output of the attempts of a run, one after the other, and as it comes, for the command line."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from runtime.output.paths import output_file
from runtime.output.reader import Follower, text_of
from runtime.tables import moment

LOOKS_EVERY = 0.2
"""Seconds between two looks at output that is followed."""
COLUMNS = ("task_name", "run_id", "start", "attempt", "status")

Row = dict[str, Any]


class Showing:
    """Shows what runs have written.

    Args:
      log: the run log.
      find: returns their rows as they are now, one for each attempt, oldest first: see :mod:`runtime.runlog.report`.
      is_written: returns whether a runtime writes that log now, and so whether what has no end may still go on.
      as_json: whether each text is shown as an object on a line, which says of which run it is.
      show: is given what is shown, with its ends of lines; `note` what is to be said beside it.
    """

    def __init__(
        self,
        log: Path,
        find: Callable[[], list[Row]],
        is_written: Callable[[], bool],
        *,
        as_json: bool,
        show: Callable[[str], object],
        note: Callable[[str], object],
    ) -> None:
        self._log, self._find, self._is_written, self._as_json = log, find, is_written, as_json
        self._show, self._note = show, note
        self._stamp: object = None  # of the log as it was last read
        self._rows = find()

    def all(self) -> None:
        """Show what they have written so far."""
        for row in self._rows:
            self._head(row)
            path = self._file_of(row)
            text = text_of(path) if path is not None else None
            self._body(row, text or row.get("output"))  # of a run whose output was not kept, its record has the last lines

    def follow(self, sleep: Callable[[float], object] = time.sleep) -> None:
        """Show what they write, until the last has ended, or nobody is left who could end it."""
        number = 0
        while number < len(self._rows) or self._is_awaited(sleep):
            if number < len(self._rows):
                self._follow(number, sleep)
                number += 1
        if self._rows and self._rows[-1]["status"] == "retry":
            run_id = self._rows[-1]["run_id"]
            self._note(f"no runtime writes {self._log} any more; run {run_id} is tried again by the next start of its app")

    def _follow(self, number: int, sleep: Callable[[float], object]) -> None:
        row, path, news, is_empty = self._rows[number], self._file_of(self._rows[number]), "", True
        follower = Follower(path) if path is not None else None
        self._head(row)
        while True:
            goes_on = self._goes_on(number)  # asked first: what a run writes last comes before its end
            if follower is not None and (more := follower.news()):
                news, is_empty = more, False
                self._piece(self._rows[number], news)
            if not goes_on:
                break
            sleep(LOOKS_EVERY)
        row = self._rows[number]
        if is_empty:
            self._body(row, row.get("output"))
        elif not (news.endswith("\n") or self._as_json):
            self._show("\n")
        if row["status"] == "running":
            self._note(f"no runtime writes {self._log} any more, and run {row['run_id']} has no end on record")

    def _goes_on(self, number: int) -> bool:
        """Return whether an attempt has no end, and may have one."""
        if self._rows[number]["status"] != "running":
            return False
        had_writer = self._is_written()  # asked first: a runtime that ends writes the ends of its runs before
        self._look()
        return had_writer and self._rows[number]["status"] == "running"

    def _is_awaited(self, sleep: Callable[[float], object]) -> bool:
        """Wait a little and return True, where the next attempt may be still to come."""
        if not self._rows or self._rows[-1]["status"] != "retry" or not self._is_written():
            return False
        sleep(LOOKS_EVERY)
        self._look()
        return True

    def _look(self) -> None:
        """Read the log again, if it has changed."""
        try:
            state = self._log.stat()
        except OSError:  # it is being replaced
            return
        stamp = (state.st_ino, state.st_size, state.st_mtime_ns)
        if stamp != self._stamp:
            found = self._find()
            if len(found) >= len(self._rows):  # else some were let go of
                self._stamp, self._rows = stamp, found

    def _file_of(self, row: Row) -> Path | None:
        """Return the file of what it has written; None for one that never started."""
        return output_file(self._log.resolve(), row["task_name"], row["start"], row["run_id"]) if "start" in row else None

    def _head(self, row: Row) -> None:
        if len(self._rows) > 1 and not self._as_json:
            attempt = f", attempt {row['attempt']}" if "attempt" in row else ""
            self._show(f"==> {row['task_name']} {row['run_id']}{attempt}, {moment(row.get('start'))}: {row['status']} <==\n")

    def _body(self, row: Row, text: str | None) -> None:
        """Show all that a run has written."""
        if self._as_json:
            self._piece(row, text or "")
        elif text:
            self._show(text if text.endswith("\n") else f"{text}\n")
        else:
            self._note(f"run {row['run_id']} of task {row['task_name']!r} has written nothing that was kept")

    def _piece(self, row: Row, text: str) -> None:
        if self._as_json:
            text = json.dumps({**{name: row[name] for name in COLUMNS if name in row}, "output": text}) + "\n"
        self._show(text)
