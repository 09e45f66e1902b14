"""Runners: where a task's function is executed. One contract, held by each of them and tested by one suite."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import trio

from actors.args.base import Circumstances
from actors.callables import Function, backend_of
from actors.hooks import hooked
from actors.progress import Progress
from actors.sources import found
from actors.termination import Flag
from runtime.identity import Identity
from runtime.output import Sink
from runtime.runners.quota import UNLIMITED, Quota


@dataclass(slots=True)
class Call:
    """One call of a task's function."""

    task: str
    run_id: str
    function: Function
    kwargs: Mapping[str, Any]
    flag: Flag | None = None
    """Set by the runner when the run shall end, where the function cannot be cancelled: in threads there always is one."""
    backend: str = "trio"
    """``trio`` or ``asyncio``: what drives the function if it is async; ``auto`` is seen when it is found."""
    grace: float = 5.0
    """Seconds the function gets to end by itself once it was asked to."""
    cleanup: float = 5.0
    """Seconds it gets to clean up once it is cancelled."""
    interrupt: bool = False
    """Whether an exception may be raised in its thread."""
    circumstances: Circumstances | None = None
    """What arguments among the keyword arguments are valued by, where the function runs; None if there are none."""
    report: Callable[[Progress], object] = lambda _: None
    """Takes the updates of its progress, in any thread."""
    note_late: Callable[[str], object] = lambda _: None
    """Takes, in any thread, what became of the function after it was given up."""
    note_worker: Callable[[Identity], object] = lambda _: None
    """Takes who its process is, where it has one of its own: before a worker hears of the call, and again where another one takes
    its place; as soon as a command has started."""
    quota: Quota = UNLIMITED
    """What its process may use, where it has one: of a worker or a command."""
    awaited: object = None
    """Set by the runner: what the function has returned to be awaited on this loop, for its stack."""
    output: Sink | None = None
    """What takes what the function prints where it is executed by another process; None where nobody wants it."""

    def ask(self) -> bool:
        """Set the flag of a function that has asked for it; return whether it has, and so ends by itself."""
        if self.flag is None or not self.flag.is_heeded:
            return False
        self.flag.set()
        return True

    def invoke(self) -> Any:
        """Call the function, with the values of its arguments: where it runs, as they are found there."""
        if self.circumstances is None:
            return self.function(**self.kwargs)
        function, kwargs = found(self.function, f"task {self.task!r}", self.kwargs, self.circumstances)
        if self.backend == "auto":
            self.backend = backend_of(function)
        if hooks := self.circumstances.session.hooks.task_execute:
            function = hooked(function, hooks, self.circumstances)
        return function(**kwargs)


class Runner(Protocol):
    """Executes functions in one way."""

    async def run(self, call: Call, scope: trio.CancelScope) -> Any:
        """Execute the function of `call` under `scope`, and return what it returned, or raise what it raised.

        Where nothing can be cancelled, the scope need not be entered: that costs as much as starting a task does. Where it has
        caught its own cancellation, None comes out, and ``scope.cancelled_caught`` tells.

        Cancelling ends the function, down the ladder of :func:`runtime.stopping.stop`. What it still returned or raised comes
        out as usual; otherwise the cancellation does, and the function runs no more. Here, where only the function itself can
        end, the scope is the last but one rung, and who cancels it has asked before.

        Raises:
          RunAbandoned: it was cancelled, and the function could neither be made to end nor waited for any longer.
          RunKilled: it was cancelled, and its process did not end before it was killed.
          WorkerDied: the process of the function ended before it answered.
          RemoteFailure: the function raised this in another process.
        """
        ...
