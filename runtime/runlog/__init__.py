"""The run log: where records are kept. One contract, held by each kind of log and tested by one suite."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Protocol

from runtime.runlog.history import History
from runtime.runlog.retention import Keep
from runtime.runlog.wanted import EVERYTHING, Wanted


class RunLog(Protocol):
    """Documents in the order in which they were appended: records, and what else the runtime notes for its next start.

    Whoever opens it is the one that appends, in one thread; everything that only reads works in any thread and process, also
    meanwhile, and sees all that was appended up to some moment.
    """

    guard: threading.RLock
    """Held by whoever changes it."""
    is_untidy: bool
    """Whether there is something to :meth:`tidy`, as far as one can tell without looking."""

    trouble: OSError | None
    """What will keep it from being written before long, although it still can be; None if nothing."""

    def open(self) -> None:
        """Become the one that appends, and mend what a former one has left unfinished; nothing that is whole is lost.

        Raises:
          LogLocked: somebody else is; names who.
          LogUnusable: it cannot be used; says why, and what to do. It is left as it is.
        """

    def append(self, document: Mapping[str, Any]) -> None:
        """Add a document; when this returns it outlives the process. Bounded, and without waiting for a disk to be sure.

        Raises:
          OSError: it could not be written, and nothing of it is there.
          TypeError, ValueError: it has what cannot be written down, and nothing of it is there.
        """

    def sync(self) -> None:
        """Have what was appended outlive a loss of power, too. Blocks; from any thread, while appending goes on.

        Raises:
          OSError: the disk does not say that it does.
        """

    def seal(self) -> None:
        """Have the next :meth:`tidy` come to all that was appended so far, if that can be brought about now."""

    def tidy(self, keep: Keep, now: float) -> None:
        """Let go of what need not be kept. Blocks; from any thread, while appending and reading go on.

        Raises:
          OSError: it could not, or not yet; nothing that is to be kept is lost.
        """

    def history(self) -> History:
        """Return what all documents amount to, those too that were let go of."""
        ...

    def documents(self, wanted: Wanted = EVERYTHING, *, newest_first: bool = False) -> Iterator[dict[str, Any]]:
        """Yield the documents that are wanted, oldest first."""
        ...

    def rewrite(self, documents: Iterable[Mapping[str, Any]]) -> None:
        """Put `documents` in place of all that are there, or fail and change nothing."""

    def problems(self) -> tuple[str, ...]:
        """Return what is wrong with it, in words; from any thread."""
        ...

    def close(self) -> None:
        """Let somebody else open it. What is there can still be read. Closing twice does nothing."""
