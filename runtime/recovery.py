"""Recovery: what a former life of the runtime has left behind is ended and put on record, before anything else is decided."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from runtime.attempts import Recourse, after_crash, given_up
from runtime.clock import Clock
from runtime.runlog.history import History
from runtime.survivors import end_survivors


@dataclass(frozen=True, slots=True)
class Recovery:
    """How it is dealt with.

    Without threads, and at once, but for two seconds at most where a process has to be ended.
    """

    recourse_of: Callable[[str], Recourse | None] = lambda _: None
    """Returns what the task of a name has done about runs that were cut off; None if there is no such task."""
    last_lines: Callable[[Mapping[str, Any]], str | None] = lambda _: None
    """Returns the last lines that a run wrote, by its "run" record; None if nobody knows."""

    def carried_out(self, history: History, clock: Clock) -> list[dict[str, Any]]:
        """End the processes of runs that have no end, and return the records that are missing, in their order.

        One for each run that was cut off: it is closed, or goes on. One for each that waits for an attempt nobody wants any more.
        """
        begun = history.open_runs()
        left = end_survivors(begun)
        records = [self._closed(run, clock.now(), goes_on=run.get("pid") in left) for run in begun]
        given = (given_up(ended, self._recourse(ended), clock.now()) for ended in history.waiting_attempts())
        return records + [document for document in given if document is not None]

    def _closed(self, begun: Mapping[str, Any], now: float, *, goes_on: bool) -> dict[str, Any]:
        document = after_crash(begun, self._recourse(begun), now, goes_on=goes_on)
        output = self.last_lines(begun)
        return document if output is None else document | {"output": output}

    def _recourse(self, document: Mapping[str, Any]) -> Recourse | None:
        return self.recourse_of(document["task_name"])
