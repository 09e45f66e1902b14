"""Terms: a task's options as its runs need them, looked up once and not at each launch."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, tzinfo
from typing import Any

from actors.args.base import Argument
from actors.callables import backend_of
from actors.conds.base import Condition, leaves, never
from actors.config import RunIdFunction
from actors.limits import Limit, Rate
from actors.policies import Timing
from actors.retries import Retry
from actors.task import Task
from runtime.machine import machine_name
from runtime.runners.quota import UNLIMITED, Quota


@dataclass(frozen=True, slots=True)
class Terms:
    """The options of one task at one time."""

    execution: str = "async"
    is_command: bool = False
    """Whether it runs a program in place of a function, which the scheduler starts; its execution says only when it may."""
    priority: int = 0
    multilaunch: bool = False
    limits: tuple[Limit | Rate, ...] = ()
    condition: Condition | None = None
    """When it starts by itself; None where it does not, for whatever reason."""
    timing: Timing = field(default_factory=Timing)
    """What becomes of its slots."""
    zone: tzinfo = UTC
    """On whose clocks the condition looks."""
    timeout: float = math.inf
    grace: float = 5.0
    cleanup: float = 5.0
    interrupt: bool = False
    backend: str = "trio"
    run_id: RunIdFunction | None = None
    parameters: Mapping[str, Any] = field(default_factory=dict)
    end_condition: Condition | None = None
    """What ends its runs once it holds."""
    sources: tuple[str, ...] = ()
    """The tasks whose return values its arguments are, where its condition watches them."""
    needs: frozenset[str] = frozenset()
    """Those of them whose ends its condition waits for, and without whose values its runs could only fail."""
    bare: bool = False
    """Whether a launch without parameters of its own has no arguments to find."""
    retries: Retry | None = None
    """How a run that failed is tried again; None if it is not, unless the function itself asks for it."""
    keeps_params: bool = False
    """Whether the record that a run begins has its parameters, for the next start of the app to go on with it."""
    quota: Quota = UNLIMITED
    """What the process of a run may use."""
    captures: bool = True
    """Whether what its runs print and log is kept."""


def terms_of(task: Task, local: tzinfo) -> Terms:
    """Return the terms of `task` as they are now, on a machine whose own time zone is `local`."""
    timing = _timing_of(task)
    config = task.session.config
    follows = not (task.disabled or task.on_shutdown or config.on_hold or task.start_cond == never)
    return Terms(
        execution=task.execution,
        is_command=task.command is not None,
        priority=task.priority,
        multilaunch=timing.overlap == "allow",
        limits=task.limits,
        condition=task.start_cond if follows else None,
        timing=timing,
        zone=task.timezone or local,
        timeout=math.inf if task.permanent else task.timeout,
        grace=task.grace,
        cleanup=task.cleanup,
        interrupt=task.interrupt,
        backend=_backend_of(task),
        run_id=task.func_run_id,
        parameters=task.parameters,
        end_condition=task.end_cond,
        sources=_sources_of(task),
        needs=_needs_of(task),
        bare=_is_bare(task),
        retries=task.retries if task.retries.limit else None,
        keeps_params=bool(task.retries.limit) or task.on_orphan == "rerun",
        quota=Quota(task.memory, task.cpu_time, task.nice, task.fresh, task.max_runs_per_worker),
        captures=task.capture_output,
    )


def renewed(terms: Terms, task: Task) -> Terms:
    """Return `terms` after the session's parameters have changed."""
    return replace(terms, sources=_sources_of(task), needs=_needs_of(task), bare=_is_bare(task))


def _is_bare(task: Task) -> bool:
    if task.path is not None or task.session.hooks.task_execute or task.parameters or not task.signature.is_bare:
        return False
    return task.session.parameters.snapshot().keys().isdisjoint(task.signature.accepted)


def _timing_of(task: Task) -> Timing:
    return Timing(
        misfire=task.misfire,
        overlap=task.overlap or ("allow" if task.multilaunch else "skip"),
        deadline=task.deadline,
        catchup_limit=task.catchup_limit,
        catchup_window=task.catchup_window,
        queue_limit=task.queue_limit,
        jitter=task.jitter,
        spread=task.spread,
        seed=f"{task.name}\0{machine_name()}",
    )


def _sources_of(task: Task) -> tuple[str, ...]:
    watched = {name for leaf in leaves(task.start_cond) for name in leaf.watched()}
    if not watched:
        return ()
    if task.path is not None:  # what it asks for is seen when it is loaded
        return tuple(sorted(watched))
    named = {task.name_of(key) for argument in _arguments_of(task) for key in argument.tasks()}
    return tuple(name for name in sorted(watched) if name in named)


def _needs_of(task: Task) -> frozenset[str]:
    awaited = {name for leaf in leaves(task.start_cond) if leaf.is_event for name in leaf.watched()}
    if not awaited:
        return frozenset()
    needed = {task.name_of(key) for argument in _arguments_of(task) for key in argument.needs()}
    return frozenset(name for name in awaited if name in needed)


def _arguments_of(task: Task) -> list[Argument]:
    """Return the arguments that a run without parameters of its own would value."""
    found = task.signature.found(task.parameters, task.session.parameters.snapshot())
    return [value for value in found.values() if isinstance(value, Argument)]


def _backend_of(task: Task) -> str:
    if task.backend != "auto":
        return task.backend
    return backend_of(task.func) if task.path is None else "auto"
