"""How messages, and the values that go with them, cross the socket between the scheduler and a worker.

A frame is the length of all that follows, in 8 bytes; then pickles, each behind its own length: the message, and the values. Each
of these is pickled on its own, so that one that cannot be loaded spoils only itself.

A short frame is sent and loaded as a whole. A long one may take a while, so whoever must not stop leaves it to a thread. It is
sent in the pieces it consists of, and loaded off the socket: what holds many bytes is received where it stays, and is copied by
neither side. While bytes pass, and between the pieces of everything else, other threads have their turns.
"""

from __future__ import annotations

import io
import pickle
import socket
import struct
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from actors.errors import UnportableParameter
from actors.pickled import Pickled, Piece
from actors.portable import describe

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

_LENGTH = struct.Struct("!Q")
HEAD = _LENGTH.size
LONG = 1 << 18
"""Bytes. What follows the head of a long frame is more than this."""
AT_ONCE = 1 << 16
"""Bytes that are asked for where it is not known how many come."""
_MOST = 1 << 30  # of one call; some systems refuse 2 GiB


class Parcel:
    """What has come: a value, or the error that loading it has met.

    Args:
      load: makes the value of `source`.
    """

    __slots__ = ("_error", "_value")

    def __init__(self, load: Callable[[Any], Any], source: object) -> None:
        self._error: BaseException | None = None
        try:
            self._value = load(source)
        except BaseException as exc:  # what runs here is the user's, and is answered for where the parcel is opened
            self._error = exc

    def open(self) -> Any:
        """Return the value, or raise the error."""
        if self._error is not None:
            raise self._error
        return self._value


def opened_parameters(task: str, names: Sequence[str], parcels: Sequence[Parcel]) -> dict[str, Any]:
    """Return the parameters that have come, in the order of their names.

    Raises:
      UnportableParameter: one could not be loaded here; names it.
    """
    params = {}
    for name, parcel in zip(names, parcels, strict=True):
        try:
            params[name] = parcel.open()
        except Exception as exc:
            raise UnportableParameter(task, name, describe(exc)) from exc
    return params


def framed(message: object, *values: Pickled) -> list[Piece]:
    """Return the frame of `message` and the `values` that go with it: one piece if it is short, several if it is long."""
    pickled = pickle.dumps(message, pickle.HIGHEST_PROTOCOL)
    pieces: list[Piece] = [b"", pickled]
    length = HEAD + len(pickled)
    for value in values:
        size = value.size
        pieces.append(_LENGTH.pack(size))
        pieces += value
        length += HEAD + size
    pieces[0] = _LENGTH.pack(length) + _LENGTH.pack(len(pickled))
    return pieces if length > LONG else [b"".join(pieces)]


def missing(received: bytearray) -> int:
    """Return how many bytes have yet to come before what has been `received` can be loaded: of a long frame, of its head only."""
    have = len(received)
    if have < HEAD:
        return HEAD - have
    length = _length_at(received, 0)
    return HEAD + length - have if length <= LONG else 0


def taken(received: bytearray) -> bytearray:
    """Take the first frame out of what was `received`, and return it; of a long one, what has come.

    Nothing of it is missing. What is left there belongs to the next.
    """
    end = HEAD + _length_at(received, 0)
    frame = received[:end]
    del received[:end]
    return frame


def is_long(received: bytearray) -> bool:
    """Return whether a frame is a long one, whose head has come."""
    return _length_at(received, 0) > LONG


def unframed(frame: bytes | bytearray) -> tuple[Any, list[Parcel]]:
    """Return the message of a short frame, and the values that have come with it."""
    view = memoryview(frame)
    end = 2 * HEAD + _length_at(view, HEAD)
    message = pickle.loads(view[2 * HEAD : end])
    values = []
    while end < len(view):
        begin = end + HEAD
        end = begin + _length_at(view, end)
        values.append(Parcel(pickle.loads, view[begin:end]))
    return message, values


def _length_at(data: bytes | bytearray | memoryview, begin: int) -> int:
    length: int = _LENGTH.unpack_from(data, begin)[0]
    return length


def send(connection: socket.socket, frame: list[Piece]) -> None:
    """Send a frame over a blocking socket."""
    for piece in frame:
        connection.sendall(piece)


def receive(connection: socket.socket, begun: bytearray) -> tuple[Any, list[Parcel]]:
    """Return the message of a long frame, and the values that come with it over a blocking socket.

    Args:
      begun: what has come of it, at least its head; it is used up.

    Raises:
      EOFError: the other side is gone.
    """
    wire = _Wire(connection, begun)
    left = wire.length()
    parcels = []
    while left:
        size = wire.length()
        content = io.BufferedReader(_Content(wire, size), AT_ONCE)
        parcels.append(Parcel(pickle.load, content))
        while content.read(AT_ONCE):  # loading has failed before the end; if for want of a connection, this says so
            pass
        left -= HEAD + size
    message, *values = parcels
    return message.open(), values


class _Wire:
    """What has come already, then what comes over a blocking socket."""

    def __init__(self, connection: socket.socket, begun: bytearray) -> None:
        self._connection, self._begun = connection, begun

    def length(self) -> int:
        """Receive a length."""
        return _length_at(io.BufferedReader(_Content(self, HEAD)).read(), 0)

    def fill(self, view: memoryview) -> int:
        """Receive what `view` has room for, or the first part of it; return how much that is."""
        if self._begun:
            count = min(len(view), len(self._begun))
            view[:count] = self._begun[:count]
            del self._begun[:count]
            return count
        try:
            count = self._connection.recv_into(view, min(len(view), _MOST), socket.MSG_WAITALL)
        except ConnectionResetError:
            count = 0
        if not count:
            raise EOFError
        return count


class _Content(io.RawIOBase):
    """So many bytes of a wire, as a file."""

    def __init__(self, wire: _Wire, size: int) -> None:
        self._wire, self._left = wire, size

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        view = memoryview(buffer)[: self._left]
        count = self._wire.fill(view) if view else 0
        self._left -= count
        return count
