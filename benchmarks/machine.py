"""The machine on which it is measured: what it is, what is installed, and how steadily it works."""

from __future__ import annotations

import os
import platform
import time
import tomllib
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from benchmarks.apart import ROOT
from benchmarks.figures import Machine

PACKAGES = ("callsheet", "trio", "anyio", "tinydb", "orjson", "cattrs")
_TURNS = 50_000  # some milliseconds


def calibration() -> float:
    """Return how many milliseconds a fixed loop takes, which does the same at all times."""
    began, total = time.perf_counter(), 0
    for number in range(_TURNS):
        total += number & 3
    return (time.perf_counter() - began) * 1e3


def load() -> float:
    """Return the load average of the last minute."""
    return os.getloadavg()[0]


def machine(load_before: float, calibrations: Sequence[float]) -> Machine:
    """Return what this machine is, after something was measured.

    Args:
      load_before: the load average before that.
      calibrations: what the loop took meanwhile, in ms.
    """
    return Machine(
        cpu=_cpu(),
        cpus=os.cpu_count() or 1,
        kernel=f"{platform.system()} {platform.release()}",
        python=f"{platform.python_implementation()} {platform.python_version()}",
        versions={name: found for name in PACKAGES if (found := installed(name)) is not None},
        load_before=load_before,
        load_after=load(),
        calibration=tuple(calibrations),
    )


def installed(package: str) -> str | None:
    """Return the version of a package, or None if it is not installed; of Callsheet, whose source this is, in any case."""
    try:
        return version(package)
    except PackageNotFoundError:
        if package != "callsheet":
            return None
    with (ROOT / "pyproject.toml").open("rb") as file:
        return f"{tomllib.load(file)['project']['version']}, from source"


def _cpu() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    except OSError:  # not on Linux
        lines = []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.processor() or platform.machine())
