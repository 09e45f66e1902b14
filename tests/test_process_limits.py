"""Limits of processes: memory, processor time, niceness, and how many runs a worker does."""

import os
import resource
import sys
from pathlib import Path

import pytest

import samples
from actors import App, Group
from actors.errors import InvalidOption
from actors.sizes import to_bytes, to_words
from actors.task import Task
from helpers import actions, records, running

LIMITS = [("memory", "1 GB"), ("cpu_time", 2), ("nice", 5)]
OF_WORKERS = [("fresh", True), ("max_runs_per_worker", 3)]
ENDLESS = [sys.executable, "-c", "while True: pass"]


@pytest.fixture
def app():
    return App(log=None, max_process_count=1)


async def runs(app, *names):
    """Run tasks one after the other, and return what they have returned, None where they have not."""
    returned = []
    async with running(app) as run:
        for count, name in enumerate(names, 1):
            app.session[name].run()
            await run.wait_ended(count)
            returned.append(app.session.returns.get(name))
    return returned


async def ended(app, *, name="it", then=None):
    """Run a task, and perhaps another after it; return the record of the end of the first."""
    await runs(app, name, *([then] if then else []))
    return records(app, name)[-1]


class TestSizes:
    @pytest.mark.parametrize(
        ("given", "count"),
        [
            (5, 5), ("5 B", 5), ("500 MB", 500_000_000), ("500mb", 500_000_000), ("1.5 kB", 1500), ("2 GiB", 2 << 30),
            ("1 MiB", 1 << 20), (" 3 TB ", 3 * 10**12), ("1 KiB", 1024), ("0 B", 0),
        ],
    )  # fmt: skip
    def test_words_and_numbers_are_bytes(self, given, count):
        assert to_bytes(given) == count

    @pytest.mark.parametrize("given", [1, 1500, 10**6, 1 << 20, 500_000_000, (1 << 30) + 1])
    def test_a_number_is_read_back_from_its_words(self, given):
        assert to_bytes(to_words(given)) == given

    @pytest.mark.parametrize(
        ("count", "words"), [(500_000_000, "500 MB"), (1 << 21, "2 MiB"), (1500, "1500 B"), (10**12, "1 TB")]
    )
    def test_words_are_of_the_largest_unit_that_is_exact(self, count, words):
        assert to_words(count) == words


class TestDeclaration:
    @pytest.mark.parametrize("execution", ["main", "async", "thread"])
    @pytest.mark.parametrize(("name", "value"), [*LIMITS, *OF_WORKERS])
    def test_a_task_without_a_process_is_told_to_have_one(self, app, execution, name, value):
        with pytest.raises(InvalidOption) as caught:
            app.task(**{"func": samples.returns, "name": "it", "execution": execution, name: value})
        assert str(caught.value).startswith(f"task 'it' cannot have {name}=")
        assert f"with execution='{execution}'; give it execution='process'" in str(caught.value)
        assert app.session.tasks == []

    @pytest.mark.parametrize(("name", "value"), [*LIMITS, *OF_WORKERS])
    def test_it_counts_what_the_app_says(self, name, value):
        app = App(log=None, execution="process")
        app.task(**{"func": samples.returns, "name": "it", name: value})
        assert getattr(app.session["it"], name)

    @pytest.mark.parametrize(("name", "value"), [*LIMITS, *OF_WORKERS])
    def test_it_cannot_be_assigned_later_where_there_is_no_process(self, app, name, value):
        task = app.session.create_task(samples.returns, "it", execution="thread")
        with pytest.raises(InvalidOption, match="give it execution='process'"):
            setattr(task, name, value)
        task.execution = "process"
        setattr(task, name, value)

    @pytest.mark.parametrize(("name", "value"), [*LIMITS, *OF_WORKERS])
    def test_the_process_cannot_be_taken_away_from_it(self, app, name, value):
        task = app.session.create_task(samples.returns, "it", execution="process", **{name: value})
        for execution in ("thread", None):
            with pytest.raises(InvalidOption, match=rf"its {name}=.* needs execution='process'; set that to (None|0) first"):
                task.execution = execution
        setattr(task, name, getattr(Task, name).default)
        task.execution = "thread"

    def test_nor_by_the_app(self):
        app = App(log=None, execution="process")
        task = app.session.create_task(samples.returns, "it", memory="1 GB")
        app.session.create_task(samples.returns, "other", execution="process", memory="1 GB")
        with pytest.raises(InvalidOption, match="task 'it' cannot have execution='async'"):
            app.session.config.execution = "async"
        task.memory = None
        app.session.config.execution = "async"

    @pytest.mark.parametrize("execution", ["main", "async", "thread", "process"])
    @pytest.mark.parametrize(("name", "value"), LIMITS)
    def test_commands_have_a_process_in_every_mode(self, app, execution, name, value):
        task = app.task(command="true", execution=execution, **{name: value})
        task.execution = "async"

    def test_what_the_app_says_of_workers_is_nothing_to_tasks_without(self):
        app = App(log=None, fresh=True, max_runs_per_worker=3)
        app.task(func=samples.returns, execution="thread")
        assert app.session["returns"].fresh

    def test_false_asks_for_nothing(self, app):
        app.task(func=samples.returns, fresh=False, nice=0, memory=None)

    def test_a_group_may_say_it_for_all_its_tasks(self, app):
        group = Group("etl.", execution="process", memory="1 GB")
        group.task(func=samples.returns)
        app.include(group)
        assert app.session["etl.returns"].memory == 10**9

    @pytest.mark.parametrize(("name", "value"), LIMITS[:2])
    def test_elsewhere_than_on_linux_it_is_an_error_that_says_so(self, app, monkeypatch, name, value):
        monkeypatch.setattr(sys, "platform", "darwin")
        with pytest.raises(InvalidOption, match="it works on Linux only"):
            app.task(**{"func": samples.returns, "execution": "process", name: value})

    def test_processor_time_is_counted_in_whole_seconds(self, app):
        assert app.session.create_task(samples.returns, execution="process", cpu_time="1.2 seconds").cpu_time == 2


class TestMemory:
    async def test_too_much_is_a_memory_error_in_the_function(self, app):
        app.task(func=samples.takes_megabytes, name="it", execution="process", memory="100 MB", parameters={"count": 1000})
        end = await ended(app)
        assert (end.action, end.reason) == ("fail", "MemoryError: it wanted more than its memory of 100 MB")
        assert "bytearray(count" in end.exc_text

    @pytest.mark.parametrize("function", [samples.takes_all_memory_bit_by_bit, samples.fills_a_list_of_its_module])
    async def test_using_up_the_last_bit_is_told_just_as_well(self, app, function):
        app.task(func=function, name="it", execution="process", memory="50 MB")
        end = await ended(app)
        assert (end.action, end.reason) == ("fail", "MemoryError: it wanted more than its memory of 50 MB")

    async def test_it_is_on_top_of_what_the_worker_has(self, app):
        app.task(func=samples.keeps_megabytes, name="keeps", execution="process", parameters={"count": 300})
        app.task(func=samples.takes_megabytes, name="it", execution="process", memory="100 MB", parameters={"count": 80})
        assert await runs(app, "keeps", "it") == [None, 80_000_000]

    async def test_the_next_run_in_the_worker_is_free_of_it(self, app):
        app.task(func=samples.takes_megabytes, name="it", execution="process", memory="100 MB", parameters={"count": 80})
        app.task(func=samples.limits_here, name="limits", execution="process")
        _, (pid, *limits) = await runs(app, "it", "limits")
        assert pid != os.getpid()
        assert limits == [resource.getrlimit(resource.RLIMIT_DATA), resource.getrlimit(resource.RLIMIT_CPU)]

    async def test_a_worker_that_was_out_of_memory_is_not_used_again(self, app):
        app.task(func=samples.process_group, name="who", execution="process", memory="1 GB")
        for function in (samples.runs_out_of_memory, samples.runs_out_of_memory_and_says_something_else):
            app.task(func=function, name=function.__name__, execution="process")
        first, _, second, _, third = await runs(
            app, "who", "runs_out_of_memory", "who", "runs_out_of_memory_and_says_something_else", "who"
        )
        assert len({pid for pid, _ in (first, second, third)}) == 3

    async def test_a_command_that_wants_too_much_fails_by_itself(self, app):
        app.task(command=[sys.executable, "-c", "bytearray(10**9)"], name="it", memory="100 MB")
        end = await ended(app)
        assert (end.action, end.reason.endswith("exited with status 1: MemoryError")) == ("fail", True)

    async def test_a_command_has_its_limits_before_its_first_step(self, app):
        app.task(command="ulimit -d; ulimit -t", shell=True, name="it", memory="64 MiB", cpu_time=3)
        assert await runs(app, "it") == [b"65536\n3\n"]

    async def test_a_limited_command_that_is_not_there_is_a_fail_that_names_it(self, app):
        app.task(command=["no-such-program"], name="it", memory="64 MiB")
        assert "exited with status 127" in (end := await ended(app)).reason
        assert "no-such-program" in end.reason


class TestCpuTime:
    async def test_too_much_is_a_fail_in_words_and_the_next_run_succeeds(self, app):
        app.task(func=samples.computes_for_ever, name="it", execution="process", cpu_time=1)
        app.task(func=samples.returns, name="next", execution="process")
        end = await ended(app, then="next")
        expected = "WorkerDied: the process of task 'it' used more than its cpu_time of 1 second"
        assert (end.action, end.reason) == ("fail", expected)
        assert actions(app, "next") == ["run", "success"]

    async def test_what_the_worker_has_used_before_does_not_count(self, app):
        app.task(func=samples.computes_for, name="it", execution="process", cpu_time=1, parameters={"seconds": 0.5})
        await runs(app, "it", "it", "it", "it")
        assert actions(app) == ["run", "success"] * 4

    @pytest.mark.parametrize("options", [{}, {"shell": True}], ids=["program", "shell"])
    async def test_a_command_that_takes_too_much_is_told_the_same(self, app, options):
        command = f"{sys.executable} -c 'while True: pass'; exit $?" if options else ENDLESS
        app.task(command=command, name="it", cpu_time=1, **options)
        end = await ended(app)
        assert end.action == "fail"
        assert "the command of task 'it' used more than its cpu_time of 1 second" in end.reason

    async def test_a_command_that_ignores_it_is_killed_a_second_later(self, app):
        ignoring = "import signal; signal.signal(signal.SIGXCPU, signal.SIG_IGN)\nwhile True: pass"
        app.task(command=[sys.executable, "-c", ignoring], name="it", cpu_time=1)
        assert "was killed by signal 9" in (await ended(app)).reason


class TestNice:
    async def test_it_is_added_to_the_schedulers(self, app):
        app.task(func=samples.niceness, name="it", execution="process", nice=5)
        own = os.getpriority(os.PRIO_PROCESS, 0)
        app.task(command=f"until [ $(nice) -gt {own} ]; do :; done; nice", shell=True, name="command", nice=5)
        (niceness, of_session), printed = await runs(app, "it", "command")
        assert niceness == own + 5
        assert of_session in (own + 5, None)
        assert int(printed) == own + 5

    async def test_workers_are_kept_apart_by_it(self, app):
        for name, nice in (("it", 5), ("other", 0)):
            app.task(func=samples.process_group, name=name, execution="process", nice=nice)
        nicer, plain, nicer_again, plain_again = await runs(app, "it", "other", "it", "other")
        assert (nicer, plain) == (nicer_again, plain_again)
        assert nicer != plain


class TestRunsOfAWorker:
    async def test_a_fresh_run_has_a_process_of_its_own(self, app):
        app.task(func=samples.process_group, name="it", execution="process", fresh=True)
        app.task(func=samples.process_group, name="other", execution="process")
        before, first, second, after = await runs(app, "other", "it", "it", "other")
        assert before == after
        assert len({before, first, second}) == 3

    async def test_a_process_that_is_not_used_again_may_finish(self, app, tmp_path):
        app.task(func=samples.writes_at_exit, name="it", execution="process", fresh=True, parameters={"path": tmp_path / "exit"})
        await runs(app, "it")
        assert Path(tmp_path / "exit").read_text() == "bye"

    async def test_a_worker_is_replaced_after_so_many_runs(self):
        app = App(log=None, max_process_count=1, max_runs_per_worker=2)
        app.task(func=samples.process_group, name="it", execution="process")
        first, second, third = await runs(app, "it", "it", "it")
        assert first == second != third

    async def test_runs_of_other_tasks_count_too(self, app):
        app.task(func=samples.process_group, name="it", execution="process", max_runs_per_worker=2)
        app.task(func=samples.process_group, name="other", execution="process")
        before, at_its_end, after = await runs(app, "other", "it", "other")
        assert before == at_its_end != after

    async def test_what_it_is_changed_to_counts_from_the_next_run_on(self, app):
        app.task(func=samples.process_group, name="it", execution="process")
        returned = []
        async with running(app) as run:
            for count in (1, 2, 3):
                app.session["it"].run()
                await run.wait_ended(count)
                returned.append(app.session.returns["it"])
                app.session["it"].max_runs_per_worker = 2
        first, second, third = returned
        assert first == second != third
