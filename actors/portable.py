"""What can cross to a worker process and back: pickle, with answers that people can use."""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from actors.errors import UnportableParameter


def check_parameters(task: str, params: Mapping[str, Any]) -> None:
    """Check that each of `params` can be sent to a worker.

    Raises:
      UnportableParameter: one cannot; names it.
    """
    pickled_parameters(task, params)


def pickled_parameters(task: str, params: Mapping[str, Any]) -> dict[str, bytes]:
    """Return `params`, each pickled on its own.

    Raises:
      UnportableParameter: one cannot be; names it.
    """
    pickled = {}
    for name, value in params.items():
        try:
            pickled[name] = pickle.dumps(value, pickle.HIGHEST_PROTOCOL)
        except Exception as exc:
            raise UnportableParameter(task, name, describe(exc)) from exc
    return pickled


def loaded_parameters(task: str, pickled: Mapping[str, bytes]) -> dict[str, Any]:
    """Return the parameters that were pickled.

    Raises:
      UnportableParameter: one cannot be loaded here; names it.
    """
    params = {}
    for name, blob in pickled.items():
        try:
            params[name] = pickle.loads(blob)
        except Exception as exc:
            raise UnportableParameter(task, name, describe(exc)) from exc
    return params


def describe(exc: BaseException) -> str:
    """Return `exc` in one line, whatever its ``__str__`` does."""
    first = first_line(exc)
    return f"{type(exc).__name__}: {first}" if first else type(exc).__name__


def first_line(exc: BaseException) -> str:
    """Return the first line of what `exc` says, whatever its ``__str__`` does."""
    try:
        text = str(exc)
    except Exception:
        return "(its text cannot be shown)"
    return next(iter(text.strip().splitlines()), "")


def portable(exc: BaseException) -> bytes | None:
    """Return `exc` pickled if its copy still says the same, else None."""
    with suppress(Exception):
        blob = pickle.dumps(exc, pickle.HIGHEST_PROTOCOL)
        copy = pickle.loads(blob)
        if type(copy) is type(exc) and str(copy) == str(exc):
            return blob
    return None
