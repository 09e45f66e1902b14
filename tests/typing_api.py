"""The public API as a type checker sees it. Checked, never run: see .ci/run."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import assert_type

from actors import (
    App,
    Argument,
    Flag,
    Group,
    MinimalRunRecord,
    Retry,
    Session,
    Task,
    TaskRunRecord,
    TerminationFlag,
    after_success,
    always,
    args,
    cron,
    daily,
    every,
    limit,
    progress,
    rate,
)
from actors.conds import Condition, Custom, running
from actors.config import Config
from actors.policies import Overlap
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


App(exection="async")  # type: ignore[call-arg]  # a setting that is misspelled
App(execution="proces")  # type: ignore[arg-type]  # a mode that there is not

app.session.get_repo().model = MinimalRunRecord


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
