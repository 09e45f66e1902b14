"""Nodes: what runs, as a tree that can be looked at. And what was said to nobody."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

from actors.spec import ActorSpec, Supervisor

Kind = Literal["app", "actor", "supervisor", "task", "part"]
State = Literal[
    "declared", "starting", "running", "stopping", "restarting", "stopped", "completed", "failed", "ignored", "gave up", "stuck"
]
Reason = Literal["stopped", "expired", "overflow", "poison", "restarted", "withdrawn", "not running"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """One actor, or what is like one, at one moment."""

    name: str
    """Its full name; tasks and parts of the runtime have theirs too."""
    kind: Kind
    state: State
    incarnation: int = 0
    """How often it has been started."""
    waiting: int = 0
    """How many messages wait to be read; of a task, how many launches."""
    waits_for: str | None = None
    """What the first of these launches waits for, in words."""
    handled: int = 0
    """How many it has dealt with."""
    lost: int = 0
    """How many became dead letters."""
    current: str | None = None
    """What it deals with now: the class of the message; of a task, the ids of its runs."""
    age: float | None = None
    """For how many seconds it has."""
    outcome: str | None = None
    """How it has ended, or did last time, in words."""
    children: tuple[Node, ...] = ()

    @property
    def restarts(self) -> int:
        """How often it was started again."""
        return max(self.incarnation - 1, 0)

    def walk(self) -> Iterator[Node]:
        """Yield this and everything below it, each before what is below it."""
        yield self
        for child in self.children:
            yield from child.walk()

    def __getitem__(self, name: str) -> Node:
        """Return what has that full name in here; raises KeyError."""
        for node in self.walk():
            if node.name == name:
                return node
        raise KeyError(name)


def declared_tree(actors: Iterable[ActorSpec], tasks: Iterable[str]) -> Node:
    """Return the tree of what is declared, as it is before anything runs."""
    children = [_declared(spec, "") for spec in actors]
    return Node(
        name="app",
        kind="app",
        state="declared",
        children=(*children, *(Node(name=name, kind="task", state="declared") for name in tasks)),
    )


def _declared(spec: ActorSpec, above: str) -> Node:
    name = above + spec.name
    below = spec.factory.children if isinstance(spec.factory, Supervisor) else ()
    kind: Kind = "supervisor" if isinstance(spec.factory, Supervisor) else "actor"
    return Node(name=name, kind=kind, state="declared", children=tuple(_declared(child, f"{name}/") for child in below))


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A message that nobody has dealt with."""

    actor: str
    message: Any
    reason: Reason
    """``stopped``: the actor had ended, or was left with it; ``expired``: its time was over; ``overflow``: there was no room;
    ``poison``: the actor failed on it; ``restarted``: it was put aside when the actor failed; ``withdrawn``: whoever asked did
    not wait any more; ``not running``: the app had ended."""
    at: float
    """Seconds since the epoch."""
