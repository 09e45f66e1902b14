"""Large values between the scheduler and workers: they come as they were, and neither they nor their end hold anybody up."""

import os
import signal
import socket
import threading
from types import SimpleNamespace

import pytest
import trio

import samples
from actors import App
from actors.args import Return
from actors.errors import UnportableParameter
from actors.pickled import Pickled
from helpers import actions, records, running
from runtime.runners.worker import Worker
from runtime.worker import parcels
from runtime.worker.parcels import HEAD, LONG, framed, taken, unframed
from runtime.worker.protocol import Returned, frame_of

MUCH = 8 << 20
"""Bytes. More than a socket holds, so that both sides must be at it."""


def app_of(*functions, **options):
    """Make an app of process tasks, each called as its function is."""
    app = App(log=None, max_process_count=1, cleanup=0.3)
    for function in functions:
        app.task(func=function, execution="process", **options)
    return app


def transfers():
    """Return the threads that send or receive a large value."""
    return [thread for thread in threading.enumerate() if thread.name == "callsheet transfer"]


async def wait_transfers(expected):
    """Wait until a transfer goes on, or none does any more."""
    with trio.fail_after(30):
        while bool(transfers()) is not expected:
            await trio.sleep(0.005)


async def assert_works(app, run, task="returns"):
    """Check that a task can run now, and that no thread is left of what was before."""
    await wait_transfers(False)
    count = len(records(app, task))
    app.session[task].run()
    with trio.fail_after(30):
        while len(records(app, task)) < count + 2:
            await trio.sleep(0.005)
    assert actions(app, task)[-1] == "success"


VALUES = {
    "no bytes": b"",
    "nearly large": bytes(LONG - 1000),
    "hardly large": bytes(LONG + 1),
    "bytes": os.urandom(MUCH),
    "bytearray": bytearray(os.urandom(MUCH)),
    "text": "größer als gedacht " * 100_000,
    "nested": {"one": [os.urandom(MUCH), {"two": bytearray(MUCH)}], "small": 1},
    "many small": list(range(500_000)),
    "the same twice": [samples.HasBuffer(bytes(LONG))] * 2,
    "a buffer": samples.HasBuffer(os.urandom(MUCH)),
    "a buffer that can be changed": samples.HasBuffer(bytearray(MUCH)),
}


async def test_values_of_all_sizes_go_there_and_back_as_they_are():
    app = app_of(samples.returns_it)
    async with running(app) as run:
        for count, (name, value) in enumerate(VALUES.items(), 1):
            app.session["returns_it"].run(x=value)
            await run.wait_ended(count)
            returned = app.session.returns["returns_it"]
            assert type(returned) is type(value), name
            assert returned == value, name
    assert set(actions(app)) == {"run", "success"}


async def test_several_large_parameters_come_each_under_its_name():
    app = app_of(samples.joined)
    a, b = "a" * MUCH, "b" * MUCH
    async with running(app) as run:
        app.session["joined"].run(a=a, b=b)
        await run.wait_ended()
    assert app.session.returns["joined"] == f"{a} {b}"


async def test_a_large_value_is_loaded_in_a_thread_and_a_small_one_on_the_loop():
    app = app_of(samples.returns_its_place_in_front_of)
    async with running(app) as run:
        for count, size in enumerate((0, MUCH), 1):
            app.session["returns_its_place_in_front_of"].run(much=bytes(size))
            await run.wait_ended(count)
            place, _ = app.session.returns["returns_its_place_in_front_of"]
            assert (place == threading.get_ident()) is (size == 0)


async def test_200_mb_pass_both_ways_while_others_get_their_turns():
    app = app_of(samples.returns_much)
    app.task(func=samples.measures, name="measures", execution="process", parameters={"blob": Return("returns_much")})
    turns = {False: 0, True: 0}  # {whether a transfer went on: how many}

    async def tick():
        while True:
            await trio.sleep(0.001)
            turns[bool(transfers())] += 1

    async with running(app) as run, trio.open_nursery() as nursery:
        nursery.start_soon(tick)
        app.session["returns_much"].run(megabytes=200)
        await run.wait_ended()
        there, turns[True] = turns[True], 0
        app.session["measures"].run()
        await run.wait_ended(2)
        back = turns[True]
        nursery.cancel_scope.cancel()
    assert app.session.returns["measures"] == ("bytes", 200 << 20)
    assert there >= 10
    assert back >= 10


async def test_a_task_in_a_process_passes_a_large_value_on_and_reads_one():
    app = app_of(samples.sends_on, samples.reads_a_return_value)
    app.task(func=samples.returns, name="collect", execution="async")
    app.task(func=samples.returns, name="other", execution="async")
    value = os.urandom(MUCH)
    async with running(app) as run:
        app.session["sends_on"].run(argument=value)
        await run.wait_ended(2)
        assert app.session.returns["collect"] == value
        app.session["other"].run(value=value)
        await run.wait_ended(3)
        app.session["reads_a_return_value"].run()
        await run.wait_ended(4)
    assert app.session.returns["reads_a_return_value"] == value


async def test_a_large_parameter_that_cannot_be_sent_is_refused_at_once():
    app = app_of(samples.returns)
    with pytest.raises(UnportableParameter, match="value"):
        app.session["returns"].run(value=[bytes(MUCH), lambda: None])


def test_pickling_does_not_copy_what_is_large():
    value, changeable = bytes(MUCH), bytearray(MUCH)
    pieces = Pickled({"value": value, "nested": [samples.HasBuffer(changeable)]})
    assert any(piece is value for piece in pieces)
    assert any(isinstance(piece, memoryview) and piece.obj is changeable for piece in pieces)


async def test_a_large_parameter_that_cannot_be_loaded_is_a_fail_and_its_worker_goes_on():
    app = app_of(samples.returns, samples.process_group)
    async with running(app) as run:
        app.session["process_group"].run()
        await run.wait_ended()
        before = app.session.returns["process_group"]
        app.session["returns"].run(value=[samples.CannotBeLoaded(), bytes(MUCH)])
        await run.wait_ended(2)
        assert "parameter 'value' of task 'returns' cannot be sent to a process" in records(app, "returns")[-1].reason
        await assert_works(app, run, "process_group")
    assert app.session.returns["process_group"] == before


async def test_a_large_value_that_cannot_be_loaded_is_a_fail_and_its_worker_goes_on():
    app = app_of(samples.returns_what_cannot_be_loaded_in_front_of_much, samples.process_group)
    async with running(app) as run:
        app.session["process_group"].run()
        await run.wait_ended()
        before = app.session.returns["process_group"]
        app.session["returns_what_cannot_be_loaded_in_front_of_much"].run()
        await run.wait_ended(2)
        assert actions(app)[-1] == "fail"
        await assert_works(app, run, "process_group")
    assert app.session.returns["process_group"] == before


async def test_a_worker_that_is_killed_while_its_value_comes_has_died():
    app = app_of(samples.returns_a_signal_in_front_of_much, samples.returns)
    async with running(app) as run:
        app.session["returns_a_signal_in_front_of_much"].run(number=signal.SIGKILL)
        await run.wait_ended()
        assert "was killed by signal 9" in records(app)[-1].reason
        await assert_works(app, run)


async def test_a_worker_that_is_killed_while_it_gets_a_parameter_has_died():
    app = app_of(samples.returns)
    async with running(app) as run:
        app.session["returns"].run(value=[samples.KillsWhoLoadsIt(), bytes(MUCH)])
        await run.wait_ended()
        assert "was killed by signal 9" in records(app)[-1].reason
        await assert_works(app, run)


async def test_a_run_is_terminated_while_its_value_comes():
    app = app_of(samples.returns_a_signal_in_front_of_much, samples.returns)
    async with running(app) as run:
        app.session["returns_a_signal_in_front_of_much"].run(number=signal.SIGSTOP)
        await wait_transfers(True)
        app.session["returns_a_signal_in_front_of_much"].terminate()
        await run.wait_ended()
        assert actions(app) == ["run", "terminate"]
        await assert_works(app, run)


async def test_a_run_is_terminated_while_it_gets_a_parameter():
    app = app_of(samples.returns)
    async with running(app) as run:
        app.session["returns"].run(value=[samples.StopsWhoLoadsIt(), bytes(MUCH)])
        await wait_transfers(True)
        app.session["returns"].terminate()
        await run.wait_ended()
        assert actions(app) == ["run", "terminate"]
        await assert_works(app, run)


async def test_runs_with_large_values_that_are_terminated_at_any_moment_leave_nothing_behind():
    """The fixture that looks for children and file descriptors after each test does the rest of the asserting."""
    app = app_of(samples.returns_it)
    async with running(app):
        for number in range(15):
            app.session["returns_it"].run(x=bytes(4 * MUCH))
            await trio.sleep(number * 0.005)
            app.session["returns_it"].terminate()
        with trio.fail_after(30):
            while app.session["returns_it"].is_running:
                await trio.sleep(0.01)
        await wait_transfers(False)


async def test_what_a_command_writes_much_of_is_returned():
    app = App(log=None)
    app.task(command=f"head -c {MUCH} /dev/zero", name="it")
    async with running(app) as run:
        app.session["it"].run()
        await run.wait_ended()
    assert app.session.returns["it"] == bytes(MUCH)


@pytest.mark.parametrize("begun", [HEAD, HEAD + 1, 2 * HEAD, 1000, 100_000])
def test_a_long_frame_is_received_whatever_of_it_has_come_already(begun):
    values = [bytes(LONG), "small", [bytearray(b"x" * LONG), 5]]
    frame = framed("message", *map(Pickled, values))
    data = b"".join(frame)
    ours, its = socket.socketpair()
    with ours, its:
        sender = threading.Thread(target=its.sendall, args=(data[begun:],))
        sender.start()
        message, received = parcels.receive(ours, bytearray(data[:begun]))
        sender.join()
    assert [message, *(parcel.open() for parcel in received)] == ["message", *values]


def test_a_short_frame_is_one_piece():
    (frame,) = framed("message", Pickled(b"value"))
    message, (value,) = unframed(frame)
    assert (message, value.open()) == ("message", b"value")


def test_frames_that_come_together_are_taken_apart():
    received = bytearray(b"".join([*framed("one", Pickled(1)), *framed("two")]))
    (one, (value,)), (two, none) = unframed(taken(received)), unframed(taken(received))
    assert (one, value.open(), two, none, received) == ("one", 1, "two", [], b"")


def test_a_frame_of_one_byte_too_many_is_long():
    (frame,) = framed("message", Pickled(bytes(LONG // 2)))
    most = LONG - (len(frame) - HEAD - LONG // 2)
    assert [len(framed("message", Pickled(bytes(size)))) > 1 for size in (most, most + 1)] == [False, True]


def test_a_long_frame_that_ends_too_early_says_so():
    data = b"".join(framed("message", Pickled([bytes(LONG)])))
    ours, its = socket.socketpair()
    with ours:
        with its:
            its.sendall(data[HEAD:100_000])
        with pytest.raises(EOFError):
            parcels.receive(ours, bytearray(data[:HEAD]))


def test_what_cannot_be_loaded_spoils_only_itself():
    (frame,) = framed("message", Pickled(samples.CannotBeLoaded()), Pickled(1))
    message, (broken, value) = unframed(frame)
    with pytest.raises(ValueError, match="no number"):
        broken.open()
    assert (message, value.open()) == ("message", 1)


async def test_what_has_come_of_a_long_frame_stays_if_the_wait_for_the_connection_is_cancelled():
    """As where a run is ended in the very turn in which its value begins to come: its last word is waited for then."""
    connection, others = socket.socketpair()
    connection.setblocking(False)
    streams = [os.open(os.devnull, os.O_RDONLY) for _ in range(3)]
    worker = Worker(SimpleNamespace(pid=os.getpid()), connection, -1, *streams)
    sender = threading.Thread(target=parcels.send, args=(others, frame_of(Returned(), Pickled(b"x" * MUCH))))
    sender.start()
    try:
        async with worker._sending:
            with trio.fail_after(10):
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(worker._receive)
                    while not worker._sending.statistics().tasks_waiting:
                        await trio.sleep(0)
                    nursery.cancel_scope.cancel()
        with trio.fail_after(30):
            message, values = await worker._receive()
    finally:
        connection.close()
        sender.join()
        others.close()
        for stream in streams:
            os.close(stream)
    assert message == Returned()
    assert [len(value.open()) for value in values] == [MUCH]
