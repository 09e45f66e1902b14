"""Session: the tasks of an app by name, its config, and the controls."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable, Iterator, Mapping
from contextlib import nullcontext
from functools import cached_property
from typing import TYPE_CHECKING, Any, Unpack

from actors.args.base import Circumstances
from actors.blocking import warn_if_blocking
from actors.callables import Function, name_of
from actors.changes import CreateTask, RemoveTask
from actors.conds.base import Condition, leaves
from actors.conds.option import StartCondition
from actors.config import Config
from actors.controls import HERE, Controls, Standby
from actors.errors import ActorExists, DuplicateTask, InvalidOption, UnknownTask, UnportableChange
from actors.hooks import AddHook, Hook, Hooks, around, check_callback
from actors.loading import is_worker
from actors.parameters import Parameters
from actors.task import Task

if TYPE_CHECKING:
    from actors.conds.custom import CustomConditions
    from actors.family import Family
    from actors.health import Health
    from actors.keywords import WorkOptions
    from actors.nodes import DeadLetter, Node
    from actors.records import Repo
    from actors.ref import ActorRef
    from actors.spec import ActorOptions, ActorSpec, Factory

TaskKey = str | Task | Function
"""How a task is named: by its name, its function, or itself."""


class Returns:
    """The last return value of each task: ``session.returns["name"]``, also by function or task. KeyError where there is none."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._values: dict[str, Any] = {}

    def __getitem__(self, key: TaskKey) -> Any:
        name = self._session[key].name
        kept = self._session.controls.returned(name)
        if kept is not HERE:
            return kept
        if name not in self._values:
            raise KeyError(f"task {name!r} has returned nothing yet")
        return self._values[name]

    def get(self, key: TaskKey, default: Any = None) -> Any:
        """Return the last return value of a task, or `default`."""
        try:
            return self[key]
        except KeyError:
            return default

    def __contains__(self, key: TaskKey) -> bool:
        return self.get(key, HERE) is not HERE

    def names(self) -> list[str]:
        """Return the names of the tasks that have returned something."""
        return sorted(self._values)

    def keep(self, name: str, value: object) -> None:
        """Keep `value` as what the task called `name` returned last."""
        self._values[name] = value

    def forget(self, name: str) -> None:
        """Forget what the task called `name` returned."""
        self._values.pop(name, None)


class Session:
    """The tasks of an app and what can be done to them, before it runs and while it does, from any thread and any task.

    ``session["fetch"]``, ``session[fetch]`` (the function) and ``session[task]`` find a task, ``in`` asks for one.
    """

    def __init__(self, config: Mapping[str, Any], hooks: AppHooks) -> None:
        self.controls: Controls = Standby()
        self.config = Config(config, self)
        self.returns = Returns(self)
        self.parameters = Parameters(lambda: self.controls)
        """What all functions get that have a parameter of that name, without a value from anywhere else."""
        self.hooks = Hooks()
        """What is called around starts and ends: see the methods ``hook_...``."""
        self._app = hooks
        self._tasks: dict[str, Task] = {}
        self._actors: dict[str, ActorSpec] = {}
        self._functions: dict[Function, Task] = {}  # {function: the first task of it}; not those that cannot be hashed
        self._changing = threading.Lock()  # held from the check for a duplicate until the task is in

    @cached_property
    def conditions(self) -> CustomConditions:
        """The app's own conditions, which texts may name."""
        from actors.conds.custom import CustomConditions  # as most apps have none

        return CustomConditions()

    @property
    def tasks(self) -> list[Task]:
        """All tasks, in the order of their definition."""
        names = self.controls.names()
        return list(self._tasks.values()) if names is None else [self._stand_in(name) for name in names]

    def __iter__(self) -> Iterator[Task]:
        return iter(self.tasks)

    def __getitem__(self, key: TaskKey) -> Task:
        """Return the task that `key` names.

        Raises:
          UnknownTask: there is none; names the nearest.
        """
        task = self._find(key)
        if task is None:
            raise UnknownTask(key if isinstance(key, str) else _called(key), [task.name for task in self.tasks])
        return task

    def __contains__(self, key: TaskKey) -> bool:
        return self._find(key) is not None

    def check_references(self) -> None:
        """Check that the tasks are there which conditions and arguments name.

        Raises:
          InvalidOption: one is not; names the nearest.
        """
        for task in self._tasks.values():
            task.check_references()
        self.check_shut_cond(self.config.shut_cond)

    def check_shut_cond(self, condition: Condition | None) -> None:
        """Check that the tasks are there which the condition names that ends the app; raises InvalidOption."""
        named = {name for leaf in leaves(condition) for name in leaf.watched()} if condition is not None else set()
        for name in named - set(self._tasks):
            raise InvalidOption("App", "shut_cond", repr(str(condition)), str(UnknownTask(name, list(self._tasks))))

    def custom_conditions(self) -> CustomConditions:
        """Return the conditions that texts may name."""
        return self.conditions

    def resolved(self, key: object) -> str:
        """Return the name of the task that is meant by its function or itself; a name is taken as it is.

        Raises:
          ValueError: it is no task of this session.
        """
        if isinstance(key, str):
            return key
        task = self._find(key) if isinstance(key, Task) or callable(key) else None
        if task is None:
            known = ", ".join(repr(task.name) for task in self.tasks) or "(none)"
            raise ValueError(f"{name_of(key) if callable(key) else key!r} is no task of this app yet. Tasks are: {known}")
        return task.name

    def declared(self, name: str) -> Task | None:
        """Return the task of that name in this process's own table, or None."""
        return self._tasks.get(name)

    def create_task(
        self,
        func: Function | None = None,
        name: str | None = None,
        start_cond: StartCondition = None,
        *,
        family: Family | None = None,
        **options: Unpack[WorkOptions],
    ) -> Task:
        """Add a task, of a function or what stands for one, also while the app runs: it then starts to count at once.

        Args:
          family: the group it belongs to, by whose names it calls other tasks.

        Raises:
          DuplicateTask: the name is taken; names both places.
          UnknownOption, InvalidOption, UnportableFunction: as they say.

        Warns:
          BlockingTask: a sync function would run beside the scheduler, in its thread, and calls something that blocks it.
        """
        task, in_worker = Task(self, func, name, start_cond, options, family), is_worker()
        if func is not None and not in_worker and task.execution == "async":  # a worker's scheduler will look
            warn_if_blocking(task.name, func)
        if self.controls.elsewhere(CreateTask(func, task.name, *task.declared_as(options))):
            return task
        if not isinstance(self.controls, Standby):
            task.check_references()
        hooks = () if in_worker else self.hooks.task_init  # the scheduler has called them
        try:
            with around(hooks, Circumstances(task, self)) if hooks else nullcontext():
                self._add(task)
        except BaseException:
            self._take_out(task)  # a hook may have raised after it was in
            raise
        self.controls.task_added(task.name)
        return task

    def _add(self, task: Task) -> None:
        with self._changing:
            if (twin := self._tasks.get(task.name)) is not None:
                raise DuplicateTask(task.name, twin.place, task.place)
            self._tasks[task.name] = task
            if isinstance(task.func, Hashable):
                self._functions.setdefault(task.func, task)

    def _take_out(self, task: Task) -> bool:
        """Take a task out of the table, and return whether it was in it."""
        with self._changing:
            if self._tasks.get(task.name) is not task:
                return False
            del self._tasks[task.name]
            self._functions = {other.func: other for other in reversed(self.tasks) if isinstance(other.func, Hashable)}
        return True

    def remove_task(self, key: TaskKey) -> None:
        """Remove a task; runs of it that go on are terminated, launches that wait are dropped, with a record if the app runs.

        Raises:
          UnknownTask: there is none.
        """
        task = self[key]
        if self.controls.elsewhere(RemoveTask(task.name)):
            return
        if not self._take_out(task):
            raise UnknownTask(task.name, list(self._tasks))
        task._removed = True
        self.returns.forget(task.name)
        self.controls.task_removed(task.name)

    @property
    def actors(self) -> list[ActorSpec]:
        """The actors that are declared, in the order of their start."""
        return list(self._actors.values())

    def declare_actor(self, spec: ActorSpec) -> None:
        """Add an actor that starts with the app; raises ActorExists if its name is taken."""
        if spec.name in self._actors:
            raise ActorExists(spec.name, "declared")
        self._actors[spec.name] = spec

    def actor(self, name: str) -> ActorRef:
        """Return the actor of that full name, of an app that runs.

        Raises:
          UnknownActor: there is none; names the nearest.
          NotRunning: the app does not run.
        """
        return self.controls.actor(name)

    async def spawn(
        self, factory: Factory, name: str | None = None, args: Mapping[str, Any] | None = None, **options: Unpack[ActorOptions]
    ) -> ActorRef:
        """Start an actor while the app runs, beside those that were declared, and return once its ``on_start`` has.

        Args:
          options: see :class:`actors.spec.ActorSpec`.

        Raises:
          ActorExists: the name is taken.
          StartError: it did not start.
          NotRunning: the app does not run.
        """
        from actors.spec import spec_of  # takes 5 ms to import, which each worker would pay

        return await self.controls.spawn(spec_of(factory, name, args, options))

    def tree(self) -> Node:
        """Return what runs now, as a tree of :class:`actors.nodes.Node`; of an app that does not run, what is declared."""
        from actors.nodes import declared_tree  # likewise

        running = self.controls.tree()
        return running if running is not None else declared_tree(self.actors, [task.name for task in self.tasks])

    @property
    def dead_letters(self) -> tuple[DeadLetter, ...]:
        """The latest messages that no actor has dealt with, the oldest first, and why."""
        return self.controls.dead_letters()

    def run(self, *names: TaskKey) -> None:
        """Run just these tasks, once each, whatever their conditions.

        While the app runs: queue them and return. Otherwise: start a runtime for them, and return when they have ended.

        Raises:
          UnknownTask: there is no such task; nothing is run.
        """
        tasks = [self[name] for name in names]
        if isinstance(self.controls, Standby):
            self._app.run_only([task.name for task in tasks])
            return
        for task in tasks:
            task.run()

    @property
    def on_hold(self) -> bool:
        """Whether nothing is started, as the config's ``on_hold`` says; may be assigned to."""
        return self.config.on_hold

    @on_hold.setter
    def on_hold(self, held: bool) -> None:
        self.config.on_hold = held

    @property
    def health(self) -> Health:
        """What is wrong with the app now: ``health.is_ok`` says whether nothing is, ``health.problems`` what.

        An app that does not run is not well. From any thread and any task, without waiting for the scheduler, which may be
        blocked; only in a process it is the scheduler that answers, once it can.
        """
        return self.controls.health()

    def shut_down(self, force: bool | None = None) -> None:
        """End the running app and return at once: runs get ``shutdown_wait`` to finish, then they are ended.

        After that everything is over within a few seconds, whatever tasks do. A second call, or ``force=True``, ends them without
        that time, and all within three seconds.

        Raises:
          NotRunning: the app does not run.
        """
        self.controls.shut_down(force=bool(force))

    def restart(self) -> None:
        """End the app as ``shut_down()`` does, then start it again, as the config's ``restarting`` says.

        Raises:
          NotRunning: the app does not run.
        """
        self.controls.restart()

    @property
    def hook_startup(self) -> AddHook:
        """Add a hook around the start, as a decorator: called before anything starts, and after its ``yield`` once the first has.

        Hooks are plain functions, generators, or async. Arguments among their parameters are valued. One that raises keeps the
        app from starting, and the error comes out of ``app.run()``.
        """
        return AddHook(lambda hook: self._add_hook("startup", hook))

    @property
    def hook_shutdown(self) -> AddHook:
        """Add a hook around the end: called when it is asked for, and after its ``yield`` when the last run has ended.

        It has ``shutdown_wait`` for the first part, and 2 seconds for the second; one that raises is told in the log.
        """
        return AddHook(lambda hook: self._add_hook("shutdown", hook))

    @property
    def hook_task_init(self) -> AddHook:
        """Add a hook around the making of each task: called before it is in the session, and after its ``yield`` once it is.

        It gets the task as its first parameter, and is not async. One that raises keeps the task out.
        """

        def add(hook: Hook) -> None:
            if hook.is_async:
                raise TypeError("a hook of task_init cannot be async: tasks are made at once")
            self._add_hook("task_init", hook)

        return AddHook(add)

    @property
    def hook_task_execute(self) -> AddHook:
        """Add a hook around each run: called where the function runs, right around it, with the task as its first parameter.

        In a process it is the one of the module as it was loaded there. One that raises fails the run.
        """
        return AddHook(lambda hook: self._add_hook("task_execute", hook))

    @property
    def on_fail(self) -> AddHook:
        """Have ``callback(record)`` called for each run that failed for good, as a decorator: see :attr:`Task.on_fail`."""

        def add(hook: Hook) -> None:
            check_callback(hook)
            self._add_hook("fail", hook)

        return AddHook(add)

    def _add_hook(self, kind: str, hook: Hook) -> None:
        if self.controls.names() is not None:
            raise UnportableChange("a hook", "it is declared where the module of the app is loaded")
        setattr(self.hooks, kind, (*getattr(self.hooks, kind), hook))
        self.controls.task_changed(None)

    def get_repo(self) -> Repo:
        """Return the run log: what ran, when, and how it ended; readable before, during and after a run."""
        return self._app.repo()

    def _find(self, key: TaskKey) -> Task | None:
        names = self.controls.names()
        if names is not None:
            name = key if isinstance(key, str) else self._name_here(key)
            return self._stand_in(name) if name in names else None
        if isinstance(key, Task):
            return key if self._tasks.get(key.name) is key else None
        if isinstance(key, str):
            return self._tasks.get(key)
        return self._of_function(key)

    def _of_function(self, function: Function) -> Task | None:
        if isinstance(function, Hashable):
            return self._functions.get(function)
        return next((task for task in self._tasks.values() if task.func is function or task.func == function), None)

    def _name_here(self, key: Task | Function) -> str | None:
        task = key if isinstance(key, Task) else self._of_function(key)
        return None if task is None else task.name

    def _stand_in(self, name: str) -> Task:
        """Return what stands for a task that is kept elsewhere: the one declared here, if there is one."""
        declared = self._tasks.get(name)
        return declared if declared is not None else Task(self, _elsewhere, name, None, {})


class AppHooks:
    """What a session asks of the app it belongs to, so that it need not know the runtime."""

    def __init__(self, run_only: Callable[[list[str]], object], repo: Callable[[], Repo]) -> None:
        self.run_only, self.repo = run_only, repo


def _called(key: Task | Function) -> str:
    return key.name if isinstance(key, Task) else name_of(key)


def _elsewhere() -> None:
    """Stand for the function of a task that only the parent process has."""
