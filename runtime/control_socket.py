"""ControlSocket: where a running app answers questions from outside, beside its run log."""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import trio

from actors.nodes import Node
from runtime.logs import runtime_log
from runtime.questions import PATIENCE, address_of, answered, refusal, refused, socket_of

MOST_AT_A_TIME = 16
"""How many are answered at a time; who comes beyond that finds the connection closed."""
_MOST_ASKED = 4096
"""Bytes that a question may have; of a longer one only so much is looked at."""


class ControlSocket:
    """Answers what runs, on a Unix socket that nobody but its owner may use. Costs nothing while nobody asks.

    Only who holds the lock of the log listens, so a socket that lies there already is left from a life that was killed. What goes
    wrong here is told in the log, and ends nothing else.

    Args:
      log: the run log; None, which is in memory, has no socket.
      tree: returns what runs; called in the trio thread.
      problems: returns what is wrong, in words; likewise.
    """

    def __init__(self, log: Path | None, tree: Callable[[], Node], problems: Callable[[], tuple[str, ...]] = tuple) -> None:
        self._path, self._tree, self._problems = socket_of(log) if log is not None else None, tree, problems
        self._serving = trio.CancelScope(shield=True)  # who opens also closes
        self._encoding = trio.CapacityLimiter(1)
        self._guests = 0

    def open(self, nursery: trio.Nursery) -> None:
        """Listen, and answer in `nursery`, also while runs are cancelled, until ``close``; returns at once."""
        if self._path is None:
            return
        try:
            listening, made = _listening(self._path)
        except OSError as exc:
            runtime_log.tell(logging.INFO, "control socket %s: cannot listen (%s), so nobody can ask", self._path, exc)
            return
        nursery.start_soon(self._serve, listening, self._path, made)

    def close(self) -> None:
        """Answer no more, and remove the socket; of one that is not open, nothing."""
        self._serving.cancel()

    async def _serve(self, listening: socket.socket, path: Path, made: os.stat_result) -> None:
        try:
            with self._serving:
                await trio.serve_listeners(self._receive, [trio.SocketListener(trio.socket.from_stdlib_socket(listening))])
        except Exception:
            runtime_log.tell(logging.ERROR, "control socket %s: nobody can ask any more", path, exc_info=True)
        finally:
            _remove(path, made)

    async def _receive(self, stream: trio.SocketStream) -> None:
        """Have one who asks answered, unless there are too many; whatever they do, it ends within :data:`PATIENCE`."""
        if self._guests == MOST_AT_A_TIME:
            return
        self._guests += 1
        try:
            with trio.move_on_after(PATIENCE):
                await self._answer(stream)
        except trio.BrokenResourceError:
            pass  # they did not wait
        finally:
            self._guests -= 1

    async def _answer(self, stream: trio.SocketStream) -> None:
        question = await _question(stream)
        if question:
            why = refusal(question)
            await stream.send_all(refused(why) if why is not None else await self._found())

    async def _found(self) -> bytes:
        try:
            tree, problems = self._tree(), self._problems()  # written down in a thread, since ten thousand nodes take a while
            return await trio.to_thread.run_sync(answered, tree, problems, abandon_on_cancel=True, limiter=self._encoding)
        except Exception as exc:
            runtime_log.tell(logging.ERROR, "control socket: cannot tell what runs", exc_info=True)
            return refused(f"it cannot tell what runs ({type(exc).__name__}), and its own log says why")


async def _question(stream: trio.SocketStream) -> bytes:
    """Return what is sent up to the end of the line, or of what is sent."""
    question = b""
    while b"\n" not in question and len(question) < _MOST_ASKED:
        if not (part := await stream.receive_some(_MOST_ASKED)):
            break
        question += part
    return question


def _listening(path: Path) -> tuple[socket.socket, os.stat_result]:
    """Return a socket that listens at `path`, in place of what is left of another, and by what to know it; raises OSError."""
    listening = socket.socket(socket.AF_UNIX)
    try:
        with address_of(path) as address:
            if path.is_socket():
                path.unlink()
            listening.bind(address)
            path.chmod(0o600)  # before it listens, since until then nobody can connect
            listening.listen()
            return listening, path.lstat()
    except BaseException:
        listening.close()
        raise


def _remove(path: Path, made: os.stat_result) -> None:
    """Remove the socket at `path`, if it is still the one that was `made`."""
    with suppress(OSError):  # it is gone, maybe with its folder
        if os.path.samestat(path.lstat(), made):
            path.unlink()
