"""SegmentIndex: where in a file the lines of a run, or of a task, begin."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors import between, greater_equal, in_, less_than, not_equal
from runtime.runlog import index as module
from runtime.runlog.index import SegmentIndex, lines_at
from runtime.runlog.lines import complete_lines, decode, encode
from runtime.runlog.wanted import Wanted

HEADER = {"callsheet": "run log", "version": 1, "created": 1.0}


def record(task, run_id, created=5.0, action="run"):
    return {"created": created, "task_name": task, "run_id": run_id, "action": action}


def file_of(*documents):
    return b"".join(map(encode, documents))


def indexed(file):
    index = SegmentIndex()
    index.catch_up(file)
    return index


def found(file, index, **columns):
    """Return the documents that the index leads to, or None if it does not help."""
    wanted = Wanted(columns, only_records=False)
    offsets = index.offsets(wanted)
    return (
        None if offsets is None else [document for line in lines_at(file, offsets) if wanted.includes(document := decode(line))]
    )


MANY = [record(f"task {number}", str(number), float(number)) for number in range(40)]


def test_the_lines_of_a_run_are_found_in_their_order():
    ended = record("task 3", "3", 50.0, "success")
    file = file_of(HEADER, *MANY, ended)
    assert found(file, indexed(file), run_id="3") == [MANY[3], ended]


def test_the_lines_of_a_task_are_found_in_their_order():
    file = file_of(HEADER, *MANY, record("task 3", "b"), record("task 4", "c"), record("task 3", "a"))
    assert [document["run_id"] for document in found(file, indexed(file), task_name="task 3")] == ["3", "b", "a"]


def test_several_runs_are_found_in_the_order_of_the_file():
    file = file_of(*MANY)
    assert found(file, indexed(file), run_id=in_(["9", "2", "none"])) == [MANY[2], MANY[9]]


def test_notes_of_a_run_are_found_like_its_records():
    note = record("task 3", "3", action="progress")
    file = file_of(*MANY, note)
    assert found(file, indexed(file), run_id="3") == [MANY[3], note]


def test_a_run_that_is_not_there_leads_nowhere():
    assert indexed(file_of(*MANY)).offsets(Wanted({"run_id": "none"})) == []


def test_an_empty_file_has_nothing():
    index = indexed(b"")
    assert (index.end, index.lines, index.offsets(Wanted({"run_id": "1"}))) == (0, 0, [])


@pytest.mark.parametrize(
    "columns",
    [{}, {"action": "fail"}, {"run_id": not_equal("1")}, {"run_id": in_(["1", None])}, {"task_name": greater_equal("a")}],
)
def test_where_neither_run_nor_task_is_asked_for_all_is_to_be_read(columns):
    assert indexed(file_of(*MANY)).offsets(Wanted(columns)) is None


def test_a_task_that_most_lines_are_of_is_found_by_reading_all():
    file = file_of(*[record("often", str(number)) for number in range(40)], record("rare", "x"))
    index = indexed(file)
    assert index.offsets(Wanted({"task_name": "often"})) is None
    assert len(index.offsets(Wanted({"task_name": "rare"}))) == 1
    assert found(file, index, task_name="often", run_id="7") == [record("often", "7")]


def test_very_many_runs_at_once_are_found_by_reading_all():
    assert indexed(file_of(*MANY)).offsets(Wanted({"run_id": in_(map(str, range(2000)))})) is None


def test_a_time_in_which_nothing_was_written_is_passed_over():
    index = indexed(file_of(HEADER, *MANY[10:20]))
    assert (index.earliest, index.latest) == (10.0, 19.0)
    assert index.offsets(Wanted({"created": less_than(9)})) == ()
    assert index.offsets(Wanted({"created": between(19.5, 30)})) == ()
    assert index.offsets(Wanted({"created": between(19, 30)})) is None


def test_documents_without_a_time_are_found_where_no_time_is_asked_for():
    index = indexed(file_of({"task_name": "a"}))
    assert index.offsets(Wanted({}, only_records=False)) is None
    assert index.offsets(Wanted({"created": None}, only_records=False)) is None


def test_what_was_appended_is_taken_in_by_catching_up():
    file = file_of(HEADER, *MANY)
    index = indexed(file)
    file += encode(record("new", "new"))
    assert found(file, index, run_id="new") == []
    index.catch_up(file)
    assert found(file, index, run_id="new") == [record("new", "new")]
    assert index.end == len(file)


def test_a_line_may_be_taken_in_by_whoever_writes_it():
    file, index = file_of(*MANY), SegmentIndex()
    for line in complete_lines(file):
        index.take_in(decode(line), len(line))
    assert found(file, index, run_id="3") == [MANY[3]]
    assert index.end == len(file)


@pytest.mark.parametrize("kept", [1, 20, -1])
def test_a_torn_last_line_waits_for_the_rest(kept):
    whole, line = b"".join(map(encode, MANY)), encode(record("new", "new"))
    file = whole + line[:kept]
    index = indexed(file)
    assert (index.end, found(file, index, run_id="new")) == (len(whole), [])
    file = whole + line
    index.catch_up(file)
    assert found(file, index, run_id="new") == [record("new", "new")]


def test_damaged_lines_are_passed_over_and_those_behind_them_found():
    lines = [encode(document) for document in MANY]
    lines[3] = lines[3].replace(b'"3"', b'"4"')
    lines[5] = b"\x00\xff\n"
    file = b"".join(lines)
    index = indexed(file)
    assert index.lines == 38
    assert [found(file, index, run_id=run_id) for run_id in "345"] == [[], [MANY[4]], []]


def test_keys_take_at_most_twenty_bytes_a_document():
    index = indexed(file_of(*(record("a", str(number)) for number in range(20_000))))
    assert index.size() <= 20 * 20_000


def test_runs_whose_ids_share_their_bits_are_told_apart_by_their_lines(monkeypatch):
    monkeypatch.setattr(module, "_HASH", 1)
    file = file_of(*MANY)
    index = indexed(file)
    assert all(found(file, index, run_id=each["run_id"]) in ([each], None) for each in MANY)


IDS = st.sampled_from(["", "a", "b", "c", "d", "e"])


@given(
    chunks=st.lists(st.lists(st.tuples(IDS, IDS), max_size=12), max_size=4),
    loose=st.integers(1, 5),
    wanted=st.dictionaries(st.sampled_from(["run_id", "task_name"]), IDS | st.lists(IDS, max_size=2).map(in_)),
)
def test_it_leads_to_all_that_reading_the_whole_file_finds(chunks, loose, wanted):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_LOOSE", loose)
        file, index = b"", SegmentIndex()
        for chunk in chunks:
            file += b"".join(encode(record(task, run_id)) for task, run_id in chunk)
            index.catch_up(file)
        chosen = Wanted(wanted)
        expected = [document for line in complete_lines(file) if chosen.includes(document := decode(line))]
        assert found(file, index, **wanted) in (expected, None)
