"""Declaring: how apps and groups take in tasks, conditions and parameters, most of them by decorator."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Generic, TypeVar, Unpack, cast, overload

from actors.args.functions import FuncArg
from actors.callables import Function, name_of
from actors.conds.base import POLL, Condition
from actors.conds.option import StartCondition

if TYPE_CHECKING:
    from actors.command_options import CommandLine
    from actors.conds.custom import Custom, Syntax
    from actors.keywords import TaskOptions, WorkOptions
    from actors.spec import ActorOptions, ActorSpec, Factory
    from actors.timespans import TimeSpan

F = TypeVar("F", bound=Callable[..., Any])
H = TypeVar("H")
X = TypeVar("X", bound="Factory")


class Declaring(Generic[H]):
    """Something that tasks are declared in; `H` is what it returns for a task that is no decorated function."""

    @overload
    def task(
        self, start_cond: StartCondition = ..., name: str | None = ..., *, func: None = ..., **options: Unpack[TaskOptions]
    ) -> Callable[[F], F]: ...
    @overload
    def task(self, start_cond: StartCondition = ..., name: str | None = ..., *, func: F, **options: Unpack[TaskOptions]) -> F: ...
    @overload
    def task(
        self, start_cond: StartCondition = ..., name: str | None = ..., *, command: CommandLine, **options: Unpack[TaskOptions]
    ) -> H: ...
    @overload
    def task(self, start_cond: StartCondition = ..., name: str = ..., *, code: str, **options: Unpack[TaskOptions]) -> H: ...
    @overload
    def task(
        self,
        start_cond: StartCondition = ...,
        name: str | None = ...,
        *,
        path: str | os.PathLike[str],
        func_name: str = ...,
        **options: Unpack[TaskOptions],
    ) -> H: ...
    def task(
        self,
        start_cond: StartCondition = None,
        name: str | None = None,
        *,
        func: Function | None = None,
        command: CommandLine | None = None,
        code: str | None = None,
        path: str | os.PathLike[str] | None = None,
        **options: Any,
    ) -> Any:
        """Declare a task: as a decorator, or at once with `func`. Returns the function itself, undecorated.

        In place of a function, at once too: ``command=["pg_dump", "-Fc", "db"]`` runs a program, ``code="..."`` a text of
        Python, and ``path="jobs/report.py"`` the function ``func_name`` ("main") of a file, loaded anew where it runs. These
        return the task, in a group nothing.

        Args:
          start_cond: when it starts by itself; without one it runs when it is asked to.
          name: default is the function's, the command as a line, or ``jobs.report:main``; code needs one.
          options: see :class:`actors.task.Task`.

        Raises:
          DuplicateTask, UnknownOption, InvalidOption, UnportableFunction: as they say. What is wrong with the text of a
            condition is an InvalidOption, caused by a ConditionSyntaxError.
        """
        instead = {"command": command, "code": code, "path": path}
        chosen = cast("WorkOptions", options)
        options.update({option: value for option, value in instead.items() if value is not None})
        if func is not None or any(value is not None for value in instead.values()):
            declared = self._declare(func, name, start_cond, chosen)
            return func if func is not None else declared
        if callable(start_cond) and not isinstance(start_cond, Condition):
            raise TypeError("write @app.task() with parentheses, or app.task(func=...)")

        def declare(function: F) -> F:
            self._declare(function, name, start_cond, chosen)
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
        from actors.conds.custom import custom  # as most apps have none

        if callable(syntax):
            raise TypeError("write @app.cond() with parentheses")

        def declare(function: Callable[..., Any]) -> Custom:
            condition = custom(function, syntax, poll)
            self._add_condition(condition)
            return condition

        return declare

    def params(self, **values: Any) -> None:
        """Set parameters of the session: what all functions get that have a parameter of that name.

        They come over plain defaults, and under arguments that value themselves, a task's ``parameters`` and those of a launch.
        Arguments among them are valued for each run. They may be changed while the app runs.
        """
        self._set_parameters(values)

    def param(self, name: str | None = None) -> Callable[[F], F]:
        """Make what a function returns a parameter of the session, found anew for each run, as a decorator.

        Args:
          name: default is the function's.
        """
        if callable(name):
            raise TypeError("write @app.param() with parentheses")

        def declare(function: F) -> F:
            self._set_parameters({name if name is not None else name_of(function): FuncArg(function)})
            return function

        return declare

    @overload
    def actor(
        self, factory: X, name: str | None = ..., args: Mapping[str, Any] | None = ..., **options: Unpack[ActorOptions]
    ) -> X: ...
    @overload
    def actor(
        self, factory: None = ..., name: str | None = ..., args: Mapping[str, Any] | None = ..., **options: Unpack[ActorOptions]
    ) -> Callable[[X], X]: ...
    def actor(
        self,
        factory: X | None = None,
        name: str | None = None,
        args: Mapping[str, Any] | None = None,
        **options: Unpack[ActorOptions],
    ) -> X | Callable[[X], X]:
        """Declare an actor, which starts before the tasks and ends after them; returns `factory`.

        At once, ``app.actor(Counter, capacity=10)``, or as a decorator, ``@app.actor`` or ``@app.actor(capacity=10)``.

        Args:
          factory: its class, a function that returns one, or a :class:`Supervisor`.
          name: by which ``Ref("name")`` and ``session.actor("name")`` find it; default is that of the class.
          args: what `factory` is called with.
          options: see :class:`actors.spec.ActorSpec`.

        Raises:
          ActorExists: the name is taken.
          InvalidOption, UnknownOption: as they say.
        """
        from actors.spec import spec_of  # takes 5 ms to import, which each worker would pay

        def declare(factory: X) -> X:
            self._declare_actor(spec_of(factory, name, args, options))
            return factory

        return declare if factory is None else declare(factory)

    def _declare(self, func: Function | None, name: str | None, start_cond: StartCondition, options: WorkOptions) -> H:
        raise NotImplementedError

    def _declare_actor(self, spec: ActorSpec) -> None:
        raise NotImplementedError

    def _add_condition(self, condition: Custom) -> None:
        raise NotImplementedError

    def _set_parameters(self, values: Mapping[str, Any]) -> None:
        raise NotImplementedError
