"""What README and the docs say is what is done."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from actors import conds
from commands import cli, python
from runtime import RuntimeThread

ROOT = Path(__file__).resolve().parents[1]


def blocks(file, language):
    return re.findall(rf"```{language}\n(.*?)```", (ROOT / file).read_text(), re.DOTALL)


def test_the_example_in_readme_runs():
    (example,) = [block for block in blocks("README.md", "python") if "app.run()" in block]
    Path("jobs.py").write_text(example)
    assert cli("tasks", "jobs.py").returncode == 0
    done = cli("launch", "jobs.py", "crunch", "-p", "day=3")
    assert done.returncode == 0, done.stderr


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


PAGES = ["docs/conditions.md", "docs/migrating.md", "docs/how-to/limits.md", "docs/how-to/retries.md"]


@pytest.mark.parametrize("page", PAGES)
def test_the_examples_of_a_page_run(page):
    for block in blocks(page, "python"):
        Path("jobs.py").write_text(block)
        done = cli("next", "jobs.py", "--json")
        assert (done.returncode, done.stderr.count("Error")) == (0, 0), done.stderr


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


@pytest.mark.parametrize("option", ["--quick", "--help"])
def test_the_benchmarks_run(option):
    done = subprocess.run([sys.executable, "-m", "benchmarks", option], capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.returncode == 0, done.stderr
