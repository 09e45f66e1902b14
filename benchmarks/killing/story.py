"""Story: what is known of one run log over all lives of its victim, from outside, and whether what is there fits."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from benchmarks.killing import checks
from benchmarks.killing.deeds import greeting
from benchmarks.killing.plan import Life
from benchmarks.killing.traces import Deed, Record, Segment, Tail, deeds_of, segments_of, text_of
from benchmarks.killing.victim import KEEP, KEEP_RUNS, MAX_RESCUES, PERIODS
from runtime.output.paths import output_file, output_folder, start_of, task_of
from runtime.output.reader import text_of as output_of
from runtime.runlog.file_log import FileLog
from runtime.runlog.history import History
from runtime.runlog.verify import verify

SLOTTED = frozenset(f"{kind}-{which}" for kind in PERIODS for which in ("slots", "tried"))
COMPARED = ("status", "run", "success", "fail", "terminate", "inaction", "crash", "poison", "due", "fails")
"""What is known of a task, whatever notes there are between the records."""
_LASTING = (".state", ".lock")
_ALIVE = (*_LASTING, ".reserve", ".sock")


class Story:
    """Everything that a run log ever had, as the loggers of its victims were told, and what their tasks did.

    Args:
      folder: what victims have beside the folder of their log.
      keeps_all: whether nothing ever goes.
    """

    def __init__(self, folder: Path, *, keeps_all: bool) -> None:
        self.log = folder / "log" / "runs.jsonl"
        self.ever: list[Record] = []
        self.deeds: list[Deed] = []
        self.counts: Counter[str] = Counter()
        """How often what was found that may be there after a kill."""
        self._keeps_all = keeps_all
        self._new_deeds, self._told, self._printed = (Tail(folder / name) for name in ("deeds", "told", "stderr"))
        self._lost: set[checks.RunKey] = set()  # whose records waited for a full disk
        self._lost_starts: set[tuple[str, float]] = set()
        self._texts: set[str] = set()

    def news(self) -> list[Deed]:
        """Return what was done since it was asked last, while the victim lives."""
        found = list(deeds_of(self._new_deeds.lines(is_over=False)))
        self.deeds += found
        return found

    def take_in(self, life: Life, *, was_killed: bool) -> Iterator[str]:
        """Take in what a life has left that is over, and yield what is wrong with it."""
        self.deeds += deeds_of(self._new_deeds.lines())
        told, errors = self._heard(life)
        yield from errors
        segments = segments_of(self.log)
        there = [record for segment in segments for record in segment.records]
        yield from self._complete(life, told, there, was_killed=was_killed)
        yield from checks.damage(segments, self.log.name)
        yield from self._files(segments, was_killed=was_killed)
        runs = checks.runs_of(self.ever)
        yield from checks.disorder(runs, MAX_RESCUES)
        yield from checks.misdeeds(runs, self.deeds, self._lost)
        yield from checks.twice_decided(self.ever, SLOTTED)
        yield from checks.unfounded(self.ever, "follows", "async-slots")
        if self._moment("up", life) is not None and life.full is None:  # else what closes them may wait to be written
            yield from checks.left_open(runs, self._moment("loaded", life) or 0.0)
        yield from self._amount(runs)
        for key, records in checks.runs_of(there).items():
            if (checks.is_open(records) or checks.is_waiting(records)) and records[-1] != runs[key][-1]:
                yield f"run {key} seems to go on by what is there, and has ended or gone on: {records[-1]}"

    def at_the_end(self) -> Iterator[str]:
        """Yield what is wrong once nothing is left to be done, and all was tidied up."""
        for key, records in checks.runs_of(self.ever).items():
            if checks.is_open(records) or checks.is_waiting(records):
                yield f"run {key} has no end: {[record['action'] for record in records]}"
        kept = {
            (record["task_name"], record["start"])
            for segment in segments_of(self.log)
            for record in segment.records
            if "start" in record
        }
        for path in output_folder(self.log).glob("*/*"):
            if (task_of(path.parent), start_of(path.name)) not in kept | self._lost_starts:
                yield f"{path} belongs to no run that is kept"
        yield from self._outputs(kept)
        days = {time.localtime(record["created"]).tm_yday for record in self.ever}
        successes = sum(record["task_name"] == "daily" and record["action"] == "success" for record in self.ever)
        if successes > len(days):
            yield f"what is daily has succeeded {successes} times"

    def _outputs(self, kept: set[tuple[str, float]]) -> Iterator[str]:
        """Yield the runs that have succeeded and whose output is not there, or is not theirs."""
        for record in self.ever:
            if record["action"] == "success" and (record["task_name"], record["start"]) in kept:
                path = output_file(self.log, record["task_name"], record["start"], record["run_id"])
                if greeting(record["run_id"]) not in (output_of(path) or ""):
                    yield f"the output of {record} is {output_of(path)!r}"

    def _moment(self, what: str, life: Life) -> float | None:
        return next((deed.time for deed in reversed(self.deeds) if (deed.what, deed.task) == (what, str(life.number))), None)

    def _heard(self, life: Life) -> tuple[list[Record], list[str]]:
        """Return the records that the loggers of a life were told, and what the runtime found wrong that is not planned."""
        told, errors = [], []
        for line in self._told.lines():
            said = json.loads(line)
            if "record" in said:
                told.append(said["record"])
                continue
            words = said["words"]
            self.counts["torn last lines"] += "dropped a torn last line" in words
            self.counts["processes that have outlived their scheduler"] += "has outlived the runtime" in words
            if said["level"] == "ERROR" and life.full is None:
                errors.append(f"the runtime says: {words}")
        printed = self._printed.lines()
        if any(line.startswith("Traceback") for line in printed):
            errors.append("the victim has printed:\n" + "\n".join(printed))
        return told, errors

    def _complete(self, life: Life, told: list[Record], there: list[Record], *, was_killed: bool) -> Iterator[str]:
        """Add what a life has put on record, and yield what is not there of that and must be, or is and must not."""
        known = {text_of(record) for record in told}
        found = {text_of(record): record for record in there}
        untold = [record for text, record in found.items() if text not in self._texts and text not in known]
        if len(found) < len(there):
            yield f"{len(there) - len(found)} records are there twice"
        if len(untold) > was_killed or (untold and untold[0] is not there[-1]):
            yield f"records are there that the loggers were not told of: {untold}"
        self._lose_what_waited(life, told, found, was_killed=was_killed)
        self._count(told + untold)
        self.ever += told + untold
        self._texts |= {text_of(record) for record in told + untold}
        if self._keeps_all:
            gone = [record for record in self.ever if text_of(record) not in found]
            yield from (f"a record is gone: {record}" for record in gone)
        else:
            yield from checks.wrongly_gone(self.ever, found.keys(), KEEP, KEEP_RUNS, time.time())
        if [record for record in self.ever if text_of(record) in found] != there:
            yield "the records are not in the order in which the loggers were told"

    def _lose_what_waited(self, life: Life, told: list[Record], found: dict[str, Record], *, was_killed: bool) -> None:
        """Take from the end of `told` what still waited to be written where the disk was full."""
        while life.full is not None and told and text_of(told[-1]) not in found:
            lost = told.pop()
            self._lost.add((lost["task_name"], lost["run_id"]))
            self._lost_starts.add((lost["task_name"], lost.get("start", 0.0)))
            self.counts["records lost, which waited while the disk was full"] += 1

    def _count(self, records: list[Record]) -> None:
        for record in records:
            self.counts["crash records"] += record["action"] == "crash"
            self.counts["crash records with the cause poison"] += record.get("cause") == "poison"
            is_retry = record["action"] == "retry"
            self.counts["attempts cut off that were tried again"] += (
                is_retry and record["cause"] == "crash" and not record.get("rescues")
            )
            self.counts["attempts cut off that were run again"] += (
                is_retry and record["cause"] == "crash" and bool(record.get("rescues"))
            )

    def _files(self, segments: list[Segment], *, was_killed: bool) -> Iterator[str]:
        """Yield the files that are there and should not."""
        counted = {segment.name for segment in segments}
        self.counts["drafts of files"] += sum(path.name.endswith(".new") for path in self.log.parent.iterdir())
        self.counts["segments that others have replaced"] += sum(
            path.name not in counted for path in self.log.parent.glob("runs*.jsonl")
        )
        self.counts["logs without an active segment"] += self.log.name not in counted
        for path in self.log.parent.iterdir():
            name = path.name.removesuffix(".new") if was_killed else path.name
            ours = {f"{self.log.name}{ending}" for ending in (_ALIVE if was_killed else _LASTING)}
            is_segment = name in counted or (was_killed and path.match(f"{self.log.stem}-*{self.log.suffix}*"))
            if name not in ours and not is_segment and path != output_folder(self.log) and name != self.log.name:
                yield f"the file {path.name} is there"
        verdict = verify(self.log)
        if verdict.missing or verdict.state or any(file.damaged or (file.torn and not was_killed) for file in verdict.files):
            yield f"log verify says {verdict}"

    def _amount(self, runs: dict[checks.RunKey, list[Record]]) -> Iterator[str]:
        """Yield where the run log does not amount to all that it ever had, also to what has gone."""
        found, whole = FileLog(self.log).history(), History.of(dict(record) for record in self.ever)
        totals = {task: dict(counts) for task, counts in checks.totals_of(self.ever).items()}
        if found.totals != totals:
            yield f"the totals are {found.totals} and not {totals}"
        if {key[:2] for key in found.open} != {key for key, records in runs.items() if checks.is_open(records)}:
            yield f"the runs that go on are {list(found.open)}"
        if {key[:2] for key in found.waiting} != {key for key, records in runs.items() if checks.is_waiting(records)}:
            yield f"the runs that wait are {list(found.waiting)}"
        if found.ends != whole.ends:
            yield f"the latest runs are {found.ends} and not {whole.ends}"
        for task, facts in whole.facts.items():
            known = found.facts.get(task)
            for name in COMPARED:
                if getattr(known, name, None) != getattr(facts, name):
                    yield f"of {task} {name} is {getattr(known, name, None)} and not {getattr(facts, name)}"
