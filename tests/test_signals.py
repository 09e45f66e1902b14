"""How a program ends from outside: SIGINT and SIGTERM in order, a second one at once, SIGKILL with nothing left behind."""

import json
import os
import signal
from pathlib import Path

import pytest

from commands import CLI, Started, is_alive, wait_gone, write

JOBS = """
    import os, signal, time
    import trio
    from actors import App

    app = App(log="runs.jsonl", shutdown_wait="{wait}", grace="1 second", cleanup="1 second")

    @app.task(on_startup=True)
    async def sleeps():
        print("async begins", flush=True)
        await trio.sleep({seconds})
        print("async ends", flush=True)

    @app.task({process}, execution="process")
    def works():
        import subprocess
        child = subprocess.Popen(["sleep", "60"])
        print("pids", os.getpid(), child.pid, flush=True)
        time.sleep(60)
"""


def jobs(wait="0.1 seconds", seconds=60, process="on_startup=True", more=""):
    write("jobs.py", (JOBS + more).format(wait=wait, seconds=seconds, process=process))


def pids(line):
    return [int(word) for word in line.split()[-2:]]


def ends():
    records = [json.loads(line) for line in Path("runs.jsonl").read_text().splitlines()[1:]]
    return {record["task_name"]: (record["action"], record.get("reason")) for record in records if record["action"] != "run"}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_first_signal_lets_runs_finish(number):
    jobs(wait="20 seconds", seconds=0.7, process="on_startup=False")
    with Started(CLI, "run", "jobs.py") as program:
        program.wait_for("async begins")
        program.process.send_signal(number)
        assert program.wait_ended(within=10) == 0
    assert "async ends" in program.printed
    assert ends() == {"sleeps": ("success", None)}


def test_what_does_not_finish_in_its_time_is_ended_with_all_it_started():
    jobs()
    with Started(CLI, "run", "jobs.py") as program:
        started = pids(program.wait_for("pids"))
        program.process.send_signal(signal.SIGTERM)
        assert program.wait_ended(within=10) == 3
    assert ends() == {"sleeps": ("terminate", "shutdown by SIGTERM"), "works": ("terminate", "shutdown by SIGTERM")}
    for pid in started:
        wait_gone(pid)


def test_a_second_signal_ends_it_at_once():
    jobs(wait="50 seconds")
    with Started(CLI, "run", "jobs.py") as program:
        started = pids(program.wait_for("pids"))
        program.process.send_signal(signal.SIGINT)
        program.wait_for("runs get 50 s to finish")
        program.process.send_signal(signal.SIGINT)
        assert program.wait_ended(within=10) == 3
    assert ends()["works"] == ("terminate", "shutdown by SIGINT")
    for pid in started:
        wait_gone(pid)


def test_a_second_signal_ends_a_program_whose_loop_is_blocked():
    jobs(
        process="on_startup=False",
        more="""
    @app.task(on_startup=True, execution="main")
    def blocks():
        print("blocking", flush=True)
        time.sleep(60)
    """,
    )
    with Started(CLI, "run", "jobs.py") as program:
        program.wait_for("blocking")
        program.process.send_signal(signal.SIGINT)
        program.process.send_signal(signal.SIGTERM)
        assert program.wait_ended(within=15) == 3


def test_a_task_that_ignores_its_cancellation_does_not_hold_up_the_end():
    jobs(
        process="on_startup=False",
        more="""
    @app.task(on_startup=True)
    async def ignores():
        print("ignoring", flush=True)
        while True:
            try:
                await trio.sleep(60)
            except BaseException:
                pass
    """,
    )
    with Started(CLI, "run", "jobs.py") as program:
        program.wait_for("ignoring")
        program.process.send_signal(signal.SIGTERM)
        assert program.wait_ended(within=20) == 3
    assert ends()["ignores"] == ("terminate", "shutdown by SIGTERM; stuck: it ignores its cancellation")


def test_a_thread_that_ignores_its_flag_does_not_hold_up_the_end():
    jobs(
        process="on_startup=False",
        more="""
    @app.task(on_startup=True, execution="thread")
    def ignores():
        print("ignoring", flush=True)
        time.sleep(60)
    """,
    )
    with Started(CLI, "run", "jobs.py") as program:
        program.wait_for("ignoring")
        program.process.send_signal(signal.SIGTERM)
        assert program.wait_ended(within=10) == 3
    assert "abandoned: the thread of task 'ignores'" in ends()["ignores"][1]


def test_a_kill_leaves_no_worker_and_the_next_start_closes_its_runs():
    jobs()
    with Started(CLI, "run", "jobs.py") as program:
        started = pids(program.wait_for("pids"))
        os.kill(program.process.pid, signal.SIGKILL)
        program.wait_ended(within=5)
    for pid in started:
        wait_gone(pid)
    assert not ends()
    jobs(process="on_startup=False", seconds=0)
    with Started(CLI, "run", "jobs.py") as program:
        program.wait_for("async ends")
        program.process.send_signal(signal.SIGTERM)
        assert program.wait_ended(within=10) == 0
    lines = [json.loads(line) for line in Path("runs.jsonl").read_text().splitlines()[1:]]
    crashed = [record for record in lines if record["action"] == "crash"]
    assert sorted(record["task_name"] for record in crashed) == ["sleeps", "works"]
    assert {record["reason"] for record in crashed} == {"the runtime ended before the run did"}
    assert [record["action"] for record in lines[-2:]] == ["run", "success"]


def test_ctrl_c_reaches_the_runtime_and_not_its_workers():
    """A terminal sends SIGINT to the whole foreground group, of which workers are no part."""
    jobs(
        wait="20 seconds",
        seconds=0,
        more="""
    @app.task(on_startup=True, execution="process")
    def short():
        print("short begins", flush=True)
        time.sleep(0.7)
        print("short ends", flush=True)
    """,
        process="on_startup=False",
    )
    with Started(CLI, "run", "jobs.py") as program:
        program.wait_for("short begins")
        program.process.send_signal(signal.SIGINT)
        assert program.wait_ended(within=10) == 0
    assert "short ends" in program.printed
    assert ends()["short"] == ("success", None)
    assert not is_alive(program.process.pid)
