"""Conditions that end: the runs of a task (``end_cond``), the app (``shut_cond``)."""

import pytest
import trio

import samples
from actors import App, after_success, scheduler_running, succeeded
from actors import running as is_running
from actors.errors import InvalidOption
from helpers import actions, records, running, running_virtually

ENDLESS = {
    "main": samples.sleeps_on_trio,
    "async": samples.sleeps_on_trio,
    "thread": samples.passes_cancellation_points,
    "process": samples.sleeps,
}


@pytest.mark.parametrize("mode", ["async", "thread", "process"])
async def test_a_run_ends_as_soon_as_its_end_condition_holds(mode):
    app = App(log=None)
    app.task(func=ENDLESS[mode], name="it", execution=mode, end_cond=after_success("other"))
    app.task(func=samples.returns, name="other")
    async with running(app) as run:
        app.session["it"].run()
        await run.wait_started("it")
        app.session["other"].run()
        assert await run.wait_ended(2) == ["success", "terminate"]
    assert records(app, "it")[-1].reason == "end_cond: after task 'other'"


async def test_time_alone_ends_a_run_even_a_main_one_that_awaits(autojump_clock):
    app = App(log=None)
    app.task(func=samples.sleeps_on_trio, name="it", execution="main", end_cond=scheduler_running("10 seconds"))
    async with running_virtually(app) as run:
        app.session["it"].run()
        await run.wait_ended()
        assert trio.current_time() == 10
    assert records(app)[-1].reason == "end_cond: scheduler has run over 10 seconds"


async def test_all_runs_of_a_task_are_ended(autojump_clock):
    app = App(log=None)
    app.task(func=samples.sleeps_on_trio, name="it", multilaunch=True, end_cond=is_running("it") >= 3)
    async with running_virtually(app) as run:
        for _ in range(3):
            app.session["it"].run()
        assert await run.wait_ended(3) == ["terminate"] * 3


async def test_an_end_condition_that_is_set_while_it_runs_counts_at_once(autojump_clock):
    app = App(log=None)
    app.task(func=samples.sleeps_on_trio, name="it", on_startup=True)
    async with running_virtually(app) as run:
        await run.wait_started("it")
        app.session["it"].end_cond = True
        assert await run.wait_ended() == ["terminate"]


async def test_a_function_may_say_it(autojump_clock):
    app = App(log=None)
    asked = []

    @app.cond(poll="5 seconds")
    async def enough():
        asked.append(trio.current_time())
        return len(asked) == 3

    app.task(func=samples.sleeps_on_trio, name="it", on_startup=True, end_cond=enough)
    async with running_virtually(app) as run:
        await run.wait_ended()
    assert asked == [0, 5, 10]


async def test_one_that_raises_ends_nothing_and_is_put_on_record(autojump_clock):
    app = App(log=None)

    @app.cond()
    def broken():
        raise ValueError("no disk")

    app.task(func=samples.sleeps_for_on_trio, name="it", on_startup=True, end_cond=broken, parameters={"seconds": 70})
    async with running_virtually(app) as run:
        assert await run.wait_ended() == ["success"]
    errors = [record.reason for record in records(app) if record.action == "error"]
    assert errors == ["its end_cond raised ValueError: no disk; nothing is ended by it, and it is asked again in a minute"] * 2


async def test_it_does_not_matter_while_the_task_does_not_run(autojump_clock):
    app = App(log=None)
    app.task(func=samples.returns, name="it", end_cond=after_success("other"))
    app.task(func=samples.returns, name="other")
    async with running_virtually(app) as run:
        app.session["other"].run()
        await run.wait_ended(1)
        app.session["it"].run()
        await run.wait_ended(2)
    assert actions(app, "it") == ["run", "success"]


@pytest.mark.parametrize("option", ["start_cond", "end_cond"])
def test_a_task_that_is_not_there_is_an_error_at_the_start(option):
    app = App(log=None)
    app.task(func=samples.returns, name="it", **{option: "after task 'othr'"})
    with pytest.raises(InvalidOption, match=f"task 'it' cannot have {option}="):
        app.run()


class TestApp:
    @pytest.mark.parametrize(
        "condition",
        [
            scheduler_running("10 seconds"),
            "scheduler has run over 10 seconds",
            succeeded("it"),
            "scheduler has more than 5 cycles",
        ],
    )
    async def test_the_app_ends_when_its_condition_holds(self, condition, autojump_clock):
        app = App(log=None, shut_cond=condition)
        app.task("every 2 seconds", func=samples.returns, name="it")
        async with running_virtually(app) as run:
            with trio.fail_after(60):
                await run.system.wait_ended()

    async def test_runs_may_finish(self, autojump_clock):
        app = App(log=None, shut_cond=is_running("it"))
        app.task(func=samples.sleeps_for_on_trio, name="it", on_startup=True, parameters={"seconds": 2})
        async with running_virtually(app) as run:
            await run.system.wait_ended()
        assert actions(app) == ["run", "success"]

    async def test_it_may_be_set_while_the_app_runs(self, autojump_clock):
        app = App(log=None)
        async with running_virtually(app) as run:
            app.session.config.shut_cond = True
            with trio.fail_after(60):
                await run.system.wait_ended()

    def test_a_task_that_is_not_there_is_an_error_at_the_start(self):
        with pytest.raises(InvalidOption, match="App cannot have shut_cond="):
            App(log=None, shut_cond="after task 'nobody'").run()
