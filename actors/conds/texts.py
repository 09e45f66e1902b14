"""Texts in conditions: names of tasks and the like, in quotes."""

from __future__ import annotations

import re

QUOTED = re.compile(r"'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"", re.DOTALL)


def quoted(name: object) -> str:
    """Return `name` in quotes, so that ``unquoted`` gives it back; a function goes by its own name."""
    text = name if isinstance(name, str) else getattr(name, "name", None) or getattr(name, "__name__", None) or repr(name)
    return "'" + str(text).replace("\\", "\\\\").replace("'", "\\'") + "'"


def unquoted(text: str) -> str:
    """Return what stands in quotes."""
    return re.sub(r"\\(.)", r"\1", text[1:-1], flags=re.DOTALL)
