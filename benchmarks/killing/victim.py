"""The victim: one life of a busy app, with tasks of all modes.

Beside its run log, in a folder ``log``, it leaves what its loggers are told, in ``told``, and what its tasks do, in ``deeds``.
"""

from __future__ import annotations

import json
import logging
import os
import signal
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from actors import App, Retry, after_success, daily, every
from actors.errors import LogFailed
from benchmarks.killing.deeds import DEEDS, NAME, RUN, SHELL, act, act_and_ask, act_async, tell
from benchmarks.killing.operations import Operations
from benchmarks.killing.plan import Full, Life, Operation
from runtime.runlog import backlog
from runtime.runlog.file_log import FileLog
from runtime.runlog.repo import RunRepo

IN_ORDER = (0, 3)
"""How a victim exits that has ended in order, with all that ran or without some of it."""
HALTED = (5, -signal.SIGTERM)
"""How it does where its log could not be written: a signal may also come when the app has ended, and nobody heeds it any more."""
KEEP, KEEP_RUNS = 2.0, 5
"""How many seconds the log ``few`` keeps runs, and how many of each task."""
MAX_RESCUES = 2
PERIODS = {"main": 0.06, "async": 0.05, "asyncio": 0.07, "thread": 0.06, "process": 0.15, "command": 0.25}
"""{kind of task: seconds between two of its slots}."""


def live(folder: Path, life: Life) -> int:
    """Live a life in this process, which ends after that, and return its exit code."""
    os.environ[DEEDS] = str(folder / "deeds")
    _listen(folder / "told")
    app = busy_app(folder / "log" / "runs.jsonl", life)
    Operations(folder / "log", life.operation, life.full).install()
    backlog.FIRST_DELAY = 0.05
    tell("loaded", str(life.number))
    try:
        return app.run().exit_code
    except LogFailed:  # as planned
        return HALTED[0]


def life_of(said: Mapping[str, Any]) -> Life:
    """Return the life that is said as JSON."""
    operation, full = said["operation"], said["full"]
    of = {"operation": operation and Operation(**operation), "full": full and Full(**full)}
    return Life(**{**said, **of})


def busy_app(log: Path, life: Life) -> App:
    """Return an app that does much in little time; in its last life, only what is left to be done."""
    app = App(
        log=log,
        durability=life.durability,
        on_log_failure="halt" if life.full is not None and life.full.halts else "continue",
        keep=KEEP if life.log == "few" else "never",
        keep_runs=KEEP_RUNS if life.log == "few" else None,
        grace=0.1,
        cleanup=0.1,
        shutdown_wait=0.2,
        max_process_count=3,
        max_rescues=MAX_RESCUES,
        stop_when_idle=life.is_last,
    )
    repo = app.session.get_repo()
    assert isinstance(repo, RunRepo)
    repo.log = FileLog(log, segment_size=life.segment_size)
    for kind, period in PERIODS.items():
        _add_tasks(app, kind, None if life.is_last else every(period))
    if not life.is_last:
        _add_others(app)

    @app.setup
    def starts() -> Iterator[None]:
        tell("up", str(life.number))
        yield
        tell("started", str(life.number))

    return app


def _add_tasks(app: App, kind: str, condition: Any) -> None:
    """Add the tasks of a kind: one with slots, one with slots that is tried and run again, and two whose runs are asked for."""
    how: dict[str, dict[str, Any]] = {
        "main": {"execution": "main", "func": act, "parameters": {"longest": 0.002}},
        "async": {"execution": "async", "func": act_async, "backend": "trio"},
        "asyncio": {"execution": "async", "func": act_async, "backend": "asyncio"},
        "thread": {"execution": "thread", "func": act},
        "process": {"execution": "process", "func": act},
        "command": {"command": ["/bin/sh", "-c", SHELL, "victim"], "parameters": {"task": NAME, "run_id": RUN}},
    }
    asked: dict[str, Any] = {"multilaunch": True, "func_run_id": lambda task, params: f"{task.name}-{params['number']}"}
    tried: dict[str, Any] = {"retries": Retry(2, base=0.02)}
    rescued: dict[str, Any] = {"on_orphan": "rerun"}
    app.task(condition, name=f"{kind}-slots", multilaunch=kind == "async", **how[kind])
    app.task(condition, name=f"{kind}-tried", **tried, **rescued, **how[kind])
    app.task(name=f"{kind}-asked", **asked, **tried, **how[kind])
    app.task(name=f"{kind}-rescued", **asked, **rescued, **how[kind])


def _add_others(app: App) -> None:
    app.task(every(0.08), func=act_and_ask, name="asks", execution="thread")
    app.task(every(0.4), func=act_and_ask, name="asks-from-process", execution="process")
    app.task(daily, func=act_async, name="daily")
    app.task(after_success("async-slots"), func=act_async, name="follows")
    app.task(func=act, name="first", execution="thread", on_startup=True, on_orphan="rerun")
    app.task(func=act, name="last", execution="thread", on_shutdown=True, on_orphan="rerun")


def _listen(path: Path) -> None:
    """Put what the loggers of Callsheet are told in a file: warnings, and each record of the run log once it is written."""
    logger = logging.getLogger("callsheet")
    logger.addHandler(_Copying(os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o644)))
    logger.setLevel(logging.INFO)
    logger.propagate = False
    logging.getLogger().addHandler(logging.NullHandler())


class _Copying(logging.Handler):
    def __init__(self, fd: int) -> None:
        super().__init__(logging.INFO)
        self._fd = fd

    def emit(self, record: logging.LogRecord) -> None:
        document = getattr(record, "callsheet", None)
        if document is None and record.levelno < logging.WARNING:
            return
        said = {"level": record.levelname, "words": record.getMessage()} if document is None else {"record": document}
        os.write(self._fd, json.dumps(said, default=repr).encode() + b"\n")
