"""Custom conditions: a function that says yes or no."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from actors.callables import is_generator, name_of
from actors.conds.base import INF, POLL, Condition, Unanswered
from actors.errors import InvalidTimeSpan
from actors.facts import Facts
from actors.portable import Reference
from actors.timespans import TimeSpan, to_seconds

if TYPE_CHECKING:
    import ast

SHORTEST_POLL = 0.01
RESERVED = frozenset(
    (
        "true", "false", "never", "always", "every", "cron", "crontime", "time", "while", "is", "running", "task", "has", "after",
        "scheduler", "env", "param", "retry", "secondly", "minutely", "hourly", "daily", "weekly", "monthly", "yearly",
    )
)  # fmt: skip
"""Words with which statements begin."""
Syntax = str | re.Pattern[str] | Iterable[str | re.Pattern[str]] | None
"""How it is written in text: words, a pattern whose named groups are the function's arguments, or several of these."""
_CALL = r"(?s)([^\W\d]\w*)\s*(?:\((.*)\))?"  # re compiles and keeps it at the first use


@dataclass(frozen=True, slots=True, eq=False)
class Custom(Condition):
    """Holds when a function said so the last time it was asked, which is not longer ago than `poll` seconds.

    Nothing else can tell when the answer changes, so while it matters the function is asked again and again. It matters where
    the conditions before it hold: ``daily & is_free`` asks nothing on a day that is done. Calling it gives the same condition
    with other arguments: ``is_free(disk="/tmp")``.
    """

    function: Callable[..., Any]
    poll: float = POLL
    syntax: tuple[str | re.Pattern[str], ...] = ()
    args: tuple[Any, ...] = ()
    kwargs: Mapping[str, Any] = field(default_factory=dict)
    text: str | None = None
    """What it was read from, where that was a text of its own."""

    def __reduce__(self) -> tuple[Any, ...]:
        rest = (self.poll, self.syntax, self.args, dict(self.kwargs), self.text)
        return _restored, (Reference(self.function), *rest)

    @property
    def name(self) -> str:
        """The name of the function."""
        return name_of(self.function)

    def __call__(self, /, *args: Any, **kwargs: Any) -> Custom:
        """Return the same condition with these arguments of its function.

        Raises:
          TypeError: the function does not take them.
        """
        called = replace(self, args=args, kwargs=kwargs, text=None)
        called.given()
        return called

    def given(self) -> dict[str, Any]:
        """Return its arguments by name.

        Raises:
          TypeError: the function does not take them.
        """
        import inspect

        if not self.args and not self.kwargs:
            return {}
        try:
            bound = inspect.signature(self.function).bind_partial(*self.args, **self.kwargs)
        except TypeError as exc:
            raise TypeError(f"condition {self.name}: {exc}") from exc
        kinds = {name: parameter.kind for name, parameter in bound.signature.parameters.items()}
        given: dict[str, Any] = {}
        for name, value in bound.arguments.items():
            if kinds[name] is inspect.Parameter.VAR_POSITIONAL:
                raise TypeError(f"condition {self.name}: its arguments must be given by name")
            given.update(value if kinds[name] is inspect.Parameter.VAR_KEYWORD else {name: value})
        return given

    def holds(self, now: float, facts: Facts) -> bool:
        answer = facts.answers.get(self)
        if answer is None or not answer.at <= now < answer.at + self.poll:
            raise Unanswered(self)
        if answer.error is not None:
            raise answer.error
        return answer.value

    def next_change(self, now: float, facts: Facts) -> float:
        answer = facts.answers.get(self)
        return INF if answer is None or answer.at + self.poll <= now else answer.at + self.poll

    def __eq__(self, other: object) -> bool:
        if self is other or not isinstance(other, Custom):
            return self is other
        try:
            return bool(self._key() == other._key())
        except Exception:  # arguments of the user's that cannot be compared, such as arrays
            return False

    def __hash__(self) -> int:
        return hash((self.function, self.poll))  # arguments need not be hashable

    def _key(self) -> tuple[Any, ...]:
        return (self.function, self.poll, self.args, dict(self.kwargs))

    def __str__(self) -> str:
        if self.text is not None:
            return self.text
        given = [repr(value) for value in self.args] + [f"{name}={value!r}" for name, value in self.kwargs.items()]
        if given:
            return f"{self.name}({', '.join(given)})"
        return next((words for words in self.syntax if isinstance(words, str)), self.name)


def _restored(function: Reference, *rest: Any) -> Custom:
    return Custom(function.found(), *rest)


class CustomConditions:
    """The custom conditions of an app, as its texts may name them: by their syntax, or like ``name`` or ``name(x=1)``."""

    def __init__(self) -> None:
        self._known: dict[str, Custom] = {}

    def __iter__(self) -> Iterator[Custom]:
        return iter(self._known.values())

    def add(self, condition: Custom) -> None:
        """Let texts name `condition`; the latest of a name counts.

        Raises:
          ValueError: its name already means something in texts.
        """
        if condition.name.lower() in RESERVED:
            raise ValueError(f"{condition.name!r} means something else in the text of conditions; give the function another name")
        self._known[condition.name] = condition

    def words(self) -> list[str]:
        """Return what a text may begin with to mean one of them."""
        known = [words for condition in self for words in condition.syntax if isinstance(words, str)]
        return known + [name for name in self._known if name.isidentifier()]

    def find(self, text: str) -> Custom | None:
        """Return the condition that `text` means, or None.

        Raises:
          ValueError: it names one, with arguments that are no plain Python values.
        """
        if not self._known:  # as in most apps
            return None
        for condition in self:
            for words in condition.syntax:
                if isinstance(words, str):
                    if words.lower() == text.lower():
                        return condition
                elif match := words.fullmatch(text):
                    return replace(condition(**match.groupdict()), text=text)
        call = re.fullmatch(_CALL, text)
        if call is None or (named := self._known.get(call[1])) is None:
            return None
        return named if call[2] is None else _called(named, call[2])


def custom(function: Callable[..., Any], syntax: Syntax = None, poll: TimeSpan = POLL) -> Custom:
    """Return the condition that asks `function`, at most once in `poll`.

    Raises:
      TypeError: it is no function.
      InvalidTimeSpan: `poll` says no length of time, or one shorter than 10 ms.
    """
    if not callable(function):
        raise TypeError(f"a function is expected, not {function!r}; write @app.cond() with parentheses")
    if is_generator(function):
        raise TypeError(f"{name_of(function)} is a generator, which says nothing when it is called; a function is expected")
    hash(function)  # answers are kept by it
    seconds = to_seconds(poll)
    if not SHORTEST_POLL <= seconds < INF:
        raise InvalidTimeSpan(str(poll), f"asking is done every {SHORTEST_POLL:g} s at most, and not never")
    several = () if syntax is None else (syntax,) if isinstance(syntax, (str, re.Pattern)) else tuple(syntax)
    return Custom(function, seconds, tuple(map(_checked, several)))


def condition(syntax: Syntax = None, *, poll: TimeSpan = POLL) -> Callable[[Callable[..., Any]], Custom]:
    """Return a decorator that makes a function a condition. ``@app.cond()`` does too, and lets the app's texts name it."""
    return lambda function: custom(function, syntax, poll)


def _checked(words: str | re.Pattern[str]) -> str | re.Pattern[str]:
    if isinstance(words, re.Pattern):
        return words
    if not words.split() or set(words) & set("&|~'\""):
        raise ValueError(f"{words!r} cannot be told from other conditions: words without & | ~ and quotes are expected")
    return " ".join(words.split())


def _called(named: Custom, arguments: str) -> Custom:
    import ast  # takes 3 ms, and is seldom needed

    try:
        call = ast.parse(f"f({arguments})", mode="eval").body
        values = _values(call) if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) else None
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        values = None
    if values is None:
        raise ValueError(f"the arguments of {named.name} must be plain values, such as 1, 'a' or [1, 2]")
    return named(*values[0], **values[1])


def _values(call: ast.Call) -> tuple[list[Any], dict[str, Any]] | None:
    """Return the arguments of `call`, which are literals; None where they are unpacked from something, or come twice."""
    from ast import literal_eval

    names = [keyword.arg for keyword in call.keywords]
    if None in names or len(set(names)) < len(names):
        return None
    args = [literal_eval(value) for value in call.args]
    return args, {str(keyword.arg): literal_eval(keyword.value) for keyword in call.keywords}
