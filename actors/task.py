"""Task: the declaration of one task actor."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypedDict

from actors.args import Signature
from actors.callables import Function, check_portable, is_generator, name_of, place_of
from actors.conds import Condition
from actors.conds.language import to_condition
from actors.config import (
    BACKENDS,
    EXECUTIONS,
    Backend,
    Execution,
    RunIdFunction,
    callable_or_none,
    to_bool,
    to_timeout,
)
from actors.errors import InvalidOption, UnknownTask
from actors.facts import Action, Facts
from actors.options import Inherited, Option, Optioned, instance_of, one_of
from actors.portable import check_parameters
from actors.timespans import TimeSpan, to_seconds

if TYPE_CHECKING:
    from actors.session import Session

StartCondition = str | bool | Condition | None
"""A condition, its text, or a constant; None is never: the task runs when it is asked to."""


class TaskOptions(TypedDict, total=False):
    """The options of a task, as keyword arguments. See :class:`Task` for their meanings and defaults."""

    execution: Execution | None
    backend: Backend | None
    parameters: Mapping[str, Any]
    timeout: TimeSpan | None
    grace: TimeSpan | None
    multilaunch: bool | None
    func_run_id: RunIdFunction | None
    on_startup: bool
    on_shutdown: bool
    priority: int
    disabled: bool
    permanent: bool
    description: str | None


def _to_parameters(given: Mapping[str, Any]) -> dict[str, Any]:
    if not isinstance(given, Mapping) or not all(isinstance(name, str) for name in given):
        raise ValueError("a mapping of parameter names to values is expected")
    return dict(given)


def _text_or_none(given: str | None) -> str | None:
    if given is not None and not isinstance(given, str):
        raise ValueError("a text is expected")
    return given


class Task(Optioned):
    """One task: a function, when it starts, and how it runs. Made by ``@app.task(...)`` or ``session.create_task(...)``.

    Options that say so fall back to the app's config. Assigning to an option takes effect at once, also while the app runs.
    """

    _fixed = frozenset({"name", "func", "session", "place", "signature"})
    start_cond = Option[StartCondition, Condition](to_condition, None)
    """When it starts by itself."""
    execution = Inherited(one_of(*EXECUTIONS))
    """``main``, ``async``, ``thread`` or ``process``; default: the app's."""
    backend = Inherited(one_of(*BACKENDS))
    """What drives an async function: ``auto``, ``trio`` or ``asyncio``; default: the app's."""
    parameters = Option[Mapping[str, Any], dict[str, Any]](_to_parameters, {})
    """Arguments of every run; those given to ``run()`` come over them."""
    timeout = Inherited[TimeSpan, float](to_timeout)
    """Seconds a run may take, infinity for ``"never"``; default: the app's."""
    grace = Inherited[TimeSpan, float](to_seconds)
    """Seconds a run may take to end once it was asked to; default: the app's."""
    multilaunch = Inherited(to_bool)
    """Whether it may be started again while it runs; default: the app's."""
    func_run_id = Inherited[RunIdFunction | None, RunIdFunction | None](callable_or_none)
    """``func_run_id(task, params) -> str``; default: the app's, else a UUID."""
    on_startup = Option(to_bool, False)
    """Whether it runs once when the app starts, whatever its condition."""
    on_shutdown = Option(to_bool, False)
    """Whether it runs once when the app ends, after all others; its condition then counts for nothing."""
    priority = Option(instance_of(int, "a whole number"), 0)
    """Higher starts first where several could; equal ones in the order of their definition."""
    disabled = Option(to_bool, False)
    """Whether its condition is disregarded; it still runs when it is asked to."""
    permanent = Option(to_bool, False)
    """Whether it runs until the app ends: no timeout, and a shutdown does not wait for it."""
    description = Option[str | None, str | None](_text_or_none, None)
    """What it is for, for people."""

    def __init__(
        self,
        session: Session,
        func: Function,
        name: str | None,
        start_cond: StartCondition,
        options: Mapping[str, Any],
    ) -> None:
        if not callable(func):
            raise TypeError(f"a task needs a function to run, not {func!r}")
        self.name: str = name if name is not None else name_of(func)
        if not isinstance(self.name, str) or not self.name:
            raise InvalidOption("a task", "name", repr(self.name), "a text that is not empty is expected")
        if is_generator(func):
            raise InvalidOption(f"task {self.name!r}", "func", self.name, "a generator does nothing when it is called")
        self.func = func
        self.session = session
        self.facts = Facts()
        self.place = place_of(func)
        self.signature = Signature.of(self.name, func)
        super().__init__({**options, "start_cond": start_cond})
        self._check_change("execution", self.execution)
        self._removed = False
        self._sealed = True

    def run(self, **params: Any) -> None:
        """Queue one run with `params`; it starts as soon as it may, whatever the condition, also if disabled.

        Before the app runs, it waits for that. From any thread, from any task.

        Raises:
          UnportableParameter: the task runs in a process, where a parameter cannot be sent.
          UnknownTask: the task was removed from its session.
        """
        if self._removed:
            raise UnknownTask(self.name, [task.name for task in self.session.tasks])
        if params and self.execution == "process":
            check_parameters(self.name, params)
        self.session.controls.launch(self.name, params)

    def terminate(self, run_id: str | None = None) -> None:
        """End the runs of this task, or the one that is meant; a launch that still waits is ended too. Returns at once."""
        self.session.controls.terminate(self.name, run_id)

    @property
    def status(self) -> Action | None:
        """The latest action: ``run`` while it runs, then how that ended; None if it never ran."""
        return self._now.status

    @property
    def n_alive(self) -> int:
        """How many of its runs are going on."""
        return self._now.alive

    @property
    def is_running(self) -> bool:
        """Whether a run is going on."""
        return self._now.alive > 0

    @property
    def last_run(self) -> datetime | None:
        """When a run last started, in local time with its zone; None if never. The others alike."""
        return _local(self._now.run)

    @property
    def last_success(self) -> datetime | None:
        """When a run last succeeded."""
        return _local(self._now.success)

    @property
    def last_fail(self) -> datetime | None:
        """When a run last failed."""
        return _local(self._now.fail)

    @property
    def last_terminate(self) -> datetime | None:
        """When a run was last terminated."""
        return _local(self._now.terminate)

    @property
    def last_inaction(self) -> datetime | None:
        """When a run last found nothing to do."""
        return _local(self._now.inaction)

    @property
    def last_crash(self) -> datetime | None:
        """When a run was last cut off by the end of the whole process."""
        return _local(self._now.crash)

    @property
    def _now(self) -> Facts:
        """The facts: its own, or in a worker those that its scheduler has."""
        return self.session.controls.facts(self.name) or self.facts

    def __repr__(self) -> str:
        return f"<Task {self.name!r} {self.execution} {self.start_cond} status={self.status}>"

    def _label(self) -> str:
        return f"task {self.name!r}"

    def _inherited(self, name: str) -> Any:
        return getattr(self.session.config, name)

    def _check_change(self, name: str, kept: Any) -> None:
        if "_sealed" in self.__dict__:
            self.session.controls.check_allowed(f"changing {name!r} of a task")
        execution = self.execution if name != "execution" else kept or self.session.config.execution
        if execution == "process" and name in ("execution", "parameters"):
            check_portable(self.name, self.func)
            check_parameters(self.name, kept if name == "parameters" else self.parameters)

    def _option_changed(self, name: str) -> None:
        if "_sealed" in self.__dict__:
            self.session.controls.task_changed(self.name)


def _local(seconds: float | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC).astimezone()
