"""The options of commands, checked; and what may be given as one."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Literal

from actors.options import one_of

if TYPE_CHECKING:
    from pathlib import Path

CommandLine = str | Sequence[str | os.PathLike[str]]
"""A program and its arguments: a list of texts or paths, or one text, which is split into words as a shell does it."""

Argform = Literal["--", "long", "-", "short"]
"""How parameters become arguments: ``--name value`` or ``-name value``."""

OPTIONS = ("cwd", "env", "shell", "argform")
"""The options that only tasks with a command have."""

_DASHES = {"--": "--", "long": "--", "-": "-", "short": "-"}


def to_cwd(given: str | os.PathLike[str] | None) -> Path | None:
    """Return a working directory, absolute so that it stays the same; None for the scheduler's."""
    from pathlib import Path  # takes 5 ms to import

    return None if given is None else Path(given).absolute()


def to_env(given: Mapping[str, str | None] | None) -> dict[str, str | None]:
    """Return changes of the environment, checked."""
    changes = {} if given is None else given
    if not isinstance(changes, Mapping) or not all(map(_is_variable, changes, changes.values())):
        raise ValueError("a mapping of names of variables to texts is expected, or to None for those to be removed")
    return dict(changes)


def to_argform(given: Argform) -> str:
    """Return the dashes that `given` stands for."""
    return _DASHES[one_of(*_DASHES)(given)]


def _is_variable(name: object, value: object) -> bool:
    return (
        isinstance(name, str)
        and name != ""
        and not {"=", "\0"} & set(name)
        and (value is None or (isinstance(value, str) and "\0" not in value))
    )
