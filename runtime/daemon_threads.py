"""Threads for ``asyncio.to_thread`` that do not hold up the exit of the program."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


class DaemonThreads(ThreadPoolExecutor):
    """An executor that runs each call in a daemon thread of its own, and forgets it when it is shut down.

    The one that asyncio would make joins its threads when the interpreter exits, however long they take.
    """

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Run a call, and return its future."""
        future: Future[T] = Future()
        threading.Thread(target=_run, args=(future, fn, args, kwargs), name="callsheet to_thread", daemon=True).start()
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:  # as it is inherited
        """Wait for nothing: what still runs ends by itself, or with the process."""


def _run(future: Future[Any], fn: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    if not future.set_running_or_notify_cancel():
        return
    try:
        future.set_result(fn(*args, **kwargs))
    except BaseException as exc:
        future.set_exception(exc)
