"""What the supervisor decides, in the cases in which it is easy to decide wrong."""

import sys
import threading
import time
from contextvars import ContextVar
from datetime import UTC
from random import Random

import pytest
import trio

import samples
from actors import App, always
from actors.messages import Halt, Launch, Start
from helpers import actions, records, running, running_virtually
from runtime import open_runtime
from runtime.clock import SystemClock
from runtime.ids import RunIds
from runtime.in_trio import in_trio
from runtime.left_behind import LeftBehind
from runtime.output.run_output import Outputs
from runtime.runlog.memory_log import MemoryLog
from runtime.runlog.recorder import Recorder
from runtime.runs import Services
from runtime.stopping import Patience
from runtime.task_actor import TaskActor
from runtime.terms import terms_of


async def test_a_schedule_keeps_its_grid_whatever_the_runs_take(autojump_clock):
    app = App(log=None)

    @app.task("every 10 seconds")
    async def tick():
        await trio.sleep(3)

    async with running_virtually(app) as run:
        await run.wait_ended(4)
    starts = [record.start - records(app)[0].start for record in records(app) if record.action == "run"]
    assert starts == [0, 10, 20, 30]


async def test_a_run_that_is_longer_than_its_period_is_followed_by_the_next_slot_and_a_record_of_those_it_cost(autojump_clock):
    app = App(log=None)

    @app.task("every 10 seconds")
    async def tick():
        await trio.sleep(25)

    async with running_virtually(app) as run:
        await run.wait_ended(2)
    begun = [record for record in records(app) if record.action == "run"]
    first = begun[0].start
    assert [(record.due - first, record.start - first) for record in begun[:2]] == [(0, 0), (30, 30)]
    missed = next(record for record in records(app) if record.action == "missed")
    assert (missed.count, missed.first - first, missed.last - first) == (2, 10, 20)
    assert (missed.cause, missed.blocker) == ("overlap", begun[0].run_id)


async def test_a_multilaunch_schedule_overlaps_with_itself(autojump_clock):
    app = App(log=None)

    @app.task("every 10 seconds", multilaunch=True)
    async def tick():
        await trio.sleep(25)

    async with running_virtually(app) as run:
        await run.wait_ended(1)
        assert app.session["tick"].n_alive == 2


async def test_a_task_on_true_runs_again_and_again(autojump_clock):
    app = App(log=None)

    @app.task(True)
    async def loop():
        await trio.sleep(1)

    async with running_virtually(app) as run:
        await run.wait_ended(3)
    assert actions(app)[:6] == ["run", "success"] * 3


async def test_a_host_that_is_cancelled_starts_nothing_more_of_a_task_on_true():
    app = App(log=None)

    @app.task(True)
    async def loop():
        await trio.sleep(0.01)

    with trio.fail_after(10):
        with trio.move_on_after(0.1):
            async with open_runtime(app):
                await trio.sleep_forever()
    assert actions(app)[-1] == "terminate"
    assert actions(app).count("terminate") == 1


async def test_a_keyboard_interrupt_in_the_scheduler_s_own_thread_ends_the_runtime():
    app = App(log=None)

    @app.task(True)
    async def interrupts():
        raise KeyboardInterrupt

    with trio.fail_after(10), pytest.raises(BaseExceptionGroup) as caught:
        async with open_runtime(app):
            await trio.sleep_forever()
    assert caught.group_contains(KeyboardInterrupt)
    assert actions(app) == ["run", "fail"]


@pytest.mark.parametrize("options", [{"execution": "thread"}, {"backend": "asyncio"}])
async def test_a_keyboard_interrupt_elsewhere_is_the_task_s_own_failure(options):
    app = App(log=None)
    app.task(func=samples.interrupts if "execution" in options else samples.interrupts_async, name="it", **options)
    app.task(func=samples.returns, name="next")
    async with running(app) as run:
        app.session["it"].run()
        await run.wait_ended()
        app.session["next"].run()
        await run.wait_ended(2)
    assert records(app, "it")[-1].reason == "KeyboardInterrupt"
    assert actions(app, "next") == ["run", "success"]


async def test_a_run_keeps_the_timeout_it_started_with(autojump_clock):
    app = App(log=None)
    app.task(func=samples.sleeps_on_trio, name="it", timeout=5)
    async with running_virtually(app) as run:
        app.session["it"].run()
        await trio.sleep(1)
        app.session["it"].timeout = "never"
        await run.wait_ended()
    assert records(app)[-1].reason == "timeout: it took longer than 5 seconds"


async def slow_to_end():
    try:
        await trio.sleep_forever()
    finally:
        with trio.CancelScope(shield=True):
            await trio.sleep(1)


async def test_a_name_may_be_given_again_and_again_while_its_first_run_is_ending(autojump_clock):
    app = App(log=None)
    app.task(func=slow_to_end, name="a")
    async with running_virtually(app) as run:
        app.session["a"].run()
        await trio.sleep(0.1)
        for _ in range(2):
            app.session.remove_task("a")
            app.session.create_task(slow_to_end, "a")
        app.session.remove_task("a")
        await run.wait_ended()
    assert actions(app) == ["run", "terminate"]


async def test_a_task_that_was_made_again_starts_when_the_old_ones_run_has_ended(autojump_clock):
    app = App(log=None)
    app.task(func=slow_to_end, name="a")
    async with running_virtually(app) as run:
        app.session["a"].run()
        await trio.sleep(0.1)
        app.session.remove_task("a")
        app.session.create_task(samples.returns, "a", True)
        assert (await run.wait_ended(2))[:2] == ["terminate", "success"]


async def test_a_removed_task_cannot_be_run():
    app = App(log=None)
    app.task(func=samples.returns, name="a")
    task = app.session["a"]
    app.session.remove_task("a")
    with pytest.raises(KeyError, match="there is no task 'a'"):
        task.run()


async def test_tasks_may_be_made_in_threads_while_the_app_starts_and_ends():
    for _ in range(5):
        app = App(log=None)
        for number in range(50):
            app.task(func=samples.returns, name=f"t{number}", on_startup=number % 2 == 0, on_shutdown=number % 2 == 1)
        enough = threading.Event()

        def make(app=app, enough=enough):
            number = 1000
            while not enough.is_set() and number < 1300:
                app.session.create_task(samples.returns, f"t{number}", on_startup=True, on_shutdown=True)
                number += 1
                time.sleep(0.001)

        maker = threading.Thread(target=make)
        maker.start()
        async with running(app):
            await trio.sleep(0.02)
        enough.set()
        maker.join()


async def test_a_function_for_run_ids_that_exits_does_not_end_the_runtime():
    app = App(log=None)
    app.task(func=samples.returns, name="it", func_run_id=lambda task, params: sys.exit(3))
    app.task(func=samples.returns, name="next")
    async with running(app) as run:
        app.session["it"].run()
        app.session["next"].run()
        await run.wait_ended(2)
    assert "raised SystemExit: 3" in records(app, "it")[-1].reason
    assert actions(app, "next") == ["run", "success"]


async def test_a_slot_whose_launch_was_terminated_while_it_waited_is_used_up(autojump_clock):
    app = App(log=None)

    @app.task("every 10 seconds", execution="main")
    async def waits(): ...

    @app.task(on_startup=True, execution="main", priority=1)
    async def first():
        app.session["waits"].terminate()
        await trio.sleep(1)

    async with running_virtually(app) as run:
        await run.wait_ended(2)
    ends = [(record.action, record.end) for record in records(app, "waits")]
    assert [action for action, _ in ends] == ["terminate", "run", "success"]
    begun = records(app, "waits")[1]
    assert begun.due - records(app, "waits")[0].due == 10


async def test_a_start_that_waits_stands_for_the_slot_too():
    app = App(log=None, stop_when_idle=False)
    app.task("every 1 hour", func=samples.returns, name="it", on_startup=True, multilaunch=True)
    async with running(app) as run:
        await run.wait_ended()
        await trio.sleep(0.05)
    assert actions(app) == ["run", "success"]


async def test_main_tasks_that_could_start_at_once_start_by_their_priority():
    app = App(log=None, execution="main", stop_when_idle=True)
    for name, priority in {"low": -1, "first": 0, "second": 0, "high": 5}.items():
        app.task(func=samples.returns, name=name, priority=priority, on_startup=True)
    async with running(app) as run:
        await run.system.wait_ended()
    assert [record.task_name for record in records(app) if record.action == "run"] == ["high", "first", "second", "low"]


async def test_startup_and_shutdown_tasks_run_once_before_and_after_the_others():
    app = App(log=None, stop_when_idle=True)
    app.task(func=samples.returns, name="ordinary", on_startup=False)
    app.task(func=samples.returns, name="last", on_shutdown=True)
    app.task(func=samples.returns, name="first", on_startup=True)
    app.session["ordinary"].run()
    async with running(app) as run:
        await run.system.wait_ended()
    assert [record.task_name for record in records(app) if record.action == "run"] == ["first", "ordinary", "last"]


async def test_a_disabled_task_runs_only_when_it_is_asked_to():
    app = App(log=None, stop_when_idle=True)
    app.task("true", func=samples.returns, name="it", disabled=True)
    app.session["it"].run()
    async with running(app) as run:
        await run.system.wait_ended()
    assert actions(app) == ["run", "success"]


async def test_a_permanent_task_has_no_timeout_and_a_shutdown_does_not_wait_for_it(autojump_clock):
    app = App(log=None, timeout=1, shutdown_wait=1000)
    app.task(func=samples.sleeps_on_trio, name="it", permanent=True)
    async with running_virtually(app) as run:
        app.session["it"].run()
        await trio.sleep(10)
        before = trio.current_time()
        app.session.shut_down()
        await run.system.wait_ended()
    assert trio.current_time() == before
    assert actions(app) == ["run", "terminate"]


async def test_a_second_shutdown_gives_runs_no_more_time(autojump_clock):
    app = App(log=None, shutdown_wait=1000)
    app.task(func=samples.sleeps_on_trio, name="it", timeout="never")
    app.task(func=samples.returns, name="last", on_shutdown=True)
    async with running_virtually(app) as run:
        app.session["it"].run()
        app.session.shut_down()
        await trio.sleep(1)
        app.session.shut_down()
        await run.system.wait_ended()
        assert trio.current_time() == 1
    assert actions(app, "it") == ["run", "terminate"]
    assert [(record.action, record.reason) for record in records(app, "last")] == [
        ("terminate", "shutdown, asked for by the program, before it started")
    ]


async def test_a_launch_that_comes_while_the_app_ends_has_a_record_that_says_so(autojump_clock):
    app = App(log=None, shutdown_wait=5)

    @app.task()
    async def it():
        await trio.sleep(2)
        app.session["other"].run()

    app.task(func=samples.returns, name="other")
    async with running_virtually(app) as run:
        app.session["it"].run()
        app.session.shut_down()
        await run.system.wait_ended()
    assert [(record.action, record.reason) for record in records(app, "other")] == [
        ("terminate", "shutdown, asked for by the program, before it started")
    ]


async def test_a_shutdown_outright_has_the_last_word_over_a_restart():
    app = App(log=None)
    async with running(app) as run:
        app.session.restart()
        app.session.shut_down()
        assert not (await run.system.wait_ended()).restart


async def test_a_condition_that_raises_stops_its_task_and_no_other():
    class Broken(type(always)):
        def holds(self, now, facts):
            raise ValueError("broken")

    app = App(log=None)
    app.task(Broken(), func=samples.returns, name="broken")
    app.task("every 1 hour", func=samples.returns, name="other")
    async with running(app) as run:
        await run.wait_ended()
        app.session["broken"].run()
        await run.wait_ended(2)
    assert actions(app, "other") == ["run", "success"]


async def test_context_variables_of_one_task_are_not_those_of_another():
    seen = []
    variable = ContextVar("variable", default="nothing")
    app = App(log=None)

    @app.task()
    async def sets():
        variable.set("something")
        app.session["looks"].run()
        await trio.sleep(0)

    @app.task()
    async def looks():
        seen.append(variable.get())

    async with running(app) as run:
        app.session["sets"].run()
        await run.wait_ended(2)
    assert seen == ["nothing"]


@pytest.mark.parametrize("seconds", [0, 0.0001, 0.0005, 0.002])
async def test_a_host_that_is_cancelled_while_the_runtime_starts_gets_out_of_it(seconds):
    app = App(log=None)
    app.task(True, func=samples.returns_async, name="it")
    with trio.fail_after(10), trio.move_on_after(seconds):
        async with open_runtime(app):
            await trio.sleep_forever()
    ends = [action for action in actions(app) if action != "run"]
    assert len(ends) == actions(app).count("run")


@pytest.mark.parametrize("asked", [True, False])
async def test_a_task_actor_that_is_cancelled_from_outside_begins_no_run_any_more(asked):
    app, reported = App(log=None), []
    task = app.session.create_task(samples.returns, "it")
    log = Recorder(MemoryLog(), SystemClock())
    runtime = (in_trio(), lambda *_: 0.0, Patience(), LeftBehind(), Outputs(None))
    services = Services(app.session, log, log.clock, RunIds(Random()), {}, reported.append, *runtime)
    actor = TaskActor(task, terms_of(task, UTC), services, reported.append)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(actor.run)
        await actor.begun.wait()
        nursery.cancel_scope.cancel()
    actor.mailbox.put(Start(Launch("it", 1, 0.0, {}, asked=asked), "async", None))
    assert reported == [Halt()]
    assert task.status == ("terminate" if asked else None)


async def test_a_task_may_be_made_run_and_removed_in_one_step():
    app = App(log=None)

    @app.task()
    async def maker():
        app.session.create_task(samples.returns, "made").run()
        app.session.remove_task("made")

    async with running(app) as run:
        app.session["maker"].run()
        assert await run.wait_ended(2) == ["success", "terminate"]
    assert records(app, "made")[-1].reason == "the task was removed by task 'maker'"


async def test_a_task_that_is_made_anew_goes_on_where_its_namesake_was(autojump_clock):
    app = App(log=None)
    async with running_virtually(app) as run:
        for number in range(3):
            app.session.create_task(samples.returns_async, "it", "every 1 hour")
            await trio.sleep(1)
            app.session.remove_task("it")
            assert len(await run.wait_ended()) == 1, number


def test_launches_of_threads_are_not_lost_while_runtimes_start_and_end():
    app = App(log=None, stop_when_idle=True)
    app.task(func=samples.returns, name="it", multilaunch=True)
    asked = 0
    enough = threading.Event()

    def ask():
        nonlocal asked
        while not enough.is_set():
            app.session["it"].run()
            asked += 1
            time.sleep(0.0005)

    asker = threading.Thread(target=ask)
    asker.start()
    for _ in range(20):
        trio.run(start_and_end, app)
    enough.set()
    asker.join()
    trio.run(start_and_end, app)
    assert len([action for action in actions(app) if action != "run"]) == asked


async def start_and_end(app):
    async with open_runtime(app):
        await trio.sleep(0.003)
