"""A supervisor whose children fail, are stopped and are started in any order keeps each as somebody wants it to be."""

import random
from contextlib import suppress
from itertools import pairwise

import pytest
import trio

from actors import Restart, one_for_all, one_for_one, rest_for_one
from actors.errors import ActorError
from helpers import running_virtually
from troupe import Diary, Echo, Fail, declare, player, pool

NAMES = "abcde"


def fickle(diary, name, dice):
    """Return the declaration of an actor that takes its time, and does not always start again."""
    return player(
        diary,
        name,
        starts_in=[dice.choice([0, 1, 2]) for _ in range(100)],
        stops_in=dice.choice([0, 1, 2]),
        refusals=[None, *(dice.choice([None, None, ValueError("not yet")]) for _ in range(20))],
        restart=Restart.transient(backoff=dice.choice([0, 1, 3]), jitter=0),
    )


async def trouble(ref, dice):
    """Do to an actor whatever comes to mind; with nobody waiting for the end of it, perhaps."""
    with trio.move_on_after(dice.choice([0.5, 20])):
        match dice.choice(["fail", "fail", "fail", "stop", "start"]):
            case "fail":
                ref.tell(Fail(ValueError("oops")))
            case "stop":
                await ref.stop()
            case "start":
                with suppress(ActorError):  # it runs, or does not start
                    await ref.start()


@pytest.mark.parametrize("strategy", [one_for_one, one_for_all, rest_for_one])
async def test_all_children_run_or_have_ended_when_the_storm_is_over(app, autojump_clock, seed, strategy):
    diary, dice = Diary(), random.Random(seed)
    declare(app, pool(*(fickle(diary, name, dice) for name in NAMES), strategy=strategy, limit=10_000))
    async with running_virtually(app):
        refs = [app.session.actor(f"pool/{name}") for name in NAMES]
        for _ in range(60):
            await trouble(dice.choice(refs), dice)
            await trio.sleep(dice.choice([0, 0, 0.5, 1, 2]))
        await trio.sleep(10_000)
        for ref in refs:
            steps = [step for step in diary.of(ref.name) if step in ("started", "stopping")]
            assert all(before != after for before, after in pairwise(steps))  # never two lives at a time
            if ref.is_alive:
                assert await ref.ask(Echo("hello")) == "hello"
                assert steps[-1] == "started"
            else:
                assert app.session.tree()[ref.name].state in ("stopped", "failed")
