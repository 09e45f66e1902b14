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

    Args:
      time: returns what trio's clock shows.
    """

    def __init__(self, time: Callable[[], float]) -> None:
        self._time = time
        self._agenda: Agenda[int] = Agenda()
        self._timed: dict[int, tuple[TaskActor, float]] = {}  # {number of the launch: its actor, its timeout in seconds}

    def set(self, number: int, actor: TaskActor, timeout: float) -> float:
        """Let the run of that launch end after `timeout` seconds; return when that is."""
        moment = self._time() + timeout
        self._timed[number] = actor, timeout
        self._agenda.set(number, moment)
        return moment

    def drop(self, number: int) -> None:
        """Forget a run, which has ended."""
        self._agenda.drop(number)
        self._timed.pop(number, None)

    def enforce(self) -> float:
        """End the runs that took too long, and return when to look again."""
        for number in self._agenda.take_due(self._time()):
            actor, timeout = self._timed[number]
            cause = Cause("timeout", f"timeout: it took longer than {to_words(timeout)}")
            actor.mailbox.put(Cancel(cause, number=number))
        return self._agenda.next_moment()
