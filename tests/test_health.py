"""What ``session.health`` tells."""

import logging
import threading

import pytest

from actors import App
from actors.health import Health
from helpers import function_of, running

NOT_RUNNING = Health(("the app does not run",))


def test_an_app_that_does_not_run_is_not_well(app):
    assert app.session.health == NOT_RUNNING
    assert not app.session.health.is_ok


async def test_an_app_that_runs_is_well_and_has_no_problems(app):
    async with running(app):
        assert app.session.health == Health(())
        assert app.session.health.is_ok
    assert app.session.health == NOT_RUNNING


def test_it_is_told_beside_an_app_in_another_thread(app):
    with app.start_in_thread() as handle:
        assert handle.session.health.is_ok


async def test_a_task_of_each_mode_may_ask(app, mode):
    app.task(func=function_of(mode, "asks_for_health"), name="asks", execution=mode)
    async with running(app) as run:
        app.session["asks"].run()
        await run.wait_ended()
    assert app.session.returns["asks"] == Health()


class TestAStall:
    """One is told of by another thread while it goes on."""

    @pytest.fixture
    def app(self):
        return App(log=None, stall_after="50 ms")

    @pytest.fixture
    def stalled(self):
        """Set when a stall is told."""

        class Listens(logging.Handler):
            def emit(self, record):
                stalled.set()

        stalled, listens, log = threading.Event(), Listens(logging.WARNING), logging.getLogger("callsheet.runtime")
        log.addHandler(listens)
        yield stalled
        log.removeHandler(listens)

    def test_it_is_a_problem_until_it_is_over(self, app, stalled):
        enough = threading.Event()
        app.task(func=lambda: enough.wait(30), name="report", execution="main")
        with app.start_in_thread():
            app.session["report"].run()
            assert stalled.wait(30)
            (problem,) = app.session.health.problems
            enough.set()
            while not app.session.health.is_ok:
                pass
        assert problem.startswith("the scheduler has made no step for 0.")
        assert ": task 'report' (run " in problem
        assert problem.endswith("give it execution='thread' or 'process'")
        assert "\n" not in problem
