"""Loggers inside a worker: what those of Callsheet are told goes to those of the scheduler, all else to the output of the run."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Iterator
from typing import Any

from runtime.output.logs import Passing, formatted
from runtime.output.overlay import Overlay
from runtime.worker.channel import RemoteControls

PLAIN = (str, int, float, bool, type(None))


class Forwarding(logging.Handler):
    """Sends each record to the scheduler, whose loggers handle it as if it had been made there."""

    def __init__(self, controls: RemoteControls) -> None:
        super().__init__()
        self._controls = controls

    def emit(self, record: logging.LogRecord) -> None:
        try:
            self._controls.log(_plain(record))
        except Exception:  # no run goes on, or the scheduler is gone
            self.handleError(record)


def forward_logs(controls: RemoteControls, level: int) -> None:
    """Have what the loggers of Callsheet are told from `level` on sent to the scheduler."""
    logger = logging.getLogger("callsheet")
    if not any(isinstance(handler, Forwarding) for handler in logger.handlers):
        logger.setLevel(level)
        logger.propagate = False  # what handlers of this process would print is printed there
        logger.addHandler(Forwarding(controls))


def _plain(record: logging.LogRecord) -> dict[str, Any]:
    """Return the attributes of a record as they can be sent: its message is made, its traceback a text."""
    text = logging.Formatter().formatException(record.exc_info) if record.exc_info else record.exc_text
    attributes = {name: value for name, value in vars(record).items() if isinstance(value, PLAIN)}
    return {**attributes, "msg": record.getMessage(), "args": None, "exc_info": None, "exc_text": text}


class Piped(logging.Handler):
    """Writes each record to a pipe, which leads to the output of the run that goes on, and to no terminal.

    It belongs to no logger: see :func:`runtime.output.capture.capturing`.
    """

    def __init__(self, fd: int) -> None:
        super().__init__()
        self._fd = fd

    def emit(self, record: logging.LogRecord) -> None:
        data = formatted(record).encode("utf-8", "backslashreplace")
        try:
            while data:
                data = data[os.write(self._fd, data) :]
        except OSError:  # the function has closed it, or the scheduler is gone
            return

    def instead(self, passing: Passing) -> Passing:
        """Return what gives a record to the handlers there are, as ever, and here where it does not come out that way."""

        def callHandlers(logger: logging.Logger, record: logging.LogRecord) -> None:  # noqa: N802  # its name in tracebacks, too
            if not any(_comes_out(handler) for handler in _handlers_of(logger, record)):
                self.handle(record)
            passing(logger, record)

        return callHandlers


def pipe_logs(fd: int) -> None:
    """Have what is logged from now on, and is neither printed here nor sent to the scheduler's loggers, written to a pipe."""
    os.set_inheritable(fd, False)  # what the function starts has no use for it
    Overlay(logging.Logger, "callHandlers", Piped(fd).instead).lay()


def _handlers_of(logger: logging.Logger, record: logging.LogRecord) -> Iterator[logging.Handler]:
    """Yield the handlers that get a record: those of the logger and of all above it, or else the last resort."""
    source: logging.Logger | None = logger
    has_any = False
    while source is not None:
        for handler in source.handlers:
            has_any = True
            if record.levelno >= handler.level:
                yield handler
        source = source.parent if source.propagate else None
    if not has_any and logging.lastResort is not None and record.levelno >= logging.lastResort.level:
        yield logging.lastResort


def _comes_out(handler: logging.Handler) -> bool:
    """Return whether what a handler gets is seen by the scheduler: it forwards, or prints, as those of logging and of Rich do."""
    stream = getattr(handler, "stream", None) or getattr(getattr(handler, "console", None), "file", None)
    return isinstance(handler, Forwarding) or stream in (sys.stdout, sys.stderr, sys.__stdout__, sys.__stderr__)
