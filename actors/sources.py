"""Code that tasks run in place of functions: a text, or a function in a file that is loaded where the task runs."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from types import CodeType, ModuleType
from typing import TYPE_CHECKING, Any

from actors.args.base import Circumstances, all_valued
from actors.args.signature import Signature
from actors.callables import Function
from actors.portable import describe

if TYPE_CHECKING:
    from pathlib import Path

RESULT = "return_value"
"""The variable of a code task that holds what it returns."""


@dataclass(frozen=True)
class Code:
    """A text of Python. It stands where the function of other tasks does: called, it is executed anew, parameters its globals."""

    text: str

    @classmethod
    def of(cls, text: str) -> Code:
        """Return the code; raises ValueError if it is none."""
        if not isinstance(text, str):
            raise TypeError("a text of Python is expected")
        try:
            _compiled(text)
        except (SyntaxError, ValueError) as exc:
            where = f" in line {exc.lineno}" if isinstance(exc, SyntaxError) else ""
            raise ValueError(f"it is not Python: {describe(exc)}{where}") from exc
        return cls(text)

    def __call__(self, /, **params: Any) -> Any:
        """Execute it, and return its ``return_value``, None if it sets none."""
        module = _module(ModuleType("<code>"))
        vars(module).update(params)
        exec(_compiled(self.text), vars(module))  # noqa: S102  # it is what the user wants executed
        return vars(module).get(RESULT)


@dataclass(frozen=True)
class InFile:
    """A function in a file, which is loaded anew for each run, where that runs."""

    path: Path
    function: str

    @classmethod
    def of(cls, path: str | os.PathLike[str], function: str) -> InFile:
        """Return the function of that name in the file, which must be there; raises ValueError."""
        from pathlib import Path  # takes 5 ms to import

        file = Path(path).absolute()
        if not file.is_file():
            raise ValueError(f"there is no file {file}")
        return cls(file, function)

    @property
    def __name__(self) -> str:
        """What a task of it is called by default, such as ``jobs.report:main``."""
        return f"{self.path.parent.name}.{self.path.stem}:{self.function}"

    def __call__(self, /, **params: Any) -> Any:
        return self.loaded()(**params)

    def loaded(self) -> Function:
        """Execute the file as a module, and return the function. Its folder can be imported from, last of all places.

        Raises:
          LookupError: there is no such function in it. Also whatever executing it raises.
        """
        from importlib.util import module_from_spec, spec_from_file_location  # loading is not everybody's business

        folder = str(self.path.parent)
        if folder not in sys.path:
            sys.path.append(folder)
        spec = spec_from_file_location(f"<{self.path}>", self.path)
        if spec is None or spec.loader is None:
            raise ImportError(f"{self.path} is no Python file", path=str(self.path))
        module = _module(module_from_spec(spec))
        spec.loader.exec_module(module)
        function: Function | None = getattr(module, self.function, None)
        if function is None:
            raise LookupError(f"{self.path} has no function {self.function!r}")
        return function


def _compiled(text: str) -> CodeType:
    return compile(text, "<code>", "exec", dont_inherit=True)


def _module(module: ModuleType) -> ModuleType:
    """Return `module`, known by its name from now on: dataclasses look their modules up. No import finds such a name."""
    sys.modules[module.__name__] = module
    return module


def found(function: Function, owner: str, kwargs: Mapping[str, Any], here: Circumstances) -> tuple[Function, dict[str, Any]]:
    """Return the function that is to be called where this is executed, and what with, all arguments valued.

    Args:
      owner: whose it is, in words.
    """
    if isinstance(function, InFile):
        function = function.loaded()
        kwargs = Signature.of(owner, function).fit(kwargs, here.session.parameters.snapshot())
    return function, all_valued(owner, kwargs, here)
