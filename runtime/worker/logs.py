"""The loggers of Callsheet inside a worker: what is logged goes to those of the scheduler."""

from __future__ import annotations

import logging
from typing import Any

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
