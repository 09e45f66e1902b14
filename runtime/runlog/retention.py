"""Retention: which documents of a run log are to be kept. Decided here, carried out by whoever keeps them."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Keep:
    """How much is kept. The last success and the last failure of each task always are, and so is what has not ended."""

    seconds: float = math.inf
    """How old a run may be."""
    runs: float = math.inf
    """How many runs of each task, the latest."""


FOREVER = Keep()
