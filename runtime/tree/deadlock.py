"""Deadlock: who would wait for themselves."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import TypeVar

N = TypeVar("N")


def cycle(start: N, following: N, waits_of: Callable[[N], Collection[N]]) -> list[N] | None:
    """Return the way from `start` by `following` back to `start`, if `start` waiting for `following` closes one; else None.

    Args:
      waits_of: returns what a node waits for already. Each deals with one thing at a time, so that it answers nobody meanwhile.
    """
    if following is not start and not waits_of(following):  # as nearly always
        return None
    ways = [[start, following]]
    seen: list[N] = []
    while ways:
        way = ways.pop()
        if way[-1] is start:
            return way
        if not any(node is way[-1] for node in seen):
            seen.append(way[-1])
            ways += ([*way, node] for node in waits_of(way[-1]))
    return None
