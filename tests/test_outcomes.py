"""Whatever a task does, in whatever mode: exactly one terminal record, with the right action and reason, and life goes on."""

import pytest
import trio

import samples
from actors import App
from actors.facts import TERMINAL
from helpers import actions, records, running

SYNC_MODES = ["main", "thread", "process"]
MODES = [*SYNC_MODES, "async", "asyncio"]


@pytest.fixture(params=MODES)
def mode(request):
    return request.param


def task_in(mode, sync, name="it", **options):
    """Make an app with `sync`, or an async function that does the same, as a task in `mode`; another task shows it goes on."""
    app = App(log=None, grace="0.5 seconds", cleanup="0.5 seconds", shutdown_wait="0.05 seconds", max_process_count=2)
    execution, backend = ("async", "asyncio") if mode == "asyncio" else (mode, "auto")
    app.task(
        func=as_async(sync) if mode in ("async", "asyncio") else sync, name=name, execution=execution, backend=backend, **options
    )
    app.task(func=samples.returns, name="next", execution="thread" if mode == "asyncio" else mode)
    return app


def as_async(sync):
    async def function(**kwargs):
        return sync(**kwargs)

    if sync is samples.needs:

        async def function(x):
            return x

    return function


def endless_in(mode, **options):
    """Make an app with a task that goes on until it is ended, in the way the mode provides for."""
    function = {
        "main": samples.sleeps_on_trio,
        "async": samples.sleeps_on_trio,
        "asyncio": samples.sleeps_on_asyncio,
        "thread": samples.passes_cancellation_points,
        "process": samples.sleeps,
    }[mode]
    app = App(log=None, grace="0.5 seconds", cleanup="0.5 seconds", shutdown_wait="0.05 seconds", max_process_count=2)
    app.task(func=function, name="it", execution="async" if mode == "asyncio" else mode, **options)
    app.task(func=samples.returns, name="next", execution="async")
    return app


async def outcome(app):
    """Run the task once and return its only terminal record, having seen that another task still runs."""
    async with running(app) as run:
        app.session["it"].run()
        await run.wait_ended()
        app.session["next"].run()
        await run.wait_ended(2)
    assert actions(app, "next") == ["run", "success"]
    return only_end(app)


def only_end(app):
    ends = [record for record in records(app, "it") if record.action in TERMINAL]
    assert len(ends) == 1
    return ends[0]


async def test_a_function_that_returns_is_a_success(mode):
    app = task_in(mode, samples.returns)
    assert (await outcome(app)).action == "success"
    assert app.session.returns["it"] == "result"


async def test_a_function_that_raises_is_a_fail_with_its_traceback(mode):
    end = await outcome(task_in(mode, samples.raises))
    assert (end.action, end.reason) == ("fail", "ValueError: no")
    assert 'raise ValueError("no")' in end.exc_text
    assert "runtime/" not in end.exc_text


async def test_an_exception_that_cannot_be_pickled_is_a_fail_that_says_the_same(mode):
    end = await outcome(task_in(mode, samples.raises_unpicklable))
    assert (end.action, end.reason) == ("fail", "Unpicklable: this and that")


async def test_an_exception_whose_text_raises_is_a_fail(mode):
    end = await outcome(task_in(mode, samples.raises_what_raises_in_str))
    assert (end.action, end.reason) == ("fail", "RaisesInStr: (its text cannot be shown)")


@pytest.mark.parametrize("mode", ["main", "thread", "async", "asyncio"])
async def test_a_result_that_cannot_be_pickled_is_a_success_where_it_need_not_be(mode):
    assert (await outcome(task_in(mode, samples.returns_unpicklable))).action == "success"


async def test_a_result_that_cannot_leave_its_process_is_a_fail_that_says_so():
    end = await outcome(task_in("process", samples.returns_unpicklable))
    assert end.action == "fail"
    assert "returned a function, which cannot be sent back from its process" in end.reason


async def test_a_missing_argument_is_a_fail_that_names_it(mode):
    end = await outcome(task_in(mode, samples.needs))
    assert end.action == "fail"
    assert "task 'it' needs the argument 'x'" in end.reason


async def test_a_parameter_nobody_takes_is_a_fail_that_names_it(mode):
    app = task_in(mode, samples.needs)
    async with running(app) as run:
        app.session["it"].run(x=1, y=2)
        await run.wait_ended()
    assert "takes no argument 'y'" in only_end(app).reason


async def test_sys_exit_is_a_fail_of_the_task_alone(mode):
    end = await outcome(task_in(mode, samples.exits))
    assert (end.action, end.reason) == ("fail", "SystemExit: 3")


@pytest.mark.parametrize("function", [samples.exits_in_a_pool, samples.exits_in_a_group])
async def test_so_is_one_out_of_a_thread_pool_or_in_a_group(mode, function):
    end = await outcome(task_in(mode, function))
    assert end.action == "fail"
    assert "SystemExit" in end.exc_text


async def test_a_sys_exit_in_a_nursery_is_a_fail_of_the_task_alone():
    async def exits_in_a_nursery():
        async with trio.open_nursery() as nursery:
            nursery.start_soon(as_async(samples.exits))
            await trio.sleep_forever()

    app = App(log=None)
    app.task(func=exits_in_a_nursery, name="it")
    app.task(func=samples.returns, name="next")
    end = await outcome(app)
    assert end.action == "fail"
    assert "SystemExit: 3" in end.exc_text


async def test_a_task_may_say_that_there_was_nothing_to_do(mode):
    end = await outcome(task_in(mode, samples.inacts))
    assert (end.action, end.reason) == ("inaction", "nothing new")


async def test_a_worker_that_exits_is_a_fail_with_its_status():
    end = await outcome(task_in("process", samples.quits))
    assert (end.action, end.reason) == ("fail", "WorkerDied: the process of task 'it' exited with status 0 before it answered")


async def test_a_worker_that_is_killed_is_a_fail_with_the_signal_and_its_last_words():
    end = await outcome(task_in("process", samples.is_killed))
    assert end.action == "fail"
    assert "was killed by signal 9 (SIGKILL, out of memory?)" in end.reason
    assert end.output == "last words"


async def test_a_run_that_takes_too_long_is_terminated(mode):
    end = await outcome(endless_in(mode, timeout=0.3))
    assert (end.action, end.reason) == ("terminate", "timeout: it took longer than 0.3 seconds")


async def test_a_run_is_terminated_on_request(mode):
    app = endless_in(mode)
    async with running(app) as run:
        app.session["it"].run()
        await run.wait_started("it")
        app.session["it"].terminate()
        await run.wait_ended()
        app.session["next"].run()
        await run.wait_ended(2)
    assert only_end(app).action == "terminate"
    assert only_end(app).reason == "terminated by the program"


async def test_terminating_twice_is_terminating_once(mode):
    app = endless_in(mode)
    async with running(app) as run:
        app.session["it"].run()
        await run.wait_started("it")
        app.session["it"].terminate()
        app.session["it"].terminate()
        await run.wait_ended()
        app.session["it"].terminate()
        app.session["next"].run()
        await run.wait_ended(2)
    assert actions(app, "it") == ["run", "terminate"]


async def test_a_launch_that_waits_is_terminated_before_it_starts(mode):
    app = endless_in(mode)
    async with running(app) as run:
        app.session["it"].run()
        await run.wait_started("it")
        app.session["it"].run()
        app.session["it"].terminate()
        await run.wait_ended()
    ends = [record for record in records(app, "it") if record.action == "terminate"]
    assert [end.reason for end in ends] == ["terminated by the program, before it started", "terminated by the program"]
    assert actions(app, "it").count("run") == 1


async def test_a_run_that_was_told_to_end_before_its_first_step_does_not_take_it(mode):
    app = task_in(mode, samples.returns)
    async with running(app) as run:
        app.session["it"].run()
        app.session["it"].terminate()
        await run.wait_ended()
    assert only_end(app).action == "terminate"
    assert "it" not in app.session.returns


async def test_a_shutdown_ends_what_does_not_finish_in_its_time(mode):
    app = endless_in(mode)
    async with running(app) as run:
        app.session["it"].run()
        await run.wait_started("it")
        app.session.shut_down()
        ended = await run.system.wait_ended()
    assert (ended.cut_short, ended.exit_code) == (("it",), 3)
    assert only_end(app).action == "terminate"
    assert only_end(app).reason == "shutdown, asked for by the program"


async def test_a_host_that_is_cancelled_terminates_its_runs(mode):
    app = endless_in(mode)
    with trio.CancelScope() as scope:
        async with running(app) as run:
            app.session["it"].run()
            await run.wait_started("it")
            scope.cancel()
            await trio.sleep_forever()
    assert only_end(app).action == "terminate"
    assert only_end(app).reason == "the runtime was cancelled"
