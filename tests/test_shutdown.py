"""How a runtime ends: the phases of a shutdown, and their deadlines."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runtime.shutdown import Phase, Shutdown
from runtime.stopping import LAST_GRACE, LAST_MARGIN

NOW = 100.0
WAIT = 5.0
LAST = LAST_GRACE + LAST_MARGIN
FINISHING, CANCELLING, CLOSING, CUTTING, OVER = Phase


def shutdown_in(phase):
    """Make a shutdown that came to `phase` because nothing ever ended in time; return it and the moment."""
    shutdown, now = Shutdown(NOW, WAIT), NOW
    while shutdown.phase is not phase:
        now = shutdown.ends
        shutdown.step(now, True)
    return shutdown, now


class TestPhases:
    def test_it_begins_with_letting_runs_finish(self):
        shutdown = Shutdown(NOW, WAIT)
        assert (shutdown.phase, shutdown.ends) == (FINISHING, NOW + WAIT)

    def test_while_runs_are_left_a_phase_lasts_as_long_as_it_may(self):
        shutdown = Shutdown(NOW, WAIT)
        assert shutdown.step(NOW, True) is None
        assert shutdown.step(NOW + WAIT - 0.001, True) is None
        assert shutdown.phase is FINISHING

    def test_what_does_not_finish_is_cancelled(self):
        shutdown = Shutdown(NOW, WAIT)
        assert shutdown.step(NOW + WAIT, True) is CANCELLING
        assert shutdown.ends == NOW + WAIT + LAST

    def test_when_all_have_finished_it_closes_at_once(self):
        shutdown = Shutdown(NOW, WAIT)
        assert shutdown.step(NOW + 1, False) is CLOSING
        assert shutdown.ends == NOW + 1 + WAIT

    def test_when_all_have_been_cancelled_it_closes(self):
        shutdown, now = shutdown_in(CANCELLING)
        assert shutdown.step(now + 1, True) is None
        assert shutdown.step(now + 1, False) is CLOSING

    def test_what_ignores_its_cancellation_does_not_hold_up_the_closing(self):
        shutdown, now = shutdown_in(CANCELLING)
        assert shutdown.step(now + LAST, True) is CLOSING

    def test_when_the_closing_is_done_it_is_over(self):
        shutdown, now = shutdown_in(CLOSING)
        assert shutdown.step(now + 1, False) is OVER

    def test_a_closing_that_takes_too_long_is_cut(self):
        shutdown, now = shutdown_in(CLOSING)
        assert shutdown.step(now + WAIT - 0.001, True) is None
        assert shutdown.step(now + WAIT, True) is CUTTING
        assert shutdown.ends == now + WAIT + LAST

    @pytest.mark.parametrize("running", [True, False])
    def test_after_the_cut_it_is_over_whatever_still_runs(self, running):
        shutdown, now = shutdown_in(CUTTING)
        assert shutdown.step(now + LAST, running) is OVER

    @pytest.mark.parametrize("running", [True, False])
    def test_when_it_is_over_nothing_follows(self, running):
        shutdown, now = shutdown_in(OVER)
        assert shutdown.step(now, running) is None
        assert shutdown.step(now + 1000, running) is None

    def test_without_time_to_finish_runs_are_cancelled_at_once(self):
        assert Shutdown(NOW, 0.0).step(NOW, True) is CANCELLING

    def test_with_endless_time_to_finish_it_waits_for_the_last_run(self):
        shutdown = Shutdown(NOW, math.inf)
        assert shutdown.step(1e12, True) is None
        assert shutdown.step(1e12, False) is CLOSING


class TestForce:
    def test_runs_get_no_more_time_to_finish(self):
        shutdown = Shutdown(NOW, WAIT)
        shutdown.force()
        assert shutdown.step(NOW, True) is CANCELLING
        assert shutdown.ends == NOW + LAST

    def test_endless_time_is_cut_short_too(self):
        shutdown = Shutdown(NOW, math.inf)
        shutdown.force()
        assert shutdown.step(NOW, True) is CANCELLING

    def test_nothing_is_closed_where_nothing_runs(self):
        shutdown = Shutdown(NOW, WAIT)
        shutdown.force()
        assert shutdown.step(NOW, False) is OVER

    def test_nothing_is_closed_after_the_cancellation(self):
        shutdown, now = shutdown_in(CANCELLING)
        shutdown.force()
        assert shutdown.step(now, True) is None
        assert shutdown.step(now, False) is OVER

    def test_what_ignores_its_cancellation_is_given_up(self):
        shutdown, now = shutdown_in(CANCELLING)
        shutdown.force()
        assert shutdown.step(now + LAST, True) is OVER

    def test_a_closing_is_cut_at_once(self):
        shutdown, now = shutdown_in(CLOSING)
        shutdown.force()
        assert shutdown.step(now, True) is CUTTING

    def test_a_cut_keeps_its_time(self):
        shutdown, now = shutdown_in(CUTTING)
        shutdown.force()
        assert shutdown.step(now, True) is None
        assert shutdown.step(now + LAST, True) is OVER

    def test_what_is_over_stays_so(self):
        shutdown, now = shutdown_in(OVER)
        shutdown.force()
        assert shutdown.step(now, False) is None

    @pytest.mark.parametrize("phase", Phase)
    def test_twice_is_once(self, phase):
        once, now = shutdown_in(phase)
        twice, _ = shutdown_in(phase)
        once.force()
        twice.force()
        twice.force()
        assert (once.ends, once.step(now, True)) == (twice.ends, twice.step(now, True))


steps = st.lists(st.tuples(st.floats(0, 4), st.booleans(), st.sampled_from([False, False, False, True])), max_size=40)


class TestAnyPath:
    @given(st.floats(0, 10), steps)
    @settings(max_examples=100, derandomize=True, deadline=None)
    def test_phases_only_go_forward(self, wait, steps):
        shutdown, now, phases = Shutdown(NOW, wait), NOW, [FINISHING]
        for passed, running, force in steps:
            now += passed
            if force:
                shutdown.force()
            if (phase := shutdown.step(now, running)) is not None:
                phases.append(phase)
                assert phase is shutdown.phase
                assert phase is OVER or shutdown.ends >= now
        values = [phase.value for phase in phases]
        assert values == sorted(set(values))

    @given(st.floats(0, 10), steps)
    @settings(max_examples=100, derandomize=True, deadline=None)
    def test_it_is_over_in_bounded_time_whatever_runs(self, wait, steps):
        shutdown, now = Shutdown(NOW, wait), NOW
        for passed, _, force in steps:
            now = min(now + passed, max(shutdown.ends, now))
            if force:
                shutdown.force()
            shutdown.step(now, True)
        while shutdown.phase is not OVER:
            now = max(now, shutdown.ends)
            assert shutdown.step(now, True) is not None
        assert now <= NOW + 2 * wait + 2 * LAST + 1e-9
