"""How a program ends from outside, in order or not, and what it exits with; SIGKILL leaves nothing behind."""

import json
import os
import signal
import threading
import time
from pathlib import Path
from textwrap import dedent

import pytest
import trio

from actors import App
from actors.facts import TERMINAL
from commands import CLI, Started, cli, is_alive, python, wait_gone, write
from runtime.shutdown import longest

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
    return {record["task_name"]: (record["action"], record.get("reason")) for record in records if record["action"] in TERMINAL}


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
    """Also where it is not the main thread that the system gives the signals to, but that of a task."""
    jobs(
        process="on_startup=False",
        more="""
    @app.task(on_startup=True, execution="thread")
    def waits():
        app.session["blocks"].run()
        time.sleep(60)

    @app.task(execution="main")
    def blocks():
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT, signal.SIGTERM])
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
    jobs(wait="20 seconds", process="on_startup=False", seconds=0)
    with Started(CLI, "run", "jobs.py") as program:
        program.wait_for("async ends")
        program.process.send_signal(signal.SIGTERM)
        assert program.wait_ended(within=10) == 0
    lines = [json.loads(line) for line in Path("runs.jsonl").read_text().splitlines()[1:]]
    crashed = [record for record in lines if record["action"] == "crash"]
    assert sorted(record["task_name"] for record in crashed) == ["sleeps", "works"]
    assert {record["reason"] for record in crashed} == {"the runtime ended before the run did"}
    assert [record["action"] for record in lines[-2:]] == ["run", "success"]


FORKS = """
    import os, signal, time
    from actors import App

    app = App(log=None, stop_when_idle=True)

    @app.task(on_startup=True, execution="{mode}")
    def forks():
        for _ in range({times}):
            if (child := os.fork()) == 0:
                try:
                    print("begun", flush=True)
                    time.sleep(5)
                except KeyboardInterrupt:
                    os._exit(7)
                finally:
                    os._exit(8)
            time.sleep({after})
            os.kill(child, signal.{name})
            assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == {code}
        print("all have ended", flush=True)

    if __name__ == "__main__":
        raise SystemExit(app.run().exit_code)
"""


@pytest.mark.parametrize("mode", ["main", "thread", "process"])
@pytest.mark.parametrize(
    "signals",
    [
        pytest.param({"name": "SIGTERM", "code": -signal.SIGTERM, "after": 0.3, "times": 1}, id="later"),
        pytest.param({"name": "SIGTERM", "code": -signal.SIGTERM, "after": 0, "times": 100}, id="before it has begun"),
        pytest.param({"name": "SIGINT", "code": 7, "after": 0.3, "times": 1}, id="SIGINT"),
    ],
)
def test_a_signal_to_a_child_that_a_task_has_forked_ends_the_child_and_not_the_app(mode, signals):
    write("jobs.py", FORKS.format(mode=mode, **signals))
    with Started("jobs.py") as program:
        program.wait_for("all have ended")
        assert program.wait_ended(within=10) == 0
    assert "shutdown by" not in program.printed


def test_a_child_that_was_forked_is_prepared_before_a_signal_comes_to_it():
    write(
        "forks.py",
        """
    import os, signal
    from runtime.signal_mask import prepare_forks

    os.register_at_fork(after_in_child=lambda: os.kill(os.getpid(), signal.SIGTERM))
    prepare_forks([signal.SIGTERM], lambda: signal.signal(signal.SIGTERM, signal.SIG_DFL))
    signal.signal(signal.SIGTERM, lambda *_: print("as its parent", flush=True))
    if (child := os.fork()) == 0:
        os._exit(7)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), signal.pthread_sigmask(signal.SIG_BLOCK, ()))
    """,
    )
    assert python("forks.py").stdout == "-15 set()\n"


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


def test_a_program_that_is_stopped_while_it_ends_goes_on_with_that():
    jobs(
        wait="0 seconds",
        process="on_startup=False",
        seconds=0,
        more="""
    import atexit
    atexit.register(lambda: (print("exiting", flush=True), time.sleep(0.2)))
    """,
    )
    with Started(CLI, "run", "jobs.py") as program:
        program.wait_for("async ends")
        program.process.send_signal(signal.SIGTERM)
        program.wait_for("exiting")
        program.process.send_signal(signal.SIGSTOP)
        time.sleep(longest(wait=0) + 0.8)
        program.process.send_signal(signal.SIGCONT)
        assert program.wait_ended(within=10) == 0
    assert "holds up the end" not in program.printed


def stubborn(wait="0.1 seconds", more=""):
    """Write an app in which nothing that can be stubborn ends when it is asked to."""
    jobs(
        wait=wait,
        process="on_startup=False",
        more="""
    @app.task(on_startup=True, execution="process")
    def defies():
        import subprocess
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        child = subprocess.Popen(["sleep", "60"])
        print("pids", os.getpid(), child.pid, flush=True)
        while True:
            try:
                time.sleep(60)
            except BaseException:
                pass

    @app.task(on_startup=True, execution="thread")
    def ignores():
        time.sleep(60)

    @app.task(on_startup=True)
    async def swallows():
        while True:
            try:
                await trio.sleep(60)
            except BaseException:
                pass

    @app.session.hook_shutdown
    async def first():
        await trio.sleep(60)

    @app.session.hook_shutdown
    async def second():
        yield
        await trio.sleep(60)
    """
        + more,
    )


class TestStubborn:
    def test_one_signal_ends_all_of_it(self):
        stubborn(
            wait="5 seconds",
            more="""
    @app.task(on_shutdown=True)
    async def last():
        print("closing", flush=True)
        await trio.sleep(60)
    """,
        )
        with Started(CLI, "run", "jobs.py") as program:
            started = pids(program.wait_for("pids"))
            program.process.send_signal(signal.SIGTERM)
            assert program.wait_ended(within=20) == 3
        assert "closing" in program.printed
        assert {action for action, _ in ends().values()} == {"terminate"}
        assert set(ends()) == {"sleeps", "defies", "ignores", "swallows", "last"}
        for pid in started:
            wait_gone(pid)

    def test_what_was_cut_short_is_told_at_the_end_by_name(self):
        stubborn()
        with Started(CLI, "run", "-q", "jobs.py") as program:
            program.wait_for("pids")
            program.process.send_signal(signal.SIGTERM)
            assert program.wait_ended(within=10) == 3
        (line,) = [line for line in program.printed.splitlines() if "cut short: " in line]
        for name in ("sleeps", "defies", "ignores", "swallows"):
            assert f"task {name!r}" in line

    def test_a_third_signal_kills_what_is_left_and_each_run_has_its_record(self):
        stubborn(wait="50 seconds")
        with Started(CLI, "run", "jobs.py") as program:
            started = pids(program.wait_for("pids"))
            program.process.send_signal(signal.SIGINT)
            program.wait_for("4 runs get 50 s to finish; a second signal ends them now")
            program.process.send_signal(signal.SIGINT)
            program.wait_for("runs now; a third signal kills them")
            program.process.send_signal(signal.SIGINT)
            program.wait_for("killing")
            assert program.wait_ended(within=5) == 3
        assert {action for action, _ in ends().values()} == {"terminate"}
        assert set(ends()) == {"sleeps", "defies", "ignores", "swallows"}
        for pid in started:
            wait_gone(pid)

    @pytest.mark.parametrize("count", [1, 2])
    def test_a_hook_of_the_start_that_hangs_does_not_hold_up_the_end(self, count):
        jobs(
            wait="0.1 seconds" if count == 1 else "50 seconds",
            more="""
    @app.setup
    async def setup():
        print("hanging", flush=True)
        await trio.sleep(60)
    """,
        )
        with Started(CLI, "run", "jobs.py") as program:
            program.wait_for("hanging")
            for number in range(count):
                program.process.send_signal(signal.SIGTERM)
                program.wait_for(["the start gets", "ending the start now"][number])
            assert program.wait_ended(within=10) == 3
        assert "a hook of the start did not end in time, and was cancelled" in program.printed
        assert ends() == {}

    def test_a_hook_of_the_start_that_blocks_the_runtime_meets_the_last_resort(self):
        jobs(
            more="""
    @app.setup
    def setup():
        print("blocking", flush=True)
        time.sleep(60)
    """,
        )
        with Started(CLI, "run", "jobs.py") as program:
            program.wait_for("blocking")
            for _ in range(3):
                program.process.send_signal(signal.SIGTERM)
                time.sleep(0.05)  # else the kernel may make one of them
            assert program.wait_ended(within=10) == 3
        assert "holds up the end: exiting at once" in program.printed

    def test_a_thread_pool_of_a_task_does_not_hold_up_the_exit(self):
        jobs(
            process="on_startup=False",
            more="""
    @app.task(on_startup=True, execution="thread")
    def pools():
        from concurrent.futures import ThreadPoolExecutor
        app.pool = ThreadPoolExecutor()
        app.pool.submit(time.sleep, 60)
        print("pooling", flush=True)
    """,
        )
        with Started(CLI, "run", "jobs.py") as program:
            program.wait_for("pooling")
            program.process.send_signal(signal.SIGTERM)
            assert program.wait_ended(within=15) == 3


class TestExitCodes:
    """Each of them, out of a real process."""

    def exit_code(self, text, *command):
        write("jobs.py", "from actors import App, SchedulerExit\n" + dedent(text))
        return cli(*(command or ("run", "jobs.py"))).returncode

    def test_0_where_it_ended_in_order_also_if_runs_have_failed(self):
        text = """
            app = App(log=None, stop_when_idle=True)

            @app.task(on_startup=True)
            def fails():
                raise ValueError
        """
        assert self.exit_code(text) == 0

    def test_0_where_a_task_has_ended_it(self):
        text = """
            app = App(log=None)

            @app.task(on_startup=True, execution="process")
            def ends():
                raise SchedulerExit
        """
        assert self.exit_code(text) == 0

    def test_1_where_the_app_cannot_start(self):
        text = """
            app = App(log=None)

            @app.setup
            def setup():
                raise ValueError("no database")
        """
        assert self.exit_code(text) == 1

    @pytest.mark.parametrize(("does", "code"), [("pass", 0), ("raise ValueError", 1), ("raise SystemExit(7)", 1)])
    def test_of_a_launch_that_of_its_task(self, does, code):
        text = f"""
            app = App(log=None)

            @app.task(execution="thread")
            def it():
                {does}
        """
        assert self.exit_code(text, "launch", "jobs.py", "it") == code

    def test_3_of_a_launch_that_a_signal_has_cut_short(self):
        jobs()
        with Started(CLI, "launch", "jobs.py", "works") as program:
            program.wait_for("pids")
            program.process.send_signal(signal.SIGTERM)
            assert program.wait_ended(within=10) == 3

    @pytest.mark.parametrize(
        "command", [("run", "absent.py"), ("launch", "jobs.py", "nobody"), ("run",), ("run", "jobs.py", "-x")]
    )
    def test_2_where_it_is_used_wrong(self, command):
        assert self.exit_code("app = App(log=None)", *command) == 2

    def test_4_while_another_runtime_has_the_log_and_no_longer_when_that_was_killed(self):
        jobs(process="on_startup=False")
        with Started(CLI, "run", "jobs.py") as first:
            first.wait_for("async begins")
            second = cli("run", "jobs.py")
            assert second.returncode == 4
            assert f"process {first.process.pid}" in second.stderr
            first.process.kill()
            first.wait_ended(within=5)
        jobs(wait="20 seconds", process="on_startup=False", seconds=0)
        with Started(CLI, "run", "jobs.py") as third:
            third.wait_for("async ends")
            third.process.send_signal(signal.SIGTERM)
            assert third.wait_ended(within=10) == 0

    def test_5_where_the_log_cannot_be_used(self):
        write("other.txt", "no log")
        assert self.exit_code("app = App(log='other.txt')") == 5

    @pytest.mark.parametrize(("seconds", "code"), [(0.3, 0), (60, 3)])
    def test_a_program_that_runs_an_app_itself_may_exit_with_them(self, seconds, code):
        jobs(
            wait="0.1 seconds" if code else "20 seconds",
            seconds=seconds,
            process="on_startup=False",
            more="""
    import sys
    sys.exit(app.run().exit_code)
    """,
        )
        with Started("jobs.py") as program:
            program.wait_for("async begins")
            program.process.send_signal(signal.SIGTERM)
            assert program.wait_ended(within=10) == code


class TestHandlers:
    @pytest.fixture
    def before(self):
        """The handlers of a program that has its own."""
        kept = {number: signal.signal(number, _ours) for number in HANDLED}
        yield dict.fromkeys(HANDLED, _ours)
        for number, handler in kept.items():
            signal.signal(number, handler)

    def test_they_are_as_they_were_after_an_app_has_run(self, before):
        app, during = App(log=None, stop_when_idle=True), {}
        app.task(func=lambda: during.update(_handlers()), name="looks", on_startup=True, execution="main")
        assert app.run().exit_code == 0
        assert all(during[number] is not _ours for number in HANDLED)
        assert _handlers() == before

    def test_they_are_as_they_were_after_an_app_could_not_start(self, before):
        app = App(log=None)

        @app.setup
        def setup():
            raise ValueError("no database")

        with pytest.raises(ValueError, match="no database"):
            app.run()
        assert _handlers() == before

    def test_those_of_a_task_are_called_too(self):
        app, received = App(log=None, stop_when_idle=True), []

        @app.task(on_startup=True)
        async def receives():
            with trio.open_signal_receiver(signal.SIGUSR1) as numbers:
                threading.Timer(0.1, os.kill, (os.getpid(), signal.SIGUSR1)).start()
                async for number in numbers:
                    received.append(number)
                    break

        app.run()
        assert received == [signal.SIGUSR1]

    def test_sighup_is_left_as_it_is(self):
        app, seen = App(log=None, stop_when_idle=True), []
        app.task(func=lambda: seen.append(signal.getsignal(signal.SIGHUP)), name="looks", on_startup=True, execution="main")
        before = signal.getsignal(signal.SIGHUP)
        app.run()
        assert seen == [before]


HANDLED = (signal.SIGINT, signal.SIGTERM)


def _ours(number, frame):
    """Stand for a handler of the program's own."""


def _handlers():
    return {number: signal.getsignal(number) for number in HANDLED}
