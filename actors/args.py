"""Arguments that value themselves when a run starts, written as defaults of a task's parameters."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from actors.errors import MissingArgument, UnexpectedArgument
from actors.termination import Flag

if TYPE_CHECKING:
    from actors.callables import Function
    from actors.session import Session as SessionType
    from actors.task import Task as TaskType


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What an argument may draw its value from."""

    task: TaskType
    session: SessionType
    flag: Flag


class Argument:
    """A value that is found when the run starts. Subclass it and write ``get_value``."""

    in_worker = False
    """Whether a process task's worker finds the value, and not the scheduler's process."""

    def get_value(self, circumstances: Circumstances) -> Any:
        """Return the value for one run. What it raises fails the run."""
        raise NotImplementedError


if TYPE_CHECKING:  # to a type checker they are what they become: ``flag: Flag = TerminationFlag()``

    def TerminationFlag() -> Flag: ...  # noqa: N802, D103
    def Session() -> SessionType: ...  # noqa: N802, D103
    def Task(name: str | None = None) -> TaskType: ...  # noqa: N802, D103

else:

    class TerminationFlag(Argument):
        """The run's :class:`~actors.termination.Flag`: set when the run shall end.

        In a process it is set by SIGTERM, which then does not end the process by itself.
        """

        in_worker = True

        def get_value(self, circumstances: Circumstances) -> Flag:
            return circumstances.flag

    class Session(Argument):
        """The session of the app, through which a task modifies it while it runs. In a process its controls are messages."""

        in_worker = True

        def get_value(self, circumstances: Circumstances) -> SessionType:
            return circumstances.session

    class Task(Argument):
        """The task itself, or the one called `name`."""

        in_worker = True

        def __init__(self, name: str | None = None) -> None:
            self.name = name

        def get_value(self, circumstances: Circumstances) -> TaskType:
            return circumstances.task if self.name is None else circumstances.session[self.name]


@dataclass(frozen=True)
class Signature:
    """What a task's function takes, looked at once and not at each launch."""

    task: str
    required: tuple[str, ...] = ()
    """Parameters without a default."""
    accepted: tuple[str, ...] = ()
    """Parameters that can be given by name."""
    arguments: Mapping[str, Argument] = field(default_factory=dict)
    """Defaults that value themselves."""
    takes_any: bool = False
    """Whether there is a ``**kwargs``."""

    @property
    def is_bare(self) -> bool:
        """Whether a call without parameters needs nothing to be found or valued."""
        return not self.required and not self.arguments

    @classmethod
    def of(cls, task: str, function: Function) -> Signature:
        """Look at `function`; one without a readable signature (some built-ins) is taken to accept anything."""
        try:
            parameters = inspect.signature(function).parameters.values()
        except (ValueError, TypeError):
            return cls(task, takes_any=True)
        named = [p for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)]
        positional_only = [p.name for p in parameters if p.kind is p.POSITIONAL_ONLY and p.default is p.empty]
        return cls(
            task,
            required=(*positional_only, *(p.name for p in named if p.default is p.empty)),
            accepted=tuple(p.name for p in named),
            arguments={p.name: p.default for p in named if isinstance(p.default, Argument)},
            takes_any=any(p.kind is p.VAR_KEYWORD for p in parameters),
        )

    def fit(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Return the keyword arguments of a call, arguments still unvalued: `given` over the function's own defaults.

        Raises:
          MissingArgument: a parameter without a default is not given.
          UnexpectedArgument: one is given that the function does not take.
        """
        if not self.takes_any:
            for name in given:
                if name not in self.accepted:
                    raise UnexpectedArgument(self.task, name, self.accepted)
        for name in self.required:
            if name not in given:
                raise MissingArgument(self.task, name, sorted({*given, *self.arguments}))
        return {**self.arguments, **given}


def has_arguments(kwargs: Mapping[str, Any]) -> bool:
    """Return whether any of `kwargs` has yet to be valued."""
    return any(isinstance(value, Argument) for value in kwargs.values())


def valued(kwargs: Mapping[str, Any], circumstances: Circumstances, *, in_worker: bool | None = None) -> dict[str, Any]:
    """Return `kwargs` with each argument replaced by its value; `in_worker` limits that to those found there or here."""
    return {
        name: value.get_value(circumstances)
        if isinstance(value, Argument) and (in_worker is None or value.in_worker is in_worker)
        else value
        for name, value in kwargs.items()
    }
