"""The public API as a type checker sees it. Checked, never run: see .ci/run."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Literal, assert_type

from actors import (
    Actor,
    ActorRef,
    ActorSpec,
    App,
    Argument,
    Completed,
    Down,
    Failed,
    Flag,
    Group,
    Message,
    MinimalRunRecord,
    Outcome,
    Ref,
    Restart,
    Retry,
    Session,
    Supervisor,
    Task,
    TaskRunRecord,
    TaskStats,
    TerminationFlag,
    after_success,
    always,
    args,
    between,
    cron,
    daily,
    every,
    handler,
    in_,
    limit,
    one_for_all,
    progress,
    rate,
    rest_for_one,
)
from actors.conds import Condition, Custom, running
from actors.config import Config, Overlap
from actors.nodes import DeadLetter, Node
from actors.progress import Progress
from runtime import Ended

app = App(execution="thread", log=None, timeout="5 minutes")


@app.task("every 10 seconds", execution="process", timeout=timedelta(minutes=5))
def add(a: int, b: int = 1) -> int:
    return a + b


assert_type(add(1), int)
add("1")  # type: ignore[arg-type]  # the decorator keeps what the function takes


@app.task(every("1 hour") & always, name="other", multilaunch=True, priority=3)
async def fetch() -> bytes:
    return b""


@app.task(exection="process")  # type: ignore[call-overload, untyped-decorator]  # an option that is misspelled
def misspelled() -> None: ...


@app.task(daily.at("10:00") & after_success(fetch) & (running("other") < 2), overlap="queue_one", misfire="all", jitter=30)
def report() -> None: ...


@app.task(retries=Retry(5, base=timedelta(seconds=1), on=(OSError, ValueError)))
def flaky() -> None:
    raise Retry(after="10 s")


assert_type(app.session["flaky"].retries, Retry)


@app.task(on_orphan="rerun", max_rescues=3)
def rescued() -> None: ...


app.task(on_orphan="restart", func=rescued)  # type: ignore[call-overload]  # a value that there is not
assert_type(app.session["rescued"].on_orphan, Literal["mark", "rerun"])
assert_type(app.session["rescued"].max_rescues, int)
App(on_orphan="rerun", max_rescues=2)


@app.task(limits=[limit("db", 2), rate("api", 20, per="1 minute", key=lambda params: str(params["host"]))])
def limited() -> None: ...


app.session["limited"].limits = limit("db", 3)
app.session["limited"].limits = None  # type: ignore[assignment]  # no limit is ()
limit("db", "2")  # type: ignore[arg-type]  # no number
assert_type(app.session["limited"].waits_for, str | None)


@app.task(execution="process", memory="500 MB", cpu_time=timedelta(minutes=1), nice=5, fresh=True, max_runs_per_worker=100)
def confined() -> None: ...


assert_type(app.session["confined"].memory, int | None)
app.session["confined"].memory = 1 << 30
app.session["confined"].memory = 1.5  # type: ignore[assignment]  # no size


@app.task(execution="main", overlap="quew")  # type: ignore[call-overload, untyped-decorator]  # none of the five
def overlapping() -> None: ...


@app.cond(poll="10 seconds")
def is_free(disk: str = "/") -> bool:
    return disk == "/"


assert_type(is_free, Custom)
assert_type(~is_free(disk="/var") | cron("0 2 * * *"), Condition)
assert_type(app.session["other"].overlap, Overlap | None)


def plain(flag: object = TerminationFlag()) -> str:
    return "plain"


assert_type(app.task(func=plain)(), str)

assert_type(app.task("every 1 hour", command=["pg_dump", Path("db")], cwd=Path("/srv"), env={"LANG": None}), Task)
assert_type(app.task(command="pg_dump db | gzip > db.gz", name="dump", shell=True, argform="long"), Task)
app.task(command=["pg_dump", 5])  # type: ignore[list-item]  # no text
app.task(func=plain, command="pg_dump")  # type: ignore[call-overload]  # a function or a command

task = app.session["add"]
assert_type(task, Task)
assert_type(app.session[add], Task)
assert_type(task.timeout, float)
assert_type(task.start_cond, Condition)
assert_type(task.execution, str)
task.timeout = "5 minutes"
task.timeout = 300
task.timeout = None
task.start_cond = "every 5 seconds"
task.timeout = ["5 minutes"]  # type: ignore[assignment]  # no length of time

app.session.config.timeout = timedelta(minutes=1)
assert_type(app.session.config.timeout, float)


@app.task(execution="thread")
def watch(flag: Flag = TerminationFlag(), session: Session = args.Session()) -> None:
    while not flag.wait(0.1):
        session["add"].run(a=1)


app.task(execution="main", capture_output=False)(add)
App(capture_output=False).session.config.capture_output = True
App(capture_output="no")  # type: ignore[arg-type]  # not True or False
App(exection="async")  # type: ignore[call-arg]  # a setting that is misspelled
App(execution="proces")  # type: ignore[arg-type]  # a mode that there is not

app.session.get_repo().model = MinimalRunRecord
assert_type(app.session.get_repo().filter_by(created=between("2026-01-31", 3.0), action=in_(["fail"])).count(), int)
assert_type(app.session.get_repo().stats("fetch", since="2026-01-31")["fetch"], TaskStats)


async def hosts() -> None:
    async with app.running() as system:
        system.on_run_ended(lambda ended: print(ended.action))
        system.shut_down(force=True)
        assert_type(await system.wait_ended(), Ended)
    await app.serve()


with app.start_in_thread() as handle:
    assert_type(handle.wait(timeout=1.5), Ended | None)
    assert_type(handle.stop(), Ended | None)
    assert_type(handle.is_running, bool)
    handle.shut_down(force=True)


@app.task(after_success(fetch), parameters={"day": 1})
def crunch(
    pages: bytes = args.Return(fetch),
    url: str = args.EnvArg("URL") >> args.Arg("url") >> "localhost",
    config: Config = args.Config(),
    me: Task = args.Task(),
    day: int = 1,
) -> None:
    progress(1, 10, "crunching")
    config.timeout = "1 minute"
    me.run(day=day + 1)


class Today(Argument):
    def get_value(self, task: Task, **others: object) -> str:
        return task.name


@args.argument()
def connection(url: str = args.Arg("url")) -> str:
    return url


def uses(today: str = Today(), db: str = connection) -> None: ...  # type: ignore[assignment]  # a class of one's own is what it is


group = Group("etl.", "daily", execution="thread", limits=limit("db", 2))


@group.task("every 1 hour", retries=3)
def extract() -> int:
    return 1


assert_type(extract(), int)
app.include(group)
assert_type(app.task("daily", command=["pg_dump", "db"], name="dump"), Task)
assert_type(app.task(code="return_value = 1", name="one"), Task)
assert_type(app.task(path="jobs/report.py", func_name="main"), Task)


@app.setup()
def prepare(db: str) -> Iterator[None]:
    yield


@app.on_fail
def tell(record: TaskRunRecord) -> None:
    assert_type(record.progress, Progress | None)


app.params(url="there", db=connection)
app.session.on_hold = True
app.session.config.shut_cond = "scheduler has run over 1 hour"
app.session["add"].run({"a": 1}, b=2)


@dataclass(frozen=True)
class Add(Message[int]):
    amount: int = 1


class Find(Message[str | None]): ...


class Reset(Message[None]): ...


@app.actor
class Counter(Actor):
    def __init__(self, start: int = 0) -> None:
        self.total = start

    async def on_start(self) -> None:
        self.ctx.set_timer("tick", Reset(), every="1 minute", mode="fixed_rate")
        self.ctx.set_timer("tick", Reset(), every=60, mode="fixed")  # type: ignore[arg-type]  # no mode
        assert_type(self.ctx.ref, ActorRef)
        assert_type(self.ctx.parent, ActorRef | None)

    async def receive(self, message: Add | Reset) -> int:
        self.ctx.pipe_to_self(fetch, then=lambda found: Add(len(found)), failed=lambda error: Reset())
        return self.total

    @handler(raises=(LookupError,), on_caller_gone="cancel")
    async def find(self, message: Find) -> str | None:
        child = await self.ctx.spawn(Counter, "child", {"start": 1}, restart=Restart.temporary())
        assert_type(child, ActorRef)
        return None

    @handler()
    async def down(self, message: Down) -> None:
        match message.outcome:
            case Failed(error, during_stop=False):
                assert_type(error, BaseException)
            case Completed():
                assert_type(message.incarnation, int)

    async def on_stop(self, why: Outcome) -> None:
        assert_type(why.is_abnormal, bool)


assert_type(Counter(3).total, int)


@app.actor(name="other", capacity=10, overflow="drop_old", restart=Restart.permanent(rules={OSError: "resume"}))
class Other(Actor): ...


assert_type(Other(), Other)


def make_counter(start: int) -> Counter:
    return Counter(start)


assert_type(app.actor(Counter, "one", {"start": 1}), type[Counter])
assert_type(app.actor(make_counter, args={"start": 2})(3), Counter)
assert_type(group.actor(Supervisor([ActorSpec(Counter)], one_for_all, limit=5), name="pool"), Supervisor)
Supervisor([ActorSpec(Counter, "a", grace="1 second")], rest_for_one, auto_shutdown="any", stop_order="parallel")
Supervisor([Counter])  # type: ignore[list-item]  # no specification
Supervisor(strategy="one_for_all")  # type: ignore[arg-type]  # its name
ActorSpec(Counter, overflow="drop")  # type: ignore[arg-type]  # none of the four
app.actor(Counter, capasity=10)  # type: ignore[call-overload]  # an option that is misspelled
app.actor(dict)  # type: ignore[type-var]  # no actor
Restart.permanent(rules={OSError: "ignore"})  # type: ignore[dict-item]  # no directive
Restart.transient(then="wait")  # type: ignore[arg-type]  # neither of the two
handler(on_deadline="stop")  # type: ignore[arg-type]  # none of the three


@app.task(execution="thread")
def counts(counter: ActorRef = Ref("Counter"), other: ActorRef = args.Ref("other")) -> int:
    counter.tell(Reset(), within="1 minute")
    counter.tell("reset")  # type: ignore[arg-type]  # no message
    other.send_sync(Add(2))
    assert_type(counter.ask_sync(Add(1)), int)
    assert_type(counter.ask_sync(Find(), within=timedelta(seconds=1)), str | None)
    return counter.ask_sync(Add(1))


async def talks(session: Session) -> None:
    ref = session.actor("Counter")
    assert_type(ref, ActorRef)
    assert_type(await ref.ask(Add(1)), int)
    assert_type(await ref.ask(Find(), within=0.5), str | None)
    assert_type(await ref.stop("enough", drain="all", within="10 s"), Outcome)
    assert_type(await ref.wait_ended(), Outcome)
    await ref.ask(5)  # type: ignore[arg-type]  # no message
    await ref.stop(drain="some")  # type: ignore[arg-type]  # none of the three
    assert_type(await session.spawn(Counter, "more", {"start": 5}, grace=1), ActorRef)
    assert_type(session.tree(), Node)
    assert_type(session.tree()["pool/a"].restarts, int)
    assert_type(session.dead_letters, tuple[DeadLetter, ...])
