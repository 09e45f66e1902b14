"""What worker processes and commands print: passed on line by line, and the last of it remembered."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import TextIO

import trio

LINES_KEPT = 20
LONGEST_LINE = 1 << 14
"""Bytes. A longer line is passed on in pieces of this."""
_READ_AT_ONCE = 1 << 16
_READ_AT_END = 1 << 20
"""Bytes that a pipe can hold: what a run wrote before its answer is within that; what comes after is not waited for."""


class Output:
    """One stream of a process: stdout or stderr.

    Args:
      fd: the reading end of the pipe; it is closed with the output.
      sink: where lines go, each behind the prefix; None where the program has none.
      kept: where the last lines are remembered, of both streams in their order.
      collect: called with all that comes, as it comes; None where nobody wants it.
    """

    def __init__(self, fd: int, sink: TextIO | None, kept: deque[str], collect: Callable[[bytes], object] | None = None) -> None:
        os.set_blocking(fd, False)
        self._fd, self._sink, self._kept, self._collect = fd, sink, kept, collect
        self._partial = bytearray()
        self._closed = False
        self.prefix = ""
        self.last_line = ""
        """The last line that was not blank."""

    def begin_run(self, prefix: str) -> None:
        """Put `prefix` before all lines from now on, and forget what was the last."""
        self.prefix, self.last_line = prefix, ""

    async def pass_on(self) -> None:
        """Pass lines on until the stream ends or is closed. However much comes, others have their turn in between."""
        with suppress(trio.ClosedResourceError):
            while not self._closed:
                await trio.lowlevel.wait_readable(self._fd)
                if self._read() == 0:
                    return

    def finish_run(self) -> None:
        """Pass on what is there now, also a last line that has no end: the run that wrote it is over."""
        total = 0
        while total < _READ_AT_END and (count := self._read()):
            total += count
        if self._partial:
            self._emit(bytes(self._partial))
            self._partial.clear()

    def close(self) -> None:
        """Close the pipe."""
        self._closed = True
        trio.lowlevel.notify_closing(self._fd)
        os.close(self._fd)

    def _read(self) -> int | None:
        """Read once and pass on the lines that are complete; return how many bytes came, None if there are none yet."""
        if self._closed:  # its number may be another file's by now
            return 0
        try:
            data = os.read(self._fd, _READ_AT_ONCE)
        except BlockingIOError:
            return None
        if self._collect is not None:
            self._collect(data)
        self._partial += data
        *lines, rest = bytes(self._partial).split(b"\n")
        while len(rest) >= LONGEST_LINE:
            lines.append(rest[:LONGEST_LINE])
            rest = rest[LONGEST_LINE:]
        self._partial = bytearray(rest)
        for line in lines:
            self._emit(line)
        return len(data)

    def _emit(self, line: bytes) -> None:
        text = line.decode("utf-8", "backslashreplace").rstrip("\r")
        self._kept.append(text[:LONGEST_LINE])
        self.last_line = text.strip() or self.last_line
        if self._sink is None:
            return
        with suppress(OSError, ValueError):  # our own stdout is closed; the run must not suffer for it
            self._sink.write(f"{self.prefix}{text}\n")
            self._sink.flush()
