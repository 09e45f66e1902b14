"""Paths: in which file the output of a run is kept, and which run a file belongs to."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import quote, unquote_to_bytes

LONGEST_NAME = 120
"""Characters that a name may have in a path. Of a longer one the beginning and a checksum stand there."""
NAME_FILE = ".name"
"""The file that holds the name of a task, where its folder does not say it."""
_CHECKSUM = 32
_FILE = re.compile(r"(-?[\d.]+(?:e[+-]?\d+)?)-(.+)\.log(?:\.\d{12,}|\.new)?", re.ASCII)


def output_folder(log: Path) -> Path:
    """Return the folder with the output of the runs in the run log `log`: ``runs.jsonl.output`` for ``runs.jsonl``."""
    return log.with_name(f"{log.name}.output")


def output_file(log: Path, task: str, start: float, run_id: str) -> Path:
    """Return the file for the output of one attempt of a run: ``runs.jsonl.output/<task>/<start>-<run_id>.log``.

    Names have letters, digits and ``_``, ``.``, ``-`` as they are, all else as in URLs; so another run has another file.

    Args:
      start: as in its records, seconds since the epoch.
    """
    return output_folder(log) / safe(task) / f"{start!r}-{safe(run_id)}.log"


def safe(name: str) -> str:
    """Return `name` as a part of a path; other names become other parts."""
    data = name.encode("utf-8", "surrogatepass")
    quoted = quote(data, safe="").replace("~", "%7E")
    if quoted[:1] in ("", "."):  # hidden, or a folder that is there already
        quoted = f"%2E{quoted[1:]}" if quoted else "~"
    if len(quoted) <= LONGEST_NAME:
        return quoted
    from hashlib import sha256  # takes 3 ms to import, and few names are so long

    return f"{quoted[: LONGEST_NAME - _CHECKSUM - 1]}~{sha256(data).hexdigest()[:_CHECKSUM]}"


def is_shortened(part: str) -> bool:
    """Return whether a part of a path does not say the whole name any more."""
    return "~" in part and part != "~"


def task_of(folder: Path) -> str | None:
    """Return the name of the task whose output is in `folder`; None where that cannot be known."""
    if is_shortened(folder.name):
        try:
            data = (folder / NAME_FILE).read_bytes()
        except OSError:
            return None
    else:
        data = _unquoted(folder.name)
    return _name_of(folder.name, data)


def start_of(file: str) -> float | None:
    """Return when the run began to whose output a file of this name belongs; None if it is none of ours.

    What :func:`output_file` would write otherwise, such as ``2026-11-29-analysis.log``, is the user's.
    """
    found = _FILE.fullmatch(file)
    if found is None:
        return None
    start, run_id = found[1], found[2]
    try:
        moment = float(start)
    except ValueError:
        return None
    is_id = is_shortened(run_id) or _name_of(run_id, _unquoted(run_id)) is not None
    return moment if repr(moment) == start and is_id else None


def _unquoted(part: str) -> bytes:
    return unquote_to_bytes(part.replace("~", ""))


def _name_of(part: str, data: bytes) -> str | None:
    """Return the name that is `data`, if that is the one of which `part` is made."""
    try:
        name = data.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        return None
    return name if safe(name) == part else None
