"""Status: how a process ended, in words."""

from __future__ import annotations

import signal

_SIGNALS = frozenset(map(int, signal.Signals))


def in_words(status: int) -> str:
    """Return what is to be said of a process with this exit status, which is ``-N`` where signal N killed it."""
    if status >= 0:
        return f"exited with status {status}"
    number = -status
    name = signal.Signals(number).name if number in _SIGNALS else signal.strsignal(number) or "unknown"
    return f"was killed by signal {number} ({name}{', out of memory?' if number == signal.SIGKILL else ''})"
