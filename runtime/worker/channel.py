"""The worker's end of the socket, and the session's controls on it."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from actors.changes import Change
from actors.controls import HERE
from actors.errors import UnportableChange
from actors.facts import TaskFacts
from actors.health import Health
from actors.pickled import Pickled, Piece
from actors.portable import describe, pickled_parameters
from actors.progress import Progress
from actors.ref import ref_resolver
from runtime.worker.exchange import Exchange, Ticket
from runtime.worker.parcels import AT_ONCE, Parcel, is_long, missing, receive, send, taken, unframed
from runtime.worker.protocol import Message, frame_of, opened
from runtime.worker.refs import RemoteActors

if TYPE_CHECKING:
    from actors.nodes import DeadLetter, Node
    from actors.ref import ActorRef
    from actors.spec import ActorSpec


class Channel:
    """Sends and receives whole messages, blocking."""

    def __init__(self, fd: int) -> None:
        self._socket = socket.socket(fileno=fd)
        self._received = bytearray()
        self._socket.setblocking(True)
        self._socket.set_inheritable(False)  # what the function starts must not keep the scheduler waiting

    def send(self, message: Message, *values: Pickled) -> None:
        """Send `message`, and `values` with it."""
        self.send_frame(frame_of(message, *values))

    def send_frame(self, frame: list[Piece]) -> None:
        """Send a frame."""
        send(self._socket, frame)

    def receive(self) -> tuple[Any, list[Parcel]]:
        """Wait for a message and return it, and what has come with it.

        Raises:
          EOFError: the scheduler is gone.
        """
        while (count := missing(self._received)) > 0:
            data = self._socket.recv(max(count, AT_ONCE))
            if not data:
                raise EOFError
            self._received += data
        frame = taken(self._received)
        said, values = receive(self._socket, frame) if is_long(frame) else unframed(frame)
        return opened(said), values

    def close(self) -> None:
        """Close it."""
        self._socket.close()

    def fileno(self) -> int:
        """Return the file descriptor."""
        return self._socket.fileno()


class RemoteControls:
    """The session's controls inside a worker: messages to the scheduler, each answered before the call returns.

    They work while a run goes on. A thread that a function has left behind cannot use them between two runs, when nobody
    would answer.
    """

    def __init__(self, channel: Channel) -> None:
        self._exchange = exchange = Exchange(channel)
        self.begin_run, self.end_run, self.after_message = exchange.begin, exchange.end, exchange.after_message
        self.withdraw = exchange.withdraw
        self.actors = RemoteActors(self._ask, exchange)

    @property
    def is_cut(self) -> bool:
        """Whether a use was left half way, so that the process must not be used again."""
        return self._exchange.is_cut

    def launch(self, task: str, params: Mapping[str, Any]) -> None:
        values = pickled_parameters(task, params)
        self._ask("launch", task, tuple(values), values=values.values())

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
            pickled = Pickled(change)
        except Exception as exc:
            raise UnportableChange(type(change).__name__, describe(exc)) from exc
        self._ask("change", values=[pickled])
        return True

    def names(self) -> list[str] | None:
        names: list[str]
        names, _ = self._ask("names")
        return names

    def kept(self, task: str | None, option: str) -> Any:
        _, kept = self._ask("kept", task, option)
        return kept[0].open() if kept else HERE

    def heed(self) -> None:
        """Tell that the function has asked for its flag, and is to be asked before it is cancelled."""
        self._ask("heed")

    def progress(self, update: Progress) -> None:
        """Tell how far the run is."""
        self._ask("progress", update)

    def log(self, record: Mapping[str, Any]) -> None:
        """Have the scheduler's loggers handle a record, given by its attributes."""
        self._ask("log", record)

    def parameters(self) -> Mapping[str, Any] | None:
        return _Parameters(self._ask)

    def returned(self, task: str) -> Any:
        _, (value,) = self._ask("returned", task)
        return value.open()

    def facts(self, task: str) -> TaskFacts | None:
        facts: TaskFacts | None
        facts, _ = self._ask("facts", task)
        return facts

    def waits_for(self, task: str) -> str | None:
        words: str | None
        words, _ = self._ask("waits_for", task)
        return words

    def health(self) -> Health:
        health: Health
        health, _ = self._ask("health")
        return health

    def actor(self, name: str, uid: int | None = None) -> ActorRef:
        return self.actors.named(name) if uid is None else self.actors.found(name, uid)

    async def spawn(self, spec: ActorSpec) -> ActorRef:
        return await self.actors.spawn(f"the spawning of actor {spec.name!r}", "spawn", what=spec)

    def tree(self) -> Node | None:
        tree: Node | None
        tree, _ = self._ask("tree")
        return tree

    def dead_letters(self) -> tuple[DeadLetter, ...]:
        _, letters = self._ask("dead_letters")
        return tuple(letter.open() for letter in letters)

    def _ask(
        self, control: str, *args: object, values: Iterable[Pickled] = (), ticket: Ticket | None = None
    ) -> tuple[Any, list[Parcel]]:
        token = ref_resolver.set(self.actors.found)  # this thread may be one of the function's own
        try:
            return self._exchange.ask(control, args, values, ticket)
        finally:
            ref_resolver.reset(token)


class _Parameters(Mapping[str, Any]):
    """The session's parameters, each asked for when it is looked at."""

    def __init__(self, ask: Callable[..., tuple[Any, list[Parcel]]]) -> None:
        self._ask = ask

    def __getitem__(self, name: str) -> Any:
        _, values = self._ask("parameter", name)
        if not values:
            raise KeyError(name)
        return values[0].open()

    def __iter__(self) -> Iterator[str]:
        names, _ = self._ask("parameters")
        return iter(names)

    def __len__(self) -> int:
        return sum(1 for _ in self)
