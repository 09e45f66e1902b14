"""What a function outside of trio has asked for comes before its end, and however many there are, each one's end is heard of."""

import contextvars
import os
import threading

import pytest
import trio

from actors import App
from actors.progress import progress
from helpers import actions, records, running
from runtime.in_trio import door_of_trio, in_trio
from runtime.left_behind import LeftBehind
from runtime.runners import bells
from runtime.runners.bells import Bells
from runtime.runners.outside import Answer, Outside, Place
from runtime.stopping import Patience
from test_runner_contract import call

KNOWN = contextvars.ContextVar("known", default=None)


def in_a_thread(work):
    """Do something in a thread, and wait for that."""
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()


async def outcome_of(begin, some_bells):
    """Return the answer of a function elsewhere, which is begun so."""
    place = Place("thread", begin, lambda: False, lambda: False, str)
    return await Outside(place, call("thread", None), Patience(), LeftBehind(), some_bells).answer()


async def heard_last(begin, some_bells, deliver):
    """Return what is heard of a function elsewhere, of which nothing is heard before `deliver` is called."""

    async def waits():
        answers.append(await outcome_of(begin, some_bells))

    answers = []
    async with trio.open_nursery() as nursery:
        nursery.start_soon(waits)
        await trio.testing.wait_all_tasks_blocked()
        assert answers == []
        deliver()
    return answers


@pytest.fixture(params=["a descriptor", "no descriptor is to be used", "no descriptor is left"])
def way(request, monkeypatch):
    """Each way in which a bell is rung."""
    if request.param == "no descriptor is to be used":
        monkeypatch.setattr(bells, "MOST", 0)
    elif request.param == "no descriptor is left":

        def refuse(*_):
            raise OSError(24, "Too many open files")

        monkeypatch.setattr(os, "eventfd", refuse)
        monkeypatch.setattr(os, "pipe", refuse)


@pytest.mark.usefixtures("way")
class TestOrder:
    async def test_all_that_it_has_asked_for_is_done_when_its_answer_is_there(self):
        some_bells, done = Bells(), []
        do = in_trio()
        for number in range(20):  # in which order trio takes two that can go on is left to chance

            def begin(deliver, number=number):
                def work():
                    for step in range(3):
                        do(lambda step=step: done.append((number, step)))
                    deliver(Answer(number))

                in_a_thread(work)

            assert await outcome_of(begin, some_bells) == number
            assert done[-3:] == [(number, step) for step in range(3)]
        await trio.testing.wait_all_tasks_blocked()
        assert len(done) == 60
        some_bells.close()

    async def test_its_progress_is_told_before_its_end(self, caplog):
        caplog.set_level("INFO", "callsheet.task")
        app = App(log=None)
        app.task(func=lambda: progress(1), name="it", execution="thread")
        async with running(app) as run:
            for count in range(1, 21):
                app.session["it"].run()
                await run.wait_ended(count)
        told = [record.getMessage().split(": ")[-1] for record in caplog.records]
        assert told == ["run", "1", "success"] * 20

    async def test_many_at_once_are_all_heard_of(self):
        app = App(log=None, execution="thread", max_thread_count=100)
        together = threading.Barrier(100)
        app.task(func=lambda: together.wait(30), name="it", multilaunch=True)
        async with running(app) as run:
            app.session.run(*["it"] * 100)
            await run.wait_ended(100)
        assert actions(app, "it").count("success") == 100


async def test_what_is_done_early_is_not_known_as_the_function_of_the_task_that_does_it():
    seen, some_bells, do = [], Bells(), in_trio()

    def begin(deliver):
        in_a_thread(lambda: (do(lambda: seen.append(KNOWN.get())), deliver(Answer())))

    async def lives():
        KNOWN.set("a run")
        await outcome_of(begin, some_bells)

    for _ in range(20):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(lives)
    assert seen == [None] * 20
    some_bells.close()


async def test_steps_keep_their_place_among_what_others_ask_of_trio():
    done, token, door = [], trio.lowlevel.current_trio_token(), door_of_trio()
    door.post(lambda: done.append(1))
    token.run_sync_soon(done.append, 2)
    door.post(lambda: done.append(3))
    await trio.testing.wait_all_tasks_blocked()
    assert done == [1, 2, 3]


class TestAtTheEndOfTrio:
    """Two threads ask at a time, and only the one that has asked later is in time."""

    @staticmethod
    def door_that_closes(later):
        """Return a door at which the first that asks is refused, once `later` was asked for."""
        door, token = door_of_trio(), trio.lowlevel.current_trio_token()

        class Closing:
            def run_sync_soon(self, function, *args):
                door._token = token
                door.post(later)
                self.before_it_is_refused()
                raise trio.RunFinishedError

            def before_it_is_refused(self):
                pass

        door._token = Closing()
        return door

    async def test_what_trio_has_taken_is_done_although_what_was_asked_before_is_refused(self):
        done = []
        door = self.door_that_closes(lambda: done.append("taken"))
        with pytest.raises(trio.RunFinishedError):
            door.post(lambda: done.append("refused"))
        await trio.testing.wait_all_tasks_blocked()
        assert done == ["taken"]

    async def test_what_was_done_is_not_refused(self):
        done = []
        door = self.door_that_closes(lambda: done.append(2))
        door._token.before_it_is_refused = door.clear
        door.post(lambda: done.append(1))
        await trio.testing.wait_all_tasks_blocked()
        assert done == [1, 2]


async def test_a_function_whose_answer_was_told_by_a_child_that_it_forked_is_waited_for():
    """A child that returns instead of ending rings the bell, which it has inherited: that is no answer."""
    some_bells = Bells()

    def begin(deliver):
        if (child := os.fork()) == 0:
            deliver(Answer("the child's"))
            os._exit(0)
        os.waitpid(child, 0)
        delivering.append(deliver)

    delivering = []
    assert await heard_last(begin, some_bells, lambda: delivering[0](Answer("its own"))) == ["its own"]
    some_bells.close()


async def test_a_function_that_is_given_up_rings_for_nobody_else():
    """The next one that has its bell waits for its own answer."""
    some_bells, patience, delivering = Bells(), Patience(), []
    place = Place("thread", delivering.append, lambda: False, lambda: False, str)
    with trio.CancelScope() as scope:
        scope.cancel()
        with pytest.raises(Exception, match="abandoned"):
            await Outside(place, call("thread", None, grace=0.0), patience, LeftBehind(), some_bells).answer()

    def begin(deliver):
        delivering[0](Answer("late"))
        delivering.append(deliver)

    assert await heard_last(begin, some_bells, lambda: delivering[1](Answer("mine"))) == ["mine"]
    some_bells.close()


async def test_descriptors_are_used_again_and_closed_with_the_runner():
    some_bells = Bells()
    for _ in range(3):
        await outcome_of(lambda deliver: deliver(Answer()), some_bells)
    assert some_bells._left == bells.MOST - 1
    some_bells.close()
    assert some_bells._left == bells.MOST


async def test_a_thread_has_the_name_of_its_task_while_it_runs_it():
    names = []
    app = App(log=None)
    app.task(func=lambda: names.append(threading.current_thread().name), name="it", execution="thread")
    async with running(app) as run:
        app.session["it"].run()
        await run.wait_ended()
    assert names == ["callsheet it"]
    assert not [thread for thread in threading.enumerate() if thread.name == "callsheet it"]
    assert records(app, "it")[-1].action == "success"
