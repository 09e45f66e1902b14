"""What a task returns flows to those that it starts."""

import pytest

import samples
from actors import App, after_all_success, after_success
from actors.args import Return
from helpers import MODES, function_of, records, running, running_virtually

PAIRS = [(giver, taker) for giver in MODES for taker in MODES]


def pipeline(giver, taker, **options):
    """Make an app in which the task ``taker`` gets what the task ``giver`` returned."""
    app = App(log=None, **options)
    app.task(func=function_of(giver, "returns"), name="giver", execution=giver)
    takes = function_of(taker, "takes")
    app.task(after_success("giver"), func=takes, name="taker", execution=taker, parameters={"argument": Return("giver")})
    return app


@pytest.mark.parametrize(("giver", "taker"), PAIRS)
async def test_a_value_flows_from_each_mode_to_each(giver, taker):
    app = pipeline(giver, taker)
    async with running(app) as run:
        app.session["giver"].run(value={"pages": [1, 2]})
        assert await run.wait_ended(2) == ["success", "success"]
    assert app.session.returns["taker"] == {"pages": [1, 2]}


@pytest.mark.parametrize("taker", MODES)
async def test_none_is_a_value_too(taker):
    app = pipeline("main", taker)
    async with running(app) as run:
        for count, value in enumerate(["something", None], 1):
            app.session["giver"].run(value=value)
            await run.wait_ended(2 * count)
            assert app.session.returns["taker"] == value


@pytest.mark.parametrize(("giver", "taker"), PAIRS)
async def test_under_multilaunch_each_run_gets_the_value_of_the_run_that_started_it(giver, taker):
    app = App(log=None, multilaunch=True, max_process_count=2)
    app.task(func=function_of(giver, "returns"), name="giver", execution=giver)
    app.task(func=samples.collects, name="collect", execution="main", multilaunch=False)
    sends = function_of(taker, "sends_on")
    app.task(after_success("giver"), func=sends, name="taker", execution=taker, parameters={"argument": Return("giver")})
    async with running(app) as run:
        for number in range(8):
            app.session["giver"].run(value=number)
        ended = await run.wait_ended(24)
    assert set(ended) == {"success"}
    assert sorted(samples.collected) == list(range(8))
    samples.collected.clear()


async def test_a_run_that_waited_gets_the_value_of_the_run_that_started_it_and_not_a_later_one(autojump_clock):
    app, taken = App(log=None), []
    app.task(func=samples.returns, name="giver", execution="main")
    app.task(after_success("giver"), func=lambda value=Return("giver"): taken.append(value), name="taker")
    app.task(func=samples.sleeps_for_on_trio, name="blocks", execution="main")
    async with running_virtually(app) as run:
        app.session["giver"].run(value=1)
        app.session["blocks"].run(seconds=0.1)
        app.session["giver"].run(value=2)
        await run.wait_ended(5)
    assert taken == [1, 2]
    assert [record.action for record in records(app, "taker")] == ["run", "success"] * 2


async def test_the_values_of_several_tasks_come_together(autojump_clock):
    app = App(log=None)
    for name in "ab":
        app.task(func=samples.returns, name=name, parameters={"value": name})
    parts = {"first": Return("a"), "second": Return("b")}
    app.task(after_all_success("a", "b"), func=samples.joined, name="joins", parameters=parts)
    async with running_virtually(app) as run:
        app.session.run("a", "b")
        await run.wait_ended(3)
    assert app.session.returns["joins"] == "a b"


async def test_a_task_that_is_asked_to_run_gets_the_latest_value(autojump_clock):
    app = pipeline("main", "main")
    app.session["taker"].start_cond = None
    async with running_virtually(app) as run:
        app.session["giver"].run(value="latest")
        await run.wait_ended(1)
        app.session["taker"].run()
        await run.wait_ended(2)
    assert app.session.returns["taker"] == "latest"


async def test_a_failure_leaves_the_last_value(autojump_clock):
    app = App(log=None)
    app.task(func=samples.returns_or_raises, name="it")
    async with running_virtually(app) as run:
        app.session["it"].run(value="kept")
        app.session["it"].run(value=None)
        assert await run.wait_ended(2) == ["success", "fail"]
    assert app.session.returns["it"] == "kept"


async def test_what_cannot_leave_a_process_is_a_fail_that_says_so():
    app = App(log=None)
    app.task(func=samples.returns_unpicklable, name="it", execution="process")
    async with running(app) as run:
        app.session["it"].run()
        assert await run.wait_ended() == ["fail"]
    assert "task 'it' returned a function, which cannot be sent back from its process" in records(app)[-1].reason
    assert "it" not in app.session.returns


async def test_a_success_of_a_former_life_whose_value_is_gone_starts_nothing_and_that_is_on_record(autojump_clock):
    for life in (1, 2):
        app = App(log="runs.jsonl")
        app.task(func=samples.returns, name="giver")
        takes = {"argument": Return("giver")}
        app.task(after_success("giver"), func=samples.takes, name="taker", parameters=takes, disabled=life == 1)
        app.task(after_success("giver"), func=samples.returns, name="other", disabled=life == 1)
        async with running_virtually(app) as run:
            if life == 1:
                app.session["giver"].run()
                await run.wait_ended()
            else:
                await run.wait_ended(2)
                app.session["giver"].run(value="new")
                await run.wait_ended(5)
    assert app.session.returns["taker"] == "new"
    (missed,) = [record for record in records(app, "taker") if record.action == "missed"]
    assert (missed.cause, missed.count) == ("lost", 1)
    assert missed.reason == "1 start missed: it needs a return value that is not there (of task giver)"


async def test_one_that_has_a_default_starts_with_that(autojump_clock):
    for life in (1, 2):
        app = App(log="runs.jsonl")
        app.task(func=samples.returns, name="giver")
        takes = {"argument": Return("giver", default="nothing")}
        app.task(after_success("giver"), func=samples.takes, name="taker", parameters=takes, disabled=life == 1)
        async with running_virtually(app) as run:
            if life == 1:
                app.session["giver"].run()
            await run.wait_ended(life)
    assert app.session.returns["taker"] == "nothing"
