"""What the lookout makes of conditions that misbehave, of tasks that come and go, and of logs that say odd things."""

import logging
import math

import pytest
import trio

import samples
from actors import App, Condition, running
from actors.conds import every
from helpers import records
from runtime import open_runtime
from runtime.runlog.file_log import FileLog
from test_scenarios import HOUR, LOG, app_of, due, lasts, life, missed, passes, started


class Broken(Condition):
    """A condition of a user's, with whatever is wrong with it."""

    def __init__(self, *, raises=None, change=math.inf):
        self.raises, self.change = raises, change

    def holds(self, now, facts):
        if self.raises is not None:
            raise self.raises("on purpose")
        return False

    def next_change(self, now, facts):
        return self.change


class Nameless(Condition):
    """A condition that cannot even be shown."""

    def holds(self, now, facts):
        raise ValueError("on purpose")

    def __str__(self):
        raise RuntimeError("no text")


def errors(app, task="it"):
    return [record.reason for record in records(app, task) if record.action == "error"]


class TestConditionsOfAUsers:
    @pytest.mark.parametrize(
        "condition", [Broken(change=math.nan), Broken(change=-math.inf), Broken(raises=SystemExit), Nameless()]
    )
    async def test_whatever_is_wrong_with_one_only_its_own_task_stops(self, condition, autojump_clock):
        app = app_of(condition)
        app.task("every 1 hour", func=samples.returns_async, name="other")
        async with life(app, "2026-01-05 00:00"):
            await passes(3.5 * HOUR)
        assert len(started(app, "other")) == 4
        assert errors(app)
        assert started(app) == []

    async def test_one_that_raises_for_four_days_is_still_asked(self, autojump_clock):
        app = app_of(Broken(raises=ValueError))
        async with life(app, "2026-01-05 00:00"):
            await passes(4 * 24 * HOUR)
        assert len(errors(app)) > 1100
        assert errors(app)[-1].endswith("it is asked again in 5 minutes")

    async def test_the_pauses_stay_as_they_are_when_an_option_is_changed(self, autojump_clock):
        app = app_of(Broken(raises=ValueError))
        async with life(app, "2026-01-05 00:00"):
            for number in range(100):
                await passes(1)
                app.session.config.max_thread_count = number + 1
        assert len(errors(app)) == 7

    async def test_slots_that_passed_while_it_raised_are_on_record(self, autojump_clock):
        app, answers = App(log=LOG, timezone="UTC"), {"error": ValueError("on purpose")}

        @app.cond()
        def ok():
            if answers["error"] is not None:
                raise answers["error"]
            return True

        app.task("cron */10 * * * * & ok", func=samples.returns_async, name="it")
        async with life(app, "2026-01-05 00:05"):
            await passes(3 * HOUR)
            answers["error"] = None
            await passes(600)
        assert sum(count for count, *_ in missed(app)) + len(due(app)) == 19
        assert missed(app)[0][3] == "error"


class TestCustomConditions:
    async def test_slots_that_meet_a_run_are_skipped_also_where_a_function_has_to_be_asked_first(self, autojump_clock):
        app = App(log=LOG, timezone="UTC")

        @app.cond()
        def ok():
            return True

        app.task(every("1 minute") & ok, func=lasts(150), name="it")
        async with life(app, "2026-01-05 00:00"):
            await passes(200)
        assert started(app) == ["05 00:00:00", "05 00:03:00"]
        assert missed(app) == [(2, "05 00:01:00", "05 00:02:00", "overlap")]

    async def test_one_that_ignores_its_cancellation_does_not_hold_up_the_end(self, autojump_clock):
        app, release = App(log=LOG, timezone="UTC"), trio.Event()

        @app.cond()
        async def stubborn():
            with trio.CancelScope(shield=True):
                await release.wait()

        app.task(stubborn, func=samples.returns_async, name="it")
        async with life(app, "2026-01-05 00:00") as world:
            await passes(1)
            begin = trio.current_time()
            world.system.shut_down(force=True)
            ended = await world.system.wait_ended()
            release.set()
            assert trio.current_time() - begin < 5
            assert ended.stuck == 1

    async def test_one_can_be_a_tasks_condition_by_itself(self, autojump_clock):
        app = App(log=LOG, timezone="UTC")
        condition = app.cond()(lambda: False)
        app.task(condition, func=samples.returns_async, name="asked")
        app.task(running, func=samples.returns_async, name="runs")
        assert (app.session["asked"].start_cond, app.session["runs"].start_cond) == (condition, running)

    @pytest.mark.parametrize("wrong", [{"no_such": 1}, {"disk": 1, "more": 2}])
    def test_arguments_that_the_function_does_not_take_are_an_error_at_once(self, wrong):
        app = App(log=None)
        is_free = app.cond()(samples_is_free)
        with pytest.raises(TypeError, match="condition samples_is_free: got an unexpected keyword argument"):
            is_free(**wrong)

    def test_a_generator_is_none(self):
        with pytest.raises(TypeError, match="a generator"):
            App(log=None).cond()(generates)

    def test_a_name_that_means_something_else_is_refused(self):
        def daily():
            return True

        with pytest.raises(ValueError, match="'daily' means something else"):
            App(log=None).cond()(daily)


def generates():
    yield True


def samples_is_free(disk="/"):
    return disk == "/"


class TestStatements:
    async def test_a_deadline_is_about_slots_and_nothing_else(self, autojump_clock):
        app = app_of(every("1 second", based="finish"), deadline="0.5 seconds")
        async with life(app, "2026-01-05 00:00"):
            app.session["it"].disabled = True
            await passes(10)
            app.session["it"].disabled = False
            await passes(2.5)
        assert len(started(app)) == 4
        assert missed(app) == []

    async def test_so_it_is_on_a_clock_that_goes_on_while_things_are_decided(self):
        app = app_of(every("10 ms", based="finish"), deadline="1 ms")
        async with open_runtime(app):
            await trio.sleep(0.3)
            app.session["it"].disabled = True
            await trio.sleep(0.1)
            app.session["it"].disabled = False
            await trio.sleep(0.1)
        assert len(started(app)) > 5
        assert missed(app) == []


class TestComingAndGoing:
    @pytest.mark.parametrize("condition", ["daily at 02:00", "cron 0 2 * * *"])
    async def test_a_task_that_takes_the_name_of_a_removed_one_is_new(self, condition, autojump_clock):
        app = app_of(condition)
        async with life(app, "2026-01-05 00:00"):
            app.session.remove_task("it")
            await passes(5 * HOUR)
            app.session.create_task(samples.returns_async, "it", condition)
            await passes(HOUR)
        assert started(app) == []

    async def test_removing_a_task_that_another_waits_for_is_told(self, autojump_clock, caplog):
        app = app_of("after task 'other'")
        app.task(func=samples.returns_async, name="other")
        with caplog.at_level(logging.WARNING):
            async with life(app, "2026-01-05 00:00"):
                app.session.remove_task("other")
        assert "task 'other' was removed, which the conditions of other tasks name: 'it'" in caplog.text

    async def test_a_slot_that_lapsed_is_decided_also_after_a_restart(self, autojump_clock):
        for day, free in (("2026-01-05 01:59", False), ("2026-01-05 06:00", True)):
            app = App(log=LOG, timezone="UTC")

            @app.cond()
            def is_free(free=free):
                return free

            app.task("cron 0 2 * * * & is_free", func=samples.returns_async, name="it")
            async with life(app, day):
                await passes(HOUR)
        assert started(app) == []


def put(document):
    """Append a document to the log, as somebody else may do."""
    log = FileLog(LOG)
    log.open()
    log.append(document)
    log.close()


class TestLogs:
    @pytest.mark.parametrize(
        "document",
        [
            {"action": "schedule", "task_name": "it"},
            {"action": "schedule", "task_name": "it", "created": "x", "schedule": 5},
            {"action": "clock"},
            {"action": "missed", "task_name": "it", "run_id": "", "created": 1.0, "last": "x"},
        ],
    )
    async def test_what_somebody_else_put_there_is_passed_over(self, document, autojump_clock):
        put(document)
        app = app_of("every 1 hour")
        async with life(app, "2026-01-05 00:00"):
            await passes(1)
        assert started(app) == ["05 00:00:00"]

    async def test_a_record_of_the_future_holds_up_one_start_only(self, autojump_clock):
        put({"created": 2e9, "task_name": "other", "run_id": "1", "action": "success", "start": 2e9, "due": 2e9})
        for begin in ("2026-01-05 00:00", "2026-01-05 00:05"):
            app = app_of("every 1 minute")
            async with life(app, begin):
                await passes(61)
        assert len(started(app)) == 3  # one after the hold, two in the second life

    async def test_missed_slots_are_told_from_the_first_to_the_last_however_many_do_not_count(self, autojump_clock):
        condition = "every 1 minute & time of day between 08:00 and 09:00"
        async with life(app_of(condition), "2026-01-05 08:30"):
            await passes(59)
        app = app_of(condition)
        async with life(app, "2026-01-06 08:10"):
            await passes(1)
        (count, first, last, cause), *_ = missed(app)
        assert (count, first, last, cause) == (39, "05 08:31:00", "06 08:09:00", "down")
