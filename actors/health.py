"""Health: what is wrong with an app that runs."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Health:
    """What is wrong with an app at one moment, and will not pass by itself or has not passed yet."""

    problems: tuple[str, ...] = ()
    """Each in words that name the task, if it is one's fault."""

    @property
    def is_ok(self) -> bool:
        """Whether nothing is wrong."""
        return not self.problems


NOT_RUNNING = Health(("the app does not run",))
"""That of an app that no runtime runs."""
