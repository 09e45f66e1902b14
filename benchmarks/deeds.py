"""What the tasks of the soak do. Workers import this, so it imports little."""

from __future__ import annotations

import os
import signal
import subprocess
import time

from actors import TaskInactionException, TaskTerminationException, TerminationFlag, args, cleanup
from actors.session import Session
from actors.termination import Flag

HANGS = 60.0
"""Seconds that a function goes on which nobody ends: longer than anybody waits for it."""

MUCH = 2 << 20
"""Bytes of a value that is received in a thread."""

SHELL = """
case $4 in
    hangs) exec sleep 60 ;;
    ignores) trap "" TERM ;;
esac
sleep "$6"
case $4 in
    raises) exit 1 ;;
    dies) kill -9 $$ ;;
esac
"""
"""The same as a line for a shell, which gets ``--number N --end END --seconds S`` as ``$1`` to ``$6``."""


def act(number: int, end: str, seconds: float) -> object:
    """Do as planned in the scheduler's own thread, or in a worker process that does not ask for its flag."""
    if end == "hangs":
        time.sleep(HANGS)
    if end == "ignores":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if end == "hangs with a child":
        hang_with_a_child()
    time.sleep(seconds)
    return ended(end)


def act_and_ask(number: int, end: str, seconds: float, session: Session = args.Session()) -> object:  # noqa: B008  # an argument
    """Do as planned in a worker process, which for some ends asks its scheduler much, or sends it much."""
    if end == "asks":
        for _ in range(20):
            list(session.tasks)
    if end == "returns much":
        return bytes(MUCH)
    return act(number, end, seconds)


def act_by_flag(number: int, end: str, seconds: float, flag: Flag = TerminationFlag()) -> object:  # noqa: B008  # an argument
    """Do as planned in a thread, or in a worker process: what hangs looks at its flag, what ignores does not."""
    if end == "hangs":
        flag.wait(HANGS)
        raise TaskTerminationException
    if end == "hangs with a child":
        hang_with_a_child()
    time.sleep(seconds)
    return ended(end)


async def act_async(number: int, end: str, seconds: float) -> object:
    """Do as planned on trio or asyncio: what hangs ends at its await, what swallows goes on after as many cancellations.

    What cleans up takes its time for that, and what shields itself is not to be cancelled for some time.
    """
    import anyio

    if end == "hangs":
        await anyio.sleep(HANGS)
    if end == "cleans up":
        try:
            await anyio.sleep(HANGS)
        finally:
            with cleanup():
                await anyio.sleep(seconds)
    if end == "shields":
        with anyio.CancelScope(shield=True):
            await anyio.sleep(seconds)
        await anyio.sleep(HANGS)
    if end == "blocks":
        time.sleep(seconds)  # noqa: ASYNC251  # on purpose
    if end.startswith("swallows"):
        for _ in range(int(end.split()[1])):
            try:
                await anyio.sleep(HANGS)
            except BaseException:  # noqa: S112  # on purpose: cancellations too
                continue
        return None
    await anyio.sleep(seconds)
    return ended(end)


def hang_with_a_child() -> None:
    """Hang, also where the child is ended by a signal that goes to the whole group."""
    subprocess.run(["/bin/sleep", str(HANGS)], check=False)  # noqa: S603  # ours
    time.sleep(HANGS)


def ended(end: str) -> object:
    """End as planned."""
    if end == "raises":
        raise ValueError("as planned")
    if end == "inacts":
        raise TaskInactionException("as planned")
    if end == "exits":
        os._exit(3)
    if end == "dies":
        os.kill(os.getpid(), signal.SIGKILL)
    return (lambda: None) if end == "unpicklable" else None
