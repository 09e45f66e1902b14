"""Streams: stdout and stderr, as a run's code writes to them in the process of the runtime."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import Any, Self

from runtime.output import aside, current_output


class Tee:
    """Stands in for a stream of text: gives what is written within a run to its output too, and passes everything on unchanged.

    It is no ``io.TextIOBase``, whose end would close the stream.

    Args:
      stream: None where the program has none, as a daemon.
    """

    def __init__(self, stream: Any) -> None:
        self._stream = stream if stream is not None else Nowhere()
        self._write: Callable[[str], int] = self._stream.write

    def write(self, text: str) -> int:
        output = current_output.get()
        if output is None:
            return self._write(text)
        if isinstance(text, str):  # else it is an error, and the stream's to raise
            output.write(text)
        return aside(self._write, text)  # another one beneath must not give it to the run again

    def writelines(self, lines: Iterable[str]) -> None:
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def __enter__(self) -> Self:
        self._stream.__enter__()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> Any:
        return self._stream.__exit__(kind, error, trace)

    def __repr__(self) -> str:
        return f"<callsheet: {self._stream!r}>"


class Nowhere(io.TextIOBase):
    """A stream that leads nowhere."""

    encoding = "utf-8"
    errors = "backslashreplace"

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        return len(text)
