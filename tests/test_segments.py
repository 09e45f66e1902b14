"""The files of a run log: which count, when another is begun, and what becomes of those that something has happened to."""

import errno
import os
import time
from pathlib import Path

import pytest

from actors.errors import LogUnusable
from logged import amount_of, end, fill, run, summary
from runtime.runlog import active, file_log, mending, segments, tidying
from runtime.runlog.file_log import FileLog
from runtime.runlog.lines import decode, encode
from runtime.runlog.retention import FOREVER, Keep
from runtime.runlog.segments import Header, chain, sealed_files, sealed_path
from runtime.runlog.verify import verify


def runs(first, last, task="a"):
    """Return the records of runs with these numbers, which come one after the other."""
    return [
        document
        for number in range(first, last + 1)
        for document in (run(task, str(number), 10.0 * number), end(task, str(number), 10.0 * number))
    ]


@pytest.fixture
def path(tmp_path):
    return tmp_path / "runs.jsonl"


@pytest.fixture
def make(path):
    """Make logs of one file, which are closed after the test."""
    made = []

    def log(**options):
        made.append(FileLog(path, **{"segment_size": 300, **options}))
        return made[-1]

    yield log
    for one in made:
        one.close()


@pytest.fixture
def log(make):
    log = make()
    log.open()
    return log


def names(path):
    """Return the names of the segments beside `path`."""
    return sorted(each.name for each in path.parent.glob("runs*.jsonl"))


def put(path, number, *documents, first=None, header=None):
    """Write a segment."""
    line = Header(number, number if first is None else first, 1.0).line() if header is None else header
    path.write_bytes(line + b"".join(map(encode, documents)))


def read(path):
    return list(FileLog(path).documents())


def numbers(path):
    return [segment.number for segment in chain(path)]


A, B, C, D = ({"task_name": name, "created": float(number)} for number, name in enumerate("abcd"))


class TestTwoLogsInOneFolder:
    """Whose names are such that a sealed segment of one is the other."""

    def test_the_first_does_not_take_the_second_for_a_part_of_itself(self, path):
        other = FileLog(sealed_path(path, 1))
        other.open()
        other.append(A)
        with pytest.raises(LogUnusable, match=r"runs-000001\.jsonl beside it is a run log of its own"):
            FileLog(path).open()
        assert not path.exists()
        assert list(other.documents()) == [A]
        other.close()

    def test_nor_delete_it_as_a_leftover(self, path, log):
        put(sealed_path(path, 1), 1, B)
        sealed_path(path, 1).with_name("runs-000001.jsonl.lock").touch()
        log.rewrite([A])
        log.close()
        put(sealed_path(path, 1), 1, B)
        with pytest.raises(LogUnusable):
            FileLog(path).open()
        assert read(sealed_path(path, 1)) == [B]

    def test_the_second_does_not_write_into_a_part_of_the_first(self, path, log):
        log.append(A)
        log.seal()
        with pytest.raises(LogUnusable, match=r"it has the name of a part of the run log runs\.jsonl beside it"):
            FileLog(sealed_path(path, 1)).open()
        assert names(path) == ["runs-000001.jsonl", "runs.jsonl"]

    def test_without_the_first_there_may_be_a_log_of_each_day(self, tmp_path):
        logs = [FileLog(tmp_path / f"runs-202611{day}.jsonl") for day in (28, 29)]
        for log in logs:
            log.open()
            log.append(A)
        assert [list(log.documents()) for log in logs] == [[A], [A]]
        for log in logs:
            log.close()


class TestChain:
    def test_of_no_files_there_are_no_segments(self, path):
        assert chain(path) == []

    def test_the_sealed_ones_come_before_the_active_one(self, path):
        put(path, 3, C)
        put(sealed_path(path, 1), 1, A)
        put(sealed_path(path, 2), 2, B)
        assert numbers(path) == [1, 2, 3]
        assert read(path) == [A, B, C]

    def test_a_file_without_a_number_is_the_first(self, path):
        put(path, 1, A, header=encode({"callsheet": "run log", "version": 1, "created": 1.5}))
        assert [(segment.number, segment.first) for segment in chain(path)] == [(1, 1)]

    def test_what_another_one_stands_for_does_not_count(self, path):
        put(path, 5, D)
        put(sealed_path(path, 4), 4, B, C, first=2)
        put(sealed_path(path, 3), 3, C)
        put(sealed_path(path, 2), 2, B)
        put(sealed_path(path, 1), 1, A)
        assert numbers(path) == [1, 4, 5]
        assert read(path) == [A, B, C, D]

    def test_an_active_one_that_stands_for_all_is_alone(self, path):
        put(path, 3, C, first=1)
        put(sealed_path(path, 1), 1, A)
        put(sealed_path(path, 2), 2, B)
        assert read(path) == [C]

    def test_without_an_active_one_it_begins_with_the_newest_sealed_one(self, path):
        put(sealed_path(path, 1), 1, A)
        put(sealed_path(path, 2), 2, B)
        assert read(path) == [A, B]

    def test_an_active_one_that_is_empty_beside_sealed_ones_counts_as_none(self, path):
        put(sealed_path(path, 1), 1, A)
        path.touch()
        assert read(path) == [A]

    def test_a_sealed_one_that_is_empty_has_nothing(self, path):
        put(path, 3, C)
        put(sealed_path(path, 1), 1, A)
        sealed_path(path, 2).touch()
        assert read(path) == [A, C]

    def test_a_number_that_is_missing_is_passed_over(self, path):
        put(path, 5, C)
        put(sealed_path(path, 1), 1, A)
        put(sealed_path(path, 3), 3, B)
        assert read(path) == [A, B, C]

    def test_numbers_of_more_digits_come_after_those_of_fewer(self, path):
        put(sealed_path(path, 999_999), 999_999, A)
        put(sealed_path(path, 1_000_000), 1_000_000, B)
        assert read(path) == [A, B]

    @pytest.mark.parametrize(
        "name",
        ["runs-1.jsonl", "runs-0000001.jsonl", "runs-00000a.jsonl", "runs-000001.json", "other-000001.jsonl", "runs-.jsonl"],
    )
    def test_files_of_other_names_are_none_of_it(self, path, name):
        put(path, 2, A)
        path.with_name(name).write_bytes(b"mine")
        assert read(path) == [A]

    def test_a_name_of_odd_characters_is_no_pattern(self, tmp_path):
        path = tmp_path / "r[u]ns*.jsonl"
        put(path, 2, B)
        put(sealed_path(path, 1), 1, A)
        assert list(sealed_files(path)) == [1]
        assert read(path) == [A, B]

    def test_a_log_need_not_have_an_ending(self, tmp_path):
        path = tmp_path / "runs"
        log = FileLog(path, segment_size=300)
        log.open()
        fill(log, *runs(1, 6))
        log.close()
        assert read(path) == runs(1, 6)
        assert "runs-000001" in {each.name for each in tmp_path.iterdir()}

    @pytest.mark.parametrize("content", [b"Dear diary,\n", encode({"callsheet": "run log", "version": 2})])
    def test_a_sealed_one_of_something_else_is_refused_and_named(self, path, make, content):
        put(path, 2, B)
        sealed_path(path, 1).write_bytes(content)
        for use in (read, lambda path: make().open()):
            with pytest.raises(LogUnusable, match=r"runs-000001\.jsonl"):
                use(path)
        assert sealed_path(path, 1).read_bytes() == content


def at(monkeypatch, moment):
    """Have the machine's clock stand still there."""
    for module in (active, file_log, segments):
        monkeypatch.setattr(module, "time", lambda: moment)


class TestRotation:
    def test_a_segment_that_has_its_size_is_sealed_and_another_begun(self, path, log):
        fill(log, *runs(1, 1))
        assert names(path) == ["runs.jsonl"]
        fill(log, *runs(2, 2))
        assert names(path) == ["runs-000001.jsonl", "runs.jsonl"]

    def test_the_files_in_the_order_of_their_names_are_the_log(self, path, log):
        fill(log, *runs(1, 20))
        assert len(names(path)) > 5
        lines = [decode(line) for name in names(path) for line in (path.parent / name).read_bytes().splitlines(keepends=True)]
        assert [line for line in lines if "callsheet" not in line] == read(path) == runs(1, 20)

    def test_the_headers_count_on(self, path, log):
        fill(log, *runs(1, 20))
        assert [(segment.number, segment.first) for segment in chain(path)] == [
            (number, number) for number in range(1, len(names(path)) + 1)
        ]

    def test_it_makes_the_log_untidy(self, log):
        fill(log, *runs(1, 1))
        assert not log.is_untidy
        fill(log, *runs(2, 2))
        assert log.is_untidy

    def test_a_document_larger_than_a_segment_is_in_one(self, path, log):
        fill(log, A, {"text": "x" * 1000}, B)
        assert read(path) == [A, {"text": "x" * 1000}, B]

    def test_a_segment_that_is_old_enough_is_sealed_too(self, path, make, monkeypatch):
        log = make(segment_size=10**6, segment_age=3600.0)
        log.open()
        created = chain(path)[0].header.created
        at(monkeypatch, created + 3599)
        log.append(A)
        at(monkeypatch, created + 3601)
        assert names(path) == ["runs.jsonl"]
        log.append(B)
        assert names(path) == ["runs-000001.jsonl", "runs.jsonl"]
        log.append(C)
        assert names(path) == ["runs-000001.jsonl", "runs.jsonl"]

    def test_the_age_of_a_segment_does_not_begin_anew_with_its_writer(self, path, make, monkeypatch):
        log = make(segment_size=10**6, segment_age=3600.0)
        log.open()
        log.close()
        created = chain(path)[0].header.created
        at(monkeypatch, created + 3601)
        log.open()
        log.append(A)
        assert names(path) == ["runs-000001.jsonl", "runs.jsonl"]

    def test_a_segment_that_was_begun_in_the_future_is_sealed(self, path, make, monkeypatch):
        """By a clock that was wrong: it would be young for years."""
        log = make(segment_size=10**6)
        now = time.time()
        at(monkeypatch, now + 10 * 365 * 86400)
        log.open()
        log.append(A)
        at(monkeypatch, now)
        log.append(B)
        assert names(path) == ["runs-000001.jsonl", "runs.jsonl"]
        log.append(C)
        assert names(path) == ["runs-000001.jsonl", "runs.jsonl"]

    def test_documents_of_another_time_are_no_reason_to_rotate(self, path, make):
        """An app on a clock of its own, as in tests, may be years ahead of the machine's."""
        log = make(segment_size=10**6)
        log.open()
        fill(log, *({**A, "created": 1e11 + number} for number in range(5)))
        assert names(path) == ["runs.jsonl"]


def failing(monkeypatch, name, *, when=lambda *_: True, error=errno.ENOSPC):
    """Have an operation of the system fail from now on, for certain arguments."""
    real = getattr(os, name)

    def operation(*args, **kwargs):
        if when(*args):
            raise OSError(error, os.strerror(error))
        return real(*args, **kwargs)

    monkeypatch.setattr(os, name, operation)


def is_header(_, data):
    return data.startswith(b'{"callsheet"')


class TestARotationThatFails:
    def check(self, path, log, monkeypatch):
        """Check that the log went on in the old segment meanwhile, and rotates again afterwards."""
        assert names(path) == ["runs.jsonl"]
        assert read(path) == runs(1, 3)
        monkeypatch.undo()
        fill(log, *runs(4, 9))
        assert len(names(path)) > 1
        assert read(path) == runs(1, 9)
        assert summary(log.history()) == amount_of(runs(1, 9))
        log.close()
        log.open()
        assert read(path) == runs(1, 9)
        assert not list(path.parent.glob("*.new"))

    def test_as_the_draft_cannot_be_opened(self, path, log, monkeypatch):
        failing(monkeypatch, "open", when=lambda path, *_: str(path).endswith(".new"))
        fill(log, *runs(1, 3))
        self.check(path, log, monkeypatch)

    def test_as_the_draft_cannot_be_written(self, path, log, monkeypatch):
        failing(monkeypatch, "write", when=is_header)
        fill(log, *runs(1, 3))
        self.check(path, log, monkeypatch)

    def test_as_only_half_of_the_header_finds_room(self, path, log, monkeypatch):
        real = os.write
        monkeypatch.setattr(os, "write", lambda fd, data: real(fd, data[:20] if is_header(fd, data) else data))
        fill(log, *runs(1, 3))
        self.check(path, log, monkeypatch)

    def test_as_the_old_one_cannot_be_renamed(self, path, log, monkeypatch):
        failing(monkeypatch, "rename", when=lambda old, _: Path(old) == path, error=errno.EACCES)
        fill(log, *runs(1, 3))
        self.check(path, log, monkeypatch)

    def test_as_the_draft_cannot_be_renamed(self, path, log, monkeypatch):
        failing(monkeypatch, "rename", when=lambda old, _: str(old).endswith(".new"), error=errno.EACCES)
        fill(log, *runs(1, 3))
        self.check(path, log, monkeypatch)

    def test_nothing_is_left_of_the_draft(self, path, log, monkeypatch):
        """On a full disk, its room is wanted."""
        failing(monkeypatch, "rename", error=errno.EACCES)
        fill(log, *runs(1, 3))
        assert not list(path.parent.glob("*.new"))

    def test_it_is_not_tried_at_each_record(self, path, make, monkeypatch):
        """Not even where its age is long over."""
        tries = []
        log = make(segment_size=10**6)
        log.open()
        failing(monkeypatch, "rename", when=lambda *_: tries.append(1) or True, error=errno.EACCES)
        at(monkeypatch, 1e11)
        fill(log, *runs(1, 20))
        assert len(tries) == 1
        assert read(path) == runs(1, 20)

    def test_not_even_when_the_old_one_cannot_be_named_back(self, path, log, monkeypatch):
        """Then there is no active segment, and what is appended goes to the newest sealed one."""
        failing(monkeypatch, "rename", when=lambda _, new: Path(new) == path, error=errno.EACCES)
        fill(log, *runs(1, 3))
        assert names(path) == ["runs-000001.jsonl"]
        assert read(path) == runs(1, 3)
        log.tidy(Keep(runs=1), 1e6)
        fill(log, *runs(4, 4))
        assert read(path) == runs(1, 4)
        assert summary(log.history()) == amount_of(runs(1, 4))
        monkeypatch.undo()
        fill(log, *runs(5, 9))
        assert read(path) == runs(1, 9)
        log.tidy(FOREVER, 1e6)
        log.close()
        log.open()
        assert read(path) == runs(1, 9)
        assert summary(log.history()) == amount_of(runs(1, 9))


class Interrupted:
    """A lock, after whose first release something happens before whoever had it goes on."""

    def __init__(self, lock, happens):
        self._lock, self._happens = lock, [happens]

    def __enter__(self):
        return self._lock.__enter__()

    def __exit__(self, *exc):
        self._lock.__exit__(*exc)
        if self._happens:
            self._happens.pop()()


class TestSync:
    @pytest.fixture
    def synced(self, monkeypatch):
        """The numbers of the files that were synced."""
        inodes, real = set(), os.fsync

        def fsync(fd):
            real(fd)
            inodes.add(os.fstat(fd).st_ino)

        monkeypatch.setattr(os, "fsync", fsync)
        return inodes

    def test_what_was_sealed_before_it_is_synced_too(self, path, log, synced):
        fill(log, *runs(1, 8))
        log.sync()
        assert {each.stat().st_ino for each in (path.parent, *path.parent.glob("runs*.jsonl"))} <= synced

    def test_what_is_sealed_while_it_begins_is_synced_too(self, path, log, synced):
        """It has what was appended before the sync began, for which somebody waits."""
        log.append(A)
        log.guard = Interrupted(log.guard, lambda: fill(log, *runs(1, 8)))
        log.sync()
        assert sealed_path(path, 1).stat().st_ino in synced

    def test_an_error_is_told_and_no_descriptor_left(self, log, monkeypatch):
        fill(log, *runs(1, 8))
        failing(monkeypatch, "fsync", error=errno.EIO)
        before = len(list(Path("/proc/self/fd").iterdir()))
        with pytest.raises(OSError, match="Input/output error"):
            log.sync()
        assert len(list(Path("/proc/self/fd").iterdir())) < before


class TestTidyingAfterTheEnd:
    """In a thread that nobody waits for any longer, while another process may be the writer."""

    def test_one_that_waited_for_the_disk_meanwhile_changes_nothing(self, path, log, monkeypatch):
        fill(log, *runs(1, 8))
        before = names(path)
        ends = [log.close]
        monkeypatch.setattr(os, "fsync", lambda fd: ends and ends.pop()())
        log.tidy(Keep(runs=1), 1e6)
        assert names(path) == before
        assert not path.with_name("runs.jsonl.state").exists()

    def test_one_that_begins_only_then_changes_nothing(self, path, log):
        fill(log, *runs(1, 8))
        before = names(path)
        log.close()
        log.tidy(Keep(runs=1), 1e6)
        assert names(path) == before


class TestRights:
    """Of a file that holds parameters, which somebody may have kept from others."""

    def test_whatever_takes_its_place_has_those_of_the_log(self, path, log):
        path.chmod(0o600)
        fill(log, *runs(1, 4))
        log.tidy(Keep(runs=1), 1e6)
        fill(log, *runs(5, 8))
        assert {
            oct(each.stat().st_mode & 0o777) for each in path.parent.glob("runs*.jsonl*") if each.suffix in (".jsonl", ".state")
        } == {"0o600"}
        log.rewrite([A])
        assert oct(path.stat().st_mode & 0o777) == "0o600"

    def test_a_file_is_mended_without_a_change_of_them(self, path, make):
        put(path, 1, A, B)
        path.chmod(0o640)
        path.write_bytes(path.read_bytes().replace(b'"b"', b'"x"'))
        make().open()
        assert oct(path.stat().st_mode & 0o777) == "0o640"


class TestLeftovers:
    def test_what_a_replacement_did_not_delete_any_more_is_deleted_by_the_next_writer(self, path, make):
        put(path, 5, D)
        put(sealed_path(path, 4), 4, B, C, first=2)
        put(sealed_path(path, 3), 3, C)
        put(sealed_path(path, 2), 2, B)
        put(sealed_path(path, 1), 1, A)
        make().open()
        assert names(path) == ["runs-000001.jsonl", "runs-000004.jsonl", "runs.jsonl"]

    def test_drafts_are_deleted(self, path, make):
        drafts = [path.with_name(f"{name}.new") for name in ("runs.jsonl", "runs-000003.jsonl", "runs.jsonl.state")]
        for draft in drafts:
            draft.write_bytes(b"half")
        make().open()
        assert not any(draft.exists() for draft in drafts)

    def test_those_of_another_log_in_the_folder_are_not(self, path, make):
        others = [
            path.with_name(f"{name}.new")
            for name in ("runs2.jsonl", "runs-of-mine.jsonl", "runs-of-mine-000001.jsonl", "runs.txt")
        ]
        for other in others:
            other.write_bytes(b"half")
        make().open()
        assert all(other.exists() for other in others)

    def test_an_older_active_one_that_was_put_back_costs_no_newer_sealed_one(self, path, make):
        """Somebody has restored a backup of one file of many."""
        put(path, 2, B)
        for number, document in ((1, A), (2, C), (3, D)):
            put(sealed_path(path, number), number, document)
        before = {name: (path.parent / name).read_bytes() for name in names(path)}
        with pytest.raises(LogUnusable, match=r"it is older than runs-000003\.jsonl beside it"):
            make().open()
        assert {name: (path.parent / name).read_bytes() for name in names(path)} == before

    def test_what_is_appended_to_it_is_known_once_those_are_elsewhere(self, path, make):
        log = make(segment_size=10_000)
        log.open()
        fill(log, *runs(1, 1))
        backup = path.read_bytes()
        log.seal()
        log.tidy(FOREVER, 0.0)
        log.close()
        path.write_bytes(backup)
        sealed_path(path, 1).unlink()
        assert verify(path).state == "it goes up to segment 1, and does not fit those that are there"
        again = make()
        again.open()
        fill(again, *runs(2, 2))
        assert summary(again.history()) == amount_of(runs(1, 2))
        assert verify(path).is_whole


class TestFilesThatSomebodyHasDeleted:
    def test_without_the_active_one_the_next_number_is_begun(self, path, log, make):
        fill(log, *runs(1, 8))
        log.close()
        left, number = numbers(path)[:-1], numbers(path)[-1]
        kept = [document for document in read(path) if document not in _of(path)]
        path.unlink()
        again = make()
        again.open()
        assert numbers(path) == [*left, number]
        assert read(path) == kept
        assert summary(again.history()) == amount_of(kept)

    def test_without_old_segments_what_is_left_is_read(self, path, log, make):
        fill(log, *runs(1, 8))
        log.close()
        sealed_path(path, 1).unlink()
        again = make()
        again.open()
        assert read(path) == runs(1, 8)[-len(read(path)) :]

    def test_without_old_segments_the_totals_are_still_known(self, path, log, make):
        fill(log, *runs(1, 8))
        log.tidy(FOREVER, 0.0)
        log.close()
        for sealed in sealed_files(path).values():
            sealed.unlink()
        again = make()
        again.open()
        assert summary(again.history()) == amount_of(runs(1, 8))

    def test_the_state_of_a_log_that_was_deleted_is_not_that_of_the_next(self, path, log, make):
        fill(log, *runs(1, 8))
        log.tidy(FOREVER, 0.0)
        log.close()
        for name in names(path):
            (path.parent / name).unlink()
        assert summary(make().history()) == amount_of([])
        again = make()
        again.open()
        assert summary(again.history()) == amount_of([])
        fill(again, *runs(11, 19, "b"))
        assert summary(again.history()) == amount_of(runs(11, 19, "b"))
        again.tidy(FOREVER, 0.0)
        assert summary(again.history()) == amount_of(runs(11, 19, "b"))

    def test_an_active_one_that_is_deleted_while_it_is_written_costs_what_it_had(self, path, log):
        fill(log, *runs(1, 3))
        path.unlink()
        fill(log, *runs(4, 9))
        left = read(path)
        assert left[-2:] == runs(9, 9)
        log.close()
        log.open()
        assert read(path) == left


def _of(path):
    return [decode(line) for line in path.read_bytes().splitlines(keepends=True)]


class TestDamagedHeaders:
    @pytest.fixture(params=["active", "sealed"])
    def damaged(self, request, path, log):
        fill(log, *runs(1, 5))
        log.close()
        return path if request.param == "active" else sealed_path(path, 1)

    def test_what_follows_is_read_and_mended(self, path, make, damaged):
        data = damaged.read_bytes()
        for begin in (b'{"callsheet":"run lag"', b"\0" * 22, b'{"callsheet":"run log,'):
            damaged.write_bytes(begin + data[len(begin) :])
            assert read(path) == runs(1, 5)
            log = make()
            log.open()
            assert read(path) == runs(1, 5)
            assert len(log.problems()) == 1
            log.close()
            assert decode(damaged.read_bytes().splitlines(keepends=True)[0])["callsheet"] == "run log"

    @pytest.mark.parametrize("bit", range(0, 8 * 40, 13))
    def test_one_alone_is_known_too(self, path, make, bit):
        """A segment that was just begun has nothing else."""
        put(sealed_path(path, 1), 1, A)
        put(path, 2)
        data = bytearray(path.read_bytes())
        data[bit // 8] ^= 1 << bit % 8
        path.write_bytes(data)
        assert read(path) == [A]
        log = make()
        log.open()
        log.append(B)
        assert read(path) == [A, B]
        log.close()


class TestABadSector:
    """What is mapped and cannot be read is no error there, but a signal that kills."""

    @pytest.fixture
    def bad(self, monkeypatch):
        """Have the files of these names read like those on a bad sector."""
        names = set()

        def read_through(path):
            if path.name in names:
                raise OSError(errno.EIO, os.strerror(errno.EIO))

        monkeypatch.setattr(mending, "read_through", read_through)
        monkeypatch.setattr(tidying, "read_through", read_through)
        return names

    def test_keeps_the_log_from_being_tidied_and_is_told(self, make, bad, path):
        log = make(segment_size=200)
        log.open()
        fill(log, *runs(0, 9))
        bad.add("runs-000001.jsonl")
        with pytest.raises(OSError, match="Input/output error"):
            log.tidy(Keep(runs=1), 1000.0)
        assert log.is_untidy

    def test_in_the_active_segment_makes_the_log_unusable(self, make, bad, path):
        make().append(run("a", "1", 1.0))
        bad.add("runs.jsonl")
        with pytest.raises(LogUnusable, match="Input/output error"):
            make().open()


def test_a_file_is_read_through_to_its_end(path, monkeypatch):
    path.write_bytes(bytes(3 << 20))
    mending.read_through(path)
    with pytest.raises(OSError, match="Is a directory"):
        mending.read_through(path.parent)
