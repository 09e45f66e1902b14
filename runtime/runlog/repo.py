"""Repo: questions to the run log."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterator, Mapping
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from actors.columns import COLUMNS
from actors.errors import UnknownColumn
from actors.opers import between, check_known
from actors.progress import progress_in
from actors.records import TaskRunRecord
from actors.statistics import TaskStats
from runtime.runlog import RunLog
from runtime.runlog.file_log import FileLog
from runtime.runlog.memory_log import MemoryLog
from runtime.runlog.segments import asked_anew
from runtime.runlog.statistics import stats_of
from runtime.runlog.wanted import Wanted

if TYPE_CHECKING:
    from cattrs import Converter
    from tinydb.table import Table


class RunQuery:
    """Records that match, oldest first; asked of the log anew each time, so it sees what was added."""

    def __init__(self, repo: RunRepo, wanted: Wanted, most: int | None = None) -> None:
        self._repo, self._wanted, self._most = repo, wanted, most

    def all(self) -> list[Any]:
        """Return all of them, as the repo's model."""
        return asked_anew(lambda: list(self))

    def first(self) -> Any | None:
        """Return the oldest, or None."""
        return asked_anew(lambda: next(iter(self), None))

    def last(self) -> Any | None:
        """Return the newest, or None; without a limit, the log is read from its end, and only up to there."""
        newest = asked_anew(self._newest)
        return None if newest is None else self._repo.structured(newest)

    def count(self) -> int:
        """Return how many there are."""
        return asked_anew(lambda: sum(1 for _ in self._documents()))

    def limit(self, n: int) -> RunQuery:
        """Return the first `n` of them, as a query."""
        return RunQuery(self._repo, self._wanted, n if self._most is None else min(n, self._most))

    def __iter__(self) -> Iterator[Any]:
        return (self._repo.structured(document) for document in self._documents())

    def _newest(self) -> dict[str, Any] | None:
        if self._most is None:
            return next(self._repo.log.documents(self._wanted, newest_first=True), None)
        return next(iter(deque(self._documents(), maxlen=1)), None)

    def _documents(self) -> Iterator[dict[str, Any]]:
        return islice(self._repo.log.documents(self._wanted), self._most)


class RunRepo:
    """The run log, as one asks it. Works while a runtime writes it, and while none does.

    ``model`` is the record model that queries return; ``table`` is the TinyDB table, for ``table.search(where(...))``.
    What it takes to answer is loaded for the first question: a runtime writes the log without.
    """

    def __init__(self, log: RunLog) -> None:
        self.log = log
        self._model: type[Any] = TaskRunRecord

    @cached_property
    def table(self) -> Table:
        """The TinyDB table itself, for ``table.search(where(...))``."""
        from runtime.runlog.table import open_table

        return open_table(self.log)

    @cached_property
    def _codec(self) -> Converter:
        from runtime.codec import make_codec

        return make_codec()

    @property
    def model(self) -> type[Any]:
        """The record model that queries return: one of :mod:`actors.records`, or any class whose fields are columns."""
        return self._model

    @model.setter
    def model(self, model: type[Any]) -> None:
        if not isinstance(model, type):
            raise TypeError(f"a record model is a class, such as MinimalRunRecord, not {model!r}")
        self._model = model

    def filter_by(self, **columns: object) -> RunQuery:
        """Return the records whose columns have these values, or what operators such as ``between`` ask; without any, all.

        Raises:
          UnknownColumn: there is no such column; names the nearest.
          InvalidOperand: a column cannot be compared with what is asked of it, or never has that value.
        """
        for name, value in columns.items():
            if name not in COLUMNS:
                raise UnknownColumn(name, COLUMNS)
            check_known(name, value)
        return RunQuery(self, Wanted(columns))

    def stats(self, task: str | None = None, since: object = None, until: object = None) -> dict[str, TaskStats]:
        """Return each task in numbers, by name, or `task` alone; of one that never had a record there are none.

        Args:
          since, until: of which time, as in ``created=between(since, until)``; None is all there is.

        Raises:
          InvalidOperand: one of them says no time.
        """
        columns: dict[str, object] = {} if task is None else {"task_name": task}
        if since is not None or until is not None:
            columns["created"] = between(since, until, none_as_open=True)
        wanted = Wanted(columns)
        return asked_anew(lambda: stats_of(self.log.documents(wanted), self.log.history(), task))

    def structured(self, document: Mapping[str, Any]) -> Any:
        """Return `document` as the model."""
        if "progress" in document and progress_in(document["progress"]) is None:  # an earlier version did not check it
            document = {**document, "progress": None}
        return self._codec.structure(document, self.model)


def open_repo(path: str | os.PathLike[str] | None) -> RunRepo:
    """Return the run log in the file `path`, which need not exist yet; None is a new one in memory."""
    return RunRepo(MemoryLog() if path is None else FileLog(Path(path)))
