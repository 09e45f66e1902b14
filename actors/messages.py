"""The frozen messages between a session, the supervisor and the task actors.

Named tuples, since each launch makes five of them: a frozen dataclass takes three times as long to make.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

from actors.causes import Cause
from actors.errors import InvalidLimitKey
from actors.facts import Action


class Launch(NamedTuple):
    """One wish that a task runs: by its condition, or because it was asked for."""

    task: str
    number: int
    """Counts all launches of a runtime, in the order in which they were decided."""
    due: float
    """Seconds since the epoch at which the run should start."""
    params: Mapping[str, Any]
    latest: float = math.inf
    """Until when it may start; past that it is missed."""
    asked: bool = True
    """Whether somebody asked for it; else its condition did."""
    returns: Mapping[str, Any] | None = None
    """{task: what its run returned that led to this launch}, where the function asks for that."""
    attempt: int = 1
    """Which attempt of its run it is."""
    run_id: str | None = None
    """The id of the run that it goes on with; None begins one."""
    rescues: int = 0
    """How many of the attempts before were cut off by the end of the whole process, and are not counted as attempts of its."""


class Start(NamedTuple):
    """Supervisor to task actor: this launch may run now."""

    launch: Launch
    execution: str
    """The mode it was admitted in."""
    refused: InvalidLimitKey | None = None
    """Why the function is not called: nobody could say which limits apply."""


class Stop(NamedTuple):
    """Supervisor to task actor: end when the last run has ended."""


class Cancel(NamedTuple):
    """Supervisor to task actor: end these runs."""

    cause: Cause
    """Why, and who asked for it."""
    run_id: str | None = None
    """The id of the runs that are meant; None means all of the task."""
    number: int | None = None
    """The launch that is meant; None means all."""


class RunStarted(NamedTuple):
    """Task actor to supervisor: the record ``run`` is in the log, the function begins."""

    launch: Launch
    run_id: str


class RunEnded(NamedTuple):
    """Task actor to supervisor: the terminal record is in the log."""

    launch: Launch
    run_id: str
    action: Action
    record: Mapping[str, Any]
    """The record, as its columns."""
    is_failure: bool = False
    """Whether it failed, or took longer than it may."""


class AttemptEnded(NamedTuple):
    """Task actor to supervisor: the record ``retry`` is in the log, and the run goes on with its next attempt."""

    launch: Launch
    run_id: str
    retry_at: float
    """Seconds since the epoch at which that is to begin."""


class Ask(NamedTuple):
    """Session to supervisor: run a task with these parameters."""

    task: str
    params: Mapping[str, Any]
    at: float
    """Seconds since the epoch at which it was asked."""


class Terminate(NamedTuple):
    """Session to supervisor: end all runs of a task, and its launches that wait."""

    task: str
    cause: Cause
    run_id: str | None = None


class TaskAdded(NamedTuple):
    """Session to supervisor: the session has a new task."""

    task: str


class TaskRemoved(NamedTuple):
    """Session to supervisor: a task left the session; its runs end, its waiting launches are dropped."""

    task: str
    by: str


class TaskChanged(NamedTuple):
    """Session to supervisor: an option of a task, or of the config (``task`` is None), has a new value."""

    task: str | None
    catch_up: bool = False
    """Whether slots of a condition that is followed again count that came meanwhile."""


class ParametersChanged(NamedTuple):
    """Session to supervisor: parameters of the session have new values, or are gone."""

    names: frozenset[str]


class Answered(NamedTuple):
    """From who asks the functions of custom conditions to supervisor: the answer is among the task's facts."""

    task: str


class Halt(NamedTuple):
    """A run to supervisor: it was cancelled from outside of the runtime, which therefore ends; start nothing more."""


class ShutDown(NamedTuple):
    """Session to supervisor: end the runtime."""

    force: bool
    """Whether running tasks are cancelled at once, without the time to finish."""
    reason: str = "shutdown"
    restart: bool = False
    """Whether the app starts again afterwards."""
    signals: int = 0
    """Which signal in a row it is that asks for it: the second is `force`, the third kills. 0 is none."""
    hurries: bool = True
    """Whether it is `force` where the app ends already; else it changes nothing then."""


ToSupervisor = (
    Answered
    | AttemptEnded
    | RunStarted
    | RunEnded
    | Ask
    | Terminate
    | TaskAdded
    | TaskRemoved
    | TaskChanged
    | ParametersChanged
    | Halt
    | ShutDown
)
ToTaskActor = Start | Cancel | Stop
