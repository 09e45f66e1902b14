"""Runs that began in one segment and ended in another: whatever goes of them, they never seem to go on."""

import os
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from logged import end, fill, run, unstarted
from runtime.runlog.file_log import FileLog
from runtime.runlog.history import History
from runtime.runlog.retention import Keep
from runtime.runlog.verify import verify

SECOND = {"attempt": 2, "attempts": 2}


def retry(task, run_id, start):
    """Return the record that an attempt of a run has failed, and another is to come."""
    return end(task, run_id, start, "retry", attempt=1, attempts=2, retry_at=start + 5, params={})


def unfinished(documents):
    """Return the runs that go on, and those that wait for their next attempt, as far as documents tell."""
    history = History.of(map(dict, documents))
    return set(history.open), set(history.waiting)


def left(log):
    """Return the same of what is in the files of a log, without what is remembered of what has gone."""
    return unfinished(log.documents())


@pytest.fixture(autouse=True)
def fast(monkeypatch):
    """Have nobody wait for the disk."""
    monkeypatch.setattr(os, "fsync", lambda _: None)


def opened(folder):
    """Return an open log whose segments are sealed by hand, and never merged."""
    log = FileLog(folder / "runs.jsonl")
    log._tidying._segment_size = 1
    log.open()
    return log


@pytest.fixture
def log(tmp_path):
    log = opened(tmp_path)
    yield log
    log.close()


def sealed(log, *documents):
    """Fill a segment with documents."""
    fill(log, *documents)
    log.seal()


def many(task, since, count):
    """Return the records of runs that have ended."""
    documents = []
    for start in range(int(since), int(since) + count):
        documents += [run(task, f"{task}{start}", float(start)), end(task, f"{task}{start}", float(start))]
    return documents


class TestWhatGoesOfARun:
    """Segments in which most stays are not written anew, so that what goes does not go everywhere at once."""

    def test_its_end_stays_while_its_beginning_does(self, log):
        kept = many("rare", 0.0, 3)
        sealed(log, *kept, run("it", "straddles", 4.0))
        sealed(log, end("it", "straddles", 4.0), *many("it", 10.0, 9))
        log.tidy(Keep(runs=3), 100.0)
        assert left(log) == (set(), set())
        assert verify(log.path).open_runs == ()
        assert len(list(log.documents())) < 2 * (3 + 1 + 9)

    def test_so_it_is_not_closed_twice_where_the_state_is_lost(self, log):
        sealed(log, *many("rare", 0.0, 3), run("it", "straddles", 4.0))
        sealed(log, end("it", "straddles", 4.0), *many("it", 10.0, 9))
        log.tidy(Keep(runs=3), 100.0)
        log.path.with_name("runs.jsonl.state").unlink()
        assert log.history().open == {}

    def test_it_goes_when_its_beginning_has_gone(self, log):
        sealed(log, *many("rare", 0.0, 3), run("it", "straddles", 4.0))
        sealed(log, end("it", "straddles", 4.0), *many("it", 10.0, 9))
        log.tidy(Keep(runs=3), 100.0)
        sealed(log, *many("rare", 20.0, 9))
        log.tidy(Keep(runs=1), 100.0)
        assert "straddles" not in {document["run_id"] for document in log.documents()}

    def test_a_next_attempt_and_its_end_stay_while_what_announced_it_does(self, log):
        """Else it would be made again where the state is lost."""
        sealed(log, *many("rare", 0.0, 3), run("it", "tried", 4.0), retry("it", "tried", 4.0))
        again = {"due": 4.0, **SECOND}
        sealed(log, run("it", "tried", 6.0) | again, end("it", "tried", 6.0) | again, *many("it", 10.0, 9))
        log.tidy(Keep(runs=3), 100.0)
        assert left(log) == (set(), set())


def deeds(draw, count):
    """Return documents of runs that overlap, most of a task of which few are kept, some of tasks of which more are."""
    documents, going, waiting = [], [], []
    for number in range(count):
        step = draw.choice(["run", "run", "end", "end", "end", "retry", "again", "unstarted"])
        document = None
        if step == "run":
            document = run(draw.choice("aaaabc"), f"r{number}", float(number))
            going.append(document)
        elif step in ("end", "retry") and going:
            begun = going.pop(draw.randrange(len(going)))
            document = {**begun, "action": "success", "created": float(number)}
            if step == "retry" and "attempt" not in begun:
                document |= {"action": "retry", "attempt": 1, "attempts": 2, "retry_at": float(number)}
                waiting.append(document)
        elif step == "again" and waiting:
            paused = waiting.pop(draw.randrange(len(waiting)))
            document = run(paused["task_name"], paused["run_id"], float(number)) | {"due": paused["due"], **SECOND}
            going.append(document)
        elif step == "unstarted":
            document = unstarted(draw.choice("abc"), f"r{number}", float(number))
        documents += [document] if document is not None else []
    return documents


@settings(max_examples=60)
@given(seed=st.integers(0, 2**32), runs=st.integers(1, 8))
def test_what_is_there_never_leaves_open_what_has_ended(tmp_path_factory, seed, runs):
    draw = random.Random(seed)
    log, ever = opened(tmp_path_factory.mktemp("log")), deeds(draw, 200)
    for number, document in enumerate(ever, 1):
        log.append(document)
        if draw.random() < 0.1:
            log.seal()
        if draw.random() < 0.05:
            log.tidy(Keep(runs=runs), document["created"])
            assert left(log) == unfinished(ever[:number])
    log.close()
