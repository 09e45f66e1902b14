"""Process: each run in a warm worker process, several at a time, spawned and never forked."""

from __future__ import annotations

import pickle
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from types import FunctionType
from typing import Any

import trio

from actors.callables import Function, check_portable, qualname_of
from actors.errors import WorkerDied
from actors.pickled import Pickled, Piece
from actors.portable import pickled_parameters, pickled_result
from actors.session import Session
from actors.sources import InFile
from runtime.message_codec import MessageCodec
from runtime.runners import Call
from runtime.runners.actor_service import ActorService
from runtime.runners.quota import lower_priority
from runtime.runners.waits import Waits
from runtime.runners.worker import Worker
from runtime.stopping import Patience
from runtime.worker.protocol import Job, Program, frame_of

_TO_RETIRE = 1.0
"""Seconds that a worker which is replaced gets to exit by itself."""


@dataclass(frozen=True, slots=True)
class _Reference:
    """How a worker finds a function: by the qualified name of its task's function, or else by its pickle."""

    function: Function
    qualname: str
    pickled: bytes | None


class ProcessRunner:
    """Runs functions in worker processes, which it keeps for the next run that wants one of the same niceness.

    A process is ended for certain: SIGTERM to its group, its time to clean up, SIGKILL. What it still answers then counts.
    How many there are at a time is not decided here: the supervisor starts no more runs than there may be.

    Args:
      program: returns what workers load; asked once, when the first is started.
      session: the session whose controls the functions use from inside.
    """

    def __init__(self, program: Callable[[], Program], session: Session, patience: Patience) -> None:
        self._find_program, self._session, self._patience = program, session, patience
        self._codec = MessageCodec()
        self._program: Program | None = None
        self._references: dict[str, _Reference] = {}  # {task: how workers find its function}
        self._idle: defaultdict[int, list[Worker]] = defaultdict(list)  # {their niceness: they}; it cannot be lowered again
        self._living: set[Worker] = set()
        self._closed = False
        self.ready = trio.Event()
        """Set once runs can come."""
        self._nursery: trio.Nursery
        self._serving: trio.CancelScope

    async def serve(self) -> None:
        """Pass on what workers print until ``close``, also while runs are cancelled.

        Where that fails, it may be called again: the workers are still there.
        """
        if self._closed:
            return
        with trio.CancelScope(shield=True) as self._serving:  # who serves also closes, and closing has a deadline
            async with trio.open_nursery() as self._nursery:
                for worker in self._living:
                    self._attend(worker)
                self.ready.set()
                await trio.sleep_forever()

    def _attend(self, worker: Worker) -> None:
        for output in worker.outputs:
            self._nursery.start_soon(output.pass_on)

    async def run(self, call: Call, scope: trio.CancelScope) -> Any:
        job = self._job(call)
        with scope:
            return await self._done(call, job)

    async def _done(self, call: Call, job: list[Piece]) -> Any:
        quota = call.quota
        idle = self._idle[quota.nice]
        while True:
            was_idle = bool(idle) and not quota.fresh
            worker = idle.pop() if was_idle else await self._start(call.task, quota.nice)
            try:
                waits = Waits(self._nursery, ActorService(self._session, self._codec))
                if worker.identity is not None:
                    call.note_worker(worker.identity)
                return await worker.call(call, job, waits, self._patience)
            except (BrokenPipeError, ConnectionResetError):
                if not was_idle:  # the job itself was too much for it
                    raise WorkerDied(call.task, await worker.death(quota)) from None
                continue  # it had died while it was idle, and knows nothing of the job: another one takes it
            finally:
                if not worker.usable or self._closed:
                    await self._end(worker)
                elif quota.keeps(worker.runs):
                    idle.append(worker)
                else:
                    await self._end(worker, _TO_RETIRE)

    async def close(self, seconds: float) -> None:
        """End the idle workers, giving them `seconds` to exit by themselves, and keep none from now on."""
        self._closed = True
        try:
            async with trio.open_nursery() as nursery:
                for idle in self._idle.values():
                    while idle:
                        nursery.start_soon(self._end, idle.pop(), seconds)
        finally:
            self._serving.cancel()

    async def _end(self, worker: Worker, seconds: float = 0.0) -> None:
        self._living.discard(worker)
        await worker.end(self._patience, seconds)

    def _job(self, call: Call) -> list[Piece]:
        """Return the frame of `call`.

        Raises:
          UnportableFunction, UnportableParameter, UnportableResult: it cannot be sent; says what.
        """
        known = self._references.get(call.task)
        has_state = not isinstance(call.function, FunctionType)  # which may be another one by now
        if known is None or known.function is not call.function or has_state:
            check_portable(call.task, call.function)
            known = _Reference(call.function, qualname_of(call.function), _by_reference(call.function))
            self._references[call.task] = known
        given, returned = pickled_parameters(call.task, call.kwargs), _returns(call)
        job = Job(
            call.task, call.run_id, known.qualname, known.pickled, tuple(given), call.backend, call.cleanup, tuple(returned)
        )
        return frame_of(job, *given.values(), *returned.values())

    async def _start(self, task: str, nice: int) -> Worker:
        if self._program is None:
            self._program = self._find_program()
        worker = await Worker.spawn()
        try:
            self._living.add(worker)
            self._attend(worker)
            if nice:
                await lower_priority(worker.process.pid, nice)
            await worker.prepare(self._program, task)
        except BaseException:
            await self._end(worker)
            raise
        return worker


def _returns(call: Call) -> dict[str, Pickled]:
    """Return what tasks have returned that goes along for a function that is loaded only there."""
    if call.circumstances is None or not isinstance(call.function, InFile):
        return {}
    return {task: pickled_result(task, value) for task, value in call.circumstances.returns.items()}


def _by_reference(function: Function) -> bytes | None:
    """Return `function` pickled, None where another object has its name, as with some decorators."""
    try:
        return pickle.dumps(function, pickle.HIGHEST_PROTOCOL)
    except Exception:
        return None
