"""What a worker does about a function that has used up its memory."""

from __future__ import annotations

import resource


def is_shortage(error: BaseException | None) -> bool:
    """Return whether `error` says that memory has run out, or has come of one that does."""
    while error is not None:
        if isinstance(error, MemoryError):
            return True
        if isinstance(error, BaseExceptionGroup) and any(map(is_shortage, error.exceptions)):
            return True
        error = error.__context__
    return False


def make_room() -> None:
    """Lift this process's limit of memory, so that it can still tell what has happened. It must not be used again."""
    _, most = resource.getrlimit(resource.RLIMIT_DATA)
    resource.setrlimit(resource.RLIMIT_DATA, (most, most))
