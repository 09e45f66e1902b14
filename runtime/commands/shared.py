"""What commands have in common: how errors end them, which log they read, and what they show alike."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, ParamSpec

import click

if TYPE_CHECKING:
    from datetime import tzinfo
    from pathlib import Path

    from actors import App
    from runtime.runlog.file_log import FileLog
    from runtime.runlog.history import History

P = ParamSpec("P")
DEFAULT_LOG = ".callsheet/runs.jsonl"
UUID_DIGITS = 32
log_option = click.option("--log", type=click.Path(readable=False), default=DEFAULT_LOG, show_default=True, help="The run log.")


def reports_errors(command: Callable[P, int | None]) -> Callable[P, None]:
    """Have what Callsheet raises on purpose printed without a traceback, and turned into the exit code."""

    @wraps(command)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> None:
        from actors.errors import AppNotAnswering, CallsheetError, LogError, LogLocked, LogUnusable

        try:
            code = command(*args, **kwargs)
        except CallsheetError as exc:
            if isinstance(exc, LogUnusable) and kwargs.get("log"):
                exc.option = "--log"
            click.echo(f"callsheet: {exc}", err=True)
            codes = {LogLocked: 4, LogError: 5, AppNotAnswering: 1, CallsheetError: 2}
            code = next(code for kind, code in codes.items() if isinstance(exc, kind))
        sys.exit(code or 0)

    return wrapped


def load(target: str) -> App:
    """Return the app that `target` names; raises TargetError."""
    from runtime.target import load_app

    return load_app(target)


def history_of(app: App) -> History:
    """Return what the run log of `app` amounts to."""
    from runtime.runlog.repo import open_repo

    return open_repo(app.session.config.log).log.history()


def existing(log: str) -> Path:
    """Return the path of the run log `log`; raises NoLog if there is none, LogUnusable if that cannot even be looked at."""
    from pathlib import Path

    from actors.errors import LogUnusable, NoLog
    from runtime.runlog.segments import sealed_files

    path = Path(log)
    try:
        is_there = path.exists() or sealed_files(path)
    except OSError as exc:
        raise LogUnusable(log, exc.strerror or str(exc)) from exc
    if not is_there:
        raise NoLog(log)
    return path


def opened(log: str) -> FileLog:
    """Return the run log `log`, to be read; raises NoLog if there is none."""
    from runtime.runlog.file_log import FileLog

    return FileLog(existing(log))


def is_written(log: Path) -> bool:
    """Return whether a runtime writes the run log `log` now."""
    from runtime.questions import is_listening
    from runtime.runlog.locks import is_locked

    return is_listening(log) or is_locked(log)  # who listens need not be disturbed by trying its lock


def clocks(zone: tzinfo | None = None) -> str:
    """Return the name of `zone`, or, also where its settings name none that is known, of that whose clocks this machine shows."""
    from datetime import datetime

    from actors.errors import InvalidOption
    from actors.zones import zone_name
    from runtime.machine import local_zone

    try:
        return zone_name(zone or local_zone())
    except InvalidOption:
        return str(datetime.now().astimezone().tzname())


def tell_clocks(zone: tzinfo | None = None) -> None:
    """Say below a table on which clocks its times are: those of `zone`, or of this machine."""
    click.echo(f"callsheet: times are on the clocks of {clocks(zone)}", err=True)


def shortened(run_id: str) -> str:
    """Return enough of a run's id to show it by, where a person reads it; programs get all of it."""
    if not sys.stdout.isatty():
        return run_id
    if len(run_id) == UUID_DIGITS and run_id.isalnum():
        return run_id[:8]
    return run_id if len(run_id) < UUID_DIGITS else f"{run_id[: UUID_DIGITS - 1]}…"
