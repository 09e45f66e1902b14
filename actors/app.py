"""App: what a module that defines tasks begins with."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING, Any, Unpack

from actors.callables import Function
from actors.conds.option import StartCondition
from actors.declaring import Declaring
from actors.errors import InvalidOption
from actors.group import Group
from actors.hooks import AddHook
from actors.loading import check_may_run
from actors.session import AppHooks, Session
from actors.task import Task

if TYPE_CHECKING:
    import runtime
    from actors.conds.custom import Custom
    from actors.keywords import Settings, WorkOptions
    from actors.records import Repo
    from actors.spec import ActorSpec


class App(Declaring[Task]):
    """A set of tasks that run together.

    Args:
      config: settings as a mapping; keyword arguments are settings too and come over it. See :class:`actors.config.Config`.

    Raises:
      UnknownOption, InvalidOption: a setting that does not exist, or a value it cannot have.
    """

    def __init__(self, config: Mapping[str, Any] | None = None, **settings: Unpack[Settings]) -> None:
        if config is not None and not isinstance(config, Mapping):
            raise InvalidOption("App", "config", repr(config), "a mapping of settings is expected")
        self._repo: Repo | None = None
        self.session = Session({**(config or {}), **settings}, AppHooks(self._run_only, self._get_repo))

    def include(self, group: Group) -> None:
        """Take in the tasks of a group, with its conditions and parameters: see :class:`actors.group.Group`.

        Raises:
          DuplicateTask, InvalidOption, UnknownOption, UnportableFunction: of a task of it.
        """
        if not isinstance(group, Group):
            raise TypeError(f"app.include() takes a Group, not {group!r}")
        group.join(self.session)

    @property
    def setup(self) -> AddHook:
        """Add a hook around the start, as a decorator: see :meth:`Session.hook_startup`."""
        return self.session.hook_startup

    @property
    def on_fail(self) -> AddHook:
        """Have ``callback(record)`` called for each run that failed for good, as a decorator: see :attr:`Task.on_fail`."""
        return self.session.on_fail

    def run(self) -> runtime.Ended:
        """Run the app until it is shut down: by a task, a signal (SIGINT, SIGTERM), or by itself with ``stop_when_idle``.

        In a worker process, and under the command line, it ends the loading of the module instead, so that no ``__main__``
        guard is needed. Returns how it ended: ``sys.exit(app.run().exit_code)`` exits with 3 where something was cut short.

        Raises:
          LogLocked, LogUnusable: the run log cannot be used; nothing was started.
        """
        return self._run_only(None)

    async def serve(self) -> None:
        """Run the app inside an async program, until it is shut down or ends by itself.

        ::

            async with asyncio.TaskGroup() as group:  # or a nursery of trio
                group.create_task(app.serve())
                ...

        On trio it runs in the program's own loop, on asyncio in a thread of its own. A cancellation shuts it down in order, and
        is raised once it has ended; see :meth:`running` for what else holds.

        Raises:
          AlreadyRunning, InvalidOption, LogLocked, LogUnusable: as :meth:`running` says.
        """
        import runtime

        await runtime.serve(self)

    def running(self) -> AbstractAsyncContextManager[runtime.Hosted]:
        """Run the app inside an async program for as long as the block lasts.

        ::

            @asynccontextmanager
            async def lifespan(api: FastAPI) -> AsyncIterator[None]:
                async with app.running():
                    yield

        On trio it runs in the program's own loop, on asyncio in a thread of its own, which does not block the loop. No signal
        handlers are touched. The block begins when the app has started. Leaving it, also by a cancellation, shuts the app down
        in order and waits for that: ``shutdown_wait`` and a few seconds at most. A cancellation during this wait ends the app at
        once. ``session.restart()`` restarts the app in the same place, whatever ``restarting`` says, and the block goes on.

        What ignores its end is left behind with the thread, and named in the log; the app then cannot be started again. On
        trio there is no thread to leave behind: a coroutine that swallows its cancellation holds up the end of the block.

        Raises:
          AlreadyRunning: the app runs already.
          InvalidOption: a condition names a task that is not there.
          LogLocked, LogUnusable: the run log cannot be used; nothing was started.
        """
        import runtime

        return runtime.running(self)

    def start_in_thread(self) -> runtime.RuntimeThread:
        """Run the app in a thread of its own, beside whatever else the program does, and return once it has started.

        ::

            with app.start_in_thread() as handle:  # or without a block: the end of the program stops it
                app.session["fetch"].run()
                handle.wait(timeout=60)

        The value has ``shut_down()``, ``wait()``, ``stop()`` and ``is_running``. No signal handlers are touched. In a worker
        process, and under the command line, it ends the loading of the module instead, as :meth:`run` does.

        Raises:
          AlreadyRunning, InvalidOption, LogLocked, LogUnusable: as :meth:`running` says.
        """
        import runtime

        return runtime.start_in_thread(self)

    def _declare(self, func: Function | None, name: str | None, start_cond: StartCondition, options: WorkOptions) -> Task:
        return self.session.create_task(func, name, start_cond, **options)

    def _declare_actor(self, spec: ActorSpec) -> None:
        self.session.declare_actor(spec)

    def _add_condition(self, condition: Custom) -> None:
        self.session.conditions.add(condition)

    def _set_parameters(self, values: Mapping[str, Any]) -> None:
        self.session.parameters.update(values)

    def _run_only(self, names: list[str] | None) -> runtime.Ended:
        check_may_run()
        import runtime

        return runtime.run(self, only=names)

    def _get_repo(self) -> Repo:
        if (repo := self._repo) is None:
            import runtime

            self._repo = repo = runtime.open_repo(self.session.config.log)
        return repo
