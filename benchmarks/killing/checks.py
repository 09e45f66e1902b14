"""What must hold of the traces of a victim, whenever it was killed. Each check yields what does not, in words."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

from benchmarks.killing.traces import Deed, Record, Segment, text_of

ENDS = ("success", "fail", "terminate", "inaction", "crash")
NEVER_GO = ("success", "fail")
RunKey = tuple[str, str]
"""Task and run id."""


def runs_of(records: Iterable[Record]) -> dict[RunKey, list[Record]]:
    """Return the records of each run, in their order."""
    found: defaultdict[RunKey, list[Record]] = defaultdict(list)
    for record in records:
        if record["run_id"]:
            found[record["task_name"], record["run_id"]].append(record)
    return dict(found)


def is_in_order(actions: Sequence[str]) -> bool:
    """Return whether these may be the actions of one run: attempts that others followed, at most one end, nothing after it."""
    state = "new"
    for action in actions:
        may_follow = {"new": ("run", *ENDS), "run": ("retry", *ENDS), "retry": ("run", *ENDS)}.get(state, ())
        if action not in may_follow:
            return False
        state = action
    return True


def disorder(runs: Mapping[RunKey, Sequence[Record]], most_rescues: int) -> Iterator[str]:
    """Yield the runs whose records cannot be, by their order, their attempts or their rescues."""
    for key, records in runs.items():
        actions = [record["action"] for record in records]
        begun = [record.get("attempt", 1) for record in records if record["action"] == "run"]
        if not is_in_order(actions):
            yield f"run {key} has the records {actions}"
        if begun != list(range(1, len(begun) + 1)):
            yield f"run {key} has begun its attempts {begun}"
        if any(record.get("rescues", 0) > most_rescues for record in records):
            yield f"run {key} was rescued too often: {actions}"


def is_open(records: Sequence[Record]) -> bool:
    """Return whether a run goes on, as far as its records say."""
    return bool(records[-1]["action"] == "run")


def is_waiting(records: Sequence[Record]) -> bool:
    """Return whether a run waits for its next attempt."""
    return bool(records[-1]["action"] == "retry")


def left_open(runs: Mapping[RunKey, Sequence[Record]], since: float) -> Iterator[str]:
    """Yield the runs that began before `since`, when a life had recovered what was there, and have no end."""
    for key, records in runs.items():
        if is_open(records) and records[-1]["start"] < since:
            yield f"run {key} of a former life was not closed"


def misdeeds(runs: Mapping[RunKey, Sequence[Record]], deeds: Iterable[Deed], lost: Collection[RunKey]) -> Iterator[str]:
    """Yield where functions began that were not on record, or twice for one attempt, or succeeded without having ended.

    Args:
      lost: runs of which records were lost since the disk was full.
    """
    begun: Counter[tuple[RunKey, int]] = Counter()
    ended: set[tuple[RunKey, int]] = set()
    starts = {key: [record["start"] for record in records if record["action"] == "run"] for key, records in runs.items()}
    for deed in deeds:
        key = deed.task, deed.run_id
        attempt = bisect_right(starts.get(key, []), deed.time)
        if deed.what == "began":
            begun[key, attempt] += 1
            if not attempt and key not in lost:
                yield f"run {key} began and was not on record"
        elif deed.what == "ended":
            ended.add((key, attempt))
    yield from (
        f"attempt {attempt} of run {key} began {times} times"
        for (key, attempt), times in begun.items()
        if times > 1 and key not in lost
    )
    for key, records in runs.items():
        if records[-1]["action"] == "success" and (key, len(starts[key])) not in ended:
            yield f"run {key} is on record as a success and has not ended"


def twice_decided(records: Iterable[Record], tasks: Collection[str]) -> Iterator[str]:
    """Yield the slots of `tasks` that were decided more than once: started and started, or started and missed."""
    until: dict[str, float] = {}
    for record in records:
        task, action = record["task_name"], record["action"]
        if task in tasks and ((action == "run" and record.get("attempt", 1) == 1) or action == "missed"):
            first, last = (record["due"],) * 2 if action == "run" else (record["first"], record["last"])
            if first <= until.get(task, -math.inf):
                yield f"a slot of task {task} was decided twice: {record}"
            until[task] = max(last, until.get(task, -math.inf))


def unfounded(records: Iterable[Record], follower: str, watched: str) -> Iterator[str]:
    """Yield the runs of a task that are one more than there were successes of the task it follows: one has started two."""
    successes = 0
    for record in records:
        if record["task_name"] == watched and record["action"] == "success":
            successes += 1
        elif record["task_name"] == follower and record["action"] == "run" and record.get("attempt", 1) == 1:
            successes -= 1
            if successes < 0:
                yield f"run {record['run_id']} of {follower} has nothing to follow"


def damage(segments: Sequence[Segment], active: str) -> Iterator[str]:
    """Yield what is damaged, torn where it must not be, or missing."""
    expected = 1
    for segment in segments:
        if segment.damaged:
            yield f"{segment.name} has {segment.damaged} damaged lines"
        if segment.torn and segment.name != active:
            yield f"{segment.name} is sealed and torn"
        if segment.first != expected:
            yield f"{segment.name} begins with segment {segment.first} and not {expected}"
        expected = segment.number + 1


def wrongly_gone(ever: Sequence[Record], there: Collection[str], keep: float, keep_runs: float, now: float) -> Iterator[str]:
    """Yield the records that are not there, by their texts, and must not have gone.

    Those may go of runs that began more than `keep` seconds ago, or have `keep_runs` later ones of their task that have ended,
    unless they were the last to succeed or fail, or go on.
    """
    ended: defaultdict[str, list[float]] = defaultdict(list)
    last: dict[tuple[str, str], float] = {}
    for record in ever:
        if record["action"] in ENDS:
            ended[record["task_name"]].append(_start(record))
            last[record["task_name"], record["action"]] = _start(record)
    since = {task: sorted(starts)[-int(keep_runs)] for task, starts in ended.items() if len(starts) >= keep_runs}
    always = {(task, start) for (task, action), start in last.items() if action in NEVER_GO}
    always |= {(key[0], _start(records[-1])) for key, records in runs_of(ever).items() if is_open(records) or is_waiting(records)}
    for record in ever:
        task, start = record["task_name"], _start(record)
        may_go = start < max(since.get(task, -math.inf), now - keep) and (task, start) not in always
        if not may_go and text_of(record) not in there:
            yield f"a record is gone that is to be kept: {record}"


def _start(record: Record) -> float:
    start: float = record["start"] if "start" in record else record["created"]
    return start


def totals_of(records: Iterable[Record]) -> dict[str, Counter[str]]:
    """Return how often what happened to each task, starts that were missed one by one."""
    totals: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for record in records:
        totals[record["task_name"]][record["action"]] += record.get("count", 1) if record["action"] == "missed" else 1
    return dict(totals)
