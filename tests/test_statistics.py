"""Statistics: what the run log says of tasks in numbers."""

from array import array
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors import TaskStats
from actors.errors import InvalidOperand
from runtime.runlog.history import History
from runtime.runlog.repo import open_repo
from runtime.runlog.statistics import percentiles, stats_of


def run(task, at, action="success", took=1.0, late=0.0):
    """Return the two records of a run that began at a moment."""
    began = {"created": at, "task_name": task, "run_id": str(at), "action": "run", "start": at, "due": at - late, "late": late}
    return [began, {**began, "created": at + took, "action": action, "end": at + took, "runtime": took}]


def missed(task, at, count=1):
    return {"created": at, "task_name": task, "run_id": "", "action": "missed", "cause": "down", "count": count}


def logged(*records):
    repo = open_repo(None)
    for record in records:
        repo.log.append(record)
    return repo


def test_a_log_without_records_has_no_numbers():
    assert open_repo(None).stats() == {}


def test_each_task_has_numbers_of_its_own_in_the_order_of_their_names():
    stats = logged(*run("b", 1.0), *run("a", 2.0, "fail")).stats()
    assert [(name, each.task_name, each.counts) for name, each in stats.items()] == [
        ("a", "a", {"run": 1, "fail": 1}),
        ("b", "b", {"run": 1, "success": 1}),
    ]


def test_all_numbers_of_a_task():
    records = [*run("a", 10.0, took=1.0, late=0.5), *run("a", 20.0, "fail", took=3.0), *run("a", 30.0, "fail", took=2.0)]
    assert logged(*records, missed("a", 40.0, 7)).stats() == {
        "a": TaskStats(
            task_name="a",
            totals={"run": 3, "success": 1, "fail": 2, "missed": 7},
            counts={"run": 3, "success": 1, "fail": 2, "missed": 7},
            runs=3,
            p50_runtime=2.0,
            p99_runtime=3.0,
            max_runtime=3.0,
            p50_late=0.0,
            p99_late=0.5,
            max_late=0.5,
            fail_streak=2,
            last_success=11.0,
            last_fail=32.0,
            first=10.0,
            last=40.0,
        )
    }


def test_one_task_alone_can_be_asked_for_and_one_that_never_had_a_record_has_none():
    repo = logged(*run("a", 1.0), *run("b", 2.0))
    assert list(repo.stats("a")) == ["a"]
    assert repo.stats("c") == {}


def test_of_a_time_come_the_counts_and_percentiles_and_of_all_time_the_totals():
    repo = logged(*run("a", 10.0, took=5.0), *run("a", 20.0, "fail", took=1.0), *run("a", 30.0, took=2.0))
    stats = repo.stats(since=20, until=datetime.fromtimestamp(25))["a"]
    assert (stats.counts, stats.runs, stats.max_runtime) == ({"run": 1, "fail": 1}, 1, 1.0)
    assert (stats.first, stats.last) == (20.0, 21.0)
    assert stats.totals == {"run": 3, "success": 2, "fail": 1}
    assert (stats.last_success, stats.fail_streak) == (32.0, 0)


def test_a_task_of_which_nothing_is_in_that_time_still_has_its_totals():
    stats = logged(*run("a", 10.0)).stats(since="2026-01-31")["a"]
    assert (stats.totals, stats.counts, stats.runs) == ({"run": 1, "success": 1}, {}, 0)
    assert (stats.p50_runtime, stats.max_late, stats.first, stats.last) == (None, None, None, None)


def test_a_time_that_is_none_is_an_error_at_once():
    with pytest.raises(InvalidOperand):
        open_repo(None).stats(since="yesterday")


def test_a_run_that_goes_on_is_counted_as_begun_and_in_no_percentile():
    stats = logged(run("a", 1.0)[0]).stats()["a"]
    assert (stats.counts, stats.runs, stats.p50_runtime) == ({"run": 1}, 0, None)


def test_a_launch_that_ended_before_its_run_has_neither_runtime_nor_lateness():
    unstarted = {"created": 1.0, "task_name": "a", "run_id": "1", "action": "terminate", "due": 1.0}
    stats = logged(unstarted).stats()["a"]
    assert (stats.runs, stats.max_runtime, stats.max_late) == (1, None, None)


def test_a_task_that_is_new_since_the_history_was_asked_for_is_there_too():
    assert stats_of(run("new", 1.0), History())["new"].runs == 1


def test_what_the_log_has_let_go_of_is_in_the_totals():
    records = [*run("a", 1.0), *run("a", 2.0)]
    stats = stats_of(records[2:], History.of(records))["a"]
    assert (stats.totals, stats.counts) == ({"run": 2, "success": 2}, {"run": 1, "success": 1})


@given(st.lists(st.floats(-1e6, 1e6), min_size=1), st.integers(1, 100))
def test_a_percentile_is_the_least_value_that_so_many_of_a_hundred_do_not_exceed(values, percent):
    def is_reached(value):
        return sum(each <= value for each in values) * 100 >= percent * len(values)

    assert percentiles(array("d", values), percent) == [min(filter(is_reached, values))]


def test_percentiles_of_few_values():
    assert percentiles(array("d", [3.0, 1.0, 2.0, 4.0]), 50, 75, 76, 99, 100) == [2.0, 3.0, 4.0, 4.0, 4.0]
    assert percentiles(array("d"), 50, 99) == [None, None]
