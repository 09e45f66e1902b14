"""The base of all arguments: what they know, where they find their value, and how they are combined."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from actors.errors import MissingArgument, NoValue
from actors.termination import Flag

if TYPE_CHECKING:
    from actors.session import Session
    from actors.task import Task

Materialize = Literal["pre", "post"]
"""Where an argument finds its value: ``pre`` in the scheduler, before the run begins; ``post`` where the function runs."""
MATERIALIZE: tuple[str, ...] = ("pre", "post")


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What an argument may draw its value from."""

    task: Task | None
    """The task that runs; None for what belongs to no task, such as a hook of the app's start."""
    session: Session
    flag: Flag = field(default_factory=Flag)
    run_id: str = ""
    returns: Mapping[str, Any] = field(default_factory=dict)
    """{name of a task: what its run returned that started this one}."""


OFFERED = tuple(one.name for one in fields(Circumstances))


def _names_taken(cls: type[Argument]) -> frozenset[str] | None:
    method = inspect.getattr_static(cls, "get_value")
    if not inspect.isfunction(method) or inspect.iscoroutinefunction(method):
        raise TypeError(f"{cls.__name__}.get_value must be a plain method, neither async nor static nor of the class")
    parameters = list(inspect.signature(method).parameters.values())[1:]
    if any(p.kind is p.POSITIONAL_ONLY for p in parameters):
        raise TypeError(f"{cls.__name__}.get_value gets what it takes by name, so its parameters cannot be positional only")
    named = [p for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)]
    for parameter in named:
        if parameter.name not in OFFERED and parameter.default is parameter.empty:
            known = ", ".join(OFFERED)
            raise TypeError(f"{cls.__name__}.get_value takes {parameter.name!r}, which arguments are not given; they get {known}")
    if any(p.kind is p.VAR_KEYWORD for p in parameters):
        return None
    return frozenset(p.name for p in named) & frozenset(OFFERED)


class Argument:
    """A value that is found when a run starts. Subclass it and write ``get_value``.

    Arguments combine: ``EnvArg("URL") >> Arg("url") >> "localhost"`` is the first of them that has a value.
    """

    materialize: Materialize | None = None
    """Where it finds its value; None is where the app's ``param_materialize`` says."""
    _wanted: ClassVar[frozenset[str] | None] = None  # what get_value takes; None is everything

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        cls._wanted = _names_taken(cls)

    def get_value(self, *args: Any, **circumstances: Any) -> Any:
        """Return the value for one run.

        It gets by name what it takes of ``task``, ``session``, ``flag``, ``run_id`` and ``returns``: see
        :class:`Circumstances`. What it raises fails the run, except that ``>>`` goes on to the next after a KeyError.
        """
        raise NotImplementedError

    def tasks(self) -> Iterator[object]:
        """Yield the tasks that it names, so that one which is not there is found before anything runs."""
        yield from ()

    def needs(self) -> Iterator[object]:
        """Yield the tasks among those without whose return values it has none."""
        yield from ()

    def travels(self, default: Materialize) -> bool:
        """Return whether it goes itself to where the function runs; `default` is the app's ``param_materialize``."""
        return (self.materialize or default) == "post"

    def stage(self, circumstances: Circumstances) -> Any:
        """Return what goes to where the function runs: the value, if it is found before that, else an argument."""
        return self if self.travels(circumstances.session.config.param_materialize) else self.value(circumstances)

    def value(self, circumstances: Circumstances) -> Any:
        """Return the value in these circumstances."""
        wanted = OFFERED if self._wanted is None else self._wanted
        circumstances.flag.is_heeded = circumstances.flag.is_heeded or "flag" in (self._wanted or ())
        return self.get_value(**{name: getattr(circumstances, name) for name in wanted})

    def __rshift__(self, other: object) -> Fallback:
        return Fallback((*_choices(self), *_choices(other)))

    def __rrshift__(self, other: object) -> Fallback:
        return Fallback((*_choices(other), *_choices(self)))


class Fallback(Argument):
    """The first of several arguments that has a value: ``a >> b >> c``. A KeyError says that one has none."""

    def __init__(self, choices: tuple[Any, ...]) -> None:
        self.choices = choices

    def stage(self, circumstances: Circumstances) -> Any:
        left: list[Any] = []
        problem: KeyError | None = None
        for choice in self.choices:
            try:
                left.append(staged(choice, circumstances))
            except KeyError as exc:
                problem = exc
                continue
            if not isinstance(left[-1], Argument):
                break
        if not left and problem is not None:
            raise problem
        return left[0] if len(left) == 1 else Fallback(tuple(left))

    def value(self, circumstances: Circumstances) -> Any:
        for choice in self.choices[:-1]:
            try:
                return valued(choice, circumstances)
            except KeyError:
                continue
        return valued(self.choices[-1], circumstances)

    def travels(self, default: Materialize) -> bool:
        return any(isinstance(choice, Argument) and choice.travels(default) for choice in self.choices)

    def tasks(self) -> Iterator[object]:
        for choice in self.choices:
            if isinstance(choice, Argument):
                yield from choice.tasks()

    def __repr__(self) -> str:
        return " >> ".join(map(repr, self.choices))


def _choices(part: object) -> tuple[Any, ...]:
    return part.choices if isinstance(part, Fallback) else (part,)


def valued(value: Any, circumstances: Circumstances) -> Any:
    """Return `value`, or what it values itself as if it is an argument."""
    return value.value(circumstances) if isinstance(value, Argument) else value


def staged(value: Any, circumstances: Circumstances) -> Any:
    """Return `value`, or if it is an argument what of it goes to where the function runs."""
    return value.stage(circumstances) if isinstance(value, Argument) else value


def travelling(kwargs: Mapping[str, Any], default: Materialize) -> dict[str, Any]:
    """Return those of `kwargs` that go to where the function runs as they are: values, and arguments that are valued there."""
    return {name: value for name, value in kwargs.items() if not isinstance(value, Argument) or value.travels(default)}


def has_arguments(kwargs: Mapping[str, Any]) -> bool:
    """Return whether any of `kwargs` has yet to be valued."""
    return any(isinstance(value, Argument) for value in kwargs.values())


def all_valued(owner: str, kwargs: Mapping[str, Any], circumstances: Circumstances, *, stage: bool = False) -> dict[str, Any]:
    """Return `kwargs` with each argument replaced by its value, or with `stage` by what goes to where the function runs.

    Args:
      owner: whose arguments they are, in words, such as ``task 'fetch'``.

    Raises:
      MissingArgument: one has no value; names it, and what there is instead.
    """
    found = staged if stage else valued
    result = {}
    for name, value in kwargs.items():
        try:
            result[name] = found(value, circumstances)
        except NoValue as exc:
            raise MissingArgument(owner, name, exc.available, str(exc)) from exc
        except Exception as exc:
            exc.add_note(f"while finding the argument {name!r} of {owner}")
            raise
    return result
