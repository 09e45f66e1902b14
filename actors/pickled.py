"""A value as it crosses to another process."""

from __future__ import annotations

import pickle

Piece = bytes | bytearray | memoryview


class Pickled(list[Piece]):
    """A pickled value, in pieces.

    What holds 64 KiB of bytes or more is a piece itself, wherever it is in the value, and not a copy. So what of it can be
    changed must not be, until the pieces have been used.

    Raises:
      Exception: it cannot be pickled; whatever pickle raises.
    """

    def __init__(self, value: object) -> None:
        pickle.Pickler(self, pickle.HIGHEST_PROTOCOL).dump(value)

    def write(self, piece: Piece | pickle.PickleBuffer) -> None:
        """Append a piece: to pickle, this is a file."""
        self.append(piece.raw() if isinstance(piece, pickle.PickleBuffer) else piece)

    @property
    def size(self) -> int:
        """How many bytes the pieces have together."""
        return len(self[0]) if len(self) == 1 else sum(map(len, self))
