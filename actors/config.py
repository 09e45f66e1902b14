"""Config: the settings of an app."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from datetime import tzinfo
from typing import TYPE_CHECKING, Any, Literal, get_args

from actors.args.base import MATERIALIZE, Materialize
from actors.changes import SetOption
from actors.conds.base import Condition
from actors.conds.option import StartCondition, read
from actors.controls import HERE, Standby
from actors.options import Option, Optioned, instance_of, one_of
from actors.retries import Retry, to_retries
from actors.timespans import TimeSpan, to_seconds
from actors.zones import to_zone

if TYPE_CHECKING:
    from pathlib import Path

    from actors.session import Session

Execution = Literal["main", "async", "thread", "process"]
Backend = Literal["auto", "trio", "asyncio"]
EXECUTIONS: tuple[str, ...] = get_args(Execution)
BACKENDS: tuple[str, ...] = get_args(Backend)
DURABILITIES = ("process", "power")
ON_LOG_FAILURE = ("continue", "halt")
OnOrphan = Literal["mark", "rerun"]
ON_ORPHAN: tuple[str, ...] = get_args(OnOrphan)
Misfire = Literal["latest", "skip", "all"]
"""What becomes of slots that passed while nobody looked: run the latest of them, none, or all."""
MISFIRES: tuple[str, ...] = get_args(Misfire)
Overlap = Literal["skip", "queue_one", "queue", "cancel_running", "allow"]
"""What becomes of a slot that comes while the task runs."""
OVERLAPS: tuple[str, ...] = get_args(Overlap)
RESTARTS = ("replace", "relaunch", "recall")
NEVER = float("inf")

RunIdFunction = Callable[..., str]
"""``func_run_id(task, params) -> str``; `params` is a mapping of the launch's parameters."""


def to_timeout(given: TimeSpan) -> float:
    """Return a timeout in seconds; ``"never"`` is infinity, and 0 is refused."""
    if isinstance(given, str) and given.strip().lower() == "never":
        return NEVER
    if not (seconds := to_seconds(given)):
        raise ValueError('a time above 0 is expected, or "never"')
    return seconds


def to_log(given: str | os.PathLike[str] | None) -> Path | None:
    """Return the path of the run log, made absolute so that it stays the same file; None for memory."""
    if given == "":
        raise ValueError("the path of a file is expected, or None, which keeps records in memory")
    from pathlib import Path  # takes 5 ms to import

    return None if given is None else Path(given).absolute()


def to_count(given: int) -> int:
    """Return a number of at least 1."""
    if not isinstance(given, int) or isinstance(given, bool) or given < 1:
        raise ValueError("a whole number of at least 1 is expected")
    return given


def count_or_none(given: int | None) -> int | None:
    """Return a number of at least 1, or None."""
    return None if given is None else to_count(given)


def callable_or_none(given: RunIdFunction | None) -> RunIdFunction | None:
    """Return `given` if it can be called, or None."""
    if given is not None and not callable(given):
        raise ValueError("a function is expected")
    return given


def text_or_none(given: str | None) -> str | None:
    """Return `given` if it is a text, or None."""
    if given is not None and not isinstance(given, str):
        raise ValueError("a text is expected")
    return given


def to_misfire(given: Misfire) -> Misfire:
    """Return `given` if it is one of the ways to handle missed slots."""
    return one_of(*MISFIRES)(given)  # type: ignore[return-value]  # it is one of them


def overlap_or_none(given: Overlap | None) -> Overlap | None:
    """Return `given` if it is one of the ways to handle overlap, or None."""
    return None if given is None else one_of(*OVERLAPS)(given)  # type: ignore[return-value]  # it is one of them


def to_on_orphan(given: OnOrphan) -> OnOrphan:
    """Return `given` if it is one of the things to do with runs that the end of the whole process has cut off."""
    return one_of(*ON_ORPHAN)(given)  # type: ignore[return-value]  # it is one of them


def to_materialize(given: Materialize) -> Materialize:
    """Return `given` if it is a place where arguments find their values."""
    return one_of(*MATERIALIZE)(given)  # type: ignore[return-value]  # it is one of them


to_bool = instance_of(bool, "True or False")


class ConditionOption(Option[StartCondition, "Condition | None"]):
    """A condition that need not be there, read by the names that its holder knows."""

    def __init__(self) -> None:
        super().__init__(lambda _: None, None)

    def converted(self, holder: Optioned, value: StartCondition) -> Condition | None:
        return None if value is None else holder.condition(value)


class Config(Optioned):
    """The settings of an app, and the defaults of its tasks. Assigning to one takes effect at once, also while it runs."""

    execution = Option(one_of(*EXECUTIONS), "async")
    """How tasks run: ``main``, ``async``, ``thread`` or ``process``."""
    backend = Option(one_of(*BACKENDS), "auto")
    """What drives async functions; ``auto`` is asyncio for functions whose own code names it, else trio."""
    multilaunch = Option(to_bool, False)
    """Whether a task may be started again while it runs."""
    func_run_id: Option[RunIdFunction | None, RunIdFunction | None] = Option(callable_or_none, None)
    """What gives runs their ids; None is a UUID."""
    timeout: Option[TimeSpan, float] = Option(to_timeout, "30 minutes")
    """How long a run may take before it is terminated, or ``"never"``."""
    grace: Option[TimeSpan, float] = Option(to_seconds, "5 seconds")
    """How long a run may take to end by itself once it was asked to: a thread, before it is abandoned, and what takes a
    ``TerminationFlag``, before it is cancelled."""
    cleanup: Option[TimeSpan, float] = Option(to_seconds, "5 seconds")
    """How long a run may take to clean up once it is cancelled, before its process is killed or its coroutine given up."""
    interrupt = Option(to_bool, False)
    """Whether a thread that has not ended in its grace is interrupted: ``TaskTerminationException`` is raised in it, wherever it
    is in its Python code, which may be where nobody expects an exception."""
    max_process_count = Option(to_count, os.cpu_count() or 1)
    """How many process runs there may be at a time; more wait."""
    max_thread_count = Option(to_count, 40)
    """How many thread runs there may be at a time; more wait."""
    max_abandoned_threads = Option(to_count, 16)
    """How many threads may go on that were abandoned; while there are more, thread runs fail."""
    shutdown_wait: Option[TimeSpan, float] = Option(to_seconds, "5 seconds")
    """How long a graceful shutdown lets runs finish before it ends them; all of it takes 4.3 seconds longer at most."""
    stall_after: Option[TimeSpan, float] = Option(to_timeout, "1 second")
    """How long the scheduler may make no step, since a function blocks it, before the log and ``session.health`` tell which one
    and at which line; or ``"never"``."""
    stop_when_idle = Option(to_bool, False)
    """Whether the app ends by itself once nothing runs, nothing waits and no condition can come true: for batch jobs."""
    restarting = Option(one_of(*RESTARTS), "replace")
    """What ``session.restart()`` does: ``replace`` the process by a new one, ``relaunch`` a new one and end this, or ``recall``
    the app in the same one. Within a program that is not the app's own, it is ``recall``."""
    on_hold = Option(to_bool, False)
    """Whether nothing is started: conditions are not followed meanwhile, and launches that are asked for wait."""
    param_materialize: Option[Materialize, Materialize] = Option(to_materialize, "post")
    """Where arguments that are functions find their value: ``pre`` in the scheduler, or ``post`` where the task runs."""
    timezone: Option[str | tzinfo | None, tzinfo | None] = Option(to_zone, None)
    """On whose clocks conditions look: the IANA name of a zone, or a ``tzinfo``; None is the machine's own zone."""
    shut_cond = ConditionOption()
    """Ends the app, as ``session.shut_down()`` does, once it holds; None is never."""
    env: Option[str | None, str | None] = Option(text_or_none, None)
    """What the condition ``env 'test'`` compares with."""
    misfire: Option[Misfire, Misfire] = Option(to_misfire, "latest")
    """What becomes of slots that passed while the app was down or suspended: ``latest`` runs the last of them, ``skip`` none,
    ``all`` as many as ``catchup_limit`` and ``catchup_window`` allow, oldest first. What does not run is put on record."""
    overlap: Option[Overlap | None, Overlap | None] = Option(overlap_or_none, None)
    """What becomes of a slot that comes while the task runs: ``skip``, ``queue_one``, ``queue``, ``cancel_running`` or ``allow``;
    None is ``allow`` for tasks that are ``multilaunch``, else ``skip``."""
    catchup_limit = Option(to_count, 10)
    """How many slots ``misfire="all"`` makes up for at most, the latest ones."""
    catchup_window: Option[TimeSpan, float] = Option(to_seconds, "24 hours")
    """How old slots may be that it makes up for."""
    queue_limit = Option(to_count, 10)
    """How many slots ``overlap="queue"`` keeps at most."""
    retries: Option[int | Retry, Retry] = Option(to_retries, 0)
    """How often a run that failed is tried again, or a :class:`Retry` that also says when and after which errors."""
    on_orphan: Option[OnOrphan, OnOrphan] = Option(to_on_orphan, "mark")
    """What becomes of a run that the end of the whole process has cut off, if its ``retries`` do not go on with it: ``mark`` puts
    it on record as a crash, ``rerun`` runs it again at the next start, with its parameters. For that these are in the run log,
    as plain text: give such a task no secrets."""
    max_rescues = Option(to_count, 1)
    """How often ``on_orphan="rerun"`` runs one run again; after that it is a crash, with the cause ``poison``."""
    fresh = Option(to_bool, False)
    """Whether each process run gets a process of its own, which does nothing before it or after it."""
    max_runs_per_worker: Option[int | None, int | None] = Option(count_or_none, None)
    """How many runs a worker process does before it is replaced; None is no limit."""
    capture_output = Option(to_bool, True)
    """Whether what runs print and log is kept, for ``callsheet logs`` and for the records of runs that did not succeed."""
    log: Option[str | os.PathLike[str] | None, Path | None] = Option(to_log, ".callsheet/runs.jsonl")
    """The file of the run log, relative to the working directory at that time; None keeps records in memory."""
    durability = Option(one_of(*DURABILITIES), "process")
    """What records outlive at once: the end of the ``process``, however it comes; or a loss of ``power``, so that a function
    begins, and its outcome is seen, only when the disk has confirmed the record, some milliseconds later."""
    on_log_failure = Option(one_of(*ON_LOG_FAILURE), "continue")
    """What becomes of the app if the run log cannot be written: it goes on, and 10,000 records wait in memory, the latest; or it
    starts no function any more, ends in order, and raises ``LogFailed``."""
    keep: Option[TimeSpan, float] = Option(to_timeout, "30 days")
    """How long runs stay in the run log, or ``"never"`` for all; of each task the last that ended in each way always does."""
    keep_runs: Option[int | None, int | None] = Option(count_or_none, 1000)
    """How many runs of each task, the latest, stay in the run log; None is all. More may be there until it is tidied up."""

    def __init__(self, given: Mapping[str, Any], session: Session) -> None:
        self._session = session
        super().__init__(given)
        self._sealed = True

    def condition(self, given: StartCondition) -> Condition:
        """Return `given` as a condition, by the names of the session."""
        return read(given, self._session)

    def _label(self) -> str:
        return "App"

    def _current(self, name: str) -> Any:
        kept = self._session.controls.kept(None, name)
        return self._kept[name] if kept is HERE else kept

    def _changed_elsewhere(self, name: str, value: Any) -> bool:
        return self._session.controls.elsewhere(SetOption(None, name, value))

    def _check_change(self, name: str, kept: Any) -> None:
        if name == "shut_cond" and not isinstance(self._session.controls, Standby):
            self._session.check_shut_cond(kept)
        if name == "execution":
            for task in self._session.tasks:
                task.check_default_execution(kept)

    def _option_changed(self, name: str) -> None:
        if "_sealed" in self.__dict__:
            self._session.controls.task_changed(None)
