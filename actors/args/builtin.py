"""The arguments that Callsheet brings along."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Mapping
from itertools import zip_longest
from typing import TYPE_CHECKING, Any

from actors.args.base import Argument, Circumstances, Materialize, staged, valued
from actors.callables import name_of
from actors.errors import NoValue, UnknownTask
from actors.termination import Flag

if TYPE_CHECKING:
    from logging import LoggerAdapter

    from actors.config import Config as ConfigType
    from actors.ref import ActorRef
    from actors.session import Session as SessionType
    from actors.session import TaskKey
    from actors.task import Task as TaskType

REQUIRED: Any = object()
"""The default of what has no default."""


class Early(Argument):
    """An argument that the scheduler values, whatever ``param_materialize`` says: only there it can be found."""

    materialize = "pre"


class Late(Argument):
    """An argument that is valued where the function runs: it is another thing there."""

    materialize = "post"


class SimpleArg(Early):
    """A value that is known already."""

    def __init__(self, value: Any) -> None:
        self._value = value

    def get_value(self) -> Any:
        return self._value

    def __repr__(self) -> str:
        return f"SimpleArg({self._value!r})"


class Private(SimpleArg):
    """A value that is not to be seen: wherever it is printed, it is stars."""

    def __repr__(self) -> str:
        return "Private(*****)"


class Arg(Argument):
    """A parameter of the session, set by ``app.params(...)`` or ``@app.param()``.

    Args:
      key: its name, or the function that ``@app.param()`` decorated.
      default: the value if there is no such parameter; may be an argument.
    """

    def __init__(self, key: str | Callable[..., Any], default: Any = REQUIRED) -> None:
        if not isinstance(key, str) and not callable(key):
            raise TypeError(f"Arg needs the name of a parameter, or its function, not {key!r}")
        self.key, self.default = key, default

    def travels(self, default: Materialize) -> bool:
        return False  # what it leads to may

    def value(self, circumstances: Circumstances) -> Any:
        return valued(self._found(circumstances.session.parameters.snapshot()), circumstances)

    def stage(self, circumstances: Circumstances) -> Any:
        return staged(self._found(circumstances.session.parameters.snapshot()), circumstances)

    def _found(self, parameters: Mapping[str, Any]) -> Any:
        if isinstance(self.key, str):
            found = parameters.get(self.key, self.default)
        else:
            found = next((p for p in parameters.values() if getattr(p, "function", None) is self.key), self.default)
        if found is REQUIRED:
            raise NoValue(f"the session has no parameter {self._name!r}", self._name, sorted(parameters))
        return found

    @property
    def _name(self) -> str:
        return self.key if isinstance(self.key, str) else name_of(self.key)

    def __repr__(self) -> str:
        return f"Arg({self._name!r})"


class Return(Early):
    """What a task returned: the run of it that started this one, if one did, else its latest that succeeded.

    Args:
      task: its name, its function, or itself; within a group, as it is called there.
      default: the value if it has returned nothing yet, or was removed; may be an argument.
    """

    def __init__(self, task: TaskKey, default: Any = REQUIRED) -> None:
        self.task, self.default = task, default

    def tasks(self) -> Iterator[object]:
        yield self.task

    def needs(self) -> Iterator[object]:
        if self.default is REQUIRED:
            yield self.task

    def name_in(self, session: SessionType, task: TaskType | None) -> str:
        """Return the name of the task, as an argument of `task`; raises NoValue if it is gone."""
        try:
            return session[task.resolved(self.task) if task is not None else self.task].name
        except (UnknownTask, ValueError) as exc:
            raise NoValue(str(exc), str(self.task), [each.name for each in session.tasks]) from exc

    def value(self, circumstances: Circumstances) -> Any:
        session = circumstances.session
        try:
            name = self.name_in(session, circumstances.task)
        except NoValue:
            if self.default is REQUIRED:
                raise
            return valued(self.default, circumstances)
        if name in circumstances.returns:
            return circumstances.returns[name]
        found = session.returns.get(name, self.default)
        if found is REQUIRED:
            raise NoValue(f"task {name!r} has returned nothing yet", name, session.returns.names())
        return valued(found, circumstances) if found is self.default else found

    def __repr__(self) -> str:
        return f"Return({self.task!r})"


class EnvArg(Early):
    """A variable of the environment of the scheduler's process, as text; `default` if it is not set."""

    def __init__(self, variable: str, default: Any = REQUIRED) -> None:
        self.variable, self.default = variable, default

    def value(self, circumstances: Circumstances) -> Any:
        found = os.environ.get(self.variable, self.default)
        if found is REQUIRED:
            raise NoValue(f"the environment variable {self.variable} is not set", self.variable, sorted(os.environ))
        return valued(found, circumstances)

    def __repr__(self) -> str:
        return f"EnvArg({self.variable!r})"


class CliArg(Early):
    """What follows an option on the command line, ``--date 2026-01-31`` or ``--date=2026-01-31``, as text.

    Under ``callsheet run jobs.py`` these come after two dashes: ``callsheet run jobs.py -- --date 2026-01-31``.
    """

    def __init__(self, option: str, default: Any = REQUIRED) -> None:
        self.option, self.default = option, default

    def value(self, circumstances: Circumstances) -> Any:
        words = sys.argv[1:]
        for word, following in zip_longest(words, words[1:]):
            if word.startswith(f"{self.option}="):
                return word.partition("=")[2]
            if word == self.option and following is not None:
                return following
        if self.default is REQUIRED:
            given = sorted(word.partition("=")[0] for word in words if word.startswith("-"))
            raise NoValue(f"the command line has no {self.option} with a value", self.option, given)
        return valued(self.default, circumstances)

    def __repr__(self) -> str:
        return f"CliArg({self.option!r})"


class TerminationFlag(Late):
    """The run's :class:`~actors.termination.Flag`: set when the run shall end, which then has its ``grace`` to do so by itself.

    In an async function too, which without it would be cancelled at once. In a process it is set by SIGTERM, which then raises
    nothing in the function: only one that comes after the grace does.
    """

    def get_value(self, flag: Flag) -> Flag:
        return flag


class Session(Late):
    """The session of the app, through which a task modifies it while it runs. In a process its controls are messages."""

    def get_value(self, session: SessionType) -> SessionType:
        return session


class Config(Late):
    """The settings of the app, which may be assigned to."""

    def get_value(self, session: SessionType) -> ConfigType:
        return session.config


class Task(Late):
    """The task itself, or the one called `name`; within a group, as it is called there."""

    def __init__(self, name: str | None = None) -> None:
        self.name = name

    def tasks(self) -> Iterator[object]:
        if self.name is not None:
            yield self.name

    def get_value(self, task: TaskType | None, session: SessionType) -> TaskType:
        if self.name is None:
            if task is None:
                raise NoValue("there is no task here", "task", [each.name for each in session.tasks])
            return task
        return session[self.name if task is None else task.resolved(self.name)]


class Ref(Late):
    """The actor of that full name, as others see it: see :class:`actors.ref.ActorRef`.

    In a process too, where what it does are messages to the scheduler. Within a group, an actor of the group by its name there.
    """

    def __init__(self, name: str) -> None:
        self.name = name

    def get_value(self, task: TaskType | None, session: SessionType) -> ActorRef:
        return session.actor(self.name if task is None else task.resolved_actor(self.name))

    def __repr__(self) -> str:
        return f"Ref({self.name!r})"


class TaskLogger(Late):
    """The standard logger ``callsheet.task``, whose records say which task and run they come from, also out of a process."""

    def get_value(self, task: TaskType | None, run_id: str) -> LoggerAdapter[Any]:
        return _logger("callsheet.task", task, run_id)


class SchedulerLogger(Late):
    """The standard logger ``callsheet.runtime``, likewise."""

    def get_value(self, task: TaskType | None, run_id: str) -> LoggerAdapter[Any]:
        return _logger("callsheet.runtime", task, run_id)


def _logger(name: str, task: TaskType | None, run_id: str) -> LoggerAdapter[Any]:
    from logging import LoggerAdapter, getLogger  # not every worker logs

    return LoggerAdapter(getLogger(name), {"task_name": task.name if task is not None else "", "run_id": run_id})
