"""Simulated: a runner on which runs follow a script, on virtual time, without a thread or a process."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

import trio

from actors.commands import Command
from actors.errors import NotSimulated, RunAbandoned, RunKilled, WorkerDied
from actors.termination import current_flag
from actors.timespans import to_seconds
from runtime.left_behind import Left, LeftBehind
from runtime.runners import Call, Runner
from runtime.stopping import Patience, stop
from runtime.testing.scripted import Scripted

_ABANDONED = {"thread": "thread", "async": "asyncio function", "main": "asyncio function"}
"""What is given up, where it cannot be killed, by mode."""


class SimulatedRunner:
    """Runs what has a script by that, and calls what has none in place, on the loop, for which virtual time stands still.

    Args:
      mode: in place of whose runner it is; it ends runs as that does.
      inline: the runner of functions on the loop.
      script_of: returns the script of a call; None if it has none.
    """

    def __init__(
        self,
        mode: str,
        inline: Runner,
        script_of: Callable[[Call], Scripted | None],
        patience: Patience,
        left_behind: LeftBehind,
    ) -> None:
        self._mode, self._inline, self._script_of = mode, inline, script_of
        self._patience, self._left_behind = patience, left_behind

    async def run(self, call: Call, scope: trio.CancelScope) -> Any:
        script = self._script_of(call)
        if script is None:
            return await self._inline.run(_in_place(call), scope)
        with scope:
            if self._mode in ("main", "async") and call.backend != "asyncio":
                return await self._on_loop(script, call)
            return await _Outside(script, call, self._mode, self._patience, self._left_behind).answer()

    async def _on_loop(self, script: Scripted, call: Call) -> Any:
        """Go on as a coroutine does, which others bring down the ladder: it sees its cancellation only."""
        if script.ends_at == "ask" and call.flag is not None:
            call.flag.is_heeded = False  # nothing waits for the flag, so its cancellation is to come at once
        ends_at = trio.current_time() + to_seconds(script.seconds)
        try:
            await trio.sleep_until(ends_at)
        except trio.Cancelled:
            if script.ends_at != "kill":
                with self._patience.allow(call.cleanup):
                    await trio.sleep(to_seconds(script.cleanup))
                raise
            with trio.CancelScope(shield=True):  # not for ever: scripts are finite
                await trio.sleep_until(ends_at)
        return _finish(script, call)


def simulated(
    runners: Mapping[str, Runner], script_of: Callable[[Call], Scripted | None], patience: Patience, left_behind: LeftBehind
) -> dict[str, Runner]:
    """Return runners in the place of those of the modes, none of which starts a thread or a process."""
    return {mode: SimulatedRunner(mode, runners["async"], script_of, patience, left_behind) for mode in runners}


def _in_place(call: Call) -> Call:
    """Return `call` as one that the loop can do; raises NotSimulated."""
    if isinstance(call.function, Command):
        raise NotSimulated(call.task, "runs a command")
    if call.backend == "asyncio":
        raise NotSimulated(call.task, "runs on an asyncio loop")
    current_flag.set(call.flag)
    return call


class _Outside:
    """A run outside of the loop, as its runner would bring it to its end."""

    def __init__(self, script: Scripted, call: Call, mode: str, patience: Patience, left_behind: LeftBehind) -> None:
        self._script, self._call, self._mode, self._patience, self._left_behind = script, call, mode, patience, left_behind
        self._limit = self._ends_at = trio.current_time() + to_seconds(script.seconds)

    async def answer(self) -> Any:
        """Go on to the end, or go down the ladder, as :meth:`Runner.run` promises."""
        try:
            await self.ended()
        except trio.Cancelled:
            asked = trio.current_time()
            if not await stop(self, self._patience, self._call.grace, self._call.cleanup):
                raise self._forced(round(trio.current_time() - asked, 1)) from None
            if self._limit < self._ends_at:
                raise  # else it has ended by itself meanwhile
        return _finish(self._script, self._call)

    def ask(self) -> bool:
        listens = self._mode == "thread" or self._call.ask()
        self._reach("ask", is_there=listens)
        return listens

    def cancel(self) -> bool:
        can = self._mode != "thread" or self._call.interrupt or inspect.iscoroutinefunction(self._call.function)
        self._reach("cancel", is_there=can)
        return can

    async def ended(self) -> None:
        await trio.sleep_until(self._limit)

    async def kill(self) -> None:
        if self._mode in _ABANDONED:
            self._left_behind.add(self, Left("thread", f"task {self._call.task!r} run {self._call.run_id}"))

    def _reach(self, rung: str, *, is_there: bool) -> None:
        """Have it wind up, if it ends at this rung, or would have at one that its mode has not."""
        if is_there and (self._script.ends_at == rung or (self._script.ends_at == "ask" and rung == "cancel")):
            self._limit = min(self._limit, trio.current_time() + to_seconds(self._script.cleanup))

    def _forced(self, waited: float) -> Exception:
        if self._mode in _ABANDONED:
            return RunAbandoned(self._call.task, _ABANDONED[self._mode], waited, "(simulated)")
        return RunKilled(self._call.task, self._mode, waited)


def _finish(script: Scripted, call: Call) -> Any:
    """Return or raise what the script says comes of it."""
    if script.dies:
        raise WorkerDied(call.task, "died, as its script says")
    if script.raises is not None:
        raise script.raises
    return script.returns
