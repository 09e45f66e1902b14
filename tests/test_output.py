"""What runs print and log is kept with them, in every mode, and comes out where it would have anyway."""

import logging
import sys
import threading
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path

import pytest
import trio

import printers
import samples
from actors import Actor, App, Retry
from actors.args import Session
from helpers import actions, records, running, running_virtually
from runtime import RuntimeThread
from runtime.output.paths import output_file, output_folder
from runtime.output.reader import last_lines, text_of


def function_of(mode, name):
    return getattr(printers, f"{name}_async" if mode == "async" else name)


def outputs(app, task="it"):
    """Return the output of each attempt of the runs of a task, None where there is none."""
    begun = [record for record in records(app, task) if record.action == "run"]
    log = app.session.config.log
    return [text_of(output_file(log, task, record.start, record.run_id)) for record in begun]


@pytest.fixture
def app():
    return App(log="runs.jsonl")


async def run_once(app, function, **options):
    """Run a task once, and return its output."""
    app.task(func=function, name="it", **options)
    async with running(app) as run:
        app.session["it"].run()
        await run.wait_ended()
    (output,) = outputs(app)
    return output


class TestModes:
    async def test_what_it_prints_and_logs_is_kept(self, app, mode, capfd):
        output = await run_once(app, function_of(mode, "speaks"), execution=mode)
        said = capfd.readouterr()
        if mode == "process":  # two streams of another process: each in its order
            assert sorted(output.splitlines()) == ["spoken", "spoken and logged", "to stderr"]
            assert (said.out.partition("] ")[2], said.err.count("] ")) == ("spoken\n", 2)
        else:
            assert output == "spoken\nto stderr\nWARNING of.the.user: spoken and logged\n"
            assert (said.out, said.err) == ("spoken\n", "to stderr\n")  # pytest has handlers, so the last resort has no turn

    @pytest.mark.parametrize(
        ("function", "expected"),
        [
            (printers.speaks, "spoken\nto stderr\nWARNING of.the.user: spoken and logged\n"),
            (printers.speaks_in_a_nursery, "spoken\nto stderr\nWARNING of.the.user: spoken and logged\n"),
            (printers.speaks_in_a_thread_of_trio, "in a thread of trio\n"),
            (printers.speaks_out_of_a_generator, "one\ntwo\n"),
            (
                printers.speaks_on_asyncio,
                "spoken\nto stderr\nWARNING of.the.user: spoken and logged\nin a thread of asyncio\n",
            ),
        ],
    )
    @pytest.mark.parametrize("execution", ["async", "thread"])
    async def test_wherever_its_code_runs_it_is_its_own(self, app, function, expected, execution):
        assert await run_once(app, function, execution=execution) == expected

    async def test_runs_at_the_same_time_are_told_apart(self, app):
        async def speaks_in_turn(word):
            for _ in range(3):
                print(word)
                await trio.sleep(0)

        app.task(func=speaks_in_turn, name="it", multilaunch=True)
        async with running(app) as run:
            for word in "abc":
                app.session["it"].run(word=word)
            await run.wait_ended(3)
        assert outputs(app) == ["a\n" * 3, "b\n" * 3, "c\n" * 3]

    async def test_a_run_that_says_nothing_has_no_file(self, app, mode):
        assert await run_once(app, samples.returns, execution=mode) is None
        assert not output_folder(app.session.config.log).exists()

    @pytest.mark.parametrize("log", ["runs.jsonl", None])
    async def test_the_last_lines_of_a_failure_are_in_its_record(self, mode, log):
        app = App(log=log)
        app.task(func=function_of(mode, "speaks_and_fails"), name="it", execution=mode)
        async with running(app) as run:
            app.session["it"].run()
            await run.wait_ended()
        assert records(app)[-1].output == "\n".join(f"line {number}" for number in range(10, 30))
        assert output_folder(Path("runs.jsonl")).exists() == (log is not None)

    async def test_a_success_has_none_in_its_record(self, app, mode):
        await run_once(app, function_of(mode, "speaks"), execution=mode)
        assert records(app)[-1].output is None

    async def test_each_attempt_has_its_own(self, app, mode):
        app.task(
            func=function_of(mode, "speaks_and_fails"),
            name="it",
            execution=mode,
            retries=Retry(1, base=0),
            parameters={"lines": 1},
        )
        async with running(app) as run:
            app.session["it"].run()
            await run.wait_ended()
        assert actions(app) == ["run", "retry", "run", "fail"]
        assert outputs(app) == ["line 0\n"] * 2
        assert [record.output for record in records(app) if record.action != "run"] == ["line 0"] * 2

    async def test_what_the_argument_logs_is_kept_and_what_the_runtime_tells_of_it_is_not(self, app, mode, caplog):
        caplog.set_level("INFO", "callsheet")
        output = await run_once(app, function_of(mode, "logs_to_its_logger"), execution=mode)
        assert output == "WARNING callsheet.task: told the logger\n"
        assert "success" in caplog.text

    async def test_output_that_is_not_wanted_is_not_kept(self, app, mode):
        app.session.config.capture_output = False
        assert await run_once(app, function_of(mode, "speaks_and_fails"), execution=mode) is None
        is_seen = mode == "process"  # passed on by us, so that its last lines are known in any case
        assert (records(app)[-1].output or "").endswith("line 29") == is_seen
        assert not output_folder(app.session.config.log).exists()

    async def test_a_task_may_want_it_where_the_app_does_not(self, app):
        app.session.config.capture_output = False
        assert (await run_once(app, printers.speaks, capture_output=True)).startswith("spoken\n")

    async def test_arguments_and_hooks_of_a_run_are_part_of_it(self, app):
        def hook(task):
            print("before")
            yield
            print("after")

        app.session.hook_task_execute()(hook)
        assert await run_once(app, lambda: print("within")) == "before\nwithin\nafter\n"

    async def test_a_disk_that_fails_changes_no_outcome(self, app, mode, caplog):
        output_folder(app.session.config.log).write_text("no folder")
        app.task(func=function_of(mode, "speaks"), name="it", execution=mode)
        async with running(app) as run:
            app.session["it"].run()
            assert await run.wait_ended() == ["success"]
        assert len([message for message in caplog.messages if "its output cannot be written" in message]) == 1

    async def test_a_name_that_is_no_file_name_is_no_matter(self, app):
        app.task(func=printers.speaks, name="../a b/é", func_run_id=lambda task, params: "../" + "x" * 300)
        async with running(app) as run:
            app.session["../a b/é"].run()
            await run.wait_ended()
        (output,) = outputs(app, "../a b/é")
        assert output.startswith("spoken\n")
        assert {path.name for path in Path().iterdir()} == {"runs.jsonl", "runs.jsonl.lock", "runs.jsonl.output"}


class TestWhoseItIs:
    async def test_what_a_given_up_function_says_later_is_nobodys(self, app):
        app.session.config.cleanup = 0.01
        released = trio.Event()

        async def clings():
            print("before")
            with trio.CancelScope(shield=True):
                await released.wait()
            print("after")

        app.task(func=clings, name="it")
        async with running(app) as run:
            app.session["it"].run()
            await run.wait_started("it")
            app.session["it"].terminate()
            await run.wait_ended()
            released.set()
        assert outputs(app) == ["before\n"]
        assert [record.output for record in records(app)] == [None, "before"]

    async def test_what_a_run_launches_is_not_its_own(self, app):
        def launches(session=Session()):
            print("one")
            session["other"].run()
            print("two")

        app.task(func=launches, name="it")
        app.task(func=printers.speaks, name="other")
        async with running(app) as run:
            app.session["it"].run()
            await run.wait_ended(2)
        assert outputs(app) == ["one\ntwo\n"]
        assert outputs(app, "other") == ["spoken\nto stderr\nWARNING of.the.user: spoken and logged\n"]

    async def test_an_actor_that_a_run_spawns_is_none_of_its(self, app, capsys):
        class Speaks(Actor):
            async def on_start(self):
                print("of the actor")

        async def spawns(session=Session()):
            await session.spawn(Speaks, "actor")
            print("of the run")

        assert await run_once(app, spawns) == "of the run\n"
        assert capsys.readouterr().out == "of the actor\nof the run\n"

    async def test_callbacks_of_a_failure_are_none_of_its(self, app, capsys):
        called = trio.Event()

        async def on_fail(record):
            print("called with", record.output)
            called.set()

        app.task(func=printers.speaks_and_fails, name="it", on_fail=on_fail, parameters={"lines": 1})
        async with running(app):
            app.session["it"].run()
            with trio.fail_after(5):
                await called.wait()
        assert outputs(app) == ["line 0\n"]
        assert capsys.readouterr().out == "line 0\ncalled with line 0\n"

    async def test_a_worker_that_one_run_has_begun_gives_the_next_its_own(self, app):
        app.session.config.max_process_count = 1
        app.task(func=printers.speaks, name="it", execution="process")
        async with running(app) as run:
            for word in ("one", "two"):
                app.session["it"].run(word=word)
            await run.wait_ended(2)
        assert [output.count("\n") for output in outputs(app)] == [3, 3]
        assert [word in output for word, output in zip(("one", "two"), outputs(app), strict=True)] == [True, True]

    async def test_what_a_thread_says_that_a_function_has_begun_only_the_runtime_that_inherits_it_knows(self, app):
        def begins_a_thread():
            thread = threading.Thread(target=print, args=["of the thread"])
            thread.start()
            thread.join()
            print("of the run")

        output = await run_once(app, begins_a_thread)
        inherits = getattr(sys.flags, "thread_inherit_context", False)
        assert output == ("of the thread\nof the run\n" if inherits else "of the run\n")

    async def test_an_app_within_a_run_of_another_keeps_its_own(self, app):
        inner = App(log="inner.jsonl", stop_when_idle=True)
        inner.task(func=printers.speaks, name="it", on_startup=True)

        def runs_another():
            print("outside")
            inner.run()
            print("outside")

        assert await run_once(app, runs_another, execution="thread") == "outside\n" * 2
        assert outputs(inner) == ["spoken\nto stderr\nWARNING of.the.user: spoken and logged\n"]

    @pytest.mark.parametrize("first", [0, 1])
    async def test_two_apps_in_one_process_have_each_line_once(self, first, capsys):
        before = sys.stdout, sys.stderr, logging.Logger.callHandlers
        apps = [App(log=f"{number}.jsonl") for number in range(2)]
        for number, each in enumerate(apps):
            each.task(func=printers.speaks, name="it", execution="thread", parameters={"word": f"word {number}"})
        threads = [RuntimeThread(each) for each in apps]
        for thread in threads:
            thread.begin()
            thread.started.result(10)
        for each in apps:
            ended = threading.Event()
            threads[apps.index(each)].on_run_ended(lambda _, ended=ended: ended.set())
            each.session["it"].run()
            assert await trio.to_thread.run_sync(ended.wait, 10)
        await trio.to_thread.run_sync(threads[first].stop)
        assert sys.stdout is not before[0]
        await trio.to_thread.run_sync(threads[1 - first].stop)
        assert (sys.stdout, sys.stderr, logging.Logger.callHandlers) == before
        for number, each in enumerate(apps):
            assert outputs(each) == [f"word {number}\nto stderr\nWARNING of.the.user: word {number} and logged\n"]
        assert capsys.readouterr().out == "word 0\nword 1\n"


class TestRecovery:
    async def test_the_last_lines_of_a_run_are_found_by_its_record(self, app):
        await run_once(app, printers.speaks_and_fails)
        begun = records(app)[0]
        document = {"task_name": "it", "start": begun.start, "run_id": begun.run_id}
        assert last_lines(app.session.config.log, document) == "\n".join(f"line {number}" for number in range(10, 30))


async def test_on_a_virtual_clock_it_is_kept_as_well(app, autojump_clock):
    app.task("every 1 minute", func=printers.speaks_async, name="it")
    async with running_virtually(app) as run:
        await run.wait_ended(2)
    assert [output.startswith("spoken\n") for output in outputs(app)[:2]] == [True] * 2


async def test_what_was_redirected_is_not_its_output(app):
    def redirects():
        print("before")
        with redirect_stdout(StringIO()) as elsewhere:
            print("elsewhere")
        print("after", elsewhere.getvalue(), end="")

    assert await run_once(app, redirects) == "before\nafter elsewhere\n"
