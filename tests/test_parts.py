"""The scheduler's own parts, supervised by the rules of actors: what is broken is begun anew, and the app goes on."""

import pytest
import trio

import samples
from actors.messages import Start
from helpers import actions, records, running, running_virtually
from runtime.alarm import Alarm
from runtime.runners.output import Output
from runtime.runs import Run
from runtime.task_actor import TaskActor


class Bug(Exception):
    pass


def failing(original, times, when=lambda *_: True):
    """Return a method that raises instead of doing its work, the first few times that it is meant."""
    left = iter(range(times))

    def method(self, *args, **kwargs):
        if when(self, *args) and next(left, None) is not None:
            raise Bug("of ours")
        return original(self, *args, **kwargs)

    return method


def starts(_, message):
    return isinstance(message, Start)


async def test_a_crash_in_the_actor_of_a_task_restarts_that_and_not_the_program(app, autojump_clock, monkeypatch):
    monkeypatch.setattr(TaskActor, "_handle", failing(TaskActor._handle, 1, starts))

    @app.task(name="it")
    async def it(): ...

    async with running_virtually(app) as running:
        app.session["it"].run()
        app.session["it"].run()
        await running.wait_ended(2)
        assert app.session.tree()["it"].incarnation == 2
    assert actions(app, "it") == ["fail", "run", "success"]


async def test_the_run_at_hand_fails_by_it_and_gives_back_what_it_holds(app, autojump_clock, monkeypatch):
    monkeypatch.setattr(Run, "claim", failing(Run.claim, 1))

    @app.task(name="it", limits=[])
    async def it(): ...

    async with running_virtually(app) as running:
        app.session["it"].run()
        app.session["it"].run()
        await running.wait_ended(2)
    failed, *_ = records(app, "it")
    assert (failed.action, failed.reason) == ("fail", "the actor of its task has failed: Bug: of ours")
    assert actions(app, "it") == ["fail", "run", "success"]


async def test_its_other_runs_are_ended_first_and_those_of_other_tasks_go_on(app, autojump_clock, monkeypatch):
    @app.task(name="it", multilaunch=True)
    async def it():
        await trio.sleep(10)

    @app.task(name="other")
    async def other():
        await trio.sleep(10)

    async with running_virtually(app) as running:
        app.session.run("it", "other")
        await running.wait_started("it", "other")
        monkeypatch.setattr(TaskActor, "_handle", failing(TaskActor._handle, 1, starts))
        app.session["it"].run()
        await running.wait_ended(3)
    assert actions(app, "it") == ["run", "fail", "terminate"]
    assert actions(app, "other") == ["run", "success"]


async def test_what_fails_again_and_again_ends_the_program(app, autojump_clock, monkeypatch):
    monkeypatch.setattr(Run, "claim", failing(Run.claim, 100))

    @app.task("every 1 second", name="it")
    async def it(): ...

    with pytest.raises(Bug):
        async with running_virtually(app):
            await trio.sleep(100)
    assert actions(app, "it") == ["fail"] * 4


async def test_an_alarm_that_fails_is_begun_anew(app, autojump_clock, monkeypatch):
    rings = []

    async def run(self):
        rings.append(trio.current_time())
        if len(rings) == 2:  # the first is of the actors
            raise Bug
        await original(self)

    original = Alarm.run
    monkeypatch.setattr(Alarm, "run", run)

    @app.task("every 1 second", name="it")
    async def it(): ...

    async with running_virtually(app) as running:
        await running.wait_ended(2)
        assert {node.name for node in app.session.tree().walk() if node.restarts} == {"alarm"}


async def test_what_workers_print_is_passed_on_again_after_a_failure_of_that(app, capfd, monkeypatch):
    original, failures = Output.pass_on, iter([Bug()])

    async def pass_on(self):
        if (failure := next(failures, None)) is not None:
            raise failure
        await original(self)

    monkeypatch.setattr(Output, "pass_on", pass_on)
    app.task(func=samples.prints, name="it", execution="process")
    async with running(app) as run:
        app.session["it"].run()
        assert await run.wait_ended(1) == ["success"]
        assert {node.name for node in app.session.tree().walk() if node.restarts} == {"output of workers"}
    assert "to stdout" in capfd.readouterr().out
