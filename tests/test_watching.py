"""Watches and links: who hears of the end of an actor, and who ends with it."""

import pytest
import trio

from actors import Actor, ActorSpec, Decline, Down, Restart, Supervisor
from actors.errors import ActorFailed, UnexpectedMessage, UnknownActor
from actors.outcomes import Completed, Failed, GaveUp, Ignored, Stopped
from helpers import running_virtually
from troupe import AT_ONCE, Complete, Diary, Do, Fail, Player, Sleep, Spawn, WhoAmI, declare, player, settled

SLOWLY = Restart.transient(backoff=10, jitter=0)


@pytest.fixture
def diary():
    return Diary()


@pytest.fixture
def watcher(app, diary):
    """The name of an actor that watches; its Downs are in the diary."""
    declare(app, player(diary, "watcher"))
    return "watcher"


def downs(diary, name="watcher"):
    return [what for what in diary.of(name) if isinstance(what, Down)]


async def watch(app, ref, watcher="watcher"):
    await app.session.actor(watcher).ask(Do(lambda actor: actor.ctx.watch(ref)))


class TestWatching:
    async def test_it_tells_once_how_the_actor_ended(self, app, diary, watcher, autojump_clock):
        declare(app, player(diary, "a"))
        async with running_virtually(app):
            ref = app.session.actor("a")
            await watch(app, ref)
            await ref.ask(Complete("done"))
            await settled()
            assert downs(diary) == [Down(ref, 1, Completed("done"))]

    async def test_of_one_that_has_ended_already_it_tells_at_once(self, app, diary, watcher, autojump_clock):
        declare(app, player(diary, "a"))
        async with running_virtually(app):
            ref = app.session.actor("a")
            outcome = await ref.stop("enough")
            await watch(app, ref)
            await settled()
            assert downs(diary) == [Down(ref, 1, outcome)]

    async def test_of_one_that_is_forgotten_too(self, app, diary, watcher, autojump_clock):
        async with running_virtually(app):
            ref = await app.session.spawn(Player, "a", {"diary": diary})
            outcome = await ref.stop()
            await watch(app, ref)
            await settled()
            assert downs(diary) == [Down(ref, 1, outcome)]

    async def test_of_one_that_declined_to_begin_too(self, app, diary, watcher, autojump_clock):
        declare(app, player(diary, "a", refusals=[Decline("not today")]))
        async with running_virtually(app):
            await watch(app, app.session.actor("a"))
            await settled()
            assert [down.outcome for down in downs(diary)] == [Ignored("not today")]

    async def test_a_restart_is_no_end(self, app, diary, watcher, autojump_clock):
        declare(app, player(diary, "a"))
        async with running_virtually(app):
            ref = app.session.actor("a")
            await watch(app, ref)
            ref.tell(Fail(ValueError("no")))
            await settled()
            assert await ref.ask(WhoAmI()) == ("a", 2)
            assert downs(diary) == []
            outcome = await ref.stop()
            await settled()
            assert downs(diary) == [Down(ref, 2, outcome)]

    async def test_one_that_is_being_restarted_is_watched_from_then_on(self, app, diary, watcher, autojump_clock):
        declare(app, player(diary, "a", restart=SLOWLY))
        async with running_virtually(app):
            ref = app.session.actor("a")
            ref.tell(Fail(ValueError("no")))
            await settled()
            await watch(app, ref)
            await settled()
            assert downs(diary) == []
            await ref.wait_ready()
            await ref.stop()
            await settled()
            assert [(down.ref, down.incarnation) for down in downs(diary)] == [(ref, 2)]

    async def test_one_that_is_stopped_while_it_waits_to_be_restarted_tells_too(self, app, diary, watcher, autojump_clock):
        declare(app, player(diary, "a", restart=SLOWLY))
        async with running_virtually(app):
            ref = app.session.actor("a")
            await watch(app, ref)
            ref.tell(Fail(ValueError("no")))
            await settled()
            await ref.stop()
            await settled()
            assert [(down.ref, down.incarnation) for down in downs(diary)] == [(ref, 1)]
            assert trio.current_time() == 0

    async def test_two_watches_of_one_actor_on_another_are_one(self, app, diary, watcher, autojump_clock):
        declare(app, player(diary, "a"))
        async with running_virtually(app):
            ref = app.session.actor("a")
            await watch(app, ref)
            await watch(app, ref)
            await ref.stop()
            await settled()
            assert len(downs(diary)) == 1

    async def test_each_who_watches_is_told(self, app, diary, watcher, autojump_clock):
        declare(app, player(diary, "other"), player(diary, "a"))
        async with running_virtually(app):
            ref = app.session.actor("a")
            await watch(app, ref)
            await watch(app, ref, "other")
            await ref.stop()
            await settled()
            assert downs(diary) == downs(diary, "other") != []

    async def test_after_the_end_of_the_watch_none_comes(self, app, diary, watcher, autojump_clock):
        declare(app, player(diary, "a"))
        async with running_virtually(app):
            ref = app.session.actor("a")
            await watch(app, ref)
            await app.session.actor(watcher).ask(Do(lambda actor: actor.ctx.unwatch(ref)))
            await ref.stop()
            await settled()
            assert downs(diary) == []

    async def test_not_even_one_that_waits_to_be_read(self, app, diary, watcher, autojump_clock):
        async def stops_and_unwatches(actor):
            actor.ctx.watch(ref)
            await ref.stop()
            actor.ctx.unwatch(ref)

        declare(app, player(diary, "a"))
        async with running_virtually(app):
            ref = app.session.actor("a")
            await app.session.actor(watcher).ask(Do(stops_and_unwatches))
            await settled()
            assert downs(diary) == []

    async def test_a_watch_that_is_begun_anew_tells_again(self, app, diary, watcher, autojump_clock):
        declare(app, player(diary, "a"))
        async with running_virtually(app):
            ref = app.session.actor("a")
            await watch(app, ref)
            await ref.stop("first")
            await settled()
            await ref.start()
            await watch(app, ref)
            await ref.stop("second")
            await settled()
            assert [(down.incarnation, down.outcome.reason) for down in downs(diary)] == [(1, "first"), (2, "second")]

    async def test_a_watch_ends_with_the_life_that_began_it(self, app, diary, watcher, autojump_clock):
        declare(app, player(diary, "a"))
        async with running_virtually(app):
            ref = app.session.actor("a")
            await watch(app, ref)
            app.session.actor(watcher).tell(Fail(ValueError("no")))
            await settled()
            await ref.stop()
            await settled()
            assert downs(diary) == []

    async def test_so_does_what_it_has_told_and_waits_to_be_read(self, app, diary, watcher, autojump_clock):
        async def fails_later(actor):
            await ref.stop()
            raise ValueError("no")

        declare(app, player(diary, "a"))
        async with running_virtually(app):
            ref = app.session.actor("a")
            await watch(app, ref)
            app.session.actor(watcher).tell(Do(fails_later))
            await settled()
            assert await app.session.actor(watcher).ask(WhoAmI()) == (watcher, 2)
            assert downs(diary) == []

    async def test_a_child_may_be_watched_by_its_parent(self, app, diary, watcher, autojump_clock):
        async with running_virtually(app):
            child = await app.session.actor(watcher).ask(Spawn(player(diary, "child", restart=Restart.temporary())))
            await watch(app, child)
            with pytest.raises(ActorFailed):
                await child.ask(Fail(ValueError("no")))
            await settled()
            assert [(down.ref, type(down.outcome)) for down in downs(diary)] == [(child, Failed)]

    async def test_a_supervisor_that_gave_up_may_be_watched(self, app, diary, watcher, autojump_clock):
        both = Supervisor([player(diary, "a")], limit=0)
        declare(app, ActorSpec(both, "both", restart=Restart.transient(limit=0, then="stop")))
        async with running_virtually(app):
            await watch(app, app.session.actor("both"))
            app.session.actor("both/a").tell(Fail(ValueError("no")))
            await settled()
            assert [type(down.outcome) for down in downs(diary)] == [GaveUp]

    async def test_the_name_of_the_actor_is_free_when_its_end_is_heard_of(self, app, diary, watcher, autojump_clock):
        found = []

        class LooksItUp(Actor):
            async def receive(self, message: Down | Do):
                if isinstance(message, Do):
                    return message.func(self)
                try:
                    found.append(self.ctx.lookup("a"))
                except UnknownActor as exc:
                    found.append(exc.name)
                return None

        async with running_virtually(app):
            ref = await app.session.spawn(Player, "a", {"diary": diary})
            await app.session.spawn(LooksItUp, "looks")
            await watch(app, ref, "looks")
            await ref.stop()
            await settled()
            assert found == ["a"]

    async def test_one_that_takes_none_cannot_watch(self, app, diary, autojump_clock):
        class Deaf(Actor):
            async def receive(self, message: Do):
                return message.func(self)

        declare(app, player(diary, "a"), ActorSpec(Deaf, "deaf"))
        async with running_virtually(app):
            with pytest.raises(ActorFailed) as caught:
                await watch(app, app.session.actor("a"), "deaf")
            assert isinstance(caught.value.__cause__, UnexpectedMessage)


class TestLinks:
    async def link(self, app, diary, **options):
        """Have two actors that are linked."""
        one = await app.session.spawn(Player, "one", {"diary": diary}, restart=options.get("one", AT_ONCE))
        other = await app.session.spawn(Player, "other", {"diary": diary}, restart=options.get("other", AT_ONCE))
        await one.ask(Do(lambda actor: actor.ctx.link(other)))
        return one, other

    @pytest.mark.parametrize("failing", ["one", "other"])
    async def test_when_one_fails_for_good_the_other_is_stopped(self, app, diary, failing, autojump_clock):
        async with running_virtually(app):
            one, other = await self.link(app, diary, **{failing: Restart.temporary()})
            first, second = (one, other) if failing == "one" else (other, one)
            first.tell(Fail(ValueError("no")))
            assert isinstance(await first.wait_ended(), Failed)
            assert isinstance(await second.wait_ended(), Stopped)
            assert not second.is_alive

    async def test_an_end_that_is_wanted_leaves_the_other_alone(self, app, diary, autojump_clock):
        async with running_virtually(app):
            one, other = await self.link(app, diary)
            await one.ask(Complete())
            await settled()
            assert other.is_alive
            one, other = other, await app.session.spawn(Player, "third", {"diary": diary})
            await one.ask(Do(lambda actor: actor.ctx.link(other)))
            await one.stop()
            await settled()
            assert other.is_alive

    async def test_after_unlink_each_ends_by_itself(self, app, diary, autojump_clock):
        async with running_virtually(app):
            one, other = await self.link(app, diary, one=Restart.temporary())
            await one.ask(Do(lambda actor: actor.ctx.unlink(other)))
            one.tell(Fail(ValueError("no")))
            await one.wait_ended()
            await settled()
            assert other.is_alive

    async def test_the_current_message_of_the_other_has_its_grace(self, app, diary, autojump_clock):
        async with running_virtually(app):
            one, other = await self.link(app, diary, one=Restart.temporary())
            other.tell(Sleep(2))
            await settled()
            one.tell(Fail(ValueError("no")))
            await other.wait_ended()
            assert trio.current_time() == 2

    async def test_a_link_with_itself_or_made_twice_changes_nothing(self, app, diary, autojump_clock):
        async with running_virtually(app):
            one, other = await self.link(app, diary)
            await one.ask(Do(lambda actor: actor.ctx.link(other)))
            await one.ask(Do(lambda actor: actor.ctx.link(one)))
            await one.ask(Do(lambda actor: actor.ctx.unlink(other)))
            other.tell(Fail(ValueError("no")))
            await settled()
            assert (one.is_alive, one.incarnation) == (True, 1)
