"""Finding where an app lives, so that a worker process can load it too."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

from actors.app import App
from actors.callables import name_of
from actors.portable import Reference, describe
from runtime.loading import MAIN
from runtime.logs import runtime_log
from runtime.worker.protocol import Program, Source


def program_of(app: App) -> Program:
    """Return what a worker must load to have `app`: the module that holds it under a name, the main script first.

    Where no module holds it (it was made inside a function), workers load the main script if tasks are defined there, and
    find functions by their own names.
    """
    source, name = None, None
    main = sys.modules["__main__"]
    if (holder := _holder(app, main)) is not None:
        module, name = holder
        source = _main_source(main) if module is main else _source(module)
    elif any(getattr(task.func, "__module__", None) == "__main__" for task in app.session.tasks):
        source = _main_source(main)
    if source is not None and source.name == MAIN:
        sys.modules.setdefault(MAIN, main)  # what a worker's pickles call its classes
    hooks = () if source is not None and name is not None else tuple(_references(app))
    level = logging.getLogger("callsheet").getEffectiveLevel()
    return Program(list(sys.path), list(sys.argv), source, name, level, hooks)


def _references(app: App) -> Iterator[Reference]:
    """Yield the hooks of an app that no module holds, as workers can find them."""
    for hook in app.session.hooks.task_execute:
        try:
            yield Reference(hook.function)
        except Exception as exc:
            told = "the hook %s is not called in processes: it cannot be sent to one (%s)"
            runtime_log.tell(logging.WARNING, told, name_of(hook.function), describe(exc))


def _holder(app: App, main: ModuleType) -> tuple[ModuleType, str] | None:
    for module in (main, *list(sys.modules.values())):
        names = getattr(module, "__dict__", {})
        for name, value in list(names.items()):
            if value is app:
                return module, name
    return None


def _main_source(main: ModuleType) -> Source | None:
    """Return how to load the main script, None where there is no file (an interactive session, ``python -c``)."""
    spec = getattr(main, "__spec__", None)
    if spec is not None and spec.name != "__main__":
        return Source(MAIN, spec.origin, spec.name)
    file = getattr(main, "__file__", None)
    return Source(MAIN, file) if file is not None and Path(file).exists() else None  # it may be "<stdin>"


def _source(module: ModuleType) -> Source:
    """Return how to load a module other than the main script: a plain one from its file, a part of a package by its name."""
    name, file = module.__name__, getattr(module, "__file__", None)
    return Source(name) if "." in name or hasattr(module, "__path__") else Source(name, file)
