"""Whereabouts: what the thread of a runtime is busy with, in words: whose code, and which line of it."""

from __future__ import annotations

import os
import traceback
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from runtime.mailbox import Mailbox
from runtime.runs import Run
from runtime.tracebacks import without_ours

_LIBRARY = (str(Path(os.__file__).parent), "<frozen ")
_INSTALLED = ("site-packages", "dist-packages")
_OF_TRIO = "unrolled_run"
"""The function of trio that makes its tasks step."""


@dataclass(frozen=True, slots=True)
class Whereabouts:
    """What a thread is busy with at one moment."""

    who: str
    """``task 'report' (run 3f2a...)``, or ``the scheduler itself``: that is whatever it calls outside of a run, such as the key
    of a limit or a hook, and what else shares its loop."""
    is_run: bool
    """Whether it is a run of a task."""
    line: str
    """The innermost line of the user's own code, such as ``jobs.py, line 12, in crunch: time.sleep(5)``."""
    stack: str
    """The lines that lead from the runtime to where it is, as in a traceback, without those of Callsheet."""


@dataclass(frozen=True, slots=True)
class Glance:
    """What was to be seen of a thread at one moment. It keeps the frames, and with them all variables of the functions."""

    run: Run | None
    calls: list[tuple[FrameType, int]]

    def is_like(self, other: Glance) -> bool:
        """Return whether the thread is busy with the same as it was then: the same run, or the same call of the scheduler's."""
        return self.run is other.run if self.run is not None else self.calls[0][0] is other.calls[0][0]

    def in_words(self) -> Whereabouts:
        """Return that in words, for which the files of the code are read."""
        stack = without_ours(traceback.StackSummary.extract(iter(self.calls)))
        who = f"task {self.run.launch.task!r} (run {self.run.run_id})" if self.run is not None else "the scheduler itself"
        text = "".join(stack.format()).rstrip("\n")
        return Whereabouts(who, self.run is not None, _in_words(_own_line(stack)), text)


def glance(frame: FrameType) -> Glance:
    """Look at the thread of a runtime, whose innermost frame is given; from any thread, and at once."""
    calls: list[tuple[FrameType, int]] = []
    for caller, line in traceback.walk_stack(frame):
        if caller.f_code is Run.live.__code__:
            return Glance(caller.f_locals["self"], calls[::-1] or [(caller, line)])
        # Messages are handled on the stack of whoever sends them, so what the supervisor calls may have a run underneath.
        if caller.f_code is Mailbox._drain.__code__ or caller.f_code.co_name == _OF_TRIO:
            break
        calls.append((caller, line))
    return Glance(None, calls[::-1] or [(frame, frame.f_lineno)])


def _own_line(stack: traceback.StackSummary) -> traceback.FrameSummary:
    """Return the innermost line of no library; where all is of one, such as an app that is installed, what was called first."""
    return next((line for line in reversed(stack) if not _is_of_library(line.filename)), stack[0])


def _is_of_library(filename: str) -> bool:
    return filename.startswith(_LIBRARY) or any(folder in filename for folder in _INSTALLED)


def _in_words(line: traceback.FrameSummary) -> str:
    place = f"{Path(line.filename).name}, line {line.lineno}, in {line.name}"
    return f"{place}: {line.line}" if line.line else place
