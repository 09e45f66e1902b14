"""Limits and rates of running apps: what tasks share, in all modes, whatever becomes of their runs."""

import math

import pytest
import trio
import trio.testing

import samples
from actors import App, limit, rate
from actors.errors import InvalidOption
from actors.limits import Limit, Rate
from helpers import actions, records, running, running_virtually

DB = limit("db", 1)


class TestValues:
    def test_equal_limits_are_equal_and_have_one_hash(self):
        assert limit("db", 2) == limit("db", 2) != limit("db", 3)
        assert {limit("db", 2), limit("db", 2), rate("db", 2, "1 s"), rate("db", 2, 1)} == {limit("db", 2), rate("db", 2, 1.0)}

    @pytest.mark.parametrize(
        ("value", "shown"),
        [
            (limit("db", 2), "limit('db', 2)"),
            (limit("tenant", 1, key=samples.returns), "limit('tenant', 1, key=returns)"),
            (rate("api", 20, per="1 minute"), "rate('api', 20, per='1 minute')"),
            (rate("api", 20, per=0.5, burst=3), "rate('api', 20, per='0.5 seconds', burst=3)"),
        ],
    )
    def test_they_are_shown_as_they_are_written(self, value, shown):
        assert repr(value) == shown

    @pytest.mark.parametrize(
        ("give", "said"),
        [
            (lambda: limit("", 2), "a limit cannot have name='': a text that is not empty is expected"),
            (lambda: rate(None, 2, 1), "a rate cannot have name=None: a text that is not empty is expected"),
            (lambda: limit("db", 0), "limit 'db' cannot have count=0: a whole number of at least 1 is expected"),
            (lambda: limit("db", 1, key="id"), "limit 'db' cannot have key='id': a function of the parameters is expected"),
            (lambda: rate("api", True, 1), "rate 'api' cannot have count=True: a whole number of at least 1 is expected"),
            (lambda: rate("api", 1, 0), "rate 'api' cannot have per=0: a time above 0 is expected"),
            (lambda: rate("api", 1, math.inf), "rate 'api' cannot have per=inf: 'inf' is not a length of time: it is infinite"),
            (lambda: rate("api", 1, 1, burst=0), "rate 'api' cannot have burst=0: a whole number of at least 1 is expected"),
        ],
    )
    def test_an_impossible_value_is_an_error_at_once_that_says_what_is_expected(self, give, said):
        with pytest.raises(InvalidOption) as caught:
            give()
        assert str(caught.value).startswith(said)

    def test_a_task_has_one_limit_or_several(self):
        app = App(log=None)
        app.task(func=samples.returns, name="one", limits=limit("db", 2))
        app.task(func=samples.returns, name="more", limits=[limit("db", 2), rate("api", 20, per="1 minute")])
        assert app.session["one"].limits == (Limit("db", 2),)
        assert app.session["more"].limits == (Limit("db", 2), Rate("api", 20, 60.0))


def most_at_a_time(app):
    """Return how many runs went on at a time at most, as the log tells."""
    now = most = 0
    for action in actions(app):
        now += 1 if action == "run" else -1
        most = max(most, now)
    return most


class TestLimits:
    async def test_fifty_runs_in_all_modes_of_which_some_are_killed_are_never_more_than_two(self):
        app = App(log=None, multilaunch=True, max_process_count=4)
        db = limit("db", 2)
        app.task(func=samples.sleeps_for_on_trio, name="async", execution="async", parameters={"seconds": 0.01}, limits=db)
        app.task(func=samples.sleeps_for, name="thread", execution="thread", parameters={"seconds": 0.01}, limits=db)
        app.task(func=samples.returns, name="main", execution="main", limits=db)
        app.task(func=samples.returns, name="process", execution="process", limits=db)
        app.task(func=samples.is_killed, name="killed", execution="process", limits=db)
        app.task(func=samples.raises, name="fails", execution="thread", limits=db)
        app.task(func=samples.sleeps_on_trio, name="after", execution="async", limits=db)
        async with running(app) as runtime:
            for number in range(50):
                app.session[["async", "thread", "main", "process", "fails", "killed"][number % 6]].run()
            ended = await runtime.wait_ended(50)
            assert (len(ended), most_at_a_time(app)) == (50, 2)
            assert ended.count("fail") == 16
            for _ in range(3):
                app.session["after"].run()
            await runtime.wait_started("after")
            assert app.session["after"].n_alive == 2, "nothing is held any more"
            app.session["after"].terminate()

    async def test_a_limit_by_a_key_counts_the_parameters_of_the_launch_over_those_of_the_task(self, autojump_clock):
        app = App(log=None, multilaunch=True)
        by_seconds = limit("seconds", 1, key=lambda params: params["seconds"])
        app.task(func=samples.sleeps_for_on_trio, name="it", limits=by_seconds, parameters={"seconds": 10})
        async with running_virtually(app) as runtime:
            for params in ({}, {"seconds": 20}, {"seconds": 10}):
                app.session["it"].run(**params)
            await runtime.wait_started("it")
            assert (app.session["it"].n_alive, app.session["it"].waits_for) == (2, "limit 'seconds' for 10 (1 of 1 in use)")
            assert await runtime.wait_ended(3) == ["success"] * 3

    @pytest.mark.parametrize("execution", ["async", "thread", "process", "main"])
    async def test_a_run_whose_key_raises_fails_and_says_why(self, execution):
        app = App(log=None, execution=execution)
        app.task(func=samples.returns, name="it", limits=[DB, limit("tenant", 1, key=lambda params: params["tenant"])])
        async with running(app) as runtime:
            app.session["it"].run()
            assert await runtime.wait_ended() == ["fail"]
            said = "InvalidLimitKey: the key of limit 'tenant' of task 'it' cannot be used: KeyError: 'tenant'"
            assert said in records(app)[-1].reason

    @pytest.mark.parametrize("execution", ["async", "thread", "process"])
    async def test_a_run_that_is_terminated_gives_back_what_it_holds(self, execution):
        function = {"async": samples.sleeps_on_trio, "thread": samples.looks_at_flag, "process": samples.sleeps}[execution]
        app = App(log=None)
        app.task(func=function, name="it", execution=execution, limits=DB)
        app.task(func=samples.returns_async, name="next", limits=DB)
        async with running(app) as runtime:
            app.session["it"].run()
            await runtime.wait_started("it")
            app.session["next"].run()
            app.session["it"].terminate()
            await runtime.wait_ended(2)
            assert actions(app, "next") == ["run", "success"]

    async def test_a_thread_that_is_abandoned_holds_nothing(self):
        app = App(log=None, grace=0.01)
        app.task(func=samples.sleeps_for, name="it", execution="thread", parameters={"seconds": 1}, limits=DB)
        app.task(func=samples.returns_async, name="next", limits=DB)
        async with running(app) as runtime:
            app.session["it"].run()
            await runtime.wait_started("it")
            app.session["next"].run()
            app.session["it"].terminate()
            await runtime.wait_ended(2)
            assert actions(app, "next") == ["run", "success"]

    async def test_a_launch_that_is_terminated_while_it_waits_takes_nothing(self, autojump_clock):
        app = App(log=None)
        app.task(func=samples.sleeps_for_on_trio, name="first", parameters={"seconds": 10}, limits=DB)
        app.task(func=samples.returns_async, name="it", limits=DB)
        app.task(func=samples.returns_async, name="next", limits=DB)
        async with running_virtually(app) as runtime:
            for name in ("first", "it", "next"):
                app.session[name].run()
            await runtime.wait_started("first")
            app.session["it"].terminate()
            await runtime.wait_ended(2)
            assert (actions(app, "it"), actions(app, "next")) == (["terminate"], ["run", "success"])

    async def test_changed_limits_count_at_once_for_what_waits(self, autojump_clock):
        app = App(log=None, multilaunch=True)
        task = app.session.create_task(samples.sleeps_for_on_trio, "it", parameters={"seconds": 100}, limits=DB)
        async with running_virtually(app) as runtime:
            for _ in range(4):
                task.run()
            await runtime.wait_started("it")
            assert task.n_alive == 1
            task.limits = limit("db", 3)
            await trio.testing.wait_all_tasks_blocked()
            assert task.n_alive == 3
            task.limits = ()
            await trio.testing.wait_all_tasks_blocked()
            assert task.n_alive == 4

    async def test_a_task_that_comes_or_leaves_changes_what_a_shared_limit_allows(self, autojump_clock):
        app = App(log=None, multilaunch=True)
        task = app.session.create_task(samples.sleeps_for_on_trio, "it", parameters={"seconds": 100}, limits=limit("db", 2))
        async with running_virtually(app):
            app.session.create_task(samples.returns_async, "strict", limits=limit("db", 1))
            for _ in range(3):
                task.run()
            await trio.testing.wait_all_tasks_blocked()
            assert task.n_alive == 1
            app.session.remove_task("strict")
            await trio.testing.wait_all_tasks_blocked()
            assert task.n_alive == 2

    async def test_a_low_priority_starts_in_time_however_many_of_a_high_one_there_are(self, autojump_clock):
        app = App(log=None)
        for name in ("one", "two"):
            app.task("true", func=samples.sleeps_for_on_trio, name=name, priority=3, parameters={"seconds": 10}, limits=DB)
        app.task(func=samples.returns_async, name="low", limits=DB)
        async with running_virtually(app):
            app.session["low"].run()
            began = trio.current_time()
            while app.session["low"].status != "success":
                await trio.sleep(1)
            assert 170 < trio.current_time() - began <= 200, "its three minutes, and the runs that had begun"


async def until_ended(app, count):
    """Wait until so many runs have succeeded, however long that takes on the virtual clock."""
    while actions(app).count("success") < count:
        await trio.sleep(1)


def most_in(window, app):
    """Return how many runs started within so many seconds at most, both ends included."""
    starts = sorted(record.created for record in records(app) if record.action == "run")
    return max(sum(start <= other <= start + window for other in starts) for start in starts)


class TestRates:
    async def test_no_minute_has_more_starts_than_the_rate_says_in_modes_together(self, autojump_clock):
        app = App(log=None, multilaunch=True, timeout="never")
        api = rate("api", 20, per="1 minute")
        app.task(func=samples.returns_async, name="async", execution="async", limits=api)
        app.task(func=samples.returns, name="thread", execution="thread", limits=api)
        app.task(func=samples.returns, name="main", execution="main", limits=api)
        async with running_virtually(app):
            for number in range(60):
                app.session[["async", "thread", "main"][number % 3]].run()
            await until_ended(app, 60)
        assert most_in(60 - 1e-3, app) <= 20
        assert most_in(60, app) <= 21

    async def test_after_a_pause_the_burst_comes_on_top(self, autojump_clock):
        app = App(log=None, multilaunch=True)
        app.task(func=samples.returns_async, name="it", limits=rate("api", 20, per="1 minute", burst=5))
        async with running_virtually(app):
            await trio.sleep(600)
            for _ in range(50):
                app.session["it"].run()
            await until_ended(app, 50)
        assert most_in(60 - 1e-3, app) == 24
        assert most_in(0, app) == 5

    async def test_a_rate_is_kept_by_real_processes_too(self):
        app = App(log=None, multilaunch=True, max_process_count=2)
        api = rate("api", 20, per="1 second")
        for execution in ("async", "thread", "process"):
            app.task(func=samples.returns, name=execution, execution=execution, limits=api)
        async with running(app) as runtime:
            for number in range(45):
                app.session[["async", "thread", "process"][number % 3]].run()
            assert await runtime.wait_ended(45) == ["success"] * 45
        assert most_in(0.9, app) <= 21

    async def test_a_launch_that_came_too_late_gives_its_token_to_the_next(self, autojump_clock):
        app = App(log=None, multilaunch=True)
        api = rate("api", 1, per="90 seconds")
        hasty = {"name": "hasty", "priority": 9, "deadline": "1 second"}
        app.task("cron * * * * *", func=samples.returns_async, limits=api, **hasty)
        app.task(func=samples.returns_async, name="it", limits=api)
        async with running_virtually(app) as runtime:
            began = trio.current_time()
            app.session["it"].run()
            await runtime.wait_ended(1)
            assert trio.current_time() - began == pytest.approx(90)
        assert (actions(app, "hasty")[0], actions(app, "it")) == ("missed", ["run", "success"])

    async def test_an_app_that_stops_when_idle_waits_for_its_tokens(self, autojump_clock):
        app = App(log=None, stop_when_idle=True)
        app.task(func=samples.returns_async, name="it", limits=rate("api", 1, per="1 hour"))
        app.session["it"].run()
        async with running_virtually(app) as runtime:
            await runtime.system.wait_ended()
        assert actions(app) == ["run", "success"]


class TestWaitsFor:
    def test_before_the_app_runs_a_launch_waits_for_it(self):
        app = App(log=None)
        app.task(func=samples.returns, name="it")
        assert app.session["it"].waits_for is None
        app.session["it"].run()
        assert app.session["it"].waits_for == "the app to run"

    async def test_it_is_said_in_words_and_only_while_something_waits(self, autojump_clock):
        app = App(log=None)
        app.task(func=samples.sleeps_for_on_trio, name="first", parameters={"seconds": 10}, limits=DB)
        app.task(func=samples.returns_async, name="it", limits=DB)
        async with running_virtually(app) as runtime:
            app.session["first"].run()
            app.session["it"].run()
            await runtime.wait_started("first")
            assert app.session["first"].waits_for is None
            assert app.session["it"].waits_for == "limit 'db' (1 of 1 in use)"
            await runtime.wait_ended(2)
            assert app.session["it"].waits_for is None

    @pytest.mark.parametrize("execution", ["thread", "process"])
    async def test_a_thread_and_a_process_may_ask_too(self, execution):
        app = App(log=None, shutdown_wait=0)
        app.task(func=samples.sleeps_on_trio, name="first", limits=DB)
        app.task(func=samples.returns, name="other", limits=DB)
        app.task(func=samples.asks_what_other_waits_for, name="asks", execution=execution)
        async with running(app) as runtime:
            app.session["first"].run()
            app.session["other"].run()
            await runtime.wait_started("first")
            app.session["asks"].run()
            await runtime.wait_ended(1)
            assert app.session.returns["asks"] == "limit 'db' (1 of 1 in use)"
