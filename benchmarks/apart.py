"""What is measured in a process of its own, so that what others have left there does not count."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]


def environment() -> dict[str, str]:
    """Return the environment of what is measured: this one, but with bytecode kept, as that of an installed package is.

    Where nothing may be kept, each process compiles all that it imports, and that is what would be measured.
    """
    return {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


def apart(module: str, *words: object) -> Any:
    """Run a module of this package in a process of its own, and return the JSON that it prints.

    Raises:
      RuntimeError: it has failed; with what it said.
    """
    command = [sys.executable, "-m", f"benchmarks.{module}", *map(str, words)]
    done = subprocess.run(  # noqa: S603  # ours
        command, capture_output=True, text=True, cwd=ROOT, env=environment(), check=False
    )
    if done.returncode:
        raise RuntimeError(f"{' '.join(command[1:])} has failed:\n{done.stderr}")
    return json.loads(done.stdout)
