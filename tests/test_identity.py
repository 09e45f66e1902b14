"""Which process one is: by its number, its start and the boot of the machine, so that a number that comes again is another."""

import os
import subprocess
import sys
from dataclasses import replace

import pytest

from runtime.identity import Identity, identity_of, is_alive

STAT = "{pid} ({name}) {state} 1 7 7 0 -1 4194304 100 0 0 0 1 2 0 0 20 0 1 0 {started} 1000 200 18446744073709551615\n"


@pytest.fixture
def proc(tmp_path):
    """Return a folder in which a system tells of process 7."""
    (tmp_path / "sys/kernel/random").mkdir(parents=True)
    (tmp_path / "7").mkdir()
    tell(tmp_path)
    return tmp_path


def tell(proc, name="sh", state="S", started=5000, boot="one"):
    """Let the system tell so of process 7."""
    (proc / "7/stat").write_text(STAT.format(pid=7, name=name, state=state, started=started))
    (proc / "sys/kernel/random/boot_id").write_text(f"{boot}\n")


@pytest.mark.parametrize("name", ["sh", "a b", "x) S 1 (y", ")", "", "é"])
def test_it_is_read_whatever_the_process_is_called(proc, name):
    tell(proc, name)
    assert identity_of(7, proc) == Identity(7, 5000, "one")
    assert is_alive(Identity(7, 5000, "one"), proc)


@pytest.mark.parametrize("change", [{"started": 5001}, {"boot": "two"}, {"state": "Z"}, {"state": "X"}])
def test_another_process_with_its_number_is_not_it_nor_is_a_dead_one(proc, change):
    identity = identity_of(7, proc)
    tell(proc, **change)
    assert not is_alive(identity, proc)


def test_a_process_that_has_died_still_is_who_it_was(proc):
    tell(proc, state="Z")
    assert identity_of(7, proc) == Identity(7, 5000, "one")


@pytest.mark.parametrize("text", ["", "7 (sh) S 1", "7 (sh) S " + "x " * 30])
def test_what_the_system_does_not_tell_in_full_is_nobody(proc, text):
    (proc / "7/stat").write_text(text)
    assert identity_of(7, proc) is None
    assert not is_alive(Identity(7, 5000, "one"), proc)


def test_without_a_system_that_tells_of_processes_nothing_is_claimed(tmp_path):
    assert identity_of(os.getpid(), tmp_path / "none") is None
    assert not is_alive(identity_of(os.getpid()), tmp_path / "none")


def test_this_process_is_alive_and_another_with_its_number_is_not():
    me = identity_of(os.getpid())
    assert (me.pid, is_alive(me)) == (os.getpid(), True)
    assert not is_alive(replace(me, started=me.started + 1))
    assert not is_alive(replace(me, boot="another"))


def test_a_child_is_alive_until_it_has_ended_also_before_anybody_has_waited_for_it():
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE, stderr=subprocess.DEVNULL) as child:
        identity = identity_of(child.pid)
        assert is_alive(identity)
        child.kill()
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)  # it is a zombie from here on
        assert not is_alive(identity)
    assert identity_of(child.pid) is None
