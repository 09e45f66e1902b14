"""What the run log costs as it grows: to insert, to open again, to find a run; beside TinyDB's own storages and a bare write."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any, Protocol

from tinydb import TinyDB, where
from tinydb.middlewares import CachingMiddleware
from tinydb.storages import JSONStorage

from benchmarks.memory import resident
from runtime.runlog.file_log import FileLog
from runtime.runlog.lines import encode
from runtime.runlog.wanted import Wanted

SIZES = (1_000, 100_000, 1_000_000)
QUICK_SIZES = (1_000, 10_000)
TASKS = 100


@dataclass(frozen=True, slots=True)
class Cost:
    """What a store costs that has so many records."""

    store: str
    records: int
    insert: float
    """Seconds an insert."""
    reopen: float
    """Seconds from nothing to a store that is ready for an insert, and knows what it has."""
    find_first: float
    """Seconds to find the first run that is asked for by its id."""
    find: float
    """Seconds to find each further one."""
    memory: float
    """Bytes that the process has grown by, after all that."""


class Store(Protocol):
    """A store of records in a folder."""

    inserts: int
    """How many inserts are measured: so that all rounds of a store take about as long."""

    def open(self, folder: Path) -> None: ...
    def insert(self, document: dict[str, Any]) -> None: ...
    def find(self, run_id: str) -> list[Any]: ...
    def close(self) -> None: ...


class Ours:
    """The run log."""

    inserts = 20_000

    def open(self, folder: Path) -> None:
        self._log = FileLog(folder / "runs.jsonl")
        self._log.open()
        self._log.history()

    def insert(self, document: dict[str, Any]) -> None:
        self._log.append(document)

    def find(self, run_id: str) -> list[Any]:
        return list(self._log.documents(Wanted({"run_id": run_id})))

    def close(self) -> None:
        self._log.close()


class OfTinyDB:
    """TinyDB on one of its own storages."""

    storage: Callable[..., Any] = JSONStorage
    inserts = 3

    def open(self, folder: Path) -> None:
        self._db = TinyDB(folder / "tiny.json", storage=type(self).storage)
        len(self._db)  # it reads when it is asked

    def insert(self, document: dict[str, Any]) -> None:
        self._db.insert(document)

    def find(self, run_id: str) -> list[Any]:
        return list(self._db.search(where("run_id") == run_id))

    def close(self) -> None:
        self._db.close()


class OfTinyDBCached(OfTinyDB):
    """TinyDB that keeps all in memory, and writes the file at each thousandth insert: what is not written is lost in a crash."""

    storage = CachingMiddleware(JSONStorage)  # type: ignore[no-untyped-call]  # theirs
    inserts = 1_000


STORES: dict[str, type[Ours | OfTinyDB]] = {
    "run log": Ours,
    "TinyDB, plain": OfTinyDB,
    "TinyDB, caching": OfTinyDBCached,
}
SLOW = 100_000
"""Records from which on TinyDB is measured by one insert and two searches."""


def costs(quick: bool, tick: Callable[[], object]) -> Iterator[Cost]:
    """Yield what each store costs at each size, in a process of its own; the stores in turn at each size."""
    for records in QUICK_SIZES if quick else SIZES:
        with tempfile.TemporaryDirectory() as folder:
            fill(Path(folder), records)
            for store in STORES:
                yield _measured_apart(store, Path(folder), records)
                tick()


def bare_write(count: int) -> float:
    """Return how many seconds a write of one line takes that is there already: the limit of an insert."""
    line = encode(document(0, "success"))
    with tempfile.TemporaryDirectory() as folder:
        fd = os.open(Path(folder) / "bare", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        begin = time.perf_counter()
        for _ in range(count):
            os.write(fd, line)
        took = time.perf_counter() - begin
        os.close(fd)
    return took / count


def document(number: int, action: str) -> dict[str, Any]:
    """Return one of the two records of a run."""
    start = 1_790_000_000.0 + number * 0.1
    begun = {
        "created": start, "task_name": f"task {number % TASKS}", "run_id": f"{number:032x}", "action": action, "start": start,
        "execution": "async", "due": start, "late": 0.0002,
    }  # fmt: skip
    return begun if action == "run" else {**begun, "created": start + 0.1, "end": start + 0.1, "runtime": 0.1}


def fill(folder: Path, records: int) -> None:
    """Make the stores have so many records, as their own inserts would."""
    log = FileLog(folder / "runs.jsonl")
    log.open()
    for number in range(records // 2):
        log.append(document(number, "run"))
        log.append(document(number, "success"))
    log.close()
    documents = (document(number // 2, "success" if number % 2 else "run") for number in range(records))
    with (folder / "tiny.json").open("w") as file:
        file.write('{"_default": {')
        for number, each in enumerate(documents, start=1):
            file.write(f'{", " * (number > 1)}"{number}": {json.dumps(each)}')
        file.write("}}")


def _measured_apart(store: str, folder: Path, records: int) -> Cost:
    words = [sys.executable, "-m", "benchmarks.runlog", store, str(folder), str(records)]
    done = subprocess.run(words, capture_output=True, text=True, check=True)  # noqa: S603  # this module itself
    return Cost(**json.loads(done.stdout))


def measured(store: str, folder: Path, records: int) -> dict[str, Any]:
    """Return what a store costs, as the fields of :class:`Cost`."""
    one = STORES[store]()
    is_slow = isinstance(one, OfTinyDB) and records >= SLOW
    before = resident()
    begin = time.perf_counter()
    one.open(folder)
    reopen = time.perf_counter() - begin
    wanted = [f"{(records // 2 * share) // 20:032x}" for share in range(1, 3 if is_slow else 20)]
    took = [_timed(one, run_id) for run_id in wanted]
    inserts = 1 if is_slow else one.inserts
    begin = time.perf_counter()
    for number in range(inserts):
        one.insert(document(records + number, "success"))
    insert = (time.perf_counter() - begin) / inserts
    memory = resident() - before
    one.close()
    return {
        "store": store, "records": records, "insert": insert, "reopen": reopen, "find_first": took[0],
        "find": median(took[1:]), "memory": memory,
    }  # fmt: skip


def _timed(store: Store, run_id: str) -> float:
    begin = time.perf_counter()
    assert len(store.find(run_id)) == 2  # noqa: PLR2004  # that it began, and that it ended
    return time.perf_counter() - begin


if __name__ == "__main__":
    print(json.dumps(measured(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]))))
