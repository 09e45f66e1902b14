"""The file behind the run log: what was appended is there, whatever happened to the process, the disk or the file."""

import errno
import fcntl
import logging
import os
import shutil
import signal
import stat
import subprocess
import sys
import threading
import time
from contextlib import ExitStack
from pathlib import Path

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.errors import LogLocked, LogUnusable
from commands import python
from runtime.runlog import active, file_log, locks
from runtime.runlog.file_log import FileLog
from runtime.runlog.lines import complete_lines, decode, encode, is_whole
from runtime.runlog.locks import holder_of, lock_path
from runtime.runlog.retention import FOREVER, Keep
from runtime.runlog.table import open_table

A = {"task_name": "a", "created": 1.5}
B = {"task_name": "b", "created": 2.5}
C = {"task_name": "c", "created": 3.5}
HOLDER = """
import sys, time
from pathlib import Path
from runtime.runlog import active, locks
from runtime.runlog.file_log import FileLog
FileLog(Path(sys.argv[1])).open()
print("open", flush=True)
sys.stdin.read()
"""

FORKING = """
import os, time
from pathlib import Path
from runtime.runlog import active, locks
from runtime.runlog.file_log import FileLog
log = FileLog(Path("{path}"))
log.open()
if (child := os.fork()) == 0:
    time.sleep(60)
print(child, flush=True)
time.sleep(60)
"""

WRITING_CHILD = """
import os
from pathlib import Path
from actors.errors import LogLocked
from runtime.runlog.file_log import FileLog
log = FileLog(Path("{path}"))
log.open()
log.append(dict(number=1))
if (child := os.fork()) == 0:
    for write in (lambda: log.append(dict(number=2)), lambda: log.rewrite([])):
        try:
            write()
        except LogLocked:
            continue
        os._exit(1)
    os._exit(0)
assert os.waitpid(child, 0)[1] == 0
log.append(dict(number=3))
log.close()
print([document["number"] for document in log.documents()])
"""

texts = st.text(st.characters(exclude_categories=["Cs"]))
documents = st.dictionaries(
    texts,
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False, allow_infinity=False) | texts,
    max_size=5,
)


class TestLines:
    @given(documents)
    def test_a_line_is_read_as_what_was_written(self, document):
        assert decode(encode(document)) == document

    @given(documents)
    def test_a_document_is_one_line(self, document):
        line = encode(document)
        assert line.endswith(b"\n")
        assert list(complete_lines(line + line)) == [line, line]

    @given(documents, st.data())
    def test_any_flipped_bit_is_noticed(self, document, data):
        line = bytearray(encode(document))
        bit = data.draw(st.integers(0, 8 * len(line) - 1))
        line[bit // 8] ^= 1 << bit % 8
        assert decode(bytes(line)) is None

    def test_each_flipped_bit_of_a_record_is_noticed(self):
        line = encode(A)
        for bit in range(8 * len(line)):
            damaged = bytearray(line)
            damaged[bit // 8] ^= 1 << bit % 8
            assert decode(bytes(damaged)) is None

    @given(documents, st.data())
    def test_a_line_that_was_cut_is_noticed(self, document, data):
        line = encode(document)
        assert decode(line[: data.draw(st.integers(0, len(line) - 1))]) is None

    def test_a_line_is_json_that_any_program_reads(self):
        line = encode(A)
        assert {**orjson.loads(line), "crc": None} == {**A, "crc": None}

    def test_the_checksum_is_the_last_column(self):
        assert list(orjson.loads(encode(A))) == ["task_name", "created", "crc"]

    def test_a_column_called_like_the_checksum_is_kept(self):
        assert decode(encode({"crc": "mine"})) == {"crc": "mine"}

    def test_what_is_no_object_is_not_a_document(self):
        line = encode({"": 0})
        assert decode(line.replace(b'{"":0', b"[0")) is None

    def test_text_that_is_not_unicode_is_kept_readable(self):
        assert decode(encode({"reason": "bad \udcff byte", "start": 1.5})) == {"reason": "bad \\udcff byte", "start": 1.5}

    def test_a_line_without_its_newline_is_not_complete(self):
        assert list(complete_lines(b"one\ntwo\nthr")) == [b"one\n", b"two\n"]


@pytest.fixture
def path(tmp_path):
    return tmp_path / "runs.jsonl"


@pytest.fixture
def make(path):
    """Make logs of one file; they are closed after the test."""
    made = []

    def log():
        made.append(FileLog(path))
        return made[-1]

    yield log
    for one in made:
        one.close()


@pytest.fixture
def log(make):
    log = make()
    log.open()
    return log


def written(path, *documents):
    """Write a log of these documents, and return its bytes."""
    log = FileLog(path)
    log.open()
    for document in documents:
        log.append(document)
    log.close()
    return path.read_bytes()


class TestFile:
    def test_it_begins_with_a_header(self, path):
        header = decode(written(path))
        assert (header["callsheet"], header["version"]) == ("run log", 1)

    def test_a_document_is_one_line_after_the_header(self, path):
        data = written(path, A, B)
        assert [decode(line) for line in data.splitlines(keepends=True)][1:] == [A, B]

    def test_opening_adds_nothing_to_a_file_that_is_there(self, path):
        data = written(path, A)
        assert written(path) == data

    def test_appending_goes_on_where_it_ended(self, path, make):
        written(path, A)
        written(path, B)
        assert list(make().documents()) == [A, B]

    def test_folders_on_the_way_are_made(self, tmp_path):
        path = tmp_path / "new" / "folder" / "runs.jsonl"
        written(path, A)
        assert list(FileLog(path).documents()) == [A]

    def test_a_document_is_in_the_file_when_append_returns(self, log, path):
        log.append(A)
        assert decode(path.read_bytes().splitlines(keepends=True)[-1]) == A

    def test_reading_needs_no_file(self, make, path):
        assert list(make().documents()) == []
        assert not path.exists()

    def test_reading_goes_on_while_another_writes(self, log, make):
        reader = make()
        assert list(reader.documents()) == []
        log.append(A)
        assert list(reader.documents()) == [A]
        log.append(B)
        assert list(reader.documents()) == [A, B]

    def test_a_reader_does_not_see_half_a_line(self, log, make, path):
        log.append(A)
        with path.open("ab") as file:
            file.write(encode(B)[:-1])
        assert list(make().documents()) == [A]

    def test_closing_twice_is_closing_once(self, log):
        log.close()
        log.close()
        assert list(log.documents()) == []

    def test_what_is_appended_while_nobody_has_it_open_is_appended(self, log, make):
        log.append(A)
        log.close()
        log.append(B)
        other = make()
        other.open()
        assert list(other.documents()) == [A, B]

    def test_nothing_is_appended_while_somebody_else_has_it_open(self, log, make):
        with pytest.raises(LogLocked):
            make().append(A)


class TestTornLastLine:
    def test_it_is_dropped_and_every_earlier_record_kept_wherever_it_was_torn(self, path, make, caplog):
        whole = written(path, A, B, C)
        lines = whole.splitlines(keepends=True)
        for length in range(len(lines[0]), len(whole)):
            path.write_bytes(whole[:length])
            caplog.clear()
            log = make()
            log.open()
            complete = whole[:length].count(b"\n")
            kept = b"".join(lines[:complete])
            assert path.read_bytes() == kept
            assert list(log.documents()) == [A, B, C][: complete - 1]
            torn = length - len(kept)
            expected = [f"run log {path}: dropped a torn last line of {torn} bytes"] if torn else []
            assert [record.getMessage() for record in caplog.records] == expected
            log.append(C)
            assert list(log.documents()) == [*[A, B, C][: complete - 1], C]
            log.close()

    def test_a_torn_header_is_dropped_too(self, path, make):
        whole = written(path)
        for length in range(1, len(whole)):
            path.write_bytes(whole[:length])
            log = make()
            log.open()
            log.append(A)
            assert list(log.documents()) == [A]
            log.close()


def copies(path):
    return sorted(path.parent.glob(f"{path.name}.corrupt-*"))


class TestDamage:
    @pytest.fixture
    def damaged(self, path):
        data = written(path, A, B, C).replace(b'"b"', b'"x"')
        path.write_bytes(data)
        return data

    def test_a_reader_passes_over_a_damaged_line_with_a_notice(self, path, make, caplog, damaged):
        assert list(make().documents()) == [A, C]
        assert [record.getMessage() for record in caplog.records] == [f"run log {path}: passed over 1 damaged line"]

    def test_a_reader_changes_nothing(self, path, make, damaged):
        list(make().documents())
        assert path.read_bytes() == damaged
        assert copies(path) == []

    def test_the_writer_keeps_the_rest_and_a_copy_of_the_whole(self, path, make, damaged):
        log = make()
        log.open()
        log.append(B)
        assert list(log.documents()) == [A, C, B]
        (copy,) = copies(path)
        assert copy.read_bytes() == damaged

    def test_it_is_a_problem_that_names_the_copy(self, path, make, damaged):
        log = make()
        log.open()
        (copy,) = copies(path)
        told = f"{path} had 1 damaged line, which was left out; the file as it was is {copy}"
        assert log.problems() == (f"run log: {told}",)

    def test_it_is_copied_once(self, path, make, damaged):
        for _ in range(3):
            log = make()
            log.open()
            log.close()
        assert len(copies(path)) == 1
        assert log.problems() == ()

    def test_lines_without_a_header_are_a_log_that_gets_one(self, path, make):
        path.write_bytes(encode(A) + encode(B))
        assert list(make().documents()) == [A, B]
        log = make()
        log.open()
        log.append(C)
        (copy,) = copies(path)
        assert log.problems() == (f"run log: {path} had no header, which was written anew; the file as it was is {copy}",)
        assert list(make().documents()) == [A, B, C]

    def test_a_second_damage_in_the_same_second_has_a_copy_of_its_own(self, path, make, damaged):
        for _ in range(2):
            log = make()
            log.open()
            log.close()
            path.write_bytes(path.read_bytes().replace(b'"c"', b'"x"'))
        make().open()
        assert len(copies(path)) == 2

    def test_a_log_that_cannot_be_copied_is_left_as_it_is(self, path, make, damaged, monkeypatch):
        def fail(*_args, **_kwargs):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        monkeypatch.setattr(shutil, "copy2", fail)
        with pytest.raises(LogUnusable, match="No space left"):
            make().open()
        assert path.read_bytes() == damaged

    def test_each_flipped_bit_costs_no_more_than_two_lines(self, path, make):
        whole = written(path, A, B, C)
        begin = len(whole.splitlines(keepends=True)[0])
        for bit in range(8 * len(whole)):
            damaged = bytearray(whole)
            damaged[bit // 8] ^= 1 << bit % 8
            path.write_bytes(damaged)
            read = list(make().documents())
            joined = whole[bit // 8 : bit // 8 + 1] == b"\n"  # a line that lost its end is one with the next
            assert (read != [A, B, C]) == (bit >= 8 * begin or joined)
            assert len(read) >= (1 if joined else 2)
            assert all(document in (A, B, C) for document in read)

    def test_after_any_flipped_bit_the_writer_goes_on_with_the_rest(self, path, make):
        whole = written(path, A, B, C)
        for bit in range(0, 8 * len(whole), 7):
            damaged = bytearray(whole)
            damaged[bit // 8] ^= 1 << bit % 8
            path.write_bytes(damaged)
            before = list(make().documents())
            log = make()
            log.open()
            log.append(C)
            assert list(log.documents()) == [*before, C]
            log.close()
            assert all(map(is_whole, path.read_bytes().splitlines(keepends=True)))

    def test_a_line_of_something_else_is_passed_over(self, path, make):
        written(path, A)
        with path.open("ab") as file:
            file.write(b"\n# a note of mine\n")
        written(path, B)
        assert list(make().documents()) == [A, B]


def newer():
    return encode({"callsheet": "run log", "version": 2, "created": 1.5}) + encode(A)


FOREIGN = {
    "an empty file": b"",
    "text": b"Dear diary,\ntoday nothing ran.\n",
    "one line without an end": b"Dear diary",
    "binary": bytes(range(256)) * 4,
    "JSON lines": b'{"created":1.5,"task_name":"a"}\n',
    "an empty line": b"\n",
    "a newer version": newer(),
}


class TestUnusable:
    @pytest.mark.parametrize("content", FOREIGN.values(), ids=FOREIGN)
    @pytest.mark.parametrize("use", [FileLog.open, lambda log: list(log.documents())])
    def test_a_file_of_something_else_is_refused_and_left_as_it_is(self, make, path, content, use):
        path.write_bytes(content)
        before = path.stat()
        with pytest.raises(LogUnusable):
            use(make())
        after = path.stat()
        assert path.read_bytes() == content
        assert (after.st_mtime_ns, after.st_ino) == (before.st_mtime_ns, before.st_ino)

    def test_a_file_of_something_else_is_named(self, make, path):
        path.write_bytes(FOREIGN["text"])
        with pytest.raises(LogUnusable) as caught:
            make().open()
        assert str(caught.value) == (
            f"cannot use {path} as a run log: it has something else in it, not a Callsheet run log. "
            "Nothing was changed; name another file with log='...'"
        )

    def test_a_newer_version_is_named(self, make, path):
        path.write_bytes(newer())
        with pytest.raises(
            LogUnusable, match=r"written by a newer Callsheet \(format 2; this one reads 1\): use that one, or a new log"
        ):
            make().open()

    @pytest.mark.parametrize("use", [FileLog.open, lambda log: list(log.documents())])
    def test_a_folder_is_refused(self, make, path, use):
        path.mkdir()
        with pytest.raises(LogUnusable, match="it is a folder"):
            use(make())
        assert list(path.iterdir()) == []

    def test_a_folder_that_is_a_file_is_refused(self, tmp_path):
        (tmp_path / "file").write_bytes(b"mine")
        with pytest.raises(LogUnusable):
            FileLog(tmp_path / "file" / "runs.jsonl").open()
        assert (tmp_path / "file").read_bytes() == b"mine"

    @pytest.mark.parametrize("use", [FileLog.open, lambda log: list(log.documents())])
    def test_a_file_that_may_not_be_read_is_refused(self, make, path, use, monkeypatch):
        """As root anything may be read, so the system call says no in its place."""
        written(path, A)

        def refuse(*_args, **_kwargs):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

        monkeypatch.setattr(Path, "open", refuse)
        with pytest.raises(LogUnusable, match="Permission denied"):
            use(make())

    def test_a_refused_file_is_free_for_others(self, make, path):
        path.write_bytes(FOREIGN["text"])
        with pytest.raises(LogUnusable):
            make().open()
        with path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


class TestLock:
    def test_a_second_opener_is_refused(self, log, make, path):
        log.append(A)
        with pytest.raises(LogLocked) as caught:
            make().open()
        assert caught.value.path == str(path)
        assert list(log.documents()) == [A]

    def test_the_holder_is_named(self, log, make):
        with pytest.raises(LogLocked, match=rf"another runtime of this process \(pid {os.getpid()}\)"):
            make().open()

    def test_a_holder_in_another_process_is_named(self, make, path):
        with subprocess.Popen(
            [sys.executable, "-c", HOLDER, str(path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])},
        ) as other:
            assert other.stdout.readline() == "open\n"
            with pytest.raises(LogLocked, match=f"in use by process {other.pid}, which opened it"):
                make().open()
            other.kill()
        make().open()

    def test_who_was_refused_still_reads(self, log, make):
        log.append(A)
        other = make()
        with pytest.raises(LogLocked):
            other.open()
        assert list(other.documents()) == [A]

    def test_it_is_gone_after_close(self, log, make):
        log.close()
        make().open()

    def test_it_is_not_taken_by_reading(self, make):
        list(make().documents())
        make().open()

    def test_it_is_taken_while_somebody_only_asks_who_holds_it(self, log, make, path, monkeypatch):
        lock = path.with_name("runs.jsonl.lock")
        log.close()
        with lock.open("rb") as asking:
            fcntl.flock(asking, fcntl.LOCK_SH)
            monkeypatch.setattr(locks, "sleep", lambda _: fcntl.flock(asking, fcntl.LOCK_UN))
            make().open()

    def test_who_asks_is_told_the_holder(self, log, path):
        lock = path.with_name("runs.jsonl.lock")
        assert holder_of(lock).startswith(f"another runtime of this process (pid {os.getpid()}), which opened it ")
        log.close()
        assert holder_of(lock) is None

    def test_who_may_only_read_is_told_too(self, log, path, monkeypatch):
        real = os.open

        def refuse(path, flags, *args):
            if flags & (os.O_RDWR | os.O_WRONLY):
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
            return real(path, flags, *args)

        monkeypatch.setattr(os, "open", refuse)
        assert holder_of(path.with_name("runs.jsonl.lock")) is not None

    @pytest.mark.parametrize("number", [errno.ENOLCK, errno.ENOTSUP])
    def test_where_there_are_no_locks_who_would_write_is_refused_and_who_asks_hears_of_nobody(
        self, number, log, make, path, monkeypatch
    ):
        def refuse(*_):
            raise OSError(number, os.strerror(number))

        log.append(A)
        log.close()
        monkeypatch.setattr(fcntl, "flock", refuse)
        with pytest.raises(LogUnusable, match=rf"has no locks \({os.strerror(number)}\).*put it on a local disk"):
            make().open()
        assert holder_of(path.with_name("runs.jsonl.lock")) is None
        assert list(make().documents()) == [A]

    def test_a_link_to_a_log_is_that_log(self, log, path, tmp_path):
        (tmp_path / "elsewhere").mkdir()
        link = tmp_path / "elsewhere" / "link.jsonl"
        link.symlink_to(path)
        with pytest.raises(LogLocked):
            FileLog(link).open()

    def test_a_child_that_was_forked_does_not_hold_it(self, path):
        code = FORKING.format(path=path)
        with subprocess.Popen(
            [sys.executable, "-c", code],
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])},
        ) as parent:
            child = int(parent.stdout.readline())
            parent.kill()
            parent.wait()
            try:
                log = FileLog(path)
                log.open()
                log.close()
            finally:
                os.kill(child, signal.SIGKILL)

    def test_a_child_that_was_forked_does_not_write(self, path):
        """Not into the file of its parent, nor anything in its place."""
        done = python("-c", WRITING_CHILD.format(path=path))
        assert done.stdout == "[1, 3]\n", done.stderr


class TestASyncThatFails:
    """The system may have let go of what it could not write, and say of the next sync that all is well."""

    @pytest.fixture
    def log(self, log, monkeypatch):
        log.append(A)
        log.seal()
        log.append(B)
        errors, real = [OSError(errno.EIO, "the disk is broken")], os.fsync

        def fsync(fd):
            if errors:
                raise errors.pop()
            real(fd)

        monkeypatch.setattr(os, "fsync", fsync)
        with pytest.raises(OSError, match="the disk is broken"):
            log.sync()
        return log

    def test_no_other_says_that_all_is_well(self, log):
        log.append(C)
        with pytest.raises(OSError, match="the disk is broken"):
            log.sync()

    def test_what_it_was_for_is_written_anew_and_then_all_is_well(self, log, path):
        log.append(C)
        assert log.is_untidy
        with ExitStack() as open_files:  # so that no other file can get their inodes
            before = [open_files.enter_context(file.open("rb")) for file in path.parent.glob("runs*.jsonl")]
            log.tidy(FOREVER, 0.0)
            log.sync()
            after = {file.stat().st_ino for file in path.parent.glob("runs*.jsonl")}
            assert not after & {os.fstat(file.fileno()).st_ino for file in before}
        assert list(log.documents()) == [A, B, C]

    def test_while_that_cannot_be_done_it_is_to_be_tried_again(self, log, monkeypatch):
        def fsync(_):
            raise OSError(errno.EIO, "still broken")

        with monkeypatch.context() as broken:
            broken.setattr(os, "fsync", fsync)
            with pytest.raises(OSError, match="still broken"):
                log.tidy(FOREVER, 0.0)
        assert log.is_untidy
        with pytest.raises(OSError, match="broken"):
            log.sync()
        log.tidy(FOREVER, 0.0)
        log.sync()

    def test_to_write_all_of_it_anew_will_do(self, log):
        log.rewrite([B])
        log.sync()
        assert list(log.documents()) == [B]


class TestSomebodyElse:
    @pytest.fixture
    def log(self, log, monkeypatch):
        monkeypatch.setattr(active, "LOOK_EVERY", 0.0)
        log.append(A)
        return log

    def test_has_removed_the_file_and_what_comes_then_is_in_a_new_one(self, log, path, make):
        path.unlink()
        log.append(B)
        assert list(make().documents()) == [B]
        assert "was removed or replaced by somebody else" in log.problems()[0]

    def test_has_cut_the_file_and_what_comes_then_is_kept(self, log, path, make):
        with path.open("r+b") as file:
            file.truncate()
        log.append(B)
        log.append(C)
        assert list(make().documents()) == [B, C]
        assert "was cut by somebody else" in log.problems()[0]
        log.close()
        make().open()

    def test_has_put_something_else_in_its_place_which_is_moved_aside(self, log, path, make):
        path.unlink()
        path.write_text("Dear diary")
        log.append(B)
        (aside,) = copies(path)
        assert aside.read_text() == "Dear diary"
        assert list(make().documents()) == [B]

    def test_has_put_something_else_in_its_place_which_is_not_sealed(self, log, path, make):
        path.unlink()
        path.write_text("Dear diary")
        log.seal()
        log.append(B)
        assert [aside.read_text() for aside in copies(path)] == ["Dear diary"]
        assert list(make().documents()) == [B]

    def test_has_removed_the_folder_and_what_comes_then_is_in_a_new_one(self, log, path, make):
        shutil.rmtree(path.parent)
        log.append(B)
        assert list(make().documents()) == [B]
        with pytest.raises(LogLocked):
            make().open()
        assert len(log.problems()) == 1

    def test_has_removed_the_folder_and_put_a_file_in_its_place_so_that_nothing_is_written(self, log, path):
        """Until it can be: what is written to a file that is gone would be lost without a word."""
        shutil.rmtree(path.parent)
        path.parent.write_text("Dear diary")
        for _ in range(2):
            with pytest.raises(OSError, match="File exists"):
                log.append(B)
        path.parent.unlink()
        log.append(C)
        assert list(FileLog(path).documents()) == [C]

    def test_has_removed_the_lock_and_it_is_taken_anew(self, log, path, make):
        lock_path(path).unlink()
        log.append(B)
        with pytest.raises(LogLocked):
            make().open()
        assert log.problems() == ()

    def test_has_removed_the_lock_and_writes_the_log_so_that_this_one_does_not(self, log, path, make):
        lock_path(path).unlink()
        other = make()
        other.open()
        with pytest.raises(OSError, match=f"it is in use by .*{os.getpid()}"):
            log.append(B)
        other.append(C)
        other.close()
        log.append(B)
        assert list(make().documents()) == [A, C, B]
        assert not copies(path)

    def test_has_set_the_clock_back_and_a_file_that_was_removed_is_missed_all_the_same(self, log, path, make, monkeypatch):
        monkeypatch.setattr(active, "LOOK_EVERY", 10.0)
        log.append(B)
        path.unlink()
        for module in (active, file_log):
            monkeypatch.setattr(module, "time", lambda: time.time() - 86400.0)
        log.append(C)
        assert list(make().documents()) == [C]

    def test_has_done_nothing_and_nothing_is_told(self, log):
        log.append(B)
        assert log.problems() == ()


class TestRewrite:
    def test_the_documents_take_the_place_of_those_that_were_there(self, log):
        log.append(A)
        log.append(B)
        log.rewrite([C, A])
        assert list(log.documents()) == [C, A]

    def test_appending_goes_on_in_the_new_file(self, log, make):
        log.append(A)
        log.rewrite([B])
        log.append(C)
        assert list(make().documents()) == [B, C]

    def test_the_lock_is_kept(self, log, make):
        log.rewrite([A])
        with pytest.raises(LogLocked):
            make().open()
        log.close()
        make().open()

    def test_a_log_that_was_not_open_is_not_afterwards(self, make, path):
        written(path, A)
        make().rewrite([B])
        other = make()
        other.open()
        assert list(other.documents()) == [B]

    def test_a_reader_sees_the_old_file_or_the_new_one(self, log, make, monkeypatch):
        log.append(A)
        seen = []
        monkeypatch.setattr(os, "fsync", lambda _: seen.append(list(make().documents())))
        log.rewrite([B])
        assert seen == [[A], [B]]

    def test_one_that_fails_changes_nothing(self, log, path, monkeypatch):
        log.append(A)
        before = path.read_bytes()

        def fail(_):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        with monkeypatch.context() as patch:
            patch.setattr(os, "fsync", fail)
            with pytest.raises(OSError, match="No space left"):
                log.rewrite([B])
        assert path.read_bytes() == before
        assert list(path.parent.glob("*.new")) == []
        log.append(B)
        assert list(log.documents()) == [A, B]

    def test_one_whose_name_cannot_be_replaced_changes_nothing(self, log, path, monkeypatch):
        log.append(A)
        before = len(list(Path("/proc/self/fd").iterdir()))

        def fail(*_):
            raise OSError(errno.EACCES, os.strerror(errno.EACCES))

        with monkeypatch.context() as patch:
            patch.setattr(os, "replace", fail)
            with pytest.raises(OSError, match="Permission denied"):
                log.rewrite([B])
        assert list(path.parent.glob("*.new")) == []
        assert len(list(Path("/proc/self/fd").iterdir())) == before
        log.append(B)
        assert list(log.documents()) == [A, B]

    def test_where_only_the_folder_cannot_be_synced_it_goes_on_in_the_new_file(self, log, monkeypatch):
        log.append(A)
        real = os.fsync

        def fail_for_folders(fd):
            if stat.S_ISDIR(os.fstat(fd).st_mode):
                raise OSError(errno.EIO, os.strerror(errno.EIO))
            real(fd)

        monkeypatch.setattr(os, "fsync", fail_for_folders)
        log.rewrite([B])
        log.append(C)
        assert list(log.documents()) == [B, C]

    def test_where_an_old_segment_cannot_be_deleted_it_does_not_count(self, path, monkeypatch):
        log = FileLog(path, segment_size=250)
        log.open()
        for document in (A, B, C) * 3:
            log.append(document)

        def fail(*_):
            raise OSError(errno.EIO, os.strerror(errno.EIO))

        with monkeypatch.context() as patch:
            patch.setattr(os, "unlink", fail)
            log.rewrite([C])
        log.append(A)
        assert list(log.documents()) == [C, A]
        log.close()
        log.open()
        assert list(log.documents()) == [C, A]
        assert not list(path.parent.glob("runs-*"))
        log.close()

    def test_a_document_that_cannot_be_written_changes_nothing(self, log, path):
        log.append(A)
        before = path.read_bytes()
        with pytest.raises(TypeError):
            log.rewrite([B, {"task_name": object()}])
        assert path.read_bytes() == before
        assert list(path.parent.glob("*.new")) == []

    def test_nothing_is_rewritten_while_another_writes(self, log, make):
        """The other would go on appending to a file that is no longer there."""
        log.append(A)
        with pytest.raises(LogLocked):
            make().rewrite([B])
        log.append(C)
        assert list(make().documents()) == [A, C]


class TestFullDisk:
    @pytest.fixture
    def half_written(self, monkeypatch):
        """Have the system write only half of what it is given."""
        real = os.write
        monkeypatch.setattr(os, "write", lambda fd, data: real(fd, data[: len(data) // 2]))

    def test_half_a_line_is_cut_back(self, log, path, half_written):
        before = path.read_bytes()
        with pytest.raises(OSError, match=rf"only \d+ of {len(encode(A))} bytes could be written: '{path}'"):
            log.append(A)
        assert path.read_bytes() == before

    def test_what_is_written_after_half_a_line_is_whole(self, log, monkeypatch):
        log.append(A)
        real = os.write
        with monkeypatch.context() as patch:
            patch.setattr(os, "write", lambda fd, data: real(fd, data[:-1]))
            with pytest.raises(OSError):
                log.append(B)
        log.append(C)
        assert list(log.documents()) == [A, C]

    def test_half_a_line_that_cannot_be_cut_off_is_cut_off_before_the_next_one(self, log, path, monkeypatch):
        log.append(A)
        real = os.write

        def fail(*_):
            raise OSError(errno.EIO, os.strerror(errno.EIO))

        with monkeypatch.context() as patch:
            patch.setattr(os, "write", lambda fd, data: real(fd, data[:-1]))
            patch.setattr(os, "ftruncate", fail)
            for _ in range(2):
                with pytest.raises(OSError):
                    log.append(B)
        assert list(log.documents()) == [A]
        log.append(C)
        assert list(log.documents()) == [A, C]
        assert all(map(is_whole, path.read_bytes().splitlines(keepends=True)))

    def test_what_was_written_half_before_an_error_is_cut_off(self, log, path, monkeypatch):
        log.append(A)
        real = os.write

        def tear(fd, data):
            real(fd, data[:9])
            raise OSError(errno.EIO, os.strerror(errno.EIO))

        with monkeypatch.context() as patch:
            patch.setattr(os, "write", tear)
            with pytest.raises(OSError):
                log.append(B)
        log.append(C)
        assert list(log.documents()) == [A, C]
        assert all(map(is_whole, path.read_bytes().splitlines(keepends=True)))

    def test_after_a_rewrite_half_a_line_is_cut_back_to_the_new_size(self, log, monkeypatch):
        log.append(A)
        log.append(B)
        log.rewrite([C])
        real = os.write
        with monkeypatch.context() as patch:
            patch.setattr(os, "write", lambda fd, data: real(fd, data[:5]))
            with pytest.raises(OSError):
                log.append(A)
        assert list(log.documents()) == [C]

    def test_a_log_whose_header_cannot_be_written_is_not_open(self, make, path, monkeypatch):
        def fail(_):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        log = make()
        with monkeypatch.context() as patch:
            patch.setattr(os, "fsync", fail)
            with pytest.raises(LogUnusable, match="No space left"):
                log.open()
        assert not path.exists()
        other = make()
        other.open()
        other.append(A)
        assert list(other.documents()) == [A]


def test_notices_go_to_the_runtimes_logger(path, make, caplog):
    caplog.set_level(logging.WARNING)
    path.write_bytes(written(path, A)[:-3])
    make().open()
    assert [record.name for record in caplog.records] == ["callsheet.runtime"]


class TestOtherThreads:
    def test_changing_old_records_in_another_thread_loses_none_that_is_appended_meanwhile(self, tmp_path):
        log = FileLog(tmp_path / "runs.jsonl")
        log.open()
        table = open_table(log)
        enough = threading.Event()

        def change():
            while not enough.is_set():
                table.update({"reason": "changed"})

        changer = threading.Thread(target=change)
        changer.start()
        for number in range(200):
            log.append({"number": number})
        enough.set()
        changer.join()
        assert [document["number"] for document in list(log.documents())] == list(range(200))
        log.close()

    def test_a_log_that_is_closed_while_it_is_tidied_up_keeps_no_reserve(self, tmp_path, monkeypatch):
        """The thread that tidies comes to its end only after that."""
        log = FileLog(tmp_path / "runs.jsonl", segment_size=1)
        log.open()
        for number in range(3):
            log.append({"number": number})
        sweeping, closed = threading.Event(), threading.Event()
        monkeypatch.setattr("runtime.runlog.file_log.sweep", lambda *_: sweeping.set() or closed.wait(5))
        tidying = threading.Thread(target=log.tidy, args=(Keep(runs=1), 0.0))
        tidying.start()
        assert sweeping.wait(5)
        log.close()
        closed.set()
        tidying.join()
        assert not (tmp_path / "runs.jsonl.reserve").exists()

    def test_a_thread_that_comes_to_tidy_up_when_the_log_was_closed_touches_nothing(self, tmp_path):
        """It may be another process's by then."""
        log = FileLog(tmp_path / "runs.jsonl", segment_size=1)
        log.open()
        for number in range(3):
            log.append({"number": number})
        log.close()
        before = {path.name: path.stat().st_ino for path in tmp_path.iterdir()}
        log.tidy(Keep(runs=1), 0.0)
        assert {path.name: path.stat().st_ino for path in tmp_path.iterdir()} == before
        log.open()
        log.tidy(Keep(runs=1), 0.0)
        assert (tmp_path / "runs.jsonl.state").exists()
        log.close()

    def test_opening_it_twice_in_one_process_leaves_the_first_as_it_was(self, tmp_path):
        log = FileLog(tmp_path / "runs.jsonl")
        log.open()
        with pytest.raises(LogLocked, match="another runtime of this process"):
            log.open()
        log.append({"number": 1})
        assert list(log.documents()) == [{"number": 1}]
        log.close()
