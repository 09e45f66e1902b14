"""Wanted: which documents of a run log a query is after, and what it tells who looks for them."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors import between, equal, greater_equal, greater_than, in_, less_than, not_equal
from actors.errors import InvalidOperand
from runtime.runlog.lines import decode, encode
from runtime.runlog.wanted import EVERYTHING, Bounds, Wanted

RECORD = {"created": 5.0, "task_name": "a", "run_id": "1", "action": "fail", "runtime": 2.0}


def test_a_record_is_wanted_whose_columns_are_all_as_asked():
    assert Wanted({"task_name": "a", "created": greater_equal(5), "runtime": less_than("3 seconds")}).includes(RECORD)
    assert not Wanted({"task_name": "a", "created": greater_than(5)}).includes(RECORD)
    assert Wanted().includes(RECORD)


@pytest.mark.parametrize("note", [{**RECORD, "action": "progress"}, {"callsheet": "run log"}, {**RECORD, "run_id": 3}, {}])
def test_what_is_no_record_is_left_out_unless_everything_is_wanted(note):
    assert not Wanted().includes(note)
    assert EVERYTHING.includes(note)


def test_a_column_that_a_record_lacks_is_none():
    assert Wanted({"cause": None}).includes(RECORD)
    assert Wanted({"cause": not_equal("timeout")}).includes(RECORD)
    assert not Wanted({"late": less_than(9)}).includes(RECORD)


def test_a_mistake_is_told_when_it_is_made():
    with pytest.raises(InvalidOperand):
        Wanted({"created": "yesterday"})


@pytest.mark.parametrize(
    ("asked", "texts"),
    [("1", {"1"}), (equal("1"), {"1"}), (in_(["1", "2"]), {"1", "2"}), (in_([]), set())],
    ids=["one", "an equal one", "one of two", "none"],
)
def test_the_only_texts_that_a_column_may_have_are_told(asked, texts):
    assert Wanted({"run_id": asked}).exactly("run_id") == texts


@pytest.mark.parametrize("asked", [None, in_(["1", None]), not_equal("1"), greater_equal("1")], ids=str)
def test_where_a_column_may_have_others_or_be_missing_none_are_told(asked):
    assert Wanted({"run_id": asked}).exactly("run_id") is None
    assert Wanted().exactly("run_id") is None


@pytest.mark.parametrize(
    ("asked", "bounds"),
    [
        (between(1, 2), (1, 2)),
        (greater_than(1), (1, math.inf)),
        (less_than(2), (-math.inf, 2)),
        (5, (5, 5)),
        (in_([3, 1, 2]), (1, 3)),
        (in_([3, None]), (-math.inf, math.inf)),
        (not_equal(3), (-math.inf, math.inf)),
        (None, (-math.inf, math.inf)),
    ],
    ids=str,
)
def test_the_range_of_a_column_is_told(asked, bounds):
    assert Wanted({"created": asked}).bounds("created") == bounds


def test_where_nothing_is_wanted_the_range_is_empty():
    assert not Wanted({"created": in_([])}).bounds("created").overlaps(-math.inf, math.inf)


def test_bounds_overlap_where_they_have_a_number_in_common():
    assert Bounds(1, 2).overlaps(2, 3)
    assert Bounds(1, 2).overlaps(0, 1)
    assert not Bounds(1, 2).overlaps(2.5, 3)
    assert not Bounds().overlaps(math.inf, -math.inf)


NUMBERS = st.integers(-3, 3) | st.none()
ASKED = st.one_of(
    NUMBERS,
    st.builds(between, NUMBERS, NUMBERS, st.just(True)),
    st.builds(greater_than, st.integers(-3, 3)),
    st.builds(less_than, st.integers(-3, 3)),
    st.builds(not_equal, NUMBERS),
    st.builds(in_, st.lists(NUMBERS, max_size=3)),
)


@given(asked=ASKED, value=st.integers(-4, 4))
def test_no_number_out_of_the_bounds_is_ever_included(asked, value):
    wanted = Wanted({"created": asked}, only_records=False)
    if wanted.includes({"created": value}):
        assert wanted.bounds("created").overlaps(value, value)


TEXTS = st.sampled_from("abc") | st.none()


@given(
    asked=TEXTS | st.builds(not_equal, TEXTS) | st.builds(in_, st.lists(TEXTS)) | st.builds(greater_than, st.just("a")),
    value=TEXTS,
)
def test_what_is_included_is_among_the_texts_that_are_told(asked, value):
    wanted = Wanted({"run_id": asked}, only_records=False)
    texts = wanted.exactly("run_id")
    if texts is not None:
        assert wanted.includes({"run_id": value}) == (value in texts)


WORDS = st.text('ab"\\\né\ud800', max_size=3)


@given(
    asked=WORDS | st.builds(between, WORDS, WORDS) | st.builds(in_, st.lists(WORDS, max_size=2)),
    column=st.sampled_from(["run_id", "task_name"]),
    value=WORDS,
)
def test_each_line_that_is_wanted_has_the_fragment_in_it(asked, column, value):
    wanted = Wanted({column: asked}, only_records=False)
    line = encode({"created": 1.0, column: value})
    if wanted.includes(decode(line)):
        assert (wanted.fragment() or b"") in line


def test_the_fragment_is_the_whole_column_or_what_it_begins_with():
    assert Wanted({"task_name": "a", "run_id": "1"}).fragment() == b'"run_id":"1"'
    assert Wanted({"task_name": "a"}).fragment() == b'"task_name":"a"'
    assert Wanted({"run_id": between("12", "13")}).fragment() == b'"run_id":"1'


@pytest.mark.parametrize(
    "columns", [{}, {"action": "fail"}, {"run_id": in_(["1", "2"])}, {"run_id": between("1", "2")}, {"run_id": None}]
)
def test_where_lines_need_have_nothing_in_common_there_is_no_fragment(columns):
    assert Wanted(columns).fragment() is None
