"""How runs end that somebody ends: by a signal, by a kill, by the end of the app, against their will and in odd moments."""

import asyncio
import json
import os
import select
import signal
import threading
import time
from pathlib import Path

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

import stubborn
from actors import App, cancellation_point
from actors.args import Session
from commands import CLI, Started, is_alive, wait_gone, write
from helpers import actions, minimal, records, running, running_virtually

TERMINAL = {"success", "fail", "inaction", "terminate", "crash"}


def log():
    """Return the records of the run log of a program, as they are in its file."""
    return [json.loads(line) for line in Path("runs.jsonl").read_text().splitlines()[1:]]


def ends(task):
    """Return action and reason of the end of each run of a task, by the run log of a program."""
    found = [record for record in log() if record["task_name"] == task and record["action"] in TERMINAL]
    return [(record["action"], record.get("reason")) for record in found]


async def said_pids():
    """Wait until a function has written down its process ids, and return them."""
    with trio.fail_after(30):
        while not Path("pids").exists():
            await trio.sleep(0.005)
    return [int(word) for word in Path("pids").read_text().split()]


def wait_until(holds, within=30.0):
    deadline = time.monotonic() + within
    while not holds():
        assert time.monotonic() < deadline, "it did not come to that"
        time.sleep(0.005)


def readable_sockets():
    """Return the sockets of this process in which something has come that was not read."""
    links = {int(entry.name): entry for entry in Path("/proc/self/fd").iterdir()}
    sockets = [fd for fd, entry in links.items() if entry.is_symlink() and str(entry.readlink()).startswith("socket:")]
    return set(select.select(sockets, [], [], 0)[0])


def wait_all_gone(pids, within):
    deadline = time.monotonic() + within
    for pid in pids:
        wait_gone(pid, max(deadline - time.monotonic(), 0.0))


class TestSchedulerThatIsKilled:
    JOBS = """
        import os, subprocess, time
        from actors import App

        app = App(log="runs.jsonl", max_process_count=8, stop_when_idle=True)

        @app.task(execution="process", multilaunch=True)
        def works():
            line = "sleep 60 & echo $!; wait"
            child = subprocess.Popen(["sh", "-c", line], stdout=subprocess.PIPE, text=True)
            print("pids", os.getpid(), child.pid, child.stdout.readline().strip(), flush=True)
            time.sleep(60)

        @app.task(on_startup={begins}, execution="main")
        def begins():
            for _ in range(8):
                app.session["works"].run()
    """

    def test_eight_workers_and_all_they_have_started_die_with_it_and_each_run_is_a_crash(self):
        """No process outlives its scheduler by two seconds, and no run stays without an end over a restart."""
        write("jobs.py", self.JOBS.format(begins=True))
        with Started(CLI, "run", "jobs.py") as program:
            lines = [program.wait_for("pids") for _ in range(8)]
            pids = [int(word) for line in lines for word in line.split()[-3:]]
            assert len(set(pids)) == 24
            assert all(map(is_alive, pids))
            os.kill(program.process.pid, signal.SIGKILL)
            wait_all_gone(pids, within=2)
        write("jobs.py", self.JOBS.format(begins=False))
        with Started(CLI, "run", "jobs.py") as program:
            assert program.wait_ended(within=30) == 0
        assert ends("works") == [("crash", "the runtime ended before the run did")] * 8
        assert len({record["run_id"] for record in log() if record["task_name"] == "works"}) == 8


class TestWorkerThatDies:
    async def test_one_that_is_killed_from_outside_fails_its_run_only_and_the_next_succeeds(self):
        """A worker belongs to one run; its death is told as that of the run, with the signal, and nobody else hears of it."""
        app = App(log=None, max_process_count=2)
        app.task(func=stubborn.sleeps_and_says_who, name="it", execution="process", parameters={"seconds": 60})
        app.task(func=stubborn.waits_for_file_and_returns, name="other", execution="process", parameters={"name": "go"})
        async with running(app) as run:
            app.session["other"].run()
            await said_pids()
            Path("pids").unlink()
            app.session["it"].run()
            (pid,) = await said_pids()
            os.kill(pid, signal.SIGKILL)
            await run.wait_ended(1)
            app.session["it"].run(seconds=0)
            await run.wait_ended(2)
            assert app.session["other"].is_running
            Path("go").touch()
            await run.wait_ended(3)
        assert actions(app, "it") == ["run", "fail", "run", "success"]
        assert "was killed by signal 9" in records(app, "it")[1].reason
        assert actions(app, "other") == ["run", "success"]

    @pytest.mark.parametrize(
        ("function", "said"),
        [
            (stubborn.segfaults, "was killed by signal 11 (SIGSEGV"),
            (stubborn.quits, "exited with status 0 before it answered"),
            (stubborn.exits, "SystemExit: 3"),
            (stubborn.closes_all_it_has, ""),
            (stubborn.floods_stderr_and_quits, "exited with status 7 before it answered"),
            (stubborn.leaves_a_forked_child_and_quits, "exited with status 0 before it answered"),
        ],
    )
    async def test_however_it_goes_its_run_is_a_fail_that_says_how_and_the_next_succeeds(self, function, said):
        """However a worker ends, its run ends too, in bounded time; what all tests share sees that nothing of it is left."""
        app = App(log=None, max_process_count=1)
        app.task(func=function, name="it", execution="process")
        app.task(func=stubborn.sleeps_and_says_who, name="next", execution="process", parameters={"seconds": 0})
        async with running(app) as run:
            app.session["it"].run()
            with trio.fail_after(20):
                assert await run.wait_ended() == ["fail"]
            app.session["next"].run()
            assert await run.wait_ended(2) == ["fail", "success"]
        assert said in records(app, "it")[-1].reason


class TestProcessThatIsTerminated:
    @pytest.mark.parametrize(
        "function",
        [
            stubborn.has_a_child_that_holds_the_output,
            stubborn.has_a_child_that_ignores_sigterm,
            stubborn.ignores_sigterm_and_has_a_child_that_does,
            stubborn.has_a_grandchild,
            stubborn.has_a_forked_child_that_holds_all,
        ],
    )
    async def test_all_it_has_started_is_gone(self, function):
        """Terminating a process run ends its whole group, whoever of it ignores SIGTERM or holds its output open."""
        app = App(log=None, grace=0.3, max_process_count=1)
        app.task(func=function, name="it", execution="process")
        app.task(func=stubborn.sleeps_and_says_who, name="next", execution="process", parameters={"seconds": 0})
        async with running(app) as run:
            app.session["it"].run()
            pids = await said_pids()
            app.session["it"].terminate()
            with trio.fail_after(20):
                assert await run.wait_ended() == ["terminate"]
            await trio.to_thread.run_sync(wait_all_gone, pids, 2)
            app.session["next"].run()
            assert await run.wait_ended(2) == ["terminate", "success"]

    @pytest.mark.parametrize("steps", [0, 1, 2, 3, 5, 8, 13])
    async def test_before_it_is_executed_it_has_one_end_and_leaves_nothing(self, steps):
        """A run may be ended before its process is there, in whatever step its start is."""
        app = App(log=None)
        app.task(func=stubborn.sleeps_and_says_who, name="it", execution="process", parameters={"seconds": 60})
        async with running(app) as run:
            app.session["it"].run()
            for _ in range(steps):
                await trio.lowlevel.checkpoint()
            app.session["it"].terminate()
            with trio.fail_after(20):
                assert await run.wait_ended() == ["terminate"]
        assert actions(app) == ["run", "terminate"]
        assert not Path("pids").exists()

    def test_before_its_worker_is_ready_it_has_one_end_and_leaves_nothing(self):
        """Loading the program may take long, or never end; that holds up no end either."""
        write(
            "jobs.py",
            """
            import os, time
            from pathlib import Path
            import trio
            from actors import App

            if Path("loaded").exists():  # in a worker
                Path("pid.part").write_text(str(os.getpid()))
                Path("pid.part").rename("pid")
                time.sleep(60)
            Path("loaded").touch()
            app = App(log="runs.jsonl", grace="0.3 seconds", stop_when_idle=True)

            @app.task(on_startup=True, execution="process")
            def it():
                pass

            @app.task(on_startup=True)
            async def ends_it():
                while not Path("pid").exists():
                    await trio.sleep(0.01)
                app.session["it"].terminate()
            """,
        )
        with Started(CLI, "run", "jobs.py") as program:
            assert program.wait_ended(within=30) == 0
        wait_gone(int(Path("pid").read_text()), within=1)
        assert ends("it") == [("terminate", "terminated by task 'ends_it'")]

    async def test_after_its_result_was_sent_it_is_the_success_that_it_is(self):
        """What was returned before anybody asked for an end is not lost, even if nobody has looked at it yet."""
        app = App(log=None, max_process_count=1)
        app.task(func=stubborn.waits_for_file_and_returns, name="it", execution="process", parameters={"name": "go"})
        app.task(func=stubborn.sleeps_and_says_who, name="next", execution="process", parameters={"seconds": 0})
        async with running(app) as run:
            app.session["it"].run()
            (pid,) = await said_pids()
            before = readable_sockets()
            Path("go").touch()
            wait_until(lambda: readable_sockets() - before)  # the answer has come, and nobody reads it as the loop is blocked
            app.session["it"].terminate()
            assert await run.wait_ended() == ["success"]
            app.session["next"].run()
            assert await run.wait_ended(2) == ["success", "success"]
        assert app.session.returns["it"] == "result"
        assert actions(app, "it") == ["run", "success"]
        wait_gone(pid)


class TestThreadThatDoesNotEnd:
    async def test_its_slot_is_free_at_once_and_its_late_end_changes_nothing(self):
        """A thread that is blocked in C is abandoned after its grace, and holds up no run of another task."""
        app = App(log=None, grace=0.1, max_thread_count=1)
        gate = threading.Lock()
        gate.acquire()

        @app.task(execution="thread")
        def it():
            with gate:
                return "too late"

        @app.task(execution="thread")
        def other():
            return "in time"

        async with running(app) as run:
            app.session["it"].run()
            await run.wait_started("it")
            app.session["other"].run()
            app.session["it"].terminate()
            with trio.fail_after(20):
                assert await run.wait_ended(2) == ["terminate", "success"]
            (end,) = [record for record in records(app, "it") if record.action == "terminate"]
            assert "terminated by the program" in end.reason
            assert "abandoned" in end.reason
            assert "with gate" in end.exc_text
            gate.release()
            with trio.fail_after(20):
                while any(thread.name == "callsheet it" for thread in threading.enumerate()):
                    await trio.sleep(0.005)
            await wait_all_tasks_blocked()
        assert actions(app, "it") == ["run", "terminate"]
        assert "it" not in app.session.returns


class TestSignals:
    """A container that is stopped gets ten seconds."""

    def test_sigterm_ends_an_idle_scheduler_in_order(self):
        write(
            "jobs.py",
            """
            from actors import App
            app = App(log="runs.jsonl")

            @app.task("every 1 hour")
            async def it():
                pass

            @app.task(on_startup=True, execution="process")
            def begins():
                print("a worker is there", flush=True)
            """,
        )
        with Started(CLI, "run", "jobs.py") as program:
            program.wait_for("a worker is there")
            program.process.send_signal(signal.SIGTERM)
            assert program.wait_ended(within=5) == 0

    def test_sigterm_ends_a_run_of_a_minute_with_what_is_set_by_default(self):
        """The defaults leave a container time to spare, and the exit status says that a run was cut short."""
        write(
            "jobs.py",
            """
            import trio
            from actors import App
            app = App(log="runs.jsonl")

            @app.task(on_startup=True)
            async def it():
                print("begins", flush=True)
                await trio.sleep(60)
            """,
        )
        with Started(CLI, "run", "jobs.py") as program:
            program.wait_for("begins")
            program.process.send_signal(signal.SIGTERM)
            assert program.wait_ended(within=8) == 3
        assert ends("it") == [("terminate", "shutdown by SIGTERM")]

    def test_a_second_sigint_does_not_wait_for_a_thread_that_is_stuck(self):
        """Whoever presses Ctrl+C twice gets the prompt back, and the record tells what was left behind."""
        write(
            "jobs.py",
            """
            import threading
            from actors import App
            app = App(log="runs.jsonl", grace="60 seconds", shutdown_wait="60 seconds")

            @app.task(on_startup=True, execution="thread")
            def it():
                print("stuck", flush=True)
                gate = threading.Lock()
                gate.acquire()
                gate.acquire()
            """,
        )
        with Started(CLI, "run", "jobs.py") as program:
            program.wait_for("stuck")
            program.process.send_signal(signal.SIGINT)
            program.wait_for("to finish")
            program.process.send_signal(signal.SIGINT)
            assert program.wait_ended(within=8) == 3
        ((action, reason),) = ends("it")
        assert action == "terminate"
        assert reason.startswith("shutdown by SIGINT; abandoned: the thread of task 'it'")


def test_slots_that_come_while_the_loop_is_blocked_run_late_or_are_on_record_and_none_is_lost():
    """A function that blocks the scheduler delays the others; each of their slots is a run, or counted as missed."""
    write(
        "jobs.py",
        """
        import time
        from actors import App
        app = App(log="runs.jsonl")

        @app.task("every 100 ms")
        async def tick():
            print("tick", flush=True)

        @app.task()
        async def blocks():
            print("blocking", flush=True)
            time.sleep(1.5)
            print("blocked", flush=True)

        @app.task(on_startup=True, execution="thread")
        def begins():
            time.sleep(0.5)
            app.session["blocks"].run()
        """,
    )
    with Started(CLI, "run", "jobs.py") as program:
        program.wait_for("blocked")
        for _ in range(4):
            program.wait_for("tick")
        program.process.send_signal(signal.SIGTERM)
        assert program.wait_ended(within=10) == 0
    ticks = [record for record in log() if record["task_name"] == "tick"]
    started = [record["due"] for record in ticks if record["action"] == "run"]
    missed = [record["count"] for record in ticks if record["action"] == "missed"]
    slots = [record.get("last", record.get("due")) for record in ticks if record["action"] in ("run", "missed")]
    assert len(started) + sum(missed) == round((max(slots) - min(started)) / 0.1) + 1
    assert "blocked" in {record.get("cause") for record in ticks}
    assert ends("tick") == [("success", None)] * len(started)


class TestCleanUp:
    async def test_of_several_runs_it_goes_on_at_the_same_time(self, autojump_clock):
        """When the runtime is cancelled, its runs clean up beside each other and not one after the other."""
        app, ended = App(log=None), []

        async def cleans_up():
            try:
                await trio.sleep(60)
            finally:
                with trio.CancelScope(shield=True):
                    await trio.sleep(1)
                ended.append(trio.current_time())

        for name in ("a", "b", "c"):
            app.task(func=cleans_up, name=name, on_startup=True)
        with trio.CancelScope() as scope:
            async with running_virtually(app) as run:
                await run.wait_started("a", "b", "c")
                began = trio.current_time()
                scope.cancel()
                await trio.sleep_forever()
        assert ended == [began + 1] * 3
        assert [action for action in actions(app) if action != "run"] == ["terminate"] * 3

    async def test_that_takes_long_in_many_runs_does_not_sum_up_at_the_end_of_the_app(self, autojump_clock):
        """A shutdown has one deadline, however many runs there are and however long each takes to end; all are on record."""
        app = App(log=None, shutdown_wait=5)

        @app.task(multilaunch=True)
        async def it():
            try:
                await trio.sleep(3600)
            finally:
                with trio.CancelScope(shield=True):
                    await trio.sleep(40)

        async with running_virtually(app) as run:
            for _ in range(10):
                app.session["it"].run()
            await run.wait_started("it")
            began = trio.current_time()
            app.session.shut_down()
            ended = await run.system.wait_ended()
            assert trio.current_time() - began <= 10
        assert (len(ended.cut_short), ended.stuck) == (10, 10)
        assert [action for action in actions(app) if action != "run"] == ["terminate"] * 10

    @pytest.mark.parametrize("backend", ["trio", "asyncio"])
    async def test_that_raises_is_the_failure_that_it_is(self, backend):
        """An error in a ``finally`` is not hidden by the cancellation on whose way it was raised."""
        app, begun = App(log=None, backend=backend), threading.Event()

        @app.task()
        async def it():
            try:
                begun.set()
                await (trio.sleep(60) if backend == "trio" else asyncio.sleep(60))
            finally:
                raise ValueError("while cleaning up")

        await self.terminated(app, begun)
        assert records(app)[-1].reason == "ValueError: while cleaning up"
        assert actions(app) == ["run", "fail"]

    async def test_that_raises_in_a_thread_is_the_failure_that_it_is(self):
        """Likewise where a thread ends at a cancellation point."""
        app, begun = App(log=None), threading.Event()

        @app.task(execution="thread")
        def it():
            try:
                begun.set()
                while True:
                    cancellation_point()
                    time.sleep(0.005)
            finally:
                raise ValueError("while cleaning up")

        await self.terminated(app, begun)
        assert records(app)[-1].reason == "ValueError: while cleaning up"
        assert actions(app) == ["run", "fail"]

    @staticmethod
    async def terminated(app, begun):
        async with running(app) as run:
            app.session["it"].run()
            await trio.to_thread.run_sync(begun.wait, 30)
            app.session["it"].terminate()
            await run.wait_ended()


class TestOddMoments:
    @pytest.mark.parametrize("execution", ["main", "async", "thread"])
    async def test_a_run_that_returns_as_it_is_told_to_end_has_returned(self, execution):
        """What a function has returned is not lost, though it was told to end before anybody heard of that."""
        app = App(log=None)

        @app.task(execution=execution)
        def it(session=Session()):
            session["it"].terminate()
            return "result"

        async with running(app) as run:
            app.session["it"].run()
            assert await run.wait_ended() == ["success"]
        assert actions(app) == ["run", "success"]
        assert app.session.returns["it"] == "result"

    @pytest.mark.parametrize("backend", ["trio", "asyncio"])
    async def test_a_run_may_terminate_itself(self, backend):
        """It ends at its next await, and the record says who asked."""
        app = App(log=None, backend=backend)

        @app.task()
        async def it():
            app.session["it"].terminate()
            app.session["it"].terminate()
            await (trio.sleep(60) if backend == "trio" else asyncio.sleep(60))

        async with running(app) as run:
            app.session["it"].run()
            assert await run.wait_ended() == ["terminate"]
        assert [record.reason for record in records(app)] == [None, "terminated by itself"]

    async def test_a_run_may_terminate_itself_while_it_cleans_up_and_shut_the_app_down(self, autojump_clock):
        """Asking again for what is under way changes nothing, and keeps nobody waiting; the first who asked is on record."""
        app, cleaned = App(log=None), []

        @app.task()
        async def it():
            try:
                await trio.sleep(60)
            finally:
                app.session["it"].terminate()
                app.session.shut_down()
                cleaned.append(True)

        async with running_virtually(app) as run:
            app.session["it"].run()
            await run.wait_started("it")
            app.session["it"].terminate()
            ended = await run.system.wait_ended()
        assert (ended.stuck, cleaned) == (0, [True])
        assert [record.reason for record in records(app)] == [None, "terminated by the program"]

    async def test_many_may_ask_for_the_same_end_at_once(self, mode):
        """Threads, the program and a task: one end, and all of them go on."""
        app = App(log=None, grace=0.3)
        function = stubborn.sleeps_for_ever_async if mode in ("main", "async") else stubborn.sleeps_for_ever
        app.task(func=function, name="it", execution=mode)
        async with running(app) as run:
            app.session["it"].run()
            await run.wait_started("it")
            with trio.fail_after(30):
                async with trio.open_nursery() as nursery:
                    for _ in range(8):
                        nursery.start_soon(trio.to_thread.run_sync, app.session["it"].terminate)
                        app.session["it"].terminate()
                assert await run.wait_ended() == ["terminate"]
        assert actions(app) == ["run", "terminate"]


class TestWhatCannotBeTold:
    @pytest.mark.parametrize("name", ["raises_what_raises_in_reduce", "raises_bad_unicode"])
    async def test_an_exception_that_cannot_be_sent_or_written_is_a_fail_that_says_the_same(self, mode, name):
        """Whatever a function raises, its run has an end with the text of that, and the log stays readable."""
        app = await self.ended(mode, name)
        (begin, end) = records(app)
        assert (begin.action, end.action) == ("run", "fail")
        assert end.reason in ("RaisesInReduce: told all the same", "ValueError: bad \\udcff byte")

    @pytest.mark.parametrize("name", ["returns_what_raises_in_reduce", "returns_bad_unicode"])
    async def test_a_value_that_cannot_be_sent_is_a_fail_there_and_a_value_elsewhere(self, mode, name):
        """Only what must cross to another process needs to be able to."""
        app = await self.ended(mode, name)
        is_refused = mode == "process" and name == "returns_what_raises_in_reduce"
        assert actions(app) == ["run", "fail" if is_refused else "success"]
        assert ("it" in app.session.returns) is not is_refused

    @staticmethod
    async def ended(mode, name):
        app = App(log="runs.jsonl")
        app.task(func=getattr(stubborn, f"{name}_async" if mode == "async" else name), name="it", execution=mode)
        async with running(app) as run:
            app.session["it"].run()
            await run.wait_ended()
        return app


class TestHostThatStartsAppsAgainAndAgain:
    def test_a_hundred_lives_in_an_asyncio_program_leave_nothing_behind(self):
        """A web server that is started and stopped with its app has no more threads, files and handlers afterwards."""
        app = App(log="runs.jsonl")
        for mode in ("main", "async", "thread"):
            app.task(func=stubborn.returns_at_once, name=mode, execution=mode)

        async def live(times):
            for _ in range(times):
                async with app.running() as system:
                    ended = asyncio.Event()
                    left = ["main", "async", "thread"]
                    system.on_run_ended(lambda run, left=left, ended=ended: (left.remove(run.launch.task), left or ended.set()))
                    app.session.run("main", "async", "thread")
                    await asyncio.wait_for(ended.wait(), 30)

        def threads():
            return {thread for thread in threading.enumerate() if not thread.name.startswith("Trio thread")}

        def descriptors():
            return len(list(Path("/proc/self/fd").iterdir()))

        def handlers():
            return [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]

        asyncio.run(live(5))
        before = threads(), descriptors(), handlers()
        asyncio.run(live(100))
        wait_until(lambda: threads() <= before[0])  # the last one is at its end; those of other tests may end meanwhile
        assert descriptors() <= before[1]
        assert handlers() == before[2]
        assert len(minimal(app)) == 105 * 3 * 2

    def test_an_error_in_the_program_leaves_nothing_behind(self):
        """Neither does one that ends the program while runs go on."""
        app = App(log=None, shutdown_wait=0)
        app.task(func=stubborn.sleeps_for_ever_async, name="it", on_startup=True)

        async def live():
            async with app.running():
                while not app.session["it"].is_running:
                    await asyncio.sleep(0.005)
                raise ValueError("mine")

        for _ in range(3):
            with pytest.raises(ValueError, match="mine"):
                asyncio.run(live())
        assert actions(app) == ["run", "terminate"] * 3


class TestLadder:
    """Ask, cancel, let it clean up, kill: with real processes, threads and signals."""

    @staticmethod
    async def terminated(app):
        """Run a task in a process, terminate it once it has said who it is, and return its end and its process ids."""
        async with running(app) as run:
            app.session["it"].run()
            pids = await said_pids()
            app.session["it"].terminate()
            with trio.fail_after(20):
                await run.wait_ended()
            await trio.to_thread.run_sync(wait_all_gone, pids, 2)
        return records(app)[-1]

    async def test_a_process_that_is_asked_first_has_its_children_until_it_ends(self):
        """Who takes a flag is asked alone: what it has started goes on, so that it can end that in order."""
        app = App(log=None, grace=20, cleanup=20)
        app.task(func=stubborn.ends_its_child_when_asked, name="it", execution="process")
        end = await self.terminated(app)
        assert (end.action, app.session.returns["it"]) == ("success", "the child was alive")

    async def test_a_process_that_cleans_up_for_too_long_is_killed_with_its_children(self):
        """Cleaning up has a budget, and what follows is for the whole group."""
        app = App(log=None, grace=20, cleanup=0.3)
        app.task(func=stubborn.cleans_up_for_ever, name="it", execution="process")
        end = await self.terminated(app)
        assert end.action == "terminate"
        assert end.reason.startswith("terminated by the program; killed: the process of task 'it' did not end within")
        assert Path("cleaning").exists()

    async def test_a_process_that_is_killed_while_it_cleans_up_was_terminated(self):
        """Whoever is told to end and dies has been ended, whatever it died of; nobody waits for the rest of its budget."""
        app = App(log=None, grace=20, cleanup=60)
        app.task(func=stubborn.cleans_up_for_ever, name="it", execution="process")
        async with running(app) as run:
            app.session["it"].run()
            pids = await said_pids()
            app.session["it"].terminate()
            with trio.fail_after(20):
                while not Path("cleaning").exists():
                    await trio.sleep(0.005)
                os.kill(pids[0], signal.SIGKILL)
                assert await run.wait_ended() == ["terminate"]
            await trio.to_thread.run_sync(wait_all_gone, pids, 2)

    @pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="it cannot be seen that a process waits")
    async def test_a_signal_that_comes_just_before_a_wait_in_c_ends_that_too(self):
        """Python looks for signals between its steps: one that comes after the last look ends no wait that begins then."""
        app = App(log=None, grace=60, cleanup=60)
        app.task(func=stubborn.waits_again_before_python_looks_for_signals, name="it", execution="process")
        async with running(app) as run:
            app.session["it"].run()
            (pid,) = await said_pids()
            with trio.fail_after(20):
                while Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "S":  # until it waits
                    await trio.sleep(0.005)
                app.session["it"].terminate()
                assert await run.wait_ended() == ["terminate"]
        assert Path("cleaned").exists()

    async def test_a_command_that_ignores_its_end_has_its_time_to_clean_up_and_no_more(self):
        """A command cannot be asked: its grace is not waited for."""
        app = App(log=None, grace=60, cleanup=0.3)
        line = "trap '' TERM; sleep 60 & echo $$ $! > pids.part; mv pids.part pids; wait; wait"
        app.task(command=line, name="it", shell=True)
        assert (await self.terminated(app)).action == "terminate"

    async def test_a_thread_that_is_blocked_in_c_cannot_be_interrupted_and_is_abandoned_after_both(self):
        """An interruption comes between two steps of Python; where there are none, the thread is left behind all the same."""
        app = App(log=None, grace=0.1, cleanup=0.2, max_thread_count=1)
        gate = threading.Lock()
        gate.acquire()

        @app.task(execution="thread", interrupt=True)
        def it():
            with gate:
                return "too late"

        app.task(func=stubborn.returns_at_once, name="other", execution="thread")
        async with running(app) as run:
            app.session["it"].run()
            await run.wait_started("it")
            app.session["other"].run()
            app.session["it"].terminate()
            with trio.fail_after(20):
                assert await run.wait_ended(2) == ["terminate", "success"]
            gate.release()
        assert "abandoned" in records(app, "it")[-1].reason

    async def test_a_run_that_is_stuck_holds_up_nobody(self, autojump_clock):
        """It is put on record with its stack when its time to clean up is over; its task may run again, and others go on."""
        app, ended = App(log=None, cleanup=2, max_thread_count=1), []

        @app.task()
        async def it(seconds):
            with trio.CancelScope(shield=True):
                await trio.sleep(seconds)
            ended.append(seconds)

        app.task("every 1 second", func=stubborn.returns_at_once, name="tick")
        async with running_virtually(app) as run:
            app.session["it"].run(seconds=100)
            await run.wait_started("it")
            app.session["it"].run(seconds=1)
            app.session["it"].terminate()
            app.session["it"].run(seconds=2)
            await trio.sleep(10)
            assert ended == [2]
            await trio.sleep(100)
            assert ended == [2, 100]
        first = [record for record in records(app, "it") if record.action == "terminate" and record.start is not None]
        assert len(first) == 1
        assert first[0].reason == "terminated by the program; stuck: it ignores its cancellation"
        assert "in it" in first[0].exc_text
        assert first[0].end - first[0].start < 3
        assert actions(app, "it").count("success") == 1
        assert actions(app, "tick").count("success") >= 100

    def test_what_is_shielded_for_ever_does_not_hold_up_the_end(self):
        """How long that may take is reckoned in test_shutdown: ten seconds after the first signal a container is killed."""
        write(
            "jobs.py",
            """
            import trio
            from actors import App
            app = App(log="runs.jsonl")

            @app.task(on_startup=True)
            async def it():
                with trio.CancelScope(shield=True):
                    print("begins", flush=True)
                    await trio.sleep_forever()

            @app.task(on_shutdown=True)
            async def last():
                print("the last", flush=True)
            """,
        )
        with Started(CLI, "run", "jobs.py") as program:
            program.wait_for("begins")
            program.process.send_signal(signal.SIGTERM)
            assert program.wait_ended(within=30) == 3
        assert "the last" in program.printed
        assert ends("it") == [("terminate", "shutdown by SIGTERM; stuck: it ignores its cancellation")]

    def test_a_signal_to_the_scheduler_lets_its_runs_clean_up_in_every_mode(self):
        """Nothing that is written in a ``finally`` is lost when the app is stopped."""
        write(
            "jobs.py",
            """
            import time
            from pathlib import Path
            import trio
            from actors import App, cancellation_point, cleanup
            app = App(log="runs.jsonl", shutdown_wait="0.1 seconds")

            @app.task(on_startup=True)
            async def on_trio():
                try:
                    Path("begun.async").touch()
                    await trio.sleep(60)
                finally:
                    with cleanup():
                        await trio.sleep(0.2)
                        Path("cleaned.async").touch()

            @app.task(on_startup=True, execution="thread")
            def in_thread():
                try:
                    Path("begun.thread").touch()
                    while True:
                        cancellation_point()
                        time.sleep(0.01)
                finally:
                    Path("cleaned.thread").touch()

            @app.task(on_startup=True, execution="process")
            def in_process():
                try:
                    Path("begun.process").touch()
                    time.sleep(60)
                finally:
                    Path("cleaned.process").touch()

            app.task(
                command="trap 'touch cleaned.command; exit' TERM; touch begun.command; sleep 60 & wait",
                name="command", shell=True, on_startup=True,
            )

            @app.task(on_startup=True)
            async def tells():
                while len(list(Path().glob("begun.*"))) < 4:
                    await trio.sleep(0.01)
                print("all have begun", flush=True)
            """,
        )
        with Started(CLI, "run", "jobs.py") as program:
            program.wait_for("all have begun")
            program.process.send_signal(signal.SIGTERM)
            assert program.wait_ended(within=10) == 3
        assert sorted(path.suffix for path in Path().glob("cleaned.*")) == [".async", ".command", ".process", ".thread"]
        for task in ("on_trio", "in_thread", "in_process", "command"):
            assert ends(task) == [("terminate", "shutdown by SIGTERM")]
