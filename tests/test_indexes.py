"""Indexes of a run log in files: whatever is asked, however often, the answer is that of reading everything."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actors import between, greater_equal, in_, less_than
from runtime.runlog import views
from runtime.runlog.file_log import FileLog
from runtime.runlog.wanted import EVERYTHING, Wanted


def record(number):
    """Return a record; 40 follow each other before a run id comes again, and one task in ten is a rare one."""
    task = "rare" if number % 10 == 7 else "often"
    return {
        "created": float(number),
        "task_name": task,
        "run_id": f"run {number % 40}",
        "action": "fail" if number % 3 else "run",
    }


@pytest.fixture
def log(tmp_path):
    """Return a log of several segments with 200 records."""
    log = FileLog(tmp_path / "runs.jsonl", segment_size=4000)
    log.open()
    for number in range(200):
        log.append(record(number))
    yield log
    log.close()


ASKED = [
    {"run_id": "run 3"}, {"run_id": in_(["run 3", "run 7"])}, {"run_id": "absent"}, {"run_id": between("run 3", "run 39")},
    {"task_name": "rare"}, {"task_name": "often"}, {"task_name": "rare", "action": "fail"}, {"action": "run"}, {},
    {"created": greater_equal(150)}, {"created": less_than(-1)}, {"created": 42},
    {"created": between(30, 60), "task_name": "rare"},
]  # fmt: skip


def numbers(log, columns, **options):
    return [int(document["created"]) for document in log.documents(Wanted(columns), **options)]


@pytest.mark.parametrize("columns", ASKED, ids=str)
@pytest.mark.parametrize("newest_first", [False, True])
def test_the_answer_is_the_same_the_first_second_and_third_time(log, columns, newest_first):
    wanted = Wanted(columns)
    expected = [number for number in range(200) if wanted.includes(record(number))]
    for _ in range(3):
        assert numbers(log, columns, newest_first=newest_first) == (expected[::-1] if newest_first else expected)


def test_what_is_appended_between_two_questions_is_found(log):
    for number in range(200, 210):
        log.append(record(number) | {"run_id": "new"})
        assert numbers(log, {"run_id": "new"}) == list(range(200, number + 1))


def test_what_takes_the_place_of_all_is_found(log):
    for _ in range(3):
        numbers(log, {"run_id": "run 3"})
    log.rewrite([record(43)])
    assert numbers(log, {"run_id": "run 3"}) == [43]


@pytest.mark.parametrize(
    "columns", [{"run_id": "run 3"}, {"task_name": "rare"}, {"run_id": between("run 39", "run 39x")}], ids=str
)
@pytest.mark.parametrize("times", [1, 3])
def test_few_lines_are_decoded_where_few_are_wanted(log, columns, times, monkeypatch):
    decoded, decode = [], views.decode
    for _ in range(times - 1):
        numbers(log, columns)
    monkeypatch.setattr(views, "decode", lambda line: decoded.append(line) or decode(line))
    found = numbers(log, columns)
    assert len(decoded) == len(found) < 30


def test_segments_in_whose_time_nothing_is_wanted_are_passed_over_once_they_are_known(log, monkeypatch):
    decoded, decode = [], views.decode
    for _ in range(2):
        numbers(log, {"created": greater_equal(190)})
    monkeypatch.setattr(views, "decode", lambda line: decoded.append(line) or decode(line))
    assert numbers(log, {"created": greater_equal(190)}) == list(range(190, 200))
    assert len(decoded) < 80


@settings(max_examples=10)
@given(st.lists(st.sampled_from(ASKED), max_size=4))
def test_no_question_changes_the_answer_to_another(log, questions):
    for columns in questions:
        wanted = Wanted(columns)
        assert numbers(log, columns) == [number for number in range(200) if wanted.includes(record(number))]
    assert len(list(log.documents(EVERYTHING))) == 200
