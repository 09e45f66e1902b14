"""Lifeline: a worker or a command does not outlive its scheduler, however either of them ends."""

from __future__ import annotations

import fcntl
import os
import signal
import threading
from contextlib import suppress

from runtime.signal_mask import blocked


def hold(fd: int) -> None:
    """End this process, and all in its process group, when the other end of the pipe `fd` is closed.

    The scheduler has that end, and the kernel closes it with the scheduler, also if that is killed. On Linux the kernel then
    sends the SIGKILL too (fcntl(2), F_SETSIG), so that a function which holds the interpreter does not matter. A thread that
    waits for it does the same elsewhere.
    """
    os.set_inheritable(fd, False)
    tie(fd, os.getpgid(0))
    with blocked():
        threading.Thread(target=_watch, args=(fd,), name="callsheet lifeline", daemon=True).start()


def tie(fd: int, group: int) -> None:
    """On Linux, have SIGKILL sent to a process group when the other end of the pipe `fd` is closed, while any of it holds `fd`.

    All who have inherited `fd` hold the same open file, so that the scheduler can do this for a program that knows nothing of it.
    """
    if hasattr(fcntl, "F_SETSIG"):
        with suppress(ProcessLookupError):  # it has ended already
            fcntl.fcntl(fd, fcntl.F_SETOWN, -group)
        fcntl.fcntl(fd, fcntl.F_SETSIG, signal.SIGKILL)
        fcntl.fcntl(fd, fcntl.F_SETFL, fcntl.fcntl(fd, fcntl.F_GETFL) | os.O_ASYNC)


def untie(fd: int) -> None:
    """Undo what :func:`tie` did: the other end can be closed, and nobody is killed."""
    if hasattr(fcntl, "F_SETSIG"):
        fcntl.fcntl(fd, fcntl.F_SETFL, fcntl.fcntl(fd, fcntl.F_GETFL) & ~os.O_ASYNC)


def _watch(fd: int) -> None:
    os.read(fd, 1)
    os.killpg(0, signal.SIGKILL)
