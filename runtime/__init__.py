"""What runs an app: ``run(app)`` for programs, ``open_runtime(app)`` inside a trio program. The only ways in.

The names are loaded at first use: every worker process imports this package, and trio would cost it a tenth of a second.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from runtime.clock import Clock as Clock
    from runtime.clock import VirtualClock as VirtualClock
    from runtime.host import run as run
    from runtime.repo import open_repo as open_repo
    from runtime.system import Ended as Ended
    from runtime.system import System as System
    from runtime.system import open_runtime as open_runtime

_HOMES = {
    "Clock": "runtime.clock",
    "Ended": "runtime.system",
    "System": "runtime.system",
    "VirtualClock": "runtime.clock",
    "open_repo": "runtime.repo",
    "open_runtime": "runtime.system",
    "run": "runtime.host",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'runtime' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOMES[name]), name)
