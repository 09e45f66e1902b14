"""The functions whose launches are measured: they do nothing but return, so that all time is overhead."""

from __future__ import annotations


def nothing() -> None:
    """Do nothing, in the caller's thread."""


async def nothing_async() -> None:
    """Do nothing, as a coroutine."""


def blob(size: int) -> bytes:
    """Return so many bytes, each of which was written."""
    return b"x" * size
