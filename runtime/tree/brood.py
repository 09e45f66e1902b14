"""Brood: the children of one actor, or those at the top, and what is being done about them."""

from __future__ import annotations

import itertools
import math
from collections import deque
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

import trio

from actors.errors import ActorExists, StartError
from actors.outcomes import Failed, GaveUp, Ignored, Outcome, Stopped
from actors.spec import ActorSpec, Factory, Supervisor
from actors.supervision import GiveUp, RestartIn, StayDown, in_words, is_too_often
from runtime.tree.cell import Cell

if TYPE_CHECKING:
    from runtime.tree.life import Life
    from runtime.tree.tree import Tree

_BY_SUPERVISOR = "its supervisor"


class Round:
    """One thing that is being done: some are stopped, the last first, then some are started, each after the one before.

    Args:
      stop, start: who, in this order.
      at: not before this moment are they started.
      is_first: whether one that does not start ends it all, as nobody has relied on it yet.
    """

    __slots__ = ("at", "begun", "error", "is_first", "over", "start", "stop")

    def __init__(self, stop: Iterable[Cell], start: Iterable[Cell], at: float = -math.inf, *, is_first: bool = False) -> None:
        self.stop, self.start, self.at, self.is_first = deque(stop), deque(start), at, is_first
        self.begun: Cell | None = None
        """The one that is starting."""
        self.over = trio.Event()
        self.error: BaseException | None = None
        """Why one did not start, if it is the first time."""

    def end(self, error: BaseException | None = None) -> None:
        """Let nobody wait for it any more."""
        self.error = error
        self.over.set()


class Brood:
    """Keeps children as they are to be. It acts on events only, and never waits: each step is decided anew from how they are.

    Args:
      above: what comes before their names, such as ``pool/``.
      gave_up: is told when it has given up; then somebody has to end it.
    """

    def __init__(self, tree: Tree, parent: Cell | None, plan: Supervisor, gave_up: Callable[[GaveUp], None]) -> None:
        self.cells: dict[str, Cell] = {}  # {name among siblings: cell}, in the order of their start
        self._tree, self._parent, self._plan, self._gave_up = tree, parent, plan, gave_up
        self._above = f"{parent.name}/" if parent is not None else ""
        self._rounds: list[Round] = []
        self._restarts: list[float] = []  # the latest, as many as count
        self._failures: deque[Outcome] = deque(maxlen=plan.limit + 1)
        self._ended: list[Cell] = []  # significant ones that have ended by themselves
        self._is_ending = False
        self._by = math.inf
        self._numbers = itertools.count(1)
        self._all_ended: trio.Event | None = None

    async def start_all(self) -> None:
        """Start the children that are declared, in their order. On failure none runs, and StartError says whose it was."""
        self._is_ending, self._by = False, math.inf
        self._restarts.clear()
        self._ended.clear()
        for spec in self._plan.children:
            if spec.name not in self.cells:
                self.cells[spec.name] = self._made(spec, is_kept=True)
        try:
            await self._perform(Round((), self.cells.values(), is_first=True))
        except StartError:
            await self.end_all()
            raise

    async def spawn(self, spec: ActorSpec, spawner: Life | None = None) -> Cell:
        """Start one more child, which is forgotten when it has ended.

        Args:
          spawner: the life whose method waits for that.

        Raises:
          ActorExists: its name is taken.
          StartError: it did not start.
        """
        if (twin := self.cells.get(spec.name)) is not None:
            raise ActorExists(twin.name, twin.state)
        cell = self.cells[spec.name] = self._made(spec, is_kept=False)
        round_ = Round((), [cell], is_first=True)
        if spawner is not None:
            spawner.begin_wait(cell)
        try:
            await self._perform(round_)
        except trio.Cancelled:
            if not round_.over.is_set():
                self.stop(cell, Stopped(_BY_SUPERVISOR, "whoever spawned it does not wait for its start any more"))
            raise
        finally:
            if spawner is not None:
                spawner.end_wait(cell)
        return cell

    async def start(self, cell: Cell) -> None:
        """Start a child that has ended, and is kept.

        Raises:
          ActorExists: it runs, or is about to.
          StartError: it did not start.
        """
        if cell.life is not None or cell.state == "restarting":
            raise ActorExists(cell.name, cell.state)
        await self._perform(Round((), [cell], is_first=True))

    def stop(self, cell: Cell, why: Stopped, *, drain: str = "current", by: float = math.inf) -> None:
        """Have a child end, whatever it is at; it is not restarted."""
        for round_ in self._rounds:
            if cell in round_.start:
                round_.start.remove(cell)
        if cell.life is not None:
            cell.life.end(why, told="stop", drain=drain, by=by)
        elif cell.state == "restarting":
            cell.settle(why)
        self._advance()

    async def end_all(self, by: float = math.inf) -> None:
        """Stop all children, the last first, and wait for that. Those that were spawned are forgotten then."""
        self.begin_end(by)
        if self._all_ended is not None:
            await self._all_ended.wait()

    def begin_end(self, by: float = math.inf) -> None:
        """Begin to stop all children."""
        self._by = min(self._by, by)
        if not self._is_ending:
            self._is_ending = True
            for round_ in self._rounds:
                round_.end(StartError(self._above.rstrip("/") or "app", "it is being stopped"))
            self._rounds.clear()
            for cell in list(self.cells.values()):
                if cell.life is None and cell.state == "restarting":
                    cell.settle(Stopped(_BY_SUPERVISOR))
            alive = [cell for cell in self.cells.values() if cell.life is not None]
            if alive:
                self._all_ended = trio.Event()
                self._rounds.append(Round(reversed(alive), ()))
        self._advance()

    def hurry(self, by: float) -> None:
        """Have no child take longer than until `by` for its end."""
        self._by = min(self._by, by)
        for cell in list(self.cells.values()):
            if cell.life is not None:
                cell.life.hurry(self._by)

    def started(self, _: Cell) -> None:
        """Take note that a child has started."""
        self._advance()

    def ended(self, cell: Cell, outcome: Outcome, told: str | None, *, has_started: bool, healthy: float) -> None:
        """Take note that the life of a child has ended, and decide what follows.

        Args:
          told: who has asked it to end: ``stop``, ``group`` (which it is restarted with), None if it has ended by itself.
          healthy: for how many seconds it has run.
        """
        if isinstance(outcome, Failed) and outcome.during_stop:
            self._tree.warn(cell, outcome)
        if told == "group" and not self._is_ending and cell.spec.restart.kind != "temporary":
            cell.pause(outcome)
        elif told is not None or self._is_ending or isinstance(outcome, Ignored):
            cell.settle(outcome)
        elif not has_started and (first := self._first_round_of(cell)) is not None:
            self._fail_to_start(first, cell, outcome)
        else:
            self._decide(cell, outcome, healthy)
        self._advance()

    def names(self) -> list[str]:
        """Return the full names of the children."""
        return [cell.name for cell in self.cells.values()]

    def free_name(self, factory: Factory) -> str:
        """Return a name for a child that has none: its class, with a number."""
        kind = getattr(factory, "__name__", "supervisor")
        while (name := f"{kind}-{next(self._numbers)}") in self.cells:
            pass
        return name

    def forget(self, cell: Cell) -> None:
        """Let a child go, whose name is free then."""
        if self.cells.get(cell.spec.name) is cell:
            del self.cells[cell.spec.name]

    def _made(self, spec: ActorSpec, *, is_kept: bool) -> Cell:
        return Cell(self._tree, self._parent, self, self._above + spec.name, spec, is_kept=is_kept)

    async def _perform(self, round_: Round) -> None:
        """Do what is to be done for the first time, and wait for it."""
        if self._is_ending:
            for cell in round_.start:
                if not cell.is_kept:
                    cell.settle(Stopped(_BY_SUPERVISOR))
            raise StartError(self._above.rstrip("/") or "app", "it is being stopped")
        self._rounds.append(round_)
        self._advance()
        await round_.over.wait()
        if round_.error is not None:
            raise round_.error from round_.error.__cause__

    def _first_round_of(self, cell: Cell) -> Round | None:
        return next((round_ for round_ in self._rounds if round_.is_first and round_.begun is cell), None)

    def _fail_to_start(self, round_: Round, cell: Cell, outcome: Outcome) -> None:
        error = StartError(cell.name, str(outcome))
        if isinstance(outcome, Failed):
            error.__cause__ = outcome.error
        self._rounds.remove(round_)
        cell.settle(outcome)
        round_.end(error)

    def _decide(self, cell: Cell, outcome: Outcome, healthy: float) -> None:
        """Do what becomes of a child that has ended by itself."""
        now, restart = self._tree.time(), cell.spec.restart
        if healthy >= restart.reset_after:
            cell.in_a_row = 0
        cell.restarts = [moment for moment in cell.restarts if moment >= now - restart.window]
        verdict = restart.decide(outcome, [*cell.restarts, now], cell.in_a_row, self._tree.random.random())
        if not isinstance(verdict, StayDown):
            self._failures.append(outcome)
        if isinstance(verdict, RestartIn):
            self._restarts = [moment for moment in self._restarts if moment >= now - self._window] + [now]
            if is_too_often(self._restarts, self._plan.limit, self._window):
                verdict = GiveUp(in_words(self._plan.limit, self._window, outcome))
        match verdict:
            case StayDown():
                cell.settle(outcome)
                self._note_end(cell)
            case GiveUp(reason, escalates=False):
                cell.settle(GaveUp(reason, (outcome,)))
                self._note_end(cell)
            case GiveUp(reason):
                cell.settle(outcome)
                self._give_up(f"{cell.name}: {reason}")
            case RestartIn(seconds):
                cell.restarts.append(now)
                cell.in_a_row += 1
                cell.pause(outcome)
                self._tree.tell_restart(cell, outcome, seconds)
                self._plan_restart(cell, now + seconds)

    @property
    def _window(self) -> float:
        window = self._plan.window
        assert isinstance(window, (int, float))
        return window

    def _plan_restart(self, cell: Cell, at: float) -> None:
        """Plan the restart of a child and of those that the strategy says, and what is being done about any of them with it."""
        members = {name: each for name, each in self.cells.items() if each.life is not None or each.state == "restarting"}
        affected = self._plan.strategy(list(members), cell.spec.name)
        stop = [members[name] for name in affected.stop]
        start = {name for name in affected.start if members[name].spec.restart.kind != "temporary" or members[name] is cell}
        for other in [other for other in self._rounds if self._touches(other, {*affected.stop, *start})]:
            self._rounds.remove(other)
            stop += [each for each in other.stop if each not in stop]
            start |= {each.spec.name for each in other.start}
            at = max(at, other.at)
            other.end()
        ordered = list(self.cells)
        stop.sort(key=lambda each: -ordered.index(each.spec.name))
        self._rounds.append(Round(stop, [each for name, each in self.cells.items() if name in start], at))
        if at > self._tree.time():
            self._tree.deadlines.at(at, self._advance)

    @staticmethod
    def _touches(round_: Round, names: set[str]) -> bool:
        return any(cell.spec.name in names for cell in (*round_.stop, *round_.start))

    def _note_end(self, cell: Cell) -> None:
        """End it all by itself where enough of the significant children have ended."""
        if self._plan.auto_shutdown == "never" or not cell.spec.significant:
            return
        self._ended.append(cell)
        others = [each for each in self.cells.values() if each.spec.significant and each not in self._ended]
        if (self._plan.auto_shutdown == "any" or not others) and self._parent is not None and self._parent.life is not None:
            self._parent.life.complete_with_children()

    def outcomes(self) -> dict[str, Outcome]:
        """Return how the children have ended, by name, in the order of their start."""
        cells = {**{cell.spec.name: cell for cell in self._ended}, **self.cells}
        order = {name: place for place, name in enumerate(spec.name for spec in self._plan.children)}
        names = sorted(cells, key=lambda name: order.get(name, len(order)))
        return {name: outcome for name in names if (outcome := cells[name].outcome) is not None}

    def _give_up(self, reason: str) -> None:
        self._gave_up(GaveUp(reason, tuple(self._failures)))

    def _advance(self) -> None:
        """Take the next steps of all that is being done."""
        for round_ in list(self._rounds):
            if round_ in self._rounds and self._step(round_):
                self._rounds.remove(round_)
                round_.end()
        if self._is_ending and self._all_ended is not None and not any(cell.life is not None for cell in self.cells.values()):
            self._all_ended.set()
            self._all_ended = None

    def _step(self, round_: Round) -> bool:
        """Take the next step of one of them; return whether nothing is left of it."""
        while round_.stop:
            cell = round_.stop[0]
            if cell.life is None:
                round_.stop.popleft()
                continue
            for each in round_.stop if self._plan.stop_order == "parallel" else [cell]:
                if each.life is not None:
                    self._end_of_round(each)
            if round_.stop and round_.stop[0].life is not None:
                return False
        if round_.start and round_.at > self._tree.time():
            return False
        while round_.start:
            cell = round_.start[0]
            if round_.begun is not cell:
                round_.begun = cell
                cell.begin()
            if cell.state == "starting":
                return False
            round_.start.popleft()
        return True

    def _end_of_round(self, cell: Cell) -> None:
        assert cell.life is not None
        told = "stop" if self._is_ending or cell.spec.restart.kind == "temporary" else "group"
        cell.life.end(Stopped(_BY_SUPERVISOR), told=told, by=self._by)
