"""Runs that are tried again: after which failures, when, and what of that a restart of the runtime keeps."""

import json
import os
import pickle
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
from actors import App, Retry, TaskInactionException, TaskTerminationException, after_fail, after_success, cron, running
from actors.errors import InvalidOption, InvalidTimeSpan, RunBroken, WorkerDied
from actors.facts import TERMINAL
from actors.retries import Failure, NextAttempt, delay_before, kinds_of, next_attempt
from commands import Started, cli, write
from helpers import actions, records
from helpers import running as running_app
from runtime import VirtualClock, open_runtime
from runtime.attempts import is_plain

LOG = Path("runs.jsonl")
START = datetime(2026, 1, 5, 12, tzinfo=ZoneInfo("UTC")).timestamp()
EXACT = Retry(3, jitter=0)


def failing(times=99, error=ValueError):
    """Return a function that fails so often, and then succeeds."""
    left = [times]

    async def it(**kwargs):
        if left[0]:
            left[0] -= 1
            raise error("no")

    return it


def app_of(function=None, condition=None, *, log=None, **options):
    """Return an app with one task."""
    app = App(log=log, timezone="UTC")
    app.task(condition, func=function or failing(), name="it", **options)
    return app


@asynccontextmanager
async def life(app, since=START):
    """Run `app` from when the wall clock shows `since`."""
    async with open_runtime(app, clock=VirtualClock(since - trio.current_time())) as system:
        yield system
        await wait_all_tasks_blocked()


async def passes(seconds):
    """Let time pass, and what is due then be done."""
    await trio.sleep(seconds)
    await wait_all_tasks_blocked()


def attempts(app, task="it"):
    """Return the starts of the attempts of a task, in seconds since the first."""
    starts = [record.start for record in records(app, task) if record.action == "run"]
    return [round(start - starts[0], 6) for start in starts]


def end(app, task="it"):
    """Return the only terminal record of a task's only run."""
    (record,) = [record for record in records(app, task) if record.action in TERMINAL]
    assert {each.run_id for each in records(app, task)} == {record.run_id}
    return record


class TestThePolicy:
    def test_it_can_be_a_number(self):
        assert app_of(retries=2).session["it"].retries.limit == 2

    def test_by_default_there_are_none(self):
        assert app_of().session["it"].retries.limit == 0

    def test_it_falls_back_to_the_apps_and_a_task_may_want_none(self):
        app = App(log=None, retries=4)
        app.task(func=samples.raises, name="a")
        app.task(func=samples.raises, name="b", retries=0)
        assert (app.session["a"].retries.limit, app.session["b"].retries.limit) == (4, 0)

    @pytest.mark.parametrize("given", [-1, True, "3", 1.5, Retry])
    def test_something_else_is_an_error(self, given):
        with pytest.raises(InvalidOption, match="a whole number from 0 to 1,000,000, or a Retry, is expected"):
            app_of(retries=given)

    @pytest.mark.parametrize(
        "given",
        [
            {"limit": -1},
            {"limit": "3"},
            {"factor": 0.5},
            {"jitter": 2},
            {"jitter": True},
            {"on": "ValueError"},
            {"unless": (int,)},
            {"past_next": 1},
        ],
    )
    def test_an_impossible_value_is_an_error_that_names_it(self, given):
        with pytest.raises(InvalidOption, match=f"Retry cannot have {next(iter(given))}="):
            Retry(**given)

    @pytest.mark.parametrize("name", ["base", "cap", "after"])
    def test_a_time_that_is_none_is_an_error(self, name):
        with pytest.raises(InvalidTimeSpan):
            Retry(**{name: "soon"})

    def test_it_survives_pickle_with_its_fields(self):
        retry = Retry(7, base=1, factor=3, cap="2 h", jitter=0.5, on=ValueError, unless=(OSError,), past_next=True, after="10 s")
        copy = pickle.loads(pickle.dumps(retry))
        assert (vars(copy), copy.args, repr(copy)) == (vars(retry), retry.args, repr(retry))

    def test_a_copy_says_what_it_was_raised_from(self):
        retry = Retry(after=1)
        retry.__cause__ = ValueError("no")
        assert str(pickle.loads(pickle.dumps(retry))) == str(retry) == "ValueError: no"


class TestDelays:
    @pytest.mark.parametrize("seed", ["a\0001", "a\0002", "b\0001"])
    def test_they_double_and_are_off_by_a_tenth_at_most(self, seed):
        delays = [delay_before(Retry(), seed, attempt) for attempt in (1, 2, 3)]
        assert delays == [pytest.approx(expected, rel=0.1) for expected in (5, 10, 20)]
        assert delays != [5, 10, 20]

    def test_they_are_always_the_same_for_the_same_attempt(self):
        assert delay_before(Retry(), "a", 2) == delay_before(Retry(), "a", 2) != delay_before(Retry(), "b", 2)

    def test_they_grow_up_to_the_cap(self):
        assert [delay_before(Retry(9, base=10, factor=3, cap=60, jitter=0), "", attempt) for attempt in (1, 2, 3, 9)] == [
            10,
            30,
            60,
            60,
        ]

    @pytest.mark.parametrize(("base", "delay"), [(5, 3600), (0, 0)])
    def test_they_are_numbers_whatever_the_attempt(self, base, delay):
        assert delay_before(Retry(base=base, jitter=0), "", 10_000) == delay

    def test_a_function_overrides_one(self):
        failure = Failure((), Retry(after=3))
        assert next_attempt(EXACT, failure, "", 1, 100.0) == NextAttempt(103.0, 4)
        assert next_attempt(EXACT, failure, "", 4, 100.0) == NextAttempt(None, 4)

    def test_without_retries_of_the_task_those_of_what_was_raised_count(self):
        assert next_attempt(None, Failure((), Retry(1, base=7, jitter=0)), "", 1, 100.0) == NextAttempt(107.0, 2)
        assert next_attempt(Retry(0), Failure((), Retry(after=0)), "", 4, 100.0) == NextAttempt(None, 4)
        assert next_attempt(None, Failure(()), "", 1, 100.0) == NextAttempt()


class TestOnAndUnless:
    def is_retried(self, error, **options):
        return next_attempt(Retry(**options), Failure.of(error), "", 1, 0.0).at is not None

    def test_only_what_on_names_is_tried_again(self):
        assert self.is_retried(ConnectionResetError(), on=(KeyError, ConnectionError))
        assert not self.is_retried(ValueError(), on=ConnectionError)

    def test_what_unless_names_never_is(self):
        assert not self.is_retried(ConnectionResetError(), on=OSError, unless=ConnectionError)
        assert self.is_retried(ValueError(), unless=ConnectionError)

    def test_a_group_counts_as_each_of_its_errors(self):
        group = ExceptionGroup("both", [ValueError(), ExceptionGroup("more", [KeyError()])])
        assert self.is_retried(group, on=KeyError)
        assert not self.is_retried(group, unless=ValueError)

    def test_the_main_module_has_one_name_in_all_processes(self):
        here, there = (type("Broken", (Exception,), {"__module__": name}) for name in ("__main__", "__mp_main__"))
        assert kinds_of(here()) == kinds_of(there())

    def test_why_it_is_not_is_said(self):
        assert (
            next_attempt(Retry(on=KeyError), Failure.of(ValueError()), "", 1, 0.0).because
            == "not tried again: on does not name it"
        )


class TestARun:
    async def test_it_is_tried_again_until_it_succeeds(self, autojump_clock):
        app = app_of(failing(2), retries=EXACT)
        async with life(app):
            app.session["it"].run()
            await passes(60)
        assert actions(app) == ["run", "retry", "run", "retry", "run", "success"]
        assert attempts(app) == [0, 5, 15]
        assert [(record.attempt, record.attempts) for record in records(app)] == [(n, 4) for n in (1, 1, 2, 2, 3, 3)]
        assert end(app).reason is None

    async def test_it_fails_when_all_attempts_have(self, autojump_clock):
        app = app_of(retries=2)
        async with life(app):
            app.session["it"].run()
            await passes(60)
        assert actions(app) == ["run", "retry", "run", "retry", "run", "fail"]
        assert (end(app).reason, end(app).attempt, end(app).attempts) == ("ValueError: no", 3, 3)

    async def test_an_attempt_says_when_the_next_one_begins(self, autojump_clock):
        app = app_of(retries=1)
        async with life(app):
            app.session["it"].run()
            await passes(60)
        _, ended, again, _ = records(app)
        assert (ended.reason, ended.cause, ended.retry_at) == ("ValueError: no", "fail", again.start)
        assert "ValueError: no" in ended.exc_text
        assert ended.retry_at - ended.end == pytest.approx(5, rel=0.1)

    async def test_it_keeps_what_it_was_launched_with(self, autojump_clock):
        given = []

        async def it(x):
            given.append(x)
            raise ValueError("no")

        app = app_of(it, retries=1)
        async with life(app):
            app.session["it"].run(x=(some := object()))
            await passes(60)
        assert given == [some, some]
        assert len({record.due for record in records(app)}) == 1

    async def test_a_task_without_retries_has_no_word_of_them_in_its_records(self, autojump_clock):
        app = app_of()
        async with life(app):
            app.session["it"].run()
            await passes(1)
        for document in app.session.get_repo().log.documents():
            assert not document.keys() & {"attempt", "attempts", "retry_at", "params"}

    @pytest.mark.parametrize("signal_class", [TaskTerminationException, TaskInactionException])
    async def test_one_that_chose_another_outcome_is_not_tried_again(self, autojump_clock, signal_class):
        app = app_of(failing(error=signal_class), retries=3)
        async with life(app):
            app.session["it"].run()
            await passes(60)
        assert len(actions(app)) == 2

    async def test_a_system_exit_is_a_failure_like_others(self, autojump_clock):
        app = app_of(failing(1, SystemExit), retries=3)
        async with life(app):
            app.session["it"].run()
            await passes(60)
        assert actions(app) == ["run", "retry", "run", "success"]

    async def test_what_on_does_not_name_is_the_end_of_it(self, autojump_clock):
        app = app_of(retries=Retry(on=KeyError))
        async with life(app):
            app.session["it"].run()
            await passes(60)
        assert end(app).reason == "ValueError: no; not tried again: on does not name it"

    async def test_a_run_without_an_id_is_not_tried_again(self, autojump_clock):
        app = app_of(retries=3, func_run_id=lambda task, params: "")
        async with life(app):
            app.session["it"].run()
            await passes(60)
        assert actions(app) == ["run", "fail"]

    async def test_a_launch_that_is_asked_for_meanwhile_does_not_wait_for_it(self, autojump_clock):
        app = app_of(failing(1), retries=EXACT)
        async with life(app):
            app.session["it"].run()
            await passes(1)
            app.session["it"].run()
            await passes(60)
        first, second = records(app)[0].run_id, records(app)[2].run_id
        assert [(record.run_id, record.action) for record in records(app)] == [
            (first, "run"), (first, "retry"), (second, "run"), (second, "success"), (first, "run"), (first, "success"),
        ]  # fmt: skip

    async def test_the_loggers_are_warned(self, autojump_clock, caplog):
        app = app_of(failing(1), retries=EXACT)
        async with life(app):
            app.session["it"].run()
            await passes(60)
        (told,) = [record for record in caplog.records if record.levelname == "WARNING"]
        assert "retry (ValueError: no): attempt 1 of 4, again in 5.0 s" in told.getMessage()

    async def test_an_app_that_ends_when_it_is_idle_waits_for_it(self, autojump_clock):
        app = app_of(failing(1), retries=EXACT)
        app.session.config.stop_when_idle = True
        app.session["it"].run()
        async with life(app) as system:
            await system.wait_ended()
        assert actions(app) == ["run", "retry", "run", "success"]

    async def test_running_just_one_task_waits_for_it(self, autojump_clock):
        app = app_of(failing(1), retries=EXACT)
        async with open_runtime(app, only=["it"], clock=VirtualClock()) as system:
            await system.wait_ended()
        assert actions(app) == ["run", "retry", "run", "success"]

    async def test_a_task_for_the_end_of_the_app_is_not_tried_again(self, autojump_clock):
        app = app_of(on_shutdown=True, retries=3)
        async with life(app):
            await passes(1)
        assert actions(app) == ["run", "fail"]

    async def test_a_task_without_retries_that_asks_for_them_uses_up_those_it_asked_for(self, autojump_clock):
        app = app_of(failing(error=lambda _: Retry(1, after=1)))
        async with life(app):
            app.session["it"].run()
            await passes(60)
        assert actions(app) == ["run", "retry", "run", "fail"]
        assert (end(app).reason, end(app).attempt, end(app).attempts) == ("Retry", 2, 2)


class TestTimeouts:
    @pytest.mark.parametrize("error", [None, TaskTerminationException, ValueError])
    async def test_a_timeout_is_tried_again_whatever_comes_of_it(self, autojump_clock, error):
        async def it():
            try:
                await trio.sleep_forever()
            finally:
                if error is not None:
                    raise error

        app = app_of(it, timeout=2, retries=Retry(1, jitter=0, on=TimeoutError))
        async with life(app):
            app.session["it"].run()
            await passes(60)
        assert attempts(app) == [0, 7]
        retried = records(app)[1]
        assert (retried.action, retried.cause) == ("retry", "timeout")
        assert end(app).action == ("fail" if error is ValueError else "terminate")

    async def test_one_that_somebody_ends_beside_its_timeout_is_not_tried_again(self, autojump_clock):
        async def it():
            with trio.CancelScope(shield=True):
                await trio.sleep(6)
            await trio.sleep(1)

        app = app_of(it, timeout=2, retries=3)
        async with life(app):
            app.session["it"].run()
            await passes(5)
            app.session["it"].terminate()
            await passes(60)
        assert end(app).reason == "timeout: it took longer than 2 seconds"


class TestTermination:
    @pytest.mark.parametrize("by_id", [False, True])
    async def test_one_that_waits_for_its_next_attempt_is_ended_under_its_id(self, autojump_clock, by_id):
        app = app_of(retries=3)
        async with life(app):
            app.session["it"].run()
            await passes(1)
            app.session["it"].terminate(records(app)[0].run_id if by_id else None)
            await passes(60)
        assert actions(app) == ["run", "retry", "terminate"]
        assert end(app).reason == "terminated by the program, before attempt 2 started"
        assert app.session["it"].status == "terminate"

    async def test_the_id_of_another_run_is_not_its_own(self, autojump_clock):
        app = app_of(failing(1), retries=3)
        async with life(app):
            app.session["it"].run()
            await passes(1)
            app.session["it"].terminate("another")
            await passes(60)
        assert end(app).action == "success"

    async def test_one_that_is_ended_while_it_runs_is_not_tried_again(self, autojump_clock):
        async def it():
            try:
                await trio.sleep_forever()
            finally:
                raise ValueError("no")

        app = app_of(it, retries=3)
        async with life(app):
            app.session["it"].run()
            await passes(1)
            app.session["it"].terminate()
            await passes(60)
        assert actions(app) == ["run", "fail"]

    async def test_a_task_that_is_removed_takes_it_along(self, autojump_clock):
        app = app_of(retries=3)
        async with life(app):
            app.session["it"].run()
            await passes(1)
            app.session.remove_task("it")
            await passes(60)
        assert end(app).reason == "the task was removed by the program, before attempt 2 started"

    async def test_a_task_that_is_paused_does_not(self, autojump_clock):
        app = app_of(failing(1), "every 10 minutes", retries=3)
        async with life(app):
            await passes(1)
            app.session["it"].pause()
            await passes(60)
        assert actions(app) == ["run", "retry", "run", "success"]

    async def test_a_start_that_cancels_running_ones_ends_it(self, autojump_clock):
        app = app_of(failing(1), "every 10 seconds", retries=Retry(after=15, past_next=True), overlap="cancel_running")
        async with life(app):
            await passes(12)
        said = [(record.action, record.reason) for record in records(app)]
        assert said[2] == ("terminate", "overlap: its next start is due, before attempt 2 started")
        assert [action for action, _ in said[3:]] == ["run", "success"]


class TestTheNextStart:
    async def test_an_attempt_that_would_begin_after_it_is_dropped(self, autojump_clock):
        app = app_of(failing(2), cron("* * * * *"), retries=Retry(3, base=40, jitter=0))
        async with life(app, START - 1):
            await passes(70)
        assert attempts(app) == [0, 40, 60]
        retried, dropped = records(app)[1], records(app)[3]
        assert retried.action == "retry"
        assert (dropped.action, dropped.reason) == ("fail", "ValueError: no; superseded by its next start at 2026-01-05 12:01:00")

    async def test_with_past_next_it_is_not_and_the_start_meets_a_run(self, autojump_clock):
        app = app_of(failing(2), cron("* * * * *"), retries=Retry(3, base=30, jitter=0, past_next=True))
        async with life(app, START - 1):
            await passes(100)
        assert attempts(app) == [0, 30, 90]
        assert [record.cause for record in records(app) if record.action == "missed"] == ["overlap"]

    async def test_runs_that_may_overlap_start_meanwhile(self, autojump_clock):
        app = app_of(failing(1), cron("* * * * *"), retries=Retry(3, base=90, jitter=0, past_next=True), overlap="allow")
        async with life(app, START - 1):
            await passes(100)
        assert attempts(app) == [0, 60, 90]


class TestWhatConditionsSee:
    async def test_other_tasks_see_the_final_outcome_only(self, autojump_clock):
        app = app_of(failing(1), retries=EXACT)
        app.task(after_success("it"), func=samples.returns_async, name="glad")
        app.task(after_fail("it"), func=samples.returns_async, name="sad")
        app.task(~running("it") & after_fail("glad"), func=samples.returns_async, name="never")
        async with life(app):
            app.session["it"].run()
            await passes(60)
        assert attempts(app, "glad") == [0]
        assert actions(app, "sad") == []

    async def test_it_failed_once_whatever_the_number_of_attempts(self, autojump_clock):
        app = app_of(retries=2)
        app.task(after_fail("it"), func=samples.returns_async, name="sad")
        async with life(app):
            app.session["it"].run()
            await passes(60)
            assert app.session["it"].facts.fails == 1
        assert actions(app, "sad") == ["run", "success"]

    async def test_between_two_attempts_it_does_not_run_but_has_not_ended(self, autojump_clock):
        app = app_of(retries=1)
        async with life(app):
            app.session["it"].run()
            await passes(1)
            it = app.session["it"]
            assert (it.n_alive, it.is_running, it.status, it.last_fail) == (0, False, "run", None)

    async def test_its_own_condition_does_not_start_it_between_two_attempts(self, autojump_clock):
        app = app_of(failing(2), "daily", retries=EXACT)
        async with life(app):
            await passes(60)
        assert actions(app) == ["run", "retry", "run", "retry", "run", "success"]

    async def test_what_happens_between_two_attempts_is_not_used_up(self, autojump_clock):
        app = App(log=None, timezone="UTC")
        app.task(func=samples.returns_async, name="first")
        app.task(after_success("first"), func=failing(1), name="it", retries=EXACT)
        async with life(app):
            app.session["first"].run()
            await passes(1)
            app.session["first"].run()
            await passes(60)
        assert actions(app, "it") == ["run", "retry", "run", "success", "run", "success"]


def asks_sync():
    if not Path("asked").exists():
        Path("asked").touch()
        try:
            samples.raises()
        finally:
            raise Retry(after="0.2 s")


async def asks():
    asks_sync()


def raises_unpicklable_once():
    if not Path("asked").exists():
        Path("asked").touch()
        samples.raises_unpicklable()


def dies_once():
    if not Path("asked").exists():
        Path("asked").touch()
        os.kill(os.getpid(), signal.SIGKILL)


class TestModes:
    @pytest.mark.parametrize("mode", ["main", "async", "thread", "process"])
    async def test_a_function_may_ask_for_another_attempt(self, mode):
        app = app_of(asks if mode == "async" else asks_sync, execution=mode)
        async with running_app(app) as run:
            app.session["it"].run()
            await run.wait_ended()
        assert actions(app) == ["run", "retry", "run", "success"]
        _, asked, again, _ = records(app)
        assert (asked.reason, asked.cause, asked.attempts) == ("Retry: ValueError: no", "asked", 4)
        assert asked.retry_at - asked.end == pytest.approx(0.2)
        assert (again.attempt, again.start >= asked.retry_at) == (2, True)

    async def test_the_error_it_was_raised_from_is_in_the_traceback(self, autojump_clock):
        app = app_of(asks)
        async with life(app):
            app.session["it"].run()
            await passes(60)
        assert "ValueError: no" in records(app)[1].exc_text

    @pytest.mark.parametrize(("function", "error"), [(raises_unpicklable_once, samples.Unpicklable), (dies_once, WorkerDied)])
    async def test_errors_of_a_process_are_known_by_name(self, function, error):
        app = app_of(function, execution="process", retries=Retry(1, base=0, on=error))
        async with running_app(app) as run:
            app.session["it"].run()
            await run.wait_ended()
        assert actions(app) == ["run", "retry", "run", "success"]

    async def test_errors_of_a_process_that_unless_names_are_not_tried_again(self):
        app = app_of(raises_unpicklable_once, execution="process", retries=Retry(1, base=0, unless=samples.Unpicklable))
        async with running_app(app) as run:
            app.session["it"].run()
            await run.wait_ended()
        assert end(app).reason == "Unpicklable: this and that; not tried again: unless names it"

    @pytest.mark.parametrize("mode", ["main", "thread", "process"])
    async def test_failures_are_tried_again(self, mode):
        app = app_of(samples.raises, execution=mode, retries=Retry(1, base=0))
        async with running_app(app) as run:
            app.session["it"].run()
            assert await run.wait_ended() == ["fail"]
        assert actions(app) == ["run", "retry", "run", "fail"]

    async def test_between_two_attempts_a_main_run_holds_up_nothing(self, autojump_clock):
        app = app_of(failing(1), execution="main", retries=EXACT)
        app.task(func=samples.returns_async, name="other", execution="main")
        async with life(app):
            app.session["it"].run()
            await passes(1)
            app.session["other"].run()
            await passes(1)
            assert app.session["other"].status == "success"


def close_as_crashed(*documents):
    """Write a log as a killed process leaves it."""
    app = App(log=LOG)
    log = app.session.get_repo().log
    log.open()
    for document in documents:
        log.append(document)
    log.close()


def begun(**columns):
    times = {"created": START, "start": START, "due": START}
    return {"task_name": "it", "run_id": "r", "action": "run", **times, "attempt": 2, "attempts": 4, "params": {}} | columns


class TestRestart:
    async def test_the_count_and_the_moment_of_the_next_attempt_are_kept(self, autojump_clock):
        function = failing(3)
        app = app_of(function, log=LOG, retries=3)
        async with life(app):
            app.session["it"].run()
            await passes(8)
            (*_, last) = records(app)
            assert (last.action, last.attempt) == ("retry", 2)
        async with life(app_of(function, log=LOG, retries=3), START + 10):
            await passes(60)
        assert actions(app) == ["run", "retry", "run", "retry", "run", "retry", "run", "success"]
        assert records(app)[4].start == pytest.approx(last.retry_at)
        assert attempts(app)[1:] == [pytest.approx(5, rel=0.1), pytest.approx(15, rel=0.1), pytest.approx(35, rel=0.1)]
        assert end(app).attempt == 4

    async def test_an_attempt_whose_moment_has_passed_begins_at_once(self, autojump_clock):
        app = app_of(failing(), log=LOG, retries=1)
        async with life(app):
            app.session["it"].run()
            await passes(1)
        async with life(app_of(failing(0), log=LOG, retries=1), START + 3600):
            await passes(1)
        assert attempts(app) == [0, 3600]
        assert end(app).action == "success"

    async def test_a_shutdown_does_not_wait_for_it(self, autojump_clock):
        app = app_of(retries=Retry(base="1 hour"))
        async with life(app):
            app.session["it"].run()
            await passes(1)
        assert trio.current_time() < 2
        assert actions(app) == ["run", "retry"]

    async def test_an_attempt_that_fails_while_the_runtime_ends_is_left_for_the_next_start(self, autojump_clock):
        async def it():
            await trio.sleep(1)
            raise ValueError("no")

        app = app_of(it, log=LOG, retries=1)
        async with life(app):
            app.session["it"].run()
            await trio.sleep(0.5)
        assert actions(app) == ["run", "retry"]
        async with life(app_of(failing(0), log=LOG, retries=1), START + 60):
            await passes(1)
        assert end(app).action == "success"

    async def test_plain_parameters_are_kept(self, autojump_clock):
        given = []

        async def it(**params):
            given.append(params)

        app = app_of(log=LOG, retries=1)
        async with life(app):
            app.session["it"].run(day=3, names=["a", None], deep={"x": 1.5})
            await passes(1)
        async with life(app_of(it, log=LOG, retries=1), START + 60):
            await passes(1)
        assert given == [{"day": 3, "names": ["a", None], "deep": {"x": 1.5}}]

    async def test_others_are_not_and_that_ends_the_run(self, autojump_clock):
        app = app_of(log=LOG, retries=1)
        async with life(app):
            app.session["it"].run(x=(1, 2))
            await passes(1)
        async with life(app_of(log=LOG, retries=1), START + 60):
            await passes(1)
        assert (end(app).action, end(app).reason) == (
            "fail",
            "ValueError: no; not tried again: its parameters could not be kept",
        )

    @pytest.mark.parametrize(
        ("name", "retries", "reason"),
        [("other", 1, "there is no such task any more"), ("it", 0, "its task has no retries now")],
    )
    async def test_what_nobody_tries_again_any_more_is_closed(self, autojump_clock, name, retries, reason):
        app = app_of(log=LOG, retries=1)
        async with life(app):
            app.session["it"].run()
            await passes(1)
        after = App(log=LOG)
        after.task(func=samples.returns_async, name=name, retries=retries)
        async with life(after, START + 60):
            await passes(1)
        assert (end(app).action, end(app).reason) == ("fail", f"ValueError: no; not tried again: {reason}")

    async def test_what_a_function_asked_for_needs_no_retries_of_its_task(self, autojump_clock):
        app = app_of(failing(1, lambda _: Retry(after=30)), log=LOG)
        async with life(app):
            app.session["it"].run()
            await passes(1)
        async with life(app_of(failing(0), log=LOG), START + 10):
            await passes(60)
        assert attempts(app) == [0, 30]

    async def test_one_that_the_next_start_has_overtaken_is_dropped(self, autojump_clock):
        options = {"condition": cron("0 * * * *"), "log": LOG, "retries": Retry(1, base=60, jitter=0)}
        app = app_of(**options)
        app.task(after_fail("it"), func=samples.returns_async, name="sad")
        async with life(app, START - 1):
            await passes(2)
        after = app_of(failing(0), **options)
        after.task(after_fail("it"), func=samples.returns_async, name="sad")
        async with life(after, START + 2 * 3600 + 60):
            await passes(600)
        failed = [record for record in records(app, "it") if record.action == "fail"]
        assert [record.reason for record in failed] == [
            "ValueError: no; superseded by its next start at 2026-01-05 13:00:00, before attempt 2 started"
        ]
        assert attempts(app, "it") == [0, 2 * 3600 + 60]

    async def test_a_run_that_the_end_of_the_process_cut_off_goes_on(self, autojump_clock):
        close_as_crashed(begun())
        app = app_of(failing(0), log=LOG, retries=3)
        async with life(app, START + 60):
            await passes(1)
        assert actions(app) == ["run", "retry", "run", "success"]
        _, cut_off, again, _ = records(app)
        assert (cut_off.reason, cut_off.cause, cut_off.attempt) == ("the runtime ended before the run did", "crash", 2)
        assert (again.run_id, again.attempt) == ("r", 3)

    async def test_its_delay_counts_from_its_start(self, autojump_clock):
        close_as_crashed(begun(attempt=1))
        app = app_of(failing(0), log=LOG, retries=EXACT)
        async with life(app, START + 1):
            await passes(10)
        assert attempts(app) == [0, 5]

    @pytest.mark.parametrize(
        ("columns", "options", "reason"),
        [
            ({"attempt": 4}, {"retries": 3}, ""),
            ({}, {"retries": 0}, ""),
            ({}, {"retries": Retry(on=KeyError)}, "; not tried again: on does not name it"),
            ({}, {"retries": Retry(unless=RunBroken)}, "; not tried again: unless names it"),
            ({"params": None}, {"retries": 3}, "; not tried again: its parameters could not be kept"),
        ],
    )
    async def test_else_it_has_crashed(self, autojump_clock, columns, options, reason):
        close_as_crashed(begun(**columns))
        app = app_of(log=LOG, **options)
        async with life(app, START + 60):
            await passes(60)
        assert (end(app).action, end(app).reason) == ("crash", f"the runtime ended before the run did{reason}")

    async def test_what_was_begun_without_retries_has_crashed(self, autojump_clock):
        document = begun()
        del document["params"], document["attempt"], document["attempts"]
        close_as_crashed(document)
        app = app_of(log=LOG, retries=3)
        async with life(app, START + 60):
            await passes(60)
        assert end(app).action == "crash"

    async def test_running_just_one_task_leaves_it_to_the_next_start_of_the_app(self, autojump_clock):
        close_as_crashed(begun())
        app = app_of(failing(0), log=LOG, retries=3)
        async with open_runtime(app, only=[], clock=VirtualClock()) as system:
            await system.wait_ended()
        assert actions(app) == ["run", "retry"]

    def test_an_attempt_in_the_middle_of_which_the_scheduler_is_killed_counts(self):
        write(
            "jobs.py",
            """
            import time
            from pathlib import Path
            from actors import App, Retry

            app = App(log="runs.jsonl", stop_when_idle=True)

            @app.task(execution="thread", retries=Retry(3, base=0.1))
            def it(day):
                before = len(list(Path(".").glob("begun*")))
                Path(f"begun{before}").touch()
                if before == 0:
                    raise ValueError("no")
                if before == 1:
                    print("in the middle", flush=True)
                    time.sleep(60)
                print("day", day, flush=True)

            if __name__ == "__main__":
                if not Path("begun0").exists():
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
        app = App(log="runs.jsonl")
        assert actions(app) == ["run", "retry", "run", "retry", "run", "success"]
        assert [record.attempt for record in records(app)] == [1, 1, 2, 2, 3, 3]
        assert len({record.run_id for record in records(app)}) == 1


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"a": [1, 1.5, True, None, "text", {"b": []}]}, True),
        ((1, 2), False),
        ({1: 2}, False),
        (float("nan"), False),
        (2**64, False),
        pytest.param("\ud800", False, id="half"),
        (b"bytes", False),
        (signal.SIGTERM, False),
        ([datetime(2026, 1, 1, tzinfo=ZoneInfo("UTC"))], False),
    ],
)
def test_plain_is_what_json_gives_back_as_it_was(value, expected):
    assert is_plain(value) is expected


def test_what_contains_itself_is_not_plain():
    endless = []
    endless.append(endless)
    assert not is_plain(endless)


OUTCOMES = st.lists(st.sampled_from(["success", "fail", "ask", "timeout", "terminate", "stop"]), max_size=8)


@given(OUTCOMES, st.integers(0, 3))
@settings(max_examples=60)
def test_whatever_its_attempts_do_a_run_has_one_terminal_record_and_it_is_the_last(outcomes, retries):
    left = list(outcomes)
    log = App(log=None)  # a log that several lives share

    async def it():
        match left.pop(0) if left else "success":
            case "fail":
                raise ValueError("no")
            case "ask":
                raise Retry(after=1)
            case "timeout":
                await trio.sleep_forever()
            case "terminate":
                raise TaskTerminationException
            case "stop":
                log.session.shut_down(force=True)
                raise ValueError("no")

    log.task(func=it, name="it", retries=retries, timeout=30)
    log.session["it"].run()

    async def main():
        for _ in range(len(outcomes) + 1):
            async with life(log, START + 1000 * trio.current_time()):
                with trio.move_on_after(600):
                    await trio.sleep(500)

    trio.run(main, clock=MockClock(autojump_threshold=0))
    said = actions(log)
    assert said[0] == "run"
    assert [action for action in said if action in TERMINAL] == said[-1:]
    assert said[:-1] == [action for _ in range(len(said) // 2) for action in ("run", "retry")][: len(said) - 1]


class TestTheCommandLine:
    def log(self):
        start = datetime.now().astimezone().replace(hour=12, minute=3, second=0, microsecond=0).timestamp()
        first = {"task_name": "it", "run_id": "r1", "start": start, "due": start, "attempts": 4, "attempt": 1}
        second = first | {"start": start + 10, "attempt": 2}
        ended = {"action": "retry", "created": start + 1, "reason": "ValueError: no", "retry_at": start + 10, "params": {}}
        close_as_crashed(
            first | {"action": "run", "created": start, "params": {}},
            first | ended,
            second | {"action": "run", "created": start + 10, "params": {}},
            second | {"action": "success", "created": start + 11},
        )

    def test_each_attempt_is_a_row(self):
        self.log()
        said = cli("runs", "--log", LOG).stdout
        assert "ValueError: no (attempt 1 of 4, again at 12:03:10)" in said
        assert "attempt 2 of 4" in said
        rows = [json.loads(line) for line in cli("runs", "--log", LOG, "--json").stdout.splitlines()]
        assert [row["status"] for row in rows] == ["retry", "success"]

    def test_one_can_list_those_that_were_tried_again(self):
        self.log()
        assert len(cli("runs", "--log", LOG, "--json", "--status", "retry").stdout.splitlines()) == 1

    def test_a_run_is_shown_with_its_attempts(self):
        self.log()
        said = cli("show", "r1", "--log", LOG).stdout
        assert "attempt  1 of 4\nagain    12:03:10" in said
        assert "attempt  2 of 4" in said

    def test_what_waits_for_its_next_attempt_is_foreseen(self):
        now = datetime.now().timestamp()
        first = {"task_name": "it", "run_id": "r1", "start": now, "due": now, "created": now, "attempts": 4, "attempt": 1}
        close_as_crashed(
            {"task_name": "it", "run_id": "", "action": "schedule", "created": now - 9, "schedule": None},
            first | {"action": "run", "params": {}},
            first | {"action": "retry", "reason": "ValueError: no", "retry_at": now + 3600, "params": {}},
        )
        write(
            "jobs.py",
            """
            from actors import App
            app = App(log="runs.jsonl")

            @app.task("daily", retries=3)
            def it():
                pass
            """,
        )
        assert "it does not start: attempt 2 of run r1 begins at" in cli("why", "jobs.py", "it").stdout
        (start, *_) = [json.loads(line) for line in cli("next", "jobs.py", "it", "--json").stdout.splitlines()]
        assert start["at"] == pytest.approx(now + 3600)
