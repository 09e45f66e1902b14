"""Which process a run has is in the log before that does anything: the next start of the app must know whom to end."""

import json
import os
import signal
from pathlib import Path

import pytest
import trio

import samples
from actors import App
from commands import cli
from helpers import actions, running
from runtime.identity import identity_of, is_alive
from test_runner_contract import call, runner_of

LOG = Path("runs.jsonl")


def lines():
    """Return what is in the log, behind its header."""
    return [json.loads(line) for line in LOG.read_text().splitlines()[1:]]


def notes():
    """Return the notes of workers in the log."""
    return [line for line in lines() if line["action"] == "worker"]


def reads_the_log():
    return LOG.read_text()


def app_of(**options):
    """Return an app with one task."""
    app = App(log=LOG, max_process_count=1)
    app.task(name="it", **options)
    return app


class TestProcess:
    async def test_a_function_finds_its_process_in_the_log(self):
        app = app_of(func=reads_the_log, execution="process")
        async with running(app) as run:
            app.session["it"].run()
            await run.wait_ended()
            found = [json.loads(line) for line in app.session.returns["it"].splitlines()[1:]]
        begun, note = (line for line in found if line["task_name"] == "it" and line["action"] in ("run", "worker"))
        assert {note[column] for column in ("run_id", "start")} == {begun[column] for column in ("run_id", "start")}
        assert [line["action"] for line in lines()[-3:]] == ["run", "worker", "success"]

    async def test_a_worker_that_stays_is_the_same_in_all_its_runs(self):
        app = app_of(func=os.getpid, execution="process")
        async with running(app) as run:
            for count in (1, 2):
                app.session["it"].run()
                await run.wait_ended(count)
            pid = app.session.returns["it"]
            identity = identity_of(pid)
        assert [(note["pid"], note["pid_start"], note["boot"]) for note in notes()] == [
            (pid, identity.started, identity.boot)
        ] * 2
        me = identity_of(os.getpid())
        assert {(note["scheduler"], note["scheduler_start"]) for note in notes()} == {(me.pid, me.started)}

    async def test_where_a_worker_had_died_unnoticed_the_one_that_takes_its_job_is_noted_too(self):
        noted = []
        async with runner_of("process") as runner:
            for _ in range(2):
                a_call = call("process", os.getpid)
                a_call.note_worker = noted.append
                pid = await runner.run(a_call, trio.CancelScope())
                assert noted[-1] == identity_of(pid)
                (idle,) = runner._idle[0]
                os.kill(pid, signal.SIGKILL)
                await trio.lowlevel.wait_readable(idle._connection)  # all its threads are gone
        first, second, third = noted
        assert first == second != third

    @pytest.mark.parametrize("mode", ["main", "async", "thread"])
    async def test_a_run_without_a_process_of_its_own_has_no_note(self, mode):
        app = app_of(func=samples.returns_async if mode in ("main", "async") else samples.returns, execution=mode)
        async with running(app) as run:
            app.session["it"].run()
            await run.wait_ended()
        assert (notes(), actions(app)) == ([], ["run", "success"])

    async def test_where_the_system_does_not_tell_who_a_process_is_nothing_is_noted(self, monkeypatch):
        monkeypatch.setattr("runtime.runners.worker.identity_of", lambda _: None)
        app = app_of(func=samples.returns, execution="process")
        async with running(app) as run:
            app.session["it"].run()
            await run.wait_ended()
        assert (notes(), actions(app)) == ([], ["run", "success"])


class TestCommand:
    async def test_its_program_is_noted_as_soon_as_it_has_started(self):
        app = app_of(command=["sh", "-c", "echo $$; read line < go"])
        os.mkfifo("go")
        async with running(app) as run:
            app.session["it"].run()
            with trio.fail_after(20):
                while not notes():
                    await trio.sleep(0.01)
            (note,) = notes()
            identity = identity_of(note["pid"])
            assert is_alive(identity)
            assert (note["pid_start"], note["boot"]) == (identity.started, identity.boot)
            Path("go").write_text("\n")
            await run.wait_ended()
            assert int(app.session.returns["it"]) == note["pid"]

    async def test_one_that_is_limited_is_noted_under_the_number_it_keeps(self):
        app = app_of(command=["sh", "-c", "echo $$"], cpu_time=5)
        async with running(app) as run:
            app.session["it"].run()
            await run.wait_ended()
            assert int(app.session.returns["it"]) == notes()[0]["pid"]


async def test_the_command_line_shows_the_process_of_a_run():
    app = app_of(func=os.getpid, execution="process")
    async with running(app) as run:
        app.session["it"].run()
        await run.wait_ended()
    (note,) = notes()
    assert f"\npid      {note['pid']}\n" in cli("show", note["run_id"], "--log", LOG).stdout
