"""What conditions know about a task: its last outcomes, kept in memory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

Action = Literal["run", "success", "fail", "terminate", "inaction", "crash"]
"""What a record says happened: ``run`` when a run starts, then exactly one of the others."""

ACTIONS: tuple[Action, ...] = get_args(Action)
TERMINAL: tuple[Action, ...] = tuple(action for action in ACTIONS if action != "run")


@dataclass(slots=True)
class Facts:
    """The last outcomes of one task. Times are seconds since the epoch; None means never.

    The runtime writes them, in its own thread, after the record is in the log; anybody may read them.
    """

    status: Action | None = None
    """The latest action."""
    run: float | None = None
    success: float | None = None
    fail: float | None = None
    terminate: float | None = None
    inaction: float | None = None
    crash: float | None = None
    due: float | None = None
    """When the latest run was due, not when it started: grids are counted from here."""
    alive: int = 0
    """Runs that have started and not ended."""

    def note(self, action: Action, created: float) -> None:
        """Take in one record."""
        self.status = action
        setattr(self, action, created)
