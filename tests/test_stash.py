"""Messages that an actor puts aside, and takes up again when it can deal with them."""

from dataclasses import dataclass

import pytest
import trio

from actors import Actor, ActorSpec, Message, handler
from actors.errors import ActorError, ActorFailed, ActorStopped, AskTimeout, StashFull
from askers import asking, dead
from helpers import running_virtually
from troupe import AT_ONCE, Fail, Recall, Sleep, declare, settled


@dataclass(frozen=True)
class Pass(Message[object]):
    """Go through the gate, and answer with the value."""

    value: object


@dataclass(frozen=True)
class Open(Message[None]):
    """Open the gate."""


@dataclass(frozen=True)
class Close(Message[None]):
    """Close it."""


class Gate(Actor):
    """Lets messages through when it is open, and puts them aside till then."""

    def __init__(self):
        self.is_open, self.passed = False, []

    @handler()
    async def go(self, message: Pass):
        if not self.is_open:
            self.ctx.stash()
            return None
        self.passed.append(message.value)
        return message.value

    async def receive(self, message: Open | Close | Recall | Fail | Sleep):
        if isinstance(message, Recall):
            return list(self.passed)
        if isinstance(message, Fail):
            raise message.error
        if isinstance(message, Sleep):
            await trio.sleep(message.seconds)
            return None
        self.is_open = isinstance(message, Open)
        if self.is_open:
            self.ctx.unstash()
        return None


@pytest.fixture
def gate(app):
    """Returns the gate of the app, once that runs."""
    declare(app, ActorSpec(Gate, "gate", capacity=3, restart=AT_ONCE))
    return lambda: app.session.actor("gate")


async def test_they_come_again_in_their_order_before_those_in_the_mailbox(app, gate, autojump_clock):
    async with running_virtually(app):
        for number in range(3):
            gate().tell(Pass(number))
        await settled()
        assert await gate().ask(Recall()) == []
        gate().tell(Open())
        gate().tell(Pass("next"))
        assert await gate().ask(Recall()) == [0, 1, 2, "next"]
        assert dead(app) == []


async def test_who_asked_goes_on_waiting_for_the_answer(app, gate, autojump_clock):
    async with running_virtually(app), trio.open_nursery() as nursery:
        asker = await asking(nursery, gate(), Pass("it"))
        await trio.sleep(2)
        assert asker.at is None
        await gate().ask(Open())
    assert (asker.answer, asker.at) == ("it", 2)


async def test_they_may_be_put_aside_again(app, gate, autojump_clock):
    async with running_virtually(app):
        for number in range(3):
            gate().tell(Pass(number))
        await settled()
        gate().tell(Open())
        gate().tell(Close())
        gate().tell(Pass(3))
        await settled()
        assert await gate().ask(Recall()) == [0, 1, 2]
        await gate().ask(Open())
        assert await gate().ask(Recall()) == [0, 1, 2, 3]


async def test_to_take_up_none_changes_nothing(app, gate, autojump_clock):
    async with running_virtually(app):
        await gate().ask(Open())
        assert await gate().ask(Pass(1)) == 1


async def test_there_may_be_as_many_as_the_mailbox_holds(app, gate, autojump_clock):
    async with running_virtually(app):
        for number in range(3):
            gate().tell(Pass(number))
        await settled()
        with pytest.raises(ActorFailed) as caught:
            await gate().ask(Pass("one too many"))
        assert isinstance(caught.value.__cause__, StashFull)
        assert str(caught.value.__cause__).startswith("actor 'gate' has put aside 3 messages, which is all it may")


async def test_they_do_not_count_as_waiting_to_be_read(app, gate, autojump_clock):
    async with running_virtually(app):
        for number in range(3):
            gate().tell(Pass(number))
        await settled()
        gate().tell(Sleep(1))
        await settled()
        for number in range(3):
            gate().tell(Pass(number))  # there is room for all
        assert app.session.tree()["gate"].waiting == 3


async def test_a_question_among_them_has_no_more_time_than_any_other(app, gate, autojump_clock):
    async with running_virtually(app):
        with pytest.raises(AskTimeout):
            await gate().ask(Pass("it"), within=2)
        assert trio.current_time() == 2
        await gate().ask(Open())
        assert await gate().ask(Recall()) == []
        assert dead(app) == [("gate", Pass("it"), "expired")]


async def test_one_whose_asker_is_gone_is_not_taken_up(app, gate, autojump_clock):
    async with running_virtually(app), trio.open_nursery() as nursery:
        asker = await asking(nursery, gate(), Pass("it"))
        asker.give_up()
        await settled()
        await gate().ask(Open())
        assert await gate().ask(Recall()) == []
        assert dead(app) == [("gate", Pass("it"), "withdrawn")]


async def test_at_the_end_of_the_actor_they_become_dead_letters(app, gate, autojump_clock):
    async with running_virtually(app), trio.open_nursery() as nursery:
        gate().tell(Pass("told"))
        asker = await asking(nursery, gate(), Pass("asked"))
        await gate().stop()
        await settled()
        assert dead(app) == [("gate", Pass("told"), "stopped"), ("gate", Pass("asked"), "stopped")]
        assert (type(asker.error), asker.at) == (ActorStopped, 0)


async def test_so_they_do_when_the_actor_fails(app, gate, autojump_clock):
    async with running_virtually(app), trio.open_nursery() as nursery:
        gate().tell(Pass("told"))
        asker = await asking(nursery, gate(), Pass("asked"))
        gate().tell(Fail(ValueError("no")))
        await settled()
        put_aside = [letter for letter in dead(app) if letter[2] == "restarted"]
        assert put_aside == [("gate", Pass("told"), "restarted"), ("gate", Pass("asked"), "restarted")]
        assert isinstance(asker.error, ActorError)
        assert asker.at == 0
        await gate().ask(Open())
        assert await gate().ask(Recall()) == []


async def test_one_for_which_the_oldest_is_dropped_comes_also_where_what_comes_back_has_taken_more_than_the_room(
    app, autojump_clock
):
    class Keeper(Actor):
        def __init__(self):
            self.seen, self.keeps = [], False

        async def receive(self, message: Pass | Sleep | Recall):
            if isinstance(message, Sleep):
                self.keeps = True
                self.ctx.unstash()
                await trio.sleep(message.seconds)
            elif isinstance(message, Recall):
                return self.seen
            elif self.keeps:
                self.seen.append(message.value)
            else:
                self.ctx.stash()
            return None

    declare(app, ActorSpec(Keeper, "keeper", capacity=2, overflow="drop_old"))
    async with running_virtually(app):
        keeper = app.session.actor("keeper")
        for number in (1, 2):
            keeper.tell(Pass(number))
        await settled()
        keeper.tell(Sleep(1))
        keeper.tell(Pass(3))
        await settled()
        keeper.tell(Pass(4))
        assert dead(app) == [("keeper", Pass(1), "overflow")]
        await trio.sleep(2)
        assert await keeper.ask(Recall()) == [2, 3, 4]
