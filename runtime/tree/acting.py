"""Acting: which actor's method is being executed."""

from __future__ import annotations

from contextvars import ContextVar
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from runtime.tree.life import Life

acting: ContextVar[Life | None] = ContextVar("callsheet_acting", default=None)
"""The life whose method is being executed, so that what that waits for is known to keep the actor waiting."""
