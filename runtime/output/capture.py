"""Capture: what is printed and logged in this process while a runtime runs, given to the runs whose code does it."""

from __future__ import annotations

import logging
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from runtime.output.logs import giving
from runtime.output.overlay import Overlay, laid
from runtime.output.streams import Tee


@asynccontextmanager
async def capturing() -> AsyncIterator[None]:
    """Give runs what their code prints and logs, for as long as the block lasts; everything is passed on as it is.

    For loggers there is no handler: with one, wherever it were, Python would not print the warnings of a program that has set
    up no logging, ``logging.basicConfig`` would do nothing, and ``logging.config`` would remove it.
    """
    streams = Overlay(sys, "stdout", Tee), Overlay(sys, "stderr", Tee)
    with laid(*streams, Overlay(logging.Logger, "callHandlers", giving)):
        yield
