"""Retries: whether a run that failed is tried again, and when. Pure decisions.

The attempts of a run share its id, and are counted from one. What conditions see of a run is its final outcome.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import UTC, datetime, tzinfo
from typing import Any, NamedTuple

from actors.errors import InvalidOption, TaskSignal
from actors.portable import describe
from actors.timespans import TimeSpan, to_finite, to_words

MOST = 1_000_000
"""How many attempts may follow the first, at most."""
ErrorClasses = type[BaseException] | tuple[type[BaseException], ...]
"""An exception class, or several."""


class Retry(TaskSignal):
    """How often and after how long a run that failed is tried again: the value of ``retries=``.

    A function may raise one, too, to ask for another attempt: ``raise Retry(after="10 s")``. Its own ``limit`` and delays count
    where the task has no retries, else the task's do. What it asks for is done whatever ``on`` and ``unless`` say.

    Failures and timeouts are tried again, and so are attempts that the end of the whole process cut off, at the next start; what
    was asked to end, or ended itself with another signal, is not. A timeout counts as ``TimeoutError``, a worker process that is
    gone as ``WorkerDied``, the end of the whole process as ``RunBroken``; a group of errors counts as each of them.

    Args:
      limit: how many attempts may follow the first; 0 is none.
      base: the delay before the second attempt; seconds, a ``timedelta`` or words.
      factor: by how much each delay is longer than the one before; at least 1.
      cap: the longest delay.
      jitter: the part of a delay by which it is longer or shorter at random, from 0 to 1; always the same for the same attempt.
      on: an exception class or a tuple of them: only these are tried again. None is all.
      unless: likewise, these never are; it comes before `on`.
      past_next: whether an attempt may begin when the next start of its task by its condition has come; else it is dropped.
      after: the exact delay before the attempt that follows, in place of all others; for one that is raised.

    Raises:
      InvalidOption: a value is impossible; says what is expected.
      InvalidTimeSpan: a text says no length of time.
    """

    def __init__(
        self,
        limit: int = 3,
        *,
        base: TimeSpan = "5 s",
        factor: float = 2,
        cap: TimeSpan = "1 hour",
        jitter: float = 0.1,
        on: ErrorClasses | None = None,
        unless: ErrorClasses | None = None,
        past_next: bool = False,
        after: TimeSpan | None = None,
    ) -> None:
        _check("limit", limit, "a whole number from 0 to 1,000,000", fits=_is_number(limit, int) and 0 <= limit <= MOST)
        _check("factor", factor, "a number of at least 1", fits=_is_number(factor, int, float) and 1 <= factor < math.inf)
        _check("jitter", jitter, "a number from 0 to 1", fits=_is_number(jitter, int, float) and 0 <= jitter <= 1)
        _check("past_next", past_next, "True or False", fits=isinstance(past_next, bool))
        self.limit, self.factor, self.jitter, self.past_next = limit, factor, jitter, past_next
        self.base, self.cap = to_finite(base), to_finite(cap)
        self.on, self.unless = _classes("on", on), _classes("unless", unless)
        self.after = None if after is None else to_finite(after)
        self._cause = ""  # in a copy that has crossed a process boundary, where what it was raised from is left behind
        super().__init__(
            limit, self.base, factor, self.cap, jitter, self.on, self.unless, past_next, self.after
        )  # what it keeps when pickled

    def __eq__(self, other: object) -> bool:
        """Policies are values."""
        return self.args == other.args if type(other) is type(self) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.args)

    def __reduce__(self) -> tuple[Any, ...]:
        return _copy, (type(self), self.args), {**self.__dict__, "_cause": str(self)}

    def __str__(self) -> str:
        """What it was raised from, in a line."""
        cause = self.__cause__ or (None if self.__suppress_context__ else self.__context__)
        return self._cause if cause is None else describe(cause)

    def __repr__(self) -> str:
        return f"Retry({self.limit}, base={to_words(self.base)!r}, factor={self.factor}, cap={to_words(self.cap)!r})"


class Failure(NamedTuple):
    """What is known of a failed attempt."""

    kinds: tuple[str, ...]
    """The qualified names of what was raised: of its class and all that this derives from."""
    wanted: Retry | None = None
    """What the function raised to ask for another attempt."""

    @classmethod
    def of(cls, error: BaseException) -> Failure:
        """Return what is known of an attempt that raised `error`."""
        return cls(kinds_of(error), error if isinstance(error, Retry) else None)


class NextAttempt(NamedTuple):
    """What follows a failed attempt."""

    at: float | None = None
    """When the next one is to begin, in seconds since the epoch; None if none is."""
    attempts: int | None = None
    """How many there may be of this run, the first included; None where nothing says that it may be tried again."""
    because: str = ""
    """Why none follows although there might have been one."""


def next_attempt(
    policy: Retry | None,
    failure: Failure,
    seed: str,
    attempt: int,
    now: float,
    next_start: float = math.inf,
    zone: tzinfo = UTC,
    rescues: int = 0,
) -> NextAttempt:
    """Return what follows an attempt that failed `now`.

    Args:
      policy: how the task is tried again; None if it is not.
      seed: what tells the run from others: its task's name and its id.
      attempt: the number of the one that failed.
      next_start: when the task's condition starts it next.
      zone: on whose clocks that is told.
      rescues: how many of the attempts until now were made since the whole process had ended, and count for nothing.
    """
    counting = policy if policy is not None and policy.limit else failure.wanted
    if counting is None:
        return NextAttempt()
    attempts, tried = counting.limit + 1 + rescues, attempt - rescues
    if failure.wanted is None and (refusal := _refusal(counting, failure.kinds)):
        return NextAttempt(None, attempts, refusal)
    if attempt >= attempts:
        return NextAttempt(None, attempts)
    wanted = failure.wanted or counting
    at = now + (delay_before(counting, seed, tried) if wanted.after is None else wanted.after)
    if next_start <= at and not (counting.past_next or wanted.past_next):
        return NextAttempt(None, attempts, superseded(next_start, zone))
    return NextAttempt(at, attempts)


def delay_before(policy: Retry, seed: str, attempt: int) -> float:
    """Return how many seconds after attempt number `attempt` the next one begins. A restart does not draw anew."""
    from actors.policies import share  # most of that is for a scheduler

    try:
        grown = policy.base * float(policy.factor) ** (attempt - 1)
    except OverflowError:
        grown = policy.cap if policy.base else 0.0
    return min(grown, policy.cap) * (1 + policy.jitter * (2 * share(f"{seed}\0{attempt}") - 1))


def superseded(start: float, zone: tzinfo) -> str:
    """Return in words that the task's next start has come before the attempt."""
    return f"superseded by its next start at {datetime.fromtimestamp(start, zone):%Y-%m-%d %H:%M:%S}"


def kinds_of(error: BaseException) -> tuple[str, ...]:
    """Return the qualified names by which ``on`` and ``unless`` know `error`, which is of another process perhaps."""
    return tuple({_name(cls): None for part in (error, *_parts(error)) for cls in type(part).__mro__ if cls is not object})


def to_retries(given: int | Retry) -> Retry:
    """Return what ``retries=`` was given as a policy."""
    if isinstance(given, Retry):
        return given
    if not _is_number(given, int) or not 0 <= given <= MOST:
        raise ValueError("a whole number from 0 to 1,000,000, or a Retry, is expected")
    return Retry(given)


def _refusal(policy: Retry, kinds: tuple[str, ...]) -> str:
    """Return why `policy` does not try again what failed so, or an empty text."""
    if any(_name(cls) in kinds for cls in policy.unless or ()):
        return "not tried again: unless names it"
    if policy.on is not None and not any(_name(cls) in kinds for cls in policy.on):
        return "not tried again: on does not name it"
    return ""


def _parts(error: BaseException) -> Iterator[BaseException]:
    if isinstance(error, BaseExceptionGroup):
        for part in error.exceptions:
            yield part
            yield from _parts(part)


def _name(cls: type) -> str:
    """Return the name of a class that is the same in all processes: what is ``__main__`` here has another name in a worker."""
    module = "__main__" if cls.__module__ == "__mp_main__" else cls.__module__
    return f"{module}.{cls.__qualname__}"


def _classes(name: str, given: object) -> tuple[type[BaseException], ...] | None:
    if given is None:
        return None
    classes: tuple[Any, ...] = given if isinstance(given, tuple) else (given,)
    fits = all(isinstance(cls, type) and issubclass(cls, BaseException) for cls in classes)
    _check(name, given, "an exception class or a tuple of them", fits=fits)
    return classes


def _is_number(value: object, *kinds: type) -> bool:
    return isinstance(value, kinds) and not isinstance(value, bool)


def _check(name: str, value: object, expected: str, *, fits: bool) -> None:
    if not fits:
        raise InvalidOption("Retry", name, repr(value), f"{expected} is expected")


def _copy(cls: type[Retry], fields: tuple[Any, ...]) -> Retry:
    return cls.__new__(cls, *fields)
