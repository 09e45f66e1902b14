"""Periods: parts of time that come again, with their openings, on the clocks of a zone."""

from actors.periods.base import Between as Between
from actors.periods.base import Overlap as Overlap
from actors.periods.base import Past as Past
from actors.periods.base import Period as Period
from actors.periods.base import Union as Union
from actors.periods.base import Window as Window
from actors.periods.base import always as always
from actors.periods.base import never as never
from actors.periods.cron import Cron as Cron
from actors.periods.cycles import TimeOf as TimeOf
from actors.periods.cycles import TimeOfDay as TimeOfDay
from actors.periods.cycles import TimeOfHour as TimeOfHour
from actors.periods.cycles import TimeOfMinute as TimeOfMinute
from actors.periods.cycles import TimeOfMonth as TimeOfMonth
from actors.periods.cycles import TimeOfSecond as TimeOfSecond
from actors.periods.cycles import TimeOfWeek as TimeOfWeek
from actors.periods.cycles import TimeOfYear as TimeOfYear
