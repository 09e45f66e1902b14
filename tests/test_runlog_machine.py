"""A run log over many lives, on a disk that fails now and then: each run that was claimed has one end, and none is lost."""

import errno
import os
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from actors.facts import TERMINAL
from actors.records import is_record, run_key
from logged import Ticking, amount_of, end, note, run, schedule, summary, unstarted
from runtime.runlog.backlog import MOST
from runtime.runlog.file_log import FileLog
from runtime.runlog.history import History
from runtime.runlog.lines import is_whole
from runtime.runlog.recorder import Recorder
from runtime.runlog.retention import FOREVER, Keep
from runtime.runlog.segments import sealed_files


class Disk:
    """What the system says to who writes: as it is set, for so many times."""

    def __init__(self, patch):
        self._real = {name: getattr(os, name) for name in ("write", "fsync", "ftruncate", "rename", "replace")}
        self._failing, self._left, self._error, self._share = set(), 0, errno.ENOSPC, 0.0
        for name in self._real:
            patch.setattr(os, name, self._method(name))

    def fail(self, names, times, error, share):
        """Have these operations fail so many times; a write may have written a share of its bytes then."""
        self._failing, self._left, self._error, self._share = set(names), times, error, share

    def heal(self):
        self._left = 0

    @property
    def is_well(self):
        return not self._left

    def _method(self, name):
        def operation(*args):
            if name == "fsync" and "fsync" not in self._failing:
                return None  # nobody waits for the real one
            if not self._left or name not in self._failing:
                return self._real[name](*args)
            self._left -= 1
            if name == "write" and self._share:
                return self._real["write"](args[0], args[1][: int(len(args[1]) * self._share)])
            raise OSError(self._error, os.strerror(self._error))

        return operation


class RunLogMachine(RuleBasedStateMachine):
    """Launches, ends, deaths and failures in any order, against a list of what was recorded."""

    def __init__(self):
        super().__init__()
        self.patch = pytest.MonkeyPatch()
        self.folder = Path(tempfile.mkdtemp())
        self.path = self.folder / "runs.jsonl"
        self.disk = Disk(self.patch)
        self.clock, self.number, self.now = Ticking(), 0, 0.0
        self.elapsed = 0.0
        self.kept = []
        """What was recorded and is there for good, or would be if nothing were let go."""
        self.waiting = []
        """What was recorded while it could not be written."""
        self.going = {}
        self.log = self.recorder = None

    def teardown(self):
        self.disk.heal()
        if self.recorder is not None:
            self.restart()
            self.check()
            self.recorder.close()
        self.patch.undo()
        shutil.rmtree(self.folder)

    @initialize()
    def begin(self):
        self.open()

    def open(self):
        """Begin a life, and close what the last one has left open."""
        self.log = FileLog(self.path, segment_size=700)
        self.recorder = Recorder(self.log, self.clock, lambda: self.elapsed)
        history = self.recorder.open()
        for path in (self.path, *sealed_files(self.path).values()):
            assert all(map(is_whole, path.read_bytes().splitlines(keepends=True)))
        open_before = History.of(map(dict, self.kept)).open
        closed = list(self.log.documents())[-len(open_before) :] if open_before else []
        assert [run_key(document) for document in closed] == list(open_before)
        assert all(document["action"] == "crash" for document in closed)
        self.kept += closed
        self.going.clear()
        assert summary(history)["facts"].keys() == summary(self.log.history())["facts"].keys()
        assert not history.open
        return history

    def record(self, document):
        """Record a document, and know whether it waits."""
        self.recorder.record(document)
        self.waiting.append(document)
        self.settle()

    def settle(self):
        """Find out how many of those that waited were written."""
        left = len(self.recorder._backlog)
        done = len(self.waiting) - left
        self.kept += self.waiting[:done]
        del self.waiting[:done]

    @rule(task=st.sampled_from("abc"))
    def launch(self, task):
        self.number += 1
        self.now += 1.0
        begun = run(task, f"r{self.number}", self.now)
        self.record(begun)
        self.going[self.number] = begun

    @precondition(lambda self: self.going)
    @rule(data=st.data(), action=st.sampled_from(TERMINAL))
    def finish(self, data, action):
        begun = self.going.pop(data.draw(st.sampled_from(sorted(self.going))))
        self.now += 1.0
        self.record(end(begun["task_name"], begun["run_id"], begun["start"], action, at=self.now))

    @rule(tasks=st.text("abc", min_size=1, max_size=12), action=st.sampled_from(TERMINAL))
    def work(self, tasks, action):
        """Launch one after the other, each of which ends."""
        for task in tasks:
            self.launch(task)
            begun = self.going.pop(self.number)
            self.now += 1.0
            self.record(end(task, begun["run_id"], begun["start"], action, at=self.now))

    @rule(task=st.sampled_from("abc"))
    def end_unstarted(self, task):
        self.number += 1
        self.now += 1.0
        self.record(unstarted(task, f"u{self.number}", self.now))

    @precondition(lambda self: self.going)
    @rule(data=st.data())
    def note_progress(self, data):
        begun = self.going[data.draw(st.sampled_from(sorted(self.going)))]
        document = note("progress", begun["task_name"], begun["run_id"], begun["start"], progress={"done": 1})
        self.note(document)

    @rule(task=st.sampled_from("abc"))
    def note_schedule(self, task):
        self.now += 1.0
        self.note(schedule(task, f"every {self.now} s", self.now))

    def note(self, document):
        """Note it, which is done if it can be, but never before what waits."""
        before = len(list(self.log.documents()))
        self.recorder.note(document)
        if len(list(self.log.documents())) > before:
            assert not self.waiting
            self.kept.append(document)

    @rule(
        names=st.sets(st.sampled_from(["write", "ftruncate", "rename"]), min_size=1),
        times=st.integers(1, 6),
        error=st.sampled_from([errno.ENOSPC, errno.EIO]),
        share=st.sampled_from([0.0, 0.5, 0.99]),
    )
    def fail_writes(self, names, times, error, share):
        self.disk.fail(names, times, error, share)

    @rule()
    def heal(self):
        self.disk.heal()

    @rule(seconds=st.sampled_from([1.0, 10.0, 100.0]))
    def wait(self, seconds):
        """Let time pass, so that what waits is tried again."""
        self.elapsed += seconds
        if self.waiting:
            self.recorder._backlog.write()
            self.settle()

    @rule(keep=st.sampled_from([FOREVER, Keep(runs=2), Keep(seconds=10.0), Keep(seconds=0.0, runs=1)]), fails=st.booleans())
    def tidy(self, keep, fails):
        if fails:
            self.disk.fail({"fsync", "replace"}, 1, errno.ENOSPC, 0.0)
        with suppress(OSError):
            self.log.tidy(keep, self.now)
        if fails:
            self.disk.heal()

    @rule()
    def sync(self):
        try:
            self.log.sync()
        except OSError:  # one has failed before: what it was for is written anew first
            self.log.tidy(FOREVER, self.now)
            self.log.sync()

    @rule()
    def sync_that_fails(self):
        self.disk.fail({"fsync"}, 1, errno.EIO, 0.0)
        with pytest.raises(OSError):
            self.log.sync()
        self.disk.heal()

    @precondition(lambda self: self.disk.is_well)
    @rule()
    def restart(self):
        """End in order: what waits is written."""
        self.recorder.close()
        self.settle_all(written=True)
        self.open()

    @rule(torn=st.none() | st.floats(0.0, 1.0, exclude_max=True))
    def crash(self, torn):
        """Die: what waits is lost with the process, and maybe a piece of the last line."""
        self.disk.heal()
        self.log.close()  # as the system does: nothing is written by that
        self.settle_all(written=False)
        if torn is not None:
            self.tear(torn)
        self.open()

    def settle_all(self, *, written):
        if written:
            self.kept += self.waiting
        self.waiting.clear()

    def tear(self, share):
        """Cut the last line of the active segment, as where it was written when the process died."""
        data = self.path.read_bytes()
        begin = data.rfind(b"\n", 0, len(data) - 1) + 1
        if begin and data.endswith(b"\n"):
            os.truncate(self.path, begin + int((len(data) - begin) * share))
            self.kept.pop()

    @invariant()
    def check(self):
        if self.recorder is None:
            return
        assert len(self.recorder._backlog) == len(self.waiting) <= MOST
        documents = list(self.log.documents())
        assert documents == [document for document in self.kept if document in documents]
        history = self.log.history()
        assert summary(history) == amount_of(self.kept)
        assert {task: _known(history, task) for task in history.facts} == _model(self.kept)
        begun = [run_key(each) for each in self.kept if is_record(each) and each["action"] == "run"]
        ended = [each for each in (*self.kept, *self.waiting) if is_record(each) and each["action"] in TERMINAL]
        ends = [run_key(each) for each in ended if "start" in each]
        assert len(begun) == len(set(begun))
        assert len(ends) == len(set(ends))
        unwritten = {run_key(each) for each in self.waiting if each["action"] == "run"}
        assert set(begun) - set(ends) == {run_key(each) for each in self.going.values()} - unwritten


def _known(history, task):
    """Return what a History says of a task that is plain to see in the records."""
    facts = history.facts[task]
    times = {action: moment for action in ("run", *TERMINAL) if (moment := getattr(facts, action)) is not None}
    return facts.status, times, facts.fails, history.totals[task], {key for key in history.open if key[0] == task}


def _model(documents):
    """Return the same, as it is seen in the records."""
    found = {}
    for document in filter(is_record, documents):
        status, task = document["action"], document["task_name"]
        _, times, fails, totals, going = found.get(task, (None, {}, 0, {}, set()))
        times = {**times, status: document["created"]}
        totals = {**totals, status: totals.get(status, 0) + 1}
        fails = fails + 1 if status == "fail" else fails if status == "run" else 0
        key = run_key(document)
        going = going | {key} if status == "run" else going - {key}
        found[task] = status, times, fails, totals, going
    return found


TestAnyHistory = RunLogMachine.TestCase
TestAnyHistory.settings = settings(max_examples=40, stateful_step_count=40)
