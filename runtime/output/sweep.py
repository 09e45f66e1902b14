"""Sweep: deletes the output of runs that are let go of."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path

from runtime.output.paths import NAME_FILE, start_of, task_of


def sweep(folder: Path, is_kept: Callable[[str, float], bool]) -> int:
    """Delete the output of runs that are not kept, and folders that are empty by that; return how many files that were.

    Blocks; from any thread, while runs write theirs. What is none of ours is left alone, and so is what cannot be deleted, until
    the next time.

    Args:
      folder: where the output of the runs of one log is: see :func:`runtime.output.paths.output_folder`.
      is_kept: called with the name of a task and when a run of it began, as in its records.
    """
    total = 0
    for of_task in _folders_in(folder):
        task = task_of(of_task)
        if task is not None and (count := _delete_in(of_task, partial(is_kept, task))):
            total += count
            _remove_if_empty(of_task)
    if total:
        with suppress(OSError):
            folder.rmdir()
    return total


def _delete_in(of_task: Path, is_kept: Callable[[float], bool]) -> int:
    count = 0
    for path in _files_in(of_task):
        start = start_of(path.name)
        if start is not None and not is_kept(start):
            with suppress(OSError):
                path.unlink()
                count += 1
    return count


def _folders_in(folder: Path) -> list[Path]:
    try:
        return [path for path in folder.iterdir() if path.is_dir() and not path.is_symlink()]
    except OSError:
        return []


def _files_in(folder: Path) -> Iterator[Path]:
    with suppress(OSError):
        for entry in os.scandir(folder):
            if entry.is_file(follow_symlinks=False):
                yield Path(entry.path)


def _remove_if_empty(folder: Path) -> None:
    """Remove a folder in which files have just been deleted: one that has been empty before may be new, made by a run."""
    with suppress(OSError):
        if [path.name for path in folder.iterdir()] == [NAME_FILE]:
            (folder / NAME_FILE).unlink()
        folder.rmdir()  # fails if a run has begun to write there just now
