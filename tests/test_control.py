"""A session is modified while it runs, by tasks of each mode, and at once."""

import pytest
import trio

import samples
from actors import App
from helpers import actions, records, running


def inside(app, mode, function):
    """Declare the task that does it."""
    name = function.__name__
    app.task(func=getattr(samples, f"{name}_async") if mode == "async" else function, name="inside", execution=mode)


async def done(app, count=1):
    """Run the task that does it, until so many runs have ended, and return what it returned."""
    async with running(app) as run:
        app.session["inside"].run()
        with trio.fail_after(20):
            await run.wait_ended(count)
            while app.session["inside"].is_running:
                await trio.sleep(0.005)
    end = [record for record in records(app, "inside") if record.action != "run"][-1]
    assert end.action == "success", end
    return app.session.returns["inside"]


async def test_a_task_is_created_and_runs(mode):
    app = App(log=None)
    inside(app, mode, samples.creates_and_runs_a_task)
    assert await done(app, 2) == (True, ["inside", "new"])
    assert app.session.returns["new"] == "of the new task"


async def test_a_task_is_removed(mode):
    app = App(log=None)
    inside(app, mode, samples.removes_a_task)
    app.task(func=samples.returns, name="other")
    assert await done(app) is False
    assert "other" not in app.session


async def test_a_removed_task_takes_its_runs_along(mode):
    app = App(log=None)
    inside(app, mode, samples.removes_a_task)
    app.task(func=samples.sleeps, name="other", execution="process", on_startup=True)
    await done(app, 2)
    assert actions(app, "other") == ["run", "terminate"]
    assert records(app, "other")[-1].reason == "the task was removed by task 'inside'"


async def test_options_and_settings_and_parameters_are_changed(mode):
    app = App(log=None)
    inside(app, mode, samples.changes_options)
    app.task(func=samples.returns, name="other")
    assert await done(app) == ("every 2 hours", True, 3)
    assert str(app.session["other"].start_cond) == "every 2 hours"
    assert (app.session["other"].disabled, app.session.config.max_process_count) == (True, 3)
    assert app.session.parameters["word"] == "said inside"


async def test_a_new_schedule_takes_effect_at_once(mode):
    app = App(log=None)
    inside(app, mode, samples.sets_a_schedule)
    app.task(func=samples.returns, name="other")
    await done(app, 2)
    assert actions(app, "other") == ["run", "success"]


async def test_an_impossible_value_is_an_error_there(mode):
    app = App(log=None)
    inside(app, mode, samples.sets_an_impossible_option)
    app.task(func=samples.returns, name="other")
    assert "task 'other' cannot have timeout='soon'" in await done(app)


async def test_a_task_is_run_with_parameters_and_another_terminated(mode):
    app = App(log=None)
    inside(app, mode, samples.runs_and_terminates)
    app.task(func=samples.returns_it, name="other")
    app.task(func=samples.sleeps, name="endless", execution="process", on_startup=True)
    await done(app, 3)
    assert app.session.returns["other"] == "from inside"
    assert records(app, "endless")[-1].reason == "terminated by task 'inside'"


async def test_on_hold_nothing_starts_until_it_ends(mode):
    app = App(log=None)
    inside(app, mode, samples.holds_the_session)
    app.task("every 10 ms", func=samples.returns, name="other")
    async with running(app) as run:
        await run.wait_ended(2)
        app.session["inside"].run()
        with trio.fail_after(20):
            while app.session["inside"].status != "success":
                await trio.sleep(0.005)
            while app.session["other"].is_running:  # it may have started a moment before
                await trio.sleep(0.005)
        assert app.session.on_hold
        before = len(actions(app, "other"))
        app.session["other"].run()
        await trio.sleep(0.1)
        assert len(actions(app, "other")) == before
        app.session.on_hold = False
        with trio.fail_after(20):
            while len(actions(app, "other")) < before + 4:
                await trio.sleep(0.005)


@pytest.mark.parametrize("force", [None, False, True])
async def test_the_app_is_shut_down(mode, force):
    app = App(log=None)
    inside(app, mode, samples.shuts_down_so)
    app.params(force=force)
    async with running(app) as run:
        app.session["inside"].run()
        with trio.fail_after(20):
            ended = await run.system.wait_ended()
    assert not ended.restart


async def test_the_app_is_restarted(mode):
    app = App(log=None)
    inside(app, mode, samples.restarts)
    async with running(app) as run:
        app.session["inside"].run()
        with trio.fail_after(20):
            assert (await run.system.wait_ended()).restart


async def test_what_another_task_returned_is_read(mode):
    app = App(log=None)
    inside(app, mode, samples.reads_a_return_value)
    app.session.create_task(samples.returns, "other")
    app.session.returns.keep("other", {"a": 1})
    assert await done(app) == {"a": 1}


async def test_a_closure_cannot_be_sent_out_of_a_process():
    app = App(log=None)
    inside(app, "process", samples.creates_a_task_of_a_closure)
    async with running(app) as run:
        app.session["inside"].run()
        await run.wait_ended()
    assert records(app, "inside")[-1].reason.startswith("UnportableChange: CreateTask cannot be sent out of a process task")
