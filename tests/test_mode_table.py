"""The table of execution modes, cell by cell: what is parallel, what can be terminated, what may modify the session."""

import re
import time
from pathlib import Path

import pytest
import trio

import samples
import talkers
from actors import App, every, never
from commands import is_alive
from helpers import actions, records, running, running_virtually, wait_printed


class TestParallel:
    """Two runs asked for at once overlap, or do not."""

    async def meet(self, execution, function, within, **config):
        """Return whether the two runs met; each waits so many seconds for the other."""
        app = App(log=None, **config)
        for name, other in (("first", "second"), ("second", "first")):
            app.task(func=function, name=name, execution=execution, parameters={"me": name, "other": other, "within": within})
        async with running(app) as run:
            app.session["first"].run()
            app.session["second"].run()
            await run.wait_ended(2)
        return app.session.returns["first"]

    async def test_main_is_not_be_it_sync_or_async(self):
        assert not await self.meet("main", samples.meets, within=0.2)
        assert not await self.meet("main", samples.meets_on_trio, within=0.2)

    async def test_async_is_at_awaits(self):
        assert await self.meet("async", samples.meets_on_trio, within=20)

    @pytest.mark.filterwarnings("ignore::actors.errors.BlockingTask")
    async def test_a_sync_function_under_async_is_not(self):
        assert not await self.meet("async", samples.meets, within=0.2)

    async def test_threads_are(self):
        assert await self.meet("thread", samples.meets, within=20)

    async def test_threads_are_up_to_their_limit(self):
        assert not await self.meet("thread", samples.meets, within=0.2, max_thread_count=1)

    async def test_processes_are_up_to_their_limit(self):
        assert await self.meet("process", samples.meets, within=20, max_process_count=2)

    async def test_processes_wait_beyond_their_limit(self):
        assert not await self.meet("process", samples.meets, within=0.2, max_process_count=1)

    async def test_nothing_is_launched_while_an_async_main_task_runs(self):
        app = App(log=None)
        app.task(func=samples.sleeps_for_on_trio, name="main", execution="main", parameters={"seconds": 0.1})
        for mode in ("async", "thread", "process"):
            app.task(func=samples.returns, name=mode, execution=mode)
        async with running(app) as run:
            app.session["main"].run()
            for mode in ("async", "thread", "process"):
                app.session[mode].run()
            await run.wait_ended(4)
        assert actions(app)[:2] == ["run", "success"]
        assert [record.task_name for record in records(app)[:2]] == ["main", "main"]


class TestAsking:
    """An actor is asked from a task in every mode."""

    @pytest.mark.parametrize(
        ("execution", "function"),
        [
            ("main", talkers.asks_async),
            ("async", talkers.asks_async),
            ("thread", talkers.asks),
            ("thread", talkers.asks_async),
            ("process", talkers.asks),
            ("process", talkers.asks_async),
        ],
    )
    @pytest.mark.parametrize("backend", ["trio", "asyncio"])
    async def test_it_answers(self, execution, function, backend):
        app = App(log=None, backend=backend)
        app.actor(talkers.Counter, "counter")
        app.task(func=function, name="it", execution=execution)
        async with running(app) as run:
            app.session["it"].run()
            with trio.fail_after(20):
                await run.wait_ended()
        assert app.session.returns["it"] == 2


class TestTermination:
    """What ends a run before it ends by itself."""

    async def ended(self, app, **wait):
        async with running(app) as run:
            app.session["it"].run()
            await run.wait_started("it")
            await trio.sleep(0.05)
            app.session["it"].terminate()
            await run.wait_ended()
        return records(app, "it")[-1]

    async def test_a_sync_main_function_cannot_be_terminated(self):
        app = App(log=None, timeout=0.01)
        app.task(func=samples.sleeps_for, name="it", execution="main", parameters={"seconds": 0.1})
        async with running(app) as run:
            app.session["it"].run()
            assert await run.wait_ended() == ["success"]

    async def test_an_async_main_function_is_at_any_await(self):
        app = App(log=None)
        app.task(func=samples.sleeps_on_trio, name="it", execution="main")
        assert (await self.ended(app)).action == "terminate"

    async def test_an_async_main_function_that_ignores_its_end_holds_up_nothing(self, autojump_clock):
        async def it():
            with trio.CancelScope(shield=True):
                await enough.wait()

        app, enough = App(log=None), trio.Event()
        app.task(func=it, name="it", execution="main")
        app.task(func=samples.returns, name="other")
        async with running_virtually(app) as run:
            app.session["it"].run()
            await run.wait_started("it")
            app.session["it"].terminate()
            app.session["other"].run()
            assert await run.wait_ended(2) == ["terminate", "success"]
            enough.set()

    @pytest.mark.parametrize("function", [samples.sleeps_on_trio, samples.sleeps_on_asyncio])
    async def test_an_async_function_is_at_any_await(self, function):
        app = App(log=None)
        app.task(func=function, name="it")
        assert (await self.ended(app)).action == "terminate"

    async def test_an_async_function_that_swallows_its_cancellation_is_cancelled_again(self):
        app = App(log=None)
        swallowed = []

        @app.task()
        async def it():
            for _ in range(3):
                try:
                    await trio.sleep(60)
                except trio.Cancelled:
                    swallowed.append(True)
            await trio.sleep(60)

        assert (await self.ended(app)).action == "terminate"
        assert len(swallowed) == 3

    async def test_a_thread_is_when_it_looks_at_its_flag(self):
        app = App(log=None)
        app.task(func=samples.passes_cancellation_points, name="it", execution="thread")
        assert (await self.ended(app)).action == "terminate"

    async def test_an_async_function_in_a_thread_is_at_any_await(self):
        app = App(log=None)
        app.task(func=samples.sleeps_on_trio, name="it", execution="thread")
        app.task(func=samples.sleeps_on_asyncio, name="other", execution="thread")
        end = await self.ended(app)
        assert (end.action, end.reason) == ("terminate", "terminated by the program")

    async def test_a_thread_that_does_not_look_is_abandoned_and_the_runtime_goes_on(self):
        app = App(log=None, grace=0.1, max_thread_count=1)
        let_go = []

        @app.task(execution="thread")
        def it():
            while not let_go:
                time.sleep(0.005)
            return "too late"

        app.task(func=samples.returns, name="next", execution="thread")
        async with running(app) as run:
            app.session["it"].run()
            await run.wait_started("it")
            app.session["it"].terminate()
            await run.wait_ended()
            app.session["next"].run()
            assert await run.wait_ended(2) == ["terminate", "success"]
            let_go.append(True)
            await trio.sleep(0.05)
        end = records(app, "it")[-1]
        assert "abandoned: the thread of task 'it' did not end within 0.1 s" in end.reason
        assert "time.sleep(0.005)" in end.exc_text
        assert actions(app, "it") == ["run", "terminate"]
        assert "it" not in app.session.returns

    async def test_a_process_is_always(self):
        app = App(log=None, grace=0.2)
        app.task(func=samples.ignores_everything, name="it", execution="process")
        async with running(app) as run:
            app.session["it"].run()
            await run.wait_started("it")
            await trio.sleep(0.3)
            app.session["it"].terminate()
            assert await run.wait_ended() == ["terminate"]

    async def test_a_process_may_end_by_its_flag_in_its_grace(self, capfd):
        app = App(log=None)
        app.task(func=samples.looks_at_flag_aloud, name="it", execution="process")
        async with running(app) as run:
            app.session["it"].run()
            await wait_printed(capfd, "it looks")
            app.session["it"].terminate()
            assert await run.wait_ended() == ["success"]
        assert app.session.returns["it"] == "ended by itself"

    async def test_a_process_ends_with_all_it_has_started(self, capfd):
        app = App(log=None, grace=0.2)
        app.task(func=samples.starts_a_child, name="it", execution="process")
        async with running(app) as run:
            app.session["it"].run()
            printed = await wait_printed(capfd, "child")
            child = int(printed.rsplit("child ", 1)[1])
            app.session["it"].terminate()
            await run.wait_ended()
        with trio.fail_after(5):
            while is_alive(child):
                await trio.sleep(0.01)


IN_PROCESS = ["main", "async", "thread"]


class TestSessionModified:
    """From inside a task, the session is modified while it runs."""

    async def run_inside(self, mode, function, ends=2, **options):
        app = App(log=None)

        def inside():
            function(app.session)

        async def inside_async():
            function(app.session)

        app.task(func=inside_async if mode == "async" else inside, name="inside", execution=mode)
        app.task(func=samples.returns, name="other", **options)
        async with running(app) as run:
            app.session["inside"].run()
            await run.wait_ended(ends)
        return app

    @pytest.mark.parametrize("mode", IN_PROCESS)
    async def test_a_task_is_run(self, mode):
        app = await self.run_inside(mode, lambda session: session["other"].run(value=5))
        assert actions(app, "other") == ["run", "success"]
        assert app.session.returns["other"] == 5

    @pytest.mark.parametrize("mode", IN_PROCESS)
    async def test_a_task_is_created_and_starts_to_count(self, mode):
        app = await self.run_inside(mode, lambda session: session.create_task(samples.returns, "new", "every 1 hour"))
        assert actions(app, "new") == ["run", "success"]

    @pytest.mark.parametrize("mode", IN_PROCESS)
    async def test_a_task_is_removed(self, mode):
        app = await self.run_inside(mode, lambda session: session.remove_task("other"), ends=1)
        assert "other" not in app.session

    @pytest.mark.parametrize("mode", IN_PROCESS)
    async def test_an_option_is_changed_and_takes_effect(self, mode):
        def change(session):
            session["other"].start_cond = "every 1 hour"

        app = await self.run_inside(mode, change)
        assert actions(app, "other") == ["run", "success"]
        assert app.session["other"].start_cond == every("1 hour")

    @pytest.mark.parametrize("mode", IN_PROCESS)
    async def test_a_condition_is_taken_away(self, mode):
        def change(session):
            session["other"].start_cond = never

        app = await self.run_inside(mode, change, ends=1, start_cond="every 1 hour", disabled=True)
        assert actions(app, "other") == []

    @pytest.mark.parametrize("mode", IN_PROCESS)
    async def test_the_app_is_shut_down(self, mode):
        app = App(log=None)

        def inside():
            app.session.shut_down()

        async def inside_async():
            app.session.shut_down()

        app.task(func=inside_async if mode == "async" else inside, name="inside", execution=mode)
        async with running(app) as run:
            app.session["inside"].run()
            with trio.fail_after(10):
                await run.system.wait_ended()
        assert actions(app, "inside") == ["run", "success"]

    @pytest.mark.parametrize("mode", IN_PROCESS)
    async def test_another_task_is_terminated_and_the_record_says_by_whom(self, mode):
        app = App(log=None)
        app.task(func=samples.sleeps_on_trio, name="other")

        def inside():
            app.session["other"].terminate()

        async def inside_async():
            app.session["other"].terminate()

        app.task(func=inside_async if mode == "async" else inside, name="inside", execution=mode)
        async with running(app) as run:
            app.session["other"].run()
            await run.wait_started("other")
            app.session["inside"].run()
            await run.wait_ended(2)
        assert records(app, "other")[-1].reason == "terminated by task 'inside'"

    async def test_from_a_process_a_task_is_run(self):
        app = App(log=None)
        app.task(func=samples.runs_other, name="inside", execution="process")
        app.task(func=samples.returns_it, name="other")
        async with running(app) as run:
            app.session["inside"].run()
            await run.wait_ended(2)
        assert app.session.returns["other"] == "from inside"

    async def test_from_a_process_a_task_is_terminated(self):
        app = App(log=None)
        app.task(func=samples.terminates_other, name="inside", execution="process")
        app.task(func=samples.sleeps_on_trio, name="other")
        async with running(app) as run:
            app.session["other"].run()
            app.session["inside"].run()
            await run.wait_ended(2)
        assert records(app, "other")[-1].reason == "terminated by task 'inside'"

    async def test_from_a_process_the_app_is_shut_down(self):
        app = App(log=None)
        app.task(func=samples.shuts_down, name="inside", execution="process")
        async with running(app) as run:
            app.session["inside"].run()
            with trio.fail_after(10):
                await run.system.wait_ended()
        assert actions(app, "inside") == ["run", "success"]

    async def test_from_a_process_a_task_nobody_has_is_an_error_in_the_process(self):
        app = App(log=None)
        app.task(func=samples.runs_other, name="inside", execution="process")
        async with running(app) as run:
            app.session["inside"].run()
            await run.wait_ended()
        assert "there is no task 'other'" in records(app, "inside")[-1].reason

    async def test_from_a_process_what_cannot_be_sent_out_of_it_says_so(self):
        app = App(log=None)
        app.task(func=samples.creates_a_task_of_a_closure, name="inside", execution="process")
        async with running(app) as run:
            app.session["inside"].run()
            await run.wait_ended()
        assert "CreateTask cannot be sent out of a process task" in records(app, "inside")[-1].reason


DIRECTLY = [
    "test_a_task_is_run",
    "test_a_task_is_created_and_starts_to_count",
    "test_a_task_is_removed",
    "test_an_option_is_changed_and_takes_effect",
    "test_a_condition_is_taken_away",
    "test_the_app_is_shut_down",
    "test_another_task_is_terminated_and_the_record_says_by_whom",
]
BY_MESSAGES = [
    "test_from_a_process_a_task_is_run",
    "test_from_a_process_a_task_is_terminated",
    "test_from_a_process_the_app_is_shut_down",
    "test_from_a_process_what_cannot_be_sent_out_of_it_says_so",
]
MODES = {
    ("`main`", "Parallel?"): (
        "no: nothing is launched meanwhile",
        ["test_main_is_not_be_it_sync_or_async", "test_nothing_is_launched_while_an_async_main_task_runs"],
    ),
    ("`main`", "Can be terminated?"): (
        "a sync function no; an async one as in `async`",
        [
            "test_a_sync_main_function_cannot_be_terminated",
            "test_an_async_main_function_is_at_any_await",
            "test_an_async_main_function_that_ignores_its_end_holds_up_nothing",
        ],
    ),
    ("`main`", "Can modify the session?"): ("yes", DIRECTLY),
    ("`async`", "Parallel?"): ("at awaits", ["test_async_is_at_awaits", "test_a_sync_function_under_async_is_not"]),
    ("`async`", "Can be terminated?"): (
        "at any await; one that ignores that is given up, and the runtime goes on",
        [
            "test_an_async_function_is_at_any_await",
            "test_an_async_function_that_swallows_its_cancellation_is_cancelled_again",
            "test_one_that_swallows_its_cancellation_is_given_up_with_its_stack",
            "test_its_task_can_run_again_meanwhile",
        ],
    ),
    ("`async`", "Can modify the session?"): ("yes", DIRECTLY),
    ("`thread`", "Parallel?"): ("partly (GIL)", ["test_threads_are", "test_threads_are_up_to_their_limit"]),
    ("`thread`", "Can be terminated?"): (
        "at its flag, at a `cancellation_point()`, or by `interrupt=True`; else it is abandoned, and the runtime goes on",
        [
            "test_a_thread_is_when_it_looks_at_its_flag",
            "test_one_that_ends_by_its_flag_has_its_grace",
            "test_one_that_may_be_interrupted_is_after_its_grace",
            "test_a_thread_that_does_not_look_is_abandoned_and_the_runtime_goes_on",
        ],
    ),
    ("`thread`", "Can modify the session?"): ("yes, safely", DIRECTLY),
    ("`process`", "Parallel?"): ("yes", ["test_processes_are_up_to_their_limit", "test_processes_wait_beyond_their_limit"]),
    ("`process`", "Can be terminated?"): (
        "always: SIGTERM to its process group, time to clean up, SIGKILL",
        [
            "test_a_process_is_always",
            "test_a_process_ends_with_all_it_has_started",
            "test_sigterm_lets_a_function_clean_up",
            "test_one_that_swallows_everything_is_killed_after_its_time_to_clean_up",
        ],
    ),
    ("`process`", "Can modify the session?"): ("yes, by messages", BY_MESSAGES),
}
ASKED, CANCELLED, AT_LAST = "asked, then `grace`", "cancelled, then `cleanup`", "at last"
LADDER = {
    ("an async function in `main` or `async`", ASKED): (
        "if it takes a `TerminationFlag`: that is set",
        ["test_one_that_takes_a_flag_is_asked_first", "test_one_is_cancelled_at_once"],
    ),
    ("an async function in `main` or `async`", CANCELLED): (
        "at each of its awaits",
        [
            "test_one_is_cancelled_at_once",
            "test_one_that_takes_a_flag_and_does_not_look_is_cancelled_after_its_grace",
            "test_one_may_clean_up_for_a_time",
            "test_one_that_cleans_up_for_too_long_is_cut",
        ],
    ),
    ("an async function in `main` or `async`", AT_LAST): (
        "given up, on record with its stack",
        [
            "test_one_that_swallows_its_cancellation_is_given_up_with_its_stack",
            "test_one_in_a_shield_of_its_own_is_given_up_too",
        ],
    ),
    ("a function in a `thread`", ASKED): (
        "its flag is set, and `cancellation_point()` raises",
        ["test_one_that_ends_by_its_flag_has_its_grace", "test_a_thread_is_when_it_looks_at_its_flag"],
    ),
    ("a function in a `thread`", CANCELLED): (
        "an async one at each of its awaits; others with `interrupt=True`, by an exception",
        [
            "test_an_async_function_in_one_is_cancelled_and_cleans_up",
            "test_one_that_may_be_interrupted_is_after_its_grace",
        ],
    ),
    ("a function in a `thread`", AT_LAST): (
        "abandoned, on record with its stack",
        [
            "test_a_thread_that_does_not_look_is_abandoned_and_the_runtime_goes_on",
            "test_an_abandoned_one_is_noted_when_it_ends_and_its_result_changes_nothing",
            "test_one_that_swallows_its_interruption_is_abandoned",
        ],
    ),
    ("a function in a `process`", ASKED): (
        "if it takes a `TerminationFlag`: SIGTERM sets it",
        ["test_a_process_may_end_by_its_flag_in_its_grace"],
    ),
    ("a function in a `process`", CANCELLED): (
        "SIGTERM to its process group: an exception, in an async one at an await",
        [
            "test_sigterm_lets_a_function_clean_up",
            "test_an_async_function_is_cancelled_at_its_await_and_cleans_up",
            "test_a_process_ends_with_all_it_has_started",
        ],
    ),
    ("a function in a `process`", AT_LAST): (
        "SIGKILL to its process group",
        [
            "test_one_that_swallows_everything_is_killed_after_its_time_to_clean_up",
            "test_what_it_has_started_and_ignores_sigterm_is_killed",
        ],
    ),
    ("a command", ASKED): ("no", ["test_in_every_mode_it_can_be_terminated"]),
    ("a command", CANCELLED): (
        "SIGTERM to its process group",
        ["test_it_has_time_to_clean_up_and_what_it_says_then_is_heard", "test_the_children_of_a_pipeline_have_it_too"],
    ),
    ("a command", AT_LAST): (
        "SIGKILL to its process group",
        [
            "test_one_that_ignores_sigterm_is_killed_with_its_children_after_a_time",
            "test_a_child_that_outlives_the_command_is_killed_after_a_time",
        ],
    ),
    ("a sync function in `main` or `async`", ASKED): ("no", ["test_a_sync_main_function_cannot_be_terminated"]),
    ("a sync function in `main` or `async`", CANCELLED): ("no", ["test_a_sync_main_function_cannot_be_terminated"]),
    ("a sync function in `main` or `async`", AT_LAST): (
        "it is waited for",
        ["test_a_sync_main_function_cannot_be_terminated"],
    ),
}
TESTS = Path(__file__).parent


def table(page, first):
    """Return what the table of a page says whose first column has this title: {(row, column): text}."""
    lines = (TESTS.parent / page).read_text().splitlines()
    start = next(number for number, line in enumerate(lines) if line.startswith(f"| {first} |"))
    _, *columns = cells(lines[start])
    rows = [cells(line) for line in lines[start + 2 : lines.index("", start)]]
    return {(row, column): text for row, *texts in rows for column, text in zip(columns, texts, strict=True)}


def cells(line):
    return line.strip("| ").split(" | ")


@pytest.mark.parametrize(
    ("page", "first", "promises"),
    [("README.md", "`execution`", MODES), ("docs/how-to/termination.md", "what runs", LADDER)],
    ids=["modes", "ladder"],
)
def test_what_a_table_promises_is_proved_by_tests(page, first, promises):
    said = {cell: text for cell, text in table(page, first).items() if cell[1] != "For"}  # which is advice
    assert said == {cell: text for cell, (text, _) in promises.items()}
    files = ["test_mode_table.py", "test_ladder.py", "test_command_tasks.py"]
    there = {name for file in files for name in re.findall(r"def (test_\w+)", (TESTS / file).read_text())}
    assert [name for _, proofs in promises.values() for name in proofs if name not in there] == []
    assert all(proofs for _, proofs in promises.values())
