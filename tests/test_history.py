"""What the records of former lives amount to, and what becomes of runs that they have left open."""

import os

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actors.facts import TERMINAL
from logged import Ticking, end, fill, moments, run, unstarted
from runtime.runlog.file_log import FileLog
from runtime.runlog.history import History
from runtime.runlog.memory_log import MemoryLog
from runtime.runlog.recorder import Recorder


class TestRestart:
    """What a log that was written by a former life says."""

    def reopened(self, remake, *documents):
        former = remake()
        former.open()
        fill(former, *documents)
        former.close()
        return Recorder(remake(), Ticking())

    def test_an_empty_log_knows_no_facts(self, remake):
        recorder = self.reopened(remake)
        assert recorder.open().facts == {}

    def test_the_facts_of_each_task_are_its_latest_records(self, remake):
        recorder = self.reopened(
            remake,
            run("a", "1", 1.0, due=0.5),
            end("a", "1", 1.0),
            run("b", "2", 3.0),
            end("b", "2", 3.0, "fail"),
            run("a", "3", 5.0),
            end("a", "3", 5.0, "terminate"),
            run("a", "4", 7.0, due=6.5),
            end("a", "4", 7.0),
        )
        facts = recorder.open().facts
        assert moments(facts["a"]) == {"run": 7.0, "success": 8.0, "terminate": 6.0, "due": 6.5}
        assert moments(facts["b"]) == {"run": 3.0, "fail": 4.0, "due": 3.0}
        assert (facts["a"].status, facts["b"].status) == ("success", "fail")

    def test_the_facts_know_the_order_of_the_records_and_how_many_runs_have_failed_in_a_row(self, remake):
        recorder = self.reopened(
            remake, run("a", "1", 1.0), end("a", "1", 1.0), *(end("b", "2", 3.0, "fail"), end("b", "3", 3.0, "fail"))
        )
        facts = recorder.open().facts
        assert facts["a"].latest(("run",)) < facts["a"].latest(("success",)) < facts["b"].latest(("fail",))
        assert (facts["a"].fails, facts["b"].fails) == (0, 2)

    def test_a_record_without_a_due_moment_was_due_when_it_was_written(self, remake):
        document = run("a", "1", 1.0)
        del document["due"]
        assert self.reopened(remake, document, end("a", "1", 1.0)).open().facts["a"].due == 1.0

    def test_nothing_is_added_where_all_runs_have_ended(self, remake):
        recorder = self.reopened(remake, run("a", "1", 1.0), end("a", "1", 1.0), unstarted("a", "2", 3.0))
        recorder.open()
        assert len(list(remake().documents())) == 3

    def test_an_open_run_is_closed_as_a_crash(self, remake):
        recorder = self.reopened(remake, run("a", "1", 1.0, execution="process"))
        facts = recorder.open().facts
        assert list(remake().documents())[1:] == [
            {
                **run("a", "1", 1.0, execution="process"),
                "created": 1000.0,
                "action": "crash",
                "reason": "the runtime ended before the run did",
            }
        ]
        assert facts["a"].status == "crash"
        assert moments(facts["a"]) == {"run": 1.0, "crash": 1000.0, "due": 1.0}

    def test_an_open_run_is_closed_once(self, remake):
        second = self.reopened(remake, run("a", "1", 1.0))
        second.open()
        second.close()
        third = Recorder(remake(), Ticking())
        assert third.open().facts["a"].status == "crash"
        third.close()
        assert [document["action"] for document in list(remake().documents())] == ["run", "crash"]

    def test_all_open_runs_of_a_task_are_closed(self, remake):
        recorder = self.reopened(remake, run("a", "1", 1.0), run("a", "2", 2.0), run("b", "3", 3.0), end("a", "1", 1.0))
        recorder.open()
        crashes = [document for document in list(remake().documents()) if document["action"] == "crash"]
        assert [(crash["task_name"], crash["run_id"]) for crash in crashes] == [("a", "2"), ("b", "3")]

    def test_of_two_runs_with_one_id_one_is_closed(self, remake):
        recorder = self.reopened(remake, run("a", "same", 1.0), run("a", "same", 2.0), end("a", "same", 2.0))
        recorder.open()
        crashes = [document for document in list(remake().documents()) if document["action"] == "crash"]
        assert [crash["start"] for crash in crashes] == [1.0]

    def test_of_two_runs_with_one_id_the_one_that_did_not_end_is_closed(self, remake):
        recorder = self.reopened(remake, run("a", "same", 1.0), run("a", "same", 2.0), end("a", "same", 1.0, at=3.0))
        recorder.open()
        crashes = [document for document in list(remake().documents()) if document["action"] == "crash"]
        assert [crash["start"] for crash in crashes] == [2.0]

    def test_a_launch_that_never_started_does_not_end_the_run_of_its_id(self, remake):
        recorder = self.reopened(remake, run("a", "same", 1.0), unstarted("a", "same", 2.0))
        assert recorder.open().facts["a"].status == "crash"

    def test_what_somebody_else_put_there_is_passed_over(self, remake):
        recorder = self.reopened(
            remake, {"note": "mine"}, {"created": 1.0, "action": "run"}, run("a", "1", 1.0), end("a", "1", 1.0)
        )
        assert list(recorder.open().facts) == ["a"]

    def test_an_action_that_somebody_else_put_there_is_passed_over(self, remake):
        recorder = self.reopened(remake, {**run("a", "1", 1.0), "action": "deployed"}, run("a", "2", 2.0), end("a", "2", 2.0))
        assert recorder.open().facts["a"].status == "success"

    @given(st.lists(st.tuples(st.sampled_from("ab"), st.booleans(), st.sampled_from(TERMINAL)), max_size=12))
    @settings(max_examples=60)
    def test_after_a_restart_each_run_has_exactly_one_terminal_record(self, runs):
        log = MemoryLog()
        for number, (task, ends, action) in enumerate(runs):
            fill(log, run(task, str(number), float(number)))
            if ends:
                fill(log, end(task, str(number), float(number), action))
        for _ in range(2):
            Recorder(log, Ticking()).open()
        ends = [(document["task_name"], document["run_id"]) for document in list(log.documents()) if document["action"] != "run"]
        assert sorted(ends) == sorted((task, str(number)) for number, (task, _, _) in enumerate(runs))
        crashed = {document["run_id"] for document in list(log.documents()) if document.get("reason")}
        assert crashed == {str(number) for number, (_, ends, _) in enumerate(runs) if not ends}

    @given(st.integers(0, 4), st.integers(0, 1200))
    @settings(max_examples=40)
    def test_after_a_kill_at_any_byte_each_run_has_exactly_one_terminal_record(self, tmp_path_factory, runs, torn):
        path = tmp_path_factory.mktemp("log") / "runs.jsonl"
        log = FileLog(path)
        log.open()
        header = path.stat().st_size
        for number in range(runs):
            fill(log, run("a", str(number), float(number)), end("a", str(number), float(number)))
        log.close()
        os.truncate(path, max(header, path.stat().st_size - torn))
        recorder = Recorder(log, Ticking())
        recorder.open()
        recorder.close()
        actions = [(document["run_id"], document["action"] == "run") for document in list(log.documents())]
        begun = [run_id for run_id, is_run in actions if is_run]
        assert [run_id for run_id, is_run in actions if not is_run] == begun


@pytest.mark.parametrize("column", [{"run_id": ["r"]}, {"start": {}}, {"created": "then"}, {"task_name": None}])
def test_what_looks_like_a_record_and_is_none_is_passed_over(column):
    history = History()
    history.take_in({"created": 1.0, "task_name": "a", "run_id": "r", "action": "run"} | column)
    assert history.facts == {}
