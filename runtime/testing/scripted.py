"""Scripted: how the runs of a task go that are simulated."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

from actors.errors import InvalidOption
from actors.session import Session, TaskKey
from actors.timespans import TimeSpan, to_finite
from runtime.runners import Call

Rung = Literal["ask", "cancel", "kill"]
RUNGS: tuple[str, ...] = get_args(Rung)


@dataclass(frozen=True)
class Scripted:
    """How a run goes, in place of the function of its task, which is not called.

    Args:
      seconds: how long it takes, on virtual time.
      returns: what it returns then.
      raises: an exception, or the class of one, that it raises then instead.
      dies: whether its process dies then instead, in whatever mode: the run fails with WorkerDied.
      ends_at: the rung of the ladder at which it ends when it is to end earlier: the first there is in its mode (``ask``), its
        cancellation (``cancel``), or none: it is to be killed or given up (``kill``). A thread without ``interrupt`` has no
        rung ``cancel``.
      cleanup: how long it goes on from there.

    Raises:
      InvalidOption, InvalidTimeSpan: a value that cannot be. The times are finite: "for ever" is a very long time.
    """

    seconds: TimeSpan = 0.0
    returns: Any = None
    raises: BaseException | type[BaseException] | None = None
    dies: bool = False
    ends_at: Rung = "ask"
    cleanup: TimeSpan = 0.0

    def __post_init__(self) -> None:
        for option in ("seconds", "cleanup"):
            object.__setattr__(self, option, to_finite(getattr(self, option)))
        if self.ends_at not in RUNGS:
            raise InvalidOption("Scripted", "ends_at", repr(self.ends_at), f"one of {', '.join(RUNGS)} is expected")
        is_error = isinstance(self.raises, type) and issubclass(self.raises, BaseException)
        if not (self.raises is None or is_error or isinstance(self.raises, BaseException)):
            raise InvalidOption("Scripted", "raises", repr(self.raises), "an exception, or the class of one, is expected")


Scripts = Scripted | Sequence[Scripted] | Callable[[str, int], Scripted | None]
"""What says how the runs of a task go: all alike; one after the other, the last also for those after it; or what a function
says that is called with the name of the task and the number of the run, counted from 1: None calls the task's function."""


class Playbook:
    """Which script each run follows. A further attempt of a run counts as another one.

    Args:
      session: the one whose tasks they are.
      simulated: scripts for all tasks, or by task.

    Raises:
      UnknownTask: there is no such task; names the nearest.
      InvalidOption: a value that says nothing of runs.
    """

    def __init__(self, session: Session, simulated: Scripts | Mapping[TaskKey, Scripts]) -> None:
        self._session = session
        self._of_all = None if isinstance(simulated, Mapping) else _checked(simulated)
        by_task = simulated.items() if isinstance(simulated, Mapping) else ()
        self._by_task = {session[key].name: _checked(scripts) for key, scripts in by_task}
        self._counts: Counter[str] = Counter()

    def script_of(self, call: Call) -> Scripted | None:
        """Return the script of a run that begins; None for one that calls its function, and for what is no run of a task."""
        task = self._session.declared(call.task)
        if task is None or task.func is not call.function:  # a condition of it, or a callback
            return None
        self._counts[task.name] += 1
        scripts, number = self._by_task.get(task.name, self._of_all), self._counts[task.name]
        if scripts is None or isinstance(scripts, Scripted):
            return scripts
        return scripts(task.name, number) if callable(scripts) else scripts[min(number, len(scripts)) - 1]


def _checked(scripts: Scripts) -> Scripts:
    is_sequence = isinstance(scripts, Sequence) and bool(scripts) and all(isinstance(one, Scripted) for one in scripts)
    if isinstance(scripts, Scripted) or is_sequence or callable(scripts):
        return scripts
    raise InvalidOption("running", "simulated", repr(scripts), "Scripted(...), several of them, or a function is expected")
