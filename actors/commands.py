"""Commands: programs that tasks run in place of functions."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from actors.command_options import CommandLine

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True)
class Command:
    """A program that a task runs, and how.

    It stands where the function of other tasks does: called with the parameters of a run, it returns what to execute for it.
    """

    line: str
    """The command as one text; with `shell`, what the shell reads."""
    argv: tuple[str, ...]
    """The program and its arguments, without parameters; with `shell`, the shell's."""
    shell: bool = False
    """Whether ``/bin/sh`` reads the line."""
    cwd: Path | None = None
    """The working directory, absolute; None is the scheduler's."""
    env: Mapping[str, str | None] = field(default_factory=dict, hash=False)
    """What is changed in the environment of the scheduler; None removes a variable."""
    argform: str = "--"
    """What stands before the name of a parameter: ``--`` or ``-``."""

    @classmethod
    def of(cls, given: CommandLine, *, shell: bool, cwd: Path | None, env: Mapping[str, str | None], argform: str) -> Command:
        """Return the command that `given` says.

        Raises:
          ValueError: it is none; says what is expected.
        """
        if shell:
            line = _shell_line(given)
            argv = ["/bin/sh", "-c", line]
        else:
            argv = _words(given)
            line = given.strip() if isinstance(given, str) else shlex.join(argv)
        return cls(line, tuple(argv), shell, cwd, env, argform)

    @property
    def __name__(self) -> str:
        """What a task of it is called by default: its text, on one line."""
        return " ".join(part.strip() for part in self.line.splitlines())

    def __str__(self) -> str:
        return self.line

    def __call__(self, /, **params: Any) -> list[str]:
        return self.argv_for(params)

    def argv_for(self, params: Mapping[str, Any]) -> list[str]:
        """Return what to execute with `params`, which follow as arguments, in their order.

        True gives the flag alone, False and None give nothing, a list or tuple the flag once for each of its values; of
        everything else the flag is followed by its text. With `shell` they are quoted.
        """
        arguments = [word for name, value in params.items() for word in self._arguments(name, value)]
        if not self.shell:
            return [*self.argv, *arguments]
        return [*self.argv[:-1], " ".join([self.line, *map(shlex.quote, arguments)])]

    def environment(self, base: Mapping[str, str]) -> dict[str, str]:
        """Return the environment of the program in a scheduler whose own is `base`."""
        return {name: value for name, value in {**base, **self.env}.items() if value is not None}

    def _arguments(self, name: str, value: Any) -> Iterator[str]:
        if isinstance(value, (list, tuple)):
            for each in value:
                yield from self._arguments(name, each)
        elif value is not None and value is not False:
            yield f"{self.argform}{name}"
            if value is not True:
                yield str(value)


def _shell_line(given: CommandLine) -> str:
    if not isinstance(given, str):
        raise TypeError("with shell=True one text is expected, the line that the shell reads")
    return _checked([given.strip()])[0]


def _words(given: CommandLine) -> list[str]:
    if not isinstance(given, str):
        return _checked(_listed(given))
    try:
        words = shlex.split(given)
    except ValueError as exc:
        raise ValueError(f"it cannot be split into words ({exc}); give a list of them, or shell=True") from exc
    if meant := {"|", "||", "&&", ";", ">", ">>", "<"} & set(words):
        raise ValueError(f"{min(meant)} is for a shell: give shell=True, or a list of words")
    return _checked(words)


def _listed(given: Sequence[str | os.PathLike[str]]) -> list[str]:
    if isinstance(given, (list, tuple)):
        words = [os.fspath(word) for word in given if isinstance(word, (str, os.PathLike))]
        if len(words) == len(given) and all(isinstance(word, str) for word in words):
            return words
    raise TypeError("a list of texts or paths is expected, or one text")


def _checked(words: list[str]) -> list[str]:
    if not words or not words[0]:
        raise ValueError("it is empty; a program to run is expected")
    if any("\0" in word for word in words):
        raise ValueError("it has a null character, which no program can be given")
    return words
