"""Parameters: what a session gives to all functions that have a parameter of that name."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from typing import Any


class Parameters(MutableMapping[str, Any]):
    """Values by name, shared by all tasks of a session; some are arguments. They may be changed from any thread.

    Args:
      change: called with the new values, and the names of those that go, before they change; returns whether that was done
        elsewhere, so that nothing changes here.
      changed: called after they have changed.
    """

    def __init__(self, change: Callable[[Mapping[str, Any], tuple[str, ...]], bool], changed: Callable[[], object]) -> None:
        self._values: dict[str, Any] = {}  # replaced as a whole, so that readers need no lock
        self._change, self._changed = change, changed
        self._changing = threading.Lock()

    def __getitem__(self, name: str) -> Any:
        return self._values[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __setitem__(self, name: str, value: Any) -> None:
        self.update({name: value})

    def __delitem__(self, name: str) -> None:
        if name not in self._values:
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
        if self._change(new, gone):
            return
        with self._changing:
            self._values = {name: value for name, value in {**self._values, **new}.items() if name not in gone}
        self._changed()

    def __repr__(self) -> str:
        return f"Parameters({self._values!r})"
