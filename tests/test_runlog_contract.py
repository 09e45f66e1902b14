"""What every run log promises, whatever it is made of."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from tinydb import where
from tinydb.operations import delete
from tinydb.table import Document

from logged import Ticking, amount_of, end, fill, run, schedule, summary
from runtime.runlog import contents, retention
from runtime.runlog.file_log import FileLog
from runtime.runlog.recorder import Recorder
from runtime.runlog.repo import RunRepo, open_repo
from runtime.runlog.retention import FOREVER, Keep
from runtime.runlog.wanted import Wanted


@pytest.fixture
def log(remake):
    log = remake()
    log.open()
    return log


@pytest.fixture
def repo(log):
    return RunRepo(log)


class TestLog:
    """What all logs promise."""

    def test_it_is_empty_at_first(self, log):
        assert list(log.documents()) == []

    def test_documents_are_read_in_the_order_in_which_they_were_appended(self, log):
        documents = [{"task_name": name} for name in "cab"]
        fill(log, *documents)
        assert list(log.documents()) == documents

    def test_documents_come_back_with_their_types(self, log):
        document = {"text": "ä\n\x00", "float": 1.25, "int": 3, "none": None, "true": True, "list": [1, "a"]}
        fill(log, document)
        assert list(log.documents()) == [document]

    def test_what_was_read_can_be_changed_without_changing_the_log(self, log):
        fill(log, {"task_name": "a"})
        next(iter(log.documents()))["task_name"] = "changed"
        assert list(log.documents()) == [{"task_name": "a"}]

    def test_what_was_appended_can_be_changed_without_changing_the_log(self, log):
        document = {"task_name": "a"}
        fill(log, document)
        document["task_name"] = "changed"
        assert list(log.documents()) == [{"task_name": "a"}]

    def test_text_that_is_not_unicode_is_kept_readable(self, log):
        fill(log, {"reason": "\ud800"})
        assert list(log.documents()) == [{"reason": "\\ud800"}]

    def test_a_rewrite_replaces_all(self, log):
        fill(log, {"task_name": "a"}, {"task_name": "b"})
        log.rewrite([{"task_name": "c"}])
        fill(log, {"task_name": "d"})
        assert list(log.documents()) == [{"task_name": "c"}, {"task_name": "d"}]

    def test_a_rewrite_may_be_made_from_what_was_read(self, log):
        fill(log, {"task_name": "a"}, {"task_name": "b"})
        log.rewrite(document for document in list(log.documents()) if document["task_name"] != "a")
        assert list(log.documents()) == [{"task_name": "b"}]

    def test_a_rewrite_that_fails_changes_nothing(self, log):
        fill(log, {"task_name": "a"})
        with pytest.raises(TypeError):
            log.rewrite([{"task_name": "b"}, {"task_name": object()}])
        assert list(log.documents()) == [{"task_name": "a"}]

    def test_a_document_that_cannot_be_written_adds_nothing(self, log):
        with pytest.raises(TypeError):
            log.append({"task_name": object()})
        assert list(log.documents()) == []

    def test_it_can_be_read_after_it_was_closed(self, log):
        fill(log, {"task_name": "a"})
        log.close()
        log.close()
        assert list(log.documents()) == [{"task_name": "a"}]

    def test_it_can_be_opened_again(self, log, remake):
        fill(log, {"task_name": "a"})
        log.close()
        again = remake()
        again.open()
        fill(again, {"task_name": "b"})
        assert list(again.documents()) == [{"task_name": "a"}, {"task_name": "b"}]


def ended(first, last, task="a"):
    """Return the records of runs with these numbers, which have ended one after the other."""
    return [
        document
        for number in range(first, last + 1)
        for document in (run(task, str(number), 10.0 * number), end(task, str(number), 10.0 * number))
    ]


class TestReading:
    def test_documents_come_newest_first_too(self, log):
        fill(log, *ended(1, 6))
        assert list(log.documents(newest_first=True)) == ended(1, 6)[::-1]

    def test_only_those_come_that_are_wanted(self, log):
        fill(log, *ended(1, 3), {"mine": 1}, schedule("a", "daily", 5.0))
        wanted = Wanted({"run_id": "2"})
        assert list(log.documents(wanted)) == ended(2, 2)
        assert list(log.documents(wanted, newest_first=True)) == ended(2, 2)[::-1]
        assert list(log.documents(Wanted())) == ended(1, 3)

    def test_what_is_appended_amid_reading_is_not_seen_by_it(self, log):
        fill(log, *ended(1, 6))
        reading = iter(log.documents())
        first = next(reading)
        fill(log, *ended(7, 12))
        log.tidy(Keep(runs=1), 0.0)
        assert [first, *reading] == ended(1, 6)

    def test_other_threads_read_a_prefix_while_it_is_appended_to_and_tidied_up(self, log):
        everything, is_over = ended(1, 150), threading.Event()
        amounts = [amount_of(everything[:count]) for count in range(len(everything) + 1)]

        def read():
            seen = 0
            while not is_over.is_set():
                documents = list(log.documents())
                assert documents == everything[: len(documents)]
                assert seen <= len(documents)
                seen = len(documents)
                assert summary(log.history()) in amounts[seen:]

        with ThreadPoolExecutor() as pool:
            readers = [pool.submit(read) for _ in range(2)]
            for number, document in enumerate(everything):
                log.append(document)
                if number % 60 == 59:
                    log.tidy(FOREVER, 0.0)
            is_over.set()
            for reader in readers:
                reader.result()


class TestHistory:
    def test_it_is_what_all_documents_amount_to(self, log):
        documents = [*ended(1, 4), run("b", "open", 60.0), {"mine": 1}, schedule("c", "daily", 61.0), *ended(7, 9)]
        fill(log, *documents)
        assert summary(log.history()) == amount_of(documents)

    def test_what_was_let_go_still_counts(self, log):
        fill(log, *ended(1, 20))
        log.tidy(Keep(runs=1), 0.0)
        fill(log, *ended(21, 23))
        assert summary(log.history()) == amount_of(ended(1, 23))

    def test_and_does_in_the_next_life(self, log, remake):
        fill(log, *ended(1, 20))
        log.tidy(Keep(runs=1), 0.0)
        fill(log, *ended(21, 23))
        log.close()
        again = remake()
        again.open()
        assert summary(again.history()) == amount_of(ended(1, 23))

    def test_changing_it_changes_nothing_in_the_log(self, log):
        fill(log, run("a", "1", 1.0))
        log.history().take_in(end("a", "1", 1.0))
        assert summary(log.history()) == amount_of([run("a", "1", 1.0)])

    def test_after_a_rewrite_it_is_that_of_what_is_there(self, log):
        fill(log, *ended(1, 20))
        log.tidy(FOREVER, 0.0)
        log.rewrite(ended(3, 4))
        fill(log, *ended(5, 5))
        assert summary(log.history()) == amount_of(ended(3, 5))
        log.tidy(FOREVER, 0.0)
        assert summary(log.history()) == amount_of(ended(3, 5))


class TestTidying:
    def test_where_all_is_to_be_kept_all_is(self, log):
        fill(log, *ended(1, 20), {"mine": 1})
        log.tidy(FOREVER, 1e9)
        assert list(log.documents()) == [*ended(1, 20), {"mine": 1}]

    def test_what_is_left_is_in_its_order_and_more_may_be_appended(self, log):
        fill(log, *ended(1, 20))
        log.tidy(Keep(runs=2), 0.0)
        fill(log, *ended(21, 21))
        left = list(log.documents())
        assert left == [document for document in ended(1, 21) if document in left]
        assert left[-6:] == ended(19, 21)

    def test_once_it_is_sealed_it_comes_to_all_that_was_appended(self, log):
        documents = [run("a", "1", 1.0), end("a", "1", 1.0), run("a", "2", 3.0), end("a", "2", 3.0)]
        fill(log, *documents)
        log.seal()
        log.seal()
        assert list(log.documents()) == documents
        log.tidy(Keep(runs=1), 10.0)
        assert list(log.documents()) == documents[2:]

    def test_an_empty_log_is_tidy(self, log):
        log.tidy(Keep(runs=1), 0.0)
        assert list(log.documents()) == []
        assert not log.is_untidy

    def test_it_is_not_untidy_afterwards(self, log):
        fill(log, *ended(1, 20))
        log.tidy(FOREVER, 0.0)
        assert not log.is_untidy

    def test_what_is_appended_amid_it_is_kept(self, log, monkeypatch):
        fill(log, *ended(1, 20))
        tidied_amid(monkeypatch, log, lambda: fill(log, *ended(21, 25)))
        assert list(log.documents())[-10:] == ended(21, 25)
        assert summary(log.history()) == amount_of(ended(1, 25))

    def test_a_rewrite_amid_it_counts(self, log, monkeypatch):
        fill(log, *ended(1, 20))
        tidied_amid(monkeypatch, log, lambda: log.rewrite(ended(3, 4)))
        assert list(log.documents()) == ended(3, 4)
        assert summary(log.history()) == amount_of(ended(3, 4))


def tidied_amid(monkeypatch, log, happens):
    """Tidy up, while something happens when what is kept is decided; or after that, where there is nothing to decide."""
    happening, real = [happens], retention.kept

    def kept(*args):
        happening.pop()()
        return real(*args)

    with monkeypatch.context() as patch:
        patch.setattr(contents, "kept", kept)
        log.tidy(Keep(runs=1), 0.0)
    if happening:
        happening.pop()()


class TestWriting:
    def test_after_a_sync_all_is_there(self, log):
        fill(log, *ended(1, 6))
        log.sync()
        assert list(log.documents()) == ended(1, 6)

    def test_a_document_that_cannot_be_written_leaves_the_next_one_whole(self, log):
        with pytest.raises(TypeError):
            log.append({"number": 2**70})
        log.append({"number": 1})
        assert list(log.documents()) == [{"number": 1}]

    def test_nothing_is_wrong_with_one_that_works(self, log):
        fill(log, *ended(1, 6))
        assert log.problems() == ()

    def test_its_guard_may_be_held_by_who_appends(self, log):
        with log.guard:
            log.append({"number": 1})
            log.rewrite([{"number": 2}])
        assert list(log.documents()) == [{"number": 2}]


class TestTable:
    """TinyDB's table, on any log."""

    @pytest.fixture
    def table(self, log, repo):
        fill(log, end("a", "1", 1.0), end("b", "2", 2.0, "fail"), end("a", "3", 3.0, "fail"))
        return repo.table

    def ids(self, documents):
        return [document["run_id"] for document in documents]

    def test_it_is_searched_with_tinydbs_queries(self, table):
        assert self.ids(table.search(where("task_name") == "a")) == ["1", "3"]
        assert self.ids(table.search((where("task_name") == "a") & (where("action") == "fail"))) == ["3"]
        assert self.ids(table.search(where("created") >= 3.0)) == ["2", "3"]

    def test_a_search_sees_what_came_after_the_one_before(self, table, log):
        query = where("task_name") == "a"
        assert self.ids(table.search(query)) == ["1", "3"]
        fill(log, end("a", "4", 4.0))
        assert self.ids(table.search(query)) == ["1", "3", "4"]

    def test_all_get_count_contains_and_length(self, table):
        assert self.ids(table.all()) == ["1", "2", "3"]
        assert table.get(where("task_name") == "b")["run_id"] == "2"
        assert table.get(doc_id=3)["run_id"] == "3"
        assert table.count(where("action") == "fail") == 2
        assert table.contains(where("run_id") == "2")
        assert not table.contains(where("run_id") == "4")
        assert len(table) == 3

    def test_an_insert_appends_and_returns_its_number(self, table, log):
        document = end("c", "4", 4.0)
        assert table.insert(document) == 4
        assert list(log.documents())[3] == document
        assert table.get(doc_id=4) == document

    def test_several_are_inserted_in_their_order(self, table):
        assert table.insert_multiple([end("c", "4", 4.0), end("c", "5", 5.0)]) == [4, 5]
        assert self.ids(table.search(where("task_name") == "c")) == ["4", "5"]

    def test_an_insert_leaves_what_is_there_as_it_is(self, table, log, monkeypatch):
        monkeypatch.setattr(type(log), "rewrite", None)
        assert table.insert(end("c", "4", 4.0)) == 4

    def test_an_update_changes_those_that_match(self, table, log):
        assert table.update({"reason": "mine"}, where("task_name") == "a") == [1, 3]
        assert [document.get("reason") for document in list(log.documents())] == ["mine", None, "mine"]

    def test_an_update_may_take_a_column_away(self, table, log):
        table.update(delete("runtime"), where("run_id") == "2")
        assert ["runtime" in document for document in list(log.documents())] == [True, False, True]

    def test_a_removal_takes_out_those_that_match(self, table, log):
        table.remove(where("action") == "fail")
        assert self.ids(list(log.documents())) == ["1"]

    def test_a_truncation_takes_out_all(self, table, log):
        table.truncate()
        assert list(log.documents()) == []
        assert table.insert(end("a", "1", 1.0)) == 1

    def test_what_is_recorded_after_a_change_follows_it(self, table, log):
        table.remove(where("task_name") == "a")
        fill(log, end("c", "4", 4.0))
        assert self.ids(table.all()) == ["2", "4"]

    def test_an_upsert_updates_what_matches(self, table, log):
        assert table.upsert({"reason": "mine"}, where("task_name") == "b") == [2]
        assert [document.get("reason") for document in list(log.documents())] == [None, "mine", None]

    def test_an_upsert_appends_where_nothing_matches(self, table):
        assert table.upsert(end("c", "4", 4.0), where("task_name") == "c") == [4]
        assert self.ids(table.all()) == ["1", "2", "3", "4"]

    def test_an_upsert_of_a_numbered_document_updates_that_one(self, table, log):
        assert table.upsert(Document({"reason": "mine"}, doc_id=2)) == [2]
        assert [document.get("reason") for document in list(log.documents())] == [None, "mine", None]

    def test_a_change_is_still_there_for_the_next_life(self, table, log, remake):
        table.remove(where("task_name") == "a")
        log.close()
        assert self.ids(RunRepo(remake()).table.all()) == ["2"]

    def test_a_file_can_be_changed_while_nothing_runs(self, tmp_path):
        log = FileLog(tmp_path / "runs.jsonl")
        log.open()
        fill(log, end("a", "1", 1.0), end("b", "2", 2.0))
        log.close()
        open_repo(tmp_path / "runs.jsonl").table.remove(where("task_name") == "a")
        log = Recorder(FileLog(tmp_path / "runs.jsonl"), Ticking())
        assert list(log.open().facts) == ["b"]
        log.close()
