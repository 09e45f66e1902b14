"""Ways to run an app and to wait for what it does."""

from contextlib import asynccontextmanager

import trio
import trio.testing

import samples
from actors import MinimalRunRecord
from runtime import VirtualClock, open_repo, open_runtime

MODES = ["main", "async", "thread", "process"]


def function_of(mode, name):
    """Return a sample function for a task of that mode: for ``async`` its async twin."""
    return getattr(samples, f"{name}_async" if mode == "async" else name)


class Running:
    """A running app, and the runs that have ended."""

    def __init__(self, app, system):
        self.app, self.system = app, system
        self._changed = trio.Event()
        system.on_run_ended(lambda _: self._change())

    def _change(self):
        self._changed.set()
        self._changed = trio.Event()

    async def wait_ended(self, count=1):
        """Wait until so many runs that had started have ended, and return how, in their order."""
        repo = open_repo(self.app.session.config.log) if self.app.session.config.log else self.app.session.get_repo()
        with trio.fail_after(120):
            while True:
                started = (d["action"] for d in repo.journal.read() if "start" in d)
                ended = [action for action in started if action not in ("run", "retry", "progress", "late")]
                if len(ended) >= count:
                    return ended
                await self._changed.wait()

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
    async with open_runtime(app, clock=VirtualClock(), **options) as system:
        yield Running(app, system)


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
