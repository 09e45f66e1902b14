"""How actors end: in which order, in which time, with what on record, and what becomes of those who do not want to."""

import random

import pytest
import trio

from actors import Actor, ActorSpec, Decline, Restart, Supervisor, handler
from actors.errors import ActorStopped, AskTimeout, StartError
from actors.outcomes import Completed, Failed, Killed, Stopped
from askers import asking, dead
from helpers import running_virtually
from troupe import AT_ONCE, Complete, Diary, Do, Echo, Fail, Player, Quit, Remember, Sleep, Spawn, declare, player, settled


@pytest.fixture
def diary():
    return Diary()


def moments_since(begun, diary, what):
    """Return to whom something happened, and how many seconds after that moment."""
    return [(round(at - begun, 6), name) for at, name in diary.moments(what)]


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


class TestCut:
    """What is cancelled only because nobody wants its answer any more may ignore that, too."""

    async def test_a_handler_that_ignores_it_is_given_up_and_the_actor_made_anew(self, app, autojump_clock):
        class Deaf(Actor):
            @handler(on_caller_gone="cancel")
            async def receive(self, message: Echo) -> object:
                if message.value == "shield":
                    with trio.CancelScope(shield=True):
                        await trio.sleep(1000)
                return message.value

        app.actor(Deaf, "deaf", restart=AT_ONCE, cleanup=2)
        async with running_virtually(app):
            deaf = app.session.actor("deaf")
            with pytest.raises(AskTimeout):
                await deaf.ask(Echo("shield"), within=1)
            assert await deaf.ask(Echo("next"), within=5) == "next"
            assert (deaf.incarnation, 3 <= trio.current_time() < 4) == (2, True)
            assert not app.session.health.is_ok
            await trio.sleep(1000)
            assert app.session.health.is_ok
