"""What the tasks of a victim do. Each run tells of it in a file that the run log knows nothing of. Workers import this."""

from __future__ import annotations

import logging
import os
import random
import time

from actors import Argument, TaskInactionException, progress
from actors.args import Session
from actors.session import Session as SessionType
from actors.task import Task

DEEDS = "CALLSHEET_DEEDS"
"""The variable of the environment that says where the file is."""

SHELL = f"""
tell() {{ printf '%s\\t%s\\t%s\\t%s\\n' "$1" "$(date +%s.%N)" "$2" "$3" >> "${DEEDS}"; }}
tell began "$2" "$4"
echo "hello from $4"
sleep "0.0$(( $$ % 10 ))"
[ $(( $$ % 5 )) -gt 0 ] || exit 1
tell ended "$2" "$4"
"""
"""The same as a line for a shell, which gets ``--task TASK --run_id ID`` as ``$1`` to ``$4``."""


class TaskName(Argument):
    """The name of the task that runs."""

    materialize = "pre"

    def get_value(self, task: Task) -> str:
        return task.name


class RunId(Argument):
    """The id of the run."""

    materialize = "pre"

    def get_value(self, run_id: str) -> str:
        return run_id


NAME, RUN, SESSION = TaskName(), RunId(), Session()


def tell(what: str, task: str = "", run_id: str = "") -> None:
    """Put a line in the file: what happened just now, to which run."""
    line = f"{what}\t{time.time()!r}\t{task}\t{run_id}\n".encode()
    fd = os.open(os.environ[DEEDS], os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        os.write(fd, line)
    finally:
        os.close(fd)


def greeting(run_id: str) -> str:
    """Return what each run prints."""
    return f"hello from {run_id}"


def act(task: str = NAME, run_id: str = RUN, longest: float = 0.1, **given: str) -> None:  # type: ignore[assignment]  # arguments
    """Begin, print, log, take some time, and end in one of several ways."""
    _begin(task, run_id)
    time.sleep(random.random() * longest)
    _end(task, run_id)


async def act_async(task: str = NAME, run_id: str = RUN, longest: float = 0.2, **given: str) -> None:  # type: ignore[assignment]  # arguments
    """Do the same, on trio or asyncio."""
    import anyio

    _begin(task, run_id)
    await anyio.sleep(random.random() * longest)
    _end(task, run_id)


def act_and_ask(task: str = NAME, run_id: str = RUN, session: SessionType = SESSION) -> None:  # type: ignore[assignment]  # arguments
    """Do the same, and have other tasks launched: any whose runs are asked for."""
    _begin(task, run_id)
    ask(session)
    _end(task, run_id)


def ask(session: SessionType) -> None:
    """Launch some of the tasks whose runs are asked for; each launch has a number of its own."""
    names = [name for name in _names(session) if name.endswith(("-asked", "-rescued"))]
    for name in random.choices(names, k=3):
        text = "x" * random.choice([0, 0, 0, 50, 12_000])  # a line that is written in several pieces by the system
        session[name].run(number=f"{time.time_ns()}{random.randrange(1000)}", text=text)


def _names(session: SessionType) -> list[str]:
    return [task.name for task in session.tasks]


def _begin(task: str, run_id: str) -> None:
    tell("began", task, run_id)
    print(greeting(run_id), flush=True)
    logging.getLogger("victim").warning("%s logs", run_id)
    tell("printed", task, run_id)
    progress(1, 2, "half way")


def _end(task: str, run_id: str) -> None:
    chance = random.random()
    if chance < 0.2:  # noqa: PLR2004  # the share of runs that fail
        raise ValueError(f"{task} as planned")
    if chance < 0.25:  # noqa: PLR2004  # and with those that find nothing to do
        raise TaskInactionException("as planned")
    tell("ended", task, run_id)
