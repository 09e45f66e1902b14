"""What runs an app: the only ways in.

``run(app)`` as a program; ``running(app)``, ``serve(app)`` and ``start_in_thread(app)`` inside one; ``open_runtime(app)``, on
which all of these stand, inside a trio program.

The names are loaded at first use: every worker process imports this package, and trio would cost it a tenth of a second.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from runtime.clock import Clock as Clock
    from runtime.clock import VirtualClock as VirtualClock
    from runtime.host import run as run
    from runtime.hosting import Hosted as Hosted
    from runtime.hosting import running as running
    from runtime.hosting import serve as serve
    from runtime.runlog.repo import open_repo as open_repo
    from runtime.runtime_thread import RuntimeThread as RuntimeThread
    from runtime.runtime_thread import start_in_thread as start_in_thread
    from runtime.system import Ended as Ended
    from runtime.system import System as System
    from runtime.system import open_runtime as open_runtime

_HOMES = {
    "Clock": "runtime.clock",
    "Ended": "runtime.system",
    "Hosted": "runtime.hosting",
    "RuntimeThread": "runtime.runtime_thread",
    "System": "runtime.system",
    "VirtualClock": "runtime.clock",
    "open_repo": "runtime.runlog.repo",
    "open_runtime": "runtime.system",
    "run": "runtime.host",
    "running": "runtime.hosting",
    "serve": "runtime.hosting",
    "start_in_thread": "runtime.runtime_thread",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'runtime' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOMES[name]), name)
