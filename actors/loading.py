"""Whether a module is loaded for its app only, which somebody else then runs: ``app.run()`` ends such a loading."""

from __future__ import annotations

import os
from contextvars import ContextVar

from actors.errors import LoadingEnded

loading: ContextVar[bool] = ContextVar("callsheet_loading", default=False)
"""True while the command line loads the module of an app, which it will run itself."""
_WORKER = "CALLSHEET_WORKER"
"""Names an environment variable that holds the process id of a worker. What a worker starts inherits it, and is none."""


def is_worker() -> bool:
    """Return whether this process is a worker, which must not start a scheduler of its own."""
    return os.environ.get(_WORKER) == str(os.getpid())


def become_worker() -> None:
    """Make this process a worker for good."""
    os.environ[_WORKER] = str(os.getpid())


def check_may_run() -> None:
    """End the loading of a module that would start its app where somebody else runs it.

    Raises:
      LoadingEnded: it is loaded by a worker, or by the command line.
    """
    if loading.get() or is_worker():
        raise LoadingEnded
