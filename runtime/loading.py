"""Loading the module of an app: the target of the command line, and again in each worker process."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from importlib.machinery import ModuleSpec
from types import CodeType, ModuleType

from actors.errors import LoadingEnded
from actors.loading import loading
from runtime.worker.protocol import Source

MAIN = "__mp_main__"
"""The name of the main script in a worker, as multiprocessing has it: a ``__main__`` guard keeps its meaning there."""


def load(source: Source) -> ModuleType:
    """Load `source`: up to its end, or to where it would start a scheduler. Raises what it raises."""
    token = loading.set(True)
    try:
        return _loaded(source)
    finally:
        loading.reset(token)


def _loaded(source: Source) -> ModuleType:
    if source.name == MAIN:
        return _execute((MAIN, "__main__"), _spec(source))
    if source.file is None:
        try:
            return importlib.import_module(source.name)
        except LoadingEnded:
            pass  # the import system has thrown the module away: execute it again, keeping it
    return _execute((source.name,), _spec(source))


def _spec(source: Source) -> ModuleSpec:
    name = source.spec_name or source.name
    spec = (
        importlib.util.spec_from_file_location(name, source.file)
        if source.file is not None and source.spec_name is None
        else importlib.util.find_spec(name)
    )
    if spec is None:
        raise ModuleNotFoundError(f"no module named {name!r}", name=name)
    return spec


def _code(spec: ModuleSpec) -> CodeType:
    get_code = getattr(spec.loader, "get_code", None)
    code = get_code(spec.name) if get_code is not None else None
    if not isinstance(code, CodeType):
        raise ImportError(f"{spec.origin} has no Python code")  # noqa: TRY004  # a module is what is wrong, not a type
    return code


def _execute(names: tuple[str, ...], spec: ModuleSpec) -> ModuleType:
    """Execute the module of `spec` under each of `names`, the first of which is its own."""
    code = _code(spec)
    module = ModuleType(names[0])
    module.__spec__, module.__package__, module.__loader__ = spec, spec.parent, spec.loader
    module.__file__ = spec.origin
    if spec.submodule_search_locations is not None:
        module.__path__ = list(spec.submodule_search_locations)
    sys.modules.update(dict.fromkeys(names, module))
    try:
        exec(code, vars(module))  # noqa: S102  # what importing does, except that the module stays when its loading ends early
    except BaseException as exc:
        if not _ended_early(exc):
            for name in names:
                del sys.modules[name]
            raise
    return module


def _ended_early(error: BaseException) -> bool:
    """Return whether `error` says that the loading ended: by itself, or out of a nursery of the module's own."""
    if isinstance(error, BaseExceptionGroup):
        return error.split(LoadingEnded)[1] is None
    return isinstance(error, LoadingEnded)
