"""Mailboxes of actors: their order, their bounds, and what becomes of messages that nobody deals with."""

import random
import threading

import pytest
import trio

from actors import Actor, ActorSpec, Restart
from actors.errors import ActorFailed, MailboxFull
from actors.nodes import DeadLetter
from askers import asking, dead
from helpers import running, running_virtually
from troupe import AT_ONCE, Complete, Diary, Do, Echo, Fail, Player, Recall, Remember, Sleep, WhoAmI, declare, player, settled


@pytest.fixture
def diary():
    return Diary()


class Log(Actor):
    """Keeps what comes in a list that it was given."""

    def __init__(self, seen):
        self.seen = seen

    async def receive(self, message: Remember | Fail):
        if isinstance(message, Fail):
            raise message.error
        self.seen.append(message.value)


class TestOrder:
    @pytest.mark.parametrize("way", ["tell", "send", "ask"])
    async def test_messages_of_each_sender_come_in_their_order_also_over_restarts(self, app, way, seed, autojump_clock):
        chance, seen = random.Random(seed), []
        declare(app, ActorSpec(Log, "log", {"seen": seen}, capacity=1000, restart=Restart.transient(backoff=0.01, limit=None)))
        count = 1000 if way == "tell" else 300

        async def sends(sender):
            ref = app.session.actor("log")
            for number in range(count):
                message = Remember((sender, number))
                if way == "tell":
                    while app.session.tree()["log"].waiting >= 1000:
                        await trio.sleep(0.001)
                    ref.tell(message)
                elif way == "send":
                    await ref.send(message, within=1000)
                else:
                    await ref.ask(message, within=1000)
                if chance.random() < 0.1:
                    await trio.sleep(0)

        async with running_virtually(app):
            async with trio.open_nursery() as nursery:
                for sender in range(3):
                    nursery.start_soon(sends, sender)
                await trio.sleep(0)
                with pytest.raises(ActorFailed):
                    await app.session.actor("log").ask(Fail(ValueError("no")), within=1000)
            await app.session.actor("log").ask(Remember(("last", 0)), within=1000)
            assert app.session.actor("log").incarnation == 2
        for sender in range(3):
            assert [number for who, number in seen if who == sender] == list(range(count))

    async def test_ten_thousand_messages_of_three_senders_lose_none(self, app, autojump_clock):
        seen = []
        declare(app, ActorSpec(Log, "log", {"seen": seen}, capacity=30_002, restart=AT_ONCE))
        async with running_virtually(app):
            ref = app.session.actor("log")
            for number in range(10_000):
                for sender in range(3):
                    ref.tell(Remember((sender, number)))
                if number == 5000:
                    ref.tell(Fail(ValueError("no")))
            await ref.ask(Remember("last"))
        assert seen[:-1] == [(sender, number) for number in range(10_000) for sender in range(3)]


class TestFull:
    """A mailbox that has no room, by the `overflow` of the actor."""

    async def fill(self, app, diary, overflow):
        """Have an actor that is busy for a second, with a mailbox that holds two, both taken."""
        ref = await app.session.spawn(Player, "a", {"diary": diary}, capacity=2, overflow=overflow)
        ref.tell(Sleep(1))
        await settled()
        for number in (1, 2):
            ref.tell(Remember(number))
        return ref

    @pytest.mark.parametrize("overflow", ["fail", "block"])
    async def test_telling_fails_at_once(self, app, diary, overflow, autojump_clock):
        async with running_virtually(app):
            ref = await self.fill(app, diary, overflow)
            with pytest.raises(MailboxFull, match="actor 'a' has 2 unread messages"):
                ref.tell(Remember(3))
            assert await self.kept(ref) == [1, 2]
            assert dead(app) == []

    async def kept(self, ref):
        """Return what it kept of them, once it has dealt with all."""
        await trio.sleep(2)
        return await ref.ask(Recall())

    async def test_the_new_one_may_be_dropped(self, app, diary, autojump_clock):
        async with running_virtually(app):
            ref = await self.fill(app, diary, "drop_new")
            ref.tell(Remember(3))
            assert await self.kept(ref) == [1, 2]
            assert dead(app) == [("a", Remember(3), "overflow")]

    async def test_the_oldest_may_be_dropped(self, app, diary, autojump_clock):
        async with running_virtually(app):
            ref = await self.fill(app, diary, "drop_old")
            ref.tell(Remember(3))
            assert await self.kept(ref) == [2, 3]
            assert dead(app) == [("a", Remember(1), "overflow")]

    async def test_asking_fails_at_once(self, app, diary, autojump_clock):
        async with running_virtually(app):
            ref = await self.fill(app, diary, "fail")
            with pytest.raises(MailboxFull):
                await ref.ask(Echo())
            assert trio.current_time() == 0

    async def test_asking_may_wait_for_room(self, app, diary, autojump_clock):
        async with running_virtually(app):
            ref = await self.fill(app, diary, "block")
            assert await ref.ask(Recall()) == [1, 2]
            assert trio.current_time() == 1

    async def test_a_new_question_is_refused_and_not_dropped(self, app, diary, autojump_clock):
        async with running_virtually(app):
            ref = await self.fill(app, diary, "drop_new")
            with pytest.raises(MailboxFull):
                await ref.ask(Echo("new"))
            assert trio.current_time() == 0
            assert dead(app) == []

    async def test_the_oldest_that_is_dropped_is_answered_by_the_error_where_it_is_a_question(self, app, diary, autojump_clock):
        async with running_virtually(app), trio.open_nursery() as nursery:
            ref = await app.session.spawn(Player, "a", {"diary": diary}, capacity=1, overflow="drop_old")
            ref.tell(Sleep(1))
            await settled()
            asker = await asking(nursery, ref, Echo("old"))
            ref.tell(Remember("new"))
            await settled()
            assert (type(asker.error), asker.at) == (MailboxFull, 0)
            assert dead(app) == [("a", Echo("old"), "overflow")]
            assert await self.kept(ref) == ["new"]

    @pytest.mark.parametrize("overflow", ["fail", "block"])
    async def test_sending_waits_for_room(self, app, diary, overflow, autojump_clock):
        async with running_virtually(app):
            ref = await self.fill(app, diary, overflow)
            await ref.send(Remember(3))
            assert trio.current_time() == 1
            assert await self.kept(ref) == [1, 2, 3]
            assert dead(app) == []

    @pytest.mark.parametrize(("overflow", "dropped", "kept"), [("drop_new", 3, [1, 2]), ("drop_old", 1, [2, 3])])
    async def test_sending_does_not_wait_where_something_is_to_be_dropped(
        self, app, diary, overflow, dropped, kept, autojump_clock
    ):
        async with running_virtually(app):
            ref = await self.fill(app, diary, overflow)
            await ref.send(Remember(3))
            assert trio.current_time() == 0
            assert dead(app) == [("a", Remember(dropped), "overflow")]
            assert await self.kept(ref) == kept

    async def test_who_waits_for_room_gets_it_in_the_order_of_asking(self, app, diary, autojump_clock):
        async with running_virtually(app), trio.open_nursery() as nursery:
            ref = await self.fill(app, diary, "fail")
            for number in range(3, 8):
                nursery.start_soon(ref.send, Remember(number))
                await settled()
            await trio.sleep(2)
            assert await ref.ask(Recall()) == list(range(1, 8))

    async def test_sending_fails_when_there_was_no_room_in_its_time(self, app, diary, autojump_clock):
        async with running_virtually(app):
            ref = await self.fill(app, diary, "fail")
            with pytest.raises(MailboxFull):
                await ref.send(Remember(3), within=0.5)
            assert trio.current_time() == 0.5
            assert await self.kept(ref) == [1, 2]

    async def test_who_gives_up_waiting_for_room_has_sent_nothing(self, app, diary, autojump_clock):
        async with running_virtually(app):
            ref = await self.fill(app, diary, "fail")
            with trio.move_on_after(0.5) as scope:
                await ref.send(Remember(3))
            assert scope.cancelled_caught
            assert await self.kept(ref) == [1, 2]

    async def test_a_stop_comes_through(self, app, diary, autojump_clock):
        async with running_virtually(app):
            ref = await self.fill(app, diary, "fail")
            await ref.stop()
            assert trio.current_time() == 1
            assert [letter.reason for letter in app.session.dead_letters] == ["stopped"] * 2

    async def test_so_does_what_comes_of_the_actor_s_own_timers_and_watches(self, app, diary, autojump_clock):
        other = player(diary, "other")
        declare(app, other, player(diary, "a", capacity=1))
        async with running_virtually(app):
            ref, watched = (app.session.actor(name) for name in ("a", "other"))
            await ref.ask(Do(lambda actor: actor.ctx.watch(watched)))
            await ref.ask(Do(lambda actor: actor.ctx.set_timer("it", Remember("tick"), after=0.5)))
            ref.tell(Sleep(1))
            await settled()
            ref.tell(Remember("last"))
            await watched.stop()
            await trio.sleep(2)
            assert await ref.ask(Recall()) == ["tick", "last"]
            assert [type(what).__name__ for what in diary.of("a")[2:]] == ["Down"]


class TestPoison:
    """Messages on which an actor fails."""

    async def test_by_default_it_is_not_tried_again(self, app, diary, autojump_clock):
        declare(app, player(diary, "a"))
        async with running_virtually(app):
            ref = app.session.actor("a")
            error = Fail(ValueError("no"))
            ref.tell(error)
            ref.tell(Remember("next"))
            assert await ref.ask(Recall()) == ["next"]
            assert ref.incarnation == 2
            assert dead(app) == [("a", error, "poison")]

    async def test_it_is_tried_so_often_again_then_put_aside_and_the_others_go_on(self, app, diary, autojump_clock):
        tried = []

        def fails(actor):
            tried.append(actor.ctx.incarnation)
            raise ValueError("no")

        declare(app, player(diary, "a", redeliver=2))
        async with running_virtually(app):
            ref = app.session.actor("a")
            poison = Do(fails)
            ref.tell(poison)
            ref.tell(Remember("next"))
            assert await ref.ask(Recall()) == ["next"]
            assert (tried, ref.incarnation) == ([1, 2, 3], 4)
            assert dead(app) == [("a", poison, "poison")]

    async def test_it_may_succeed_the_next_time_before_what_came_after_it(self, app, diary, autojump_clock):
        def fails_once(actor):
            if actor.ctx.incarnation == 1:
                raise ValueError("no")
            actor.kept.append("first")

        declare(app, player(diary, "a", redeliver=1))
        async with running_virtually(app):
            ref = app.session.actor("a")
            ref.tell(Do(fails_once))
            ref.tell(Remember("second"))
            assert await ref.ask(Recall()) == ["first", "second"]
            assert dead(app) == []

    async def test_what_is_tried_again_does_not_outlive_the_actor(self, app, diary, autojump_clock):
        declare(app, player(diary, "a", redeliver=5, restart=Restart.transient(backoff=0, limit=1, then="stop")))
        async with running_virtually(app):
            ref = app.session.actor("a")
            poison = Fail(ValueError("no"))
            ref.tell(poison)
            await ref.wait_ended()
            assert ref.incarnation == 2
            assert [(letter.actor, letter.message) for letter in app.session.dead_letters] == [("a", poison)]


class TestDeadLetters:
    async def test_they_say_to_whom_and_why_and_when(self, app, diary, autojump_clock):
        declare(app, player(diary, "a"))
        async with running_virtually(app):
            ref = app.session.actor("a")
            await ref.stop()
            await trio.sleep(7)
            ref.tell(Echo("hello"))
            (letter,) = app.session.dead_letters
            assert letter == DeadLetter("a", Echo("hello"), "stopped", 1_700_000_007.0)

    async def test_only_the_latest_are_kept(self, app, diary, autojump_clock):
        declare(app, player(diary, "a"))
        async with running_virtually(app):
            ref = app.session.actor("a")
            await ref.stop()
            for number in range(10_000):
                ref.tell(Echo(number))
            kept = [letter.message.value for letter in app.session.dead_letters]
            assert kept == list(range(10_000 - len(kept), 10_000))
            assert len(kept) < 10_000
            assert app.session.tree()["a"].lost == 10_000

    async def test_what_waits_when_an_actor_completes_is_among_them(self, app, diary, autojump_clock):
        declare(app, player(diary, "a"))
        async with running_virtually(app):
            ref = app.session.actor("a")
            ref.tell(Complete())
            ref.tell(Echo("hello"))
            await ref.wait_ended()
            assert dead(app) == [("a", Echo("hello"), "stopped")]

    async def test_an_app_that_does_not_run_has_none(self, app):
        assert app.session.dead_letters == ()


class TestStatistics:
    """What `session.tree()` tells of an actor."""

    async def test_of_one_that_has_nothing_to_do(self, app, diary, autojump_clock):
        declare(app, player(diary, "a"))
        async with running_virtually(app):
            await settled()
            node = app.session.tree()["a"]
            assert (node.kind, node.state, node.incarnation, node.restarts) == ("actor", "running", 1, 0)
            assert (node.waiting, node.handled, node.lost, node.current, node.age) == (0, 0, 0, None, None)

    async def test_of_one_that_is_at_a_message_while_others_wait(self, app, diary, autojump_clock):
        declare(app, player(diary, "a"))
        async with running_virtually(app):
            ref = app.session.actor("a")
            await ref.ask(Echo())
            ref.tell(Sleep(5))
            ref.tell(Echo())
            ref.tell(Echo())
            await trio.sleep(3)
            node = app.session.tree()["a"]
            assert (node.waiting, node.handled, node.current, node.age) == (2, 1, "Sleep", 3)
            await trio.sleep(3)
            node = app.session.tree()["a"]
            assert (node.waiting, node.handled, node.current, node.age) == (0, 4, None, None)

    async def test_of_one_that_has_lost_some_and_was_restarted(self, app, diary, autojump_clock):
        declare(app, player(diary, "a"))
        async with running_virtually(app):
            ref = app.session.actor("a")
            ref.tell(Fail(ValueError("no")))
            ref.tell(Sleep(2))
            ref.tell(Echo(), within=1)
            await ref.ask(WhoAmI())
            node = app.session.tree()["a"]
            assert (node.incarnation, node.restarts, node.lost) == (2, 1, 2)
            assert node.outcome == "failed: ValueError: no"

    async def test_of_one_that_has_ended(self, app, diary, autojump_clock):
        declare(app, player(diary, "a"))
        async with running_virtually(app):
            ref = app.session.actor("a")
            outcome = await ref.stop("enough")
            node = app.session.tree()["a"]
            assert (node.state, node.outcome) == ("stopped", str(outcome))
            assert (ref.is_alive, ref.incarnation) == (False, 1)

    async def test_of_one_that_was_spawned_and_has_ended_there_is_none(self, app, diary, autojump_clock):
        async with running_virtually(app):
            ref = await app.session.spawn(Player, "a", {"diary": diary})
            assert app.session.tree()["a"].state == "running"
            await ref.stop()
            with pytest.raises(KeyError):
                app.session.tree()["a"]

    async def test_it_may_be_asked_for_from_within_an_actor(self, app, diary, autojump_clock):
        declare(app, player(diary, "a"))
        async with running_virtually(app):
            node = await app.session.actor("a").ask(Do(lambda actor: actor.ctx.session.tree()["a"]))
            assert node.current == "Do"


async def tells_itself_for_ever(actor):
    actor.ctx.ref.tell(Do(tells_itself_for_ever))


class TestHot:
    """An actor that is never out of messages, on the real clock: virtual time would stand still."""

    async def test_it_does_not_keep_others_from_their_timers(self, app, diary):
        declare(app, player(diary, "hot"), player(diary, "other"))
        async with running(app):
            hot, other = (app.session.actor(name) for name in ("hot", "other"))
            hot.tell(Do(tells_itself_for_ever))
            ticked = trio.Event()
            await other.ask(Do(lambda actor: actor.ctx.set_timer("it", Do(lambda _: ticked.set()), after=0.01)))
            with trio.fail_after(30):
                await ticked.wait()
                await hot.stop()

    @pytest.mark.parametrize("drain", ["none", "current"])
    async def test_a_stop_reaches_it(self, app, diary, drain):
        declare(app, player(diary, "hot"))
        async with running(app):
            hot = app.session.actor("hot")
            hot.tell(Do(tells_itself_for_ever))
            await trio.sleep(0.01)
            with trio.fail_after(30):
                await hot.stop(drain=drain)
            assert [letter.reason for letter in app.session.dead_letters] == ["stopped"]

    async def test_it_can_be_stopped_with_all_that_waits_in_a_bounded_time(self, app, diary):
        declare(app, player(diary, "hot"))
        async with running(app):
            hot = app.session.actor("hot")
            hot.tell(Do(tells_itself_for_ever))
            await trio.sleep(0.01)
            with trio.fail_after(30):
                await hot.stop(drain="all")

    async def test_the_end_of_the_app_reaches_it(self, app, diary):
        declare(app, player(diary, "hot"))
        with trio.fail_after(30):
            async with running(app):
                app.session.actor("hot").tell(Do(tells_itself_for_ever))
                await trio.sleep(0.01)


class TestThreadsThatTell:
    async def test_none_is_lost_and_those_of_each_come_in_their_order(self, app):
        seen = []
        declare(app, ActorSpec(Log, "log", {"seen": seen}, capacity=40_000))
        async with running(app):
            ref = app.session.actor("log")

            def tells(sender):
                for number in range(5000):
                    ref.tell(Remember((sender, number)))

            async with trio.open_nursery() as nursery:
                for sender in range(8):
                    nursery.start_soon(trio.to_thread.run_sync, tells, sender)
            with trio.fail_after(60):
                await ref.ask(Remember("last"), within=60)
            assert dead(app) == []
        assert len(seen) == 40_001
        for sender in range(8):
            assert [number for who, number in seen[:-1] if who == sender] == list(range(5000))

    async def test_what_has_no_room_becomes_a_dead_letter_and_raises_nothing(self, app, diary):
        declare(app, player(diary, "a", capacity=1))
        async with running(app):
            ref = app.session.actor("a")
            release = trio.Event()
            ref.tell(Do(lambda _: release.wait()))
            await settled()

            def tells():
                for number in range(3):
                    ref.tell(Remember(number))

            await trio.to_thread.run_sync(tells)
            release.set()
            await settled()
            assert await ref.ask(Recall()) == [0]
            assert dead(app) == [("a", Remember(1), "overflow"), ("a", Remember(2), "overflow")]

    async def test_what_comes_after_the_end_raises_nothing(self, app, diary):
        declare(app, player(diary, "a"))
        async with running(app):
            ref = app.session.actor("a")
        await trio.to_thread.run_sync(ref.tell, Echo())

    async def test_nor_does_what_comes_while_it_ends(self, app, diary):
        declare(app, player(diary, "a"))
        over, errors = threading.Event(), []

        def tells(ref):
            while not over.is_set():
                try:
                    ref.tell(Echo())
                except Exception as exc:
                    errors.append(exc)

        async with trio.open_nursery() as nursery:
            async with running(app):
                nursery.start_soon(trio.to_thread.run_sync, tells, app.session.actor("a"))
                await trio.sleep(0.05)
            await trio.sleep(0.01)
            over.set()
        assert errors == []

    def test_nor_does_what_comes_when_the_loop_itself_is_gone(self, app, diary):
        declare(app, player(diary, "a"))
        refs = []

        async def main():
            async with running(app):
                refs.append(app.session.actor("a"))

        trio.run(main)
        refs[0].tell(Echo())
        thread = threading.Thread(target=refs[0].tell, args=(Echo(),))
        thread.start()
        thread.join()
        assert not refs[0].is_alive
