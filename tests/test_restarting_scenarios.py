"""How actors are restarted: whether, how often, after which wait, and with what they begin anew."""

from dataclasses import dataclass

import pytest
import trio

from actors import Actor, ActorSpec, Message, Restart, rest_for_one
from actors.errors import ActorFailed, UnknownActor
from actors.outcomes import Completed, Failed, Stopped
from helpers import running_virtually
from troupe import (
    AT_ONCE,
    Complete,
    Diary,
    Do,
    Echo,
    Fail,
    Player,
    Quit,
    Recall,
    Remember,
    Spawn,
    WhoAmI,
    declare,
    fail,
    player,
    pool,
    settled,
)

RESTARTS = {
    "permanent": Restart.permanent(backoff=0),
    "transient": Restart.transient(backoff=0),
    "temporary": Restart.temporary(),
}
PATIENT = Restart.transient(backoff=60, max_backoff=60, jitter=0)
STARTED = ["starting", "started"]


@dataclass(frozen=True)
class Trip(Message[None]):
    """Have an actor fail from now on whenever it starts."""


class Spinner(Actor):
    """One that fails whenever it starts but the first time, without a checkpoint."""

    def __init__(self, starts: list[int]) -> None:
        self.starts = starts

    async def on_start(self):
        self.starts.append(self.ctx.incarnation)
        if len(self.starts) > 1:
            raise ValueError("again")

    async def receive(self, message: Trip):
        raise ValueError("first")


def it(diary, kind, how):
    """Return the declaration of an actor of that kind, or of a supervisor where only that can end so."""
    if how == "gave up":
        return pool(player(diary, "child"), name="it", restart=RESTARTS[kind], limit=0)
    return player(diary, "it", restart=RESTARTS[kind])


async def end(app, how):
    """Have the actor ``it`` end by itself."""
    if how == "gave up":
        await fail(app.session.actor("it/child"), ValueError("oops"))
    else:
        app.session.actor("it").tell({"completed": Complete(1), "stopped": Quit(), "failed": Fail(ValueError("oops"))}[how])
        await settled()


@pytest.mark.parametrize(
    ("kind", "how"),
    [
        ("permanent", "completed"),
        ("permanent", "stopped"),
        ("permanent", "failed"),
        ("permanent", "gave up"),
        ("transient", "failed"),
        ("transient", "gave up"),
    ],
)
async def test_an_actor_is_restarted_after_an_end_that_its_kind_says(app, autojump_clock, kind, how):
    declare(app, it(Diary(), kind, how))
    async with running_virtually(app):
        ref = app.session.actor("it")
        await end(app, how)
        assert ref.incarnation == 2
        assert ref.is_alive
        assert app.session.tree()["it"].state == "running"
        assert app.session.tree()["it"].restarts == 1


@pytest.mark.parametrize(("how", "state"), [("completed", "completed"), ("stopped", "stopped")])
async def test_a_transient_actor_stays_down_after_an_end_that_was_meant_and_can_be_started_again(app, autojump_clock, how, state):
    declare(app, it(Diary(), "transient", how))
    async with running_virtually(app):
        ref = app.session.actor("it")
        await end(app, how)
        await trio.sleep(100)
        assert (ref.incarnation, ref.is_alive) == (1, False)
        assert app.session.tree()["it"].state == state
        await ref.start()
        assert await ref.ask(WhoAmI()) == ("it", 2)


@pytest.mark.parametrize("how", ["completed", "stopped", "failed", "gave up"])
async def test_a_temporary_actor_is_forgotten_however_it_ends(app, autojump_clock, how):
    declare(app, it(Diary(), "temporary", how))
    async with running_virtually(app):
        ref = app.session.actor("it")
        await end(app, how)
        await trio.sleep(100)
        assert (ref.incarnation, ref.is_alive) == (1, False)
        with pytest.raises(UnknownActor):
            app.session.actor("it")
        with pytest.raises(KeyError):
            app.session.tree()["it"]


@pytest.mark.parametrize("kind", RESTARTS)
async def test_an_actor_that_was_stopped_by_another_is_not_restarted_whatever_its_kind(app, autojump_clock, kind):
    declare(app, player(Diary(), "it", restart=RESTARTS[kind]))
    async with running_virtually(app):
        ref = app.session.actor("it")
        assert isinstance(await ref.stop("no more"), Stopped)
        await trio.sleep(100)
        assert (ref.incarnation, ref.is_alive) == (1, False)


async def test_a_rule_has_an_actor_stay_down(app, autojump_clock):
    declare(app, pool(player(Diary(), "it", restart=Restart.permanent(rules={ValueError: "stop"}))))
    async with running_virtually(app):
        ref = app.session.actor("pool/it")
        await fail(ref, ValueError("oops"))
        assert await ref.wait_ended()
        assert not ref.is_alive
        assert app.session.tree()["pool/it"].state == "failed"


async def test_a_rule_has_an_actor_go_on_with_its_state_and_without_the_message(app, autojump_clock):
    diary = Diary()
    declare(app, player(diary, "it", restart=Restart.transient(rules={ValueError: "resume"})))
    async with running_virtually(app):
        ref = app.session.actor("it")
        await ref.ask(Remember("this"))
        await fail(ref, ValueError("oops"))
        assert await ref.ask(Recall()) == ["this"]
        assert ref.incarnation == 1
        assert diary.of("it") == ["starting", "started"]


async def test_a_rule_has_an_actor_restarted_without_a_wait(app, autojump_clock):
    declare(app, player(Diary(), "it", restart=Restart.transient(backoff=60, max_backoff=60, rules={ValueError: "restart"})))
    async with running_virtually(app):
        ref = app.session.actor("it")
        await fail(ref, ValueError("oops"))
        assert await ref.ask(WhoAmI()) == ("it", 2)
        assert trio.current_time() == 0


async def test_the_wait_before_a_restart_doubles_with_each_failure_up_to_its_longest(app, autojump_clock):
    diary, no = Diary(), ValueError("not yet")
    slowly = Restart.transient(backoff=1, max_backoff=5, jitter=0)
    declare(app, player(diary, "it", restart=slowly, refusals=[None, no, no, no, no, None]))
    async with running_virtually(app):
        ref = app.session.actor("it")
        await fail(ref, ValueError("oops"))
        await ref.wait_ready()
        assert diary.times("it", "starting") == [0, 1, 3, 7, 12, 17]
        assert trio.current_time() == 17


@pytest.mark.parametrize(("healthy", "wait"), [(2.5, 2), (3.5, 1)])
async def test_the_wait_before_a_restart_begins_anew_after_enough_healthy_seconds(app, autojump_clock, healthy, wait):
    diary = Diary()
    slowly = Restart.transient(backoff=1, max_backoff=60, reset_after=3, jitter=0)
    declare(app, player(diary, "it", restart=slowly))
    async with running_virtually(app):
        ref = app.session.actor("it")
        await fail(ref, ValueError("oops"))
        await ref.wait_ready()
        await trio.sleep(healthy)
        await fail(ref, ValueError("oops"))
        await ref.wait_ready()
        assert diary.times("it", "starting") == [0, 1, 1 + healthy + wait]


async def test_an_actor_that_waits_to_be_restarted_holds_up_no_other(app, autojump_clock):
    diary = Diary()
    declare(app, pool(player(diary, "a", restart=PATIENT), player(diary, "b")))
    async with running_virtually(app):
        a, b = app.session.actor("pool/a"), app.session.actor("pool/b")
        await fail(a, ValueError("oops"))
        assert app.session.tree()["pool/a"].state == "restarting"
        await trio.sleep(10)
        await fail(b, ValueError("oops"))
        assert diary.times("pool/b", "started") == [0, 10]
        await a.wait_ready()
        assert diary.times("pool/a", "started") == [0, 60]


async def test_those_before_it_do_not_wait_for_the_backoff_of_one_that_failed_earlier(app, autojump_clock):
    diary = Diary()
    children = [player(diary, "a"), player(diary, "b"), player(diary, "c", restart=PATIENT)]
    declare(app, pool(*children, strategy=rest_for_one))
    async with running_virtually(app):
        for name in "ca":
            await fail(app.session.actor(f"pool/{name}"), ValueError("oops"))
        await app.session.actor("pool/c").wait_ready()
        assert diary.moments("started")[3:] == [(0, "pool/a"), (0, "pool/b"), (60, "pool/c")]


async def test_an_actor_that_waits_to_be_restarted_can_be_stopped_at_once(app, autojump_clock):
    diary = Diary()
    declare(app, pool(player(diary, "a", restart=PATIENT)))
    async with running_virtually(app):
        ref = app.session.actor("pool/a")
        await fail(ref, ValueError("oops"))
        await trio.sleep(10)
        await ref.stop()
        assert trio.current_time() == 10
        assert not ref.is_alive
        await trio.sleep(100)
        assert diary.names("starting") == ["pool/a"]
        await ref.start()
        assert await ref.ask(WhoAmI()) == ("pool/a", 2)


async def test_an_actor_that_waits_to_be_restarted_holds_up_no_end_of_its_supervisor(app, autojump_clock):
    declare(app, pool(player(Diary(), "a", restart=PATIENT)))
    async with running_virtually(app):
        await fail(app.session.actor("pool/a"), ValueError("oops"))
        await app.session.actor("pool").stop()
        assert trio.current_time() == 0


async def test_an_actor_that_waits_to_be_restarted_holds_up_no_end_of_the_app(app, autojump_clock):
    declare(app, pool(player(Diary(), "a", restart=PATIENT)), player(Diary(), "b", restart=PATIENT))
    async with running_virtually(app):
        await fail(app.session.actor("pool/a"), ValueError("oops"))
        await fail(app.session.actor("b"), ValueError("oops"))
    assert trio.current_time() == 0


async def test_an_actor_that_fails_again_and_again_at_its_start_lets_others_have_their_turns(app, autojump_clock):
    starts = []
    spinner = ActorSpec(Spinner, "spinner", {"starts": starts}, restart=AT_ONCE)
    declare(app, pool(spinner, player(Diary(), "other"), limit=1_000_000))
    async with running_virtually(app):
        ref, other = app.session.actor("pool/spinner"), app.session.actor("pool/other")
        ref.tell(Trip())
        while len(starts) < 5:
            await trio.lowlevel.checkpoint()
        before = len(starts)
        assert await other.ask(Echo("turn")) == "turn"
        assert len(starts) <= before + 20
        before = len(starts)
        await ref.stop()
        assert len(starts) <= before + 20
        before = len(starts)
        await trio.sleep(100)
        assert len(starts) == before


async def test_an_actor_begins_anew_without_its_state_and_stays_the_same_to_others(app, autojump_clock):
    diary = Diary()
    declare(app, player(diary, "it"))
    async with running_virtually(app):
        ref = app.session.actor("it")
        await ref.ask(Remember("this"))
        await fail(ref, ValueError("oops"))
        assert await ref.ask(Recall()) == []
        assert await ref.ask(WhoAmI()) == ("it", 2)
        assert app.session.actor("it") == ref
        (why,) = diary.whys("it")
        assert isinstance(why, Failed)
        assert [what for what in diary.of("it") if what is not why] == ["starting", "started", "stopping", "stopped", *STARTED]


async def fail_later(actor):
    await trio.sleep(2)
    raise ValueError("oops")


async def test_messages_that_wait_are_read_by_the_next_life_and_the_one_that_failed_is_not(app, autojump_clock, seed):
    declare(app, player(Diary(), "it", restart=Restart.transient(backoff=10, jitter=0)))
    async with running_virtually(app):
        ref = app.session.actor("it")
        ref.tell(Do(fail_later))
        for number in (1, 2):
            ref.tell(Remember(number))
        await trio.sleep(5)
        ref.tell(Remember(3))
        assert await ref.ask(Recall(), within=60) == [1, 2, 3]
        assert trio.current_time() == 12
        assert await ref.ask(WhoAmI()) == ("it", 2)
        (letter,) = app.session.dead_letters
        assert (letter.actor, letter.message, letter.reason) == ("it", Do(fail_later), "poison")


async def test_a_timer_ends_with_the_life_that_set_it(app, autojump_clock):
    declare(app, player(Diary(), "it"))
    async with running_virtually(app):
        ref = app.session.actor("it")
        await ref.ask(Do(lambda actor: actor.ctx.set_timer("tick", Remember("tick"), every=1)))
        await trio.sleep(2.5)
        assert await ref.ask(Recall()) == ["tick", "tick"]
        await fail(ref, ValueError("oops"))
        await trio.sleep(10)
        assert await ref.ask(Recall()) == []


async def test_a_tick_that_waits_to_be_read_when_the_life_ends_is_dropped(app, autojump_clock):
    declare(app, player(Diary(), "it"))
    async with running_virtually(app):
        ref = app.session.actor("it")
        await ref.ask(Do(lambda actor: actor.ctx.set_timer("tick", Remember("tick"), after=1)))
        with pytest.raises(ActorFailed):
            await ref.ask(Do(fail_later))
        await trio.sleep(10)
        assert await ref.ask(Recall()) == []


async def test_what_was_put_aside_is_lost_with_the_life_that_did(app, autojump_clock):
    declare(app, player(Diary(), "it"))
    async with running_virtually(app):
        ref = app.session.actor("it")
        aside = Do(lambda actor: actor.ctx.stash())
        ref.tell(aside)
        await fail(ref, ValueError("oops"))
        await ref.ask(Do(lambda actor: actor.ctx.unstash()))
        assert await ref.ask(Recall()) == []
        assert [(letter.message, letter.reason) for letter in app.session.dead_letters if letter.reason != "poison"] == [
            (aside, "restarted")
        ]


async def test_children_end_before_the_life_that_started_them_and_are_not_there_in_the_next(app, autojump_clock, seed):
    diary = Diary()
    declare(app, player(diary, "it"))
    async with running_virtually(app):
        ref = app.session.actor("it")
        children = [await ref.ask(Spawn(player(diary, name, stops_in=1))) for name in "xy"]
        await fail(ref, ValueError("oops"))
        await ref.wait_ready()
        assert diary.moments("stopped") == [(1, "it/y"), (2, "it/x"), (2, "it")]
        assert diary.times("it", "starting") == [0, 2]
        assert await ref.ask(Do(lambda actor: actor.ctx.children)) == []
        assert not any(child.is_alive for child in children)
        with pytest.raises(UnknownActor):
            app.session.actor("it/x")
        assert (await ref.ask(Spawn(player(diary, "x")))).name == "it/x"


async def test_what_is_piped_to_an_actor_is_cancelled_with_its_life(app, autojump_clock):
    declare(app, player(Diary(), "it"))
    cancelled = []

    async def fetch():
        try:
            await trio.sleep(60)
        except trio.Cancelled:
            cancelled.append(trio.current_time())
            raise

    async with running_virtually(app):
        ref = app.session.actor("it")
        await ref.ask(Do(lambda actor: actor.ctx.pipe_to_self(fetch, then=Remember)))
        await trio.sleep(1)
        await fail(ref, ValueError("oops"))
        assert cancelled == [1]
        await trio.sleep(100)
        assert await ref.ask(Recall()) == []


async def test_a_watch_ends_with_the_life_that_set_it(app, autojump_clock):
    diary = Diary()
    declare(app, player(diary, "watcher"), player(diary, "watched"))
    async with running_virtually(app):
        watcher, watched = app.session.actor("watcher"), app.session.actor("watched")
        await watcher.ask(Do(lambda actor: actor.ctx.watch(watched)))
        await fail(watcher, ValueError("oops"))
        await watched.stop()
        await settled()
        assert diary.of("watcher")[-2:] == STARTED


async def test_an_actor_that_cannot_be_made_anew_is_tried_again_like_one_that_fails(app, autojump_clock):
    diary, troubles = Diary(), iter([None, ValueError("no hands"), None])

    def clumsy():
        if (trouble := next(troubles)) is not None:
            raise trouble
        return Player(diary)

    declare(app, ActorSpec(clumsy, "it", restart=Restart.transient(backoff=1, jitter=0)))
    async with running_virtually(app):
        ref = app.session.actor("it")
        await fail(ref, ValueError("oops"))
        await ref.wait_ready()
        assert diary.times("it", "started") == [0, 3]


async def test_how_an_actor_ended_is_its_outcome(app, autojump_clock):
    async with running_virtually(app):
        refs = [await app.session.spawn(Player, name, {"diary": Diary()}, restart=Restart.temporary()) for name in "abc"]
        error = ValueError("oops")
        for ref, message in zip(refs, (Complete("done"), Quit("enough"), Fail(error)), strict=True):
            ref.tell(message)
        assert await refs[0].wait_ended() == Completed("done")
        stopped = await refs[1].wait_ended()
        assert isinstance(stopped, Stopped)
        assert stopped.reason == "enough"
        assert await refs[2].wait_ended() == Failed(error)


async def test_the_log_tells_of_a_restart_with_the_traceback_from_the_actor_on(app, autojump_clock, caplog):
    declare(app, player(Diary(), "it", restart=PATIENT))
    async with running_virtually(app):
        await fail(app.session.actor("it"), ValueError("oops"))
    (told,) = [message for message in caplog.messages if message.startswith("actor 'it' failed")]
    head, _, traceback = told.partition("\n")
    assert head == "actor 'it' failed: ValueError: oops; it is restarted in 60 s"
    assert traceback.startswith("Traceback (most recent call last):\n")
    assert traceback.endswith("    raise message.error\nValueError: oops")
    assert "runtime/tree" not in traceback
