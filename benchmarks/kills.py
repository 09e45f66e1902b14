"""The kill test: a busy app is killed at random moments, and each time what is left is compared with what others saw."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from benchmarks.killing.cradle import Begun, Cradle
from benchmarks.killing.plan import LOGS, Life, last_life, plan
from benchmarks.killing.report import Report
from benchmarks.killing.story import Story
from benchmarks.killing.victim import HALTED, IN_ORDER, KEEP, KEEP_RUNS
from benchmarks.resources import marked, marking

_ROOT = Path(__file__).resolve().parents[1]
_TO_START, _TO_END, _TO_BE_GONE = 30.0, 30.0, 10.0
"""Seconds: longer than anything takes that works."""
_LOOK = 0.002
_MOST_PROBLEMS = 20
_AT_ONE_LOG = 50
"""How many kills there are until another log is begun: the first lives of one are the only ones that find nothing."""


def run(kills: int, seed: int, pace: float = 1.0, killed: Callable[[], object] = lambda: None) -> Report:
    """Kill a busy app so many times, in ways that follow from `seed`; when exactly is up to the machine.

    Args:
      pace: how long lives are, in comparison with the usual.
      killed: called after each.

    Raises:
      FileNotFoundError: there is no ``/proc``, by which processes are found.
    """
    lives, reports, left = plan(seed, pace), list[Report](), kills
    with tempfile.TemporaryDirectory() as folder, marking() as mark, Cradle() as cradle:
        while left > 0 and not any(report.problems for report in reports):
            test = KillTest(Path(folder) / str(len(reports)), mark, cradle, killed)
            test.go_through(lives, min(left, _AT_ONE_LOG))
            reports.append(test.report())
            left -= reports[-1].kills.total()
    return Report.of(reports)


class KillTest:
    """Lets victims live, one after the other, kills them, and looks at what they leave in the two logs that they share.

    Args:
      mark: a variable of the environment, ``NAME=value``, by which all their processes are known.
    """

    def __init__(self, folder: Path, mark: str, cradle: Cradle, killed: Callable[[], object]) -> None:
        self.kills: Counter[tuple[str, str]] = Counter()
        self.problems: list[str] = []
        self._told: set[str] = set()
        self._orderly, self._since = 0, time.monotonic()
        self._folder, self._mark, self._cradle, self._killed = folder, mark, cradle, killed
        self._stories = {name: Story(folder / name, keeps_all=name == "all") for name in LOGS}
        for name in LOGS:
            (folder / name / "log").mkdir(parents=True)

    def go_through(self, lives: Iterator[Life], kills: int) -> None:
        """Let victims live these lives until there were so many kills, or something is wrong; then have all come to its end."""
        while self.kills.total() < kills and len(self.problems) < _MOST_PROBLEMS:
            self.live(next(lives))
        for number, name in enumerate(LOGS, 1):
            self.live(last_life(-number, name))
            self._call("compact", name, *(["--keep", f"{KEEP} s", "--keep-runs", str(KEEP_RUNS)] if name == "few" else []))
            self._call("verify", name)
            self._tell(f"in the end, {name}: ", self._stories[name].at_the_end())

    def live(self, life: Life) -> None:
        """Let a victim live this life, and look at what is left of it."""
        story = self._stories[life.log]
        begun = self._cradle.begin(self._folder / life.log, life)
        victim = Victim(begun, story, life)
        try:
            victim.live()
        except TimeoutError as exc:
            self.problems.append(f"{life}: {exc}")
        finally:
            code = begun.end()
        was_killed, known = code == -signal.SIGKILL, len(story.ever)
        if not was_killed:
            self._orderly += 1
            if code not in (*IN_ORDER, *(HALTED if life.full is not None else ())):
                self.problems.append(f"{life} has exited with {code}")
        if life.is_patient or life.is_last or not was_killed:
            self.problems += [f"{life}: {told}" for told in self._still_there()]
        self._tell(f"{life}: ", story.take_in(life, was_killed=was_killed))
        if was_killed:
            phase = "recovering" if victim.phase == "opening" and len(story.ever) > known else victim.phase
            self.kills[phase, "operation" if life.way == "operation" else "moment"] += 1
            self._killed()

    def _tell(self, where: str, problems: Iterable[str]) -> None:
        """Take note of problems, each once: what is wrong stays so."""
        for problem in problems:
            if problem not in self._told:
                self._told.add(problem)
                self.problems.append(f"{where}{problem}")

    def report(self) -> Report:
        """Return what was found."""
        counts: Counter[str] = Counter()
        for story in self._stories.values():
            counts.update(story.counts)
        records = [record for story in self._stories.values() for record in story.ever]
        runs = {(record["task_name"], record["run_id"]) for record in records}
        seconds = time.monotonic() - self._since
        return Report(self.kills, self._orderly, counts, len(runs), len(records), seconds, self.problems[:_MOST_PROBLEMS])

    def _call(self, command: str, name: str, *more: str) -> None:
        """Have a command of ``callsheet log`` done, which is to succeed."""
        log = str(self._folder / name / "log" / "runs.jsonl")
        words = [sys.executable, "cli.py", "log", command, "--log", log, *more]
        done = subprocess.run(words, cwd=_ROOT, capture_output=True, text=True, check=False)  # noqa: S603  # ours
        if done.returncode:
            self.problems.append(f"log {command} exits with {done.returncode}: {done.stdout}{done.stderr}")

    def _still_there(self) -> Iterator[str]:
        """Wait until no process of a victim is left; yield those that are, which are killed."""
        deadline = time.monotonic() + _TO_BE_GONE
        while left := set(marked(self._mark)) - {self._cradle.pid}:
            if time.monotonic() > deadline:
                for pid in left:
                    yield f"process {pid} is still there"
                    with suppress(ProcessLookupError):
                        os.kill(pid, signal.SIGKILL)
                return
            time.sleep(_LOOK)


class Victim:
    """A life that goes on."""

    def __init__(self, begun: Begun, story: Story, life: Life) -> None:
        self.phase = "loading"
        """What it does: ``loading``, ``opening`` the log and recovering, ``running``, or ``ending``."""
        self._begun, self._story, self._life = begun, story, life

    def live(self) -> None:
        """Let it live, and have it end as planned.

        Raises:
          TimeoutError: it does not start, or not end.
        """
        life = self._life
        self._reach("loaded", "opening", _TO_START)
        if life.way == "opening":
            self._begun.wait(life.after)
            self._begun.signal(signal.SIGKILL)
            return
        self._reach("up", "running", _TO_START)
        if life.is_last:
            self._wait(_TO_END)
            return
        if self._begun.wait(life.runs_for):
            return
        if life.way == "running":
            self._begun.signal(signal.SIGKILL)
            return
        self.phase = "ending"
        self._begun.signal(signal.SIGTERM)
        if life.way == "ending":
            self._begun.wait(life.after)
            self._begun.signal(signal.SIGKILL)
        else:
            self._wait(_TO_END)

    def _reach(self, what: str, phase: str, within: float) -> None:
        """Wait until it tells of `what`, or has ended."""
        deadline, is_over = time.monotonic() + within, False
        while not is_over:
            is_over = self._begun.wait(_LOOK)
            if any((deed.what, deed.task) == (what, str(self._life.number)) for deed in self._story.news()):
                self.phase = phase
                return
            if time.monotonic() > deadline:
                raise TimeoutError(f"it is not {what} after {within:g} s")

    def _wait(self, within: float) -> None:
        if not self._begun.wait(within):
            raise TimeoutError(f"it has not ended after {within:g} s")
