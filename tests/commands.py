"""Running the command line and programs of users as they do: in a process of their own."""

import os
import subprocess
import sys
import time
from pathlib import Path
from textwrap import dedent

ROOT = Path(__file__).resolve().parents[1]
CLI = str(ROOT / "cli.py")


def write(name, text):
    """Write a user's file in the working directory."""
    path = Path(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(dedent(text))
    return path


def python(*args, timeout=60, **options):
    """Run Python as a user would who has Callsheet installed."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "default"}
    return subprocess.run(
        [sys.executable, *map(str, args)],
        capture_output=True,
        text=True,
        timeout=timeout,
        stdin=subprocess.DEVNULL,
        check=False,
        env=environment,
        **options,
    )


def cli(*args, **options):
    """Run the command line from the source folder, as README says."""
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    return subprocess.run(
        [sys.executable, CLI, *map(str, args)],
        capture_output=True,
        text=True,
        timeout=60,
        stdin=subprocess.DEVNULL,
        check=False,
        env=environment,
        **options,
    )


class Started:
    """A program that goes on while a test looks at it from outside."""

    def __init__(self, *args):
        self.process = subprocess.Popen(
            [sys.executable, *map(str, args)],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            text=True,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )
        self.printed = ""

    def __repr__(self):
        """What a test shows that fails by its exit code: the end of what it printed."""
        return f"<program that printed ...{self.printed[-150:]!r}>"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
        self.process.stdout.close()
        self.process.wait()

    def wait_for(self, text):
        """Wait until it has printed `text`, and return the line."""
        while True:
            line = self.process.stdout.readline()
            assert line, f"it ended without {text!r}; it printed:\n{self.printed}"
            self.printed += line
            if text in line:
                return line

    def wait_ended(self, within):
        """Wait until it has ended, and return its exit code."""
        code = self.process.wait(within)
        self.printed += self.process.stdout.read()
        return code


def wait_gone(pid, within=5.0):
    """Wait until there is no such process, or fail."""
    deadline = time.monotonic() + within
    while is_alive(pid):
        assert time.monotonic() < deadline, f"process {pid} is still there"
        time.sleep(0.02)


def is_alive(pid):
    """Return whether a process is there and not a zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False
