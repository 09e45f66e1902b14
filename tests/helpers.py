"""Ways to run an app and to wait for what it does."""

from contextlib import asynccontextmanager

import trio
import trio.testing

import samples
from actors import MinimalRunRecord
from runtime import VirtualClock, open_runtime
from runtime.testing.world import World

MODES = ["main", "async", "thread", "process"]


def function_of(mode, name):
    """Return a sample function for a task of that mode: for ``async`` its async twin."""
    return getattr(samples, f"{name}_async" if mode == "async" else name)


class Running(World):
    """A running app, on whatever clock, whose runs may take the time that real threads and processes do."""

    def __init__(self, app, system, clock=None):
        super().__init__(app, system, clock, patience="2 minutes")

    async def wait_started(self, *names):
        """Wait until a run of each of these tasks goes on, and has taken its first steps."""
        with trio.fail_after(30):
            while not all(self.app.session[name].is_running for name in names):
                await trio.sleep(0.005)
            await trio.testing.wait_all_tasks_blocked()


@asynccontextmanager
async def running(app, **options):
    """Run `app`, on wall time."""
    async with open_runtime(app, **options) as system:
        yield Running(app, system)


@asynccontextmanager
async def running_virtually(app, **options):
    """Run `app`, on wall time that follows the virtual clock of the test."""
    clock = VirtualClock()
    async with open_runtime(app, clock=clock, **options) as system:
        yield Running(app, system, clock)


async def wait_printed(capfd, words):
    """Wait until a process has printed these words, and return all that was printed."""
    printed = ""
    with trio.fail_after(20):
        while words not in printed:
            await trio.sleep(0.01)
            printed += capfd.readouterr().out
    return printed


def records(app, task=None):
    """Return the records of the log, of one task or of all."""
    return app.session.get_repo().filter_by(**({} if task is None else {"task_name": task})).all()


def actions(app, task=None):
    """Return the actions in the log, in their order."""
    return [record.action for record in records(app, task)]


def minimal(app):
    """Return the log as task name, run id and action, in order."""
    repo = app.session.get_repo()
    repo.model = MinimalRunRecord
    return [(record.task_name, record.run_id, record.action) for record in repo.filter_by()]
