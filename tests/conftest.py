"""What all tests share."""

import inspect
import os
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, settings
from trio.testing import MockClock, trio_test

from actors import App
from helpers import MODES
from logged import LOGS
from troupe import scheduled_by

# The same examples each time, however slow the machine is at that moment.
UNHURRIED = [HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
settings.register_profile("here", derandomize=True, deadline=None, suppress_health_check=UNHURRIED)
settings.load_profile("here")


def pytest_configure(config):
    """Have the hundreds of interpreters that are started here share their bytecode, also where none is kept beside the code.

    Else each would compile all that it imports, which takes longer than most tests.
    """
    if os.environ.pop("PYTHONDONTWRITEBYTECODE", None) and "PYTHONPYCACHEPREFIX" not in os.environ:
        folder = TemporaryDirectory(prefix="bytecode-")
        config.add_cleanup(folder.cleanup)
        os.environ["PYTHONPYCACHEPREFIX"] = folder.name


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport():
    """Report also what a test has logged that is no valid Unicode, which does not pass from the process that runs it."""
    report = yield
    report.sections = [(name, text.encode(errors="backslashreplace").decode()) for name, text in report.sections]
    return report


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem):
    """Run async tests on trio, on the clock among their fixtures if there is one."""
    if inspect.iscoroutinefunction(pyfuncitem.obj):
        pyfuncitem.obj = trio_test(pyfuncitem.obj)


@pytest.fixture
def autojump_clock():
    """Virtual time: it jumps to the next deadline when nothing else can happen."""
    return MockClock(autojump_threshold=0)


@pytest.fixture
def app():
    """An app that keeps its records in memory."""
    return App(log=None)


@pytest.fixture(params=MODES)
def mode(request):
    """Each execution mode."""
    return request.param


@pytest.fixture(params=LOGS)
def remake(request, tmp_path):
    """Make run logs of each kind one after the other, each with what the one before it had."""
    made = []

    def log():
        if request.param == "memory" and made:
            return made[0]
        made.append(LOGS[request.param](tmp_path))
        return made[-1]

    yield log
    for one in made:
        one.close()


@pytest.fixture(params=range(10))
def seed(request):
    """Each of some orders in which trio's scheduler may take what can go on."""
    with scheduled_by(request.param):
        yield request.param


@pytest.fixture(autouse=True)
def in_own_folder(tmp_path, monkeypatch):
    """Each test runs in a folder of its own, so that the default run log is its own too."""
    monkeypatch.chdir(tmp_path)


@pytest.fixture(autouse=True)
def nothing_left_behind():
    """No test leaves a child process, a file descriptor or a signal handler behind."""
    before = _descriptors()
    yield
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)
    assert _descriptors() <= before


def _descriptors():
    links = {}
    for entry in list(Path("/proc/self/fd").iterdir()):
        with suppress(OSError):  # the one that read the folder is closed by now
            links[entry.name] = str(entry.readlink())
    return {(fd, link) for fd, link in links.items() if not link.startswith("/proc")}
