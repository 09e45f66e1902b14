"""Timers of actors: messages that come to them later, by keys."""

import pytest
import trio

from actors import Actor
from helpers import running_virtually
from troupe import Complete, Diary, Do, Echo, Fail, Recall, Remember, Sleep, declare, player, settled


@pytest.fixture
def diary():
    return Diary()


def notes(diary, value="tick"):
    """Return a message that has its actor note that it came."""
    return Do(lambda actor: diary.note("a", value))


def ticks(diary, value="tick"):
    return diary.times("a", value)


async def set_timer(app, key, message, **options):
    await app.session.actor("a").ask(Do(lambda actor: actor.ctx.set_timer(key, message, **options)))


class TestTicks:
    async def test_one_comes_once(self, app, diary, autojump_clock):
        declare(app, player(diary, "a"))
        async with running_virtually(app):
            await set_timer(app, "it", notes(diary), after=2)
            await trio.sleep(10)
        assert ticks(diary) == [2]

    async def test_one_may_come_again_and_again(self, app, diary, autojump_clock):
        declare(app, player(diary, "a"))
        async with running_virtually(app):
            await set_timer(app, "it", notes(diary), every="2 seconds")
            await trio.sleep(7)
        assert ticks(diary) == [2, 4, 6]

    async def test_the_first_may_come_at_another_time(self, app, diary, autojump_clock):
        declare(app, player(diary, "a"))
        async with running_virtually(app):
            await set_timer(app, "it", notes(diary), after=0.5, every=2)
            await trio.sleep(5)
        assert ticks(diary) == [0.5, 2.5, 4.5]

    async def test_a_timer_without_a_time_is_refused(self, app, diary, autojump_clock):
        declare(app, player(diary, "a"))
        async with running_virtually(app):
            refused = Do(lambda actor: refuses(lambda: actor.ctx.set_timer("it", notes(diary))))
            assert await app.session.actor("a").ask(refused)

    async def test_one_of_a_message_that_the_actor_does_not_take_is_refused(self, app, diary, autojump_clock):
        declare(app, player(diary, "a"))
        async with running_virtually(app):
            refused = Do(lambda actor: refuses(lambda: actor.ctx.set_timer("it", object(), after=1)))
            assert await app.session.actor("a").ask(refused)

    async def test_they_come_before_what_waits_in_the_mailbox(self, app, diary, autojump_clock):
        declare(app, player(diary, "a"))
        async with running_virtually(app):
            ref = app.session.actor("a")
            await set_timer(app, "it", Remember("tick"), after=1)
            ref.tell(Sleep(2))
            ref.tell(Remember("told"))
            assert await ref.ask(Recall()) == ["tick", "told"]


def refuses(deed):
    try:
        deed()
    except Exception as exc:
        return exc
    return None


class TestModes:
    """What the time between two ticks is counted from, where dealing with one takes a while."""

    def takes(self, diary, seconds):
        async def note(actor):
            diary.note("a", "tick")
            await trio.sleep(seconds)

        return Do(note)

    async def test_by_default_from_when_the_last_was_dealt_with(self, app, diary, autojump_clock):
        declare(app, player(diary, "a"))
        async with running_virtually(app):
            await set_timer(app, "it", self.takes(diary, 0.5), every=2)
            await trio.sleep(8)
        assert ticks(diary) == [2, 4.5, 7]

    async def test_with_a_fixed_rate_from_when_it_was_due(self, app, diary, autojump_clock):
        declare(app, player(diary, "a"))
        async with running_virtually(app):
            await set_timer(app, "it", self.takes(diary, 0.5), every=2, mode="fixed_rate")
            await trio.sleep(9)
        assert ticks(diary) == [2, 4, 6, 8]

    @pytest.mark.parametrize("mode", ["fixed_rate", "fixed_delay"])
    async def test_never_more_than_one_of_a_timer_waits(self, app, diary, mode, autojump_clock):
        declare(app, player(diary, "a"))
        async with running_virtually(app):
            ref = app.session.actor("a")
            await set_timer(app, "it", Remember("tick"), every=1, mode=mode)
            ref.tell(Sleep(99.5))
            await trio.sleep(99.7)
            assert await ref.ask(Recall()) == ["tick"]

    async def test_a_fixed_rate_goes_on_in_step_after_some_were_left_out(self, app, diary, autojump_clock):
        declare(app, player(diary, "a"))
        async with running_virtually(app):
            await set_timer(app, "it", notes(diary), every=2, mode="fixed_rate")
            await trio.sleep(3)
            app.session.actor("a").tell(Sleep(6.5))
            await trio.sleep(10)
        assert ticks(diary) == [2, 9.5, 10, 12]


class TestKeys:
    async def test_a_timer_of_the_same_key_is_replaced(self, app, diary, autojump_clock):
        declare(app, player(diary, "a"))
        async with running_virtually(app):
            await set_timer(app, "it", notes(diary, "first"), every=1)
            await trio.sleep(1.5)
            await set_timer(app, "it", notes(diary, "second"), after=2)
            await trio.sleep(10)
        assert (ticks(diary, "first"), ticks(diary, "second")) == ([1], [3.5])

    async def test_others_go_on(self, app, diary, autojump_clock):
        declare(app, player(diary, "a"))
        async with running_virtually(app):
            await set_timer(app, "one", notes(diary, "one"), every=1)
            await set_timer(app, ("other", 1), notes(diary, "other"), every=1)
            await app.session.actor("a").ask(Do(lambda actor: actor.ctx.cancel_timer("one")))
            await trio.sleep(2.5)
        assert (ticks(diary, "one"), ticks(diary, "other")) == ([], [1, 2])

    async def test_to_cancel_one_that_is_not_there_changes_nothing(self, app, diary, autojump_clock):
        declare(app, player(diary, "a"))
        async with running_virtually(app):
            await app.session.actor("a").ask(Do(lambda actor: actor.ctx.cancel_timer("it")))

    @pytest.mark.parametrize("replaced", [True, False])
    async def test_of_one_that_is_over_nothing_comes_not_even_what_waits(self, app, diary, replaced, autojump_clock):
        async def sleeps_and_ends_it(actor):
            await trio.sleep(2)
            if replaced:
                actor.ctx.set_timer("it", Remember("new"), after=5)
            else:
                actor.ctx.cancel_timer("it")

        declare(app, player(diary, "a"))
        async with running_virtually(app):
            ref = app.session.actor("a")
            await set_timer(app, "it", Remember("old"), after=1)
            await ref.ask(Do(sleeps_and_ends_it))
            await trio.sleep(10)
            assert await ref.ask(Recall()) == (["new"] if replaced else [])
            assert app.session.dead_letters == ()

    async def test_a_tick_may_set_its_own_timer_anew(self, app, diary, autojump_clock):
        def again(actor):
            diary.note("a", "tick")
            actor.ctx.set_timer("it", Do(again), after=1)

        declare(app, player(diary, "a"))
        async with running_virtually(app):
            await set_timer(app, "it", Do(again), after=1)
            await trio.sleep(3.5)
        assert ticks(diary) == [1, 2, 3]

    async def test_a_tick_may_end_its_own_timer(self, app, diary, autojump_clock):
        def once(actor):
            diary.note("a", "tick")
            actor.ctx.cancel_timer("it")

        declare(app, player(diary, "a"))
        async with running_virtually(app):
            await set_timer(app, "it", Do(once), every=1)
            await trio.sleep(5)
        assert ticks(diary) == [1]


class TestEnd:
    async def test_they_end_with_the_actor(self, app, diary, autojump_clock):
        declare(app, player(diary, "a"))
        async with running_virtually(app):
            await set_timer(app, "it", notes(diary), every=1)
            await app.session.actor("a").stop()
            await trio.sleep(5)
            assert (ticks(diary), app.session.dead_letters) == ([], ())

    async def test_a_restart_ends_them_and_what_waits_of_them(self, app, diary, autojump_clock):
        async def fails(actor):
            await trio.sleep(2)
            raise ValueError("no")

        declare(app, player(diary, "a"))
        async with running_virtually(app):
            ref = app.session.actor("a")
            await set_timer(app, "it", Remember("tick"), every=1)
            ref.tell(Do(fails))
            await trio.sleep(10)
            assert ref.incarnation == 2
            assert await ref.ask(Recall()) == []

    async def test_one_that_was_started_again_has_none(self, app, diary, autojump_clock):
        declare(app, player(diary, "a"))
        async with running_virtually(app):
            ref = app.session.actor("a")
            await set_timer(app, "it", Remember("tick"), every=1)
            await ref.stop()
            await ref.start()
            await trio.sleep(5)
            assert await ref.ask(Recall()) == []

    async def test_a_tick_on_which_the_actor_fails_restarts_it(self, app, diary, autojump_clock):
        declare(app, player(diary, "a"))
        async with running_virtually(app):
            await set_timer(app, "it", Fail(ValueError("no")), after=1)
            await trio.sleep(2)
            await settled()
            assert app.session.actor("a").incarnation == 2

    async def test_a_tick_may_complete_the_actor(self, app, diary, autojump_clock):
        declare(app, player(diary, "a"))
        async with running_virtually(app):
            await set_timer(app, "it", Complete("done"), after=1)
            assert (await app.session.actor("a").wait_ended()).value == "done"
            assert trio.current_time() == 1


class Late(Actor):
    """One that sets a timer when it is too late."""

    async def receive(self, message: Echo) -> object: ...

    async def on_stop(self, why):
        self.ctx.set_timer("it", Echo(), every=1, mode="fixed_rate")


async def test_one_that_is_set_while_the_actor_cleans_up_ends_with_it(app, autojump_clock):
    app.actor(Late, "a")
    async with running_virtually(app):
        await app.session.actor("a").stop()
        await trio.sleep(10)
        assert app.session.tree()["a"].waiting == 0
        tree = app.session.controls._tree
        assert [entry for _, _, entry in tree.deadlines._heap if entry.act is not None] == []
