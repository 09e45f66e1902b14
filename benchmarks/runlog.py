"""What the run log costs as it grows: to insert, to open again, to find a run; beside TinyDB's own storages and a bare write."""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median
from typing import Any, Protocol

from tinydb import TinyDB, where
from tinydb.middlewares import CachingMiddleware
from tinydb.storages import JSONStorage

from benchmarks import primitives
from benchmarks.apart import apart
from benchmarks.figures import Figure
from benchmarks.memory import resident
from benchmarks.section import Progress, Section, Settings
from runtime.runlog.file_log import FileLog
from runtime.runlog.retention import FOREVER
from runtime.runlog.wanted import Wanted

SIZES = (1_000, 10_000, 100_000, 1_000_000)
QUICK_SIZES = (1_000,)
TASKS = 100


PARTS = (("insert", "µs", 1e6), ("open", "ms", 1e3), ("first find", "ms", 1e3), ("find", "ms", 1e3), ("memory", "MB", 1e-6))
"""What is measured of a store: to insert a record; from nothing to a store that is ready for one, and knows what it has; to find
the first run that is asked for by its id, and each further one; by what the process has grown after all that."""
BATCHES = 5
OURS, WRITE = "run log", "bare write of a line"


class Store(Protocol):
    """A store of records in a folder."""

    inserts: int
    """How many inserts are measured, in all batches: so that all stores take about as long."""

    def open(self) -> None: ...
    def insert(self, document: dict[str, Any]) -> None: ...
    def find(self, run_id: str) -> list[Any]: ...
    def close(self) -> None: ...


class Ours:
    """The run log."""

    inserts = 20_000

    def __init__(self, folder: Path) -> None:
        self._log = FileLog(folder / "runs.jsonl")

    def open(self) -> None:
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
    inserts = BATCHES

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def open(self) -> None:
        self._db = TinyDB(self._folder / "tiny.json", storage=type(self).storage)
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
    OURS: Ours,
    "TinyDB, plain": OfTinyDB,
    "TinyDB, caching": OfTinyDBCached,
}
SLOW = 100_000
"""Records from which on TinyDB is measured by one insert and two searches."""


def measure(settings: Settings, progress: Progress) -> Iterator[Figure]:
    """Yield what each store costs at each size, in a process of its own; the stores in turn at each size."""
    sizes = QUICK_SIZES if settings.quick else SIZES
    progress.expect(1 + len(sizes) * len(STORES))
    writes = [primitives.write(count := int(200_000 * settings.scale)) / count * 1e6 for _ in range(settings.rounds)]
    progress.step()
    yield Figure("runlog", WRITE, "µs", tuple(writes))
    for records in sizes:
        with tempfile.TemporaryDirectory() as folder:
            fill(Path(folder), records)
            for store in STORES:
                took = apart("runlog", store, folder, records)
                yield from _figures(store, records, took, writes)
                progress.step()


def _figures(store: str, records: int, took: dict[str, list[float]], writes: list[float]) -> Iterator[Figure]:
    for part, unit, factor in PARTS:
        samples = tuple(value * factor for value in took[part])
        baseline, times = (WRITE, median(samples) / median(writes)) if part == "insert" else (None, None)
        package = None if store == OURS else "tinydb"
        yield Figure(
            "runlog", f"{part}: {store}", unit, samples, baseline, times, size=records, size_unit="records", package=package
        )


def document(number: int, action: str) -> dict[str, Any]:
    """Return one of the two records of a run."""
    start = 1_790_000_000.0 + number * 0.1
    begun = {
        "created": start, "task_name": f"task {number % TASKS}", "run_id": f"{number:032x}", "action": action, "start": start,
        "execution": "async", "due": start, "late": 0.0002,
    }  # fmt: skip
    return begun if action == "run" else {**begun, "created": start + 0.1, "end": start + 0.1, "runtime": 0.1}


def fill_log(file: Path, records: int) -> None:
    """Make a run log of so many records."""
    log = FileLog(file)
    log.open()
    for number in range(records // 2):
        log.append(document(number, "run"))
        log.append(document(number, "success"))
    log.tidy(FOREVER, time.time())  # as a runtime does it whenever a segment is sealed
    log.close()


def fill(folder: Path, records: int) -> None:
    """Make the stores have so many records, as their own inserts would."""
    fill_log(folder / "runs.jsonl", records)
    documents = (document(number // 2, "success" if number % 2 else "run") for number in range(records))
    with (folder / "tiny.json").open("w") as file:
        file.write('{"_default": {')
        for number, each in enumerate(documents, start=1):
            file.write(f'{", " * (number > 1)}"{number}": {json.dumps(each)}')
        file.write("}}")


def measured(name: str, folder: Path, records: int) -> dict[str, list[float]]:
    """Return what a store costs, as samples of all :data:`PARTS`, in seconds and bytes."""
    store = STORES[name](folder)
    is_slow = isinstance(store, OfTinyDB) and records >= SLOW
    before = resident()
    opened = [_opened(store)]
    for _ in range(0 if is_slow else 2):
        store.close()
        opened.append(_opened(store))
    wanted = [f"{(records // 2 * share) // 20:032x}" for share in range(1, 3 if is_slow else 20)]
    found = [_timed(store, run_id) for run_id in wanted]
    inserts, batches = (1, 1) if is_slow else (store.inserts // BATCHES, BATCHES)
    inserted = [_inserted(store, records + batch * inserts, inserts) for batch in range(batches)]
    memory = resident() - before
    store.close()
    return {"insert": inserted, "open": opened, "first find": found[:1], "find": found[1:], "memory": [memory]}


def _opened(store: Store) -> float:
    begin = time.perf_counter()
    store.open()
    return time.perf_counter() - begin


def _inserted(store: Store, first: int, inserts: int) -> float:
    documents = [document(number, "success") for number in range(first, first + inserts)]
    begin = time.perf_counter()
    for each in documents:
        store.insert(each)
    return (time.perf_counter() - begin) / inserts


def _timed(store: Store, run_id: str) -> float:
    begin = time.perf_counter()
    assert len(store.find(run_id)) == 2  # noqa: PLR2004  # that it began, and that it ended
    return time.perf_counter() - begin


SECTION = Section("runlog", "the run log on disk as it grows, beside TinyDB's own storages", measure)

if __name__ == "__main__":
    print(json.dumps(measured(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]))))
