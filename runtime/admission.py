"""Admission: which waiting launches may start now. Decides, and does nothing else."""

from __future__ import annotations

import heapq
import math
from collections import defaultdict, deque
from collections.abc import Callable, Mapping

from actors.config import EXECUTIONS
from actors.errors import InvalidLimitKey
from actors.messages import Launch
from runtime.agenda import Agenda
from runtime.terms import Terms
from runtime.tokens import Token, Tokens, tokens_of

AGING = 60.0
"""Seconds of waiting that count as much as one more in priority."""
_DELAYED, _BEHIND = "its delay", "its run that goes on"
_PAUSED = "its next attempt"


Turn = tuple[float, int, "Line", Launch, float]
"""A launch that waits: its rank, its number, its line, itself, and since when. In heaps by the first two, which are unique."""


class Line:
    """Launches that need the same, a place of their mode and tokens: what holds up the first of them holds up all."""

    __slots__ = ("lacking", "mode", "tokens", "turns")

    def __init__(self, mode: str, tokens: tuple[Token, ...] = ()) -> None:
        self.mode, self.tokens = mode, tokens
        self.turns: list[Turn] = []
        """A heap. Its first stands also for the line among other lines; one that is no longer, or not yet again, the first of
        its line may be found there too, and counts for nothing."""
        self.lacking: str | Token | None = None
        """What the first launch waits for: a place of its mode, or a token."""


class Admission:
    """The launches that wait, and the rules by which they stop waiting.

    - A task runs once at a time, its launches in their order, unless it is ``multilaunch``.
    - There are at most so many runs of a mode, and of what the limits and rates of tasks name. A launch takes one token of
      each all at once or none, so that no two hold what the other needs, and waits for what it lacks without holding up others.
    - While a ``main`` run goes on nothing else starts, and it does not start while another is about to.
    - Of several that may start, the higher priority goes first, then the earlier launch. A minute of waiting counts as much as
      one more in priority. As all age alike, the order of two never changes, and a launch keeps the rank it came with.

    Each launch passes ``offer`` or ``delay``, then ``admit`` or ``withdraw``; an admitted one ``started``, then ``ended``.
    O(log n) each. Launches that need the same wait in one line, and it is the lines that are moved from one lack to the next.

    Args:
      terms: the terms of each task by name, kept up to date by their owner.
      limits: how many runs of an execution mode there may be, likewise; a mode that is not there has no limit.
      start: when the runtime starts, on the clock of all times that are given here.
    """

    def __init__(self, terms: Mapping[str, Terms], limits: Mapping[str, float], start: float = 0.0) -> None:
        self._terms, self._limits, self._tokens = terms, limits, Tokens(terms, start)
        self._queues: dict[str, deque[tuple[Launch, float]]] = {}  # {task: launches behind one of the same task}, never empty
        self._plain = {mode: Line(mode) for mode in EXECUTIONS}  # the lines of launches that need no tokens
        self._lines: dict[tuple[str, tuple[Token, ...]], Line] = {}  # the others, never empty
        self.ready: list[Turn] = []
        """The heap of what ``admit`` has to look at: nothing, if it is empty."""
        self._parked: dict[str | Token, list[Turn]] = {}  # {mode or token: heap, there was none left}
        self._engaged: defaultdict[str, int] = defaultdict(int)  # {task: its launches in lines or admitted}
        self._admitted: dict[int, Line] = {}  # {number: the line it came from}
        self._unstarted: set[int] = set()  # numbers of those admitted of which nothing was heard yet
        self._used = dict.fromkeys(EXECUTIONS, 0)  # {mode: how many are admitted}
        self._waiting: defaultdict[str, dict[int, Line | str]] = defaultdict(dict)  # {task: {number, not started: where, or why}}
        self.refused: dict[int, InvalidLimitKey] = {}
        """{number of a launch, until it has started: why its run is to fail at once}; it was not known which limits apply."""
        self._delayed: dict[int, Launch] = {}  # {number: launch}
        self._paused: defaultdict[str, int] = defaultdict(int)  # {task: its delayed launches that are no first attempts}
        self._agenda: Agenda[int | Token] = Agenda()  # when a delay is over, and when there is a token of a rate again

    @property
    def idle(self) -> bool:
        """Whether nothing waits and nothing runs."""
        return not self._engaged and not self._delayed

    @property
    def next_moment(self) -> float:
        """When time alone can let something step up, at ``offer_due``; or infinity."""
        return self._agenda.next_moment()

    def waiting(self, task: str) -> int:
        """Return how many launches of `task` have not started, those left out that pause between two attempts."""
        return len(self._waiting.get(task, ())) - (self._paused.get(task, 0) if self._paused else 0)

    def paused(self, task: str) -> int:
        """Return how many runs of `task` pause between two attempts."""
        return self._paused.get(task, 0)

    @property
    def running(self) -> int:
        """How many launches were admitted and have not ended."""
        return len(self._admitted)

    def is_engaged(self, task: str) -> bool:
        """Return whether a launch of `task` waits or runs."""
        return task in self._engaged or task in self._waiting

    def waits_for(self, task: str) -> str | None:
        """Return what the first waiting launch of `task` waits for, in words; None if none waits. From any thread."""
        for number, place in list(self._waiting.get(task, {}).items()):  # copied at once: the trio thread changes it meanwhile
            if isinstance(place, str):
                return place
            if number not in self._admitted:
                return self._words(place.lacking)
        return None

    def offer(self, launch: Launch, now: float) -> None:
        """Let `launch` wait for its turn, and age from now on."""
        terms = self._terms[launch.task]
        if launch.task in self._engaged and not terms.multilaunch:
            self._waiting[launch.task][launch.number] = _BEHIND
            self._queues.setdefault(launch.task, deque()).append((launch, now))
            return
        self._engaged[launch.task] += 1
        line = self._line_of(launch, terms) if terms.limits else self._plain[terms.execution]
        self._waiting[launch.task][launch.number] = line
        turn = (now / AGING - terms.priority, launch.number, line, launch, now)
        heapq.heappush(line.turns, turn)
        if line.turns[0] is turn:  # also if it was parked: what it lacked may be there, and promised to a later one
            self._present(line)

    def delay(self, launch: Launch, until: float) -> None:
        """Let `launch` wait until a moment, and for its turn only then."""
        self._waiting[launch.task][launch.number] = _DELAYED if launch.attempt == 1 else _PAUSED
        self._delayed[launch.number] = launch
        if launch.attempt > 1:
            self._paused[launch.task] += 1
        self._agenda.set(launch.number, until)

    def offer_due(self, now: float) -> None:
        """Let those step up that waited for time alone to pass."""
        for key in self._agenda.take_due(now):
            self._agenda.drop(key)
            if isinstance(key, Token):
                self._step_up(key)
            else:
                self.offer(self._delay_no_more(key), now)

    def reconsider(self, task: str) -> None:
        """Apply the changed terms of `task` to those of its launches that wait; they keep their age."""
        for launch, since in self._take(task):
            self.offer(launch, since)

    def relax(self) -> None:
        """Apply changed limits, of modes and of tasks that came, changed or left, to all that wait for one."""
        self._tokens.recount()
        for need in self._parked:
            if isinstance(need, Token):
                self._agenda.drop(need)
        self._parked.clear()
        self.ready.clear()
        for line in self._all_lines():
            if line.turns:
                self._present(line)

    def withdraw(self, task: str | None = None, chosen: Callable[[Launch], bool] = lambda _: True) -> list[Launch]:
        """Take the launches that wait, of `task` or of all, and that are `chosen`, out again and return them in their order."""
        taken = [launch for launch in self._delayed.values() if task in (None, launch.task) and chosen(launch)]
        for launch in taken:
            self._delay_no_more(launch.number)
            self._agenda.drop(launch.number)
        for launch, since in self._take(task):
            if chosen(launch):
                taken.append(launch)
            else:
                self.offer(launch, since)
        for launch in taken:
            self._waits_no_more(launch)
        return sorted(taken, key=lambda launch: launch.number)

    def admit(self, now: float) -> list[tuple[Launch, str]]:
        """Return the launches that may start now, each with its mode; they count as running from here on."""
        admitted: list[tuple[Launch, str]] = []
        while self.ready and not self._used["main"]:
            turn = self.ready[0]
            line = turn[2]
            if line.turns and line.turns[0] is turn:
                lacking = self._lacking(line, now)
                if line.mode == "main" and lacking is None and self._unstarted:
                    break
                heapq.heappop(self.ready)
                if lacking is None:
                    admitted.append((self._first_of(line, now), line.mode))
                else:
                    line.lacking = lacking
                    heapq.heappush(self._parked.setdefault(lacking, []), turn)
                if self._parked:
                    self._pass_on(line, now)
            else:
                heapq.heappop(self.ready)
        return admitted

    def started(self, launch: Launch) -> None:
        """Take note that an admitted launch has begun."""
        if launch.number in self._unstarted:
            self._unstarted.remove(launch.number)
            self._waits_no_more(launch)

    def ended(self, launch: Launch) -> None:
        """Take note that an admitted launch has ended, and let the next of its task or of what it held step up."""
        line = self._admitted.pop(launch.number)
        if unused := launch.number in self._unstarted:
            self.started(launch)  # it never will
        self._used[line.mode] -= 1
        if line.mode in self._parked:
            self._step_up(line.mode)
        for token in line.tokens:
            if self._tokens.give_back(token, unused=unused) and token in self._parked:
                self._step_up(token)
        self._disengage(launch.task)
        queue = self._queues.get(launch.task)
        if queue and launch.task not in self._engaged:
            self.offer(*queue.popleft())
            if not queue:
                del self._queues[launch.task]

    def _line_of(self, launch: Launch, terms: Terms) -> Line:
        """Return the line for `launch`; one of which the limits are not known needs no token, as it will not do anything."""
        try:
            tokens = tokens_of(launch, terms)
            if (line := self._lines.get((terms.execution, tokens))) is None:
                line = self._lines[terms.execution, tokens] = Line(terms.execution, tokens)
        except InvalidLimitKey as exc:
            self.refused[launch.number] = exc
            return self._plain[terms.execution]
        return line

    def _lacking(self, line: Line, now: float) -> str | Token | None:
        """Return what the first launch of `line` needs and there is not, or None."""
        if line.mode in self._limits and self._used[line.mode] >= self._limits[line.mode]:
            return line.mode
        return self._tokens.lacking(line.tokens, now) if line.tokens else None

    def _present(self, line: Line) -> None:
        """Have ``admit`` look at the first launch of `line`."""
        line.lacking = None
        heapq.heappush(self.ready, line.turns[0])

    def _first_of(self, line: Line, now: float) -> Launch:
        """Take the first launch out of `line`, with the tokens it needs, and return it."""
        _, number, _, launch, _ = heapq.heappop(line.turns)
        self._used[line.mode] += 1
        if line.tokens:
            self._tokens.take(line.tokens, now)
        self._admitted[number] = line
        self._unstarted.add(number)
        if line.turns:
            self._present(line)
        elif line.tokens:
            del self._lines[line.mode, line.tokens]
        return launch

    def _all_lines(self) -> list[Line]:
        return [*self._plain.values(), *self._lines.values()]

    def _pass_on(self, line: Line, now: float) -> None:
        """Let others step up to what `line`, just looked at, has left; for what it has not, see to it that they do in time."""
        if line.mode in self._parked and self._used[line.mode] < self._limits.get(line.mode, math.inf):
            self._step_up(line.mode)
        for token in line.tokens:
            if token in self._parked:
                if self._tokens.lacking((token,), now) is None:
                    self._step_up(token)
                elif token.kind == "rate":
                    self._agenda.set(token, self._tokens.next_moment(token))

    def _step_up(self, need: str | Token) -> None:
        """Have ``admit`` look at the best of the lines that wait for `need`."""
        parked = self._parked.get(need, [])
        while parked:
            turn = heapq.heappop(parked)
            line = turn[2]
            if line.turns and line.turns[0] is turn:
                self._present(line)
                break
        if not parked:
            self._parked.pop(need, None)

    def _take(self, task: str | None) -> list[tuple[Launch, float]]:
        """Take the launches that wait, and are not delayed, out of queues and lines, and return each with since when it waits."""
        taken = [waiting for name in (list(self._queues) if task is None else [task]) for waiting in self._queues.pop(name, ())]
        for line in self._all_lines():
            of_task = [turn for turn in line.turns if task in (None, turn[3].task)]
            if not of_task:
                continue
            for _, _, _, launch, since in of_task:
                taken.append((launch, since))
                self._disengage(launch.task)
            line.turns = [turn for turn in line.turns if task not in (None, turn[3].task)]
            heapq.heapify(line.turns)
            if line.tokens and not line.turns:
                del self._lines[line.mode, line.tokens]
        for launch, _ in taken:
            self.refused.pop(launch.number, None)
        self.relax()  # one that was let step up may be among them, and leave its place to the next
        return sorted(taken, key=lambda waiting: waiting[0].number)

    def _delay_no_more(self, number: int) -> Launch:
        launch = self._delayed.pop(number)
        if launch.attempt > 1:
            self._paused[launch.task] -= 1
            if not self._paused[launch.task]:
                del self._paused[launch.task]
        return launch

    def _waits_no_more(self, launch: Launch) -> None:
        places = self._waiting[launch.task]
        del places[launch.number]
        if not places:
            del self._waiting[launch.task]
        if self.refused:
            self.refused.pop(launch.number, None)

    def _words(self, lacking: str | Token | None) -> str:
        if lacking is None:
            return "a main run" if self._used["main"] else "its turn"
        if isinstance(lacking, Token):
            return self._tokens.words(lacking)
        return f"one of {self._limits[lacking]} {lacking} slots, all in use"

    def _disengage(self, task: str) -> None:
        self._engaged[task] -= 1
        if not self._engaged[task]:
            del self._engaged[task]
