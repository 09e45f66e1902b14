"""The lives of actors at their edges: what comes before they begin, and while they end."""

import math
import time
from contextlib import suppress
from dataclasses import dataclass
from functools import partial

import pytest
import trio

from actors import Actor, Down, Message, handler
from actors.errors import AskTimeout, InvalidTimeSpan, NotRunning
from helpers import running_virtually
from runtime.tree.deadlines import Deadlines


@dataclass(frozen=True)
class Block(Message[None]):
    s: float


@dataclass(frozen=True)
class Hi(Message[int]):
    pass


class A(Actor):
    @handler()
    async def block(self, m: Block) -> None:
        time.sleep(m.s)

    @handler()
    async def hi(self, m: Hi) -> int:
        return 1


async def test_expired_is_timeout(app):
    async with running_virtually(app):
        ref = await app.session.spawn(A, "a")
        ref.tell(Block(0.3))
        with pytest.raises(AskTimeout):
            await ref.ask(Hi(), within=0.1)


async def test_nan(app):
    async with running_virtually(app):
        ref = await app.session.spawn(A, "a")
        for w in (math.nan, -1.0):
            with pytest.raises(InvalidTimeSpan):
                await ref.ask(Hi(), within=w)


async def test_two_lives(app, autojump_clock):
    seen = []

    class First(Actor):
        async def on_start(self):
            await self.ctx.lookup("b").start()

    class B(Actor):
        async def on_start(self):
            seen.append("start")

        async def on_stop(self, why):
            seen.append("stop")

    app.actor(First, name="a")
    app.actor(B, name="b")
    async with running_virtually(app):
        await trio.sleep(0.1)
    assert seen == ["start", "stop"]


async def test_watchers_leak(app, autojump_clock):
    class W(Actor):
        def __init__(self, ref):
            self.r = ref

        async def on_start(self):
            self.ctx.watch(self.r)

        @handler()
        async def down(self, d: Down) -> None:
            pass

    async with running_virtually(app):
        ref = await app.session.spawn(A, "a")
        for n in range(3):
            w = await app.session.spawn(W, f"w{n}", {"ref": ref})
            await w.stop()
        assert not ref.cell._watchers


async def test_spawn_in_on_stop(app, autojump_clock):
    class P(Actor):
        async def on_stop(self, why):
            await self.ctx.spawn(A, "child")

    with trio.fail_after(1000):
        async with running_virtually(app):
            ref = await app.session.spawn(P, "p")
            await ref.stop()
            assert "p/child" not in ref.cell.tree.names


async def test_side_work_in_on_stop(app, autojump_clock):
    seen = []

    async def work():
        try:
            await trio.sleep(50)
            seen.append("done")
        except trio.Cancelled:
            seen.append("cancelled")
            raise

    class P(Actor):
        async def on_stop(self, why):
            self.ctx.pipe_to_self(work)
            self.ctx.set_timer("k", Hi(), every=1, mode="fixed_rate")

        @handler()
        async def hi(self, m: Hi) -> int:
            return 1

    async with running_virtually(app):
        ref = await app.session.spawn(P, "p")
        await ref.stop()
        await trio.sleep(100)
        assert seen in ([], ["cancelled"])
        assert not any(e[2].act for e in ref.cell.tree.deadlines._heap)


async def test_prune(autojump_clock):
    d = Deadlines()
    async with trio.open_nursery() as n:
        n.start_soon(d.run)
        late = [d.at(trio.current_time() + 100, lambda: None) for _ in range(200)]
        d.at(trio.current_time() + 1, lambda: [d.call_off(e) for e in late])
        [d.at(trio.current_time() + 1, lambda: None) for _ in range(10)]
        await trio.sleep(200)
        assert d._called_off == 0
        n.cancel_scope.cancel()


async def test_cancel_spawn_at_once(app, autojump_clock):
    class Slow(Actor):
        async def on_start(self):
            await trio.sleep(20)

    async with running_virtually(app):
        with trio.move_on_after(0):
            await app.session.spawn(Slow, "slow")
        await trio.sleep(0.01)
        assert [node.name for node in app.session.tree().children if node.kind == "actor"] == []


async def test_one_that_is_stopped_before_its_turn_to_begin_has_ended(app, autojump_clock):
    class First(Actor):
        async def on_start(self):
            seen.append(await self.ctx.lookup("second").stop())

    seen = []
    app.actor(First, "first")
    app.actor(Actor, "second")
    async with running_virtually(app):
        assert await app.session.actor("second").wait_ended() == seen[0]


async def test_a_start_hook_that_spawns_hears_that_nothing_runs_yet(app, autojump_clock):
    @app.setup
    async def too_early():
        with pytest.raises(NotRunning):
            await app.session.spawn(Actor, "early")
        heard.append("early")

    heard = []
    async with running_virtually(app):
        assert heard == ["early"]


async def test_a_start_that_ignores_that_its_time_is_over_cuts_off_no_message(app, autojump_clock):
    class Stubborn(Actor):
        async def on_start(self):
            with suppress(trio.Cancelled):
                await trio.sleep_forever()

        async def receive(self, message: Hi) -> float:
            await trio.sleep(1)
            return trio.current_time()

    async with running_virtually(app), trio.open_nursery() as nursery:
        nursery.start_soon(partial(app.session.spawn, Stubborn, "stubborn", start_timeout=2))
        await trio.sleep(1)
        assert await app.session.actor("stubborn").ask(Hi()) == 3
        assert app.session.actor("stubborn").incarnation == 1
