"""Functions that are written for asyncio, beside those on trio."""

import asyncio
import threading
from functools import wraps

import pytest
import trio

from actors import App
from commands import python, write
from helpers import actions, records, running


def passes_on(function):
    """Wrap a function without saying so."""

    @wraps(function)
    def wrapper():
        return function()

    return wrapper


async def run_all(*functions, **options):
    app = App(log=None, cleanup=0.2)
    for function in functions:
        app.task(func=function, **options)
    async with running(app) as run:
        for number, task in enumerate(app.session.tasks, start=1):
            task.run()
            await run.wait_ended(number)
    return app


async def current_loop():
    return type(asyncio.get_running_loop()).__name__


async def no_word_of_it():
    await sleep(0)
    return "slept"


sleep = asyncio.sleep


async def test_what_is_imported_from_asyncio_is_recognised_too():
    app = await run_all(no_word_of_it)
    assert app.session.returns["no_word_of_it"] == "slept"


@pytest.mark.parametrize("options", [{}, {"backend": "asyncio"}, {"execution": "main"}])
async def test_it_runs_also_behind_a_decorator_and_as_main(options):
    app = await run_all(passes_on(current_loop), **options)
    assert "EventLoop" in app.session.returns["current_loop"]


async def test_a_function_on_trio_that_needs_asyncio_says_what_to_set():
    async def needs_it():
        await trio.sleep(0)
        helper()

    app = await run_all(needs_it)
    assert "no running event loop; if the function is written for asyncio, set backend='asyncio'" in records(app)[-1].reason


async def test_a_function_on_asyncio_that_needs_trio_says_what_to_set():
    async def needs_it():
        await trio.sleep(0)

    app = await run_all(needs_it, backend="asyncio")
    assert "if the function is written for trio, set backend='trio'" in records(app)[-1].reason


def helper():
    asyncio.get_running_loop()


async def test_awaiting_what_only_asyncio_knows_fails_at_that_line():
    loop = asyncio.new_event_loop()
    future = loop.create_future()

    async def awaits():
        await future

    app = await run_all(awaits, backend="trio")
    loop.close()
    end = records(app)[-1]
    assert end.action == "fail"
    assert "Future was awaited, which needs asyncio" in end.reason
    assert "await future" in end.exc_text


async def test_its_own_cancellation_is_a_fail_and_not_a_termination():
    async def cancels_itself():
        asyncio.current_task().cancel()
        await asyncio.sleep(1)

    app = await run_all(cancels_itself)
    assert (records(app)[-1].action, records(app)[-1].reason) == ("fail", "CancelledError")


async def test_a_task_that_ends_the_loop_from_inside_fails_and_the_next_gets_another_loop():
    async def exits_in_a_child():
        async def child():
            raise SystemExit(3)

        task = asyncio.ensure_future(child())
        await asyncio.sleep(1)
        return task

    app = await run_all(exits_in_a_child, current_loop)
    assert actions(app) == ["run", "fail", "run", "success"]


async def test_a_task_that_stops_the_loop_fails_and_the_next_gets_another_loop():
    async def stops():
        asyncio.get_running_loop().stop()
        await asyncio.sleep(1)

    app = await run_all(stops, current_loop)
    assert actions(app) == ["run", "fail", "run", "success"]


async def test_a_task_that_blocks_the_loop_is_abandoned_and_the_next_gets_another_loop():
    let_go = threading.Event()

    async def blocks():
        asyncio.get_running_loop()
        let_go.wait(20)

    app = App(log=None, cleanup=0.1)
    app.task(func=blocks, timeout=0.2)
    app.task(func=current_loop)
    async with running(app) as run:
        app.session["blocks"].run()
        await run.wait_ended()
        app.session["current_loop"].run()
        assert await run.wait_ended(2) == ["terminate", "success"]
        blocked = next(thread for thread in threading.enumerate() if thread.name == "callsheet asyncio")
        let_go.set()
        await trio.to_thread.run_sync(blocked.join)


async def test_what_else_runs_on_a_blocked_loop_goes_on_when_it_is_free_again():
    let_go = threading.Event()

    async def blocks():
        await asyncio.sleep(0.05)
        let_go.wait(20)

    async def innocent():
        for _ in range(10):
            await asyncio.sleep(0.02)
        return "done"

    app = App(log=None, cleanup=0.1)
    app.task(func=innocent)
    app.task(func=blocks, timeout=0.3)
    async with running(app) as run:
        app.session["innocent"].run()
        app.session["blocks"].run()
        await run.wait_ended()
        let_go.set()
        assert await run.wait_ended(2) == ["terminate", "success"]
        for thread in threading.enumerate():
            if thread.name == "callsheet asyncio":
                await trio.to_thread.run_sync(thread.join)


def test_threads_of_asyncio_do_not_hold_up_the_exit():
    write(
        "jobs.py",
        """
        import asyncio, time
        from actors import App
        app = App(log=None, stop_when_idle=True, cleanup=0.1)
        @app.task(on_startup=True, timeout=0.3)
        async def it():
            await asyncio.to_thread(time.sleep, 60)
        app.run()
        """,
    )
    assert python("jobs.py", timeout=15).returncode == 0
