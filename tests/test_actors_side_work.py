"""What an actor awaits beside its messages: what comes of it comes as a message."""

import pytest
import trio

from actors.errors import ActorFailed
from askers import dead
from helpers import running_virtually
from troupe import Complete, Diary, Do, Echo, Fail, Quit, Recall, Remember, Sleep, WhoAmI, declare, player, settled


@pytest.fixture
def diary():
    return Diary()


async def returns_after(seconds, value):
    await trio.sleep(seconds)
    return value


async def raises_after(seconds, error):
    await trio.sleep(seconds)
    raise error


async def notes_its_end(diary):
    try:
        await trio.sleep_forever()
    except trio.Cancelled:
        diary.note("side work", "cancelled")
        raise


def pipes(func, *args, **options):
    """Return a message that has its actor await that beside its messages."""
    return Do(lambda actor: actor.ctx.pipe_to_self(func, *args, **options))


async def test_what_it_returns_comes_as_a_message(app, diary, autojump_clock):
    declare(app, player(diary, "a"))
    async with running_virtually(app):
        ref = app.session.actor("a")
        await ref.ask(pipes(returns_after, 2, "value", then=Remember))
        assert await ref.ask(Recall()) == []
        await trio.sleep(3)
        assert await ref.ask(Recall()) == ["value"]


async def test_the_actor_deals_with_others_meanwhile(app, diary, autojump_clock):
    declare(app, player(diary, "a"))
    async with running_virtually(app):
        ref = app.session.actor("a")
        await ref.ask(pipes(returns_after, 2, "value", then=Remember))
        assert await ref.ask(Echo("here")) == "here"
        assert trio.current_time() == 0


async def test_without_a_message_to_make_of_it_none_comes(app, diary, autojump_clock):
    declare(app, player(diary, "a"))
    async with running_virtually(app):
        ref = app.session.actor("a")
        await ref.ask(pipes(returns_after, 2, "value"))
        await trio.sleep(3)
        assert await ref.ask(Recall()) == []
        assert app.session.dead_letters == ()


async def test_what_it_raises_comes_as_a_message_too(app, diary, autojump_clock):
    error = ValueError("no")
    declare(app, player(diary, "a"))
    async with running_virtually(app):
        ref = app.session.actor("a")
        await ref.ask(pipes(raises_after, 2, error, failed=Remember))
        await trio.sleep(3)
        assert await ref.ask(Recall()) == [error]
        assert ref.incarnation == 1


async def test_else_the_actor_fails_by_it(app, diary, autojump_clock):
    declare(app, player(diary, "a"))
    async with running_virtually(app):
        ref = app.session.actor("a")
        await ref.ask(pipes(raises_after, 2, ValueError("no"), then=Remember))
        assert await ref.ask(WhoAmI()) == ("a", 1)
        await trio.sleep(3)
        assert await ref.ask(WhoAmI()) == ("a", 2)
        assert app.session.tree()["a"].outcome == "failed: ValueError: no"


async def test_so_it_does_while_it_is_at_a_message(app, diary, autojump_clock):
    declare(app, player(diary, "a"))
    async with running_virtually(app):
        ref = app.session.actor("a")
        await ref.ask(pipes(raises_after, 1, ValueError("no")))
        with pytest.raises(ActorFailed, match="failed on Do: ValueError: no"):
            await ref.ask(Do(lambda _: returns_after(2, None)))
        assert trio.current_time() == 1
        assert await ref.ask(WhoAmI()) == ("a", 2)


async def test_an_error_in_making_the_message_fails_the_actor(app, diary, autojump_clock):
    def cannot(_):
        raise ValueError("no")

    declare(app, player(diary, "a"))
    async with running_virtually(app):
        ref = app.session.actor("a")
        await ref.ask(pipes(returns_after, 1, "value", then=cannot))
        await trio.sleep(2)
        assert await ref.ask(WhoAmI()) == ("a", 2)


async def test_many_may_go_on_at_once_and_come_as_they_end(app, diary, autojump_clock):
    declare(app, player(diary, "a"))
    async with running_virtually(app):
        ref = app.session.actor("a")
        for seconds in (3, 1, 2):
            await ref.ask(pipes(returns_after, seconds, seconds, then=Remember))
        await trio.sleep(5)
        assert await ref.ask(Recall()) == [1, 2, 3]


@pytest.mark.parametrize("end", [Quit(), Complete(), Fail(ValueError("no"))])
async def test_it_is_cancelled_when_the_life_of_the_actor_ends(app, diary, end, autojump_clock):
    declare(app, player(diary, "a"))
    async with running_virtually(app):
        ref = app.session.actor("a")
        await ref.ask(pipes(notes_its_end, diary))
        ref.tell(end)
        await settled()
        assert diary.of("side work") == ["cancelled"]


async def test_it_has_ended_when_the_actor_cleans_up(app, diary, autojump_clock):
    declare(app, player(diary, "a"))
    async with running_virtually(app):
        ref = app.session.actor("a")
        await ref.ask(pipes(notes_its_end, diary))
        await settled()
        await ref.stop()
    whats = [entry.what for entry in diary]
    assert whats.index("cancelled") < whats.index("stopping")


async def test_nothing_of_a_life_comes_to_the_next(app, diary, autojump_clock):
    declare(app, player(diary, "a"))
    async with running_virtually(app):
        ref = app.session.actor("a")
        await ref.ask(pipes(returns_after, 2, "value", then=Remember))
        ref.tell(Fail(ValueError("no")))
        await trio.sleep(5)
        assert await ref.ask(Recall()) == []
        assert ref.incarnation == 2


async def test_what_comes_of_it_has_room_in_a_mailbox_that_is_full(app, diary, autojump_clock):
    declare(app, player(diary, "a", capacity=1))
    async with running_virtually(app):
        ref = app.session.actor("a")
        await ref.ask(pipes(returns_after, 1, "value", then=Remember))
        ref.tell(Sleep(2))
        await settled()
        ref.tell(Remember("told"))
        await trio.sleep(3)
        assert await ref.ask(Recall()) == ["told", "value"]


async def test_what_comes_of_it_when_the_actor_ends_is_a_dead_letter(app, diary, autojump_clock):
    declare(app, player(diary, "a"))
    async with running_virtually(app):
        ref = app.session.actor("a")
        await ref.ask(pipes(returns_after, 1, "value", then=Remember))
        ref.tell(Sleep(2))
        await trio.sleep(1.5)
        await ref.stop()
        assert dead(app) == [("a", Remember("value"), "stopped")]


async def test_a_message_that_the_actor_does_not_take_fails_it(app, diary, autojump_clock):
    declare(app, player(diary, "a"))
    async with running_virtually(app):
        ref = app.session.actor("a")
        await ref.ask(pipes(returns_after, 1, "value", then=str))
        await trio.sleep(2)
        assert await ref.ask(WhoAmI()) == ("a", 2)


async def test_what_it_raises_while_it_is_cancelled_is_told_in_the_log(app, diary, autojump_clock, caplog):
    async def raises_at_its_end():
        try:
            await trio.sleep_forever()
        finally:
            raise ValueError("at its end")

    declare(app, player(diary, "a"))
    async with running_virtually(app):
        ref = app.session.actor("a")
        await ref.ask(pipes(raises_at_its_end))
        await settled()
        await ref.stop()
    assert "actor 'a' failed while it was stopped: ValueError: at its end" in caplog.text


async def test_what_ignores_its_cancellation_does_not_hold_up_the_end_for_ever(app, diary, autojump_clock):
    async def clings():
        with trio.CancelScope(shield=True):
            await trio.sleep(60)

    declare(app, player(diary, "a", grace=1, cleanup=1))
    async with running_virtually(app):
        ref = app.session.actor("a")
        await ref.ask(pipes(clings))
        await settled()
        await ref.stop()
        assert trio.current_time() < 60
        assert any("'a'" in problem for problem in app.session.health.problems)
        await trio.sleep(60)
        assert app.session.health.is_ok
