"""Names of actors: when they are taken, when they are free, and what they lead to."""

import pytest
import trio

from actors import Actor, ActorSpec, Supervisor
from actors.errors import ActorExists, ActorStopped, UnknownActor
from actors.outcomes import Stopped
from helpers import running_virtually
from troupe import Diary, Do, Echo, Fail, Player, Quit, Spawn, WhoAmI, declare, player, settled


@pytest.fixture
def diary():
    return Diary()


class TestFree:
    async def test_a_name_is_free_the_moment_the_stop_returns(self, app, diary, seed, autojump_clock):
        async with running_virtually(app):
            for _ in range(20):
                ref = await app.session.spawn(Player, "a", {"diary": diary})
                await ref.stop()
        assert trio.current_time() == 0
        assert diary.lives == ["+a", "-a"] * 20

    async def test_so_it_is_when_the_actor_has_ended_by_itself(self, app, diary, autojump_clock):
        async with running_virtually(app):
            ref = await app.session.spawn(Player, "a", {"diary": diary})
            ref.tell(Quit())
            await ref.wait_ended()
            await app.session.spawn(Player, "a", {"diary": diary})

    async def test_with_it_go_the_names_of_its_children(self, app, diary, autojump_clock):
        async with running_virtually(app):
            ref = await app.session.spawn(Supervisor([player(diary, "a")]), "pool")
            child = app.session.actor("pool/a")
            await ref.stop()
            with pytest.raises(UnknownActor):
                app.session.actor("pool/a")
            assert isinstance(await child.wait_ended(), Stopped)
            await app.session.spawn(Supervisor([player(diary, "a")]), "pool")
            assert app.session.actor("pool/a") != child

    async def test_and_when_it_did_not_start(self, app, diary, autojump_clock):
        class DoesNotStart(Actor):
            async def on_start(self):
                raise ValueError("no")

        async with running_virtually(app):
            with pytest.raises(Exception, match=r"actor 'a' did not start: .*ValueError: no"):
                await app.session.spawn(DoesNotStart, "a")
            await app.session.spawn(Player, "a", {"diary": diary})

    async def test_a_declared_one_keeps_its_name_until_it_is_removed(self, app, diary, autojump_clock):
        declare(app, player(diary, "a"))
        async with running_virtually(app):
            ref = app.session.actor("a")
            await ref.stop()
            with pytest.raises(ActorExists, match="it is stopped"):
                await app.session.spawn(Player, "a", {"diary": diary})
            await ref.remove()
            await app.session.spawn(Player, "a", {"diary": diary})

    async def test_it_is_taken_while_the_actor_ends(self, app, diary, autojump_clock):
        async with running_virtually(app), trio.open_nursery() as nursery:
            ref = await app.session.spawn(Player, "a", {"diary": diary, "stops_in": 1})
            nursery.start_soon(ref.stop)
            await settled()
            with pytest.raises(ActorExists):
                await app.session.spawn(Player, "a", {"diary": diary})

    async def test_a_ref_does_not_lead_to_a_later_actor_of_that_name(self, app, diary, autojump_clock):
        async with running_virtually(app):
            before = await app.session.spawn(Player, "a", {"diary": diary})
            await before.stop()
            after = await app.session.spawn(Player, "a", {"diary": diary})
            assert before != after
            assert app.session.actor("a") == after
            assert (before.is_alive, after.is_alive) == (False, True)
            with pytest.raises(ActorStopped):
                await before.ask(Echo())
            assert isinstance(await before.stop(), Stopped)
            assert await after.ask(WhoAmI()) == ("a", 1)


class TestLookup:
    async def test_full_names_are_paths(self, app, diary, autojump_clock):
        declare(app, ActorSpec(Supervisor([player(diary, "a")]), "pool"), player(diary, "top"))
        async with running_virtually(app):
            child = await app.session.actor("top").ask(Spawn(player(diary, "child")))
            grandchild = await child.ask(Spawn(player(diary, "grandchild")))
            for ref in (child, grandchild):
                assert app.session.actor(ref.name) == ref
            assert grandchild.name == "top/child/grandchild"
            assert app.session.actor("pool/a").name == "pool/a"

    async def test_a_name_that_nobody_has_is_an_error_that_tells_the_nearest(self, app, diary, autojump_clock):
        declare(app, player(diary, "counter"))
        async with running_virtually(app):
            with pytest.raises(UnknownActor, match="Did you mean 'counter'"):
                app.session.actor("conter")
            with pytest.raises(KeyError):
                app.session.actor("a/b")

    async def test_an_actor_finds_others_by_their_full_names(self, app, diary, autojump_clock):
        declare(app, player(diary, "a"), player(diary, "b"))
        async with running_virtually(app):
            found = await app.session.actor("a").ask(Do(lambda actor: actor.ctx.lookup("b")))
            assert found == app.session.actor("b")

    async def test_the_name_of_one_that_is_restarted_leads_to_the_same(self, app, diary, autojump_clock):
        declare(app, player(diary, "a"))
        async with running_virtually(app):
            ref = app.session.actor("a")
            ref.tell(Fail(ValueError("no")))
            assert app.session.actor("a") == ref
            await settled()
            assert app.session.actor("a") == ref
            assert ref.incarnation == 2

    async def test_a_child_without_a_name_gets_that_of_its_class_with_a_number(self, app, diary, autojump_clock):
        async def spawns(actor):
            return [(await actor.ctx.spawn(Player, args={"diary": diary})).name for _ in range(3)]

        declare(app, player(diary, "a"))
        async with running_virtually(app):
            names = await app.session.actor("a").ask(Do(spawns))
        assert len(set(names)) == 3
        assert all(name.startswith("a/Player") for name in names)

    async def test_a_name_is_unique_among_siblings_only(self, app, diary, autojump_clock):
        declare(app, player(diary, "a"), player(diary, "b"))
        async with running_virtually(app):
            a, b = (app.session.actor(name) for name in "ab")
            await a.ask(Spawn(player(diary, "child")))
            await b.ask(Spawn(player(diary, "child")))
            with pytest.raises(ActorExists, match="'a/child'"):
                await a.spawn(Player, "child", {"diary": diary})


class TestGetOrSpawn:
    async def test_a_hundred_at_once_make_one_actor(self, app, diary, seed, autojump_clock):
        found = []

        async def gets(actor):
            found.append(await actor.ctx.get_or_spawn(Player, "one", {"diary": diary, "starts_in": iter([1])}))

        async def get_many(actor):
            async with trio.open_nursery() as nursery:
                for _ in range(100):
                    nursery.start_soon(gets, actor)

        declare(app, player(diary, "a"))
        async with running_virtually(app):
            await app.session.actor("a").ask(Do(get_many))
            assert len(found) == 100
            assert set(found) == {app.session.actor("a/one")}
            assert {ref.is_alive for ref in found} == {True}
        assert diary.names("started").count("a/one") == 1

    async def test_where_it_does_not_start_all_hear_of_it(self, app, diary, autojump_clock):
        errors = []

        class DoesNotStart(Actor):
            async def on_start(self):
                await trio.sleep(1)
                raise ValueError("no")

        async def gets(actor):
            try:
                await actor.ctx.get_or_spawn(DoesNotStart, "one")
            except Exception as exc:
                errors.append(str(exc))

        async def get_many(actor):
            async with trio.open_nursery() as nursery:
                for _ in range(5):
                    nursery.start_soon(gets, actor)

        declare(app, player(diary, "a"))
        async with running_virtually(app):
            await app.session.actor("a").ask(Do(get_many), within=60)
        assert len(errors) == 5
        assert all("ValueError: no" in error for error in errors)

    async def test_after_its_end_another_is_made(self, app, diary, autojump_clock):
        def gets(actor):
            return actor.ctx.get_or_spawn(Player, "one", {"diary": diary})

        declare(app, player(diary, "a"))
        async with running_virtually(app):
            ref = app.session.actor("a")
            first = await ref.ask(Do(gets))
            assert await ref.ask(Do(gets)) == first
            await first.stop()
            second = await ref.ask(Do(gets))
            assert (second != first, second.is_alive) == (True, True)


class TestStartedAgain:
    async def test_one_that_was_declared_and_stopped_can_be_started_again(self, app, diary, autojump_clock):
        declare(app, player(diary, "a"))
        async with running_virtually(app):
            ref = app.session.actor("a")
            await ref.stop()
            await ref.start()
            assert await ref.ask(WhoAmI()) == ("a", 2)
            with pytest.raises(ActorExists):
                await ref.start()

    async def test_one_that_was_spawned_and_has_ended_cannot(self, app, diary, autojump_clock):
        async with running_virtually(app):
            ref = await app.session.spawn(Player, "a", {"diary": diary})
            await ref.stop()
            with pytest.raises(UnknownActor):
                await ref.start()

    async def test_nor_can_one_that_was_removed(self, app, diary, autojump_clock):
        declare(app, player(diary, "a"))
        async with running_virtually(app):
            ref = app.session.actor("a")
            await ref.remove()
            assert not ref.is_alive
            with pytest.raises(UnknownActor):
                await ref.start()
            with pytest.raises(UnknownActor):
                app.session.actor("a")
