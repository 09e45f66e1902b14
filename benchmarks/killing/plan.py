"""The plan of a kill test: how each life of the victim goes, and what ends it. All of it follows from a seed."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

Way = Literal["opening", "running", "ending", "operation", "orderly"]
"""What ends a life: a kill soon after it began; while it runs; while it ends in order; in the middle of an operation on a file,
which the victim does to itself; or nothing but its orderly end."""
Place = Literal["before", "amid", "after"]
OPERATIONS: dict[str, int] = {"write": 60, "rename": 5, "replace": 5, "unlink": 8, "fsync": 8, "truncate": 1, "open": 12}
"""{operation on a file of the run log: the last of how many in a life may be where it is killed}."""
SEGMENT_SIZES = (1_500, 6_000, 30_000)
FULL_FOR = 40
"""How many writes at most fail in a row where the disk is full."""
_WAYS: dict[Way, float] = {"opening": 3, "running": 5, "ending": 3, "operation": 6, "orderly": 2}
_AGAIN = 0.35
"""The share of kills after which the next life is killed while it starts, too."""
_WRITES, _FIRST_WRITES = 0.4, 0.7
"""The share of kills in an operation that are in a write; of those while a life starts."""
_FULL, _POWER, _PATIENT = 0.15, 0.2, 0.7
"""The share of lives in which the disk is full for a while, that want to outlive a loss of power, that are waited for."""


@dataclass(frozen=True, slots=True)
class Operation:
    """Where in its work on files a victim is killed."""

    name: str
    number: int
    """The how many-th of its life, the first being 1."""
    place: Place


@dataclass(frozen=True, slots=True)
class Full:
    """When the disk is full: some writes to the run log fail, then it can be written again."""

    first: int
    count: int
    halts: bool
    """Whether the app ends then."""


@dataclass(frozen=True, slots=True)
class Life:
    """One life of the victim."""

    number: int
    log: str
    """Which of the run logs it has: ``all``, which keeps everything, or ``few``, which keeps little."""
    way: Way
    runs_for: float
    """How many seconds after its start it is asked to end, or killed while it runs."""
    after: float
    """How many seconds later it is killed."""
    operation: Operation | None
    full: Full | None
    durability: Literal["process", "power"]
    segment_size: int
    is_patient: bool
    """Whether the next life begins only when all processes of this one are gone."""
    is_last: bool = False
    """Whether nothing begins any more but what was left to be done, and the app ends by itself."""


def plan(seed: int, pace: float = 1.0) -> Iterator[Life]:
    """Yield lives for ever, the same for the same seed.

    Args:
      pace: how long lives are, in comparison with the usual.
    """
    chance, number, again = random.Random(seed), 0, False
    while True:
        number += 1
        way = chance.choice(("opening", "operation")) if again else chance.choices(list(_WAYS), list(_WAYS.values()))[0]
        yield Life(
            number=number,
            log="all" if (number // 4) % 2 else "few",  # some in a row, so that what one leaves meets the next
            way=way,
            runs_for=chance.uniform(0.05, 1.0) * pace,
            after=chance.uniform(0.0, 0.04 if way == "opening" else 0.5 * pace),
            operation=_operation(chance, early=again) if way == "operation" else None,
            full=_full(chance) if chance.random() < _FULL else None,
            durability="power" if chance.random() < _POWER else "process",
            segment_size=chance.choice(SEGMENT_SIZES),
            is_patient=chance.random() < _PATIENT,
        )
        again = way != "orderly" and chance.random() < _AGAIN


def _full(chance: random.Random) -> Full:
    return Full(chance.randrange(1, 200), chance.randrange(1, FULL_FOR), halts=chance.choice((True, False)))


def _operation(chance: random.Random, *, early: bool) -> Operation:
    name = "write" if chance.random() < (_FIRST_WRITES if early else _WRITES) else chance.choice(list(OPERATIONS))
    return Operation(name, chance.randint(1, OPERATIONS[name]), chance.choice(("before", "amid", "after")))
