"""Virtual environments of those that Callsheet is compared with: made when they are asked for, and kept for the next time."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

_TO_INSTALL = 600.0
"""Seconds that making an environment may take."""
_MARKER = "made-from.txt"


class Unavailable(Exception):
    """Something that Callsheet is compared with is not to be had; the text says why, in one line."""


def default_folder() -> Path:
    """Return where environments are kept if nobody says where: in the user's cache."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "callsheet-benchmarks"


def python_with(name: str, requirements: Sequence[str], folder: Path) -> Path:
    """Return the interpreter of an environment with just `requirements`, which is made unless it is there.

    An environment is made anew if its requirements or the version of Python have changed since, or if making it was cut short.

    Args:
      name: of the environment, below `folder`.

    Raises:
      Unavailable: it could not be made: no network, nothing for this Python, no place for it.
    """
    environment = folder / f"{name}-{sys.version_info.major}.{sys.version_info.minor}"
    python = environment / "bin" / "python"
    made_from = "\n".join((sys.version, sys.base_prefix, *requirements))
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with _locked(folder / ".lock"):
            marker = environment / _MARKER
            if not (python.exists() and marker.exists() and marker.read_text("utf-8") == made_from):
                _run(sys.executable, "-m", "venv", "--clear", environment)
                _run(python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input", *requirements)
                marker.write_text(made_from, "utf-8")  # last: what is without it was not made to the end
    except OSError as exc:
        raise Unavailable(f"no environment could be made for it: {exc}") from exc
    return python


@contextmanager
def _locked(file: Path) -> Iterator[None]:
    """Keep out other suites that would make the same environment meanwhile."""
    with file.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _run(*command: str | Path) -> None:
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=_TO_INSTALL)  # noqa: S603  # ours
    except subprocess.TimeoutExpired as exc:
        raise Unavailable(f"{command[2]} has not ended after {_TO_INSTALL:.0f} s") from exc
    if done.returncode:
        raise Unavailable(f"{command[2]} failed: {reason(done.stderr or done.stdout)}")


def reason(output: str) -> str:
    """Return the line of what a program has printed that says best why it failed: its first error, else its last line."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    errors = [line.removeprefix("ERROR:").strip() for line in lines if line.startswith("ERROR:")]
    return (errors or lines[-1:] or ["it says nothing"])[0]
