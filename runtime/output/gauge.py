"""Gauge: how much output has come to lie on disk, so that it is swept in time."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

MUCH = 64 << 20
"""Bytes of output, from all runs, after which it is time to delete that of runs which need not be kept."""
BLOCK = 4096
"""Bytes that a file takes on disk at least."""


class Gauge:
    """Counts bytes, and tells whenever so many more have come that there is much.

    Args:
      filled: is called then, in whatever thread, maybe in the middle of something; it must return at once.
    """

    def __init__(self, filled: Callable[[], object], most: int) -> None:
        self._filled, self._most = filled, most
        self._count = 0

    def add(self, size: int) -> None:
        """Count `size` bytes more; from any thread."""
        self._count += size  # not exact where several threads do so at once, which it need not be
        if self._count >= self._most:
            self._count = 0
            self._filled()


def on_disk(size: int) -> int:
    """Return how much a file of `size` bytes counts."""
    return max(size, BLOCK) if size else 0


def weight_of(folder: Path) -> int:
    """Return how much all files count in the folders within `folder`, as far as they can be looked at. Blocks."""
    total = 0
    with suppress(OSError):
        for of_task in os.scandir(folder):
            with suppress(OSError):
                total += sum(on_disk(entry.stat(follow_symlinks=False).st_size) for entry in os.scandir(of_task))
    return total
