"""What apps and tasks may be given by keyword, for type checkers. Nothing else loads it: each entry costs a compilation."""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import tzinfo
from typing import Any, Literal, TypedDict

from actors.args.base import Materialize
from actors.callables import Function
from actors.command_options import Argform, CommandLine
from actors.conds.option import StartCondition
from actors.config import Backend, Execution, Misfire, OnOrphan, Overlap, RunIdFunction
from actors.limits import Limits
from actors.retries import Retry
from actors.sizes import Size
from actors.timespans import TimeSpan


class Settings(TypedDict, total=False):
    """The settings of an app, as keyword arguments. See :class:`Config` for their meanings and defaults."""

    execution: Execution
    backend: Backend
    multilaunch: bool
    func_run_id: RunIdFunction | None
    timeout: TimeSpan
    grace: TimeSpan
    cleanup: TimeSpan
    interrupt: bool
    max_process_count: int
    max_thread_count: int
    max_abandoned_threads: int
    shutdown_wait: TimeSpan
    stall_after: TimeSpan
    stop_when_idle: bool
    restarting: Literal["replace", "relaunch", "recall"]
    on_hold: bool
    shut_cond: StartCondition
    param_materialize: Materialize
    timezone: str | tzinfo | None
    env: str | None
    misfire: Misfire
    overlap: Overlap | None
    catchup_limit: int
    catchup_window: TimeSpan
    queue_limit: int
    retries: int | Retry
    on_orphan: OnOrphan
    max_rescues: int
    fresh: bool
    max_runs_per_worker: int | None
    capture_output: bool
    log: str | os.PathLike[str] | None
    durability: Literal["process", "power"]
    on_log_failure: Literal["continue", "halt"]
    keep: TimeSpan
    keep_runs: int | None


class TaskOptions(TypedDict, total=False):
    """The options of a task, as keyword arguments. See :class:`Task` for their meanings and defaults."""

    execution: Execution | None
    backend: Backend | None
    parameters: Mapping[str, Any]
    timeout: TimeSpan | None
    end_cond: StartCondition
    grace: TimeSpan | None
    cleanup: TimeSpan | None
    interrupt: bool | None
    multilaunch: bool | None
    func_run_id: RunIdFunction | None
    on_startup: bool
    on_shutdown: bool
    priority: int
    disabled: bool
    permanent: bool
    timezone: str | tzinfo | None
    misfire: Misfire | None
    overlap: Overlap | None
    catchup_limit: int | None
    catchup_window: TimeSpan | None
    queue_limit: int | None
    retries: int | Retry | None
    on_orphan: OnOrphan | None
    max_rescues: int | None
    memory: Size | None
    cpu_time: TimeSpan | None
    nice: int
    fresh: bool | None
    max_runs_per_worker: int | None
    capture_output: bool | None
    deadline: TimeSpan
    jitter: TimeSpan
    spread: TimeSpan
    limits: Limits
    on_fail: Function | None
    description: str | None
    cwd: str | os.PathLike[str] | None
    env: Mapping[str, str | None] | None
    shell: bool
    argform: Argform


class WorkOptions(TaskOptions, total=False):
    """Those, and what a task runs if not a function."""

    command: CommandLine | None
    code: str | None
    path: str | os.PathLike[str] | None
    func_name: str
