"""RunOutput: what one attempt of a run prints and logs."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from pathlib import Path
from threading import BoundedSemaphore, Lock, RLock

from runtime.logs import runtime_log
from runtime.output.file import OutputFile
from runtime.output.gauge import MUCH, Gauge, weight_of
from runtime.output.last_lines import LastLines
from runtime.output.paths import output_file, output_folder
from runtime.output.shape import LIMITS, Limits

HELD_OPEN = 64
"""How many files are held open at most: a thousand runs that print must not use up what the process may open."""


class Outputs:
    """What the outputs of the runs of one runtime have in common.

    Args:
      log: the run log, beside which they are kept; None keeps the last lines only.
      filled: is called whenever there is much that might be swept: see :class:`runtime.output.gauge.Gauge`.
    """

    def __init__(self, log: Path | None, limits: Limits = LIMITS, filled: Callable[[], object] = lambda: None) -> None:
        self.log, self.limits = None if log is None else log.resolve(), limits  # as the log does it, beside which they are
        self.slots = BoundedSemaphore(HELD_OPEN)
        self.beginning = Lock()
        """Held while a run begins to write."""
        self.pid = os.getpid()
        self.gauge = Gauge(filled, MUCH)

    def has_former(self) -> bool:
        """Return whether there is something that earlier lives have left, or might be."""
        return self.log is not None and output_folder(self.log).is_dir()

    def weigh(self) -> None:
        """Count what earlier lives have left. Blocks; in any thread."""
        if self.log is not None:
            self.gauge.add(weight_of(output_folder(self.log)))


class RunOutput:
    """Takes what a run prints and logs: into its file, which is made by the first write, and the last lines into memory.

    Where the file cannot be written, that is told once, and the last lines are remembered all the same.

    Args:
      outputs: those of its runtime.
      task, start, run_id: as in the records of the run.
      is_kept: whether more than the last lines is kept.
    """

    __slots__ = ("_is_kept", "_is_over", "_outputs", "_run_id", "_start", "_task", "_written")

    def __init__(self, outputs: Outputs, task: str, start: float, run_id: str, is_kept: bool = True) -> None:
        self._outputs, self._task, self._start, self._run_id, self._is_kept = outputs, task, start, run_id, is_kept
        self._written: _Written | None = None  # until something is
        self._is_over = False

    @property
    def last_lines(self) -> str | None:
        """The last lines, up to 20; None if nothing was written."""
        return self._written.last_lines() if self._written is not None else None

    def write(self, text: str) -> None:
        """Take `text`; from any thread, and after the end nothing. It is on disk when this returns, if it can be."""
        if not text or self._is_over or self._outputs.pid != os.getpid():  # a fork has its own idea of where the file ends
            return
        self._tell((self._written or self._begun()).write(text))

    def close(self) -> None:
        """Take no more, and leave what is kept in its final form."""
        self._is_over = True  # before the next is looked at: so what begins to write right now sees it, or is seen
        if self._written is not None:
            self._tell(self._written.close())

    def _begun(self) -> _Written:
        outputs = self._outputs
        with outputs.beginning:
            if self._written is None:
                file = None
                if self._is_kept and outputs.log is not None:
                    path = output_file(outputs.log, self._task, self._start, self._run_id)
                    file = OutputFile(path, self._task, outputs.slots, outputs.limits)
                self._written = _Written(file, outputs.gauge)
            written = self._written
        if self._is_over:
            written.close()
        return written

    def _tell(self, error: OSError | None) -> None:
        if error is not None:
            told = "task %r run %s: its output cannot be written (%s), and is kept no further"
            runtime_log.tell(logging.ERROR, told, self._task, self._run_id, error)


class _Written:
    """The output of a run that has written something."""

    def __init__(self, file: OutputFile | None, gauge: Gauge) -> None:
        self._lock = RLock()  # a handler of a signal may print in the middle of a print
        self._lines = LastLines()
        self._file, self._gauge = file, gauge  # the first until it is over, or has failed
        self._is_over = False

    def last_lines(self) -> str | None:
        with self._lock:
            return self._lines.text()

    def write(self, text: str) -> OSError | None:
        """Take `text`, and return by what the file has failed just now, if it has."""
        with self._lock:
            if self._is_over:
                return None
            self._lines.take(text)
            if self._file is None:
                return None
            before = self._file.weight
            try:
                self._file.append(text.encode("utf-8", "backslashreplace"))
            except OSError as exc:
                self._file.close()
                self._file = None
                return exc
            self._gauge.add(self._file.weight - before)
            return None

    def close(self) -> OSError | None:
        """Take no more; returns the same."""
        with self._lock:
            self._is_over = True
            file, self._file = self._file, None
            try:
                if file is not None:
                    file.finish()
            except OSError as exc:  # what is there can be read as it is
                return exc
            return None
