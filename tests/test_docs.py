"""What README and the docs say is what is done."""

import inspect
import json
import re
import shlex
import signal
import subprocess
import sys
from dataclasses import fields
from itertools import pairwise, zip_longest
from pathlib import Path
from typing import get_args

import pytest

import actors
from actors import App, Restart, Task, TaskStats, args, conds, opers, outcomes
from actors.causes import CauseKind
from actors.config import Config
from actors.errors import ActorError
from actors.nodes import Reason
from actors.spec import OVERFLOWS, ActorOptions
from actors.testing import Probe, Scripted, World
from commands import CLI, Started, cli, python
from runtime import RuntimeThread

ROOT = Path(__file__).resolve().parents[1]
PAGES = ["README.md", "CONTRIBUTING.md", *sorted(str(page.relative_to(ROOT)) for page in (ROOT / "docs").rglob("*.md"))]


def blocks(file, language):
    return re.findall(rf"```{language}\n(.*?)```", (ROOT / file).read_text(), re.DOTALL)


def languages_and_blocks(file):
    """Return all blocks of a page with their languages, empty if there is none, in their order."""
    return re.findall(r"^```(\w*)\n(.*?)^```", (ROOT / file).read_text(), re.DOTALL | re.MULTILINE)


def written(block):
    """Write an example to the file that its first line names, ``jobs.py`` if it names none, and return that."""
    named = re.match(r"# (\w+\.py)\n", block)
    file = Path(named[1] if named else "jobs.py")
    file.write_text(block)
    return file


def test_the_example_in_readme_runs():
    (example,) = [block for block in blocks("README.md", "python") if "app.run()" in block]
    Path("jobs.py").write_text(example)
    assert cli("tasks", "jobs.py").returncode == 0
    done = cli("launch", "jobs.py", "crunch", "-p", "day=3")
    assert done.returncode == 0, done.stderr


def test_the_actor_in_readme_answers():
    (example,) = [block for block in blocks("README.md", "python") if "(Actor)" in block]
    done = cli("launch", "-q", written(example), "count")
    assert (done.returncode, done.stdout) == (0, "42\n"), done.stderr


def test_the_commands_in_readme_are_those_of_the_command_line():
    said = cli("--help").stdout
    for command in re.findall(r"^\| `(\w+) ", (ROOT / "README.md").read_text(), re.MULTILINE):
        assert f"\n  {command} " in said or command in ("main", "async", "thread", "process"), command


def test_readme_names_every_execution_mode_of_the_code():
    from actors.config import EXECUTIONS

    for mode in EXECUTIONS:
        assert f"\n| `{mode}` |" in (ROOT / "README.md").read_text()


def test_files_that_the_architecture_names_are_there():
    text = (ROOT / "docs" / "architecture.md").read_text()
    for row in re.findall(r"^\| (`.*?) \|", text, re.MULTILINE):
        folder = ROOT
        for name in re.findall(r"`([\w/]+(?:\.py|/))`", row):
            folder = (ROOT / name).parent if "/" in name.rstrip("/") or name.endswith("/") else folder
            assert (ROOT / name if "/" in name else folder / name).exists(), name


def table_of_conditions():
    lines = (ROOT / "docs" / "conditions.md").read_text().splitlines()
    start = lines.index("| in words | as an object |") + 2
    rows = lines[start : lines.index("", start)]
    return [re.fullmatch(r"\| `(.*)` \| `(.*)` \|", row.replace("\\|", "¦")).groups() for row in rows]


@pytest.mark.parametrize(("words", "code"), table_of_conditions())
def test_words_and_objects_in_the_table_of_conditions_say_the_same(words, code):
    words, code = words.replace("¦", "|"), code.replace("¦", "|")
    assert conds.parse(words) == eval(code, {name: getattr(conds, name) for name in conds.__all__})


HOW_TO = ["control", "groups", "hooks", "limits", "output", "pipelines", "process-limits", "progress", "recovery", "retries"]
HOW_TO += ["run-log-queries", "termination"]
EXAMPLES = ["arguments", "conditions", "migrating", *(f"how-to/{name}" for name in HOW_TO)]


@pytest.mark.parametrize("page", EXAMPLES)
def test_the_examples_of_a_page_run(page):
    for block in blocks(f"docs/{page}.md", "python"):
        done = cli("next", written(block), "--json")
        assert (done.returncode, done.stderr.count("Error")) == (0, 0), done.stderr


@pytest.mark.parametrize(
    ("page", "task"),
    [("arguments", "fetch"), ("arguments", "adjust"), ("how-to/control", "discover"), ("how-to/groups", "etl.fetch")],
)
def test_a_task_of_an_example_does_its_work(page, task):
    done = cli("launch", "-q", written(blocks(f"docs/{page}.md", "python")[0]), task)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    ("page", "printed"), [("how-to/pipelines", "crunched ccc\n"), ("how-to/commands-code-and-files", "3 lines\n")]
)
def test_an_example_that_ends_by_itself_does_its_work(page, printed):
    *_, jobs = [written(block) for block in blocks(f"docs/{page}.md", "python")]
    done = cli("run", "-q", jobs)
    assert (done.returncode, done.stderr) == (0, "")
    assert printed in done.stdout


def test_the_run_on_the_page_on_output_has_written_what_the_page_shows():
    (jobs,), (shown,) = blocks("docs/how-to/output.md", "python"), blocks("docs/how-to/output.md", "text")
    assert cli("launch", "-q", written(jobs), "load").returncode == 0
    (run_id,) = {json.loads(line)["run_id"] for line in cli("runs", "--json").stdout.splitlines()}
    assert cli("logs", run_id).stdout == shown


@pytest.mark.parametrize("page", ["actors", "how-to/actors"])
def test_the_examples_of_actors_print_what_the_page_shows(page):
    written(blocks("docs/actors.md", "python")[0])  # from which others import
    for (language, block), (following, shown) in pairwise(languages_and_blocks(f"docs/{page}.md")):
        if language == "python":
            done = cli("run", "-q", written(block))
            assert (done.returncode, following, done.stdout) == (0, "text", shown), done.stderr


def test_the_table_of_restarts_says_what_is_decided():
    ends = {
        "Completed": (),
        "Stopped": ("itself",),
        "Failed": (OSError(),),
        "Killed": ("itself",),
        "Lost": ("why",),
        "GaveUp": ("why",),
    }
    rows = re.findall(r"^\| `(\w+)` \| .*? \| (.*?) \| (.*?) \| (.*?) \|$", (ROOT / "docs/actors.md").read_text(), re.MULTILINE)
    said = {end: [cell == "restarted" for cell in cells] for end, *cells in rows if end in ends}
    kinds = (Restart.permanent(), Restart.transient(), Restart.temporary())
    assert said == {end: [kind.wants(getattr(outcomes, end)(*of)) for kind in kinds] for end, of in ends.items()}


def test_the_pages_on_actors_name_every_option_every_reason_and_every_error():
    text = "".join((ROOT / page).read_text() for page in ("docs/actors.md", "docs/how-to/actors.md"))
    of_actors = [error.__name__ for error in ActorError.__subclasses__()]
    names = [*ActorOptions.__annotations__, *get_args(Reason), *OVERFLOWS, *of_actors]
    assert [name for name in names if not re.search(rf"\b{name}\b", text)] == []


def test_the_tests_on_the_page_on_testing_pass():
    for block in blocks("docs/how-to/testing.md", "python"):
        written(block)
    done = python("-m", "pytest", "-q", "-W", "error", timeout=180)
    assert done.returncode == 0, done.stdout
    assert "23 passed" in done.stdout


def test_the_page_on_testing_names_what_a_world_a_script_and_a_probe_have():
    text = (ROOT / "docs/how-to/testing.md").read_text()
    names = [name for owner in (World, Probe, Scripted) for name in vars(owner) if not name.startswith("_")]
    inner = {"started", "take"}  # of a probe, for the kit itself
    assert [name for name in names if name not in inner and not re.search(rf"\b{name}\b", text)] == []


def test_the_tutorial_can_be_followed(monkeypatch):
    monkeypatch.setenv("PYTHONUNBUFFERED", "1")
    found = languages_and_blocks("docs/tutorial.md")
    for (language, block), (_, following) in zip_longest(found, found[1:], fillvalue=("", "")):
        if language == "python":
            written(block)
        for command in block.splitlines() if language == "sh" else ():
            words = shlex.split(command, comments=True)[1:]
            if command.endswith("# until Ctrl+C"):
                follow_until_interrupted(words, shown=following.splitlines()[-1])
            else:
                done = cli(*words)
                assert done.returncode == 0, (command, done.stderr)


def follow_until_interrupted(words, shown):
    """Run the command line until it has printed what the page shows last, then press Ctrl+C."""
    with Started(CLI, *words) as started:
        started.wait_for(shown)
        started.process.send_signal(signal.SIGINT)
        assert started.wait_ended(20) == 0
        assert "Error" not in started.printed


def test_the_tasks_of_the_page_on_termination_clean_up_and_the_log_tells_why_they_ended():
    jobs, why = [written(block) for block in blocks("docs/how-to/termination.md", "python") if "interrupt=" not in block]
    with jobs.open("a") as file:
        file.write("app.session.config.shutdown_wait = 0\n")
    with Started(CLI, "run", "-q", jobs) as started:
        started.wait_for("crunch: begins")
        started.process.send_signal(signal.SIGTERM)
        started.wait_ended(20)
    assert set(re.findall(r"(\w+): cleaned up", started.printed)) == {"copy", "listen", "crunch"}
    done = python(why)
    assert (done.stdout, done.stderr) == ("Counter({'shutdown': 3})\n", "")


def test_on_the_page_on_recovery_what_was_cut_off_is_run_again_or_a_crash():
    example, look = blocks("docs/how-to/recovery.md", "python")
    jobs = written(example)
    with Started(CLI, "run", jobs) as first:
        first.wait_for("of 20")
        first.process.kill()
        first.wait_ended(10)
    with Started(CLI, "run", jobs) as second:
        second.wait_for("task 'load' run ")
        second.wait_for("of 20")
        second.process.send_signal(signal.SIGTERM)
        second.wait_ended(20)
    said = [json.loads(line) for line in Path(".callsheet/runs.jsonl").read_text().splitlines()[1:]]
    assert [record["action"] for record in said if record["task_name"] == "load"].count("retry") == 1
    assert python(written(look)).stdout.startswith("send ")


def test_the_page_on_termination_names_every_cause():
    rows = "\n".join(re.findall(r"^\| `.*", (ROOT / "docs/how-to/termination.md").read_text(), re.MULTILINE))
    assert [cause for cause in get_args(CauseKind) if f"`{cause}`" not in rows] == []


def test_the_page_on_arguments_names_all_there_are():
    text = (ROOT / "docs/arguments.md").read_text()
    assert [name for name in args.__all__ if not re.search(rf"\b{name}\b", text)] == []


def test_the_page_on_control_names_what_there_is():
    rows = "\n".join(re.findall(r"^\| .*", (ROOT / "docs/how-to/control.md").read_text(), re.MULTILINE))
    session = App(log=None).session
    assert [name for name in re.findall(r"`session\.(\w+)", rows) if not hasattr(session, name)] == []
    assert [name for name in re.findall(r"`(?:task)?\.(\w+)", rows) if not hasattr(Task, name)] == []


def test_the_page_for_those_who_know_rocketry_names_every_option():
    text = (ROOT / "docs/migrating.md").read_text()
    assert [name for name in {*Config.option_names(), *Task.option_names()} if not re.search(rf"\b{name}\b", text)] == []


@pytest.mark.parametrize("page", PAGES)
def test_the_links_of_a_page_lead_somewhere(page):
    for target, anchor in re.findall(r"\]\((?!http)([^)#]*)#?([^)]*)\)", (ROOT / page).read_text()):
        file = (ROOT / page).parent / target if target else ROOT / page
        assert file.exists(), target
        headings = re.findall(r"^#+ (.*)", file.read_text(), re.MULTILINE) if anchor else []
        assert not anchor or anchor in [heading.lower().replace(" ", "-") for heading in headings], anchor


@pytest.mark.parametrize("number", range(3), ids=["fastapi", "trio", "thread"])
def test_the_examples_of_the_page_on_embedding_run(number):
    if number == 0:
        pytest.importorskip("fastapi", reason="the example needs what the dev extra brings")
    Path("jobs.py").write_text(blocks("docs/how-to/embedding.md", "python")[number])
    done = python("jobs.py")
    assert (done.returncode, done.stderr.count("Error")) == (0, 0), done.stderr
    assert cli("tasks", "jobs.py").returncode == 0


def test_the_page_on_embedding_names_what_a_handle_has():
    for name in re.findall(r"^\| `(\w+)[(`]", (ROOT / "docs/how-to/embedding.md").read_text(), re.MULTILINE):
        assert hasattr(RuntimeThread, name), name


def test_what_the_page_on_queries_of_the_run_log_shows_works():
    jobs = written(blocks("docs/how-to/run-log-queries.md", "python")[0])
    for task in ("fetch", "report"):
        done = cli("launch", "-q", jobs, task)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("0 bad ends since yesterday\nfetch {'run': 1, 'success': 1} 0.")
    for command in blocks("docs/how-to/run-log-queries.md", "sh")[0].splitlines():
        done = cli(*shlex.split(command)[1:])
        told = done.stderr.splitlines()
        assert (done.returncode, [line for line in told if "times are on the clocks of" not in line]) == (0, []), command


def test_the_page_on_queries_of_the_run_log_names_every_operator_and_number():
    text = (ROOT / "docs/how-to/run-log-queries.md").read_text()
    names = [name for name in dir(opers) if inspect.isfunction(getattr(opers, name)) and getattr(actors, name, None)]
    assert len(names) == 8
    assert [name for name in names if f"`{name}(" not in text] == []
    of_late = {"p50_late", "p99_late", "max_late", "task_name"}
    assert [field.name for field in fields(TaskStats) if f"`{field.name}`" not in text and field.name not in of_late] == []


def test_the_commands_of_the_page_on_conditions_run():
    Path("jobs.py").write_text(blocks("docs/conditions.md", "python")[0])
    for command in blocks("docs/conditions.md", "sh")[0].splitlines():
        done = cli(*shlex.split(command)[1:])
        assert done.returncode == 0, done.stderr


def test_the_quickstart_reads_the_standard_library_in_all_four_modes():
    done = cli("run", "-q", ROOT / "examples" / "quickstart.py")
    assert (done.returncode, done.stderr) == (0, "")
    for mode in ("async", "main", "process", "thread"):
        assert re.search(rf"\d+ {mode} +runs: success", done.stdout)
    assert "fail" not in done.stdout
    assert "asyncio" in done.stdout
    assert "24 pages fetched" in done.stdout


def test_the_benchmarks_run():  # test_benchmarks.py measures with them
    done = subprocess.run([sys.executable, "-m", "benchmarks", "--help"], capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.returncode == 0, done.stderr
