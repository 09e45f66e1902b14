"""Logs: what is logged within a run, in the process of the runtime."""

from __future__ import annotations

import copy
import logging
from collections.abc import Callable
from typing import Any

from actors.errors import TaskTerminationException
from runtime.output import aside, current_output

FORMAT = logging.Formatter("%(levelname)s %(name)s: %(message)s")

Passing = Callable[[logging.Logger, logging.LogRecord], Any]
"""``logging.Logger.callHandlers``: it gets each record that a logger has let pass, and gives it to all handlers there are."""


def formatted(record: logging.LogRecord) -> str:
    """Return a record as it stands in the output of a run: ``LEVEL name: message``, and what was raised. Never raises by itself.

    It is made of a copy, since a formatter keeps what it makes of a traceback in the record, for all others.
    """
    try:
        return f"{FORMAT.format(copy.copy(record))}\n"
    except TaskTerminationException:  # this thread is interrupted, just now
        raise
    except Exception as exc:  # its arguments do not fit, of which handlers complain too
        said = record.msg if isinstance(record.msg, str) else f"a {type(record.msg).__name__}"
        return f"{record.levelname} {record.name}: {said} (cannot be formatted: {type(exc).__name__})\n"


def giving(passing: Passing) -> Passing:
    """Return what gives a record to the run within which it is logged, and then to the handlers as ever.

    What handlers print of it is not the run's: so it has each record once, whatever handlers there are, and wherever they print.
    """

    def callHandlers(logger: logging.Logger, record: logging.LogRecord) -> None:  # noqa: N802  # its name in tracebacks, too
        output = current_output.get()
        if output is None:
            passing(logger, record)
            return
        output.write(formatted(record))
        aside(passing, logger, record)

    return callHandlers
