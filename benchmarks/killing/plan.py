"""The plan of a kill test: how each life of the victim goes, and what ends it. All of it follows from a seed."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, get_args

Way = Literal["opening", "running", "ending", "operation", "orderly"]
"""What ends a life: a kill soon after it began; while it runs; while it ends in order; in the middle of an operation on a file,
which the victim does to itself; or nothing but its orderly end."""
LOGS = ("all", "few")
"""The two run logs: one that keeps everything, and one that keeps little."""
Place = Literal["before", "amid", "after"]
PLACES: tuple[Place, ...] = get_args(Place)
OPERATIONS: dict[str, int] = {"write": 60, "rename": 5, "replace": 5, "unlink": 8, "fsync": 8, "truncate": 1, "open": 12}
"""{operation on a file of the run log: the last of how many in a life may be where it is killed}."""
FIRST_WRITES = 15
"""How many writes of a life put on record what was left open before it, where much was."""
SEGMENT_SIZES = (1_500, 6_000, 30_000)
FULL_FOR = 40
"""How many writes at most fail in a row where the disk is full."""
_WAYS: dict[Way, float] = {"opening": 3, "running": 5, "ending": 3, "operation": 6, "orderly": 2}
_AGAIN = 0.4
"""The share of kills after which the next life is killed while it starts, too."""
_WRITES, _FIRST_WRITES = 0.4, 0.7
"""The share of kills in an operation that are in a write; in one of the first, where the life is to be killed as it starts."""
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
    """Which of the two it has."""
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
    chance, number, again, mends = random.Random(seed), 0, False, False
    while True:
        number += 1
        way = (
            chance.choices(("opening", "operation"), (1, 2))[0] if again else chance.choices(list(_WAYS), list(_WAYS.values()))[0]
        )
        fatal = _operation(chance, early=again, mends=mends) if way == "operation" else None
        yield Life(
            number=number,
            log=LOGS[number // 4 % 2],  # some in a row, so that what one leaves meets the next
            way=way,
            runs_for=chance.uniform(0.05, 1.0) * pace,
            after=chance.uniform(0.0, 0.04 if way == "opening" else 0.5 * pace),
            operation=fatal,
            full=_full(chance) if chance.random() < _FULL else None,
            durability="power" if chance.random() < _POWER else "process",
            segment_size=chance.choice(SEGMENT_SIZES),
            is_patient=chance.random() < _PATIENT,
        )
        mends = fatal is not None and (fatal.name, fatal.place) == ("write", "amid")  # then there is a torn line
        again = mends or (way != "orderly" and chance.random() < _AGAIN)


def last_life(number: int, log: str) -> Life:
    """Return a life in which all that is left is done."""
    return Life(number, log, "orderly", 0.0, 0.0, None, None, "process", SEGMENT_SIZES[0], is_patient=True, is_last=True)


def _full(chance: random.Random) -> Full:
    return Full(chance.randrange(1, 200), chance.randrange(1, FULL_FOR), halts=chance.choice((True, False)))


def _operation(chance: random.Random, *, early: bool, mends: bool) -> Operation:
    place = chance.choice(PLACES)
    if mends:
        return Operation("truncate", 1, place)
    if early and chance.random() < _FIRST_WRITES:
        return Operation("write", chance.randint(1, FIRST_WRITES), place)
    name = "write" if chance.random() < _WRITES else chance.choice(list(OPERATIONS))
    return Operation(name, chance.randint(1, OPERATIONS[name]), place)
