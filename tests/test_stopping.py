"""The budget of what is asked to end."""

import math

import pytest
import trio

from runtime.stopping import Patience


class TestPatience:
    async def test_a_block_that_ends_in_time_is_not_cut(self, autojump_clock):
        patience = Patience()
        with patience.allow(5) as scope:
            await trio.sleep(4)
        assert (trio.current_time(), scope.cancelled_caught) == (4, False)

    async def test_a_block_is_cut_after_its_time(self, autojump_clock):
        with Patience().allow(5) as scope:
            await trio.sleep_forever()
        assert (trio.current_time(), scope.cancelled_caught) == (5, True)

    async def test_a_block_is_shielded_from_cancellation_from_outside(self, autojump_clock):
        with trio.CancelScope() as outside:
            outside.cancel()
            with Patience().allow(5) as scope:
                await trio.sleep(4)
            assert not scope.cancelled_caught
        assert trio.current_time() == 4

    async def test_no_time_is_no_time(self, autojump_clock):
        with Patience().allow(0) as scope:
            await trio.sleep_forever()
        assert (trio.current_time(), scope.cancelled_caught) == (0, True)

    async def test_shortening_cuts_blocks_that_are_open(self, autojump_clock):
        patience, ended = Patience(), []

        async def hold(seconds):
            with patience.allow(seconds):
                await trio.sleep_forever()
            ended.append((seconds, trio.current_time()))

        async with trio.open_nursery() as nursery:
            for seconds in (1, 60, math.inf):
                nursery.start_soon(hold, seconds)
            await trio.testing.wait_all_tasks_blocked()
            patience.shorten(3)
        assert sorted(ended) == [(1, 1), (60, 3), (math.inf, 3)]

    async def test_shortening_to_a_moment_that_is_past_ends_them_at_once(self, autojump_clock):
        patience = Patience()
        await trio.sleep(10)
        with patience.allow(60) as scope:
            patience.shorten(5)
            await trio.sleep_forever()
        assert (trio.current_time(), scope.cancelled_caught) == (10, True)

    async def test_shortening_counts_for_later_blocks(self, autojump_clock):
        patience = Patience()
        patience.shorten(3)
        with patience.allow(60):
            await trio.sleep_forever()
        assert trio.current_time() == 3
        with patience.allow(60):
            await trio.sleep_forever()
        assert trio.current_time() == 3

    async def test_shortening_never_lengthens(self, autojump_clock):
        patience = Patience()
        patience.shorten(3)
        patience.shorten(30)
        with patience.allow(60):
            patience.shorten(20)
            await trio.sleep_forever()
        assert trio.current_time() == 3

    async def test_after_restoring_later_blocks_have_their_full_time(self, autojump_clock):
        patience = Patience()
        patience.shorten(3)
        patience.restore()
        with patience.allow(60):
            await trio.sleep_forever()
        assert trio.current_time() == 60

    async def test_restoring_gives_open_blocks_nothing_back(self, autojump_clock):
        patience = Patience()
        with patience.allow(60):
            patience.shorten(3)
            patience.restore()
            await trio.sleep_forever()
        assert trio.current_time() == 3

    async def test_a_block_that_has_ended_is_forgotten_also_where_it_raised(self, autojump_clock):
        patience = Patience()
        with pytest.raises(ValueError), patience.allow(60):
            raise ValueError
        with patience.allow(60):
            assert len(patience._open) == 1
        assert patience._open == {}

    async def test_what_a_block_raises_comes_out_as_it_is(self, autojump_clock):
        error = ValueError("no")
        with pytest.raises(ValueError) as caught, Patience().allow(60):
            raise error
        assert caught.value is error
