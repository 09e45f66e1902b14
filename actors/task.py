"""Task: the declaration of one task actor."""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import UTC, datetime, tzinfo
from typing import TYPE_CHECKING, Any

from actors.args.base import Argument, travelling
from actors.args.signature import Signature
from actors.callables import Function, check_portable, is_generator, name_of, place_of
from actors.changes import Resume, SetOption
from actors.command_options import OPTIONS as COMMAND_OPTIONS
from actors.command_options import Argform, CommandLine, to_argform, to_cwd, to_env
from actors.conds.base import Condition, leaves, never
from actors.conds.option import StartCondition, read
from actors.config import (
    BACKENDS,
    EXECUTIONS,
    ConditionOption,
    Misfire,
    OnOrphan,
    Overlap,
    RunIdFunction,
    callable_or_none,
    count_or_none,
    overlap_or_none,
    text_or_none,
    to_bool,
    to_count,
    to_misfire,
    to_on_orphan,
    to_timeout,
)
from actors.controls import HERE, Standby
from actors.errors import InvalidOption, UnexpectedArgument, UnknownTask
from actors.facts import Action, TaskFacts
from actors.hooks import Hook, check_callback
from actors.limits import Limit, Limits, Rate, to_limits
from actors.options import Inherited, Option, Optioned, instance_of, one_of
from actors.parameters import Given
from actors.portable import check_parameters
from actors.processes import OF_PROCESSES, OF_WORKERS, idle_options, to_cpu_time, to_memory, to_nice
from actors.retries import Retry, to_retries
from actors.sizes import Size
from actors.timespans import TimeSpan, to_finite, to_seconds
from actors.zones import to_zone

if TYPE_CHECKING:
    from pathlib import Path

    from actors.commands import Command
    from actors.conds.custom import CustomConditions
    from actors.family import Family
    from actors.session import Session
    from actors.sources import Code, InFile


INSTEAD = ("command", "code", "path")
"""The options that give a task something else to run than a function."""
NAME_EXPECTED = (
    "a text without half a surrogate pair is expected, as the run log is in UTF-8; "
    "of a file's name, os.fsencode(name).decode(errors='backslashreplace') makes one"
)


def _to_callback(given: Function | None) -> Hook | None:
    return None if given is None else check_callback(Hook.of(given))


def _to_code(given: str | None) -> Code | None:
    if given is None:
        return None
    from actors.sources import Code  # as most tasks have none

    return Code.of(given)


def _to_parameters(given: Mapping[str, Any]) -> Given:
    if not isinstance(given, Mapping) or not all(isinstance(name, str) for name in given):
        raise ValueError("a mapping of parameter names to values is expected")
    return Given(given)


class _StartCond(Option[StartCondition, Condition]):
    """A condition that is never where none is given, read by the names that its holder knows."""

    def converted(self, holder: Optioned, value: StartCondition) -> Condition:
        return holder.condition(value)


class _CommandOption(Option[CommandLine | None, "Command | None"]):
    """The option that is made of what the holder's others say of commands, which therefore come before it."""

    def converted(self, holder: Optioned, value: CommandLine | None) -> Command | None:
        assert isinstance(holder, Task)
        if value is None:
            return None
        from actors.commands import Command  # as most tasks have none

        return Command.of(value, shell=holder.shell, cwd=holder.cwd, env=holder.env, argform=holder.argform)


class _PathOption(Option[str | os.PathLike[str] | None, "InFile | None"]):
    """The option that is made with ``func_name``, which therefore comes before it."""

    def converted(self, holder: Optioned, value: str | os.PathLike[str] | None) -> InFile | None:
        assert isinstance(holder, Task)
        if value is None:
            return None
        from actors.sources import InFile  # as most tasks have none

        return InFile.of(value, holder.func_name)


class Task(Optioned):
    """One task: a function or what stands for one, when it starts, and how it runs.

    It is made by ``@app.task(...)`` or ``session.create_task(...)``.

    Options that say so fall back to the app's config. Assigning to an option takes effect at once, also while the app runs.
    """

    _fixed = frozenset(
        {"name", "func", "session", "place", "signature", "command", "code", "path", "func_name", *COMMAND_OPTIONS}
    )
    start_cond = _StartCond(lambda _: never, None)
    """When it starts by itself."""
    execution = Inherited(one_of(*EXECUTIONS))
    """``main``, ``async``, ``thread`` or ``process``; default: the app's."""
    backend = Inherited(one_of(*BACKENDS))
    """What drives an async function: ``auto``, ``trio`` or ``asyncio``; default: the app's."""
    parameters: Option[Mapping[str, Any], dict[str, Any]] = Option(_to_parameters, {})
    """Arguments of every run; those given to ``run()`` come over them."""
    timeout: Inherited[TimeSpan, float] = Inherited(to_timeout)
    """Seconds a run may take, infinity for ``"never"``; default: the app's."""
    end_cond = ConditionOption()
    """Ends its runs once it holds: looked at while it runs, when it can change; None is never."""
    grace: Inherited[TimeSpan, float] = Inherited(to_seconds)
    """Seconds a run may take to end by itself once it was asked to: a thread, and what takes a ``TerminationFlag``; default: the
    app's."""
    cleanup: Inherited[TimeSpan, float] = Inherited(to_seconds)
    """Seconds a run may take to clean up once it is cancelled, before it is killed or given up; default: the app's."""
    interrupt = Inherited(to_bool)
    """Whether a thread that has not ended in its grace is interrupted by an exception; default: the app's."""
    multilaunch = Inherited(to_bool)
    """Whether it may be started again while it runs; default: the app's."""
    func_run_id: Inherited[RunIdFunction | None, RunIdFunction | None] = Inherited(callable_or_none)
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
    timezone: Inherited[str | tzinfo | None, tzinfo | None] = Inherited(to_zone)
    """On whose clocks its condition looks; default: the app's."""
    misfire: Inherited[Misfire, Misfire] = Inherited(to_misfire)
    """What becomes of slots that passed while the app was down: ``latest``, ``skip`` or ``all``; default: the app's."""
    overlap: Inherited[Overlap | None, Overlap | None] = Inherited(overlap_or_none)
    """What becomes of a slot that comes while it runs: ``skip``, ``queue_one``, ``queue``, ``cancel_running`` or ``allow``;
    default: the app's."""
    catchup_limit = Inherited(to_count)
    """How many slots ``misfire="all"`` makes up for; default: the app's."""
    catchup_window: Inherited[TimeSpan, float] = Inherited(to_seconds)
    """Seconds: how old slots may be that it makes up for; default: the app's."""
    queue_limit = Inherited(to_count)
    """How many slots ``overlap="queue"`` keeps; default: the app's."""
    retries: Inherited[int | Retry, Retry] = Inherited(to_retries)
    """How often a run that failed is tried again: a whole number, or a :class:`Retry`; default: the app's."""
    on_orphan: Inherited[OnOrphan, OnOrphan] = Inherited(to_on_orphan)
    """What becomes of a run that the end of the whole process has cut off: ``mark`` puts it on record as a crash, ``rerun`` runs
    it again, for which its parameters are kept in the run log, as plain text; default: the app's."""
    max_rescues = Inherited(to_count)
    """How often ``rerun`` runs one run again; default: the app's."""
    memory: Option[Size | None, int | None] = Option(to_memory, None)
    """Bytes that the process of a run may take on top of what it has when the run begins; more is a ``MemoryError`` there.
    Given as ``"500 MB"``, ``"2 GiB"`` or bytes; None is no limit. This and the next on Linux only."""
    cpu_time: Option[TimeSpan | None, int | None] = Option(to_cpu_time, None)
    """Seconds of processor time a run may use, in all its threads together, before its process is killed. Rounded up to whole
    ones; None is no limit."""
    nice = Option(to_nice, 0)
    """How much further back than the scheduler its processes stand when the processor is wanted: 0 to 19."""
    fresh = Inherited(to_bool)
    """Whether each of its runs gets a process of its own, which does nothing before it or after it; default: the app's."""
    max_runs_per_worker: Inherited[int | None, int | None] = Inherited(count_or_none)
    """How many runs, of whatever tasks, a worker process has done when it is replaced after one of these; default: the app's."""
    capture_output = Inherited(to_bool)
    """Whether what its runs print and log is kept, for ``callsheet logs`` and for the records of those that did not succeed. Of
    processes and commands the last lines are in these records in any case. Default: the app's."""
    deadline: Option[TimeSpan, float] = Option(to_timeout, "never")
    """Seconds after which a slot is not started any more but put on record as missed; infinity is never."""
    jitter: Option[TimeSpan, float] = Option(to_finite, 0)
    """Seconds up to which each start is delayed, by a random time that is always the same for the same slot."""
    spread: Option[TimeSpan, float] = Option(to_finite, 0)
    """Seconds over which tasks like this one are spread: each is delayed by a share that is its own on this machine."""
    limits: Option[Limits, tuple[Limit | Rate, ...]] = Option(to_limits, ())
    """What its runs share with those of other tasks: ``limit("db", 2)``, ``rate("api", 20, per="1 minute")``, or a list of them.
    Changing it counts for launches that wait; runs that go on keep what they hold."""
    on_fail: Option[Function | None, Hook | None] = Option(_to_callback, None)
    """Called with the record, a :class:`TaskRunRecord`, of each run that failed, or took longer than its timeout, for good:
    after all its retries; in a thread of its own, or if it is async awaited; it has 30 seconds. Its other parameters may have
    arguments as defaults."""
    description: Option[str | None, str | None] = Option(text_or_none, None)
    """What it is for, for people."""
    cwd: Option[str | os.PathLike[str] | None, Path | None] = Option(to_cwd, None)
    """The working directory of its command, made absolute; None is the scheduler's. These five are fixed when it is made."""
    env: Option[Mapping[str, str | None] | None, dict[str, str | None]] = Option(to_env, {})
    """What is changed for its command in the environment of the scheduler; None removes a variable."""
    shell = Option(to_bool, False)
    """Whether its command is a line for ``/bin/sh``."""
    argform: Option[Argform, str] = Option(to_argform, "--")
    """How parameters become arguments of its command: ``--`` or ``long`` for ``--name value``, ``-`` or ``short`` for
    ``-name value``. True is the flag alone, False and None are left out, a list repeats the flag."""
    code: Option[str | None, Code | None] = Option(_to_code, None)
    """The Python that it executes in place of a function; parameters are its variables, ``return_value`` what it returns."""
    func_name = Option(instance_of(str, "the name of a function"), "main")
    """The function of the file ``path`` that it runs."""
    path = _PathOption(lambda _: None, None)
    """The file whose function it runs, loaded anew for each run where that runs."""
    command = _CommandOption(lambda _: None, None)
    """The program it runs in place of a function: a list of texts or paths, or one text, split into words unless `shell`."""

    def __init__(
        self,
        session: Session,
        func: Function | None,
        name: str | None,
        start_cond: StartCondition,
        options: Mapping[str, Any],
        family: Family | None = None,
    ) -> None:
        if not callable(func) and (func is not None or all(options.get(name) is None for name in INSTEAD)):
            raise TypeError(f"a task needs a function, or one of {', '.join(INSTEAD)}, not {func!r}")
        if name is not None and (not isinstance(name, str) or not name):
            raise InvalidOption("a task", "name", repr(name), "a text that is not empty is expected")
        self.name: str = name or (name_of(func) if func is not None else "")
        if func is not None and is_generator(func):
            raise InvalidOption(f"task {self.name!r}", "func", self.name, "a generator does nothing when it is called")
        self.session = session
        self._family = family
        self.facts = TaskFacts()
        super().__init__({**options, "start_cond": start_cond})
        self.func = self._what_runs(func, options)
        self.name = self.name or getattr(self.func, "__name__", "")
        if not self.name:
            raise InvalidOption("a task", "name", repr(name), "a task with code=... needs one")
        if self.name.encode(errors="replace").decode() != self.name:  # its records would have another, and not be found
            raise InvalidOption("a task", "name", repr(self.name), NAME_EXPECTED)
        self.place = place_of(self.func)
        self.signature = Signature.of(f"task {self.name!r}", self.func)
        self._check_parameters(self.parameters)
        self._check_change("execution", self.execution)
        self._check_processes(self.execution)
        self._removed = False
        self._sealed = True

    def run(self, given: Mapping[str, Any] | None = None, /, **params: Any) -> None:
        """Queue one run with `params`, over those `given`; it starts as soon as it may, whatever the condition, also if disabled.

        Before the app runs, it waits for that. From any thread, from any task.

        Raises:
          UnportableParameter: the task runs in a process, where a parameter cannot be sent.
          UnknownTask: the task was removed from its session.
        """
        if self._removed:
            raise UnknownTask(self.name, [task.name for task in self.session.tasks])
        params = {**(given or {}), **params}
        if params and self.execution == "process" and self.command is None:
            check_parameters(self.name, travelling(params, self.session.config.param_materialize))
        self.session.controls.launch(self.name, params)

    def pause(self) -> None:
        """Let its condition start nothing from now on; the same as ``disabled = True``. Runs that go on are left alone."""
        self.disabled = True

    def resume(self, *, catch_up: bool = False) -> None:
        """Follow its condition again.

        Args:
          catch_up: whether slots that came meanwhile count as missed, as if the app had been down; else they count for nothing.
        """
        if self.session.controls.elsewhere(Resume(self.name, catch_up=catch_up)):
            return
        self._kept["disabled"] = False
        self.session.controls.task_changed(self.name, catch_up=catch_up)

    def delete(self) -> None:
        """Remove it from its session: see :meth:`Session.remove_task`."""
        self.session.remove_task(self)

    def resolved(self, key: object) -> str:
        """Return the name in the app of the task that this one calls `key`, by the names of its group before those of the app.

        Raises:
          ValueError: it is neither a name nor a task.
        """
        return (self._family or self.session).resolved(key)

    def resolved_actor(self, name: str) -> str:
        """Return the full name of the actor that this task calls `name`, by those of its group before those of the app."""
        return name if self._family is None else self._family.resolved_actor(name)

    def name_of(self, key: object) -> str | None:
        """Return the name in the app of the task that this one calls `key`, None if there is none."""
        try:
            return self.resolved(key)
        except ValueError:
            return None

    def custom_conditions(self) -> CustomConditions:
        """Return the conditions that its texts may name."""
        return self.session.conditions

    def condition(self, given: StartCondition) -> Condition:
        """Return `given` as a condition of this task, by the names that its group and its app have."""
        return read(given, self)

    def terminate(self, run_id: str | None = None) -> None:
        """End the runs of this task, or the one that is meant; a launch that still waits is ended too. Returns at once.

        They are asked, then cancelled, then killed or given up: see ``grace``, ``cleanup`` and ``interrupt``. From any thread
        and any task. A run id that none has ends nothing.
        """
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
        return f"task {self.name!r}" if self.name else "a task"

    def _what_runs(self, func: Function | None, options: Mapping[str, Any]) -> Function:
        """Return the function of the task, or what stands for it.

        Raises:
          InvalidOption: it has several, or an option that is for another kind of task.
        """
        works: dict[str, Function | None] = {"func": func, "command": self.command, "code": self.code, "path": self.path}
        (kind, work), *others = [(name, work) for name, work in works.items() if work is not None]
        if others or work is None:
            both = f"a task has one of func, {', '.join(INSTEAD)}; it has {kind} already"
            raise InvalidOption(self._label(), others[0][0], repr(options[others[0][0]]), both)
        for name in (*COMMAND_OPTIONS, "func_name"):
            its = "path" if name == "func_name" else "command"
            if name in options and its != kind:
                raise InvalidOption(self._label(), name, repr(options[name]), f"it is for a task with {its}=..., not {kind}")
        return work

    def _inherited(self, name: str) -> Any:
        return getattr(self.session.config, name)

    def _current(self, name: str) -> Any:
        if "_sealed" not in self.__dict__:  # it is being made, and known nowhere else
            return self._kept[name]
        kept = self.session.controls.kept(self.name, name)
        return self._kept[name] if kept is HERE else kept

    def _changed_elsewhere(self, name: str, value: Any) -> bool:
        return self.session.controls.elsewhere(SetOption(self.name, name, value))

    def _check_change(self, name: str, kept: Any) -> None:
        is_condition = name in ("start_cond", "end_cond")
        if is_condition and kept is not None and "_sealed" in self.__dict__ and not isinstance(self.session.controls, Standby):
            self.check_condition(name, kept)
        if name == "parameters" and kept is not None:
            self._check_parameters(kept)
        execution = self.execution if name != "execution" else kept or self.session.config.execution
        if "_sealed" in self.__dict__ and name in ("execution", *OF_PROCESSES, *OF_WORKERS):
            self._check_processes(execution, name, kept)
        if execution == "process" and self.command is None and name in ("execution", "parameters"):
            check_portable(self.name, self.func)
            parameters: Mapping[str, Any] = (kept if name == "parameters" else self.parameters) or {}
            given = {**self.signature.arguments, **parameters}
            check_parameters(self.name, travelling(given, self.session.config.param_materialize))

    def _check_processes(self, execution: str, changed: str | None = None, kept: Any = None) -> None:
        """Check that its options of processes have a process to apply to, where one of its options is `changed` to `kept`.

        Raises:
          InvalidOption: one has not; names what is given, or changed, and the way out.
        """
        given = {name: kept if name == changed else self._kept[name] for name in (*OF_PROCESSES, *OF_WORKERS)}
        for name in idle_options(given, execution, is_command=self.command is not None):
            value = repr(given[name])
            if changed == "execution":
                default = getattr(type(self), name).default
                problem = f"its {name}={value} needs execution='process'; set that to {default} first"
                raise InvalidOption(self._label(), changed, repr(execution), problem)
            problem = f"its runs have no process of their own with execution={execution!r}; give it execution='process'"
            raise InvalidOption(self._label(), name, value, problem)

    def check_default_execution(self, execution: str) -> None:
        """Check that it could follow the app to that `execution`, if it has none of its own; raises InvalidOption."""
        if self._kept["execution"] is None:
            self._check_processes(execution, "execution")

    def _check_parameters(self, given: Mapping[str, Any]) -> None:
        """Check that the function takes what it is to be given in every run; raises InvalidOption."""
        signature = self.signature
        for name in given:
            if not signature.takes_any and name not in signature.accepted:
                problem = str(UnexpectedArgument(signature.owner, name, signature.accepted))
                raise InvalidOption(self._label(), "parameters", repr(dict(given)), problem)

    def declared_as(self, options: Mapping[str, Any]) -> tuple[Condition, Mapping[str, Any]]:
        """Return its start condition and `options`, with conditions that mean the same outside of its group."""
        return self._kept["start_cond"], {**options, "end_cond": self._kept["end_cond"]}

    def check_references(self) -> None:
        """Check that the tasks are there which its conditions and arguments name; they may come until the app has started.

        Raises:
          InvalidOption: one is not; names the nearest.
        """
        for option, condition in (("start_cond", self.start_cond), ("end_cond", self.end_cond)):
            if condition is not None:
                self.check_condition(option, condition)
        for name, argument in {**self.signature.arguments, **self.parameters}.items():
            if isinstance(argument, Argument):
                self._check_argument(name, argument)

    def check_condition(self, option: str, condition: Condition) -> None:
        """Check that the tasks are there which `condition` names, the value of that option; raises InvalidOption."""
        for leaf in leaves(condition):
            for name in leaf.watched():
                if name != self.name and name not in self.session:
                    known = [task.name for task in self.session.tasks]
                    raise InvalidOption(self._label(), option, repr(str(condition)), str(UnknownTask(name, known)))

    def _check_argument(self, name: str, argument: Argument) -> None:
        try:
            for key in argument.tasks():
                self.session[self.resolved(key)]
        except (UnknownTask, ValueError) as exc:
            raise InvalidOption(self._label(), f"the argument {name}", repr(argument), str(exc)) from exc

    def _option_changed(self, name: str) -> None:
        if "_sealed" in self.__dict__:
            self.session.controls.task_changed(self.name)

    def _moment(self, seconds: float | None) -> datetime | None:
        return None if seconds is None else datetime.fromtimestamp(seconds, UTC).astimezone(self.timezone)
