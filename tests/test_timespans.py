"""Lengths of time: read from numbers and words, and written back."""

import math
from contextlib import suppress
from datetime import timedelta
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actors.errors import InvalidTimeSpan
from actors.timespans import to_seconds, to_words

quick = settings(max_examples=100)


@pytest.mark.parametrize(
    ("words", "seconds"),
    [
        ("10 seconds", 10),
        ("1 second", 1),
        ("90 sec", 90),
        ("90 secs", 90),
        ("90s", 90),
        ("2 minutes", 120),
        ("2 min", 120),
        ("2 mins", 120),
        ("2m", 120),
        ("3 hours", 10_800),
        ("3 hrs", 10_800),
        ("3 hr", 10_800),
        ("3h", 10_800),
        ("1 day", 86_400),
        ("2d", 172_800),
        ("1 week", 604_800),
        ("2 weeks", 1_209_600),
        ("2w", 1_209_600),
        ("5 ms", 0.005),
        ("5 milliseconds", 0.005),
        ("8 us", 0.000_008),
        ("8 microseconds", 0.000_008),
        ("0 seconds", 0),
        ("1.5 hours", 5400),
        ("0.25 s", 0.25),
    ],
)
def test_a_number_and_a_unit(words, seconds):
    assert to_seconds(words) == pytest.approx(seconds, rel=1e-12)


@pytest.mark.parametrize(
    "words",
    ["1 h 30 min", "1h30min", "1 hour, 30 minutes", "1 hour 30 minutes,", " 1 H\t30 Min\n", "30 min 1 h", "30 min 30 min 30 min"],
)
def test_parts_are_added(words):
    assert to_seconds(words) == 5400


@pytest.mark.parametrize(
    ("words", "seconds"), [("00:01:30", 90), ("1:30", 5400), ("100:00:00", 360_000), ("0:00:00.25", 0.25), (" 12:00 ", 43_200)]
)
def test_the_form_of_a_clock(words, seconds):
    assert to_seconds(words) == seconds


@pytest.mark.parametrize(("number", "seconds"), [(10, 10.0), (0, 0.0), (1.5, 1.5), (math.inf, math.inf)])
def test_a_number_is_seconds(number, seconds):
    assert to_seconds(number) == seconds
    assert isinstance(to_seconds(number), float)


@pytest.mark.parametrize(
    ("delta", "seconds"),
    [(timedelta(minutes=5), 300), (timedelta(days=7), 604_800), (timedelta(milliseconds=1), 0.001), (timedelta(0), 0)],
)
def test_a_timedelta_is_its_seconds(delta, seconds):
    assert to_seconds(delta) == seconds


@pytest.mark.parametrize("wrong", [-1, -0.001, timedelta(seconds=-1), math.nan, -math.inf])
def test_a_length_is_not_negative(wrong):
    with pytest.raises(InvalidTimeSpan, match="it must not be negative"):
        to_seconds(wrong)


@pytest.mark.parametrize(
    ("wrong", "kind"), [(True, "bool"), (None, "NoneType"), ([10], "list"), (b"10 s", "bytes"), (Fraction(1, 2), "Fraction")]
)
def test_of_anything_else_the_kind_is_named(wrong, kind):
    with pytest.raises(InvalidTimeSpan, match=f"it is a {kind}"):
        to_seconds(wrong)


def error(words):
    with pytest.raises(InvalidTimeSpan) as caught:
        to_seconds(words)
    return str(caught.value)


def test_an_unknown_unit_is_named_with_the_nearest_and_all():
    assert error("10 secnds") == (
        "'10 secnds' is not a length of time: 'secnds' is no unit. Did you mean 'second'? Units are microsecond, us, "
        "millisecond, ms, second, sec, s, minute, min, m, hour, hr, h, day, d, week, w. "
        "Write for example '10 seconds', '1 h 30 min' or '00:01:30'"
    )


def test_the_wrong_unit_is_named_among_right_ones():
    assert "'horus' is no unit. Did you mean 'hour'?" in error("1 day 2 horus 3 minutes")


def test_a_unit_like_no_other_has_no_nearest():
    assert "Did you mean" not in error("10 parsecxyz")


@pytest.mark.parametrize("abbreviation", ["hs", "ws", "uss", "mss", "ss"])
def test_abbreviations_of_one_thing_have_no_plural(abbreviation):
    assert f"{abbreviation!r} is no unit" in error(f"2 {abbreviation}")


def test_a_number_without_a_unit_is_named():
    assert "a number and a unit are expected at '10'" in error("10")


@pytest.mark.parametrize(
    ("words", "rest"), [("soon", "soon"), ("1 hour and 2 min", "and 2 min"), ("-5 s", "-5 s"), ("1:2:3:4", "1:2:3:4")]
)
def test_it_is_shown_from_where_it_is_not_understood(words, rest):
    assert f"a number and a unit are expected at {rest!r}" in error(words)


@pytest.mark.parametrize("words", ["", "  ", "\n"])
def test_no_words_are_no_length(words):
    assert "it is empty" in error(words)


def test_the_error_is_a_value_error_too():
    with pytest.raises(ValueError):
        to_seconds("soon")


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (1.0, "1 second"),
        (90.0, "90 seconds"),
        (60.0, "1 minute"),
        (5400.0, "90 minutes"),
        (7200.0, "2 hours"),
        (86_400.0, "1 day"),
        (604_800.0, "1 week"),
        (0.5, "0.5 seconds"),
        (0.0, "0 seconds"),
        (0.1, "0.1 seconds"),
    ],
)
def test_seconds_in_words_use_the_largest_unit_that_counts_them(seconds, words):
    assert to_words(seconds) == words


@given(st.floats(0.001, 1e12) | st.integers(0, 10**12).map(float))
@quick
def test_words_are_read_back_to_the_same_number(seconds):
    assert to_seconds(to_words(seconds)) == seconds


@pytest.mark.parametrize("seconds", [1e-5, 2.5e-7])
def test_words_of_very_short_times_are_read_back_too(seconds):
    assert to_seconds(to_words(seconds)) == seconds


@given(st.floats(0, 1e9), st.sampled_from(["second", "minute", "hour", "day", "week"]))
@quick
def test_a_plural_means_what_the_singular_means(number, unit):
    assert to_seconds(f"{number:.6f} {unit}s") == to_seconds(f"{number:.6f} {unit}")


@given(st.integers(0, 99), st.integers(0, 59), st.integers(0, 59))
@quick
def test_a_clock_says_what_the_words_say(hours, minutes, seconds):
    assert to_seconds(f"{hours}:{minutes:02}:{seconds:02}") == to_seconds(f"{hours} h {minutes} min {seconds} s")


@given(st.text(max_size=20))
@quick
def test_any_text_is_a_length_or_an_error_of_ours(text):
    with suppress(InvalidTimeSpan):
        assert to_seconds(text) >= 0
