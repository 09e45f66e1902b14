"""Getting something done in the trio thread."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress

import trio


def in_trio() -> Callable[[Callable[[], object]], None]:
    """Return what has something done in this thread, which is trio's: at once from here, from elsewhere as soon as it can.

    Once trio has ended, nothing is done any more.
    """
    token, thread = trio.lowlevel.current_trio_token(), threading.get_ident()

    def do(step: Callable[[], object]) -> None:
        if threading.get_ident() == thread:
            step()
        else:
            with suppress(trio.RunFinishedError):
                token.run_sync_soon(step)

    return do


def soon_in_trio(step: Callable[[], object]) -> Callable[[], None]:
    """Return what has `step` done in this thread, which is trio's, but never at once: when its loop turns to it.

    So it may be called from any thread, and by whatever interrupts this one. What is asked for several times before that is done
    once. `step` must not raise.
    """
    token = trio.lowlevel.current_trio_token()

    def ask() -> None:
        with suppress(trio.RunFinishedError):
            token.run_sync_soon(step, idempotent=True)

    return ask
