"""What the loggers of Callsheet are told: heard while a soak goes on, or by nobody while something is measured."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any


class Heard(logging.Handler):
    """What the loggers of the runtime are told."""

    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self.listener: Callable[[Mapping[str, Any]], object] = lambda _: None
        """Called with each record of the run log."""
        self.errors: list[str] = []
        """What the runtime itself finds wrong."""

    def emit(self, record: logging.LogRecord) -> None:
        if (document := getattr(record, "callsheet", None)) is not None:
            self.listener(document)
        elif record.levelno >= logging.ERROR and "it is given up" not in record.msg:  # which is planned
            self.errors.append(record.getMessage())


@contextmanager
def hearing() -> Iterator[Heard]:
    """Hear all that is told the loggers of Callsheet, in place of everybody else."""
    heard, logger = Heard(), logging.getLogger("callsheet")
    level, propagate = logger.level, logger.propagate
    logger.addHandler(heard)
    logger.setLevel(logging.INFO)
    logger.propagate = False
    try:
        yield heard
    finally:
        logger.removeHandler(heard)
        logger.setLevel(level)
        logger.propagate = propagate


@contextmanager
def unheard() -> Iterator[None]:
    """Have nobody told of runs that were killed, abandoned or missed, where that is what is measured."""
    logger = logging.getLogger("callsheet")
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        logger.setLevel(level)
