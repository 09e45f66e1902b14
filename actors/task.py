"""Task: the declaration of one task actor."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, tzinfo
from typing import TYPE_CHECKING, Any, TypedDict

from actors.args import Signature
from actors.callables import Function, check_portable, is_generator, name_of, place_of
from actors.conds.base import Condition, leaves, never
from actors.conds.option import read
from actors.config import (
    BACKENDS,
    EXECUTIONS,
    Backend,
    Execution,
    RunIdFunction,
    callable_or_none,
    overlap_or_none,
    text_or_none,
    to_bool,
    to_count,
    to_misfire,
    to_timeout,
)
from actors.controls import Standby
from actors.errors import InvalidOption, UnknownTask
from actors.facts import Action, TaskFacts
from actors.limits import Limit, Limits, Rate, to_limits
from actors.options import Inherited, Option, Optioned, instance_of, one_of
from actors.policies import Misfire, Overlap
from actors.portable import check_parameters
from actors.timespans import TimeSpan, to_finite, to_seconds
from actors.zones import to_zone

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
    timezone: str | tzinfo | None
    misfire: Misfire | None
    overlap: Overlap | None
    catchup_limit: int | None
    catchup_window: TimeSpan | None
    queue_limit: int | None
    deadline: TimeSpan
    jitter: TimeSpan
    spread: TimeSpan
    limits: Limits
    description: str | None


def _to_parameters(given: Mapping[str, Any]) -> dict[str, Any]:
    if not isinstance(given, Mapping) or not all(isinstance(name, str) for name in given):
        raise ValueError("a mapping of parameter names to values is expected")
    return dict(given)


class _StartCond(Option[StartCondition, Condition]):
    """The option that may name the conditions and the tasks of the holder's session."""

    def converted(self, holder: Optioned, value: StartCondition) -> Condition:
        assert isinstance(holder, Task)
        return read(value, holder.session.conditions, holder.session.name_of)


class Task(Optioned):
    """One task: a function, when it starts, and how it runs. Made by ``@app.task(...)`` or ``session.create_task(...)``.

    Options that say so fall back to the app's config. Assigning to an option takes effect at once, also while the app runs.
    """

    _fixed = frozenset({"name", "func", "session", "place", "signature"})
    start_cond = _StartCond(lambda _: never, None)
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
    """Higher starts first where several could, else who waits longer; each minute of waiting counts as one more."""
    disabled = Option(to_bool, False)
    """Whether its condition is disregarded; it still runs when it is asked to."""
    permanent = Option(to_bool, False)
    """Whether it runs until the app ends: no timeout, and a shutdown does not wait for it."""
    timezone = Inherited[str | tzinfo | None, tzinfo | None](to_zone)
    """On whose clocks its condition looks; default: the app's."""
    misfire = Inherited[Misfire, Misfire](to_misfire)
    """What becomes of slots that passed while the app was down: ``latest``, ``skip`` or ``all``; default: the app's."""
    overlap = Inherited[Overlap | None, Overlap | None](overlap_or_none)
    """What becomes of a slot that comes while it runs: ``skip``, ``queue_one``, ``queue``, ``cancel_running`` or ``allow``;
    default: the app's."""
    catchup_limit = Inherited(to_count)
    """How many slots ``misfire="all"`` makes up for; default: the app's."""
    catchup_window = Inherited[TimeSpan, float](to_seconds)
    """Seconds: how old slots may be that it makes up for; default: the app's."""
    queue_limit = Inherited(to_count)
    """How many slots ``overlap="queue"`` keeps; default: the app's."""
    deadline = Option[TimeSpan, float](to_timeout, "never")
    """Seconds after which a slot is not started any more but put on record as missed; infinity is never."""
    jitter = Option[TimeSpan, float](to_finite, 0)
    """Seconds up to which each start is delayed, by a random time that is always the same for the same slot."""
    spread = Option[TimeSpan, float](to_finite, 0)
    """Seconds over which tasks like this one are spread: each is delayed by a share that is its own on this machine."""
    limits = Option[Limits, tuple[Limit | Rate, ...]](to_limits, ())
    """What its runs share with those of other tasks: ``limit("db", 2)``, ``rate("api", 20, per="1 minute")``, or a list of them.
    Changing it counts for launches that wait; runs that go on keep what they hold."""
    description = Option[str | None, str | None](text_or_none, None)
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
        self.facts = TaskFacts()
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

    def pause(self) -> None:
        """Let its condition start nothing from now on; the same as ``disabled = True``. Runs that go on are left alone."""
        self.disabled = True

    def resume(self, *, catch_up: bool = False) -> None:
        """Follow its condition again.

        Args:
          catch_up: whether slots that came meanwhile count as missed, as if the app had been down; else they count for nothing.
        """
        self._check_change("disabled", kept=False)
        self._kept["disabled"] = False
        self.session.controls.task_changed(self.name, catch_up=catch_up)

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
    def waits_for(self) -> str | None:
        """What its next launch waits for, in words, such as ``limit 'db' (2 of 2 in use)``; None if none waits."""
        return self.session.controls.waits_for(self.name)

    @property
    def last_run(self) -> datetime | None:
        """When a run last started, in the task's time zone; None if never. The others alike."""
        return self._moment(self._now.run)

    @property
    def last_success(self) -> datetime | None:
        """When a run last succeeded."""
        return self._moment(self._now.success)

    @property
    def last_fail(self) -> datetime | None:
        """When a run last failed."""
        return self._moment(self._now.fail)

    @property
    def last_terminate(self) -> datetime | None:
        """When a run was last terminated."""
        return self._moment(self._now.terminate)

    @property
    def last_inaction(self) -> datetime | None:
        """When a run last found nothing to do."""
        return self._moment(self._now.inaction)

    @property
    def last_crash(self) -> datetime | None:
        """When a run was last cut off by the end of the whole process."""
        return self._moment(self._now.crash)

    @property
    def _now(self) -> TaskFacts:
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
            if name == "start_cond" and not isinstance(self.session.controls, Standby):
                self.check_condition(kept)
        execution = self.execution if name != "execution" else kept or self.session.config.execution
        if execution == "process" and name in ("execution", "parameters"):
            check_portable(self.name, self.func)
            check_parameters(self.name, kept if name == "parameters" else self.parameters)

    def check_condition(self, condition: Condition | None = None) -> None:
        """Check that the tasks which its condition names are there; they may come later, but not after the app has started.

        Raises:
          InvalidOption: one is not; names the nearest.
        """
        condition = self.start_cond if condition is None else condition
        for leaf in leaves(condition):
            for name in leaf.watched():
                if name != self.name and name not in self.session:
                    known = [task.name for task in self.session.tasks]
                    raise InvalidOption(self._label(), "start_cond", repr(str(condition)), str(UnknownTask(name, known)))

    def _option_changed(self, name: str) -> None:
        if "_sealed" in self.__dict__:
            self.session.controls.task_changed(self.name)

    def _moment(self, seconds: float | None) -> datetime | None:
        return None if seconds is None else datetime.fromtimestamp(seconds, UTC).astimezone(self.timezone)
