"""The memory of this process. Imports the standard library only, since peers of Callsheet are asked for theirs too."""

from __future__ import annotations

import os
from pathlib import Path


def resident() -> int:
    """Return the bytes of memory that this process uses, as the system counts them."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE")
