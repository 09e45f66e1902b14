"""Tokens: what the limits and rates of a task make its runs need, how many there are, and how many are in use."""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterable, Mapping
from datetime import date
from enum import Enum
from pathlib import PurePath
from typing import NamedTuple
from uuid import UUID

from actors.errors import InvalidLimitKey
from actors.limits import Limit, Rate
from actors.messages import Launch
from actors.portable import describe
from runtime.terms import Terms

_SPARE = 64


class Token(NamedTuple):
    """What a run needs one of. That of a limit is given back when it ends, those of a rate come with time."""

    kind: str
    """``limit`` or ``rate``."""
    name: str
    value: tuple[Hashable, ...] = ()
    """Of which value there is one, where a limit counts by a key."""


def tokens_of(launch: Launch, terms: Terms) -> tuple[Token, ...]:
    """Return what a run of `launch` needs, each once.

    Raises:
      InvalidLimitKey: a key function raised, or returned what cannot be told apart from other values.
    """
    tokens = dict.fromkeys(_token_of(limit, launch, terms) for limit in terms.limits)
    return tuple(sorted(tokens, key=lambda token: (token.kind, token.name)))


def _token_of(limit: Limit | Rate, launch: Launch, terms: Terms) -> Token:
    kind = "limit" if isinstance(limit, Limit) else "rate"
    if limit.key is None:
        return Token(kind, limit.name)
    try:
        value = limit.key({**terms.parameters, **launch.params})
        _check_plain(value)
    except BaseException as exc:  # it is the user's, and a SystemExit of it must not be ours
        raise InvalidLimitKey(launch.task, str(limit), describe(exc)) from exc
    return Token(kind, limit.name, (value,))


def _check_plain(value: object) -> None:
    """Check that `value` can be told from others without asking code of the user's; raises TypeError."""
    if isinstance(value, tuple):
        for part in value:
            _check_plain(part)
    elif not isinstance(value, (str, bytes, int, float, UUID, date, Enum, PurePath)) and value is not None:
        raise TypeError(f"a key is a text, a number, a date, a path, or a tuple of these, not a {type(value).__name__}")


class _Pace(NamedTuple):
    """How fast the tokens of a rate come."""

    interval: float
    """Seconds for each."""
    burst: int


_UNPACED = _Pace(0.0, 1)


class _Said(NamedTuple):
    """What all tasks together say of each name."""

    counts: dict[str, int]
    """The smallest of each limit."""
    paces: dict[str, _Pace]
    """The slowest of each rate, with the smallest burst."""


def _put_together(all_terms: Iterable[Terms]) -> _Said:
    said = _Said({}, {})
    for terms in all_terms:
        for limit in terms.limits:
            if isinstance(limit, Limit):
                said.counts[limit.name] = min(limit.count, said.counts.get(limit.name, limit.count))
            else:
                other = said.paces.get(limit.name, _Pace(limit.interval, limit.burst))
                said.paces[limit.name] = _Pace(max(limit.interval, other.interval), min(limit.burst, other.burst))
    return said


class Tokens:
    """Counts them. What is not in use takes no memory, however many values there were.

    Args:
      terms: the terms of each task, kept up to date by their owner; what they say of one name is put together.
      start: since when tokens of rates come, on the clock of the times that are given.
    """

    def __init__(self, terms: Mapping[str, Terms], start: float) -> None:
        self._terms, self._start = terms, start
        self._used: dict[Token, int] = {}
        self._taken: dict[Token, tuple[float, float]] = {}  # {token of a rate: when its bucket is full again, last taken when}
        self._most = _SPARE
        self._said: _Said | None = None

    def recount(self) -> None:
        """Take note that terms have changed."""
        self._said = None

    def lacking(self, tokens: tuple[Token, ...], now: float) -> Token | None:
        """Return the first of `tokens` of which there is none left, or None."""
        for token in tokens:
            if token.kind == "rate":
                if now < self.next_moment(token):
                    return token
            elif self._used.get(token, 0) >= self._what_is_said().counts.get(token.name, math.inf):
                return token
        return None

    def next_moment(self, token: Token) -> float:
        """Return since when, or from when on, there is one of a rate."""
        pace = self._pace(token)
        return self._full_again(token, pace) - (pace.burst - 1) * pace.interval

    def take(self, tokens: tuple[Token, ...], now: float) -> None:
        """Take one of each."""
        for token in tokens:
            if token.kind == "rate":
                pace = self._pace(token)
                self._taken[token] = max(self._full_again(token, pace), now) + pace.interval, now
                if len(self._taken) > self._most:
                    self._forget_full(now)
            else:
                self._used[token] = self._used.get(token, 0) + 1

    def give_back(self, token: Token, *, unused: bool = False) -> bool:
        """Give one back, and return whether that makes one more; one of a rate only if it was not used."""
        if token.kind == "rate":
            if unused and token in self._taken:
                full_again, when = self._taken[token]
                self._taken[token] = full_again - self._pace(token).interval, when
            return unused
        left = self._used[token] - 1
        if left:
            self._used[token] = left
        else:
            del self._used[token]
        return True

    def words(self, token: Token) -> str:
        """Return what who lacks `token` waits for. From any thread."""
        name = f"{token.kind} {token.name!r}" + "".join(f" for {value!r}" for value in token.value)
        if token.kind == "rate":
            return name
        said = self._said or _put_together(list(self._terms.values()))  # and not kept: terms may change meanwhile
        return f"{name} ({self._used.get(token, 0)} of {said.counts.get(token.name, 'any number')} in use)"

    def _pace(self, token: Token) -> _Pace:
        return self._what_is_said().paces.get(token.name, _UNPACED)

    def _full_again(self, token: Token, pace: _Pace) -> float:
        from_empty = pace.burst * pace.interval
        if token not in self._taken:
            return self._start + from_empty
        full_again, when = self._taken[token]
        return min(full_again, when + from_empty)  # as a pace that is faster now would have left it

    def _what_is_said(self) -> _Said:
        if self._said is None:
            self._said = _put_together(self._terms.values())
        return self._said

    def _forget_full(self, now: float) -> None:
        """Forget the buckets that are full: they are as if no token had ever been taken."""
        self._taken = {token: taken for token, taken in self._taken.items() if self._full_again(token, self._pace(token)) > now}
        self._most = 2 * len(self._taken) + _SPARE
