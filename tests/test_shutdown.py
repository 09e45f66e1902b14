"""How a runtime ends: the phases of a shutdown, and their deadlines."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runtime.shutdown import CUT_GRACE, KILL_MARGIN, LAST_PART, LEAST_CLOSING, Haste, Phase, Shutdown, announcement, longest
from runtime.stopping import LAST_GRACE, LAST_MARGIN

NOW = 100.0
WAIT = 5.0
LAST = LAST_GRACE + LAST_MARGIN
FINISHING, CANCELLING, CLOSING, CUTTING, KILLING, OVER = Phase


def shutdown_in(phase, wait=WAIT):
    """Make a shutdown that came to `phase` because nothing ever ended in time; return it and the moment."""
    shutdown, now = Shutdown(NOW, wait), NOW
    if phase is KILLING:
        shutdown.hurry(now, Haste.KILL)
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
        assert (shutdown.patience, shutdown.ends) == (NOW + WAIT + LAST_GRACE, NOW + WAIT + LAST)

    def test_when_all_have_finished_it_closes_with_what_is_left_of_the_time(self):
        shutdown = Shutdown(NOW, WAIT)
        assert shutdown.step(NOW + 1, False) is CLOSING
        assert (shutdown.patience, shutdown.ends) == (math.inf, NOW + WAIT)

    def test_the_closing_has_a_second_also_where_nothing_is_left(self):
        shutdown, now = shutdown_in(CANCELLING)
        assert shutdown.step(now + 1, False) is CLOSING
        assert shutdown.ends == now + 1 + LEAST_CLOSING

    def test_when_all_have_been_cancelled_it_closes(self):
        shutdown, now = shutdown_in(CANCELLING)
        assert shutdown.step(now + 1, True) is None
        assert shutdown.step(now + 1, False) is CLOSING

    def test_what_ignores_its_cancellation_does_not_hold_up_the_closing(self):
        shutdown, now = shutdown_in(CANCELLING)
        assert shutdown.step(now + LAST, True) is CLOSING

    def test_when_the_closing_is_done_it_is_over(self):
        shutdown, now = shutdown_in(CLOSING)
        assert shutdown.step(now + 0.1, False) is OVER

    def test_a_closing_that_takes_too_long_is_cut(self):
        shutdown, now = shutdown_in(CLOSING)
        assert shutdown.step(now + LEAST_CLOSING - 0.001, True) is None
        assert shutdown.step(now + LEAST_CLOSING, True) is CUTTING
        cut = now + LEAST_CLOSING + CUT_GRACE
        assert (shutdown.patience, shutdown.ends) == (cut, pytest.approx(cut + LAST_MARGIN))

    @pytest.mark.parametrize("running", [True, False])
    def test_after_the_cut_it_is_over_whatever_still_runs(self, running):
        shutdown, _ = shutdown_in(CUTTING)
        assert shutdown.step(shutdown.ends, running) is OVER

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


class TestTheDeadline:
    def test_with_the_default_settings_it_is_within_the_ten_seconds_of_docker(self):
        assert longest(5.0) <= 9.5

    @pytest.mark.parametrize("wait", [0.0, 5.0, 25.0, 80.0])
    def test_the_time_to_finish_is_the_only_one_that_can_be_set(self, wait):
        assert longest(wait) - wait == pytest.approx(longest(0.0))

    def test_with_haste_it_is_about_three_seconds_and_less_than_one_for_a_kill(self):
        assert longest(80.0, Haste.CANCEL) <= 3
        assert longest(80.0, Haste.KILL) < 1

    def test_it_leaves_time_for_what_comes_after_the_last_phase(self):
        shutdown, now = shutdown_in(OVER)
        assert shutdown.limit - now == pytest.approx(LAST_PART)

    def test_a_runtime_that_was_blocked_beyond_it_still_lets_runs_end_by_their_cancellation(self):
        shutdown = Shutdown(NOW, WAIT)
        assert shutdown.step(NOW + 60, True) is CANCELLING
        assert NOW + 60 < shutdown.ends < NOW + 60.5


class TestHaste:
    def test_runs_get_no_more_time_to_finish(self):
        shutdown = Shutdown(NOW, WAIT)
        shutdown.hurry(NOW, Haste.CANCEL)
        assert shutdown.step(NOW, True) is CANCELLING
        assert shutdown.ends == NOW + LAST

    def test_endless_time_is_cut_short_too(self):
        shutdown = Shutdown(NOW, math.inf)
        shutdown.hurry(NOW, Haste.CANCEL)
        assert shutdown.step(NOW, True) is CANCELLING

    def test_nothing_is_closed_where_nothing_runs(self):
        shutdown = Shutdown(NOW, WAIT)
        shutdown.hurry(NOW, Haste.CANCEL)
        assert shutdown.step(NOW, False) is OVER

    def test_nothing_is_closed_after_the_cancellation(self):
        shutdown, now = shutdown_in(CANCELLING)
        shutdown.hurry(now, Haste.CANCEL)
        assert shutdown.step(now, True) is None
        assert shutdown.step(now, False) is OVER

    def test_what_ignores_its_cancellation_is_given_up(self):
        shutdown, now = shutdown_in(CANCELLING)
        shutdown.hurry(now, Haste.CANCEL)
        assert shutdown.step(now + LAST, True) is OVER

    def test_a_closing_is_cut_at_once(self):
        shutdown, now = shutdown_in(CLOSING)
        shutdown.hurry(now, Haste.CANCEL)
        assert shutdown.step(now, True) is CUTTING

    def test_a_cut_keeps_its_time(self):
        shutdown, now = shutdown_in(CUTTING)
        ends = shutdown.ends
        shutdown.hurry(now, Haste.CANCEL)
        assert shutdown.step(now, True) is None
        assert shutdown.step(ends, True) is OVER

    @pytest.mark.parametrize("phase", [FINISHING, CANCELLING, CLOSING, CUTTING])
    def test_a_kill_comes_at_once_and_is_over_soon(self, phase):
        shutdown, now = shutdown_in(phase)
        shutdown.hurry(now, Haste.KILL)
        assert shutdown.step(now, True) is KILLING
        assert (shutdown.patience, shutdown.ends) == (now, now + KILL_MARGIN)
        assert shutdown.step(now + KILL_MARGIN, True) is OVER

    def test_a_kill_where_nothing_runs_is_over_at_once(self):
        shutdown = Shutdown(NOW, WAIT)
        shutdown.hurry(NOW, Haste.KILL)
        assert shutdown.step(NOW, False) is OVER

    @pytest.mark.parametrize("haste", Haste)
    def test_what_is_over_stays_so(self, haste):
        shutdown, now = shutdown_in(OVER)
        shutdown.hurry(now, haste)
        assert shutdown.step(now, False) is None

    @pytest.mark.parametrize("phase", Phase)
    @pytest.mark.parametrize("haste", Haste)
    def test_twice_is_once(self, phase, haste):
        once, now = shutdown_in(phase)
        twice, _ = shutdown_in(phase)
        once.hurry(now, haste)
        twice.hurry(now, haste)
        twice.hurry(now + 0.1, haste)
        assert (once.ends, once.limit, once.step(now, True)) == (twice.ends, twice.limit, twice.step(now, True))


class TestWhatItCuts:
    @pytest.mark.parametrize("phase", Phase)
    def test_a_run_that_is_terminated_once_runs_are_cancelled(self, phase):
        assert shutdown_in(phase)[0].cuts("terminate") == (phase is not FINISHING)

    @pytest.mark.parametrize("phase", Phase)
    def test_a_run_that_fails_by_its_cancellation_but_not_a_closing_one_that_fails_by_itself(self, phase):
        assert shutdown_in(phase)[0].cuts("fail") == (phase not in (FINISHING, CLOSING))

    @pytest.mark.parametrize("phase", Phase)
    @pytest.mark.parametrize("action", ["success", "inaction"])
    def test_nothing_that_has_done_its_work(self, phase, action):
        assert not shutdown_in(phase)[0].cuts(action)


class TestAnnouncement:
    def test_it_says_how_long_and_what_a_further_signal_does(self):
        assert announcement(Haste.NONE, 2, 5.0, by_signal=True) == "2 runs get 5 s to finish; a second signal ends them now"
        assert announcement(Haste.CANCEL, 2, 5.0, by_signal=True) == "ending 2 runs now; a third signal kills them"
        assert announcement(Haste.KILL, 2, 5.0, by_signal=True) == "killing 2 runs"

    def test_where_no_signal_has_come_it_speaks_of_none(self):
        assert announcement(Haste.NONE, 1, 0.5, by_signal=False) == "1 run gets 0.5 s to finish; a second shut_down() ends it now"
        assert announcement(Haste.CANCEL, 1, 5.0, by_signal=False) == "ending 1 run now"

    def test_a_start_is_something_that_goes_on_too(self):
        assert announcement(Haste.NONE, 0, 5.0, by_signal=True) == "the start gets 5 s to finish; a second signal ends it now"


hastes = st.sampled_from([Haste.NONE] * 6 + [Haste.CANCEL, Haste.KILL])
steps = st.lists(st.tuples(st.floats(0, 4), st.booleans(), hastes), max_size=40)


class TestAnyPath:
    @given(st.floats(0, 100), steps)
    @settings(max_examples=200)
    def test_phases_only_go_forward(self, wait, steps):
        shutdown, now, phases = Shutdown(NOW, wait), NOW, [FINISHING]
        for passed, running, haste in steps:
            now += passed
            shutdown.hurry(now, haste)
            if (phase := shutdown.step(now, running)) is not None:
                phases.append(phase)
                assert phase is shutdown.phase
                assert phase is OVER or shutdown.ends >= now
                assert phase is CLOSING or shutdown.patience <= shutdown.ends
        values = [phase.value for phase in phases]
        assert values == sorted(set(values))

    @given(st.floats(0, 100), steps)
    @settings(max_examples=200)
    def test_it_is_over_by_its_deadline_whatever_runs_and_the_deadline_only_comes_nearer(self, wait, steps):
        shutdown, now, over = Shutdown(NOW, wait), NOW, math.inf
        for passed, running, haste in steps:
            now = max(min(now + passed, shutdown.ends), now)
            limit = shutdown.limit
            shutdown.hurry(now, haste)
            assert shutdown.limit <= min(limit, now + longest(wait, haste))
            if shutdown.step(now, running) is OVER:
                over = now
        while shutdown.phase is not OVER:
            over = now = max(now, shutdown.ends)
            assert shutdown.step(now, True) is not None
        assert over <= shutdown.limit - LAST_PART + 1e-9
