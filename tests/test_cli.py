"""The command line: what it prints, what it exits with, and what it says when it is used wrong."""

import json
import os
import pty
import re
import subprocess
import sys
import termios
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from actors import App
from commands import CLI, ROOT, Started, cli, python, write

JOBS = """
    from actors import App

    app = App(stop_when_idle=True)

    @app.task("every 10 seconds", disabled=True, description="counts words")
    def words(): ...

    @app.task(multilaunch=True, execution="thread")
    def add(a, b=1):
        return a + b

    @app.task(on_startup=True)
    def fails():
        raise ValueError("on purpose")
"""


@pytest.fixture
def jobs():
    write("jobs.py", JOBS)


def rows(*args):
    return [json.loads(line) for line in cli(*args, "--json").stdout.splitlines()]


def test_help_names_the_commands():
    done = cli("--help")
    assert done.returncode == 0
    for command in ("run", "launch", "tasks", "runs", "show"):
        assert f"\n  {command} " in done.stdout


def test_help_does_not_load_the_runtime():
    code = (
        "import sys, cli\ntry: cli.main(['--help'])\nexcept SystemExit: pass\nprint('trio' in sys.modules, 'rich' in sys.modules)"
    )
    assert python("-c", code).stdout.endswith("False False\n")


def test_run_tells_each_event_and_exits_with_0(jobs):
    done = cli("run", "jobs.py")
    assert done.returncode == 0
    assert "3 tasks, run log: .callsheet/runs.jsonl" in done.stderr
    assert "fail (ValueError: on purpose)" in done.stderr


def test_launch_runs_one_task_with_its_parameters_and_exits_with_0(jobs):
    done = cli("launch", "-q", "jobs.py", "add", "-p", "a=[1]", "-p", "b=[2]")
    assert (done.returncode, done.stderr) == (0, "")
    (row,) = rows("runs")
    assert (row["task_name"], row["status"], row["execution"]) == ("add", "success", "thread")


def test_launch_exits_with_1_when_the_task_fails(jobs):
    done = cli("launch", "jobs.py", "fails")
    assert done.returncode == 1
    assert "ValueError: on purpose" in done.stderr


def test_a_parameter_that_is_no_json_is_text(jobs):
    done = cli("launch", "jobs.py", "add", "-p", "a=three")
    assert done.returncode == 1
    assert 'can only concatenate str (not "int") to str' in done.stderr


def test_tasks_lists_them_with_how_they_last_ended(jobs):
    cli("run", "-q", "jobs.py")
    listed = {row["name"]: row for row in rows("tasks", "jobs.py")}
    assert listed["words"]["start_cond"] == "every 10 seconds"
    assert listed["words"]["disabled"] is True
    assert listed["add"]["execution"] == "thread"
    assert listed["fails"]["status"] == "fail"
    table = cli("tasks", "jobs.py").stdout
    assert "every 10 seconds (disabled)" in table
    assert "counts words" in table


def test_runs_are_chosen_by_task_status_and_time(jobs):
    for task in ("add", "fails", "add"):
        cli("launch", "-q", "jobs.py", task, *(["-p", "a=1"] if task == "add" else []))
    assert [row["task_name"] for row in rows("runs")] == ["add", "fails", "add"]
    assert [row["task_name"] for row in rows("runs", "--status", "fail")] == ["fails"]
    assert len(rows("runs", "--task", "add", "-n", "1")) == 1
    assert len(rows("runs", "--since", "1 hour")) == 3
    assert rows("runs", "--since", "2099-01-01") == []


def test_show_prints_all_of_a_run_by_the_beginning_of_its_id(jobs):
    cli("launch", "-q", "jobs.py", "fails")
    (row,) = rows("runs")
    done = cli("show", row["run_id"][:8])
    assert done.returncode == 0
    assert row["run_id"] in done.stdout
    assert "ValueError: on purpose" in done.stdout
    assert 'raise ValueError("on purpose")' in done.stdout


def test_show_of_an_unknown_run_says_how_to_list_them(jobs):
    cli("launch", "-q", "jobs.py", "fails")
    done = cli("show", "nothing")
    assert done.returncode == 1
    assert "list them with: callsheet runs" in done.stderr


def test_reading_works_while_the_app_runs():
    write("jobs.py", JOBS.replace("stop_when_idle=True", ""))
    with Started(CLI, "run", "jobs.py") as program:
        program.wait_for("fail (ValueError")
        assert [row["task_name"] for row in rows("runs")] == ["fails"]
        again = cli("run", "jobs.py")
        assert again.returncode == 4
        assert f"is in use by process {program.process.pid}, which opened it" in again.stderr


def test_a_reader_that_stops_reading_is_no_error(jobs):
    cli("launch", "-q", "jobs.py", "fails")
    done = subprocess.run(
        f"{sys.executable} {CLI} runs --json | true", shell=True, capture_output=True, text=True, check=False, env=os.environ
    )
    assert done.stderr == ""


class TestWrongTargets:
    def says(self, *args, code=2):
        done = cli(*args)
        assert done.returncode == code
        assert "Traceback" not in done.stderr or "fails to load" in done.stderr
        return done.stderr

    def test_a_file_that_is_not_there(self):
        assert "there is no file" in self.says("run", "absent.py")

    def test_a_folder(self, tmp_path):
        assert "is a folder" in self.says("run", f"{tmp_path}/")

    def test_a_module_that_is_not_there(self):
        assert "there is no module 'absent'" in self.says("run", "absent")

    def test_a_module_named_without_py_that_is_a_file(self, jobs):
        assert self.says("run", "jobs:other")
        write("sub/mine.py", JOBS)
        assert "there is no module 'sub_mine'" in self.says("run", "sub_mine")

    def test_a_module_without_an_app(self):
        write("empty.py", "x = 1")
        assert "it has no App: write  app = App()" in self.says("run", "empty.py")

    def test_several_apps(self):
        write("several.py", "from actors import App\none, two = App(log=None), App(log=None)")
        assert "its apps are one, two: name one, as in several.py:one" in self.says("run", "several.py")

    def test_an_app_that_is_not_there(self, jobs):
        assert "jobs has no app called 'other'; its apps are app" in self.says("run", "jobs.py:other")

    def test_a_module_that_fails_shows_the_users_lines_only(self):
        write("helper.py", "raise RuntimeError('in helper')")
        write("broken.py", "import helper")
        said = self.says("run", "broken.py")
        assert 'helper.py", line 1' in said
        assert "RuntimeError: in helper" in said
        assert "runtime/" not in said
        assert "importlib" not in said

    def test_a_syntax_error_shows_its_place(self):
        write("broken.py", "x = = 1")
        assert "broken.py" in self.says("run", "broken.py")

    def test_a_module_that_exits(self):
        write("exits.py", "raise SystemExit(7)")
        assert "it exits while it is loaded (status 7)" in self.says("run", "exits.py")

    @pytest.mark.parametrize("name", ["actors.py", "runtime/__init__.py", "cli.py"])
    def test_a_module_with_one_of_our_names_beside_the_target(self, name, jobs, tmp_path):
        write(name, "")
        said = self.says("run", "jobs.py")
        assert f"{tmp_path / name} has the name of a module of Callsheet; rename it" in said

    def test_a_target_with_one_of_our_names(self):
        write("actors.py", JOBS)
        assert "rename it" in self.says("run", "actors.py")

    def test_an_unknown_task_names_the_nearest(self, jobs):
        assert "there is no task 'ad'. Did you mean 'add'?" in self.says("launch", "jobs.py", "ad")

    def test_a_parameter_without_a_value(self, jobs):
        assert "'a' is not NAME=VALUE" in self.says("launch", "jobs.py", "add", "-p", "a")

    def test_a_time_that_is_none(self, jobs):
        assert "neither a date nor a length of time" in self.says("runs", "--since", "yesterday")

    def test_a_log_that_is_not_there(self):
        assert "there is no run log absent.jsonl: run an app first" in self.says("runs", "--log", "absent.jsonl", code=5)

    def test_a_file_that_is_no_log(self):
        write("other.json", '{"_default": {}}')
        assert "not a Callsheet run log" in self.says("runs", "--log", "other.json", code=5)

    def test_an_app_whose_log_is_no_log(self):
        write("jobs.py", JOBS.replace("App(", "App(log='other.json', "))
        write("other.json", "[]\n")
        assert "not a Callsheet run log" in self.says("run", "jobs.py", code=5)
        assert Path("other.json").read_text() == "[]\n"


def test_the_command_line_works_from_a_folder_with_a_module_of_the_same_name_as_the_target_elsewhere(tmp_path):
    write("json.py", JOBS)  # a name of the standard library
    done = cli("tasks", "json.py")
    assert done.returncode == 0
    assert "words" in done.stdout


def test_the_source_folder_may_hold_the_users_module(tmp_path):
    assert (ROOT / "cli.py").exists()
    done = cli("tasks", str(ROOT / "examples" / "quickstart.py"))
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("init", "said"),
    [
        ("1 / 0", "it fails to load\nTraceback (most recent call last):\n"),
        ("import nosuchmodule", "ModuleNotFoundError: No module named 'nosuchmodule'"),
    ],
)
def test_a_package_that_fails_to_load_shows_its_own_error(init, said):
    write("package/__init__.py", init)
    write("package/jobs.py", JOBS)
    done = cli("run", "package.jobs")
    assert done.returncode == 2
    assert said in done.stderr
    assert "importlib" not in done.stderr


def test_brackets_in_what_tasks_say_are_shown_as_they_are():
    write(
        "jobs.py",
        """
        from actors import App

        app = App()

        @app.task(description="Fetches the [important] page", func_run_id=lambda task, params: "[/b]id")
        def it():
            raise ValueError("cannot open [/tmp/foo] [red]x[/red]")
        """,
    )
    cli("launch", "-q", "jobs.py", "it")
    done = cli("runs")
    assert "cannot open [/tmp/foo] [red]x[/red]" in done.stdout
    assert "[/b]id" in done.stdout
    assert "the [important] page" in cli("tasks", "jobs.py").stdout


def test_a_mistake_in_a_declaration_shows_the_users_line_and_what_is_wrong():
    write("jobs.py", "from actors import App\napp = App()\n@app.task('evry 1 s')\ndef it(): ...\n")
    said = cli("run", "jobs.py").stderr
    assert 'jobs.py", line 3' in said
    assert "Did you mean 'every'?" in said
    assert "actors/" not in said
    assert said.count("Traceback") == 1


def test_a_table_fits_a_terminal_of_80_columns():
    write("jobs.py", JOBS)
    cli("launch", "-q", "jobs.py", "fails")
    main, terminal = pty.openpty()
    termios.tcsetwinsize(terminal, (24, 80))
    subprocess.run([sys.executable, CLI, "runs"], stdout=terminal, stderr=terminal, check=True)
    shown = os.read(main, 65536).decode()
    os.close(main)
    os.close(terminal)
    lines = [re.sub(r"\x1b\[[0-9;]*m", "", line) for line in shown.splitlines()]
    assert max(map(len, lines)) <= 80
    assert lines[0].split() == ["RUN", "TASK", "MODE", "START", "LATE", "TOOK", "STATUS", "ABOUT"]
    assert "ValueError" in lines[1]


def test_commands_that_know_the_app_show_times_on_its_clocks_and_all_say_on_which(monkeypatch):
    monkeypatch.setenv("TZ", "Asia/Kathmandu")  # 5:45 hours ahead
    write("jobs.py", JOBS.replace("App(", "App(timezone='UTC', "))
    told = cli("launch", "jobs.py", "add", "-p", "a=1").stderr
    start = App(log=".callsheet/runs.jsonl").session.get_repo().filter_by().last().start
    utc, here = (datetime.fromtimestamp(start, ZoneInfo(zone)) for zone in ("UTC", "Asia/Kathmandu"))
    assert told.startswith(f"{utc:%H:}")
    tasks, runs = cli("tasks", "jobs.py"), cli("runs")
    assert f"{utc:%H:%M:%S}" in tasks.stdout
    assert tasks.stderr == "callsheet: times are on the clocks of UTC\n"
    assert f"{here:%H:%M:%S}" in runs.stdout
    assert runs.stderr == "callsheet: times are on the clocks of Asia/Kathmandu\n"
    for args in (("show", runs.stdout.splitlines()[-1].split()[0]), ("stats", "add")):
        assert "\nclocks   Asia/Kathmandu\n" in cli(*args).stdout
    assert not cli("runs", "--json").stderr
    monkeypatch.setenv("TZ", "Nowhere/Land")
    assert cli("runs").returncode == 0
