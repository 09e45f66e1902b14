"""Conditions: statements about the time and the tasks, true or false at any moment.

``every("10 seconds")`` and friends build them; ``&``, ``|`` and ``~`` combine them; :func:`parse` reads them from words.
"""

from actors.conds.base import All as All
from actors.conds.base import Always as Always
from actors.conds.base import Any as Any
from actors.conds.base import Condition as Condition
from actors.conds.base import Never as Never
from actors.conds.base import Not as Not
from actors.conds.base import always as always
from actors.conds.base import never as never
from actors.conds.every import Every as Every
from actors.conds.every import every as every
from actors.conds.language import parse as parse
