"""What the scheduler and a worker process say to each other.

scheduler                        worker
Hello ────────────────────────►  loads the module of the app
      ◄──────────────────────── Ready or Broken
Job ──────────────────────────►  calls the function
      ◄──────────────────────── Request, answered by Reply, any number of times; or withdrawn before, by Withdraw
      ◄──────────────────────── Returned or Raised

A message crosses as a plain tuple: the number of its kind, and what it says. A class of ours in it would be looked up by its name
on either side, each time. The values of tasks go along with it, not in it: see runtime.worker.parcels.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

from actors.pickled import Pickled, Piece
from actors.portable import Reference
from actors.progress import Progress
from runtime.worker.parcels import framed


@dataclass(frozen=True)
class Source:
    """Where a module comes from.

    Attributes:
      name: its name in ``sys.modules``.
      file: the file it is executed from; None imports it by its name.
      spec_name: the name it was found by, where that differs from `name` (``python -m``), for its relative imports.
    """

    name: str
    file: str | None = None
    spec_name: str | None = None


@dataclass(frozen=True)
class Program:
    """What a worker needs to find the app of its scheduler again."""

    sys_path: list[str]
    argv: list[str]
    source: Source | None
    """The module to load; None where functions can be found without."""
    app: str | None
    """The name of the app in that module."""
    log_level: int = 0
    """The level of the loggers of Callsheet."""
    hooks: tuple[Reference, ...] = ()
    """What is called around functions, where the app is not found there."""


class Hello(NamedTuple):
    """The first message to a worker."""

    program: Program


class Ready(NamedTuple):
    """The worker has loaded the program."""


class Broken(NamedTuple):
    """The worker could not load the program; `text` is the traceback, `line` its last line."""

    line: str
    text: str


class Job(NamedTuple):
    """One call of a task's function, with the values of its parameters.

    `function` is pickled by reference, or None if only its task's name leads to it.
    """

    task: str
    run_id: str
    qualname: str
    function: bytes | None
    parameters: tuple[str, ...]
    """Their names, in the order of the values."""
    backend: str
    cleanup: float
    """Seconds it gets to clean up once it is cancelled."""
    returns: tuple[str, ...] = ()
    """The tasks whose return values follow: those that started it, where the function is loaded only there, and may ask."""


class Request(NamedTuple):
    """A control of the session, used inside the function, with the values it takes."""

    control: str
    args: tuple[Any, ...]
    number: int = 0
    """Tells it from others whose replies are awaited at the same time."""


class Withdraw(NamedTuple):
    """Requests that nobody waits for any more; each is answered all the same, if it has not been."""

    numbers: tuple[int, ...]


class Reply(NamedTuple):
    """What the control returned, with values that it has found, or, pickled, what it raised and the cause of that."""

    value: Any = None
    error: bytes | None = None
    cause: bytes | None = None
    number: int = 0
    """That of the request."""


@dataclass(frozen=True)
class PlainMessage:
    """A message to an actor as plain data, and the names of the module and the class that it is made of again."""

    module: str
    name: str
    data: Any


class Returned(NamedTuple):
    """The function returned the value that goes along."""

    progress: Progress | None = None
    """How far the function said it was, at last."""
    spent: bool = False
    """Whether the worker must not be used again: the function has closed its stdout or stderr, or used up its memory."""


class Raised(NamedTuple):
    """The function raised: always as text, and as itself where a copy says the same."""

    kind: str
    message: str
    text: str
    error: bytes | None
    kinds: tuple[str, ...]
    """The qualified names of its class and all that this derives from."""
    progress: Progress | None = None
    spent: bool = False


Message = Hello | Ready | Broken | Job | Request | Withdraw | Reply | Returned | Raised
_KINDS: tuple[type[Message], ...] = (Hello, Ready, Broken, Job, Request, Withdraw, Reply, Returned, Raised)
_NUMBERS = {kind: number for number, kind in enumerate(_KINDS)}


def frame_of(message: Message, *values: Pickled) -> list[Piece]:
    """Return the frame of a message and the values that go with it."""
    return framed((_NUMBERS[type(message)], *message), *values)


def opened(said: tuple[Any, ...]) -> Any:
    """Return the message that was the first part of a frame."""
    return _KINDS[said[0]](*said[1:])
