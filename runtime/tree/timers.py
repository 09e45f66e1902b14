"""Timers: messages that come to an actor later, by keys of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from actors.actor import Message
from runtime.tree.deadlines import Entry
from runtime.tree.envelopes import Tick

if TYPE_CHECKING:
    from runtime.tree.cell import Cell


class Timer:
    """One timer: what comes, and when."""

    __slots__ = ("due", "entry", "every", "is_fixed_rate", "is_pending", "message")

    def __init__(self, message: Message[Any], due: float, every: float | None, *, is_fixed_rate: bool) -> None:
        self.message, self.due, self.every, self.is_fixed_rate = message, due, every, is_fixed_rate
        self.is_pending = False
        """Whether one waits to be read."""
        self.entry: Entry | None = None


class Timers:
    """The timers of one life. At most one tick of each waits to be read, and none of what was replaced or cancelled."""

    __slots__ = ("_cell", "_timers")

    def __init__(self, cell: Cell) -> None:
        self._cell = cell
        self._timers: dict[object, Timer] = {}

    def set(self, key: object, message: Message[Any], after: float, every: float | None, *, is_fixed_rate: bool) -> None:
        """Have `message` come in `after` seconds, and every so many from then on."""
        self.cancel(key)
        timer = self._timers[key] = Timer(message, self._cell.tree.time() + after, every, is_fixed_rate=is_fixed_rate)
        self._plan(key, timer)

    def cancel(self, key: object) -> None:
        """Have none come of that key."""
        timer = self._timers.pop(key, None)
        if timer is not None and timer.entry is not None:
            self._cell.tree.deadlines.call_off(timer.entry)

    def end(self) -> None:
        """Have none come of any key."""
        for key in list(self._timers):
            self.cancel(key)

    def take(self, tick: Tick) -> bool:
        """Return whether a tick still counts; it is read now."""
        timer = self._timers.get(tick.key)
        if timer is None or timer is not tick.timer:
            return False
        timer.is_pending = False
        if timer.every is None:
            del self._timers[tick.key]
        return True

    def dealt_with(self, tick: Tick) -> None:
        """Plan the next, where that comes a while after the last was dealt with."""
        timer = self._timers.get(tick.key)
        if timer is not None and timer is tick.timer and timer.every is not None and not timer.is_fixed_rate:
            timer.due = self._cell.tree.time() + timer.every
            self._plan(tick.key, timer)

    def _plan(self, key: object, timer: Timer) -> None:
        timer.entry = self._cell.tree.deadlines.at(timer.due, lambda: self._tick(key, timer))

    def _tick(self, key: object, timer: Timer) -> None:
        if timer.every is not None and timer.is_fixed_rate:
            behind = self._cell.tree.time() - timer.due
            timer.due += timer.every * (1 + behind // timer.every)
            self._plan(key, timer)
        if not timer.is_pending:
            timer.is_pending = True
            self._cell.mailbox.put_control(Tick(timer.message, key, timer))
