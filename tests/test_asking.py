"""Asking: answers, errors and the want of them, time that travels with a question, and who does not wait any more."""

import random
from contextlib import suppress
from dataclasses import dataclass

import pytest
import trio

from actors import Actor, ActorSpec, Decline, Message, Restart, handler
from actors.errors import (
    ActorError,
    ActorFailed,
    ActorRestarting,
    ActorStopped,
    AskTimeout,
    NoReply,
    UnexpectedMessage,
)
from askers import asking, dead
from helpers import running_virtually
from troupe import AT_ONCE, Diary, Do, Echo, Fail, Player, Recall, Remember, Sleep, WhoAmI, declare, player, settled

SLOWLY = Restart.transient(backoff=10, jitter=0)


@pytest.fixture
def diary():
    return Diary()


@dataclass(frozen=True)
class Find(Message[int]):
    """Answer with an int, as the function says how."""

    how: object


class Finder(Actor):
    """Answers what it is told to, or not."""

    @handler(raises=(KeyError,))
    async def find(self, message: Find):
        return message.how(self)

    @handler()
    async def who_am_i(self, message: WhoAmI):
        return self.ctx.name, self.ctx.incarnation


def raising(error):
    def raises(_):
        raise error

    return raises


class TestAnswers:
    async def test_it_is_what_the_handler_returns(self, app, diary, autojump_clock):
        declare(app, player(diary, "a"))
        async with running_virtually(app):
            ref = app.session.actor("a")
            assert await ref.ask(Echo(42)) == 42
            assert await ref.ask(Echo(None)) is None

    async def test_an_error_of_the_handler_is_raised_at_once_and_fails_the_actor(self, app, diary, autojump_clock):
        declare(app, player(diary, "a"))
        error = ValueError("no")
        async with running_virtually(app):
            ref = app.session.actor("a")
            with pytest.raises(ActorFailed, match="actor 'a' failed on Fail: ValueError: no") as caught:
                await ref.ask(Fail(error))
            assert caught.value.__cause__ is error
            assert await ref.ask(WhoAmI()) == ("a", 2)
        assert trio.current_time() == 0

    async def test_an_error_that_is_declared_is_an_answer(self, app, autojump_clock):
        app.actor(Finder, "finder")
        async with running_virtually(app):
            ref = app.session.actor("finder")
            with pytest.raises(KeyError, match="it"):
                await ref.ask(Find(raising(KeyError("it"))))
            assert await ref.ask(WhoAmI()) == ("finder", 1)

    async def test_one_that_is_told_and_raises_what_is_declared_does_not_fail_either(self, app, autojump_clock):
        app.actor(Finder, "finder")
        async with running_virtually(app):
            ref = app.session.actor("finder")
            ref.tell(Find(raising(KeyError("it"))))
            assert await ref.ask(WhoAmI()) == ("finder", 1)

    async def test_none_where_an_answer_is_promised_is_an_error_at_once(self, app, autojump_clock):
        app.actor(Finder, "finder")
        async with running_virtually(app):
            ref = app.session.actor("finder")
            with pytest.raises(NoReply) as caught:
                await ref.ask(Find(lambda _: None))
            assert (caught.value.actor, caught.value.message) == ("finder", "Find")
            assert trio.current_time() == 0
            assert await ref.ask(Find(lambda _: 1)) == 1

    async def test_a_message_that_the_actor_does_not_take_is_refused_where_it_is_sent(self, app, autojump_clock):
        app.actor(Finder, "finder")
        async with running_virtually(app):
            ref = app.session.actor("finder")
            with pytest.raises(UnexpectedMessage, match="actor 'finder' takes no Echo"):
                ref.tell(Echo())
            with pytest.raises(UnexpectedMessage):
                await ref.ask(Echo())
            with pytest.raises(UnexpectedMessage):
                await ref.send(Echo())
            assert dead(app) == []


class TestWhoCannotAnswer:
    async def test_one_that_has_ended_refuses_at_once(self, app, diary, autojump_clock):
        declare(app, player(diary, "a"))
        async with running_virtually(app):
            ref = app.session.actor("a")
            await ref.stop("enough")
            with pytest.raises(ActorStopped, match="actor 'a' takes no messages: it has ended: stopped by the program: enough"):
                await ref.ask(Echo())
            with pytest.raises(ActorStopped):
                await ref.send(Echo())
        assert trio.current_time() == 0

    async def test_one_that_ends_refuses_at_once(self, app, diary, autojump_clock):
        declare(app, player(diary, "a", stops_in=2))
        async with running_virtually(app), trio.open_nursery() as nursery:
            ref = app.session.actor("a")
            nursery.start_soon(ref.stop)
            await trio.sleep(1)
            asker = await asking(nursery, ref, Echo())
            assert (str(asker.error), asker.at) == ("actor 'a' takes no messages: it is ending", 1)

    async def test_one_that_declined_to_begin_refuses_at_once(self, app, diary, autojump_clock):
        declare(app, player(diary, "a", refusals=[Decline("not today")]))
        async with running_virtually(app):
            with pytest.raises(ActorStopped, match="not today"):
                await app.session.actor("a").ask(Echo())

    async def test_one_that_is_restarted_answers_when_it_is_back(self, app, diary, autojump_clock):
        declare(app, player(diary, "a", restart=SLOWLY))
        async with running_virtually(app):
            ref = app.session.actor("a")
            ref.tell(Fail(ValueError("no")))
            assert await ref.ask(WhoAmI(), within=20) == ("a", 2)
            assert trio.current_time() == 10

    async def test_one_that_is_restarted_may_refuse_at_once(self, app, diary, autojump_clock):
        declare(app, player(diary, "a", restart=SLOWLY, while_restarting="reject"))
        async with running_virtually(app):
            ref = app.session.actor("a")
            ref.tell(Fail(ValueError("no")))
            await settled()
            with pytest.raises(ActorRestarting, match=r"actor 'a' is being restarted, since it failed: ValueError: no"):
                await ref.ask(WhoAmI(), within=20)
            with pytest.raises(ActorRestarting):
                await ref.send(WhoAmI())
            assert trio.current_time() == 0
            await ref.wait_ready()
            assert await ref.ask(WhoAmI()) == ("a", 2)

    async def test_what_waits_when_the_actor_fails_for_good_is_refused_at_once(self, app, diary, autojump_clock):
        async with running_virtually(app), trio.open_nursery() as nursery:
            ref = await app.session.spawn(Player, "a", {"diary": diary}, restart=Restart.temporary())
            ref.tell(Sleep(1))
            ref.tell(Fail(ValueError("no")))
            asker = await asking(nursery, ref, Echo(), within=50)
        assert (type(asker.error), asker.at) == (ActorStopped, 1)

    async def test_one_that_stops_in_the_same_instant_answers_or_refuses_and_never_lets_wait(
        self, app, diary, seed, autojump_clock
    ):
        chance = random.Random(seed)
        async with running_virtually(app):
            for _ in range(100):
                ref = await app.session.spawn(Player, "a", {"diary": diary})
                turns = [chance.randrange(4) for _ in range(2)]
                async with trio.open_nursery() as nursery:
                    for turn in range(4):
                        if turn == turns[0]:
                            nursery.start_soon(answers_or_refuses, ref)
                        if turn == turns[1]:
                            nursery.start_soon(ref.stop)
                        await trio.lowlevel.checkpoint()
        assert trio.current_time() == 0


async def answers_or_refuses(ref):
    with suppress(ActorStopped):
        assert await ref.ask(Echo("answer")) == "answer"


class TestTime:
    async def test_it_is_over_at_exactly_that_moment(self, app, diary, autojump_clock):
        declare(app, player(diary, "a"))
        async with running_virtually(app):
            with pytest.raises(AskTimeout, match=r"actor 'a' did not answer Sleep within 2 s: ") as caught:
                await app.session.actor("a").ask(Sleep(100), within=2)
            assert trio.current_time() == 2
            assert isinstance(caught.value, TimeoutError)
            assert (caught.value.actor, caught.value.message, caught.value.within) == ("a", "Sleep", 2)

    async def test_it_is_five_seconds_where_nobody_says(self, app, diary, autojump_clock):
        declare(app, player(diary, "a"))
        async with running_virtually(app):
            with pytest.raises(AskTimeout):
                await app.session.actor("a").ask(Sleep(100))
            assert trio.current_time() == 5

    async def test_the_error_tells_whether_the_message_waited_or_was_dealt_with(self, app, diary, autojump_clock):
        declare(app, player(diary, "a"))
        async with running_virtually(app), trio.open_nursery() as nursery:
            ref = app.session.actor("a")
            first = await asking(nursery, ref, Sleep(100), within=3)
            second = await asking(nursery, ref, Echo(), within=2)
        assert first.error.state != second.error.state
        assert "Sleep" in second.error.state  # what it was at instead

    async def test_a_late_answer_is_not_taken_for_that_of_a_later_question(self, app, diary, autojump_clock):
        class Slow(Actor):
            @handler(on_deadline="finish")
            async def receive(self, message: Echo):
                await trio.sleep(3)
                return message.value

        declare(app, ActorSpec(Slow, "slow"))
        async with running_virtually(app):
            ref = app.session.actor("slow")
            with pytest.raises(AskTimeout):
                await ref.ask(Echo("late"), within=2)
            assert await ref.ask(Echo("next")) == "next"
            assert trio.current_time() == 6
            assert dead(app) == []

    async def test_a_question_that_expires_while_it_waits_is_dropped_unread(self, app, diary, autojump_clock):
        declare(app, player(diary, "a"))
        async with running_virtually(app):
            ref = app.session.actor("a")
            ref.tell(Sleep(3))
            with pytest.raises(AskTimeout):
                await ref.ask(Remember("asked"), within=2)
            assert await ref.ask(Recall()) == []
            assert dead(app) == [("a", Remember("asked"), "expired")]

    async def test_so_is_one_that_was_told_with_a_time(self, app, diary, autojump_clock):
        declare(app, player(diary, "a"))
        async with running_virtually(app):
            ref = app.session.actor("a")
            ref.tell(Sleep(3))
            ref.tell(Remember("in time"), within=4)
            ref.tell(Remember("too late"), within="2 seconds")
            assert await ref.ask(Recall()) == ["in time"]
            assert dead(app) == [("a", Remember("too late"), "expired")]

    async def test_what_is_told_without_a_time_never_expires(self, app, diary, autojump_clock):
        declare(app, player(diary, "a"))
        async with running_virtually(app):
            ref = app.session.actor("a")
            ref.tell(Sleep(10_000))
            ref.tell(Remember("old"))
            assert await ref.ask(Recall(), within=20_000) == ["old"]

    async def test_all_of_a_chain_of_questions_end_with_the_time_of_the_first(self, app, diary, autojump_clock):
        def passes_on(*names):
            """Ask the first of these actors to ask the next, and so on; the last one sleeps."""
            if not names:
                return Sleep(100)
            return Do(lambda _: app.session.actor(names[0]).ask(passes_on(*names[1:]), within=60))

        for name in "abcd":
            declare(app, player(diary, name))
        async with running_virtually(app):
            with pytest.raises(AskTimeout) as caught:
                await app.session.actor("a").ask(passes_on("b", "c", "d"), within=1)
            assert (caught.value.actor, trio.current_time()) == ("a", 1)
            await settled()
            assert [app.session.tree()[name].current for name in "abcd"] == [None] * 4
            for name in "abcd":
                assert await app.session.actor(name).ask(WhoAmI()) == (name, 1)
            assert trio.current_time() == 1

    async def test_the_deadline_of_a_scope_around_travels_too(self, app, diary, autojump_clock):
        declare(app, player(diary, "a"))
        async with running_virtually(app):
            ref = app.session.actor("a")
            with trio.move_on_after(2) as scope:
                await ref.ask(Do(lambda actor: notes_deadline(diary, actor)), within=50)
            assert scope.cancelled_caught
            await settled()
            assert app.session.tree()["a"].current is None
            assert (diary.of("a")[-1], trio.current_time()) == (2, 2)

    async def test_the_handler_sees_the_time_it_has(self, app, diary, autojump_clock):
        declare(app, player(diary, "a"))
        async with running_virtually(app):
            ref = app.session.actor("a")
            assert await ref.ask(Do(lambda actor: actor.ctx.deadline), within=7) == 7
            ref.tell(Do(lambda actor: diary.note("a", actor.ctx.deadline)))
            await settled()
            assert diary.of("a")[-1] == float("inf")


async def notes_deadline(diary, actor):
    diary.note("a", actor.ctx.deadline)
    await trio.sleep(100)


class Worker(Actor):
    """Works for ten seconds in one of three ways, and notes how that ended."""

    def __init__(self, diary):
        self.diary = diary

    async def on_stop(self, why):
        self.diary.note(self.ctx.name, why)

    @handler()
    async def who_am_i(self, message: WhoAmI):
        return self.ctx.name, self.ctx.incarnation

    async def work(self):
        try:
            await trio.sleep(10)
            self.diary.note(self.ctx.name, "finished")
        except trio.Cancelled:
            self.diary.note(self.ctx.name, "cancelled")
            raise


@dataclass(frozen=True)
class Work(Message[None]):
    """Work."""


def worker(diary, **policies):
    """Return the declaration of a worker whose handler has these policies."""

    class Works(Worker):
        @handler(**policies)
        async def do(self, message: Work):
            await self.work()

    return ActorSpec(Works, "worker", {"diary": diary}, restart=AT_ONCE)


class TestWhoDoesNotWaitAnyMore:
    async def test_a_question_that_waits_is_taken_back(self, app, diary, autojump_clock):
        declare(app, player(diary, "a"))
        async with running_virtually(app), trio.open_nursery() as nursery:
            ref = app.session.actor("a")
            ref.tell(Sleep(3))
            asker = await asking(nursery, ref, Remember("asked"))
            asker.give_up()
            await settled()
            assert app.session.tree()["a"].waiting == 0
            assert dead(app) == [("a", Remember("asked"), "withdrawn")]
            assert await ref.ask(Recall()) == []

    @pytest.mark.parametrize(
        ("policy", "noted", "incarnation"), [("finish", "finished", 1), ("cancel", "cancelled", 1), ("restart", "cancelled", 2)]
    )
    async def test_what_becomes_of_the_handler_is_declared(self, app, diary, policy, noted, incarnation, autojump_clock):
        declare(app, worker(diary, on_caller_gone=policy))
        async with running_virtually(app), trio.open_nursery() as nursery:
            ref = app.session.actor("worker")
            asker = await asking(nursery, ref, Work(), within=60)
            await trio.sleep(1)
            asker.give_up()
            assert await ref.ask(WhoAmI(), within=60) == ("worker", incarnation)
            assert diary.of("worker")[0] == noted
            assert trio.current_time() == (10 if policy == "finish" else 1)

    @pytest.mark.parametrize(
        ("policy", "noted", "incarnation"), [("finish", "finished", 1), ("cancel", "cancelled", 1), ("restart", "cancelled", 2)]
    )
    async def test_what_becomes_of_it_when_its_time_is_over_too(self, app, diary, policy, noted, incarnation, autojump_clock):
        declare(app, worker(diary, on_deadline=policy))
        async with running_virtually(app):
            ref = app.session.actor("worker")
            with pytest.raises(AskTimeout):
                await ref.ask(Work(), within=1)
            assert trio.current_time() == 1
            assert await ref.ask(WhoAmI(), within=60) == ("worker", incarnation)
            assert diary.of("worker")[0] == noted
            assert trio.current_time() == (10 if policy == "finish" else 1)

    async def test_by_default_a_handler_goes_on_without_the_caller_and_is_cancelled_when_its_time_is_over(
        self, app, diary, autojump_clock
    ):
        declare(app, worker(diary))
        async with running_virtually(app), trio.open_nursery() as nursery:
            ref = app.session.actor("worker")
            asker = await asking(nursery, ref, Work(), within=60)
            asker.give_up()
            assert await ref.ask(WhoAmI(), within=60) == ("worker", 1)
            with pytest.raises(AskTimeout):
                await ref.ask(Work(), within=1)
            await ref.ask(WhoAmI())
        assert diary.of("worker")[:2] == ["finished", "cancelled"]

    async def test_a_handler_that_is_cancelled_so_ends_what_it_asked_others(self, app, diary, autojump_clock):
        declare(app, worker(diary, on_caller_gone="cancel"))

        class Asks(Worker):
            @handler(on_caller_gone="cancel")
            async def do(self, message: Work):
                await self.ctx.lookup("worker").ask(message, within=60)

        declare(app, ActorSpec(Asks, "first", {"diary": diary}))
        async with running_virtually(app), trio.open_nursery() as nursery:
            asker = await asking(nursery, app.session.actor("first"), Work(), within=60)
            asker.give_up()
            assert await app.session.actor("first").ask(WhoAmI()) == ("first", 1)
            assert await app.session.actor("worker").ask(WhoAmI()) == ("worker", 1)
            assert trio.current_time() == 0
        assert diary.of("worker")[0] == "cancelled"


class TestLater:
    """Answers that are put off."""

    async def test_they_are_given_when_the_actor_can(self, app, diary, autojump_clock):
        answers = []
        declare(app, player(diary, "a"))
        async with running_virtually(app), trio.open_nursery() as nursery:
            ref = app.session.actor("a")
            first = await asking(nursery, ref, Do(lambda actor: answers.append(actor.ctx.later())))
            second = await asking(nursery, ref, Do(lambda actor: answers.append(actor.ctx.later())))
            assert (first.at, second.at) == (None, None)
            await trio.sleep(1)
            answers[1].give("second")
            answers[0].give("first")
        assert [(asker.answer, asker.at) for asker in (first, second)] == [("first", 1), ("second", 1)]

    async def test_they_may_be_errors_and_the_actor_does_not_fail(self, app, diary, autojump_clock):
        answers = []
        declare(app, player(diary, "a"))
        async with running_virtually(app), trio.open_nursery() as nursery:
            ref = app.session.actor("a")
            asker = await asking(nursery, ref, Do(lambda actor: answers.append(actor.ctx.later())))
            answers[0].refuse(KeyError("it"))
            await settled()
            assert await ref.ask(WhoAmI()) == ("a", 1)
        assert repr(asker.error) == "KeyError('it')"

    async def test_each_is_given_once(self, app, diary, autojump_clock):
        answers = []
        declare(app, player(diary, "a"))
        async with running_virtually(app), trio.open_nursery() as nursery:
            asker = await asking(nursery, app.session.actor("a"), Do(lambda actor: answers.append(actor.ctx.later())))
            answers[0].give("first")
            answers[0].give("second")
            answers[0].refuse(KeyError("third"))
        assert asker.answer == "first"

    async def test_the_time_of_the_question_holds_meanwhile(self, app, diary, autojump_clock):
        answers = []
        declare(app, player(diary, "a"))
        async with running_virtually(app):
            ref = app.session.actor("a")
            with pytest.raises(AskTimeout):
                await ref.ask(Do(lambda actor: answers.append(actor.ctx.later())), within=2)
            assert trio.current_time() == 2
            answers[0].give("late")
            assert await ref.ask(Echo("next")) == "next"

    async def test_a_message_that_was_told_has_nobody_to_answer(self, app, diary, autojump_clock):
        declare(app, player(diary, "a"))
        async with running_virtually(app):
            ref = app.session.actor("a")
            ref.tell(Do(lambda actor: actor.ctx.later().give("nobody")))
            assert await ref.ask(Echo("next")) == "next"

    async def test_those_who_wait_for_one_when_the_actor_ends_hear_that_none_comes(self, app, diary, autojump_clock):
        declare(app, player(diary, "a"))
        async with running_virtually(app), trio.open_nursery() as nursery:
            ref = app.session.actor("a")
            asker = await asking(nursery, ref, Do(lambda actor: actor.ctx.later() and None))
            await ref.stop()
        assert (type(asker.error), asker.error.actor) == (NoReply, "a")

    async def test_so_do_they_when_it_fails(self, app, diary, autojump_clock):
        declare(app, player(diary, "a"))
        async with running_virtually(app), trio.open_nursery() as nursery:
            ref = app.session.actor("a")
            asker = await asking(nursery, ref, Do(lambda actor: actor.ctx.later() and None))
            ref.tell(Fail(ValueError("no")))
            await settled()
            assert isinstance(asker.error, ActorError)
            assert asker.at == 0

    async def test_an_answer_of_a_life_that_is_over_changes_nothing(self, app, diary, autojump_clock):
        answers = []
        declare(app, player(diary, "a"))
        async with running_virtually(app), trio.open_nursery() as nursery:
            ref = app.session.actor("a")
            await asking(nursery, ref, Do(lambda actor: answers.append(actor.ctx.later())))
            ref.tell(Fail(ValueError("no")))
            await settled()
            answers[0].give("of the first life")
            assert await ref.ask(WhoAmI()) == ("a", 2)
