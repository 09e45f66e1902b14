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
from collections.abc import Callable, Mapping
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


def opened_parameters(task: str, parcels: Mapping[str, Parcel]) -> dict[str, Any]:
    """Return the parameters that have come.

    Raises:
      UnportableParameter: one could not be loaded here; names it.
    """
    params = {}
    for name, parcel in parcels.items():
        try:
            params[name] = parcel.open()
        except Exception as exc:
            raise UnportableParameter(task, name, describe(exc)) from exc
    return params


def framed(message: object, *values: Pickled) -> list[Piece]:
    """Return the frame of `message` and the `values` that go with it: one piece if it is short, several if it is long."""
    body = pickle.dumps(message, pickle.HIGHEST_PROTOCOL)
    pieces: list[Piece] = [b"", _LENGTH.pack(len(body)), body]
    length = HEAD + len(body)
    for value in values:
        size = value.size
        pieces.append(_LENGTH.pack(size))
        pieces += value
        length += HEAD + size
    pieces[0] = _LENGTH.pack(length)
    return pieces if length > LONG else [b"".join(pieces)]


def length_after(head: bytes | bytearray | memoryview, begin: int = 0) -> int:
    """Return the length that stands at `begin`: for the head of a frame, how many bytes follow it."""
    length: int = _LENGTH.unpack_from(head, begin)[0]
    return length


def unframed(body: memoryview) -> list[Parcel]:
    """Return what is in a short frame, given all that follows its head: the message, then the values."""
    parcels, begin = [], 0
    while begin < len(body):
        end = begin + HEAD + length_after(body, begin)
        parcels.append(Parcel(pickle.loads, body[begin + HEAD : end]))
        begin = end
    return parcels


def send(connection: socket.socket, frame: list[Piece]) -> None:
    """Send a frame over a blocking socket."""
    for piece in frame:
        connection.sendall(piece)


def receive(connection: socket.socket, begun: bytearray, length: int) -> list[Parcel]:
    """Return what is in a long frame, whose head has come over a blocking socket: the message, then the values.

    Args:
      begun: what has come after the head; it is used up.
      length: how many bytes follow the head, these included.

    Raises:
      EOFError: the other side is gone.
    """
    wire = _Wire(connection, begun)
    parcels = []
    while length:
        size = length_after(_Content(wire, HEAD).reader().read(HEAD))
        content = _Content(wire, size).reader()
        parcels.append(Parcel(pickle.load, content))
        while content.read(AT_ONCE):  # loading has failed before the end; if for want of a connection, this says so
            pass
        length -= HEAD + size
    return parcels


class _Wire:
    """What has come already, then what comes over a blocking socket."""

    def __init__(self, connection: socket.socket, begun: bytearray) -> None:
        self._connection, self._begun = connection, begun

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

    def reader(self) -> io.BufferedReader:
        """Return the file that pickle takes. Of what is read into many bytes, none go through its buffer."""
        return io.BufferedReader(self, AT_ONCE)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        view = memoryview(buffer)[: self._left]
        count = self._wire.fill(view) if view else 0
        self._left -= count
        return count
