"""Parameters: what a session gives to all functions that have a parameter of that name."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from typing import Any, NoReturn

from actors.changes import SetParameters
from actors.controls import Controls


class Parameters(MutableMapping[str, Any]):
    """Values by name, shared by all tasks of a session; some are arguments. They may be changed from any thread.

    Args:
      controls: returns the session's controls, which hear of changes, or have them made elsewhere.
    """

    __slots__ = ("_changing", "_controls", "_values")

    def __init__(self, controls: Callable[[], Controls]) -> None:
        self._values: dict[str, Any] = {}  # replaced as a whole, so that readers need no lock
        self._controls = controls
        self._changing = threading.Lock()

    def snapshot(self) -> Mapping[str, Any]:
        """Return them as they are now: whoever looks at more than one needs that, since others may change them meanwhile."""
        kept = self._controls().parameters()
        return self._values if kept is None else kept

    def __getitem__(self, name: str) -> Any:
        return self.snapshot()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.snapshot())

    def __len__(self) -> int:
        return len(self.snapshot())

    def __setitem__(self, name: str, value: Any) -> None:
        self.update({name: value})

    def __delitem__(self, name: str) -> None:
        if name not in self.snapshot():
            raise KeyError(name)
        self._replace({}, (name,))

    def update(self, *others: Any, **values: Any) -> None:
        """Set several at once, as ``dict.update`` does."""
        new = dict(*others, **values)
        for name in new:
            if not isinstance(name, str):
                raise TypeError(f"the names of parameters are texts, not {name!r}")
        self._replace(new, ())

    def _replace(self, new: Mapping[str, Any], gone: tuple[str, ...]) -> None:
        if self._controls().elsewhere(SetParameters(new, gone)):
            return
        with self._changing:
            self._values = {name: value for name, value in {**self._values, **new}.items() if name not in gone}
        self._controls().parameters_changed(frozenset((*new, *gone)))

    def __repr__(self) -> str:
        return f"Parameters({dict(self.snapshot())!r})"


class Given(dict[str, Any]):
    """The parameters of one task: not to be changed in place, which nobody would notice."""

    def __setitem__(self, name: str, value: Any) -> NoReturn:
        raise TypeError(f"the parameters of a task are changed by assigning new ones: task.parameters = {{..., {name!r}: ...}}")

    def __reduce__(self) -> tuple[Any, ...]:
        return Given, (dict(self),)
