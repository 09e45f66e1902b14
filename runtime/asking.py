"""Asking: calls the functions of custom conditions, outside of the supervisor's own step."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import trio

from actors.args.base import Circumstances, all_valued
from actors.args.signature import Signature
from actors.callables import backend_of
from actors.conds.custom import Custom
from actors.errors import ConditionBroken
from actors.facts import Answer, Facts
from actors.messages import Answered
from actors.session import Session
from actors.task import Task
from actors.termination import current_task
from runtime.clock import Clock
from runtime.outcome import is_fatal
from runtime.runners import Call, Runner

LONGEST = 10.0
"""Seconds that a condition's function may take to answer, if it is async."""


class Asker:
    """Asks conditions for tasks, each at most once at a time.

    Args:
      answered: is told when an answer is among the facts.
    """

    def __init__(
        self, session: Session, clock: Clock, runners: Mapping[str, Runner], answered: Callable[[Answered], None]
    ) -> None:
        self._session, self._clock, self._runner, self._answered = session, clock, runners["async"], answered
        self._asked: dict[tuple[str, Custom], trio.CancelScope] = {}

    @property
    def count(self) -> int:
        """How many answers are waited for."""
        return len(self._asked)

    @property
    def is_idle(self) -> bool:
        """Whether no answer is waited for."""
        return not self._asked

    def ask(self, nursery: trio.Nursery, condition: Custom, name: str, task: Task | None, facts: Facts) -> None:
        """Have `condition` asked for the task called `name`, or for the app, unless it is being asked already."""
        key = (name, condition)
        if key not in self._asked:
            self._asked[key] = trio.CancelScope()
            whose = f"task {name!r}" if task is not None else "the app"
            nursery.start_soon(self._ask, key, task, facts, name=f"condition {condition} of {whose}")

    def cancel(self) -> None:
        """Wait for no answer any more."""
        for scope in self._asked.values():
            scope.cancel(reason="the runtime ends")

    async def _ask(self, key: tuple[str, Custom], task: Task | None, facts: Facts) -> None:
        name, condition = key
        current_task.set(name or None)
        try:
            with self._asked[key]:
                facts.answers[condition] = await self.answer(condition, task)
        finally:
            del self._asked[key]
            self._answered(Answered(name))

    async def answer(self, condition: Custom, task: Task | None) -> Answer:
        """Return what `condition` says for `task` now, or what it raises."""
        value, error = False, None
        try:
            value = await self._value(condition, task)
        except BaseException as exc:
            if is_fatal(exc):
                raise
            error = exc if isinstance(exc, Exception) else ConditionBroken(str(condition), f"it raised {type(exc).__name__}")
        return Answer(self._clock.now(), value, error)

    async def _value(self, condition: Custom, task: Task | None) -> bool:
        scope = trio.CancelScope(deadline=trio.current_time() + LONGEST)  # entered by the runner, if there is something to await
        said = await self._runner.run(self._call(condition, task), scope)
        if scope.cancelled_caught:
            raise ConditionBroken(str(condition), f"it did not answer within {LONGEST:g} s")
        return bool(said)

    def _call(self, condition: Custom, task: Task | None) -> Call:
        signature = Signature.of(f"the condition {condition}", condition.function)
        given = condition.given()
        kwargs = signature.fit(given, self._session.parameters.snapshot())
        kwargs = all_valued(signature.owner, kwargs, Circumstances(task, self._session))
        return Call(task.name if task is not None else "", "", condition.function, kwargs, backend=backend_of(condition.function))
