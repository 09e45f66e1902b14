"""What a runtime knows after it was killed is what it knew: nothing runs again, and nothing is lost."""

import os
import random
import signal
import time
from itertools import count

import trio
from hypothesis import given, settings
from hypothesis import strategies as st
from trio.testing import MockClock, wait_all_tasks_blocked

from actors import App, Retry, TaskInactionException, TaskTerminationException, after_fail, after_success
from actors.facts import TERMINAL
from commands import Started, write
from helpers import actions, records
from runtime import VirtualClock, open_runtime
from runtime.attempts import Recourse
from runtime.recovery import Recovery
from runtime.runlog.history import History
from runtime.runlog.memory_log import MemoryLog
from runtime.runlog.recorder import Recorder

START = 1_767_000_000.0
MOMENTS = ("run", "success", "fail", "terminate", "inaction", "crash", "poison", "due")


def known(facts):
    """Return what is known of each task, numbers left out that mean nothing but an order."""
    of_each = {
        name: (own.status, own.fails, own.remembered, *(getattr(own, moment) for moment in MOMENTS))
        for name, own in facts.items()
        if own.status is not None
    }
    order = sorted((number, name, action) for name, own in facts.items() for action, number in own.order.items())
    used_up = {
        (mine, name, action)
        for mine, own in facts.items()
        for name, other in facts.items()
        for action, number in other.order.items()
        if action in TERMINAL and number <= own.claimed
    }
    return of_each, [(name, action) for _, name, action in order], used_up


OUTCOMES = {
    "fail": ValueError,
    "inaction": TaskInactionException,
    "terminate": TaskTerminationException,
    "again": Retry(after=20),
}


def app_of(draw):
    """Return an app with tasks that start each other, and end as is drawn."""
    app = App(log=None, timezone="UTC")

    async def it():
        await trio.sleep(draw([0, 0, 5, 70]))
        if (outcome := draw(["success", "success", *OUTCOMES])) != "success":
            raise OUTCOMES[outcome]

    app.task("every 1 minute", func=it, name="a", retries=1)
    app.task("daily", func=it, name="b")
    app.task(after_success("a"), func=it, name="c", retries=Retry(2, base=3))
    app.task(after_fail("a") | after_success("c"), func=it, name="d", multilaunch=True)
    app.task("every 90 seconds", func=it, name="e", overlap="allow")
    app.task("cron */5 * * * *", func=it, name="f")
    return app


async def play(seed):
    """Let an app live, and compare at each step what it knows with what a next life would."""
    draw = random.Random(seed).choice
    app = app_of(draw)
    async with open_runtime(app, clock=VirtualClock(START)):
        for _ in range(15):
            task = app.session[draw("abcdef")]
            deed = draw([lambda: None, lambda: None, task.run, task.terminate])
            deed()
            await trio.sleep(draw([1, 30, 61, 200]))
            await wait_all_tasks_blocked()
            if all(task.waits_for in (None, "its next attempt") for task in app.session.tasks):
                history = History.of(app.session.get_repo().log.documents())
                assert known(history.facts) == known({task.name: task.facts for task in app.session.tasks})


@given(st.integers(0, 2**32))
@settings(max_examples=12)
def test_a_next_life_knows_at_any_moment_what_this_one_does(seed):
    trio.run(play, seed, clock=MockClock(autojump_threshold=0))


class Ticking:
    """A clock that is one second later at each look."""

    earliest = 0.0

    def __init__(self):
        self._seconds = count(START)

    def now(self):
        return next(self._seconds)


DEEDS = st.lists(st.tuples(st.sampled_from(["begin", *TERMINAL, "worker", "kill"]), st.sampled_from("ab"), st.integers(0, 3)))


@given(DEEDS, st.sampled_from([0, 2]), st.sampled_from(["mark", "rerun"]))
@settings(max_examples=100)
def test_what_is_closed_at_a_restart_is_known_as_if_it_had_always_been_in_the_log(deeds, retries, on_orphan):
    """A history that was cut off at any moments, and gone on with: each run has one end at most, and each life knows the same."""
    log, clock = MemoryLog(), Ticking()
    recovery = Recovery(lambda task: Recourse(Retry(retries), on_orphan) if task == "a" else None)
    recorder, begun = Recorder(log, clock), {}
    live = recorder.open(recovery)
    for deed, task, number in (*deeds, ("kill", "a", 0)):
        key = task, number
        if deed == "kill":
            begun = {}
            live = Recorder(log, clock).open(recovery)
            assert live.open_runs() == []
            assert known(live.facts) == known(History.of(log.documents()).facts)
        elif deed == "begin" and key not in begun:
            now = clock.now()
            begun[key] = {"task_name": task, "run_id": f"{number} {now}", "start": now, "due": now, "params": {}}
            append(log, live, begun[key] | {"created": now, "action": "run"})
        elif deed == "worker" and key in begun:
            append(log, live, begun[key] | {"created": clock.now(), "action": deed, "pid": 2**30, "pid_start": 1, "boot": "x"})
        elif deed in TERMINAL and key in begun:
            append(log, live, begun.pop(key) | {"created": clock.now(), "action": deed})
    said = [document for document in log.documents() if document["action"] in (*TERMINAL, "retry")]
    ends = [(document["task_name"], document["run_id"]) for document in said]
    assert len(ends) == len(set(ends)) == sum(document["action"] == "run" for document in log.documents())


def append(log, history, document):
    log.append(document)
    history.take_in(document)


JOBS = """
    import sys, time
    from pathlib import Path
    from actors import App, Retry, after_success

    app = App(log="runs.jsonl", timezone="UTC")

    def task(*conditions, **options):
        def add(function):
            @app.task(*conditions, name=function.__name__, **options)
            async def it():
                print("began", function.__name__, flush=True)
                await function()
        return add

    @task("daily")
    async def once_a_day(): pass

    @task("every 6 hours")
    async def on_a_grid(): pass

    @task("every 6 hours based on finish")
    async def after_a_delay(): pass

    @task(after_success("once_a_day"))
    async def follows(): pass

    @task("every 6 hours", retries=Retry(1, base="1 hour"))
    async def fails():
        raise ValueError("no")

    @task(after_success("held"))
    async def follows_late(): pass

    @app.task(name="held", execution="thread")
    def held():
        while not Path("go").exists():
            time.sleep(0.01)

    if "begin" in sys.argv:
        app.session["held"].run()
    app.run()
"""
DONE = ["once_a_day", "on_a_grid", "after_a_delay", "follows"]


def test_after_a_kill_nothing_runs_again_and_nothing_is_lost():
    write("jobs.py", JOBS)
    app = App(log="runs.jsonl")

    def wait_for(program, *ends):
        deadline = time.monotonic() + 20
        while not all(action in actions(app, task) for task, action in ends):
            assert program.process.poll() is None, program.process.stdout.read()
            assert time.monotonic() < deadline, records(app)
            time.sleep(0.02)

    with Started("jobs.py", "begin") as first:
        wait_for(first, *((task, "success") for task in DONE), ("fails", "retry"), ("held", "run"))
        os.kill(first.process.pid, signal.SIGKILL)
        first.wait_ended(10)
    (retry,) = [record for record in records(app, "fails") if record.action == "retry"]
    write("go", "")
    with Started("jobs.py", "begin") as second:
        wait_for(second, ("follows_late", "success"))  # so that whatever was to start has started
        os.kill(second.process.pid, signal.SIGKILL)
        second.wait_ended(10)
    assert {task: actions(app, task) for task in DONE} == {task: ["run", "success"] for task in DONE}
    assert actions(app, "fails") == ["run", "retry"]
    assert actions(app, "held") == ["run", "crash", "run", "success"]
    assert History.of(app.session.get_repo().log.documents()).waiting_attempts()[0]["retry_at"] == retry.retry_at
