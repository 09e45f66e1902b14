"""ActorSpec and Supervisor: the declaration of actors, and of those that are started, watched and restarted together."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import CodeType
from typing import Any, Literal, TypedDict

from actors.actor import Actor
from actors.callables import is_async, name_of
from actors.errors import InvalidOption, UnknownOption
from actors.supervision import Restart, Strategy, check_limit, one_for_one, seconds_of
from actors.timespans import TimeSpan, to_finite

Overflow = Literal["fail", "block", "drop_new", "drop_old"]
OVERFLOWS: tuple[str, ...] = ("fail", "block", "drop_new", "drop_old")
AutoShutdown = Literal["never", "any", "all"]
AUTO_SHUTDOWNS: tuple[str, ...] = ("never", "any", "all")
CAPACITY = 1000
"""How many messages a mailbox holds, where nobody says otherwise."""


class ActorOptions(TypedDict, total=False):
    """The options of an actor. See :class:`ActorSpec` for their meanings and defaults."""

    restart: Restart
    capacity: int
    overflow: Overflow
    redeliver: int
    while_restarting: Literal["queue", "reject"]
    start_timeout: TimeSpan
    grace: TimeSpan
    cleanup: TimeSpan
    significant: bool


@dataclass(frozen=True)
class Supervisor:
    """Actors that are started in their order, restarted by one strategy, and stopped the last first. An actor itself.

    ::

        app.actor(Supervisor([ActorSpec(Db, "db"), ActorSpec(Cache, "cache")], rest_for_one), name="storage")

    Args:
      children: what is started with it.
      strategy: ``one_for_one``, ``one_for_all`` or ``rest_for_one`` of :mod:`actors.supervision`, or a function of that kind.
      limit, window: more restarts of its children than `limit` within `window` seconds are given up: all are stopped, and it ends
        itself, as ``GaveUp``, which its own ``restart`` may then deal with.
      auto_shutdown: whether it ends when one (``any``) or ``all`` of its significant children have ended by themselves, without
        being restarted; it is then ``Completed`` with {name: outcome} of its children.
      stop_order: whether the children are stopped one after the other, the last first, or all at once, as many that do not
        know of each other may be.
    """

    children: Sequence[ActorSpec] = ()
    strategy: Strategy = one_for_one
    limit: int = 3
    window: TimeSpan = 5.0
    auto_shutdown: AutoShutdown = "never"
    stop_order: Literal["reverse", "parallel"] = "reverse"

    def __post_init__(self) -> None:
        if not callable(self.strategy):
            expected = "one_for_one, one_for_all or rest_for_one is expected, the function and not its name"
            raise InvalidOption("Supervisor", "strategy", repr(self.strategy), expected)
        check_limit("Supervisor", self.limit, optional=False)
        object.__setattr__(self, "window", seconds_of("Supervisor", "window", self.window))
        _check("Supervisor", "auto_shutdown", self.auto_shutdown, AUTO_SHUTDOWNS)
        _check("Supervisor", "stop_order", self.stop_order, ("reverse", "parallel"))
        object.__setattr__(self, "children", tuple(self.children))
        names: set[str] = set()
        for child in self.children:
            if not isinstance(child, ActorSpec):
                raise InvalidOption("Supervisor", "children", repr(child), "ActorSpec(...) is expected for each")
            if child.name in names:
                raise InvalidOption("Supervisor", "children", repr(child.name), "two of them have this name")
            names.add(child.name)


Factory = type[Actor] | Callable[..., Actor] | Supervisor
"""What makes an actor, anew for each of its lives: its class, a function that returns one, or what it supervises."""


@dataclass(frozen=True)
class ActorSpec:
    """The declaration of an actor.

    Args:
      factory: its class, a function that returns one, or a :class:`Supervisor`.
      name: unique among its siblings; default is the name of the class or function.
      args: what `factory` is called with, by name; arguments among them, such as ``Ref("db")``, are valued for each life.
      restart: whether it is started again when it has ended; default is ``Restart.transient()``: if it failed.
      capacity: how many messages may wait to be read.
      overflow: what becomes of one for which there is no room: ``fail`` raises MailboxFull where it is sent, ``block`` has
        ``ask`` wait for room as ``send`` does, ``drop_new`` drops it, ``drop_old`` drops the one that waits the longest.
      redeliver: how often a message is tried again that the actor failed on, after its restart; then it is quarantined.
      while_restarting: whether messages that come meanwhile are kept (``queue``), or refused with ActorRestarting (``reject``).
      start_timeout: seconds that ``on_start`` may take.
      grace: seconds that the current message gets when the actor is stopped, before it is cancelled.
      cleanup: seconds that ``on_stop`` gets.
      significant: whether its own end counts for the ``auto_shutdown`` of its supervisor.

    Raises:
      InvalidOption: a value that cannot be.
    """

    factory: Factory
    name: str = ""
    args: Mapping[str, Any] = field(default_factory=dict)
    restart: Restart = Restart.transient()  # noqa: RUF009  # it is frozen, and one for all
    capacity: int = CAPACITY
    overflow: Overflow = "fail"
    redeliver: int = 0
    while_restarting: Literal["queue", "reject"] = "queue"
    start_timeout: TimeSpan = 30.0
    grace: TimeSpan = 5.0
    cleanup: TimeSpan = 5.0
    significant: bool = False

    def __post_init__(self) -> None:
        _check_factory(self.factory)
        object.__setattr__(self, "name", self.name or _name_of(self.factory))
        self._check_options(f"actor {self.name!r}")

    def seconds(self, option: Literal["start_timeout", "grace", "cleanup"]) -> float:
        """Return an option that is a length of time, in seconds."""
        span: float = getattr(self, option)
        return span

    def _check_options(self, owner: str) -> None:
        if not isinstance(self.name, str) or "/" in self.name:
            raise InvalidOption(owner, "name", repr(self.name), "a text without / is expected")
        if not isinstance(self.restart, Restart):
            raise InvalidOption(
                owner, "restart", repr(self.restart), "Restart.permanent(), transient() or temporary() is expected"
            )
        for option, least in (("capacity", 1), ("redeliver", 0)):
            value = getattr(self, option)
            if not isinstance(value, int) or isinstance(value, bool) or value < least:
                raise InvalidOption(owner, option, repr(value), f"a whole number from {least} on is expected")
        _check(owner, "overflow", self.overflow, OVERFLOWS)
        _check(owner, "while_restarting", self.while_restarting, ("queue", "reject"))
        for option in ("start_timeout", "grace", "cleanup"):
            object.__setattr__(self, option, seconds_of(owner, option, getattr(self, option), to_finite))
        if not isinstance(self.args, Mapping):
            raise InvalidOption(owner, "args", repr(self.args), "a mapping of arguments by name is expected")
        _check_args(owner, self.factory, self.args)


def spec_of(factory: Factory, name: str | None, args: Mapping[str, Any] | None, options: Mapping[str, Any]) -> ActorSpec:
    """Return the declaration that is meant; raises UnknownOption, and what :class:`ActorSpec` raises."""
    for option in options:
        if option not in ActorOptions.__annotations__:
            raise UnknownOption("an actor", option, list(ActorOptions.__annotations__))
    return ActorSpec(factory, name or "", args or {}, **options)


def _check_factory(factory: Factory) -> None:
    """Check that `factory` makes actors, as far as it can be seen without calling it."""
    if isinstance(factory, Supervisor):
        return
    if not callable(factory):
        raise InvalidOption("an actor", "factory", repr(factory), "a class of actors is expected")
    if isinstance(factory, type):
        _check_class(factory)
    elif is_async(factory):
        expected = "a plain function is expected; what must be awaited is for on_start"
        raise InvalidOption("an actor", "factory", name_of(factory), expected)


def _check_class(actor: type[Actor]) -> None:
    if not issubclass(actor, Actor):
        raise InvalidOption("an actor", "factory", actor.__name__, "a class that derives from Actor is expected")
    for name in ("on_start", "receive", "on_stop"):
        method = getattr(actor, name)
        if not inspect.iscoroutinefunction(method):
            raise InvalidOption(f"actor {actor.__name__}", name, repr(method), "an async method is expected")


def _name_of(factory: Factory) -> str:
    """Return the name of an actor that is given none."""
    if isinstance(factory, Supervisor):
        return "supervisor"
    name = name_of(factory)
    if name == "<lambda>":
        raise InvalidOption("an actor", "name", "''", "it needs one, where it is made by a lambda, which has none")
    return name


def _check(owner: str, option: str, value: object, known: tuple[str, ...]) -> None:
    if value not in known:
        raise InvalidOption(owner, option, repr(value), f"one of {', '.join(known)} is expected")


def _fits(factory: type[Actor] | Callable[..., Actor], args: Mapping[str, Any]) -> bool:
    """Return whether `args` fit for certain, without the signature, which takes longer than all the rest of a spawning."""
    maker: Any = factory
    if isinstance(factory, type):
        if "__new__" in vars(factory) or type(factory) is not type:
            return False
        maker = factory.__init__  # type: ignore[misc]  # that of just this class
        if maker is object.__init__:
            return not args
    code: CodeType | None = getattr(maker, "__code__", None)
    if code is None or hasattr(maker, "__wrapped__") or code.co_posonlyargcount or code.co_flags & inspect.CO_VARKEYWORDS:
        return False
    own = 1 if maker is not factory else 0
    names = code.co_varnames[own : code.co_argcount + code.co_kwonlyargcount]
    needed = code.co_varnames[own : code.co_argcount - len(maker.__defaults__ or ())]
    needed += tuple(name for name in names[code.co_argcount - own :] if name not in (maker.__kwdefaults__ or ()))
    return set(needed) <= args.keys() <= set(names)


def _check_args(owner: str, factory: Factory, args: Mapping[str, Any]) -> None:
    """Check that `factory` can be called with `args`, as far as its signature tells."""
    if isinstance(factory, Supervisor):
        if args:
            raise InvalidOption(owner, "args", repr(dict(args)), "a Supervisor takes none; its children do")
        return
    if _fits(factory, args):
        return
    try:
        signature = inspect.signature(factory)
    except (TypeError, ValueError):
        return
    try:
        signature.bind(**args)
    except TypeError as exc:
        raise InvalidOption(owner, "args", repr(dict(args)), f"{exc}, as {signature} says") from exc
