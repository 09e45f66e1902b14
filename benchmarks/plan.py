"""The plan of a soak: what is launched, what meets it, and what may come of that. All of it follows from a seed."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

Manner = Literal["many", "one", "timed", "retried"]
"""How a task may be launched, and how its runs are ended: ``many`` at a time, each by its id; ``one`` at a time, all by the name
of the task; ``timed``, many at a time, by their timeout; ``retried`` as ``many``, and tried again where they fail."""

MANNERS: tuple[Manner, ...] = ("many", "one", "timed", "retried")
ACTIONS = ("success", "fail", "inaction", "terminate")

_PLAIN = {"returns": 20.0, "raises": 4.0, "inacts": 3.0, "unpicklable": 2.0}
_STUBBORN = {"swallows 1": 1.0, "swallows 2": 1.0, "cleans up": 1.0, "shields": 0.5}

ENDS: dict[str, dict[str, float]] = {
    "main": _PLAIN,
    "async": {**_PLAIN, "hangs": 4.0, **_STUBBORN},
    "asyncio": {**_PLAIN, "hangs": 4.0, **_STUBBORN, "blocks": 0.2},
    "thread": {**_PLAIN, "hangs": 4.0, "ignores": 0.5},
    "process": {
        **_PLAIN,
        "asks": 3.0,
        "returns much": 1.0,
        "hangs": 1.5,
        "hangs with a child": 0.5,
        "ignores": 0.5,
        "exits": 0.5,
        "dies": 0.5,
    },
    "command": {"returns": 20.0, "raises": 4.0, "hangs": 4.0, "ignores": 0.5, "dies": 1.0},
}
"""{kind of task: {how its runs end: how often}}."""

_OFTEN = {"main": 1.0, "async": 4.0, "asyncio": 3.0, "thread": 3.0, "process": 2.0, "command": 1.5}
_ENDLESS = ("hangs", "swallows", "cleans up", "shields")
_SLOW = {"ignores": 0.3, "blocks": 0.3, "cleans up": 0.3, "shields": 2.0}
"""{how a run ends: how many seconds it takes before at most}; others take ``_SHORT``, if any."""
_SHORT = 0.005
_LASTING, _ENDED, _KILLED = 0.3, 0.1, 0.01
"""The share of launches that take any time, that are ended though they would end by themselves, and with which a child of the
scheduler is killed."""


@dataclass(frozen=True, slots=True)
class Planned:
    """One launch."""

    number: int
    kind: str
    """Where it runs: ``main``, ``async`` (on trio), ``asyncio``, ``thread``, ``process`` or ``command``."""
    manner: Manner
    end: str
    """How the function ends if nobody interferes."""
    seconds: float
    """How long it takes before that."""
    is_ended: bool
    """Whether it is asked to end, in the way of its manner."""
    after: float
    """How many seconds after its start; after its launch, where its whole task is."""
    kills: bool
    """Whether some child of the scheduler is killed then."""

    @property
    def task(self) -> str:
        """The name of its task."""
        return task_name(self.kind, self.manner)

    @property
    def run_id(self) -> str:
        """The id of its run."""
        return str(self.number)


def task_name(kind: str, manner: Manner) -> str:
    """Return the name of the task of that kind and manner."""
    return f"{kind}, {manner}"


def plan(seed: int, launches: int) -> Iterator[Planned]:
    """Yield `launches` launches, the same for the same seed."""
    chance = random.Random(seed)
    kinds, often = list(_OFTEN), list(_OFTEN.values())
    for number in range(launches):
        kind = chance.choices(kinds, often)[0]
        end = chance.choices(list(ENDS[kind]), list(ENDS[kind].values()))[0]
        seconds = chance.uniform(0.0, _SLOW.get(end, _SHORT)) if end in _SLOW or chance.random() < _LASTING else 0.0
        is_ended = end.startswith(_ENDLESS) or end in _SLOW or chance.random() < _ENDED
        after = chance.choice([0.0, chance.uniform(0.0, 0.01), chance.uniform(0.0, 0.1)])
        yield Planned(number, kind, chance.choice(MANNERS), end, seconds, is_ended, after, chance.random() < _KILLED)


def plausible(planned: Planned) -> frozenset[str]:
    """Return the actions that may be the outcome of `planned`, unless its process was killed from outside."""
    natural = {"raises": "fail", "inacts": "inaction", "exits": "fail", "dies": "fail"}.get(planned.end, "success")
    if planned.end == "unpicklable" and planned.kind == "process":
        natural = "fail"
    if planned.end.startswith(("hangs", "cleans up", "shields")):
        natural = "terminate"
    may_be_ended = planned.is_ended or planned.manner in ("one", "timed")
    return frozenset({natural, "terminate"} if may_be_ended else {natural})


def is_in_order(actions: Sequence[str]) -> bool:
    """Return whether these are the actions of one run, in their order: attempts that were followed by others, and one end."""
    *before, last = actions
    return last in ACTIONS and all(action == ("run", "retry")[place % 2] for place, action in enumerate(before))
