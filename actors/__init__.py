"""Callsheet: tasks as supervised actors. What most modules need; everything has its home in one of the modules below.

Conditions, what actors are made of, records, and what queries of them say are loaded at first use: not every worker needs them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from typing import Any as _Anything

from actors.app import App as App
from actors.args import Argument as Argument
from actors.args import TerminationFlag as TerminationFlag
from actors.conds.base import Condition as Condition
from actors.errors import CallsheetError as CallsheetError
from actors.errors import SchedulerExit as SchedulerExit
from actors.errors import SchedulerRestart as SchedulerRestart
from actors.errors import TaskInactionException as TaskInactionException
from actors.errors import TaskTerminationException as TaskTerminationException
from actors.group import Group as Group
from actors.limits import limit as limit
from actors.limits import rate as rate
from actors.progress import progress as progress
from actors.retries import Retry as Retry
from actors.session import Session as Session
from actors.task import Task as Task
from actors.termination import Flag as Flag
from actors.termination import cancellation_point as cancellation_point
from actors.termination import cleanup as cleanup

if TYPE_CHECKING:
    from actors.actor import Actor as Actor
    from actors.actor import Down as Down
    from actors.actor import Message as Message
    from actors.args import Ref as Ref
    from actors.conds import after_all_fail as after_all_fail
    from actors.conds import after_all_finish as after_all_finish
    from actors.conds import after_all_success as after_all_success
    from actors.conds import after_any_fail as after_any_fail
    from actors.conds import after_any_finish as after_any_finish
    from actors.conds import after_any_success as after_any_success
    from actors.conds import after_fail as after_fail
    from actors.conds import after_finish as after_finish
    from actors.conds import after_success as after_success
    from actors.conds import after_terminate as after_terminate
    from actors.conds import always as always
    from actors.conds import crashed as crashed
    from actors.conds import cron as cron
    from actors.conds import crontime as crontime
    from actors.conds import daily as daily
    from actors.conds import every as every
    from actors.conds import failed as failed
    from actors.conds import finished as finished
    from actors.conds import hourly as hourly
    from actors.conds import inacted as inacted
    from actors.conds import minutely as minutely
    from actors.conds import monthly as monthly
    from actors.conds import never as never
    from actors.conds import retry as retry
    from actors.conds import running as running
    from actors.conds import scheduler_cycles as scheduler_cycles
    from actors.conds import scheduler_running as scheduler_running
    from actors.conds import secondly as secondly
    from actors.conds import started as started
    from actors.conds import succeeded as succeeded
    from actors.conds import terminated as terminated
    from actors.conds import time_of_day as time_of_day
    from actors.conds import time_of_hour as time_of_hour
    from actors.conds import time_of_minute as time_of_minute
    from actors.conds import time_of_month as time_of_month
    from actors.conds import time_of_second as time_of_second
    from actors.conds import time_of_week as time_of_week
    from actors.conds import time_of_year as time_of_year
    from actors.conds import weekly as weekly
    from actors.conds import yearly as yearly
    from actors.errors import Decline as Decline
    from actors.handlers import handler as handler
    from actors.opers import between as between
    from actors.opers import equal as equal
    from actors.opers import greater_equal as greater_equal
    from actors.opers import greater_than as greater_than
    from actors.opers import in_ as in_
    from actors.opers import less_equal as less_equal
    from actors.opers import less_than as less_than
    from actors.opers import not_equal as not_equal
    from actors.outcomes import Completed as Completed
    from actors.outcomes import Failed as Failed
    from actors.outcomes import GaveUp as GaveUp
    from actors.outcomes import Ignored as Ignored
    from actors.outcomes import Killed as Killed
    from actors.outcomes import Lost as Lost
    from actors.outcomes import Outcome as Outcome
    from actors.outcomes import Stopped as Stopped
    from actors.records import MinimalRecord as MinimalRecord
    from actors.records import MinimalRunRecord as MinimalRunRecord
    from actors.records import TaskLogRecord as TaskLogRecord
    from actors.records import TaskRunRecord as TaskRunRecord
    from actors.ref import ActorRef as ActorRef
    from actors.spec import ActorSpec as ActorSpec
    from actors.spec import Supervisor as Supervisor
    from actors.statistics import TaskStats as TaskStats
    from actors.supervision import Restart as Restart
    from actors.supervision import one_for_all as one_for_all
    from actors.supervision import one_for_one as one_for_one
    from actors.supervision import rest_for_one as rest_for_one

__all__ = [
    "Actor",
    "ActorRef",
    "ActorSpec",
    "App",
    "Argument",
    "CallsheetError",
    "Completed",
    "Condition",
    "Decline",
    "Down",
    "Failed",
    "Flag",
    "GaveUp",
    "Group",
    "Ignored",
    "Killed",
    "Lost",
    "Message",
    "MinimalRecord",
    "MinimalRunRecord",
    "Outcome",
    "Ref",
    "Restart",
    "Retry",
    "SchedulerExit",
    "SchedulerRestart",
    "Session",
    "Stopped",
    "Supervisor",
    "Task",
    "TaskInactionException",
    "TaskLogRecord",
    "TaskRunRecord",
    "TaskStats",
    "TaskTerminationException",
    "TerminationFlag",
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
    "always",
    "between",
    "cancellation_point",
    "cleanup",
    "crashed",
    "cron",
    "crontime",
    "daily",
    "equal",
    "every",
    "failed",
    "finished",
    "greater_equal",
    "greater_than",
    "handler",
    "hourly",
    "in_",
    "inacted",
    "less_equal",
    "less_than",
    "limit",
    "minutely",
    "monthly",
    "never",
    "not_equal",
    "one_for_all",
    "one_for_one",
    "progress",
    "rate",
    "rest_for_one",
    "retry",
    "running",
    "scheduler_cycles",
    "scheduler_running",
    "secondly",
    "started",
    "succeeded",
    "terminated",
    "time_of_day",
    "time_of_hour",
    "time_of_minute",
    "time_of_month",
    "time_of_second",
    "time_of_week",
    "time_of_year",
    "weekly",
    "yearly",
]

_LAZILY = {
    "Actor": "actors.actor",
    "ActorRef": "actors.ref",
    "ActorSpec": "actors.spec",
    "Completed": "actors.outcomes",
    "Decline": "actors.errors",
    "Down": "actors.actor",
    "Failed": "actors.outcomes",
    "GaveUp": "actors.outcomes",
    "Ignored": "actors.outcomes",
    "Killed": "actors.outcomes",
    "Lost": "actors.outcomes",
    "Message": "actors.actor",
    "MinimalRecord": "actors.records",
    "MinimalRunRecord": "actors.records",
    "Outcome": "actors.outcomes",
    "Ref": "actors.args",
    "Restart": "actors.supervision",
    "Stopped": "actors.outcomes",
    "Supervisor": "actors.spec",
    "TaskLogRecord": "actors.records",
    "TaskRunRecord": "actors.records",
    "TaskStats": "actors.statistics",
    "between": "actors.opers",
    "equal": "actors.opers",
    "greater_equal": "actors.opers",
    "greater_than": "actors.opers",
    "handler": "actors.handlers",
    "in_": "actors.opers",
    "less_equal": "actors.opers",
    "less_than": "actors.opers",
    "not_equal": "actors.opers",
    "one_for_all": "actors.supervision",
    "one_for_one": "actors.supervision",
    "rest_for_one": "actors.supervision",
}


def __dir__() -> list[str]:
    from actors import conds

    return sorted({*globals(), *conds.__all__, *_LAZILY})


def __getattr__(name: str) -> _Anything:
    if name in _LAZILY:
        from importlib import import_module

        return getattr(import_module(_LAZILY[name]), name)
    from actors import conds

    if name in conds.__all__:
        return getattr(conds, name)
    raise AttributeError(f"module 'actors' has no attribute {name!r}")
