"""A private event loop for an async function in a thread or a worker process. Imports a loop only once one is needed."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any

from actors.errors import TaskTerminationException
from actors.termination import Flag, current_cleanup
from runtime.masked import unmasked


def run_to_end(work: Coroutine[Any, Any, Any], backend: str, flag: Flag, cleanup: float) -> Any:
    """Run `work` in a new loop of this thread and return its value; when `flag` cancels it, it is at its next await.

    Args:
      cleanup: seconds for which :func:`~actors.termination.cleanup` shields it then.

    Raises:
      TaskTerminationException: it was cancelled, and ended by that.
    """
    import anyio

    async def until_cancelled() -> Any:
        call_soon = _call_soon(backend)
        current_cleanup.set(lambda: anyio.move_on_after(cleanup, shield=True))
        with anyio.CancelScope() as scope:

            def cancel() -> None:
                with suppress(RuntimeError):  # the loop has ended meanwhile
                    call_soon(scope.cancel)

            flag.on_cancel(cancel)
            with unmasked(anyio.get_cancelled_exc_class()):
                return await work
        raise TaskTerminationException("cancelled by its flag, or by a SIGTERM that did not come from the scheduler")

    return anyio.run(until_cancelled, backend=backend)


def _call_soon(backend: str) -> Callable[[Callable[[], Any]], Any]:
    """Prepare the current loop, and return what schedules a function in it, from any thread, without waiting for it."""
    if backend == "asyncio":
        import asyncio

        from runtime.daemon_threads import DaemonThreads

        asyncio.get_running_loop().set_default_executor(DaemonThreads())
        return asyncio.get_running_loop().call_soon_threadsafe
    import trio

    return trio.lowlevel.current_trio_token().run_sync_soon
