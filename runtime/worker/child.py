"""The life of a worker process: load the program once, then call one function after the other."""

from __future__ import annotations

import os
import pickle
import signal
import sys
from collections.abc import Sequence
from contextlib import suppress
from contextvars import copy_context
from time import monotonic
from types import CoroutineType
from typing import Any

from actors.app import App
from actors.args.base import Circumstances, has_arguments
from actors.callables import Function, backend_of, qualname_of
from actors.errors import UnportableFunction
from actors.hooks import Hook, hooked
from actors.loading import become_worker
from actors.pickled import Pickled
from actors.portable import describe, first_line, pickled_result, portable
from actors.progress import Reporter, current_report
from actors.ref import ref_resolver
from actors.retries import kinds_of
from actors.sources import InFile, found
from actors.task import Task
from actors.termination import Flag, current_flag, current_task
from runtime.loading import load
from runtime.loops import run_to_end
from runtime.masked import essential
from runtime.signal_mask import prepare_forks
from runtime.tracebacks import user_traceback
from runtime.worker import lifeline
from runtime.worker.channel import Channel, RemoteControls
from runtime.worker.logs import forward_logs, pipe_logs
from runtime.worker.memory import is_shortage, make_room
from runtime.worker.parcels import Parcel, opened_parameters
from runtime.worker.protocol import Broken, Job, Program, Raised, Ready, Returned
from runtime.worker.signals import reset_signals
from runtime.worker.sigterm import Sigterm, end_by_sigterm


def serve(fd: int, lifeline_fd: int, log_fd: int) -> None:
    """Serve the scheduler at the other end of the socket `fd` until it closes it.

    Args:
      log_fd: where what is logged goes, if nobody here prints it.
    """
    reset_signals()
    become_worker()
    lifeline.hold(lifeline_fd)
    pipe_logs(log_fd)
    channel = Channel(fd)
    os.register_at_fork(after_in_child=channel.close)  # else a child would keep the end of this process from being seen
    prepare_forks((signal.SIGTERM,), end_by_sigterm)
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(line_buffering=True, errors="backslashreplace")  # type: ignore[union-attr]  # real files here
    try:
        hello, _ = channel.receive()
        try:
            app = _prepare(hello.program)
        except BaseException as exc:
            channel.send(Broken(describe(exc), user_traceback(exc)))
            return
        app.session.controls = controls = RemoteControls(channel)
        ref_resolver.set(controls.actors.found)
        channel.send(Ready())
        caller = Caller(app, controls, hello.program.log_level)
        while True:
            _serve_run(channel, controls, caller)
    except (EOFError, BrokenPipeError, ConnectionResetError):
        return
    finally:
        channel.close()


def _serve_run(channel: Channel, controls: RemoteControls, caller: Caller) -> None:
    """Do one job. Nothing of it is kept for the time until the next."""
    job, given = channel.receive()
    controls.begin_run()
    answer, *value = copy_context().run(caller.answer, job, given)  # what it sets there is its own
    controls.end_run()
    channel.send(answer, *value)
    end_by_sigterm()
    caller.return_to_folder()  # now, as nobody waits for it


def _prepare(program: Program) -> App:
    """Load the module of the app as the scheduler's process has it, and return the app, or an empty one to stand in."""
    sys.path[:] = program.sys_path
    sys.argv[:] = program.argv
    if program.source is None:
        return _stand_in(program)
    module = load(program.source)
    app = getattr(module, program.app, None) if program.app else None
    return app if isinstance(app, App) else _stand_in(program)


def _stand_in(program: Program) -> App:
    """Return an app that stands for one which no module holds."""
    app = App(log=None)
    app.session.hooks.task_execute = tuple(Hook.of(hook.found()) for hook in program.hooks)
    return app


class Caller:
    """Calls functions for the scheduler, in the app as it was loaded here.

    Args:
      log_level: from which level on the loggers of Callsheet pass on what they are told.
    """

    def __init__(self, app: App, controls: RemoteControls, log_level: int) -> None:
        self._app, self._controls, self._log_level = app, controls, log_level
        self._folder = _folder()

    def answer(self, job: Job, given: Sequence[Parcel]) -> tuple[Raised] | tuple[Returned, Pickled]:
        """Call the function of `job` with the values that were `given`, and return what comes of it."""
        current_task.set(job.task)
        reporter = Reporter(monotonic, self._controls.progress)
        current_report.set(reporter.report)
        try:
            value = pickled_result(job.task, self._value(job, given))
            return Returned(reporter.latest, spent=self._is_spent()), value
        except BaseException as raised:
            exc = essential(raised)
            if starved := is_shortage(exc):
                make_room()
            text, kinds = user_traceback(exc), kinds_of(exc)
            name, line = type(exc).__name__, first_line(exc)
            return (Raised(name, line, text, portable(exc), kinds, reporter.latest, spent=starved or self._is_spent()),)
        finally:
            reporter.close()

    def return_to_folder(self) -> None:
        """Go back to where functions begin."""
        with suppress(OSError):  # it may be gone
            os.chdir(self._folder)

    def _is_spent(self) -> bool:
        """Return whether the process must not be used again."""
        return not _flushed() or self._controls.is_cut

    def _value(self, job: Job, given: Sequence[Parcel]) -> Any:
        function = _find(self._app, job)
        count = len(job.parameters)
        kwargs = opened_parameters(job.task, job.parameters, given[:count])
        hooks = self._app.session.hooks.task_execute
        flag, finds = Flag(), has_arguments(kwargs) or isinstance(function, InFile) or bool(hooks)
        if finds:
            forward_logs(self._controls, self._log_level)
            returns = {task: value.open() for task, value in zip(job.returns, given[count:], strict=True)}
            here = Circumstances(_task(self._app, job, function), self._app.session, flag, job.run_id, returns)
            function, kwargs = found(function, f"task {job.task!r}", kwargs, here)
            if flag.is_heeded:
                self._controls.heed()
            function = hooked(function, hooks, here) if hooks else function
        current_flag.set(flag)
        sigterm = Sigterm(flag, self._controls)
        with sigterm:
            value = function(**kwargs)
            if not isinstance(value, CoroutineType):
                return value
            with sigterm.of_coroutine():
                backend = backend_of(function) if job.backend == "auto" else job.backend
                return run_to_end(value, backend, flag, job.cleanup)


def _folder() -> str:
    try:
        return os.getcwd()  # noqa: PTH109  # a text is all that is needed
    except OSError:
        return "/"


def _find(app: App, job: Job) -> Function:
    """Return the function of `job`: what was sent, or what has its name in the loaded app, where something else has its own."""
    if job.function is not None:
        function: Function = pickle.loads(job.function)
        return function
    declared = app.session.declared(job.task)
    if declared is None or qualname_of(declared.func) != job.qualname:
        raise UnportableFunction(job.task, job.qualname, "is not at the top level of its module under that name")
    return declared.func


def _task(app: App, job: Job, function: Function) -> Task:
    declared = app.session.declared(job.task)
    return declared if declared is not None else Task(app.session, function, job.task, None, {})


def _flushed() -> bool:
    """Write out what was printed; return whether more can be printed here, or the function has closed a stream."""
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except Exception:
        return False
    return True
