"""Causes: why a run was to end, and who wanted it."""

from __future__ import annotations

from typing import Literal, NamedTuple, get_args

CauseKind = Literal[
    "timeout", "end_cond", "terminate", "shutdown", "restart", "overlap", "removed", "changed", "superseded", "cancelled", "log"
]
"""``timeout``: it took too long. ``end_cond``: the condition that ends it holds. ``terminate``: somebody called ``terminate()``.
``shutdown``, ``restart``: the app ends. ``overlap``: its next start is due, and takes its place. ``removed``, ``changed``: its
task has left the session, or starts otherwise. ``superseded``: it was to be tried again, but its next start comes first.
``cancelled``: the program in which the app runs has cancelled it. ``log``: that it begins could not be put on record."""

OF_MISSED = ("down", "suspended", "blocked", "deadline", "overlap", "paused", "error", "lost")
"""Why starts were missed."""
OF_RETRIES = ("fail", "timeout", "crash", "asked")
"""Why a run is tried again."""
POISON = "poison"
"""Why a crash is not."""
CAUSES: tuple[str, ...] = (*dict.fromkeys((*get_args(CauseKind), *OF_MISSED, *OF_RETRIES, POISON)),)
"""All that there are in records."""


class Cause(NamedTuple):
    """Why a run was to end."""

    kind: CauseKind
    """Becomes the record's ``cause``."""
    text: str
    """The same in words, with who asked for it; becomes the record's ``reason``."""


OVERLAP = Cause("overlap", "overlap: its next start is due")
CHANGED = Cause("changed", "its condition was changed or paused")
CANCELLED = Cause("cancelled", "the runtime was cancelled")
