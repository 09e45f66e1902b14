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
