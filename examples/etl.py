"""Find out how much of the standard library of the Python that runs this has docstrings: extract, transform, load, check.

    python cli.py run -q examples/etl.py

What happens: ``survey`` counts the source files of each package, without reading them, and asks for one run of ``etl.extract``
for each. From there on each success starts the next stage, which gets what it has returned: ``etl.extract`` reads the files
(threads: reading lets go of the interpreter), ``etl.transform`` parses them (worker processes: parsing is work for the
processor), and ``etl.load`` puts a row for each into an SQLite file (async: nearly all of it is waiting). Extracting and loading
share the disk, two of them at a time. One package is busy when it is first asked for, on purpose: stderr says so, and that run is
tried again. When nothing is left to do, ``report`` prints what the stages have done, checks what was loaded against what
``survey`` has counted, and the app ends.

    python cli.py runs -n 100                # all the runs; of the one that was tried again both attempts
    python cli.py show etl.extract:json      # what is known of that one

The rows are in ``.callsheet/etl.sqlite``, beside the run log. Each start begins with an empty table, so that one that was
interrupted can be followed by another.
"""

import ast
import sqlite3
import sys
import sysconfig
import time
from contextlib import closing
from pathlib import Path

import trio

from actors import App, Group, Retry, after_success, cancellation_point, limit, progress
from actors.args import Return

LIBRARY = Path(sysconfig.get_paths()["stdlib"])
PACKAGES = sorted(name for name in sys.stdlib_module_names if (LIBRARY / name / "__init__.py").is_file())
DATABASE = Path(".callsheet/etl.sqlite")
DEFINITIONS = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


class SourceBusy(Exception):
    """A source cannot be read now, but later it can."""


app = App(stop_when_idle=True)
etl = Group(prefix="etl.", multilaunch=True, timeout="30 seconds")
disk = limit("disk", 2)
busy = {"json"}  # what cannot be read at first: made up, so that there is something to try again
began = time.time()


def files_of(package):
    """Return the source files of a package, without its tests."""
    folder = LIBRARY / package
    return sorted(file for file in folder.rglob("*.py") if "test" not in str(file.parent.relative_to(folder)))


def run_id(task, params):
    """Name a run after what it works on, so that ``callsheet runs`` can be read."""
    return f"{task.name}:{params['package']}"


@app.setup
def prepare():
    """Make an empty table, before anything starts."""
    DATABASE.parent.mkdir(exist_ok=True)
    with closing(sqlite3.connect(DATABASE)) as database:
        database.executescript("""
            DROP TABLE IF EXISTS files;
            CREATE TABLE files (file TEXT PRIMARY KEY, bytes INTEGER, definitions INTEGER, documented INTEGER);
        """)


@app.task(on_startup=True, execution="main")
def survey():
    """Count what there is without reading it, and ask for all the work."""
    files = size = 0
    for package in PACKAGES:
        sizes = [file.stat().st_size for file in files_of(package)]
        files, size = files + len(sizes), size + sum(sizes)
        progress(files, note=package)
        app.session[extract].run(package=package)
    return files, size


@etl.task(execution="thread", func_run_id=run_id, limits=disk, retries=Retry(2, base="0.2 seconds", on=SourceBusy))
def extract(package):
    """Read the files of a package."""
    if package in busy:
        busy.discard(package)
        raise SourceBusy(f"{package} is busy, once and on purpose")
    files = files_of(package)
    sources = []
    for number, file in enumerate(files, start=1):
        cancellation_point()
        sources.append((str(file.relative_to(LIBRARY)), file.read_bytes()))
        progress(number, len(files))
    return sources


@etl.task(after_success(extract), execution="process")
def transform(sources=Return(extract)):
    """Make a row of each file. This takes longest: ``callsheet runs`` shows how far it is."""
    rows = []
    for number, (file, source) in enumerate(sources, start=1):
        rows.append((file, len(source), *documentation(source)))
        progress(number, len(sources), note=file)
    return rows


def documentation(source):
    """Count the modules, classes and functions in a source, and those of them that have a docstring."""
    definitions = [node for node in ast.walk(ast.parse(source)) if isinstance(node, DEFINITIONS)]
    documented = [node for node in definitions if ast.get_docstring(node, clean=False) is not None]
    return len(definitions), len(documented)


@etl.task(after_success(transform), execution="async", limits=disk)
async def load(rows=Return(transform)):
    """Put rows into the database, all of them or none, in place of older ones; the scheduler goes on meanwhile."""
    await trio.to_thread.run_sync(insert, rows)
    progress(len(rows), len(rows))


def insert(rows):
    with closing(sqlite3.connect(DATABASE)) as database, database:
        database.executemany("INSERT OR REPLACE INTO files VALUES (?, ?, ?, ?)", rows)


app.include(etl)


@app.task(on_shutdown=True, execution="main")
def report(counted=Return(survey)):
    """Print what each stage has done and what it took, and check the result."""
    from rich.console import Console
    from rich.table import Table

    table = Table("stage", "mode", title=f"The standard library in {LIBRARY}", title_justify="left")
    for name in ("runs", "attempts", "files", "took together"):
        table.add_column(name, justify="right")
    ended = [record for record in app.session.get_repo().filter_by() if record.end is not None and record.start >= began]
    for stage in (app.session[function] for function in (survey, extract, transform, load)):
        attempts = [record for record in ended if record.task_name == stage.name]
        done = [record for record in attempts if record.action == "success"]
        files = sum(record.progress.done for record in done if record.progress)
        took = sum(record.runtime for record in attempts)
        table.add_row(stage.name, stage.execution, str(len(done)), str(len(attempts)), f"{files:,.0f}", f"{took:.2f} s")
    console = Console(width=100)
    console.print(table)

    with closing(sqlite3.connect(DATABASE)) as database:
        totals = "SELECT count(*), sum(bytes), sum(definitions), sum(documented) FROM files"
        files, size, definitions, documented = database.execute(totals).fetchone()
    if (files, size) != counted:
        raise RuntimeError(f"{(files, size)} files and bytes were loaded, but {counted} were counted")
    console.print(f"{files:,} files, {size:,} bytes loaded, as counted; all in {time.time() - began:.1f} s")
    console.print(f"{documented:,} of {definitions:,} modules, classes and functions have a docstring")


if __name__ == "__main__":
    app.run()
