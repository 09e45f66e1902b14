"""Thread: each run in a thread from trio's cache of threads, with no event loop in it."""

from __future__ import annotations

import contextvars
import inspect
import threading
from collections.abc import Callable, Coroutine
from typing import Any

import trio

from actors.errors import TaskTerminationException
from actors.termination import Flag, current_flag
from runtime.interruption import Interruption
from runtime.left_behind import LeftBehind
from runtime.loops import run_to_end
from runtime.masked import essential
from runtime.runners import Call
from runtime.runners.bells import Bells
from runtime.runners.outside import Answer, Outside, Place
from runtime.stopping import Patience
from runtime.tracebacks import stack_of


class ThreadRunner:
    """Runs functions in threads. They end by looking at their flag; one that does not is abandoned after its grace.

    Between the two comes, where the call wants it, an exception that is raised in the thread. An async function gets an event
    loop of its own there, and is cancelled at its awaits.
    """

    def __init__(self, patience: Patience, left_behind: LeftBehind) -> None:
        self._patience, self._left_behind, self._bells = patience, left_behind, Bells()

    async def run(self, call: Call, scope: trio.CancelScope) -> Any:
        work = _Work(call)
        place = Place("thread", work.begin, work.ask, work.cancel, work.stack)
        with scope:
            return await Outside(place, call, self._patience, self._left_behind, self._bells).answer()

    def close(self) -> None:
        """Let go of what it uses: no more runs come."""
        self._bells.close()


class _Work:
    """One call in a thread."""

    def __init__(self, call: Call) -> None:
        self._call = call
        self._flag = call.flag if call.flag is not None else Flag()
        self._context = contextvars.copy_context()
        self._interruption = Interruption() if call.interrupt else None
        self._awaited: Coroutine[Any, Any, Any] | None = None  # where the function is async
        self._answer: Answer | None = None  # from when it is there until it is delivered
        self._thread_id: int | None = None

    def begin(self, deliver: Callable[[Answer], None]) -> None:
        """Have it done in a thread, and its answer delivered."""
        trio.lowlevel.start_thread_soon(self._work, lambda _: deliver(self._taken()))

    def ask(self) -> bool:
        """Set its flag, at which it looks whenever it wants; what does not heed it outright may pass a cancellation point."""
        self._flag.set()
        return True

    def cancel(self) -> bool:
        """Cancel it if it is async, or else interrupt it where it may be."""
        self._flag.cancel()
        return self._awaited is not None or (self._interruption is not None and self._interruption.make())

    def stack(self) -> str:
        """Return where it is now."""
        return stack_of(self._thread_id, self._awaited)

    def _taken(self) -> Answer:
        answer, self._answer = self._answer, None
        assert answer is not None
        return answer

    def _work(self) -> None:
        """Call the function. Its answer is not returned: a frame of trio's would hold it, to which its error refers."""
        thread = threading.current_thread()
        self._thread_id, name = thread.ident, thread.name
        thread.name = f"callsheet {self._call.task}"  # trio would tell it the system too, which takes longer, and 15 bytes of it
        self._answer = self._context.run(self._execute)
        thread.name = name

    def _execute(self) -> Answer:
        """Call the function; its answer travels as a value, since nothing raised in a thread may reach the thread cache."""
        if self._interruption is None:
            return self._answered()
        answer: Answer | None = None
        try:
            self._interruption.open()
            answer = self._answered()
            self._interruption.close()
        except TaskTerminationException as exc:  # it comes where the function has not begun, or has ended already
            return answer or Answer(error=exc)
        else:
            return answer
        finally:
            del answer  # its error refers to this frame, and only the garbage collector would find that out

    def _answered(self) -> Answer:
        current_flag.set(self._flag)
        try:
            result = self._call.invoke()
            if inspect.iscoroutine(result):
                self._awaited = result
                result = run_to_end(result, self._call.backend, self._flag, self._call.cleanup)
            return Answer(result)
        except BaseException as exc:
            return Answer(error=essential(exc))
