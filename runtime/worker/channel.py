"""The worker's end of the socket, and the session's controls on it."""

from __future__ import annotations

import pickle
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from actors.changes import Change
from actors.controls import HERE
from actors.errors import NotRunning, UnportableChange
from actors.facts import TaskFacts
from actors.portable import describe, pickled_parameters
from actors.progress import Progress
from runtime.worker.protocol import HEAD, Reply, Request, body_length, frame

_CHUNK = 1 << 16


class Channel:
    """Sends and receives whole messages, blocking."""

    def __init__(self, fd: int) -> None:
        self._socket = socket.socket(fileno=fd)
        self._socket.setblocking(True)
        self._received = bytearray()
        self._socket.set_inheritable(False)  # what the function starts must not keep the scheduler waiting

    def send(self, message: object) -> None:
        """Send `message`."""
        self._socket.sendall(frame(message))

    def receive(self) -> Any:
        """Wait for a message and return it.

        Raises:
          EOFError: the scheduler is gone.
        """
        received = self._received
        self._fill(HEAD)
        end = HEAD + body_length(received)
        self._fill(end)
        message = pickle.loads(memoryview(received)[HEAD:end])
        self._received = received[end:]
        return message

    def close(self) -> None:
        """Close it."""
        self._socket.close()

    def fileno(self) -> int:
        """Return the file descriptor."""
        return self._socket.fileno()

    def _fill(self, size: int) -> None:
        """Receive until at least `size` bytes are there."""
        while (missing := size - len(self._received)) > 0:
            data = self._socket.recv(max(missing, _CHUNK))
            if not data:
                raise EOFError
            self._received += data


class RemoteControls:
    """The session's controls inside a worker: messages to the scheduler, each answered before the call returns.

    They work while a run goes on. A thread that a function has left behind cannot use them between two runs, when nobody
    would answer.
    """

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._asking = threading.Lock()  # the function may have threads of its own, and one pair of messages is under way
        self._running = False

    def begin_run(self) -> None:
        """Let the function of a run use them."""
        self._running = True

    def end_run(self) -> None:
        """Let nobody use them until the next run; waits for the answer that is under way."""
        with self._asking:
            self._running = False

    def launch(self, task: str, params: Mapping[str, Any]) -> None:
        self._ask("launch", task, pickled_parameters(task, params))

    def terminate(self, task: str, run_id: str | None) -> None:
        self._ask("terminate", task, run_id)

    def shut_down(self, *, force: bool) -> None:
        self._ask("shut_down", force)

    def restart(self) -> None:
        self._ask("restart")

    def task_added(self, task: str) -> None:
        """Never called: it is added elsewhere. The others likewise."""

    def task_removed(self, task: str) -> None: ...

    def task_changed(self, task: str | None, *, catch_up: bool = False) -> None: ...

    def parameters_changed(self, names: frozenset[str]) -> None: ...

    def elsewhere(self, change: Change) -> bool:
        try:
            blob = pickle.dumps(change, pickle.HIGHEST_PROTOCOL)
        except Exception as exc:
            raise UnportableChange(type(change).__name__, describe(exc)) from exc
        self._ask("change", blob)
        return True

    def names(self) -> list[str] | None:
        names: list[str] = self._ask("names")
        return names

    def kept(self, task: str | None, option: str) -> Any:
        pickled: bytes | None = self._ask("kept", task, option)
        return HERE if pickled is None else pickle.loads(pickled)

    def progress(self, update: Progress) -> None:
        """Tell how far the run is."""
        self._ask("progress", update)

    def log(self, record: Mapping[str, Any]) -> None:
        """Have the scheduler's loggers handle a record, given by its attributes."""
        self._ask("log", record)

    def parameters(self) -> Mapping[str, Any] | None:
        return _Parameters(self._ask)

    def returned(self, task: str) -> Any:
        return pickle.loads(self._ask("returned", task))

    def facts(self, task: str) -> TaskFacts | None:
        facts: TaskFacts | None = self._ask("facts", task)
        return facts

    def waits_for(self, task: str) -> str | None:
        words: str | None = self._ask("waits_for", task)
        return words

    def _ask(self, control: str, *args: object) -> Any:
        with self._asking:
            if not self._running:
                raise NotRunning(f"session ({control})")
            self._channel.send(Request(control, args))
            reply = self._channel.receive()
        assert isinstance(reply, Reply)
        if reply.error is not None:
            raise pickle.loads(reply.error)
        return reply.value


class _Parameters(Mapping[str, Any]):
    """The session's parameters, each asked for when it is looked at."""

    def __init__(self, ask: Callable[..., Any]) -> None:
        self._ask = ask

    def __getitem__(self, name: str) -> Any:
        pickled: dict[str, bytes] = self._ask("parameter", name)
        if not pickled:
            raise KeyError(name)
        return pickle.loads(pickled[name])

    def __iter__(self) -> Iterator[str]:
        return iter(self._ask("parameters"))

    def __len__(self) -> int:
        return len(self._ask("parameters"))
