"""Tasks that talk to actors, from wherever they run. On the real clock, as threads are."""

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial

import pytest
import trio

from actors import App
from actors.args import Ref
from actors.errors import (
    ActorFailed,
    ActorStopped,
    AskTimeout,
    DeadlockError,
    MailboxFull,
    NotRunning,
    UnexpectedMessage,
)
from askers import busy, wait_dead, wait_waiting
from helpers import actions, running
from troupe import AT_ONCE, Diary, Do, Echo, Fail, Player, Recall, Remember, Sleep, WhoAmI, declare, player, settled


@pytest.fixture
def app():
    app = App(log=None, grace=0.2, cleanup=2)
    declare(app, player(Diary(), "a"))
    return app


async def result(app, function, **options):
    """Run a function as a task, and return what it returned."""
    app.task(func=function, name="it", **options)
    async with running(app) as run:
        app.session["it"].run()
        await run.wait_ended()
        assert actions(app, "it") == ["run", "success"]
        return app.session.returns["it"]


async def asks_on_trio(a=Ref("a")):
    await trio.sleep(0)
    a.tell(Remember(1))
    await a.send(Remember(2))
    return await a.ask(Recall()), await a.ask(WhoAmI())


async def asks_on_asyncio(a=Ref("a")):
    await asyncio.sleep(0)
    a.tell(Remember(1))
    await a.send(Remember(2))
    return await a.ask(Recall()), await a.ask(WhoAmI())


def asks_in_a_thread(a=Ref("a")):
    a.tell(Remember(1))
    a.send_sync(Remember(2))
    return a.ask_sync(Recall()), a.ask_sync(WhoAmI())


async def wait_for(event):
    """Wait until another thread has set an event."""
    with trio.fail_after(20):
        while not event.is_set():
            await trio.sleep(0.005)


class TestEverywhere:
    @pytest.mark.parametrize(
        ("function", "options"),
        [
            (asks_on_trio, {"execution": "async"}),
            (asks_on_trio, {"execution": "main"}),
            (asks_on_asyncio, {"execution": "async"}),
            (asks_on_asyncio, {"execution": "main"}),
            (asks_in_a_thread, {"execution": "thread"}),
        ],
        ids=lambda value: value.__name__ if callable(value) else value["execution"],
    )
    async def test_they_tell_and_send_and_ask_in_this_order(self, app, function, options):
        assert await result(app, function, **options) == ([1, 2], ("a", 1))

    async def test_a_task_that_nothing_runs_beside_does_not_keep_actors_from_their_messages(self, app):
        async def asks(a=Ref("a")):
            await a.ask(Sleep(0.01))
            return await a.ask(WhoAmI())

        assert await result(app, asks, execution="main") == ("a", 1)

    async def test_an_actor_that_is_not_there_fails_the_run(self, app):
        app.task(func=asks_on_trio, name="it", parameters={"a": Ref("b")})
        async with running(app) as run:
            app.session["it"].run()
            await run.wait_ended()
        assert actions(app, "it") == ["run", "fail"]


class TestErrors:
    """What an actor is asked in vain is raised where it is asked."""

    def told(self, asks):
        """Return what `asks` raises, and what that was caused by."""
        try:
            asks()
        except Exception as exc:
            return type(exc), exc.__cause__
        return None

    async def test_in_a_thread(self, app):
        declare(app, player(Diary(), "ended"))
        error = ValueError("no")

        def asks(a=Ref("a"), ended=Ref("ended")):
            return [
                self.told(lambda: a.ask_sync(Fail(error))),
                self.told(lambda: a.ask_sync(Sleep(60), within=0.05)),
                self.told(lambda: ended.ask_sync(Echo())),
                self.told(lambda: ended.send_sync(Echo())),
                self.told(lambda: a.ask_sync(object())),
            ]

        app.task(func=asks, name="it", execution="thread")
        async with running(app) as run:
            await app.session.actor("ended").stop()
            app.session["it"].run()
            assert await run.wait_ended() == ["success"]
        found = app.session.returns["it"]
        assert [kind for kind, _ in found] == [ActorFailed, AskTimeout, ActorStopped, ActorStopped, UnexpectedMessage]
        assert found[0][1] is error

    async def test_on_asyncio(self, app):
        error = ValueError("no")

        async def told(awaitable):
            try:
                await awaitable
            except Exception as exc:
                return type(exc), exc.__cause__

        async def asks(a=Ref("a")):
            await asyncio.sleep(0)
            return [
                await told(a.ask(Fail(error))),
                await told(a.ask(Sleep(60), within=0.05)),
                await told(a.ask(object())),
            ]

        found = await result(app, asks)
        assert [kind for kind, _ in found] == [ActorFailed, AskTimeout, UnexpectedMessage]
        assert found[0][1] is error

    async def test_a_thread_that_finds_no_room_waits_for_it(self, app):
        refused = threading.Event()

        def sends(small=Ref("small")):
            try:
                small.send_sync(Remember("first"), within=0.02)
            except MailboxFull:
                refused.set()
            small.send_sync(Remember("second"))
            return small.ask_sync(Recall())

        declare(app, player(Diary(), "small", capacity=1))
        app.task(func=sends, name="it", execution="thread")
        async with running(app) as run:
            small = app.session.actor("small")
            async with busy(small):
                small.tell(Remember("zeroth"))
                app.session["it"].run()
                await wait_for(refused)
            await run.wait_ended()
        assert app.session.returns["it"] == ["zeroth", "second"]


class TestTermination:
    """A run that waits for an actor when it is to end."""

    async def test_a_thread_that_waits_for_an_answer_ends_at_once_and_takes_the_question_back(self, app):
        def asks(a=Ref("a")):
            a.ask_sync(Echo("never"), within=60)

        app.task(func=asks, name="it", execution="thread", grace=30)
        async with running(app) as run, busy(app.session.actor("a")):
            app.session["it"].run()
            with trio.fail_after(20):
                await wait_waiting(app, "a")
                app.session["it"].terminate()
                assert await run.wait_ended() == ["terminate"]
                assert await wait_dead(app) == [("a", Echo("never"), "withdrawn")]

    async def test_so_does_one_that_waits_for_room_and_has_sent_nothing(self, app):
        waits = threading.Event()

        def sends(small=Ref("small")):
            waits.set()
            small.send_sync(Remember("never"), within=60)

        declare(app, player(Diary(), "small", capacity=1))
        app.task(func=sends, name="it", execution="thread", grace=30)
        async with running(app) as run:
            small = app.session.actor("small")
            with trio.fail_after(20):
                async with busy(small):
                    small.tell(Remember("first"))
                    app.session["it"].run()
                    await wait_for(waits)
                    await trio.sleep(0.05)  # or so, in which it begins to wait; the test passes if it has not
                    app.session["it"].terminate()
                    assert await run.wait_ended() == ["terminate"]
                await settled()
                assert await small.ask(Recall()) == ["first"]

    @pytest.mark.parametrize("backend", ["trio", "asyncio"])
    async def test_an_async_function_that_waits_is_cancelled_and_takes_its_question_back(self, app, backend):
        async def asks(a=Ref("a")):
            await a.ask(Echo("never"), within=60)

        app.task(func=asks, name="it", backend=backend)
        async with running(app) as run, busy(app.session.actor("a")):
            app.session["it"].run()
            with trio.fail_after(20):
                await wait_waiting(app, "a")
                app.session["it"].terminate()
                assert await run.wait_ended() == ["terminate"]
                assert await wait_dead(app) == [("a", Echo("never"), "withdrawn")]

    async def test_a_timeout_of_asyncio_takes_a_question_back_too(self, app):
        async def asks(a=Ref("a")):
            try:
                await asyncio.wait_for(a.ask(Echo("never"), within=60), 0.05)
            except TimeoutError as exc:
                return type(exc)

        app.task(func=asks, name="it")
        async with running(app) as run, busy(app.session.actor("a")):
            app.session["it"].run()
            with trio.fail_after(20):
                assert await run.wait_ended() == ["success"]
                assert await wait_dead(app) == [("a", Echo("never"), "withdrawn")]
        assert app.session.returns["it"] is TimeoutError


class TestMore:
    async def test_asyncio_may_stop_and_start_and_spawn(self, app):
        async def plays(a=Ref("a")):
            await asyncio.sleep(0)
            outcome = await a.stop("enough")
            await a.start()
            await a.wait_ready()
            child = await a.spawn(Player, "child", {"diary": Diary()})
            return outcome.reason, await a.ask(WhoAmI()), await child.ask(WhoAmI())

        assert await result(app, plays) == ("enough", ("a", 2), ("a/child", 1))

    async def test_a_thread_in_which_a_handler_waits_may_not_ask_the_same_actor(self, app):
        async def asks_itself_in_a_thread(actor):
            try:
                return await trio.to_thread.run_sync(actor.ctx.ref.ask_sync, Echo())
            except DeadlockError as exc:
                return exc.cycle

        async with running(app):
            assert await app.session.actor("a").ask(Do(asks_itself_in_a_thread), within=30) == ("a", "a")

    async def test_a_thread_of_nobody_may_ask(self, app):
        answers = []
        async with running(app):
            ref = app.session.actor("a")
            thread = threading.Thread(target=lambda: answers.append(ref.ask_sync(Echo("answer"))))
            thread.start()
            await trio.to_thread.run_sync(thread.join)
        assert answers == ["answer"]

    async def test_a_thread_that_asks_while_the_actor_stops_is_answered_or_refused(self, app):
        outcomes = []

        def asks(ref):
            while not outcomes or outcomes[-1] == "answered":
                try:
                    ref.ask_sync(Echo(), within=30)
                    outcomes.append("answered")
                except ActorStopped:
                    outcomes.append("refused")

        async with running(app):
            for _ in range(20):
                outcomes.clear()
                ref = await app.session.spawn(Player, "short", {"diary": Diary()}, restart=AT_ONCE)
                with trio.fail_after(20):
                    async with trio.open_nursery() as nursery:
                        nursery.start_soon(trio.to_thread.run_sync, asks, ref)
                        await trio.sleep(0.005)
                        await ref.stop()
                assert outcomes[-1] == "refused"

    async def test_who_asks_when_the_app_ends_is_refused(self, app):
        errors, asked = [], threading.Event()

        def asks(ref):
            asked.set()
            try:
                ref.ask_sync(Sleep(60), within=60)
            except Exception as exc:
                errors.append(type(exc))

        async with running(app):
            thread = threading.Thread(target=asks, args=(app.session.actor("a"),))
            thread.start()
            await trio.to_thread.run_sync(asked.wait)
            while app.session.tree()["a"].current is None:
                await trio.sleep(0.005)
            await app.session.actor("a").stop(drain="none")
        thread.join(20)
        assert errors == [ActorStopped]

    async def test_a_thread_that_asks_after_the_end_of_the_app_is_told_of_that(self, app):
        async with running(app):
            ref = app.session.actor("a")
        with pytest.raises(NotRunning):
            await trio.to_thread.run_sync(ref.ask_sync, Echo())

    async def test_a_thread_that_asks_where_there_is_no_room_waits_for_it_if_questions_do(self, app):
        answers = []
        declare(app, player(Diary(), "small", capacity=1, overflow="block"))
        async with running(app):
            small = app.session.actor("small")
            async with busy(small):
                small.tell(Remember("first"))
                thread = threading.Thread(target=lambda: answers.append(small.ask_sync(Recall())))
                thread.start()
                await trio.sleep(0.05)  # or so, in which it begins to wait; the test passes if it has not
                assert (answers, app.session.tree()["small"].waiting) == ([], 1)
            await trio.to_thread.run_sync(thread.join)
        assert answers == [["first"]]

    @pytest.mark.parametrize("within", [30, 0.05])
    async def test_a_handler_whose_thread_has_asked_waits_for_nobody_any_more(self, app, within):
        async def asks_in_a_thread(actor):
            with suppress(AskTimeout):
                await trio.to_thread.run_sync(partial(other.ask_sync, Sleep(0.2), within=within))
            return await other.ask(Do(asks_back), within=30)

        async def asks_back(actor):
            try:
                return await a.ask(Echo("never"))
            except DeadlockError as exc:
                return exc.cycle

        declare(app, player(Diary(), "other"))
        async with running(app):
            a, other = app.session.actor("a"), app.session.actor("other")
            assert await a.ask(Do(asks_in_a_thread), within=30) == ("other", "a", "other")
            assert [ref.cell.life.waits or [] for ref in (a, other)] == [[], []]

    def test_asking_after_the_end_of_the_loop_is_refused(self, app):
        refs = []

        async def main():
            async with running(app):
                refs.append(app.session.actor("a"))

        trio.run(main)
        with ThreadPoolExecutor(1) as threads, pytest.raises(NotRunning):
            threads.submit(refs[0].ask_sync, Echo(), within=60).result(20)
