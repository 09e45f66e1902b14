"""Timeouts: which run has to end when, on trio's clock."""

from __future__ import annotations

from collections.abc import Callable

from actors.causes import Cause
from actors.messages import Cancel
from actors.timespans import to_words
from runtime.agenda import Agenda
from runtime.task_actor import TaskActor


class Timeouts:
    """The timeouts of the runs that go on. One agenda for all costs less than a deadline for each scope.

    Runs that may take equally long are due in the order in which they began, so that only the first of them is on the agenda:
    most begin and end without being planned there.

    Args:
      time: returns what trio's clock shows.
    """

    def __init__(self, time: Callable[[], float]) -> None:
        self._time = time
        self._agenda: Agenda[float] = Agenda()  # {timeout: when to look at its queue, which may be too early}
        self._queues: dict[float, dict[int, tuple[TaskActor, float]]] = {}  # {timeout: {number: actor, when it is due}, in order}
        self._queue_of: dict[int, dict[int, tuple[TaskActor, float]]] = {}  # {number: where it is}

    def set(self, number: int, actor: TaskActor, timeout: float) -> float:
        """Let the run of that launch end after `timeout` seconds; return when that is."""
        moment = self._time() + timeout
        if (queue := self._queues.get(timeout)) is None:
            queue = self._queues[timeout] = {}
            self._agenda.set(timeout, moment)
        queue[number] = actor, moment
        self._queue_of[number] = queue
        return moment

    def drop(self, number: int) -> None:
        """Forget a run, which has ended."""
        if (queue := self._queue_of.pop(number, None)) is not None:
            del queue[number]

    def enforce(self) -> float:
        """End the runs that took too long, and return when to look again."""
        now = self._time()
        for timeout in self._agenda.take_due(now):
            queue = self._queues[timeout]
            for number, (actor, moment) in list(queue.items()):
                if moment > now:
                    break
                self.drop(number)
                cause = Cause("timeout", f"timeout: it took longer than {to_words(timeout)}")
                actor.mailbox.put(Cancel(cause, number=number))
            if (first := next(iter(queue.values()), None)) is not None:
                self._agenda.set(timeout, first[1])
            else:
                del self._queues[timeout]
                self._agenda.drop(timeout)  # also its rank: no two timeouts need be the same
        return self._agenda.next_moment()
