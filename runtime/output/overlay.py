"""Overlay: something that belongs to the whole process, covered for a time by something of ours."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

_CHANGING = threading.Lock()
"""Held while an overlay is laid or lifted: what it covers is one for all runtimes of a process, in whatever threads they are."""
_MARK = "callsheet_overlay"


class Overlay:
    """An attribute of an object, replaced by what passes on to what was there before.

    Several may lie on each other, and be lifted in any order: one that lies under another is taken away with that. What somebody
    else has put in its place is left alone.

    Args:
      owner, name: the object, and the name of its attribute.
      cover: returns what is put in the place of what is there. It must take an attribute of its own.
    """

    def __init__(self, owner: object, name: str, cover: Callable[[Any], Any]) -> None:
        self._owner, self._name, self._cover = owner, name, cover
        self._beneath: Any = None
        self._top: Any = None
        self._is_over = False

    def lay(self) -> None:
        """Put it there."""
        with _CHANGING:
            self._beneath = getattr(self._owner, self._name)
            self._top = self._cover(self._beneath)
            setattr(self._top, _MARK, self)
            setattr(self._owner, self._name, self._top)

    def lift(self) -> None:
        """Take it away, with those beneath that are over too; or later, with the one that lies on it."""
        with _CHANGING:
            self._is_over = True
            before = top = getattr(self._owner, self._name)
            while (overlay := _of(top)) is not None and overlay._is_over:
                top = overlay._beneath
            if top is not before:
                setattr(self._owner, self._name, top)


@contextmanager
def laid(*overlays: Overlay) -> Iterator[None]:
    """Have overlays lie there for as long as the block lasts."""
    for overlay in overlays:
        overlay.lay()
    try:
        yield
    finally:
        for overlay in reversed(overlays):
            overlay.lift()


def _of(top: Any) -> Overlay | None:
    """Return the overlay that `top` is of; None where it is somebody else's, who may pass on all attributes of ours."""
    overlay = getattr(top, _MARK, None)
    return overlay if isinstance(overlay, Overlay) and overlay._top is top else None
