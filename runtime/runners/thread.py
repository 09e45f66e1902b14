"""Thread: each run in a thread from trio's cache of threads, with no event loop in it."""

from __future__ import annotations

import contextvars
import inspect
import threading
from collections.abc import Callable
from typing import Any

import trio

from actors.termination import Flag, current_flag
from runtime.loops import run_to_end
from runtime.runners import Call
from runtime.runners.outside import Answer, Outside
from runtime.stopping import Patience


class ThreadRunner:
    """Runs functions in threads. They end by looking at their flag; one that does not is abandoned after its grace.

    An async function gets an event loop of its own there, and is cancelled at its awaits when the flag is set.
    """

    def __init__(self, patience: Patience) -> None:
        self._patience = patience

    async def run(self, call: Call, scope: trio.CancelScope) -> Any:
        flag = call.flag if call.flag is not None else Flag()
        thread_ids: list[int] = []
        context = contextvars.copy_context()

        def work() -> Answer:
            thread_ids.append(threading.get_ident())
            return context.run(_execute, call, flag)

        def begin(deliver: Callable[[Answer], None]) -> None:
            trio.lowlevel.start_thread_soon(work, lambda outcome: deliver(outcome.unwrap()), f"callsheet {call.task}")

        place = Outside("thread", begin, flag.set, lambda: thread_ids[0] if thread_ids else None)
        with scope:
            return await place.answer(call, self._patience)


def _execute(call: Call, flag: Flag) -> Answer:
    """Call the function; its answer travels as a value, since nothing raised in a thread may reach the thread cache."""
    current_flag.set(flag)
    try:
        result = call.invoke()
        return Answer(run_to_end(result, call.backend, flag) if inspect.iscoroutine(result) else result)
    except BaseException as exc:
        return Answer(error=exc)
