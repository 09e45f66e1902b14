"""Status: how a process ended, in words."""

from __future__ import annotations

import signal

_LONGEST_WORD = 300
"""Characters of the last line of stderr that are quoted."""
_SIGNALS = frozenset(map(int, signal.Signals))


def in_words(status: int) -> str:
    """Return what is to be said of a process with this exit status, which is ``-N`` where signal N killed it."""
    if status >= 0:
        return f"exited with status {status}"
    number = -status
    name = signal.Signals(number).name if number in _SIGNALS else signal.strsignal(number) or "unknown"
    return f"was killed by signal {number} ({name}{', out of memory?' if number == signal.SIGKILL else ''})"


def with_last_words(how: str, said: str) -> str:
    """Return `how` a process ended, with what it said last, if anything."""
    return f"{how}: {said[:_LONGEST_WORD]}" if said else how
