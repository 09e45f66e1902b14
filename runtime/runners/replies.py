"""Replies to the requests of a worker, as frames."""

from __future__ import annotations

from collections.abc import Iterable

from actors.pickled import Pickled, Piece
from actors.portable import describe, portable
from runtime.worker.protocol import Reply, frame_of


def replied(number: int, value: object, found: Iterable[Pickled]) -> list[Piece]:
    """Return the reply to a request: what it came to, and the values that go with that."""
    return frame_of(Reply(value, number=number), *found)


def refused(number: int, exc: Exception) -> list[Piece]:
    """Return the reply to a request that has raised: the error and its cause, as far as they can be sent, else its text."""
    error = portable(exc) or portable(RuntimeError(describe(exc)))
    cause = portable(exc.__cause__) if exc.__cause__ is not None else None
    return frame_of(Reply(error=error, cause=cause, number=number))
