"""Signal masks: keeping signals from the thread that asks for it."""

from __future__ import annotations

import signal
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from runtime.bare_signals import set_mask


@contextmanager
def blocked(signals: Iterable[int] = signal.valid_signals()) -> Iterator[None]:
    """Let none of these signals come to this thread inside the block, nor ever to the threads that are begun there.

    A signal to the process is given to any thread that lets it come. Python handles it in the main thread, but that goes on
    waiting in whatever it waits in, unless it was given the signal itself: so no other thread of ours should get one. Threads
    that run code of the user's let them come, since the programs they start inherit what is blocked.
    """
    before = set_mask(signal.SIG_BLOCK, signals)
    try:
        yield
    finally:
        set_mask(signal.SIG_SETMASK, before)
