"""Operators: what a query of the run log may ask of a column."""

import inspect
import operator
import pickle
import re
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors import TaskRunRecord, between, equal, greater_equal, greater_than, in_, less_equal, less_than, not_equal
from actors.causes import CAUSES, CauseKind
from actors.columns import COLUMNS, SPANS, TIMES, is_ordered
from actors.errors import InvalidOperand, InvalidTimeSpan
from actors.opers import asked_of, check_known
from actors.progress import Progress

NOON = datetime(2026, 1, 31, 12)  # in local time, as people write it
SECONDS = NOON.timestamp()
NUMBERS = st.integers(-3, 3) | st.floats(-3, 3)


def includes(column, asked, *values):
    """Return which of `values` are included."""
    test = asked_of(column, asked).test()
    return [value for value in values if test(value)]


def refusal(column, asked):
    with pytest.raises(InvalidOperand) as caught:
        asked_of(column, asked)
    return str(caught.value)


@pytest.mark.parametrize(
    ("make", "compare"),
    [
        (equal, operator.eq),
        (not_equal, operator.ne),
        (greater_equal, operator.ge),
        (greater_than, operator.gt),
        (less_equal, operator.le),
        (less_than, operator.lt),
    ],
    ids=lambda function: function.__name__,
)
@given(operand=NUMBERS, value=NUMBERS)
def test_each_compares_as_python_does(make, compare, operand, value):
    assert asked_of("runtime", make(operand)).test()(value) == compare(value, operand)


@given(low=NUMBERS, high=NUMBERS, value=NUMBERS)
def test_between_includes_both_ends_and_what_lies_between_them(low, high, value):
    assert asked_of("runtime", between(low, high)).test()(value) == (low <= value <= high)


@given(values=st.lists(NUMBERS | st.none()), value=NUMBERS | st.none())
def test_in_includes_each_of_its_values(values, value):
    assert asked_of("runtime", in_(values)).test()(value) == (value in values)


def test_in_takes_whatever_has_values_and_none_of_them_includes_nothing():
    assert includes("action", in_(name for name in ["fail", "crash"]), "fail", "crash", "success") == ["fail", "crash"]
    assert includes("action", in_({}), "fail", None) == []


def test_texts_have_an_order_too():
    assert includes("task_name", between("b", "d"), "a", "b", "cc", "d", "da") == ["b", "cc", "d"]


@pytest.mark.parametrize(
    "asked", [greater_equal(0), greater_than(-9), less_equal(9), less_than(9), between(None, None, none_as_open=True)], ids=str
)
def test_no_range_includes_what_is_missing(asked):
    assert includes("runtime", asked, None, 0) == [0]


def test_what_is_missing_is_none_and_unequal_to_all_else():
    assert includes("cause", equal(None), None, "timeout") == [None]
    assert includes("cause", not_equal("timeout"), None, "timeout", "shutdown") == [None, "shutdown"]
    assert includes("cause", not_equal(None), None, "timeout") == ["timeout"]
    assert includes("cause", in_([None, "timeout"]), None, "timeout", "shutdown") == [None, "timeout"]


def test_an_end_that_is_none_is_open_where_that_is_wanted():
    assert includes("runtime", between(2, None, none_as_open=True), 1, 2, 9) == [2, 9]
    assert includes("runtime", between(None, 2, none_as_open=True), 1, 2, 9) == [1, 2]


@pytest.mark.parametrize("column", sorted(TIMES))
@pytest.mark.parametrize(
    "moment",
    [SECONDS, int(SECONDS), Fraction(int(SECONDS)), NOON, NOON.astimezone(UTC), NOON.isoformat(), NOON.astimezone().isoformat()],
    ids=repr,
)
def test_columns_that_are_times_take_them_in_all_ways(column, moment):
    assert includes(column, moment, SECONDS, SECONDS + 1) == [SECONDS]
    assert includes(column, greater_than(moment), SECONDS, SECONDS + 1) == [SECONDS + 1]


@pytest.mark.parametrize("day", [date(2026, 1, 31), "2026-01-31"])
def test_a_date_is_its_midnight(day):
    midnight = datetime(2026, 1, 31).timestamp()
    assert includes("created", greater_equal(day), midnight - 1, midnight) == [midnight]


@pytest.mark.parametrize("span", [90, 90.0, timedelta(seconds=90), "1 min 30 s", "00:01:30"])
@pytest.mark.parametrize("column", sorted(SPANS))
def test_columns_that_are_lengths_of_time_take_them_in_words_too(column, span):
    assert includes(column, less_equal(span), 90.0, 90.1) == [90.0]


def test_progress_is_compared_with_what_records_hold_of_it():
    assert includes("progress", Progress(3, 10), {"done": 3, "total": 10, "note": None}, {"done": 4}, None) == [
        {"done": 3, "total": 10, "note": None}
    ]


def test_parameters_are_compared_as_they_are():
    assert includes("params", in_([{"day": 3}, None]), {"day": 3}, {"day": 4}, None) == [{"day": 3}, None]


@pytest.mark.parametrize("asked", [between(1, 2), in_([1.0, 2.0]), in_([1.0]), greater_than(1), not_equal(5)], ids=str)
@pytest.mark.parametrize("value", ["text", [1], {"a": 1}], ids=repr)
def test_a_document_of_somebody_else_with_another_kind_of_value_is_no_error(asked, value):
    assert includes("runtime", asked, value) == ([value] if asked == not_equal(5) else [])


def test_they_are_values_which_can_be_compared_kept_and_sent():
    assert between(1, 2) == between(1, 2) != between(1, 3)
    assert hash(greater_than(1)) == hash(greater_than(1)) != hash(greater_equal(1))
    assert pickle.loads(pickle.dumps(in_(["a"]))) == in_(["a"])
    with pytest.raises(AttributeError):
        between(1, 2).low = 3


def test_they_say_what_they_are():
    made = [
        equal(1),
        not_equal("a"),
        in_(["a", "b"]),
        between(1, 2),
        greater_equal(1),
        greater_than(1),
        less_equal(1),
        less_than(1),
    ]
    assert [str(each) for each in made] == [
        "equal(1)", "not_equal('a')", "in_(['a', 'b'])", "between(1, 2)", "greater_equal(1)", "greater_than(1)", "less_equal(1)",
        "less_than(1)",
    ]  # fmt: skip


class TestMistakes:
    def test_a_text_that_is_no_time_names_the_column_and_how_to_write_one(self):
        assert refusal("created", between("x", 3)) == (
            "the run log cannot be asked for created=between('x', 3): 'x' is no time; "
            "give seconds since the epoch, a datetime, or a text as '2026-01-31T12:00'"
        )

    @pytest.mark.parametrize("asked", ["2 hours", timedelta(hours=2)])
    def test_a_length_of_time_says_how_to_write_so_long_ago(self, asked):
        assert refusal("created", asked).endswith("; so long ago is time.time() - 7200")

    @pytest.mark.parametrize(
        ("column", "asked", "meant"),
        [
            ("action", "faill", "fail"),
            ("execution", in_(["main", "thred"]), "thread"),
            ("cause", not_equal("tiemout"), "timeout"),
        ],
        ids=str,
    )
    def test_a_value_that_is_never_there_names_the_nearest_that_may_be(self, column, asked, meant):
        with pytest.raises(InvalidOperand, match=f"is never there. Did you mean {meant!r}") as caught:
            check_known(column, asked)
        assert "It may be " in str(caught.value)

    @pytest.mark.parametrize(
        ("column", "asked"),
        [
            ("action", "fail"),
            ("cause", None),
            ("cause", in_(["poison", None])),
            ("action", greater_than("f")),
            ("reason", "faill"),
        ],
        ids=str,
    )
    def test_what_may_be_there_can_be_asked_for(self, column, asked):
        check_known(column, asked)

    def test_the_causes_that_can_be_asked_for_are_those_that_the_record_and_the_ends_of_runs_know(self):
        said = inspect.getsource(TaskRunRecord).partition("cause: str")[2].partition("count: int")[0]
        assert {*re.findall("``([a-z]+)``", said), *get_args(CauseKind)} == {*CAUSES}

    def test_in_of_a_text_says_how_to_write_one_value(self):
        with pytest.raises(InvalidOperand) as caught:
            in_("fail")
        assert str(caught.value).endswith("for one, write in_(['fail'])")

    @pytest.mark.parametrize("values", [3, None, b"fail"])
    def test_in_of_what_has_no_values(self, values):
        with pytest.raises(InvalidOperand):
            in_(values)

    @pytest.mark.parametrize("ends", [(None, 3), (3, None), (None, None)])
    def test_none_as_an_end_by_accident(self, ends):
        with pytest.raises(InvalidOperand, match="none_as_open=True"):
            between(*ends)

    @pytest.mark.parametrize("make", [greater_equal, greater_than, less_equal, less_than])
    def test_none_as_the_only_end(self, make):
        with pytest.raises(InvalidOperand, match=r"not_equal\(None\)"):
            make(None)

    @pytest.mark.parametrize("column", ["params", "progress"])
    def test_a_range_of_what_has_no_order(self, column):
        assert "has no order" in refusal(column, greater_than(3))

    @pytest.mark.parametrize(
        ("column", "asked"),
        [
            ("created", True), ("created", [1]), ("created", float("nan")), ("created", timedelta(1)), ("created", "2026-13-01"),
            ("runtime", less_than(NOON)), ("runtime", False), ("late", float("nan")), ("attempt", "3"), ("attempt", True),
            ("task_name", 3), ("run_id", in_(["a", 3])), ("action", b"fail"), ("reason", greater_than(3)),
        ],
        ids=repr,
    )  # fmt: skip
    def test_values_that_a_column_never_holds(self, column, asked):
        assert refusal(column, asked).startswith(f"the run log cannot be asked for {column}=")

    def test_a_length_of_time_that_is_none_says_why(self):
        assert "'soon' is not a length of time" in refusal("runtime", less_than("soon"))
        with pytest.raises(InvalidOperand) as caught:
            asked_of("runtime", "soon")
        assert isinstance(caught.value.__cause__, InvalidTimeSpan)

    def test_a_time_before_all_clocks_is_refused(self):
        assert "is no time" in refusal("created", datetime.min)


def test_each_column_of_numbers_is_known_for_a_time_or_a_length_or_neither():
    floats = {name for name, field in TaskRunRecord.__dataclass_fields__.items() if "float" in field.type}
    assert floats == TIMES | SPANS
    assert {name for name in COLUMNS if not is_ordered(name)} == {"progress", "params"}
