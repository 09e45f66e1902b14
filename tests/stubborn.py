"""Functions that make it hard to end them, or to tell how they ended; worker processes import them from here."""

import ctypes
import operator
import os
import signal
import subprocess
import sys
import time
from collections import deque
from functools import partial, wraps
from pathlib import Path

from actors import TaskTerminationException, TerminationFlag
from actors.termination import current_flag


def says_who(*pids):
    """Write down process ids, whole, for the test to read."""
    Path("pids.part").write_text(" ".join(map(str, pids)))
    Path("pids.part").rename("pids")


def sleeps_and_says_who(seconds):
    says_who(os.getpid())
    time.sleep(seconds)


def waits_for_file_and_returns(name):
    says_who(os.getpid())
    while not Path(name).exists():
        time.sleep(0.002)
    return "result"


def has_a_child_that_holds_the_output():
    child = subprocess.Popen(["sleep", "60"])
    says_who(os.getpid(), child.pid)
    time.sleep(60)


def has_a_child_that_ignores_sigterm():
    child = subprocess.Popen(["sh", "-c", "trap '' TERM; echo ready; sleep 60; sleep 60"], stdout=subprocess.PIPE)
    child.stdout.readline()
    says_who(os.getpid(), child.pid)
    time.sleep(60)


def ignores_sigterm_and_has_a_child_that_does():
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    child = subprocess.Popen(["sleep", "60"])  # what is ignored is inherited
    says_who(os.getpid(), child.pid)
    time.sleep(60)


def has_a_grandchild():
    child = subprocess.Popen(["sh", "-c", "sleep 60 & echo $!; wait"], stdout=subprocess.PIPE, text=True)
    says_who(os.getpid(), child.pid, int(child.stdout.readline()))
    time.sleep(60)


def has_a_forked_child_that_holds_all():
    pid = os.fork()
    if pid == 0:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        time.sleep(60)
        os._exit(0)
    says_who(os.getpid(), pid)
    time.sleep(60)


def ends_its_child_when_asked(flag=TerminationFlag()):
    child = subprocess.Popen(["sleep", "60"])
    says_who(os.getpid(), child.pid)
    flag.wait(60)
    was = "alive" if child.poll() is None else "dead"
    child.kill()
    child.wait()
    return f"the child was {was}"


def waits_again_before_python_looks_for_signals():
    """The first signal ends the first wait, and comes too early for the second."""
    libc = ctypes.CDLL(None)
    Path("pids.part").write_text(str(os.getpid()))
    try:
        deque(map(operator.call, [partial(libc.rename, b"pids.part", b"pids"), *[partial(libc.sleep, 60)] * 2]), 0)
    finally:
        Path("cleaned").touch()


def cleans_up_for_ever():
    child = subprocess.Popen(["sh", "-c", "trap '' TERM; echo ready; sleep 60; sleep 60"], stdout=subprocess.PIPE)
    child.stdout.readline()
    try:
        says_who(os.getpid(), child.pid)
        time.sleep(60)
    finally:
        Path("cleaning").touch()
        time.sleep(60)


def segfaults():
    ctypes.string_at(0)


def quits():
    os._exit(0)


def exits():
    sys.exit(3)


def closes_all_it_has():
    os.closerange(3, 1000)


def floods_stderr_and_quits():
    for _ in range(3000):
        os.write(2, b"x" * 999 + b"\n")
    os._exit(7)


def leaves_a_forked_child_and_quits():
    if os.fork() == 0:
        time.sleep(60)
        os._exit(0)
    os._exit(0)


class RaisesInReduce(Exception):
    def __reduce__(self):
        raise RuntimeError("not even this")


def raises_what_raises_in_reduce():
    raise RaisesInReduce("told all the same")


def returns_what_raises_in_reduce():
    return RaisesInReduce("told all the same")


def raises_bad_unicode():
    raise ValueError("bad \udcff byte")


def returns_bad_unicode():
    return "bad \udcff byte"


def as_async(function):
    @wraps(function)
    async def does_the_same():
        return function()

    return does_the_same


raises_what_raises_in_reduce_async, returns_what_raises_in_reduce_async = map(
    as_async, [raises_what_raises_in_reduce, returns_what_raises_in_reduce]
)
raises_bad_unicode_async, returns_bad_unicode_async = map(as_async, [raises_bad_unicode, returns_bad_unicode])


def returns_at_once():
    return "result"


def sleeps_for_ever():
    flag = current_flag.get()
    while flag is None or not flag.is_set():
        time.sleep(0.005)
    raise TaskTerminationException


async def sleeps_for_ever_async():
    import trio

    await trio.sleep(3600)
