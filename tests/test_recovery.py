"""What becomes of runs that the end of the whole process has cut off: closed, tried again, or run again, but not for ever."""

import json
import logging
import os
import signal
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import trio
from hypothesis import given, settings
from hypothesis import strategies as st
from trio.testing import MockClock, wait_all_tasks_blocked

import samples
from actors import App, Group, Retry, after_success
from actors.args import Return
from actors.errors import RunBroken
from actors.facts import TERMINAL
from commands import CLI, Started, cli, write
from helpers import actions, records
from runtime import VirtualClock, open_runtime
from runtime.attempts import CRASHED, Recourse, after_crash, given_up
from runtime.recovery import Recovery
from runtime.runlog.history import History

LOG = Path("runs.jsonl")
START = datetime(2026, 1, 5, 12, tzinfo=ZoneInfo("UTC")).timestamp()
RERUN = {"on_orphan": "rerun"}
RESCUE = {"action": "retry", "cause": "crash", "attempt": 1, "attempts": 2, "rescues": 1, "retry_at": START, "reason": CRASHED}


class Still:
    """A clock that stands still."""

    earliest = 0.0

    def now(self):
        return START


def begun(**columns):
    """Return the record that a run began whose parameters were kept."""
    times = {"created": START, "start": START, "due": START}
    return {"task_name": "it", "run_id": "r", "action": "run", **times, "params": {}} | columns


def left_behind(*documents):
    """Write a log as a killed process leaves it."""
    log = App(log=LOG).session.get_repo().log
    log.open()
    for document in documents:
        log.append(document)
    log.close()


def app_of(function=samples.returns_async, condition=None, *, log=LOG, **options):
    """Return an app with one task."""
    app = App(log=log, timezone="UTC")
    app.task(condition, func=function, name="it", **options)
    return app


@asynccontextmanager
async def life(app, since=START + 60, *, until_killed=False):
    """Run `app` from when the wall clock shows `since`; if it is killed, what its orderly end writes is taken out again."""
    async with open_runtime(app, clock=VirtualClock(since - trio.current_time())) as system:
        yield system
        await wait_all_tasks_blocked()
        if until_killed:
            log = LOG.read_bytes()
    if until_killed:
        LOG.write_bytes(log)


async def passes(seconds=1.0):
    """Let time pass, and what is due then be done."""
    await trio.sleep(seconds)
    await wait_all_tasks_blocked()


def end(app, task="it"):
    """Return the only terminal record of a task's only run."""
    (record,) = [record for record in records(app, task) if record.action in TERMINAL]
    assert {each.run_id for each in records(app, task)} == {record.run_id}
    return record


class TestThatWhichIsKnown:
    """The record of a crash says what there is to say."""

    def test_its_process_its_progress_and_its_last_lines(self):
        worker = {"action": "worker", "pid": 2**30, "pid_start": 5, "boot": "another"}
        progress = {"action": "progress", "progress": {"done": 3.0, "total": 10.0, "note": "loading"}}
        history = History.of([begun(), begun(**worker), begun(**progress)])
        recovery = Recovery(last_lines=lambda run: f"last words of {run['run_id']}")
        (document,) = recovery.carried_out(history, Still())
        del document["created"]
        assert document == {
            **{column: value for column, value in begun().items() if column not in ("params", "created")},
            "action": "crash",
            "reason": CRASHED,
            "pid": 2**30,
            "progress": progress["progress"],
            "output": "last words of r",
        }

    async def test_it_is_read_as_any_other_record(self, autojump_clock):
        left_behind(
            begun(), begun(action="worker", pid=2**30, pid_start=5, boot="x"), begun(action="progress", progress={"done": 3.0})
        )
        app = app_of()
        async with life(app):
            pass
        assert (end(app).action, end(app).pid, end(app).progress.done, end(app).end) == ("crash", 2**30, 3.0, None)
        said = cli("show", "r", "--log", LOG).stdout
        assert f"pid      {2**30}\n" in said
        assert "progress 3\n" in said

    async def test_what_a_process_of_its_own_was_is_said_of_a_run_that_goes_on_too(self, autojump_clock):
        left_behind(begun(), begun(action="worker", pid=2**30, pid_start=5, boot="x"))
        app = app_of(**RERUN)
        async with life(app):
            await passes()
        _, orphan, again, success = records(app)
        assert [record.pid for record in (orphan, again, success)] == [2**30, None, None]


class TestRerun:
    """With on_orphan="rerun" a run that was cut off is run again at the next start."""

    async def test_it_is_run_again_at_once_with_its_parameters_under_its_id(self, autojump_clock):
        left_behind(begun(params={"value": [1, {"day": 2}]}))
        app = app_of(samples.returns_async, **RERUN)
        async with life(app):
            await passes()
            assert app.session.returns["it"] == [1, {"day": 2}]
        assert actions(app) == ["run", "retry", "run", "success"]
        _, orphan, again, success = records(app)
        assert (orphan.cause, orphan.reason, orphan.retry_at) == ("crash", CRASHED, orphan.created)
        assert {record.run_id for record in records(app)} == {"r"}
        assert {record.due for record in records(app)} == {START}
        assert (again.start, again.late) == (START + 60, 60)
        assert [(record.attempt, record.attempts, record.rescues) for record in (orphan, again, success)] == [
            (1, 2, 1),
            (2, 2, 1),
            (2, 2, 1),
        ]

    async def test_by_default_it_is_a_crash(self, autojump_clock):
        left_behind(begun())
        app = app_of()
        async with life(app):
            await passes()
        assert (actions(app), end(app).reason, end(app).rescues) == (["run", "crash"], CRASHED, None)

    async def test_a_task_without_it_has_no_parameters_on_record(self, autojump_clock):
        app = app_of(log=None)
        app.task(func=samples.returns_async, name="other", **RERUN)
        async with life(app):
            app.session["it"].run()
            app.session["other"].run()
            await passes()
        assert [records(app, name)[0].params for name in ("it", "other")] == [None, {}]

    @pytest.mark.parametrize("most", [1, 3])
    async def test_one_that_is_cut_off_each_time_is_given_up(self, most, autojump_clock):
        async def never():
            await trio.sleep_forever()

        for number in range(most + 3):
            app = app_of(never, **RERUN, max_rescues=most)
            async with life(app, START + 60 * number, until_killed=True):
                if number == 0:
                    app.session["it"].run()
                await passes()
        assert actions(app) == ["run", *["retry", "run"] * most, "crash"]
        assert [record.rescues for record in records(app)] == [None, *(n for n in range(1, most + 1) for _ in "ab"), most]
        assert (end(app).cause, end(app).reason) == ("poison", f"{CRASHED}; not run again: it was cut off {most + 1} times")

    async def test_the_app_may_say_so_for_all_tasks_and_a_group_for_its_own(self, autojump_clock):
        app = App(log=LOG, **RERUN)
        app.task(func=samples.returns_async, name="it")
        group = Group("g.", on_orphan="mark")
        group.task(func=samples.returns_async, name="other")
        app.include(group)
        left_behind(begun(), begun(task_name="g.other"))
        async with life(app):
            await passes()
        assert (actions(app, "it")[-1], actions(app, "g.other")[-1]) == ("success", "crash")

    async def test_one_whose_parameters_are_no_plain_data_is_a_crash_that_says_so(self, autojump_clock):
        async def never(value):
            await trio.sleep_forever()

        async with life(app := app_of(never, **RERUN), START, until_killed=True):
            app.session["it"].run(value=(1, 2))
            await passes()
        async with life(app_of(never, **RERUN)):
            await passes()
        assert (end(app).action, end(app).reason) == ("crash", f"{CRASHED}; not run again: its parameters could not be kept")

    async def test_it_waits_for_its_turn_as_any_launch_does(self, autojump_clock):
        left_behind(*(begun(task_name=name) for name in ("first", "second")))
        app = App(log=LOG)
        for name in ("first", "second"):
            app.task(func=lambda: None, name=name, execution="main", **RERUN)
        async with life(app):
            await passes()
        said = [(record.task_name, record.action) for record in records(app)][4:]
        assert said == [("first", "run"), ("first", "success"), ("second", "run"), ("second", "success")]

    async def test_a_shutdown_before_its_turn_leaves_it_to_the_next_start_and_counts_for_nothing(self, autojump_clock):
        left_behind(begun())
        held = app_of(**RERUN)
        held.session.config.on_hold = True
        for number in range(3):
            async with life(held, START + 60 * number):
                await passes()
        assert actions(held) == ["run", "retry"]
        async with life(app_of(**RERUN), START + 3600):
            await passes()
        assert (end(held).action, end(held).rescues) == ("success", 1)

    async def test_it_may_be_terminated_while_it_waits(self, autojump_clock):
        left_behind(begun())
        app = app_of(**RERUN)
        app.session.config.on_hold = True
        async with life(app):
            await passes()
            app.session["it"].terminate("r")
            await passes()
        assert (end(app).action, end(app).rescues) == ("terminate", 1)
        assert end(app).reason.endswith("before attempt 2 started")

    async def test_running_just_one_task_leaves_it_to_the_next_start_of_the_app(self, autojump_clock):
        left_behind(begun())
        app = app_of(**RERUN)
        async with open_runtime(app, only=[], clock=VirtualClock()) as system:
            await system.wait_ended()
        assert actions(app) == ["run", "retry"]

    async def test_what_was_told_of_it_is_a_warning(self, autojump_clock, caplog):
        left_behind(begun())
        async with life(app_of(**RERUN)):
            pass
        assert (
            "callsheet.task",
            logging.WARNING,
            f"task 'it' run r: retry ({CRASHED}): attempt 1 of 2, again in 0.0 s",
        ) in caplog.record_tuples


class TestRerunAndRetries:
    """Retries come first, as without it; rescues count for nothing among them."""

    async def test_an_attempt_that_is_left_is_made_first(self, autojump_clock):
        left_behind(begun(attempt=1, attempts=2))
        app = app_of(**RERUN, retries=1)
        async with life(app):
            await passes(10)
        assert [(record.action, record.attempt, record.attempts, record.rescues) for record in records(app)] == [
            ("run", 1, 2, None),
            ("retry", 1, 2, None),
            ("run", 2, 2, None),
            ("success", 2, 2, None),
        ]

    @pytest.mark.parametrize("retries", [1, Retry(1, unless=RunBroken), Retry(1, on=ValueError)])
    async def test_where_they_do_not_go_on_with_it_it_is_run_again(self, retries, autojump_clock):
        left_behind(begun(attempt=2, attempts=2))
        app = app_of(**RERUN, retries=retries)
        async with life(app):
            await passes(10)
        (*_, success) = records(app)
        assert (success.action, success.attempt, success.attempts, success.rescues) == ("success", 3, 3, 1)

    async def test_a_rescue_takes_no_attempt_away(self, autojump_clock):
        left_behind(begun(attempt=1, attempts=3))
        app = app_of(samples.raises_async, **RERUN, retries=Retry(2, on=ValueError, base=5, jitter=0))
        async with life(app):
            await passes(60)
        starts = [record.start - START for record in records(app) if record.action == "run"]
        assert starts == [0, 60, 65, 75]
        assert (end(app).action, end(app).attempt, end(app).attempts, end(app).rescues) == ("fail", 4, 4, 1)

    async def test_a_rescue_gives_none_either(self, autojump_clock):
        left_behind(begun(attempt=2, attempts=2))
        app = app_of(samples.raises_async, **RERUN, retries=1)
        async with life(app):
            await passes(60)
        assert (end(app).action, end(app).attempt) == ("fail", 3)

    async def test_the_next_start_of_its_task_does_not_supersede_a_rescue(self, autojump_clock):
        left_behind(begun(), begun(action="retry", cause="crash", attempt=1, attempts=2, rescues=1, retry_at=START))
        app = app_of(samples.returns_async, "cron 0 * * * *", **RERUN, misfire="skip")
        async with life(app, START + 3 * 3600 + 60):
            await passes()
        assert [record.action for record in records(app) if record.run_id] == ["run", "retry", "run", "success"]


class TestWhatIsNotRunAgain:
    def test_what_is_begun_without_its_parameters(self):
        document = begun()
        del document["params"]
        closed = after_crash(document, Recourse(**RERUN), START)
        assert (closed["action"], closed["reason"]) == (
            "crash",
            f"{CRASHED}; not run again: its parameters were not kept when it began",
        )

    async def test_a_task_that_is_gone(self, autojump_clock):
        left_behind(begun(task_name="gone"))
        app = app_of(**RERUN)
        async with life(app):
            await passes()
        assert actions(app, "gone") == ["run", "crash"]

    async def test_one_that_waits_for_its_turn_when_its_task_goes(self, autojump_clock):
        left_behind(begun(task_name="gone"), begun(task_name="gone", **RESCUE))
        app = app_of()
        async with life(app):
            await passes()
        assert (end(app, "gone").action, end(app, "gone").reason) == (
            "crash",
            f"{CRASHED}; not run again: there is no such task any more",
        )

    async def test_one_that_waits_for_its_turn_when_its_task_does_not_want_it_any_more(self, autojump_clock):
        left_behind(begun(), begun(**RESCUE))
        app = app_of()
        async with life(app):
            await passes()
        assert (end(app).action, end(app).reason, end(app).rescues) == (
            "crash",
            f"{CRASHED}; not run again: its task does not want it any more",
            1,
        )

    async def test_one_that_was_run_again_when_its_task_does_not_want_it_any_more(self, autojump_clock):
        left_behind(begun(rescues=1, attempt=2))
        app = app_of(retries=3)
        async with life(app):
            await passes()
        assert (end(app).action, end(app).reason, end(app).cause) == ("crash", CRASHED, None)

    @pytest.mark.parametrize("options", [{}, {"retries": 3}])
    async def test_a_task_for_the_end_of_the_app(self, options, autojump_clock):
        left_behind(begun())
        app = app_of(on_shutdown=True, **RERUN, **options)
        async with life(app):
            await passes()
            assert actions(app) == ["run", "crash"]
        assert records(app)[1].reason == f"{CRASHED}; not run again: its task runs when the app ends"
        assert actions(app) == ["run", "crash", "run", "success"]

    async def test_a_task_for_the_start_of_the_app_which_runs_anyway(self, autojump_clock):
        left_behind(begun())
        app = app_of(on_startup=True, **RERUN)
        async with life(app):
            await passes()
        assert actions(app) == ["run", "crash", "run", "success"]
        assert records(app)[1].reason == f"{CRASHED}; not run again: its task runs anyway, as the app starts"

    async def test_but_with_parameters_of_its_own_it_is(self, autojump_clock):
        left_behind(begun(params={"value": 3}))
        app = app_of(samples.returns_async, on_startup=True, **RERUN, parameters={"value": 0})
        async with life(app):
            await passes()
        assert [record.params for record in records(app) if record.action == "run"] == [{"value": 3}, {}, {"value": 3}]


class TestOtherTasks:
    async def test_what_waits_for_its_success_starts_when_the_rescue_has_succeeded(self, autojump_clock):
        left_behind(begun())
        app = app_of(**RERUN)
        app.task(after_success("it"), func=samples.returns_async, name="then")
        async with life(app):
            await passes()
        assert [(record.task_name, record.action) for record in records(app)][2:] == [
            ("it", "run"),
            ("it", "success"),
            ("then", "run"),
            ("then", "success"),
        ]

    async def test_what_a_condition_had_decided_is_not_decided_again(self, autojump_clock):
        async def never():
            await trio.sleep_forever()

        def pipeline(function):
            app = app_of()
            app.task(after_success("it"), func=function, name="then", **RERUN)
            return app

        async with life(app := pipeline(never), START, until_killed=True):
            app.session["it"].run()
            await passes()
        async with life(app := pipeline(samples.returns_async)):
            await passes()
        assert actions(app, "then") == ["run", "retry", "run", "success"]
        assert actions(app, "it") == ["run", "success"]

    async def test_return_values_are_not_kept_so_that_a_rescue_which_needs_one_fails(self, autojump_clock):
        async def takes(given=Return("it")):
            return given

        left_behind(begun(task_name="then"))
        app = app_of()
        app.task(after_success("it"), func=takes, name="then", **RERUN)
        async with life(app):
            await passes()
        assert end(app, "then").action == "fail"
        assert "it" in end(app, "then").reason

    async def test_of_a_task_that_may_overlap_all_are_run_again_at_once(self, autojump_clock):
        left_behind(*(begun(run_id=run_id) for run_id in "ab"))
        app = app_of(trio.sleep_forever, multilaunch=True, **RERUN)
        async with life(app):
            await passes()
            assert app.session["it"].n_alive == 2
            app.session["it"].terminate()
            await passes()

    async def test_of_one_that_may_not_they_are_one_after_the_other(self, autojump_clock):
        left_behind(*(begun(run_id=run_id) for run_id in "ab"))
        app = app_of(**RERUN)
        async with life(app):
            await passes()
        assert [(record.run_id, record.action) for record in records(app)][4:] == [
            ("a", "run"),
            ("a", "success"),
            ("b", "run"),
            ("b", "success"),
        ]

    async def test_a_task_that_is_disabled_is_run_again_as_it_would_be_tried_again(self, autojump_clock):
        left_behind(begun())
        app = app_of(samples.returns_async, "daily", disabled=True, **RERUN)
        async with life(app):
            await passes()
        assert actions(app) == ["run", "retry", "run", "success"]


class TestItsOwnCondition:
    @pytest.mark.parametrize("condition", ["daily", "daily at 12:00"])
    async def test_it_takes_a_rescue_for_the_run_of_the_day(self, condition, autojump_clock):
        left_behind(begun())
        app = app_of(samples.returns_async, condition, **RERUN)
        async with life(app):
            await passes(3600)
        assert actions(app) == ["run", "retry", "run", "success"]

    @pytest.mark.parametrize("condition", ["daily", "daily at 12:00", "every 1 hour", "cron 0 12 * * *"])
    async def test_one_that_was_cut_off_too_often_has_used_up_its_day(self, condition, autojump_clock):
        async def never():
            await trio.sleep_forever()

        for minute in range(5):
            app = app_of(never, condition, **RERUN)
            async with life(app, START - 1 + 60 * minute, until_killed=True):
                await passes(2)
        assert actions(app) == ["run", "retry", "run", "crash"]
        async with life(app_of(samples.returns_async, condition, **RERUN), START + 86400 - 1):
            await passes(2)
        assert actions(app)[4:][-2:] == ["run", "success"]


class TestRestarts:
    """However often the scheduler is killed: one terminal record a run, and not more attempts than it may have."""

    @given(
        st.lists(st.sampled_from(["kill", "fail", "stop"]), max_size=8),
        st.sampled_from([0, 1, 2]),
        st.sampled_from([1, 2]),
        st.sampled_from(["mark", "rerun"]),
    )
    @settings(max_examples=80)
    def test_a_run_has_one_terminal_record_and_it_is_the_last(self, deeds, retries, most, on_orphan):
        LOG.unlink(missing_ok=True)
        deeds = list(deeds)

        async def it():
            match deeds.pop(0) if deeds else "success":
                case "fail":
                    raise ValueError("no")
                case "kill" | "stop" as deed:
                    ended.append(deed)
                    over.set()
                    await trio.sleep_forever()

        async def main():
            nonlocal over
            for number in range(12):
                over = trio.Event()
                app = app_of(it, retries=Retry(retries, base=1, jitter=0), on_orphan=on_orphan, max_rescues=most)
                is_killed = bool(deeds)
                async with life(app, START + 1000 * number, until_killed=is_killed):
                    if number == 0:
                        app.session["it"].run()
                    with trio.move_on_after(500):
                        await over.wait()
            return app

        over, ended = trio.Event(), []
        app = trio.run(main, clock=MockClock(autojump_threshold=0))
        said = actions(app)
        assert [action for action in said if action in TERMINAL] == said[-1:]
        assert said[:-1:2] == ["run"] * len(said[:-1:2])
        assert said.count("run") <= 1 + retries + (most if on_orphan == "rerun" else 0)
        assert max(record.rescues or 0 for record in records(app)) <= (most if on_orphan == "rerun" else 0)

    def test_a_task_that_kills_its_scheduler_stops_doing_so(self):
        write(
            "jobs.py",
            """
            import os, signal
            from actors import App, daily

            app = App(log="runs.jsonl", on_orphan="rerun", max_rescues=2)

            @app.task(daily)
            async def it():
                os.kill(os.getpid(), signal.SIGKILL)

            @app.task("every 10 minutes")
            async def other():
                print("other ran", flush=True)
            """,
        )
        codes = []
        for _ in range(3):
            with Started(CLI, "run", "jobs.py") as program:
                codes.append(program.wait_ended(20))
        assert codes == [-signal.SIGKILL] * 3
        with Started(CLI, "run", "jobs.py") as program:
            program.wait_for("runtime started")
            program.process.send_signal(signal.SIGTERM)
            assert program.wait_ended(20) == 0
        app = App(log=LOG)
        assert actions(app, "it") == ["run", "retry", "run", "retry", "run", "crash"]
        assert end(app).cause == "poison"

    def test_a_run_goes_on_after_its_scheduler_was_killed(self):
        write(
            "jobs.py",
            """
            import time
            from pathlib import Path
            from actors import App

            app = App(log="runs.jsonl", stop_when_idle=True)

            @app.task(execution="process", on_orphan="rerun")
            def it(day):
                if not Path("begun").exists():
                    Path("begun").touch()
                    print("in the middle", flush=True)
                    time.sleep(60)
                print("day", day, flush=True)

            if __name__ == "__main__":
                if not Path("begun").exists():
                    app.session["it"].run(day=3)
                app.run()
            """,
        )
        with Started("jobs.py") as first:
            first.wait_for("in the middle")
            os.kill(first.process.pid, signal.SIGKILL)
            first.wait_ended(10)
        with Started("jobs.py") as second:
            second.wait_for("day 3")
            assert second.wait_ended(20) == 0
        app = App(log=LOG)
        assert actions(app) == ["run", "retry", "run", "success"]
        assert len({record.run_id for record in records(app)}) == 1
        assert records(app)[1].pid == next(line["pid"] for line in lines() if line["action"] == "worker")


def lines():
    """Return what is in the log, behind its header."""
    return [json.loads(line) for line in LOG.read_text().splitlines()[1:]]


def test_what_was_asked_for_by_the_function_itself_is_not_taken_for_a_rescue():
    ended = begun(action="retry", cause="asked", attempt=2, rescues=1, retry_at=START)
    assert given_up(ended, Recourse(), START) is None
