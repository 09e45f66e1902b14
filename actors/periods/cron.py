"""Cron: the minutes that a crontab expression names."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo

from actors.periods.base import INF, Period, Window

NICKNAMES = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}
FIELDS = ("minute", "hour", "day-of-month", "month", "day-of-week")


@dataclass(frozen=True, slots=True, init=False)
class Cron(Period):
    """The minutes of a crontab expression: minute, hour, day of month, month, day of week; six fields begin with the second.

    Fields are those of cron, with names, lists, ranges, steps, ``L`` (last), ``#`` (nth weekday) and nicknames such as
    ``@daily``. Jumps of the clocks are handled as Debian's cron does: an expression for fixed times runs once, at the end of a
    gap and in the first pass of a fold; one with ``*`` as minute or hour follows the clocks.

    Raises:
      ValueError: it is no such expression, or no date will ever match.
    """

    expression: str
    _ahead: deque[tuple[tzinfo, float, float, Iterator[float]]] = field(init=False, compare=False, repr=False)

    def __init__(self, expression: str) -> None:
        text = " ".join(str(expression).split())
        object.__setattr__(self, "expression", NICKNAMES.get(text.lower(), text.upper()))
        object.__setattr__(self, "_ahead", deque(maxlen=1))
        self._check(text)

    def _check(self, text: str) -> None:
        from cronsim import CronSim, CronSimError

        if text.lower() == "@reboot":
            raise ValueError("@reboot is no time; give the task on_startup=True")
        if text.startswith("@") and text.lower() not in NICKNAMES:
            raise ValueError(f"{text!r} is no name of an expression; names are {', '.join(NICKNAMES)}")
        try:
            next(CronSim(self.expression, datetime(2024, 1, 1, tzinfo=UTC)))
        except CronSimError as exc:
            count = len(text.split())
            fields = f"{count} fields, where 5 are expected ({', '.join(FIELDS)})" if count not in (5, 6) else str(exc)
            raise ValueError(f"{text!r} is no cron expression: {fields[0].lower()}{fields[1:]}") from exc
        except StopIteration:
            raise ValueError(f"{text!r} can never come true: there is no such date") from None

    @property
    def length(self) -> float:
        """How long it is open each time: a minute, or a second if the expression has seconds."""
        return 60.0 if len(self.expression.split()) == len(FIELDS) else 1.0

    def _window(self, moment: float, zone: tzinfo) -> Window:
        opening, slots = self._until(moment, zone)
        following = next(slots, INF)
        while following <= moment:
            opening, following = following, next(slots, INF)
        self._ahead.append((zone, opening, following, slots))
        return Window(opening, opening + self.length, following)

    def _until(self, moment: float, zone: tzinfo) -> tuple[float, Iterator[float]]:
        """Return a slot not after `moment`, and those that follow: mostly it is but one further than at the last look."""
        with suppress(IndexError):  # taken out in one step, as other threads may ask too
            known_zone, opening, following, slots = self._ahead.pop()
            if known_zone is zone and following <= moment < 2 * following - opening:
                return following, slots
        return -INF, self._from(self._before(moment, zone), zone)

    def _before(self, moment: float, zone: tzinfo) -> float:
        """Return a moment before which the slots do not matter to `moment`, and from which on only a few do.

        Going backwards leaves out what a gap moves, so the slots themselves are always looked for forwards.
        """
        from cronsim import CronSim

        start = datetime.fromtimestamp(math.ceil(moment) + 1, zone)
        for slot in CronSim(self.expression, start, reverse=True):
            if (found := slot.timestamp()) <= moment:
                return found - 1
        return math.floor(moment) - 1

    def _from(self, moment: float, zone: tzinfo) -> Iterator[float]:
        """Yield the slots after `moment`, each later than the one before: two that a gap moves to one instant are one."""
        from cronsim import CronSim

        latest = moment
        for slot in CronSim(self.expression, datetime.fromtimestamp(math.floor(moment), zone)):
            if (found := slot.timestamp()) > latest:
                latest = found
                yield found

    def __reduce__(self) -> tuple[type[Cron], tuple[str]]:
        return Cron, (self.expression,)

    def in_words(self) -> str:
        """Return it in plain English."""
        from cronsim import CronSim

        return CronSim(self.expression, datetime(2024, 1, 1, tzinfo=UTC)).explain()

    def __str__(self) -> str:
        return f"cron {self.expression}"
