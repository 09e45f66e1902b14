"""Several processes at one run log: one writes it, the others hear who, and whoever reads sees all up to some moment."""

import json
import os
import re
import signal
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest
from tinydb import where

from actors.errors import LogLocked
from commands import CLI, ROOT, write
from logged import amount_of, end, run, summary
from runtime.runlog.file_log import FileLog
from runtime.runlog.lines import is_whole
from runtime.runlog.repo import open_repo
from runtime.runlog.segments import sealed_files

ENV = {**os.environ, "PYTHONPATH": str(ROOT)}
RACER = """
import sys, time
from pathlib import Path
from actors.errors import LogLocked
from runtime.runlog.file_log import FileLog
log = FileLog(Path(sys.argv[1]))
print("ready", flush=True)
sys.stdin.readline()
try:
    log.open()
except LogLocked as exc:
    print("refused", exc.holder, flush=True)
else:
    log.append({"writer": sys.argv[2]})
    print("open", flush=True)
    sys.stdin.readline()
    log.close()
"""
WRITER = """
import sys
from itertools import count
from pathlib import Path
from runtime.runlog.file_log import FileLog
from runtime.runlog.retention import FOREVER
log = FileLog(Path(sys.argv[1]), segment_size=3000)
log.open()
for number in count():
    start = 10.0 * number
    begun = {"created": start, "task_name": "a", "run_id": str(number), "action": "run", "start": start, "due": start}
    log.append(begun)
    log.append({**begun, "created": start + 1, "action": "success", "end": start + 1, "runtime": 1.0})
    if number == 0:
        print("begun", flush=True)
    if number % 200 == 199:
        log.tidy(FOREVER, 0.0)
"""


@pytest.fixture
def path(tmp_path):
    return tmp_path / "log" / "runs.jsonl"


@pytest.fixture
def start(path):
    """Start processes, which are killed after the test."""
    with ExitStack() as stack:

        def started(code, *args):
            process = stack.enter_context(
                subprocess.Popen(
                    [sys.executable, "-c", code, str(path), *args],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    text=True,
                    env=ENV,
                )
            )
            stack.callback(process.kill)
            return process

        yield started


def say(process, words=""):
    process.stdin.write(f"{words}\n")
    process.stdin.flush()


def race(start, count):
    """Have so many processes open the log at once, and return the one that has it, and what the others were told."""
    racers = [start(RACER, str(number)) for number in range(count)]
    for racer in racers:
        assert racer.stdout.readline() == "ready\n"
    for racer in racers:
        say(racer)
    told = [racer.stdout.readline().strip() for racer in racers]
    (winner,) = [racer for racer, words in zip(racers, told, strict=True) if words == "open"]
    return winner, [words.removeprefix("refused ") for words in told if words != "open"]


class TestWriters:
    def test_of_many_that_start_at_once_one_gets_it_and_the_others_hear_which(self, start, path):
        for _ in range(3):
            winner, refused = race(start, 6)
            assert len(refused) == 5
            for words in refused:
                assert re.fullmatch(rf"process {winner.pid}, which opened it \d{{4}}-\d\d-\d\d \d\d:\d\d:\d\d", words)
            winner.kill()  # the next one need not clean up after it
            winner.wait()
        assert len(list(FileLog(path).documents())) == 3

    def test_who_comes_after_one_that_has_closed_it_gets_it_too(self, start, path):
        winner, _ = race(start, 3)
        say(winner)
        winner.wait()
        log = FileLog(path)
        log.open()
        log.close()

    def test_each_line_is_whole_afterwards(self, start, path):
        for _ in range(2):
            winner, _ = race(start, 4)
            winner.kill()
        lines = path.read_bytes().splitlines(keepends=True)
        assert all(map(is_whole, lines))
        assert len(lines) == 3

    def test_what_a_holder_said_that_was_killed_is_not_told_of_the_next(self, start, path):
        first, _ = race(start, 1)
        first.kill()
        first.wait()
        lock = path.with_name("runs.jsonl.lock")
        assert json.loads(lock.read_text())["pid"] == first.pid
        second, refused = race(start, 5)
        assert all(f"process {second.pid}," in words for words in refused)

    def test_programs_that_start_at_once_exit_with_4_but_for_one(self):
        write("jobs.py", JOBS)
        programs = [
            subprocess.Popen(
                [sys.executable, CLI, "run", "-q", "jobs.py"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=ENV
            )
            for _ in range(4)
        ]
        losers = []
        try:
            while len(losers) < 3:
                ended = [program for program in programs if program not in losers and program.poll() is not None]
                losers += ended
            assert [loser.returncode for loser in losers] == [4, 4, 4]
            (winner,) = [program for program in programs if program not in losers]
            for loser in losers:
                assert f"is in use by process {winner.pid}, which opened it" in loser.stderr.read()
            winner.send_signal(signal.SIGTERM)
            assert winner.wait(30) == 0
        finally:
            for program in programs:
                program.kill()
                program.communicate()


JOBS = """
from actors import App
app = App(log="runs.jsonl")

@app.task("every 1 hour", execution="async")
async def it(): ...
"""


class TestReaders:
    def test_another_process_reads_a_prefix_while_it_is_appended_to_rotated_and_tidied_up(self, start, path):
        writer = start(WRITER)
        assert writer.stdout.readline() == "begun\n"
        seen, rounds = 0, 0
        while seen < 6000 or rounds < 20:
            rounds += 1
            documents = list(FileLog(path).documents())
            assert documents == documents_of(len(documents))
            assert len(documents) >= seen
            seen = len(documents)
            history = FileLog(path).history()
            assert history.count >= seen
            assert history.totals["a"] == amount_of(documents_of(history.count))["totals"]["a"]
        writer.kill()
        writer.wait()
        check_whole(path)

    def test_tinydbs_table_reads_it_too(self, start, path):
        writer = start(WRITER)
        assert writer.stdout.readline() == "begun\n"
        table, seen = open_repo(path).table, 0
        while seen < 2000:
            found = table.search(where("action") == "success")
            assert [document["run_id"] for document in found] == [str(number) for number in range(len(found))]
            assert len(found) >= seen
            seen = len(found)
            assert table.get(where("run_id") == "0")["action"] == "run"
            assert len(table) >= 2 * seen

    def test_who_would_change_it_is_refused_meanwhile(self, start, path):
        writer = start(WRITER)
        assert writer.stdout.readline() == "begun\n"
        for change in (lambda table: table.remove(where("run_id") == "0"), lambda table: table.insert({"mine": 1})):
            with pytest.raises(LogLocked, match=f"process {writer.pid}"):
                change(open_repo(path).table)


def documents_of(count):
    """Return the first documents that the writer appends."""
    documents = []
    for number in range(count // 2 + 1):
        documents += [run("a", str(number), 10.0 * number), end("a", str(number), 10.0 * number)]
    return documents[:count]


def check_whole(path):
    """Check that the next one goes on with what one has left that was killed."""
    log = FileLog(path)
    log.open()
    documents = list(log.documents())
    assert documents == documents_of(len(documents))
    assert summary(log.history()) == amount_of(documents)
    assert log.problems() == ()
    log.close()
    for file in (path, *sealed_files(path).values()):
        assert all(map(is_whole, Path(file).read_bytes().splitlines(keepends=True)))


@pytest.mark.parametrize("seed", range(6))
def test_a_writer_that_is_killed_at_any_moment_leaves_a_log_that_goes_on(start, path, seed):
    writer = start(WRITER)
    assert writer.stdout.readline() == "begun\n"
    while path.exists() and len(sealed_files(path)) < 1 + seed:
        pass
    writer.kill()
    writer.wait()
    check_whole(path)
