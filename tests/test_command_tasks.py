"""Tasks that run a command: what is executed, what becomes of its output, and how it ends."""

import logging
import os
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import trio

import runtime.runners.child
from actors import App, Task, after_success
from actors.config import EXECUTIONS
from actors.errors import CommandFailed, DuplicateTask, InvalidOption
from commands import Started, cli, is_alive, wait_gone, write
from helpers import actions, records, running

ARGS = [sys.executable, "-c", "import sys; print(sys.argv[1:], end='')"]


@pytest.fixture
def app():
    return App(log=None)


async def ended(app, name="it", **params):
    """Run a task once, and return the record of its end."""
    async with running(app) as run:
        app.session[name].run(**params)
        await run.wait_ended()
    return records(app, name)[-1]


async def wait_printed(path, count=1):
    """Wait until a command has written so many numbers to a file, and return them."""
    with trio.fail_after(20):
        while not Path(path).exists() or len(numbers := Path(path).read_text().split()) < count:
            await trio.sleep(0.01)
    return [int(number) for number in numbers]


class TestDeclaration:
    def test_the_task_is_returned_and_called_by_its_command(self, app):
        task = app.task(command=["echo", "a b"])
        assert isinstance(task, Task)
        assert task.name == "echo 'a b'"
        assert app.session["echo 'a b'"] is task
        assert app.session.create_task(command=" ls  -l ").name == "ls  -l"
        assert app.session.create_task(command="ls\n  | wc\n", shell=True).name == "ls | wc"

    def test_it_has_its_place_where_it_is_declared(self, app):
        with pytest.raises(DuplicateTask) as caught:
            [app.task(command="true") for _ in range(2)]
        assert caught.value.first == caught.value.second == app.session["true"].place
        assert app.session["true"].place.startswith(__file__)

    def test_a_text_is_split_as_a_shell_does_it_but_for_a_shell(self, app):
        assert app.task(command="echo 'a b' $HOME").command.argv == ("echo", "a b", "$HOME")
        assert app.task(command="echo | wc", shell=True).command.argv == ("/bin/sh", "-c", "echo | wc")

    def test_paths_are_texts(self, app):
        assert app.task(command=[Path("/bin/ls"), Path("a")]).command.argv == ("/bin/ls", "a")

    def test_the_working_directory_is_that_at_the_declaration(self, app, monkeypatch, tmp_path):
        Path("there").mkdir()
        task = app.task(command="true", cwd="there")
        monkeypatch.chdir("/")
        assert task.cwd == tmp_path / "there"

    def test_a_process_needs_nothing_that_can_be_sent(self, app):
        task = app.task(command="true", execution="process", parameters={"value": lambda: None})
        task.run(other=lambda: None)

    @pytest.mark.parametrize(
        ("options", "said"),
        [
            ({"command": []}, "a task cannot have command=[]: it is empty; a program to run is expected"),
            ({"command": " "}, "command=' ': it is empty"),
            ({"command": "", "shell": True}, "command='': it is empty"),
            ({"command": ["ls", 5], "name": "x"}, "task 'x' cannot have command=['ls', 5]: a list of texts or paths is expected"),
            ({"command": 5}, "command=5: a list of texts or paths is expected, or one text"),
            ({"command": ["ls", b"x"]}, "a list of texts or paths is expected"),
            ({"command": "echo 'a"}, "it cannot be split into words (No closing quotation); give a list of them, or shell=True"),
            ({"command": "echo a\0b"}, "null character"),
            ({"command": ["ls"], "shell": True}, "with shell=True one text is expected, the line that the shell reads"),
            ({"command": "ls", "shell": 1}, "shell=1: True or False is expected"),
            ({"command": "ls", "argform": "+"}, "argform='+': it must be one of '--', 'long', '-', 'short'"),
            ({"command": "ls", "cwd": 5}, "a task cannot have cwd=5: "),
            ({"command": "ls", "env": ["A=b"]}, "a mapping of names of variables to texts is expected"),
            ({"command": "ls", "env": {"A": 5}}, "a mapping of names of variables to texts is expected"),
            ({"command": "ls", "env": {"A=": "b"}}, "a mapping of names of variables to texts is expected"),
            ({"command": "ls", "func": print}, "command='ls': a task has one of func, command, code, path; it has func already"),
            ({"func": print, "cwd": "/"}, "task 'print' cannot have cwd='/': it is for a task with command=..., not func"),
            ({"func": print, "env": {}}, "env={}: it is for a task with command=..."),
            ({"func": print, "shell": True}, "shell=True: it is for a task with command=..."),
            ({"func": print, "argform": "-"}, "argform='-': it is for a task with command=..."),
        ],
    )  # fmt: skip
    def test_what_is_no_command_is_refused(self, app, options, said):
        with pytest.raises(InvalidOption) as caught:
            app.task(**options)
        assert said in str(caught.value)
        assert app.session.tasks == []

    def test_neither_a_function_nor_a_command_is_no_task(self, app):
        with pytest.raises(TypeError, match="needs a function, or one of command, code, path"):
            app.session.create_task()

    def test_it_is_fixed_once_it_is_declared(self, app):
        task = app.task(command="true")
        for name in ("command", "cwd", "env", "shell", "argform"):
            with pytest.raises(InvalidOption, match="it is fixed when the task is made"):
                setattr(task, name, None)


PARAMS = {"n": 5, "all": True, "no": False, "none": None, "t": ["a", "b c"], "empty": []}


class TestArguments:
    @pytest.mark.parametrize(("argform", "dashes"), [("--", "--"), ("long", "--"), ("-", "-"), ("short", "-")])
    def test_parameters_follow_in_their_order(self, app, argform, dashes):
        command = app.task(command="x y", argform=argform).command
        flags = [f"{dashes}{name}" for name in ("n", "all", "t", "t")]
        assert command.argv_for(PARAMS) == ["x", "y", flags[0], "5", flags[1], flags[2], "a", flags[3], "b c"]

    def test_a_shell_gets_them_quoted(self, app):
        command = app.task(command="x | y", shell=True).command
        assert command.argv_for(PARAMS) == ["/bin/sh", "-c", "x | y --n 5 --all --t a --t 'b c'"]
        assert shlex.split(command.argv_for({"it": "$(rm); '"})[-1])[-1] == "$(rm); '"

    async def test_those_of_the_run_come_over_those_of_the_task_and_none_is_left_for_the_next(self, app):
        app.task(command=ARGS, name="it", parameters={"a": 1, "b": 2})
        async with running(app) as run:
            app.session["it"].run(b=3, c="d e")
            await run.wait_ended()
            assert app.session.returns["it"] == b"['--a', '1', '--b', '3', '--c', 'd e']"
            app.session["it"].run()
            await run.wait_ended(2)
        assert app.session.returns["it"] == b"['--a', '1', '--b', '2']"

    async def test_arguments_that_value_themselves_are_valued(self, app):
        from actors import Argument

        class Seven(Argument):
            def get_value(self):
                return 7

        app.task(command=ARGS, name="it", parameters={"a": Seven()}, execution="process")
        await ended(app)
        assert app.session.returns["it"] == b"['--a', '7']"

    def test_the_command_line_gives_them(self):
        write(
            "jobs.py",
            f"""
            from actors import App
            app = App()
            app.task("daily", command={ARGS!r}, name="dump")
            """,
        )
        done = cli("launch", "-q", "jobs.py", "dump", "-p", "table=users", "-p", "n=2")
        assert done.returncode == 0, done.stderr
        assert done.stdout.endswith("] ['--table', 'users', '--n', '2']\n")
        assert "import sys; print" in cli("tasks", "jobs.py").stdout


class TestRunning:
    @pytest.mark.parametrize("execution", EXECUTIONS)
    async def test_in_every_mode_it_runs_and_holds_up_nothing(self, app, execution):
        os.mkfifo("fifo")
        app.task(command="cat fifo", name="it", execution=execution)
        async with running(app) as run:
            app.session["it"].run()
            await run.wait_started("it")
            writer = await trio.to_thread.run_sync(os.open, "fifo", os.O_WRONLY)  # which waits until it reads
            for _ in range(3):
                await trio.sleep(0.001)
            os.write(writer, b"done")
            os.close(writer)
            assert await run.wait_ended() == ["success"]
        assert app.session.returns["it"] == b"done"
        assert {record.execution for record in records(app)} == {execution}

    async def test_main_lets_nothing_else_start_meanwhile(self, app):
        app.task(command="sleep 0.2", name="main", execution="main")
        app.task(command="true", name="other")
        async with running(app) as run:
            app.session["main"].run()
            app.session["other"].run()
            await run.wait_ended(2)
        assert [record.task_name for record in records(app)] == ["main", "main", "other", "other"]

    @pytest.mark.parametrize("mode", ["thread", "process"])
    async def test_it_counts_towards_the_limit_of_its_mode(self, mode):
        app = App({f"max_{mode}_count": 1}, log=None)
        for name in ("a", "b"):
            app.task(command="sleep 0.1", name=name, execution=mode)
        async with running(app) as run:
            app.session["a"].run()
            app.session["b"].run()
            await run.wait_ended(2)
        assert actions(app) == ["run", "success", "run", "success"]

    async def test_others_start_by_its_success(self, app):
        dump = app.task(command="true")
        app.task(after_success(dump), command="echo after", name="next")
        async with running(app) as run:
            dump.run()
            await run.wait_ended(2)
        assert actions(app, "next") == ["run", "success"]

    async def test_it_has_the_environment_of_the_scheduler_with_the_changes(self, app, monkeypatch):
        monkeypatch.setenv("KEPT", "kept")
        monkeypatch.setenv("GONE", "gone")
        app.task(command="echo $KEPT-$GONE-$NEW", name="it", shell=True, env={"NEW": "new", "GONE": None})
        await ended(app)
        assert app.session.returns["it"] == b"kept--new\n"

    async def test_it_runs_in_its_working_directory(self, app, tmp_path):
        Path("there").mkdir()
        app.task(command="pwd -P", name="it", shell=True, cwd="there")
        await ended(app)
        assert app.session.returns["it"] == os.fsencode(tmp_path.resolve() / "there") + b"\n"

    async def test_it_reads_nothing(self, app):
        app.task(command="cat", name="it")
        assert (await ended(app)).action == "success"
        assert app.session.returns["it"] == b""

    async def test_it_leads_a_session_of_its_own(self, app):
        app.task(command=[sys.executable, "-c", "import os; print(os.getpid() == os.getsid(0) == os.getpgid(0))"], name="it")
        await ended(app)
        assert app.session.returns["it"] == b"True\n"


class TestOutput:
    async def test_lines_are_passed_on_with_task_and_run_and_the_last_are_on_record(self, app, capfd):
        app.task(command="echo out; echo err >&2", name="it", shell=True)
        end = await ended(app)
        printed = capfd.readouterr()
        assert printed.out == f"[it {end.run_id}] out\n"
        assert printed.err == f"[it {end.run_id}] err\n"
        assert (end.action, sorted(end.output.splitlines())) == ("success", ["err", "out"])
        assert app.session.returns["it"] == b"out\n"

    async def test_one_that_fails_has_its_output_on_record_too(self, app):
        app.task(command="seq 100; exit 1", name="it", shell=True)
        end = await ended(app)
        assert (end.action, end.output) == ("fail", "\n".join(map(str, range(81, 101))))

    async def test_none_is_on_record_where_there_is_none(self, app):
        app.task(command="true", name="it")
        assert (await ended(app)).output is None

    async def test_of_very_much_the_first_part_is_returned_and_a_warning_logged(self, app, monkeypatch, caplog):
        monkeypatch.setattr(runtime.runners.child, "MOST_RETURNED", 100_000)
        app.task(command=[sys.executable, "-c", "print('x' * 999_999)"], name="it")
        with caplog.at_level(logging.WARNING, "callsheet.runtime"):
            assert (await ended(app)).action == "success"
        assert app.session.returns["it"] == b"x" * 100_000
        (warning,) = caplog.messages
        assert warning == "task 'it' writes more than 100000 bytes to stdout: only these are returned"

    async def test_bytes_come_back_as_they_are(self, app):
        app.task(command=[sys.executable, "-c", "import os; os.write(1, bytes(range(256)))"], name="it")
        await ended(app)
        assert app.session.returns["it"] == bytes(range(256))


class TestFailure:
    async def test_an_exit_status_is_told_with_the_last_line_of_stderr(self, app):
        app.task(command="echo first >&2; echo last >&2; echo >&2; echo out; exit 3", name="it", shell=True)
        end = await ended(app)
        assert end.action == "fail"
        assert end.reason == "CommandFailed: the command of task 'it' exited with status 3: last"
        assert end.exc_text is None

    async def test_a_death_by_a_signal_is_told(self, app):
        app.task(command="kill -9 $$", name="it", shell=True)
        end = await ended(app)
        assert end.reason == "CommandFailed: the command of task 'it' was killed by signal 9 (SIGKILL, out of memory?)"

    async def test_a_program_that_is_not_there_is_named(self, app):
        app.task(command="nosuchprogram --x", name="it")
        end = await ended(app)
        assert end.action == "fail"
        assert end.reason == (
            "CommandFailed: the command of task 'it' could not be started: No such file or directory: 'nosuchprogram'"
        )

    async def test_a_program_that_may_not_be_executed_is_named(self, app):
        Path("it.sh").write_text("")
        app.task(command="./it.sh", name="it")
        assert "could not be started: Permission denied: './it.sh'" in (await ended(app)).reason

    async def test_a_working_directory_that_is_not_there_is_named(self, app, tmp_path):
        app.task(command="true", name="it", cwd="nowhere")
        assert f"No such file or directory: '{tmp_path}/nowhere'" in (await ended(app)).reason

    async def test_a_parameter_that_cannot_be_given_fails_the_run(self, app):
        app.task(command="echo", name="it")
        assert "null byte" in (await ended(app, value="a\0b")).reason

    def test_the_error_keeps_its_fields(self):
        error = CommandFailed("it", "ls -l", "exited with status 2")
        assert (error.task, error.command, error.how) == ("it", "ls -l", "exited with status 2")


class TestEnding:
    async def test_a_timeout_ends_it(self, app):
        app.task(command="sleep 60", name="it", timeout=0.1)
        end = await ended(app)
        assert (end.action, end.reason) == ("terminate", "timeout: it took longer than 0.1 seconds")

    @pytest.mark.parametrize("execution", EXECUTIONS)
    async def test_in_every_mode_it_can_be_terminated(self, app, execution):
        app.task(command="echo $$ > pid; sleep 60", name="it", shell=True, execution=execution)
        async with running(app) as run:
            app.session["it"].run()
            (pid,) = await wait_printed("pid")
            app.session["it"].terminate()
            assert await run.wait_ended() == ["terminate"]
        assert not is_alive(pid)

    async def test_one_that_ignores_sigterm_is_killed_with_its_children_after_a_time(self, app):
        line = "trap '' TERM; sleep 60 & echo $$ $! > pids; echo said; wait; wait"
        app.task(command=line, name="it", shell=True, cleanup=0.2)
        async with running(app) as run:
            app.session["it"].run()
            pids = await wait_printed("pids", 2)
            app.session["it"].terminate()
            assert await run.wait_ended() == ["terminate"]
        for pid in pids:
            wait_gone(pid)
        assert records(app, "it")[-1].output == "said"

    async def test_a_child_that_outlives_the_command_is_killed_after_a_time(self, app):
        line = "(trap '' TERM; echo $$ > ready; sleep 60; sleep 60) & echo $! > pid; wait"
        app.task(command=line, name="it", shell=True, cleanup=0.2)
        async with running(app) as run:
            app.session["it"].run()
            await wait_printed("ready")
            (pid,) = await wait_printed("pid")
            app.session["it"].terminate()
            assert await run.wait_ended() == ["terminate"]
        wait_gone(pid)

    async def test_it_has_time_to_clean_up_and_what_it_says_then_is_heard(self, app, capfd):
        line = "trap 'echo cleaned; exit 0' TERM; echo $$ > pid; sleep 60 & wait"
        app.task(command=line, name="it", shell=True)
        async with running(app) as run:
            app.session["it"].run()
            await wait_printed("pid")
            app.session["it"].terminate()
            assert await run.wait_ended() == ["terminate"]
        assert "it" not in app.session.returns
        assert "cleaned" in records(app, "it")[-1].output.splitlines()
        assert capfd.readouterr().out.endswith("] cleaned\n")

    async def test_the_children_of_a_pipeline_have_it_too(self, app):
        child = "import signal, time\ndef end(*_): time.sleep(0.1); open('cleaned', 'w'); raise SystemExit\n"
        child += "signal.signal(15, end); open('pid', 'w').write('1'); time.sleep(60)"
        app.task(command=f"{shlex.join([sys.executable, '-c', child])} | cat", name="it", shell=True)
        async with running(app) as run:
            app.session["it"].run()
            await wait_printed("pid")
            app.session["it"].terminate()
            await run.wait_ended()
        assert Path("cleaned").exists()

    async def test_the_run_ends_with_the_command_and_not_with_what_it_left_in_the_background(self, app):
        app.task(command="sleep 60 & echo $! > pid; echo out", name="it", shell=True)
        assert (await ended(app)).action == "success"
        (pid,) = await wait_printed("pid")
        try:
            assert app.session.returns["it"] == b"out\n"
            assert is_alive(pid)
        finally:
            os.kill(pid, signal.SIGKILL)

    async def test_commands_that_are_cancelled_at_any_moment_leave_nothing_behind(self):
        """The fixture that looks for children and file descriptors after each test does the asserting."""
        app = App(log=None, grace=0.5, multilaunch=True)
        app.task(command="sleep 60", name="it")
        async with running(app):
            for number in range(30):
                app.session["it"].run()
                await trio.sleep(number * 0.001)
                app.session["it"].terminate()
            with trio.fail_after(30):
                while app.session["it"].is_running:
                    await trio.sleep(0.01)
        assert [action for action in actions(app) if action != "run"] == ["terminate"] * 30

    async def test_the_end_of_the_app_ends_it(self):
        app = App(log=None, shutdown_wait=0)
        app.task(command="echo $$ > pid; sleep 60", name="it", shell=True)
        async with running(app):
            app.session["it"].run()
            (pid,) = await wait_printed("pid")
        assert actions(app) == ["run", "terminate"]
        assert not is_alive(pid)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux can kill the group of a program that knows nothing of it")
def test_a_command_and_its_children_do_not_outlive_a_scheduler_that_is_killed():
    write(
        "jobs.py",
        """
        from actors import App
        app = App(log=None)
        app.task(command="sleep 60 & echo pids $$ $!; trap '' TERM; sleep 60", shell=True, on_startup=True)
        app.run()
        """,
    )
    with Started("jobs.py") as program:
        pids = [int(word) for word in program.wait_for("] pids").split()[-2:]]
        assert all(map(is_alive, pids))
        os.kill(program.process.pid, signal.SIGKILL)
        for pid in pids:
            wait_gone(pid, within=3)


def test_a_program_without_stdout_runs_commands():
    write(
        "jobs.py",
        """
        from actors import App
        app = App(log="runs.jsonl", stop_when_idle=True)
        app.task(command="echo nobody hears this", on_startup=True)
        app.run()
        """,
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    subprocess.run(f"{sys.executable} jobs.py >&-", shell=True, check=True, timeout=60, env=environment)
    assert '"success"' in Path("runs.jsonl").read_text()
