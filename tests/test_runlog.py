"""The run log: what is recorded can be asked for, after a restart too, whatever the disk and the loggers do."""

import errno
import logging
import os
from dataclasses import asdict, fields
from datetime import datetime
from itertools import count

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tinydb import where
from tinydb.operations import delete
from tinydb.table import Document

from actors import MinimalRecord, MinimalRunRecord, TaskLogRecord, TaskRunRecord, between, greater_than, in_, less_than
from actors.errors import InvalidOperand, LogLocked, UnknownColumn
from actors.facts import TERMINAL
from runtime.clock import SystemClock
from runtime.codec import make_codec
from runtime.runlog.file_log import FileLog
from runtime.runlog.history import History
from runtime.runlog.memory_log import MemoryLog
from runtime.runlog.recorder import LogTerms, Recorder
from runtime.runlog.repo import RunRepo, open_repo


def moments(facts):
    """Return the moments that a task's facts know."""
    names = ("run", "success", "fail", "terminate", "inaction", "crash", "due")
    return {name: moment for name in names if (moment := getattr(facts, name)) is not None}


class Ticking:
    """A clock that is one second later at each look, from 1000 on."""

    def __init__(self):
        self._seconds = count(1000.0)

    def now(self):
        return next(self._seconds)


def run(task, run_id, start, **more):
    """Return the record that a run began."""
    return {"created": start, "task_name": task, "run_id": run_id, "action": "run", "start": start, "due": start, **more}


def end(task, run_id, start, action="success", at=None, **more):
    """Return the record that a run ended, a second after it began."""
    at = start + 1 if at is None else at
    return {**run(task, run_id, start), "created": at, "action": action, "end": at, "runtime": at - start, **more}


def unstarted(task, run_id, at):
    """Return the record of a launch that ended before its run began."""
    return {"created": at, "task_name": task, "run_id": run_id, "action": "terminate", "due": at, "reason": "before it started"}


@pytest.fixture(params=["memory", "file"])
def remake(request, tmp_path):
    """Make journals one after the other, each with what the one before it had."""
    made = []

    def journal():
        if request.param == "memory" and made:
            return made[0]
        made.append(MemoryLog() if request.param == "memory" else FileLog(tmp_path / "runs.jsonl"))
        return made[-1]

    yield journal
    for one in made:
        one.close()


@pytest.fixture
def journal(remake):
    journal = remake()
    journal.open()
    return journal


@pytest.fixture
def log(remake):
    log = Recorder(remake(), Ticking())
    log.open()
    return log


@pytest.fixture
def repo(journal):
    return RunRepo(journal, make_codec())


def fill(journal, *documents):
    for document in documents:
        journal.append(document)


class TestJournal:
    """What both journals promise."""

    def test_it_is_empty_at_first(self, journal):
        assert list(journal.documents()) == []

    def test_documents_are_read_in_the_order_in_which_they_were_appended(self, journal):
        documents = [{"task_name": name} for name in "cab"]
        fill(journal, *documents)
        assert list(journal.documents()) == documents

    def test_documents_come_back_with_their_types(self, journal):
        document = {"text": "ä\n\x00", "float": 1.25, "int": 3, "none": None, "true": True, "list": [1, "a"]}
        fill(journal, document)
        assert list(journal.documents()) == [document]

    def test_what_was_read_can_be_changed_without_changing_the_journal(self, journal):
        fill(journal, {"task_name": "a"})
        next(iter(journal.documents()))["task_name"] = "changed"
        assert list(journal.documents()) == [{"task_name": "a"}]

    def test_what_was_appended_can_be_changed_without_changing_the_journal(self, journal):
        document = {"task_name": "a"}
        fill(journal, document)
        document["task_name"] = "changed"
        assert list(journal.documents()) == [{"task_name": "a"}]

    def test_text_that_is_not_unicode_is_kept_readable(self, journal):
        fill(journal, {"reason": "\ud800"})
        assert list(journal.documents()) == [{"reason": "\\ud800"}]

    def test_a_rewrite_replaces_all(self, journal):
        fill(journal, {"task_name": "a"}, {"task_name": "b"})
        journal.rewrite([{"task_name": "c"}])
        fill(journal, {"task_name": "d"})
        assert list(journal.documents()) == [{"task_name": "c"}, {"task_name": "d"}]

    def test_a_rewrite_may_be_made_from_what_was_read(self, journal):
        fill(journal, {"task_name": "a"}, {"task_name": "b"})
        journal.rewrite(document for document in list(journal.documents()) if document["task_name"] != "a")
        assert list(journal.documents()) == [{"task_name": "b"}]

    def test_a_rewrite_that_fails_changes_nothing(self, journal):
        fill(journal, {"task_name": "a"})
        with pytest.raises(TypeError):
            journal.rewrite([{"task_name": "b"}, {"task_name": object()}])
        assert list(journal.documents()) == [{"task_name": "a"}]

    def test_a_document_that_cannot_be_written_adds_nothing(self, journal):
        with pytest.raises(TypeError):
            journal.append({"task_name": object()})
        assert list(journal.documents()) == []

    def test_it_can_be_read_after_it_was_closed(self, journal):
        fill(journal, {"task_name": "a"})
        journal.close()
        journal.close()
        assert list(journal.documents()) == [{"task_name": "a"}]

    def test_it_can_be_opened_again(self, journal, remake):
        fill(journal, {"task_name": "a"})
        journal.close()
        again = remake()
        again.open()
        fill(again, {"task_name": "b"})
        assert list(again.documents()) == [{"task_name": "a"}, {"task_name": "b"}]


class TestQueries:
    A, B, C = end("a", "1", 1.0), end("b", "2", 2.0, "fail", reason="ValueError: no"), end("a", "3", 3.0, "fail")

    @pytest.fixture
    def filled(self, journal, repo):
        fill(journal, self.A, self.B, self.C)
        return repo

    def ids(self, query):
        return [record.run_id for record in query]

    def test_without_columns_all_match(self, filled):
        assert self.ids(filled.filter_by()) == ["1", "2", "3"]

    def test_those_match_whose_columns_have_exactly_these_values(self, filled):
        assert self.ids(filled.filter_by(task_name="a")) == ["1", "3"]
        assert self.ids(filled.filter_by(task_name="a", action="fail")) == ["3"]
        assert self.ids(filled.filter_by(task_name="A")) == []
        assert self.ids(filled.filter_by(created=3.0)) == ["2"]

    def test_a_column_that_a_record_lacks_is_none(self, filled):
        assert self.ids(filled.filter_by(reason=None)) == ["1", "3"]

    def test_operators_ask_for_ranges_and_for_several_values(self, filled):
        assert self.ids(filled.filter_by(created=between(3, datetime.fromtimestamp(3.5)))) == ["2"]
        assert self.ids(filled.filter_by(run_id=in_(["3", "1"]), runtime=less_than("2 seconds"))) == ["1", "3"]
        assert filled.filter_by(action="fail", created=greater_than(3)).last().run_id == "3"

    def test_a_column_that_cannot_be_compared_with_a_value_is_an_error_at_once(self, filled):
        with pytest.raises(InvalidOperand):
            filled.filter_by(created="yesterday")

    def test_the_newest_is_found_from_the_end_of_the_log(self, filled, monkeypatch):
        asked = []
        documents = filled.log.documents
        monkeypatch.setattr(
            filled.log, "documents", lambda *args, **options: asked.append(options) or documents(*args, **options)
        )
        assert filled.filter_by(task_name="a").last().run_id == "3"
        assert asked == [{"newest_first": True}]

    def test_all_is_the_list_of_them(self, filled):
        assert self.ids(filled.filter_by(action="fail").all()) == ["2", "3"]

    def test_first_is_the_oldest_and_last_the_newest(self, filled):
        query = filled.filter_by(action="fail")
        assert (query.first().run_id, query.last().run_id) == ("2", "3")

    def test_of_none_there_is_no_first_and_no_last(self, filled):
        query = filled.filter_by(task_name="c")
        assert (query.first(), query.last(), query.all(), query.count()) == (None, None, [], 0)

    def test_count_is_how_many(self, filled):
        assert [filled.filter_by().count(), filled.filter_by(action="fail").count()] == [3, 2]

    def test_a_limit_leaves_the_first_ones(self, filled):
        query = filled.filter_by().limit(2)
        assert self.ids(query) == ["1", "2"]
        assert query.count() == 2
        assert query.last().run_id == "2"

    def test_a_limit_of_a_limit_is_the_smaller_one(self, filled):
        assert filled.filter_by().limit(1).limit(2).count() == 1
        assert filled.filter_by().limit(2).limit(1).count() == 1

    def test_a_limit_of_none_or_of_more_than_there_are(self, filled):
        assert [filled.filter_by().limit(0).count(), filled.filter_by().limit(9).count()] == [0, 3]

    def test_a_query_sees_what_came_after_it_was_made(self, filled, journal):
        query = filled.filter_by(task_name="b")
        fill(journal, end("b", "4", 4.0))
        assert self.ids(query) == ["2", "4"]

    def test_an_unknown_column_is_an_error_that_names_the_nearest_and_all(self, filled):
        with pytest.raises(UnknownColumn) as caught:
            filled.filter_by(task_nam="a")
        assert str(caught.value) == (
            "the run log has no column 'task_nam'. Did you mean 'task_name'? Columns are: created, task_name, run_id, action, "
            "start, end, runtime, execution, due, late, reason, exc_text, output, progress, cause, count, first, last, blocker, "
            "attempt, attempts, rescues, retry_at, pid, params"
        )

    def test_without_a_file_there_are_no_records(self, tmp_path):
        repo = open_repo(tmp_path / "none.jsonl")
        assert (repo.filter_by().all(), repo.filter_by().count()) == ([], 0)

    def test_a_repo_without_a_path_is_in_memory(self, tmp_path):
        repo = open_repo(None)
        fill(repo.log, self.A)
        assert repo.filter_by().count() == 1
        assert list(tmp_path.iterdir()) == []


REPORTED = {
    **end("a", "1", 1.0, "fail"),
    "execution": "process",
    "reason": "ValueError: no",
    "exc_text": "Traceback",
    "output": "last words",
    "late": 0.5,
    "cause": "overlap",
    "count": 2,
    "first": 3.0,
    "last": 4.0,
    "blocker": "7",
    "pid": 1,
    "attempt": 1,
    "attempts": 4,
    "rescues": 1,
    "retry_at": 5.0,
    "progress": {"done": 3, "total": 10.0, "note": "loading"},
    "params": {"day": 3},
}


class TestModels:
    @pytest.mark.parametrize("model", [MinimalRecord, MinimalRunRecord, TaskLogRecord, TaskRunRecord])
    def test_a_query_returns_the_model_with_its_columns(self, repo, model):
        fill(repo.log, REPORTED)
        repo.model = model
        expected = {field.name: REPORTED[field.name] for field in fields(model)}
        for record in (repo.filter_by().first(), repo.filter_by().last(), *repo.filter_by().all()):
            assert type(record) is model
            assert asdict(record) == expected

    def test_the_default_model_knows_everything(self, repo):
        fill(repo.log, REPORTED)
        assert asdict(repo.filter_by().first()) == REPORTED

    def test_the_minimal_models_are_the_tables_of_the_handbook(self):
        assert [field.name for field in fields(MinimalRecord)] == ["created", "task_name", "action"]
        assert [field.name for field in fields(MinimalRunRecord)] == ["created", "task_name", "run_id", "action"]

    def test_columns_that_a_record_lacks_are_none(self, repo):
        fill(repo.log, unstarted("a", "1", 1.0))
        record = repo.filter_by().first()
        assert (record.start, record.end, record.runtime, record.exc_text) == (None, None, None, None)

    def test_columns_that_a_model_lacks_can_be_asked_for_all_the_same(self, repo):
        fill(repo.log, REPORTED, end("a", "2", 2.0))
        repo.model = MinimalRecord
        assert repo.filter_by(run_id="1").count() == 1

    def test_a_model_of_ones_own_is_a_selection_too(self, repo):
        fill(repo.log, REPORTED)
        repo.model = dict
        assert repo.filter_by().first() == REPORTED

    def test_each_repo_has_a_model_of_its_own(self):
        one, other = open_repo(None), open_repo(None)
        one.model = MinimalRecord
        assert other.model is TaskRunRecord


class TestTable:
    """TinyDB's table, on either journal."""

    @pytest.fixture
    def table(self, journal, repo):
        fill(journal, end("a", "1", 1.0), end("b", "2", 2.0, "fail"), end("a", "3", 3.0, "fail"))
        return repo.table

    def ids(self, documents):
        return [document["run_id"] for document in documents]

    def test_it_is_searched_with_tinydbs_queries(self, table):
        assert self.ids(table.search(where("task_name") == "a")) == ["1", "3"]
        assert self.ids(table.search((where("task_name") == "a") & (where("action") == "fail"))) == ["3"]
        assert self.ids(table.search(where("created") >= 3.0)) == ["2", "3"]

    def test_a_search_sees_what_came_after_the_one_before(self, table, journal):
        query = where("task_name") == "a"
        assert self.ids(table.search(query)) == ["1", "3"]
        fill(journal, end("a", "4", 4.0))
        assert self.ids(table.search(query)) == ["1", "3", "4"]

    def test_all_get_count_contains_and_length(self, table):
        assert self.ids(table.all()) == ["1", "2", "3"]
        assert table.get(where("task_name") == "b")["run_id"] == "2"
        assert table.get(doc_id=3)["run_id"] == "3"
        assert table.count(where("action") == "fail") == 2
        assert table.contains(where("run_id") == "2")
        assert not table.contains(where("run_id") == "4")
        assert len(table) == 3

    def test_an_insert_appends_and_returns_its_number(self, table, journal):
        document = end("c", "4", 4.0)
        assert table.insert(document) == 4
        assert list(journal.documents())[3] == document
        assert table.get(doc_id=4) == document

    def test_several_are_inserted_in_their_order(self, table):
        assert table.insert_multiple([end("c", "4", 4.0), end("c", "5", 5.0)]) == [4, 5]
        assert self.ids(table.search(where("task_name") == "c")) == ["4", "5"]

    def test_an_insert_leaves_what_is_there_as_it_is(self, table, journal, monkeypatch):
        monkeypatch.setattr(type(journal), "rewrite", None)
        assert table.insert(end("c", "4", 4.0)) == 4

    def test_an_update_changes_those_that_match(self, table, journal):
        assert table.update({"reason": "mine"}, where("task_name") == "a") == [1, 3]
        assert [document.get("reason") for document in list(journal.documents())] == ["mine", None, "mine"]

    def test_an_update_may_take_a_column_away(self, table, journal):
        table.update(delete("runtime"), where("run_id") == "2")
        assert ["runtime" in document for document in list(journal.documents())] == [True, False, True]

    def test_a_removal_takes_out_those_that_match(self, table, journal):
        table.remove(where("action") == "fail")
        assert self.ids(list(journal.documents())) == ["1"]

    def test_a_truncation_takes_out_all(self, table, journal):
        table.truncate()
        assert list(journal.documents()) == []
        assert table.insert(end("a", "1", 1.0)) == 1

    def test_what_is_recorded_after_a_change_follows_it(self, table, journal):
        table.remove(where("task_name") == "a")
        fill(journal, end("c", "4", 4.0))
        assert self.ids(table.all()) == ["2", "4"]

    def test_an_upsert_updates_what_matches(self, table, journal):
        assert table.upsert({"reason": "mine"}, where("task_name") == "b") == [2]
        assert [document.get("reason") for document in list(journal.documents())] == [None, "mine", None]

    def test_an_upsert_appends_where_nothing_matches(self, table):
        assert table.upsert(end("c", "4", 4.0), where("task_name") == "c") == [4]
        assert self.ids(table.all()) == ["1", "2", "3", "4"]

    def test_an_upsert_of_a_numbered_document_updates_that_one(self, table, journal):
        assert table.upsert(Document({"reason": "mine"}, doc_id=2)) == [2]
        assert [document.get("reason") for document in list(journal.documents())] == [None, "mine", None]

    def test_a_change_is_still_there_for_the_next_life(self, table, journal, remake):
        table.remove(where("task_name") == "a")
        journal.close()
        assert self.ids(RunRepo(remake(), make_codec()).table.all()) == ["2"]

    def test_a_file_can_be_changed_while_nothing_runs(self, tmp_path):
        journal = FileLog(tmp_path / "runs.jsonl")
        journal.open()
        fill(journal, end("a", "1", 1.0), end("b", "2", 2.0))
        journal.close()
        open_repo(tmp_path / "runs.jsonl").table.remove(where("task_name") == "a")
        log = Recorder(FileLog(tmp_path / "runs.jsonl"), Ticking())
        assert list(log.open().facts) == ["b"]
        log.close()


class TestRecords:
    def test_records_are_in_the_log_in_their_order(self, log, remake):
        documents = [run("a", "1", 1.0), run("b", "2", 2.0), end("b", "2", 2.0), end("a", "1", 1.0, at=4.0)]
        for document in documents:
            log.record(document)
        log.close()
        assert list(remake().documents()) == documents

    def test_a_record_is_in_the_journal_when_record_returns(self, journal):
        log = Recorder(journal, Ticking())
        log.record(run("a", "1", 1.0))
        assert list(journal.documents()) == [run("a", "1", 1.0)]

    def test_a_second_runtime_does_not_get_the_log(self, tmp_path):
        first = Recorder(FileLog(tmp_path / "runs.jsonl"), Ticking())
        first.open()
        with pytest.raises(LogLocked):
            Recorder(FileLog(tmp_path / "runs.jsonl"), Ticking()).open()
        first.close()


class TestRestart:
    """What a log that was written by a former life says."""

    def reopened(self, remake, *documents):
        former = remake()
        former.open()
        fill(former, *documents)
        former.close()
        return Recorder(remake(), Ticking())

    def test_an_empty_log_knows_no_facts(self, remake):
        log = self.reopened(remake)
        assert log.open().facts == {}

    def test_the_facts_of_each_task_are_its_latest_records(self, remake):
        log = self.reopened(
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
        facts = log.open().facts
        assert moments(facts["a"]) == {"run": 7.0, "success": 8.0, "terminate": 6.0, "due": 6.5}
        assert moments(facts["b"]) == {"run": 3.0, "fail": 4.0, "due": 3.0}
        assert (facts["a"].status, facts["b"].status) == ("success", "fail")

    def test_the_facts_know_the_order_of_the_records_and_how_many_runs_have_failed_in_a_row(self, remake):
        log = self.reopened(
            remake, run("a", "1", 1.0), end("a", "1", 1.0), *(end("b", "2", 3.0, "fail"), end("b", "3", 3.0, "fail"))
        )
        facts = log.open().facts
        assert facts["a"].latest(("run",)) < facts["a"].latest(("success",)) < facts["b"].latest(("fail",))
        assert (facts["a"].fails, facts["b"].fails) == (0, 2)

    def test_a_record_without_a_due_moment_was_due_when_it_was_written(self, remake):
        document = run("a", "1", 1.0)
        del document["due"]
        assert self.reopened(remake, document, end("a", "1", 1.0)).open().facts["a"].due == 1.0

    def test_nothing_is_added_where_all_runs_have_ended(self, remake):
        log = self.reopened(remake, run("a", "1", 1.0), end("a", "1", 1.0), unstarted("a", "2", 3.0))
        log.open()
        assert len(list(remake().documents())) == 3

    def test_an_open_run_is_closed_as_a_crash(self, remake):
        log = self.reopened(remake, run("a", "1", 1.0, execution="process"))
        facts = log.open().facts
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
        log = self.reopened(remake, run("a", "1", 1.0), run("a", "2", 2.0), run("b", "3", 3.0), end("a", "1", 1.0))
        log.open()
        crashes = [document for document in list(remake().documents()) if document["action"] == "crash"]
        assert [(crash["task_name"], crash["run_id"]) for crash in crashes] == [("a", "2"), ("b", "3")]

    def test_of_two_runs_with_one_id_one_is_closed(self, remake):
        log = self.reopened(remake, run("a", "same", 1.0), run("a", "same", 2.0), end("a", "same", 2.0))
        log.open()
        crashes = [document for document in list(remake().documents()) if document["action"] == "crash"]
        assert [crash["start"] for crash in crashes] == [1.0]

    def test_of_two_runs_with_one_id_the_one_that_did_not_end_is_closed(self, remake):
        log = self.reopened(remake, run("a", "same", 1.0), run("a", "same", 2.0), end("a", "same", 1.0, at=3.0))
        log.open()
        crashes = [document for document in list(remake().documents()) if document["action"] == "crash"]
        assert [crash["start"] for crash in crashes] == [2.0]

    def test_a_launch_that_never_started_does_not_end_the_run_of_its_id(self, remake):
        log = self.reopened(remake, run("a", "same", 1.0), unstarted("a", "same", 2.0))
        assert log.open().facts["a"].status == "crash"

    def test_what_somebody_else_put_there_is_passed_over(self, remake):
        log = self.reopened(remake, {"note": "mine"}, {"created": 1.0, "action": "run"}, run("a", "1", 1.0), end("a", "1", 1.0))
        assert list(log.open().facts) == ["a"]

    def test_an_action_that_somebody_else_put_there_is_passed_over(self, remake):
        log = self.reopened(remake, {**run("a", "1", 1.0), "action": "deployed"}, run("a", "2", 2.0), end("a", "2", 2.0))
        assert log.open().facts["a"].status == "success"

    @given(st.lists(st.tuples(st.sampled_from("ab"), st.booleans(), st.sampled_from(TERMINAL)), max_size=12))
    @settings(max_examples=60, derandomize=True, deadline=None)
    def test_after_a_restart_each_run_has_exactly_one_terminal_record(self, runs):
        journal = MemoryLog()
        for number, (task, ends, action) in enumerate(runs):
            fill(journal, run(task, str(number), float(number)))
            if ends:
                fill(journal, end(task, str(number), float(number), action))
        for _ in range(2):
            Recorder(journal, Ticking()).open()
        ends = [
            (document["task_name"], document["run_id"]) for document in list(journal.documents()) if document["action"] != "run"
        ]
        assert sorted(ends) == sorted((task, str(number)) for number, (task, _, _) in enumerate(runs))
        crashed = {document["run_id"] for document in list(journal.documents()) if document.get("reason")}
        assert crashed == {str(number) for number, (_, ends, _) in enumerate(runs) if not ends}

    @given(st.integers(0, 4), st.integers(0, 1200))
    @settings(max_examples=40, derandomize=True, deadline=None)
    def test_after_a_kill_at_any_byte_each_run_has_exactly_one_terminal_record(self, tmp_path_factory, runs, torn):
        path = tmp_path_factory.mktemp("log") / "runs.jsonl"
        journal = FileLog(path)
        journal.open()
        header = path.stat().st_size
        for number in range(runs):
            fill(journal, run("a", str(number), float(number)), end("a", str(number), float(number)))
        journal.close()
        os.truncate(path, max(header, path.stat().st_size - torn))
        log = Recorder(journal, Ticking())
        log.open()
        log.close()
        actions = [(document["run_id"], document["action"] == "run") for document in list(journal.documents())]
        begun = [run_id for run_id, is_run in actions if is_run]
        assert [run_id for run_id, is_run in actions if not is_run] == begun


class BrokenDisk(MemoryLog):
    """A journal that cannot be written while `broken`."""

    broken = False

    def append(self, document):
        if self.broken:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        super().append(document)


class TestUnwritable:
    @pytest.fixture
    def disk(self):
        return BrokenDisk()

    @pytest.fixture
    def log(self, disk):
        log = Recorder(disk, Ticking(), elapsed=count(step=10).__next__)
        log.open()
        return log

    def test_records_wait_and_follow_in_their_order(self, disk, log):
        documents = [run("a", "1", 1.0), run("b", "2", 2.0), end("a", "1", 1.0), end("b", "2", 2.0)]
        log.record(documents[0])
        disk.broken = True
        log.record(documents[1])
        log.record(documents[2])
        assert list(disk.documents()) == documents[:1]
        disk.broken = False
        log.record(documents[3])
        assert list(disk.documents()) == documents

    def test_it_is_told_once(self, disk, log, caplog):
        disk.broken = True
        log.record(run("a", "1", 1.0))
        log.record(end("a", "1", 1.0))
        told = [record.getMessage() for record in caplog.records if record.name == "callsheet.runtime"]
        assert told == [
            "run log: cannot write ([Errno 28] No space left on device); records wait in memory until it can be, 1 so far",
        ]

    def test_it_is_a_problem_as_long_as_records_wait(self, disk, log):
        disk.broken = True
        log.record(run("a", "1", 1.0))
        assert log.problems() == (
            "the run log cannot be written ([Errno 28] No space left on device); records that wait in memory: 1",
        )
        disk.broken = False
        log.record(end("a", "1", 1.0))
        assert log.problems() == ()

    def test_what_is_ended_by_that_comes_after_it_in_the_logs_and_in_number(self, disk, log, caplog):
        """Where the app wants to halt, it puts that on record before it goes on."""
        caplog.set_level(logging.INFO, "callsheet.task")
        numbers = {}
        log.take(LogTerms(on_failure="halt"))
        log.on_halt = lambda _: numbers.update(second=log.record(unstarted("b", "2", 1.0)))
        disk.broken = True
        numbers["first"] = log.record(run("a", "1", 1.0))
        assert numbers == {"first": 1, "second": 2}
        told = [record.callsheet["task_name"] for record in caplog.records if record.name == "callsheet.task"]
        assert told == ["a", "b"]

    def test_closing_writes_what_waits(self, disk, log):
        disk.broken = True
        log.record(run("a", "1", 1.0))
        disk.broken = False
        log.close()
        assert list(disk.documents()) == [run("a", "1", 1.0)]

    def test_closing_tells_what_is_lost(self, disk, log, caplog):
        disk.broken = True
        log.record(run("a", "1", 1.0))
        log.record(end("a", "1", 1.0))
        log.close()
        assert caplog.records[-1].getMessage() == "run log: 2 records could not be written and are lost"

    def test_a_disk_that_fails_again_half_way_keeps_the_rest(self, disk, log, monkeypatch):
        documents = [run("a", str(number), float(number)) for number in range(4)]
        disk.broken = True
        for document in documents[:3]:
            log.record(document)
        real, left = MemoryLog.append, [2]

        def append(self, document):
            if not left[0]:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            left[0] -= 1
            real(self, document)

        monkeypatch.setattr(BrokenDisk, "append", append)
        log.record(documents[3])
        assert list(disk.documents()) == documents[:2]
        left[0] = 9
        log.close()
        assert list(disk.documents()) == documents

    def test_a_file_that_was_full_has_all_records_afterwards(self, tmp_path, monkeypatch):
        journal = FileLog(tmp_path / "runs.jsonl")
        log = Recorder(journal, Ticking(), elapsed=count(step=10).__next__)
        log.open()
        documents = [run("a", str(number), float(number)) for number in range(3)]
        log.record(documents[0])
        real = os.write
        with monkeypatch.context() as patch:
            patch.setattr(os, "write", lambda fd, data: real(fd, data[:7]))
            log.record(documents[1])
        log.record(documents[2])
        log.close()
        assert list(journal.documents()) == documents


class Raising(logging.Handler):
    def emit(self, record):
        raise RuntimeError("this handler is broken")


@pytest.fixture
def raising_handler():
    logger = logging.getLogger("callsheet")
    handler = Raising()
    logger.addHandler(handler)
    yield
    logger.removeHandler(handler)


class TestLoggers:
    def test_the_standard_loggers_are_told_of_each_record(self, log, caplog):
        caplog.set_level(logging.INFO)
        log.record(run("a", "1", 1.0))
        log.record(end("a", "1", 1.0, "terminate", reason="timeout"))
        log.record(end("a", "2", 2.0, "fail", reason="ValueError: no", exc_text="Traceback"))
        assert [(record.name, record.levelname, record.getMessage()) for record in caplog.records] == [
            ("callsheet.task", "INFO", "task 'a' run 1: run"),
            ("callsheet.task", "INFO", "task 'a' run 1: terminate (timeout)"),
            ("callsheet.task", "ERROR", "task 'a' run 2: fail (ValueError: no): \nTraceback"),
        ]

    def test_the_record_goes_with_it(self, log, caplog):
        caplog.set_level(logging.INFO)
        log.record(run("a", "1", 1.0))
        assert caplog.records[0].callsheet == run("a", "1", 1.0)

    def test_a_percent_sign_is_a_percent_sign(self, log, caplog):
        log.record(end("100%s", "1", 1.0, "fail", reason="%d"))
        assert caplog.records[0].getMessage() == "task '100%s' run 1: fail (%d)"

    def test_a_handler_that_raises_changes_nothing(self, log, remake, raising_handler, capsys):
        log.record(end("a", "1", 1.0, "fail"))
        log.close()
        assert list(remake().documents()) == [end("a", "1", 1.0, "fail")]
        assert "this handler is broken" in capsys.readouterr().err

    def test_a_handler_that_raises_changes_nothing_when_the_disk_is_full(self, raising_handler):
        disk = BrokenDisk()
        log = Recorder(disk, Ticking(), elapsed=count(step=10).__next__)
        log.open()
        disk.broken = True
        log.record(run("a", "1", 1.0))
        disk.broken = False
        log.record(end("a", "1", 1.0))
        assert list(disk.documents()) == [run("a", "1", 1.0), end("a", "1", 1.0)]

    def test_a_handler_that_raises_changes_nothing_when_a_line_was_torn(self, tmp_path, raising_handler):
        journal = FileLog(tmp_path / "runs.jsonl")
        journal.open()
        fill(journal, end("a", "1", 1.0))
        journal.close()
        with journal.path.open("ab") as file:
            file.write(b"torn")
        log = Recorder(journal, Ticking())
        facts = log.open().facts
        log.close()
        assert list(facts) == ["a"]


def test_a_start_that_fails_leaves_the_log_free(tmp_path, monkeypatch):
    journal = FileLog(tmp_path / "runs.jsonl")
    log = Recorder(journal, SystemClock())
    with monkeypatch.context() as broken:
        broken.setattr(journal, "history", lambda: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            log.open()
    assert log.open().facts == {}
    log.close()


@pytest.mark.parametrize("column", [{"run_id": ["r"]}, {"start": {}}, {"created": "then"}, {"task_name": None}])
def test_what_looks_like_a_record_and_is_none_is_passed_over(column):
    history = History()
    history.take_in({"created": 1.0, "task_name": "a", "run_id": "r", "action": "run"} | column)
    assert history.facts == {}
