"""The alarms: they ring at their moment, on trio's clock and on the wall's, and never before."""

import sys
import time

import pytest
import trio
import trio.testing

from runtime.alarm import Alarm, WallAlarm
from runtime.clock import StepDetector, SystemClock, VirtualClock


class Bell:
    """Counts its rings, and lets one wait for them."""

    def __init__(self):
        self.rings = []
        self._rang = trio.Event()

    def __call__(self):
        self.rings.append(trio.current_time())
        self._rang.set()
        self._rang = trio.Event()

    async def wait(self):
        with trio.fail_after(100):
            await self._rang.wait()


async def test_it_rings_at_the_earliest_moment_it_was_set_to(autojump_clock):
    bell = Bell()
    alarm = Alarm(bell)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(alarm.run)
        begin = trio.current_time()
        for seconds in (30, 10, 20):
            alarm.set(begin + seconds)
        await bell.wait()
        assert bell.rings == [begin + 10]
        nursery.cancel_scope.cancel()


async def test_the_wall_alarm_rings_at_least_once_in_a_nap_while_there_is_something_to_wait_for(autojump_clock):
    bell, clock = Bell(), VirtualClock()
    alarm = Alarm(bell)
    wall = WallAlarm(alarm, clock, nap=30)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(alarm.run)
        nursery.start_soon(wall.run)
        await trio.testing.wait_all_tasks_blocked()
        begin = trio.current_time()
        wall.set(clock.now() + 3600)
        await bell.wait()
        assert bell.rings == [begin + 30]
        nursery.cancel_scope.cancel()


async def test_the_wall_alarm_is_silent_while_there_is_nothing_to_wait_for(autojump_clock):
    bell, clock = Bell(), VirtualClock()
    alarm = Alarm(bell)
    wall = WallAlarm(alarm, clock)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(alarm.run)
        nursery.start_soon(wall.run)
        wall.set(float("inf"))
        await trio.sleep(100_000)
        assert bell.rings == []
        nursery.cancel_scope.cancel()


@pytest.mark.skipif(sys.version_info < (3, 13) or sys.platform != "linux", reason="Python has no timerfd here")
async def test_the_kernel_rings_at_a_moment_of_the_wall_clock_that_is_further_away_than_a_nap():
    bell, clock = Bell(), SystemClock()
    alarm = Alarm(bell)
    wall = WallAlarm(alarm, clock, nap=0)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(wall.run)
        await bell.wait()  # it rings when it begins, to be set
        moment = time.time() + 0.2
        wall.set(moment + 3600)
        wall.set(moment)
        await bell.wait()
        assert time.time() >= moment
        assert len(bell.rings) == 2
        nursery.cancel_scope.cancel()


@pytest.mark.parametrize(("step", "told"), [(0.0, 0.0), (59.0, 0.0), (-60.0, 0.0), (61.0, 61.0), (-3600.0, -3600.0)])
def test_the_clock_is_taken_to_be_set_when_it_is_off_what_elapsed_by_more_than_a_minute(step, told):
    detector = StepDetector(1000.0, 5.0)
    assert detector.look(1010.0 + step, 15.0) == told
    assert detector.look(1020.0 + step, 25.0) == 0.0
