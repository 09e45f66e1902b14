"""Watchdog: a thread that notices when the loop of a runtime makes no step, and tells what it is busy with."""

from __future__ import annotations

import logging
import sys
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from time import monotonic

import trio

from runtime.logs import runtime_log
from runtime.nap import Nap
from runtime.signal_mask import blocked
from runtime.whereabouts import Glance, Whereabouts, glance

_LOOKS_AFTER = 1.0
"""Seconds after which a loop that is awake is looked at again at the latest, so that a change of ``stall_after`` soon counts."""
_LOOKS_TWICE = 0.25
"""The share of ``stall_after`` after which it is looked at again whether a loop that makes no step is busy with one thing."""
_LATE = 1.5
"""The share of ``stall_after`` beyond which this thread comes too late for that."""
_TO_END = 1.0
"""Seconds that the thread gets to end, since it may be in a handler of the log."""


@dataclass(frozen=True, slots=True)
class Stall:
    """A time in which the loop makes no step."""

    began: float
    """By ``time.monotonic``, like all times here: trio's own clock may be virtual, and stands still while the loop does."""
    where: Whereabouts
    """What kept it busy when that was noticed."""

    def in_words(self) -> str:
        """Return what is to be told of it while it goes on."""
        seconds = monotonic() - self.began
        return f"the scheduler has made no step for {seconds:.1f} s: {self.where.who} is in {self.where.line}; {self._way_out()}"

    def _way_out(self) -> str:
        return "give it execution='thread' or 'process'" if self.where.is_run else "what runs in its thread must not block"


class Pulse(trio.abc.Instrument):
    """Whether the loop is awake, written by the loop between its turns; one thread may wait for that to change.

    No lock is taken by the loop: it writes ``awake_since`` before it reads ``is_awaited``, and the thread writes these in the
    opposite order, so whatever happens between, one of them sees what the other has written.
    """

    __slots__ = ("_bell", "awake_since", "is_awaited", "is_over")

    def __init__(self) -> None:
        self.awake_since: float | None = monotonic()
        """When the turn began that goes on, by which turns are told apart; None while the loop waits for I/O."""
        self.is_awaited = self.is_over = False  # is_awaited: the thread is to be woken by the next change
        self._bell = threading.Event()

    def before_io_wait(self, timeout: float) -> None:
        self.awake_since = None
        if self.is_awaited:
            self.ring()

    def after_io_wait(self, timeout: float) -> None:
        self.awake_since = monotonic()
        if self.is_awaited:
            self.ring()

    def ring(self) -> None:
        """End the wait of the thread that waits; or the next, if none goes on."""
        self.is_awaited = False
        self._bell.set()

    def end(self) -> None:
        """End this wait, and all others before they begin."""
        self.is_over = True
        self._bell.set()

    def wait_for_change(self, seen: float | None, seconds: float | None = None) -> None:
        """Wait while ``awake_since`` is `seen`, at most so long; or less, as a ring may have been meant for an earlier wait."""
        self.is_awaited = True
        if self.awake_since == seen and not self.is_over:
            self.wait(seconds)
        self.is_awaited = False

    def wait(self, seconds: float | None) -> None:
        """Wait so long, or until it rings."""
        if not self.is_over:  # else its ring may be cleared already, as the end of another wait
            self._bell.wait(seconds)
        self._bell.clear()  # a ring that comes between these two announces what is looked at right after


class Watchdog:
    """Tells the log when the loop has made no step for ``stall_after``, once a stall, and once more when that is over.

    The thread wakes about twice in ``stall_after`` while the loop has something to do, however often that wakes itself; once it
    waits for I/O, the thread waits for it.

    Args:
      stall_after: returns the seconds, in whatever thread; infinity is never.
    """

    def __init__(self, stall_after: Callable[[], float]) -> None:
        self._stall_after = stall_after
        self._pulse = Pulse()
        self._stall: Stall | None = None
        self._anew = 0.0  # when the time of a turn begins to count that has begun before
        self._watched = 0

    @asynccontextmanager
    async def watching(self) -> AsyncIterator[None]:
        """Watch the loop and the thread that this is called in, for as long as the block lasts."""
        self._watched = threading.get_ident()
        thread = threading.Thread(target=self._watch, name="callsheet watchdog", daemon=True)
        trio.lowlevel.add_instrument(self._pulse)
        with blocked():
            thread.start()
        try:
            yield
        finally:
            trio.lowlevel.remove_instrument(self._pulse)
            self._pulse.end()
            thread.join(_TO_END)

    def problems(self) -> tuple[str, ...]:
        """Return what is to be told of the stall that goes on, if one does; from any thread."""
        stall = self._stall
        return () if stall is None else (stall.in_words(),)

    def _watch(self) -> None:
        while not self._pulse.is_over:
            if self._pulse.awake_since is None:
                self._pulse.wait_for_change(None)
            since = self._pulse.awake_since  # None if it has slept again before this thread could look: then nothing is amiss
            began = monotonic() if since is None else max(since, self._anew)
            left = began + self._stall_after() - monotonic()
            if since is None or left > 0:
                self._rest(max(left, 0.0))  # in any case: a loop that wakes and sleeps often must not wake this thread as often
            else:
                self._follow(since, began)

    def _rest(self, seconds: float) -> None:
        """Wait so long, at most; if that took far longer, as this process was stopped or suspended, measure anew."""
        seconds = min(seconds, _LOOKS_AFTER)
        nap = Nap(seconds)
        self._pulse.wait(seconds)
        if nap.stopped() > self._stall_after() / 2:  # else it may be a function that holds the GIL: that is a stall
            self._anew = monotonic()

    def _follow(self, since: float, began: float) -> None:
        """Tell of the turn that began at `since` and takes too long, the time from `began` on; then, of its end."""
        seen = self._glance()
        stall_after = self._stall_after()
        is_late = monotonic() - began > stall_after * _LATE  # a function held the GIL, and may have let go of it right now
        if seen is None or self._pulse.awake_since != since:  # it is over, and what is seen may not be what took so long
            return
        if not (is_late or self._goes_on(seen, since, stall_after * _LOOKS_TWICE)):
            return
        where = seen.in_words()  # only now: the loop may go on while files are read
        self._stall = stall = Stall(began, where)
        runtime_log.tell(logging.WARNING, "%s\n%s", stall.in_words(), where.stack)
        while self._goes_on(seen, since, stall_after):
            pass
        self._stall = None
        runtime_log.tell(logging.INFO, "the scheduler makes steps again, after %.1f s: %s", monotonic() - began, where.who)

    def _goes_on(self, seen: Glance, since: float, seconds: float) -> bool:
        """Wait so long, and return whether the turn that began at `since` still goes on with what was seen of it.

        A turn may be long because much is done in it, each for a moment: then time counts anew, and nothing is to be told.
        """
        self._pulse.wait_for_change(since, seconds)
        if self._pulse.awake_since != since or self._pulse.is_over:
            return False
        now = self._glance()
        if now is not None and now.is_like(seen):
            return True
        self._anew = monotonic()
        return False

    def _glance(self) -> Glance | None:
        frame = sys._current_frames().get(self._watched)
        return None if frame is None else glance(frame)
