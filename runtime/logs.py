"""The standard loggers that tell people what happens, ``callsheet.task`` and ``callsheet.runtime``."""

from __future__ import annotations

import logging
import sys
import traceback
from typing import Any

from runtime.output import aside


class Log:
    """A standard logger whose handlers, which are the user's, may raise: that is printed, and changes nothing else."""

    def __init__(self, name: str) -> None:
        self._logger = logging.getLogger(name)
        self.wants = self._logger.isEnabledFor

    def tell(
        self,
        level: int,
        message: str,
        *args: object,
        exc_info: bool | BaseException | None = False,
        extra: dict[str, Any] | None = None,
    ) -> None:
        """Log a message, as ``logging.Logger.log`` does. It is no output of the run in whose place that happens."""
        aside(self._log, level, message, args, exc_info, extra)

    def _log(
        self,
        level: int,
        message: str,
        args: tuple[object, ...],
        exc_info: bool | BaseException | None,
        extra: dict[str, Any] | None,
    ) -> None:
        try:
            self._logger.log(level, message, *args, exc_info=exc_info, extra=extra)
        except Exception:
            traceback.print_exc(file=sys.stderr)


task_log = Log("callsheet.task")
runtime_log = Log("callsheet.runtime")
