"""What a function takes, and how its arguments come together."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from actors.args.base import Argument
from actors.callables import Function
from actors.errors import MissingArgument, UnexpectedArgument


@dataclass(frozen=True)
class Signature:
    """What a function takes, looked at once and not at each call."""

    owner: str
    """Whose function it is, in words, such as ``task 'fetch'``."""
    required: tuple[str, ...] = ()
    """Parameters without a default."""
    accepted: tuple[str, ...] = ()
    """Parameters that can be given by name."""
    arguments: Mapping[str, Argument] = field(default_factory=dict)
    """Defaults that value themselves."""
    takes_any: bool = False
    """Whether there is a ``**kwargs``."""

    @property
    def is_bare(self) -> bool:
        """Whether a call without parameters needs nothing to be found or valued."""
        return not self.required and not self.arguments

    def after(self, bound: frozenset[str]) -> Signature:
        """Return what is left to be given by name where the parameters called `bound` are given by position."""
        return replace(
            self,
            required=tuple(name for name in self.required if name not in bound),
            accepted=tuple(name for name in self.accepted if name not in bound),
            arguments={name: value for name, value in self.arguments.items() if name not in bound},
        )

    @classmethod
    def of(cls, owner: str, function: Function) -> Signature:
        """Look at `function`; one without a readable signature (some built-ins) is taken to accept anything.

        Raises:
          TypeError: it has an argument that could not be given by name, and would be passed on without a value.
        """
        try:
            parameters = inspect.signature(function).parameters.values()
        except (ValueError, TypeError):
            return cls(owner, takes_any=True)
        unnamed = [p.default for p in parameters if p.kind is p.POSITIONAL_ONLY]
        for value in (*unnamed, *(function.args if isinstance(function, partial) else ())):
            if isinstance(value, Argument):
                raise TypeError(
                    f"{value!r} of {owner} is given by position; only arguments that are given by name find their value"
                )
        for parameter in parameters:
            if isinstance(parameter.default, type) and issubclass(parameter.default, Argument):
                raise TypeError(f"write {parameter.name}={parameter.default.__name__}() of {owner} with parentheses")
        named = [p for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)]
        positional_only = [p.name for p in parameters if p.kind is p.POSITIONAL_ONLY and p.default is p.empty]
        return cls(
            owner,
            required=(*positional_only, *(p.name for p in named if p.default is p.empty)),
            accepted=tuple(p.name for p in named),
            arguments={p.name: p.default for p in named if isinstance(p.default, Argument)},
            takes_any=any(p.kind is p.VAR_KEYWORD for p in parameters),
        )

    def found(self, given: Mapping[str, Any], shared: Mapping[str, Any]) -> dict[str, Any]:
        """Return the keyword arguments that there are, whether they fit or not: see :meth:`fit`."""
        found = {name: shared[name] for name in self.accepted if name in shared} if shared else {}
        return {**found, **self.arguments, **given}

    def fit(self, given: Mapping[str, Any], shared: Mapping[str, Any]) -> dict[str, Any]:
        """Return the keyword arguments of a call, arguments still unvalued.

        What is `given` comes over the function's own arguments, and these over what is `shared` under a parameter's name; plain
        defaults come last.

        Raises:
          MissingArgument: a parameter without a default is not given.
          UnexpectedArgument: one is given that the function does not take.
        """
        if not self.takes_any:
            for name in given:
                if name not in self.accepted:
                    raise UnexpectedArgument(self.owner, name, self.accepted)
        found = self.found(given, shared)
        for name in self.required:
            if name not in found:
                raise MissingArgument(self.owner, name, sorted({*found, *shared}))
        return found
