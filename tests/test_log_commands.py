"""The commands about the run log: runs, show, stats, and log verify, repair, compact, export."""

import csv
import io
import json
import os
import re
import subprocess
import sys
from dataclasses import fields
from datetime import datetime
from pathlib import Path
from time import time

import pytest
from click.testing import CliRunner

import cli as command_line
import commands
from actors import TaskRunRecord
from actors.columns import COLUMNS
from commands import CLI, Started, write
from runtime.commands.lazy import LazyGroup
from runtime.runlog.file_log import FileLog
from runtime.runlog.lines import encode
from runtime.runlog.repo import open_repo

LOG = Path("runs.jsonl")
HEADER = {"callsheet": "run log", "version": 1, "created": 1.0}


def run(task, run_id, start, action="success", took=1.0, **more):
    """Return the two records of a run."""
    began = {"created": start, "task_name": task, "run_id": run_id, "action": "run", "start": start, "due": start, "late": 0.5}
    return [began, {**began, "created": start + took, "action": action, "end": start + took, "runtime": took, **more}]


def logged(*documents, path=LOG, header=HEADER):
    path.write_bytes(b"".join(map(encode, [header, *documents])))
    return path


def cli(*args, code=0):
    result = CliRunner().invoke(command_line.main, [*map(str, args)])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    assert result.exit_code == code, result.stderr
    return result


def rows(*args):
    return [json.loads(line) for line in cli(*args, "--log", LOG, "--json").stdout.splitlines()]


class TestRuns:
    def test_several_tasks_may_be_named(self):
        logged(*run("a", "1", 1.0), *run("b", "2", 2.0), *run("c", "3", 3.0))
        assert [row["run_id"] for row in rows("runs", "--task", "a", "--task", "c")] == ["1", "3"]

    def test_a_time_has_a_beginning_and_an_end(self):
        logged(*run("a", "1", 1000.0), *run("a", "2", 2000.0), *run("a", "3", 3000.0))
        since, until = datetime.fromtimestamp(1500).isoformat(), datetime.fromtimestamp(2500).isoformat()
        assert [row["run_id"] for row in rows("runs", "--since", since, "--until", until)] == ["2"]
        assert [row["run_id"] for row in rows("runs", "--until", "1 hour")] == ["1", "2", "3"]

    def test_only_the_end_of_the_log_is_read(self, monkeypatch):
        logged(*(each for at in range(500) for each in run("a", str(at), float(at))))
        read, documents = [], FileLog.documents
        monkeypatch.setattr(
            FileLog, "documents", lambda *args, **more: (read.append(1) or each for each in documents(*args, **more))
        )
        assert len(rows("runs", "-n", "3")) == 3
        assert len(read) == 6

    def test_a_log_whose_rotation_was_cut_off_can_be_read(self):
        logged(*run("a", "1", 1.0), path=Path("runs-000001.jsonl"))
        assert [row["run_id"] for row in rows("runs")] == ["1"]


class TestShow:
    def test_a_run_is_found_by_its_whole_id_before_those_whose_ids_begin_so(self):
        logged(*run("a", "7", 1.0), *run("a", "77", 2.0))
        assert [row["run_id"] for row in rows("show", "7")] == ["7"]

    def test_all_whose_ids_begin_so_are_found_in_the_order_in_which_they_began(self):
        logged(*run("a", "7b", 1.0), *run("a", "8", 2.0), *run("a", "7a", 3.0))
        assert [row["run_id"] for row in rows("show", "7")] == ["7b", "7a"]


class TestStats:
    @pytest.fixture(autouse=True)
    def log(self):
        logged(*run("a", "1", 1000.0), *run("a", "2", 2000.0, "fail", 3.0), *run("b", "3", 3000.0, "crash"))

    def test_each_task_is_a_row(self):
        head, a, b = cli("stats", "--log", LOG).stdout.splitlines()
        assert head.split() == ["TASK", "RUNS", "SUCCESS", "FAIL", "OTHER", "MISSED", "FAILING", "P50", "P99", "MAX", "LATE"]
        assert a.split() == ["a", "2", "1", "1", "1", "1.00", "s", "3.00", "s", "3.00", "s", "500.0", "ms"]
        assert b.split()[:3] == ["b", "1", "1"]

    def test_a_run_that_was_tried_again_is_one_run(self):
        logged(*run("a", "1", 1.0, "retry", attempt=1, retry_at=3.0), *run("a", "1", 3.0, attempt=2))
        assert cli("stats", "--log", LOG).stdout.splitlines()[1].split()[:3] == ["a", "1", "1"]

    def test_json_has_all_there_is(self):
        a, b = rows("stats")
        assert (a["task_name"], a["totals"], a["p50_runtime"], a["last_fail"]) == (
            "a",
            {"run": 2, "success": 1, "fail": 1},
            1.0,
            2003.0,
        )
        assert b["counts"] == {"run": 1, "crash": 1}

    def test_of_one_task_all_is_told(self):
        said = cli("stats", "a", "--log", LOG).stdout
        assert "task     a\nrun      2\nsuccess  1\nfail     1\nfailing  1 time in a row\n" in said
        assert "took     p50 1.00 s, p99 3.00 s, max 3.00 s\n" in said
        assert "of       2 runs that ended, " in said

    def test_of_a_time_only_what_was_recorded_then_counts(self):
        since = datetime.fromtimestamp(1500).isoformat()
        (a, b) = rows("stats", "--since", since)
        assert (a["counts"], a["runs"]) == ({"run": 1, "fail": 1}, 1)
        assert cli("stats", "--since", since, "--log", LOG).stdout.splitlines()[1].split()[:3] == ["a", "1", "1"]
        assert rows("stats", "--until", datetime.fromtimestamp(999).isoformat())[1]["counts"] == {}
        assert b["runs"] == 1

    def test_a_task_that_is_not_there_says_so(self):
        assert "has no records of a task 'absent'" in cli("stats", "absent", "--log", LOG, code=1).stderr

    def test_a_log_without_records_says_so(self):
        logged()
        assert cli("stats", "--log", LOG).stderr == "there are no records in runs.jsonl\n"

    def test_a_time_that_is_none_says_so(self):
        assert "neither a date nor a length of time" in cli("stats", "--until", "tomorrow", "--log", LOG, code=2).stderr


class TestExport:
    RECORD = run("a", "1", 1.0, "fail", reason='said "no",\nand ended', progress={"done": 1, "total": None, "note": "ä"})[1]

    def test_csv_has_all_columns_and_what_they_hold(self):
        logged(self.RECORD)
        (row,) = csv.DictReader(io.StringIO(cli("log", "export", "--log", LOG).stdout))
        assert list(row) == [field.name for field in fields(TaskRunRecord)]
        assert (row["reason"], row["runtime"], row["cause"]) == ('said "no",\nand ended', "1.0", "")
        assert json.loads(row["progress"]) == self.RECORD["progress"]

    def test_json_lines_have_the_columns_that_there_are(self):
        note = {**self.RECORD, "action": "progress"}
        logged(self.RECORD, note, {"action": "clock"})
        lines = cli("log", "export", "--format", "jsonl", "--log", LOG).stdout.splitlines()
        assert [json.loads(line) for line in lines] == [self.RECORD]

    def test_records_are_chosen_by_task_action_and_time(self):
        logged(*run("a", "1", 1000.0), *run("b", "2", 2000.0, "fail"), *run("c", "3", 3000.0))

        def exported(*args):
            lines = cli("log", "export", "--format", "jsonl", "--log", LOG, *args).stdout.splitlines()
            return [(row["run_id"], row["action"]) for row in map(json.loads, lines)]

        assert exported("--task", "a", "--task", "b", "--action", "success", "--action", "fail") == [
            ("1", "success"),
            ("2", "fail"),
        ]
        assert exported("--since", datetime.fromtimestamp(2500).isoformat()) == [("3", "run"), ("3", "success")]
        assert exported("--until", datetime.fromtimestamp(1000).isoformat()) == [("1", "run")]

    def test_a_log_without_records_is_a_line_of_names(self):
        logged()
        assert cli("log", "export", "--log", LOG).stdout == ",".join(COLUMNS) + "\n"

    def test_it_is_written_to_a_file(self):
        logged(self.RECORD)
        assert cli("log", "export", "-o", "out.csv", "--log", LOG).stdout == ""
        assert Path("out.csv").read_text() == cli("log", "export", "--log", LOG).stdout

    def test_a_file_that_is_there_is_written_anew_only_by_force(self):
        logged(self.RECORD)
        write("runs.csv", "mine")
        assert "add --force" in cli("log", "export", "-o", "runs.csv", "--log", LOG, code=2).stderr
        assert Path("runs.csv").read_text() == "mine"
        cli("log", "export", "-o", "runs.csv", "--force", "--log", LOG)
        assert Path("runs.csv").read_text().startswith("created,")

    def test_a_pipe_is_written_into_and_stays_there(self):
        logged(self.RECORD)
        os.mkfifo("pipe")
        reader = os.open("pipe", os.O_RDONLY | os.O_NONBLOCK)
        try:
            cli("log", "export", "-o", "pipe", "--force", "--log", LOG)
            assert Path("pipe").is_fifo()
            assert os.read(reader, 1 << 16).decode() == cli("log", "export", "--log", LOG).stdout
        finally:
            os.close(reader)

    @pytest.mark.parametrize("target", ["old.csv", "new.csv"])
    def test_a_link_is_followed(self, target):
        logged(self.RECORD)
        write("old.csv", "mine")
        Path("link.csv").symlink_to(target)
        cli("log", "export", "-o", "link.csv", "--force", "--log", LOG)
        assert Path("link.csv").is_symlink()
        assert Path(target).read_text().startswith("created,")

    @pytest.mark.parametrize("name", ["runs.jsonl", "runs.jsonl.state", "runs-000001.jsonl", "runs-000009.jsonl"])
    def test_no_file_of_the_log_itself_is_ever_written(self, name):
        logged(self.RECORD, path=Path("runs-000001.jsonl"))
        before = logged(self.RECORD, header={**HEADER, "segment": 2, "first": 2}).read_bytes()
        said = cli("log", "export", "-o", name, "--force", "--log", LOG, code=2).stderr
        assert "one of the files of the run log itself" in said
        assert LOG.read_bytes() == before

    def test_a_file_that_cannot_be_written_says_why_and_leaves_nothing(self):
        logged(self.RECORD)
        assert "No such file" in cli("log", "export", "-o", "absent/out.csv", "--log", LOG, code=2).stderr
        assert [path.name for path in Path().iterdir()] == ["runs.jsonl"]

    def test_a_reader_that_stops_reading_is_no_error(self):
        logged(*(each for at in range(5000) for each in run("a", str(at), float(at))))
        command = f"{sys.executable} {CLI} log export --log {LOG} | head -n 1"
        done = subprocess.run(command, shell=True, capture_output=True, text=True, check=False)
        assert (done.stdout, done.stderr) == (",".join(COLUMNS) + "\n", "")


class TestVerify:
    def verdict(self, code):
        return json.loads(cli("log", "verify", "--json", "--log", LOG, code=code).stdout)

    def test_a_whole_log_is_0(self):
        logged(*run("a", "1", 1.0))
        said = cli("log", "verify", "--log", LOG).stdout
        assert said.splitlines()[0].endswith("runs.jsonl: segment 1, 3 lines, 0 damaged")
        assert said.endswith("nobody writes it now\nwhole\n")
        assert self.verdict(0)["is_whole"]

    def test_a_damaged_line_is_1_with_its_number_and_place(self):
        logged(*run("a", "1", 1.0))
        data = LOG.read_bytes()
        LOG.write_bytes(data.replace(b'"success"', b'"sucCess"'))
        (file,) = self.verdict(1)["files"]
        assert file["damaged"] == [{"line": 3, "offset": data.rfind(b"\n", 0, -1) + 1}]
        said = cli("log", "verify", "--log", LOG, code=1).stdout
        assert f"line 3, at byte {file['damaged'][0]['offset']}: damaged" in said
        assert said.endswith("not whole: see callsheet log repair\n")

    def test_of_many_damaged_lines_people_see_the_first(self):
        logged()
        with LOG.open("ab") as file:
            file.write(b"damaged\n" * 30)
        said = cli("log", "verify", "--log", LOG, code=1).stdout
        assert said.count(": damaged") == 20
        assert "and 10 more" in said

    def test_a_torn_last_line_is_1(self):
        logged(*run("a", "1", 1.0))
        with LOG.open("ab") as file:
            file.write(b'{"torn')
        assert self.verdict(1)["files"][0]["torn"] == 6
        assert "6 bytes at the end are of a line that was not written" in cli("log", "verify", "--log", LOG, code=1).stdout

    def test_a_run_without_an_end_is_told_and_no_damage(self):
        logged(run("a", "1", 1.0)[0])
        assert [begun["run_id"] for begun in self.verdict(0)["open_runs"]] == ["1"]
        assert "no end: task 'a' run 1" in cli("log", "verify", "--log", LOG).stdout

    def test_who_writes_it_is_told_and_nothing_is_torn_while_it_does(self):
        log = FileLog(LOG)
        log.open()
        with LOG.open("ab") as file:
            file.write(b'{"half')
        verdict = self.verdict(0)
        assert str(os.getpid()) in verdict["holder"]
        assert "is being written" in cli("log", "verify", "--log", LOG).stdout
        log.close()
        assert self.verdict(1)["holder"] is None

    def test_a_missing_log_and_a_foreign_file_are_5(self):
        assert "there is no run log" in cli("log", "verify", "--log", "absent.jsonl", code=5).stderr
        write("other.json", "{}\n")
        assert "not a Callsheet run log" in cli("log", "verify", "--log", "other.json", code=5).stderr


class TestRepair:
    def test_damaged_lines_are_left_out_and_the_copy_is_named(self):
        logged(*run("a", "1", 1.0), *run("a", "2", 2.0))
        damaged = LOG.read_bytes().replace(b'"run"', b'"rUn"', 1)
        LOG.write_bytes(damaged)
        done = cli("log", "repair", "--log", LOG)
        (copy,) = Path().glob("runs.jsonl.corrupt-*")
        assert copy.name in done.stdout
        assert copy.read_bytes() == damaged
        assert [record.run_id for record in open_repo(LOG).filter_by()] == ["1", "2", "2"]
        assert "there is nothing to repair" in cli("log", "repair", "--log", LOG).stdout

    @pytest.mark.parametrize("is_known", [False, True])
    def test_a_damaged_line_of_a_sealed_segment_is_left_out_too(self, is_known):
        sealed = logged(*run("a", "1", 1.0), path=Path("runs-000001.jsonl"))
        logged(*run("a", "2", 2.0), header={**HEADER, "segment": 2, "first": 2})
        if is_known:  # what opening the log does not look at, since the state stands for it
            cli("log", "compact", "--log", LOG)
        sealed.write_bytes(sealed.read_bytes().replace(b'"success"', b'"sucCess"'))
        done = cli("log", "repair", "--log", LOG)
        assert "runs-000001.jsonl had 1 damaged line" in done.stdout
        cli("log", "verify", "--log", LOG)

    def test_a_torn_last_line_is_cut_off(self):
        whole = logged(*run("a", "1", 1.0)).read_bytes()
        LOG.write_bytes(whole + b'{"torn')
        assert "cut off a torn last line of 6 bytes" in cli("log", "repair", "--log", LOG).stdout
        assert LOG.read_bytes() == whole

    def test_a_whole_log_is_left_as_it_is(self):
        before = logged(*run("a", "1", 1.0)).read_bytes()
        assert "there is nothing to repair" in cli("log", "repair", "--log", LOG).stdout
        assert LOG.read_bytes() == before
        assert [path.name for path in Path().iterdir()] == ["runs.jsonl"]

    def test_programs_are_told_what_was_done_and_what_verify_then_says(self):
        whole = logged(*run("a", "1", 1.0)).read_bytes()
        LOG.write_bytes(whole + b"damaged\n")
        told = json.loads(cli("log", "repair", "--log", LOG, "--json").stdout)
        assert "1 damaged line, which was left out" in told["repaired"][0]
        assert (told["is_whole"], told["files"][0]["damaged"]) == (True, [])
        assert json.loads(cli("log", "repair", "--log", LOG, "--json").stdout)["repaired"] == []

    def test_what_is_missing_cannot_be_repaired(self):
        logged(*run("a", "1", 1.0), header={**HEADER, "segment": 3, "first": 3})
        assert "missing: segments 1 to 2" in cli("log", "repair", "--log", LOG, code=1).stdout

    def test_nothing_is_printed_twice(self):
        logged()
        with LOG.open("ab") as file:
            file.write(b"damaged\n")
        done = commands.cli("log", "repair", "--log", LOG)
        assert (done.returncode, done.stderr, done.stdout.count("1 damaged line")) == (0, "", 1)


class TestCompact:
    def test_runs_that_began_too_long_ago_go_from_what_is_sealed(self):
        now = time()
        old = [each for at in range(100) for each in run("a", f"old {at}", now - 1e6 + at)]
        logged(*old, *run("a", "new", now - 10), path=Path("runs-000001.jsonl"))
        logged(header={**HEADER, "segment": 2, "first": 2})
        done = cli("log", "compact", "--keep", "1 day", "--log", LOG)
        assert [record.run_id for record in open_repo(LOG).filter_by(action="success")] == ["new"]
        before, now = done.stdout.removeprefix("runs.jsonl: 100 runs let go of, 1 left; ").split(", ")
        assert re.fullmatch(r"2 segments of [1-9]\d\.\d kB before", before)
        assert re.fullmatch(r"2 segments of \d{3} B now\n", now)
        assert rows("stats")[0]["totals"] == {"run": 101, "success": 101}

    def test_without_a_limit_no_record_goes(self):
        logged(*run("a", "1", 1.0), path=Path("runs-000001.jsonl"))
        logged(*run("a", "2", 2.0), header={**HEADER, "segment": 2, "first": 2})
        cli("log", "compact", "--log", LOG)
        assert open_repo(LOG).filter_by().count() == 4

    def test_programs_are_told_what_went(self):
        logged(*run("a", "1", 1.0), *run("a", "2", 2.0), *run("a", "3", 3.0))
        told = json.loads(cli("log", "compact", "--keep-runs", "1", "--log", LOG, "--json").stdout)
        assert (told["runs_gone"], told["before"]["runs"], told["now"]["runs"]) == (2, 3, 1)
        assert (told["before"]["segments"], told["now"]["segments"]) == (1, 2)
        assert told["now"]["bytes"] == sum(path.stat().st_size for path in Path().glob("runs*.jsonl"))

    def test_what_is_asked_for_goes_however_little_it_is(self):
        """An app leaves it, as nearly all would have to be written anew."""
        logged(*(each for at in range(10) for each in run("a", str(at), time() + at - 100)))
        told = cli("log", "compact", "--keep-runs", 9, "--log", LOG).stdout
        assert told.startswith("runs.jsonl: 1 run let go of, 9 left; 1 segment of ")

    def test_a_log_of_which_nothing_would_go_stays_as_it_is(self):
        before = logged(*(each for at in range(10) for each in run("a", str(at), time() + at - 100))).read_bytes()
        told = cli("log", "compact", "--keep", "30 days", "--keep-runs", 1000, "--log", LOG).stdout
        assert told.startswith("runs.jsonl: 0 runs let go of, 10 left; 1 segment of ")
        assert re.search(r"before, 1 segment of [^,]* now\n$", told)
        assert LOG.read_bytes() == before

    def test_a_length_of_time_that_is_none_says_so(self):
        logged()
        assert "is not a length of time" in cli("log", "compact", "--keep", "long", "--log", LOG, code=2).stderr


@pytest.mark.parametrize("command", ["repair", "compact"])
def test_what_changes_the_log_is_refused_while_an_app_writes_it(command):
    log = FileLog(LOG)
    log.open()
    with LOG.open("ab") as file:
        file.write(b"damaged\n")
    before = LOG.read_bytes()
    assert "is in use by" in cli("log", command, "--log", LOG, code=4).stderr
    assert LOG.read_bytes() == before
    log.close()


@pytest.mark.parametrize("command", ["repair", "compact", "export", "verify"])
def test_a_log_that_is_not_there_is_not_made(command):
    assert "there is no run log" in cli("log", command, "--log", LOG, code=5).stderr
    assert [path.name for path in Path().iterdir()] == []


def test_the_log_can_be_looked_at_while_an_app_runs():
    write("jobs.py", "from actors import App\napp = App(log='runs.jsonl')\n@app.task(on_startup=True)\ndef it(): ...\n")
    with Started(CLI, "run", "jobs.py") as program:
        program.wait_for("success")
        assert f"process {program.process.pid}" in cli("log", "verify", "--log", LOG).stdout
        assert rows("stats")[0]["totals"] == {"run": 1, "success": 1}
        assert len(cli("log", "export", "--log", LOG).stdout.splitlines()) == 3


def test_every_command_is_where_the_group_says():
    for name in command_line.main.list_commands(None):
        assert command_line.main.get_command(None, name).name == name
    assert isinstance(command_line.main, LazyGroup)
    assert command_line.main.get_command(None, "absent") is None


def test_a_command_loads_no_more_than_it_needs():
    code = (
        "import sys, cli\ntry: cli.main(['run', 'absent.py'])\nexcept SystemExit: pass\n"
        "print([name for name in sys.modules if name.startswith('runtime.commands.')])"
    )
    done = commands.python("-c", code)
    assert done.stdout.splitlines()[-1] == "['runtime.commands.lazy', 'runtime.commands.shared']"
