"""Command: each run is a program, started by the scheduler itself and waited for without holding it up."""

from __future__ import annotations

from typing import Any

import trio

from actors.commands import Command
from actors.errors import CommandFailed, RunKilled
from actors.hooks import around_async
from runtime.runners import Call
from runtime.runners.child import Child
from runtime.stopping import Patience


class CommandRunner:
    """Runs the programs of commands. What one writes to stdout is what it returns, as bytes.

    A program is ended for certain: SIGTERM to its group, its time to clean up, SIGKILL. Whatever its exit status is after that,
    it tells how the program ended and not that it has done its work, so it is no answer: the cancellation comes out.
    """

    def __init__(self, patience: Patience) -> None:
        self._patience = patience

    async def run(self, call: Call, scope: trio.CancelScope) -> Any:
        """Run the command of `call`, as :meth:`Runner.run` promises.

        Raises:
          CommandFailed: it could not be started, or did not exit with status 0.
        """
        command = call.function
        assert isinstance(command, Command)
        with scope:
            if (here := call.circumstances) is None:
                return await self._stdout_of(call, command)
            async with around_async(here.session.hooks.task_execute, here):
                return await self._stdout_of(call, command)

    async def _stdout_of(self, call: Call, command: Command) -> bytes:
        child = await Child.spawn(call, command)
        try:
            if child.identity is not None:
                call.note_worker(child.identity)
            await child.be_nice()
            status = await child.wait()
        except BaseException:  # a cancellation comes in a group of what passes on its output
            asked = trio.current_time()
            if not await child.end(self._patience, call.cleanup):
                raise RunKilled(call.task, "command", round(trio.current_time() - asked, 1)) from None
            raise
        finally:
            await child.close()
        if status != 0:
            raise CommandFailed(call.task, command.line, child.how(status))
        return await child.stdout()
