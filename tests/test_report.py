"""Report: one row for each run, the latest of them found without reading the whole log."""

from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.records import is_record, run_key
from logged import end, run, unstarted
from runtime.runlog.report import SLACK, latest_runs


def note(task, run_id, start, action, **more):
    return {"created": start, "task_name": task, "run_id": run_id, "action": action, "start": start, **more}


def runs_in(documents, *args, **options):
    return latest_runs(documents[::-1], *args, **options)


def shown(*documents):
    return [(row["task_name"], row["run_id"], row["status"]) for row in runs_in(documents)]


def test_no_records_are_no_rows():
    assert runs_in([]) == []


def test_a_run_that_ended_is_one_row():
    assert runs_in([run("a", "1", 1.0), end("a", "1", 1.0)]) == [
        {
            "created": 2.0,
            "task_name": "a",
            "run_id": "1",
            "start": 1.0,
            "due": 1.0,
            "end": 2.0,
            "runtime": 1.0,
            "status": "success",
            "late": 0.0,
        }
    ]


def test_a_run_without_an_end_is_running():
    assert shown(run("a", "1", 1.0)) == [("a", "1", "running")]


def test_runs_come_in_the_order_in_which_they_began():
    rows = shown(run("a", "1", 1.0), run("b", "2", 2.0), end("b", "2", 2.0, "fail"), end("a", "1", 1.0))
    assert rows == [("a", "1", "success"), ("b", "2", "fail")]


def test_a_launch_that_never_started_is_a_row_of_its_own():
    rows = shown(run("a", "same", 1.0), unstarted("a", "same", 2.0), end("a", "same", 1.0))
    assert rows == [("a", "same", "success"), ("a", "same", "terminate")]


def test_the_same_id_in_another_task_is_another_run():
    rows = shown(run("a", "1", 1.0), run("b", "1", 1.0), end("b", "1", 1.0))
    assert rows == [("a", "1", "running"), ("b", "1", "success")]


def test_an_id_that_comes_again_is_another_run():
    rows = shown(run("a", "1", 1.0), end("a", "1", 1.0), run("a", "1", 3.0), end("a", "1", 3.0, "fail"))
    assert rows == [("a", "1", "success"), ("a", "1", "fail")]


def test_of_two_runs_with_one_id_the_one_that_ended_has_ended():
    rows = runs_in([run("a", "same", 1.0), run("a", "same", 2.0), end("a", "same", 2.0)])
    assert [(row["start"], row["status"]) for row in rows] == [(1.0, "running"), (2.0, "success")]


def test_late_is_how_long_after_it_was_due_it_began():
    rows = runs_in([run("a", "1", 5.0, due=3.5), run("b", "2", 5.0, due=6.0), unstarted("c", "3", 1.0)])
    assert [row.get("late") for row in rows] == [1.5, 0.0, None]


def test_records_stay_as_they_are():
    documents = [run("a", "1", 1.0), end("a", "1", 1.0)]
    runs_in(documents)
    assert documents == [run("a", "1", 1.0), end("a", "1", 1.0)]


def test_the_last_progress_of_a_run_that_goes_on_is_shown():
    documents = [
        run("a", "1", 1.0),
        note("a", "1", 1.0, "progress", progress={"done": 1}),
        note("a", "1", 1.0, "progress", progress={"done": 2}),
    ]
    assert [row["progress"] for row in runs_in(documents)] == [{"done": 2}]


def test_the_progress_in_the_record_of_the_end_counts_more_than_notes_before_it():
    noted = note("a", "1", 1.0, "progress", progress={"done": 1})
    (row,) = runs_in([run("a", "1", 1.0), noted, end("a", "1", 1.0, progress={"done": 9})])
    assert row["progress"] == {"done": 9}
    (row,) = runs_in([run("a", "1", 1.0), noted, end("a", "1", 1.0)])
    assert row["progress"] == {"done": 1}


def test_what_was_noted_after_the_end_is_shown_and_only_then():
    late = note("a", "1", 1.0, "late", afterwards="it has ended")
    assert runs_in([run("a", "1", 1.0), end("a", "1", 1.0), late])[0]["afterwards"] == "it has ended"
    assert "afterwards" not in runs_in([run("a", "1", 1.0), late])[0]


def test_notes_alone_and_what_somebody_else_has_written_are_no_rows():
    foreign = [{"action": "progress"}, {"action": "late", "task_name": 3}, {"action": "run"}, {}]
    assert runs_in([note("a", "1", 1.0, "progress", progress=None), note("a", "1", 1.0, "late"), *foreign]) == []


class TestTheLatest:
    def test_as_many_are_returned_as_are_asked_for_the_latest_ones(self):
        documents = [each for at in range(9) for each in (run("a", str(at), at), end("a", str(at), at))]
        assert [row["run_id"] for row in runs_in(documents, 3)] == ["6", "7", "8"]

    def test_no_more_is_read_than_they_need(self):
        read = []

        def documents():
            for at in count(1000, -1):
                yield from (read.append(at) or each for each in (end("a", str(at), at), run("a", str(at), at)))

        assert [row["run_id"] for row in latest_runs(documents(), 2)] == ["999", "1000"]
        assert set(read) == {999, 1000}

    def test_only_those_that_match_count(self):
        documents = [
            each
            for at in range(9)
            for each in (run("a", str(at), at), end("a", str(at), at, "fail" if at % 4 == 0 else "success"))
        ]
        assert [row["run_id"] for row in runs_in(documents, 2, lambda row: row["status"] == "fail")] == ["4", "8"]

    def test_one_that_took_long_is_in_the_order_in_which_it_began(self):
        documents = [run("a", "long", 1.0), *[run("b", str(at), at) for at in (2, 3, 4)], end("a", "long", 1.0, at=9)]
        assert [row["run_id"] for row in runs_in(documents, 3)] == ["2", "3", "4"]
        assert [row["run_id"] for row in runs_in(documents, 4)] == ["long", "2", "3", "4"]

    @pytest.mark.parametrize("most", [1, 2, 3, None])
    def test_one_whose_beginning_was_damaged_is_where_its_end_is(self, most):
        documents = [run("b", "2", 2.0), run("b", "3", 3.0), end("a", "alone", 3.5), run("b", "4", 4.0)]
        assert [row["run_id"] for row in runs_in(documents, most)] == ["2", "3", "alone", "4"][-(most or 4) :]

    def test_reading_ends_some_time_before_what_is_asked_for(self):
        now = 10 * SLACK

        def documents():
            yield run("a", "new", now)
            yield run("a", "old", now - 2 * SLACK)
            raise AssertionError("it reads on")

        since = now - SLACK / 2
        assert [row["run_id"] for row in latest_runs(documents(), 20, lambda row: row["start"] >= since, since)] == ["new"]


def in_the_order_of_the_log(documents):
    """Return the rows as one finds them from the beginning, reading everything: the plain way."""
    rows, going, ended = [], {}, {}
    for document in documents:
        key = run_key(document)
        if document["action"] == "progress" and key in going:
            going[key]["progress"] = document["progress"]
        if document["action"] == "late" and key in ended:
            ended[key]["afterwards"] = document["afterwards"]
        if not is_record(document):
            continue
        row = going.pop(key, None)
        if row is None:
            rows.append(row := {})
        row.update(document)
        row["status"] = "running" if row.pop("action") == "run" else document["action"]
        (going if document["action"] == "run" else ended)[key] = row
    for row in rows:
        if "start" in row:
            row["late"] = 0.0
    return rows


@st.composite
def logs(draw):
    """Make a log in which runs begin and end in any order, some with notes, some never, and some launches never begin."""
    documents, going, over = [], [], []
    for at in range(draw(st.integers(0, 25))):
        what = draw(st.sampled_from(["run", "end", "progress", "late", "unstarted"]))
        if what == "run":
            going.append((draw(st.sampled_from("ab")), draw(st.sampled_from("xy")), float(at)))
            documents.append(run(*going[-1]))
        elif what == "unstarted":
            documents.append(unstarted("a", "x", float(at)))
        elif what == "end" and going:
            over.append(going.pop(draw(st.integers(0, len(going) - 1))))
            documents.append(end(*over[-1], draw(st.sampled_from(["success", "fail", "retry"])), at=float(at)))
        elif what == "progress" and going:
            documents.append(note(*draw(st.sampled_from(going)), "progress", progress={"done": at}))
        elif what == "late" and over:
            documents.append(note(*draw(st.sampled_from(over)), "late", afterwards=f"at {at}"))
    return documents


@given(documents=logs(), most=st.none() | st.integers(1, 6), status=st.sampled_from([None, "running", "fail"]))
def test_the_rows_are_the_last_of_those_that_reading_everything_finds(documents, most, status):
    def matches(row):
        return status in (None, row["status"])

    rows = list(filter(matches, in_the_order_of_the_log(documents)))
    assert runs_in(documents, most, matches) == (rows if most is None else rows[-most:])
