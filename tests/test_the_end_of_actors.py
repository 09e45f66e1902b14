"""The end of an app with actors: in its time, whatever they do, and with nothing left behind but what cannot be ended."""

import gc
import signal
import threading
import weakref

import pytest
import trio

from actors import Actor, ActorSpec, App, Supervisor
from actors.errors import ActorStopped, NotRunning
from actors.outcomes import Killed, Stopped
from askers import asking
from commands import Started, write
from helpers import running_virtually
from runtime.shutdown import Haste, longest
from troupe import Diary, Do, Echo, Player, Remember, Sleep, Spawn, declare, player, settled


@pytest.fixture
def diary():
    return Diary()


async def stays_until(moment, told):
    """Stay until then, whatever happens; note each cancellation."""
    while trio.current_time() < moment:
        try:
            await trio.sleep(1000)
        except trio.Cancelled:
            told.append(trio.current_time())
        with trio.CancelScope(shield=True):
            await trio.sleep(0.25)


async def shields_itself(_):
    """Take no notice of anything for a minute."""
    with trio.CancelScope(shield=True):
        await trio.sleep(60)


class TestStuck:
    """What ignores even its cancellation."""

    async def test_it_is_cancelled_again_at_each_checkpoint_and_told_as_stuck(self, app, diary, autojump_clock):
        told = []
        declare(app, player(diary, "a", grace=1, cleanup=2))
        async with running_virtually(app):
            ref = app.session.actor("a")
            begun = trio.current_time()
            ref.tell(Do(lambda _: stays_until(begun + 60, told)))
            await settled()
            outcome = await ref.stop()
            assert (type(outcome), outcome.stuck) == (Killed, True)
            assert trio.current_time() - begun <= 5
            await trio.sleep(1)
            assert len(told) > 3

    async def test_others_are_answered_while_it_is_waited_for_and_after(self, app, diary, autojump_clock):
        children = [player(diary, "a"), player(diary, "b", grace=1, cleanup=1)]
        declare(app, ActorSpec(Supervisor(children), "both"))
        async with running_virtually(app), trio.open_nursery() as nursery:
            a, b = (app.session.actor(f"both/{name}") for name in "ab")
            b.tell(Do(shields_itself))
            await settled()
            nursery.start_soon(b.stop)
            for _ in range(6):
                await trio.sleep(0.5)
                assert await a.ask(Echo("here"), within=0.1) == "here"
            await app.session.actor("both").spawn(Player, "c", {"diary": diary})
            assert diary.names("started") == ["both/a", "both/b", "both/c"]

    async def test_it_is_seen_in_the_tree_and_in_the_health_until_it_ends(self, app, diary, autojump_clock):
        declare(app, player(diary, "a", grace=1, cleanup=1))
        async with running_virtually(app):
            ref = app.session.actor("a")
            ref.tell(Do(shields_itself))
            await settled()
            await ref.stop()
            assert app.session.tree()["a"].state == "stuck"
            assert any("'a'" in problem for problem in app.session.health.problems)
            await trio.sleep(60)
            assert app.session.tree()["a"].state == "stopped"
            assert app.session.health.is_ok

    async def test_siblings_are_stopped_all_the_same(self, app, diary, autojump_clock):
        children = [player(diary, "a"), player(diary, "b", grace=1, cleanup=1), player(diary, "c")]
        declare(app, ActorSpec(Supervisor(children), "all"))
        async with running_virtually(app):
            refs = [app.session.actor(f"all/{name}") for name in "abc"]
            refs[1].tell(Do(shields_itself))
            await settled()
            await app.session.actor("all").stop()
            assert trio.current_time() < 60
            outcomes = [await ref.wait_ended() for ref in refs]
            assert [type(outcome) for outcome in outcomes] == [Stopped, Killed, Stopped]
            assert outcomes[1].stuck

    async def test_an_app_that_ends_without_it_says_so(self, app, diary, autojump_clock):
        declare(app, player(diary, "a", grace=1, cleanup=1))
        declare(app, player(diary, "b"))
        async with running_virtually(app) as run:
            app.session.actor("a").tell(Do(shields_itself))
            await settled()
            app.session.shut_down()
            ended = await run.system.wait_ended()
            assert trio.current_time() < 60
            assert (ended.stuck, ended.exit_code) == (1, 3)
        assert diary.names("stopped") == ["b"]

    async def test_what_ignores_the_end_of_its_time_to_clean_up_is_stuck_too(self, app, diary, autojump_clock):
        declare(app, ActorSpec(Supervisor([ActorSpec(Clings, "clings", cleanup=2)]), "above"))
        async with running_virtually(app):
            outcome = await app.session.actor("above/clings").stop()
            assert trio.current_time() < 60
            assert (type(outcome), outcome.stuck) == (Killed, True)


class Clings(Actor):
    """Takes no notice of anything when it ends, and has a child that does not either."""

    async def on_start(self):
        if "/" not in self.ctx.name:
            await self.ctx.spawn(Clings, "child", cleanup=60)

    async def on_stop(self, why):
        await shields_itself(self)


class TestTheEndOfTheApp:
    """It is over in its time, whatever actors do, and none is left without an outcome."""

    def slow(self, diary, **settings):
        """Return an app whose actors, and a hook at its end, take longer than any shutdown."""
        app = App(log=None, **settings)
        declare(app, *(player(diary, name, stops_in=60, cleanup=60, grace=60) for name in "abc"))

        @app.session.hook_shutdown
        async def hook():
            yield
            await trio.sleep(60)

        return app

    @pytest.mark.parametrize("wait", [0, 5, 25])
    async def test_slow_ones_are_cut(self, diary, wait, autojump_clock):
        app = self.slow(diary, shutdown_wait=wait)
        async with running_virtually(app) as run:
            refs = [app.session.actor(name) for name in "abc"]
            refs[0].tell(Sleep(100))
            begun = trio.current_time()
            app.session.shut_down()
            await run.system.wait_ended()
            assert trio.current_time() - begun <= longest(wait)
            outcomes = [await ref.wait_ended() for ref in refs]
            assert {type(outcome) for outcome in outcomes} == {Killed}
        assert (diary.names("stopping")[0], {*diary.names("stopping")}) == ("c", {"a", "b", "c"})

    @pytest.mark.parametrize("wait", [0, 5, 25])
    async def test_so_are_those_that_ignore_it_however_many(self, wait, autojump_clock):
        app = App(log=None, shutdown_wait=wait)
        names = [str(number) for number in range(10)]
        declare(app, *(ActorSpec(Clings, name, cleanup=60) for name in names))
        async with running_virtually(app) as run:
            refs = [app.session.actor(name) for name in names + [f"{name}/child" for name in names]]
            begun = trio.current_time()
            app.session.shut_down()
            ended = await run.system.wait_ended()
            assert trio.current_time() - begun <= longest(wait)
            with trio.fail_after(0.1):
                assert {type(await ref.wait_ended()) for ref in refs} <= {Killed, Stopped}
            assert ended.exit_code == 3

    @pytest.mark.parametrize(("signals", "haste"), [(2, Haste.CANCEL), (3, Haste.KILL)])
    async def test_further_signals_leave_them_less(self, diary, signals, haste, autojump_clock):
        app = self.slow(diary, shutdown_wait=80)
        async with running_virtually(app) as run:
            run.system.shut_down(signals=1)
            await trio.sleep(3)
            begun = trio.current_time()
            for count in range(2, signals + 1):
                run.system.shut_down(signals=count)
            await run.system.wait_ended()
            assert trio.current_time() - begun <= longest(80, haste)

    async def test_one_that_is_starting_is_ended(self, diary, autojump_clock):
        app, systems = App(log=None, shutdown_wait=5), []
        declare(app, player(diary, "a"), player(diary, "b", starts_in=[60], start_timeout=100), player(diary, "c"))

        async def ends():
            await trio.sleep(1)
            systems[0].shut_down()

        async with trio.open_nursery() as nursery:
            nursery.start_soon(ends)
            async with running_virtually(app, before_start=systems.append) as run:
                await run.system.wait_ended()
                assert trio.current_time() == 1
        assert diary.lives == ["+a", "-a"]

    async def test_runs_that_ignore_it_do_not_keep_them_from_cleaning_up(self, diary, autojump_clock):
        app = App(log=None, shutdown_wait=1)
        declare(app, player(diary, "a"))
        app.task(func=shields_itself, name="clings", parameters={"_": None}, on_startup=True)
        async with running_virtually(app) as run:
            await run.wait_started("clings")
            app.session.shut_down()
            assert (await run.system.wait_ended()).stuck == 1
            assert diary.names("stopped") == ["a"]


class TestNothingIsLeft:
    async def test_no_task_and_no_thread(self, app, diary, autojump_clock):
        declare(app, player(diary, "a"))
        tasks, threads = trio.lowlevel.current_statistics().tasks_living, threading.enumerate()
        async with running_virtually(app):
            ref = app.session.actor("a")
            await ref.ask(Spawn(player(diary, "child")))
            await ref.ask(Do(lambda actor: actor.ctx.set_timer("tick", Echo(), every=10)))
            await ref.ask(Do(lambda actor: actor.ctx.pipe_to_self(trio.sleep_forever)))
            ref.tell(Sleep(100))
        assert trio.lowlevel.current_statistics().tasks_living == tasks
        assert threading.enumerate() == threads

    async def test_no_name(self, app, diary, autojump_clock):
        declare(app, player(diary, "a"))
        async with running_virtually(app):
            before = app.session.actor("a")
        with pytest.raises(NotRunning):
            app.session.actor("a")
        async with running_virtually(app):
            after = app.session.actor("a")
            assert (after.incarnation, after.is_alive, before.is_alive) == (1, True, False)

    async def test_nobody_who_waits_for_an_answer(self, app, diary, autojump_clock):
        declare(app, player(diary, "a", grace=1))
        async with trio.open_nursery() as nursery:
            async with running_virtually(app):
                ref = app.session.actor("a")
                askers = [await asking(nursery, ref, Sleep(100), within=1000) for _ in range(3)]
            ended = trio.current_time()
        assert [type(asker.error) for asker in askers] == [ActorStopped] * 3
        assert all(asker.at <= ended for asker in askers)

    async def test_no_reference_to_an_actor_or_to_a_message(self, app, diary, autojump_clock):
        declare(app, player(diary, "a"))
        async with running_virtually(app):
            ref = app.session.actor("a")
            actor = weakref.ref(await ref.ask(Do(lambda actor: actor)))
            message = Remember("it")
            await ref.ask(message)
            message = weakref.ref(message)
            gc.collect()
            assert (actor() is None, message() is None) == (False, True)
            await ref.stop()
        gc.collect()
        assert actor() is None

    async def test_what_comes_to_it_afterwards_is_refused(self, app, diary, autojump_clock):
        declare(app, player(diary, "a"))
        async with running_virtually(app):
            ref = app.session.actor("a")
        ref.tell(Echo())
        with pytest.raises(ActorStopped):
            await ref.ask(Echo())
        assert isinstance(await ref.stop(), Stopped)
        assert isinstance(await ref.wait_ended(), Stopped)

    async def test_two_apps_in_one_program_have_actors_of_the_same_name(self, diary, autojump_clock):
        one, other = App(log=None), App(log=None)
        for app in (one, other):
            declare(app, player(diary, "a"))
        async with running_virtually(one), running_virtually(other):
            await one.session.actor("a").stop()
            assert await other.session.actor("a").ask(Echo("here")) == "here"


class TestPrograms:
    """A whole process, on the real clock."""

    PROGRAM = """
        import trio
        from actors import Actor, App

        app = App(log=None, shutdown_wait=0)

        @app.actor
        class Tidy(Actor):
            async def on_stop(self, why):
                print("tidied up", flush=True)

        @app.actor
        class Ignores(Actor):
            async def on_start(self):
                self.ctx.set_timer("it", None, after=0)
                print("started", flush=True)

            async def receive(self, message):
                print("ignoring", flush=True)
                while {ignores}:
                    try:
                        await trio.sleep(60)
                    except BaseException:
                        pass

        app.run()
    """

    @pytest.mark.parametrize(("ignores", "code"), [(True, 3), (False, 0)])
    def test_it_exits_whatever_an_actor_ignores_once_the_others_have_cleaned_up(self, ignores, code):
        write("program.py", self.PROGRAM.format(ignores=ignores))
        with Started("program.py") as program:
            program.wait_for("ignoring")
            program.process.send_signal(signal.SIGTERM)
            program.wait_for("tidied up")
            assert program.wait_ended(within=20) == code
