"""Tracebacks as people want them: from their own first line on."""

from __future__ import annotations

import os
import sys
import traceback
from types import FrameType
from typing import Any

from actors.errors import CallsheetError, TaskSignal
from actors.portable import describe

_ROOT = os.path.realpath(f"{__file__}/../..")  # pathlib would cost each worker 5 ms
_NOT_THEIRS = (f"{_ROOT}/runtime", f"{_ROOT}/actors", f"{_ROOT}/cli.py", "<frozen importlib")


def user_traceback(error: BaseException) -> str:
    """Return the traceback of `error` and of what led to it, without the lines of Callsheet and of the import system.

    Of an error that Callsheet itself raised on purpose its own causes are left out too. Where no line of theirs is left, an
    error that says by itself where it is (those, and those of syntax) stands alone; another one is ours, and shown whole.
    """
    try:
        shown = traceback.TracebackException.from_exception(error)
        _trim(shown, error)
        return "".join(shown.format()).rstrip("\n")
    except Exception:  # its notes or its causes are not what they should be
        return "".join([*traceback.format_tb(error.__traceback__), describe(error)])


def user_stack(frame: FrameType) -> str:
    """Return the stack of `frame`, from behind the last line of Callsheet on."""
    frames = traceback.extract_stack(frame)
    ours = [number for number, summary in enumerate(frames) if _is_ours(summary.filename)]
    return "".join(traceback.format_list(frames[ours[-1] + 1 :] if ours else frames)).rstrip("\n")


def stack_of(thread_id: int | None, awaited: object = None) -> str:
    """Return the stack of what a thread executes, or of what is `awaited` there, where that waits."""
    if awaited is not None and not getattr(awaited, "cr_running", True):
        return coroutine_stack(awaited)
    frame = sys._current_frames().get(thread_id) if thread_id is not None else None
    return user_stack(frame) if frame is not None else "(its stack is not known)"


def coroutine_stack(work: Any) -> str:
    """Return the stack of a coroutine that waits, or of whatever else is awaited, down to where it leaves the user's code."""
    frames: list[tuple[FrameType, int]] = []
    while work is not None:
        kind = next((kind for kind in ("cr", "gi", "ag") if getattr(work, f"{kind}_frame", None) is not None), None)
        if kind is None:
            break
        frame = getattr(work, f"{kind}_frame")
        frames.append((frame, frame.f_lineno))
        work = getattr(work, "gi_yieldfrom" if kind == "gi" else f"{kind}_await")
    while len(frames) > 1 and frames[-1][0].f_globals.get("__name__", "").partition(".")[0] in ("trio", "anyio", "asyncio"):
        frames.pop()
    return "".join(traceback.StackSummary.extract(iter(frames)).format()).rstrip("\n") or "(its stack is not known)"


def without_ours(stack: traceback.StackSummary) -> traceback.StackSummary:
    """Return `stack` without the lines of Callsheet and of the import system, or all of it where no other is left."""
    theirs = [summary for summary in stack if not _is_ours(summary.filename)]
    return traceback.StackSummary.from_list(theirs) if theirs else stack


def _trim(shown: traceback.TracebackException, error: BaseException | None) -> None:
    theirs = [summary for summary in shown.stack if not _is_ours(summary.filename)]
    if theirs:
        shown.stack = traceback.StackSummary.from_list(theirs)
    elif isinstance(error, (CallsheetError, SyntaxError)):
        shown.stack = None  # type: ignore[assignment]  # then it prints no head line for it either
    if isinstance(error, CallsheetError) and not isinstance(error, TaskSignal):
        shown.__cause__ = shown.__context__ = None
    for part, cause in ((shown.__cause__, "__cause__"), (shown.__context__, "__context__")):
        if part is not None:
            _trim(part, getattr(error, cause))


def _is_ours(filename: str) -> bool:
    return filename.startswith(_NOT_THEIRS)
