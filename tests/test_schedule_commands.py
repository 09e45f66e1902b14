"""The commands that tell what comes next, and why: next, explain, why, simulate."""

import json
import os
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from click.testing import CliRunner

import cli as command_line
import commands
from commands import write

JOBS = """
    from actors import App
    from actors.args import Task

    app = App(timezone="Europe/Berlin", log="runs.jsonl")

    @app.cond()
    async def is_free(disk="/"):
        return disk == "/"

    @app.cond()
    def broken(task=Task()):
        raise ValueError(f"on purpose, in {task.name}")

    @app.task("cron 30 2 * * *")
    def nightly(): ...

    @app.task("after task 'nightly'")
    def report(): ...

    @app.task("every 6 hours & is_free(disk='/var')")
    def poll(): ...

    @app.task("daily & broken")
    def fragile(): ...

    @app.task("every 1 hour", disabled=True)
    def off(): ...

    @app.task()
    def manual(): ...
"""
BERLIN = ZoneInfo("Europe/Berlin")


@pytest.fixture(autouse=True)
def jobs():
    write("jobs.py", JOBS)


class Done:
    """What a command has said and exited with; run in this process, as none of these starts a runtime."""

    def __init__(self, *args):
        result = CliRunner().invoke(command_line.main, [str(arg) for arg in args])
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        self.returncode, self.stdout, self.stderr = result.exit_code, result.stdout, result.stderr


cli = Done


def rows(*args):
    done = cli(*args, "--json")
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


class TestNext:
    def test_it_lists_the_next_start_of_each_task_that_starts_by_itself(self):
        assert {row["task"] for row in rows("next", "jobs.py")} == {"nightly", "report", "poll", "fragile"}

    def test_starts_are_in_their_order(self):
        moments = [row["at"] for row in rows("next", "jobs.py")]
        assert moments == sorted(moments)

    def test_it_lists_so_many_starts_of_one_task(self):
        found = rows("next", "jobs.py", "nightly", "-n", "3")
        assert [datetime.fromtimestamp(row["at"], BERLIN).strftime("%H:%M") for row in found] == ["02:30"] * 3

    def test_a_task_after_another_is_foreseen(self):
        (report,), (nightly,) = rows("next", "jobs.py", "report", "-n", "1"), rows("next", "jobs.py", "nightly", "-n", "1")
        assert 0 < report["at"] - nightly["at"] <= 60

    def test_times_are_shown_in_the_zone_of_the_task_in_utc_and_in_the_zone_that_is_asked_for(self):
        (own,), (asked,) = (rows("next", "jobs.py", "nightly", "-n", "1", *tz) for tz in ((), ("--tz", "Asia/Tokyo")))
        assert own["local"].endswith("02:30:00")
        assert own["utc"] == datetime.fromtimestamp(own["at"], ZoneInfo("UTC")).strftime("%Y-%m-%dT%H:%M:%SZ")
        assert asked["local"].endswith(datetime.fromtimestamp(asked["at"], ZoneInfo("Asia/Tokyo")).strftime("%H:%M:%S"))

    def test_gaps_are_marked(self):
        found = rows("next", "jobs.py", "nightly", "-n", "370")
        assert [row["local"][-8:] for row in found if row["mark"] == "gap"] == ["03:00:00"]
        assert [row["local"][-8:] for row in found if row["mark"] == "fold"] == ["02:30:00"]

    def test_what_starts_only_when_it_is_asked_to_is_told(self):
        done = cli("next", "jobs.py", "manual")
        assert (done.returncode, done.stdout) == (0, "")
        assert "does not start by itself" in done.stderr

    def test_an_unknown_zone_is_wrong_use_that_names_the_nearest(self):
        done = cli("next", "jobs.py", "--tz", "Europe/Berln")
        assert done.returncode == 2
        assert "Europe/Berlin" in done.stderr

    def test_an_unknown_task_is_wrong_use_that_names_the_nearest(self):
        done = cli("next", "jobs.py", "nigthly")
        assert (done.returncode, "Did you mean 'nightly'?" in done.stderr) == (2, True)


class TestExplain:
    def explained(self, *args):
        done = cli("explain", *args)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def test_it_shows_the_normal_form_plain_words_and_the_next_times(self):
        shown = self.explained("CRON  0 2 * * mon-fri", "-n", "3", "--tz", "Europe/Berlin")
        assert "normal   cron 0 2 * * MON-FRI\n" in shown
        assert "means    At 02:00 on Monday through Friday\n" in shown
        assert shown.count("02:00:00") == 3

    @pytest.mark.parametrize(
        ("text", "warning"),
        [
            ("never", "it can never be true again"),
            ("cron 0 0 13 * fri", "either is enough"),
            ("weekly on Mon & every 10 s", "For a window, write time of week on Monday"),
            ("monthly on 31st", "months without that day (31) are left out"),
            ("time of day before 10:00", "again and again"),
            ("daily & ~daily", "it can never be true again"),
        ],
    )
    def test_it_warns_of_what_may_be_meant_otherwise(self, text, warning):
        assert warning in self.explained(text)

    def test_it_warns_when_the_clocks_leave_the_time_out_or_show_it_twice(self):
        assert "when the clocks of Europe/Berlin change next" in self.explained("cron 30 2 * * *", "--tz", "Europe/Berlin")
        assert "change next" not in self.explained("cron 30 12 * * *", "--tz", "Europe/Berlin")

    def test_what_is_no_condition_is_wrong_use_that_shows_where(self):
        done = cli("explain", "daily befor 10:00")
        assert done.returncode == 2
        assert "  daily befor 10:00\n        ^ " in done.stderr


class TestWhy:
    def test_it_shows_each_part_with_its_value_and_what_it_waits_for(self):
        found = {row["condition"]: row for row in rows("why", "jobs.py", "report")}
        assert found["after task 'nightly'"]["now"] == "no"
        assert "'nightly' to have succeeded" in found["after task 'nightly'"]["waits_for"]

    def test_it_asks_custom_conditions_and_shows_how_often_they_are_asked(self):
        found = {row["condition"]: row for row in rows("why", "jobs.py", "poll")}
        assert (found["every 6 hours"]["now"], found["is_free(disk='/var')"]["now"]) == ("yes", "no")
        assert "asked every 1 second" in found["is_free(disk='/var')"]["waits_for"]

    def test_it_shows_what_a_condition_raises(self):
        found = {row["condition"]: row for row in rows("why", "jobs.py", "fragile")}
        assert found["broken"]["now"] == "ValueError: on purpose, in fragile"
        assert "its condition raised ValueError: on purpose, in fragile" in cli("why", "jobs.py", "fragile").stdout

    def test_it_shows_the_last_decision_of_a_former_life(self):
        started = commands.cli("launch", "-q", "jobs.py", "nightly")  # which sets up logging, so not in this process
        assert started.returncode == 0
        shown = cli("why", "jobs.py", "report").stdout
        assert "it would start now" in shown
        assert "success" in cli("why", "jobs.py", "nightly").stdout

    def test_a_disabled_task_is_told(self):
        assert "it is disabled" in cli("why", "jobs.py", "off").stdout

    def test_a_task_without_a_condition_is_told(self):
        assert "it starts when it is asked to" in cli("why", "jobs.py", "manual").stdout


class TestSimulate:
    def starts(self, *args):
        return [(row["local"], row["task"]) for row in rows("simulate", "jobs.py", *args)]

    def test_it_lists_the_starts_over_days_also_where_the_clocks_change(self):
        found = self.starts("--from", "2026-03-28", "--to", "3 days", "--task", "nightly")
        assert found == [
            ("Sat 2026-03-28 02:30:00", "nightly"),
            ("Sun 2026-03-29 03:00:00", "nightly"),
            ("Mon 2026-03-30 02:30:00", "nightly"),
        ]

    def test_what_follows_starts_after_what_it_follows(self):
        found = self.starts("--from", "2026-05-01", "--to", "2026-05-02T00:00")
        assert found.index(("Fri 2026-05-01 02:30:00", "nightly")) + 1 == found.index(("Fri 2026-05-01 02:30:01", "report"))

    def test_nothing_is_run_and_nothing_is_recorded(self):
        self.starts("--from", "2026-05-01", "--to", "10 days")
        assert not os.path.exists("runs.jsonl")  # noqa: PTH110

    def test_a_table_ends_in_the_counts(self):
        done = cli("simulate", "jobs.py", "--from", "2026-05-01", "--to", "2 days")
        assert "nightly: 2" in done.stderr

    @pytest.mark.parametrize("args", [("--to", "soon"), ("--from", "3 days", "--to", "2026-05-01")])
    def test_what_is_no_time_is_wrong_use(self, args):
        assert cli("simulate", "jobs.py", *args).returncode == 2


def test_the_commands_that_look_ahead_work_without_a_runtime_that_runs_and_leave_no_log():
    for command in (("next", "jobs.py"), ("why", "jobs.py", "poll"), ("explain", "daily")):
        assert cli(*command).returncode == 0
    assert not os.path.exists("runs.jsonl")  # noqa: PTH110
