"""The functions whose launches are measured: they do nothing, so that all time is overhead."""

from __future__ import annotations


def nothing() -> None:
    """Do nothing, in the caller's thread."""


async def nothing_async() -> None:
    """Do nothing, as a coroutine."""
