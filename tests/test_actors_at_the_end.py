"""What becomes of what actors have not dealt with when an app ends."""

import trio

from actors import Actor, App, Ref, Supervisor
from actors.spec import ActorSpec
from helpers import running_virtually
from troupe import Echo


class Listener(Actor):
    def __init__(self, diary, other=None):
        self.diary, self.other = diary, other

    async def receive(self, message: Echo) -> object:
        await trio.sleep(0.1)
        self.diary.append(message.value)
        if self.other is not None:
            self.other.tell(message)


async def tells(listener, count=5):
    for number in range(count):
        listener.tell(Echo(number))


async def test_one_that_ends_by_itself_has_its_actors_deal_with_all_that_waits(autojump_clock):
    app, heard = App(log=None, stop_when_idle=True), []
    app.actor(Supervisor([ActorSpec(Listener, "a", {"diary": heard})]), "pool")

    @app.task(on_startup=True)
    async def tell(listener=Ref("pool/a")):
        await tells(listener)

    async with running_virtually(app) as run:
        await run.system.wait_ended()
    assert heard == [0, 1, 2, 3, 4]


async def test_one_that_is_shut_down_leaves_dead_letters_that_can_be_looked_at_afterwards(autojump_clock):
    app, heard = App(log=None), []
    app.actor(Listener, "a", {"diary": heard})
    async with running_virtually(app):
        await tells(app.session.actor("a"))
    assert [letter.message.value for letter in app.session.dead_letters] == [0, 1, 2, 3, 4][len(heard) :]
    assert len(heard) < 5


async def test_actors_get_others_by_arguments_that_value_themselves(autojump_clock):
    app, heard, diary = App(log=None), [], []
    app.actor(Listener, "second", {"diary": heard})
    app.actor(Listener, "first", {"diary": diary, "other": Ref("second")})
    async with running_virtually(app):
        await app.session.actor("first").ask(Echo("hello"))
        await app.session.actor("second").ask(Echo("again"))
    assert heard == ["hello", "again"]
