"""Changes of a session as objects, so that a task in a worker process can have them made where the app runs.

They are made, sent and carried out, and that is all: dataclasses would cost each import of the package 3 ms for nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol

from actors.callables import Function
from actors.portable import Reference

if TYPE_CHECKING:
    from actors.session import Session


class Change(Protocol):
    """Something that changes a session."""

    def make(self, session: Session) -> None:
        """Make the change; raises what the session raises."""


class CreateTask:
    """A new task."""

    def __init__(self, function: Function | None, name: str, start_cond: Any, options: Mapping[str, Any]) -> None:
        self.function, self.name, self.start_cond, self.options = function, name, start_cond, options

    def __reduce__(self) -> tuple[Any, ...]:
        function = Reference(self.function) if self.function is not None else None
        return _restored, (function, self.name, self.start_cond, dict(self.options))

    def make(self, session: Session) -> None:
        session.create_task(self.function, self.name, self.start_cond, **self.options)


def _restored(function: Reference | None, *rest: Any) -> CreateTask:
    return CreateTask(function.found() if function is not None else None, *rest)


class RemoveTask:
    """A task that goes."""

    def __init__(self, name: str) -> None:
        self.name = name

    def make(self, session: Session) -> None:
        session.remove_task(self.name)


class SetOption:
    """A new value of an option of a task, or with None of the config."""

    def __init__(self, task: str | None, option: str, value: Any) -> None:
        self.task, self.option, self.value = task, option, value

    def make(self, session: Session) -> None:
        setattr(session.config if self.task is None else session[self.task], self.option, self.value)


class Resume:
    """A task whose condition is followed again."""

    def __init__(self, task: str, *, catch_up: bool) -> None:
        self.task, self.catch_up = task, catch_up

    def make(self, session: Session) -> None:
        session[self.task].resume(catch_up=self.catch_up)


class SetParameters:
    """New values of the session's parameters, and the names of those that go."""

    def __init__(self, values: Mapping[str, Any], gone: tuple[str, ...]) -> None:
        self.values, self.gone = values, gone

    def make(self, session: Session) -> None:
        session.parameters.update(self.values)
        for name in self.gone:
            session.parameters.pop(name, None)
