"""Brood: the children of one actor, or those at the top, and what is being done about them."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Generic, TypeVar

import trio

from actors.errors import ActorExists, StartError
from actors.outcomes import Failed, GaveUp, Ignored, Outcome, Stopped
from actors.spec import Supervisor
from actors.supervision import GiveUp, RestartIn, StayDown, in_words, is_too_often
from runtime.tree.member import Member

if TYPE_CHECKING:
    from runtime.tree.tree import Tree

M = TypeVar("M", bound=Member)
BY_SUPERVISOR = "its supervisor"
"""Who stops an actor, where nobody asked for just that."""


class Round(Generic[M]):
    """One thing that is being done: some are stopped, the last first, then some are started, each after the one before.

    Args:
      stop, start: who, in this order.
      at: {who: not before this moment is it started, nor are those after it}.
      is_first: whether one that does not start ends it all, as nobody has relied on it yet.
      merged: those that are done as parts of this.
    """

    __slots__ = ("_merged", "at", "begun", "error", "is_first", "is_told", "over", "start", "stop")

    def __init__(
        self,
        stop: Iterable[M],
        start: Iterable[M],
        at: Mapping[M, float] | None = None,
        *,
        is_first: bool = False,
        merged: Sequence[Round[M]] = (),
    ) -> None:
        self.stop, self.start, self.at, self.is_first, self._merged = deque(stop), deque(start), at or {}, is_first, merged
        self.begun: M | None = None
        """The one that is starting."""
        self.is_told = False
        """Whether all that are to be stopped were told so, where they are at once."""
        self.over = trio.Event()
        self.error: BaseException | None = None
        """Why one did not start, if it is the first time."""

    def end(self, error: BaseException | None = None) -> None:
        """Let nobody wait for it any more."""
        self.error = error
        self.over.set()
        for other in self._merged:
            other.end(error)


class Brood(Generic[M]):
    """Keeps children as they are to be. It acts on events only, and never waits: each step is decided anew from how they are.

    Args:
      name: of whom they are the children.
      plan: how they are supervised.
      gave_up: is told when it has given up; then somebody has to end it.
      completed: is told when enough significant children have ended by themselves; likewise.
    """

    def __init__(
        self,
        tree: Tree,
        name: str,
        plan: Supervisor,
        gave_up: Callable[[GaveUp], object],
        completed: Callable[[], object] = lambda: None,
    ) -> None:
        self.members: dict[str, M] = {}
        """{name among siblings: member}, in the order of their start."""
        self._tree, self._name, self._plan, self._gave_up, self._completed = tree, name, plan, gave_up, completed
        self._rounds: list[Round[M]] = []
        self._restarts: list[float] = []  # the latest, as many as count
        self._failures: deque[Outcome] = deque(maxlen=plan.limit + 1)
        self._ended: list[M] = []  # significant ones that have ended by themselves
        self._is_ending, self._drain = False, "current"
        self._by = math.inf
        self._last: Round[M] | None = None  # in which all end

    def check_free(self, name: str) -> None:
        """Check that no member has a name; raises ActorExists."""
        if (twin := self.members.get(name)) is not None:
            raise ActorExists(twin.name, twin.state)

    def add(self, member: M) -> None:
        """Take in a member, whose name is free."""
        self.members[member.spec.name] = member

    def launch(self, member: M) -> None:
        """Take in a member and start it, without waiting for that."""
        self.add(member)
        self._rounds.append(Round((), [member]))
        self._advance()

    async def start(self, member: M) -> None:
        """Start a child that has ended, and is kept.

        Raises:
          ActorExists: it runs, or is about to.
          StartError: it did not start.
        """
        if member.is_alive:
            raise ActorExists(member.name, member.state)
        await self.start_first([member])

    def stop(self, member: M, why: Stopped, *, drain: str = "current", by: float = math.inf) -> None:
        """Have a child end, whatever it is at; it is not restarted."""
        member.is_wanted = False
        for round_ in self._rounds:
            if member in round_.start and round_.begun is not member:
                round_.start.remove(member)
        if member.is_up:
            member.end(why, told="stop", drain=drain, by=by)
        elif member.state == "restarting" or member.outcome is None:  # its turn to begin, again or at all, has not come
            member.settle(why)
        self._advance()

    async def end_all(self, by: float = math.inf, drain: str = "current") -> None:
        """Stop all children, the last first, and wait for that. Those that were spawned are forgotten then."""
        self.begin_end(by, drain)
        if self._last is not None and not self._last.over.is_set():
            await self._last.over.wait()

    def reopen(self) -> None:
        """Begin anew: what was counted is not any more."""
        self._is_ending, self._by = False, math.inf
        self._restarts.clear()
        self._failures.clear()
        self._ended.clear()

    def begin_end(self, by: float = math.inf, drain: str = "current") -> None:
        """Begin to stop all children."""
        self._by = min(self._by, by)
        if not self._is_ending:
            self._is_ending, self._drain = True, drain
            self._drop_rounds()
            for member in list(self.members.values()):
                if not member.is_up and (member.state == "restarting" or member.outcome is None):
                    member.settle(Stopped(BY_SUPERVISOR))
            self._last = Round([member for member in reversed(self.members.values()) if member.is_up], ())
            self._rounds.append(self._last)
        self._advance()

    def hurry(self, by: float) -> None:
        """Have no child take longer than until `by` for its end."""
        self._by = min(self._by, by)
        for member in list(self.members.values()):
            if member.is_up:
                member.hurry(self._by)

    def started(self, _: M) -> None:
        """Take note that a child has started."""
        self._advance()

    def ended(self, member: M, outcome: Outcome, told: str | None, *, has_started: bool, healthy: float) -> None:
        """Take note that the life of a child has ended, and decide what follows.

        Args:
          told: who has asked it to end: ``stop``, ``group`` (which it is restarted with), None if it has ended by itself.
          healthy: for how many seconds it has run.
        """
        if isinstance(outcome, Failed) and outcome.during_stop:
            self._tree.warn(member, outcome)
        if told == "group" and not self._is_ending and self._returns(member):
            member.pause(outcome)
        elif isinstance(outcome, Ignored):
            member.settle(outcome)
        elif not has_started and (first := self._first_round_of(member)) is not None:
            self._fail_to_start(first, member, outcome)
        elif told is not None or self._is_ending:
            member.settle(outcome)
        else:
            self._decide(member, outcome, healthy)
        self._advance()

    def forget(self, member: M) -> None:
        """Let a child go, whose name is free then."""
        if self.members.get(member.spec.name) is member:
            del self.members[member.spec.name]

    async def start_first(self, members: Iterable[M]) -> None:
        """Start members for the first time, in this order, and wait for that.

        Raises:
          StartError: one did not start; those before it run, those after it were not begun.
        """
        round_: Round[M] = Round((), members, is_first=True)
        if self._is_ending:
            for member in round_.start:
                member.settle(Stopped(BY_SUPERVISOR))
            raise StartError(self._name, "it is being stopped")
        self._rounds.append(round_)
        self._advance()
        await round_.over.wait()
        if round_.error is not None:
            raise round_.error from round_.error.__cause__

    def _first_round_of(self, member: M) -> Round[M] | None:
        return next((round_ for round_ in self._rounds if round_.is_first and round_.begun is member), None)

    def _fail_to_start(self, round_: Round[M], member: M, outcome: Outcome) -> None:
        error = StartError(member.name, str(outcome))
        if isinstance(outcome, Failed):
            error.__cause__ = outcome.error
        self._rounds.remove(round_)
        member.settle(outcome)
        round_.end(error)

    def _decide(self, member: M, outcome: Outcome, healthy: float) -> None:
        """Do what becomes of a child that has ended by itself."""
        now, restart = self._tree.time(), member.spec.restart
        if healthy >= restart.reset_after:
            member.in_a_row = 0
        member.restarts = [moment for moment in member.restarts if moment >= now - restart.window]
        verdict = restart.decide(outcome, [*member.restarts, now], member.in_a_row, self._tree.random.random())
        if not isinstance(verdict, StayDown):
            self._failures.append(outcome)
        if isinstance(verdict, RestartIn):
            self._restarts = [moment for moment in self._restarts if moment >= now - self._window] + [now]
            if is_too_often(self._restarts, self._plan.limit, self._window):
                verdict = GiveUp(in_words(self._plan.limit, self._window, outcome))
        match verdict:
            case StayDown():
                member.settle(outcome)
                self._note_end(member)
            case GiveUp(reason, escalates=False):
                member.settle(GaveUp(reason, (outcome,)))
                self._note_end(member)
            case GiveUp(reason):
                member.settle(outcome)
                self._drop_rounds()
                self._give_up(f"{member.name}: {reason}")
            case RestartIn(seconds):
                member.restarts.append(now)
                member.in_a_row += 1
                member.pause(outcome)
                self._tree.tell_restart(member, outcome, seconds)
                self._plan_restart(member, now + seconds)

    @property
    def _window(self) -> float:
        window = self._plan.window
        assert isinstance(window, (int, float))
        return window

    def _plan_restart(self, member: M, moment: float) -> None:
        """Plan the restart of a child and of those that the strategy says, and what is being done about any of them with it."""
        members = {name: each for name, each in self.members.items() if each.is_alive}
        affected = self._plan.strategy(list(members), member.spec.name)
        stop = [members[name] for name in affected.stop]
        start = {name for name in affected.start if self._returns(members[name])}
        merged: list[Round[M]] = []
        at = {members[name]: moment for name in start}
        for other in [other for other in self._rounds if self._touches(other, {*affected.stop, *start})]:
            self._rounds.remove(other)
            stop += [each for each in other.stop if each not in stop]
            start |= {each.spec.name for each in other.start}
            at.update({each: max(at.get(each, moment), due) for each, due in other.at.items() if each in other.start})
            merged.append(other)
        places = {name: place for place, name in enumerate(self.members)}
        stop.sort(key=lambda each: places.get(each.spec.name, -1), reverse=True)
        self._rounds.append(Round(stop, [each for name, each in self.members.items() if name in start], at, merged=merged))
        if moment > self._tree.time():
            self._tree.deadlines.at(moment, self._advance)

    @staticmethod
    def _returns(member: M) -> bool:
        """Return whether a child that is stopped because of another is started again with it."""
        return member.is_wanted and member.spec.restart.kind != "temporary"

    @staticmethod
    def _touches(round_: Round[M], names: set[str]) -> bool:
        return any(member.spec.name in names for member in (*round_.stop, *round_.start))

    def _note_end(self, member: M) -> None:
        """End it all by itself where enough of the significant children have ended: the last that was kept up, for ``all``."""
        if self._plan.auto_shutdown == "never" or not member.spec.significant:
            return
        self._ended.append(member)
        others = (each for each in self.members.values() if each.spec.significant and each is not member)
        if self._plan.auto_shutdown == "any" or not any(self._is_kept_up(each) for each in others):
            self._drop_rounds()
            self._completed()

    def _is_kept_up(self, member: M) -> bool:
        """Return whether a child runs, or is to."""
        return member.is_alive or any(member in round_.start for round_ in self._rounds)

    def outcomes(self) -> dict[str, Outcome]:
        """Return how the children have ended, by name, in the order of their start."""
        members = {**{member.spec.name: member for member in self._ended}, **self.members}
        order = {name: place for place, name in enumerate(spec.name for spec in self._plan.children)}
        names = sorted(members, key=lambda name: order.get(name, len(order)))
        return {name: outcome for name in names if (outcome := members[name].outcome) is not None}

    def _drop_rounds(self) -> None:
        """Do nothing more of what is being done, as all are to end."""
        for round_ in self._rounds:
            round_.end(StartError(self._name, "it is being stopped"))
        self._rounds.clear()

    def _give_up(self, reason: str) -> None:
        self._gave_up(GaveUp(reason, tuple(self._failures)))

    def _advance(self) -> None:
        """Take the next steps of all that is being done."""
        for round_ in list(self._rounds):
            if round_ in self._rounds and self._step(round_):
                self._rounds.remove(round_)
                round_.end()

    def _step(self, round_: Round[M]) -> bool:
        """Take the next step of one of them; return whether nothing is left of it."""
        while round_.stop:
            member = round_.stop[0]
            if not member.is_up:
                round_.stop.popleft()
                continue
            if self._plan.stop_order == "parallel" and not round_.is_told:
                round_.is_told = True  # before they are: one that ends at once comes back to here
                for each in list(round_.stop):
                    self._end_of_round(each)
            self._end_of_round(member)
            if member.is_up:
                return False
        while round_.start:
            member = round_.start[0]
            if round_.begun is not member:
                if round_.at.get(member, -math.inf) > self._tree.time():
                    return False
                self._begin(round_, member)
            if member.is_up and member.state != "running":  # it is starting, or ended before it has
                return False
            round_.start.popleft()
        return True

    @staticmethod
    def _begin(round_: Round[M], member: M) -> None:
        round_.begun, member.is_wanted = member, True
        if not member.is_up:  # else somebody has started it meanwhile
            member.begin()

    def _end_of_round(self, member: M) -> None:
        if not member.is_up:
            return
        told = "stop" if self._is_ending or member.spec.restart.kind == "temporary" else "group"
        member.end(Stopped(BY_SUPERVISOR), told=told, drain=self._drain if self._is_ending else "current", by=self._by)
