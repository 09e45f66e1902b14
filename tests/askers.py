"""Who talks to actors in the tests: askers beside the test, and functions for actors to do."""

from contextlib import asynccontextmanager

import trio

from actors.errors import DeadlockError
from troupe import Do, settled


class Asker:
    """Asks in a task of its own, until answered or given up, and keeps what came of it and when."""

    def __init__(self, nursery, ref, message, **options):
        self.answer = self.error = self.at = None
        self._scope = trio.CancelScope()
        nursery.start_soon(self._ask, ref, message, options)

    async def _ask(self, ref, message, options):
        with self._scope:
            try:
                self.answer = await ref.ask(message, **options)
            except Exception as exc:
                self.error = exc
            self.at = trio.current_time()

    def give_up(self):
        self._scope.cancel()


async def asking(nursery, ref, message, **options):
    """Have somebody ask, and return who does, once the question has arrived and nothing else goes on now."""
    asker = Asker(nursery, ref, message, **options)
    await settled()
    return asker


def asks(ref, message, **options):
    """Return what has an actor ask another, and answer what it was answered, or the cycle that this would have closed."""

    async def ask(actor):
        try:
            return await ref.ask(message, **options)
        except DeadlockError as exc:
            return exc.cycle

    return ask


@asynccontextmanager
async def busy(ref):
    """Have an actor busy with one message for as long as the block lasts."""
    released = trio.Event()
    ref.tell(Do(lambda _: released.wait()))
    await settled()
    try:
        yield
    finally:
        released.set()


async def wait_waiting(app, name):
    """Wait until a message waits to be read by an actor."""
    while app.session.tree()[name].waiting == 0:
        await trio.sleep(0.005)


async def wait_dead(app):
    """Wait until there is a dead letter, and return all, as :func:`dead` does."""
    while not app.session.dead_letters:
        await trio.sleep(0.005)
    return dead(app)


def dead(app):
    """Return the dead letters as name of the actor, message and reason."""
    return [(letter.actor, letter.message, letter.reason) for letter in app.session.dead_letters]
