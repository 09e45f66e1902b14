"""The records of the run log, and the models that queries return.

Records of the actions ``missed`` and ``error`` are about no run, and have an empty ``run_id``. A run that is tried again has a
``run`` and a ``retry`` for each attempt but the last.
A model is a selection of the columns: ``repo.model = MinimalRunRecord`` and queries return that. Times are seconds since
the epoch, ``runtime`` is seconds.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from actors.facts import EVENTS, Event
from actors.progress import Progress

if TYPE_CHECKING:
    from actors.statistics import TaskStats

NUMBER = (float, int)
KEPT_PARAMS = (dict, type(None))
EARLIEST, LATEST = -6e10, 2.5e11
"""Between these is what may be a moment, in seconds since the epoch: all of it is in the years that a calendar has."""
MOST = 2**31
"""No count of a record is higher."""
NOTES = ("progress", "worker", "late")
"""The actions of notes that are about a run."""
_MOMENTS = frozenset({"first", "last", "retry_at"})
_COUNTS = frozenset({"count", "attempt", "attempts", "rescues"})
_TEXTS = frozenset({"reason", "exc_text", "output", "cause", "blocker", "afterwards"})
_RARE = _MOMENTS | _COUNTS | _TEXTS | {"pid", "params"}


@dataclass(frozen=True, slots=True, kw_only=True)
class MinimalRecord:
    """What happened to which task, when."""

    created: float
    """When the record was written."""
    task_name: str
    action: Event


@dataclass(frozen=True, slots=True, kw_only=True)
class MinimalRunRecord:
    """What happened to which run of which task, when."""

    created: float
    task_name: str
    run_id: str
    action: Event


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskLogRecord:
    """The outcome of a task's run, without saying which run."""

    created: float
    task_name: str
    action: Event
    start: float | None = None
    """When the run began; None where it never did."""
    end: float | None = None
    runtime: float | None = None
    reason: str | None = None
    """Why it ended so, in a line."""
    exc_text: str | None = None
    """The traceback of a failure."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskRunRecord:
    """Everything the run log knows of one event of one run."""

    created: float
    task_name: str
    run_id: str
    action: Event
    start: float | None = None
    end: float | None = None
    runtime: float | None = None
    execution: str | None = None
    """The execution mode."""
    due: float | None = None
    """When the run should have started."""
    late: float | None = None
    """How many seconds after that it did; of a further attempt, with all that came before."""
    reason: str | None = None
    exc_text: str | None = None
    output: str | None = None
    """The last lines, 20 at most, that a run which did not succeed has printed or logged; those of a command in any case."""
    progress: Progress | None = None
    """How far it was, as its function told last."""
    cause: str | None = None
    """Why starts were missed: ``down``, ``suspended``, ``blocked``, ``deadline``, ``overlap``, ``paused``,
    ``error`` or ``lost``.
    Why a run is tried again: ``fail``, ``timeout``, ``crash`` or, where its function wants it, ``asked``.
    Why a crash is not: ``poison``, it was run again too often.
    Why a run was to end: see :data:`~actors.causes.CauseKind`."""
    count: int | None = None
    """How many starts were missed; 1000 is that many or more."""
    first: float | None = None
    """When the first of them was due; the last likewise."""
    last: float | None = None
    blocker: str | None = None
    """The id of the run that was in the way, or the tasks whose return values were lost."""
    attempt: int | None = None
    """Which attempt of the run it is about; None where none may follow the first."""
    attempts: int | None = None
    """How many there may be."""
    rescues: int | None = None
    """How often it was run again as the whole runtime had died; None is never."""
    retry_at: float | None = None
    """When the next one is to begin."""
    pid: int | None = None
    """The process it ran in, where that was one of its own and the whole runtime died before it did."""
    params: dict[str, Any] | None = None
    """What the run was launched with, for the next attempt; None where that is no plain data, and cannot be kept."""


def is_record(document: Mapping[str, Any]) -> bool:
    """Return whether `document` is a record; the run log may hold what somebody else put there."""
    return document.get("action") in EVENTS and _has_shape(document)


def is_note_of_run(document: Mapping[str, Any]) -> bool:
    """Return whether `document` is what the runtime notes of a run, beside its records."""
    return document.get("action") in NOTES and _has_shape(document)


def is_moment(value: object) -> bool:
    """Return whether `value` is seconds since the epoch that a calendar has: milliseconds, for example, are not."""
    return isinstance(value, NUMBER) and EARLIEST < value < LATEST


def _has_shape(document: Mapping[str, Any]) -> bool:
    """Return whether `document` has what every record has, and what else it has is as in a record.

    But for ``progress``, which earlier versions did not check: see :func:`actors.progress.progress_in`.
    """
    get = document.get  # asked of each of a million documents: without a loop it takes a half of the time
    try:
        return (
            isinstance(get("task_name"), str)
            and isinstance(get("run_id"), str)
            and EARLIEST < get("created", LATEST) < LATEST
            and EARLIEST < get("start", 0.0) < LATEST
            and EARLIEST < get("end", 0.0) < LATEST
            and EARLIEST < get("due", 0.0) < LATEST
            and isinstance(get("runtime", 0.0), NUMBER)
            and isinstance(get("late", 0.0), NUMBER)
            and isinstance(get("execution", ""), str)
            and (_RARE.isdisjoint(document) or all(_fits(column, document[column]) for column in _RARE & document.keys()))
        )
    except TypeError:  # something else stands where a number should
        return False


def _fits(column: str, value: object) -> bool:
    """Return whether `value` may be in a column that few records have."""
    if column in _COUNTS:
        return isinstance(value, NUMBER) and 0 <= value <= MOST
    if column in _TEXTS:
        return isinstance(value, str)
    if column in _MOMENTS:
        return is_moment(value)
    return isinstance(value, int) if column == "pid" else isinstance(value, KEPT_PARAMS)


def run_key(document: Mapping[str, Any]) -> tuple[str, str, float | None]:
    """Return what the records of one run have in common; ids made from parameters may come again, starts do not."""
    return document["task_name"], document["run_id"], document.get("start")


class Query(Protocol):
    """Records that match, oldest first."""

    def all(self) -> list[Any]:
        """Return all of them, as the repo's model."""
        ...

    def first(self) -> Any | None:
        """Return the oldest, or None."""
        ...

    def last(self) -> Any | None:
        """Return the newest, or None."""
        ...

    def count(self) -> int:
        """Return how many there are."""
        ...

    def limit(self, n: int) -> Query:
        """Return the first `n` of them, as a query."""
        ...

    def __iter__(self) -> Iterator[Any]: ...


class Repo(Protocol):
    """The run log, as one asks it."""

    @property
    def model(self) -> type[Any]:
        """The record model that queries return; may be assigned to."""
        ...

    @model.setter
    def model(self, model: type[Any]) -> None: ...

    @property
    def table(self) -> Any:
        """The TinyDB table itself, for ``table.search(where(...))``."""
        ...

    def filter_by(self, **columns: object) -> Query:
        """Return the records whose columns have these values, or what an operator of :mod:`actors.opers` asks."""
        ...

    def stats(self, task: str | None = None, since: object = None, until: object = None) -> Mapping[str, TaskStats]:
        """Return each task in numbers, by name, or `task` alone, of the time from `since` to `until`."""
        ...
