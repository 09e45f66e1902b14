"""Documents of run logs, and what they amount to in a form that can be compared."""

from dataclasses import fields
from itertools import count

from actors.facts import REMEMBERED, TaskFacts
from runtime.runlog.file_log import FileLog
from runtime.runlog.history import History
from runtime.runlog.memory_log import MemoryLog

LOGS = {
    "memory": lambda _: MemoryLog(),
    "file": lambda folder: FileLog(folder / "runs.jsonl"),
    "file that rotates": lambda folder: FileLog(folder / "runs.jsonl", segment_size=300),
}
"""{kind of run log: makes one in a folder, with what another of its kind has left there}."""
_COMPARED = tuple(field.name for field in fields(TaskFacts) if field.name not in ("going", "remembered"))


def run(task, run_id, start, **more):
    """Return the record that a run began."""
    return {"created": start, "task_name": task, "run_id": run_id, "action": "run", "start": start, "due": start, **more}


def end(task, run_id, start, action="success", at=None, **more):
    """Return the record that a run ended, a second after it began."""
    at = start + 1 if at is None else at
    return {**run(task, run_id, start), "created": at, "action": action, "end": at, "runtime": at - start, **more}


def unstarted(task, run_id, at):
    """Return the record of a launch that ended before its run began."""
    return {"created": at, "task_name": task, "run_id": run_id, "action": "terminate", "due": at, "reason": "before it started"}


def note(action, task, run_id, start, **more):
    """Return a note about a run."""
    return {"created": start + 0.5, "task_name": task, "run_id": run_id, "action": action, "start": start, **more}


def schedule(task, condition, at):
    """Return the note that a task's start condition is followed since then."""
    return {"created": at, "task_name": task, "action": "schedule", "schedule": condition}


class Ticking:
    """A clock that is one second later at each look, from 1000 on."""

    def __init__(self):
        self._seconds = count(1000.0)

    def now(self):
        return next(self._seconds)


def fill(log, *documents):
    """Append `documents` to `log`."""
    for document in documents:
        log.append(document)


def moments(facts):
    """Return the moments that a task's facts know."""
    names = ("run", "success", "fail", "terminate", "inaction", "crash", "due")
    return {name: moment for name in names if (moment := getattr(facts, name)) is not None}


def summary(history):
    """Return all that a History knows, as plain values."""
    return {
        "facts": {task: _plain(facts) for task, facts in sorted(history.facts.items())},
        "schedules": dict(history.schedules),
        "totals": history.totals,
        "ends": history.ends,
        "open": history.open,
        "waiting": history.waiting,
        "latest": history.latest,
        "count": history.count,
    }


def amount_of(documents):
    """Return the summary of what `documents` amount to."""
    return summary(History.of(map(dict, documents)))


def _plain(facts):
    remembered = {action: moments[-REMEMBERED:] for action, moments in facts.remembered.items()}
    return {**{name: getattr(facts, name) for name in _COMPARED}, "remembered": remembered}
