"""The cases of the execution handbook, each as the user of Callsheet writes it, and the logs its tables promise."""

import asyncio
import json
import time
from datetime import date

import trio

import samples
from actors import App, TaskTerminationException, TerminationFlag
from helpers import actions, minimal, records, running


async def test_each_of_the_four_methods_runs_its_task():
    app = App(log=None)

    @app.task(execution="main")
    def do_main():
        return "main"

    @app.task(execution="async")
    async def do_async():
        await trio.sleep(0)
        return "async"

    @app.task(execution="thread")
    def do_thread():
        return "thread"

    app.task(func=samples.returns, name="do_process", execution="process")

    async with running(app) as run:
        for task in app.session.tasks:
            task.run()
        await run.wait_ended(4)

    assert {record.task_name: record.execution for record in records(app)} == {
        "do_main": "main",
        "do_async": "async",
        "do_thread": "thread",
        "do_process": "process",
    }
    assert [app.session.returns[task] for task in app.session.tasks] == ["main", "async", "thread", "result"]


async def test_the_apps_execution_is_the_default_of_its_tasks():
    app = App(execution="thread", log=None)

    @app.task()
    def do_default(): ...

    @app.task(execution="main")
    def do_main(): ...

    assert app.session["do_default"].execution == "thread"
    assert app.session["do_main"].execution == "main"


def test_the_default_of_the_default_is_async():
    app = App(log=None)

    @app.task()
    def do_things(): ...

    assert app.session["do_things"].execution == "async"


async def test_an_async_main_task_blocks_the_scheduler_until_it_has_ended():
    app = App(log=None)

    @app.task(execution="main")
    async def do_async():
        app.session["other"].run()
        await trio.sleep(0.05)

    @app.task()
    def other(): ...

    async with running(app) as run:
        app.session["do_async"].run()
        await run.wait_ended(2)
    assert [(record.task_name, record.action) for record in records(app)] == [
        ("do_async", "run"),
        ("do_async", "success"),
        ("other", "run"),
        ("other", "success"),
    ]


async def test_a_function_written_for_asyncio_runs_and_is_cancelled_at_its_await():
    app = App(log=None)
    cancelled = []

    @app.task(execution="async")
    async def do_async():
        try:
            await asyncio.sleep(10)
        except asyncio.CancelledError:
            cancelled.append(True)
            raise

    async with running(app) as run:
        app.session["do_async"].run()
        await run.wait_started("do_async")
        await trio.sleep(0.05)
        app.session["do_async"].terminate()
        assert await run.wait_ended() == ["terminate"]
    assert cancelled == [True]


async def test_a_thread_task_ends_by_listening_to_its_flag():
    app = App(log=None)

    @app.task(execution="thread")
    def do_thread(flag=TerminationFlag()):
        while True:
            time.sleep(0.005)
            if flag.is_set():
                raise TaskTerminationException

    async with running(app) as run:
        app.session["do_thread"].run()
        await run.wait_started("do_thread")
        app.session["do_thread"].terminate()
        await run.wait_ended()
    assert actions(app) == ["run", "terminate"]


async def test_a_thread_task_that_returns_after_its_flag_was_set_is_a_success():
    app = App(log=None)
    app.task(func=samples.looks_at_flag, name="do_thread", execution="thread")
    async with running(app) as run:
        app.session["do_thread"].run()
        await run.wait_started("do_thread")
        app.session["do_thread"].terminate()
        await run.wait_ended()
    assert actions(app) == ["run", "success"]
    assert app.session.returns["do_thread"] == "ended by itself"


def app_with_overlapping_runs(**config):
    """Make an app whose task takes a little, so that two launches overlap where they may."""
    app = App(log=None, **config)

    async def do_things(report_date=None):
        await trio.sleep(0.02)

    return app, do_things


async def test_a_task_runs_once_at_a_time_and_the_second_launch_waits():
    app, do_things = app_with_overlapping_runs()
    app.task(func=do_things)
    async with running(app) as run:
        app.session["do_things"].run()
        app.session["do_things"].run()
        await run.wait_ended(2)
    assert actions(app) == ["run", "success", "run", "success"]
    created = [record.created for record in records(app)]
    assert created == sorted(created)


async def test_a_multilaunch_task_runs_several_times_at_a_time():
    app, do_things = app_with_overlapping_runs()
    app.task(func=do_things, multilaunch=True)
    async with running(app) as run:
        app.session["do_things"].run()
        app.session["do_things"].run()
        await run.wait_ended(2)
    assert actions(app) == ["run", "run", "success", "success"]


async def test_multilaunch_may_be_the_default_of_the_app():
    app, do_things = app_with_overlapping_runs(config={"multilaunch": True})
    app.task(func=do_things)
    async with running(app) as run:
        app.session["do_things"].run()
        app.session["do_things"].run()
        await run.wait_ended(2)
    assert actions(app) == ["run", "run", "success", "success"]


async def test_runs_are_told_apart_by_ids_that_are_uuids():
    app, do_things = app_with_overlapping_runs(multilaunch=True)
    app.task(func=do_things)
    async with running(app) as run:
        app.session["do_things"].run()
        app.session["do_things"].run()
        await run.wait_ended(2)
    log = minimal(app)
    first, second = log[0][1], log[1][1]
    assert first != second
    assert {len(first), len(second)} == {32}
    assert [row[0] for row in log] == ["do_things"] * 4
    assert [(run_id, action) for _, run_id, action in log[:2]] == [(first, "run"), (second, "run")]
    assert {(run_id, action) for _, run_id, action in log[2:]} == {(first, "success"), (second, "success")}


def generate_run_id(task, params=None):
    return json.dumps(dict(params), default=str)


async def log_of_two_dates(app):
    async with running(app) as run:
        app.session["do_things"].run(report_date=date(2022, 1, 1))
        app.session["do_things"].run(report_date=date(2022, 1, 2))
        await run.wait_ended(2)
    return minimal(app)


FIRST, SECOND = '{"report_date": "2022-01-01"}', '{"report_date": "2022-01-02"}'


async def test_run_ids_may_be_made_from_the_parameters():
    app, do_things = app_with_overlapping_runs()
    app.task(func=do_things, multilaunch=True, func_run_id=generate_run_id)
    log = await log_of_two_dates(app)
    assert log[:2] == [("do_things", FIRST, "run"), ("do_things", SECOND, "run")]
    assert sorted(log[2:]) == [("do_things", FIRST, "success"), ("do_things", SECOND, "success")]


async def test_the_function_that_makes_run_ids_may_be_the_default_of_the_app():
    app, do_things = app_with_overlapping_runs(config={"multilaunch": True, "func_run_id": generate_run_id})
    app.task(func=do_things)
    log = await log_of_two_dates(app)
    assert sorted(run_id for _, run_id, _ in log) == [FIRST, FIRST, SECOND, SECOND]


async def test_the_function_that_makes_run_ids_gets_the_task_and_all_its_parameters():
    app = App(log=None)
    app.task(
        func=samples.returns,
        name="it",
        parameters={"value": 1},
        func_run_id=lambda task, params: f"{task.name} with {params['value']}",
    )
    async with running(app) as run:
        app.session["it"].run()
        app.session["it"].run(value=2)
        await run.wait_ended(2)
    assert [record.run_id for record in records(app) if record.action == "run"] == ["it with 1", "it with 2"]


async def test_a_run_id_that_cannot_be_made_is_a_fail_under_a_random_one():
    app = App(log=None)
    app.task(func=samples.returns, name="it", func_run_id=lambda task, params: params["absent"])
    app.task(func=samples.returns, name="other", func_run_id=lambda task, params: 5)
    async with running(app) as run:
        app.session["it"].run()
        app.session["other"].run()
        await run.wait_ended(2)
    (end,) = [record for record in records(app, "it") if record.action == "fail"]
    assert "func_run_id of task 'it' raised KeyError: 'absent'" in end.reason
    assert len(end.run_id) == 32
    (end,) = [record for record in records(app, "other") if record.action == "fail"]
    assert "returned 5; it must return a text" in end.reason
    assert "it" not in app.session.returns
