"""Nap: a wait of a thread, of which can be told whether its process was stopped meanwhile."""

from __future__ import annotations

from time import monotonic, process_time

_WORKED = 0.1
"""The share of a time in which the process has worked that must be its own, or it was not run in that time."""


class Nap:
    """A wait that begins now, is to take so many seconds, and takes longer where the process is stopped or the machine suspended.

    It also takes longer where a function holds the GIL, or the machine has too much to do: then the process works meanwhile.
    """

    __slots__ = ("_due", "_worked")

    def __init__(self, seconds: float) -> None:
        self._due = monotonic() + seconds
        self._worked = process_time()

    def stopped(self) -> float:
        """Return for how many seconds since the nap was to end the process was not run; 0 if it was."""
        late = monotonic() - self._due
        return late if late > 0 and process_time() - self._worked < late * _WORKED else 0.0
