"""Questions: what a running app can be asked from outside, where, and in what form.

Beside its run log it has a Unix socket. On a connection to that goes one line of JSON, ``{"ask": "tree"}``, back comes one, which
has the ``version`` of this form and either what was asked for or an ``error``, and the connection is closed.
"""

from __future__ import annotations

import errno
import json
import os
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Any

from actors.errors import AppNotAnswering
from actors.nodes import Node

VERSION = 1
PATIENCE = 5.0
"""Seconds for a question and its answer, the connection included."""
_LONGEST = 103
"""Bytes that the address of a Unix socket may have on every system."""
_AT_ONCE = 1 << 16
"""Bytes that are received at once."""
_NOBODY = (errno.ENOENT, errno.ENOTDIR, errno.ECONNREFUSED, errno.ENAMETOOLONG)
"""How it fails to connect where nobody listens: there is no socket, or one whose app was killed, or there can be none."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What ran in an app at one moment."""

    pid: int
    """The process of the app."""
    tree: Node
    problems: tuple[str, ...] = ()
    """What is wrong with it, as its ``session.health`` says; none, too, where an older Callsheet does not tell."""


def socket_of(log: Path) -> Path:
    """Return the path of the socket of the app that writes the run log `log`: ``runs.jsonl.sock`` for ``runs.jsonl``.

    It is beside the file itself where `log` is a link to it, as all that belongs to the log.
    """
    file = Path(os.path.realpath(log))  # which unlike Path.resolve takes links that lead nowhere
    return file.with_name(f"{file.name}.sock")


@contextmanager
def address_of(path: Path) -> Iterator[str]:
    """Give the address of the socket at `path`: itself, or if it is too long, on Linux, by way of its open folder.

    Raises:
      OSError: there is no such folder, or it is too long even so.
    """
    if len(os.fsencode(path)) <= _LONGEST:
        yield str(path)
        return
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        address = f"/proc/self/fd/{folder}/{path.name}"
        if len(os.fsencode(address)) > _LONGEST:
            raise OSError(errno.ENAMETOOLONG, os.strerror(errno.ENAMETOOLONG), str(path))
        yield address
    finally:
        os.close(folder)


def refusal(question: bytes) -> str | None:
    """Return why what was received is not answered, in words; None if it is the question for the tree."""
    try:
        asked = json.loads(question)
    except (ValueError, RecursionError):
        asked = None
    if not isinstance(asked, dict):
        return 'a question is expected, as one line of JSON: {"ask": "tree"}'
    if (version := asked.get("version", VERSION)) != VERSION:
        return f"questions of version {VERSION} are answered here, not of version {version!r}"
    if (what := asked.get("ask")) != "tree":
        return f"{what!r} cannot be asked for, only 'tree'"
    return None


def refused(why: str) -> bytes:
    """Return the answer that there is none."""
    return _line({"error": why})


def answered(tree: Node, problems: Sequence[str] = ()) -> bytes:
    """Return the answer to the question for the tree of this process, with what is wrong with its app."""
    from runtime.codec import encode_node  # cattrs takes 15 ms to import, and few apps are ever asked

    return _line({"pid": os.getpid(), "tree": encode_node(tree), "problems": list(problems)})


def ask_running(log: Path) -> Snapshot | None:
    """Ask the app that writes the run log `log` what runs in it now; None where no app listens beside that log.

    Takes :data:`PATIENCE` at most, and needs no event loop.

    Raises:
      AppNotAnswering: an app listens and does not answer in time, refuses to, or not in a way that is understood.
    """
    try:
        line = _exchanged(socket_of(log), _line({"ask": "tree"}))
    except TimeoutError as exc:
        why = f"it has said nothing for {PATIENCE:g} s; if a function blocks it, its own log says which"
        raise AppNotAnswering(str(log), why) from exc
    except (BrokenPipeError, ConnectionResetError):
        line = b""
    except OSError as exc:
        if exc.errno in _NOBODY:
            return None
        raise AppNotAnswering(str(log), exc.strerror or str(exc)) from exc
    return _understood(log, line)


def is_listening(log: Path) -> bool:
    """Return whether an app listens that writes the run log `log`, also if it is too busy to answer."""
    try:
        with socket.socket(socket.AF_UNIX) as connection, address_of(socket_of(log)) as address:
            connection.settimeout(PATIENCE)
            connection.connect(address)
    except TimeoutError:
        return True
    except OSError:
        return False
    return True


def _exchanged(path: Path, question: bytes) -> bytes:
    """Send `question` and return all that comes back; raises OSError, TimeoutError among them."""
    deadline = monotonic() + PATIENCE
    parts: list[bytes] = []
    with socket.socket(socket.AF_UNIX) as connection, address_of(path) as address:
        connection.settimeout(PATIENCE)
        connection.connect(address)
        connection.sendall(question)
        while part := connection.recv(_AT_ONCE):
            parts.append(part)
            if (left := deadline - monotonic()) <= 0:
                raise TimeoutError
            connection.settimeout(left)
    return b"".join(parts)


def _understood(log: Path, line: bytes) -> Snapshot:
    if not line.endswith(b"\n"):
        raise AppNotAnswering(str(log), "it closed the connection, as one does that ends or is asked by too many")
    from runtime.codec import decode_node

    try:
        answer = json.loads(line)
        if "error" not in answer and answer["version"] == VERSION:
            return Snapshot(int(answer["pid"]), decode_node(answer["tree"]), tuple(map(str, answer.get("problems", ()))))
        why = str(answer.get("error", f"it answers in version {answer['version']!r}, and this Callsheet reads {VERSION}"))
    except Exception as exc:  # whatever listens there, it is not what was expected
        raise AppNotAnswering(str(log), f"its answer cannot be read ({type(exc).__name__})") from exc
    raise AppNotAnswering(str(log), why)


def _line(content: dict[str, Any]) -> bytes:
    return json.dumps({"version": VERSION, **content}).encode() + b"\n"
