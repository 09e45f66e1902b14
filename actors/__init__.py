"""Callsheet: tasks as supervised actors. What most modules need; everything has its home in one of the modules below."""

from actors.app import App as App
from actors.args import Argument as Argument
from actors.args import TerminationFlag as TerminationFlag
from actors.conds import Condition as Condition
from actors.conds import always as always
from actors.conds import every as every
from actors.conds import never as never
from actors.errors import CallsheetError as CallsheetError
from actors.errors import TaskInactionException as TaskInactionException
from actors.errors import TaskTerminationException as TaskTerminationException
from actors.records import MinimalRecord as MinimalRecord
from actors.records import MinimalRunRecord as MinimalRunRecord
from actors.records import TaskLogRecord as TaskLogRecord
from actors.records import TaskRunRecord as TaskRunRecord
from actors.session import Session as Session
from actors.task import Task as Task
from actors.termination import Flag as Flag
from actors.termination import cancellation_point as cancellation_point
