"""What of a run log is kept, and what is let go of: whole runs, never what is needed, and nothing of what they amounted to."""

import math
import os

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import samples
from actors.facts import TERMINAL
from actors.records import is_record, run_key
from helpers import actions
from logged import amount_of, end, fill, note, run, summary, unstarted
from runtime.runlog.contents import Contents, weights
from runtime.runlog.file_log import FileLog
from runtime.runlog.history import History
from runtime.runlog.memory_log import MemoryLog
from runtime.runlog.retention import FOREVER, Keep, Weight, groups_to_replace, kept
from runtime.runlog.segments import sealed_files
from test_crashes import life
from test_scenarios import LOG, app_of, passes
from test_scenarios import life as scenario

SIZE = 900


class Kind:
    """A kind of log, which the properties hold for."""

    def __init__(self, make, folder):
        self._make, self._folder, self._number = make, folder, 0

    def new(self):
        """Return a new one."""
        self._number += 1
        return self._make(self._folder / str(self._number) / "runs.jsonl")


@pytest.fixture(params=["memory", "file"])
def kind(request, tmp_path, monkeypatch):
    monkeypatch.setattr(os, "fsync", lambda _: None)
    return Kind((lambda _: MemoryLog()) if request.param == "memory" else lambda path: FileLog(path, segment_size=SIZE), tmp_path)


def tidied(log):
    """Return the documents that are tidied up: those in sealed segments."""
    if isinstance(log, MemoryLog):
        return list(log.documents())
    active = log.path.read_bytes().count(b"\n") - 1
    return list(log.documents())[: -active or None]


def is_of_run(document):
    return is_record(document) and "start" in document


def start_of(document):
    return document.get("start", document["created"])


def check_whole_runs(documents, after):
    """Check that of each run all records are there, or none."""
    there, gone = set(), set()
    for document in documents:
        if is_of_run(document):
            (there if document in after else gone).add(run_key(document))
    assert not there & gone


def check_needed(documents, after, keep, now):
    """Check that nothing is missing that is to be kept."""
    history = History.of(map(dict, documents))
    needed = [*history.open, *map(run_key, history.waiting.values())]
    needed += [key for ends in history.ends.values() for action, key in ends.items() if action in ("success", "fail")]
    for document in documents:
        if not is_record(document) and document.get("action") not in ("progress", "schedule"):
            assert document in after  # somebody else's
        if is_record(document) and (
            run_key(document) in needed or (start_of(document) >= now - keep.seconds and keep.runs == math.inf)
        ):
            assert document in after
    for task in "abc":
        ended = sorted(start_of(each) for each in documents if each.get("action") in TERMINAL and each["task_name"] == task)
        latest = [start for start in ended if start >= now - keep.seconds][-int(min(keep.runs, 1000)) :]
        left = [start_of(each) for each in after if each.get("action") in TERMINAL and each["task_name"] == task]
        assert set(latest) <= set(left)


def check_gone(sealed, documents, keep, now):
    """Check that among what is tidied up nothing is too old, but for what is kept all the same."""
    chosen = kept(Keep(seconds=keep.seconds), now, {}, History.of(map(dict, documents)))
    sealed_history = History.of(map(dict, documents[: documents.index(sealed[-1]) + 1])) if sealed else History()
    spared = kept(Keep(seconds=keep.seconds), now, {}, sealed_history)
    for document in sealed:
        if is_record(document):
            assert chosen.includes(document) or spared.includes(document)


keeps = st.builds(
    Keep,
    seconds=st.sampled_from([math.inf, 0.0, 50.0, 150.0, 1000.0]),
    runs=st.sampled_from([math.inf, 1, 2, 5, 100]),
)
properties = settings(max_examples=40)


@given(st.integers(0, 10**6), st.integers(1, 60), keeps, st.lists(st.integers(1, 40), max_size=3))
@properties
def test_what_is_kept_is_whole_and_all_that_is_needed_and_what_goes_is_still_counted(kind, seed, count, keep, pauses):
    log, documents, now = kind.new(), life(seed, count), 10.0 * count
    log.open()
    at = 0
    for pause in [*pauses, len(documents)]:
        fill(log, *documents[at : at + pause])
        at = min(at + pause, len(documents))
        log.tidy(keep, now)
    after = list(log.documents())
    assert after == [document for document in documents if document in after]
    check_whole_runs(documents, after)
    check_needed(documents, after, keep, now)
    check_gone(tidied(log), documents, keep, now)
    assert summary(log.history()) == amount_of(documents)
    log.tidy(keep, now)
    assert list(log.documents()) == after
    again = History.of(map(dict, after))  # as where the state is lost
    assert (again.open, again.waiting) == (log.history().open, log.history().waiting)
    log.close()
    log.open()
    assert summary(log.history()) == amount_of(documents)
    log.close()


@given(st.integers(0, 10**6), keeps)
@properties
def test_in_memory_exactly_that_is_kept_which_is_to_be(seed, keep):
    log, documents = MemoryLog(), life(seed, 30)
    fill(log, *documents)
    log.tidy(keep, 300.0)
    starts = {
        task: [start_of(each) for each in documents if each.get("action") in TERMINAL and each["task_name"] == task]
        for task in "abc"
    }
    chosen = kept(keep, 300.0, starts, History.of(map(dict, documents)))
    assert list(log.documents()) == [document for document in documents if chosen.includes(document)]


def ended(count, task="a", first=0):
    """Return the records of runs that have ended, one after the other."""
    return [
        each
        for number in range(first, first + count)
        for each in (run(task, f"r{number}", 10.0 * number), end(task, f"r{number}", 10.0 * number))
    ]


@pytest.fixture
def log(tmp_path):
    log = FileLog(tmp_path / "runs.jsonl", segment_size=SIZE)
    log.open()
    yield log
    log.close()


def starts(log, action="success"):
    return [document["start"] for document in log.documents() if document.get("action") == action]


class TestFiles:
    def test_small_segments_become_one(self, log):
        fill(log, *ended(30))
        log.tidy(Keep(runs=4), 300.0)
        assert len(sealed_files(log.path)) <= 2

    def test_what_is_tidy_is_not_written_anew(self, log):
        fill(log, *ended(10), *ended(10, "b"), run("b", "open", 0.0), *ended(10, "c", 50))
        for _ in range(2):
            log.tidy(Keep(seconds=100.0, runs=4), 600.0)
        before = {path: path.stat().st_ino for path in log.path.parent.iterdir()}
        log.tidy(Keep(seconds=100.0, runs=4), 600.0)
        assert {path: path.stat().st_ino for path in log.path.parent.iterdir()} == before

    def test_what_is_kept_as_the_last_of_its_kind_is_not_written_anew_again_and_again(self, log):
        fill(log, *(end(f"task {number}", "only", 0.0, "fail") for number in range(20)), *ended(10, first=90))
        log.tidy(Keep(seconds=100.0), 1000.0)
        before = {path: path.stat().st_ino for path in sealed_files(log.path).values()}
        log.tidy(Keep(seconds=100.0), 1000.0)
        assert {path: path.stat().st_ino for path in sealed_files(log.path).values()} == before

    def test_a_little_that_is_too_old_goes_from_a_segment_that_is_else_kept(self, log):
        fill(log, *ended(60))
        log.tidy(FOREVER, 0.0)
        log.seal()
        log.tidy(Keep(seconds=590.0), 591.0)
        assert starts(log) == [10.0 * number for number in range(1, 60)]
        assert starts(log, "run") == starts(log)

    def test_a_run_in_several_segments_goes_from_all_of_them_or_from_none(self, log):
        """The one that has its end loses a half, the one that has its beginning does not."""
        fill(log, run("rare", "long", 1.0), *(end(f"other {number}", "x", 2.0) for number in range(7)))
        fill(log, end("rare", "long", 1.0, "terminate"), *ended(3, "often"), *ended(1, "rare", 5), *ended(30, "last", 50))
        log.tidy(Keep(runs=1), 1000.0)
        check_whole_runs([run("rare", "long", 1.0), end("rare", "long", 1.0, "terminate")], list(log.documents()))
        assert not History.of(log.documents()).open

    def test_notes_of_a_run_go_once_it_has_ended_but_for_what_came_of_it_later(self):
        log = MemoryLog()
        notes = [note(action, "a", "r1", 10.0, **{action: 1}) for action in ("progress", "worker", "late")]
        fill(
            log,
            run("a", "r1", 10.0),
            *notes[:2],
            end("a", "r1", 10.0),
            notes[2],
            run("b", "r2", 10.0),
            note("progress", "b", "r2", 10.0),
        )
        fill(log, *ended(20, first=50))
        log.tidy(FOREVER, 0.0)
        assert [each["action"] for each in log.documents() if each["task_name"] == "b"] == ["run", "progress"]
        assert [each["action"] for each in log.documents() if each.get("run_id") == "r1"] == ["run", "success", "late"]

    def test_launches_that_never_started_go_by_when_they_ended(self, log):
        fill(log, *(unstarted("a", str(number), float(number)) for number in range(40)))
        log.seal()
        log.tidy(Keep(seconds=20.0), 39.0)
        assert min(document["created"] for document in log.documents()) == 19.0


class TestDecisions:
    def test_of_as_many_as_may_stay_none_goes(self):
        chosen = kept(Keep(runs=3), 100.0, {"a": [0.0, 10.0, 20.0]}, History())
        assert all(map(chosen.includes, ended(3)))

    def test_neighbours_that_fit_become_one(self):
        assert groups_to_replace([Weight(4, 4), Weight(4, 4), Weight(4, 4)], 8) == [range(2)]

    def test_one_of_which_half_goes_is_written_anew(self):
        assert groups_to_replace([Weight(8, 4), Weight(8, 8)], 8) == [range(1)]
        assert groups_to_replace([Weight(8, 5), Weight(8, 8)], 8) == []

    def test_one_of_which_anything_goes_is_written_anew_where_no_more_is_to_be_kept(self):
        assert groups_to_replace([Weight(8, 7.9), Weight(8, 8)], 8, exactly=True) == [range(1)]

    def test_one_in_which_something_is_too_old_is_written_anew(self):
        assert groups_to_replace([Weight(8, 7.9, is_overdue=True), Weight(8, 8)], 8) == [range(1)]

    def test_those_that_are_linked_are_replaced_together(self):
        segments = [
            Weight(8, 7),
            Weight(8, 6, is_linked=True),
            Weight(8, 3, is_linked=True),
            Weight(8, 7, is_linked=True),
            Weight(8, 7),
        ]
        assert groups_to_replace(segments, 8) == [range(1), range(1, 2), range(2, 3), range(3, 4)]

    @given(
        st.lists(st.tuples(st.integers(0, 10), st.integers(0, 10), st.booleans(), st.booleans()), max_size=12), st.integers(1, 20)
    )
    def test_groups_are_apart_in_order_and_closed_under_links(self, drawn, most):
        segments = [Weight(whole, min(whole, stay), is_overdue, is_linked) for whole, stay, is_overdue, is_linked in drawn]
        groups = groups_to_replace(segments, most)
        indices = [index for group in groups for index in group]
        assert indices == sorted(set(indices))
        for group in groups:
            assert len(group) == 1 or sum(segments[index].kept for index in group) <= most
        for index, segment in enumerate(segments):
            if segment.is_overdue:
                assert index in indices
            if index and segment.is_linked:
                assert (index in indices) == (index - 1 in indices)

    def test_a_run_links_the_segments_that_it_is_in_if_it_goes(self):
        first, second, third = [run("a", "r", 1.0)], ended(2, "b"), [end("a", "r", 1.0), *ended(2, "a", 50)]
        segments = [(Contents.of(documents), 100) for documents in (first, second, third)]
        history = History.of(map(dict, [*first, *second, *third]))
        assert [each.is_linked for each in weights(segments, kept(Keep(seconds=10.0), 500.0, {}, history))] == [False, True, True]
        assert not any(each.is_linked for each in weights(segments, kept(FOREVER, 500.0, {}, history)))

    def test_runs_of_the_future_do_not_hide_the_latest_of_now(self):
        """They began while the clock was ahead; that many older ones are still too many."""
        log = MemoryLog()
        fill(log, *ended(10), *ended(5, first=10**6), end("b", "now", 99.0))
        log.tidy(Keep(runs=2), 100.0)
        assert starts(log)[:2] == [80.0, 90.0]

    def test_memory_is_tidied_up_each_time_that_it_has_doubled(self):
        """Else it would be looked through again and again where nothing ever goes."""
        log, looked = MemoryLog(most_lines=10), 0
        for document in ended(500):
            log.append(document)
            if log.is_untidy:
                log.tidy(FOREVER, 0.0)
                looked += 1
        assert looked < 10


async def test_what_ran_today_does_not_run_again_whatever_was_let_go_of(autojump_clock):
    for hour in range(2):
        app = app_of("daily", samples.inacts, execution="main")
        async with scenario(app, f"2026-01-05 0{hour}:00"):
            await passes(60)
        assert actions(app, "it") == ["run", "inaction"]
        log = FileLog(LOG, segment_size=10)
        log.open()
        fill(log, *ended(2, "other"))
        log.tidy(Keep(seconds=0.0), 1e10)
        log.close()
