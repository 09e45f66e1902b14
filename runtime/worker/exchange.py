"""Exchange: requests to the scheduler and their replies, of several threads at a time over one channel."""

from __future__ import annotations

import pickle
import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from itertools import count
from typing import TYPE_CHECKING, Any

from actors.errors import NotRunning, TaskTerminationException
from actors.pickled import Pickled
from runtime.signal_mask import blocked
from runtime.worker.parcels import Parcel
from runtime.worker.protocol import Reply, Request, Withdraw, frame_of

if TYPE_CHECKING:
    from runtime.worker.channel import Channel

_CUT = "a use of the session was interrupted half way, so that no other can follow in this run"
_ALL_BUT_SIGTERM = frozenset(signal.Signals) - {signal.SIGTERM}


class Ticket:
    """One request, to be made by one thread, and perhaps withdrawn by another."""

    __slots__ = ("answer", "is_attended", "is_withdrawn", "number")

    def __init__(self, number: int) -> None:
        self.number = number
        self.answer: tuple[Reply, list[Parcel]] | None = None
        self.is_attended = self.is_withdrawn = False


class Exchange:
    """Sends requests and waits for their replies, which may come in another order.

    Who waits also reads, for the others too; so nobody does while nobody waits. It works while a run goes on: a thread that a
    function has left behind cannot use it between two runs, when nobody would answer.
    """

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._numbers = count(1)
        self._open: dict[int, Ticket] = {}  # what was sent, or is being sent, and is not answered
        self._sending = threading.Lock()
        self._turn = threading.Condition()
        self._is_reading = self._is_running = False
        self._speaking: set[int] = set()  # the threads that send or wait
        self._postponed: dict[int, Callable[[], object]] = {}

    @property
    def is_cut(self) -> bool:
        """Whether a use was left half way, so that the process must not be used again."""
        return bool(self._open) and any(not ticket.is_attended for ticket in list(self._open.values()))

    def begin(self) -> None:
        """Let the function of a run use it."""
        self._is_running = True

    def end(self) -> None:
        """Let nobody use it until the next run; what is under way is withdrawn, and answered when this returns."""
        with self._sending:
            self._is_running = False
        if self._open:
            self.withdraw()
            with self._turn:
                self._turn.wait_for(lambda: not self._open or self.is_cut)

    def after_message(self, step: Callable[[], object]) -> None:
        """Take a step, which may raise: at once, or, from a handler of a signal in the middle of a message, right after that."""
        if threading.get_ident() in self._speaking:
            self._postponed[threading.get_ident()] = step
        else:
            step()

    def ticket(self) -> Ticket:
        """Return what :meth:`ask` can be withdrawn by."""
        return Ticket(next(self._numbers))

    def ask(
        self, control: str, args: tuple[object, ...], values: Iterable[Pickled] = (), ticket: Ticket | None = None
    ) -> tuple[Any, list[Parcel]]:
        """Make a request and wait for the reply; return that, and the values that have come with it.

        Raises:
          NotRunning: no run goes on.
          TaskTerminationException: it was withdrawn.
          Exception: what it has raised there.
        """
        ticket = ticket if ticket is not None else self.ticket()
        frame = frame_of(Request(control, args, ticket.number), *values)
        with _undisturbed(), self._attended(ticket):
            with self._sending:
                self._check(control, ticket)
                self._open[ticket.number] = ticket
                self._channel.send_frame(frame)
            reply, found = self._answer_to(ticket)
        if reply.error is not None:
            raise pickle.loads(reply.error) from _loaded(reply.cause)
        return reply.value, found

    def withdraw(self, *tickets: Ticket) -> None:
        """Have requests answered at once, with an error if they are waited for: these, or all that are under way."""
        with _undisturbed(), self._sending:
            for ticket in tickets:
                ticket.is_withdrawn = True
            numbers = tuple(ticket.number for ticket in tickets or list(self._open.values()) if ticket.number in self._open)
            if numbers and not self.is_cut:
                self._channel.send(Withdraw(numbers))

    def _check(self, control: str, ticket: Ticket) -> None:
        if not self._is_running:
            raise NotRunning(f"session ({control})")
        if self.is_cut:
            raise ConnectionError(_CUT)
        if ticket.is_withdrawn or threading.get_ident() in self._postponed:
            raise TaskTerminationException("asked to end")

    @contextmanager
    def _attended(self, ticket: Ticket) -> Iterator[None]:
        """Have this thread speak inside the block. Then a step is taken that was postponed meanwhile."""
        thread = threading.get_ident()
        ticket.is_attended = True
        self._speaking.add(thread)
        try:
            yield
        finally:
            with self._turn:
                ticket.is_attended = False
                self._turn.notify_all()
            self._speaking.discard(thread)
            step = self._postponed.pop(thread, None)
            if step is not None:
                step()

    def _answer_to(self, ticket: Ticket) -> tuple[Reply, list[Parcel]]:
        with self._turn:
            while ticket.answer is None:
                if self.is_cut:
                    raise ConnectionError(_CUT)
                if self._is_reading:
                    self._turn.wait()
                else:
                    self._read()
        return ticket.answer

    def _read(self) -> None:
        """Receive a reply, for whomever, while others come to wait."""
        self._is_reading = True
        self._turn.release()
        try:
            reply, found = self._channel.receive()
        finally:
            self._turn.acquire()
            self._is_reading = False
            self._turn.notify_all()
        self._open.pop(reply.number).answer = reply, found


def _loaded(cause: bytes | None) -> BaseException | None:
    """Return the cause of an error, None if there is none, or its class is not here."""
    with suppress(Exception):
        return pickle.loads(cause) if cause is not None else None
    return None


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Let no handler of a signal raise in the block, where it would leave half a message behind, or an answer; but after it.

    The handler of SIGTERM is ours, and waits by itself: see :meth:`Exchange.after_message`. A signal may come by way of a
    thread of the function's own, though.
    """
    with blocked(_ALL_BUT_SIGTERM):
        yield
