"""Verify: whether the files of a run log are whole, told without changing any."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actors.errors import LogUnusable
from runtime.runlog.file_log import FileLog
from runtime.runlog.lines import encode
from runtime.runlog.retention import FOREVER
from runtime.runlog.segments import Header, Segment
from runtime.runlog.verify import Damage, gaps, verify

LOG = Path("runs.jsonl")
STATE = Path("runs.jsonl.state")


def run(run_id, action="run"):
    return {"created": 1.0, "task_name": "a", "run_id": run_id, "action": action, "start": 1.0}


def segment(path, number, first, *documents):
    header = {"callsheet": "run log", "version": 1, "created": 1.0, "segment": number, "first": first}
    Path(path).write_bytes(b"".join(map(encode, [header, *documents])))


@pytest.fixture
def three():
    segment("runs-000001.jsonl", 1, 1, run("1"), run("2"))
    segment("runs-000002.jsonl", 2, 2, run("1", "success"))
    segment("runs.jsonl", 3, 3, run("3"))


def contents():
    return {path: path.read_bytes() for path in Path().iterdir()}


def test_the_files_come_in_the_order_of_what_they_hold(three):
    verdict = verify(LOG)
    assert [(Path(file.path).name, file.number, file.first, file.is_active, file.lines) for file in verdict.files] == [
        ("runs-000001.jsonl", 1, 1, False, 3),
        ("runs-000002.jsonl", 2, 2, False, 2),
        ("runs.jsonl", 3, 3, True, 2),
    ]
    assert verdict.is_whole


def test_runs_are_open_whose_end_is_in_no_segment(three):
    assert [begun["run_id"] for begun in verify(LOG).open_runs] == ["2", "3"]


def test_nothing_is_changed(three):
    with LOG.open("ab") as file:
        file.write(b"damaged\ntorn")
    before = contents()
    verify(LOG)
    assert contents() == before


def test_a_segment_that_is_missing_is_told(three):
    Path("runs-000002.jsonl").unlink()
    verdict = verify(LOG)
    assert (verdict.missing, verdict.is_whole) == (((2, 2),), False)


def test_files_that_another_stands_for_are_left_over_and_no_damage(three):
    segment("runs-000002.jsonl", 2, 1, run("1"))
    verdict = verify(LOG)
    assert [Path(path).name for path in verdict.leftovers] == ["runs-000001.jsonl"]
    assert [Path(file.path).name for file in verdict.files] == ["runs-000002.jsonl", "runs.jsonl"]
    assert verdict.is_whole


def test_a_rotation_that_was_cut_off_is_no_damage(three):
    LOG.unlink()
    verdict = verify(LOG)
    assert (verdict.is_whole, len(verdict.files)) == (True, 2)


def test_a_damaged_header_is_a_damaged_line(three):
    data = LOG.read_bytes()
    LOG.write_bytes(b"X" + data[1:])
    *_, active = verify(LOG).files
    assert (active.damaged, active.lines) == ((Damage(1, 0),), 2)


def test_a_torn_line_at_the_end_of_a_sealed_segment_is_damage_also_while_somebody_writes(three):
    log = FileLog(LOG)
    log.open()
    with Path("runs-000001.jsonl").open("ab") as file:
        file.write(b"torn")
    with LOG.open("ab") as file:
        file.write(b"half")
    verdict = verify(LOG)
    assert [verdict.is_damaged(file) for file in verdict.files] == [True, False, False]
    log.close()


class TestTheState:
    @pytest.fixture(autouse=True)
    def tidied(self, three):
        log = FileLog(LOG)
        log.open()
        log.tidy(FOREVER, 1.0)
        log.close()

    def test_one_that_fits_is_well(self):
        assert STATE.exists()
        assert verify(LOG).is_whole

    def test_none_at_all_is_well_too(self):
        STATE.unlink()
        assert verify(LOG).is_whole

    def test_a_damaged_line_is_told(self):
        lines = STATE.read_bytes().splitlines(keepends=True)
        STATE.write_bytes(b"".join([lines[0], b"X" + lines[1][1:], *lines[2:]]))
        assert (verify(LOG).state, verify(LOG).is_whole) == ("line 2 is damaged", False)

    def test_something_else_in_its_place_is_told(self):
        STATE.write_bytes(encode({"some": "thing"}))
        assert verify(LOG).state == "line 1 is damaged"

    def test_one_of_a_log_that_was_deleted_is_told(self):
        STATE.write_bytes(encode({"callsheet": "run log state", "version": 1, "created": 1.0, "segment": 9}))
        assert verify(LOG).state == "it goes up to segment 9, and does not fit those that are there"


def test_a_file_that_is_no_segment_is_an_error_which_names_it(three):
    Path("runs-000001.jsonl").write_text("mine")
    with pytest.raises(LogUnusable, match="runs-000001"):
        verify(LOG)


@settings(max_examples=50)
@given(st.lists(st.integers(1, 3), max_size=6), st.data())
def test_exactly_the_segments_that_are_missing_are_told(widths, data):
    segments, number = [], 0
    for width in widths:
        segments.append(Segment(LOG, Header(number + width, number + 1)))
        number += width
    kept = [each for each in segments if each is segments[-1] or data.draw(st.booleans())]
    missing = {number for first, last in gaps(kept) for number in range(first, last + 1)}
    assert missing == {n for each in segments if each not in kept for n in range(each.first, each.number + 1)}
