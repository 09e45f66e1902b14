"""Files that were cut, or in which bits have flipped: all the rest is kept, and the file as it was is copied."""

import logging
import os
import shutil

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from logged import amount_of, end, fill, run, schedule, summary
from runtime.runlog.file_log import FileLog
from runtime.runlog.lines import is_whole
from runtime.runlog.retention import FOREVER
from runtime.runlog.segments import sealed_files, sealed_path

SMALL = {"segment_size": 500}
MORE = [run("z", "z1", 900.0), end("z", "z1", 900.0)]
STATE = "runs.jsonl.state"


def documents():
    """Return documents whose segments are tidied but for the latest, in which a run goes on."""
    tidied = [
        each for number in range(4) for each in (run("a", f"a{number}", 10.0 * number), end("a", f"a{number}", 10.0 * number))
    ]
    later = [schedule("b", "every 1 s", 100.0), run("b", "b1", 101.0), run("a", "a9", 102.0), end("a", "a9", 102.0, "fail")]
    return tidied, later


@pytest.fixture(autouse=True)
def fast(monkeypatch, caplog):
    """Have nobody wait for the disk, which cuts nothing off here, or hear of each damage."""
    monkeypatch.setattr(os, "fsync", lambda _: None)
    caplog.set_level(logging.CRITICAL, "callsheet.runtime")


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    """A log with sealed segments that its state has, one that it has not, and an active one."""
    folder = tmp_path_factory.mktemp("template")
    log = FileLog(folder / "runs.jsonl", **SMALL)
    log.open()
    tidied, later = documents()
    fill(log, *tidied)
    log.tidy(FOREVER, 0.0)
    fill(log, *later)
    log.close()
    assert len(sealed_files(log.path)) == 2
    assert list(log.documents()) == [*tidied, *later]
    return folder


class Copies:
    """Copies of the folder, one after the other."""

    def __init__(self, template, folder):
        self._template, self._folder, self._number = template, folder, 0

    def new(self):
        """Return the path of the log in a fresh one."""
        self._number += 1
        return shutil.copytree(self._template, self._folder / str(self._number)) / "runs.jsonl"


@pytest.fixture
def copies(template, tmp_path):
    return Copies(template, tmp_path)


def check_opening(path, *, whole_history):
    """Check that a writer goes on with what a reader has seen, and return that.

    Args:
      whole_history: whether what all documents amounted to is still known, though not all can be read.
    """
    read = list(FileLog(path).documents())
    everything = [document for part in documents() for document in part]
    assert read == [document for document in everything if document in read]
    log = FileLog(path, **SMALL)
    log.open()
    assert list(log.documents()) == read
    expected = everything if whole_history else read
    assert summary(log.history()) == amount_of(expected)
    fill(log, *MORE)
    log.tidy(FOREVER, 0.0)
    assert list(log.documents()) == [*read, *MORE]
    log.close()
    log.open()
    assert summary(log.history()) == amount_of([*expected, *MORE])
    log.close()
    for file in (path, *sealed_files(path).values()):
        assert all(map(is_whole, file.read_bytes().splitlines(keepends=True)))
    return read


def copied(path):
    return [each.read_bytes() for each in path.parent.glob("*.corrupt-*")]


@pytest.mark.parametrize("name", ["runs-000001.jsonl", "runs.jsonl"])
def test_what_is_written_anew_without_damaged_lines_leaves_a_copy_of_them(copies, name):
    """As by ``table.update``; also where the segment was known to be whole."""
    path = copies.new()
    log = FileLog(path, **SMALL)
    log.open()
    damaged = path.with_name(name).read_bytes().replace(b'"success"', b'"succes5"').replace(b'"fail"', b'"fai1"')
    path.with_name(name).write_bytes(damaged)
    log.rewrite(list(log.documents()))
    log.close()
    assert copied(path.with_name(name)) == [damaged]


class TestCut:
    def test_an_active_segment_anywhere(self, template, copies):
        path = copies.new()
        data = path.read_bytes()
        sealed = len(list(FileLog(path).documents())) - data.count(b"\n") + 1
        for length in range(1, len(data)):
            path.write_bytes(data[:length])
            log = FileLog(path, **SMALL)
            read = list(log.documents())
            log.open()
            log.append(MORE[0])
            assert list(log.documents()) == [*read, MORE[0]]
            assert summary(log.history()) == amount_of([*read, MORE[0]])
            log.close()
            assert len(read) == sealed + max(data[:length].count(b"\n") - 1, 0)
        assert copied(path) == []

    def test_an_active_segment_anywhere_and_all_goes_on(self, template, copies):
        for length in range(1, (template / "runs.jsonl").stat().st_size, 11):
            path = copies.new()
            os.truncate(path, length)
            check_opening(path, whole_history=False)

    def test_a_sealed_segment_that_the_state_has_anywhere(self, template, copies):
        """What its documents amount to is known all the same."""
        sealed = sealed_path(template / "runs.jsonl", 1)
        for length in range(0, (template / sealed.name).stat().st_size, 7):
            path = copies.new()
            os.truncate(path.parent / sealed.name, length)
            check_opening(path, whole_history=True)

    def test_a_sealed_segment_that_the_state_has_not_anywhere(self, template, copies):
        sealed = sealed_path(template / "runs.jsonl", 2)
        for length in range(0, (template / sealed.name).stat().st_size, 7):
            path = copies.new()
            os.truncate(path.parent / sealed.name, length)
            check_opening(path, whole_history=False)

    def test_the_state_anywhere(self, copies):
        """It is not used then: the segments are read."""
        path = copies.new()
        state = path.parent / STATE
        for length in range(state.stat().st_size - 1, -1, -1):
            os.truncate(state, length)
            assert summary(FileLog(path).history()) == amount_of([*documents()[0], *documents()[1]])
        assert check_opening(path, whole_history=True) == [*documents()[0], *documents()[1]]

    def test_without_the_state_the_segments_are_read(self, copies):
        path = copies.new()
        (path.parent / STATE).unlink()
        assert check_opening(path, whole_history=True) == [*documents()[0], *documents()[1]]


def flipped(path, data):
    """Flip some bits in some files, and return these as they are then: {name: content}, and how many lines that may cost."""
    names = sorted(each.name for each in path.parent.iterdir() if not each.name.endswith(".lock"))
    contents, lost = {}, 0
    for name in data.draw(st.lists(st.sampled_from(names), min_size=1, max_size=3)):
        file = path.parent / name
        content = bytearray(file.read_bytes())
        content[data.draw(st.integers(0, len(content) - 1))] ^= 1 << data.draw(st.integers(0, 7))
        file.write_bytes(content)
        contents[name] = bytes(content)
        lost += 2 * (name != STATE)  # a line that lost its end is one with the next
    return contents, lost


def is_damaged(name, content):
    """Return whether a file is to be copied; of the active one, a last line without an end is only torn."""
    lines = content.splitlines(keepends=True)
    return name != STATE and not all(is_whole(line) for line in lines if line.endswith(b"\n") or name != "runs.jsonl")


@given(st.data())
@settings(max_examples=100)
def test_bits_that_flip_in_any_file_cost_no_more_than_the_lines_they_are_in(copies, data):
    path = copies.new()
    contents, lost = flipped(path, data)
    read = list(FileLog(path).documents())
    assert len(read) >= sum(map(len, documents())) - lost
    log = FileLog(path, **SMALL)
    log.open()
    assert list(log.documents()) == read
    log.tidy(FOREVER, 0.0)
    assert list(log.documents()) == read
    fill(log, *MORE)
    assert list(log.documents()) == [*read, *MORE]
    history = summary(log.history())
    log.close()
    log.open()
    assert summary(log.history()) == history
    log.close()
    assert {content for name, content in contents.items() if is_damaged(name, content)} <= set(copied(path))
    for file in (path, *sealed_files(path).values()):
        assert all(map(is_whole, file.read_bytes().splitlines(keepends=True)))
