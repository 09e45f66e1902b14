"""Terms: a task's options as its runs need them, looked up once and not at each launch."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, tzinfo
from typing import Any

from actors.callables import names_asyncio
from actors.conds import Condition, never
from actors.config import RunIdFunction
from actors.limits import Limit, Rate
from actors.policies import Timing
from actors.task import Task
from runtime.machine import machine_name


@dataclass(frozen=True, slots=True)
class Terms:
    """The options of one task at one time."""

    execution: str = "async"
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
    backend: str = "trio"
    run_id: RunIdFunction | None = None
    parameters: Mapping[str, Any] = field(default_factory=dict)
    bare: bool = False
    """Whether a launch without parameters of its own has no arguments to find."""


def terms_of(task: Task, local: tzinfo) -> Terms:
    """Return the terms of `task` as they are now, on a machine whose own time zone is `local`."""
    timing = _timing_of(task)
    follows = not (task.disabled or task.on_shutdown or task.start_cond == never)
    return Terms(
        execution=task.execution,
        priority=task.priority,
        multilaunch=timing.overlap == "allow",
        limits=task.limits,
        condition=task.start_cond if follows else None,
        timing=timing,
        zone=task.timezone or local,
        timeout=math.inf if task.permanent else task.timeout,
        grace=task.grace,
        backend=_backend_of(task),
        run_id=task.func_run_id,
        parameters=task.parameters,
        bare=task.signature.is_bare and not task.parameters,
    )


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


def _backend_of(task: Task) -> str:
    if task.backend != "auto":
        return task.backend
    return "asyncio" if names_asyncio(task.func) else "trio"
