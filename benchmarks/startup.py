"""How long it takes until something happens: imports, the command line, the first run of an app; beside a bare interpreter."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from benchmarks import contest
from benchmarks.apart import ROOT, apart, environment
from benchmarks.contest import Contender
from benchmarks.figures import Absent, Figure
from benchmarks.runlog import fill_log
from benchmarks.section import Progress, Section, Settings

INTERPRETER, TRIO = "an interpreter that does nothing", "an interpreter that runs trio once"
_RECORDS = 1_000
_MANY = 4
"""How many rounds there are for each of the other sections: each is short, and starts of processes vary."""


def measure(settings: Settings, progress: Progress) -> Iterator[Figure | Absent]:
    """Yield what it takes from the start of a process: each round is one process of each kind."""
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "runs.jsonl"
        fill_log(log, _RECORDS)
        rounds = settings.rounds * (1 if settings.quick else _MANY)
        yield from contest.run("startup", _contenders(log), replace(settings, rounds=rounds), progress)


def _contenders(log: Path) -> list[Contender]:
    of = partial(Contender, count=1, unit="ms")
    command = str(ROOT / "cli.py")
    return [
        of(INTERPRETER, _process("-c", "pass")),
        of("import trio", _import("trio"), package="trio"),
        of("import actors", _import("actors")),
        of("an interpreter that imports actors", _process("-c", "import actors"), baseline=INTERPRETER),
        of("cli.py --help", _process(command, "--help"), baseline=INTERPRETER),
        of(f"cli.py runs, of {_RECORDS:,} records", _process(command, "runs", "--log", str(log)), baseline=INTERPRETER),
        of(TRIO, _process("-c", "import trio; trio.run(trio.sleep, 0)"), baseline=INTERPRETER),
        of("an app, until its first run has ended: async", partial(_first_run, "async"), baseline=TRIO),
        of("an app, until its first run has ended: thread", partial(_first_run, "thread"), baseline=TRIO),
        of("an app, until its first run has ended: process", partial(_first_run, "process"), baseline=TRIO),
    ]


def _process(*words: str) -> Callable[[int], float]:
    """Return what measures an interpreter from its start to its end."""

    def measure(times: int) -> float:
        return sum(_timed(words) for _ in range(times))

    return measure


def _import(module: str) -> Callable[[int], float]:
    """Return what measures an import by itself, the start of its interpreter left out."""
    code = f"import time; begin = time.perf_counter(); import {module}; print(time.perf_counter() - begin)"

    def measure(times: int) -> float:
        return sum(float(_output("-c", code)) for _ in range(times))

    return measure


def _first_run(mode: str, times: int) -> float:
    took = 0.0
    for _ in range(times):
        with tempfile.TemporaryDirectory() as folder:
            began = time.monotonic()
            took += apart("newborn", mode, folder) - began
    return took


def _timed(words: Sequence[str]) -> float:
    began = time.perf_counter()
    _output(*words)
    return time.perf_counter() - began


def _output(*words: str) -> str:
    command = [sys.executable, *words]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, cwd=ROOT, env=environment(), check=True)  # noqa: S603  # ours
    return done.stdout


SECTION = Section("startup", "from the start of a process", measure)
