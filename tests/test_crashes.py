"""The process, or the power, ends between any two things that are done to the files of a run log: nothing of it is lost."""

import os
import random

import pytest

from crashes import Snapshots
from logged import amount_of, end, fill, note, run, schedule, summary, unstarted
from runtime.runlog.contents import Contents, choose
from runtime.runlog.file_log import FileLog
from runtime.runlog.history import History
from runtime.runlog.lines import is_whole
from runtime.runlog.retention import FOREVER, Keep

SMALL = {"segment_size": 700}


@pytest.fixture(autouse=True)
def fast(monkeypatch):
    """Have nobody wait for the disk: what is synced is noted, and nothing else matters here."""
    monkeypatch.setattr(os, "fsync", lambda _: None)


def life(seed=1, count=40, first=0):
    """Return documents of all kinds, each of which is there once: runs that overlap, are tried again, or have no end."""
    draw, documents, going = random.Random(seed), [], []
    for number in range(first, first + count):
        now, task, name = 10.0 * number, draw.choice("abc"), f"r{number}"
        if draw.random() < 0.7:
            documents.append(run(task, name, now, params={}))
            going.append(documents[-1])
        else:
            documents.append(unstarted(task, name, now))
        if draw.random() < 0.3:
            documents.append(note("progress", task, name, now, progress={"done": number, "total": None, "note": ""}))
        if draw.random() < 0.2:
            documents.append(schedule(task, f"every {number} s", now + 1))
        if draw.random() < 0.2:
            documents.append(
                {"created": now, "task_name": task, "run_id": "", "action": "missed", "last": now, "count": number + 1}
            )
        if draw.random() < 0.1:
            documents.append({"mine": number})
        while going and draw.random() < 0.6:
            begun = going.pop(draw.randrange(len(going)))
            documents.append(_ended(draw, begun, now))
    return documents


def _ended(draw, begun, now):
    name, task, start = begun["run_id"], begun["task_name"], begun["start"]
    action = draw.choice(["success", "success", "fail", "terminate", "inaction", "crash", "retry"])
    more = {"attempt": 1, "attempts": 3, "retry_at": now + 9, "params": {}} if action == "retry" else {}
    return end(task, name, start, action, at=now + 5, **more)


class Truth:
    """What was appended, by what has returned, and what else may be there already."""

    def __init__(self):
        self.before = []
        self.after = []
        self.confirmed = 0
        """How many outlive a loss of power."""

    def append(self, log, document):
        """Append it, and know that it may be there meanwhile."""
        self.after = [*self.before, document]
        log.append(document)
        self.before = self.after

    def append_all(self, log, documents):
        """Append them one after the other."""
        for document in documents:
            self.append(log, document)

    def rewrite(self, log, documents):
        """Rewrite the log, and know that it may be the old one or the new one meanwhile."""
        self.after = documents
        log.rewrite(documents)
        self.before = self.after

    def sync(self, log):
        """Sync the log, and know what is to outlive a loss of power then."""
        count = len(self.before)
        log.sync()
        self.confirmed = count

    def now(self):
        """Return what is true now."""
        return self.before, self.after, self.confirmed


def may_go(documents, keep, now):
    """Return whether a document need not be kept at that moment."""
    chosen = choose(keep, now, [Contents.of(documents)], History.of(map(dict, documents)))
    return lambda document: not chosen.includes(document)


def check_reading(documents, candidates, keep, now):
    """Return which of `candidates` the documents are that were read: all of it, but for what need not be kept."""
    for whole in candidates:
        expected = [document for document in whole if document in documents]
        missing = [document for document in whole if document not in documents]
        if documents == expected and all(map(may_go(whole, keep, now), missing)):
            return whole
    raise AssertionError(f"what was read is none of what it may be:\n{documents}\n{candidates}")


def check(snapshot, folder, keep=FOREVER, now=0.0):
    """Check that a log whose writer died at `snapshot` is whole, and that it can be gone on with."""
    before, after, _ = snapshot.truth
    path = snapshot.restored(folder) / "runs.jsonl"
    read = list(FileLog(path).documents())
    check_reading(read, (after, before), keep, now)
    log = FileLog(path, **SMALL)
    log.open()
    assert log.problems() == ()
    assert list(log.documents()) == read
    found = summary(log.history())
    whole = next((whole for whole in (after, before) if amount_of(whole) == found), None)
    assert whole is not None, "its history is none of what it may be"
    check_reading(read, (whole,), keep, now)
    check_going_on(log, whole, keep, now)


def check_going_on(log, whole, keep, now):
    """Check that a log goes on working which has, or had, the documents `whole`; it is closed then."""
    more = life(seed=2, count=8, first=1000)
    fill(log, *more)
    log.tidy(keep, now)
    log.close()
    again = FileLog(log.path)
    again.open()
    assert summary(again.history()) == amount_of([*whole, *more])
    check_reading(list(again.documents()), ([*whole, *more],), keep, now)
    again.close()
    names = {path.name for path in log.path.parent.iterdir() if not path.name.endswith((".state", ".lock"))}
    assert all(name.startswith("runs") and name.endswith(".jsonl") for name in names), names
    for name in names:
        assert all(map(is_whole, (log.path.parent / name).read_bytes().splitlines(keepends=True)))


@pytest.fixture
def truth():
    return Truth()


@pytest.fixture
def path(tmp_path):
    (tmp_path / "log").mkdir()
    return tmp_path / "log" / "runs.jsonl"


@pytest.fixture
def snapshots(path, monkeypatch, truth):
    return Snapshots(path.parent, monkeypatch, truth.now)


def check_all(snapshots, folder, keep=FOREVER, now=0.0):
    for number, snapshot in enumerate(snapshots.taken):
        try:
            check(snapshot, folder / f"at-{number}", keep, now)
        except Exception as exc:
            exc.add_note(f"snapshot {number} of {len(snapshots.taken)}, {snapshot.moment}: {sorted(snapshot.files)}")
            raise


class TestTheProcessDies:
    def test_while_it_appends_and_rotates(self, path, snapshots, truth, tmp_path):
        log = FileLog(path, **SMALL)
        with snapshots.watching():
            log.open()
            truth.append_all(log, life(count=10))
            log.close()
        check_all(snapshots, tmp_path)

    @pytest.mark.parametrize("keep", [FOREVER, Keep(runs=3), Keep(seconds=150.0), Keep(seconds=0.0)])
    def test_while_it_tidies(self, path, snapshots, truth, tmp_path, keep):
        log, documents = FileLog(path, **SMALL), life()
        log.open()
        for begin in range(0, len(documents), 25):
            truth.append_all(log, documents[begin : begin + 25])
            with snapshots.watching():
                log.tidy(keep, 400.0)
        with snapshots.watching():
            log.close()
        check_all(snapshots, tmp_path, keep, 400.0)

    def test_while_it_rewrites(self, path, snapshots, truth, tmp_path):
        log, documents = FileLog(path, **SMALL), life(count=12)
        log.open()
        truth.append_all(log, documents[:-4])
        log.tidy(FOREVER, 400.0)
        truth.append_all(log, documents[-4:])
        with snapshots.watching():
            truth.rewrite(log, documents[::3])
            truth.append_all(log, life(count=4, first=500))
        log.close()
        check_all(snapshots, tmp_path)

    def test_while_it_opens_a_log_that_another_has_left_anyhow(self, path, monkeypatch, tmp_path, truth):
        """A second death, in the opening that follows the first."""
        first = Snapshots(path.parent, monkeypatch, truth.now)
        log, documents = FileLog(path, **SMALL), life(count=12)
        with first.watching():
            log.open()
            truth.append_all(log, documents[:-4])
            log.tidy(Keep(runs=2), 400.0)
            truth.append_all(log, documents[-4:])
            truth.rewrite(log, list(log.documents())[3:])
        log.close()
        for number, snapshot in enumerate(first.taken[::5]):
            folder = snapshot.restored(tmp_path / f"first-{number}")
            again = Snapshots(folder, monkeypatch, lambda snapshot=snapshot: snapshot.truth)
            log = FileLog(folder / "runs.jsonl", **SMALL)
            with again.watching():
                log.open()
                log.close()
            (tmp_path / f"second-{number}").mkdir()
            check_all(again, tmp_path / f"second-{number}", Keep(runs=2), 400.0)

    def test_while_it_mends(self, path, snapshots, truth, tmp_path):
        """What was damaged is left out in the end, once; its copy is there before that."""
        log, documents = FileLog(path, **SMALL), life(count=16)
        log.open()
        fill(log, *documents)
        log.close()
        damaged = {}
        for file in sorted(path.parent.glob("runs*.jsonl")):
            lines = file.read_bytes().splitlines(keepends=True)
            lines[1] = lines[1].replace(b'"', b"'", 1)
            damaged[file.name] = b"".join(lines)
            file.write_bytes(damaged[file.name])
        whole = list(FileLog(path).documents())
        truth.before = truth.after = whole
        log = FileLog(path, **SMALL)
        with snapshots.watching():
            log.open()
            log.close()
        assert len(log.problems()) == len(damaged)
        for number, snapshot in enumerate(snapshots.taken):
            restored = snapshot.restored(tmp_path / f"at-{number}")
            assert list(FileLog(restored / "runs.jsonl").documents()) == whole
            again = FileLog(restored / "runs.jsonl", **SMALL)
            again.open()
            assert list(again.documents()) == whole
            again.close()
            for name, data in damaged.items():
                assert data in [copy.read_bytes() for copy in restored.glob(f"{name}.corrupt-*")], snapshot.moment


class TestThePowerFails:
    """Only what was synced is left of each file."""

    def test_what_was_confirmed_is_there_and_the_log_opens_without_help(self, path, monkeypatch, truth, tmp_path):
        snapshots = Snapshots(path.parent, monkeypatch, truth.now, power=True)
        log, documents = FileLog(path, **SMALL), life(count=24)
        with snapshots.watching():
            log.open()
            for number, document in enumerate(documents):
                truth.append(log, document)
                if number % 7 == 6:
                    truth.sync(log)
                if number % 20 == 19:
                    log.tidy(FOREVER, 400.0)
            log.close()
        assert truth.confirmed
        for number, snapshot in enumerate(snapshots.taken):
            _, after, confirmed = snapshot.truth
            restored = snapshot.restored(tmp_path / f"at-{number}") / "runs.jsonl"
            read = list(FileLog(restored).documents())
            assert read == after[: len(read)], snapshot.moment
            assert len(read) >= confirmed, snapshot.moment
            log = FileLog(restored, **SMALL)
            log.open()
            assert list(log.documents()) == read
            assert summary(log.history()) == amount_of(read)
            check_going_on(log, read, FOREVER, 0.0)
