"""Session: the tasks of an app by name, its config, and the controls."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable, Iterator, Mapping
from typing import Any, Unpack

from actors.callables import Function, name_of
from actors.commands import CommandLine
from actors.conds.custom import CustomConditions
from actors.config import Config
from actors.controls import Controls, Standby
from actors.errors import DuplicateTask, UnknownTask
from actors.records import Repo
from actors.task import StartCondition, Task, TaskOptions

TaskKey = str | Task | Function
"""How a task is named: by its name, its function, or itself."""


class Returns:
    """The last return value of each task: ``session.returns["name"]``, also by function or task. KeyError where there is none."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._values: dict[str, Any] = {}

    def __getitem__(self, key: TaskKey) -> Any:
        name = self._session[key].name
        if name not in self._values:
            self._session.controls.check_allowed("reading what tasks return")
            raise KeyError(f"task {name!r} has returned nothing yet")
        return self._values[name]

    def get(self, key: TaskKey, default: Any = None) -> Any:
        """Return the last return value of a task, or `default`."""
        return self._values.get(self._session[key].name, default) if key in self._session else default

    def __contains__(self, key: TaskKey) -> bool:
        return key in self._session and self._session[key].name in self._values

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
        self.config = Config(config, lambda: self.controls)
        self.returns = Returns(self)
        self.conditions = CustomConditions()
        """The app's own conditions, which texts may name."""
        self._hooks = hooks
        self._tasks: dict[str, Task] = {}
        self._functions: dict[Function, Task] = {}  # {function: the first task of it}; not those that cannot be hashed
        self._changing = threading.Lock()  # held from the check for a duplicate until the task is in

    @property
    def tasks(self) -> list[Task]:
        """All tasks, in the order of their definition."""
        return list(self._tasks.values())

    def __iter__(self) -> Iterator[Task]:
        return iter(self.tasks)

    def __getitem__(self, key: TaskKey) -> Task:
        """Return the task that `key` names.

        Raises:
          UnknownTask: there is none; names the nearest.
        """
        task = self._find(key)
        if task is None:
            raise UnknownTask(key if isinstance(key, str) else _called(key), list(self._tasks))
        return task

    def __contains__(self, key: TaskKey) -> bool:
        return self._find(key) is not None

    def check_conditions(self) -> None:
        """Check that the tasks which conditions name are there.

        Raises:
          InvalidOption: one is not; names the nearest.
        """
        for task in self._tasks.values():
            task.check_condition()

    def name_of(self, key: object) -> str:
        """Return the name of a task that a condition refers to by its function or itself.

        Raises:
          ValueError: it is no task of this session.
        """
        task = self._find(key) if isinstance(key, Task) or callable(key) else None
        if task is None:
            known = ", ".join(repr(task.name) for task in self._tasks.values()) or "(none)"
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
        command: CommandLine | None = None,
        **options: Unpack[TaskOptions],
    ) -> Task:
        """Add a task, of a function or of a command, also while the app runs: it then starts to count at once.

        Raises:
          DuplicateTask: the name is taken; names both places.
          UnknownOption, InvalidOption, UnportableFunction: as they say.
        """
        self.controls.check_allowed("session.create_task()")
        task = Task(self, func, name, start_cond, {**options, "command": command})
        if not isinstance(self.controls, Standby):
            task.check_condition()
        with self._changing:
            if (twin := self._tasks.get(task.name)) is not None:
                raise DuplicateTask(task.name, twin.place, task.place)
            self._tasks[task.name] = task
            if isinstance(task.func, Hashable):
                self._functions.setdefault(task.func, task)
        self.controls.task_added(task.name)
        return task

    def remove_task(self, key: TaskKey) -> None:
        """Remove a task; runs of it that go on are terminated, launches that wait are dropped with a record.

        Raises:
          UnknownTask: there is none.
        """
        self.controls.check_allowed("session.remove_task()")
        task = self[key]
        with self._changing:
            if self._tasks.pop(task.name, None) is None:
                raise UnknownTask(task.name, list(self._tasks))
            task._removed = True
            self._functions = {other.func: other for other in reversed(self.tasks) if isinstance(other.func, Hashable)}
        self.returns.forget(task.name)
        self.controls.task_removed(task.name)

    def run(self, *names: TaskKey) -> None:
        """Run just these tasks, once each, whatever their conditions.

        While the app runs: queue them and return. Otherwise: start a runtime for them, and return when they have ended.

        Raises:
          UnknownTask: there is no such task; nothing is run.
        """
        tasks = [self[name] for name in names]
        if isinstance(self.controls, Standby):
            self._hooks.run_only([task.name for task in tasks])
            return
        for task in tasks:
            task.run()

    def shut_down(self, force: bool | None = None) -> None:
        """End the running app and return at once: runs get ``shutdown_wait`` to finish, then they are ended.

        A second call, or ``force=True``, ends them without that time.

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

    def get_repo(self) -> Repo:
        """Return the run log: what ran, when, and how it ended; readable before, during and after a run."""
        return self._hooks.repo()

    def _find(self, key: TaskKey) -> Task | None:
        if isinstance(key, Task):
            return key if self._tasks.get(key.name) is key else None
        if not isinstance(key, str):
            if isinstance(key, Hashable):
                return self._functions.get(key)
            return next((task for task in self.tasks if task.func is key or task.func == key), None)
        task = self.declared(key)
        if task is None and self.controls.knows(key):
            task = Task(self, _elsewhere, key, None, {})
        return task


class AppHooks:
    """What a session asks of the app it belongs to, so that it need not know the runtime."""

    def __init__(self, run_only: Callable[[list[str]], None], repo: Callable[[], Repo]) -> None:
        self.run_only, self.repo = run_only, repo


def _called(key: Task | Function) -> str:
    return key.name if isinstance(key, Task) else name_of(key)


def _elsewhere() -> None:
    """Stand for the function of a task that only the parent process has."""
