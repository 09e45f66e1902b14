"""Admission: which waiting launches may start now. Decides, and does nothing else."""

from __future__ import annotations

import heapq
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Mapping

from actors.messages import Launch
from runtime.agenda import Agenda
from runtime.terms import Terms


class Admission:
    """The launches that wait, and the rules by which they stop waiting.

    - A task runs once at a time, its launches in their order, unless it is ``multilaunch``.
    - There are at most so many runs of a mode.
    - While a ``main`` run goes on nothing else starts, and it does not start while another is about to.
    - Of several that may start, the higher priority goes first, then the earlier launch.

    Each launch passes ``offer`` or ``delay``, then ``admit`` or ``withdraw``; an admitted one ``started``, then ``ended``.
    O(log n) each.

    Args:
      terms: the terms of each task by name, kept up to date by their owner.
      limits: how many runs of an execution mode there may be, likewise; a mode that is not there has no limit.
    """

    def __init__(self, terms: Mapping[str, Terms], limits: Mapping[str, float]) -> None:
        self._terms, self._limits = terms, limits
        self._queues: dict[str, deque[Launch]] = {}  # {task: launches behind one of the same task}, never empty
        self._ready: list[tuple[int, int, Launch]] = []  # heap by (-priority, number)
        self._full: defaultdict[str, list[tuple[int, int, Launch]]] = defaultdict(list)  # {mode: heap, it was full}
        self._engaged: defaultdict[str, int] = defaultdict(int)  # {task: its launches in _ready, _full or _modes}
        self._modes: dict[int, str] = {}  # {number: mode} of the admitted
        self._used: defaultdict[str, int] = defaultdict(int)  # {mode: admitted}
        self._unstarted: set[int] = set()  # numbers of those admitted of which nothing was heard yet
        self._waiting: defaultdict[str, int] = defaultdict(int)  # {task: its launches that have not started}
        self._delayed: dict[int, Launch] = {}  # {number: launch}
        self._paused: defaultdict[str, int] = defaultdict(int)  # {task: its delayed launches that are no first attempts}
        self._delays: Agenda[int] = Agenda()

    @property
    def may_admit(self) -> bool:
        """Whether ``admit`` has anything to look at."""
        return bool(self._ready)

    @property
    def idle(self) -> bool:
        """Whether nothing waits and nothing runs."""
        return not self._engaged and not self._delayed

    @property
    def next_moment(self) -> float:
        """When the next delayed launch is to be offered, or infinity."""
        return self._delays.next_moment()

    def waiting(self, task: str) -> int:
        """Return how many launches of `task` have not started, those left out that pause between two attempts."""
        return self._waiting.get(task, 0) - (self._paused.get(task, 0) if self._paused else 0)

    def paused(self, task: str) -> int:
        """Return how many runs of `task` pause between two attempts."""
        return self._paused.get(task, 0)

    @property
    def running(self) -> int:
        """How many launches were admitted and have not ended."""
        return len(self._modes)

    def is_engaged(self, task: str) -> bool:
        """Return whether a launch of `task` waits or runs."""
        return task in self._engaged or self._waiting.get(task, 0) > 0

    def offer(self, launch: Launch) -> None:
        """Let `launch` wait for its turn."""
        self._waiting[launch.task] += 1
        self._line_up(launch)

    def delay(self, launch: Launch, until: float) -> None:
        """Let `launch` wait until a moment, and for its turn only then."""
        self._waiting[launch.task] += 1
        self._delayed[launch.number] = launch
        self._delays.set(launch.number, until)
        if launch.attempt > 1:
            self._paused[launch.task] += 1

    def offer_due(self, now: float) -> None:
        """Let the delayed launches wait for their turn whose moment has come."""
        for number in self._delays.take_due(now):
            self._line_up(self._delay_no_more(number))

    def _line_up(self, launch: Launch) -> None:
        if launch.task in self._engaged and not self._terms[launch.task].multilaunch:
            self._queues.setdefault(launch.task, deque()).append(launch)
        else:
            self._engage(launch)

    def reconsider(self, task: str) -> None:
        """Apply the changed terms of `task` to those of its launches that wait."""
        for launch in self._take(task):
            self._line_up(launch)

    def relax(self) -> None:
        """Apply changed limits to all that wait for one."""
        for waiting in self._full.values():
            while waiting:
                heapq.heappush(self._ready, waiting.pop())

    def withdraw(self, task: str | None = None, chosen: Callable[[Launch], bool] = lambda _: True) -> list[Launch]:
        """Take the launches that wait, of `task` or of all, and that are `chosen`, out again and return them in their order."""
        taken = [launch for launch in self._delayed.values() if task in (None, launch.task) and chosen(launch)]
        for launch in taken:
            self._delay_no_more(launch.number)
            self._delays.drop(launch.number)
        for launch in self._take(task):
            if chosen(launch):
                taken.append(launch)
            else:
                self._line_up(launch)
        for launch in taken:
            self._waits_no_more(launch)
        return sorted(taken, key=lambda launch: launch.number)

    def _take(self, task: str | None) -> list[Launch]:
        taken = [launch for name in self._names(task) for launch in self._queues.pop(name, ())]
        for _, _, launch in self._take_ready(task):
            taken.append(launch)
            self._disengage(launch.task)
        self.relax()  # one that was let step up may be among them, and leave its place to the next
        return sorted(taken, key=lambda launch: launch.number)

    def admit(self) -> list[tuple[Launch, str]]:
        """Return the launches that may start now, each with its mode; they count as running from here on."""
        admitted: list[tuple[Launch, str]] = []
        while self._ready and not self._used["main"]:
            entry = self._ready[0]
            mode = self._terms[entry[2].task].execution
            if mode == "main" and self._unstarted:
                break
            heapq.heappop(self._ready)
            if mode in self._limits and self._used[mode] >= self._limits[mode]:
                heapq.heappush(self._full[mode], entry)
                continue
            self._used[mode] += 1
            self._modes[entry[2].number] = mode
            self._unstarted.add(entry[2].number)
            admitted.append((entry[2], mode))
        return admitted

    def started(self, launch: Launch) -> None:
        """Take note that an admitted launch has begun."""
        if launch.number in self._unstarted:
            self._unstarted.remove(launch.number)
            self._waits_no_more(launch)

    def ended(self, launch: Launch) -> None:
        """Take note that an admitted launch has ended, and let the next of its task or mode step up."""
        if launch.number in self._unstarted:
            self.started(launch)  # it never will
        mode = self._modes.pop(launch.number)
        self._used[mode] -= 1
        if waiting := self._full[mode]:
            heapq.heappush(self._ready, heapq.heappop(waiting))
        self._disengage(launch.task)
        queue = self._queues.get(launch.task)
        if queue and launch.task not in self._engaged:
            self._engage(queue.popleft())
            if not queue:
                del self._queues[launch.task]

    def _delay_no_more(self, number: int) -> Launch:
        launch = self._delayed.pop(number)
        if launch.attempt > 1:
            self._paused[launch.task] -= 1
            if not self._paused[launch.task]:
                del self._paused[launch.task]
        return launch

    def _waits_no_more(self, launch: Launch) -> None:
        left = self._waiting[launch.task] - 1
        if left:
            self._waiting[launch.task] = left
        else:
            del self._waiting[launch.task]

    def _engage(self, launch: Launch) -> None:
        self._engaged[launch.task] += 1
        heapq.heappush(self._ready, (-self._terms[launch.task].priority, launch.number, launch))

    def _disengage(self, task: str) -> None:
        self._engaged[task] -= 1
        if not self._engaged[task]:
            del self._engaged[task]

    def _names(self, task: str | None) -> Iterable[str]:
        return list(self._queues) if task is None else [task]

    def _take_ready(self, task: str | None) -> list[tuple[int, int, Launch]]:
        def chosen(entry: tuple[int, int, Launch]) -> bool:
            return task is None or entry[2].task == task

        taken = [entry for waiting in (self._ready, *self._full.values()) for entry in waiting if chosen(entry)]
        self._ready = [entry for entry in self._ready if not chosen(entry)]
        heapq.heapify(self._ready)
        for mode, waiting in self._full.items():
            self._full[mode] = [entry for entry in waiting if not chosen(entry)]
            heapq.heapify(self._full[mode])
        return taken
