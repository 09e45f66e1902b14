"""How actors start: in which order, and what becomes of all when one does not."""

import pytest
import trio

from actors import Actor, ActorSpec, App, Decline
from actors.errors import ActorExists, InvalidOption, StartError, StartTimeout, UnknownActor, UnknownOption
from actors.outcomes import Failed, GaveUp, Ignored, Stopped
from actors.supervision import Restart, one_for_all
from helpers import running_virtually
from troupe import AT_ONCE, Diary, Echo, Player, Quit, Spawn, WhoAmI, declare, fail, player, pool, settled


class Clumsy(Actor):
    """One that cannot be made."""

    def __init__(self):
        raise ValueError("no hands")


class NotAsync(Actor):
    """One whose ``on_start`` cannot be awaited."""

    def on_start(self):
        return None


class Stubborn(Player):
    """One that does not let itself be cancelled while it starts."""

    async def on_start(self):
        with trio.CancelScope(shield=True):
            await super().on_start()


def no_actor():
    """Make something that is no actor."""
    return object()


class Quitter(Player):
    """One that ends itself before it has begun."""

    async def on_start(self):
        await super().on_start()
        self.ctx.stop("enough")


def players(diary, names, **options):
    return [player(diary, name, **options) for name in names]


def original(error):
    """Return the innermost StartError of a chain of them, and what that was caused by."""
    while isinstance(error.__cause__, StartError):
        error = error.__cause__
    return error, error.__cause__


async def test_declared_actors_start_in_their_order_each_when_the_one_before_it_has_started(app, autojump_clock, seed):
    diary = Diary()
    declare(app, *(player(diary, name, starts_in=seconds) for name, seconds in (("c", 3), ("a", 1), ("b", 2))))
    async with running_virtually(app):
        assert diary == [
            (0, "c", "starting"),
            (3, "c", "started"),
            (3, "a", "starting"),
            (4, "a", "started"),
            (4, "b", "starting"),
            (6, "b", "started"),
        ]


async def test_children_start_in_their_order_each_when_the_one_before_it_has_started(app, autojump_clock, seed):
    diary = Diary()
    storage = pool(*(player(diary, name, starts_in=1) for name in "ba"), name="storage")
    declare(app, pool(player(diary, "first"), storage, player(diary, "last")))
    async with running_virtually(app):
        assert diary.moments("started") == [(0, "pool/first"), (1, "pool/storage/b"), (2, "pool/storage/a"), (2, "pool/last")]


async def test_actors_take_messages_before_the_first_task_starts(app, autojump_clock):
    diary = Diary()
    declare(app, player(diary, "a", starts_in=5))

    @app.task(True)
    async def task():
        diary.note("task", await app.session.actor("a").ask(Echo("hello")))
        await trio.sleep_forever()

    async with running_virtually(app):
        await trio.sleep(1)
        assert diary == [(0, "a", "starting"), (5, "a", "started"), (5, "task", "hello")]


async def test_a_declared_actor_that_fails_to_start_keeps_the_app_from_starting(app, autojump_clock, seed):
    diary, error = Diary(), ValueError("not today")
    declare(app, *players(diary, "ab", stops_in=1), player(diary, "c", refusals=[error]), player(diary, "d"))
    with pytest.raises(StartError) as caught:
        async with running_virtually(app):
            pass
    assert caught.value.actor == "c"
    assert caught.value.__cause__ is error
    assert diary.lives == ["+a", "+b", "-b", "-a"]
    assert diary.moments("stopped") == [(1, "b"), (2, "a")]
    assert diary.of("c") == ["starting"]
    assert diary.of("d") == []


async def test_a_child_that_fails_to_start_keeps_its_supervisor_from_starting(app, autojump_clock, seed):
    diary, error = Diary(), ValueError("not today")
    declare(app, pool(*players(diary, "ab", stops_in=1), player(diary, "c", refusals=[error]), player(diary, "d")))
    with pytest.raises(StartError) as caught:
        async with running_virtually(app):
            pass
    innermost, cause = original(caught.value)
    assert innermost.actor == "pool/c"
    assert cause is error
    assert diary.lives == ["+pool/a", "+pool/b", "-pool/b", "-pool/a"]
    assert diary.moments("stopped") == [(1, "pool/b"), (2, "pool/a")]
    assert diary.of("pool/d") == []


async def test_a_task_does_not_start_where_an_actor_did_not(app, autojump_clock):
    diary = Diary()
    declare(app, player(diary, "a", refusals=[ValueError("not today")]))

    @app.task(True)
    async def task():
        diary.note("task", "started")

    with pytest.raises(StartError):
        async with running_virtually(app):
            pass
    assert diary.of("task") == []


async def test_an_actor_that_fails_to_start_when_it_is_spawned_is_not_tried_again_and_its_name_is_free(app, autojump_clock):
    diary, error = Diary(), ValueError("not today")
    async with running_virtually(app):
        with pytest.raises(StartError) as caught:
            await app.session.spawn(Player, "a", {"diary": diary, "refusals": iter([error])}, restart=AT_ONCE)
        assert caught.value.__cause__ is error
        with pytest.raises(UnknownActor):
            app.session.actor("a")
        await trio.sleep(100)
        assert diary.of("a") == ["starting"]
        await app.session.spawn(Player, "a", {"diary": diary})
        assert diary.of("a") == ["starting", "starting", "started"]


@pytest.mark.parametrize(("factory", "cause"), [(Clumsy, ValueError), (no_actor, TypeError)])
async def test_what_is_no_actor_that_can_begin_is_an_error_where_it_is_started(app, autojump_clock, factory, cause):
    async with running_virtually(app):
        with pytest.raises(StartError, match="'it'") as caught:
            await app.session.spawn(factory, "it")
        assert isinstance(caught.value.__cause__, cause)
    declare(app, ActorSpec(factory, "it"))
    with pytest.raises(StartError) as caught:
        async with running_virtually(app):
            pass
    assert isinstance(caught.value.__cause__, cause)


async def test_an_actor_that_ends_itself_while_it_starts_has_started_and_ends(app, autojump_clock):
    diary = Diary()
    async with running_virtually(app):
        ref = await app.session.spawn(Quitter, "a", {"diary": diary})
        outcome = await ref.wait_ended()
        assert isinstance(outcome, Stopped)
        assert outcome.reason == "enough"
        assert diary.of("a") == ["starting", "started", "stopping", outcome, "stopped"]


async def test_a_supervisor_that_is_stopped_while_a_child_starts_cancels_it_and_stops_the_earlier_ones_in_reverse(
    app, autojump_clock, seed
):
    diary = Diary()
    spec = pool(*players(diary, "ab", stops_in=1), player(diary, "c", starts_in=60), player(diary, "d"))
    async with running_virtually(app), trio.open_nursery() as nursery:

        async def spawn():
            with pytest.raises(StartError):
                await app.session.spawn(spec.factory, spec.name)
            assert trio.current_time() == 7

        nursery.start_soon(spawn)
        await trio.sleep(5)
        await app.session.actor("pool").stop()
        assert diary.moments("stopped") == [(6, "pool/b"), (7, "pool/a")]
        assert diary.of("pool/c") == ["starting"]
        assert diary.of("pool/d") == []
        assert trio.current_time() == 7


async def test_an_app_that_is_shut_down_while_an_actor_starts_cancels_it_and_stops_the_earlier_ones_in_reverse(
    app, autojump_clock, seed
):
    diary = Diary()
    declare(app, *players(diary, "ab", stops_in=1), player(diary, "c", starts_in=60), player(diary, "d"))
    async with trio.open_nursery() as nursery:

        async def run():
            async with running_virtually(app) as running:
                await running.system.wait_ended()

        nursery.start_soon(run)
        await trio.sleep(5)
        app.session.shut_down()
    assert diary.moments("stopped") == [(6, "b"), (7, "a")]
    assert diary.of("c") == ["starting"]
    assert diary.of("d") == []
    assert trio.current_time() == 7


async def test_a_host_that_is_cancelled_while_an_actor_starts_has_the_earlier_ones_stopped_in_reverse(app, autojump_clock):
    diary = Diary()
    declare(app, *players(diary, "ab", stops_in=1), player(diary, "c", starts_in=60))
    with trio.move_on_after(5) as scope:
        async with running_virtually(app):
            pass
    assert scope.cancelled_caught
    assert diary.moments("stopped") == [(6, "b"), (7, "a")]
    assert diary.of("c") == ["starting"]


async def test_a_child_that_starts_anew_when_its_supervisor_is_stopped_is_cancelled_and_not_asked_to_clean_up(
    app, autojump_clock, seed
):
    diary = Diary()
    declare(app, pool(player(diary, "a", stops_in=1), player(diary, "b", starts_in=[0, 60]), player(diary, "c", stops_in=1)))
    async with running_virtually(app):
        await fail(app.session.actor("pool/b"), ValueError("oops"))
        assert app.session.tree()["pool/b"].state == "starting"
        diary.clear()
        await app.session.actor("pool").stop()
        assert diary.moments("stopped") == [(1, "pool/c"), (2, "pool/a")]
        assert diary.of("pool/b") == []


async def test_who_is_cancelled_while_it_spawns_leaves_nothing_behind(app, autojump_clock):
    diary = Diary()
    async with running_virtually(app):
        with trio.move_on_after(5):
            await app.session.spawn(Player, "a", {"diary": diary, "starts_in": iter([60])})
        assert trio.current_time() == 5
        await settled()
        with pytest.raises(UnknownActor):
            app.session.actor("a")
        await trio.sleep(100)
        assert diary.of("a") == ["starting"]


async def test_a_first_start_that_takes_longer_than_it_may_is_an_error_where_it_is_started(app, autojump_clock):
    diary = Diary()
    declare(app, player(diary, "a"), player(diary, "b", starts_in=60, start_timeout=10))
    with pytest.raises(StartError) as caught:
        async with running_virtually(app):
            pass
    assert isinstance(caught.value.__cause__, StartTimeout)
    assert caught.value.__cause__.seconds == 10
    assert diary.of("b") == ["starting"]
    assert diary.times("a", "stopping") == [10]


async def test_an_actor_that_does_not_end_its_start_in_time_although_it_is_cancelled_is_left_behind(app, autojump_clock):
    diary = Diary()
    async with running_virtually(app):
        with pytest.raises(StartError, match="ignores its cancellation"):
            await app.session.spawn(Stubborn, "a", {"diary": diary, "starts_in": iter([60])}, start_timeout=10, cleanup=5)
        assert 15 <= trio.current_time() < 20
        assert not app.session.health.is_ok
        await app.session.spawn(Player, "a", {"diary": diary})
        await trio.sleep(60)
        assert diary.times("a", "started") == [diary.times("a", "starting")[1], 60]
        assert diary.names("stopping") == []
        assert app.session.tree()["a"].state == "running"
        assert app.session.health.is_ok


async def test_a_restart_that_takes_longer_than_it_may_counts_as_a_restart_that_failed(app, autojump_clock):
    diary, error = Diary(), ValueError("oops")
    slow = player(diary, "a", starts_in=[0, 60, 60, 60], start_timeout=10)
    declare(app, pool(slow, restart=Restart.temporary(), limit=2, window=100))
    async with running_virtually(app):
        ref = app.session.actor("pool")
        await fail(app.session.actor("pool/a"), error)
        outcome = await ref.wait_ended()
        assert trio.current_time() == 20
        assert diary.times("pool/a", "starting") == [0, 0, 10]
        assert diary.names("stopping") == ["pool/a"]
    assert isinstance(outcome, GaveUp)
    assert outcome.failures[0] == Failed(error)
    assert [type(one.error) for one in outcome.failures] == [ValueError, StartTimeout, StartTimeout]


async def test_a_declared_actor_that_declines_to_begin_is_kept_without_a_life_and_the_others_start(app, autojump_clock):
    diary = Diary()
    declare(app, player(diary, "a", refusals=[Decline("no work")]), player(diary, "b"))
    async with running_virtually(app):
        assert diary.lives == ["+b"]
        ref = app.session.actor("a")
        assert not ref.is_alive
        assert app.session.tree()["a"].state == "ignored"
        assert await ref.wait_ended() == Ignored("no work")
        await trio.sleep(100)
        assert diary.of("a") == ["starting"]
        await ref.start()
        assert await ref.ask(Echo("now")) == "now"
    assert diary.names("stopping") == ["b", "a"]


async def test_a_temporary_actor_that_declines_to_begin_is_forgotten(app, autojump_clock):
    diary = Diary()
    declare(app, pool(player(diary, "a", refusals=[Decline("no work")], restart=Restart.temporary()), player(diary, "b")))
    async with running_virtually(app):
        assert [node.name for node in app.session.tree()["pool"].children] == ["pool/b"]
        with pytest.raises(UnknownActor):
            app.session.actor("pool/a")


async def test_an_actor_that_declines_to_begin_when_it_is_spawned_has_ended_and_its_name_is_free(app, autojump_clock):
    diary = Diary()
    async with running_virtually(app):
        ref = await app.session.spawn(Player, "a", {"diary": diary, "refusals": iter([Decline("no work")])})
        assert not ref.is_alive
        assert await ref.wait_ended() == Ignored("no work")
        with pytest.raises(UnknownActor):
            app.session.actor("a")
        await app.session.spawn(Player, "a", {"diary": diary})


async def test_an_actor_that_declines_to_begin_anew_stays_down_and_is_no_failure(app, autojump_clock):
    diary = Diary()
    shy = player(diary, "b", refusals=[None, Decline("no more work")])
    declare(app, pool(player(diary, "a"), shy, player(diary, "c"), strategy=one_for_all, limit=1))
    async with running_virtually(app):
        await fail(app.session.actor("pool/b"), ValueError("oops"))
        assert diary.lives[-2:] == ["+pool/a", "+pool/c"]
        assert await app.session.actor("pool/b").wait_ended() == Ignored("no more work")
        assert app.session.tree()["pool"].state == "running"


async def test_a_name_is_taken_by_an_actor_that_runs(app, autojump_clock):
    diary = Diary()
    declare(app, player(diary, "a"))
    async with running_virtually(app):
        with pytest.raises(ActorExists) as caught:
            await app.session.spawn(Player, "a", {"diary": diary})
        assert (caught.value.name, caught.value.state) == ("a", "running")
        with pytest.raises(ActorExists) as caught:
            await app.session.actor("a").start()
        assert caught.value.state == "running"
        assert diary.of("a") == ["starting", "started"]
        assert await app.session.actor("a").ask(WhoAmI()) == ("a", 1)


async def test_a_name_is_taken_by_an_actor_that_starts(app, autojump_clock):
    diary = Diary()
    async with running_virtually(app), trio.open_nursery() as nursery:
        nursery.start_soon(app.session.spawn, Player, "a", {"diary": diary, "starts_in": iter([10])})
        await settled()
        with pytest.raises(ActorExists) as caught:
            await app.session.spawn(Player, "a", {"diary": diary})
        assert caught.value.state == "starting"


async def test_a_name_is_taken_by_a_declared_actor_that_was_stopped_and_can_be_started_again(app, autojump_clock):
    diary = Diary()
    declare(app, player(diary, "a"))
    async with running_virtually(app):
        ref = app.session.actor("a")
        await ref.stop()
        with pytest.raises(ActorExists) as caught:
            await app.session.spawn(Player, "a", {"diary": diary})
        assert caught.value.state == "stopped"
        await ref.start()
        assert await ref.ask(WhoAmI()) == ("a", 2)
        assert app.session.actor("a") == ref


async def test_a_name_is_taken_by_an_actor_that_waits_to_be_restarted(app, autojump_clock):
    diary = Diary()
    declare(app, player(diary, "a", restart=Restart.transient(backoff=60, max_backoff=60, jitter=0)))
    async with running_virtually(app):
        ref = app.session.actor("a")
        await fail(ref, ValueError("oops"))
        for starting in (lambda: app.session.spawn(Player, "a", {"diary": diary}), ref.start):
            with pytest.raises(ActorExists) as caught:
                await starting()
            assert caught.value.state == "restarting"
        assert diary.names("starting") == ["a"]
        await ref.wait_ready()
        assert trio.current_time() == 60


async def test_a_name_is_free_when_an_actor_that_was_spawned_has_ended_and_that_cannot_be_started_again(app, autojump_clock):
    diary = Diary()
    async with running_virtually(app):
        first = await app.session.spawn(Player, "a", {"diary": diary})
        await first.ask(Quit())
        await first.wait_ended()
        second = await app.session.spawn(Player, "a", {"diary": diary})
        assert first != second
        assert not first.is_alive
        with pytest.raises(UnknownActor):
            await first.start()
        assert await second.ask(WhoAmI()) == ("a", 1)


async def test_a_name_is_taken_among_siblings_only(app, autojump_clock):
    diary = Diary()
    declare(app, player(diary, "a"))
    async with running_virtually(app):
        above = app.session.actor("a")
        below = await above.ask(Spawn(player(diary, "a")))
        assert below.name == "a/a"
        with pytest.raises(ActorExists) as caught:
            await above.spawn(Player, "a", {"diary": diary})
        assert (caught.value.name, caught.value.state) == ("a/a", "running")


@pytest.mark.parametrize(
    ("factory", "name", "args", "options", "error"),
    [
        (Player, "a/b", {"diary": None}, {}, InvalidOption),
        (Player, "b", {"dairy": None}, {}, InvalidOption),
        (Player, "b", {"diary": None}, {"grac": 5}, UnknownOption),
        (Player, "b", {"diary": None}, {"capacity": 0}, InvalidOption),
        (Player, "b", {"diary": None}, {"restart": "permanent"}, InvalidOption),
        (object, "b", {}, {}, InvalidOption),
        (NotAsync, "b", {}, {}, InvalidOption),
    ],
)
async def test_a_declaration_that_cannot_be_is_refused_before_anything_starts(
    app, autojump_clock, factory, name, args, options, error
):
    diary = Diary()
    declare(app, player(diary, "a"))
    async with running_virtually(app):
        before = [(node.name, node.incarnation) for node in app.session.tree().walk()]
        for spawn in (app.session.spawn, app.session.actor("a").spawn):
            with pytest.raises(error):
                await spawn(factory, name, args, **options)
        assert [(node.name, node.incarnation) for node in app.session.tree().walk()] == before


def test_a_name_is_declared_once():
    app = App(log=None)
    declare(app, player(Diary(), "a"))
    with pytest.raises(ActorExists) as caught:
        app.actor(Player, "a", {"diary": Diary()})
    assert caught.value.state == "declared"
