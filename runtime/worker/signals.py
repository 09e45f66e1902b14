"""Signals as a worker starts with them, whatever its scheduler does with its own."""

from __future__ import annotations

import signal

_IGNORED_BY_PYTHON = {signal.SIGPIPE, signal.SIGXFSZ}


def reset_signals() -> None:
    """Block no signal, and ignore none but those that Python itself does; SIGINT raises KeyboardInterrupt.

    What a scheduler blocks or ignores its workers inherit: SIGHUP under ``nohup``, SIGINT in the background of a shell.
    """
    for number in signal.valid_signals() - _IGNORED_BY_PYTHON:
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
