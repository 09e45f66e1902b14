"""Progress: functions of all modes tell how far they are."""

import json

import pytest
import trio

import samples
from actors import App, progress
from actors.progress import PAUSE, Progress, Reporter
from commands import cli
from helpers import function_of, records, running, running_virtually
from runtime.runlog.report import latest_runs


@pytest.mark.parametrize(
    ("update", "words"),
    [
        (Progress(3), "3"),
        (Progress(3, 10), "3 of 10 (30%)"),
        (Progress(2.5, 10, "loading"), "2.5 of 10 (25%): loading"),
        (Progress(3, 0), "3"),
        (Progress(3, note="loading"), "3: loading"),
    ],
)
def test_it_is_told_in_words(update, words):
    assert str(update) == words


def test_two_updates_a_second_are_passed_on_and_the_latest_is_kept():
    now, told = [0.0], []
    reporter = Reporter(lambda: now[0], told.append)
    for tick in range(300):
        now[0] = tick / 100
        reporter.report(Progress(tick))
    assert [update.done for update in told] == [0, 50, 100, 150, 200, 250]
    assert reporter.latest == Progress(299)


def test_outside_of_tasks_it_does_nothing():
    progress(1, 2)


@pytest.mark.parametrize("done", ["much", None])
def test_what_is_no_number_is_an_error(done):
    with pytest.raises((TypeError, ValueError)):
        progress(done)


async def test_the_last_update_is_in_the_record_and_few_are_told(mode, caplog):
    caplog.set_level("INFO", "callsheet.task")
    app = App(log=None, func_run_id=lambda task, params: "my run")
    app.task(func=function_of(mode, "tells_progress"), name="it", execution=mode)
    async with running(app) as run:
        app.session["it"].run(updates=50)
        await run.wait_ended()
    assert records(app, "it")[-1].progress == Progress(50, 100, "step 50")
    told = [record.getMessage() for record in caplog.records if "step" in record.getMessage()]
    assert told[0] == "task 'it' run my run: 1 of 100 (1%): step 1"
    assert len(told) < 10


async def test_a_failed_run_tells_how_far_it_came(mode):
    app = App(log=None)
    app.task(func=function_of(mode, "tells_progress_and_fails"), name="it", execution=mode)
    async with running(app) as run:
        app.session["it"].run()
        await run.wait_ended()
    assert records(app, "it")[-1].progress == Progress(3, 10)


async def test_a_run_without_any_has_none_in_its_record(mode):
    app = App(log=None)
    app.task(func=function_of(mode, "returns"), name="it", execution=mode)
    async with running(app) as run:
        app.session["it"].run()
        await run.wait_ended()
    assert records(app, "it")[-1].progress is None


async def test_a_run_that_goes_on_is_listed_with_its_progress(autojump_clock):
    app = App(log=None)

    async def works():
        for done in range(100):
            progress(done, 100)
            await trio.sleep(0.1)

    app.task(func=works)
    async with running_virtually(app) as run:
        app.session["works"].run()
        await trio.sleep(2.05)
        (row,) = latest_runs(app.session.get_repo().log.documents(newest_first=True))
        assert row["status"] == "running"
        assert 15 <= row["progress"]["done"] <= 20
        await run.wait_ended()
    notes = [document for document in app.session.get_repo().log.documents() if document["action"] == "progress"]
    assert 10 < len(notes) <= 10 / PAUSE


def test_the_command_line_shows_it():
    app = App()
    app.task(func=samples.tells_progress, name="it")
    app.session.run("it")
    assert "5 of 100 (5%): step 5" in cli("runs").stdout
    assert "5 of 100 (5%): step 5" in cli("show", json.loads(cli("runs", "--json").stdout)["run_id"]).stdout
