"""What is kept of the output of runs on disk: in which files, how much, readable at any time, and deleted with their runs."""

import errno
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from threading import BoundedSemaphore

import pytest
from hypothesis import given
from hypothesis import strategies as st

from commands import ROOT
from runtime.output.file import OutputFile
from runtime.output.last_lines import LINES_KEPT, LONGEST_LINE, LastLines
from runtime.output.paths import NAME_FILE, output_file, output_folder, safe, start_of, task_of
from runtime.output.reader import Follower, last_lines, pieces, text_of
from runtime.output.run_output import HELD_OPEN, Outputs, RunOutput
from runtime.output.shape import LIMITS, Limits, mark, shaped
from runtime.output.sweep import sweep

LOG = Path("runs.jsonl")
SMALL = Limits(head=100, tail=300)
NAMES = st.text(min_size=1, max_size=300) | st.sampled_from(
    ["a", "A", "..", ".", "a/b", "a%2Fb", "~", "é", "a" * 500, "\ud800", "a\0b"]
)
STARTS = st.floats(allow_nan=False, allow_infinity=False)


def run_output(task="it", start=1.5, run_id="1", limits=SMALL):
    return RunOutput(Outputs(LOG.absolute(), limits), task, start, run_id)


def the_file(task="it", start=1.5, run_id="1"):
    return output_file(LOG.absolute(), task, start, run_id)


def written(*texts, limits=SMALL):
    """Write texts as the output of a run that goes on."""
    output = run_output(limits=limits)
    for text in texts:
        output.write(text)
    return output


def lines(count, first=0):
    return "".join(f"line {number}\n" for number in range(first, first + count))


def open_files():
    return len([*Path("/proc/self/fd").iterdir()])


def on_disk():
    return sum(path.stat().st_size for path in the_file().parent.iterdir())


class TestPaths:
    def test_a_plain_name_is_there_as_it_is(self):
        path = output_file(Path("/logs/runs.jsonl"), "etl.fetch", 1764432000.1234567, "3f2a-1")
        assert path == Path("/logs/runs.jsonl.output/etl.fetch/1764432000.1234567-3f2a-1.log")

    @given(
        st.lists(st.tuples(NAMES, STARTS, NAMES), min_size=2, max_size=2, unique_by=lambda run: (run[0], run[1] + 0.0, run[2]))
    )
    def test_each_run_has_a_file_of_its_own_within_the_folder(self, runs):
        one, other = (output_file(Path("/logs/runs.jsonl"), *run) for run in runs)
        assert one != other
        for path in (one, other):
            assert path.parent.parent == output_folder(Path("/logs/runs.jsonl"))
            assert path.parent.name not in ("", ".", "..")
            assert max(len(os.fsencode(part)) for part in path.parts) < 230  # a part of it has a longer name

    @given(NAMES)
    def test_a_folder_says_whose_it_is_unless_the_name_is_too_long(self, name):
        folder = Path("nowhere") / safe(name)
        assert task_of(folder) == name or (len(folder.name) == 120 and task_of(folder) is None)

    @given(NAMES, STARTS, NAMES)
    def test_a_file_says_when_its_run_began(self, task, start, run_id):
        name = output_file(LOG, task, start, run_id).name
        assert [start_of(name), start_of(f"{name}.000000000400"), start_of(f"{name}.new")] == [start] * 3

    def test_what_is_none_of_ours_is_not_taken_for_it(self):
        assert [start_of(name) for name in ("notes.txt", "1.5.log", "a-b.log", "1.2.3-a.log", NAME_FILE)] == [None] * 5
        assert task_of(Path("größe")) is None

    @pytest.mark.parametrize(
        "name",
        ["2026-11-29-analysis.log", "1-notes.log", "01.5-a.log", "1.50-a.log", "1.5-my notes.log", "1.5-a.log.1", "1.5-é.log"],
    )
    def test_a_name_that_is_written_otherwise_is_not_one_of_ours(self, name):
        assert start_of(name) is None


class TestShape:
    def test_what_fits_is_left_as_it_is(self):
        assert shaped(b"ab", b"c" * 300, 0, SMALL) == b"ab" + b"c" * 300

    def test_what_does_not_is_cut_at_ends_of_lines(self):
        text = b"".join(b"%03d\n" % number for number in range(250))
        found = shaped(text[:98], text[98:], 0, SMALL)
        head, tail = text[:96], text[-296:]
        assert found == head + mark(len(text) - 96 - 296) + tail

    def test_a_line_without_a_near_end_is_cut_within(self):
        found = shaped(b"a" * 100, b"b" * 1000 + b"\n", 0, SMALL)
        assert found == b"a" * 100 + b"\n" + mark(701) + b"b" * 299 + b"\n"

    def test_no_character_is_cut_in_two(self):
        text = "é" * 400
        found = shaped(("x" + text).encode()[:100], text.encode()[1:], 5, SMALL).decode()
        assert set(found) <= set("xé" + mark(1234567890).decode())


class TestFiles:
    def test_a_run_that_writes_nothing_has_none(self):
        run_output().close()
        assert not output_folder(LOG).exists()

    def test_each_write_is_on_disk_at_once_and_nothing_else(self):
        output = run_output()
        output.write("one\n")
        assert the_file().read_text() == "one\n"
        output.write("two, and no end")
        assert the_file().read_text() == "one\ntwo, and no end"
        output.close()
        assert the_file().read_text() == "one\ntwo, and no end"

    def test_after_the_end_nothing_is_taken(self):
        output = written("one\n")
        output.close()
        output.close()
        output.write("late\n")
        assert (the_file().read_text(), output.last_lines) == ("one\n", "one")

    def test_it_begins_after_its_end_only_if_it_had_begun(self):
        output = run_output()
        output.close()
        output.write("late\n")
        assert not output_folder(LOG).exists()

    def test_of_very_much_the_head_and_the_tail_are_kept(self):
        output, text = run_output(limits=LIMITS), lines(200_000)
        for begin in range(0, len(text), 1000):
            output.write(text[begin : begin + 1000])
            assert begin % 100_000 or on_disk() <= LIMITS.head + 2 * LIMITS.tail
        output.close()
        (path,) = the_file().parent.iterdir()
        kept = path.read_text()
        head, tail = text[: 256 << 10], text[-(768 << 10) :]
        head, tail = head[: head.rindex("\n") + 1], tail[tail.index("\n") + 1 :]
        assert kept == head + f"… {len(text) - len(head) - len(tail)} bytes left out …\n" + tail

    @given(st.lists(st.text("ab\né", max_size=150), max_size=30))
    def test_however_it_was_written_it_is_the_same_and_bounded(self, texts):
        output, text = run_output(), "".join(texts)
        try:
            for number, piece in enumerate(texts):
                output.write(piece)
                so_far = "".join(texts[: number + 1]).encode()
                assert (text_of(the_file(), SMALL) or "") == shaped(so_far[:100], so_far[100:], 0, SMALL).decode()
                assert not so_far or on_disk() <= SMALL.head + 2 * SMALL.tail
            output.close()
            whole = text.encode()
            assert (the_file().read_bytes() if text else b"") == shaped(whole[:100], whole[100:], 0, SMALL)
        finally:
            output.close()
            for path in [*the_file().parent.iterdir()] if text else []:
                path.unlink()

    def test_one_write_of_very_much_writes_only_what_is_kept(self, monkeypatch):
        passed = []
        wrote = os.write
        monkeypatch.setattr(os, "write", lambda fd, data: passed.append(len(data)) or wrote(fd, data))
        output = run_output()
        output.write("x" * 1_000_000)
        output.close()
        assert sum(passed) <= SMALL.head + 2 * SMALL.tail
        assert the_file().read_bytes() == b"x" * 100 + b"\n" + mark(999_600) + b"x" * 300

    def test_what_is_no_valid_text_is_escaped(self):
        written("half a pair \ud800\n").close()
        assert the_file().read_text() == "half a pair \\ud800\n"

    def test_threads_may_write_at_the_same_time(self):
        output, text = run_output(limits=LIMITS), "a whole line\n"
        threads = [threading.Thread(target=lambda: [output.write(text) for _ in range(500)]) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        output.close()
        assert the_file().read_text() == text * 4000

    def test_more_than_a_few_hold_no_file_open(self):
        outputs = Outputs(LOG.absolute(), SMALL)
        runs = [RunOutput(outputs, "it", float(number), "1") for number in range(HELD_OPEN + 50)]
        before = open_files()
        for run in runs:
            run.write("one\n")
            run.write("x" * 500)
        assert open_files() - before <= HELD_OPEN
        for run in runs:
            run.close()
        assert open_files() == before
        assert all("one\n" in text_of(the_file(start=float(number)), SMALL) for number in range(len(runs)))

    def test_a_folder_that_is_removed_meanwhile_is_made_again(self):
        the_file().parent.mkdir(parents=True)
        the_file().parent.rmdir()
        written("one\n").close()
        assert the_file().read_text() == "one\n"

    def test_a_fork_of_the_process_writes_nothing(self):
        output = written("one\n")
        if (pid := os.fork()) == 0:
            output.write("of the child\n")
            os._exit(0)
        os.waitpid(pid, 0)
        output.close()
        assert the_file().read_text() == "one\n"

    def test_what_was_written_survives_a_kill_and_is_read_as_any(self):
        code = f"""
            import os, signal, sys
            sys.path.insert(0, {str(ROOT)!r})
            from pathlib import Path
            from runtime.output.run_output import Outputs, RunOutput
            from runtime.output.shape import Limits
            output = RunOutput(Outputs(Path("runs.jsonl").absolute(), Limits(100, 300)), "it", 1.5, "1")
            for number in range(100):
                output.write(f"line {{number}}\\n")
            os.kill(os.getpid(), signal.SIGKILL)
        """
        done = subprocess.run([sys.executable, "-c", "if True:" + code], check=False)
        assert done.returncode == -signal.SIGKILL
        text = lines(100).encode()
        assert text_of(the_file(), SMALL).encode() == shaped(text[:100], text[100:], 0, SMALL)
        assert last_lines(LOG.absolute(), {"task_name": "it", "start": 1.5, "run_id": "1"}, SMALL) == lines(20, 80).rstrip()


class Broken:
    """A disk that fails from a moment on."""

    def __init__(self, monkeypatch):
        self.works, self._patch = True, monkeypatch
        for name in ("open", "write"):
            self._break(name, getattr(os, name))

    def _break(self, name, works):
        def breaks(*args, **options):
            if not self.works:
                raise OSError(errno.ENOSPC, "No space left on device")
            return works(*args, **options)

        self._patch.setattr(f"runtime.output.file.os.{name}", breaks)


class TestADiskThatFails:
    @pytest.fixture
    def disk(self, monkeypatch):
        return Broken(monkeypatch)

    @pytest.mark.parametrize("before", ["", "one\n"])
    def test_it_raises_nothing_and_is_told_once(self, disk, caplog, before):
        output = written(before)
        disk.works = False
        for number in range(5):
            output.write(f"more {number}\n")
        output.close()
        told = "task 'it' run 1: its output cannot be written ([Errno 28] No space left on device), and is kept no further"
        assert caplog.messages == [told]
        assert output.last_lines.endswith("more 3\nmore 4")

    def test_half_a_write_is_a_failure(self, monkeypatch, caplog):
        wrote = os.write
        monkeypatch.setattr("runtime.output.file.os.write", lambda fd, data: wrote(fd, data[:2]))
        written("one\n").write("two\n")
        assert len(caplog.messages) == 1

    def test_a_place_where_no_folder_can_be_is_told_once(self, caplog):
        output_folder(LOG).write_text("a file")
        written("one\n", "two\n").close()
        assert len(caplog.messages) == 1

    def test_a_failure_at_the_end_leaves_what_can_be_read(self, monkeypatch, caplog):
        output = written(lines(100))
        monkeypatch.setattr(Path, "write_bytes", lambda path, data: (_ for _ in ()).throw(OSError(errno.ENOSPC, "full")))
        output.close()
        assert len(caplog.messages) == 1
        text = lines(100).encode()
        assert text_of(the_file(), SMALL).encode() == shaped(text[:100], text[100:], 0, SMALL)


class TestReading:
    def test_where_there_is_no_file_there_is_nothing(self):
        assert (text_of(the_file()), pieces(the_file()), Follower(the_file()).news()) == (None, [], "")
        assert last_lines(LOG, {"task_name": "it", "start": 1.5, "run_id": "1"}) is None

    @pytest.mark.parametrize("most", [1, 5, 50, 1000])
    def test_who_follows_gets_all_of_it_once(self, most):
        follower, output, text = Follower(the_file(), SMALL), run_output(), lines(60)
        assert len(text) > SMALL.head + SMALL.tail
        found = ""
        for begin in range(0, len(text), most):
            output.write(text[begin : begin + most])
            found += follower.news()
            if most <= SMALL.tail:
                assert found == text[: begin + most]
        output.close()
        found += follower.news()
        assert most > SMALL.tail or found == text

    def test_who_follows_too_slowly_is_told_how_much_was_left_out(self):
        follower, output, text = Follower(the_file(), SMALL), run_output(), lines(300)
        output.write(text[:50])
        assert follower.news() == text[:50]
        for begin in range(50, len(text), 10):
            output.write(text[begin : begin + 10])
        news = follower.news()
        assert news.startswith(text[50:100])
        left_out, tail = news[50:].split("bytes left out …\n")
        assert text.endswith(tail)
        assert int(left_out.strip("… ")) == len(text) - 100 - len(tail)
        output.close()

    def test_who_comes_too_late_for_the_last_words_gets_them_from_the_final_form(self):
        follower, output, text = Follower(the_file(), SMALL), run_output(), lines(300)
        output.write(text[:1000])
        first = follower.news()
        output.write(text[1000:])
        output.close()
        left_out, tail = follower.news().split("bytes left out …\n")
        assert text.endswith(tail)
        assert first.endswith(text[900:1000])
        assert int(left_out.strip("… ")) == len(text) - 1000 - len(tail)
        assert follower.news() == ""

    def test_a_character_that_is_half_written_is_waited_for(self):
        the_file().parent.mkdir(parents=True)
        follower = Follower(the_file())
        the_file().write_bytes("é".encode()[:1])
        first = follower.news()
        the_file().write_bytes("é".encode())
        assert (first, follower.news()) == ("", "é")

    def test_it_may_be_read_while_another_thread_writes_and_ends_it(self):
        output, text = run_output(), lines(3000)

        def write():
            for line in text.splitlines(keepends=True):
                output.write(line)
            output.close()

        thread = threading.Thread(target=write)
        thread.start()
        seen = set()
        while thread.is_alive():
            found = text_of(the_file(), SMALL)
            seen.add(found is not None and (text.startswith(found) or found.startswith(text[:96])))
        thread.join()
        assert seen <= {True, False}
        assert text_of(the_file(), SMALL).endswith(text[-290:])


class TestLastLines:
    @given(st.lists(st.text("ab\n", max_size=40)))
    def test_they_are_the_last_of_all_however_they_came(self, texts):
        found = LastLines()
        for text in texts:
            found.take(text)
        *whole, rest = "".join(texts).split("\n")
        expected = [*whole, rest] if rest else whole
        assert found.text() == ("\n".join(expected[-LINES_KEPT:]) or None)

    def test_a_line_without_end_takes_no_more_memory_than_many(self):
        found = LastLines()
        for _ in range(100):
            found.take("x" * LONGEST_LINE)
        assert len(found.text()) < (LINES_KEPT + 1) * (LONGEST_LINE + 1)

    def test_the_ends_of_lines_of_windows_are_none_of_them(self):
        found = LastLines()
        found.take("a\r\nb\r\n")
        assert found.text() == "a\nb"


class TestSweep:
    def files(self):
        folder = output_folder(LOG)
        return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()) if folder.exists() else []

    def test_what_is_let_go_is_deleted_with_its_parts_and_what_is_kept_stays(self):
        kept = {("a/b", 2.0), ("c", 1.0)}
        for task, start in [("a/b", 1.0), ("a/b", 2.0), ("c", 1.0), ("d", 1.0)]:
            output = RunOutput(Outputs(LOG.absolute(), SMALL), task, start, "x")
            for _ in range(10):
                output.write(lines(10))
            output._written._file.close()  # as if its process had been killed
        asked = []
        count = sweep(output_folder(LOG), lambda task, start: asked.append((task, start)) or (task, start) in kept)
        assert {name.rsplit(".log")[0] for name in self.files()} == {"a%2Fb/2.0-x", "c/1.0-x"}
        assert count == 6
        assert set(asked) == kept | {("a/b", 1.0), ("d", 1.0)}
        assert not (output_folder(LOG) / "d").exists()

    def test_a_task_whose_name_is_too_long_for_a_folder_is_known_all_the_same(self):
        name = "étude " * 100
        output = RunOutput(Outputs(LOG.absolute()), name, 1.0, "x")
        output.write("one\n")
        output.close()
        sweep(output_folder(LOG), lambda task, start: task == name)
        assert len(self.files()) == 2
        sweep(output_folder(LOG), lambda task, start: task != name)
        assert not output_folder(LOG).exists()

    def test_where_all_is_let_go_no_folder_is_left(self):
        written("one\n").close()
        assert sweep(output_folder(LOG), lambda task, start: False) == 1
        assert not output_folder(LOG).exists()

    def test_an_empty_folder_is_left_to_the_run_that_may_have_made_it(self):
        of_task = the_file().parent
        of_task.mkdir(parents=True)
        assert sweep(output_folder(LOG), lambda task, start: False) == 0
        assert of_task.exists()

    def test_where_there_is_nothing_nothing_happens(self):
        assert sweep(output_folder(LOG), lambda task, start: False) == 0

    def test_what_is_none_of_ours_is_left_alone(self):
        written("one\n").close()
        (the_file().parent / "notes.txt").write_text("mine")
        (output_folder(LOG) / "größe").mkdir()
        (output_folder(LOG) / "größe" / "1.5-1.log").write_text("mine")
        (output_folder(LOG) / "file").write_text("mine")
        sweep(output_folder(LOG), lambda task, start: False)
        assert self.files() == ["file", "größe/1.5-1.log", "it/notes.txt"]

    def test_a_run_may_begin_to_write_meanwhile(self):
        stop = threading.Event()
        latest = 0.0

        def sweeps():
            while not stop.is_set():
                sweep(output_folder(LOG), lambda task, start: start >= latest)

        thread = threading.Thread(target=sweeps)
        thread.start()
        try:
            for number in range(1, 300):
                latest = float(number)  # so the folder is about to be empty, and to be removed
                output = run_output(start=latest)
                output.write("one\n")
                output.close()
                assert the_file(start=latest).read_text() == "one\n"
        finally:
            stop.set()
            thread.join()


def test_a_file_that_is_not_used_holds_nothing():
    slots = BoundedSemaphore(1)
    file = OutputFile(the_file(), "it", slots, SMALL)
    file.finish()
    assert slots.acquire(blocking=False)
