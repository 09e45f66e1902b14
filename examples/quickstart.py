"""Read the standard library of the Python that runs this, with tasks in all four modes.

    python cli.py run -q examples/quickstart.py

What happens: ``survey`` asks for one run of ``measure`` for each group of modules (worker processes: parsing is work for
the processor), one of ``fingerprint`` (threads: hashing lets go of the interpreter) and one of ``fetch`` for each page of a
web server that ``serve`` opens on this machine (async: waiting costs nothing). What they find they send to ``collect``, which
runs in the scheduler itself. When nothing is left to do, ``report`` prints the table, and the app ends.
"""

import ast
import hashlib
import json
import sys
import sysconfig
import time
from collections import Counter, defaultdict
from pathlib import Path

import trio

from actors import App, cancellation_point

LIBRARY = Path(sysconfig.get_paths()["stdlib"])
PACKAGES = sorted(name for name in sys.stdlib_module_names if (LIBRARY / name / "__init__.py").is_file())
PAGES = 24
BRANCHES = (ast.If, ast.For, ast.While, ast.ExceptHandler, ast.BoolOp, ast.IfExp)


def run_id(task, params):
    """Name a run after what it works on, so that ``callsheet runs`` can be read."""
    return ":".join([task.name, *(str(value) for value in params.values())])


app = App(multilaunch=True, stop_when_idle=True)
findings = defaultdict(dict)  # {package: what is known of it}; only touched by `collect`, in the scheduler's own thread
pages = []
address = {}
all_fetched = trio.Event()
began = time.time()


def files_of(package):
    return sorted((LIBRARY / package).rglob("*.py"))


@app.task(on_startup=True, execution="main", priority=1)
def survey():
    """Ask for all the work, in the order in which it is to be done."""
    for package in PACKAGES:
        app.session["measure"].run(package=package)
        app.session["fingerprint"].run(package=package)


@app.task(execution="process", func_run_id=run_id)
def measure(package):
    """Count the functions of a package, and the branches in them."""
    functions = branches = lines = 0
    most = (0, "")
    for file in files_of(package):
        source = file.read_bytes()
        lines += source.count(b"\n")
        try:
            tree = ast.parse(source)
        except SyntaxError:  # some are there to be wrong, for tests
            continue
        for node in ast.walk(tree):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                complexity = 1 + sum(isinstance(part, BRANCHES) for part in ast.walk(node))
                functions, branches = functions + 1, branches + complexity
                most = max(most, (complexity, f"{file.stem}.{node.name}"))
    found = {"lines": lines, "functions": functions, "complexity": branches, "most": f"{most[1]} ({most[0]})"}
    app.session["collect"].run(package=package, found=found)


@app.task(execution="thread", func_run_id=run_id)
def fingerprint(package):
    """Hash the files of a package."""
    digest, size = hashlib.sha256(), 0
    for file in files_of(package):
        cancellation_point()
        data = file.read_bytes()
        size += len(data)
        digest.update(data)
    app.session["collect"].run(package=package, found={"bytes": size, "sha256": digest.hexdigest()[:8]})


@app.task(execution="main", multilaunch=False)
def collect(package, found):
    """Put together what the others find."""
    findings[package].update(found)


@app.task(on_startup=True)
async def serve():
    """Serve pages on this machine for as long as it takes to fetch them all."""

    async def answer(stream):
        async with stream:
            await stream.receive_some()
            await trio.sleep(0.05)  # a page takes its time
            body = json.dumps({"page": "x" * 1000}).encode()
            await stream.send_all(b"HTTP/1.0 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))

    async with trio.open_nursery() as nursery:
        listeners = await nursery.start(trio.serve_tcp, answer, 0)
        address["port"] = listeners[0].socket.getsockname()[1]
        for number in range(PAGES):
            app.session["fetch"].run(number=number)
        await all_fetched.wait()
        nursery.cancel_scope.cancel()


@app.task(execution="async", func_run_id=run_id, timeout="5 seconds")
async def fetch(number):
    """Fetch one page; all of them are under way at once."""
    async with await trio.open_tcp_stream("127.0.0.1", address["port"]) as stream:
        await stream.send_all(b"GET /%d HTTP/1.0\r\n\r\n" % number)
        pages.append(sum([len(chunk) async for chunk in stream]))
    if len(pages) == PAGES:
        all_fetched.set()


@app.task(on_shutdown=True, execution="main")
def report():
    """Print what was found, and what it took."""
    from rich.console import Console
    from rich.table import Table

    table = Table(title=f"The standard library in {LIBRARY}", title_justify="left")
    table.add_column("package", style="bold")
    for name in ("lines", "functions", "complexity", "bytes"):
        table.add_column(name, justify="right")
    table.add_column("most branches in", no_wrap=True)
    table.add_column("sha256")
    for package, found in sorted(findings.items(), key=lambda item: -item[1].get("complexity", 0)):
        numbers = [f"{found.get(name, 0):,}" for name in ("lines", "functions", "complexity", "bytes")]
        table.add_row(package, *numbers, found.get("most", ""), found.get("sha256", ""))
    console = Console(width=120)
    console.print(table)

    ended = [record for record in app.session.get_repo().filter_by() if record.end is not None and record.start >= began]
    for (mode, action), count in sorted(Counter((record.execution, record.action) for record in ended).items()):
        console.print(f"{count:4} {mode:7} runs: {action}")
    console.print(f"{len(pages)} pages fetched, {sum(pages):,} bytes; all in {time.time() - began:.1f} s")


if __name__ == "__main__":
    app.run()
