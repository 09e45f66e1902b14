"""What happens to schedules: downtime, restarts, clocks that jump, suspended machines, long runs, conditions that raise.

Whole runtimes on virtual time. A restart is a second runtime on the same log, with a clock that stands where the test says.
"""

import logging
import math
from contextlib import asynccontextmanager
from datetime import datetime
from itertools import cycle, pairwise
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import trio
from hypothesis import example, given, settings
from hypothesis import strategies as st
from trio.testing import MockClock, wait_all_tasks_blocked

import samples
from actors import App, Condition, TaskInactionException, every, limit, rate
from actors.args import Task
from actors.conds import (
    after_all_finish,
    after_all_success,
    after_any_success,
    after_fail,
    after_finish,
    after_success,
    after_terminate,
    cron,
    daily,
    retry,
    scheduler_cycles,
    scheduler_running,
)
from actors.errors import InvalidOption
from actors.facts import Facts
from helpers import actions, records
from runtime import VirtualClock, open_runtime

LOG = Path("runs.jsonl")
HOUR = 3600.0


@pytest.fixture(autouse=True)
def on_the_same_machine(monkeypatch):
    """What looks random is always the same."""
    monkeypatch.setattr("runtime.terms.machine_name", lambda: "here")


def moment(text, zone="UTC"):
    """Return the moment at which the clocks of `zone` show `text`, for the first time."""
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp()


def shown(when, zone="UTC"):
    """Return day and time of a moment, on the clocks of `zone`."""
    return f"{datetime.fromtimestamp(round(when, 3), ZoneInfo(zone)):%d %H:%M:%S}"


async def passes(seconds):
    """Let time pass, and what is due then be done."""
    await trio.sleep(seconds)
    await wait_all_tasks_blocked()


class Life:
    """A runtime, and the wall clock that it looks at."""

    def __init__(self, app, clock, system):
        self.app, self.clock, self.system = app, clock, system

    async def until(self, text):
        """Let time pass until the wall clock shows `text`, and what is due then be done."""
        await passes(moment(text) - self.clock.now())

    def say(self, text):
        """Set the wall clock."""
        self.clock.step(moment(text) - self.clock.now())


@asynccontextmanager
async def life(app, since, *, earliest=0.0, clock=None):
    """Run `app` from when the wall clock shows `since`."""
    clock = clock or VirtualClock(moment(since) - trio.current_time(), earliest)
    async with open_runtime(app, clock=clock) as system:
        yield Life(app, clock, system)


def app_of(condition, function=samples.returns_async, *, name="it", timezone="UTC", **options):
    """Return an app with one task, on the clocks of UTC."""
    app = App(log=LOG, timezone=timezone)
    app.task(condition, func=function, name=name, **options)
    return app


def started(app, task="it", zone="UTC"):
    """Return when runs of a task started."""
    return [shown(record.start, zone) for record in records(app, task) if record.action == "run"]


def due(app, task="it", zone="UTC"):
    """Return for when these runs were due."""
    return [shown(record.due, zone) for record in records(app, task) if record.action == "run"]


def missed(app, task="it"):
    """Return what is on record of missed starts: how many, the first, the last, and why."""
    return [
        (record.count, shown(record.first), shown(record.last), record.cause)
        for record in records(app, task)
        if record.action == "missed"
    ]


def lasts(seconds):
    """Return a function for a task that takes so long."""

    async def it():
        await trio.sleep(seconds)

    return it


async def fails():
    raise ValueError("no")


async def inacts():
    raise TaskInactionException("nothing new")


class TestDowntime:
    async def test_a_daily_task_that_was_down_for_three_days_runs_once_and_records_the_two_others(self, autojump_clock):
        async with life(app_of("daily at 08:00"), "2026-01-05 07:59:50") as world:
            await world.until("2026-01-05 08:00:10")
        app = app_of("daily at 08:00")
        async with life(app, "2026-01-08 09:00") as world:
            await world.until("2026-01-08 09:10")
        assert started(app) == ["05 08:00:00", "08 09:00:00"]
        assert due(app) == ["05 08:00:00", "08 08:00:00"]
        assert missed(app) == [(2, "06 08:00:00", "07 08:00:00", "down")]

    async def test_a_daily_task_that_is_back_on_the_next_day_before_its_time_runs_at_its_time(self, autojump_clock):
        async with life(app_of("daily at 08:00"), "2026-01-05 07:59:50") as world:
            await world.until("2026-01-05 08:00:10")
        app = app_of("daily at 08:00")
        async with life(app, "2026-01-07 07:30") as world:
            await world.until("2026-01-07 08:30")
        assert started(app) == ["05 08:00:00", "07 08:00:00"]
        assert missed(app) == [(1, "06 08:00:00", "06 08:00:00", "down")]

    async def test_a_year_of_seconds_is_one_run_and_one_record_and_the_grid_stays(self, autojump_clock):
        async with life(app_of("every 1 second"), "2025-01-05 00:00:00") as world:
            await world.until("2025-01-05 00:00:02")
        app = app_of("every 1 second")
        async with life(app, "2026-01-05 00:00:00.250") as world:
            await world.until("2026-01-05 00:00:02.500")
        assert due(app)[-3:] == ["05 00:00:00", "05 00:00:01", "05 00:00:02"]
        assert [record.late for record in records(app) if record.action == "run"][-3:] == [0.25, 0, 0]
        (record,) = [record for record in records(app) if record.action == "missed"]
        assert (record.count, record.cause) == (365 * 86_400 - 3, "down")

    async def test_all_missed_slots_within_the_limit_run_the_oldest_first_one_after_the_other(self, autojump_clock):
        running, most = 0, 0

        async def it():
            nonlocal running, most
            running += 1
            most = max(most, running)
            await trio.sleep(2)
            running -= 1

        async with life(app_of("every 1 minute", it, misfire="all"), "2026-01-05 00:00") as world:
            await world.until("2026-01-05 00:00:30")
        app = app_of("every 1 minute", it, misfire="all")
        async with life(app, "2026-01-05 08:20:30") as world:
            await world.until("2026-01-05 08:20:59")
        assert most == 1
        assert due(app)[1:] == [f"05 08:{minute}:00" for minute in range(11, 21)]
        assert started(app)[1:] == [f"05 08:20:{second}" for second in range(30, 50, 2)]
        assert missed(app) == [(490, "05 00:01:00", "05 08:10:00", "down")]

    async def test_skip_runs_nothing_that_was_missed(self, autojump_clock):
        async with life(app_of("every 1 hour", misfire="skip"), "2026-01-05 00:00") as world:
            await world.until("2026-01-05 00:00:30")
        app = app_of("every 1 hour", misfire="skip")
        async with life(app, "2026-01-05 05:30") as world:
            await world.until("2026-01-05 06:00:01")
        assert started(app) == ["05 00:00:00", "05 06:00:00"]
        assert missed(app) == [(5, "05 01:00:00", "05 05:00:00", "down")]

    async def test_what_is_done_about_missed_slots_may_be_said_for_the_whole_app(self, autojump_clock):
        for since, until in [("00:00", "00:00:30"), ("05:30", "05:59")]:
            app = App(log=LOG, misfire="skip")
            app.task("every 1 hour", func=samples.returns_async, name="it")
            async with life(app, f"2026-01-05 {since}") as world:
                await world.until(f"2026-01-05 {until}")
        assert started(app) == ["05 00:00:00"]

    async def test_a_condition_that_is_no_schedule_has_nothing_to_miss(self, autojump_clock):
        async with life(app_of("daily"), "2026-01-05 12:00") as world:
            await world.until("2026-01-05 12:01")
        app = app_of("daily")
        async with life(app, "2026-01-09 12:00") as world:
            await world.until("2026-01-09 12:01")
        assert started(app) == ["05 12:00:00", "09 12:00:00"]
        assert missed(app) == []


SCHEDULES = ["daily at 08:00", "cron 0 8 * * *", "every 1 hour"]


class TestRestarts:
    @pytest.mark.parametrize("condition", SCHEDULES)
    async def test_a_slot_that_came_during_a_restart_runs_once_and_late(self, condition, autojump_clock):
        async with life(app_of(condition), "2026-01-05 07:00") as world:
            await world.until("2026-01-05 07:59:59")
        app = app_of(condition)
        async with life(app, "2026-01-05 08:00:15") as world:
            await world.until("2026-01-05 08:59")
        assert started(app)[-1] == "05 08:00:15"
        assert due(app).count("05 08:00:00") == 1
        assert [record.late for record in records(app) if record.action == "run"][-1] == 15
        assert missed(app) == []

    @pytest.mark.parametrize("condition", SCHEDULES)
    async def test_a_slot_that_has_run_does_not_run_again_after_a_restart(self, condition, autojump_clock):
        async with life(app_of(condition), "2026-01-05 07:00") as world:
            await world.until("2026-01-05 08:00:01")
        app = app_of(condition)
        async with life(app, "2026-01-05 08:00:02") as world:
            await world.until("2026-01-05 08:59")
        assert started(app)[-1] == "05 08:00:00"
        assert due(app).count("05 08:00:00") == 1

    @pytest.mark.parametrize("condition", SCHEDULES)
    async def test_a_slot_that_was_missed_and_made_up_for_does_not_run_again_after_a_restart(self, condition, autojump_clock):
        for since, until in [("07:00", "07:30"), ("08:10", "08:20"), ("08:30", "08:59")]:
            app = app_of(condition)
            async with life(app, f"2026-01-05 {since}") as world:
                await world.until(f"2026-01-05 {until}")
        assert due(app).count("05 08:00:00") == 1

    @pytest.mark.parametrize("misfire", ["skip", "latest"])
    async def test_what_is_on_record_as_missed_is_not_recorded_again_after_a_restart(self, misfire, autojump_clock):
        for since, until in [("00:00", "00:01"), ("05:30", "05:40"), ("05:50", "05:59")]:
            app = app_of("cron 0 * * * *", misfire=misfire)
            async with life(app, f"2026-01-05 {since}") as world:
                await world.until(f"2026-01-05 {until}")
        assert len(missed(app)) == 1

    async def test_the_grid_stays_over_many_restarts(self, autojump_clock):
        for minute in range(5):
            app = app_of("every 7 seconds")
            async with life(app, f"2026-01-05 00:0{minute}:03") as world:
                await world.until(f"2026-01-05 00:0{minute}:31")
        origin = moment("2026-01-05 00:00:03")
        assert all((record.due - origin) % 7 == 0 for record in records(app) if record.action == "run")
        assert len(set(due(app))) == len(due(app)) > 15

    async def test_a_run_that_was_asked_for_moves_the_grid_also_after_a_restart(self, autojump_clock):
        async with life(app_of("every 1 hour"), "2026-01-05 00:00") as world:
            await world.until("2026-01-05 00:20")
            world.app.session["it"].run()
            await world.until("2026-01-05 01:30")
        app = app_of("every 1 hour")
        async with life(app, "2026-01-05 02:00") as world:
            await world.until("2026-01-05 03:30")
        assert started(app) == ["05 00:00:00", "05 00:20:00", "05 01:20:00", "05 02:20:00", "05 03:20:00"]


class TestChangedSchedules:
    async def test_a_schedule_that_was_changed_while_the_app_was_down_begins_with_its_next_slot(self, autojump_clock):
        async with life(app_of("cron 15 1 * * *"), "2026-01-05 01:00") as world:
            await world.until("2026-01-05 01:30")
        app = app_of("cron 15 2 * * *")
        async with life(app, "2026-01-05 09:00") as world:
            await world.until("2026-01-06 02:20")
        assert started(app) == ["05 01:15:00", "06 02:15:00"]
        assert missed(app) == []

    async def test_a_schedule_that_is_changed_while_the_app_runs_begins_with_its_next_slot(self, autojump_clock):
        app = app_of("cron 15 1 * * *")
        async with life(app, "2026-01-05 01:00") as world:
            await world.until("2026-01-05 09:00")
            app.session["it"].start_cond = "cron 15 2 * * *"
            await world.until("2026-01-06 02:20")
        assert started(app) == ["05 01:15:00", "06 02:15:00"]
        assert missed(app) == []

    @pytest.mark.parametrize("condition", ["daily at 08:00", "cron 0 8 * * *"])
    async def test_a_new_task_whose_time_is_past_does_not_run_today(self, condition, autojump_clock):
        app = app_of(condition)
        async with life(app, "2026-01-05 09:00") as world:
            await world.until("2026-01-06 08:00:01")
        assert started(app) == ["06 08:00:00"]
        assert missed(app) == []

    @pytest.mark.parametrize("condition", ["daily at 08:00", "cron 0 8 * * *"])
    async def test_neither_does_it_after_a_restart(self, condition, autojump_clock):
        for since, until in [("09:00", "10:00"), ("11:00", "12:00")]:
            app = app_of(condition)
            async with life(app, f"2026-01-05 {since}") as world:
                await world.until(f"2026-01-05 {until}")
        assert (started(app), missed(app)) == ([], [])

    @pytest.mark.parametrize("condition", ["daily at 08:00", "cron 0 8 * * *"])
    async def test_neither_does_a_task_that_is_made_while_the_app_runs(self, condition, autojump_clock):
        app = App(log=LOG, timezone="UTC")
        async with life(app, "2026-01-05 07:00") as world:
            await world.until("2026-01-05 09:00")
            app.session.create_task(samples.returns_async, "it", condition)
            await world.until("2026-01-06 08:00:01")
        assert started(app) == ["06 08:00:00"]

    async def test_another_time_zone_is_another_schedule(self, autojump_clock):
        async with life(app_of("cron 0 8 * * *"), "2026-01-05 07:59") as world:
            await world.until("2026-01-05 08:01")
        app = app_of("cron 0 8 * * *", timezone="America/New_York")
        async with life(app, "2026-01-05 20:00") as world:  # 15:00 in New York
            await world.until("2026-01-05 20:01")
        assert started(app) == ["05 08:00:00"]

    async def test_another_option_is_not_another_schedule(self, autojump_clock):
        async with life(app_of("every 1 hour"), "2026-01-05 00:00") as world:
            await world.until("2026-01-05 00:01")
        app = app_of("every 1 hour", priority=3, jitter="1 second")
        async with life(app, "2026-01-05 01:30") as world:
            await world.until("2026-01-05 01:59")
        assert due(app) == ["05 00:00:00", "05 01:00:00"]


class TestPause:
    @pytest.mark.parametrize("condition", ["every 1 hour", "cron 0 * * * *"])
    async def test_slots_that_came_while_a_task_was_paused_count_for_nothing(self, condition, autojump_clock):
        app = app_of(condition)
        async with life(app, "2026-01-05 00:00") as world:
            await world.until("2026-01-05 00:30")
            app.session["it"].pause()
            await world.until("2026-01-05 10:30")
            app.session["it"].resume()
            await world.until("2026-01-05 11:00:01")
        assert started(app)[-1] == "05 11:00:00"
        assert len(started(app)) == (2 if condition == "every 1 hour" else 1)
        assert missed(app) == []

    @pytest.mark.parametrize("condition", ["every 1 hour", "cron 0 * * * *"])
    async def test_with_catch_up_they_count_as_missed(self, condition, autojump_clock):
        app = app_of(condition)
        async with life(app, "2026-01-05 00:00") as world:
            await world.until("2026-01-05 00:30")
            app.session["it"].pause()
            await world.until("2026-01-05 10:30")
            app.session["it"].resume(catch_up=True)
            await world.until("2026-01-05 10:59")
        assert due(app)[-1] == "05 10:00:00"
        assert started(app)[-1] == "05 10:30:00"
        assert [(count, first, last) for count, first, last, _ in missed(app)] == [(9, "05 01:00:00", "05 09:00:00")]

    async def test_a_task_that_stays_paused_over_a_restart_runs_nothing(self, autojump_clock):
        app = app_of("every 1 hour")
        async with life(app, "2026-01-05 00:00") as world:
            await world.until("2026-01-05 00:30")
            app.session["it"].disabled = True
            await world.until("2026-01-05 03:30")
        app = app_of("every 1 hour", disabled=True)
        async with life(app, "2026-01-05 04:30") as world:
            await world.until("2026-01-05 06:30")
            app.session["it"].disabled = False
            await world.until("2026-01-05 07:00:01")
        assert started(app) == ["05 00:00:00", "05 07:00:00"]
        assert missed(app) == []

    async def test_a_task_that_was_paused_while_the_app_was_down_counts_no_slots_of_that_time(self, autojump_clock):
        async with life(app_of("every 1 hour"), "2026-01-05 00:00") as world:
            await world.until("2026-01-05 00:30")
        async with life(app_of("every 1 hour", disabled=True), "2026-01-05 02:30") as world:
            await world.until("2026-01-05 02:40")
        app = app_of("every 1 hour")
        async with life(app, "2026-01-05 04:30") as world:
            await world.until("2026-01-05 05:00:01")
        assert started(app) == ["05 00:00:00", "05 05:00:00"]

    async def test_a_start_that_jitter_delays_does_not_come_after_a_pause(self, autojump_clock):
        app = app_of("cron 0 * * * *", jitter="50 minutes")
        async with life(app, "2026-01-05 00:59") as world:
            await world.until("2026-01-05 01:00:01")
            app.session["it"].pause()
            await world.until("2026-01-05 01:59")
        assert started(app) == []


class TestClocksOfAZone:
    """What is scheduled by the calendar on the two days on which clocks jump."""

    @pytest.mark.parametrize("condition", ["cron 30 2 * * *", "daily at 02:30"])
    async def test_a_time_that_the_clocks_leave_out_runs_at_the_end_of_the_gap(self, condition, autojump_clock):
        app = app_of(condition, timezone="Europe/Berlin")
        async with life(app, "2026-03-29 00:00") as world:
            await world.until("2026-03-29 03:00")
        assert started(app, zone="Europe/Berlin") == ["29 03:00:00"]

    @pytest.mark.parametrize("condition", ["cron 30 2 * * *", "daily at 02:30"])
    async def test_a_time_that_the_clocks_show_twice_runs_the_first_time(self, condition, autojump_clock):
        app = app_of(condition, timezone="Europe/Berlin")
        async with life(app, "2026-10-25 00:00") as world:
            await world.until("2026-10-25 03:00")
        assert started(app) == ["25 00:30:00"]

    @pytest.mark.parametrize(("day", "count"), [("2026-03-29", 23), ("2026-06-15", 24), ("2026-10-25", 25)])
    async def test_an_hourly_cron_follows_the_clocks(self, day, count, autojump_clock):
        app = app_of("cron 0 * * * *", timezone="Europe/Berlin")
        begin, end = moment(day, "Europe/Berlin"), moment(f"{day} 23:59:30", "Europe/Berlin")
        async with life(app, day, clock=VirtualClock(begin - trio.current_time() - 1)):
            await passes(end - begin)
        assert len(started(app)) == len(set(started(app))) == count

    async def test_a_day_that_has_no_midnight_is_a_day(self, autojump_clock):
        app = app_of("daily", timezone="America/Sao_Paulo")
        async with life(app, "2018-11-03 12:00") as world:
            await world.until("2018-11-05 02:00:01")
        assert started(app, zone="America/Sao_Paulo") == ["03 09:00:00", "04 01:00:00", "05 00:00:00"]

    async def test_a_period_of_elapsed_time_knows_nothing_of_jumps(self, autojump_clock):
        app = app_of("every 6 hours", timezone="Europe/Berlin")
        async with life(app, "2026-03-28 18:00") as world:
            await world.until("2026-03-29 06:00:01")
        assert started(app) == ["28 18:00:00", "29 00:00:00", "29 06:00:00"]

    async def test_a_task_may_have_a_zone_of_its_own(self, autojump_clock):
        app = App(log=LOG, timezone="Europe/Berlin")
        app.task("daily at 08:00", func=samples.returns_async, name="berlin")
        app.task("daily at 08:00", func=samples.returns_async, name="tokyo", timezone="Asia/Tokyo")
        async with life(app, "2026-01-04 22:00") as world:
            await world.until("2026-01-05 12:00")
        assert (started(app, "berlin"), started(app, "tokyo")) == (["05 07:00:00"], ["04 23:00:00"])

    async def test_the_zone_of_an_app_may_change_while_it_runs(self, autojump_clock):
        app = app_of("cron 0 8 * * *")
        async with life(app, "2026-01-05 05:00") as world:
            await world.until("2026-01-05 06:00")
            app.session.config.timezone = "Europe/Berlin"
            await world.until("2026-01-05 12:00")
        assert started(app) == ["05 07:00:00"]


class TestRefusals:
    """What can never work is refused before anything starts."""

    @pytest.mark.parametrize("text", ["cron 0 0 30 2 *", "cron 0 0 31 4,6,9,11 *"])
    def test_a_cron_expression_without_any_date(self, text):
        with pytest.raises(InvalidOption, match="is no cron expression"):
            App(log=None).task(text, func=samples.returns, name="it")

    def test_a_cron_condition_without_any_date(self):
        with pytest.raises(ValueError, match="'0 0 30 2 \\*' is no cron expression"):
            cron("0 0 30 2 *")

    def test_a_time_zone_that_is_not_known(self):
        with pytest.raises(InvalidOption, match="'Europe/Berlin'"):
            App(log=None).task("daily", func=samples.returns, name="it", timezone="Europe/Berlim")

    def test_a_time_zone_of_the_app_that_is_not_known(self):
        with pytest.raises(InvalidOption, match="there is no time zone 'Mars/Olympus'"):
            App(log=None, timezone="Mars/Olympus")

    @pytest.mark.parametrize("condition", ["after task 'fech'", "daily & ~task 'fech' is running", after_success("fech")])
    async def test_a_condition_about_a_task_that_is_not_there(self, condition):
        app = App(log=None)
        app.task(func=samples.returns, name="fetch")
        app.task(condition, func=samples.returns, name="it")
        with pytest.raises(InvalidOption, match=r"no task 'fech'\. Did you mean 'fetch'"):
            async with open_runtime(app):
                pass

    async def test_and_one_that_comes_while_the_app_runs(self):
        app = App(log=None)
        app.task(func=samples.returns, name="fetch")
        async with open_runtime(app):
            with pytest.raises(InvalidOption, match="Did you mean 'fetch'"):
                app.session["fetch"].start_cond = "after task 'fech'"
            with pytest.raises(InvalidOption, match="Did you mean 'fetch'"):
                app.session.create_task(samples.returns, "it", "after task 'fech'")
            assert "it" not in app.session


class TestSuspension:
    @staticmethod
    def suspended_app():
        app = App(log=LOG, timezone="UTC")
        for name, condition in {"grid": "every 1 hour", "cron": "cron 0 * * * *", "day": "daily at 12:00"}.items():
            app.task(condition, func=samples.returns_async, name=name)
        return app

    async def test_what_came_due_meanwhile_starts_within_a_nap_of_half_a_minute(self, autojump_clock):
        app = self.suspended_app()
        async with life(app, "2026-01-05 08:00") as world:
            await world.until("2026-01-05 10:20")
            world.clock.step(8 * HOUR)
            await passes(30)
        for name in ("grid", "cron"):
            (late,) = [record for record in records(app, name) if record.action == "run" and record.late > 1]
            assert shown(late.due) == "05 18:00:00"
            assert late.start <= moment("2026-01-05 18:20:30")
        assert due(app, "day") == ["05 12:00:00"]

    async def test_what_was_missed_is_on_record_with_that_cause(self, autojump_clock):
        app = self.suspended_app()
        async with life(app, "2026-01-05 08:00") as world:
            await world.until("2026-01-05 10:20")
            world.clock.step(8 * HOUR)
            await passes(30)
        assert missed(app, "grid") == missed(app, "cron") == [(7, "05 11:00:00", "05 17:00:00", "suspended")]

    async def test_a_machine_that_is_suspended_again_and_again_misses_the_same(self, autojump_clock):
        app = app_of("cron 0 * * * *")
        async with life(app, "2026-01-05 00:30") as world:
            for _ in range(3):
                await passes(60)
                world.clock.step(3 * HOUR)
            await passes(30)
        assert due(app) == ["05 03:00:00", "05 06:00:00", "05 09:00:00"]
        assert missed(app) == [
            (2, "05 01:00:00", "05 02:00:00", "suspended"),
            (2, "05 04:00:00", "05 05:00:00", "suspended"),
            (2, "05 07:00:00", "05 08:00:00", "suspended"),
        ]

    async def test_a_run_is_not_timed_out_by_the_time_for_which_the_machine_was_suspended(self, autojump_clock):
        app = app_of("every 1 day", lasts(100), timeout="10 minutes")
        async with life(app, "2026-01-05 08:00") as world:
            await passes(50)
            world.clock.step(8 * HOUR)
            await passes(60)
        assert actions(app) == ["run", "success"]

    async def test_what_only_waits_for_time_to_elapse_is_not_early(self, autojump_clock):
        app = app_of(scheduler_running(more_than="1 hour") & daily)
        async with life(app, "2026-01-05 00:00") as world:
            await passes(60)
            world.clock.step(8 * HOUR)
            await passes(HOUR - 120)
            assert started(app) == []
            await passes(120)
        assert len(started(app)) == 1


class TestClockSetBack:
    """The clock was two hours ahead for a while, and is set right."""

    CONDITIONS = ("every 1 minute", "cron * * * * *", "minutely", "every 1 minute based on finish")

    @pytest.mark.parametrize("condition", CONDITIONS)
    async def test_what_runs_each_minute_goes_on_at_once(self, condition, autojump_clock):
        app = app_of(condition)
        async with life(app, "2026-01-05 08:30:10") as world:
            await passes(300)
            world.clock.step(2 * HOUR)
            await passes(300)
            world.clock.step(-2 * HOUR)
            right = world.clock.now()
            await passes(600)
        after = [record.start for record in records(app) if record.action == "run"]
        after = [start for start in after if right <= start < right + 610]
        assert after[0] <= right + 90
        assert all(later - sooner < 65 for sooner, later in pairwise(after))
        assert 8 <= len(after) <= 12

    @pytest.mark.parametrize("condition", CONDITIONS)
    async def test_so_it_does_after_a_restart(self, condition, autojump_clock):
        async with life(app_of(condition), "2026-01-05 10:30:10") as world:  # two hours ahead
            await passes(300)
        app = app_of(condition)
        async with life(app, "2026-01-05 08:36:00") as world:
            right = world.clock.now()
            await passes(600)
        after = [record.start for record in records(app) if record.action == "run"]
        after = [start for start in after if right <= start < right + 610]
        assert len(after) >= 8

    @pytest.mark.parametrize("condition", ["daily at 10:00", "cron 0 10 * * *", "daily after 10:00"])
    async def test_what_ran_at_the_false_time_does_not_run_again_at_the_right_time(self, condition, autojump_clock):
        app = app_of(condition)
        async with life(app, "2026-01-05 08:30") as world:
            await passes(60)
            world.clock.step(2 * HOUR)
            await passes(300)
            assert len(started(app)) == 1
            world.clock.step(-2 * HOUR)
            await world.until("2026-01-05 12:00")
        assert len(started(app)) == 1

    @pytest.mark.parametrize(
        ("condition", "away"),
        [("hourly", 0.5 * HOUR), ("daily", 23.5 * HOUR), ("weekly", 80 * HOUR), ("monthly", 500 * HOUR)],
    )
    async def test_a_cycle_that_is_used_up_stays_so_after_a_time_in_the_one_before(self, condition, away, autojump_clock):
        app = app_of(condition)
        async with life(app, "2026-01-05 08:10") as world:
            await passes(60)
            world.clock.step(-away)
            await passes(60)
            assert len(started(app)) == 2
            world.clock.step(away)
            await passes(60)
        assert len(started(app)) == 2

    @pytest.mark.parametrize("condition", ["daily at 10:00", "cron 0 10 * * *"])
    async def test_it_runs_again_on_the_next_day(self, condition, autojump_clock):
        app = app_of(condition)
        async with life(app, "2026-01-05 08:30") as world:
            await passes(60)
            world.clock.step(2 * HOUR)
            await passes(300)
            world.clock.step(-2 * HOUR)
            await world.until("2026-01-06 10:00:01")
        assert started(app)[-1] == "06 10:00:00"
        assert len(started(app)) == 2

    @pytest.mark.parametrize("misfire", ["latest", "all"])
    async def test_what_ran_at_the_false_time_is_neither_missed_nor_made_up_for(self, misfire, autojump_clock):
        app = app_of("cron * * * * *", misfire=misfire)
        async with life(app, "2026-01-05 08:30:30") as world:
            world.clock.step(2 * HOUR)
            await passes(300)
            world.clock.step(-2 * HOUR)
            await world.until("2026-01-05 10:40:30")
        assert len(set(due(app))) == len(due(app))
        assert len(missed(app)) == 1  # what the clock jumped over

    async def test_a_start_that_jitter_delays_does_not_wait_for_the_false_time(self, autojump_clock):
        app = app_of("cron */5 * * * *", jitter="4 minutes")
        async with life(app, "2026-01-05 07:59:30") as world:
            world.clock.step(2 * HOUR)
            await passes(31)
            assert started(app) == []
            world.clock.step(-2 * HOUR)
            await world.until("2026-01-05 08:10")
        assert due(app)[-1] == "05 08:05:00"

    async def test_a_condition_that_raised_is_not_left_alone_until_the_false_time(self, autojump_clock):
        app = App(log=LOG, timezone="UTC")
        broken = True

        @app.cond()
        def is_well():
            if broken:
                raise ValueError("broken")
            return True

        app.task(daily & is_well, func=samples.returns_async, name="it")
        async with life(app, "2026-01-05 10:30") as world:
            await passes(5)
            world.clock.step(-2 * HOUR)
            broken = False
            await passes(600)
        assert actions(app, "it")[-2:] == ["run", "success"]

    async def test_runs_that_go_on_are_counted_as_going_on(self, autojump_clock):
        app = app_of("every 1 minute", lasts(600))
        async with life(app, "2026-01-05 10:30") as world:
            await passes(90)
            world.clock.step(-2 * HOUR)
            await passes(400)
        assert len(started(app)) == 1

    async def test_the_times_of_records_go_back_and_their_order_does_not(self, autojump_clock):
        app = App(log=LOG, timezone="UTC")
        app.task(func=samples.returns_async, name="first")
        app.task(after_success("first"), func=samples.returns_async, name="then")
        async with life(app, "2026-01-05 10:30") as world:
            app.session["first"].run()
            await passes(10)
            world.clock.step(-2 * HOUR)
            app.session["first"].run()
            await passes(40)
        assert len(started(app, "then")) == 2


class TestAnyClock:
    @given(
        st.sampled_from(["cron * * * * *", "cron */5 * * * *", "hourly at 30:00", "daily at 01:00"]),
        st.sampled_from(["latest", "skip", "all"]),
        st.lists(st.tuples(st.integers(1, 200), st.integers(-7500, 7500) | st.integers(-60, 60)), min_size=1, max_size=8),
    )
    @example("cron * * * * *", "all", [(30, -61)])
    @settings(max_examples=100, report_multiple_bugs=False)
    def test_no_slot_of_a_calendar_runs_twice_or_early_however_the_clock_is_set(self, condition, misfire, steps):
        app = App(log=None, timezone="UTC", misfire=misfire)
        app.task(condition, func=samples.returns_async, name="it")

        def slots(first, last):
            return app.session["it"].start_cond.slots_between(first, last + 1e-6, Facts())

        async def play():
            async with life(app, "2026-01-05 00:00:30") as world:
                for seconds, step in steps:
                    await passes(seconds)
                    world.clock.step(step)
                await passes(400)

        trio.run(play, clock=MockClock(autojump_threshold=0))
        begun = [record for record in records(app) if record.action == "run"]
        assert all(record.start >= record.due for record in begun)
        assert len(set(due(app))) == len(begun)
        ran = set()
        for record in records(app):
            if record.action == "run":
                ran.add(record.due)
            elif record.action == "missed":  # there may be some among them that ran while the clock was wrong
                among = sum(record.first <= slot <= record.last for slot in ran)
                assert record.count + among <= 1 + slots(record.first, record.last)

    @given(
        st.sampled_from(["every 1 minute", "cron * * * * *", "minutely", "every 1 minute based on finish"]),
        st.lists(st.tuples(st.integers(1, 200), st.integers(-7500, 7500)), min_size=1, max_size=5),
    )
    @settings(max_examples=100)
    def test_what_runs_each_minute_runs_each_minute_after_the_clock_was_set_for_the_last_time(self, condition, steps):
        app = App(log=None, timezone="UTC")
        app.task(condition, func=samples.returns_async, name="it")

        async def play():
            async with life(app, "2026-01-05 00:00:30") as world:
                for seconds, step in steps:
                    await passes(seconds)
                    world.clock.step(step)
                world.clock.step(86_400)  # to where it never was before
                await passes(31)
                now = world.clock.now()
                await passes(330)
                return now

        now = trio.run(play, clock=MockClock(autojump_threshold=0))
        assert len([record for record in records(app) if record.action == "run" and record.start > now]) in (5, 6)


class TestUnsteadyClocks:
    @pytest.mark.parametrize("condition", ["every 1 minute", "cron * * * * *"])
    async def test_a_clock_that_is_slewed_for_an_hour_costs_no_slot_and_doubles_none(self, condition, autojump_clock):
        app = app_of(condition)
        async with life(app, "2026-01-05 00:00") as world:
            for number in range(240):
                await passes(15)
                world.clock.step(1 if number % 3 else -1)
                await trio.sleep(0)
            now = world.clock.now()
        begun = [record for record in records(app) if record.action == "run"]
        assert all(record.start >= record.due for record in begun)
        expected = [moment("2026-01-05 00:00") + 60 * number for number in range(200)]
        assert [record.due for record in begun] == [slot for slot in expected if begun[0].due <= slot <= now]
        assert missed(app) == []

    @pytest.mark.parametrize("condition", ["every 1 second", "cron * * * * * *", "secondly"])
    async def test_a_second_that_is_shown_twice_is_one_second(self, condition, autojump_clock):
        app = app_of(condition)
        async with life(app, "2026-01-05 23:59:55") as world:
            await world.until("2026-01-06 00:00:00.500")
            world.clock.step(-1)
            await world.until("2026-01-06 00:00:05.500")
        begun = [record for record in records(app) if record.action == "run"]
        assert all(record.start >= record.due for record in begun)
        assert len(set(due(app))) == len(due(app))
        assert due(app)[-10:] == [f"05 23:59:{second}" for second in range(55, 60)][-4:] + [
            f"06 00:00:0{second}" for second in range(6)
        ]

    @pytest.mark.parametrize("condition", ["daily at 00:00", "cron 0 0 * * *", "daily"])
    async def test_a_midnight_that_is_shown_twice_is_one_midnight(self, condition, autojump_clock):
        async with life(app_of(condition), "2026-01-04 12:00") as world:
            await world.until("2026-01-05 23:59:50")
        app = app_of(condition)
        async with life(app, "2026-01-05 23:59:55") as world:
            before = len(started(app))
            await world.until("2026-01-06 00:00:00.500")
            world.clock.step(-1)
            await world.until("2026-01-06 00:10")
        assert len(started(app)) == before + 1

    @pytest.mark.parametrize("rate", [0.5, 0.99, 1.01])
    @pytest.mark.parametrize("condition", ["every 10 seconds", "cron * * * * *"])
    async def test_no_run_starts_before_its_slot_on_a_clock_that_goes_wrong(self, condition, rate, autojump_clock):
        class Wrong(VirtualClock):
            def now(self):
                return self.start + trio.current_time() * rate

        clock = Wrong(moment("2026-01-05 00:00:05"))
        app = app_of(condition)
        async with life(app, "", clock=clock):
            await passes(600 / rate)
        begun = [record for record in records(app) if record.action == "run"]
        assert all(record.due <= record.start < record.due + 1 for record in begun)
        assert len({record.due for record in begun}) == len(begun) >= (60 if condition.startswith("every") else 10)
        assert missed(app) == []


class TestClockThatIsNotSetYet:
    """A machine without a battery boots in 1970, and learns the time twenty seconds later."""

    @asynccontextmanager
    async def boot(self, app, then="2026-01-05 09:00"):
        async with life(app, "1970-01-01 00:00:05", earliest=moment("2025-01-01")) as world:
            await passes(20)
            assert [record for record in records(app) if record.created < moment("2025-01-01")] == []
            world.say(then)
            yield world

    CONDITIONS = ("every 1 second", "cron * * * * *", "daily at 08:00", "daily", "true")

    @pytest.mark.parametrize("condition", CONDITIONS)
    async def test_nothing_runs_before_it_is_set_and_no_burst_comes_after(self, condition, autojump_clock):
        app = app_of(condition, lasts(0.5))
        async with self.boot(app):
            await passes(29.8)
        assert all(record.start >= moment("2026-01-05 09:00") for record in records(app) if record.action == "run")
        most = {"every 1 second": 30, "cron * * * * *": 1, "daily at 08:00": 0, "daily": 1, "true": 60}[condition]
        assert most - 2 <= len(started(app)) <= most
        assert missed(app) == []

    async def test_what_was_due_before_the_machine_went_down_is_made_up_for(self, autojump_clock):
        async with life(app_of("daily at 08:00"), "2026-01-04 07:59") as world:
            await world.until("2026-01-04 08:01")
        app = app_of("daily at 08:00")
        async with self.boot(app):
            await passes(60)
        assert due(app) == ["04 08:00:00", "05 08:00:00"]
        assert missed(app) == []

    @pytest.mark.parametrize("condition", ["daily at 08:00", "cron 0 8 * * *"])
    async def test_a_new_task_does_not_count_slots_since_1970_after_the_next_restart(self, condition, autojump_clock):
        async with self.boot(app_of(condition)):
            await passes(60)
        app = app_of(condition)
        async with life(app, "2026-01-05 10:00") as world:
            await world.until("2026-01-05 10:10")
        assert (started(app), missed(app)) == ([], [])

    async def test_a_clock_that_is_never_set_is_believed_after_a_minute(self, autojump_clock):
        app = app_of("every 10 seconds")
        async with life(app, "1970-01-01 00:00:00", earliest=moment("2025-01-01")):
            await passes(59)
            assert started(app) == []
            await passes(30)
        assert len(started(app)) >= 2

    async def test_a_clock_that_is_set_after_that_starts_no_burst(self, autojump_clock):
        app = app_of("every 10 seconds")
        async with life(app, "1970-01-01 00:00:00", earliest=moment("2025-01-01")) as world:
            await passes(100)
            before = len(started(app))
            world.say("2026-01-05 09:00")
            await passes(31)
        assert len(started(app)) - before in (1, 2, 3, 4)
        assert len(missed(app)) == 1

    async def test_a_clock_before_the_latest_record_is_not_believed_either(self, autojump_clock):
        async with life(app_of("every 10 seconds"), "2026-01-05 09:00") as world:
            await world.until("2026-01-05 09:00:15")
        app = app_of("every 10 seconds")
        async with life(app, "2026-01-02 00:00") as world:
            await passes(20)
            assert len(started(app)) == 2
            world.say("2026-01-05 10:00")
            await passes(5)
        assert due(app) == ["05 09:00:00", "05 09:00:10", "05 10:00:00"]

    async def test_a_task_that_is_asked_for_runs_meanwhile(self, autojump_clock):
        app = app_of("daily")
        async with life(app, "1970-01-01 00:00:05", earliest=moment("2025-01-01")):
            app.session["it"].run()
            await passes(1)
        assert actions(app) == ["run", "success"]


def overlapping(app, task="it"):
    """Return how many runs of a task went on at the same time, at most."""
    ends = {record.run_id: record.end for record in records(app, task) if record.end is not None}
    begun = [(record.start, ends[record.run_id]) for record in records(app, task) if record.action == "run"]
    return max(sum(start <= moment < end for start, end in begun) for moment, _ in begun)


def modelled(durations, kept, count):
    """Return what becomes of slots at 0, 10, 20, ... of which `kept` wait while a run goes on: starts, and what is missed."""
    lengths = cycle(durations)
    starts, lost, waiting, slot = [(0, 0)], [], [], 10  # slot: the first that is not decided
    while len(starts) < count:
        end = starts[-1][1] + next(lengths)
        if not waiting:
            met = list(range(slot, end, 10))
            waiting, over = met[:kept], met[kept:]
            lost += [(over[0], over[-1])] if over else []
            slot += 10 * len(met)
        if waiting:
            starts.append((waiting.pop(0), end))
        else:
            starts.append((slot, max(slot, end)))
            slot += 10
    return starts, lost


class TestLongRuns:
    """What becomes of slots that come while the task runs."""

    async def test_what_a_run_costs_is_one_record_with_its_id_and_the_next_start_is_on_the_grid(self, autojump_clock):
        app = app_of("cron * * * * *", lasts(150))
        async with life(app, "2026-01-05 00:00:30") as world:
            await world.until("2026-01-05 00:04:30")
        assert started(app) == due(app) == ["05 00:01:00", "05 00:04:00"]
        assert missed(app) == [(2, "05 00:02:00", "05 00:03:00", "overlap")]
        first = records(app)[0].run_id
        assert [record.blocker for record in records(app) if record.action == "missed"] == [first]

    async def test_a_run_that_ends_as_a_slot_comes_does_not_cost_it(self, autojump_clock):
        app = app_of("cron * * * * *", lasts(120))
        async with life(app, "2026-01-05 00:00:30") as world:
            await world.until("2026-01-05 00:06:30")
        assert started(app) == ["05 00:01:00", "05 00:03:00", "05 00:05:00"]

    @pytest.mark.parametrize("condition", ["cron 0 8 * * *", "daily at 08:00"])
    async def test_a_day_that_met_the_run_of_the_day_before_is_on_record(self, condition, autojump_clock):
        app = app_of(condition, lasts(25 * HOUR), timeout="never")
        async with life(app, "2026-01-05 07:59") as world:
            await world.until("2026-01-07 08:00:01")
        assert started(app) == ["05 08:00:00", "07 08:00:00"]
        assert missed(app) == [(1, "06 08:00:00", "06 08:00:00", "overlap")]

    async def test_slots_that_waited_behind_a_run_are_not_lost_in_a_crash(self, autojump_clock):
        options = {"overlap": "queue", "queue_limit": 2}
        async with life(app_of("every 10 seconds", lasts(35), **options), "2026-01-05 00:00") as world:
            await world.until("2026-01-05 00:00:38")
            assert due(world.app) == ["05 00:00:00", "05 00:00:10"]
            log = LOG.read_bytes()
        LOG.write_bytes(log)
        app = app_of("every 10 seconds", **options)
        async with life(app, "2026-01-05 00:00:39") as world:
            await world.until("2026-01-05 00:00:45")
        decided = len(due(app)) + sum(count for count, *_ in missed(app))
        assert decided == 5  # until 00:00:40

    @pytest.mark.parametrize("condition", ["cron 0 8 * * *", "daily at 08:00"])
    async def test_a_queue_keeps_the_slot_of_a_day_that_met_the_run_of_the_day_before(self, condition, autojump_clock):
        durations = iter([25 * HOUR, 60, 60])

        async def it():
            await trio.sleep(next(durations))

        app = app_of(condition, it, timeout="never", overlap="queue_one")
        async with life(app, "2026-01-05 07:59") as world:
            await world.until("2026-01-06 09:30")
        assert due(app) == ["05 08:00:00", "06 08:00:00"]
        assert started(app) == ["05 08:00:00", "06 09:00:00"]

    async def test_a_run_that_costs_several_starts_is_told_of_once(self, autojump_clock, caplog):
        caplog.set_level(logging.WARNING)
        app = app_of("every 10 seconds", lasts(200))
        app.task("every 1 second", func=samples.returns_async, name="other")
        app.session["it"].start_cond = "every 10 seconds | after task 'other' failed"
        async with life(app, "2026-01-05 00:00") as world:
            await world.until("2026-01-05 00:00:34")
            assert caplog.records == []
            await world.until("2026-01-05 00:03")
        told = [record.getMessage() for record in caplog.records if "'it'" in record.getMessage()]
        assert len(told) == 1
        assert "has been running for so long that 3 starts of it were skipped" in told[0]

    @pytest.mark.parametrize(
        ("options", "words"),
        [
            ({"limits": rate("api", 1, per="1 minute")}, "rate 'api'"),
            ({"limits": limit("db", 1)}, "limit 'db' (1 of 1 in use)"),
            ({"execution": "async"}, "a main run"),
        ],
    )
    async def test_a_launch_that_waits_is_not_called_a_run_that_goes_on(self, options, words, autojump_clock, caplog):
        app = app_of("every 10 seconds", **options)
        holds = {"limits": options["limits"]} if "db" in words else {"execution": "main"} if "main" in words else {}
        app.task(func=lasts(55), name="holds", on_startup=True, **holds)
        async with life(app, "2026-01-05 00:00") as world:
            await world.until("2026-01-05 00:01:05")
        told = [
            record.getMessage() for record in caplog.records if "'it'" in record.getMessage() and "skipped" in record.getMessage()
        ]
        assert len(told) == 1
        assert f"has been waiting for so long (for {words}) that 3 starts of it were skipped" in told[0]
        reason = next(record.reason for record in records(app, "it") if record.action == "missed")
        assert f"missed: its launch was waiting (for {words}) (run " in reason

    async def test_slots_that_met_a_launch_that_waits_and_then_its_run_are_told_of_as_that(self, autojump_clock):
        app = app_of("every 10 seconds", lasts(25), limits=limit("db", 1))
        app.task(func=lasts(15), name="holds", on_startup=True, limits=limit("db", 1))
        async with life(app, "2026-01-05 00:00") as world:
            await world.until("2026-01-05 00:01:35")
        reasons = [record.reason for record in records(app) if record.action == "missed"]
        assert reasons[0].startswith(
            "3 starts missed: its launch was waiting (for limit 'db' (1 of 1 in use)), then the task was running"
        )
        assert reasons[1].startswith("2 starts missed: the task was running (run ")

    async def test_slots_that_met_a_launch_that_waits_where_runs_may_overlap_did_not_meet_a_run(self, autojump_clock):
        app = app_of("every 10 seconds", overlap="allow", multilaunch=True, limits=rate("api", 1, per="1 minute"))
        async with life(app, "2026-01-05 00:00") as world:
            await world.until("2026-01-05 00:01:05")
        assert missed(app)[0][3] == "overlap"
        reason = next(record.reason for record in records(app) if record.action == "missed")
        assert reason.endswith("missed: its launch was waiting (for rate 'api')")

    async def test_cancel_running_ends_the_run_that_is_in_the_way(self, autojump_clock):
        app = app_of("every 10 seconds", lasts(25), overlap="cancel_running")
        async with life(app, "2026-01-05 00:00") as world:
            await world.until("2026-01-05 00:00:31")
        assert started(app) == due(app) == ["05 00:00:00", "05 00:00:10", "05 00:00:20", "05 00:00:30"]
        reasons = [record.reason for record in records(app) if record.action == "terminate"]
        assert reasons[:3] == ["overlap: its next start is due"] * 3
        assert missed(app) == []

    async def test_cancel_running_waits_for_a_run_that_is_slow_to_end(self, autojump_clock):
        async def slow():
            try:
                await trio.sleep(25)
            finally:
                with trio.CancelScope(shield=True):
                    await trio.sleep(4)

        app = app_of("every 10 seconds", slow, overlap="cancel_running")
        async with life(app, "2026-01-05 00:00") as world:
            await world.until("2026-01-05 00:00:16")
            assert due(app) == ["05 00:00:00", "05 00:00:10"]
            assert started(app) == ["05 00:00:00", "05 00:00:14"]
        assert overlapping(app) == 1

    async def test_allow_lets_runs_overlap(self, autojump_clock):
        app = app_of("every 10 seconds", lasts(25), overlap="allow")
        async with life(app, "2026-01-05 00:00") as world:
            await world.until("2026-01-05 00:00:55")
        assert started(app) == due(app) == [f"05 00:00:{second}0" for second in range(6)]
        assert overlapping(app) == 3

    async def test_a_run_that_was_asked_for_is_in_the_way_too(self, autojump_clock):
        app = app_of("cron * * * * *", lasts(100))
        async with life(app, "2026-01-05 00:00:30") as world:
            app.session["it"].run()
            await world.until("2026-01-05 00:03:30")
        assert started(app) == ["05 00:00:30", "05 00:03:00"]
        assert missed(app) == [(2, "05 00:01:00", "05 00:02:00", "overlap")]

    @given(
        st.sampled_from([("skip", 0), ("queue_one", 1), ("queue", 1), ("queue", 2), ("queue", 3)]),
        st.lists(st.integers(0, 45), min_size=1, max_size=6),
    )
    @settings(max_examples=60)
    def test_each_slot_starts_or_waits_or_is_on_record_as_the_policy_says(self, policy, durations):
        (overlap, kept), lengths = policy, cycle(durations)
        app = App(log=None, overlap=overlap, queue_limit=kept or 1)

        @app.task("every 10 seconds")
        async def it():
            await trio.sleep(next(lengths))

        begin = self.play(app, 300)
        runs = [(record.due - begin, record.start - begin) for record in records(app) if record.action == "run"]
        starts, lost = modelled(durations, kept, len(runs))
        assert runs == starts
        found = [(record.first - begin, record.last - begin) for record in records(app) if record.action == "missed"]
        assert found == lost[: len(found)]
        assert overlapping(app) <= 1

    @given(st.sampled_from(["cancel_running", "allow"]), st.lists(st.integers(0, 45), min_size=1, max_size=6))
    @settings(max_examples=30)
    def test_each_slot_starts_at_its_time_where_runs_end_for_it_or_may_overlap(self, overlap, durations):
        lengths = cycle(durations)
        app = App(log=None, overlap=overlap)

        @app.task("every 10 seconds")
        async def it():
            await trio.sleep(next(lengths))

        begin = self.play(app, 300)
        runs = [(record.due - begin, record.start - begin) for record in records(app) if record.action == "run"]
        assert runs == [(10 * number, 10 * number) for number in range(31)]
        assert missed(app) == []
        assert overlapping(app) <= (5 if overlap == "allow" else 1)

    @staticmethod
    def play(app, seconds):
        """Run `app` for so long, then let its last runs end; return when it began."""

        async def main():
            clock = VirtualClock(moment("2026-01-05 00:00"))
            async with open_runtime(app, clock=clock):
                await passes(seconds + 0.5)
                app.session["it"].pause()
                await passes(600)

        trio.run(main, clock=MockClock(autojump_threshold=0))
        return moment("2026-01-05 00:00")


class TestAnyHistory:
    """Whatever happens to the app and its machine, each slot starts one run or is on record as missed once."""

    BEGIN = moment("2026-01-05 00:00")
    events = st.tuples(
        st.sampled_from(["stop", "kill", "suspend", "block"]),
        st.integers(1, 400),  # seconds that it runs before
        st.integers(1, 1500),  # seconds that it is away
    )

    @given(
        st.sampled_from(["every 1 minute", "cron * * * * *", "cron */3 * * * *"]),
        st.sampled_from(["latest", "skip", "all"]),
        st.sampled_from(["skip", "cancel_running", "allow"]),
        st.sampled_from([0, 1, 59, 61, 200]),
        st.lists(events, min_size=1, max_size=5),
    )
    @settings(max_examples=100)
    def test_each_slot_is_decided_once(self, condition, misfire, overlap, duration, events):
        LOG.unlink(missing_ok=True)
        app = trio.run(self.play, condition, {"misfire": misfire, "overlap": overlap}, duration, events, clock=MockClock(0, 0))
        slots = [round(record.due - self.BEGIN) for record in records(app, "it") if record.action == "run"]
        for record in records(app, "it"):
            if record.action == "terminate" and record.start is None:  # it waited for its turn when the app ended
                slots.append(round(record.due - self.BEGIN))
            elif record.action == "missed":
                met = range(round(record.first - self.BEGIN), round(record.last - self.BEGIN) + 1, self.step(condition))
                assert record.count == len(met)
                slots += met
        begin = 0 if condition.startswith("every") else self.step(condition)
        assert sorted(slots) == list(range(begin, max(slots, default=-1) + 1, self.step(condition)))

    @staticmethod
    def step(condition):
        return 180 if "/3" in condition else 60

    async def play(self, condition, options, duration, events):
        wall = self.BEGIN
        for kind, before, away in (*events, ("stop", 400, 0)):
            app = app_of(condition, lasts(duration), **options)
            app.task(func=trio.lowlevel.current_clock().jump, name="block")
            async with life(app, "", clock=VirtualClock(wall - trio.current_time())) as world:
                await passes(before)
                if kind == "suspend":
                    world.clock.step(away)
                elif kind == "block":
                    app.session["block"].run(seconds=away)
                if kind in ("suspend", "block"):
                    await passes(60)
                log = LOG.read_bytes()
                wall = world.clock.now() + away
            if kind == "kill":
                LOG.write_bytes(log)
        return app


class TestBlockedScheduler:
    async def test_slots_that_came_while_a_function_blocked_the_loop_are_late_and_none_is_lost(self, autojump_clock):
        app = App(log=LOG, timezone="UTC")
        names = {"grid": "every 1 minute", "cron": "cron * * * * *", "day": "daily at 00:03"}
        for name, condition in names.items():
            app.task(condition, func=samples.returns_async, name=name)
        app.task(func=lambda: autojump_clock.jump(150), name="blocks")
        async with life(app, "2026-01-05 00:00:00") as world:
            await world.until("2026-01-05 00:01:30")
            app.session["blocks"].run()  # until 00:04:00
            await world.until("2026-01-05 00:05:30")
        assert due(app, "grid")[1:] == ["05 00:01:00", "05 00:04:00", "05 00:05:00"]
        assert missed(app, "grid") == [(2, "05 00:02:00", "05 00:03:00", "blocked")]
        assert due(app, "cron") == ["05 00:01:00", "05 00:04:00", "05 00:05:00"]
        assert missed(app, "cron") == [(2, "05 00:02:00", "05 00:03:00", "blocked")]
        assert (due(app, "day"), started(app, "day")) == (["05 00:03:00"], ["05 00:04:00"])

    async def test_an_hourly_slot_that_came_meanwhile_runs_late(self, autojump_clock):
        app = app_of("cron 0 * * * *")
        app.task(func=lambda: autojump_clock.jump(300), name="blocks")
        async with life(app, "2026-01-05 00:58:00") as world:
            await world.until("2026-01-05 00:59")
            app.session["blocks"].run()
            await world.until("2026-01-05 01:30")
        assert (due(app), started(app)) == (["05 01:00:00"], ["05 01:04:00"])

    async def test_slots_that_came_while_a_main_run_went_on_are_late_and_none_is_lost(self, autojump_clock):
        app = app_of("every 1 minute")
        app.task(func=lasts(150), name="blocks", execution="main")
        async with life(app, "2026-01-05 00:00:00") as world:
            await world.until("2026-01-05 00:00:30")
            app.session["blocks"].run()  # until 00:03:00
            await world.until("2026-01-05 00:04:30")
        assert (due(app)[1], started(app)[1]) == ("05 00:01:00", "05 00:03:00")
        assert due(app)[2:] == ["05 00:03:00", "05 00:04:00"]
        assert missed(app) == [(1, "05 00:02:00", "05 00:02:00", "overlap")]


class TestConditionsThatRaise:
    @staticmethod
    def broken_app(times=math.inf, others=0):
        app = App(log=LOG, timezone="UTC")
        asked = []

        @app.cond()
        def is_free():
            asked.append(trio.current_time())
            if len(asked) <= times:
                raise ValueError("the disk is gone")
            return True

        app.task(daily & is_free, func=samples.returns_async, name="it")
        for number in range(others):
            app.task("every 10 seconds", func=samples.returns_async, name=f"other{number}")
        return app, asked

    async def test_others_go_on(self, autojump_clock):
        app, _ = self.broken_app(others=99)
        async with life(app, "2026-01-05 00:00") as world:
            await world.until("2026-01-05 00:00:29")
        assert [len(started(app, f"other{number}")) for number in range(99)] == [3] * 99
        assert "run" not in actions(app, "it")

    async def test_a_record_says_which_condition_raised_and_what(self, autojump_clock):
        app, _ = self.broken_app()
        async with life(app, "2026-01-05 00:00") as world:
            await world.until("2026-01-05 00:00:00.500")
        (error,) = records(app)
        assert (error.action, error.run_id) == ("error", "")
        assert "its condition is_free raised ValueError: the disk is gone" in error.reason
        assert 'raise ValueError("the disk is gone")' in error.exc_text

    async def test_it_is_asked_again_after_pauses_that_double(self, autojump_clock):
        app, asked = self.broken_app()
        async with life(app, "2026-01-05 00:00") as world:
            await world.until("2026-01-05 00:01:02")
        assert [round(when - asked[0]) for when in asked] == [0, 1, 3, 7, 15, 31]

    async def test_the_pauses_are_never_longer_than_five_minutes(self, autojump_clock):
        app, asked = self.broken_app()
        async with life(app, "2026-01-05 00:00") as world:
            await world.until("2026-01-05 02:00")
        pauses = [round(later - sooner) for sooner, later in pairwise(asked)]
        assert pauses[8:] == [256, *[300] * (len(pauses) - 9)]

    async def test_it_recovers_when_it_raises_no_more(self, autojump_clock):
        app, asked = self.broken_app(times=3)
        async with life(app, "2026-01-05 00:00") as world:
            await world.until("2026-01-05 00:01")
        assert actions(app, "it") == ["error"] * 3 + ["run", "success"]
        assert len(asked) == 4

    async def test_a_condition_that_raised_once_long_ago_begins_again_with_a_short_pause(self, autojump_clock):
        app = App(log=LOG, timezone="UTC")
        asked = []

        @app.cond()
        def is_free():
            asked.append(trio.current_time())
            if len(asked) in (1, 2, 5):
                raise ValueError
            return False

        app.task(is_free, func=samples.returns_async, name="it")
        async with life(app, "2026-01-05 00:00") as world:
            await world.until("2026-01-05 00:00:10")
        assert [round(when - asked[0]) for when in asked[:6]] == [0, 1, 3, 4, 5, 6]

    async def test_a_condition_of_one_s_own_that_raises_when_asked_for_its_next_change_is_treated_alike(self, autojump_clock):
        class Broken(Condition):
            def holds(self, now, facts):
                return False

            def next_change(self, now, facts):
                raise LookupError("no calendar")

            def __str__(self):
                return "on holidays"

        app = app_of(every("10 seconds") | Broken())
        app.task("every 10 seconds", func=samples.returns_async, name="other")
        async with life(app, "2026-01-05 00:00") as world:
            await world.until("2026-01-05 00:00:25")
        assert len(started(app, "other")) == 3
        error = next(record for record in records(app, "it") if record.action == "error")
        assert "its condition on holidays raised LookupError: no calendar" in error.reason

    async def test_a_condition_whose_next_change_is_not_later_cannot_make_the_scheduler_spin(self, autojump_clock):
        class Spins(Condition):
            def holds(self, now, facts):
                return False

            def next_change(self, now, facts):
                return now

        app = app_of(Spins())
        async with life(app, "2026-01-05 00:00") as world:
            await world.until("2026-01-05 00:00:10")
        assert actions(app) == ["error"] * 4
        assert "cannot be followed" in records(app)[0].reason

    async def test_a_task_whose_condition_raises_runs_when_it_is_asked_to(self, autojump_clock):
        app, _ = self.broken_app()
        async with life(app, "2026-01-05 00:00") as world:
            app.session["it"].run()
            await world.until("2026-01-05 00:00:00.500")
        assert actions(app, "it").count("success") == 1

    async def test_a_new_condition_is_asked_at_once(self, autojump_clock):
        app, _ = self.broken_app()
        async with life(app, "2026-01-05 00:00") as world:
            await world.until("2026-01-05 00:00:40")
            app.session["it"].start_cond = "daily"
            await world.until("2026-01-05 00:00:41")
        assert started(app) == ["05 00:00:40"]


class TestOncePerDay:
    """``daily`` and its kind count how and when runs end."""

    async def test_a_run_that_ends_after_midnight_uses_up_the_new_day(self, autojump_clock):
        app = app_of("daily", lasts(360))
        async with life(app, "2026-01-05 23:59") as world:
            await world.until("2026-01-07 00:00:01")
        assert started(app) == ["05 23:59:00", "07 00:00:00"]

    async def test_a_run_longer_than_a_minute_takes_every_second_minute(self, autojump_clock):
        app = app_of("minutely", lasts(70))
        async with life(app, "2026-01-05 00:00") as world:
            await world.until("2026-01-05 00:05:30")
        assert started(app) == ["05 00:00:00", "05 00:02:00", "05 00:04:00"]

    @pytest.mark.parametrize(("function", "action"), [(fails, "fail"), (inacts, "inaction")])
    async def test_a_failure_and_an_inaction_wait_for_the_next_day(self, function, action, autojump_clock):
        app = app_of("daily", function)
        async with life(app, "2026-01-05 12:00") as world:
            await world.until("2026-01-06 00:00:01")
        assert started(app) == ["05 12:00:00", "06 00:00:00"]
        assert actions(app) == ["run", action] * 2

    async def test_a_run_that_was_terminated_waits_for_the_next_day(self, autojump_clock):
        app = app_of("daily", lasts(3600))
        async with life(app, "2026-01-05 12:00") as world:
            await world.until("2026-01-05 12:10")
            app.session["it"].terminate()
            await world.until("2026-01-05 23:59:59")
        assert actions(app) == ["run", "terminate"]

    @pytest.mark.parametrize("condition", ["daily", "daily at 12:00"])
    async def test_a_run_that_a_crash_cut_off_runs_again_on_the_same_day(self, condition, autojump_clock):
        async with life(app_of(condition, lasts(3600)), "2026-01-05 11:59:59") as world:
            await world.until("2026-01-05 12:10")
            log = LOG.read_bytes()
        LOG.write_bytes(log)  # as if the process had been killed just then
        app = app_of(condition, lasts(60))
        async with life(app, "2026-01-05 12:30") as world:
            await world.until("2026-01-05 18:00")
        assert actions(app) == ["run", "crash", "run", "success"]
        assert started(app)[-1] == "05 12:30:00"

    @pytest.mark.parametrize("condition", ["every 1 hour", "cron 0 12 * * *"])
    async def test_a_run_that_a_crash_cut_off_has_used_up_its_slot(self, condition, autojump_clock):
        async with life(app_of(condition, lasts(3600)), "2026-01-05 11:59:59") as world:
            await world.until("2026-01-05 12:10")
            log = LOG.read_bytes()
        LOG.write_bytes(log)
        app = app_of(condition, lasts(60))
        async with life(app, "2026-01-05 12:30") as world:
            await world.until("2026-01-05 12:59")
        assert actions(app) == ["run", "crash"]

    async def test_the_part_of_a_day_counts_what_ended_in_it_only(self, autojump_clock):
        app = app_of("daily after 10:00")
        async with life(app, "2026-01-05 09:00") as world:
            app.session["it"].run()
            await world.until("2026-01-05 23:00")
        assert started(app) == ["05 09:00:00", "05 10:00:00"]

    async def test_a_night_belongs_to_the_day_on_which_it_began(self, autojump_clock):
        app = app_of("daily between 22:00 and 04:00", lasts(3600))
        async with life(app, "2026-01-05 21:00") as world:
            await world.until("2026-01-06 22:00:01")
        assert started(app) == ["05 22:00:00", "06 22:00:00"]

    async def test_a_part_of_a_day_that_passed_while_the_app_was_down_is_over(self, autojump_clock):
        app = app_of("daily between 10:00 and 12:00")
        async with life(app, "2026-01-05 12:30") as world:
            await world.until("2026-01-06 09:59")
        assert started(app) == []

    async def test_time_of_day_alone_starts_the_task_again_while_it_is_open(self, autojump_clock):
        app = app_of("time of day between 10:00 and 10:01", lasts(20))
        async with life(app, "2026-01-05 09:59") as world:
            await world.until("2026-01-05 10:05")
        assert started(app) == ["05 10:00:00", "05 10:00:20", "05 10:00:40"]

    async def test_a_period_within_a_part_of_the_day_begins_when_that_does(self, autojump_clock):
        app = app_of("every 20 minutes & time of day between 10:00 and 11:00")
        async with life(app, "2026-01-05 09:30") as world:
            await world.until("2026-01-06 10:00:01")
        assert started(app) == ["05 10:00:00", "05 10:20:00", "05 10:40:00", "06 10:00:00"]
        assert missed(app) == []


class TestRetries:
    async def test_a_daily_task_that_fails_is_tried_again_as_often_as_it_says(self, autojump_clock):
        app = app_of(daily | retry(3), fails)
        async with life(app, "2026-01-05 12:00") as world:
            await world.until("2026-01-05 23:59")
        assert actions(app) == ["run", "fail"] * 4

    async def test_failures_count_over_days_until_a_run_ends_otherwise(self, autojump_clock):
        app = app_of(daily | retry(3), fails)
        async with life(app, "2026-01-05 23:59") as world:
            await world.until("2026-01-07 00:01")
        assert len(started(app)) == 4 + 1 + 1

    @pytest.mark.parametrize("ending", ["success", "inaction"])
    async def test_another_ending_begins_the_count_anew(self, ending, autojump_clock):
        outcomes = iter(["fail"] * 4 + [ending] + ["fail"] * 10)

        async def it():
            match next(outcomes):
                case "fail":
                    raise ValueError
                case "inaction":
                    raise TaskInactionException

        app = app_of(daily | retry(3), it)
        async with life(app, "2026-01-05 23:59") as world:
            await world.until("2026-01-07 00:01")
        assert actions(app)[1::2] == ["fail"] * 4 + [ending] + ["fail"] * 4

    async def test_the_count_is_kept_over_a_restart(self, autojump_clock):
        async with life(app_of(daily | retry(3), fails), "2026-01-05 12:00") as world:
            await world.until("2026-01-05 12:01")
        app = app_of(daily | retry(3), fails)
        async with life(app, "2026-01-05 13:00") as world:
            await world.until("2026-01-05 13:01")
        assert len(started(app)) == 4

    async def test_what_is_tried_again_needs_a_first_run(self, autojump_clock):
        app = app_of(retry(3), fails)
        async with life(app, "2026-01-05 12:00") as world:
            await world.until("2026-01-05 12:01")
            assert started(app) == []
            app.session["it"].run()
            await world.until("2026-01-05 12:02")
        assert len(started(app)) == 4

    async def test_every_counts_starts_and_retries_do_not_move_the_others(self, autojump_clock):
        app = app_of("daily at 08:00 | retry 1 times", fails)
        async with life(app, "2026-01-05 07:59") as world:
            await world.until("2026-01-06 08:00:01")
        assert due(app)[0] == "05 08:00:00"
        assert due(app)[2] == "06 08:00:00"
        assert len(started(app)) == 3  # the failures in a row are more than one on the second day


class TestEvery:
    async def test_it_counts_starts(self, autojump_clock):
        app = app_of("every 10 seconds", lasts(4))
        async with life(app, "2026-01-05 00:00") as world:
            await world.until("2026-01-05 00:00:35")
        assert started(app) == ["05 00:00:00", "05 00:00:10", "05 00:00:20", "05 00:00:30"]

    async def test_it_counts_starts_also_of_runs_that_failed(self, autojump_clock):
        app = app_of("every 10 seconds", fails)
        async with life(app, "2026-01-05 00:00") as world:
            await world.until("2026-01-05 00:00:25")
        assert started(app) == ["05 00:00:00", "05 00:00:10", "05 00:00:20"]

    async def test_based_on_finish_it_is_the_time_between_an_end_and_a_start(self, autojump_clock):
        app = app_of(every("10 seconds", based="finish"), lasts(4))
        async with life(app, "2026-01-05 00:00") as world:
            await world.until("2026-01-05 00:00:45")
        assert started(app) == ["05 00:00:00", "05 00:00:14", "05 00:00:28", "05 00:00:42"]

    async def test_based_on_finish_it_waits_for_the_rest_of_the_time_after_a_restart(self, autojump_clock):
        async with life(app_of(every("1 hour", based="finish")), "2026-01-05 00:00") as world:
            await world.until("2026-01-05 00:10")
        app = app_of(every("1 hour", based="finish"))
        async with life(app, "2026-01-05 00:30") as world:
            await world.until("2026-01-05 01:30")
        assert started(app) == ["05 00:00:00", "05 01:00:00"]

    async def test_based_on_success_it_starts_again_at_once_until_it_succeeds(self, autojump_clock):
        outcomes = iter([ValueError, ValueError, None, None])

        async def it():
            await trio.sleep(1)
            if (error := next(outcomes)) is not None:
                raise error

        app = app_of(every("10 seconds", based="success"), it)
        async with life(app, "2026-01-05 00:00") as world:
            await world.until("2026-01-05 00:00:14")
        assert started(app) == ["05 00:00:00", "05 00:00:01", "05 00:00:02", "05 00:00:13"]


class TestAfter:
    """``after_success`` and its kind."""

    @staticmethod
    def pipeline(condition, function=samples.returns_async, **first):
        app = App(log=LOG, timezone="UTC")
        for name in ("a", "b"):
            app.task(func=first.get(name, samples.returns_async), name=name)
        app.task(condition, func=function, name="then")
        return app

    async def test_each_success_starts_one_run(self, autojump_clock):
        app = self.pipeline(after_success("a"))
        async with life(app, "2026-01-05 00:00"):
            for _ in range(3):
                app.session["a"].run()
                await passes(10)
        assert len(started(app, "then")) == 3

    async def test_it_is_due_when_the_other_ended(self, autojump_clock):
        app = self.pipeline(after_success("a"), a=lasts(5))
        async with life(app, "2026-01-05 00:00"):
            app.session["a"].run()
            await passes(10)
        assert due(app, "then") == started(app, "then") == ["05 00:00:05"]

    async def test_several_successes_before_a_start_are_one_run(self, autojump_clock):
        app = self.pipeline(after_success("a") & scheduler_running(more_than="1 minute"))
        async with life(app, "2026-01-05 00:00"):
            for _ in range(3):
                app.session["a"].run()
                await passes(10)
            await passes(60)
        assert started(app, "then") == ["05 00:01:00"]

    async def test_successes_during_a_run_start_one_more(self, autojump_clock):
        app = self.pipeline(after_success("a"), lasts(100))
        async with life(app, "2026-01-05 00:00"):
            for _ in range(4):
                app.session["a"].run()
                await passes(10)
            await passes(400)
        assert started(app, "then") == ["05 00:00:00", "05 00:01:40"]

    async def test_a_success_at_the_very_moment_of_a_start_is_not_lost(self, autojump_clock):
        app = self.pipeline(after_success("a"), lasts(1))
        async with life(app, "2026-01-05 00:00"):
            app.session["a"].run()
            await trio.sleep(0)
            await wait_all_tasks_blocked()
            app.session["a"].run()
            await passes(10)
        assert {record.start for record in records(app, "a")} == {records(app, "then")[0].start}
        assert started(app, "then") == ["05 00:00:00", "05 00:00:01"]

    async def test_a_run_that_fails_is_not_started_again(self, autojump_clock):
        app = self.pipeline(after_success("a"), fails)
        async with life(app, "2026-01-05 00:00"):
            app.session["a"].run()
            await passes(100)
        assert actions(app, "then") == ["run", "fail"]

    async def test_each_of_several_tasks_sees_every_success(self, autojump_clock):
        app = self.pipeline(after_success("a"))
        app.task(after_success("a"), func=samples.returns_async, name="too")
        async with life(app, "2026-01-05 00:00"):
            app.session["a"].run()
            await passes(10)
        assert len(started(app, "then")) == len(started(app, "too")) == 1

    async def test_a_success_of_a_former_life_counts_if_nothing_was_made_of_it(self, autojump_clock):
        app = self.pipeline(None)
        async with life(app, "2026-01-05 00:00"):
            app.session["a"].run()
            await passes(10)
        for since in ("01:00", "02:00"):
            app = self.pipeline(after_success("a"))
            async with life(app, f"2026-01-05 {since}"):
                await passes(10)
        assert started(app, "then") == ["05 01:00:00"]

    async def test_a_restart_on_a_clock_that_was_set_back_loses_no_success_and_doubles_none(self, autojump_clock):
        for since in ("03:00", "02:00", "01:00"):
            app = self.pipeline(after_success("a"))
            async with life(app, f"2026-01-05 {since}"):
                await passes(10)
                app.session["a"].run()
                await passes(10)
        assert len(started(app, "then")) == 3

    async def test_all_waits_for_each_of_them(self, autojump_clock):
        app = self.pipeline(after_all_success("a", "b"))
        async with life(app, "2026-01-05 00:00"):
            for name in ("a", "a", "b", "b", "a"):
                app.session[name].run()
                await passes(10)
        assert started(app, "then") == ["05 00:00:20", "05 00:00:40"]

    async def test_any_is_content_with_one_of_them(self, autojump_clock):
        app = self.pipeline(after_any_success("a", "b"))
        async with life(app, "2026-01-05 00:00"):
            for name in ("a", "b", "b"):
                app.session[name].run()
                await passes(10)
        assert started(app, "then") == ["05 00:00:00", "05 00:00:10", "05 00:00:20"]

    async def test_finish_is_success_or_failure(self, autojump_clock):
        app = self.pipeline(after_all_finish("a", "b"), a=fails)
        async with life(app, "2026-01-05 00:00"):
            app.session["a"].run()
            app.session["b"].run()
            await passes(10)
        assert len(started(app, "then")) == 1

    @pytest.mark.parametrize(
        ("function", "starting"),
        [(samples.returns_async, ["success", "finish"]), (fails, ["fail", "finish"]), (inacts, [])],
    )
    async def test_each_ending_starts_what_waits_for_it(self, function, starting, autojump_clock):
        app = App(log=LOG, timezone="UTC")
        app.task(func=function, name="a")
        conditions = {"success": after_success, "fail": after_fail, "finish": after_finish, "terminate": after_terminate}
        for name, after in conditions.items():
            app.task(after("a"), func=samples.returns_async, name=name)
        async with life(app, "2026-01-05 00:00"):
            app.session["a"].run()
            await passes(10)
        assert [name for name in conditions if started(app, name)] == starting

    async def test_a_terminated_run_starts_what_waits_for_that(self, autojump_clock):
        app = self.pipeline(after_terminate("a"), a=lasts(100))
        app.task(after_finish("a"), func=samples.returns_async, name="other")
        async with life(app, "2026-01-05 00:00"):
            app.session["a"].run()
            await passes(10)
            app.session["a"].terminate()
            await passes(10)
        assert (started(app, "then"), started(app, "other")) == (["05 00:00:10"], [])

    async def test_tasks_may_be_named_by_their_functions(self, autojump_clock):
        app = App(log=LOG, timezone="UTC")

        @app.task(name="something else")
        async def fetch(): ...

        @app.task(after_success(fetch))
        async def then(): ...

        async with life(app, "2026-01-05 00:00"):
            app.session[fetch].run()
            await passes(10)
        assert len(started(app, "then")) == 1

    async def test_two_tasks_that_follow_each_other_go_round(self, autojump_clock):
        app = App(log=LOG, timezone="UTC")
        app.task("after task 'b'", func=lasts(1), name="a")
        app.task("after task 'a'", func=lasts(1), name="b")
        async with life(app, "2026-01-05 00:00"):
            app.session["a"].run()
            await passes(9.5)
        assert len(started(app, "a")) == len(started(app, "b")) == 5


class TestDelayedStarts:
    """Jitter and spread delay starts, and change nothing else."""

    OPTIONS = ({"jitter": "50 minutes"}, {"spread": "50 minutes"}, {"jitter": "20 minutes", "spread": "20 minutes"})

    async def undisturbed(self, options):
        """Return when the start for one o'clock is, if nothing happens."""
        app = app_of("cron 0 * * * *", **options)
        async with life(app, "2026-01-04 00:59") as world:
            await world.until("2026-01-04 01:59")
        (begun,) = [record for record in records(app) if record.action == "run"]
        LOG.unlink()
        return begun.late

    async def test_a_start_is_later_than_its_slot_which_it_is_due_for(self, autojump_clock):
        app = app_of("cron 0 * * * *", jitter="10 minutes", spread="10 minutes")
        async with life(app, "2026-01-05 00:59") as world:
            await world.until("2026-01-05 05:59")
        begun = [record for record in records(app) if record.action == "run"]
        assert due(app) == [f"05 0{hour}:00:00" for hour in range(1, 6)]
        assert all(0 < record.late < 1200 for record in begun)
        assert [record.start for record in begun] == [pytest.approx(record.due + record.late) for record in begun]
        assert len({round(record.late, 3) for record in begun}) == 5

    async def test_spread_is_the_same_at_each_slot_and_differs_from_task_to_task(self, autojump_clock):
        app = App(log=LOG, timezone="UTC")
        for name in "abcde":
            app.task("cron 0 * * * *", func=samples.returns_async, name=name, spread="10 minutes")
        async with life(app, "2026-01-05 00:59") as world:
            await world.until("2026-01-05 02:59")
        lates = [{round(record.late, 3) for record in records(app, name) if record.action == "run"} for name in "abcde"]
        assert [len(late) for late in lates] == [1] * 5
        assert len(set.union(*lates)) == 5

    async def test_a_delay_as_long_as_the_period_costs_no_slot(self, autojump_clock):
        app = app_of("every 1 minute", jitter="10 minutes")
        async with life(app, "2026-01-05 00:00") as world:
            await world.until("2026-01-05 00:20")
        assert due(app) == [f"05 00:{minute:02}:00" for minute in range(len(due(app)))]
        assert len(due(app)) >= 19
        assert all(record.late <= 60 for record in records(app) if record.action == "run")

    @pytest.mark.parametrize("options", OPTIONS)
    async def test_a_crash_before_the_delayed_start_changes_nothing(self, options, autojump_clock):
        late = await self.undisturbed(options)
        slot = moment("2026-01-04 01:00")
        async with life(app_of("cron 0 * * * *", **options), "2026-01-04 00:59") as world:
            await world.until("2026-01-04 01:00:01")
            log = LOG.read_bytes()
        LOG.write_bytes(log)
        app = app_of("cron 0 * * * *", **options)
        async with life(app, "2026-01-04 01:00:20") as world:
            await world.until("2026-01-04 01:59")
        begun = [(record.due - slot, record.late) for record in records(app) if record.action == "run"]
        assert begun == [(0, pytest.approx(late))]

    @pytest.mark.parametrize("options", OPTIONS)
    async def test_a_restart_before_the_delayed_start_changes_nothing(self, options, autojump_clock):
        late = await self.undisturbed(options)
        slot = moment("2026-01-04 01:00")
        async with life(app_of("cron 0 * * * *", **options), "2026-01-04 00:59") as world:
            await world.until("2026-01-04 01:00:01")
        app = app_of("cron 0 * * * *", **options)
        async with life(app, "2026-01-04 01:00:20") as world:
            await world.until("2026-01-04 01:59")
        begun = [(record.due - slot, record.late) for record in records(app) if record.action == "run"]
        assert begun == [(0, pytest.approx(late))]

    async def test_starts_that_are_made_up_for_are_spread_over_a_tenth_of_the_period(self, autojump_clock):
        async with life(app_of("every 1 hour", jitter="50 minutes"), "2026-01-05 00:00") as world:
            await world.until("2026-01-05 00:59")
        app = app_of("every 1 hour", jitter="50 minutes")
        async with life(app, "2026-01-05 05:30") as world:
            await world.until("2026-01-05 05:59")
        begun = [record for record in records(app) if record.action == "run"][-1]
        assert shown(begun.due) == "05 05:00:00"
        assert moment("2026-01-05 05:30") <= begun.start < moment("2026-01-05 05:36")

    async def test_the_start_of_an_app_is_not_delayed_where_it_is_asked_for(self, autojump_clock):
        app = app_of("cron 0 * * * *", jitter="50 minutes")
        async with life(app, "2026-01-05 00:10"):
            app.session["it"].run()
            await passes(1)
        assert started(app) == ["05 00:10:00"]


class TestDeadlines:
    async def test_a_slot_that_is_too_old_is_on_record_and_does_not_run(self, autojump_clock):
        async with life(app_of("cron 0 8 * * *", deadline="10 minutes"), "2026-01-05 07:59") as world:
            await world.until("2026-01-05 08:01")
        app = app_of("cron 0 8 * * *", deadline="10 minutes")
        async with life(app, "2026-01-06 08:10:01") as world:
            await world.until("2026-01-07 08:00:01")
        assert started(app) == ["05 08:00:00", "07 08:00:00"]
        assert missed(app) == [(1, "06 08:00:00", "06 08:00:00", "deadline")]

    async def test_one_that_is_not_runs_late(self, autojump_clock):
        async with life(app_of("cron 0 8 * * *", deadline="10 minutes"), "2026-01-05 07:59") as world:
            await world.until("2026-01-05 08:01")
        app = app_of("cron 0 8 * * *", deadline="10 minutes")
        async with life(app, "2026-01-06 08:09:59") as world:
            await world.until("2026-01-06 08:30")
        assert started(app) == ["05 08:00:00", "06 08:09:59"]
        assert missed(app) == []

    async def test_a_start_that_waits_for_its_turn_for_too_long_is_on_record(self, autojump_clock):
        app = app_of("cron 0 * * * *", deadline="10 minutes")
        app.task(func=lasts(HOUR), name="blocks", execution="main", timeout="never")
        async with life(app, "2026-01-05 00:50") as world:
            app.session["blocks"].run()
            await world.until("2026-01-05 02:00:01")
        assert started(app) == ["05 02:00:00"]
        assert missed(app) == [(1, "05 01:00:00", "05 01:00:00", "deadline")]

    async def test_so_are_the_slots_that_came_behind_it(self, autojump_clock):
        app = app_of("cron 0 * * * *", deadline="10 minutes")
        app.task(func=lasts(3 * HOUR), name="blocks", execution="main", timeout="never")
        async with life(app, "2026-01-05 00:50") as world:
            app.session["blocks"].run()  # until 03:50
            await world.until("2026-01-05 04:00:01")
        assert started(app) == ["05 04:00:00"]
        assert sum(count for count, *_ in missed(app)) == 3

    async def test_slots_that_came_behind_a_start_which_was_terminated_are_not_lost(self, autojump_clock):
        app = app_of("cron 0 * * * *")
        app.task(func=lasts(3 * HOUR), name="blocks", execution="main", timeout="never")
        async with life(app, "2026-01-05 00:50") as world:
            app.session["blocks"].run()  # until 03:50
            await world.until("2026-01-05 03:30")
            app.session["it"].terminate()  # the start for 01:00
            await world.until("2026-01-05 04:00:01")
        assert len(started(app)) + sum(count for count, *_ in missed(app)) == 3

    @pytest.mark.parametrize("overlap", ["queue_one", "queue"])
    async def test_a_slot_that_met_a_run_and_is_too_old_when_that_ends_is_on_record(self, overlap, autojump_clock):
        app = app_of("every 1 hour", lasts(1.5 * HOUR), deadline="10 minutes", overlap=overlap, timeout="never")
        async with life(app, "2026-01-05 00:00") as world:
            await world.until("2026-01-05 02:00:01")
        assert started(app) == ["05 00:00:00", "05 02:00:00"]
        assert [(count, first) for count, first, *_ in missed(app)] == [(1, "05 01:00:00")]


class TestCustomConditions:
    @staticmethod
    def asking_app(condition, poll=1.0, answer=lambda count: True):
        """Return an app with a task on a custom condition, and when that was asked, in seconds."""
        app = App(log=LOG, timezone="UTC")
        asked = []

        @app.cond(poll=poll)
        def is_free():
            asked.append(round(trio.current_time(), 3))
            return answer(len(asked))

        app.task(condition(is_free), func=lasts(5), name="it")
        return app, asked

    async def test_it_is_asked_at_its_interval_until_it_says_yes(self, autojump_clock):
        app, asked = self.asking_app(lambda is_free: daily & is_free, "10 seconds", lambda count: count == 4)
        async with life(app, "2026-01-05 00:00") as world:
            await world.until("2026-01-05 00:05")
        assert asked == [0, 10, 20, 30]
        assert started(app) == ["05 00:00:30"]

    async def test_it_is_not_asked_while_nothing_depends_on_it(self, autojump_clock):
        app, asked = self.asking_app(lambda is_free: daily.between("10:00", "10:01") & is_free, "10 seconds", lambda count: False)
        async with life(app, "2026-01-05 09:59") as world:
            await world.until("2026-01-05 10:05")
        assert asked == [60, 70, 80, 90, 100, 110]
        assert started(app) == []

    async def test_it_is_not_asked_while_the_task_runs(self, autojump_clock):
        app, asked = self.asking_app(lambda is_free: is_free)
        async with life(app, "2026-01-05 00:00") as world:
            await world.until("2026-01-05 00:00:12")
        assert started(app) == ["05 00:00:00", "05 00:00:05", "05 00:00:10"]
        assert asked == [0, 5, 10]

    async def test_what_it_said_before_a_start_is_used_up(self, autojump_clock):
        app, asked = self.asking_app(lambda is_free: is_free, "1 minute", lambda count: count < 3)
        async with life(app, "2026-01-05 00:00") as world:
            await world.until("2026-01-05 00:00:50")
        assert asked == [0, 5, 10]
        assert len(started(app)) == 2

    async def test_it_may_be_turned_round(self, autojump_clock):
        app, asked = self.asking_app(lambda is_free: daily & ~is_free, answer=lambda count: count < 3)
        async with life(app, "2026-01-05 00:00") as world:
            await world.until("2026-01-05 00:01")
        assert asked == [0, 1, 2]
        assert started(app) == ["05 00:00:02"]

    async def test_it_may_be_async(self, autojump_clock):
        app = App(log=LOG, timezone="UTC")

        @app.cond()
        async def is_free():
            await trio.sleep(3)
            return True

        app.task("daily & is_free", func=samples.returns_async, name="it")
        app.task("every 1 second", func=samples.returns_async, name="other")
        async with life(app, "2026-01-05 00:00") as world:
            await world.until("2026-01-05 00:00:10.500")
        assert started(app) == ["05 00:00:03"]
        assert len(started(app, "other")) == 11

    async def test_one_that_does_not_answer_is_an_error_and_not_the_end(self, autojump_clock):
        app = App(log=LOG, timezone="UTC")

        @app.cond()
        async def is_free():
            await trio.sleep_forever()

        app.task(is_free, func=samples.returns_async, name="it")
        async with life(app, "2026-01-05 00:00") as world:
            await world.until("2026-01-05 00:00:10.500")
        assert actions(app) == ["error"]
        assert "did not answer within 10 s" in records(app)[0].reason

    async def test_one_that_does_not_answer_holds_up_no_shutdown(self, autojump_clock):
        app = App(log=LOG, timezone="UTC")

        @app.cond()
        async def is_free():
            await trio.sleep_forever()

        app.task(is_free, func=samples.returns_async, name="it")
        async with life(app, "2026-01-05 00:00"):
            await passes(1)
        assert trio.current_time() < 2

    async def test_it_is_told_for_which_task_it_is_asked(self, autojump_clock):
        app = App(log=LOG, timezone="UTC")
        seen = set()

        @app.cond()
        def is_first(task=Task(), other=Task("b")):
            seen.add((task.name, other.name))
            return task.name == "a"

        for name in "ab":
            app.task(daily & is_first, func=samples.returns_async, name=name)
        async with life(app, "2026-01-05 00:00") as world:
            await world.until("2026-01-05 00:00:02")
        assert seen == {("a", "b"), ("b", "b")}
        assert (len(started(app, "a")), started(app, "b")) == (1, [])

    async def test_it_is_asked_for_each_set_of_arguments(self, autojump_clock):
        app = App(log=LOG, timezone="UTC")
        seen = []

        @app.cond()
        def has_space(disk, least=1):
            seen.append((disk, least))
            return disk == "/tmp" or least == 0

        app.task(daily & has_space("/tmp") & ~has_space(disk="/home"), func=samples.returns_async, name="object")
        app.task("daily & has_space('/home', least=0)", func=samples.returns_async, name="text")
        async with life(app, "2026-01-05 00:00") as world:
            await world.until("2026-01-05 00:00:00.500")
        assert (len(started(app, "object")), len(started(app, "text"))) == (1, 1)
        assert sorted(seen) == [("/home", 0), ("/home", 1), ("/tmp", 1)]

    async def test_a_slot_waits_for_it(self, autojump_clock):
        app, _ = self.asking_app(lambda is_free: daily.at("08:00") & is_free, answer=lambda count: count > 100)
        async with life(app, "2026-01-05 07:59") as world:
            await world.until("2026-01-05 09:00")
        assert (due(app), started(app)) == (["05 08:00:00"], ["05 08:01:40"])

    async def test_slots_at_which_it_said_no_are_not_missed(self, autojump_clock):
        app, _ = self.asking_app(lambda is_free: every("10 seconds") & is_free, answer=lambda count: count in (1, 60))
        async with life(app, "2026-01-05 00:00") as world:
            await world.until("2026-01-05 00:02")
        assert len(started(app)) == 2
        assert missed(app) == []

    async def test_slots_at_which_it_said_no_are_not_made_up_for(self, autojump_clock):
        app, _ = self.asking_app(lambda is_free: every("10 seconds") & is_free, answer=lambda count: count in (1, 60))
        app.session["it"].misfire = "all"
        async with life(app, "2026-01-05 00:00") as world:
            await world.until("2026-01-05 00:03")
        assert len(started(app)) == 2


class TestConditionsAboutTheApp:
    async def test_scheduler_running_holds_from_then_on(self, autojump_clock):
        app = app_of("daily & scheduler has run over 10 seconds")
        async with life(app, "2026-01-05 00:00") as world:
            await world.until("2026-01-05 00:01")
        assert started(app) == ["05 00:00:10"]

    @pytest.mark.parametrize("span", [0.7, 1.1, 2.3])
    @pytest.mark.parametrize("since", [0.1, 0.3, 0.6])
    async def test_it_does_so_whatever_is_rounded(self, since, span, autojump_clock):
        app = app_of(scheduler_running(more_than=span) & daily)
        async with life(app, f"2026-01-05 00:00:00.{round(since * 10)}"):
            await passes(5)
        assert len(started(app)) == 1

    @pytest.mark.parametrize("span", [0.7, 1.1, 2.3])
    @pytest.mark.parametrize("since", [0.1, 0.3, 0.6])
    async def test_a_run_that_lasts_for_long_is_noticed_whatever_is_rounded(self, since, span, autojump_clock):
        app = App(log=LOG, timezone="UTC")
        app.task(func=lasts(10), name="long")
        app.task(f"daily & task 'long' is running for more than {span} seconds", func=samples.returns_async, name="it")
        async with life(app, f"2026-01-05 00:00:00.{round(since * 10)}"):
            app.session["long"].run()
            await passes(5)
        assert len(started(app)) == 1

    async def test_scheduler_running_begins_anew_with_each_start(self, autojump_clock):
        for since in ("00:00", "01:00"):
            app = app_of(scheduler_running(less_than="10 seconds"), lasts(6))
            async with life(app, f"2026-01-05 {since}"):
                await passes(60)
        assert started(app) == ["05 00:00:00", "05 00:00:06", "05 01:00:00", "05 01:00:06"]

    async def test_scheduler_cycles_count_what_there_was_to_decide(self, autojump_clock):
        app = app_of(daily & scheduler_cycles(more_than=20))
        app.task(func=samples.returns_async, name="other")
        async with life(app, "2026-01-05 00:00"):
            await passes(10)
            assert started(app) == []
            for _ in range(20):
                app.session["other"].run()
                await passes(1)
        assert len(started(app)) == 1

    async def test_scheduler_cycles_may_be_too_many(self, autojump_clock):
        app = app_of(scheduler_cycles(less_than=5), lasts(1))
        async with life(app, "2026-01-05 00:00"):
            await passes(60)
        assert 1 <= len(started(app)) <= 3

    @pytest.mark.parametrize(("env", "count"), [("test", 1), ("prod", 0), (None, 0)])
    async def test_env_compares_with_that_of_the_app(self, env, count, autojump_clock):
        app = App(log=LOG, env=env)
        app.task("daily & env 'test'", func=samples.returns_async, name="it")
        async with life(app, "2026-01-05 00:00"):
            await passes(1)
        assert len(started(app)) == count

    async def test_env_may_change_while_the_app_runs(self, autojump_clock):
        app = App(log=LOG, env="prod")
        app.task("daily & env 'test'", func=samples.returns_async, name="it")
        async with life(app, "2026-01-05 00:00"):
            await passes(1)
            app.session.config.env = "test"
            await passes(1)
        assert len(started(app)) == 1

    @pytest.mark.parametrize(
        ("condition", "count"),
        [("param 'x' exists", 1), ("param 'x' is '1'", 1), ("param 'x' is '2'", 0), ("param 'y' exists", 0)],
    )
    async def test_param_asks_for_the_parameters_of_the_task(self, condition, count, autojump_clock):
        app = app_of(f"daily & {condition}", samples.returns_it, parameters={"x": 1})
        async with life(app, "2026-01-05 00:00"):
            await passes(1)
        assert len(started(app)) == count

    async def test_parameters_may_change_while_the_app_runs(self, autojump_clock):
        app = app_of("daily & param 'x' is '2'", samples.returns_it, parameters={"x": 1})
        async with life(app, "2026-01-05 00:00"):
            await passes(1)
            app.session["it"].parameters = {"x": 2}
            await passes(1)
        assert started(app) == ["05 00:00:01"]
