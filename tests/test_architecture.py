"""The structure that docs/architecture.md describes, held by what the code imports."""

import ast
import inspect
import pickle
import subprocess
import sys
from pathlib import Path

import pytest

import actors
import actors.conds
import actors.errors as errors_module
from actors.errors import CallsheetError

ROOT = Path(__file__).resolve().parents[1]
LAYERS = {"actors": {"actors"}, "runtime": {"actors", "runtime"}, "cli.py": {"actors", "runtime", "cli"}}
OURS = {"actors", "runtime", "cli"}
FOR_TESTS = ROOT / "actors" / "testing.py"  # only tests load it, and what it offers stands on the runtime


def files(layer):
    path = ROOT / layer
    return [path] if path.suffix else sorted(path.rglob("*.py"))


def imported(path, *, nested=True):
    """Return the dotted names of the modules that a file imports, in functions too, but not those for types only."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text())) if nested else ast.parse(path.read_text()).body:
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module)
    return names


def top(names):
    return {name.split(".")[0] for name in names}


@pytest.mark.parametrize("layer", LAYERS)
def test_imports_point_downwards(layer):
    for path in files(layer):
        names = imported(path) if path != FOR_TESTS else set()
        if path.name == "app.py":
            names -= {"runtime"}  # App.run() and its siblings ask for it when they are called
        assert top(names) & OURS <= LAYERS[layer], path


def test_actors_imports_the_standard_library_only_and_cronsim_where_a_cron_expression_is_read():
    for path in files("actors"):
        names = top(imported(path)) - ({"cronsim"} if path.name == "cron.py" else set())
        assert names <= {*sys.stdlib_module_names, "actors", "runtime"}, path
        assert "cronsim" not in imported(path, nested=False)


def test_only_app_asks_for_the_runtime_and_only_inside_its_methods():
    for path in files("actors"):
        if path != FOR_TESTS:
            assert "runtime" not in top(imported(path, nested=False)), path
        if path.name not in ("app.py", FOR_TESTS.name):
            assert "runtime" not in top(imported(path)), path


def test_what_is_for_tests_is_loaded_by_nothing_else():
    for layer in LAYERS:
        for path in files(layer):
            if path != FOR_TESTS and path.parent != ROOT / "runtime" / "testing":
                assert not {name for name in imported(path) if name.startswith(("actors.testing", "runtime.testing"))}, path


@pytest.mark.parametrize(
    ("library", "homes"),
    [
        ("tinydb", {"repo.py", "table.py"}),
        ("cattrs", {"codec.py", "message_codec.py", "repo.py"}),
        ("orjson", {"lines.py"}),
        ("anyio", {"loops.py", "asyncio_thread.py", "asyncio_bridge.py", "errand.py", "refs.py"}),
        ("asyncio", {"loops.py", "asyncio_thread.py", "asyncio_bridge.py"}),
        (
            "click",
            {
                "cli.py",
                "bench.py",
                "lazy.py",
                "log.py",
                "logs.py",
                "moments.py",
                "runs.py",
                "schedule.py",
                "shared.py",
                "stats.py",
                "whole.py",
            },
        ),
        ("cronsim", {"cron.py"}),
        ("tzlocal", {"machine.py"}),
    ],
)
def test_each_library_has_its_home(library, homes):
    users = {path.name for layer in LAYERS for path in files(layer) if library in top(imported(path))}
    assert users == homes


PARTS = {
    "runners": [path.stem for path in (ROOT / "runtime/runners").glob("*.py")],
    "run log": [path.stem for path in (ROOT / "runtime/runlog").glob("*.py")],
    "mailbox": ["mailbox"],
    "clock": ["clock"],
}


FOLDERS = {"runners": "runners.", "run log": "runlog.", "mailbox": "", "clock": ""}


@pytest.mark.parametrize(("part", "other"), [(a, b) for a in PARTS for b in PARTS if a != b and (a, b) != ("run log", "clock")])
def test_runners_run_log_mailbox_and_clock_do_not_know_each_other(part, other):
    others = {f"runtime.{FOLDERS[other]}{name}" for name in PARTS[other]}
    for name in PARTS[part]:
        assert not imported(ROOT / "runtime" / FOLDERS[part].replace(".", "/") / f"{name}.py") & others, name


def test_the_worker_side_loads_neither_trio_nor_the_rest_of_the_runtime():
    code = (
        "import sys; sys.argv = ['x']; import runtime.worker.child; "
        "print(sorted(name for name in sys.modules if name.split('.')[0] in ('trio', 'anyio', 'cattrs', 'attr', 'tinydb')))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stdout == "[]\n"


def test_there_is_no_cycle_of_imports():
    graph = {}
    for layer in ("actors", "runtime"):
        for path in files(layer):
            name = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
            graph[name] = {module for module in imported(path, nested=False) if module.split(".")[0] in OURS} - {name}
    done, path = set(), []

    def visit(name):
        assert name not in path, " -> ".join([*path, name])
        if name in done or name not in graph:
            return
        path.append(name)
        for other in graph[name]:
            visit(other)
        path.pop()
        done.add(name)

    for name in graph:
        visit(name)


def test_the_public_names_are_these():
    public = {name for name, value in vars(actors).items() if not name.startswith("_") and not inspect.ismodule(value)}
    assert public - {"annotations", "TYPE_CHECKING"} == {
        "App", "Argument", "CallsheetError", "Condition", "Flag", "Group", "Retry", "SchedulerExit", "SchedulerRestart",
        "Session", "Task", "TaskInactionException", "TaskTerminationException", "TerminationFlag", "cancellation_point",
        "cleanup", "limit", "progress", "rate",
    }  # fmt: skip


def test_conditions_are_public_names_too_and_loaded_at_first_use():
    code = "import sys, actors; before = 'actors.conds.status' in sys.modules; from actors import daily, running; print(before)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True).stdout == "False\n"
    for name in actors.conds.__all__:
        assert getattr(actors, name) is getattr(actors.conds, name)
    with pytest.raises(AttributeError, match="no attribute 'dayly'"):
        _ = actors.dayly


def test_what_actors_are_made_of_and_what_records_are_is_public_too_and_loaded_at_first_use():
    lazily = {
        "Actor", "ActorRef", "ActorSpec", "Completed", "Decline", "Down", "Failed", "GaveUp", "Ignored", "Killed", "Lost",
        "Message", "MinimalRecord", "MinimalRunRecord", "Outcome", "Ref", "Restart", "Stopped", "Supervisor", "TaskLogRecord",
        "TaskRunRecord", "TaskStats", "handler", "one_for_all", "one_for_one", "rest_for_one", "between", "equal",
        "greater_equal", "greater_than", "in_", "less_equal", "less_than", "not_equal",
    }  # fmt: skip
    assert set(dir(actors)) - set(vars(actors)) - set(actors.conds.__all__) == lazily
    assert all(getattr(actors, name).__name__ == name for name in lazily)


ONE_RUN = """
import trio
from actors import App
from runtime import open_runtime

async def main():
    app, ended = App(log=None, execution="async", stop_when_idle=True), trio.Event()
    app.task("true", name="once", func=ended.set)
    async with open_runtime(app):
        await ended.wait()

trio.run(main)
"""
"""An app that runs a function on the scheduler's own loop."""
DONE_WITHOUT = {
    "import actors": [
        *("actors.actor", "actors.commands", "actors.conds.custom", "actors.conds.language", "actors.health", "actors.keywords"),
        *("actors.nodes", "actors.opers", "actors.outcomes", "actors.pickled", "actors.policies", "actors.records", "actors.ref"),
        *("actors.sources", "actors.spec", "actors.statistics", "actors.supervision", "asyncio", "difflib", "hashlib", "json"),
        *("logging", "pathlib", "pickle", "random", "shlex", "socket", "subprocess", "urllib", "uuid", "zoneinfo"),
    ],
    ONE_RUN: ["anyio", "asyncio", "cattrs", "multiprocessing", "runtime.host", "runtime.testing", "tinydb"],
}
"""{what is executed: what it does without, so that this is loaded only where it is needed}."""


@pytest.mark.parametrize("code", DONE_WITHOUT, ids=["import actors", "one run"])
def test_nothing_is_loaded_that_is_not_needed(code):
    asked = f"import sys; before = {{*sys.modules}}\n{code}\nprint(*({{*sys.modules}} - before))"
    done = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, cwd=ROOT, check=True)
    assert {*DONE_WITHOUT[code]} & {*done.stdout.split()} == set()


def all_errors():
    return [cls for cls in vars(errors_module).values() if inspect.isclass(cls) and issubclass(cls, CallsheetError)]


def made(cls):
    """Make an error, with something for each of its fields."""
    parameters = list(inspect.signature(cls.__init__).parameters.values())[1:]
    values = {"str": "text", "int": 3, "float": 2.5, "Sequence[str]": ["one", "two"]}
    return cls(*(values[p.annotation] for p in parameters if p.kind is p.POSITIONAL_OR_KEYWORD))


@pytest.mark.parametrize("cls", all_errors(), ids=lambda cls: cls.__name__)
def test_errors_survive_pickle_and_say_the_same(cls):
    error = made(cls)
    copy = pickle.loads(pickle.dumps(error))
    assert type(copy) is cls
    assert (str(copy), vars(copy)) == (str(error), vars(error))


def test_all_errors_are_drawn_in_the_tree():
    for cls in all_errors():
        assert cls.__name__ in errors_module.__doc__


def test_no_file_mentions_the_place_where_it_was_written():
    for path in ROOT.rglob("*"):
        if path.suffix in {".py", ".md", ".toml"} and not {".git", ".venv", ".venv-dev", "build"} & set(path.parts):
            assert "/" + "work/" not in path.read_text(), path


def test_all_that_type_checkers_know_of_the_package_is_what_a_star_imports():
    declared = {
        alias.asname
        for node in ast.walk(ast.parse((ROOT / "actors" / "__init__.py").read_text()))
        if isinstance(node, ast.ImportFrom) and node.module != "__future__"
        for alias in node.names
        if alias.asname and not alias.asname.startswith("_")
    }
    assert sorted(declared) == sorted(actors.__all__)
    code = "from actors import *; print(Actor.__name__, between.__name__, 'annotations' in globals())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stdout == "Actor between False\n"
