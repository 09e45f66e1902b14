"""Limits: how many runs that share something may go on at a time, and how often they may start."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from actors.config import to_count
from actors.errors import InvalidOption
from actors.timespans import TimeSpan, to_finite, to_words

KeyFunction = Callable[[Mapping[str, Any]], Hashable]
"""``key(params)``: what of a launch's parameters a limit is counted by; `params` are the task's, the launch's over them."""

Given = TypeVar("Given")
Kept = TypeVar("Kept")


@dataclass(frozen=True, slots=True, repr=False)
class Limit:
    """So many runs at a time. Made by :func:`limit`."""

    name: str
    count: int
    key: KeyFunction | None = None

    def __str__(self) -> str:
        return f"limit {self.name!r}"

    def __repr__(self) -> str:
        return f"limit({self.name!r}, {self.count}{_key_in_words(self.key)})"


@dataclass(frozen=True, slots=True, repr=False)
class Rate:
    """So many starts in a time. Made by :func:`rate`."""

    name: str
    count: int
    per: float
    """Seconds."""
    burst: int = 1
    key: KeyFunction | None = None

    @property
    def interval(self) -> float:
        """Seconds in which one more start becomes possible."""
        return self.per / self.count

    def __str__(self) -> str:
        return f"rate {self.name!r}"

    def __repr__(self) -> str:
        burst = f", burst={self.burst}" if self.burst != 1 else ""
        return f"rate({self.name!r}, {self.count}, per={to_words(self.per)!r}{burst}{_key_in_words(self.key)})"


Limits = Limit | Rate | Iterable[Limit | Rate]
"""What the option ``limits`` of a task takes."""


def limit(name: str, count: int, *, key: KeyFunction | None = None) -> Limit:
    """Return a limit for ``limits=``: at most `count` runs at a time of all tasks that name it, in whatever mode.

    Args:
      name: what they share; where tasks give it different counts, the smallest counts.
      key: counts by a value: ``limit("tenant", 1, key=lambda params: params["tenant"])`` is one run at a time of each tenant.

    Raises:
      InvalidOption: the name is empty, or the count is not a whole number of at least 1.
    """
    owner = _owner("limit", name)
    return Limit(name, _checked(owner, "count", count, to_count), _checked(owner, "key", key, _to_key))


def rate(name: str, count: int, per: TimeSpan, burst: int = 1, *, key: KeyFunction | None = None) -> Rate:
    """Return a rate for ``limits=``: the tasks that name it start at most `count` times in `per`, and `burst` times more.

    It is a bucket of `burst` tokens, which gets one more in each ``per / count`` and is empty when the app starts, so that
    restarts add nothing. Time is counted by the machine's steady clock: to set the wall clock changes nothing.

    Args:
      name: what they share; where tasks give it different rates, the slowest counts, and the smallest burst.
      per: seconds, or words such as ``"1 minute"``.
      burst: how many may start at once after a pause.
      key: gives each value a bucket of its own, as for :func:`limit`.

    Raises:
      InvalidOption: the name is empty, a count is not a whole number of at least 1, or the time is not above 0.
    """
    owner = _owner("rate", name)
    return Rate(
        name,
        _checked(owner, "count", count, to_count),
        _checked(owner, "per", per, _to_length),
        _checked(owner, "burst", burst, to_count),
        _checked(owner, "key", key, _to_key),
    )


def to_limits(given: Limits) -> tuple[Limit | Rate, ...]:
    """Return the limits and rates that were given, one or several, as a tuple."""
    limits = tuple(given) if isinstance(given, Iterable) else (given,)
    if not all(isinstance(entry, (Limit, Rate)) for entry in limits):
        raise ValueError("limit(...), rate(...) or a list of them is expected")
    return limits


def _owner(kind: str, name: str) -> str:
    if not isinstance(name, str) or not name:
        raise InvalidOption(f"a {kind}", "name", repr(name), "a text that is not empty is expected")
    return f"{kind} {name!r}"


def _checked(owner: str, option: str, given: Given, check: Callable[[Given], Kept]) -> Kept:
    try:
        return check(given)
    except ValueError as exc:
        raise InvalidOption(owner, option, repr(given), str(exc)) from exc


def _to_length(given: TimeSpan) -> float:
    if not (seconds := to_finite(given)):
        raise ValueError("a time above 0 is expected")
    return seconds


def _to_key(given: KeyFunction | None) -> KeyFunction | None:
    if given is not None and not callable(given):
        raise ValueError("a function of the parameters is expected")
    return given


def _key_in_words(key: KeyFunction | None) -> str:
    return "" if key is None else f", key={getattr(key, '__qualname__', key)}"
