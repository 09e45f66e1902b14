"""RunOutput: what one attempt of a run prints and logs."""

from __future__ import annotations

import logging
import os
from pathlib import Path
from threading import BoundedSemaphore, RLock

from runtime.logs import runtime_log
from runtime.output.file import OutputFile
from runtime.output.last_lines import LastLines
from runtime.output.paths import output_file
from runtime.output.shape import LIMITS, Limits

Place = tuple[Path, str, float, str]
"""The run log, and task, start and id of a run."""
HELD_OPEN = 64
"""How many files are held open at most: a thousand runs that print must not use up what the process may open."""


class RunOutput:
    """Takes what a run prints and logs: into its file, which is made by the first write, and the last lines into memory.

    Where the file cannot be written, that is told once, and the last lines are remembered all the same.

    Args:
      place: the run log, and task, start and id of the run; None where nothing is to be kept on disk.
      outputs: what the outputs of a runtime have in common.
    """

    __slots__ = ("_file", "_is_over", "_lines", "_lock", "_outputs", "_place")

    def __init__(self, place: Place | None, outputs: Outputs) -> None:
        self._place, self._outputs = place, outputs
        self._lock = RLock()  # a handler of a signal may print in the middle of a print
        self._lines: LastLines | None = None
        self._file: OutputFile | None = None
        self._is_over = False

    @property
    def last_lines(self) -> str | None:
        """The last lines, up to 20; None if nothing was written."""
        with self._lock:
            return self._lines.text() if self._lines is not None else None

    def write(self, text: str) -> None:
        """Take `text`; from any thread, and after the end nothing. It is on disk when this returns, if it can be."""
        if not text or self._is_over or self._outputs.pid != os.getpid():  # a fork has its own idea of where the file ends
            return
        place, error = self._place, None
        with self._lock:
            if self._is_over:
                return
            if self._lines is None:
                self._lines = LastLines()
            self._lines.take(text)
            try:
                self._append(text)
            except OSError as exc:
                error = exc
                self._stop()
        if error is not None:
            _tell(place, error)

    def close(self) -> None:
        """Take no more, and leave what is kept in its final form."""
        place, error = self._place, None
        with self._lock:
            self._is_over = True
            try:
                if self._file is not None:
                    self._file.finish()
            except OSError as exc:  # it can be read as it is
                error = exc
            self._file = None
        if error is not None:
            _tell(place, error)

    def _append(self, text: str) -> None:
        if self._place is None:
            return
        if self._file is None:
            self._file = OutputFile(output_file(*self._place), self._place[1], self._outputs.slots, self._outputs.limits)
        self._file.append(text.encode("utf-8", "backslashreplace"))

    def _stop(self) -> None:
        self._place = None
        if self._file is not None:
            self._file.close()
            self._file = None


class Outputs:
    """Makes the outputs of the runs of one runtime.

    Args:
      log: the run log, beside which they are kept; None keeps the last lines only.
    """

    def __init__(self, log: Path | None, limits: Limits = LIMITS) -> None:
        self._log, self.limits = log, limits
        self.slots = BoundedSemaphore(HELD_OPEN)
        self.pid = os.getpid()

    def of(self, task: str, start: float, run_id: str, *, is_kept: bool = True) -> RunOutput:
        """Return what takes the output of a run that begins.

        Args:
          start: as in its records.
          is_kept: whether more than the last lines is kept.
        """
        return RunOutput((self._log, task, start, run_id) if is_kept and self._log is not None else None, self)


def _tell(place: Place | None, error: OSError) -> None:
    assert place is not None
    _, task, _, run_id = place
    runtime_log.tell(
        logging.ERROR, "task %r run %s: its output cannot be written (%s); it is kept no further", task, run_id, error
    )
