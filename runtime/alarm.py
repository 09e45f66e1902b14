"""Alarm: wakes the supervisor at a moment that keeps changing."""

from __future__ import annotations

import errno
import math
import os
import sys
import time
from collections.abc import Callable

import trio

from runtime.clock import Clock, SystemClock

LONGEST_NAP = 30.0
"""Seconds that trio's clock is trusted to tell when a moment of the wall clock comes."""
_FAR = 4e9  # a time to arm a timer for that is only to tell when the clock is set


class Alarm:
    """Calls `ring` at the moment it is set to, on trio's clock.

    A task of its own waits, so that who sets it need not open a cancel scope for each wait, which costs as much as a launch.
    It may ring too early, where the moment was put off: who is called looks for itself, and sets it anew.
    """

    def __init__(self, ring: Callable[[], object]) -> None:
        self.ring = ring
        self._moment = math.inf
        self._scope = trio.CancelScope()

    async def run(self) -> None:
        """Wait and ring, until cancelled."""
        while True:
            with self._scope:
                await trio.sleep_forever()
            self._scope = trio.CancelScope()
            self._moment = math.inf
            self.ring()

    def set(self, moment: float) -> None:
        """Ring at `moment`, if not before; infinity is never."""
        if moment < self._moment:  # asked of a number of our own: to look at or set the scope's costs microseconds
            self._moment = self._scope.deadline = moment


class WallAlarm:
    """Sees to it that the alarm rings at a moment of the wall clock, also if that is set or the machine is suspended.

    Trio's clock notices neither. Where Python has Linux's ``timerfd`` (3.13), the kernel wakes us: at the moment, and when the
    clock is set, which resuming does. Elsewhere the alarm rings every `nap` seconds while there is something to wait for.

    Args:
      alarm: what rings.
      clock: the wall clock.
      nap: seconds that trio's clock alone is trusted for.
    """

    def __init__(self, alarm: Alarm, clock: Clock, nap: float = LONGEST_NAP) -> None:
        self._alarm, self._clock, self._nap = alarm, clock, nap
        self._fd = -1
        self._armed = math.inf

    async def run(self) -> None:
        """Wait for the kernel and ring, until cancelled; return at once where it cannot be asked."""
        if sys.version_info < (3, 13) or sys.platform != "linux" or not isinstance(self._clock, SystemClock):
            return
        self._fd = os.timerfd_create(time.CLOCK_REALTIME, flags=os.TFD_NONBLOCK | os.TFD_CLOEXEC)
        try:
            while True:
                self._arm(_FAR)
                self._alarm.ring()
                await trio.lowlevel.wait_readable(self._fd)
        finally:
            fd, self._fd = self._fd, -1
            trio.lowlevel.notify_closing(fd)
            os.close(fd)

    def set(self, moment: float) -> None:
        """Ring at `moment`, seconds since the epoch, if not before; infinity is never."""
        if moment == math.inf:
            return
        wait = moment - self._clock.now()
        if wait <= self._nap or self._fd < 0:
            self._alarm.set(trio.current_time() + min(wait, self._nap))
        elif moment < self._armed:
            self._arm(moment)

    def _arm(self, moment: float) -> None:
        if sys.version_info >= (3, 13) and sys.platform == "linux":
            self._armed = moment
            how = os.TFD_TIMER_ABSTIME | os.TFD_TIMER_CANCEL_ON_SET
            while True:
                try:
                    os.timerfd_settime(self._fd, flags=how, initial=moment)
                except OSError as exc:
                    if exc.errno == errno.ECANCELED:  # it tells that the clock was set, and has been armed all the same
                        continue
                    raise
                return
