"""How a run ended: decided from what it raised and from the runtime's own record of who cancelled it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import trio

from actors.errors import (
    CallsheetError,
    InvalidRunId,
    RemoteFailure,
    RunAbandoned,
    RunKilled,
    SchedulerExit,
    SchedulerRestart,
    TaskInactionException,
    TaskSignal,
    TaskTerminationException,
    UnexpectedArgument,
)
from actors.facts import Action
from actors.portable import describe, first_line
from actors.retries import Failure, Retry
from runtime.tracebacks import user_traceback

_HINTS = {
    "no running event loop": "; if the function is written for asyncio, set backend='asyncio'",
    "Cancelled": "; a cancellation was kept, or has left its scope",
    "Task got bad yield": "; if the function is written for trio, set backend='trio'",
}


@dataclass(frozen=True, slots=True)
class Ending:
    """What a terminal record says."""

    action: Action
    reason: str | None = None
    exc_text: str | None = None
    is_forced: bool = False
    """Whether the function was killed, or goes on although its run was given up."""


SUCCESS = Ending("success")
TIMEOUT = Failure.of(TimeoutError())


def judge(error: BaseException, asked: str | None) -> Ending:
    """Return how a run ended that raised `error`.

    Args:
      error: what came out of the run; a Cancelled here is one of an outer scope, never the run's own.
      asked: the reason for which the runtime had asked the run to end, None if it had not.
    """
    error = essence(error)
    if isinstance(error, RemoteFailure):
        return _judge_remote(error, asked)
    if isinstance(error, TaskTerminationException):
        return Ending("terminate", asked or _said("the task ended itself", error))
    if isinstance(error, TaskInactionException):
        return Ending("inaction", first_line(error) or "nothing to do")
    if isinstance(error, (RunAbandoned, RunKilled)):
        stack = error.stack if isinstance(error, RunAbandoned) else None
        return Ending("terminate", f"{asked}; {error}" if asked else str(error), stack, is_forced=True)
    if asked is not None and any(isinstance(leaf, trio.Cancelled) for leaf in _leaves(error)):
        return Ending("terminate", asked)
    text = user_traceback(error)
    said_already = isinstance(error, CallsheetError) and "\n" not in text
    return Ending("fail", describe(error) + _hint(error), None if said_already else text)


def failure_of(error: BaseException, asked: str | None, *, timed_out: bool = False) -> Failure | None:
    """Return what may be a reason to try again the run that raised `error`; None if it is not to be tried again.

    Args:
      error, asked: as :func:`judge` takes them.
      timed_out: whether it was asked to end for nothing but its timeout.
    """
    error = essence(error)
    original = error.__cause__ if isinstance(error, RemoteFailure) and error.__cause__ is not None else error
    original = essence(original)
    if isinstance(original, TaskInactionException) or is_fatal(error):
        return None
    if isinstance(error, RunAbandoned):  # it still goes on
        return None
    if timed_out:
        return TIMEOUT
    if asked is not None or isinstance(original, (InvalidRunId, UnexpectedArgument)):
        return None
    if isinstance(original, TaskSignal) and not isinstance(original, Retry):
        return None
    failure = Failure.of(original)
    return failure._replace(kinds=error.kinds) if isinstance(error, RemoteFailure) and error.kinds else failure


def essence(error: BaseException) -> BaseException:
    """Return the signal that `error` is a group of, as a nursery of the function's makes one; anything else is as it is."""
    leaves = list(_leaves(error)) if isinstance(error, BaseExceptionGroup) else []
    is_one = bool(leaves) and all(isinstance(leaf, TaskSignal) and type(leaf) is type(leaves[0]) for leaf in leaves)
    return leaves[0] if is_one else error


def end_wanted(error: BaseException) -> SchedulerExit | SchedulerRestart | None:
    """Return what a function has raised, wherever it ran, to have the app end or begin anew; None if that was something else."""
    wanted = essence(error)
    if isinstance(wanted, RemoteFailure) and wanted.__cause__ is not None:
        wanted = essence(wanted.__cause__)
    return wanted if isinstance(wanted, (SchedulerExit, SchedulerRestart)) else None


def is_fatal(error: BaseException) -> bool:
    """Return whether `error`, or one leaf of its group, must reach the root: a cancellation from outside, or a Ctrl+C.

    A Cancelled where nothing is cancelled is a stray one, which the function has kept, or taken out of its scope.
    """
    leaves = list(_leaves(error))
    if any(isinstance(leaf, KeyboardInterrupt) for leaf in leaves):
        return True
    return any(isinstance(leaf, trio.Cancelled) for leaf in leaves) and trio.current_effective_deadline() == -math.inf


def _judge_remote(error: RemoteFailure, asked: str | None) -> Ending:
    original = error.__cause__ and essence(error.__cause__)
    if isinstance(original, (TaskTerminationException, TaskInactionException)):
        return judge(original, asked)
    return Ending("fail", first_line(error), error.text)


def _said(default: str, error: BaseException) -> str:
    said = first_line(error)
    return f"{default}: {said}" if said else default


def _leaves(error: BaseException) -> Iterator[BaseException]:
    if isinstance(error, BaseExceptionGroup):
        for part in error.exceptions:
            yield from _leaves(part)
    else:
        yield error


def _hint(error: BaseException) -> str:
    """Return what to do about an error that the wrong kind of event loop makes."""
    if not isinstance(error, RuntimeError):
        return ""
    return next((hint for sign, hint in _HINTS.items() if sign in first_line(error)), "")
