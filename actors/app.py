"""App: what a module that defines tasks begins with."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar, Unpack, overload

from actors.callables import Function
from actors.commands import CommandLine
from actors.conds.base import Condition
from actors.conds.custom import POLL, Custom, Syntax, custom
from actors.config import Settings
from actors.errors import InvalidOption
from actors.loading import check_may_run
from actors.session import AppHooks, Session
from actors.task import StartCondition, Task, TaskOptions
from actors.timespans import TimeSpan

if TYPE_CHECKING:
    from actors.records import Repo

F = TypeVar("F", bound=Callable[..., Any])


class App:
    """A set of tasks that run together.

    Args:
      config: settings as a mapping; keyword arguments are settings too and come over it. See :class:`actors.config.Config`.

    Raises:
      UnknownOption, InvalidOption: a setting that does not exist, or a value it cannot have.
    """

    def __init__(self, config: Mapping[str, Any] | None = None, **settings: Unpack[Settings]) -> None:
        if config is not None and not isinstance(config, Mapping):
            raise InvalidOption("App", "config", repr(config), "a mapping of settings is expected")
        self._repo: Repo | None = None
        self.session = Session({**(config or {}), **settings}, AppHooks(self._run_only, self._get_repo))

    @overload
    def task(
        self, start_cond: StartCondition = ..., name: str | None = ..., *, func: None = ..., **options: Unpack[TaskOptions]
    ) -> Callable[[F], F]: ...
    @overload
    def task(self, start_cond: StartCondition = ..., name: str | None = ..., *, func: F, **options: Unpack[TaskOptions]) -> F: ...
    @overload
    def task(
        self, start_cond: StartCondition = ..., name: str | None = ..., *, command: CommandLine, **options: Unpack[TaskOptions]
    ) -> Task: ...
    def task(
        self,
        start_cond: StartCondition = None,
        name: str | None = None,
        *,
        func: Function | None = None,
        command: CommandLine | None = None,
        **options: Unpack[TaskOptions],
    ) -> Any:
        """Declare a task: as a decorator, or at once with `func`. Returns the function itself, undecorated.

        With `command`, ``app.task(command=["pg_dump", "-Fc", "db"])``, it runs a program; there being no function, the
        :class:`~actors.task.Task` is returned.

        Args:
          start_cond: when it starts by itself; without one it runs when it is asked to.
          name: default is the function's, or the command as a line.
          options: see :class:`actors.task.Task`.

        Raises:
          DuplicateTask, UnknownOption, InvalidOption, UnportableFunction: as they say. What is wrong with the text of a
            condition is an InvalidOption, caused by a ConditionSyntaxError.
        """
        if command is not None:
            return self.session.create_task(func, name, start_cond, command=command, **options)
        if func is not None:
            self.session.create_task(func, name, start_cond, **options)
            return func
        if callable(start_cond) and not isinstance(start_cond, Condition):
            raise TypeError("write @app.task() with parentheses, or app.task(func=...)")

        def declare(function: F) -> F:
            self.session.create_task(function, name, start_cond, **options)
            return function

        return declare

    def cond(self, syntax: Syntax = None, *, poll: TimeSpan = POLL) -> Callable[[Callable[..., Any]], Custom]:
        """Make a function a condition, as a decorator; it says whether the condition holds, and may be async.

        The result is used like any other condition, ``@app.task(daily & is_free)``, and called to give the function arguments:
        ``is_free(disk="/tmp")``. Texts name it by its function: ``"daily & is_free(disk='/tmp')"``. Its parameters may have
        arguments that value themselves as defaults, such as ``Task()``.

        Args:
          syntax: how else texts may write it: words, a pattern whose named groups become arguments, or several of these.
          poll: how often the function is asked at most, while its answer matters. It runs in the scheduler's thread, so it
            must be quick, or async.
        """

        def declare(function: Callable[..., Any]) -> Custom:
            condition = custom(function, syntax, poll)
            self.session.conditions.add(condition)
            return condition

        return declare

    def run(self) -> None:
        """Run the app until it is shut down: by a task, a signal (SIGINT, SIGTERM), or by itself with ``stop_when_idle``.

        In a worker process, and under the command line, it ends the loading of the module instead, so that no ``__main__``
        guard is needed.

        Raises:
          LogLocked, LogUnusable: the run log cannot be used; nothing was started.
        """
        self._run_only(None)

    def _run_only(self, names: list[str] | None) -> None:
        check_may_run()
        import runtime

        runtime.run(self, only=names)

    def _get_repo(self) -> Repo:
        if (repo := self._repo) is None:
            import runtime

            self._repo = repo = runtime.open_repo(self.session.config.log)
        return repo
