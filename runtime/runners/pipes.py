"""Pipes: between the scheduler and a process that it starts."""

from __future__ import annotations

import os
from contextlib import ExitStack


def pipe(reader: ExitStack, writer: ExitStack) -> tuple[int, int]:
    """Return the two ends of a new pipe, each to be closed with the stack it belongs to."""
    reading, writing = os.pipe()
    reader.callback(os.close, reading)
    writer.callback(os.close, writing)
    return reading, writing
