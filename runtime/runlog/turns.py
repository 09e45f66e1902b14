"""Turns: work in a thread that lets the scheduler come to its own meanwhile, as both wait for the same interpreter."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from time import sleep
from typing import TypeVar

T = TypeVar("T")
_AT_ONCE = 500
"""Lines that are looked at before others have a turn: about 2 ms."""
_TURN = 0.0002


def with_turns(items: Iterable[T], between: Callable[[], object] = lambda: None) -> Iterator[T]:
    """Yield `items`, and let other threads have a turn now and then, with a call of `between` after it."""
    for number, item in enumerate(items):
        if number % _AT_ONCE == _AT_ONCE - 1:
            sleep(_TURN)
            between()
        yield item
