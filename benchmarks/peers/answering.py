"""How a peer is asked: a line of words for each question, a line of JSON for each answer. Imports the standard library only."""

from __future__ import annotations

import gc
import json
import os
import sys
from collections.abc import Callable, Mapping

Value = float | list[list[float]]
"""What a deed took, in its own unit, mostly seconds; or when the starts of each task were."""
Deed = Callable[..., Value]
"""Takes how many launches there are, and more numbers where it is about something else."""


def answer(package: str, deeds: Mapping[str, Deed]) -> None:
    """Say which deeds are offered, then do each that is asked for, until nobody asks any more.

    A question is the name of a deed and its numbers, ``thread 1000``; the answer to it is
    ``{"name": "thread", "launches": 1000, "value": 0.13}``. The first line says who answers, before anything is asked:
    ``{"package": "APScheduler 3.11.3", "offers": ["thread", …]}``.

    Args:
      package: what is measured, with its version.
    """
    with os.fdopen(os.dup(1), "w", buffering=1) as answers:
        os.dup2(2, 1)  # what a package or a child prints is not an answer
        print(json.dumps({"package": package, "offers": list(deeds)}), file=answers)
        for line in sys.stdin:
            name, *numbers = line.split()
            gc.collect()
            value = deeds[name](*map(int, numbers))
            print(json.dumps({"name": name, "launches": int(numbers[0]), "value": value}), file=answers)
