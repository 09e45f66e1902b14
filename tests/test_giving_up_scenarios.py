"""When restarting does not help: supervisors that give up, and what becomes of that above them."""

from itertools import repeat

import pytest
import trio

from actors import Restart, one_for_all
from actors.errors import ActorGaveUp
from actors.outcomes import Failed, GaveUp
from helpers import running_virtually
from troupe import LAST, Complete, Diary, WhoAmI, declare, fail, player, pool, settled


async def test_a_supervisor_gives_up_when_restarts_within_the_window_exceed_its_limit(app, autojump_clock):
    diary, errors = Diary(), [ValueError("1"), ValueError("2"), ValueError("3")]
    children = [player(diary, "a", stops_in=1), player(diary, "b"), player(diary, "c", stops_in=1)]
    declare(app, pool(*children, restart=LAST, limit=2, window=10))
    async with running_virtually(app):
        ref, b = app.session.actor("pool"), app.session.actor("pool/b")
        for moment, error in zip((0, 3, 6), errors, strict=True):
            await trio.sleep_until(moment)
            await fail(b, error)
        outcome = await ref.wait_ended()
        assert diary.moments("stopping") == [(0, "pool/b"), (3, "pool/b"), (6, "pool/b"), (6, "pool/c"), (7, "pool/a")]
        assert trio.current_time() == 8
    assert isinstance(outcome, GaveUp)
    assert outcome.failures == tuple(Failed(error) for error in errors)
    assert outcome.errors == tuple(errors)


async def fails_at(app, moments):
    """Have ``pool/it`` fail at these moments, and return whether its supervisor goes on."""
    for moment in moments:
        await trio.sleep_until(moment)
        await fail(app.session.actor("pool/it"), ValueError(str(moment)))
    return app.session.tree()["pool"].state == "running"


async def test_restarts_count_that_lie_as_far_back_as_the_window(app, autojump_clock):
    declare(app, pool(player(Diary(), "it"), limit=2, window=10))
    async with running_virtually(app):
        ref = app.session.actor("pool")
        assert await fails_at(app, [0, 3])
        assert ref.incarnation == 1
        await trio.sleep_until(10)
        await fail(app.session.actor("pool/it"), ValueError("oops"))
        assert ref.incarnation == 2


async def test_restarts_do_not_count_that_lie_farther_back_than_the_window(app, autojump_clock):
    declare(app, pool(player(Diary(), "it"), limit=2, window=10))
    async with running_virtually(app):
        assert await fails_at(app, [0, 3, 10.001])
        assert app.session.actor("pool").incarnation == 1
        assert app.session.actor("pool/it").incarnation == 4


async def test_with_a_limit_of_0_the_first_failure_is_given_up_and_an_end_that_was_meant_does_not_count(app, autojump_clock):
    diary, error = Diary(), ValueError("oops")
    declare(app, pool(player(diary, "a"), player(diary, "b"), restart=LAST, limit=0))
    async with running_virtually(app):
        ref = app.session.actor("pool")
        app.session.actor("pool/a").tell(Complete(1))
        await settled()
        assert app.session.tree()["pool"].state == "running"
        await fail(app.session.actor("pool/b"), error)
        outcome = await ref.wait_ended()
        assert isinstance(outcome, GaveUp)
        assert outcome.errors == (error,)
        assert diary.names("starting") == ["pool/a", "pool/b"]


async def test_an_actor_with_a_limit_of_its_own_is_given_up_by_that_and_may_then_just_stay_down(app, autojump_clock):
    diary = Diary()
    own = Restart.transient(backoff=0, limit=1, window=10, then="stop")
    declare(app, pool(player(diary, "a"), player(diary, "b", restart=own)))
    async with running_virtually(app):
        ref = app.session.actor("pool/b")
        await fail(ref, ValueError("1"))
        assert ref.is_alive
        await fail(ref, ValueError("2"))
        assert not ref.is_alive
        assert app.session.tree()["pool"].state == "running"
        assert diary.of("pool/a") == ["starting", "started"]


async def test_a_transient_supervisor_that_gave_up_is_restarted_by_the_one_above(app, autojump_clock):
    diary = Diary()
    inner = pool(player(diary, "a"), player(diary, "b"), name="inner", limit=0)
    declare(app, pool(inner, name="outer", limit=1))
    async with running_virtually(app):
        await fail(app.session.actor("outer/inner/b"), ValueError("oops"))
        assert app.session.actor("outer/inner").incarnation == 2
        assert app.session.actor("outer").incarnation == 1
        assert await app.session.actor("outer/inner/b").ask(WhoAmI()) == ("outer/inner/b", 2)
        assert diary.lives == [
            *("+outer/inner/a", "+outer/inner/b"),
            *("-outer/inner/b", "-outer/inner/a"),
            *("+outer/inner/a", "+outer/inner/b"),
        ]


async def test_a_supervisor_gives_up_for_one_below_that_gave_up_too_often(app, autojump_clock):
    inner = pool(player(Diary(), "it"), name="inner", limit=0)
    declare(app, pool(inner, name="outer", limit=1, restart=LAST))
    async with running_virtually(app):
        outer = app.session.actor("outer")
        await fail(app.session.actor("outer/inner/it"), ValueError("1"))
        await fail(app.session.actor("outer/inner/it"), ValueError("2"))
        outcome = await outer.wait_ended()
    assert isinstance(outcome, GaveUp)
    assert [type(failure) for failure in outcome.failures] == [GaveUp, GaveUp]


async def test_more_than_ten_restarts_within_a_minute_at_the_top_end_the_app_in_order(app, autojump_clock):
    diary = Diary()
    declare(app, player(diary, "a", stops_in=1), player(diary, "b"), player(diary, "c", stops_in=1))

    async def run():
        async with running_virtually(app) as running:
            for number in range(11):
                assert not running.system.is_ending
                await fail(app.session.actor("b"), ValueError(str(number)))
            await running.system.wait_ended()

    with pytest.raises(ActorGaveUp, match=r"^the actors of the app gave up: b: more than 10 restarts") as caught:
        await run()
    assert isinstance(caught.value.__cause__, ExceptionGroup)
    assert "10" in str(caught.value.__cause__.exceptions[-1])
    assert diary.moments("stopped")[-2:] == [(1, "c"), (2, "a")]


async def test_ten_restarts_within_a_minute_at_the_top_are_borne(app, autojump_clock):
    declare(app, player(Diary(), "a"), player(Diary(), "b"))
    async with running_virtually(app) as running:
        for number in range(10):
            await fail(app.session.actor("ab"[number % 2]), ValueError(str(number)))
        assert not running.system.is_ending
        await trio.sleep(60.001)
        await fail(app.session.actor("a"), ValueError("much later"))
        assert app.session.actor("a").incarnation == 7


async def test_a_rule_has_a_failure_go_to_the_one_above(app, autojump_clock):
    error = ValueError("oops")
    declare(app, pool(player(Diary(), "it", restart=Restart.transient(rules={ValueError: "escalate"})), restart=LAST))
    async with running_virtually(app):
        ref = app.session.actor("pool")
        await fail(app.session.actor("pool/it"), error)
        outcome = await ref.wait_ended()
    assert isinstance(outcome, GaveUp)
    assert outcome.errors == (error,)


async def test_an_actor_that_fails_for_ever_at_its_start_is_given_up_with_all_its_failures(app, autojump_clock):
    diary, first, no = Diary(), ValueError("oops"), ValueError("no more")
    refusals = (error for errors in ([None], repeat(no)) for error in errors)
    declare(app, pool(player(diary, "it", refusals=refusals), limit=3, restart=LAST))
    async with running_virtually(app):
        ref = app.session.actor("pool")
        await fail(app.session.actor("pool/it"), first)
        outcome = await ref.wait_ended()
    assert isinstance(outcome, GaveUp)
    assert outcome.errors == (first, no, no, no)
    assert diary.names("stopping") == ["pool/it"]


async def test_none_is_started_after_a_child_that_is_given_up(app, autojump_clock):
    diary = Diary()
    a, c = player(diary, "a"), player(diary, "c")
    b = player(diary, "b", refusals=[None, ValueError("cannot start")])
    declare(app, pool(a, b, c, strategy=one_for_all, limit=1, restart=LAST))
    async with running_virtually(app):
        ref = app.session.actor("pool")
        await fail(app.session.actor("pool/b"), ValueError("oops"))
        assert isinstance(await ref.wait_ended(), GaveUp)
    assert diary.names("starting") == ["pool/a", "pool/b", "pool/c", "pool/a", "pool/b"]
