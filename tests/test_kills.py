"""A small kill test: an app is killed at random moments. ``python -m benchmarks --only kills`` is the large one."""

import os
from itertools import islice

import pytest

from benchmarks import kills
from benchmarks.killing import checks
from benchmarks.killing.plan import LOGS, OPERATIONS, Full, Life, Operation, plan
from benchmarks.killing.story import Story
from benchmarks.killing.traces import Deed, Tail, segments_of, text_of
from logged import end, fill, run, unstarted
from runtime.runlog.file_log import FileLog

LIFE = Life(1, "all", "running", 1.0, 0.0, None, None, "process", 1000, is_patient=True)
EVERYTHING = [run("it", "1", 10.0), end("it", "1", 10.0), run("it", "2", 20.0), end("it", "2", 20.0, "fail")]


def test_an_app_that_is_killed_at_random_moments_loses_nothing_and_does_nothing_twice():
    report = kills.run(kills=15, seed=5, pace=0.2)
    assert report.problems == []
    assert report.kills.total() == 15
    assert report.counts["crash records"]


class TestThePlan:
    def test_the_same_seed_is_the_same_plan(self):
        assert list(islice(plan(1), 50)) == list(islice(plan(1), 50)) != list(islice(plan(2), 50))

    def test_it_has_all_ways_logs_and_operations(self):
        lives = list(islice(plan(1), 500))
        assert {life.way for life in lives} == {"opening", "running", "ending", "operation", "orderly"}
        assert {life.log for life in lives} == set(LOGS)
        assert {life.operation.name for life in lives if life.operation is not None} == set(OPERATIONS)
        assert {life.operation.place for life in lives if life.operation is not None} == {"before", "amid", "after"}
        assert {life.full is None for life in lives} == {life.durability == "power" for life in lives} == {True, False}


@pytest.mark.parametrize(
    ("actions", "expected"),
    [
        (["run"], True),
        (["run", "crash"], True),
        (["terminate"], True),
        (["run", "retry"], True),
        (["run", "retry", "run", "success"], True),
        (["run", "retry", "terminate"], True),
        (["run", "success", "success"], False),
        (["run", "crash", "run"], False),
        (["run", "run"], False),
        (["retry"], False),
        (["run", "retry", "retry"], False),
        (["terminate", "crash"], False),
    ],
)
def test_a_run_has_its_attempts_and_at_most_one_end(actions, expected):
    assert checks.is_in_order(actions) is expected


class TestChecks:
    """Each finds what it is for."""

    def test_of_attempts_and_rescues(self):
        fine = [run("it", "1", 1.0), end("it", "1", 1.0, "retry", attempt=1), run("it", "1", 2.0, attempt=2)]
        assert list(checks.disorder(checks.runs_of(fine), 1)) == []
        assert "attempts [1, 1]" in "".join(checks.disorder(checks.runs_of([*fine[:2], run("it", "1", 2.0)]), 1))
        assert "too often" in "".join(checks.disorder(checks.runs_of([run("it", "1", 1.0, rescues=2)]), 1))
        assert "['run', 'run']" in "".join(checks.disorder(checks.runs_of([fine[0], fine[2]]), 1))

    def test_of_runs_that_a_start_has_not_closed(self):
        runs = checks.runs_of([run("it", "1", 1.0), run("it", "2", 3.0)])
        assert list(checks.left_open(runs, since=1.0)) == []
        assert list(checks.left_open(runs, since=2.0)) == ["run ('it', '1') of a former life was not closed"]

    @pytest.mark.parametrize(
        ("deeds", "said"),
        [
            ([("began", 10.5), ("ended", 10.9)], None),
            ([("began", 9.0), ("ended", 10.9)], "was not on record"),
            ([("began", 10.1), ("began", 10.2), ("ended", 10.9)], "began 2 times"),
            ([("began", 10.5)], "has not ended"),
        ],
    )
    def test_of_what_functions_did(self, deeds, said):
        deeds = [Deed(what, moment, "it", "1") for what, moment in deeds]
        found = list(checks.misdeeds(checks.runs_of(EVERYTHING[:2]), deeds, lost=()))
        assert len(found) == (said is not None)
        assert said is None or said in found[0]

    def test_of_slots(self):
        missed = {"task_name": "it", "run_id": "", "action": "missed", "created": 9.0, "first": 3.0, "last": 7.0, "count": 3}
        assert list(checks.twice_decided([run("it", "1", 1.0), missed, run("it", "2", 8.0)], {"it"})) == []
        for twice in ([run("it", "1", 1.0), run("it", "2", 1.0)], [missed, run("it", "1", 7.0)], [run("it", "1", 3.0), missed]):
            assert len(list(checks.twice_decided(twice, {"it"}))) == 1

    def test_of_runs_that_follow_others(self):
        fine = [run("a", "1", 1.0), end("a", "1", 1.0), run("b", "2", 2.0)]
        assert list(checks.unfounded(fine, "b", "a")) == []
        assert list(checks.unfounded([*fine, run("b", "3", 3.0)], "b", "a")) == ["run 3 of b has nothing to follow"]

    def test_of_records_that_were_let_go_of(self):
        last = [run("it", "3", 30.0), end("it", "3", 30.0)]
        there = set(map(text_of, last))
        gone = list(checks.wrongly_gone([*EVERYTHING, *last], there, keep=1e9, keep_runs=1, now=50.0))
        assert [text for text in gone if "'run_id': '2'" in text] == gone  # the last that failed
        assert len(gone) == 2
        assert list(checks.wrongly_gone([*EVERYTHING[:2], *last], there, keep=1e9, keep_runs=1, now=50.0)) == []
        assert len(list(checks.wrongly_gone([*EVERYTHING[:2], *last], there, keep=1e9, keep_runs=2, now=50.0))) == 2
        assert list(checks.wrongly_gone([*EVERYTHING[:2], *last], there, keep=35.0, keep_runs=2, now=50.0)) == []
        assert len(list(checks.wrongly_gone([run("it", "1", 10.0), *last], there, keep=1.0, keep_runs=1, now=50.0))) == 1


@pytest.fixture
def story(tmp_path):
    """What is known of a log that has everything, which was written in order, and of which the loggers were told."""
    (tmp_path / "log").mkdir()
    log = FileLog(tmp_path / "log" / "runs.jsonl", segment_size=300)
    log.open()
    fill(log, *EVERYTHING)
    log.close()
    return Story(tmp_path, keeps_all=True)


def told(story, *records):
    """Have the loggers told of records, and the functions have done what these say."""
    folder = story.log.parent.parent
    (folder / "told").write_text("".join(f'{{"record": {text_of(record)}}}\n' for record in records))
    deeds = [f"began\t{record['start'] + 0.1}\tit\t{record['run_id']}\n" for record in records if record["action"] == "run"]
    ends = [f"ended\t{record['start'] + 0.2}\tit\t{record['run_id']}\n" for record in records if record["action"] == "success"]
    (folder / "deeds").write_text("".join([*deeds, *ends]))


class TestAStory:
    def problems(self, story, life=LIFE, was_killed=True):
        return list(story.take_in(life, was_killed=was_killed))

    def test_is_fine_where_all_is_there_that_was_told(self, story):
        told(story, *EVERYTHING)
        assert self.problems(story, was_killed=False) == []

    def test_a_kill_may_come_between_a_record_and_its_telling(self, story):
        told(story, *EVERYTHING[:-1])
        assert self.problems(story) == []

    def test_an_orderly_end_may_not(self, story):
        told(story, *EVERYTHING[:-1])
        assert "not told of" in self.problems(story, was_killed=False)[0]

    def test_a_record_that_was_told_and_is_not_there_is_found(self, story):
        told(story, *EVERYTHING, run("it", "3", 30.0))
        assert any("a record is gone" in problem for problem in self.problems(story))

    def test_but_for_one_that_waited_for_a_full_disk(self, story):
        told(story, *EVERYTHING, unstarted("it", "3", 30.0))
        assert self.problems(story, Life(1, "all", "running", 1.0, 0.0, None, Full(1, 9, False), "process", 9, True)) == []

    def test_an_order_that_is_not_the_one_of_telling_is_found(self, story):
        told(story, EVERYTHING[2], *EVERYTHING[:2], EVERYTHING[3])
        assert any("order" in problem for problem in self.problems(story))

    def test_a_damaged_line_is_found(self, story):
        told(story, *EVERYTHING)
        path = story.log.with_name("runs-000001.jsonl")
        path.write_bytes(path.read_bytes().replace(b'"1"', b'"7"'))
        assert any("damaged" in problem for problem in self.problems(story))

    @pytest.mark.parametrize("name", ["runs.jsonl.corrupt-20260101T000000Z", "runs.jsonl.new", "runs.jsonl.sock", "core"])
    def test_a_file_that_should_not_be_there_is_found(self, story, name):
        told(story, *EVERYTHING)
        story.log.with_name(name).touch()
        assert f"the file {name} is there" in self.problems(story, was_killed=False)

    def test_totals_that_are_not_those_of_all_there_ever_was_are_found(self, story):
        earlier = [run("it", "0", 0.0), end("it", "0", 0.0)]
        few = Story(story.log.parent.parent, keeps_all=False)
        told(few, *earlier, *EVERYTHING)
        assert any("the totals are" in problem for problem in self.problems(few))

    def test_a_run_without_an_end_is_found_at_the_end(self, story):
        told(story, *EVERYTHING[:3])
        FileLog(story.log).rewrite(EVERYTHING[:3])
        assert self.problems(story) == []
        assert "has no end" in next(story.at_the_end())


def test_segments_are_those_that_count(tmp_path):
    log = FileLog(tmp_path / "runs.jsonl", segment_size=200)
    log.open()
    fill(log, *EVERYTHING)
    names = [segment.name for segment in segments_of(log.path)]
    leftover = log.path.with_name("runs-000002.jsonl").read_bytes()
    log.rewrite(EVERYTHING)
    log.path.with_name("runs-000002.jsonl").write_bytes(leftover)
    (segment,) = segments_of(log.path)
    log.close()
    assert names == ["runs-000001.jsonl", "runs-000002.jsonl", "runs-000003.jsonl", "runs.jsonl"]
    assert (segment.name, segment.records, segment.torn) == ("runs.jsonl", EVERYTHING, 0)


def test_a_torn_line_is_passed_over_and_not_completed_by_the_next(tmp_path):
    path = tmp_path / "lines"
    tail = Tail(path)
    assert tail.lines() == []
    path.write_text("one\ntw")
    assert tail.lines(is_over=False) == ["one"]
    assert tail.lines() == []
    with path.open("a") as file:
        file.write("three\n")
    assert tail.lines() == ["three"]


def test_an_operation_kills_the_one_that_does_it(tmp_path):
    """In a process of its own, which has replaced what does it."""
    from benchmarks.killing.operations import Operations

    (tmp_path / "other").touch()
    if not (child := os.fork()):
        Operations(tmp_path, Operation("rename", 2, "before"), None).install()
        (tmp_path / "other").rename(tmp_path / "first")
        (tmp_path / "first").rename(tmp_path / "second")
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -9
    assert [path.name for path in tmp_path.iterdir()] == ["first"]
