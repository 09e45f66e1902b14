"""Actors that would wait for each other for ever hear of it at once; those that only wait long do not."""

import random

import pytest
import trio

from actors import Actor
from actors.errors import ActorFailed, DeadlockError, StartError
from askers import asking, asks
from helpers import running_virtually
from troupe import Diary, Do, Echo, Sleep, WhoAmI, declare, player, settled


@pytest.fixture
def diary():
    return Diary()


@pytest.fixture
def trio_of(app, diary):
    """An app with three actors, a, b and c."""
    declare(app, *(player(diary, name) for name in "abc"))
    return app


def after(seconds, deed):
    """Return what has an actor do something later."""

    async def do(actor):
        await trio.sleep(seconds)
        return await deed(actor)

    return Do(do)


class TestCycles:
    async def test_an_actor_that_asks_itself(self, trio_of, autojump_clock):
        async with running_virtually(trio_of):
            a = trio_of.session.actor("a")
            assert await a.ask(Do(asks(a, Echo()))) == ("a", "a")
        assert trio.current_time() == 0

    async def test_one_that_is_asked_back(self, trio_of, autojump_clock):
        async with running_virtually(trio_of):
            a, b = (trio_of.session.actor(name) for name in "ab")
            assert await a.ask(Do(asks(b, Do(asks(a, Echo()))))) == ("b", "a", "b")
        assert trio.current_time() == 0

    async def test_a_longer_one(self, trio_of, autojump_clock):
        async with running_virtually(trio_of):
            a, b, c = (trio_of.session.actor(name) for name in "abc")
            assert await a.ask(Do(asks(b, Do(asks(c, Do(asks(a, Echo()))))))) == ("c", "a", "b", "c")
        assert trio.current_time() == 0

    async def test_two_requests_that_know_nothing_of_each_other(self, trio_of, autojump_clock):
        async with running_virtually(trio_of), trio.open_nursery() as nursery:
            a, b = (trio_of.session.actor(name) for name in "ab")
            first = await asking(nursery, a, after(1, asks(b, Echo("from a"))))
            second = await asking(nursery, b, after(2, asks(a, Echo("from b"))))
        assert (second.answer, second.at) == (("b", "a", "b"), 2)  # it closed the cycle
        assert (first.answer, first.at) == ("from a", 2)  # and so the other could go on

    async def test_the_error_is_raised_in_who_closes_it_and_fails_it_like_any_other(self, trio_of, autojump_clock):
        async with running_virtually(trio_of):
            a = trio_of.session.actor("a")
            with pytest.raises(ActorFailed) as caught:
                await a.ask(Do(lambda actor: a.ask(Echo())))
            assert isinstance(caught.value.__cause__, DeadlockError)
            assert str(caught.value.__cause__).startswith("a -> a: each would wait for the next for ever")
            assert await a.ask(WhoAmI()) == ("a", 2)

    async def test_an_actor_that_sends_to_itself_while_it_is_full(self, app, diary, autojump_clock):
        async def fills_up(actor):
            await actor.ctx.ref.send(Echo())
            try:
                await actor.ctx.ref.send(Echo())
            except DeadlockError as exc:
                return exc.cycle

        declare(app, player(diary, "a", capacity=1))
        async with running_virtually(app):
            assert await app.session.actor("a").ask(Do(fills_up)) == ("a", "a")
        assert trio.current_time() == 0

    async def test_two_full_ones_that_send_to_each_other(self, app, diary, autojump_clock):
        def sends(ref):
            async def send(_):
                await trio.sleep(1)
                try:
                    await ref.send(Echo(), within=60)
                except DeadlockError as exc:
                    return exc.cycle

            return Do(send)

        declare(app, player(diary, "a", capacity=1), player(diary, "b", capacity=1))
        async with running_virtually(app), trio.open_nursery() as nursery:
            a, b = (app.session.actor(name) for name in "ab")
            askers = [await asking(nursery, a, sends(b), within=60), await asking(nursery, b, sends(a), within=60)]
            a.tell(Echo())
            b.tell(Echo())
        assert {asker.answer for asker in askers} in ({None, ("a", "b", "a")}, {None, ("b", "a", "b")})
        assert [asker.at for asker in askers] == [1, 1]

    async def test_one_that_asks_who_waits_for_room_at_it(self, app, diary, autojump_clock):
        async def sends(_):
            await app.session.actor("b").send(Echo(), within=60)

        declare(app, player(diary, "a"), player(diary, "b", capacity=1))
        async with running_virtually(app), trio.open_nursery() as nursery:
            a, b = (app.session.actor(name) for name in "ab")
            asker = await asking(nursery, b, after(1, asks(a, Echo())))
            b.tell(Echo())
            a.tell(Do(sends))
        assert (asker.answer, asker.at) == (("b", "a", "b"), 1)

    async def test_a_child_that_asks_its_parent_while_that_waits_for_its_start(self, app, diary, autojump_clock):
        class AsksParent(Actor):
            async def on_start(self):
                await self.ctx.parent.ask(Echo())

        async def spawns(actor):
            try:
                await actor.ctx.spawn(AsksParent, "child")
            except StartError as exc:
                return exc.__cause__

        declare(app, player(diary, "a"))
        async with running_virtually(app):
            error = await app.session.actor("a").ask(Do(spawns))
        assert isinstance(error, DeadlockError)
        assert error.cycle == ("a/child", "a", "a/child")
        assert trio.current_time() == 0


class TestNoCycles:
    async def test_an_actor_may_tell_itself_and_who_asks_it(self, trio_of, autojump_clock):
        async with running_virtually(trio_of):
            a, b = (trio_of.session.actor(name) for name in "ab")
            assert await a.ask(Do(lambda _: a.tell(Echo()))) is None
            assert await a.ask(Do(asks(b, Do(lambda _: a.tell(Echo()))))) is None

    async def test_an_actor_may_be_asked_by_what_it_awaits_beside_its_messages(self, trio_of, autojump_clock):
        async with running_virtually(trio_of):
            a = trio_of.session.actor("a")
            await a.ask(Do(lambda actor: actor.ctx.pipe_to_self(a.ask, Echo("answer"), then=Echo)))
            await settled()
            assert await a.ask(WhoAmI()) == ("a", 1)

    async def test_a_chain_that_takes_long_is_none(self, trio_of, autojump_clock):
        async with running_virtually(trio_of):
            a, b, c = (trio_of.session.actor(name) for name in "abc")
            c.tell(Sleep(1000))
            ask = asks(c, Echo("slow"), within=5000)
            assert await a.ask(Do(asks(b, Do(ask), within=5000)), within=5000) == "slow"

    async def test_neither_is_one_that_was_closed_before_and_is_open_again(self, trio_of, autojump_clock):
        async with running_virtually(trio_of):
            a, b = (trio_of.session.actor(name) for name in "ab")
            for _ in range(2):
                assert await a.ask(Do(asks(b, Echo("from a")))) == "from a"
                assert await b.ask(Do(asks(a, Echo("from b")))) == "from b"

    async def test_who_waits_no_more_holds_nobody_up(self, trio_of, autojump_clock):
        async def asks_in_vain(_):
            with trio.move_on_after(1):
                await trio_of.session.actor("b").ask(Sleep(0.5))
                await trio_of.session.actor("b").ask(Sleep(100))
            await trio.sleep(5)
            return "tired of it"

        async with running_virtually(trio_of), trio.open_nursery() as nursery:
            a, b = (trio_of.session.actor(name) for name in "ab")
            asker = await asking(nursery, a, Do(asks_in_vain), within=60)
            await trio.sleep(2)
            assert await b.ask(Do(asks(a, Echo("answer"), within=60)), within=60) == "answer"
        assert asker.answer == "tired of it"

    async def test_whatever_chains_of_questions_cross_none_is_found_where_they_go_one_way(self, app, diary, seed, autojump_clock):
        chance, names = random.Random(seed), [str(number) for number in range(8)]
        declare(app, *(player(diary, name) for name in names))

        def passes_on(way):
            """Return what has the last but one of these actors ask the last, and so on."""
            message = Echo("end")
            for name in reversed(way):
                message = after(chance.random(), asks(app.session.actor(name), message, within=10_000))
            return message

        async def asks_along(way):
            assert await app.session.actor(way[0]).ask(passes_on(way[1:]), within=10_000) == "end"

        async with running_virtually(app):
            for _ in range(10):
                async with trio.open_nursery() as nursery:
                    for _ in range(10):
                        nursery.start_soon(asks_along, sorted(chance.sample(names, chance.randint(1, 5))))
