"""Supervision: what becomes of an actor that has ended, and of those beside it. Pure: no clock, no randomness, no nursery.

The words and most of the arithmetic are those of Erlang/OTP (``supervisor``), the backoff is that of Akka.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, TypedDict, Unpack

from actors.errors import InvalidOption, InvalidTimeSpan, UnknownOption
from actors.outcomes import Failed, Outcome
from actors.timespans import TimeSpan, to_seconds, to_words

Kind = Literal["permanent", "transient", "temporary"]
Directive = Literal["restart", "resume", "stop", "escalate"]
DIRECTIVES: tuple[str, ...] = ("restart", "resume", "stop", "escalate")
Rules = Mapping[type[Exception], Directive]


class Affected(NamedTuple):
    """What a strategy does about a child that is to be restarted."""

    stop: tuple[str, ...]
    """The others that are stopped first, one after the other."""
    start: tuple[str, ...]
    """Those that are started then, each when the one before it has started."""


Strategy = Callable[[Sequence[str], str], Affected]
"""Takes the names of all children in the order of their start, and the one that failed."""


def one_for_one(children: Sequence[str], failed: str) -> Affected:  # noqa: ARG001  # it is a Strategy
    """Restart the child that failed, and no other."""
    return Affected((), (failed,))


def one_for_all(children: Sequence[str], failed: str) -> Affected:
    """Stop all others, the last first, then start all again: none of them can do without the others."""
    return Affected(tuple(name for name in reversed(children) if name != failed), tuple(children))


def rest_for_one(children: Sequence[str], failed: str) -> Affected:
    """Stop those that were started after the one that failed, the last first, then start it and them: they build upon it."""
    rest = children[children.index(failed) :]
    return Affected(tuple(reversed(rest[1:])), tuple(rest))


@dataclass(frozen=True, slots=True)
class StayDown:
    """It is not started again by itself."""


@dataclass(frozen=True, slots=True)
class RestartIn:
    """It is started again after so many seconds."""

    seconds: float


@dataclass(frozen=True, slots=True)
class GiveUp:
    """It is not started again, as restarting it does not help."""

    reason: str
    escalates: bool = True
    """Whether its supervisor gives up too, so that the next one above has to deal with it; else it just stays down."""


Verdict = StayDown | RestartIn | GiveUp


class RestartOptions(TypedDict, total=False):
    """How an actor is restarted.

    Attributes:
      limit: more restarts than this within `window` (5 seconds) are given up; None, the default, leaves it to the supervisor's
        own limit.
      backoff: the wait before a restart, 0.1 seconds; it grows by `factor` (2) with each failure in a row, up to `max_backoff`
        (30 seconds).
      jitter: the share of the wait, from 0 to 1, by which it is longer or shorter at random; 0.1.
      reset_after: after so long without a failure the wait begins anew; default is the mean of `backoff` and `max_backoff`.
      rules: {exception class: what to do}, the first that fits; of a group all leaves must fit. ``restart`` it at once, let it
        ``resume`` with the state it has and without the message, let it ``stop`` and stay down, or ``escalate``.
      then: what becomes of it when it is given up: its supervisor gives up too (``escalate``), or it stays down (``stop``).
    """

    limit: int | None
    window: TimeSpan
    backoff: TimeSpan
    factor: float
    max_backoff: TimeSpan
    jitter: float
    reset_after: TimeSpan | None
    rules: Rules | None
    then: Literal["escalate", "stop"]


_DEFAULTS: RestartOptions = {
    "limit": None,
    "window": 5.0,
    "backoff": 0.1,
    "factor": 2.0,
    "max_backoff": 30.0,
    "jitter": 0.1,
    "reset_after": None,
    "rules": None,
    "then": "escalate",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Restart:
    """Whether an actor that has ended is started again, when, and how often. Made by one of the three class methods."""

    kind: Kind
    limit: int | None
    """More restarts than this within the window are given up; None leaves it to the limit of its supervisor."""
    window: float
    """In seconds, both ends included."""
    backoff: float
    """Seconds before the first restart."""
    factor: float
    """By which the wait grows with each failure in a row."""
    max_backoff: float
    jitter: float
    """The share of the wait by which it is longer or shorter at random."""
    reset_after: float
    """After so many seconds without a failure the wait begins anew."""
    rules: tuple[tuple[type[Exception], Directive], ...]
    """What comes before all this, by the class of the exception: the first that fits."""
    then: Literal["escalate", "stop"]
    """What becomes of it once it is given up: its supervisor gives up too, or it just stays down."""

    @classmethod
    def permanent(cls, **options: Unpack[RestartOptions]) -> Restart:
        """Start it again however it ended, unless its supervisor has stopped it.

        Args:
          options: see :class:`RestartOptions`.

        Raises:
          InvalidOption, UnknownOption: as they say.
        """
        return _made("permanent", options)

    @classmethod
    def transient(cls, **options: Unpack[RestartOptions]) -> Restart:
        """Start it again when it ended in a way that nobody wanted; takes what :meth:`permanent` takes."""
        return _made("transient", options)

    @classmethod
    def temporary(cls) -> Restart:
        """Never start it again, and forget it when it has ended."""
        return _made("temporary", {})

    def wants(self, outcome: Outcome) -> bool:
        """Return whether an actor of this kind is to be started again after such an end of its own."""
        return self.kind == "permanent" or (self.kind == "transient" and outcome.is_abnormal)

    def directive(self, error: BaseException) -> Directive | None:
        """Return what the rules say about `error`, or about all leaves of a group; None if they say nothing."""
        leaves = list(leaves_of(error))
        for kind, directive in self.rules:
            if all(isinstance(leaf, kind) for leaf in leaves):
                return directive
        return None

    def decide(self, outcome: Outcome, restarts: Sequence[float], in_a_row: int, chance: float = 0.5) -> Verdict:
        """Return what becomes of an actor that has ended by itself.

        Args:
          restarts: when it was restarted, in seconds on any clock, the one in question last.
          in_a_row: how many failures came before this one without `reset_after` healthy seconds between them.
          chance: a random number from 0 to 1, by which the wait is shortened (below a half) or lengthened.
        """
        directive = self.directive(outcome.error) if isinstance(outcome, Failed) else None
        if directive == "stop":
            return StayDown()
        if directive == "escalate":
            return GiveUp(f"{outcome}, which is to be escalated")
        if not self.wants(outcome) and (directive is None or self.kind == "temporary"):
            return StayDown()
        if self.limit is not None and is_too_often(restarts, self.limit, self.window):
            return GiveUp(in_words(self.limit, self.window, outcome), escalates=self.then == "escalate")
        return RestartIn(0.0 if directive == "restart" else self.delay(in_a_row, chance))

    def delay(self, in_a_row: int, chance: float = 0.5) -> float:
        """Return how many seconds to wait before a restart."""
        try:
            wait = min(self.max_backoff, self.backoff * self.factor**in_a_row)
        except OverflowError:
            wait = self.max_backoff if self.backoff else 0.0
        return wait * (1 + self.jitter * (2 * chance - 1))


def is_too_often(restarts: Sequence[float], limit: int, window: float) -> bool:
    """Return whether more than `limit` of the moments lie within the `window` before the last of them, its edge included."""
    last = restarts[-1]
    return sum(1 for moment in restarts if moment >= last - window) > limit


def in_words(limit: int, window: float, outcome: Outcome) -> str:
    """Return why it is given up that an actor ended so too often."""
    return f"more than {limit} restarts within {window:g} s, at last since it {outcome}"


def leaves_of(error: BaseException) -> Iterator[BaseException]:
    """Yield the exceptions of a group that are none themselves; of any other just itself."""
    if isinstance(error, BaseExceptionGroup):
        for part in error.exceptions:
            yield from leaves_of(part)
    else:
        yield error


def is_fatal(error: BaseException) -> bool:
    """Return whether `error`, or a leaf of it, is for the whole program: no restart may keep it."""
    return any(not isinstance(leaf, Exception) or isinstance(leaf, MemoryError) for leaf in leaves_of(error))


def _made(kind: Kind, options: RestartOptions) -> Restart:
    """Return what the options say; raises InvalidOption, UnknownOption."""
    for option in options:
        if option not in _DEFAULTS:
            raise UnknownOption("Restart", option, list(_DEFAULTS))
    chosen: dict[str, Any] = {**_DEFAULTS, **options}
    limit, factor, jitter, then = chosen["limit"], chosen["factor"], chosen["jitter"], chosen["then"]
    first = seconds_of("Restart", "backoff", chosen["backoff"])
    longest = seconds_of("Restart", "max_backoff", chosen["max_backoff"])
    reset_after = chosen["reset_after"]
    healthy = (first + longest) / 2 if reset_after is None else seconds_of("Restart", "reset_after", reset_after)
    check_limit("Restart", limit)
    if first > longest:
        expected = f"at most max_backoff is expected, which is {to_words(longest)}"
        raise InvalidOption("Restart", "backoff", repr(chosen["backoff"]), expected)
    if not (isinstance(factor, (int, float)) and 1 <= factor < math.inf):
        raise InvalidOption("Restart", "factor", repr(factor), "a number from 1 on is expected")
    if not (isinstance(jitter, (int, float)) and 0 <= jitter <= 1):
        raise InvalidOption("Restart", "jitter", repr(jitter), "a number from 0 to 1 is expected")
    if then not in ("escalate", "stop"):
        raise InvalidOption("Restart", "then", repr(then), "'escalate' or 'stop' is expected")
    window, rules = seconds_of("Restart", "window", chosen["window"]), tuple(_checked(chosen["rules"] or {}))
    return Restart(
        kind=kind,
        limit=limit,
        window=window,
        backoff=first,
        factor=factor,
        max_backoff=longest,
        jitter=jitter,
        reset_after=healthy,
        rules=rules,
        then=then,
    )


def _checked(rules: Rules) -> Iterator[tuple[type[Exception], Directive]]:
    if not isinstance(rules, Mapping):
        raise InvalidOption("Restart", "rules", repr(rules), "a mapping is expected, {class of exceptions: what to do}")
    for kind, directive in rules.items():
        if not (isinstance(kind, type) and issubclass(kind, Exception)):
            raise InvalidOption("Restart", "rules", repr(kind), "classes of exceptions are expected")
        if directive not in DIRECTIVES:
            raise InvalidOption("Restart", "rules", repr(directive), f"one of {', '.join(DIRECTIVES)} is expected")
        yield kind, directive


def check_limit(owner: str, limit: int | None, *, optional: bool = True) -> None:
    """Check that `limit` is a number of restarts, or None where it is optional; raises InvalidOption."""
    if limit is None and optional:
        return
    if not isinstance(limit, int) or isinstance(limit, bool) or limit < 0:
        raise InvalidOption(owner, "limit", repr(limit), f"a whole number from 0 on{', or None,' * optional} is expected")


def seconds_of(owner: str, option: str, span: TimeSpan, read: Callable[[TimeSpan], float] = to_seconds) -> float:
    """Return the value of an option in seconds; raises InvalidOption where it is no length of time."""
    try:
        return read(span)
    except InvalidTimeSpan as exc:
        raise InvalidOption(owner, option, repr(span), str(exc)) from exc
