"""The cradle: a process that has loaded all that a victim needs, and forks one for each life, so that none has to load it.

``python -m benchmarks.killing.cradle`` reads a line for each life, and writes the id of its process, then how that has ended.
"""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import Self

from benchmarks.killing.plan import Life
from benchmarks.killing.victim import life_of, live

_ROOT = Path(__file__).resolve().parents[2]


class Cradle:
    """Begins lives, one at a time; a context manager, which ends with all of them over."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.killing.cradle"],
            cwd=_ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,  # an interruption is for who begins lives, and ends them
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        if error is not None:
            self._process.kill()  # it may wait for a life of which nobody knows yet
        self._process.communicate()

    @property
    def pid(self) -> int:
        """The id of the process that forks them."""
        return self._process.pid

    def begin(self, folder: Path, life: Life) -> Begun:
        """Begin a life in `folder`."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps([str(folder), asdict(life)]) + "\n")
        self._process.stdin.flush()
        return Begun(int(self._line()), self)

    def _line(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline()


class Begun:
    """A life that has begun."""

    def __init__(self, pid: int, cradle: Cradle) -> None:
        self._cradle = cradle
        self._fd = os.pidfd_open(pid)  # the id may be another one's as soon as it has ended

    def signal(self, number: int) -> None:
        """Send it a signal, if it has not ended."""
        with suppress(ProcessLookupError):
            signal.pidfd_send_signal(self._fd, number)

    def wait(self, seconds: float) -> bool:
        """Wait for its end, so long at most, and return whether it has ended."""
        return bool(select.select([self._fd], [], [], seconds)[0])

    def end(self) -> int:
        """Kill it unless it has ended, and return how it has, as ``Popen.returncode`` says it."""
        self.signal(signal.SIGKILL)
        os.close(self._fd)
        return int(self._cradle._line())


def main() -> None:
    """Fork a victim for each line, until there are no more."""
    for line in sys.stdin:
        folder, said = json.loads(line)
        pid = os.fork()
        if not pid:
            _be_victim(Path(folder), life_of(said))
        print(pid, flush=True)
        print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), flush=True)


def _be_victim(folder: Path, life: Life) -> None:
    """Live, and end this process."""
    nothing = os.open(os.devnull, os.O_RDWR)
    said = os.open(folder / "stderr", os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    for fd, instead in enumerate((nothing, nothing, said)):
        os.dup2(instead, fd)
    sys.exit(live(folder, life))


if __name__ == "__main__":
    main()
