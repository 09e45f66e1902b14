"""Masked exceptions: those that a cancellation has taken the place of, on their way out of a function."""

from __future__ import annotations

import ast
import inspect
import textwrap
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
    except cancelled as exc:
        if (masked := masked_by(exc)) is not None:
            raise masked from masked.__cause__
        raise


def essential(error: BaseException) -> BaseException:
    """Return what a sync function has failed by: `error`, or the exception whose place it has taken as it ended the function."""
    masked = masked_by(error) if isinstance(error, TaskTerminationException) else None
    return error if masked is None else masked


def masked_by(cancellation: BaseException) -> Exception | None:
    """Return the exception whose place `cancellation` has taken; None if there is none.

    One that an ``except`` clause was dealing with is not, as in ``except OSError: await sleep(10)``: that was the end of it.
    """
    met: set[int] = set()
    current, masking = cancellation.__context__, cancellation
    while current is not None and id(current) not in met:
        met.add(id(current))
        if isinstance(current, type(cancellation)):
            masking = current
        elif isinstance(current, Exception):
            return None if _is_being_handled(current, masking) else current
        current = current.__context__
    return None


def _is_being_handled(error: BaseException, cancellation: BaseException) -> bool:
    """Return whether `cancellation` was raised in an ``except`` clause that had caught `error`."""
    caught = error.__traceback__
    if caught is None:
        return False
    here = next((entry for entry in _entries(cancellation.__traceback__) if entry.tb_frame is caught.tb_frame), None)
    if here is None:
        return False
    try:
        clauses = _except_clauses(caught.tb_frame.f_code)
    except (OSError, TypeError, SyntaxError):  # there is no source; most who catch something deal with it
        return True
    return any(here.tb_lineno in clause and caught.tb_lineno not in clause for clause in clauses)


def _except_clauses(code: CodeType) -> list[range]:
    """Return the lines of each ``except`` clause in a function."""
    lines, first = inspect.getsourcelines(code)
    before = max(first, 1) - 1  # of a module, `first` is 0
    nodes = ast.walk(ast.parse(textwrap.dedent("".join(lines))))
    clauses = [node for node in nodes if isinstance(node, ast.ExceptHandler)]
    return [range(before + clause.lineno, before + (clause.end_lineno or clause.lineno) + 1) for clause in clauses]


def _entries(trace: TracebackType | None) -> Iterator[TracebackType]:
    while trace is not None:
        yield trace
        trace = trace.tb_next
