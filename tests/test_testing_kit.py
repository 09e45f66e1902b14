"""What ``actors.testing`` gives to tests: virtual time, scripts, seeds and probes."""

import subprocess
import sys
import threading
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import trio
from trio._core import _run
from trio.testing import MockClock

import samples
from actors import App, TerminationFlag, cancellation_point, every
from actors.actor import Actor, Message
from actors.errors import ActorExists, ActorFailed, AlreadyRunning, AskTimeout, InvalidOption, InvalidTimeSpan, UnknownTask
from actors.outcomes import Failed, Stopped
from actors.supervision import Restart
from actors.testing import Scripted, run, running
from helpers import MODES
from runtime.testing.seeds import seeded

OUTSIDE = ["thread", "process"]


@dataclass(frozen=True)
class Price(Message[int]):
    of: str


@dataclass(frozen=True)
class Sold(Message[None]):
    what: str
    total: int


@dataclass(frozen=True)
class Sell(Message[None]):
    what: str


class Shop(Actor):
    """Asks another actor for prices, and tells a third of what it sells."""

    def __init__(self, prices, book):
        self.prices, self.book = prices, book

    async def receive(self, message: Sell):
        self.book.tell(Sold(message.what, await self.prices.ask(Price(message.what))))


def is_not_called(flag=TerminationFlag()):
    """Stand for the work of a task that has a script."""
    raise AssertionError


def says_where(n, flag=TerminationFlag()):
    cancellation_point()
    return threading.current_thread(), flag.is_set(), n


async def takes_long():
    await trio.sleep(1000)


def plain():
    """Take no flag."""


def outcome_of(script, execution, *, after=None, **options):
    """Run one task by a script, terminate it after so many seconds if that is said, and return its last record and the end."""
    app = App(log=None)
    app.task(execution=execution, name="it", func=plain, **options)

    async def scenario():
        async with running(app, simulated=script) as world:
            app.session["it"].run()
            if after is not None:
                await world.advance(after)
                app.session["it"].terminate()
            await world.wait_ended()
            ended = await world.shut_down()
        return world.records("it")[-1], ended

    return run(scenario)


def test_a_month_of_an_app_passes():
    app = App(log=None, timezone="Europe/Berlin")
    app.task("daily at 10:00", name="report", func=samples.returns_async)

    async def scenario():
        async with running(app, start=datetime(2026, 3, 1)) as world:
            await world.wait_ended(31, task="report", within="32 days")
        return [datetime.fromtimestamp(record.due, ZoneInfo("Europe/Berlin")) for record in world.records(action="run")]

    assert [(moment.day, moment.hour) for moment in run(scenario)] == [(day, 10) for day in range(1, 32)]


async def test_an_async_test_that_has_a_mock_clock_needs_no_run(app, autojump_clock):
    app.task(every("10 s"), name="it", func=samples.returns_async)
    async with running(app, start=1000.0) as world:
        assert await world.wait_ended(3) == ["success"] * 3
        assert [record.start for record in world.records(action="run")] == [1000.0, 1010.0, 1020.0]


async def test_where_time_is_not_virtual_an_app_is_not_run(app):
    with pytest.raises(RuntimeError, match=r"needs virtual time: call it within run\(scenario\)"):
        async with running(app):
            pass


async def test_where_the_clock_does_not_jump_an_app_is_not_run_either(app, mock_clock):
    with pytest.raises(RuntimeError, match="needs virtual time"):
        async with running(app):
            pass


@pytest.fixture
def mock_clock():
    return MockClock()


def test_what_a_scenario_returns_and_takes_goes_through():
    async def scenario(first, second):
        return first + second

    assert run(scenario, 1, 2) == 3


def test_no_file_is_written_whatever_the_app_says_and_its_log_is_as_before_afterwards():
    app = App(log="runs.jsonl")
    app.task(name="it", func=samples.returns_async)
    before = app.session.get_repo()

    async def scenario():
        async with running(app) as world:
            app.session["it"].run()
            await world.wait_ended()
            assert app.session.get_repo().filter_by().count() == 2
        return world

    assert run(scenario).actions("it") == ["run", "success"]
    assert app.session.get_repo() is before
    assert list(Path().iterdir()) == []


def test_a_log_that_is_named_goes_on_where_it_was():
    app = App(log=None)
    app.task("daily at 10:00", name="it", func=samples.returns_async, misfire="latest")

    async def scenario():
        async with running(app, start=datetime(2026, 3, 1, 9), log="runs.jsonl") as world:
            await world.wait_ended()
        async with running(app, start=datetime(2026, 3, 2, 12), log="runs.jsonl") as world:
            await world.advance("1 minute")
        return world.actions("it")

    assert run(scenario) == ["run", "success"] * 2


def test_each_time_an_app_begins_as_if_it_had_never_run():
    app = App(log=None)
    app.task(name="it", func=samples.returns_async)

    async def scenario():
        async with running(app) as world:
            app.session["it"].run()
            await world.wait_ended()
        assert app.session["it"].status == "success"
        async with running(app) as world:
            return app.session["it"].status, "it" in app.session.returns, world.records()

    assert run(scenario) == (None, False, [])


async def test_an_app_that_runs_already_is_left_alone(app, autojump_clock):
    app.task(name="it", func=samples.returns_async)
    async with running(app) as world:
        app.session["it"].run()
        await world.wait_ended()
        with pytest.raises(AlreadyRunning):
            async with running(app):
                pass
        assert app.session["it"].status == "success"


async def test_the_wall_clock_can_be_set(app, autojump_clock):
    app.task("daily at 10:00", name="it", func=samples.returns_async)
    async with running(app, start=datetime(2026, 3, 1, 9)) as world:
        world.clock.step(3 * 3600)
        await world.advance("1 minute")
        assert world.actions("it") == ["run", "success"]


async def test_what_did_not_happen_in_time_is_told_with_what_did(app, autojump_clock):
    app.task("daily", name="it", func=samples.returns_async)
    async with running(app) as world:
        with pytest.raises(AssertionError, match=r"^1 runs of task 'it' and not 2 have ended within 1 hour: \['success'\]$"):
            await world.wait_ended(2, task="it", within="1 hour")


async def test_an_app_that_does_not_end_by_itself_is_told(app, autojump_clock):
    async with running(app) as world:
        with pytest.raises(AssertionError, match="the app has not ended within 3 hours"):
            await world.wait_over(within="3 hours")


async def test_an_app_that_ends_by_itself_is_waited_for(autojump_clock):
    app = App(log=None, stop_when_idle=True)
    app.task(name="it", on_startup=True, func=samples.returns_async)
    async with running(app, simulated=Scripted("20 minutes")) as world:
        assert (await world.wait_over()).exit_code == 0
        assert world.clock.now() == 1_700_000_000 + 1200


def test_an_error_of_a_scenario_comes_out_as_it_is_and_names_the_seed():
    async def scenario():
        async with running(App(log=None)):
            raise ValueError("no")

    with pytest.raises(ValueError, match="no") as caught:
        run(scenario, seed=17)
    assert caught.value.__notes__ == ["run(..., seed=17) takes the same turns again"]


@pytest.mark.parametrize("execution", MODES)
def test_a_run_follows_its_script(execution):
    record, _ = outcome_of(Scripted(seconds=90, returns=[1, 2]), execution)
    assert (record.action, record.runtime, record.execution) == ("success", 90.0, execution)


def test_what_a_script_returns_is_given_on():
    app = App(log=None)
    app.task(name="fetch", func=is_not_called, execution="process")

    async def scenario():
        async with running(app, simulated={"fetch": Scripted(returns=["page"])}) as world:
            app.session["fetch"].run()
            await world.wait_ended()
            return app.session.returns["fetch"]

    assert run(scenario) == ["page"]


@pytest.mark.parametrize("execution", MODES)
@pytest.mark.parametrize("error", [OSError("no network"), OSError])
def test_a_script_raises(execution, error):
    record, _ = outcome_of(Scripted(raises=error), execution)
    assert record.action == "fail"
    assert record.reason.startswith("OSError")


def test_a_process_dies_by_its_script():
    record, _ = outcome_of(Scripted(seconds=5, dies=True), "process")
    assert (record.action, record.reason) == ("fail", "WorkerDied: the process of task 'it' died, as its script says")
    assert record.runtime == 5


@pytest.mark.parametrize("execution", MODES)
@pytest.mark.parametrize("cleanup", [0, 2])
def test_a_run_ends_once_it_is_asked_to_after_it_has_cleaned_up(execution, cleanup):
    record, ended = outcome_of(Scripted(seconds=60, cleanup=cleanup), execution, after=10)
    assert (record.action, record.runtime, record.reason) == ("terminate", 10 + cleanup, "terminated by the program")
    assert ended.exit_code == 0


@pytest.mark.parametrize("execution", ["async", "process"])
def test_a_run_that_ends_by_its_cancellation_only_gets_the_time_of_each_rung(execution):
    app = App(log=None, grace="3 s")
    app.task(execution=execution, name="it", func=is_not_called)

    async def scenario():
        async with running(app, simulated=Scripted(seconds=60, ends_at="cancel", cleanup=2)) as world:
            app.session["it"].run()
            await world.advance(10)
            app.session["it"].terminate()
            await world.wait_ended()
            return world.records("it")[-1].runtime

    assert run(scenario) == {"async": 15.0, "process": 12.0}[execution]  # a process asks for its flag in its function


@pytest.mark.parametrize(
    ("execution", "runtime", "reason"),
    [
        ("async", 10 + 5 + 0.3, "terminated by the program; stuck: it ignores its cancellation"),
        ("thread", 10 + 5, "abandoned: the thread of task 'it' did not end within 5 s of being asked to"),
        ("process", 10 + 5 + 0.3, "killed: the process of task 'it' did not end within 5.3 s of being asked to"),
    ],
)
def test_a_run_that_ignores_its_end_is_killed_or_given_up(execution, runtime, reason):
    record, ended = outcome_of(Scripted(seconds=3600, ends_at="kill"), execution, after=10)
    assert (record.action, round(record.runtime, 6)) == ("terminate", runtime)
    assert record.reason.endswith(reason)
    assert (ended.stuck, ended.abandoned) == (execution == "async", execution == "thread")


def test_a_thread_without_interrupt_is_not_cancelled():
    assert outcome_of(Scripted(seconds=3600, ends_at="cancel"), "thread", after=10)[1].abandoned == 1
    assert outcome_of(Scripted(seconds=3600, ends_at="cancel"), "thread", after=10, interrupt=True)[1].abandoned == 0


@pytest.mark.parametrize("execution", MODES)
def test_a_run_that_ignores_its_end_and_ends_by_itself_in_time_has_succeeded(execution):
    record, _ = outcome_of(Scripted(seconds=12, ends_at="kill", returns=3), execution, after=10)
    assert (record.action, record.runtime) == ("success", 12.0)


@pytest.mark.parametrize("execution", MODES)
def test_a_timeout_counts_virtual_time(execution):
    record, _ = outcome_of(Scripted(seconds=3600), execution, timeout="1 minute")
    assert (record.action, record.runtime, record.cause) == ("terminate", 60.0, "timeout")


async def test_successive_runs_follow_successive_scripts_the_last_one_goes_on(app, autojump_clock):
    app.task(every("1 hour"), name="it", func=is_not_called, execution="process")
    async with running(app, simulated={"it": [Scripted(), Scripted(raises=OSError), Scripted(dies=True)]}) as world:
        assert await world.wait_ended(4) == ["success", "fail", "fail", "fail"]
        assert [bool(record.reason and "died" in record.reason) for record in world.records()[1::2]] == [False, False, True, True]


async def test_a_further_attempt_is_another_run_of_the_script(app, autojump_clock):
    app.task(name="it", func=is_not_called, execution="thread", retries=2)
    async with running(app, simulated={is_not_called: [Scripted(raises=OSError), Scripted(returns=1)]}) as world:
        app.session["it"].run()
        assert await world.wait_ended() == ["success"]
        assert world.actions("it") == ["run", "retry", "run", "success"]


async def test_a_function_says_what_becomes_of_each_run(app, autojump_clock):
    app.task(every("1 s"), name="odd", func=samples.returns, execution="process")
    app.task(name="other", on_startup=True, func=samples.returns)

    def script(task, number):
        return Scripted(raises=ValueError(f"{task} {number}")) if task == "odd" and number % 2 else None

    async with running(app, simulated=script) as world:
        assert await world.wait_ended(4, task="odd") == ["fail", "success", "fail", "success"]
        assert [record.reason for record in world.records("odd", action="fail")] == ["ValueError: odd 1", "ValueError: odd 3"]
        assert world.actions("other") == ["run", "success"]


@pytest.mark.parametrize("execution", OUTSIDE)
async def test_what_has_no_script_is_called_in_place(app, autojump_clock, execution):
    app.task(execution=execution, name="it", func=says_where)
    async with running(app) as world:
        app.session["it"].run(n=3)
        await world.wait_ended()
        assert app.session.returns["it"] == (threading.current_thread(), False, 3)


@pytest.mark.parametrize("execution", OUTSIDE)
async def test_an_async_function_of_a_thread_or_process_takes_virtual_time(app, autojump_clock, execution):
    app.task(execution=execution, name="it", func=takes_long)
    async with running(app) as world:
        app.session["it"].run()
        await world.wait_ended()
        assert world.records("it")[-1].runtime == 1000


async def test_what_cannot_be_called_in_place_wants_a_script(app, autojump_clock):
    app.task(name="dump", command=["sleep", "1"])
    app.task(name="listen", func=samples.sleeps_on_asyncio)
    async with running(app) as world:
        app.session.run("dump", "listen")
        assert await world.wait_ended(2) == ["fail", "fail"]
        reasons = {record.task_name: record.reason for record in world.records(action="fail")}
    assert "task 'dump' runs a command, which virtual time does not wait for; give it a script" in reasons["dump"]
    assert "task 'listen' runs on an asyncio loop" in reasons["listen"]
    async with running(app, simulated=Scripted(seconds=3)) as world:
        app.session.run("dump", "listen")
        assert await world.wait_ended(2) == ["success", "success"]


async def test_callbacks_and_conditions_of_a_task_are_no_runs_of_it(app, autojump_clock):
    failed = []

    @app.cond()
    def is_free():
        return True

    app.task(every("1 hour") & is_free, name="it", func=is_not_called, execution="process")

    @app.on_fail
    def note(record):
        failed.append(record.reason)

    async with running(app, simulated={"it": [Scripted(raises=OSError("no")), Scripted()]}) as world:
        assert await world.wait_ended(2) == ["fail", "success"]
        assert failed == ["OSError: no"]


@pytest.mark.parametrize(
    ("make", "error", "words"),
    [
        (lambda: Scripted(seconds="soon"), InvalidTimeSpan, "soon"),
        (lambda: Scripted(seconds=float("inf")), InvalidTimeSpan, "it is infinite"),
        (lambda: Scripted(ends_at="never"), InvalidOption, "one of ask, cancel, kill"),
        (lambda: Scripted(raises="no"), InvalidOption, "an exception, or the class of one"),
    ],
)
def test_a_script_that_cannot_be_followed_is_refused(make, error, words):
    with pytest.raises(error, match=words):
        make()


@pytest.mark.parametrize(
    ("simulated", "error", "words"),
    [
        ({"fetsh": Scripted()}, UnknownTask, "Did you mean 'fetch'"),
        ({"fetch": []}, InvalidOption, "several of them, or a function"),
        ({"fetch": 3}, InvalidOption, "several of them, or a function"),
    ],
)
async def test_scripts_that_say_nothing_are_refused(app, autojump_clock, simulated, error, words):
    app.task(name="fetch", func=samples.returns)
    with pytest.raises(error, match=words):
        async with running(app, simulated=simulated):
            pass


async def turns():
    """Return the order in which twelve tasks took three turns each."""
    taken = []

    async def take(name):
        for _ in range(3):
            taken.append(name)
            await trio.lowlevel.checkpoint()

    async with trio.open_nursery() as nursery:
        for name in range(12):
            nursery.start_soon(take, name)
    return tuple(taken)


def test_the_same_seed_takes_the_same_turns_and_others_take_others():
    assert len({run(turns, seed=7) for _ in range(5)}) == 1
    assert len({run(turns, seed=seed) for seed in range(20)}) == 20


def test_without_a_seed_the_turns_are_taken_by_lot():
    assert len({run(turns) for _ in range(20)}) > 1


def test_trio_is_as_before_when_a_seeded_block_is_left():
    before = _run._ALLOW_DETERMINISTIC_SCHEDULING, _run._r.getstate()
    with seeded(3):
        trio.run(turns)
    assert (_run._ALLOW_DETERMINISTIC_SCHEDULING, _run._r.getstate()) == before


def many_tasks():
    """Return what an app of 20 tasks in all modes has on record after some time, its run ids included."""
    app = App(log=None, max_process_count=2)
    for number in range(20):
        app.task(
            every("7 s"), name=f"task {number}", func=samples.returns, execution=MODES[number % 4], multilaunch=number % 2 == 0
        )

    def script(task, number):
        return Scripted(seconds=number % 9, raises=OSError if number % 5 == 0 else None)

    async def scenario(seed):
        async with running(app, simulated=script) as world:
            await world.advance(100)
        return [(record.task_name, record.run_id, record.action, record.created) for record in world.records()]

    return [run(scenario, seed, seed=seed) for seed in (1, 1, 2)]


def test_the_records_of_an_app_follow_from_the_seed_to_the_run_ids():
    first, again, other = many_tasks()
    assert first == again
    assert first != other
    assert sorted(record[::2] for record in first) == sorted(record[::2] for record in other)


def test_what_follows_from_a_seed_is_the_same_in_another_process():
    root = Path(__file__).resolve().parents[1]
    path = [str(root), str(root / "tests")]
    code = f"import sys; sys.path[:0] = {path}; import test_testing_kit as kit; print(kit.many_tasks())"

    def printed(hash_seed):
        command = [sys.executable, "-c", code]
        return subprocess.run(command, capture_output=True, check=True, env={"PYTHONHASHSEED": hash_seed}).stdout

    assert printed("1") == printed("2")


async def test_a_probe_takes_the_part_of_other_actors(app, autojump_clock):
    async with running(app) as world:
        prices, book = await world.probe("prices"), await world.probe("book")
        shop = await world.spawn(Shop, args={"prices": prices.ref, "book": book.ref})
        prices.answers(Price, 30)
        shop.tell(Sell("tea"))
        assert await book.expect(Sold) == Sold("tea", 30)
        assert await prices.expect(Price) == Price("tea")
        assert [node.name for node in world.tree().children if node.kind == "actor"] == ["prices", "book", "Shop"]


async def test_a_probe_answers_when_the_test_does(app, autojump_clock):
    async with running(app) as world:
        prices, book = await world.probe("prices"), await world.probe("book")
        shop = await world.spawn(Shop, args={"prices": prices.ref, "book": book.ref})
        shop.tell(Sell("tea"))
        await prices.expect(Price)
        await book.expect_none(within=3)
        prices.reply(30)
        assert await book.expect(Sold) == Sold("tea", 30)


async def slow(message):
    await trio.sleep(2)
    return len(message.of)


@pytest.mark.parametrize(("answer", "seconds"), [(3, 0), (lambda message: len(message.of), 0), (slow, 2)])
async def test_a_probe_answers_with_a_value_or_what_a_function_says(app, autojump_clock, answer, seconds):
    async with running(app) as world:
        probe = await world.probe()
        probe.answers(Price, answer)
        began = trio.current_time()
        assert await probe.ref.ask(Price("tea")) == 3
        assert trio.current_time() - began == seconds


def refuses(message):
    raise LookupError(message.of)


@pytest.mark.parametrize("answer", [LookupError("tea"), refuses])
async def test_an_exception_is_raised_where_a_probe_was_asked_and_the_probe_goes_on(app, autojump_clock, answer):
    async with running(app) as world:
        probe = await world.probe()
        probe.answers(Price, answer)
        with pytest.raises(LookupError, match="tea"):
            await probe.ref.ask(Price("tea"))
        probe.answers(Price, 3)
        assert await probe.ref.ask(Price("tea")) == 3


async def test_a_probe_that_says_nothing_lets_who_asks_wait(app, autojump_clock):
    async with running(app) as world:
        probe = await world.probe()
        with pytest.raises(AskTimeout):
            await probe.ref.ask(Price("tea"), within=3)


async def test_what_comes_before_what_is_expected_stays_unread_in_its_order(app, autojump_clock):
    async with running(app) as world:
        probe = await world.probe()
        for message in (Sell("tea"), Sold("tea", 3), Sell("milk")):
            probe.ref.tell(message)
        assert await probe.expect(Sold) == Sold("tea", 3)
        assert probe.unread == [Sell("tea"), Sell("milk")]
        assert [await probe.expect(Sell), await probe.expect(Sell)] == [Sell("tea"), Sell("milk")]


async def test_a_message_that_does_not_come_is_told_with_those_that_came(app, autojump_clock):
    async with running(app) as world:
        probe = await world.probe("book")
        with pytest.raises(AssertionError, match=r"^<actor 'book'> got no Sold within 2 seconds; it got nothing else$"):
            await probe.expect(Sold, within=2)
        probe.ref.tell(Sell("tea"))
        with pytest.raises(AssertionError, match=r"got no Sold within 1 second; it got Sell\(what='tea'\)$"):
            await probe.expect(Sold)


async def test_a_message_that_was_not_to_come_is_told_at_once(app, autojump_clock):
    async with running(app) as world:
        probe = await world.probe("book")
        probe.ref.tell(Sell("tea"))
        with pytest.raises(AssertionError, match=r"^<actor 'book'> was to get nothing, and got Sell\(what='tea'\)$"):
            await probe.expect_none(within="1 hour")
        assert trio.current_time() < 1


async def test_nothing_can_be_replied_to_before_something_was_expected(app, autojump_clock):
    async with running(app) as world:
        with pytest.raises(AssertionError, match="no message was expected yet"):
            (await world.probe()).reply(3)


async def test_a_probe_hears_of_the_end_of_another_actor_once(app, autojump_clock):
    async with running(app) as world:
        probe, other = await world.probe(), await world.probe("other")
        await probe.watch(other.ref)
        with pytest.raises(AssertionError, match="got no Down of <actor 'other'> within 1 second"):
            await probe.expect_down(other.ref)
        await other.ref.stop()
        down = await probe.expect_down(other.ref)
        assert (down.ref, down.outcome) == (other.ref, Stopped("the program"))
        await probe.expect_none()


async def test_a_probe_hears_of_an_end_that_came_before_it_watched(app, autojump_clock):
    async with running(app) as world:
        probe = await world.probe()
        shop = await world.spawn(Shop, args={"prices": None, "book": None}, restart=Restart.temporary())
        with pytest.raises(ActorFailed):
            await shop.ask(Sell("tea"))
        assert isinstance((await probe.expect_down(shop)).outcome, Failed)


async def test_a_probe_has_a_name_of_its_own(app, autojump_clock):
    async with running(app) as world:
        await world.probe()
        with pytest.raises(ActorExists):
            await world.probe()


def test_the_waits_before_restarts_follow_from_the_seed():
    def waits(seed):
        async def scenario():
            async with running(App(log=None)) as world:
                shop = await world.spawn(Shop, args={"prices": None, "book": None}, restart=Restart.transient(jitter=1.0))
                shop.tell(Sell("tea"))
                while shop.incarnation < 2 or not shop.is_alive:
                    await world.advance(0.001)
                return trio.current_time()

        return run(scenario, seed=seed)

    assert waits(1) == waits(1)
    assert waits(1) != waits(2)
