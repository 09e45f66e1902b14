"""The functions whose ends are measured. Each makes a file when it has begun; they are imported by worker processes too."""

from __future__ import annotations

import signal
import time
from pathlib import Path

import trio

from actors import TerminationFlag, cancellation_point
from actors.termination import Flag

LONG = 600.0
SHORT = 0.3
"""Seconds for which a thread goes on that ignores its end: longer than anybody waits for it."""


async def awaits(begun: str) -> None:
    """Wait in an await, where an async function is cancelled."""
    Path(begun).touch()  # noqa: ASYNC240  # takes no time
    await trio.sleep_forever()


def heeds(begun: str, flag: Flag = TerminationFlag()) -> None:  # noqa: B008  # an argument
    """Wait for the flag."""
    Path(begun).touch()
    flag.wait(LONG)


def passes_points(begun: str) -> None:
    """Pass a cancellation point each millisecond."""
    Path(begun).touch()
    while True:
        cancellation_point()
        time.sleep(0.001)


def sleeps(begun: str) -> None:
    """Sleep, which in a process SIGTERM ends."""
    Path(begun).touch()
    time.sleep(LONG)


def sleeps_on(begun: str) -> None:
    """Sleep for a while, and look at nothing."""
    Path(begun).touch()
    time.sleep(SHORT)


def ignores(begun: str) -> None:
    """Sleep, whatever signal comes."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    Path(begun).touch()
    time.sleep(LONG)
