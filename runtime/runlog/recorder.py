"""Recorder: what the rest of the runtime speaks to when something happened to a run."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import cached_property
from time import monotonic
from typing import Any

import trio

from actors.errors import LogFailed
from actors.portable import describe
from actors.progress import Progress
from runtime.clock import Clock
from runtime.identity import Identity, identity_of
from runtime.logs import runtime_log, task_log
from runtime.recovery import Recovery
from runtime.runlog import RunLog
from runtime.runlog.backlog import Backlog
from runtime.runlog.group_commit import GroupCommit
from runtime.runlog.history import History
from runtime.runlog.lines import writable
from runtime.runlog.retention import FOREVER, Keep

LEVELS = {"fail": logging.ERROR, "error": logging.ERROR, "missed": logging.WARNING, "retry": logging.WARNING}
TIDY_AGAIN = 60.0
"""Seconds until tidying is tried again that could not do all."""
NOTHING_KNOWN = Recovery()


@dataclass(frozen=True, slots=True)
class LogTerms:
    """What an app wants of its run log."""

    durability: str = "process"
    """``process`` or ``power``."""
    on_failure: str = "continue"
    """``continue`` or ``halt``."""
    keep: Keep = FOREVER


class Recorder:
    """Writes the records of runs.

    A record is in the log when ``record`` returns. If the log cannot be written, the runtime goes on: records wait in memory and
    follow in their order as soon as it can; or it is told to end, where the app wants that.

    Args:
      elapsed: seconds on a clock that is not set.
    """

    def __init__(self, log: RunLog, clock: Clock, elapsed: Callable[[], float] = monotonic) -> None:
        self._log, self.clock = log, clock
        self._terms = LogTerms()
        self._backlog = Backlog(self._append, self._on_recovered, elapsed)
        self._commit = GroupCommit(log.sync, self._halt)
        self._untidy = trio.Event()
        self._serving, self._is_stopped = trio.CancelScope(), False
        self._tidying_problem: str | None = None
        self._trouble: OSError | None = None
        self._count, self._is_closed = 0, False
        self.is_strict = False
        """Whether the function of a run begins, and its outcome is seen, only when its record would outlive a loss of power."""
        self.failure: LogFailed | None = None
        """Why the app is to end, where it wants to end if the log cannot be written."""
        self.on_halt: Callable[[LogFailed], object] = lambda _: None
        """Is told of the failure, once."""

    @property
    def count(self) -> int:
        """How many records there are, and other lines: the number of the latest."""
        return self._count

    @property
    def lost(self) -> int:
        """How many records are lost, since the log could not be written; after ``close``, for good."""
        return self._backlog.lost

    def take(self, terms: LogTerms) -> None:
        """Go by these terms from now on."""
        self._terms, self.is_strict = terms, terms.durability == "power"
        self._halt(self._backlog.error)

    def problems(self) -> tuple[str, ...]:
        """Return what is wrong with it now, in words; from any thread."""
        ours = (self._backlog.problem, self._commit.problem, self._tidying_problem)
        return (*(problem for problem in ours if problem is not None), *self._log.problems())

    def open(self, recovery: Recovery = NOTHING_KNOWN) -> History:
        """Open the log, close the runs that a former life left open and that do not go on, and return what it amounts to.

        Args:
          recovery: how they are dealt with; by default as if there were none of their tasks any more.

        Raises:
          LogLocked, LogUnusable: it cannot be written; nothing was changed.
        """
        self._log.open()
        try:
            return self._taken_over(recovery)
        except BaseException:
            self._log.close()
            raise

    def _taken_over(self, recovery: Recovery) -> History:
        history = self._log.history()
        self._count = history.count
        for document in recovery.carried_out(history, self.clock):
            self.record(document)
            history.take_in(document)
        return history

    async def serve(self) -> None:
        """Do what takes its time, until ``stop``: have the disk confirm, try again what could not be written, tidy up.

        Where that fails, it may be called again.
        """
        with trio.CancelScope(shield=True) as self._serving:  # runs that end while all is cancelled still wait for the disk
            if self._is_stopped:
                return
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._commit.serve)
                nursery.start_soon(self._backlog.keep_trying)
                await self._keep_tidy()

    def stop(self) -> None:
        """End ``serve``: the last run has ended."""
        self._is_stopped = True
        self._serving.cancel()

    async def _keep_tidy(self) -> None:
        while True:
            if (self._log.is_untidy or self._log.trouble is not None) and not await self._tidy():
                await trio.sleep(TIDY_AGAIN)
                continue
            await self._untidy.wait()
            self._untidy = trio.Event()

    async def _tidy(self) -> bool:
        """Tidy up once, and return whether that was possible."""
        keep, now = self._terms.keep, self.clock.now()
        try:
            await trio.to_thread.run_sync(
                self._log.tidy,
                keep,
                now,
                abandon_on_cancel=True,
                limiter=trio.CapacityLimiter(1),
                thread_name="callsheet tidying",
            )
        except Exception as exc:  # whatever it is that somebody has put beside the log, the app goes on
            self._tidying_problem = f"the run log cannot be tidied up ({describe(exc)})"
            runtime_log.tell(logging.ERROR, "%s", self._tidying_problem)
            return False
        self._tidying_problem = None
        return self._log.trouble is None

    def make_room(self) -> None:
        """Have runs let go of now, as their output takes much room: seal the active segment, and tidy up. In the trio thread."""
        if not self._is_stopped:
            self._log.seal()
            self._untidy.set()

    async def synced(self) -> None:
        """Wait until what is on record by now would outlive a loss of power, if the app wants that: else no checkpoint."""
        if self.is_strict:
            await self._commit.done()

    def when_synced(self, then: Callable[[], object]) -> None:
        """Have `then` called once what is on record by now would outlive a loss of power, if the app wants that: else at once."""
        if self.is_strict:
            self._commit.when_done(then)
        else:
            then()

    def note(self, document: dict[str, Any]) -> None:
        """Write `document`, which is no record but for the next start of the runtime, if it can be written.

        Not after ``close``, as what was left behind ends when it likes: the log may be another runtime's by then.
        """
        if not self._backlog and not self._is_closed:
            with suppress(OSError):
                self._append(document)

    def note_progress(self, begun: Mapping[str, Any], update: Progress) -> None:
        """Note how far a run is whose "run" record is like `begun`, and tell the standard loggers."""
        self._note_of(begun, "progress", progress=asdict(update))
        task_log.tell(logging.INFO, "task %r run %s: %s", begun["task_name"], begun["run_id"], update)

    def note_worker(self, begun: Mapping[str, Any], identity: Identity) -> None:
        """Note which process executes a run whose "run" record is like `begun`, and that this one started it, before it does."""
        known = {"pid": identity.pid, "pid_start": identity.started, "boot": identity.boot}
        if self._scheduler is not None:
            known |= {"scheduler": self._scheduler.pid, "scheduler_start": self._scheduler.started}
        self._note_of(begun, "worker", **known)

    @cached_property
    def _scheduler(self) -> Identity | None:
        return identity_of(os.getpid())

    def note_late(self, begun: Mapping[str, Any], words: str) -> None:
        """Note what became of a function after its run was put on record as ended, and tell the standard loggers."""
        self._note_of(begun, "late", afterwards=words)
        task_log.tell(logging.INFO, "task %r run %s: %s", begun["task_name"], begun["run_id"], words)

    def _note_of(self, begun: Mapping[str, Any], action: str, **known: Any) -> None:
        columns = {name: begun[name] for name in ("created", "task_name", "run_id", "start")}
        self.note({**columns, "action": action, **known})

    def record(self, document: dict[str, Any], *, is_warning: bool = False) -> int:
        """Write `document`, a record as its columns, tell the standard loggers, and return its number in the order of records.

        Args:
          is_warning: whether it is told as a warning, whatever its action.
        """
        self._count = number = self._count + 1
        if self._backlog.error is None:
            try:
                self._append(document)
            except OSError as exc:
                self._backlog.add(document, exc)
        else:
            self._backlog.follow(document)
        if self._log.is_untidy:
            self._untidy.set()
        level = logging.WARNING if is_warning else LEVELS.get(document["action"], logging.INFO)
        if task_log.wants(level):
            task_log.tell(level, "%s", ": ".join(_sayings(document)), extra={"callsheet": dict(document)})
        if self._backlog.error is not None or self._log.trouble is not self._trouble:
            self._take_trouble()  # last: what that ends is put on record, too
        return number

    def close(self) -> None:
        """Write what waits, if it can be written, and let go of the log."""
        if self._backlog:
            self._backlog.write(float("inf"))
        if self.is_strict:
            self._commit.finish()
        self._backlog.give_up()
        self._is_closed = True
        self._log.close()

    def _append(self, document: Mapping[str, Any]) -> None:
        """Write `document`, with a text in place of what cannot be written down."""
        try:
            self._log.append(document)
        except (TypeError, ValueError):  # a value of the user's: that there is a record matters more than that
            self._log.append(writable(document))

    def _on_recovered(self, lost: int) -> None:
        if lost:
            reason = f"the run log could not be written for a while, and has lost {lost} records"
            self.record({"created": self.clock.now(), "task_name": "", "run_id": "", "action": "error", "reason": reason})

    def _take_trouble(self) -> None:
        """Take note of what keeps the log from being written, or will before long, or does not any more."""
        trouble = self._log.trouble
        if trouble is not None and trouble is not self._trouble:
            runtime_log.tell(logging.ERROR, "run log: %s; it goes on in the room that was kept for the last records", trouble)
            self._untidy.set()
        self._trouble = trouble
        self._halt(self._backlog.error or trouble)

    def _halt(self, error: OSError | None) -> None:
        """Have the app end, if there is an error and it wants to where its log cannot be written."""
        if error is not None and self._terms.on_failure == "halt" and self.failure is None:
            self.failure = LogFailed(str(error))
            self.on_halt(self.failure)


def _sayings(document: Mapping[str, Any]) -> Iterator[str]:
    yield f"task {document['task_name']!r}" + (f" run {document['run_id']}" if document["run_id"] else "")
    yield f"{document['action']} ({document['reason']})" if document.get("reason") else document["action"]
    if (retry_at := document.get("retry_at")) is not None:
        wait = f"{max(retry_at - document['created'], 0.0):.1f} s"
        yield f"attempt {document['attempt']} of {document['attempts']}, again in {wait}"
    elif text := document.get("exc_text"):  # of what is tried again the record has it
        yield f"\n{text}"
