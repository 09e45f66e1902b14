"""A run log may have more segments than a process may have files open."""

import resource
from pathlib import Path

import pytest

from actors.errors import LogChanged
from logged import end, fill, run
from runtime.clock import SystemClock
from runtime.runlog import repo, views
from runtime.runlog.file_log import FileLog
from runtime.runlog.recorder import Recorder
from runtime.runlog.retention import FOREVER, Keep
from runtime.runlog.verify import verify
from runtime.runlog.wanted import Wanted

COUNT = 3 * views.HELD


@pytest.fixture
def log(tmp_path):
    """A log with some times as many segments as are held open, and than there may be more files open from now on."""
    log = FileLog(tmp_path / "runs.jsonl", segment_size=1)
    log.open()
    fill(log, *everything())
    log.close()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (len(list(Path("/dev/fd").iterdir())) + 5 * views.HELD // 2, hard))
    yield FileLog(log.path, segment_size=1)
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def both(number):
    return run("a", str(number), float(number)), end("a", str(number), float(number))


def everything():
    return [document for number in range(COUNT) for document in both(number)]


def test_a_runtime_opens_it(log):
    recorder = Recorder(log, SystemClock())
    history = recorder.open()
    recorder.close()
    assert history.count == 2 * COUNT


def test_all_of_it_can_be_asked_for_oldest_or_newest_first(log):
    assert list(log.documents()) == everything()
    assert list(log.documents(newest_first=True)) == everything()[::-1]


def test_it_can_be_verified(log):
    assert verify(log.path).is_whole


@pytest.mark.parametrize(("keep", "left"), [(FOREVER, COUNT), (Keep(runs=3), 3)], ids=["all", "some"])
def test_it_is_tidied_up(log, keep, left):
    log.open()
    log.tidy(keep, float(COUNT))
    log.close()
    assert [each for each in log.documents() if each["start"] >= COUNT - left] == everything()[-2 * left :]
    assert sum(1 for _ in log.documents()) <= 2 * left + 2  # the oldest is in one segment with what is kept


def test_damage_in_an_old_segment_is_found_also_where_all_is_kept(log):
    log.open()
    log.tidy(FOREVER, float(COUNT))
    log.close()
    old = log.path.with_name("runs-000002.jsonl")
    old.write_bytes(old.read_bytes().replace(b'"run"', b'"rum"'))
    again = FileLog(log.path)
    again.open()
    again.tidy(FOREVER, float(COUNT))
    again.close()
    assert [problem for problem in again.problems() if old.name in problem]


def test_what_was_let_go_of_before_it_was_read_is_an_error_that_says_so(log):
    reader = log.documents()
    assert next(reader) == both(0)[0]
    for number in range(2, 5):
        log.path.with_name(f"runs-{number:06d}.jsonl").unlink()
    with pytest.raises(LogChanged, match=r"runs-000003\.jsonl, a part of the run log, has become another file .*: ask again"):
        list(reader)


def test_what_is_answered_as_a_whole_is_asked_anew_then(log, monkeypatch):
    """Numbers, counts and lists are those of the log as it has become."""
    writer, find, left = FileLog(log.path), repo.stats_of, [Keep(runs=3), Keep(runs=2)]

    def let_go_of_some(records, *rest):
        records = iter(records)
        first = next(records)
        if left:
            writer.tidy(left.pop(0), float(COUNT))
        return find([first, *records], *rest)

    monkeypatch.setattr(repo, "stats_of", let_go_of_some)
    writer.open()
    stats = repo.RunRepo(log).stats()
    writer.close()
    assert not left
    assert stats["a"].counts["success"] < 5


def test_to_find_a_run_in_an_old_segment_opens_it_once_however_many_lines_it_has(tmp_path, monkeypatch):
    monkeypatch.setattr(views, "HELD", 1)
    log = FileLog(tmp_path / "runs.jsonl")
    log.open()
    fill(log, *(each for number in range(200) for each in both(number)))
    log.seal()
    log.close()
    wanted = Wanted({"task_name": "a", "run_id": "7"})
    for _ in range(2):  # from the second question on there is an index
        assert list(log.documents(wanted)) == [*both(7)]
    opened, real = [], views._opened
    monkeypatch.setattr(views, "_opened", lambda path, **how: opened.append(path.name) or real(path, **how))
    assert list(log.documents(wanted)) == [*both(7)]
    assert sorted(opened) == ["runs-000001.jsonl", "runs.jsonl"]


def test_the_newest_are_read_as_they_were_whatever_becomes_of_their_files(log):
    reader = log.documents(newest_first=True)
    read = [next(reader)]
    for path in log.path.parent.glob("runs*.jsonl"):
        path.unlink()
    assert [*read, *(next(reader) for _ in range(views.HELD - 1))] == everything()[: -views.HELD - 1 : -1]
