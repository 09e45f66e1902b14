"""The table of execution modes, cell by cell: what is parallel, what can be terminated, what may modify the session."""

import time

import pytest
import trio

import samples
from actors import App, every, never
from commands import is_alive
from helpers import actions, records, running, wait_printed


class TestParallel:
    """Two runs asked for at once overlap, or do not."""

    async def meet(self, execution, function, within, **config):
        """Return whether the two runs met; each waits so many seconds for the other."""
        app = App(log=None, **config)
        for name, other in (("first", "second"), ("second", "first")):
            app.task(func=function, name=name, execution=execution, parameters={"me": name, "other": other, "within": within})
        async with running(app) as run:
            app.session["first"].run()
            app.session["second"].run()
            await run.wait_ended(2)
        return app.session.returns["first"]

    async def test_main_is_not_be_it_sync_or_async(self):
        assert not await self.meet("main", samples.meets, within=0.2)
        assert not await self.meet("main", samples.meets_on_trio, within=0.2)

    async def test_async_is_at_awaits(self):
        assert await self.meet("async", samples.meets_on_trio, within=20)

    @pytest.mark.filterwarnings("ignore::actors.errors.BlockingTask")
    async def test_a_sync_function_under_async_is_not(self):
        assert not await self.meet("async", samples.meets, within=0.2)

    async def test_threads_are(self):
        assert await self.meet("thread", samples.meets, within=20)

    async def test_threads_are_up_to_their_limit(self):
        assert not await self.meet("thread", samples.meets, within=0.2, max_thread_count=1)

    async def test_processes_are_up_to_their_limit(self):
        assert await self.meet("process", samples.meets, within=20, max_process_count=2)

    async def test_processes_wait_beyond_their_limit(self):
        assert not await self.meet("process", samples.meets, within=0.2, max_process_count=1)

    async def test_nothing_is_launched_while_an_async_main_task_runs(self):
        app = App(log=None)
        app.task(func=samples.sleeps_for_on_trio, name="main", execution="main", parameters={"seconds": 0.1})
        for mode in ("async", "thread", "process"):
            app.task(func=samples.returns, name=mode, execution=mode)
        async with running(app) as run:
            app.session["main"].run()
            for mode in ("async", "thread", "process"):
                app.session[mode].run()
            await run.wait_ended(4)
        assert actions(app)[:2] == ["run", "success"]
        assert [record.task_name for record in records(app)[:2]] == ["main", "main"]


class TestTermination:
    """What ends a run before it ends by itself."""

    async def ended(self, app, **wait):
        async with running(app) as run:
            app.session["it"].run()
            await run.wait_started("it")
            await trio.sleep(0.05)
            app.session["it"].terminate()
            await run.wait_ended()
        return records(app, "it")[-1]

    async def test_a_sync_main_function_cannot_be_terminated(self):
        app = App(log=None, timeout=0.01)
        app.task(func=samples.sleeps_for, name="it", execution="main", parameters={"seconds": 0.1})
        async with running(app) as run:
            app.session["it"].run()
            assert await run.wait_ended() == ["success"]

    async def test_an_async_main_function_is_at_any_await(self):
        app = App(log=None)
        app.task(func=samples.sleeps_on_trio, name="it", execution="main")
        assert (await self.ended(app)).action == "terminate"

    @pytest.mark.parametrize("function", [samples.sleeps_on_trio, samples.sleeps_on_asyncio])
    async def test_an_async_function_is_at_any_await(self, function):
        app = App(log=None)
        app.task(func=function, name="it")
        assert (await self.ended(app)).action == "terminate"

    async def test_an_async_function_that_swallows_its_cancellation_is_cancelled_again(self):
        app = App(log=None)
        swallowed = []

        @app.task()
        async def it():
            for _ in range(3):
                try:
                    await trio.sleep(60)
                except trio.Cancelled:
                    swallowed.append(True)
            await trio.sleep(60)

        assert (await self.ended(app)).action == "terminate"
        assert len(swallowed) == 3

    async def test_a_thread_is_when_it_looks_at_its_flag(self):
        app = App(log=None)
        app.task(func=samples.passes_cancellation_points, name="it", execution="thread")
        assert (await self.ended(app)).action == "terminate"

    async def test_an_async_function_in_a_thread_is_at_any_await(self):
        app = App(log=None)
        app.task(func=samples.sleeps_on_trio, name="it", execution="thread")
        app.task(func=samples.sleeps_on_asyncio, name="other", execution="thread")
        end = await self.ended(app)
        assert (end.action, end.reason) == ("terminate", "terminated by the program")

    async def test_a_thread_that_does_not_look_is_abandoned_and_the_runtime_goes_on(self):
        app = App(log=None, grace=0.1, max_thread_count=1)
        let_go = []

        @app.task(execution="thread")
        def it():
            while not let_go:
                time.sleep(0.005)
            return "too late"

        app.task(func=samples.returns, name="next", execution="thread")
        async with running(app) as run:
            app.session["it"].run()
            await run.wait_started("it")
            app.session["it"].terminate()
            await run.wait_ended()
            app.session["next"].run()
            assert await run.wait_ended(2) == ["terminate", "success"]
            let_go.append(True)
            await trio.sleep(0.05)
        end = records(app, "it")[-1]
        assert "abandoned: the thread of task 'it' did not end within 0.1 s" in end.reason
        assert "time.sleep(0.005)" in end.exc_text
        assert actions(app, "it") == ["run", "terminate"]
        assert "it" not in app.session.returns

    async def test_a_process_is_always(self):
        app = App(log=None, grace=0.2)
        app.task(func=samples.ignores_everything, name="it", execution="process")
        async with running(app) as run:
            app.session["it"].run()
            await run.wait_started("it")
            await trio.sleep(0.3)
            app.session["it"].terminate()
            assert await run.wait_ended() == ["terminate"]

    async def test_a_process_may_end_by_its_flag_in_its_grace(self, capfd):
        app = App(log=None)
        app.task(func=samples.looks_at_flag_aloud, name="it", execution="process")
        async with running(app) as run:
            app.session["it"].run()
            await wait_printed(capfd, "it looks")
            app.session["it"].terminate()
            assert await run.wait_ended() == ["success"]
        assert app.session.returns["it"] == "ended by itself"

    async def test_a_process_ends_with_all_it_has_started(self, capfd):
        app = App(log=None, grace=0.2)
        app.task(func=samples.starts_a_child, name="it", execution="process")
        async with running(app) as run:
            app.session["it"].run()
            printed = await wait_printed(capfd, "child")
            child = int(printed.rsplit("child ", 1)[1])
            app.session["it"].terminate()
            await run.wait_ended()
        with trio.fail_after(5):
            while is_alive(child):
                await trio.sleep(0.01)


IN_PROCESS = ["main", "async", "thread"]


class TestSessionModified:
    """From inside a task, the session is modified while it runs."""

    async def run_inside(self, mode, function, ends=2, **options):
        app = App(log=None)

        def inside():
            function(app.session)

        async def inside_async():
            function(app.session)

        app.task(func=inside_async if mode == "async" else inside, name="inside", execution=mode)
        app.task(func=samples.returns, name="other", **options)
        async with running(app) as run:
            app.session["inside"].run()
            await run.wait_ended(ends)
        return app

    @pytest.mark.parametrize("mode", IN_PROCESS)
    async def test_a_task_is_run(self, mode):
        app = await self.run_inside(mode, lambda session: session["other"].run(value=5))
        assert actions(app, "other") == ["run", "success"]
        assert app.session.returns["other"] == 5

    @pytest.mark.parametrize("mode", IN_PROCESS)
    async def test_a_task_is_created_and_starts_to_count(self, mode):
        app = await self.run_inside(mode, lambda session: session.create_task(samples.returns, "new", "every 1 hour"))
        assert actions(app, "new") == ["run", "success"]

    @pytest.mark.parametrize("mode", IN_PROCESS)
    async def test_a_task_is_removed(self, mode):
        app = await self.run_inside(mode, lambda session: session.remove_task("other"), ends=1)
        assert "other" not in app.session

    @pytest.mark.parametrize("mode", IN_PROCESS)
    async def test_an_option_is_changed_and_takes_effect(self, mode):
        def change(session):
            session["other"].start_cond = "every 1 hour"

        app = await self.run_inside(mode, change)
        assert actions(app, "other") == ["run", "success"]
        assert app.session["other"].start_cond == every("1 hour")

    @pytest.mark.parametrize("mode", IN_PROCESS)
    async def test_a_condition_is_taken_away(self, mode):
        def change(session):
            session["other"].start_cond = never

        app = await self.run_inside(mode, change, ends=1, start_cond="every 1 hour", disabled=True)
        assert actions(app, "other") == []

    @pytest.mark.parametrize("mode", IN_PROCESS)
    async def test_the_app_is_shut_down(self, mode):
        app = App(log=None)

        def inside():
            app.session.shut_down()

        async def inside_async():
            app.session.shut_down()

        app.task(func=inside_async if mode == "async" else inside, name="inside", execution=mode)
        async with running(app) as run:
            app.session["inside"].run()
            with trio.fail_after(10):
                await run.system.wait_ended()
        assert actions(app, "inside") == ["run", "success"]

    @pytest.mark.parametrize("mode", IN_PROCESS)
    async def test_another_task_is_terminated_and_the_record_says_by_whom(self, mode):
        app = App(log=None)
        app.task(func=samples.sleeps_on_trio, name="other")

        def inside():
            app.session["other"].terminate()

        async def inside_async():
            app.session["other"].terminate()

        app.task(func=inside_async if mode == "async" else inside, name="inside", execution=mode)
        async with running(app) as run:
            app.session["other"].run()
            await run.wait_started("other")
            app.session["inside"].run()
            await run.wait_ended(2)
        assert records(app, "other")[-1].reason == "terminated by task 'inside'"

    async def test_from_a_process_a_task_is_run(self):
        app = App(log=None)
        app.task(func=samples.runs_other, name="inside", execution="process")
        app.task(func=samples.returns_it, name="other")
        async with running(app) as run:
            app.session["inside"].run()
            await run.wait_ended(2)
        assert app.session.returns["other"] == "from inside"

    async def test_from_a_process_a_task_is_terminated(self):
        app = App(log=None)
        app.task(func=samples.terminates_other, name="inside", execution="process")
        app.task(func=samples.sleeps_on_trio, name="other")
        async with running(app) as run:
            app.session["other"].run()
            app.session["inside"].run()
            await run.wait_ended(2)
        assert records(app, "other")[-1].reason == "terminated by task 'inside'"

    async def test_from_a_process_the_app_is_shut_down(self):
        app = App(log=None)
        app.task(func=samples.shuts_down, name="inside", execution="process")
        async with running(app) as run:
            app.session["inside"].run()
            with trio.fail_after(10):
                await run.system.wait_ended()
        assert actions(app, "inside") == ["run", "success"]

    async def test_from_a_process_a_task_nobody_has_is_an_error_in_the_process(self):
        app = App(log=None)
        app.task(func=samples.runs_other, name="inside", execution="process")
        async with running(app) as run:
            app.session["inside"].run()
            await run.wait_ended()
        assert "there is no task 'other'" in records(app, "inside")[-1].reason

    async def test_from_a_process_what_cannot_be_sent_out_of_it_says_so(self):
        app = App(log=None)
        app.task(func=samples.creates_a_task_of_a_closure, name="inside", execution="process")
        async with running(app) as run:
            app.session["inside"].run()
            await run.wait_ended()
        assert "CreateTask cannot be sent out of a process task" in records(app, "inside")[-1].reason
