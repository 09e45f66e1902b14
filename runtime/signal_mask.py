"""Signal masks: keeping signals from the thread that asks for it, and from children that are not ready for them."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterable, Iterator
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


def prepare_forks(signals: Iterable[int], prepare: Callable[[], object]) -> None:
    """Have `prepare` called in each child that this process forks from now on, before any of `signals` comes to it.

    Until then a child would do about them what this process does, as in its name; and who has forked it may end it at once.
    """
    before = threading.local()

    def block() -> None:
        before.mask = set_mask(signal.SIG_BLOCK, signals)

    def unblock() -> None:
        set_mask(signal.SIG_SETMASK, before.mask)

    os.register_at_fork(after_in_child=prepare)  # before what follows, since these are called in their order
    os.register_at_fork(before=block, after_in_parent=unblock, after_in_child=unblock)
