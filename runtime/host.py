"""Host: runs an app as the whole business of a process."""

from __future__ import annotations

import logging
import os
import sys
import threading
from pathlib import Path

import trio

from actors.app import App
from actors.loading import check_may_run
from runtime.logs import runtime_log
from runtime.shutdown import longest
from runtime.signals import EXIT_CUT_SHORT, handled
from runtime.system import Ended, open_runtime


def run(app: App, *, only: list[str] | None = None) -> Ended:
    """Run `app` until it ends; in the main thread, SIGINT and SIGTERM shut it down.

    Args:
      only: run just these tasks, once each, and end.

    Raises:
      LogLocked, LogUnusable: the run log cannot be used; nothing was started.
    """
    check_may_run()
    folder = Path.cwd()
    while True:
        ended = trio.run(_run, app, only, folder, restrict_keyboard_interrupt_to_checkpoints=True)
        if not ended.restart:
            return ended
        if app.session.config.restarting != "recall":
            _start_again(app, folder)
            return ended


def _start_again(app: App, folder: Path) -> None:
    """Start the same program again: in the place of this process, which then does not return from here, or as another one."""
    _flush()
    os.chdir(folder)  # where the names in its arguments are right
    again = [sys.executable, *sys.orig_argv[1:]]
    if app.session.config.restarting == "replace":
        os.execv(sys.executable, again)  # noqa: S606  # the same program again
    pid = os.posix_spawn(sys.executable, again, os.environ)
    runtime_log.tell(logging.WARNING, "restarted as process %d", pid)


async def _run(app: App, only: list[str] | None, folder: Path) -> Ended:
    with handled(
        lambda: longest(app.session.config.shutdown_wait)
    ) as signals:  # before anything starts, since a signal may come at once
        async with open_runtime(app, only=only) as system:
            signals.connect(lambda force, reason: system.shut_down(force=force, reason=reason))
            ended = await system.wait_ended()
            if ended.stuck and threading.current_thread() is threading.main_thread():
                _exit(app, ended, folder)
        return ended


def _exit(app: App, ended: Ended, folder: Path) -> None:
    """End the process: tasks that ignore their cancellation would never let it. All records are written; workers end too."""
    runtime_log.tell(logging.ERROR, "%d runs ignore their cancellation; exiting without them", ended.stuck)
    if ended.restart and app.session.config.restarting != "recall":
        _start_again(app, folder)
    _flush()
    os._exit(EXIT_CUT_SHORT)


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:  # it may have been closed before we began
            stream.flush()
