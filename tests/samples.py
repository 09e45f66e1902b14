"""Functions that tasks of the tests run; worker processes import them from here."""

import asyncio
import atexit
import contextvars
import multiprocessing
import os
import pickle
import resource
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from functools import wraps
from pathlib import Path

import trio

from actors import (
    Argument,
    SchedulerExit,
    SchedulerRestart,
    TaskInactionException,
    TerminationFlag,
    cancellation_point,
    cleanup,
    progress,
)
from actors.args import EnvArg, SchedulerLogger, Session, TaskLogger, argument


def returns(value="result"):
    return value


async def returns_async(value="result"):
    return value


def raises():
    raise ValueError("no")


class Unpicklable(Exception):
    """Its copy cannot be made: the constructor wants more than what is kept."""

    def __init__(self, first, second):
        super().__init__(f"{first} and {second}")


def raises_unpicklable():
    raise Unpicklable("this", "that")


class RaisesInStr(Exception):
    def __str__(self):
        raise RuntimeError("not even this")


def raises_what_raises_in_str():
    raise RaisesInStr


def returns_unpicklable():
    return lambda: None


def returns_it(x):
    return x


def needs(x):
    return x


def exits():
    sys.exit(3)


def exits_in_a_pool():
    with ThreadPoolExecutor(1) as pool:
        pool.submit(sys.exit, 3).result()


def exits_in_a_group():
    raise BaseExceptionGroup("of a nursery", [SystemExit(3)])


def interrupts():
    raise KeyboardInterrupt


async def interrupts_async():
    raise KeyboardInterrupt


def inacts():
    raise TaskInactionException("nothing new")


def ends_the_app():
    raise SchedulerExit


def restarts_the_app():
    raise SchedulerRestart("anew")


def quits():
    os._exit(0)


def quits_with_three():
    os._exit(3)


def reads_from_nowhere():
    import ctypes

    ctypes.string_at(0)


def closes_its_socket_and_goes_on():
    os.closerange(3, 100)
    time.sleep(60)


def closes_all_files_and_returns():
    os.closerange(0, 100)


def floods_stderr_and_quits():
    for number in range(100_000):
        print("line", number, file=sys.stderr)
    os._exit(3)


class RaisesInReduce(Exception):
    def __reduce__(self):
        raise RuntimeError("not even this")


def raises_what_raises_in_reduce():
    raise RaisesInReduce("as it is")


def returns_what_raises_in_reduce():
    return RaisesInReduce()


def is_killed():
    print("last words", file=sys.stderr)
    os.kill(os.getpid(), signal.SIGKILL)


def sleeps():
    time.sleep(60)


def sleeps_for(seconds):
    time.sleep(seconds)


async def sleeps_for_on_trio(seconds):
    await trio.sleep(seconds)


def meets(me, other, within):
    """Say that I am here, wait for the other to say so, then go; return whether we met."""
    Path(me).touch()
    end = time.monotonic() + within
    while time.monotonic() < end:
        if Path(other).exists():
            return True
        time.sleep(0.005)
    Path(me).unlink()
    return False


async def meets_on_trio(me, other, within):
    Path(me).touch()
    with trio.move_on_after(within):
        while not Path(other).exists():
            await trio.sleep(0.005)
        return True
    Path(me).unlink()
    return False


async def sleeps_on_trio():
    await trio.sleep(60)


async def sleeps_on_asyncio():
    await asyncio.sleep(60)


def looks_at_flag(flag=TerminationFlag()):
    while not flag.wait(0.005):
        pass
    return "ended by itself"


def looks_at_flag_aloud(flag=TerminationFlag()):
    print("it looks", flush=True)
    return looks_at_flag(flag)


def cleans_up():
    print("it begins", flush=True)
    try:
        time.sleep(60)
    finally:
        print("cleaned", flush=True)


def takes_a_flag_and_cleans_up(flag=TerminationFlag()):
    cleans_up()


def spawns_processes():
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(abs, (-1,))


def takes_a_flag(flag=TerminationFlag()):
    return None


async def cleans_up_on_trio():
    print("it begins", flush=True)
    try:
        await trio.sleep(60)
    finally:
        with cleanup():
            await trio.sleep(0.05)
            print("cleaned", flush=True)


async def cleans_up_on_asyncio():
    print("it begins", flush=True)
    try:
        await asyncio.sleep(60)
    finally:
        with cleanup():
            await asyncio.sleep(0.05)
            print("cleaned", flush=True)


def fails_to_clean_up():
    try:
        print("it begins", flush=True)
        time.sleep(60)
    finally:
        raise ValueError("cannot clean up")


def fails_and_cleans_up_slowly():
    try:
        raise ValueError("the real one")
    finally:
        print("it begins", flush=True)
        time.sleep(60)


def wraps_what_it_is_ended_by():
    print("it begins", flush=True)
    try:
        time.sleep(60)
    except Exception as exc:
        raise OSError("it failed") from exc


def swallows_everything():
    print("it begins", flush=True)
    while True:
        try:
            time.sleep(60)
        except BaseException:  # that is the point
            print("swallowed", flush=True)


def starts_one_that_ignores_sigterm():
    line = "import signal, time; signal.signal(15, signal.SIG_IGN); print('it begins', flush=True); time.sleep(60)"
    child = subprocess.Popen([sys.executable, "-c", line])
    print("child", child.pid, flush=True)
    child.wait()


def talks_to_the_session(session=Session()):
    print("it begins", flush=True)
    while True:
        session.parameters["x"] = 1


class TellsToEnd:
    """A value that has its own process told to end while it is pickled."""

    def __reduce__(self):
        os.kill(os.getpid(), signal.SIGTERM)
        return str, ("done",)


def is_told_to_end_as_it_is_pickled():
    return TellsToEnd()


def has_sigterm_end_it_and_is_told_to_end_as_it_is_pickled():
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    return TellsToEnd()


def passes_cancellation_points():
    while True:
        cancellation_point()
        time.sleep(0.005)


def ignores_everything():
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    time.sleep(60)


def ignores_sigterm_and_returns_its_pid():
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    return os.getpid()


def runs_other(session=Session()):
    session["other"].run(x="from inside")


def terminates_other(session=Session()):
    session["other"].terminate()


def asks_what_other_waits_for(session=Session()):
    return session["other"].waits_for


def shuts_down(session=Session()):
    session.shut_down()


def creates_a_task(session=Session()):
    session.create_task(returns, "new")


def creates_a_task_of_a_closure(session=Session()):
    session.create_task(lambda: None, "new")


def prints():
    print("to stdout")
    print("to stderr", file=sys.stderr)


def prints_and_fails():
    print("one")
    print("two", file=sys.stderr)
    raise ValueError("after two lines")


def decorated(function):
    @wraps(function)
    def wrapper(*args, **kwargs):
        return "decorated " + function(*args, **kwargs)

    return wrapper


@decorated
def is_decorated():
    return "result"


class Callable:
    def __init__(self, value):
        self.value = value

    def __call__(self):
        return self.value


class AsyncCallable:
    async def __call__(self):
        await trio.sleep(0)
        return "awaited"

    async def method(self):
        await trio.sleep(0)
        return "awaited method"


def process_group():
    return os.getpid(), os.getpgid(0)


def takes_megabytes(count):
    return len(bytearray(count * 10**6))


def takes_all_memory_bit_by_bit():
    return len([str(number) for number in range(10**8)])


KEPT = []


def fills_a_list_of_its_module():
    while True:
        KEPT.append(str(len(KEPT)))


def keeps_megabytes(count):
    KEPT.append(bytearray(count * 10**6))


def runs_out_of_memory():
    raise MemoryError("of its own")


def runs_out_of_memory_and_says_something_else():
    try:
        bytearray(sys.maxsize)
    except MemoryError:
        raise ValueError("no") from None


def limits_here():
    return os.getpid(), resource.getrlimit(resource.RLIMIT_DATA), resource.getrlimit(resource.RLIMIT_CPU)


def computes_for_ever():
    while True:
        pass


def computes_for(seconds):
    end = time.process_time() + seconds
    while time.process_time() < end:
        pass


def niceness():
    """Return that of this process, and of its session where sessions have one."""
    group = Path("/proc/self/autogroup")
    return os.getpriority(os.PRIO_PROCESS, 0), int(group.read_text().split()[-1]) if group.exists() else None


def writes_at_exit(path):
    atexit.register(path.write_text, "bye")


def starts_a_child():
    import subprocess

    child = subprocess.Popen(["sleep", "60"])
    print(f"child {child.pid}", flush=True)
    time.sleep(60)


def starts_a_child_that_ignores_sigterm(pid, *, stays):
    import subprocess

    child = subprocess.Popen(["sh", "-c", f"trap '' TERM; echo $$ > {pid}; while true; do sleep 1; done"])
    while not pid.exists() or not pid.read_text():
        time.sleep(0.01)
    if stays:
        child.wait()


def floods():
    import subprocess

    subprocess.run(["yes", "x" * 100], check=False)


def prints_a_long_line_and_fails():
    print("x" * 3_000_000, end="")
    raise ValueError("after a long line")


def closes_stdout():
    sys.stdout.close()


def sleeps_shortly():
    time.sleep(0.3)


def leaves_a_thread_that_controls(session=Session()):
    import threading

    def controls():
        for _ in range(20):
            time.sleep(0.02)
            try:
                session["it"].terminate("no such run")
            except Exception:
                continue

    threading.Thread(target=controls, daemon=True).start()


def forks_and_is_killed():
    if os.fork() == 0:
        time.sleep(5)
        os._exit(0)
    time.sleep(0.1)
    os.kill(os.getpid(), signal.SIGKILL)


class CannotBeLoaded:
    def __reduce__(self):
        return int, ("no number",)


def tries_to_create_and_looks(session=Session()):
    try:
        session.create_task(lambda: None, "new")
    except Exception:
        refused = True
    return "new" in session, refused


def asks_about(session=Session()):
    other = session["other"]
    return other.status, other.is_running, other.last_run is not None


def sends_a_lock(session=Session()):
    import threading

    session["other"].run(value=threading.Lock())


def sends_what_cannot_be_loaded(session=Session()):
    try:
        session["other"].run(value=CannotBeLoaded())
    except Exception as exc:
        return str(exc)
    return "sent"


class KillsWhoLoadsIt:
    def __reduce__(self):
        return os.kill, (KillsWhoLoadsIt.Pid(), signal.SIGKILL)

    class Pid:
        def __reduce__(self):
            return os.getpid, ()


class StopsWhoLoadsIt:
    def __reduce__(self):
        return os.kill, (KillsWhoLoadsIt.Pid(), signal.SIGSTOP)


class SignalsWhoMadeIt:
    """Whoever loads it sends the signal to the process where it was pickled."""

    def __init__(self, number):
        self.number = number

    def __reduce__(self):
        return os.kill, (os.getpid(), self.number)


class SaysWhereItIsLoaded:
    def __reduce__(self):
        return threading.get_ident, ()


class HasBuffer:
    """Pickled as arrays of numbers are, whose memory need not be copied."""

    def __init__(self, buffer):
        self.buffer = buffer

    def __reduce_ex__(self, protocol):
        return HasBuffer, (pickle.PickleBuffer(self.buffer),)

    def __eq__(self, other):
        return type(self.buffer) is type(other.buffer) and self.buffer == other.buffer

    __hash__ = None


def returns_its_place_in_front_of(much):
    return [SaysWhereItIsLoaded(), much]


def returns_what_cannot_be_loaded_in_front_of_much():
    return [CannotBeLoaded(), bytes(8 << 20)]


def returns_a_signal_in_front_of_much(number):
    return [SignalsWhoMadeIt(number), bytes(8 << 20)]


def creates_and_runs_a_task(session=Session()):
    task = session.create_task(returns, "new", parameters={"value": "of the new task"})
    task.run()
    return task.name in session, [each.name for each in session.tasks]


def removes_a_task(session=Session()):
    session.remove_task("other")
    return "other" in session


def changes_options(session=Session()):
    other = session["other"]
    other.start_cond = "every 2 hours"
    other.disabled = True
    session.config.max_process_count = 3
    session.parameters["word"] = "said inside"
    return str(other.start_cond), other.disabled, session.config.max_process_count


def reads_a_return_value(session=Session()):
    return session.returns["other"]


def takes(argument):
    return argument


async def takes_async(argument):
    return argument


def takes_word(word="by default"):
    return word


async def takes_word_async(word="by default"):
    return word


def process_and_thread():
    import threading

    return os.getpid(), threading.get_ident()


def joined(*parts, **named):
    return " ".join([*parts, *named.values()])


@argument()
def decorated_argument(word=EnvArg("CALLSHEET_WORD", "no word")):
    return f"{word}, {os.getpid()}"


def takes_decorated(argument=decorated_argument):
    return argument


async def takes_decorated_async(argument=decorated_argument):
    return argument


class Doubled(Argument):
    def __init__(self, value):
        self.of = value

    def get_value(self, task, **others):
        return task.name, self.of * 2


class OfTheRun(Argument):
    def get_value(self, run_id=None):
        return run_id


def raises_no_word():
    raise LookupError("no word")


def logs(logger=TaskLogger(), scheduler=SchedulerLogger()):
    logger.info("said inside")
    scheduler.warning("of the scheduler")


def returns_much(megabytes):
    return bytes(megabytes << 20)


def measures(blob):
    return type(blob).__name__, len(blob)


def needs_key():
    return {}["key"]


collected = []


def collects(value):
    collected.append(value)


def sends_on(argument, session=Session()):
    session["collect"].run(value=argument)


def returns_or_raises(value):
    if value is None:
        raise ValueError("no value")
    return value


def sets_a_schedule(session=Session()):
    session["other"].start_cond = "every 1 hour"


def sets_an_impossible_option(session=Session()):
    try:
        session["other"].timeout = "soon"
    except Exception as exc:
        return str(exc)
    return "accepted"


def runs_and_terminates(session=Session()):
    session["other"].run(x="from inside")
    session["endless"].terminate()


def holds_the_session(session=Session()):
    session.on_hold = True


def shuts_down_so(force, session=Session()):
    session.shut_down(force)


def restarts(session=Session()):
    session.restart()


def as_async(function):
    """Return an async function that does the same as `function`, and takes the same."""

    @wraps(function)
    async def does_the_same(*args, **kwargs):
        return function(*args, **kwargs)

    return does_the_same


sends_on_async, creates_and_runs_a_task_async, removes_a_task_async, changes_options_async = map(
    as_async, [sends_on, creates_and_runs_a_task, removes_a_task, changes_options]
)
sets_a_schedule_async, sets_an_impossible_option_async, runs_and_terminates_async, holds_the_session_async = map(
    as_async, [sets_a_schedule, sets_an_impossible_option, runs_and_terminates, holds_the_session]
)
shuts_down_so_async, restarts_async, reads_a_return_value_async = map(as_async, [shuts_down_so, restarts, reads_a_return_value])


def tells_progress(updates=5, total=100):
    for done in range(1, updates + 1):
        progress(done, total, f"step {done}")
    return "done"


tells_progress_async = as_async(tells_progress)


def tells_progress_and_fails():
    progress(3, 10)
    raise ValueError("in the middle")


tells_progress_and_fails_async = as_async(tells_progress_and_fails)


seen_by_hooks = []


def writes(word):
    with Path("hooks.txt").open("a") as file:
        file.write(f"{word}\n")


def writes_before_and_after(task, word="hook"):
    writes(f"{word} before {task.name}")
    kind, error, _ = yield
    writes(f"{word} after {task.name}: {kind and kind.__name__} {error}")


async def writes_before_and_after_async(task):
    writes(f"async before {task.name}")
    kind, error, _ = yield
    writes(f"async after {task.name}: {kind and kind.__name__} {error}")


def writes_plainly(task):
    writes(f"plain {task.name} in {os.getpid()}")


async def writes_plainly_async():
    await trio.lowlevel.checkpoint()
    writes("plain async")


def writes_itself():
    writes("function")


writes_itself_async = as_async(writes_itself)


def writes_and_fails():
    writes("function")
    raise ValueError("no")


writes_and_fails_async = as_async(writes_and_fails)


def fails_before(task):
    raise RuntimeError("not now")


def yields_twice(task):
    yield
    yield


def looks_at_parameters(session=Session()):
    try:
        problem = session.parameters["lock"]
    except Exception as exc:
        problem = str(exc)
    return sorted(session.parameters), session.parameters["word"], problem


def gives_flag(flag=TerminationFlag()):
    return flag


def waits_for(flag):
    Path("waiting").touch()
    flag.wait(30)


def positional(a, /, b=0):
    return a, b


def positional_default(a=EnvArg("A"), /):
    return a


def starred(*items, b):
    return items, b


raises_async = as_async(raises)


variable = contextvars.ContextVar("variable", default="clean")


def changes_its_surroundings():
    found = variable.get(), Path.cwd().name != "somewhere"
    variable.set("dirty")
    Path("somewhere").mkdir(exist_ok=True)
    os.chdir("somewhere")
    return found


def is_interrupted(session=Session()):
    """Be interrupted by a signal in the middle of asking, then ask on; return what answers were those of other questions."""

    def interrupt(*_):
        raise TimeoutError

    before = signal.signal(signal.SIGALRM, interrupt)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.02)
        while True:
            list(session.tasks)
    except TimeoutError:
        signal.signal(signal.SIGALRM, before)
    return [name for name in ("it", "other") * 20 if session[name].name != name]


def adds_a_hook(session=Session()):
    session.hook_task_execute(writes_plainly)


def tells_how_far(done, note=None):
    progress(done, note=note)


tells_how_far_async = as_async(tells_how_far)


def asks_for_health(session=Session()):
    return session.health


asks_for_health_async = as_async(asks_for_health)
