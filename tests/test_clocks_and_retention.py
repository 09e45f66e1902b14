"""What of a run log is kept, whatever the clock says."""

import pytest

from logged import end, run
from runtime.runlog.history import History
from runtime.runlog.retention import Keep, kept

DAY, NOW = 86400.0, 1_800_000_000.0


def runs(*starts):
    """Return the records of runs of one task that began then."""
    return [record for at in starts for record in (run("a", str(at), at), end("a", str(at), at))]


def starts_kept(records, keep, now):
    """Return when the runs began that are kept of `records`."""
    starts = [record["start"] for record in records if record["action"] == "success"]
    chosen = kept(keep, now, {"a": starts}, History.of(map(dict, records)))
    return [start for start in starts if chosen.keeps_start("a", start)]


def test_what_is_too_old_goes():
    records = runs(NOW - 40 * DAY, NOW - 29 * DAY, NOW)
    assert starts_kept(records, Keep(30 * DAY), NOW) == [NOW - 29 * DAY, NOW]


@pytest.mark.parametrize("ahead", [2 * DAY, 365 * DAY])
def test_a_clock_that_is_ahead_makes_nothing_old(ahead):
    records = runs(NOW - 29 * DAY, NOW)
    assert starts_kept(records, Keep(30 * DAY), NOW + ahead) == [NOW - 29 * DAY, NOW]


def test_of_each_task_the_latest_runs_are_kept():
    assert starts_kept(runs(NOW - 3, NOW - 2, NOW - 1), Keep(runs=2), NOW) == [NOW - 2, NOW - 1]


def test_runs_of_a_time_when_the_clock_was_ahead_take_the_place_of_no_others():
    records = runs(NOW - 3, NOW + 365 * DAY, NOW + 366 * DAY, NOW - 2, NOW - 1)
    found_right = {"created": NOW - 2, "task_name": "", "action": "clock"}
    assert starts_kept([*records[:6], found_right, *records[6:]], Keep(runs=2), NOW)[-2:] == [NOW - 2, NOW - 1]
    assert starts_kept(records, Keep(runs=2), NOW)[-2:] == [NOW - 2, NOW - 1]
