"""Actors that are talked to from process workers: by messages over their socket."""

import threading
from pathlib import Path

import pytest
import trio

import talkers
from actors import App
from actors.outcomes import Stopped
from commands import python, write
from helpers import actions, records, running


def app_with(function, **options):
    """Make an app with a counter, and a process task that talks to it."""
    app = App(log=None, max_process_count=1)
    app.actor(talkers.Counter, "counter")
    app.task(func=function, name="it", execution="process", **options)
    return app


async def returned(function, *, backend="trio", **params):
    """Run a process task, and return what it returned."""
    app = app_with(function, backend=backend)
    app.actor(talkers.Counter, "other")
    async with running(app) as run:
        app.session["it"].run(**params)
        with trio.fail_after(30):
            await run.wait_ended()
        assert actions(app, "it") == ["run", "success"], records(app, "it")[-1].reason
    return app.session.returns["it"]


@pytest.fixture(params=["trio", "asyncio"])
def backend(request):
    return request.param


class TestTalking:
    async def test_a_sync_function_asks(self):
        assert await returned(talkers.asks) == 2

    async def test_an_async_function_asks(self, backend):
        assert await returned(talkers.asks_async, backend=backend) == 2

    async def test_told_and_sent_messages_come_in_their_order(self):
        assert await returned(talkers.tells_and_sends) == 3

    async def test_an_async_function_sends(self):
        assert await returned(talkers.sends_async) == 3

    async def test_a_reference_tells_who_it_leads_to(self):
        assert await returned(talkers.describes) == ("counter", 1, True, "<actor 'counter'>")

    async def test_a_name_that_is_unknown_is_an_error_at_once(self):
        app = app_with(talkers.finds)
        async with running(app) as run:
            app.session["it"].run(name="conter")
            await run.wait_ended()
        assert "there is no actor 'conter'. Did you mean 'counter'?" in records(app)[-1].reason

    async def test_what_is_asked_in_vain_is_a_timeout_with_the_time_it_had(self):
        kind, text, _ = await returned(talkers.asks_in_vain)
        assert kind == "AskTimeout"
        assert text == "actor 'counter' did not answer Never within 0.05 s: it was read, and its answer was put off"

    async def test_an_actor_that_fails_is_an_error_with_what_it_raised(self):
        kind, text, cause = await returned(talkers.asks_what_fails, error="undeclared")
        assert (kind, text) == ("ActorFailed", "actor 'counter' failed on Fail: ValueError: it is broken")
        assert cause == "ValueError('it is broken')"

    async def test_a_declared_error_is_raised_as_it_is(self):
        assert await returned(talkers.asks_what_fails, error="declared") == ("NotThere", "it is broken", "None")

    async def test_a_big_answer_comes_whole(self):
        assert await returned(talkers.asks_for_bytes) == 20_000_000


class TestSeveralAtATime:
    async def test_tasks_of_an_async_function_wait_beside_each_other(self):
        assert await returned(talkers.waits_and_releases) == ["released", "released"]

    async def test_threads_of_a_function_do(self):
        assert await returned(talkers.waits_in_a_thread) == ["released"]

    async def test_what_a_thread_left_behind_asks_is_withdrawn_at_the_end(self):
        app = app_with(talkers.leaves_a_thread_that_asks)
        app.task(func=talkers.asks, name="then", execution="process")
        async with running(app) as run:
            app.session["it"].run()
            with trio.fail_after(20):
                await run.wait_ended()
                app.session["then"].run()
                await run.wait_ended(2)
        assert actions(app, "then") == ["run", "success"]


class TestMessages:
    async def test_a_field_that_is_no_plain_data_is_named_where_it_is_sent(self):
        kind, text, _ = await returned(talkers.tells_a_lock)
        assert (kind, text) == (
            "UnportableMessage",
            "Note cannot cross to or from a process: what.a[0] is a lock, which is no plain data",
        )

    async def test_a_value_of_another_class_than_declared_is_named_too(self):
        kind, text, _ = await returned(talkers.adds_a_text)
        assert (kind, text) == ("UnportableMessage", "Add cannot cross to or from a process: amount: '2' is no int")

    async def test_a_class_that_the_scheduler_does_not_have_is_an_error(self):
        kind, text, _ = await returned(talkers.adds_what_has_no_class_here)
        assert kind == "UnportableMessage"
        assert "has no class of messages 'adds_what_has_no_class_here.<locals>.Unknown' in a module 'talkers'" in text

    async def test_an_answer_that_cannot_be_sent_is_an_error_where_it_was_asked(self):
        kind, text, _ = await returned(talkers.asks_for, what="lock")
        assert kind == "UnportableMessage"
        assert text.startswith("the answer to Give cannot cross to or from a process: TypeError: cannot pickle")

    def test_classes_of_the_main_program_are_the_same_on_both_sides(self):
        write(
            "jobs.py",
            """
            from dataclasses import dataclass
            from actors import Actor, App, Message, Ref, Session
            from actors.args import Session

            app = App(log=None, stop_when_idle=True)

            @dataclass(frozen=True)
            class Answer:
                value: int

            @dataclass(frozen=True)
            class Double(Message[Answer]):
                number: int

            @app.actor
            class Doubler(Actor):
                async def receive(self, message: Double) -> Answer:
                    return Answer(2 * message.number)

            @app.task(on_startup=True, execution="process")
            async def it(doubler=Ref("Doubler"), session=Session()):
                other = await session.spawn(Doubler, "other")
                print(doubler.ask_sync(Double(21)), await other.ask(Double(2)) == Answer(4), flush=True)

            app.run()
            """,
        )
        assert python("jobs.py").stdout.endswith("Answer(value=42) True\n")


class TestEnding:
    @pytest.mark.parametrize(
        "function",
        [
            talkers.asks_for_ever,
            talkers.asks_for_ever_async,
            talkers.asks_in_a_thread_for_ever,
            talkers.heeds_its_flag_and_asks_for_ever,
        ],
    )
    @pytest.mark.parametrize("how", ["terminate", "timeout"])
    async def test_a_run_that_waits_for_an_actor_ends_when_it_is_asked_to_and_cleans_up(self, function, how):
        options = {"timeout": 1.0} if how == "timeout" else {}
        app = app_with(function, grace=20, cleanup=20, **options)
        async with running(app) as run:
            await self.wait_asking(app)
            if how == "terminate":
                app.session["it"].terminate()
            with trio.fail_after(10):
                await run.wait_ended()
            assert Path("cleaned").read_text() == "cleaned up at 1"
            assert actions(app, "it") == ["run", "terminate"]

    async def wait_asking(self, app):
        app.session["it"].run(path="cleaned")
        counter = app.session.actor("counter")
        with trio.fail_after(20):
            while not await counter.ask(talkers.Waiting(1)):
                await trio.sleep(0.01)

    async def test_what_asks_for_ever_while_it_cleans_up_is_answered_in_time_to_end(self):
        app = app_with(talkers.asks_for_ever_at_the_end, cleanup=0.3)
        async with running(app) as run:
            await self.wait_asking(app)
            app.session["it"].terminate()
            with trio.fail_after(10):
                await run.wait_ended()
        assert Path("cleaned").read_text() == "cleaned up"
        assert "killed" not in records(app, "it")[-1].reason

    async def test_a_cancelled_ask_is_withdrawn_and_the_function_goes_on(self, backend):
        assert await returned(talkers.asks_for_a_moment, backend=backend) == 0

    async def test_the_end_of_the_app_ends_who_waits(self):
        app = app_with(talkers.asks_for_ever, cleanup=20)
        app.session.config.shutdown_wait = 0.1
        async with running(app):
            await self.wait_asking(app)
            app.session.shut_down()
        assert Path("cleaned").read_text() == "cleaned up at 1"

    async def test_a_process_that_is_killed_while_it_asks_has_its_question_withdrawn(self):
        app = app_with(talkers.is_killed_while_it_asks, retries=0)
        app.actor(talkers.Sleeper, "sleeper", grace=0.1)
        async with running(app) as run:
            app.session.actor("sleeper").tell(talkers.Release())
            app.session["it"].run()
            with trio.fail_after(20):
                await run.wait_ended()
                while not app.session.dead_letters:
                    await trio.sleep(0.01)
            assert "was killed by signal 9" in records(app, "it")[-1].reason
            assert [(one.message, one.reason) for one in app.session.dead_letters] == [(talkers.Wait(), "withdrawn")]


class TestReferences:
    async def test_actors_are_spawned_from_there(self):
        assert await returned(talkers.spawns) == ("spawned", "spawned/child", 4, 5)

    async def test_what_cannot_be_sent_to_be_spawned_is_an_error(self):
        assert (await returned(talkers.spawns_a_lambda)).startswith(
            "the spawning of actor 'spawned' cannot be sent out of a process task: "
        )

    async def test_a_reference_does_not_lead_to_a_later_actor_of_the_same_name(self):
        outcome, again, is_alive, total, (error, _, _) = await returned(talkers.spawns_and_stops)
        assert outcome == again == Stopped("task 'it'", "enough")
        assert (is_alive, total, error) == (False, 0, "ActorStopped")

    async def test_a_reference_may_be_in_a_message(self):
        assert await returned(talkers.passes_itself_on) == (3, 3)

    async def test_a_reference_may_be_in_an_answer(self):
        assert await returned(talkers.gets_a_reference) == (True, 1)

    async def test_a_reference_may_be_a_parameter_and_be_returned(self):
        app = app_with(talkers.uses)
        async with running(app) as run:
            counter = app.session.actor("counter")
            app.session["it"].run(ref=counter)
            with trio.fail_after(20):
                await run.wait_ended()
            assert app.session.returns["it"] == (7, counter)

    async def test_the_tree_and_the_dead_letters_are_seen_from_there(self):
        app = app_with(talkers.looks)
        async with running(app) as run:
            counter = app.session.actor("counter")
            await counter.stop()
            counter.tell(talkers.Add(1))
            counter.tell(talkers.Note(print))
            counter.tell(talkers.Note(threading.Lock()))
            app.session["it"].run()
            with trio.fail_after(20):
                await run.wait_ended()
            names, letters = app.session.returns["it"]
        assert {"app", "counter"} <= set(names)
        assert [letter.reason for letter in letters] == ["stopped"] * 3
        assert letters[0].message == talkers.Add(1)
        assert letters[2].message.startswith("Note(what=<unlocked _thread.lock object at")
