"""What others take for the same work: how they are asked, and what becomes of those that are not there."""

import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest

from benchmarks import environments
from benchmarks.environments import Unavailable, python_with, reason
from benchmarks.figures import Absent, Figure
from benchmarks.peers.asking import Asking
from benchmarks.peers.launching import Launches
from benchmarks.peers.section import OURS, PEERS, Peer, measure
from benchmarks.peers.works import WORKS, drift, late
from benchmarks.section import Settings

FUTURES = Peer("concurrent.futures", "futures_peer")
THREADS = [work for work in WORKS if work.deed == "threads"]
QUICK = Settings(quick=True, rounds=1)


def alive(group):
    """Return the processes of a group, those left out that have ended and that nobody has asked about."""
    states = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):  # it is gone by now
            state, _, its_group = stat.read_text().rpartition(")")[2].split()[:3]
            states[stat.parent.name] = (state, int(its_group))
    return [process for process, (state, its_group) in states.items() if its_group == group and state != "Z"]


def wait_until(holds, within=30.0):
    deadline = time.monotonic() + within
    while not holds():
        assert time.monotonic() < deadline, "in vain"
        time.sleep(0.01)


class Steps:
    """Counts how far it is."""

    def __init__(self):
        self.expected = self.done = 0

    def expect(self, steps):
        self.expected += steps

    def step(self):
        self.done += 1


def test_a_peer_does_the_same_work_as_we_and_is_held_against_us():
    steps = Steps()
    ours, theirs = measure(QUICK, steps, (OURS, FUTURES), THREADS)
    assert (ours.name, ours.baseline, ours.ratio) == ("thread, four at once: Callsheet", None, None)
    assert (theirs.name, theirs.baseline) == ("thread, four at once: concurrent.futures", ours.name)
    assert theirs.ratio == pytest.approx(theirs.median / ours.median)
    assert theirs.package == f"Python {sys.version.split()[0]}"
    assert steps.done == steps.expected > 0


def test_we_do_not_measure_ourselves_alone():
    assert list(measure(QUICK, Steps(), (OURS,), THREADS)) == []


def test_a_peer_that_cannot_be_installed_is_absent_and_the_others_are_asked(tmp_path, monkeypatch):
    def fails(*_):
        raise Unavailable("pip failed: no network")

    monkeypatch.setattr(environments, "_run", fails)
    nobody = Peer("Nobody", "futures_peer", ("nobody==1",))
    absent, *figures = measure(Settings(quick=True, rounds=1, peers=tmp_path), Steps(), (nobody, OURS, FUTURES), THREADS)
    assert absent == Absent("peers", "Nobody", "pip failed: no network")
    assert len(figures) == 2


def test_nothing_is_installed_unless_a_folder_is_given():
    absent = list(measure(QUICK, Steps(), [peer for peer in PEERS if peer.requirements], THREADS))
    assert {each.name for each in absent} == {"Rocketry", "APScheduler", "trio-parallel", "Pykka"}
    assert all("--peers" in each.why for each in absent)


def test_a_peer_that_fails_is_absent_from_that_work_and_asked_for_the_next():
    broken = Peer("broken", "futures_peer")
    unheard_of = [type(THREADS[0])("threads", (0,), (0,), THREADS[0].readings, within=0.0)]
    found = list(measure(QUICK, Steps(), (broken, FUTURES), [*unheard_of, *THREADS]))
    assert [type(each) for each in found] == [Absent, Absent, Figure, Figure]
    assert found[0].why == "no answer within 0 s"


def test_a_peer_says_why_it_does_not_begin():
    with pytest.raises(Unavailable, match=r"No module named benchmarks\.peers\.nobody"):
        Asking(Path(sys.executable), "nobody")


def test_a_peer_that_has_died_says_why_and_can_be_asked_again():
    with Asking(Path(sys.executable), "futures_peer") as asking:
        with pytest.raises(Unavailable, match="KeyError: 'fly'"):
            asking.ask("fly", 1, within=60)
        assert asking.ask("threads", 10, within=60) > 0


def test_a_peer_that_takes_too_long_is_ended_with_its_children():
    with Asking(Path(sys.executable), "futures_peer") as asking:
        with pytest.raises(Unavailable, match=r"no answer within 0\.5 s"):
            asking.ask("processes", 1_000_000, within=0.5)
        wait_until(lambda: not alive(asking._process.pid))


@pytest.fixture
def installed(monkeypatch):
    """Makes environments without installing anything, and says what would have been."""
    commands = []

    def run(*command):
        commands.append(command)
        if "venv" in command:
            (command[-1] / "bin").mkdir(parents=True, exist_ok=True)
            (command[-1] / "bin" / "python").touch()

    monkeypatch.setattr(environments, "_run", run)
    return commands


def test_an_environment_is_made_once(installed, tmp_path):
    python = python_with("them", ["them==1"], tmp_path)
    assert [command[2] for command in installed] == ["venv", "pip"]
    assert python_with("them", ["them==1"], tmp_path) == python
    assert len(installed) == 2


def test_an_environment_is_made_anew_when_something_else_is_required(installed, tmp_path):
    python_with("them", ["them==1"], tmp_path)
    python_with("them", ["them==2"], tmp_path)
    assert [command[-1] for command in installed if "pip" in command] == ["them==1", "them==2"]


def test_an_environment_is_made_anew_whose_making_was_cut_short(installed, tmp_path, monkeypatch):
    def fails(*command):
        if "pip" in command:
            raise Unavailable("pip failed: no network")

    with monkeypatch.context() as patch:
        patch.setattr(environments, "_run", fails)
        with pytest.raises(Unavailable, match="no network"):
            python_with("them", ["them==1"], tmp_path)
    python_with("them", ["them==1"], tmp_path)
    assert len(installed) == 2


def test_what_cannot_be_installed_is_unavailable_with_the_reason():
    with pytest.raises(Unavailable, match=r"nowhere failed: .*No module named nowhere$"):
        environments._run(sys.executable, "-m", "nowhere")


def test_an_environment_for_which_there_is_no_place_is_unavailable(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(Unavailable, match="no environment could be made"):
        python_with("them", ["them==1"], tmp_path / "file")


@pytest.mark.parametrize(
    ("output", "why"),
    [
        ("WARNING: slow\nERROR: No matching distribution\nERROR: more of it\n", "No matching distribution"),
        ("Traceback:\n  File\nKeyError: 'a'\n\n", "KeyError: 'a'"),
        ("", "it says nothing"),
    ],
)
def test_the_reason_is_one_line_of_what_was_printed(output, why):
    assert reason(output) == why


def test_lateness_counts_from_when_the_first_was_due():
    starts = [[0.0, 1.010, 2.020], [0.5, 1.005, 2.005]]
    assert late(starts) == pytest.approx(20)
    assert drift(starts) == pytest.approx((10 - 247.5) / 2)


def test_launches_one_after_the_other_are_asked_for_when_the_one_before_has_ended():
    asked, ended = [], []
    launches = Launches(lambda: asked.append(None), 3, lambda: ended.append(len(asked)), at_once=False)
    launches.begin()
    assert len(asked) == 1
    for _ in range(3):
        launches.hear()
    assert ended == [3]
    assert launches.seconds > 0


def test_launches_at_once_are_all_asked_for_before_any_has_ended():
    asked, ended = [], []
    launches = Launches(lambda: asked.append(None), 3, lambda: ended.append(len(asked)), at_once=True)
    launches.begin()
    assert (len(asked), ended) == (3, [])
