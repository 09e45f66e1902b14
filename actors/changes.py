"""Changes of a session as values, so that a task in a worker process can have them made where the app runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from actors.callables import Function
from actors.portable import Reference

if TYPE_CHECKING:
    from actors.session import Session


class Change(Protocol):
    """Something that changes a session."""

    def make(self, session: Session) -> None:
        """Make the change; raises what the session raises."""


@dataclass(frozen=True, slots=True)
class CreateTask:
    """A new task."""

    function: Function | None
    name: str
    start_cond: Any
    options: Mapping[str, Any]

    def __reduce__(self) -> tuple[Any, ...]:
        function = Reference(self.function) if self.function is not None else None
        return _restored, (function, self.name, self.start_cond, dict(self.options))

    def make(self, session: Session) -> None:
        session.create_task(self.function, self.name, self.start_cond, **self.options)


def _restored(function: Reference | None, *rest: Any) -> CreateTask:
    return CreateTask(function.found() if function is not None else None, *rest)


@dataclass(frozen=True, slots=True)
class RemoveTask:
    """A task that goes."""

    name: str

    def make(self, session: Session) -> None:
        session.remove_task(self.name)


@dataclass(frozen=True, slots=True)
class SetOption:
    """A new value of an option of a task, or with None of the config."""

    task: str | None
    option: str
    value: Any

    def make(self, session: Session) -> None:
        setattr(session.config if self.task is None else session[self.task], self.option, self.value)


@dataclass(frozen=True, slots=True)
class Resume:
    """A task whose condition is followed again."""

    task: str
    catch_up: bool

    def make(self, session: Session) -> None:
        session[self.task].resume(catch_up=self.catch_up)


@dataclass(frozen=True, slots=True)
class SetParameters:
    """New values of the session's parameters, and the names of those that go."""

    values: Mapping[str, Any]
    gone: tuple[str, ...] = ()

    def make(self, session: Session) -> None:
        session.parameters.update(self.values)
        for name in self.gone:
            session.parameters.pop(name, None)
