"""Group: tasks that are declared together, apart from the app they will belong to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import reduce
from operator import and_
from typing import TYPE_CHECKING, Any, NamedTuple, Unpack

from actors.args.signature import Signature
from actors.callables import Function, name_of
from actors.conds.base import Condition
from actors.conds.option import StartCondition, read
from actors.declaring import Declaring
from actors.errors import InvalidOption, UnknownOption
from actors.family import Family
from actors.session import Session
from actors.task import Task

if TYPE_CHECKING:
    from actors.conds.custom import Custom
    from actors.keywords import TaskOptions, WorkOptions
    from actors.spec import ActorSpec


class Declared(NamedTuple):
    """A task that is not in an app yet."""

    func: Function | None
    name: str | None
    start_cond: StartCondition
    options: WorkOptions


class Plan(NamedTuple):
    """A task of a group, on its way into an app."""

    declared: Declared
    name: str
    """In the app."""
    family: Family
    groups: list[Group]
    """Those it is in, the outermost first."""


class Group(Declaring[None]):
    """Tasks of one module or one purpose, which an app takes in by ``app.include(group)``.

    Within it, tasks call each other by the names they have here: ``after_success("fetch")``, ``Return("fetch")`` and
    ``"after task 'fetch'"`` mean the group's own ``fetch`` if there is one, also where the app calls it ``etl.fetch``.

    Args:
      prefix: what comes before the names of its tasks in the app, such as ``etl.``.
      start_cond: what must hold besides a task's own start condition.
      options: options of all its tasks that do not say otherwise: see :class:`actors.task.Task`. Of its ``parameters`` each
        function gets those that it takes.

    Raises:
      UnknownOption, InvalidOption: as they say.
    """

    def __init__(self, prefix: str = "", start_cond: StartCondition = None, **options: Unpack[TaskOptions]) -> None:
        if not isinstance(prefix, str):
            raise InvalidOption("Group", "prefix", repr(prefix), "a text is expected")
        for name in options:
            if name not in Task.option_names():
                raise UnknownOption("Group", name, ["prefix", *Task.option_names()])
        self.prefix, self.start_cond, self.options = prefix, start_cond, options
        self._declared: list[Declared | Group] = []
        self._actors: list[ActorSpec] = []
        self._conditions: list[Custom] = []
        self._parameters: dict[str, Any] = {}

    def include(self, group: Group) -> None:
        """Take in another group, whose names get this one's prefix too."""
        if not isinstance(group, Group):
            raise TypeError(f"a group includes groups, not {group!r}")
        if group is self or self in group.groups():
            raise ValueError("a group cannot be a part of itself")
        self._declared.append(group)

    def groups(self) -> list[Group]:
        """Return all groups in it, at whatever depth."""
        own = [part for part in self._declared if isinstance(part, Group)]
        return [*own, *(inner for part in own for inner in part.groups())]

    def join(self, session: Session) -> None:
        """Add all its tasks, actors, conditions and parameters to `session`, tasks in the order of their declaration.

        Raises:
          DuplicateTask, ActorExists, InvalidOption, UnknownOption, UnportableFunction: as they say; what comes before it is in.
        """
        for group in (self, *self.groups()):
            for condition in group._conditions:
                session.conditions.add(condition)
            session.parameters.update(group._parameters)
        for plan in self._plans(session, None, []):
            self._add(plan, session)

    def _plans(self, session: Session, parent: Family | None, around: list[Group]) -> list[Plan]:
        """Return what is to become of each task, having told all families their names: any task may mean any other."""
        family, groups = Family(session, self.prefix, parent), [*around, self]
        for spec in self._actors:
            session.declare_actor(replace(spec, name=family.add_actor(spec.name)))
        plans: list[Plan] = []
        for part in self._declared:
            if isinstance(part, Group):
                plans += part._plans(session, family, groups)
            else:
                plans.append(Plan(part, family.add(_name_of(part), part.func), family, groups))
        return plans

    def _add(self, plan: Plan, session: Session) -> None:
        declared = plan.declared
        options: dict[str, Any] = {**declared.options}
        for group in reversed(plan.groups):
            parameters = {**group.parameters_of(declared), **(options.get("parameters") or {})}
            options = {**group.options, **options, "parameters": parameters}
        start_cond = _condition(plan)
        session.create_task(declared.func, plan.name, start_cond, family=plan.family, **options)

    def parameters_of(self, declared: Declared) -> dict[str, Any]:
        """Return those of its parameters that a task of it takes: a function, by the names of its own."""
        given = self.options.get("parameters") or {}
        accepted = Signature.of(self.prefix, declared.func).accepted if declared.func is not None else ()
        return {name: value for name, value in given.items() if name in accepted}

    def _declare(self, func: Function | None, name: str | None, start_cond: StartCondition, options: WorkOptions) -> None:
        self._declared.append(Declared(func, name, start_cond, options))

    def _declare_actor(self, spec: ActorSpec) -> None:
        self._actors.append(spec)

    def _add_condition(self, condition: Custom) -> None:
        self._conditions.append(condition)

    def _set_parameters(self, values: Mapping[str, Any]) -> None:
        self._parameters.update(values)


def _name_of(part: Declared) -> str:
    """Return what a task is called in its group."""
    if part.name is not None:
        return part.name
    if part.func is None:
        raise InvalidOption("a task of a group", "name", "None", "it needs one, where it has no function to be called after")
    return name_of(part.func)


def _condition(plan: Plan) -> StartCondition:
    """Return what must hold for a task to start: its own condition, and those of all its groups.

    Raises:
      InvalidOption: one says no condition.
    """
    found: list[Condition] = []
    for given in (plan.declared.start_cond, *(group.start_cond for group in plan.groups if group.start_cond is not None)):
        try:
            found.append(read(given, plan.family))
        except (ValueError, TypeError) as exc:
            raise InvalidOption(f"task {plan.name!r}", "start_cond", repr(given), str(exc)) from exc
    return reduce(and_, found)
