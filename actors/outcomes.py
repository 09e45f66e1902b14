"""Outcomes: how the life of an actor ended. Exactly one for each life, decided from the runtime's own record of who ended it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from actors.portable import describe


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a life ended: one of the classes below."""

    is_abnormal: ClassVar[bool] = False
    """Whether it is an end that nobody wanted, from which a transient actor is restarted."""


@dataclass(frozen=True, slots=True)
class Completed(Outcome):
    """It has done its work, as it said by ``ctx.complete(value)``."""

    value: Any = None

    def __str__(self) -> str:
        return "completed"


@dataclass(frozen=True, slots=True)
class Failed(Outcome):
    """An exception came out of it."""

    error: BaseException
    during_stop: bool = False
    """Whether it was being stopped: then it is an error of the shutdown, and no reason to restart it."""
    is_masked: bool = False
    """Whether a cancellation had taken the place of the exception."""

    is_abnormal: ClassVar[bool] = True

    def __str__(self) -> str:
        return f"failed{' while it was stopped' * self.during_stop}: {describe(self.error)}"


@dataclass(frozen=True, slots=True)
class Stopped(Outcome):
    """It was asked to end, and has."""

    by: str
    """Who asked: itself, its supervisor, another actor, the program."""
    reason: str = ""

    def __str__(self) -> str:
        return f"stopped by {self.by}" + (f": {self.reason}" if self.reason else "")


@dataclass(frozen=True, slots=True)
class Killed(Outcome):
    """It was asked to end, did not in its time, and was cut off."""

    by: str
    stuck: bool = False
    """Whether even that had no effect: it ignores its cancellation, and goes on."""

    is_abnormal: ClassVar[bool] = True

    def __str__(self) -> str:
        return f"killed by {self.by}" + "; it goes on, as it ignores its cancellation" * self.stuck


@dataclass(frozen=True, slots=True)
class Lost(Outcome):
    """What it ran in is gone: its process died, or the runtime crashed."""

    why: str

    is_abnormal: ClassVar[bool] = True

    def __str__(self) -> str:
        return f"lost: {self.why}"


@dataclass(frozen=True, slots=True)
class GaveUp(Outcome):
    """What it supervises failed more often than may be, or in a way that is not to be dealt with by a restart."""

    reason: str
    failures: tuple[Outcome, ...] = ()
    """The last ends of children that led to this, the latest last."""

    is_abnormal: ClassVar[bool] = True

    def __str__(self) -> str:
        return f"gave up: {self.reason}"

    @property
    def errors(self) -> tuple[Exception, ...]:
        """What the children raised, the latest last."""
        return tuple(one.error for one in self.failures if isinstance(one, Failed) and isinstance(one.error, Exception))


@dataclass(frozen=True, slots=True)
class Ignored(Outcome):
    """It declined to begin: its ``on_start`` raised :class:`actors.errors.Decline`."""

    reason: str = ""

    def __str__(self) -> str:
        return "declined to begin" + (f": {self.reason}" if self.reason else "")
