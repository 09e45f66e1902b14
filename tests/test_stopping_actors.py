"""How actors end: in which order, in which time, with what on record, and what becomes of those who do not want to."""

import gc
import random
import threading
import weakref

import pytest
import trio

from actors import Actor, ActorSpec, App, Decline, Restart, Supervisor
from actors.errors import ActorStopped, NotRunning, StartError
from actors.outcomes import Completed, Failed, Killed, Stopped
from askers import asking, dead
from helpers import running_virtually
from runtime.shutdown import Haste, longest
from troupe import AT_ONCE, Complete, Diary, Do, Echo, Fail, Player, Quit, Remember, Sleep, Spawn, declare, player, settled


@pytest.fixture
def diary():
    return Diary()


def moments_since(begun, diary, what):
    """Return to whom something happened, and how many seconds after that moment."""
    return [(round(at - begun, 6), name) for at, name in diary.moments(what)]


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


async def raises_at_its_end(_):
    try:
        await trio.sleep_forever()
    finally:
        raise ValueError("at its end")


async def hides_what_it_raises(_):
    try:
        await raises_at_its_end(_)
    finally:
        await trio.sleep(0)  # is cancelled again, and that takes the place of the error


class TestOrder:
    async def test_actors_end_one_after_the_other_the_last_first(self, app, diary, autojump_clock):
        for name in "abc":
            declare(app, player(diary, name, stops_in=1))
        async with running_virtually(app):
            begun = trio.current_time()
        assert moments_since(begun, diary, "stopped") == [(1, "c"), (2, "b"), (3, "a")]

    async def test_a_cancellation_of_the_program_around_ends_them_in_the_same_order(self, app, diary, autojump_clock):
        for name in "abc":
            declare(app, player(diary, name, stops_in=1))
        with trio.CancelScope() as scope:
            async with running_virtually(app):
                begun = trio.current_time()
                scope.cancel()
                await trio.sleep_forever()
        assert moments_since(begun, diary, "stopped") == [(1, "c"), (2, "b"), (3, "a")]

    async def test_children_end_before_what_they_are_children_of_cleans_up(self, app, diary, autojump_clock):
        declare(app, player(diary, "top", stops_in=1))
        async with running_virtually(app):
            top = app.session.actor("top")
            for name in ("first", "second"):
                await top.ask(Spawn(player(diary, name, stops_in=1)))
            begun = trio.current_time()
            await top.stop()
        assert moments_since(begun, diary, "stopped") == [(1, "top/second"), (2, "top/first"), (3, "top")]

    async def test_a_supervisor_may_stop_its_children_all_at_once(self, app, diary, autojump_clock):
        children = [player(diary, name, stops_in=1) for name in "abc"]
        declare(app, ActorSpec(Supervisor(children, stop_order="parallel"), "many"))
        async with running_virtually(app):
            begun = trio.current_time()
            await app.session.actor("many").stop()
            assert trio.current_time() - begun == pytest.approx(1)
        assert sorted(diary.names("stopped")) == ["many/a", "many/b", "many/c"]

    async def test_actors_end_after_the_tasks_which_may_ask_them_to_the_last(self, app, diary, autojump_clock):
        declare(app, player(diary, "a"))

        @app.task(on_shutdown=True)
        async def last():
            return await app.session.actor("a").ask(Echo("still there"))

        async with running_virtually(app):
            pass
        assert app.session.returns["last"] == "still there"
        assert diary.lives == ["+a", "-a"]


class TestTheCurrentMessage:
    async def test_it_is_finished_within_the_grace(self, app, diary, autojump_clock):
        declare(app, player(diary, "a", grace=5))
        async with running_virtually(app), trio.open_nursery() as nursery:
            ref = app.session.actor("a")
            asker = await asking(nursery, ref, Do(lambda _: sleeps_and_returns(4)))
            assert isinstance(await ref.stop(), Stopped)
        assert asker.answer == "returned"

    async def test_it_is_cancelled_after_the_grace_and_the_actor_cleans_up(self, app, diary, autojump_clock):
        declare(app, player(diary, "a", grace=2, stops_in=1))
        async with running_virtually(app), trio.open_nursery() as nursery:
            ref = app.session.actor("a")
            asker = await asking(nursery, ref, Sleep(60))
            begun = trio.current_time()
            assert isinstance(await ref.stop("enough"), Stopped)
            assert moments_since(begun, diary, "stopping") == [(2, "a")]
        assert isinstance(asker.error, ActorStopped)

    async def test_what_the_actor_is_told_of_its_end_is_how_it_ended(self, app, autojump_clock):
        told = []

        class Listens(Actor):
            async def on_stop(self, why):
                told.append(why)

        declare(app, ActorSpec(Listens, "a"))
        async with running_virtually(app):
            outcome = await app.session.actor("a").stop("enough")
        assert told == [outcome]
        assert (outcome.reason, str(outcome)) == ("enough", f"stopped by {outcome.by}: enough")


async def sleeps_and_returns(seconds):
    await trio.sleep(seconds)
    return "returned"


class TestBudgets:
    async def test_a_clean_up_that_takes_too_long_is_cut_and_the_next_has_its_own_time(self, app, diary, autojump_clock):
        children = [player(diary, "a", stops_in=3, cleanup=4), player(diary, "b", stops_in=60, cleanup=2)]
        declare(app, ActorSpec(Supervisor(children), "both"))
        async with running_virtually(app):
            both, a, b = (app.session.actor(name) for name in ("both", "both/a", "both/b"))
            begun = trio.current_time()
            await both.stop()
            assert moments_since(begun, diary, "stopped") == [(5, "both/a")]
            assert isinstance(await a.wait_ended(), Stopped)
            outcome = await b.wait_ended()
            assert (type(outcome), outcome.stuck) == (Killed, False)

    async def test_a_whole_tree_ends_by_one_deadline_with_an_outcome_for_each(self, app, diary, autojump_clock):
        def branch(name):
            leaves = [player(diary, leaf, stops_in=5, cleanup=20) for leaf in "abcd"]
            return ActorSpec(Supervisor(leaves), name, cleanup=60)

        declare(app, ActorSpec(Supervisor([branch("left"), branch("right")]), "root", cleanup=60))
        async with running_virtually(app):
            names = [node.name for node in app.session.tree()["root"].walk()]
            refs = [app.session.actor(name) for name in names]
            assert len(refs) == 11
            begun = trio.current_time()
            await refs[0].stop(within=10)
            assert trio.current_time() - begun <= 10
            outcomes = [await ref.wait_ended() for ref in refs]
            assert trio.current_time() - begun <= 10
        assert {type(outcome) for outcome in outcomes} == {Stopped, Killed}

    async def test_the_whole_time_also_cuts_the_grace_of_the_current_message(self, app, diary, autojump_clock):
        declare(app, player(diary, "a", grace=60, stops_in=60, cleanup=60))
        async with running_virtually(app), trio.open_nursery() as nursery:
            ref = app.session.actor("a")
            await asking(nursery, ref, Sleep(60), within=60)
            begun = trio.current_time()
            await ref.stop(within=3)
            assert trio.current_time() - begun <= 3
        assert diary.names("stopping") == ["a"]


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


class TestOutcomes:
    async def test_an_actor_that_completes_in_the_instant_of_its_stop_is_completed(self, app, diary, seed, autojump_clock):
        async def completes(actor):
            await trio.sleep(1)
            actor.ctx.complete("result")

        declare(app, player(diary, "a"))
        async with running_virtually(app):
            ref = app.session.actor("a")
            ref.tell(Do(completes))
            await settled()
            await trio.sleep(1)
            assert await ref.stop() == Completed("result")
            assert await ref.wait_ended() == Completed("result")

    async def test_what_is_raised_while_it_is_cancelled_is_a_failure_of_the_stop(self, app, diary, autojump_clock):
        declare(app, player(diary, "a"))
        async with running_virtually(app):
            ref = app.session.actor("a")
            ref.tell(Do(raises_at_its_end))
            await settled()
            outcome = await ref.stop(drain="none")
            assert (type(outcome), outcome.during_stop, outcome.is_masked) == (Failed, True, False)
            assert repr(outcome.error) == "ValueError('at its end')"

    async def test_an_error_that_a_cancellation_took_the_place_of_is_found(self, app, diary, autojump_clock):
        declare(app, player(diary, "a"))
        async with running_virtually(app):
            ref = app.session.actor("a")
            ref.tell(Do(hides_what_it_raises))
            await settled()
            outcome = await ref.stop(drain="none")
            assert (type(outcome), outcome.during_stop, outcome.is_masked) == (Failed, True, True)
            assert repr(outcome.error) == "ValueError('at its end')"

    async def test_what_on_stop_raises_is_a_failure_of_the_stop(self, app, autojump_clock):
        class RaisesAtTheEnd(Actor):
            async def on_stop(self, why):
                raise ValueError("not closed")

        declare(app, ActorSpec(RaisesAtTheEnd, "a", restart=AT_ONCE))
        async with running_virtually(app):
            outcome = await app.session.actor("a").stop()
            assert (type(outcome), outcome.during_stop) == (Failed, True)
            assert repr(outcome.error) == "ValueError('not closed')"

    @pytest.mark.parametrize("deed", [raises_at_its_end, hides_what_it_raises])
    async def test_a_failure_of_the_stop_is_no_reason_to_restart(self, app, diary, deed, autojump_clock):
        declare(app, player(diary, "a", restart=Restart.permanent(backoff=0)))
        async with running_virtually(app):
            ref = app.session.actor("a")
            ref.tell(Do(deed))
            await settled()
            await ref.stop(drain="none")
            await trio.sleep(1)
            assert not ref.is_alive
        assert diary.names("started") == ["a"]

    async def test_an_actor_may_end_itself_and_what_waits_is_left(self, app, diary, autojump_clock):
        declare(app, player(diary, "a", restart=AT_ONCE))
        async with running_virtually(app):
            ref = app.session.actor("a")
            ref.tell(Quit("tired"))
            ref.tell(Remember(1))
            outcome = await ref.wait_ended()
            assert (type(outcome), outcome.reason) == (Stopped, "tired")
            assert dead(app) == [("a", Remember(1), "stopped")]


class TestStoppedTwice:
    async def test_two_tasks_that_stop_it_hear_the_same(self, app, diary, seed, autojump_clock):
        declare(app, player(diary, "a", stops_in=1))
        outcomes = []

        async def stops(reason):
            outcomes.append(await app.session.actor("a").stop(reason))

        async with running_virtually(app):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(stops, "one")
                nursery.start_soon(stops, "other")
            assert outcomes[0] == outcomes[1]
        assert diary.names("stopping") == ["a"]

    async def test_a_stop_of_what_has_ended_returns_how(self, app, diary, autojump_clock):
        declare(app, player(diary, "a"))
        async with running_virtually(app):
            ref = app.session.actor("a")
            assert await ref.stop("once") == await ref.stop("twice")
        assert diary.names("stopping") == ["a"]

    async def test_a_handler_that_stops_its_own_actor_does_not_wait_for_itself(self, app, diary, autojump_clock):
        async def stops_itself(actor):
            await actor.ctx.ref.stop("by myself")
            return "asked for it"

        declare(app, player(diary, "a"))
        async with running_virtually(app):
            ref = app.session.actor("a")
            assert await ref.ask(Do(stops_itself)) == "asked for it"
            assert (await ref.wait_ended()).reason == "by myself"
            assert trio.current_time() == 0
        assert diary.names("stopping") == ["a"]

    async def test_a_child_that_stops_its_parent_does_not_wait_for_itself(self, app, diary, autojump_clock):
        async def stops_parent(actor):
            await actor.ctx.parent.stop("by my child")
            return "asked for it"

        declare(app, player(diary, "a"))
        async with running_virtually(app):
            ref = app.session.actor("a")
            child = await ref.ask(Spawn(player(diary, "child")))
            assert await child.ask(Do(stops_parent)) == "asked for it"
            assert (await ref.wait_ended()).reason == "by my child"
            assert trio.current_time() == 0
        assert diary.lives == ["+a", "+a/child", "-a/child", "-a"]

    async def test_on_stop_may_stop_it_again(self, app, diary, autojump_clock):
        class StopsTwice(Player):
            async def on_stop(self, why):
                await super().on_stop(why)
                self.ctx.stop("again")
                await self.ctx.ref.stop("and again")

        declare(app, ActorSpec(StopsTwice, "a", {"diary": diary}))
        async with running_virtually(app):
            outcome = await app.session.actor("a").stop("once")
            assert (type(outcome), outcome.reason) == (Stopped, "once")
            assert trio.current_time() == 0
        assert diary.names("stopping") == ["a"]

    async def test_an_actor_that_stops_itself_in_on_start_ends_when_it_has_started(self, app, diary, autojump_clock):
        class StopsAtOnce(Player):
            async def on_start(self):
                await super().on_start()
                self.ctx.stop("at once")

        async with running_virtually(app):
            ref = await app.session.spawn(StopsAtOnce, "a", {"diary": diary})
            assert (await ref.wait_ended()).reason == "at once"
        assert diary.lives == ["+a", "-a"]

    async def test_who_gives_up_waiting_for_the_end_does_not_take_the_stop_back(self, app, diary, autojump_clock):
        declare(app, player(diary, "a", stops_in=2))
        async with running_virtually(app):
            ref = app.session.actor("a")
            with trio.move_on_after(1):
                await ref.stop()
            assert isinstance(await ref.wait_ended(), Stopped)
            assert trio.current_time() == 2


class TestDrain:
    """What an actor that is stopped still deals with."""

    async def stopped(self, app, diary, nursery, drain):
        """Stop an actor that is at a message while others wait, the last of them a question; return who asked it."""
        ref = app.session.actor("a")
        ref.tell(Sleep(1))
        await settled()
        ref.tell(Do(lambda actor: diary.note("a", "told")))
        asker = await asking(nursery, ref, Echo("answer"))
        nursery.start_soon(lambda: ref.stop(drain=drain))
        await settled()
        return ref, asker

    async def test_by_default_it_finishes_the_current_message_only(self, app, diary, autojump_clock):
        declare(app, player(diary, "a"))
        async with running_virtually(app), trio.open_nursery() as nursery:
            ref, asker = await self.stopped(app, diary, nursery, "current")
            await ref.wait_ended()
            assert trio.current_time() == 1
        assert isinstance(asker.error, ActorStopped)
        assert diary.names("told") == []

    async def test_all_is_what_came_before(self, app, diary, autojump_clock):
        declare(app, player(diary, "a"))
        async with running_virtually(app), trio.open_nursery() as nursery:
            ref, asker = await self.stopped(app, diary, nursery, "all")
            ref.tell(Remember("too late"))
            with pytest.raises(ActorStopped):
                await ref.ask(Echo())
            await ref.wait_ended()
            assert dead(app)[0] == ("a", Remember("too late"), "stopped")
        assert asker.answer == "answer"
        assert diary.names("told") == ["a"]

    async def test_none_cancels_the_current_message_at_once_and_leaves_what_waits(self, app, diary, autojump_clock):
        declare(app, player(diary, "a"))
        async with running_virtually(app), trio.open_nursery() as nursery:
            ref, asker = await self.stopped(app, diary, nursery, "none")
            await ref.wait_ended()
            assert trio.current_time() == 0
            assert [(actor, type(message), reason) for actor, message, reason in dead(app)] == [
                ("a", Do, "stopped"),
                ("a", Echo, "stopped"),
            ]
        assert isinstance(asker.error, ActorStopped)
        assert diary.names("told") == []

    async def test_a_question_is_refused_when_it_is_known_that_nobody_reads_it(self, app, diary, autojump_clock):
        declare(app, player(diary, "a", stops_in=1))
        async with running_virtually(app), trio.open_nursery() as nursery:
            _, asker = await self.stopped(app, diary, nursery, "current")
        assert asker.at <= 1

    async def test_the_grace_is_for_each_message_and_the_whole_time_for_all(self, app, diary, autojump_clock):
        declare(app, player(diary, "a", grace=2))
        async with running_virtually(app):
            ref = app.session.actor("a")
            for _ in range(10):
                ref.tell(Sleep(1))
            await ref.stop(drain="all", within=4)
            assert trio.current_time() <= 4


class Erratic(Actor):
    """Fails, declines and ends by chance, and counts how often each life of it was started and stopped."""

    def __init__(self, chance, counts):
        self.chance, self.count = chance, [0, 0]
        counts.append(self.count)

    async def on_start(self):
        await self.somewhere()
        if self.chance.random() < 0.1:
            raise Decline("not today") if self.chance.random() < 0.3 else ValueError("cannot start")
        if self.chance.random() < 0.3:
            await self.ctx.spawn(Player, args={"diary": Diary()})
        self.count[0] += 1

    async def receive(self, message: Fail | Sleep | Quit | Complete):
        await self.somewhere()
        if isinstance(message, Fail):
            raise message.error
        if isinstance(message, Quit):
            self.ctx.stop()
        if isinstance(message, Complete):
            self.ctx.complete()

    async def on_stop(self, why):
        self.count[1] += 1
        await self.somewhere()
        if self.chance.random() < 0.1:
            raise ValueError("cannot stop")

    async def somewhere(self):
        for _ in range(self.chance.randrange(3)):
            await trio.sleep(self.chance.choice([0, 0.001, 0.01]))


class TestAllSchedules:
    async def test_on_stop_comes_once_for_each_on_start_that_returned(self, app, seed, autojump_clock):
        chance, counts = random.Random(seed), []

        async def plays():
            restart = Restart.permanent(backoff=0.001, jitter=0, limit=3, then="stop")
            args = {"chance": chance, "counts": counts}
            try:
                ref = await app.session.actor("many").spawn(Erratic, None, args, restart=restart, grace=0.005)
            except StartError:
                return
            for _ in range(chance.randrange(6)):
                ref.tell(chance.choice([Fail(ValueError("no")), Sleep(0), Quit(), Complete()]))
                await trio.sleep(chance.choice([0, 0, 0.002]))
            if chance.random() < 0.7:
                await ref.stop(drain=chance.choice(["none", "current", "all"]))

        declare(app, ActorSpec(Supervisor(limit=10**6), "many"))
        async with running_virtually(app):
            for _ in range(25):
                async with trio.open_nursery() as nursery:
                    for _ in range(40):
                        nursery.start_soon(plays)
        assert len(counts) >= 1000
        assert {tuple(count) for count in counts} <= {(0, 0), (1, 1)}


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
