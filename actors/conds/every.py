"""``every``: at a fixed rate, on a grid that does not drift."""

from __future__ import annotations

from dataclasses import dataclass

from actors.conds.base import Condition
from actors.errors import InvalidTimeSpan
from actors.facts import Facts
from actors.timespans import TimeSpan, to_seconds, to_words

SHORTEST = 0.01
"""Seconds: the shortest period that is kept on time."""


@dataclass(frozen=True, slots=True)
class Every(Condition):
    """Holds when the task was not yet started for the current slot of a grid.

    The first slot is the first moment, the others follow it by whole periods: counted from when a run was due, not from
    when it started, so that being late once does not move the rest. Slots that were missed are not made up for; only the
    latest counts. A start that was asked for by ``task.run()`` counts as one and moves the grid to itself.
    """

    seconds: float

    def holds(self, now: float, facts: Facts) -> bool:
        return facts.due is None or now >= facts.due + self.seconds or now < facts.due

    def since(self, now: float, facts: Facts) -> float:
        if facts.due is None or now < facts.due:  # never run, or the clock was set back: the grid begins now
            return now
        return facts.due + self._slot(now, facts.due) * self.seconds

    def next_change(self, now: float, facts: Facts) -> float:
        if facts.due is None:
            return now + self.seconds
        if now < facts.due:
            return facts.due
        return facts.due + (self._slot(now, facts.due) + 1) * self.seconds

    def _slot(self, now: float, start: float) -> int:
        """Return the number of the latest slot at `now` of the grid from `start`.

        Dividing alone would at times name the slot before or after, as slots are no round numbers; that slot would then run
        twice, or never become due.
        """
        number = int((now - start) / self.seconds)
        while start + number * self.seconds > now:
            number -= 1
        while start + (number + 1) * self.seconds <= now:
            number += 1
        return number

    def __str__(self) -> str:
        return f"every {to_words(self.seconds)}"


def every(span: TimeSpan) -> Every:
    """Return the condition that starts a task once in each `span`, beginning at once.

    Raises:
      InvalidTimeSpan: `span` says no length of time, or one shorter than 10 ms.
    """
    seconds = to_seconds(span)
    if not SHORTEST <= seconds < float("inf"):
        raise InvalidTimeSpan(str(span), f"a period is at least {SHORTEST:g} s, and finite")
    return Every(seconds)
