"""Masked exceptions: those that a cancellation has taken the place of, on their way out of a function."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator
from contextlib import contextmanager
from types import CodeType, TracebackType

from actors.errors import TaskTerminationException


@contextmanager
def unmasked(cancelled: type[BaseException]) -> Iterator[None]:
    """Let an exception out of the block that one of the class `cancelled` has taken the place of.

    Where a function awaits something in a ``finally`` or at the end of a ``with`` while it is being cancelled, another
    cancellation is raised there, and the exception that was on its way is only its ``__context__``: its scope swallows both.
    """
    try:
        yield
    except (cancelled, BaseExceptionGroup) as exc:
        raise_masked(exc, cancelled)
        raise


def essential(error: BaseException) -> BaseException:
    """Return what a sync function has ended by, other than by `error` itself.

    Where that is a termination, the exception whose place it has taken; where it was raised ``from`` a termination, which
    somebody takes for an error like any other, that.
    """
    if isinstance(error, TaskTerminationException):
        masked = masked_by(error, TaskTerminationException)
        return error if masked is None else masked
    cause = error.__cause__
    while cause is not None and not isinstance(cause, TaskTerminationException):
        cause = cause.__cause__
    return error if cause is None else cause


def raise_masked(error: BaseException, cancelled: type[BaseException]) -> None:
    """Raise the exception that :func:`masked_by` finds, if there is one."""
    masked = masked_by(error, cancelled)
    if masked is not None:
        try:
            raise masked from masked.__cause__
        finally:
            del masked  # it refers to this frame, and only the garbage collector would find that out


def masked_by(error: BaseException, cancelled: type[BaseException], *around: BaseException) -> Exception | None:
    """Return the exception whose place a cancellation, or one of a group of nothing else, has taken; None if there is none.

    One that an ``except`` clause was dealing with is not, as in ``except OSError: await sleep(10)``: that was the end of it.

    Args:
      cancelled: the class of cancellations.
      around: the groups that `error` is in.
    """
    if isinstance(error, BaseExceptionGroup):
        if error.split(cancelled)[1] is not None:  # that is not lost
            return None
        found = (masked_by(part, cancelled, *around, error) for part in error.exceptions)
        return next((masked for masked in found if masked is not None), None)
    met: set[int] = set()
    current, ways_out = error.__context__, [*around, error]
    while current is not None and id(current) not in met:
        met.add(id(current))
        if isinstance(current, Exception):
            return None if _is_being_handled(current, ways_out) else current
        ways_out.append(current)
        current = current.__context__
    return None


def _is_being_handled(error: BaseException, ways_out: list[BaseException]) -> bool:
    """Return whether the first of the cancellations `ways_out` came in an ``except`` clause that had caught `error`.

    One takes the place of the other on the way out, so that each of them has seen some of the frames.
    """
    caught = error.__traceback__
    if caught is None:
        return False
    frame = caught.tb_frame
    lines = {entry.tb_lineno for way in ways_out for entry in _entries(way.__traceback__) if entry.tb_frame is frame}
    if not lines:
        return False
    try:
        clauses = _except_clauses(frame.f_code)
    except Exception:  # there is no source, or another one by now; most who catch something deal with it
        return True
    return any(caught.tb_lineno not in clause and not lines.isdisjoint(clause) for clause in clauses)


def _except_clauses(code: CodeType) -> list[range]:
    """Return the lines of each ``except`` clause in a function."""
    lines, first = inspect.getsourcelines(code)
    before = max(first, 1) - 1  # of a module, `first` is 0
    source = "".join(lines)
    if source[:1].isspace():  # it is not dedented: lines of a text in it may begin further left
        source, before = f"if True:\n{source}", before - 1
    nodes = ast.walk(ast.parse(source))
    clauses = [node for node in nodes if isinstance(node, ast.ExceptHandler)]
    return [range(before + clause.lineno, before + (clause.end_lineno or clause.lineno) + 1) for clause in clauses]


def _entries(trace: TracebackType | None) -> Iterator[TracebackType]:
    while trace is not None:
        yield trace
        trace = trace.tb_next
