"""Cron: the minutes that a crontab expression names."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo

from actors.periods.base import INF, Period, Window
from actors.zones import changes, offset

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
    gap and in the first pass of a fold; one with ``*`` as minute or hour, or with seconds, follows the clocks.

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

    @property
    def _is_fixed(self) -> bool:
        """Whether it is for fixed times, which Debian's cron does not let the clocks leave out or repeat."""
        minute, hour, *_ = fields = self.expression.split()
        return len(fields) == len(FIELDS) and not minute.startswith("*") and not hour.startswith("*")

    def _before(self, moment: float, zone: tzinfo) -> float:
        """Return a moment before which the slots do not matter to `moment`, and from which on only a few do."""
        if not self._is_fixed:
            return self._before_on_clocks(moment, zone)
        start = datetime.fromtimestamp(math.ceil(moment) + 1, zone)
        for slot in self._simulated(start, reverse=True):  # leaves out what a gap moves: so the slots are looked for forwards
            if (found := slot.timestamp()) <= moment:
                return found - 1
        return math.floor(moment) - 1

    def _before_on_clocks(self, moment: float, zone: tzinfo) -> float:
        while True:
            ahead = offset(moment, zone)
            wall = _wall(math.floor(moment) + 1, ahead)
            found = next((_moment(slot, ahead) for slot in self._simulated(wall, reverse=True)), None)
            if found is None:
                return math.floor(moment) - 1
            *_, change = (None, *changes(zone, found, moment))
            if change is None:
                return found - 1
            moment = change - 1  # before it, the clocks showed something else

    def _from(self, moment: float, zone: tzinfo) -> Iterator[float]:
        """Yield the slots after `moment`, each later than the one before: two that a gap moves to one instant are one."""
        if not self._is_fixed:
            yield from self._on_clocks(moment, zone)
            return
        latest = moment
        for slot in self._simulated(datetime.fromtimestamp(math.floor(moment), zone)):
            if (found := slot.timestamp()) > latest:
                latest = found
                yield found

    def _on_clocks(self, moment: float, zone: tzinfo) -> Iterator[float]:
        """Yield the slots after `moment` as the clocks show them: from one jump to the next, they are as in a zone without."""
        change: float | None = moment
        while change is not None:
            ahead, start, change = offset(change, zone), change, None
            for slot in self._simulated(_wall(math.floor(start) if start == moment else start - 1, ahead)):
                found = _moment(slot, ahead)
                if (change := next(changes(zone, start, found), None)) is not None:
                    break
                start = found
                if found > moment:
                    yield found

    def _simulated(self, start: datetime, *, reverse: bool = False) -> Iterator[datetime]:
        from cronsim import CronSim

        return CronSim(self.expression, start, reverse=reverse)

    def __reduce__(self) -> tuple[type[Cron], tuple[str]]:
        return Cron, (self.expression,)

    def in_words(self) -> str:
        """Return it in plain English."""
        from cronsim import CronSim

        return CronSim(self.expression, datetime(2024, 1, 1, tzinfo=UTC)).explain()

    def __str__(self) -> str:
        return f"cron {self.expression}"


def _wall(moment: float, ahead: float) -> datetime:
    """Return what clocks show at `moment` that are so many seconds ahead of UTC."""
    return datetime.fromtimestamp(moment + ahead, UTC).replace(tzinfo=None)


def _moment(wall: datetime, ahead: float) -> float:
    return wall.replace(tzinfo=UTC).timestamp() - ahead
