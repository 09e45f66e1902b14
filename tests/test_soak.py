"""A small soak: launches in all modes that end in all ways. ``python -m benchmarks --only soak`` is the large one."""

from dataclasses import replace
from itertools import islice

import pytest

from benchmarks import soak
from benchmarks.findings import grown, wrong
from benchmarks.plan import ENDS, MANNERS, is_in_order, plan, plausible
from benchmarks.resources import Resources

HELD = Resources(threads=1, children=0, descriptors=10, tasks=3, allocated=1_000_000, resident=50_000_000)


def test_launches_of_all_kinds_have_one_end_each_and_leave_nothing_behind():
    report = soak.run(launches=300, seed=5)
    assert report.problems == []
    assert sum(counts.total() for counts in report.outcomes.values()) == 300 + soak.WARM_UP
    assert all(counts["success"] for counts in report.outcomes.values())


def test_the_same_seed_is_the_same_plan():
    assert list(plan(1, 50)) == list(plan(1, 50)) != list(plan(2, 50))


def test_a_longer_plan_begins_as_a_shorter_one():
    assert list(islice(plan(1, 100), 50)) == list(plan(1, 50))


def test_a_plan_has_tasks_of_each_kind_and_manner_and_all_their_ends():
    planned = list(plan(1, 5000))
    assert {(launch.kind, launch.manner) for launch in planned} == {(kind, manner) for kind in ENDS for manner in MANNERS}
    assert {(launch.kind, launch.end) for launch in planned} == {(kind, end) for kind in ENDS for end in ENDS[kind]}


def test_what_would_go_on_for_ever_is_asked_to_end():
    assert all(launch.is_ended for launch in plan(1, 2000) if launch.end.startswith(("hangs", "swallows")))


@pytest.mark.parametrize(
    ("kind", "manner", "end", "is_ended", "outcomes"),
    [
        ("async", "many", "returns", False, {"success"}),
        ("async", "many", "returns", True, {"success", "terminate"}),
        ("async", "timed", "returns", False, {"success", "terminate"}),
        ("main", "one", "raises", False, {"fail", "terminate"}),
        ("thread", "many", "inacts", False, {"inaction"}),
        ("thread", "many", "hangs", True, {"terminate"}),
        ("thread", "many", "unpicklable", False, {"success"}),
        ("process", "many", "unpicklable", False, {"fail"}),
        ("process", "retried", "exits", False, {"fail"}),
    ],
)
def test_what_may_come_of_a_launch(kind, manner, end, is_ended, outcomes):
    launch = replace(next(plan(1, 1)), kind=kind, manner=manner, end=end, is_ended=is_ended)
    assert plausible(launch) == outcomes


@pytest.mark.parametrize(
    ("actions", "expected"),
    [
        (["run", "success"], True),
        (["terminate"], True),
        (["run", "retry", "run", "fail"], True),
        (["run", "retry", "terminate"], True),
        (["run"], False),
        (["run", "retry"], False),
        (["run", "success", "success"], False),
        (["run", "success", "run"], False),
        (["run", "run", "success"], False),
    ],
)
def test_a_run_has_its_attempts_and_one_end(actions, expected):
    assert is_in_order(actions) is expected


def test_what_is_held_afterwards_is_told():
    assert list(grown(HELD, HELD, launches=10)) == []
    assert list(grown(HELD, replace(HELD, children=2), launches=10)) == ["children: 0 before, 2 after"]
    assert list(grown(HELD, replace(HELD, allocated=9_000_000), launches=10)) == ["allocated: 1,000,000 before, 9,000,000 after"]


def quiet(number):
    """Return a launch that can only succeed."""
    return replace(next(plan(1, 1)), number=number, kind="process", manner="many", end="returns", is_ended=False)


@pytest.mark.parametrize(
    ("records", "killed", "said"),
    [
        ([("run", ""), ("success", "")], 0, None),
        ([], 0, "the records of Planned(number=7"),
        ([("run", ""), ("success", ""), ("success", "")], 0, "the records of Planned(number=7"),
        ([("run", ""), ("terminate", "by nobody")], 0, "ended as terminate: by nobody"),
        ([("run", ""), ("fail", "was killed by signal 9")], 1, None),
        ([("run", ""), ("fail", "was killed by signal 9")], 0, "1 runs say that they were killed, and 0 children were"),
    ],
)
def test_a_run_whose_records_are_not_as_planned_is_told(records, killed, said):
    launch = quiet(7)
    found = list(wrong([launch], {(launch.task, launch.run_id): records}, killed))
    assert len(found) == (said is not None)
    assert said is None or said in found[0]


def test_a_run_that_nobody_has_launched_is_told():
    assert "never launched" in next(wrong([], {("other", "8"): [("run", "")]}, killed=0))
