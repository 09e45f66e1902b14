"""Mailbox: what waits to be read by an actor. A control lane that always comes first, and a bounded lane for everything else."""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import outcome
import trio

_CLOSED = -1


class Mailbox:
    """First in, first out, in each of its two lanes; the order between the lanes says nothing.

    It belongs to an actor over all its lives. Only one task reads it, and only the trio thread uses it. The lanes are made when
    they are needed: an empty deque alone has 600 bytes.

    Args:
      capacity: how many messages the second lane holds.
    """

    __slots__ = ("_capacity", "_reader", "_senders", "control", "room", "user")

    def __init__(self, capacity: int) -> None:
        self._capacity = self.room = capacity
        """`room`: how many there may be now: none once it is closed."""
        self.control: deque[Any] | None = None
        self.user: deque[Any] | None = None
        self._reader: trio.lowlevel.Task | None = None  # while it waits
        self._senders: deque[tuple[trio.lowlevel.Task, Any]] | None = None  # who wait for room, in their order, and with what

    def __len__(self) -> int:
        return len(self.user or ())

    @property
    def capacity(self) -> int:
        """How many messages it holds when it is open."""
        return self._capacity

    @property
    def is_open(self) -> bool:
        """Whether it takes messages."""
        return self.room != _CLOSED

    @property
    def is_empty(self) -> bool:
        """Whether nothing waits in it, in either lane."""
        return not self.user and not self.control

    def put(self, item: object, *, in_any_case: bool = False) -> bool:
        """Put a message behind the others; return whether there was room for it, or it is put in `in_any_case`."""
        if len(self.user or ()) >= self.room and not in_any_case:
            return False
        if self.user is None:
            self.user = deque()
        self.user.append(item)
        if self._reader is not None:
            self.wake()
        return True

    def put_first(self, items: list[Any]) -> None:
        """Put messages before the others, in their order, whatever room there is: they have been in it before."""
        self.user = deque((*items, *(self.user or ())))
        self.wake()

    def put_control(self, item: object) -> None:
        """Put something into the control lane, which has no bound."""
        if self.control is None:
            self.control = deque()
        self.control.append(item)
        self.wake()

    def wake(self) -> None:
        """Have its reader look again, if it waits."""
        if self._reader is not None:
            reader, self._reader = self._reader, None
            trio.lowlevel.reschedule(reader)

    def take(self) -> Any:
        """Take out what is to be read next, None if nothing is; its room goes to who has waited for some the longest."""
        if self.control:
            return self.control.popleft()
        if not self.user:
            return None
        item = self.user.popleft()
        if self._senders:
            self._let_in()
        return item

    def wait(self) -> Awaitable[object]:
        """Wait until something comes, or less: look; to be awaited at once."""
        self._reader = trio.lowlevel.current_task()
        return trio.lowlevel.wait_task_rescheduled(self._stop_waiting)  # noqa: ASYNC105  # by who calls

    async def put_in_turn(self, item: object) -> bool:
        """Wait for room, behind those who wait already, and put a message in; return False if it is closed meanwhile.

        Cancelled, it is not put in.
        """
        entry = (trio.lowlevel.current_task(), item)
        if self._senders is None:
            self._senders = deque()
        senders = self._senders
        senders.append(entry)

        def stop_waiting(_: object) -> trio.lowlevel.Abort:
            senders.remove(entry)
            return trio.lowlevel.Abort.SUCCEEDED

        is_in: bool = await trio.lowlevel.wait_task_rescheduled(stop_waiting)
        return is_in

    def close(self) -> None:
        """Take nothing any more; what is in it stays."""
        self.room = _CLOSED
        while self._senders:
            task, _ = self._senders.popleft()
            trio.lowlevel.reschedule(task, outcome.Value(value=False))

    def open(self) -> None:
        """Take messages, again."""
        self.room = self._capacity

    def remove(self, item: object) -> bool:
        """Take out one message; return whether it was in it."""
        for place, other in enumerate(self.user or ()):
            if other is item:
                assert self.user is not None
                del self.user[place]
                self._let_in()
                return True
        return False

    def remove_control(self, is_meant: Callable[[Any], bool]) -> None:
        """Take out of the control lane what is meant."""
        if self.control:
            self.control = deque(item for item in self.control if not is_meant(item))

    def drain(self) -> Iterator[Any]:
        """Take out all messages, the oldest first."""
        while self.user:
            yield self.user.popleft()

    def _let_in(self) -> None:
        """Put in what has waited the longest for room, if there is some."""
        if self._senders and self.put(self._senders[0][1]):
            task, _ = self._senders.popleft()
            trio.lowlevel.reschedule(task, outcome.Value(value=True))

    def _stop_waiting(self, _: object) -> trio.lowlevel.Abort:
        self._reader = None
        return trio.lowlevel.Abort.SUCCEEDED
