"""One program that a command has started, as the scheduler sees it."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
from contextlib import ExitStack, suppress

import trio

from actors.commands import Command
from actors.errors import CommandFailed
from runtime.identity import identity_of
from runtime.logs import runtime_log
from runtime.runners import Call
from runtime.runners.output import Output
from runtime.runners.pipes import pipe
from runtime.runners.quota import lower_priority
from runtime.runners.status import in_words, with_last_words
from runtime.stopping import Patience, stop
from runtime.worker import lifeline

MOST_RETURNED = 64 << 20
"""Bytes of stdout that are kept to be returned."""
_MUCH = 1 << 20
_TO_REAP = 1.0


class Child:
    """A program that runs. It leads a process group of its own, which is killed with a scheduler that is killed."""

    def __init__(self, call: Call, process: trio.Process, lifeline_ends: tuple[int, int], stdout: int, stderr: int) -> None:
        self._task, self._quota = call.task, call.quota
        self._process = process
        self.identity = identity_of(process.pid)
        """Who it is; None where the system does not tell."""
        self._lifeline_ends = lifeline_ends  # both: the one holds the group to us, through the other it is let go
        self._returned: list[bytes] = []
        self._room = MOST_RETURNED
        self._dropped = False
        self._stdout = Output(stdout, sys.stdout, self._collect)
        self._stderr = Output(stderr, sys.stderr)
        self._outputs = (self._stdout, self._stderr)
        for output in self._outputs:
            output.begin_run(f"[{call.task} {call.run_id}] ", call.output)

    @classmethod
    async def spawn(cls, call: Call, command: Command) -> Child:
        """Start the program of `command` with the parameters of `call`.

        Raises:
          CommandFailed: there is no such program or folder, or it may not be used; says which.
        """
        with ExitStack() as ours, ExitStack() as its:  # what is ours is kept if all goes well; what is its own never is
            its_lifeline, our_lifeline = pipe(ours, ours)
            out, its_out = pipe(ours, its)
            err, its_err = pipe(ours, its)
            try:
                process = await trio.lowlevel.open_process(
                    call.quota.around(command.argv_for(call.kwargs)),
                    stdin=subprocess.DEVNULL,
                    stdout=its_out,
                    stderr=its_err,
                    pass_fds=[its_lifeline],
                    start_new_session=True,
                    cwd=command.cwd,
                    env=command.environment(os.environ),
                )
            except OSError as exc:
                what = f": {os.fsdecode(exc.filename)!r}" if exc.filename is not None else ""
                raise CommandFailed(call.task, command.line, f"could not be started: {exc.strerror}{what}") from exc
            except ValueError as exc:  # a null character in an argument
                raise CommandFailed(call.task, command.line, f"could not be started: {exc}") from exc
            ours.pop_all()
            lifeline.tie(its_lifeline, process.pid)
            return cls(call, process, (its_lifeline, our_lifeline), out, err)

    async def be_nice(self) -> None:
        """Give it the niceness of its quota, and what it has started already too."""
        if self._quota.nice:
            await lower_priority(self._process.pid, self._quota.nice)

    async def wait(self, *, for_group: bool = False) -> int:
        """Pass on what it writes until it has exited, and return its exit status.

        Args:
          for_group: wait also until nobody else holds its output any more, as those do whom it has started.
        """
        async with trio.open_nursery() as nursery:
            for output in self._outputs:
                nursery.start_soon(output.pass_on)
            status = await self._process.wait()
            if not for_group:
                nursery.cancel_scope.cancel()
        return status

    async def end(self, patience: Patience, cleanup: float) -> bool:
        """End it with its group, and return whether it did before it was killed. Not to be cancelled, but bounded."""
        if self._process.returncode is not None:
            return True
        has_ended = await stop(self, patience, 0.0, cleanup)
        await self.kill()  # also what it has started and that has let go of its output
        return has_ended

    async def close(self) -> None:
        """Let go of it, and kill it if it goes on.

        Of a program that has exited by itself, what it has left running in the background is left alone.
        """
        if self._process.returncode is None:
            await self.kill()
        lifeline.untie(self._lifeline_ends[0])
        for fd in self._lifeline_ends:
            os.close(fd)
        Output.end_run(self._outputs)
        for output in self._outputs:
            output.close()

    def ask(self) -> bool:
        """Nothing: a program listens to SIGTERM only."""
        return False

    def cancel(self) -> bool:
        """Send SIGTERM to its group."""
        self._signal(signal.SIGTERM)
        return True

    async def ended(self) -> None:
        """Wait until it has exited, and those it has started have let go of its output."""
        await self.wait(for_group=True)

    async def kill(self) -> None:
        """Kill its group, and reap it."""
        self._signal(signal.SIGKILL)
        with trio.CancelScope(deadline=trio.current_time() + _TO_REAP, shield=True):
            await self._process.wait()

    async def stdout(self) -> bytes:
        """Return what it has written to stdout, up to the most that is kept. Putting much together is left to a thread."""
        if MOST_RETURNED - self._room < _MUCH:
            return b"".join(self._returned)
        return await trio.to_thread.run_sync(b"".join, self._returned, limiter=trio.CapacityLimiter(1))

    def how(self, status: int) -> str:
        """Return in words how it ended, with what it said last."""
        return with_last_words(self._quota.broken(status) or in_words(status), self._stderr.last_line)

    def _collect(self, data: bytes) -> None:
        self._returned.append(data[: self._room])
        if len(data) > self._room and not self._dropped:
            self._dropped = True
            told = "task %r writes more than %d bytes to stdout: only these are returned"
            runtime_log.tell(logging.WARNING, told, self._task, MOST_RETURNED)
        self._room -= len(self._returned[-1])

    def _signal(self, number: signal.Signals) -> None:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, number)
