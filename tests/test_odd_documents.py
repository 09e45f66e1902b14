"""Documents that somebody else has put into a log: what is no record is passed over, and everything goes on to work."""

import json
from dataclasses import fields
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from click.testing import CliRunner
from hypothesis import example, given
from hypothesis import strategies as st

import cli as command_line
from actors import Retry, TaskRunRecord
from actors.facts import EVENTS
from actors.records import is_record
from logged import Ticking, end, fill, note, run
from runtime.attempts import Recourse
from runtime.recovery import Recovery
from runtime.runlog.file_log import FileLog
from runtime.runlog.history import History
from runtime.runlog.repo import RunRepo
from runtime.runlog.retention import Keep
from runtime.runlog.state import documents_of, history_of

COLUMNS = (*(field.name for field in fields(TaskRunRecord)), "schedule", "pid_start", "boot", "afterwards", "else")
ACTIONS = (*EVENTS, "progress", "worker", "late", "schedule", "clock")
RECOURSES = (None, Recourse(), Recourse(Retry(3), "rerun", max_rescues=3))
COMMANDS = (
    ["runs"],
    ["runs", "--json"],
    ["show", "1"],
    ["show", "--json", "1"],
    ["logs", "1"],
    ["stats"],
    ["stats", "--json"],
    ["log", "verify"],
    ["log", "export"],
    ["log", "repair"],
    ["log", "compact", "--keep-runs", "1"],
)
SCALARS = (
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False, allow_infinity=False) | st.text()
)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(), inner, max_size=2), max_leaves=3
)


@st.composite
def odd_documents(draw):
    """A record or note as it should be, but for some columns that have any value."""
    action = draw(st.sampled_from(ACTIONS))
    whole = {**end("a", "1", 5.0), "attempt": 1, "retry_at": 9.0, "first": 1.0, "last": 2.0, "count": 2, "params": {}}
    return {**whole, "action": action, **draw(st.dictionaries(st.sampled_from(COLUMNS), VALUES, max_size=2))}


def has(column, value, action="run"):
    """Return a record of a run in whose `column` is `value`."""
    return {**run("a", "1", 5.0), "action": action, "params": {}, column: value}


def pieced(document):
    """Return it as a reader of a file gets it."""
    return json.loads(json.dumps(document))


ODD = (
    {"action": ["deploy"]},
    has("pid", {}),
    has("params", []),
    has("reason", 42, "fail"),
    has("execution", True),
    has("start", 1796000000000),
    has("created", 1e308, "success"),
    has("count", 2, "missed"),
    has("count", 2**63 - 1, "missed"),
    has("attempt", 2**63 - 1),
    {**has("cause", ["fail"], "retry"), "attempt": 1, "retry_at": 9.0},
    has("runtime", "long", "success"),
    has("progress", {"current": 1}),
    note("progress", "a", "1", 5.0, progress=True),
    note("late", "a", "1", 5.0, afterwards=1),
)
given_odd = given(st.lists(odd_documents(), min_size=1, max_size=3))


def with_examples(test):
    """Have `test` try each of ODD, too."""
    for document in ODD:
        test = example([document])(test)
    return test


@with_examples
@given_odd
def test_a_next_start_makes_something_of_a_log_whatever_is_in_it(documents):
    documents = [run("a", "1", 5.0), *map(pieced, documents), run("a", "2", 7.0)]
    history = History.of(documents)
    written = [pieced(each) for each in documents_of(history)]
    assert [pieced(each) for each in documents_of(history_of(written))] == written
    for recourse in RECOURSES:
        records = Recovery(lambda _, recourse=recourse: recourse).carried_out(history, Ticking())
        assert all(map(is_record, records))
        assert History.of([*documents, *records]).open == {}


@with_examples
@given_odd
def test_every_command_works_on_a_log_whatever_is_in_it(documents):
    with TemporaryDirectory() as folder:
        path = Path(folder) / "runs.jsonl"
        log = FileLog(path)
        log.open()
        fill(log, run("a", "1", 5.0), *documents, run("a", "2", 7.0))
        log.seal()
        log.tidy(Keep(runs=1), 50.0)
        log.close()
        assert RunRepo(log).filter_by(run_id="2").count() == 1
        assert len(RunRepo(log).filter_by().all()) == RunRepo(log).filter_by().count()
        for command in COMMANDS:
            result = CliRunner().invoke(command_line.main, [*command, "--log", str(path)])
            assert result.exception is None or isinstance(result.exception, SystemExit), (command, result.exception)
            assert result.exit_code in (0, 1 if command[0] in ("show", "logs") else 0), (command, result.output)


@pytest.mark.parametrize("document", ODD[:7], ids=str)
def test_what_is_no_record_is_passed_over(document):
    assert not is_record(document)
    assert History.of([document]).totals == {}


def test_what_a_later_version_adds_to_a_record_is_left_alone():
    assert is_record(has("a column of a later version", [1]))
