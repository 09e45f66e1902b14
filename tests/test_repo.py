"""Queries: records that match are found, as the model that is asked for."""

from dataclasses import asdict, fields
from datetime import datetime

import pytest

from actors import MinimalRecord, MinimalRunRecord, TaskLogRecord, TaskRunRecord, between, greater_than, in_, less_than
from actors.errors import InvalidOperand, UnknownColumn
from logged import end, fill, unstarted
from runtime.runlog.repo import RunRepo, open_repo


@pytest.fixture
def log(remake):
    log = remake()
    log.open()
    return log


@pytest.fixture
def repo(log):
    return RunRepo(log)


class TestQueries:
    A, B, C = end("a", "1", 1.0), end("b", "2", 2.0, "fail", reason="ValueError: no"), end("a", "3", 3.0, "fail")

    @pytest.fixture
    def filled(self, log, repo):
        fill(log, self.A, self.B, self.C)
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

    def test_so_is_a_value_that_no_record_ever_has(self, filled):
        with pytest.raises(InvalidOperand, match="Did you mean 'fail'"):
            filled.filter_by(action="faill")

    @pytest.mark.parametrize(
        ("name", "meant"), [("status", "action"), ("task", "task_name"), ("id", "run_id"), ("crated", "created")]
    )
    def test_a_column_that_is_not_there_names_the_one_that_is_meant(self, filled, name, meant):
        with pytest.raises(UnknownColumn, match=f"Did you mean {meant!r}"):
            filled.filter_by(**{name: "fail"})

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

    def test_a_query_sees_what_came_after_it_was_made(self, filled, log):
        query = filled.filter_by(task_name="b")
        fill(log, end("b", "4", 4.0))
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
