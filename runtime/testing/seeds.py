"""Seeds: the order in which trio turns to its tasks, made to follow from a number.

Trio leaves that order to chance, so that nobody relies on it. What it does for its own tests with Hypothesis is done here with a
seed: private names of trio's, which are known to this module only, and held by tests.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from random import Random

from trio._core import _run

_SWITCH = "_ALLOW_DETERMINISTIC_SCHEDULING"


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Have what runs on trio in the block take its turns as `seed` decides. One such block at a time in a process."""
    before, state = getattr(_run, _SWITCH), _run._r.getstate()
    setattr(_run, _SWITCH, True)
    _run._r.seed(seed)
    try:
        yield
    finally:
        setattr(_run, _SWITCH, before)
        _run._r.setstate(state)


def drawn_seed() -> int:
    """Return a seed by chance."""
    return Random().getrandbits(32)


def derived_random() -> Random:
    """Return a new generator, which follows from the seed where the order of trio does, and is a random one elsewhere."""
    return Random(_run._r.getrandbits(64))
