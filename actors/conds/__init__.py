"""Conditions: statements about the time and the tasks, true or false at any moment.

``every("10 seconds")``, ``daily.at("10:00")``, ``after_success("fetch")`` and friends build them; ``&``, ``|`` and ``~`` combine
them; :func:`parse` reads them from words. The names are loaded at first use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from typing import Any as _Anything

if TYPE_CHECKING:
    from actors.conds.after import After as After
    from actors.conds.after import after_all_fail as after_all_fail
    from actors.conds.after import after_all_finish as after_all_finish
    from actors.conds.after import after_all_success as after_all_success
    from actors.conds.after import after_any_fail as after_any_fail
    from actors.conds.after import after_any_finish as after_any_finish
    from actors.conds.after import after_any_success as after_any_success
    from actors.conds.after import after_fail as after_fail
    from actors.conds.after import after_finish as after_finish
    from actors.conds.after import after_success as after_success
    from actors.conds.after import after_terminate as after_terminate
    from actors.conds.base import All as All
    from actors.conds.base import Always as Always
    from actors.conds.base import Any as Any
    from actors.conds.base import Condition as Condition
    from actors.conds.base import Never as Never
    from actors.conds.base import Not as Not
    from actors.conds.base import always as always
    from actors.conds.base import never as never
    from actors.conds.custom import Custom as Custom
    from actors.conds.custom import condition as condition
    from actors.conds.cycles import During as During
    from actors.conds.cycles import Once as Once
    from actors.conds.cycles import crontime as crontime
    from actors.conds.cycles import daily as daily
    from actors.conds.cycles import hourly as hourly
    from actors.conds.cycles import minutely as minutely
    from actors.conds.cycles import monthly as monthly
    from actors.conds.cycles import secondly as secondly
    from actors.conds.cycles import time_of_day as time_of_day
    from actors.conds.cycles import time_of_hour as time_of_hour
    from actors.conds.cycles import time_of_minute as time_of_minute
    from actors.conds.cycles import time_of_month as time_of_month
    from actors.conds.cycles import time_of_second as time_of_second
    from actors.conds.cycles import time_of_week as time_of_week
    from actors.conds.cycles import time_of_year as time_of_year
    from actors.conds.cycles import weekly as weekly
    from actors.conds.cycles import yearly as yearly
    from actors.conds.language import parse as parse
    from actors.conds.runtime import Env as Env
    from actors.conds.runtime import Param as Param
    from actors.conds.runtime import SchedulerCycles as SchedulerCycles
    from actors.conds.runtime import SchedulerRunning as SchedulerRunning
    from actors.conds.runtime import scheduler_cycles as scheduler_cycles
    from actors.conds.runtime import scheduler_running as scheduler_running
    from actors.conds.slots import At as At
    from actors.conds.slots import Delay as Delay
    from actors.conds.slots import Every as Every
    from actors.conds.slots import OnCron as OnCron
    from actors.conds.slots import cron as cron
    from actors.conds.slots import every as every
    from actors.conds.status import Retrying as Retrying
    from actors.conds.status import Running as Running
    from actors.conds.status import Status as Status
    from actors.conds.status import crashed as crashed
    from actors.conds.status import failed as failed
    from actors.conds.status import finished as finished
    from actors.conds.status import inacted as inacted
    from actors.conds.status import retry as retry
    from actors.conds.status import running as running
    from actors.conds.status import started as started
    from actors.conds.status import succeeded as succeeded
    from actors.conds.status import terminated as terminated

    true, false = always, never

_HOMES = {
    "after": (
        "After",
        "after_all_fail",
        "after_all_finish",
        "after_all_success",
        "after_any_fail",
        "after_any_finish",
        "after_any_success",
        "after_fail",
        "after_finish",
        "after_success",
        "after_terminate",
    ),
    "base": (
        "All",
        "Always",
        "Any",
        "Condition",
        "Never",
        "Not",
        "always",
        "never",
    ),
    "custom": (
        "Custom",
        "condition",
    ),
    "cycles": (
        "During",
        "Once",
        "crontime",
        "daily",
        "hourly",
        "minutely",
        "monthly",
        "secondly",
        "time_of_day",
        "time_of_hour",
        "time_of_minute",
        "time_of_month",
        "time_of_second",
        "time_of_week",
        "time_of_year",
        "weekly",
        "yearly",
    ),
    "language": ("parse",),
    "runtime": (
        "Env",
        "Param",
        "SchedulerCycles",
        "SchedulerRunning",
        "scheduler_cycles",
        "scheduler_running",
    ),
    "slots": (
        "At",
        "Delay",
        "Every",
        "OnCron",
        "cron",
        "every",
    ),
    "status": (
        "Retrying",
        "Running",
        "Status",
        "crashed",
        "failed",
        "finished",
        "inacted",
        "retry",
        "running",
        "started",
        "succeeded",
        "terminated",
    ),
}
_SYNONYMS = {"true": "always", "false": "never"}
__all__ = [*(name for names in _HOMES.values() for name in names), *_SYNONYMS]  # noqa: PLE0604  # they are texts


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


def __getattr__(name: str) -> _Anything:
    own = _SYNONYMS.get(name, name)
    for home, names in _HOMES.items():
        if own in names:
            from importlib import import_module

            return getattr(import_module(f"actors.conds.{home}"), own)
    raise AttributeError(f"module 'actors.conds' has no attribute {name!r}")
