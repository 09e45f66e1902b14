"""One worker process, as the scheduler sees it."""

from __future__ import annotations

import logging
import os
import pickle
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any, TypeVar

import trio

from actors.errors import RemoteFailure, RunKilled, UnportableResult, WorkerDied
from actors.pickled import Pickled, Piece
from actors.portable import describe, pickled_or_none, pickled_parameters, pickled_result
from actors.ref import ref_resolver
from actors.session import Session
from runtime import worker as worker_side
from runtime.identity import identity_of
from runtime.output import Sink
from runtime.runners import Call
from runtime.runners.actor_service import AWAITED, OF_ACTORS, ActorService
from runtime.runners.output import Output
from runtime.runners.pipes import pipe
from runtime.runners.quota import UNLIMITED, Limits, Quota, set_limits
from runtime.runners.replies import refused, replied
from runtime.runners.status import in_words, with_last_words
from runtime.runners.waits import Waits
from runtime.stopping import Patience, stop
from runtime.worker.parcels import (
    AT_ONCE,
    Parcel,
    is_long,
    missing,
    opened_parameters,
    receive,
    send,
    taken,
    unframed,
)
from runtime.worker.protocol import Broken, Hello, Program, Raised, Request, Returned, Withdraw, frame_of, opened

_SCRIPT = str(Path(worker_side.__file__).with_name("__main__.py"))
_TO_GET_READY = 120.0
_TO_EXIT = 1.0
_TO_REAP = 1.0
_TO_NOTICE = 0.2
_TRANSFER = "callsheet transfer"

T = TypeVar("T")


class Worker:
    """A process that calls functions, one at a time. It leads its own process group, which ends with it."""

    def __init__(
        self, process: trio.Process, connection: socket.socket, lifeline: int, stdout: int, stderr: int, logged: int
    ) -> None:
        self.process = process
        self.usable = False
        """Whether it may get a call: it has loaded the program, does nothing, and was not told to end."""
        self.runs = 0
        """How many calls it has got."""
        self.identity = identity_of(process.pid)
        """Who it is; None where the system does not tell."""
        self._connection = connection
        self._lifeline = lifeline  # held open for as long as the process may live: see runtime.worker.lifeline
        self._received = bytearray()
        self._cut = False  # within a frame, so that nothing more can be said
        self._sending = trio.Lock()  # held while a frame is sent, and while a thread uses the connection
        self._stderr = Output(stderr, sys.stderr)
        self.outputs = (Output(stdout, sys.stdout), self._stderr, Output(logged, None))

    @classmethod
    async def spawn(cls) -> Worker:
        """Start a process that waits for :meth:`prepare`."""
        with ExitStack() as ours, ExitStack() as its:  # what is ours is kept if all goes well; what is its own never is
            connection, its_connection = socket.socketpair()
            ours.callback(connection.close)
            its.callback(its_connection.close)
            connection.setblocking(False)
            its_lifeline, lifeline = pipe(its, ours)
            out, its_out = pipe(ours, its)
            err, its_err = pipe(ours, its)
            logged, its_logged = pipe(ours, its)
            inherited = [its_connection.fileno(), its_lifeline, its_logged]
            process = await trio.lowlevel.open_process(
                [sys.executable, "-P", _SCRIPT, *map(str, inherited)],
                stdin=subprocess.DEVNULL,
                stdout=its_out,
                stderr=its_err,
                pass_fds=inherited,
                start_new_session=True,
            )
            ours.pop_all()
            return cls(process, connection, lifeline, out, err, logged)

    async def prepare(self, program: Program, task: str) -> None:
        """Have it load `program`; it is usable from then on.

        Raises:
          RemoteFailure: loading the program raised this there.
          WorkerDied: it ended meanwhile, or was not ready within two minutes.
        """
        self._mark(f"[{task}] ")
        answer = None
        try:
            with trio.move_on_after(_TO_GET_READY):
                await self._send(frame_of(Hello(program)))
                answer, _ = await self._receive()
        except (EOFError, OSError):
            raise WorkerDied(task, await self.death()) from None
        if answer is None:
            raise WorkerDied(task, f"was not ready within {_TO_GET_READY:g} s of its start")
        if isinstance(answer, Broken):
            raise RemoteFailure("the app cannot be loaded in a worker process", answer.line, answer.text)
        self.usable = True

    async def call(self, call: Call, job: list[Piece], waits: Waits, patience: Patience) -> Any:
        """Have `job` done, as :meth:`Runner.run` promises; `waits` is for what its function waits for.

        Raises:
          BrokenPipeError: the process had ended before; the job was not begun.
        """
        self.usable = False
        self.runs += 1
        before = call.quota.impose(self.process.pid)
        self._mark(f"[{call.task} {call.run_id}] ", call.output)
        resolver = ref_resolver.set(waits.service.found)
        try:
            await self._send(job)
            answer, value = await self._answer(call, waits)
            self.usable = not answer.spent
        except trio.Cancelled:
            ending, asked = _Ending(self, call, waits), trio.current_time()
            if not await stop(ending, patience, call.grace, call.cleanup):
                raise RunKilled(call.task, "process", round(trio.current_time() - asked, 1)) from None
            if ending.last_word is None:
                raise
            answer, value = ending.last_word
        except EOFError:
            raise WorkerDied(call.task, await self.death(call.quota)) from None
        finally:
            waits.end()
            ref_resolver.reset(resolver)
            Output.end_run(self.outputs)
        if self.usable:
            self._restore(before)
        return _unwrapped(call, answer, value)

    async def end(self, patience: Patience, seconds: float = 0.0) -> None:
        """End the process within `seconds`, then kill its whole group, and reap it. Not to be cancelled, but bounded."""
        self.usable = False
        self._connection.close()
        with patience.allow(seconds):
            await self.process.wait()
        self.signal(signal.SIGKILL)
        with trio.CancelScope(deadline=trio.current_time() + _TO_REAP, shield=True):
            await self.process.wait()
        os.close(self._lifeline)
        for output in self.outputs:
            output.finish_run()
            output.close()

    async def _answer(self, call: Call, waits: Waits) -> tuple[Returned | Raised, list[Parcel]]:
        """Wait for the answer, and do meanwhile what the function asks."""
        while True:
            message, values = await self._receive()
            match message:
                case Withdraw():
                    waits.withdraw(message.numbers)
                case Request() if message.control in AWAITED:
                    waits.begin(message, values, self._send)
                case Request():
                    try:
                        await self._send(_reply(message, values, call, waits.service))
                    except OSError:  # it died while it waited
                        raise EOFError from None
                case _:
                    assert isinstance(message, (Returned, Raised))
                    if message.progress is not None:
                        call.report(message.progress)
                    return message, values

    async def last_word(self, call: Call, waits: Waits) -> tuple[Returned | Raised, list[Parcel]] | None:
        """Wait for the answer, or where none can come any more, for the end of the process."""
        try:
            return await self._answer(call, waits)
        except EOFError:
            await self.process.wait()
            return None

    async def _send(self, frame: list[Piece]) -> None:
        if len(frame) > 1:
            async with self._sending:
                await self._in_thread(send, self._connection, frame)
            return
        view = memoryview(frame[0])
        if not self._sending.locked() and not (view := self._sent(view)):  # mostly so: all at once, with nobody in between
            return
        async with self._sending:
            while view := self._sent(view):
                await trio.lowlevel.wait_writable(self._connection)

    def _sent(self, view: memoryview) -> memoryview:
        """Send what there is room for now, and return the rest."""
        try:
            return view[self._connection.send(view) :]
        except BlockingIOError:
            return view

    async def _receive(self) -> tuple[Any, list[Parcel]]:
        """Wait for a message and what comes with it.

        What was received of a short frame stays if this is cancelled, so that it can be called again.

        Raises:
          EOFError: the process is gone, or the cancellation of a long frame has cut the connection.
        """
        if self._cut:
            raise EOFError
        while (count := missing(self._received)) > 0:
            await trio.lowlevel.wait_readable(self._connection)
            try:
                data = self._connection.recv(max(count, AT_ONCE))
            except BlockingIOError:
                continue
            except ConnectionResetError:
                data = b""
            if not data:
                raise EOFError
            self._received += data
        if not is_long(self._received):
            said, values = unframed(taken(self._received))
        else:
            async with self._sending:  # only now is it taken: this may be cancelled, and is called again then
                said, values = await self._in_thread(receive, self._connection, taken(self._received))
        return opened(said), values

    async def _in_thread(self, work: Callable[..., T], *args: object) -> T:
        """Do with the connection what may take long. If this is cancelled, the connection is cut, which ends the thread."""
        self._connection.setblocking(True)
        try:
            result = await trio.to_thread.run_sync(
                work, *args, thread_name=_TRANSFER, abandon_on_cancel=True, limiter=trio.CapacityLimiter(1)
            )
        except trio.Cancelled:
            self._cut = True
            with suppress(OSError):  # the other end may be gone
                self._connection.shutdown(socket.SHUT_RDWR)
            raise
        self._connection.setblocking(False)
        return result

    async def death(self, quota: Quota = UNLIMITED) -> str:
        """Return in words how the process ended that had this quota, with the last line it has written to stderr."""
        with trio.move_on_after(_TO_EXIT):
            await self.process.wait()
        for output in self.outputs:
            output.finish_run()
        return with_last_words(_end_of(self.process.returncode, quota), self._stderr.last_line)

    def _mark(self, prefix: str, run: Sink | None = None) -> None:
        for output in self.outputs:
            output.begin_run(prefix, run)

    def _restore(self, limits: Limits) -> None:
        try:
            set_limits(self.process.pid, limits)
        except OSError:  # it is gone, or has given up rights
            self.usable = False

    def signal(self, number: signal.Signals, *, group: bool = True) -> None:
        """Send a signal to its process group, or to the process alone."""
        with suppress(ProcessLookupError, PermissionError):
            if group:
                os.killpg(self.process.pid, number)
            else:
                self.process.send_signal(number)


class _Ending:
    """A call in a worker, as it is brought to its end."""

    def __init__(self, worker: Worker, call: Call, waits: Waits) -> None:
        self._worker, self._call, self._waits = worker, call, waits
        self.last_word: tuple[Returned | Raised, list[Parcel]] | None = None
        """What it still answered."""
        self._is_cancelled = False

    def ask(self) -> bool:
        """Have its flag set by SIGTERM, where it has asked for that: see :mod:`runtime.worker.sigterm`."""
        listens = self._call.ask()
        if listens:
            self._worker.signal(signal.SIGTERM, group=False)
        return listens

    def cancel(self) -> bool:
        """Send SIGTERM, which raises an exception in it, and is for the children that it has started."""
        self._worker.signal(signal.SIGTERM)
        self._is_cancelled = True
        return True

    async def ended(self) -> None:
        """Wait for its answer, or for the end of the process."""
        async with trio.open_nursery() as nursery:
            if self._is_cancelled:
                nursery.start_soon(self._insist)
            try:
                self.last_word = await self._worker.last_word(self._call, self._waits)
            except trio.Cancelled:  # its time is over, and it may be used up by waiting
                self._waits.end()
                raise
            nursery.cancel_scope.cancel()

    async def _insist(self) -> None:
        """Send SIGTERM again, which does nothing where it was noticed.

        Once, as it may have come just before the function began to wait, after Python had last looked for signals: nothing
        would end that wait. And again and again where the function heeds its flag: while it has not noticed the one that
        asked it, the one that cancels it is lost in that.
        """
        while True:
            await trio.sleep(_TO_NOTICE)
            self._worker.signal(signal.SIGTERM, group=False)
            if self._call.flag is None or not self._call.flag.is_heeded:
                return

    async def kill(self) -> None:
        """Kill the group; it is reaped when the worker ends."""
        self._worker.signal(signal.SIGKILL)


def _end_of(status: int | None, quota: Quota) -> str:
    if status is None:
        return "closed its connection without an answer"
    return quota.broken(status) or in_words(status) + (" before it answered" if status >= 0 else "")


def _reply(request: Request, given: Sequence[Parcel], call: Call, service: ActorService) -> list[Piece]:
    """Do what the function asked of its session, and return the frame of the answer, errors included."""
    try:
        value, found = _controlled(request, given, call, service)
        return replied(request.number, value, found)
    except Exception as exc:
        return refused(request.number, exc)


def _controlled(request: Request, given: Sequence[Parcel], call: Call, service: ActorService) -> tuple[Any, Sequence[Pickled]]:
    """Carry out a request: a control, a change of the session, or a question about it. Return the reply, and values with it."""
    session = service.session
    controls = session.controls
    match request.control, request.args:
        case "launch", (task, names):
            controls.launch(task, opened_parameters(task, names, given))
        case "terminate", (task, run_id):
            controls.terminate(task, run_id)
        case "shut_down", (force,):
            controls.shut_down(force=force)
        case "restart", ():
            controls.restart()
        case ("heed" | "progress" | "log") as news, args:
            _take_note(news, args, call)
        case "change", ():
            given[0].open().make(session)
        case question, _ if question in OF_ACTORS:
            return service.answered(request, given)
        case question, args:
            return _answered(question, args, session)
    return None, ()


def _take_note(news: str, args: tuple[Any, ...], call: Call) -> None:
    """Take note of what the run tells of itself."""
    match news, args:
        case "heed", ():
            if call.flag is not None:
                call.flag.is_heeded = True
        case "progress", (update,):
            call.report(update)
        case "log", (record,):
            logging.getLogger(record["name"]).handle(logging.makeLogRecord(record))


def _answered(question: str, args: tuple[Any, ...], session: Session) -> tuple[Any, Sequence[Pickled]]:  # noqa: PLR0911  # one a question
    match question, args:
        case "facts", (task,):
            declared = session.declared(task)
            return declared.facts if declared is not None else None, ()
        case "waits_for", (task,):
            return session.controls.waits_for(task), ()
        case "health", ():
            return session.controls.health(), ()
        case "names", ():
            return [task.name for task in session.tasks], ()
        case "kept", (task, option):
            kept = pickled_or_none(getattr(session.config if task is None else session[task], option))
            return None, [kept] if kept is not None else []
        case "parameters", ():
            return list(session.parameters.snapshot()), ()
        case "parameter", (name,):
            found = session.parameters.snapshot()
            return None, [*pickled_parameters("session", {name: found[name]}).values()] if name in found else []
        case "returned", (task,):
            return None, [pickled_result(task, session.returns[task])]
    raise AssertionError(question)


def _unwrapped(call: Call, answer: Returned | Raised, values: Sequence[Parcel]) -> Any:
    if isinstance(answer, Returned):
        try:
            return values[0].open()
        except Exception as exc:
            raise UnportableResult(call.task, "value", describe(exc)) from exc
    message = answer.message or call.quota.exceeded(answer.kind)
    error = RemoteFailure(answer.kind, message, answer.text, answer.kinds)
    original = None
    if answer.error is not None:
        with suppress(Exception):
            original = pickle.loads(answer.error)
    try:
        raise error from original
    finally:
        del error, original  # they refer to this frame, and only the garbage collector would find that out
