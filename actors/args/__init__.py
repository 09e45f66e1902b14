"""Arguments that value themselves when a run starts, written as defaults of a task's parameters.

>>> @app.task(after_success("fetch"))
... def crunch(pages=Return("fetch"), url=EnvArg("URL") >> Arg("url"), flag=TerminationFlag()): ...
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from actors.args.base import Argument as Argument
from actors.args.functions import argument as argument

if TYPE_CHECKING:  # to a type checker they are what they become: ``flag: Flag = TerminationFlag()``
    from collections.abc import Callable
    from logging import LoggerAdapter

    from actors.args.base import Materialize
    from actors.config import Config as ConfigType
    from actors.ref import ActorRef
    from actors.session import Session as SessionType
    from actors.session import TaskKey
    from actors.task import Task as TaskType
    from actors.termination import Flag

    def Arg(key: str | Callable[..., Any], default: Any = ...) -> Any: ...
    def CliArg(option: str, default: Any = ...) -> Any: ...
    def Config() -> ConfigType: ...
    def EnvArg(variable: str, default: Any = ...) -> Any: ...
    def FuncArg(function: Callable[..., Any], /, *args: Any, materialize: Materialize | None = None, **kwargs: Any) -> Any: ...
    def Private(value: Any) -> Any: ...
    def Ref(name: str) -> ActorRef: ...
    def Return(task: TaskKey, default: Any = ...) -> Any: ...
    def SchedulerLogger() -> LoggerAdapter[Any]: ...
    def Session() -> SessionType: ...
    def SimpleArg(value: Any) -> Any: ...
    def Task(name: str | None = None) -> TaskType: ...
    def TaskLogger() -> LoggerAdapter[Any]: ...
    def TerminationFlag() -> Flag: ...

else:
    from actors.args.builtin import (
        Arg,
        CliArg,
        Config,
        EnvArg,
        Private,
        Ref,
        Return,
        SchedulerLogger,
        Session,
        SimpleArg,
        Task,
        TaskLogger,
        TerminationFlag,
    )
    from actors.args.functions import FuncArg

__all__ = [
    "Arg",
    "Argument",
    "CliArg",
    "Config",
    "EnvArg",
    "FuncArg",
    "Private",
    "Ref",
    "Return",
    "SchedulerLogger",
    "Session",
    "SimpleArg",
    "Task",
    "TaskLogger",
    "TerminationFlag",
    "argument",
]
