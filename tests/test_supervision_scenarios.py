"""What a supervisor does about all its children: strategies, failures that meet, ends of groups, and what no restart keeps."""

import pytest
import trio

from actors import Restart, one_for_all, rest_for_one
from actors.errors import UnknownActor
from actors.outcomes import Completed, Failed, GaveUp, Stopped
from helpers import running_virtually
from troupe import LAST, Complete, Diary, Do, Echo, Fail, Quit, Spawn, declare, fail, player, pool, settled


def players(diary, names, **options):
    return [player(diary, name, **options) for name in names]


def incarnations(app, supervisor="pool"):
    """Return which life it is of each child."""
    return [child.incarnation for child in app.session.tree()[supervisor].children]


async def test_one_for_all_stops_the_others_in_reverse_and_starts_all_again_in_order(app, autojump_clock, seed):
    diary = Diary()
    declare(app, pool(*players(diary, "abc", starts_in=1, stops_in=1), strategy=one_for_all))
    async with running_virtually(app):
        diary.clear()
        await fail(app.session.actor("pool/b"), ValueError("oops"))
        await trio.sleep(20)
        assert diary.moments("stopped") == [(4, "pool/b"), (5, "pool/c"), (6, "pool/a")]
        assert diary.moments("started") == [(7, "pool/a"), (8, "pool/b"), (9, "pool/c")]
        assert incarnations(app) == [2, 2, 2]
        assert isinstance(diary.whys("pool/b")[0], Failed)
        assert isinstance(diary.whys("pool/a")[0], Stopped)


async def test_a_restart_of_all_counts_once(app, autojump_clock, seed):
    first, second = ValueError("1"), ValueError("2")
    declare(app, pool(*players(Diary(), "abc"), strategy=one_for_all, limit=1, restart=LAST))
    async with running_virtually(app):
        ref = app.session.actor("pool")
        await fail(app.session.actor("pool/b"), first)
        assert incarnations(app) == [2, 2, 2]
        await fail(app.session.actor("pool/a"), second)
        outcome = await ref.wait_ended()
    assert isinstance(outcome, GaveUp)
    assert outcome.errors == (first, second)


async def test_rest_for_one_leaves_those_alone_that_were_started_before(app, autojump_clock, seed):
    diary = Diary()
    declare(app, pool(*players(diary, "abcd", stops_in=1), strategy=rest_for_one))
    async with running_virtually(app):
        diary.clear()
        await fail(app.session.actor("pool/b"), ValueError("oops"))
        await trio.sleep(20)
        assert diary.moments("stopped") == [(1, "pool/b"), (2, "pool/d"), (3, "pool/c")]
        assert diary.names("started") == ["pool/b", "pool/c", "pool/d"]
        assert incarnations(app) == [1, 2, 2, 2]


async def test_one_for_one_leaves_all_others_alone(app, autojump_clock, seed):
    diary = Diary()
    declare(app, pool(*players(diary, "abc")))
    async with running_virtually(app):
        diary.clear()
        await fail(app.session.actor("pool/b"), ValueError("oops"))
        assert diary.lives == ["-pool/b", "+pool/b"]
        assert incarnations(app) == [1, 2, 1]


async def test_where_one_fails_to_start_again_one_for_all_begins_all_over(app, autojump_clock, seed):
    diary = Diary()
    c = player(diary, "c", refusals=[None, ValueError("not yet")])
    declare(app, pool(*players(diary, "ab"), c, strategy=one_for_all, limit=2))
    async with running_virtually(app):
        diary.clear()
        await fail(app.session.actor("pool/b"), ValueError("oops"))
        assert diary.lives == [
            *("-pool/b", "-pool/c", "-pool/a"),
            *("+pool/a", "+pool/b"),
            *("-pool/b", "-pool/a"),
            *("+pool/a", "+pool/b", "+pool/c"),
        ]
        assert app.session.tree()["pool"].state == "running"


async def test_each_time_that_one_for_all_begins_over_counts(app, autojump_clock, seed):
    oops, no = ValueError("oops"), ValueError("not yet")
    c = player(Diary(), "c", refusals=[None, no, no, no])
    declare(app, pool(*players(Diary(), "ab"), c, strategy=one_for_all, limit=2, restart=LAST))
    async with running_virtually(app):
        ref = app.session.actor("pool")
        await fail(app.session.actor("pool/b"), oops)
        outcome = await ref.wait_ended()
    assert isinstance(outcome, GaveUp)
    assert outcome.errors == (oops, no, no)


async def test_where_one_fails_to_start_again_rest_for_one_goes_on_from_there(app, autojump_clock, seed):
    diary = Diary()
    c = player(diary, "c", refusals=[None, ValueError("not yet")])
    declare(app, pool(*players(diary, "ab"), c, player(diary, "d"), strategy=rest_for_one))
    async with running_virtually(app):
        diary.clear()
        await fail(app.session.actor("pool/b"), ValueError("oops"))
        assert diary.lives == ["-pool/b", "-pool/d", "-pool/c", "+pool/b", "+pool/c", "+pool/d"]
        assert app.session.actor("pool/b").incarnation == 2


async def test_a_temporary_child_that_was_stopped_for_another_is_not_started_again_but_forgotten(app, autojump_clock, seed):
    diary = Diary()
    bystander = player(diary, "bystander", restart=Restart.temporary())
    declare(app, pool(player(diary, "a"), bystander, player(diary, "b"), strategy=one_for_all))
    async with running_virtually(app):
        diary.clear()
        await fail(app.session.actor("pool/b"), ValueError("oops"))
        assert diary.lives == ["-pool/b", "-pool/bystander", "-pool/a", "+pool/a", "+pool/b"]
        assert [child.name for child in app.session.tree()["pool"].children] == ["pool/a", "pool/b"]
        with pytest.raises(UnknownActor):
            app.session.actor("pool/bystander")


async def test_a_temporary_child_that_fails_concerns_no_other(app, autojump_clock, seed):
    diary = Diary()
    declare(app, pool(player(diary, "a"), player(diary, "t", restart=Restart.temporary()), strategy=one_for_all, limit=0))
    async with running_virtually(app):
        await fail(app.session.actor("pool/t"), ValueError("oops"))
        assert incarnations(app) == [1]
        assert app.session.tree()["pool"].state == "running"


async def test_a_child_that_somebody_stopped_is_left_so_by_a_restart_of_all(app, autojump_clock, seed):
    diary = Diary()
    declare(app, pool(*players(diary, "abc"), strategy=one_for_all))
    async with running_virtually(app):
        await app.session.actor("pool/a").stop()
        diary.clear()
        await fail(app.session.actor("pool/b"), ValueError("oops"))
        assert diary.lives == ["-pool/b", "-pool/c", "+pool/b", "+pool/c"]


async def test_children_that_were_spawned_are_supervised_like_the_others(app, autojump_clock, seed):
    diary = Diary()
    declare(app, pool(player(diary, "a"), strategy=one_for_all))
    async with running_virtually(app):
        spec = player(diary, "b")
        ref = await app.session.actor("pool").spawn(spec.factory, spec.name, spec.args, restart=spec.restart)
        await fail(app.session.actor("pool/a"), ValueError("oops"))
        assert ref.is_alive
        assert incarnations(app) == [2, 2]


async def test_a_child_that_starts_when_all_are_restarted_has_been_spawned_once_it_has_started_again(app, autojump_clock, seed):
    diary = Diary()
    declare(app, pool(player(diary, "a"), strategy=one_for_all))
    async with running_virtually(app), trio.open_nursery() as nursery:

        async def spawn():
            spec = player(diary, "b", starts_in=10)
            ref = await app.session.actor("pool").spawn(spec.factory, spec.name, spec.args, restart=spec.restart)
            assert trio.current_time() == 11
            assert await ref.ask(Echo("hello")) == "hello"

        nursery.start_soon(spawn)
        await trio.sleep(1)
        await fail(app.session.actor("pool/a"), ValueError("oops"))
        assert diary.times("pool/b", "starting") == [0, 1]


async def test_a_child_that_somebody_stops_while_it_is_stopped_for_another_stays_down(app, autojump_clock, seed):
    declare(app, pool(player(Diary(), "a", stops_in=3), player(Diary(), "b"), strategy=one_for_all))
    async with running_virtually(app):
        await fail(app.session.actor("pool/b"), ValueError("oops"))
        assert isinstance(await app.session.actor("pool/a").stop(), Stopped)
        assert trio.current_time() == 3
        await trio.sleep(10)
        assert [child.state for child in app.session.tree()["pool"].children] == ["stopped", "running"]


async def test_a_child_that_somebody_stops_when_another_fails_stays_down(app, autojump_clock, seed):
    declare(app, pool(player(Diary(), "a", stops_in=3), player(Diary(), "b"), strategy=one_for_all))
    async with running_virtually(app), trio.open_nursery() as nursery:
        nursery.start_soon(app.session.actor("pool/a").stop)
        await trio.sleep(1)
        await fail(app.session.actor("pool/b"), ValueError("oops"))
        await trio.sleep(10)
        assert [child.state for child in app.session.tree()["pool"].children] == ["stopped", "running"]


async def test_children_of_an_actor_are_supervised_one_for_one(app, autojump_clock, seed):
    diary = Diary()
    declare(app, player(diary, "above"))
    async with running_virtually(app):
        above = app.session.actor("above")
        refs = [await above.ask(Spawn(player(diary, name))) for name in "ab"]
        await fail(refs[0], ValueError("oops"))
        assert [ref.incarnation for ref in (above, *refs)] == [1, 2, 1]


@pytest.mark.parametrize("strategy", [one_for_all, rest_for_one])
async def test_children_that_fail_in_the_same_moment_all_run_in_the_end(app, autojump_clock, seed, strategy):
    declare(app, pool(*players(Diary(), "abcd"), strategy=strategy, limit=2))
    async with running_virtually(app):
        refs = [app.session.actor(f"pool/{name}") for name in "abcd"]
        refs[1].tell(Fail(ValueError("b")))
        refs[2].tell(Fail(ValueError("c")))
        await settled()
        assert [child.state for child in app.session.tree()["pool"].children] == ["running"] * 4
        assert [await ref.ask(Echo(ref.name)) for ref in refs] == [ref.name for ref in refs]
        assert incarnations(app)[0] == (1 if strategy is rest_for_one else incarnations(app)[3])


async def test_children_that_fail_in_the_same_moment_are_each_restarted(app, autojump_clock, seed):
    declare(app, pool(*players(Diary(), "abc"), limit=2))
    async with running_virtually(app):
        for name in "ac":
            app.session.actor(f"pool/{name}").tell(Fail(ValueError(name)))
        await settled()
        assert incarnations(app) == [2, 1, 2]


async def test_of_children_that_fail_in_the_same_moment_no_failure_is_lost(app, autojump_clock, seed):
    errors = [ValueError("a"), ValueError("c")]
    declare(app, pool(*players(Diary(), "abc"), limit=1, restart=LAST))
    async with running_virtually(app):
        ref = app.session.actor("pool")
        for name, error in zip("ac", errors, strict=True):
            app.session.actor(f"pool/{name}").tell(Fail(error))
        outcome = await ref.wait_ended()
    assert isinstance(outcome, GaveUp)
    assert set(outcome.errors) == set(errors)


async def test_a_child_that_fails_while_it_is_stopped_is_not_restarted_and_costs_the_others_no_time(app, autojump_clock, seed):
    diary, error = Diary(), ValueError("oops")
    b = player(diary, "b", stops_in=1, stop_error=error)
    declare(app, pool(player(diary, "a", stops_in=3), b, player(diary, "c", stops_in=3), restart=LAST))
    async with running_virtually(app):
        refs = {name: app.session.actor(f"pool/{name}") for name in "abc"}
        outcome = await app.session.actor("pool").stop()
        assert isinstance(outcome, Stopped)
        assert diary.moments("stopped") == [(3, "pool/c"), (7, "pool/a")]
        assert await refs["b"].wait_ended() == Failed(error, during_stop=True)
        assert isinstance(await refs["a"].wait_ended(), Stopped)
        assert len(diary.names("starting")) == 3


async def test_a_child_that_fails_on_its_last_message_is_not_restarted(app, autojump_clock, seed):
    diary, error = Diary(), ValueError("oops")

    async def fail_in_the_end(actor):
        await trio.sleep(2)
        raise error

    declare(app, pool(player(diary, "a", stops_in=1), player(diary, "b")))
    async with running_virtually(app):
        ref = app.session.actor("pool/b")
        ref.tell(Do(fail_in_the_end))
        await settled()
        await app.session.actor("pool").stop()
        assert await ref.wait_ended() == Failed(error, during_stop=True)
        assert diary.moments("stopped") == [(2, "pool/b"), (3, "pool/a")]
        assert len(diary.names("starting")) == 2


async def test_a_child_that_fails_while_another_is_stopped_is_not_restarted(app, autojump_clock, seed):
    diary = Diary()
    declare(app, pool(player(diary, "a"), player(diary, "b", stops_in=4)))
    async with running_virtually(app), trio.open_nursery() as nursery:
        ref = app.session.actor("pool/a")
        nursery.start_soon(app.session.actor("pool").stop)
        await trio.sleep(1)
        await fail(ref, ValueError("oops"))
        await app.session.actor("pool").wait_ended()
        assert diary.times("pool/b", "stopped") == [4]
        assert isinstance(await ref.wait_ended(), Failed)
        assert len(diary.names("starting")) == 2


async def test_a_child_that_fails_when_the_app_ends_is_not_restarted(app, autojump_clock, seed):
    diary = Diary()
    declare(
        app, player(diary, "a", stops_in=1), player(diary, "b", stops_in=1, stop_error=ValueError("oops")), player(diary, "c")
    )
    async with running_virtually(app):
        pass
    assert diary.moments("stopped") == [(0, "c"), (2, "a")]
    assert len(diary.names("starting")) == 3


def group_of(diary, auto_shutdown):
    """Return the declaration of a group of two significant children and one that is not."""
    return pool(*players(diary, "ab", significant=True), player(diary, "c"), auto_shutdown=auto_shutdown)


async def test_a_group_ends_when_all_significant_children_have_ended_by_themselves(app, autojump_clock, seed):
    diary = Diary()
    declare(app, group_of(diary, "all"))
    async with running_virtually(app):
        ref = app.session.actor("pool")
        app.session.actor("pool/b").tell(Complete(2))
        await settled()
        assert ref.is_alive
        app.session.actor("pool/a").tell(Complete(1))
        outcome = await ref.wait_ended()
        assert isinstance(outcome, Completed)
        assert list(outcome.value) == ["a", "b", "c"]
        assert (outcome.value["a"], outcome.value["b"]) == (Completed(1), Completed(2))
        assert isinstance(outcome.value["c"], Stopped)
        assert diary.names("stopping") == ["pool/b", "pool/a", "pool/c"]


async def test_a_group_ends_when_any_significant_child_has_ended_by_itself(app, autojump_clock, seed):
    declare(app, group_of(Diary(), "any"))
    async with running_virtually(app):
        ref = app.session.actor("pool")
        app.session.actor("pool/c").tell(Complete(3))
        await settled()
        assert ref.is_alive
        app.session.actor("pool/b").tell(Complete(2))
        outcome = await ref.wait_ended()
        assert isinstance(outcome, Completed)
        assert outcome.value["b"] == Completed(2)


@pytest.mark.parametrize("auto_shutdown", ["any", "all"])
async def test_a_group_does_not_end_by_children_that_somebody_stopped(app, autojump_clock, seed, auto_shutdown):
    declare(app, group_of(Diary(), auto_shutdown))
    async with running_virtually(app):
        for name in "ab":
            await app.session.actor(f"pool/{name}").stop()
        await trio.sleep(100)
        assert app.session.actor("pool").is_alive


@pytest.mark.parametrize("auto_shutdown", ["any", "all"])
async def test_a_group_does_not_end_by_children_that_are_restarted(app, autojump_clock, seed, auto_shutdown):
    children = [*players(Diary(), "ab", significant=True), player(Diary(), "c")]
    declare(app, pool(*children, strategy=one_for_all, auto_shutdown=auto_shutdown))
    async with running_virtually(app):
        for name in "ac":
            await fail(app.session.actor(f"pool/{name}"), ValueError("oops"))
        assert app.session.actor("pool").is_alive
        assert incarnations(app) == [3, 3, 3]


async def test_a_group_ends_by_a_significant_child_that_stops_itself(app, autojump_clock, seed):
    declare(app, group_of(Diary(), "any"))
    async with running_virtually(app):
        ref = app.session.actor("pool")
        app.session.actor("pool/a").tell(Quit("enough"))
        assert isinstance(await ref.wait_ended(), Completed)


FATAL = [
    KeyboardInterrupt(),
    SystemExit(3),
    MemoryError(),
    BaseExceptionGroup("several", [ValueError("oops"), KeyboardInterrupt()]),
]


@pytest.mark.parametrize("error", FATAL, ids=lambda error: type(error).__name__)
@pytest.mark.parametrize("above", ["", "pool/"])
async def test_what_is_for_the_whole_program_is_no_reason_to_restart_but_ends_it_in_order(app, autojump_clock, error, above):
    diary = Diary()
    children = players(diary, "abc", stops_in=1, restart=Restart.permanent(backoff=0))
    declare(app, *([pool(*children)] if above else children))

    async def run():
        async with running_virtually(app) as running:
            app.session.actor(f"{above}b").tell(Fail(error))
            await running.system.wait_ended()

    with pytest.raises(type(error)) as caught:
        await run()
    assert caught.value is error
    assert diary.moments("stopped") == [(1, f"{above}b"), (2, f"{above}c"), (3, f"{above}a")]
    assert len(diary.names("starting")) == 3


@pytest.mark.parametrize("error", FATAL, ids=lambda error: type(error).__name__)
async def test_what_is_for_the_whole_program_keeps_the_app_from_starting_where_an_actor_starts(app, autojump_clock, error):
    diary = Diary()
    declare(app, *players(diary, "ab", stops_in=1), player(diary, "c", refusals=[error]), player(diary, "d"))
    with pytest.raises(type(error)) as caught:
        async with running_virtually(app):
            pass
    assert caught.value is error
    assert diary.moments("stopped") == [(1, "b"), (2, "a")]
    assert diary.of("d") == []


async def test_a_host_that_waits_is_cancelled_by_what_ends_the_app(app, autojump_clock):
    declare(app, player(Diary(), "a", stops_in=1))

    async def run():
        async with running_virtually(app):
            app.session.actor("a").tell(Fail(error))
            await trio.sleep_forever()

    error = KeyboardInterrupt()
    with pytest.raises(KeyboardInterrupt) as caught:
        await run()
    assert caught.value is error
    assert trio.current_time() == 1


async def test_a_group_ends_when_the_last_that_was_not_stopped_by_somebody_has_ended_by_itself(app, autojump_clock, seed):
    declare(app, group_of(Diary(), "all"))
    async with running_virtually(app):
        await app.session.actor("pool/a").stop()
        app.session.actor("pool/b").tell(Complete(2))
        assert isinstance(await app.session.actor("pool").wait_ended(), Completed)
