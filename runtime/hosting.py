"""Hosting: an app inside a program that is about something else, on whatever loop that runs."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Protocol

import trio

from actors.app import App
from actors.messages import RunEnded
from actors.session import Session
from runtime.lives import open_lives
from runtime.system import Ended


class Hosted(Protocol):
    """A running app, as the program sees it that hosts it: the same on trio and on asyncio, and over restarts of the app."""

    @property
    def session(self) -> Session:
        """The app's session; its controls may be used from any thread."""
        ...

    def shut_down(self, *, force: bool = False) -> None:
        """End the app and return at once; only from the loop it was started on. See :meth:`Session.shut_down`."""

    def on_run_ended(self, listener: Callable[[RunEnded], object]) -> None:
        """Have `listener` called, on the loop, for each run that ends from now on, after its record is in the log."""

    async def wait_ended(self) -> Ended:
        """Wait until the app has ended by itself or was shut down; a restart is no end. A cancellation ends the wait only."""
        ...


@asynccontextmanager
async def running(app: App) -> AsyncIterator[Hosted]:
    """Run `app` beside the block: on trio in a task, on asyncio in a thread of its own. See :meth:`App.running`."""
    if trio.lowlevel.in_trio_task():
        async with open_lives(app) as lives:
            yield lives
    else:
        from runtime.asyncio_bridge import open_bridge  # a trio program need not load asyncio

        async with open_bridge(app) as bridge:
            yield bridge


async def serve(app: App) -> None:
    """Run `app` until it has ended. See :meth:`App.serve`."""
    async with running(app) as hosted:
        await hosted.wait_ended()
