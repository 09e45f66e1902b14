"""What the scheduler and a worker process say to each other, and how it crosses the socket between them.

scheduler                        worker
Hello ────────────────────────►  loads the module of the app
      ◄──────────────────────── Ready or Broken
Job ──────────────────────────►  calls the function
      ◄──────────────────────── Request, answered by Reply, any number of times
      ◄──────────────────────── Returned or Raised
"""

from __future__ import annotations

import pickle
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from actors.portable import Reference
from actors.progress import Progress

_LENGTH = struct.Struct("!Q")
HEAD = _LENGTH.size


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


@dataclass(frozen=True)
class Hello:
    """The first message to a worker."""

    program: Program


@dataclass(frozen=True)
class Ready:
    """The worker has loaded the program."""


@dataclass(frozen=True)
class Broken:
    """The worker could not load the program; `text` is the traceback, `line` its last line."""

    line: str
    text: str


@dataclass(frozen=True)
class Job:
    """One call of a task's function. `function` is pickled by reference, or None if only its task's name leads to it."""

    task: str
    run_id: str
    qualname: str
    function: bytes | None
    kwargs: Mapping[str, bytes]
    """Each pickled on its own, so that one that cannot be loaded is known by its name."""
    backend: str
    returns: Mapping[str, Any] = field(default_factory=dict)
    """What the tasks returned that started it, where the function is loaded only there, and may ask for that."""


@dataclass(frozen=True)
class Request:
    """A control of the session, used inside the function."""

    control: str
    args: tuple[Any, ...]


@dataclass(frozen=True)
class Reply:
    """What the control returned or, pickled, raised."""

    value: Any = None
    error: bytes | None = None


@dataclass(frozen=True)
class Returned:
    """The function returned this, pickled on its own, so that a value the scheduler cannot load spoils only itself."""

    value: bytes
    progress: Progress | None = None
    """How far the function said it was, at last."""
    spent: bool = False
    """Whether the worker must not be used again: the function has closed its stdout or stderr."""


@dataclass(frozen=True)
class Raised:
    """The function raised: always as text, and as itself where a copy says the same."""

    kind: str
    message: str
    text: str
    error: bytes | None
    kinds: tuple[str, ...]
    """The qualified names of its class and all that this derives from."""
    progress: Progress | None = None
    spent: bool = False


def frame(message: object) -> bytes:
    """Return `message` as it crosses the socket: its length in 8 bytes, then its pickle."""
    body = pickle.dumps(message, pickle.HIGHEST_PROTOCOL)
    return _LENGTH.pack(len(body)) + body


def body_length(head: bytes | bytearray | memoryview) -> int:
    """Return the length of the body that follows the first 8 bytes of a frame."""
    length: int = _LENGTH.unpack_from(head)[0]
    return length
