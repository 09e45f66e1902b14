"""What becomes of slots that are late, missed, or meet a run that goes on: each is decided once, and accounted for."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actors import Condition, every
from actors.conds import after_success, always, cron, daily, never
from actors.facts import Facts, TaskFacts, World
from actors.policies import IDLE, NAG_AFTER, Engagement, Missed, StartAt, Timing, decide, delay

DAWN = 1_704_067_200.0  # a Monday, midnight in UTC
MINUTE, HOUR, DAY = 60.0, 3600.0, 86_400.0
MINUTELY, HOURLY = every("1 minute"), every("1 hour")
RUNNING, WAITING, JUST_ENDED = Engagement(running=1), Engagement(waiting=1), Engagement(blocker="run-1")
thorough = settings(max_examples=300)
quick = settings(max_examples=80)


def knows(due=DAWN, *, away="down", started=None, awake=math.inf, tasks=None, **own):
    """Return facts of a task that was last due at `due`, in a runtime that follows the clock only from `awake` on."""
    world = World(tasks=tasks or {}, started=started, awake=awake, away=away)
    return Facts(TaskFacts(due=due, anchor=due, **own), world)


def apply(verdict, facts):
    """Take note of a verdict as the runtime does that carries it out."""
    if verdict.decided > -math.inf:
        facts.own.decide(verdict.decided)
    for start in verdict.starts:
        facts.own.decide(start.due)


def dues(verdict):
    """Return for which slots a verdict starts runs."""
    return [start.due for start in verdict.starts]


def taken(verdict, condition, facts):
    """Return the slots that a verdict is about: those that it starts, and the others that it counts as missed."""
    slots = dues(verdict)
    if verdict.missed is not None:
        slot = verdict.missed.first
        while slot <= verdict.missed.last:
            if slot not in dues(verdict):
                slots.append(slot)
            slot = condition.slot_after(slot, facts)
    return sorted(slots)


def open_slots(condition, facts, since, now):
    """Return the slots after `since` up to `now`."""
    slots, slot = [], condition.slot_after(since, facts)
    while slot <= now:
        slots.append(slot)
        slot = condition.slot_after(slot, facts)
    return slots


class TestOneSlot:
    def test_nothing_is_due_one_moment_before_a_slot(self):
        verdict = decide(MINUTELY, math.nextafter(DAWN + MINUTE, 0), knows(), Timing())
        assert (verdict.starts, verdict.missed, verdict.look) == ((), None, DAWN + MINUTE)

    def test_a_slot_starts_one_run_when_it_has_come(self):
        verdict = decide(MINUTELY, DAWN + MINUTE, knows(), Timing())
        assert verdict.starts == (StartAt(DAWN + MINUTE, DAWN + MINUTE),)
        assert (verdict.missed, verdict.decided, verdict.cancel) == (None, DAWN + MINUTE, False)

    def test_a_start_that_comes_late_is_due_at_its_slot_and_is_at_once(self):
        assert decide(MINUTELY, DAWN + 75, knows(), Timing()).starts == (StartAt(DAWN + MINUTE, DAWN + 75),)

    def test_the_next_look_is_at_the_next_slot_of_the_grid_and_not_a_period_after_the_late_start(self):
        assert decide(MINUTELY, DAWN + 75, knows(), Timing()).look == DAWN + 2 * MINUTE

    def test_a_task_that_never_ran_starts_at_once(self):
        facts = Facts(TaskFacts(seen=DAWN))
        assert decide(MINUTELY, DAWN, facts, Timing()).starts == (StartAt(DAWN, DAWN),)

    def test_no_slot_counts_that_came_before_its_condition_was_followed(self):
        facts = Facts(TaskFacts(due=DAWN - 2 * HOUR, anchor=DAWN - 2 * HOUR, seen=DAWN + 1))
        verdict = decide(HOURLY, DAWN + 100, facts, Timing())
        assert (verdict.starts, verdict.missed, verdict.look) == ((), None, DAWN + HOUR)

    @pytest.mark.parametrize("condition", [never, always & never])
    def test_what_never_holds_starts_nothing(self, condition):
        assert decide(condition, DAWN, knows(), Timing()).starts == ()

    def test_asking_decides_nothing(self):
        facts = knows()
        assert decide(MINUTELY, DAWN + 300, facts, Timing()) == decide(MINUTELY, DAWN + 300, facts, Timing())
        assert facts.own.due == DAWN

    def test_what_a_condition_raises_is_raised(self):
        class Broken(Condition):
            def holds(self, now, facts):
                raise LookupError("gone")

        with pytest.raises(LookupError, match="gone"):
            decide(Broken(), DAWN, knows(), Timing())


class TestOnTime:
    """A slot is missed when it is late by more than a minute, and by more than a tenth of the time between two slots."""

    @pytest.mark.parametrize(
        ("condition", "period", "tolerance"),
        [
            (every("10 seconds"), 10, 60),
            (every("1 minute"), MINUTE, 60),
            (every("10 minutes"), 600, 60),
            (every("1 hour"), HOUR, 360),
            (every("1 day"), DAY, 8640),
            (cron("0 * * * *"), HOUR, 360),
            (daily.at("00:00"), DAY, 8640),
        ],
    )
    def test_a_slot_is_on_time_up_to_a_minute_or_a_tenth_of_the_period(self, condition, period, tolerance):
        facts = knows(awake=DAWN + 10 * DAY)
        slot = DAWN + period * max(1, math.ceil(2 * tolerance / period))  # so that it is not the last one before the next
        facts.own.due = slot - period
        on_time = min(slot + tolerance, math.nextafter(slot + period, 0))
        assert dues(decide(condition, on_time, facts, Timing(misfire="skip"))) == [slot]
        if tolerance < period:
            verdict = decide(condition, slot + tolerance + 1, facts, Timing(misfire="skip"))
            assert (verdict.starts, verdict.missed.count) == ((), 1)

    def test_the_latest_of_short_periods_is_on_time_and_only_those_before_it_are_missed(self):
        verdict = decide(every("10 seconds"), DAWN + 1005, knows(), Timing(misfire="skip"))
        assert dues(verdict) == [DAWN + 1000]
        assert (verdict.missed.count, verdict.missed.first, verdict.missed.last) == (99, DAWN + 10, DAWN + 990)


class TestLatest:
    def test_of_several_missed_slots_the_latest_runs_and_the_others_are_one_record(self):
        verdict = decide(HOURLY, DAWN + 5.5 * HOUR, knows(started=DAWN + 5.4 * HOUR), Timing())
        assert verdict.starts == (StartAt(DAWN + 5 * HOUR, DAWN + 5.5 * HOUR),)
        assert verdict.missed == Missed(4, DAWN + HOUR, DAWN + 4 * HOUR, "down")
        assert (verdict.decided, verdict.look) == (DAWN + 5 * HOUR, DAWN + 6 * HOUR)

    def test_one_missed_slot_runs_and_leaves_no_record(self):
        verdict = decide(HOURLY, DAWN + 1.5 * HOUR, knows(), Timing())
        assert (dues(verdict), verdict.missed) == ([DAWN + HOUR], None)

    def test_a_year_of_seconds_is_counted_and_one_run(self):
        year = 365 * DAY
        verdict = decide(every("1 second"), DAWN + year + 0.25, knows(), Timing())
        assert dues(verdict) == [DAWN + year]
        assert (verdict.missed.count, verdict.missed.first, verdict.missed.last) == (year - 1, DAWN + 1, DAWN + year - 1)
        assert verdict.look == DAWN + year + 1

    def test_of_very_many_slots_of_a_calendar_a_thousand_stand_for_so_many_or_more(self):
        verdict = decide(cron("* * * * *"), DAWN + 30 * DAY + 5, knows(awake=DAWN + 31 * DAY), Timing())
        assert (dues(verdict), verdict.missed.count) == ([DAWN + 30 * DAY], 1000)
        assert (verdict.missed.first, verdict.missed.last) == (DAWN + MINUTE, DAWN + 30 * DAY - MINUTE)


class TestSkip:
    def test_no_missed_slot_runs_and_all_are_one_record(self):
        verdict = decide(HOURLY, DAWN + 5.5 * HOUR, knows(started=DAWN + 5.4 * HOUR), Timing(misfire="skip"))
        assert verdict.starts == ()
        assert verdict.missed == Missed(5, DAWN + HOUR, DAWN + 5 * HOUR, "down")
        assert (verdict.decided, verdict.look) == (DAWN + 5 * HOUR, DAWN + 6 * HOUR)

    def test_the_slot_after_those_that_were_skipped_runs(self):
        facts = knows()
        apply(decide(HOURLY, DAWN + 5.5 * HOUR, facts, Timing(misfire="skip")), facts)
        verdict = decide(HOURLY, DAWN + 6 * HOUR, facts, Timing(misfire="skip"))
        assert (dues(verdict), verdict.missed) == ([DAWN + 6 * HOUR], None)


class TestAll:
    def test_every_missed_slot_runs_the_oldest_first(self):
        verdict = decide(HOURLY, DAWN + 3.5 * HOUR, knows(), Timing(misfire="all"))
        assert dues(verdict) == [DAWN + HOUR, DAWN + 2 * HOUR, DAWN + 3 * HOUR]
        assert (verdict.missed, verdict.decided) == (None, DAWN + 3 * HOUR)

    def test_the_latest_ones_run_where_there_are_more_than_the_limit(self):
        verdict = decide(MINUTELY, DAWN + 500 * MINUTE + 1, knows(started=DAWN + 500 * MINUTE), Timing(misfire="all"))
        assert dues(verdict) == [DAWN + number * MINUTE for number in range(491, 501)]
        assert verdict.missed == Missed(490, DAWN + MINUTE, DAWN + 490 * MINUTE, "down")

    def test_none_runs_that_is_older_than_the_window(self):
        timing = Timing(misfire="all", catchup_limit=100, catchup_window=3 * HOUR)
        verdict = decide(HOURLY, DAWN + 10 * HOUR, knows(), timing)
        assert dues(verdict) == [DAWN + number * HOUR for number in (7, 8, 9, 10)]
        assert (verdict.missed.count, verdict.missed.first, verdict.missed.last) == (6, DAWN + HOUR, DAWN + 6 * HOUR)

    def test_the_latest_runs_even_where_the_window_is_shorter_than_its_age(self):
        verdict = decide(HOURLY, DAWN + 2.5 * HOUR, knows(), Timing(misfire="all", catchup_window=60))
        assert (dues(verdict), verdict.missed.count) == ([DAWN + 2 * HOUR], 1)

    def test_none_runs_that_is_older_than_the_deadline(self):
        verdict = decide(HOURLY, DAWN + 5.25 * HOUR, knows(), Timing(misfire="all", deadline=HOUR))
        assert (dues(verdict), verdict.missed.count) == ([DAWN + 5 * HOUR], 4)

    def test_jitter_does_not_change_their_order(self):
        for number in range(20):
            timing = Timing(misfire="all", jitter=600, seed=str(number))
            verdict = decide(HOURLY, DAWN + 8.5 * HOUR, knows(), timing)
            starts = [start.at for start in verdict.starts]
            assert starts == sorted(starts)


class TestDeadline:
    def test_a_slot_that_is_just_not_too_old_runs(self):
        assert dues(decide(HOURLY, DAWN + HOUR + 600, knows(), Timing(deadline=600))) == [DAWN + HOUR]

    def test_one_that_is_too_old_is_a_record_and_no_run(self):
        verdict = decide(HOURLY, DAWN + HOUR + 601, knows(), Timing(deadline=600))
        assert verdict.starts == ()
        assert verdict.missed == Missed(1, DAWN + HOUR, DAWN + HOUR, "deadline")
        assert verdict.decided == DAWN + HOUR

    @pytest.mark.parametrize("misfire", ["latest", "skip", "all"])
    def test_it_counts_whatever_is_done_about_missed_slots(self, misfire):
        verdict = decide(HOURLY, DAWN + 4.5 * HOUR, knows(), Timing(misfire=misfire, deadline=600))
        assert (verdict.starts, verdict.missed.count, verdict.missed.cause) == ((), 4, "deadline")

    def test_it_counts_when_shorter_than_what_still_is_on_time(self):
        assert decide(HOURLY, DAWN + HOUR + 30, knows(), Timing(deadline=10)).missed.cause == "deadline"

    @pytest.mark.parametrize("overlap", ["queue_one", "queue"])
    def test_it_counts_for_slots_that_met_a_run(self, overlap):
        timing = Timing(overlap=overlap, deadline=30)
        verdict = decide(MINUTELY, DAWN + 3 * MINUTE - 1, knows(), timing, JUST_ENDED)
        assert verdict.starts == ()
        assert (verdict.missed.count, verdict.missed.first, verdict.missed.last) == (2, DAWN + MINUTE, DAWN + 2 * MINUTE)

    def test_jitter_does_not_make_a_start_too_late(self):
        verdict = decide(HOURLY, DAWN + HOUR, knows(), Timing(deadline=1, jitter=600, seed="a"))
        assert (dues(verdict), verdict.missed) == ([DAWN + HOUR], None)


class TestCauses:
    """Why slots were missed: told by when the first of them was due."""

    def cause(self, **world):
        return decide(HOURLY, DAWN + 5.5 * HOUR, knows(**world), Timing()).missed.cause

    def test_before_the_runtime_started_the_app_was_down(self):
        assert self.cause(started=DAWN + 5 * HOUR, awake=DAWN + 5 * HOUR) == "down"

    def test_before_it_followed_the_clock_again_it_was_suspended(self):
        assert self.cause(started=DAWN, awake=DAWN + 5 * HOUR, away="suspended") == "suspended"

    def test_or_blocked(self):
        assert self.cause(started=DAWN, awake=DAWN + 5 * HOUR, away="blocked") == "blocked"

    def test_down_comes_before_what_happened_later(self):
        assert self.cause(started=DAWN + 2 * HOUR, awake=DAWN + 5 * HOUR, away="suspended") == "down"

    def test_what_came_while_the_task_might_not_start_has_that_cause(self):
        assert self.cause(started=DAWN, awake=DAWN, freed=DAWN + 10 * HOUR, held="paused") == "paused"


class TestOverlap:
    """What becomes of slots that meet a run."""

    @pytest.mark.parametrize("overlap", ["skip", "queue_one", "queue"])
    @pytest.mark.parametrize("busy", [RUNNING, WAITING])
    def test_nothing_is_decided_while_it_goes_on(self, overlap, busy):
        verdict = decide(MINUTELY, DAWN + 150, knows(), Timing(overlap=overlap), busy)
        assert (verdict.starts, verdict.missed, verdict.decided, verdict.cancel) == ((), None, -math.inf, False)

    def test_skip_puts_them_on_record_with_the_run_when_that_has_ended(self):
        verdict = decide(MINUTELY, DAWN + 150, knows(), Timing(), JUST_ENDED)
        assert verdict.starts == ()
        assert verdict.missed == Missed(2, DAWN + MINUTE, DAWN + 2 * MINUTE, "overlap", "run-1")
        assert (verdict.decided, verdict.look) == (DAWN + 2 * MINUTE, DAWN + 3 * MINUTE)

    def test_a_run_that_met_no_slot_leaves_no_record(self):
        verdict = decide(MINUTELY, DAWN + 30, knows(), Timing(), JUST_ENDED)
        assert (verdict.starts, verdict.missed, verdict.look) == ((), None, DAWN + MINUTE)

    def test_a_slot_at_the_very_end_of_the_run_meets_nothing_and_starts(self):
        verdict = decide(MINUTELY, DAWN + 2 * MINUTE, knows(), Timing(), JUST_ENDED)
        assert dues(verdict) == [DAWN + 2 * MINUTE]
        assert verdict.missed == Missed(1, DAWN + MINUTE, DAWN + MINUTE, "overlap", "run-1")

    def test_queue_one_starts_the_first_of_them(self):
        verdict = decide(MINUTELY, DAWN + 200, knows(), Timing(overlap="queue_one"), JUST_ENDED)
        assert verdict.starts == (StartAt(DAWN + MINUTE, DAWN + 200),)
        assert verdict.missed == Missed(2, DAWN + 2 * MINUTE, DAWN + 3 * MINUTE, "overlap", "run-1")

    def test_queue_one_leaves_no_record_where_there_was_one(self):
        verdict = decide(MINUTELY, DAWN + 90, knows(), Timing(overlap="queue_one"), JUST_ENDED)
        assert (dues(verdict), verdict.missed) == ([DAWN + MINUTE], None)

    def test_queue_starts_all_of_them_in_their_order(self):
        verdict = decide(MINUTELY, DAWN + 200, knows(), Timing(overlap="queue"), JUST_ENDED)
        assert (dues(verdict), verdict.missed) == ([DAWN + MINUTE, DAWN + 2 * MINUTE, DAWN + 3 * MINUTE], None)

    def test_queue_keeps_the_first_up_to_its_limit(self):
        verdict = decide(MINUTELY, DAWN + 330, knows(), Timing(overlap="queue", queue_limit=2), JUST_ENDED)
        assert dues(verdict) == [DAWN + MINUTE, DAWN + 2 * MINUTE]
        assert verdict.missed == Missed(3, DAWN + 3 * MINUTE, DAWN + 5 * MINUTE, "overlap", "run-1")

    @pytest.mark.parametrize("overlap", ["skip", "queue_one", "queue"])
    def test_a_slot_that_comes_as_the_run_ends_is_not_lost(self, overlap):
        facts, timing, now = knows(), Timing(overlap=overlap), DAWN + 2 * MINUTE
        verdict = decide(MINUTELY, now, facts, timing, JUST_ENDED)
        apply(verdict, facts)
        assert taken(verdict, MINUTELY, facts) == open_slots(MINUTELY, facts, DAWN, facts.own.due)

    def test_cancel_running_starts_the_slot_and_ends_the_run(self):
        verdict = decide(MINUTELY, DAWN + MINUTE, knows(), Timing(overlap="cancel_running"), RUNNING)
        assert (dues(verdict), verdict.cancel) == ([DAWN + MINUTE], True)

    def test_cancel_running_ends_nothing_where_nothing_runs(self):
        assert not decide(MINUTELY, DAWN + MINUTE, knows(), Timing(overlap="cancel_running")).cancel

    def test_cancel_running_ends_nothing_between_two_slots(self):
        verdict = decide(MINUTELY, DAWN + 30, knows(), Timing(overlap="cancel_running"), RUNNING)
        assert (verdict.starts, verdict.cancel, verdict.look) == ((), False, DAWN + MINUTE)

    def test_allow_starts_the_slot_beside_the_run(self):
        verdict = decide(MINUTELY, DAWN + MINUTE, knows(), Timing(overlap="allow"), RUNNING)
        assert (dues(verdict), verdict.cancel, verdict.missed) == ([DAWN + MINUTE], False, None)

    @pytest.mark.parametrize("overlap", ["allow", "cancel_running"])
    def test_no_slot_is_decided_while_a_start_waits(self, overlap):
        verdict = decide(MINUTELY, DAWN + MINUTE, knows(), Timing(overlap=overlap), Engagement(waiting=1, running=1))
        assert (verdict.starts, verdict.decided, verdict.cancel) == ((), -math.inf, False)

    def test_a_statement_does_not_start_beside_the_run_that_it_started(self):
        for overlap in ("skip", "queue_one", "queue", "cancel_running"):
            assert decide(always, DAWN, knows(), Timing(overlap=overlap), RUNNING).starts == ()

    def test_a_statement_that_became_true_once_starts_one_run_also_where_runs_may_overlap(self):
        facts = Facts(TaskFacts(seen=DAWN), World())
        first = decide(daily, DAWN + HOUR, facts, Timing(overlap="allow"))
        apply(first, facts)
        assert (len(first.starts), decide(daily, DAWN + 2 * HOUR, facts, Timing(overlap="allow"), RUNNING).starts) == (1, ())

    def test_slots_of_a_day_that_met_a_run_are_kept_by_a_queue(self):
        facts = knows(due=DAWN + 8 * HOUR, status="success")
        facts.own.note("success", DAWN + DAY + 9 * HOUR)
        verdict = decide(daily.at("08:00"), DAWN + DAY + 9 * HOUR, facts, Timing(overlap="queue_one"), JUST_ENDED)
        assert dues(verdict) == [DAWN + DAY + 8 * HOUR]


class TestNag:
    """A run that costs several starts in a row is told of."""

    def test_it_is_not_told_before_the_run_has_cost_so_many(self):
        facts, moment = knows(), DAWN + (NAG_AFTER + 0.5) * MINUTE
        verdict = decide(MINUTELY, math.nextafter(moment, 0), facts, Timing(), RUNNING)
        assert (verdict.nag, verdict.look) == (False, moment)

    def test_it_is_told_after_that(self):
        assert decide(MINUTELY, DAWN + (NAG_AFTER + 0.5) * MINUTE, knows(), Timing(), RUNNING).nag

    def test_there_is_nothing_to_tell_of_a_run_without_slots(self):
        verdict = decide(after_success("other"), DAWN + DAY, knows(), Timing(), RUNNING)
        assert (verdict.nag, verdict.look) == (False, math.inf)

    @pytest.mark.parametrize("overlap", ["allow", "cancel_running"])
    def test_there_is_nothing_to_tell_where_a_run_costs_nothing(self, overlap):
        assert not decide(MINUTELY, DAWN + 10 * MINUTE, knows(), Timing(overlap=overlap), RUNNING).nag


class TestConditionsWithMoreToSay:
    def test_slots_at_which_something_else_did_not_hold_are_not_missed(self):
        condition = every("1 minute") & after_success("other")
        other = TaskFacts()
        facts = knows(tasks={"other": other}, started=DAWN, awake=DAWN)
        assert decide(condition, DAWN + 10 * MINUTE, facts, Timing()).starts == ()
        other.note("success", DAWN + 10 * MINUTE + 30, 1)
        verdict = decide(condition, DAWN + 10 * MINUTE + 30, facts, Timing())
        assert len(verdict.starts) == 1
        assert verdict.missed is None

    @pytest.mark.parametrize("misfire", ["skip", "all"])
    def test_what_is_done_about_missed_slots_is_not_done_about_those_that_something_else_kept_back(self, misfire):
        condition = every("10 minutes") & after_success("other")
        other = TaskFacts()
        facts = knows(tasks={"other": other}, started=DAWN, awake=DAWN)
        other.note("success", DAWN + 65 * MINUTE, 1)
        verdict = decide(condition, DAWN + 65 * MINUTE, facts, Timing(misfire=misfire))
        assert (len(verdict.starts), verdict.missed) == (1, None)

    def test_a_cron_slot_at_which_something_else_did_not_hold_is_over_after_its_minute(self):
        condition = cron("0 * * * *") & after_success("other")
        other = TaskFacts()
        facts = knows(tasks={"other": other}, started=DAWN, awake=DAWN)
        other.note("success", DAWN + HOUR + 61, 1)
        verdict = decide(condition, DAWN + HOUR + 61, facts, Timing())
        assert (verdict.starts, verdict.missed, verdict.decided) == ((), None, DAWN + HOUR)

    def test_a_statement_is_due_when_it_became_true(self):
        other = TaskFacts()
        other.note("success", DAWN + 10, 5)
        facts = Facts(TaskFacts(), World(tasks={"other": other}))
        assert decide(after_success("other"), DAWN + 12, facts, Timing()).starts == (StartAt(DAWN + 10, DAWN + 12),)


periods = st.integers(1, 4000).map(lambda n: n / 4)  # no rounding errors: what holds of them is about the rules alone
moments = st.integers(0, 400_000).map(lambda n: DAWN + n / 8)
timings = st.builds(
    Timing,
    misfire=st.sampled_from(["latest", "skip", "all"]),
    overlap=st.sampled_from(["skip", "queue_one", "queue", "cancel_running", "allow"]),
    deadline=st.sampled_from([math.inf, 5.0, 100.0]),
    catchup_limit=st.integers(1, 12),
    catchup_window=st.sampled_from([1.0, 300.0, 86_400.0]),
    queue_limit=st.integers(1, 4),
    jitter=st.sampled_from([0.0, 0.0, 7.0, 900.0]),
    spread=st.sampled_from([0.0, 0.0, 60.0]),
    seed=st.sampled_from("abc"),
)
engagements = st.sampled_from([IDLE, RUNNING, WAITING, JUST_ENDED, Engagement(2, 1)])
calendars = st.sampled_from([cron("*/5 * * * *"), cron("0 */3 * * *"), daily.at("08:00"), cron("*/7 1-3 * * *")])
schedules = periods.map(every) | calendars


class TestAnyVerdict:
    @given(schedules, moments, timings, engagements)
    @thorough
    def test_it_accounts_for_each_slot_up_to_what_it_decides_exactly_once(self, condition, now, timing, busy):
        facts = knows(awake=now)
        verdict = decide(condition, now, facts, timing, busy)
        decided = verdict.decided if verdict.starts or verdict.missed is not None else DAWN
        slots = open_slots(condition, facts, DAWN, decided)
        if len(slots) <= 1000:
            assert taken(verdict, condition, facts) == slots
            assert verdict.missed is None or verdict.missed.count == len(slots) - len(verdict.starts)

    @given(schedules, moments, timings, engagements)
    @thorough
    def test_it_leaves_no_slot_open_unless_the_task_is_busy(self, condition, now, timing, busy):
        facts = knows(awake=now)
        verdict = decide(condition, now, facts, timing, busy)
        if not busy.waiting and not busy.running and condition.holds(now, facts):
            left = [slot for slot in open_slots(condition, facts, DAWN, now) if slot > verdict.decided]
            assert left in ([], [now])  # a queue may keep back the one that comes just now, behind those that waited

    @given(schedules, moments, timings, engagements)
    @thorough
    def test_no_slot_is_decided_twice(self, condition, now, timing, busy):
        facts = knows(awake=now)
        verdict = decide(condition, now, facts, timing, busy)
        apply(verdict, facts)
        again = decide(condition, now, facts, timing, busy)
        before = set(taken(verdict, condition, facts))
        assert before.isdisjoint(taken(again, condition, facts))
        if not busy.blocker:
            assert (again.starts, again.missed) == ((), None)

    @given(schedules, moments, timings, engagements)
    @thorough
    def test_its_starts_come_in_the_order_of_their_slots_and_none_before_its_slot_or_now(self, condition, now, timing, busy):
        verdict = decide(condition, now, knows(awake=now), timing, busy)
        assert dues(verdict) == sorted(set(dues(verdict)))
        assert [start.at for start in verdict.starts] == sorted(start.at for start in verdict.starts)
        assert all(start.at >= max(start.due, now) for start in verdict.starts)

    @given(schedules, moments, timings, engagements)
    @thorough
    def test_the_next_look_is_later(self, condition, now, timing, busy):
        assert decide(condition, now, knows(awake=now), timing, busy).look > now

    @given(schedules, moments, timings)
    @thorough
    def test_a_task_that_is_not_busy_is_looked_at_when_its_next_slot_comes_or_before(self, condition, now, timing):
        facts = knows(awake=now)
        verdict = decide(condition, now, facts, timing)
        assert verdict.look <= condition.slot_after(now, facts)

    @given(schedules, moments, timings)
    @quick
    def test_looking_whenever_it_says_so_misses_nothing(self, condition, now, timing):
        facts, last = knows(awake=now), now
        seen = []
        for _ in range(30):
            verdict = decide(condition, last, facts, timing)
            apply(verdict, facts)
            seen += taken(verdict, condition, facts)
            last = verdict.look
        assert len(set(seen)) == len(seen)
        assert set(open_slots(condition, facts, now, facts.own.due)) <= set(seen)


class TestDelay:
    spans = st.sampled_from([0.0, 1.0, 30.0, 600.0, 1e6])
    lengths = st.sampled_from([0.25, 10.0, 3600.0, 86_400.0])

    @given(spans, spans, moments, lengths, st.booleans(), st.text(max_size=5))
    @thorough
    def test_it_is_shorter_than_the_period_and_always_the_same(self, jitter, spread, slot, period, is_late, seed):
        found = delay(Timing(jitter=jitter, spread=spread, seed=seed), slot, period, is_late=is_late)
        assert 0 <= found < period
        assert found <= jitter + spread
        assert found == delay(Timing(jitter=jitter, spread=spread, seed=seed), slot, period, is_late=is_late)

    @given(spans, spans, moments, lengths, st.text(max_size=5))
    @thorough
    def test_a_start_that_is_late_already_waits_for_a_tenth_of_the_period_at_most(self, jitter, spread, slot, period, seed):
        assert delay(Timing(jitter=jitter, spread=spread, seed=seed), slot, period, is_late=True) <= period / 10

    def test_there_is_none_unless_it_is_asked_for(self):
        assert delay(Timing(seed="a"), DAWN, HOUR) == 0

    def test_jitter_differs_from_slot_to_slot(self):
        found = {delay(Timing(jitter=60, seed="a"), DAWN + number * HOUR, HOUR) for number in range(50)}
        assert len(found) == 50
        assert min(found) < 10
        assert 50 < max(found) < 60

    def test_jitter_differs_from_task_to_task(self):
        assert len({delay(Timing(jitter=60, seed=str(number)), DAWN, HOUR) for number in range(50)}) == 50

    def test_spread_is_the_same_for_each_slot_of_a_task(self):
        assert len({delay(Timing(spread=600, seed="a"), DAWN + number * HOUR, HOUR) for number in range(50)}) == 1

    def test_spread_puts_tasks_all_over_its_time(self):
        found = {delay(Timing(spread=600, seed=str(number)), DAWN, HOUR) for number in range(100)}
        assert len(found) == 100
        assert min(found) < 60
        assert 540 < max(found) < 600

    def test_a_start_is_delayed_and_its_slot_is_not(self):
        timing = Timing(jitter=600, spread=600, seed="a")
        (start,) = decide(HOURLY, DAWN + HOUR, knows(), timing).starts
        assert start.due == DAWN + HOUR
        assert start.at == DAWN + HOUR + delay(timing, DAWN + HOUR, HOUR)

    def test_a_start_that_is_decided_anew_after_its_slot_is_at_the_same_time(self):
        timing = Timing(jitter=900, seed="b")
        (first,) = decide(HOURLY, DAWN + HOUR, knows(), timing).starts
        (second,) = decide(HOURLY, DAWN + HOUR + 15, knows(), timing).starts
        assert first.at == second.at > DAWN + HOUR + 15

    def test_starts_that_come_late_are_spread_from_now_on(self):
        (start,) = decide(HOURLY, DAWN + 1.5 * HOUR, knows(), Timing(jitter=900, seed="b")).starts
        assert DAWN + 1.5 * HOUR < start.at < DAWN + 1.6 * HOUR
