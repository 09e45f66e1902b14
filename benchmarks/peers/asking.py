"""Asking a peer: a process of its own, in which `answering` serves."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

from benchmarks.environments import Unavailable, reason
from benchmarks.peers.answering import Value

ROOT = Path(__file__).resolve().parents[2]
_TO_BEGIN = 60.0
"""Seconds until a peer must have imported what it needs."""
_TO_END = 5.0
"""Seconds until it must have ended when nobody asks any more."""


class Asking:
    """Asks a peer. A context, in which the process runs; its end ends the process and all its children.

    Args:
      python: the interpreter of the peer.
      script: which script of this folder it executes.

    Raises:
      Unavailable: the peer does not begin to answer.
    """

    def __init__(self, python: Path, script: str) -> None:
        self._python, self._script = python, script
        self._begin()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._end()

    def _begin(self) -> None:
        self._errors = tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace")  # noqa: SIM115  # closed by _end
        self._process = subprocess.Popen(  # noqa: S603  # ours
            [self._python, "-m", f"benchmarks.peers.{self._script}"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
            cwd=ROOT,
            env={name: value for name, value in os.environ.items() if name != "PYTHONPATH"},  # it has what it needs
            start_new_session=True,  # so that its children can be ended with it, whatever becomes of it
        )
        told = self._answer(_TO_BEGIN)
        self.package: str = told["package"]
        """What it measures, with its version, as it says."""
        self.offers: frozenset[str] = frozenset(told["offers"])
        """The deeds that it can be asked for."""

    def ask(self, deed: str, *numbers: int, within: float) -> Value:
        """Have a deed done, and return what it took.

        Args:
          within: seconds; a peer that takes longer is ended.

        Raises:
          Unavailable: it did not answer. It can be asked again, which begins it anew.
        """
        if self._process.poll() is not None:
            self.begin_anew()  # it has failed before
        assert self._process.stdin is not None
        with suppress(BrokenPipeError):  # it has died, and has said why
            print(deed, *numbers, file=self._process.stdin, flush=True)
        value: Value = self._answer(within)["value"]
        return value

    def begin_anew(self) -> None:
        """End the process and begin another, in which nothing has been done yet."""
        self._end()
        self._begin()

    def _answer(self, within: float) -> dict[str, Any]:
        stdout = self._process.stdout
        assert stdout is not None
        there, _, _ = select.select([stdout], [], [], within)  # nothing is buffered: one line an answer, read as a whole
        if (line := stdout.readline() if there else "").endswith("\n"):
            answer: dict[str, Any] = json.loads(line)
            return answer
        if there:  # it has closed its end: soon it will have said why
            self._wait()
        self._kill()
        self._errors.seek(0)
        why = reason(self._errors.read()) if there else f"no answer within {within:g} s"
        self._end()
        raise Unavailable(why)

    def _end(self) -> None:
        if self._errors.closed:
            return  # by now the number of the process may be another's
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with suppress(BrokenPipeError):
            self._process.stdin.close()
        self._wait()
        self._kill()
        self._process.stdout.close()
        self._errors.close()

    def _wait(self) -> None:
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(_TO_END)

    def _kill(self) -> None:
        with suppress(ProcessLookupError):  # nothing is left of it
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
