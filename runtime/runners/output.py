"""What worker processes and commands print: passed on line by line, and given to the run that they execute."""

from __future__ import annotations

import os
import select
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from typing import TextIO

import trio

from runtime.output import Sink, aside

LONGEST_LINE = 1 << 14
"""Bytes. A longer line is passed on in pieces of this."""
_KIND, _CONTINUES = 0b11000000, 0b10000000
"""The bits that say what a byte of UTF-8 is, and what they are where it is one of a character, but not the first."""
_READ_AT_ONCE = 1 << 16
_READ_AT_END = 1 << 20
"""Bytes that a pipe can hold: what a run wrote before its answer is within that; what comes after is not waited for."""


class Output:
    """One stream of a process: stdout, stderr, or what a worker logs.

    Args:
      fd: the reading end of the pipe; it is closed with the output.
      sink: where lines go, each behind the prefix; None where the program has none, or they are not to be seen.
      collect: called with all that comes, as it comes; None where nobody wants it.
    """

    def __init__(self, fd: int, sink: TextIO | None, collect: Callable[[bytes], object] | None = None) -> None:
        os.set_blocking(fd, False)
        self._fd, self._sink, self._collect = fd, sink, collect
        self._run: Sink | None = None
        self._partial = bytearray()
        self._closed = False
        self.prefix = ""
        self.last_line = ""
        """The last line that was not blank."""

    def begin_run(self, prefix: str, run: Sink | None = None) -> None:
        """Put `prefix` before all lines from now on, and forget what was the last.

        Args:
          run: what gets all that comes until :meth:`end_run`, as it is but for bytes that are no text.
        """
        self.prefix, self.last_line, self._run = prefix, "", run

    async def pass_on(self) -> None:
        """Pass lines on until the stream ends or is closed. However much comes, others have their turn in between."""
        with suppress(trio.ClosedResourceError):
            while not self._closed:
                await trio.lowlevel.wait_readable(self._fd)
                if self._read() == 0:
                    return

    def finish_run(self) -> None:
        """Pass on what is there now, also a last line that has no end: the run that wrote it is over."""
        self._drain()
        self._let_go()

    @staticmethod
    def end_run(outputs: Sequence[Output]) -> None:
        """Do that for all streams of a process, whole lines first, and give nothing to the run any more."""
        for output in _with_more(outputs):
            output._drain()
        for output in outputs:
            output._let_go()
            output._run = None

    def close(self) -> None:
        """Close the pipe."""
        self._closed = True
        trio.lowlevel.notify_closing(self._fd)
        os.close(self._fd)

    def _drain(self) -> None:
        total = 0
        while total < _READ_AT_END and (count := self._read()):
            total += count

    def _let_go(self) -> None:
        """Pass on a last line that has no end."""
        if self._partial:
            self._emit(bytes(self._partial), "")
            self._partial.clear()

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
        for line in lines:
            self._emit(line, "\n")
        while len(rest) > LONGEST_LINE:
            cut = _end_of_character(rest, LONGEST_LINE)
            self._emit(rest[:cut], "")
            rest = rest[cut:]
        self._partial = bytearray(rest)
        return len(data)

    def _emit(self, line: bytes, end: str) -> None:
        """Pass on a line, or a piece of one, where `end` is empty. Only whole ones, so that no two streams mix in one."""
        text = line.decode("utf-8", "backslashreplace")
        if self._run is not None:
            self._run.write(text + end)
        text = text.rstrip("\r")
        self.last_line = text.strip() or self.last_line
        if self._sink is not None:
            with suppress(OSError, ValueError):  # our own stdout is closed; the run must not suffer for it
                aside(self._sink.write, f"{self.prefix}{text}\n")  # not the output of whichever run began this
                self._sink.flush()


def _with_more(outputs: Sequence[Output]) -> Iterator[Output]:
    """Yield those of which something can be read, or the end: mostly none, which one look tells sooner than a read of each."""
    by_fd = {output._fd: output for output in outputs if not output._closed}
    look = select.poll()
    for fd in by_fd:
        look.register(fd, select.POLLIN)
    for fd, _ in look.poll(0):
        yield by_fd[fd]


def _end_of_character(text: bytes, most: int) -> int:
    """Return where to cut `text`, `most` at the latest, so that no character of UTF-8 is cut in two."""
    return next((cut for cut in range(most, most - 4, -1) if text[cut] & _KIND != _CONTINUES), most)
