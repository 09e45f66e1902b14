"""What supervision must do, in plain Python: nothing runs, time is a number, and starts and stops take none.

Written from what is promised, not from the runtime, so that ``test_supervision_model.py`` can compare that with it.
"""

import math
from dataclasses import dataclass, field

ABNORMAL = {"failed", "at once", "for good", "escalated"}
"""Ends by an exception, the last three with a rule for it: restart at once, stop, escalate. Else: ``completed``, ``stopped``."""


@dataclass
class Child:
    """A child, as it is declared and as it is."""

    name: str
    kind: str = "transient"
    backoff: float = 0.0
    longest: float = math.inf
    reset_after: float = math.inf
    limit: int | None = None
    window: float = math.inf
    then: str = "escalate"
    significant: bool = False
    state: str = field(default="down", repr=False)
    """``running``, ``restarting``, ``down``, or ``gone``."""
    incarnation: int = field(default=0, repr=False)
    since: float = field(default=0.0, repr=False)
    """From when on it runs."""
    due: float = field(default=-math.inf, repr=False)
    """When it is to be restarted."""
    in_a_row: int = field(default=0, repr=False)
    restarts: list[float] = field(default_factory=list, repr=False)
    broken: int = field(default=0, repr=False)
    """How many of its next starts fail."""

    @property
    def is_kept_up(self):
        """Whether it runs, or will again."""
        return self.state in ("running", "restarting")


class Model:
    """A supervisor and its children. ``lives`` is what became of them: (moment, sign, name), ``+`` for a start, ``!`` for one
    that has failed, ``-`` for an end.
    """

    def __init__(self, children, strategy="one_for_one", limit=3, window=5.0, auto_shutdown="never"):
        self.children, self.strategy, self.limit, self.window = children, strategy, limit, window
        self.auto_shutdown, self.now, self.outcome = auto_shutdown, 0.0, None
        self.restarts, self.lives = [], []
        for child in children:
            self._begin(child)

    def __getitem__(self, name):
        return next(child for child in self.children if child.name == name)

    def end(self, name, how):
        """Have a child end by itself, in one of the six ways."""
        child = self[name]
        if child.state == "running":
            self._down(child)
            self._decide(child, how, self.now - child.since)
            self._advance()

    def stop(self, name):
        """Have somebody stop a child, so that it is not restarted."""
        child = self[name]
        if child.state == "running":
            self._down(child)
            self._settle(child)
        elif child.state == "restarting":
            self._settle(child)

    def start(self, name):
        """Have somebody start a child that is down; where that fails it stays down."""
        if self[name].state == "down":
            self._begin(self[name])

    def wait(self, seconds):
        """Let time pass."""
        until = self.now + seconds
        while (due := min((child.due for child in self.children if child.state == "restarting"), default=math.inf)) <= until:
            self.now = due
            self._advance()
        self.now = until

    def _decide(self, child, how, healthy):
        """Do what becomes of a child that has ended by itself."""
        child.in_a_row = 0 if healthy >= child.reset_after else child.in_a_row
        is_wanted = child.kind == "permanent" or (child.kind == "transient" and how in ABNORMAL)
        is_given_up = self._is_too_often(child.restarts, child.limit, child.window)
        if is_wanted and how == "escalated":
            self._finish("gave up")
        elif not is_wanted or how == "for good" or (is_given_up and child.then == "stop"):
            self._settle(child)
            self._look_at_significant(child)
        elif is_given_up or self._is_too_often(self.restarts, self.limit, self.window):
            self._finish("gave up")
        else:
            wait = 0.0 if how == "at once" else min(child.longest, child.backoff * 2**child.in_a_row)
            child.in_a_row += 1
            child.restarts.append(self.now)
            self.restarts.append(self.now)
            self._restart(child, self.now + wait)

    def _is_too_often(self, restarts, limit, window):
        """Return whether one more restart now is more than `limit` within the `window` that ends now."""
        return limit is not None and 1 + sum(moment >= self.now - window for moment in restarts) > limit

    def _restart(self, child, due):
        """Stop what the strategy says, the last first, and have it start with the child, none before its own time has come."""
        place = self.children.index(child)
        affected = {"one_for_one": [child], "one_for_all": self.children, "rest_for_one": self.children[place:]}[self.strategy]
        child.state = "restarting"
        for other in reversed(affected):
            if other.state == "running":
                self._down(other)
                other.state = "gone" if other.kind == "temporary" else "restarting"
        for other in affected:
            if other.state == "restarting":
                other.due = due = max(due, other.due)

    def _advance(self):
        """Start what is due, in order. A start that fails is a failure like any other."""
        while self.outcome is None and (due := [c for c in self.children if c.state == "restarting" and c.due <= self.now]):
            if not self._begin(due[0]):
                self._decide(due[0], "failed", 0.0)

    def _begin(self, child):
        """Start a child, and return whether it has started."""
        has_started = not child.broken
        child.incarnation += 1
        child.broken = max(child.broken - 1, 0)
        child.state, child.since, child.due = "running" if has_started else "down", self.now, -math.inf
        self.lives.append((self.now, "+" if has_started else "!", child.name))
        return has_started

    def _down(self, child):
        """End the life of a child."""
        child.state = "down"
        self.lives.append((self.now, "-", child.name))

    def _settle(self, child):
        """Let a child be down for good, or for as long as nobody starts it."""
        child.state, child.due = "gone" if child.kind == "temporary" else "down", -math.inf

    def _look_at_significant(self, child):
        """End by itself when a significant child has, or the last of them."""
        if child.significant and (
            self.auto_shutdown == "any"
            or (self.auto_shutdown == "all" and not any(other.significant and other.is_kept_up for other in self.children))
        ):
            self._finish("completed")

    def _finish(self, outcome):
        """Stop all children, the last first, and end."""
        self.outcome = outcome
        for child in reversed(self.children):
            if child.state == "running":
                self._down(child)
            if child.state != "gone":
                self._settle(child)
