"""Blocking: calls that are known to hold up the scheduler, found in functions that would run in its thread."""

from __future__ import annotations

import builtins
import dis
import sys
from collections.abc import Iterator, Mapping
from itertools import pairwise
from types import CodeType, ModuleType
from typing import Any

from actors.callables import Function, is_async, plain_function
from actors.errors import BlockingTask

_HTTP = ("delete", "get", "head", "options", "patch", "post", "put", "request")
_KNOWN = {
    "httpx": (*_HTTP, "stream"),
    "os": ("system", "wait"),
    "requests": _HTTP,
    "socket": ("create_connection",),
    "subprocess": ("call", "check_call", "check_output", "getoutput", "getstatusoutput", "run"),
    "time": ("sleep",),
    "urllib.request": ("urlopen", "urlretrieve"),
}
"""{module: functions of it that return only after they have waited for something, whatever they are given}; and ``input``."""
_PACKAGES = frozenset(module.partition(".")[0] for module in _KNOWN)
_IN_PLACE = ("<listcomp>", "<setcomp>", "<dictcomp>")
_NULL_COMES_AFTER = sys.version_info >= (3, 13)


def warn_if_blocking(task: str, function: Function) -> None:
    """Warn, at the place where `function` is defined, if it is sync and calls something that is known to block."""
    if is_async(function) or (plain := plain_function(function)) is None:
        return
    if (call := blocking_call(plain.__code__, plain.__globals__)) is None:
        return
    import warnings

    registry = plain.__globals__.setdefault("__warningregistry__", {})  # where warnings keep which were shown
    file, line = plain.__code__.co_filename, plain.__code__.co_firstlineno  # that of its first decorator, if it has one
    warnings.warn_explicit(BlockingTask(task, call), None, file, line, plain.__module__, registry)


def blocking_call(code: CodeType, scope: Mapping[str, Any]) -> str | None:
    """Return the name of a function known to block that `code` calls by names of `scope`, such as ``time.sleep``; None if none.

    What it merely hands on is not called, as in ``Thread(target=time.sleep)``. Nothing is imported: a function whose module
    was not loaded cannot be among the globals.
    """
    known = _known()
    for part in _executed(code):
        if any(_leads_to(_meant(name, scope), known) for name in part.co_names):  # else the closer look is not worth its time
            for called in _called(part, scope):
                if (name := known.get(id(called))) is not None:
                    return name
    return None


def _known() -> dict[int, str]:
    """Return {id of a function: what it is called} of those that are loaded."""
    known = {id(input): "input"}
    for module, names in _KNOWN.items():
        found = getattr(sys.modules.get(module), "__dict__", {})
        known.update((id(found[name]), f"{module}.{name}") for name in names if name in found)
    return known


def _meant(name: str, scope: Mapping[str, Any]) -> object:
    return scope[name] if name in scope else vars(builtins).get(name)


def _leads_to(value: object, known: Mapping[int, str]) -> bool:
    """Return whether `value` is one of the functions, or a module in which one may be."""
    return id(value) in known or (isinstance(value, ModuleType) and value.__name__.partition(".")[0] in _PACKAGES)


def _executed(code: CodeType) -> Iterator[CodeType]:
    """Yield `code`, and what in it is executed where it stands; functions and generators in it may be executed elsewhere."""
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType) and constant.co_name in _IN_PLACE:
            yield from _executed(constant)


def _called(code: CodeType, scope: Mapping[str, Any]) -> Iterator[object]:
    """Yield what `code` calls by a global name, or by attributes of a module that has one; what else it yields is no function.

    Compilers mark a call where they load what is called: by a NULL that is loaded with it, or by the kind of the instruction.
    """
    steps = [step for step in dis.get_instructions(code) if step.opname != "EXTENDED_ARG"]
    found: object = None
    is_called = False
    for step, following in pairwise(steps):
        if step.opname == "LOAD_GLOBAL":
            found, is_called = _meant(step.argval, scope), step.argrepr != step.argval
        elif step.opname in ("LOAD_ATTR", "LOAD_METHOD") and isinstance(found, ModuleType):
            found = vars(found).get(step.argval)
            is_called = is_called or step.argrepr != step.argval or step.opname == "LOAD_METHOD"
        else:
            found = None
        if found is not None and (is_called or (_NULL_COMES_AFTER and following.opname == "PUSH_NULL")):
            yield found
