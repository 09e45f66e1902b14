"""The end of an app, from inside: its budgets, who may ask for it, and that it is asked for once or twice with one effect."""

import threading

import pytest
import trio

import samples
from actors import App, SchedulerExit, SchedulerRestart
from actors.conds import after_success
from helpers import actions, records, running, running_virtually
from runtime.shutdown import Haste, longest


async def clings():
    """Take no notice of being cancelled for longer than any shutdown takes."""
    with trio.CancelScope(shield=True):
        await trio.sleep(100)


def reasons(app, task):
    return [record.reason for record in records(app, task) if record.action != "run"]


def clinging(**settings):
    """Return an app in which all that can takes no notice of its end: runs, those of the end too, and hooks around it."""
    app = App(log=None, **settings)
    app.task(func=clings, name="clings", on_startup=True)
    app.task(func=samples.sleeps_on_trio, name="sleeps", on_startup=True)
    app.task(func=clings, name="last clings", on_shutdown=True)
    app.task(func=samples.sleeps_on_trio, name="last sleeps", on_shutdown=True)

    @app.session.hook_shutdown
    async def hook():
        await trio.sleep(100)
        yield

    @app.session.hook_shutdown
    async def other():
        yield
        await trio.sleep(100)

    return app


class TestTheBudget:
    @pytest.mark.parametrize("wait", [0, 5, 25])
    async def test_it_is_over_in_its_time_whatever_tasks_and_hooks_do(self, autojump_clock, wait):
        app = clinging(shutdown_wait=wait)
        async with running_virtually(app) as run:
            await run.wait_started("clings", "sleeps")
            begun = trio.current_time()
            app.session.shut_down()
            ended = await run.system.wait_ended()
            assert trio.current_time() - begun <= longest(wait)
        assert (ended.stuck, ended.exit_code, ended.hooks) == (2, 3, 1)
        assert sorted(ended.cut_short) == ["clings", "last clings", "last sleeps", "sleeps"]
        assert {record.action for record in records(app)} == {"run", "terminate"}

    async def test_a_forced_one_takes_three_seconds(self, autojump_clock):
        app = clinging(shutdown_wait=80)
        async with running_virtually(app) as run:
            await run.wait_started("clings", "sleeps")
            begun = trio.current_time()
            app.session.shut_down(force=True)
            await run.system.wait_ended()
            assert trio.current_time() - begun <= longest(80, Haste.CANCEL) <= 3
        assert actions(app, "last sleeps") == ["terminate"]

    @pytest.mark.parametrize("after", [0, 3, 6, 7.5, 8.5])
    async def test_a_third_signal_ends_it_in_less_than_a_second_at_any_moment(self, autojump_clock, after):
        app = clinging(shutdown_wait=5)
        async with running_virtually(app) as run:
            await run.wait_started("clings", "sleeps")
            run.system.shut_down(signals=1)
            await trio.sleep(after)
            begun = trio.current_time()
            run.system.shut_down(signals=2)
            run.system.shut_down(signals=3)
            await run.system.wait_ended()
            assert trio.current_time() - begun <= longest(5, Haste.KILL) < 1
        assert actions(app, "clings") == ["run", "terminate"]

    async def test_the_tasks_of_the_end_share_the_time_to_finish(self, autojump_clock):
        app = App(log=None, shutdown_wait=5)
        app.task(func=samples.sleeps_for_on_trio, name="works", parameters={"seconds": 2}, on_startup=True)
        app.task(func=samples.sleeps_for_on_trio, name="last", parameters={"seconds": 2.5}, on_shutdown=True)
        app.task(func=samples.sleeps_for_on_trio, name="too long", parameters={"seconds": 4}, on_shutdown=True)
        async with running_virtually(app) as run:
            await run.wait_started("works")
            app.session.shut_down()
            ended = await run.system.wait_ended()
        assert (actions(app, "works"), actions(app, "last")) == (["run", "success"], ["run", "success"])
        assert ended.cut_short == ("too long",)

    async def test_a_hook_around_the_end_is_not_cut_while_it_waits_for_the_tasks_of_the_end(self, autojump_clock):
        app, said = App(log=None, shutdown_wait=10), []

        @app.session.hook_shutdown
        async def hook():
            yield
            said.append(trio.current_time())

        app.task(func=samples.sleeps_on_trio, name="sleeps", on_startup=True)
        app.task(func=samples.sleeps_for_on_trio, name="last", parameters={"seconds": 0.9}, on_shutdown=True)
        async with running_virtually(app) as run:
            await run.wait_started("sleeps")
            app.session.shut_down()
            ended = await run.system.wait_ended()
        assert (len(said), ended.hooks) == (1, 0)

    async def test_what_is_stuck_does_not_keep_the_hooks_of_the_end_from_being_called(self, autojump_clock):
        app, said = App(log=None, shutdown_wait=1), []

        @app.session.hook_shutdown
        def hook():
            yield
            said.append("last part")

        app.task(func=clings, on_startup=True)
        async with running_virtually(app) as run:
            await run.wait_started("clings")
            app.session.shut_down()
            assert (await run.system.wait_ended()).stuck == 1
            assert said == ["last part"]
        assert said == ["last part"]

    async def test_what_ends_in_order_is_no_reason_for_another_exit_code(self, autojump_clock):
        app = App(log=None)
        app.task(func=samples.raises, on_startup=True)
        async with running_virtually(app) as run:
            await run.wait_ended()
            app.session.shut_down()
            ended = await run.system.wait_ended()
        assert (ended.exit_code, str(ended)) == (0, "")

    async def test_what_was_cut_short_is_told_in_words(self, autojump_clock):
        app = clinging(shutdown_wait=0, multilaunch=True)
        async with running_virtually(app) as run:
            app.session["sleeps"].run()
            await run.wait_started("clings", "sleeps")
            app.session.shut_down(force=True)
            ended = await run.system.wait_ended()
        assert str(ended) == "task 'sleeps' (2 runs), task 'clings', 1 hook"


class TestTheStart:
    """A start that goes on is ended, too."""

    async def ended_while_it_starts(self, app, ask):
        """Start `app`, have `ask` called with its system while that goes on, and return how it has ended."""
        systems = []
        async with trio.open_nursery() as nursery:

            @nursery.start_soon
            async def _():
                await trio.sleep(1)
                ask(systems[0])

            async with running_virtually(app, before_start=systems.append) as run:
                return await run.system.wait_ended()

    def hanging(self, part):
        app, said = App(log=None, shutdown_wait=5), []

        @app.setup
        async def setup():
            if part == "first":
                await trio.sleep(100)
            yield
            await trio.sleep(100)

        app.session.hook_shutdown(lambda: said.append("end"))
        app.task(func=samples.returns, name="last", on_shutdown=True)
        app.task("true", func=samples.returns_async, name="it")
        return app, said

    async def test_a_hook_of_it_that_hangs_is_cut_and_nothing_is_started_or_closed(self, autojump_clock):
        app, said = self.hanging("first")
        ended = await self.ended_while_it_starts(app, lambda system: system.shut_down())
        assert trio.current_time() <= 1 + longest(5)
        assert (ended.hooks, ended.exit_code) == (1, 3)
        assert (actions(app), said) == (["terminate"], [])  # of "last", before it started

    async def test_the_second_part_of_one_is_waited_for_and_cut_as_a_run_is(self, autojump_clock):
        app, said = self.hanging("second")
        app.session.remove_task("it")
        ended = await self.ended_while_it_starts(app, lambda system: system.shut_down())
        assert trio.current_time() <= 1 + longest(5)
        assert (ended.hooks, said) == (1, ["end"])
        assert actions(app, "last") == ["run", "success"]

    @pytest.mark.parametrize("part", ["first", "second"])
    @pytest.mark.parametrize(("signals", "haste"), [(2, Haste.CANCEL), (3, Haste.KILL)])
    async def test_further_signals_count_there_too(self, autojump_clock, part, signals, haste):
        app, _ = self.hanging(part)
        app.session.remove_task("it")

        def ask(system):
            for count in range(1, signals + 1):
                system.shut_down(signals=count)

        await self.ended_while_it_starts(app, ask)
        assert trio.current_time() <= 1 + longest(5, haste)

    async def test_a_hook_that_ends_in_its_time_has_the_hooks_of_the_end_called_too(self, autojump_clock):
        app, said = App(log=None, shutdown_wait=5), []

        @app.setup
        async def setup():
            await trio.sleep(3)

        app.session.hook_shutdown(lambda: said.append("end"))
        app.task(func=samples.returns, name="first", on_startup=True)
        ended = await self.ended_while_it_starts(app, lambda system: system.shut_down())
        assert (said, actions(app), ended.exit_code) == (["end"], [], 0)

    async def test_an_app_that_is_to_end_before_it_starts_calls_no_hooks(self, autojump_clock):
        app, said = App(log=None), []
        app.setup(lambda: said.append("start"))
        app.session.hook_shutdown(lambda: said.append("end"))
        async with running_virtually(app, before_start=lambda system: system.shut_down()) as run:
            assert (await run.system.wait_ended()).exit_code == 0
        assert said == []

    async def test_a_hook_of_it_may_ask_for_the_end(self, autojump_clock):
        app, said = App(log=None), []

        @app.setup
        def setup():
            app.session.shut_down()
            yield
            said.append("second part")

        app.session.hook_shutdown(lambda: said.append("end"))
        app.task(func=samples.returns, name="first", on_startup=True)
        async with running_virtually(app) as run:
            await run.system.wait_ended()
        assert (said, actions(app)) == (["end", "second part"], [])


class TestRaisedByATask:
    @pytest.mark.parametrize(("function", "restart"), [("ends_the_app", False), ("restarts_the_app", True)])
    async def test_the_run_is_a_success_and_the_app_ends_or_begins_anew(self, app, mode, function, restart):
        app.task(func=getattr(samples, function), name="it", execution=mode, retries=3)
        app.task(func=samples.sleeps_for_on_trio, name="other", parameters={"seconds": 0.2}, on_startup=True)
        async with running(app) as run:
            await run.wait_started("other")
            app.session["it"].run()
            ended = await run.system.wait_ended()
        assert (actions(app, "it"), reasons(app, "it")) == (["run", "success"], [None])
        assert (ended.restart, ended.exit_code) == (restart, 0)
        assert actions(app, "other") == ["run", "success"]

    async def test_the_reason_of_what_is_ended_by_it_names_the_task(self, app, autojump_clock):
        app.task(func=samples.ends_the_app, name="it")
        app.task(func=samples.sleeps_on_trio, name="other", on_startup=True)
        async with running_virtually(app) as run:
            await run.wait_started("other")
            app.session["it"].run()
            await run.system.wait_ended()
        assert reasons(app, "other") == ["shutdown, asked for by task 'it'"]

    async def test_what_its_success_would_start_is_left_for_the_next_start(self, app, autojump_clock):
        app.task(func=samples.ends_the_app, name="it", on_startup=True)
        app.task(after_success("it"), func=samples.returns, name="follows")
        async with running_virtually(app) as run:
            await run.system.wait_ended()
        assert actions(app, "follows") == []

    @pytest.mark.parametrize("backend", ["trio", "asyncio"])
    async def test_out_of_a_nursery_it_comes_as_itself(self, app, backend):
        async def ends():
            raise ExceptionGroup("of a nursery", [SchedulerExit()])

        app.task(func=ends, name="it", on_startup=True, backend=backend)
        async with running(app) as run:
            await run.system.wait_ended()
        assert actions(app) == ["run", "success"]

    async def test_beside_an_error_it_is_none(self, app, autojump_clock):
        async def ends():
            raise ExceptionGroup("of a nursery", [SchedulerExit(), ValueError("no")])

        app.task(func=ends, name="it", on_startup=True)
        async with running_virtually(app) as run:
            assert await run.wait_ended() == ["fail"]
            assert not run.system.is_ending

    async def test_two_that_raise_it_do_not_hurry_the_end(self, app, autojump_clock):
        app.task(func=samples.ends_the_app, name="one", on_startup=True)
        app.task(func=samples.ends_the_app, name="two", on_shutdown=True)
        app.task(func=samples.sleeps_for_on_trio, name="last", parameters={"seconds": 2}, on_shutdown=True)
        async with running_virtually(app) as run:
            await run.system.wait_ended()
        assert [actions(app, name) for name in ("one", "two", "last")] == [["run", "success"]] * 3

    async def test_one_that_is_asked_for_while_the_app_ends_does_not_restart_it(self, app, autojump_clock):
        async def restarts():
            await trio.sleep(1)
            raise SchedulerRestart

        app.task(func=restarts, name="it", on_startup=True)
        async with running_virtually(app) as run:
            await run.wait_started("it")
            app.session.shut_down()
            assert not (await run.system.wait_ended()).restart


class TestAskedForAgain:
    """Whoever asks, and how often: it ends, and its hooks are called once."""

    def hooked(self, **settings):
        app, said = App(log=None, shutdown_wait=5, **settings), []

        @app.session.hook_shutdown
        def hook():
            said.append("first part")
            yield
            said.append("last part")

        return app, said

    async def ended(self, app):
        async with running_virtually(app) as run:
            with trio.fail_after(longest(5)):
                return await run.system.wait_ended()

    async def test_by_two_tasks(self, autojump_clock):
        app, said = self.hooked()
        for name in ("one", "two"):
            app.task(func=app.session.shut_down, name=name, on_startup=True, execution="main")
        await self.ended(app)
        assert said == ["first part", "last part"]

    async def test_by_a_task_that_waits_for_it_in_vain(self, autojump_clock):
        app, said = self.hooked()

        @app.task(on_startup=True)
        async def it():
            app.session.shut_down()
            await trio.sleep_forever()

        assert (await self.ended(app)).cut_short == ("it",)
        assert said == ["first part", "last part"]

    async def test_by_a_task_of_the_end(self, autojump_clock):
        app, said = self.hooked(stop_when_idle=True)
        app.task(func=app.session.shut_down, name="last", on_shutdown=True, execution="main")
        await self.ended(app)
        assert (said, actions(app, "last")) == (["first part", "last part"], ["run", "success"])

    @pytest.mark.parametrize("part", ["first", "last"])
    async def test_by_a_hook_of_the_end(self, autojump_clock, part):
        app, said = App(log=None, stop_when_idle=True), []

        @app.session.hook_shutdown
        async def hook():
            said.append("first")
            if part == "first":
                app.session.shut_down()
            yield
            said.append("last")
            if part == "last":
                app.session.shut_down()

        await self.ended(app)
        assert said == ["first", "last"]

    async def test_by_many_threads_at_once(self):
        app, said = self.hooked()
        async with running(app) as run:
            threads = [threading.Thread(target=app.session.shut_down) for _ in range(8)]
            for thread in threads:
                thread.start()
            with trio.fail_after(30):
                await run.system.wait_ended()
            for thread in threads:
                thread.join()
        assert said == ["first part", "last part"]
