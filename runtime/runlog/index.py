"""SegmentIndex: where in one file of lines those of a run, or of a task, begin.

Each document costs two keys of 8 bytes, one for its run id and one for its task: 24 bits of a hash, and 40 of where its line
begins. So of 16 million run ids two share their bits, and whoever reads a line looks whether it is the one.

Measured with a million records of 270 bytes in one file: built in 3.7 s, of which 2.7 are what decoding them takes; 16.0 MB; the
lines of one run are found in 0.4 ms.
"""

from __future__ import annotations

import math
from array import array
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from mmap import mmap
from typing import Any

from runtime.runlog.lines import complete_lines, decode
from runtime.runlog.wanted import Bounds, Wanted

_OFFSET_BITS = 40
_OFFSET = (1 << _OFFSET_BITS) - 1
_HASH = (1 << 24) - 1
_LOOSE = 4096
"""How many keys are not sorted yet: few enough to look through, so that adding one always costs the same."""
_MOST_TEXTS = 1000
"""For more run ids or tasks at once, reading all is quicker."""
_RARE = 4
"""An index helps where at most one in so many lines is wanted."""


class SegmentIndex:
    """An index of one file, which may still grow. One thread extends it; lookups in others need no lock meanwhile.

    It knows offsets in that file only: one that was replaced by another needs a new index.
    """

    def __init__(self) -> None:
        self.end = 0
        """Up to here the file is indexed: the beginning of what was not there yet, or not whole."""
        self.lines = 0
        """How many undamaged lines there are up to there."""
        self.earliest, self.latest = math.inf, -math.inf
        """The times of ``created`` that documents have; infinite where none has one."""
        self._runs, self._tasks = _Keys(), _Keys()

    def catch_up(self, data: bytes | mmap) -> None:
        """Take in the lines that were added since, where `data` is all of the file.

        Damaged ones are passed over, a torn last one is left for later.
        """
        for line in complete_lines(data, self.end):
            self.take_in(decode(line), len(line))

    def take_in(self, document: Mapping[str, Any] | None, size: int) -> None:
        """Take in the next line, which is `size` bytes long and has `document`, or is damaged."""
        offset, self.end = self.end, self.end + size
        if document is None:
            return
        self.lines += 1
        if isinstance(run_id := document.get("run_id"), str):
            self._runs.add(run_id, offset)
        if isinstance(task := document.get("task_name"), str):
            self._tasks.add(task, offset)
        if isinstance(created := document.get("created"), (float, int)) and "callsheet" not in document:  # not that of a header
            if created < self.earliest:  # noqa: PLR1730  # two calls more for each line are a tenth of building it
                self.earliest = created
            if created > self.latest:  # noqa: PLR1730  # likewise
                self.latest = created

    def offsets(self, wanted: Wanted) -> Sequence[int] | None:
        """Return where the lines begin that may be wanted, in the order of the file; None if the whole file is to be read.

        Among them may be some of others. All are below :attr:`end`.
        """
        bounds = wanted.bounds("created")
        if bounds != Bounds() and not bounds.overlaps(self.earliest, self.latest):
            return ()
        for column, keys in (("run_id", self._runs), ("task_name", self._tasks)):
            texts = wanted.exactly(column)
            if texts is not None and len(texts) <= _MOST_TEXTS:
                found = keys.offsets(texts, self.lines // _RARE)
                if found is not None:
                    return found
        return None

    def size(self) -> int:
        """Return how many bytes of memory its keys take."""
        return self._runs.size() + self._tasks.size()


class _Keys:
    """Texts and offsets, as keys in sorted arrays of one length, which are never merged: so adding one never takes long."""

    def __init__(self) -> None:
        self._sorted: list[array[int]] = []
        self._loose: list[int] = []

    def add(self, text: str, offset: int) -> None:
        loose = self._loose
        loose.append((hash(text) & _HASH) << _OFFSET_BITS | offset)
        if len(loose) == _LOOSE:
            self._sorted.append(array("Q", sorted(loose)))
            self._loose = []

    def offsets(self, texts: Iterable[str], most: int) -> list[int] | None:
        """Return the offsets of `texts`, sorted; None if there are more than `most`."""
        loose = self._loose  # looked at first: keys that are being sorted meanwhile are then found twice, and not missed
        found: set[int] = set()
        for low in {(hash(text) & _HASH) << _OFFSET_BITS for text in texts}:
            high = low | _OFFSET
            found.update(key & _OFFSET for key in loose if low <= key <= high)
            for keys in self._sorted:
                begin = bisect_left(keys, low)
                if begin < len(keys) and keys[begin] <= high:
                    found.update(key & _OFFSET for key in keys[begin : bisect_left(keys, high + 1, begin)])
            if len(found) > most:
                return None
        return sorted(found)

    def size(self) -> int:
        return sum(keys.itemsize * len(keys) for keys in self._sorted) + 8 * len(self._loose)


def lines_at(data: bytes | mmap, offsets: Iterable[int]) -> Iterator[bytes]:
    """Yield the lines of `data` that begin at `offsets`."""
    return (data[offset : data.find(b"\n", offset) + 1] for offset in offsets)
