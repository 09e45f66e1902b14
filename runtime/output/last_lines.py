"""LastLines: the end of what was written, line by line."""

from __future__ import annotations

from collections import deque

LINES_KEPT = 20
LONGEST_LINE = 1 << 14
"""Characters. A longer line counts as several of this."""
_MOST = LINES_KEPT * LONGEST_LINE


class LastLines:
    """Takes text in whatever pieces, and knows the last lines."""

    __slots__ = ("_ended", "_rest")

    def __init__(self) -> None:
        self._ended: deque[str] = deque(maxlen=LINES_KEPT)
        self._rest = ""  # the line that has no end yet

    def take(self, text: str) -> None:
        """Take the next piece."""
        if "\n" in text:
            *lines, text = (self._rest + text[-_MOST:]).split("\n")
            self._ended += [line[-LONGEST_LINE:] for line in lines]
            self._rest = ""
        self._rest += text
        if len(self._rest) > LONGEST_LINE:
            rest = self._rest[-_MOST:]
            pieces = [rest[begin : begin + LONGEST_LINE] for begin in range(0, len(rest), LONGEST_LINE)]
            self._rest = pieces.pop()
            self._ended += pieces

    def text(self) -> str | None:
        """Return them in one text; None if nothing was written."""
        lines = [*self._ended, self._rest] if self._rest else list(self._ended)
        return "\n".join(line.rstrip("\r") for line in lines[-LINES_KEPT:]) or None
