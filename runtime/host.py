"""Host: runs an app as the whole business of a process."""

from __future__ import annotations

import gc
import logging
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import trio

from actors.app import App
from actors.loading import check_may_run
from runtime.logs import runtime_log
from runtime.signals import handled
from runtime.system import Ended, System, open_runtime


def run(app: App, *, only: list[str] | None = None, until_exit: bool = False) -> Ended:
    """Run `app` until it ends; in the main thread, SIGINT and SIGTERM shut it down.

    Args:
      only: run just these tasks, once each, and end.
      until_exit: whether the process ends after this: a signal then bounds that end, too, whatever threads tasks have left.

    Raises:
      LogLocked, LogUnusable: the run log cannot be used; nothing was started.
    """
    check_may_run()
    folder = Path.cwd()
    while True:
        with _what_is_loaded_left_alone():
            ended = trio.run(_run, app, only, folder, until_exit, restrict_keyboard_interrupt_to_checkpoints=True)
        if not ended.restart:
            return ended
        if app.session.config.restarting != "recall":
            _start_again(app, folder)
            return ended


@contextmanager
def _what_is_loaded_left_alone() -> Iterator[None]:
    """Have the garbage collector pass over what is there by now: the modules, the app and its tasks.

    It would look at all of that each time it looks at what is old, for some ten milliseconds, in which nothing starts.
    """
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


def _start_again(app: App, folder: Path) -> None:
    """Start the same program again: in the place of this process, which then does not return from here, or as another one."""
    _flush()
    os.chdir(folder)  # where the names in its arguments are right
    again = [sys.executable, *sys.orig_argv[1:]]
    if app.session.config.restarting == "replace":
        os.execv(sys.executable, again)  # noqa: S606  # the same program again
    pid = os.posix_spawn(sys.executable, again, os.environ)
    runtime_log.tell(logging.WARNING, "restarted as process %d", pid)


async def _run(app: App, only: list[str] | None, folder: Path, until_exit: bool) -> Ended:
    with handled(app.session, until_exit=until_exit) as signals:  # before anything starts, since a signal may come at once

        def connect(system: System) -> None:
            signals.connect(lambda count, reason: system.shut_down(signals=count, reason=reason))

        async with open_runtime(app, only=only, before_start=connect) as system:
            await system.wait_ended()
            if system.ended.stuck and threading.current_thread() is threading.main_thread():
                system.close_log()
                _exit(app, system.ended, folder)
        _tell(system.ended)
        return system.ended


def _exit(app: App, ended: Ended, folder: Path) -> None:
    """End the process: tasks that ignore their cancellation would never let it. All records are written; workers end too."""
    _tell(ended)
    runtime_log.tell(logging.ERROR, "exiting without the runs that ignore their cancellation: %d", ended.stuck)
    if ended.restart and app.session.config.restarting != "recall":
        _start_again(app, folder)
    _flush()
    os._exit(ended.exit_code)


def _tell(ended: Ended) -> None:
    """Tell what the end has cut short, if anything."""
    if words := str(ended):
        runtime_log.tell(logging.WARNING, "cut short: %s", words)


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:  # it may have been closed before we began
            stream.flush()
