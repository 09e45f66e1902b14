"""Commands that look, where something is in the way: no permission, no writer, damage, what a terminal would obey."""

import errno
import json
import os
from pathlib import Path

import pytest
from click.testing import CliRunner

import cli as command_line
import commands
from commands import write
from logged import end, fill, run
from runtime.runlog.file_log import FileLog
from runtime.tables import visible

LOG = Path("runs.jsonl")
READING = [
    ["runs"], ["show", "1"], ["stats"], ["logs", "1"],
    ["log", "verify"], ["log", "repair"], ["log", "compact"], ["log", "export"],
]  # fmt: skip
HIDDEN = "bad\x1b[31mname"


def cli(*args, code=0):
    result = CliRunner().invoke(command_line.main, [*map(str, args)])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    assert result.exit_code == code, result.output
    return result


def logged(*documents):
    log = FileLog(LOG)
    log.open()
    fill(log, *documents)
    log.close()


def refuse(monkeypatch, *names):
    """Have system calls refuse what is about the log, as root may do anything."""
    for name in names:
        call = getattr(os, name)

        def refusing(path, *args, call=call, **more):
            if str(path).endswith(LOG.name):
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
            return call(path, *args, **more)

        monkeypatch.setattr(os, name, refusing)


class TestNoPermission:
    @pytest.mark.parametrize("command", READING, ids=" ".join)
    def test_a_folder_that_may_not_be_looked_into_is_told_in_words(self, command, monkeypatch):
        logged(run("a", "1", 1.0))
        refuse(monkeypatch, "stat", "open")
        said = cli(*command, "--log", LOG, code=5).stderr
        problem, advice = said.removeprefix("callsheet: cannot use runs.jsonl as a run log: ").split(". ")
        assert (problem, advice) == ("Permission denied", "Nothing was changed; name another file with --log\n")

    @pytest.mark.parametrize("command", READING, ids=" ".join)
    def test_and_so_is_a_file_that_may_not_be_read(self, command, monkeypatch):
        logged(run("a", "1", 1.0))
        monkeypatch.setattr(os, "access", lambda *_, **__: False)
        opened = Path.open

        def refusing(path, *args, **more):
            if path.name == LOG.name:
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
            return opened(path, *args, **more)

        monkeypatch.setattr(Path, "open", refusing)
        assert "as a run log: Permission denied" in cli(*command, "--log", LOG, code=5).stderr

    def test_the_file_to_export_to_may_be_in_such_a_folder(self, monkeypatch):
        logged(run("a", "1", 1.0))
        stat = os.stat

        def refusing(path, *args, **more):
            if str(path) == "out.csv":
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
            return stat(path, *args, **more)

        monkeypatch.setattr(os, "stat", refusing)
        assert (
            "out.csv cannot be looked at: Permission denied" in cli("log", "export", "-o", "out.csv", "--log", LOG, code=2).stderr
        )


@pytest.mark.parametrize("command", [["runs"], ["log", "verify"]], ids=" ".join)
def test_where_a_log_is_named_by_an_option_that_is_what_is_advised(command):
    write("other.jsonl", "mine\n")
    assert cli(*command, "--log", "other.jsonl", code=5).stderr.endswith("name another file with --log\n")


def test_where_an_app_names_its_log_that_is_what_is_advised():
    write("runs.jsonl", "mine\n")
    write("jobs.py", "from actors import App\napp = App(log='runs.jsonl')")
    assert cli("run", "jobs.py", code=5).stderr.endswith("name another file with log='...'\n")


class TestNobodyWrites:
    @pytest.mark.parametrize("command", [["runs"], ["runs", "--json"], ["show", "1"]], ids=" ".join)
    def test_it_is_told_where_runs_have_no_end(self, command):
        logged(run("a", "1", 1.0))
        done = cli(*command, "--log", LOG)
        assert "running" in done.stdout
        assert "nobody writes this log now" in done.stderr

    @pytest.mark.parametrize("command", [["runs"], ["show", "1"]], ids=" ".join)
    def test_not_where_all_have_ended(self, command):
        logged(run("a", "1", 1.0), end("a", "1", 1.0))
        assert "nobody writes" not in cli(*command, "--log", LOG).stderr

    @pytest.mark.parametrize("command", [["runs"], ["show", "1"]], ids=" ".join)
    def test_nor_where_somebody_writes(self, command):
        log = FileLog(LOG)
        log.open()
        fill(log, run("a", "1", 1.0))
        assert "nobody writes" not in cli(*command, "--log", LOG).stderr
        log.close()

    def test_what_has_ended_while_it_was_asked_is_shown_as_it_ended(self, monkeypatch):
        logged(run("a", "1", 1.0))

        def ends(path):
            logged(end("a", "1", 1.0))
            return False

        monkeypatch.setattr("runtime.commands.runs.is_written", ends)
        done = cli("runs", "--log", LOG)
        assert ("success" in done.stdout, "nobody writes" in done.stderr) == (True, False)


def test_damage_is_told_once_however_often_a_command_reads():
    logged(run("a", "1", 1.0), end("a", "1", 1.0))
    LOG.write_bytes(LOG.read_bytes() + b"damaged\n")
    assert commands.cli("stats", "--log", LOG).stderr.count("passed over 1 damaged line") == 1


class TestControlCharacters:
    @pytest.mark.parametrize("command", [["runs"], ["show", "1"], ["stats"], ["stats", HIDDEN]], ids=str)
    def test_they_are_shown_and_not_obeyed(self, command):
        logged(
            run(HIDDEN, "1", 1.0), end(HIDDEN, "1", 1.0, "fail", reason="\x1b]0;title\x07", exc_text="\x9b1m", output="\x1b[2J")
        )
        printed = cli(*command, "--log", LOG).stdout
        assert r"bad\x1b[31mname" in printed
        assert not set(printed) & {"\x1b", "\x07", "\x9b"}

    def test_programs_get_them_as_they_are(self):
        logged(run("a\x1b", "1", 1.0))
        assert json.loads(cli("runs", "--json", "--log", LOG).stdout)["task_name"] == "a\x1b"

    def test_in_the_list_of_tasks_and_the_tree_too(self):
        write("jobs.py", "from actors import App\napp = App(log=None)\napp.task(func=lambda: None, name='a\\x1b[1m')")
        for command in ("tasks", "tree"):
            assert r"a\x1b[1m" in cli(command, "jobs.py").stdout

    def test_halves_of_characters_can_be_printed(self):
        assert visible("a\ud800b\udc80") == r"a\ud800b\udc80"

    @pytest.mark.parametrize("text", ["plain", "two\nlines", "a\ttab", "é 漢 🎬 \xa0", "C:\\x1b"])
    def test_everything_else_stays(self, text):
        assert visible(text) == text
