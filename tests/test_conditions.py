"""Conditions: what they say of a moment, when that can next change, how they combine, and how they are read from words."""

import math
from dataclasses import FrozenInstanceError
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actors import App, Condition, always, every, never
from actors.conds import All, Always, Any, Every, Never, Not, parse
from actors.conds.option import read
from actors.errors import ConditionSyntaxError, InvalidTimeSpan
from actors.facts import Facts, TaskFacts

NOW = 1_700_000_000.0
NEVER_RUN = Facts()


def as_condition(given):
    return read(given, App().session)


def known(**own):
    """Return facts of which a task's own are these."""
    return Facts(TaskFacts(**own))


# Halves, quarters and so on have no rounding errors, so what holds of them is about the rules alone.
dyadic_periods = st.integers(1, 40_000).map(lambda n: n / 64)
dyadic_moments = st.integers(-(2**20), 2**20).map(lambda n: NOW + n / 64)
decimal_periods = st.integers(1, 500).map(lambda n: n / 100)
facts = st.builds(lambda due: known(due=due), st.none() | dyadic_moments)
atoms = st.sampled_from([always, never]) | dyadic_periods.map(Every)
conditions = st.recursive(
    atoms,
    lambda parts: (
        parts.map(lambda a: ~a) | st.builds(lambda a, b: a & b, parts, parts) | st.builds(lambda a, b: a | b, parts, parts)
    ),
    max_leaves=8,
)
quick = settings(max_examples=80)


class TestWords:
    @pytest.mark.parametrize("text", ["true", "always", "always true", "TRUE", " Always\n True "])
    def test_what_always_holds(self, text):
        assert parse(text) == always

    @pytest.mark.parametrize("text", ["false", "never", "always false", "Never", "\talways  FALSE"])
    def test_what_never_holds(self, text):
        assert parse(text) == never

    @pytest.mark.parametrize(
        ("text", "seconds"),
        [
            ("every 10 seconds", 10.0),
            ("every 1 h 30 min", 5400.0),
            ("every 00:01:30", 90.0),
            ("every 0.5s", 0.5),
            ("EVERY 2 Minutes", 120.0),
            ("  every\n\t10   seconds  ", 10.0),
        ],
    )
    def test_every(self, text, seconds):
        assert parse(text) == Every(seconds)

    @given(st.sampled_from(["every 10 seconds", "always true", "never"]), st.data())
    @quick
    def test_case_and_white_space_say_nothing(self, text, data):
        spaces = st.text(" \t\n", min_size=1, max_size=3)
        words = [data.draw(st.sampled_from([word.lower(), word.upper(), word.title()])) for word in text.split()]
        assert parse(" ".join(words).replace(" ", data.draw(spaces))) == parse(text)


def error(text):
    with pytest.raises(ConditionSyntaxError) as caught:
        parse(text)
    return str(caught.value)


class TestErrors:
    def test_what_is_no_condition_is_shown_with_what_is_expected(self):
        assert error("sometimes").startswith(
            "this is not a condition\n  sometimes\n  ^ a condition is expected here, such as: daily, every 10 seconds, "
        )

    def test_the_nearest_word_is_named(self):
        assert error("evrey 10 seconds").endswith(" Did you mean 'every'?")
        assert error("nevr").endswith(" Did you mean 'never'?")

    def test_a_wrong_length_of_time_is_shown_where_it_is(self):
        assert error("every 10 secnds").startswith(
            "this is not a condition\n"
            "  every 10 secnds\n"
            "        ^ '10 secnds' is not a length of time: 'secnds' is no unit. Did you mean 'second'? Units are "
        )

    def test_the_caret_is_below_the_place_in_the_line_as_it_is_shown(self):
        lines = error("  every \n  soon").splitlines()
        assert lines[1:3] == ["  every soon", "        ^ " + lines[2][10:]]

    @pytest.mark.parametrize("text", ["", "   ", "every", "true false", "10 seconds", "everyday", "not true"])
    def test_what_says_no_condition_is_an_error(self, text):
        with pytest.raises(ConditionSyntaxError):
            parse(text)

    @pytest.mark.parametrize("text", ["every 0 seconds", "every 9 ms", "every 10", "every day"])
    def test_what_says_no_period_is_an_error_at_its_place(self, text):
        with pytest.raises(ConditionSyntaxError) as caught:
            parse(text)
        assert caught.value.position == len("every ")

    def test_it_is_a_value_error_too(self):
        with pytest.raises(ValueError):
            parse("sometimes")


class TestWhatMayBeGiven:
    def test_a_condition_is_itself(self):
        condition = every("10 seconds") & always
        assert as_condition(condition) == condition

    def test_text_is_parsed(self):
        assert as_condition("every 10 seconds") == Every(10.0)

    def test_booleans_are_constants_and_none_is_never(self):
        assert [as_condition(True), as_condition(False), as_condition(None)] == [always, never, never]

    @pytest.mark.parametrize("given", [10, 1.5, [], timedelta(seconds=1), Every])
    def test_anything_else_is_an_error(self, given):
        with pytest.raises(TypeError, match=f"a condition or its text is expected, not {type(given).__name__}"):
            as_condition(given)


class TestText:
    def test_it_says_what_the_condition_says(self):
        assert [str(always), str(never), str(every("90 minutes")), str(Every(0.5))] == [
            "true",
            "false",
            "every 90 minutes",
            "every 0.5 seconds",
        ]

    def test_parts_are_in_parentheses_where_they_need_them(self):
        a, b = every("1 second"), every("2 seconds")
        assert str(a | b & ~a) == "every 1 second | every 2 seconds & ~every 1 second"
        assert str((a | b) & a) == "(every 1 second | every 2 seconds) & every 1 second"
        assert str(~(a & b)) == "~(every 1 second & every 2 seconds)"
        assert str(~(a | b)) == "~(every 1 second | every 2 seconds)"

    @given(st.sampled_from([always, never]) | st.floats(0.01, 1e9).map(Every))
    @quick
    def test_it_parses_back_to_an_equal_condition(self, condition):
        assert parse(str(condition)) == condition


class TestConstants:
    @given(dyadic_moments, facts)
    @quick
    def test_always_holds_and_never_does_not_and_neither_changes(self, now, facts):
        assert always.holds(now, facts)
        assert not never.holds(now, facts)
        assert (always.next_change(now, facts), never.next_change(now, facts)) == (math.inf, math.inf)

    def test_since_when_it_holds_is_not_known(self):
        assert always.since(NOW, NEVER_RUN) is None


class TestEvery:
    def test_a_task_that_never_ran_is_due_at_once(self):
        condition = every("10 seconds")
        assert condition.holds(NOW, known(seen=NOW - 1))
        assert condition.since(NOW, known(seen=NOW - 1)) == NOW - 1

    def test_a_task_that_was_started_is_due_a_period_after_it_was_due(self):
        condition, facts = every("10 seconds"), known(due=NOW)
        assert not condition.holds(NOW, facts)
        assert not condition.holds(NOW + 9.999, facts)
        assert condition.holds(NOW + 10, facts)
        assert condition.since(NOW + 10, facts) == NOW + 10

    def test_being_late_once_does_not_move_the_rest(self):
        condition = every("10 seconds")
        assert condition.since(NOW + 13, known(due=NOW)) == NOW + 10
        assert condition.next_change(NOW + 13, known(due=NOW + 10)) == NOW + 20

    def test_of_missed_slots_the_latest_counts(self):
        condition = every("10 seconds")
        assert condition.since(NOW + 47, known(due=NOW)) == NOW + 40
        assert not condition.holds(NOW + 47, known(due=NOW + 40))

    def test_when_the_clock_was_set_back_the_grid_begins_anew(self):
        condition, facts = every("10 seconds"), known(due=NOW, anchor=NOW - 100)
        facts.own.rebase(NOW - 3600)
        assert condition.next_change(NOW - 3600, facts) == NOW - 3590

    def test_a_changed_period_begins_with_its_next_slot(self):
        condition, facts = every("10 seconds"), known(due=NOW, seen=NOW + 95)
        assert not condition.holds(NOW + 99, facts)
        assert condition.since(NOW + 101, facts) == NOW + 100

    def test_ten_million_slots_do_not_drift_by_what_a_number_is_rounded_by(self):
        condition, facts = every("10 ms"), known(due=NOW, anchor=NOW)
        for number in (1, 1000, 10_000_000):
            facts.own.due = NOW + (number - 1) * 0.01
            assert abs(condition.slot_after(facts.own.due, facts) - (NOW + number * 0.01)) < 1e-6

    def test_a_start_that_was_asked_for_moves_the_grid_to_itself(self):
        condition, asked = every("10 seconds"), known(due=NOW + 3)
        assert not condition.holds(NOW + 10, asked)
        assert condition.next_change(NOW + 10, asked) == NOW + 13
        assert condition.since(NOW + 14, asked) == NOW + 13

    @given(dyadic_periods, dyadic_moments, st.lists(st.integers(0, 10_000).map(lambda n: n / 64), max_size=20))
    @quick
    def test_the_grid_does_not_drift(self, seconds, first, delays):
        """However late each look is, what is due is always a whole number of periods after the first."""
        condition, facts, now = Every(seconds), known(seen=first), first
        for delay in delays:
            if condition.holds(now, facts):
                facts.own.decide(condition.since(now, facts))
                assert (facts.own.due - first) % seconds == 0
                assert now - seconds < facts.own.due <= now
            now = max(now, condition.next_change(now, facts)) + delay

    @given(dyadic_periods, dyadic_moments, st.integers(0, 10_000).map(lambda n: n / 64))
    @quick
    def test_a_slot_is_used_once(self, seconds, due, later):
        condition, now = Every(seconds), due + seconds + later
        assert condition.holds(now, known(due=due))
        assert not condition.holds(now, known(due=condition.since(now, known(due=due))))

    @given(decimal_periods, st.integers(1, 100))
    @quick
    def test_a_slot_is_used_once_also_where_there_are_rounding_errors(self, seconds, periods):
        """The look is at the very moment that ``next_change`` names, as it is in virtual time."""
        condition, facts, now = Every(seconds), known(due=NOW), NOW
        for _ in range(periods):
            now = condition.next_change(now, facts)
            facts.own.decide(condition.since(now, facts))
            assert not condition.holds(now, facts)

    @given(decimal_periods, st.integers(0, 5000))
    @quick
    def test_the_next_change_is_later_than_now_also_where_there_are_rounding_errors(self, seconds, periods):
        facts, now = known(due=NOW), NOW + periods * seconds
        assert Every(seconds).next_change(now, facts) > now

    def test_while_the_clock_is_slewed_back_no_slot_comes_twice(self):
        condition, facts = every("10 seconds"), known(due=NOW)
        assert not condition.holds(NOW - 0.5, facts)
        assert not condition.holds(NOW, facts)

    @pytest.mark.parametrize("span", [0, 0.009, "9 ms", float("inf"), -1, "soon", True])
    def test_a_period_is_a_length_of_time_that_can_be_kept(self, span):
        with pytest.raises(InvalidTimeSpan):
            every(span)

    def test_the_shortest_period_is_ten_milliseconds(self):
        assert every("10 ms") == Every(0.01)

    @pytest.mark.parametrize("span", ["90 seconds", 90, 90.0, timedelta(seconds=90), "00:01:30"])
    def test_however_a_period_is_given_it_is_the_same(self, span):
        assert every(span) == Every(90.0)


class TestNextChange:
    @given(conditions, dyadic_moments, facts)
    @quick
    def test_it_is_later_than_now(self, condition, now, facts):
        assert condition.next_change(now, facts) > now

    @given(conditions, dyadic_moments, st.none() | st.integers(0, 2**20).map(lambda n: n / 64), st.floats(0, 1))
    @quick
    def test_nothing_changes_before_it(self, condition, now, ago, part):
        facts = known(due=None if ago is None else now - ago)
        change = condition.next_change(now, facts)
        between = now + part * (min(change, now + 10_000) - now)
        if between < change:
            assert condition.holds(between, facts) == condition.holds(now, facts)

    def test_that_of_all_is_that_of_the_part_it_waits_for(self):
        assert (every("10 seconds") & every("3 seconds")).next_change(NOW, known(due=NOW)) == NOW + 10
        assert (every("3 seconds") & every("10 seconds")).next_change(NOW + 5, known(due=NOW)) == NOW + 10

    def test_that_of_any_is_the_earliest_while_none_holds(self):
        assert (every("10 seconds") | every("3 seconds")).next_change(NOW, known(due=NOW)) == NOW + 3


class TestSince:
    def test_all_hold_since_the_last_did(self):
        assert (every("10 seconds") & every("15 seconds")).since(NOW + 20, known(due=NOW)) == NOW + 20
        assert (every("10 seconds") & every("15 seconds")).since(NOW + 29, known(due=NOW)) == NOW + 20

    def test_any_holds_since_the_first_of_those_that_do(self):
        assert (every("10 seconds") | every("1 minute")).since(NOW + 25, known(due=NOW)) == NOW + 20

    @given(conditions, dyadic_moments, facts)
    @quick
    def test_it_is_not_later_than_now(self, condition, now, facts):
        if condition.holds(now, facts) and (since := condition.since(now, facts)) is not None:
            assert since <= now


class TestAlgebra:
    @given(conditions, conditions, dyadic_moments, facts)
    @quick
    def test_and_or_and_not_mean_what_they_say(self, a, b, now, facts):
        assert (a & b).holds(now, facts) == (a.holds(now, facts) and b.holds(now, facts))
        assert (a | b).holds(now, facts) == (a.holds(now, facts) or b.holds(now, facts))
        assert (~a).holds(now, facts) == (not a.holds(now, facts))

    @given(conditions, conditions, dyadic_moments, facts)
    @quick
    def test_not_of_and_is_or_of_nots(self, a, b, now, facts):
        assert (~(a & b)).holds(now, facts) == (~a | ~b).holds(now, facts)
        assert (~(a | b)).holds(now, facts) == (~a & ~b).holds(now, facts)

    @given(conditions)
    @quick
    def test_not_not_is_nothing(self, condition):
        assert ~~condition == condition

    @given(conditions, conditions, conditions)
    @quick
    def test_how_equal_operators_are_grouped_makes_no_difference(self, a, b, c):
        assert (a & b) & c == a & (b & c)
        assert (a | b) | c == a | (b | c)

    def test_chains_are_flat(self):
        a, b, c = every(1), every(2), every(3)
        assert a & b & c == All((a, b, c))
        assert a | b | c == Any((a, b, c))
        assert a & b | c == Any((All((a, b)), c))

    @given(conditions)
    @quick
    def test_conditions_that_say_the_same_are_equal_and_hash_alike(self, condition):
        copy = rebuilt(condition)
        assert copy == condition
        assert hash(copy) == hash(condition)
        assert {copy: 1}[condition] == 1

    def test_conditions_that_say_something_else_are_not_equal(self):
        different = [always, never, every(1), every(2), ~every(1), every(1) & every(2), every(2) & every(1), every(1) | every(2)]
        assert len(set(different)) == len(different)

    @pytest.mark.parametrize(
        ("condition", "field"),
        [(every(1), "seconds"), (~every(1), "part"), (every(1) & always, "parts"), (every(1) | always, "parts")],
    )
    def test_conditions_cannot_be_changed(self, condition, field):
        with pytest.raises(FrozenInstanceError):
            setattr(condition, field, None)

    @pytest.mark.parametrize("wrong", [True, None, "every 1 second", 1])
    def test_only_conditions_combine(self, wrong):
        with pytest.raises(TypeError):
            every(1) & wrong
        with pytest.raises(TypeError):
            every(1) | wrong

    @given(conditions)
    @quick
    def test_a_condition_is_neither_true_nor_false_by_itself(self, condition):
        with pytest.raises(TypeError, match=r"combine with & \| ~ instead of and, or, not"):
            bool(condition)

    def test_the_words_and_or_not_are_errors(self):
        with pytest.raises(TypeError):
            every(1) and every(2)
        with pytest.raises(TypeError):
            every(1) or every(2)
        with pytest.raises(TypeError):
            not every(1)

    def test_all_kinds_are_conditions(self):
        assert all(isinstance(c, Condition) for c in (always, never, every(1), ~every(1), always & never, always | never))

    def test_a_condition_of_ones_own_combines_like_the_others(self):
        class Odd(Condition):
            def holds(self, now, facts):
                return now % 2 == 1

        condition = Odd() & ~never
        assert [condition.holds(now, NEVER_RUN) for now in (1.0, 2.0)] == [True, False]
        assert condition.next_change(1.0, NEVER_RUN) == math.inf


def rebuilt(condition):
    """Return a copy of `condition` that shares no part with it."""
    match condition:
        case Always() | Never():
            return type(condition)()
        case Every():
            return Every(condition.seconds)
        case Not():
            return Not(rebuilt(condition.part))
        case _:
            return type(condition)(tuple(map(rebuilt, condition.parts)))
