"""Everything Callsheet raises on purpose.

CallsheetError
├── UnknownOption, InvalidOption      a name or value nobody knows: the message lists what is known
├── DuplicateTask, UnknownTask        a task name taken twice, or by no one
├── InvalidTimeSpan, ConditionSyntaxError   text that says no time or no condition
├── ConditionBroken                   a condition that cannot be followed
├── MissingArgument, UnexpectedArgument     a launch whose parameters do not fit the function
├── NoValue                           an argument that finds no value, also a KeyError
├── InvalidRunId                      ``func_run_id`` raised or returned no text
├── InvalidLimitKey                   the ``key`` of a limit raised or returned nothing to count by
├── UnportableFunction, UnportableParameter, UnportableResult   what cannot cross to a process
├── AsyncioNeeded                     a function on trio awaited something of asyncio
├── NotRunning                        a control that has nothing to act on here
├── UnportableChange                  what a process task wants changed but cannot send
├── AlreadyRunning                    an app that is to be run twice at a time
├── NotSimulated                      a run that virtual time does not wait for
├── AppNotAnswering                   an app that runs elsewhere, and does not say what it is asked
├── RunBroken                         a run that ended without an answer of its function
│   ├── WorkerDied                    its process is gone
│   ├── CommandFailed                 its command could not be started, or did not exit with 0
│   ├── RunAbandoned                  its thread ignored being asked to end past its grace
│   ├── RunKilled                     its process ignored being ended, and was killed
│   └── TooManyAbandoned              it was not begun, since too many threads were abandoned
├── RemoteFailure                     what a function raised in a worker process, as text
├── LogError                          the run log
│   ├── UnknownColumn                 a query asks for a column that no record has
│   ├── InvalidOperand                a query compares a column with what it never holds, also a ValueError
│   ├── NoLog                         there is none to read
│   ├── LogFailed                     it cannot be written any more, and the app ends for that
│   ├── LogLocked                     another runtime writes it
│   └── LogUnusable                   it is not a run log, or cannot be opened
│       └── LogChanged                its files became others while they were read
├── ActorError                        actors that talk
│   ├── UnknownActor                  no actor has that name, or has it any more
│   ├── ActorStopped                  it has ended, or ends, and takes no messages
│   ├── ActorRestarting               it is being restarted, and takes none meanwhile
│   ├── ActorFailed                   it failed on the message; ``__cause__`` is what it raised
│   ├── MailboxFull                   it has more messages than it may, and this one has no room
│   ├── AskTimeout                    no reply came in the time it was worth waiting for
│   ├── NoReply                       it has dealt with the message, and gave no answer
│   ├── DeadlockError                 actors that would wait for each other for ever
│   ├── UnexpectedMessage             it takes no messages of this class
│   ├── UnportableMessage             what cannot cross from a process
│   ├── StashFull                     more messages were put aside than may be
│   ├── ActorExists                   its name is taken: by one that runs, is kept, or is being restarted
│   ├── StartError                    a child did not start; ``__cause__`` is why
│   ├── StartTimeout                  its ``on_start`` took too long
│   ├── ActorGaveUp                   a supervisor did; ``__cause__`` has the failures
│   └── Decline                       raised by ``on_start`` to decline to begin
├── TargetError                       a program the command line cannot load
└── TaskSignal                        raised by task functions to choose their outcome
    ├── TaskTerminationException      "I ended early because I was asked to"
    ├── TaskInactionException         "there was nothing to do"
    ├── SchedulerExit, SchedulerRestart   "I am done, and the app shall end", or begin anew
    └── Retry                         "I failed; try me again": see :mod:`actors.retries`

``LoadingEnded`` stands outside: it ends the loading of a module where that would start the app, and must not be caught by
``except Exception``. ``BlockingTask`` is a warning, and raised only where warnings are made errors.
Every error keeps its fields (``args`` are the fields), so it survives pickle and a process boundary.
"""

from __future__ import annotations

from collections.abc import Sequence


def nearest(name: str, known: Sequence[str]) -> str:
    """Return `` Did you mean 'x'?`` for the entry of `known` that resembles `name`, else an empty text."""
    from difflib import get_close_matches  # takes 2 ms to import, which each worker would pay

    by_lower = {entry.lower(): entry for entry in known}
    matches = get_close_matches(name.lower(), by_lower, n=1)
    return f" Did you mean {by_lower[matches[0]]!r}?" if matches else ""


MOST_LISTED = 20
"""How many names a message lists."""


def _listed(names: Sequence[str]) -> str:
    """Return `names` in words; of many, the first."""
    more = f" and {len(names) - MOST_LISTED} more" if len(names) > MOST_LISTED else ""
    return (", ".join(names[:MOST_LISTED]) or "(nothing)") + more


class CallsheetError(Exception):
    """The root of all errors raised on purpose."""


class UnknownOption(CallsheetError):
    """An option was given that its owner does not have."""

    def __init__(self, owner: str, name: str, valid: Sequence[str]) -> None:
        super().__init__(owner, name, tuple(valid))
        self.owner, self.name, self.valid = owner, name, tuple(valid)

    def __str__(self) -> str:
        hint = nearest(self.name, self.valid)
        return f"{self.owner} has no option {self.name!r}.{hint} Options are: {', '.join(self.valid)}"


class InvalidOption(CallsheetError):
    """An option was given a value it cannot have."""

    def __init__(self, owner: str, name: str, value: str, expected: str) -> None:
        super().__init__(owner, name, value, expected)
        self.owner, self.name, self.value, self.expected = owner, name, value, expected

    def __str__(self) -> str:
        return f"{self.owner} cannot have {self.name}={self.value}: {self.expected}"


class DuplicateTask(CallsheetError):
    """Two tasks of one session have the same name."""

    def __init__(self, name: str, first: str, second: str) -> None:
        super().__init__(name, first, second)
        self.name, self.first, self.second = name, first, second

    def __str__(self) -> str:
        return (
            f"task {self.name!r} is defined twice\n  first:  {self.first}\n  second: {self.second}\n"
            "  give one of them another name, with name='...'"
        )


class UnknownTask(CallsheetError, KeyError):
    """A session has no such task."""

    def __init__(self, name: str, known: Sequence[str]) -> None:
        super().__init__(name, tuple(known))
        self.name, self.known = name, tuple(known)

    def __str__(self) -> str:
        return f"there is no task {self.name!r}.{nearest(self.name, self.known)} Tasks are: {', '.join(self.known) or '(none)'}"


class InvalidTimeSpan(CallsheetError, ValueError):
    """A text does not say a length of time."""

    def __init__(self, text: str, problem: str) -> None:
        super().__init__(text, problem)
        self.text, self.problem = text, problem

    def __str__(self) -> str:
        return (
            f"{self.text!r} is not a length of time: {self.problem}. Write for example '10 seconds', '1 h 30 min' or '00:01:30'"
        )


class ConditionSyntaxError(CallsheetError, ValueError):
    """A text does not say a condition."""

    def __init__(self, text: str, position: int, expected: str) -> None:
        super().__init__(text, position, expected)
        self.text, self.position, self.expected = text, position, expected

    def __str__(self) -> str:
        line = "".join(sign if sign.isprintable() else " " for sign in self.text)
        return f"this is not a condition\n  {line}\n  {' ' * self.position}^ {self.expected}"


class ConditionBroken(CallsheetError):
    """A condition contradicts itself, or its function does not answer."""

    def __init__(self, condition: str, problem: str) -> None:
        super().__init__(condition, problem)
        self.condition, self.problem = condition, problem

    def __str__(self) -> str:
        return f"the condition {self.condition} cannot be followed: {self.problem}"


class MissingArgument(CallsheetError, TypeError):
    """A function needs an argument that nothing provides.

    Attributes:
      owner: whose function it is, in words, such as ``task 'fetch'``.
      problem: why an argument that values itself could not, empty where there is none.
    """

    def __init__(self, owner: str, argument: str, available: Sequence[str], problem: str = "") -> None:
        super().__init__(owner, argument, tuple(available), problem)
        self.owner, self.argument, self.available, self.problem = owner, argument, tuple(available), problem

    def __str__(self) -> str:
        problem = self.problem or "neither the launch nor the task nor the app provides it"
        way_out = f"Give it a default, parameters={{{self.argument!r}: ...}}, or run({self.argument}=...)"
        return (
            f"{self.owner} needs the argument {self.argument!r}: {problem}.{nearest(self.argument, self.available)} "
            f"Available: {_listed(self.available)}. {way_out}"
        )


class NoValue(CallsheetError, KeyError):
    """An argument finds no value for itself; ``>>`` then goes on to the next.

    Attributes:
      problem: what is missing, in words.
      name: what was looked for.
      available: what is there instead.
    """

    def __init__(self, problem: str, name: str, available: Sequence[str]) -> None:
        super().__init__(problem, name, tuple(available))
        self.problem, self.name, self.available = problem, name, tuple(available)

    def __str__(self) -> str:
        return f"{self.problem}{nearest(self.name, self.available)}".rstrip()


class UnexpectedArgument(CallsheetError, TypeError):
    """A call brings a parameter that the function does not take; `owner` says whose function, in words."""

    def __init__(self, owner: str, argument: str, accepted: Sequence[str]) -> None:
        super().__init__(owner, argument, tuple(accepted))
        self.owner, self.argument, self.accepted = owner, argument, tuple(accepted)

    def __str__(self) -> str:
        return (
            f"{self.owner} takes no argument {self.argument!r}.{nearest(self.argument, self.accepted)} "
            f"It takes: {', '.join(self.accepted) or '(none)'}"
        )


class InvalidRunId(CallsheetError):
    """``func_run_id`` did not give a run its id."""

    def __init__(self, task: str, problem: str) -> None:
        super().__init__(task, problem)
        self.task, self.problem = task, problem

    def __str__(self) -> str:
        return f"func_run_id of task {self.task!r} {self.problem}; it must return a text that is not empty"


class InvalidLimitKey(CallsheetError):
    """The key function of a limit did not say what a launch is counted by."""

    def __init__(self, task: str, limit: str, problem: str) -> None:
        super().__init__(task, limit, problem)
        self.task, self.limit, self.problem = task, limit, problem

    def __str__(self) -> str:
        return (
            f"the key of {self.limit} of task {self.task!r} cannot be used: {self.problem}; "
            "it gets the parameters of the task and the launch, "
            "and must return a text, a number, a date, a path, or a tuple of these"
        )


class UnportableFunction(CallsheetError):
    """A function cannot be found again by a worker process."""

    def __init__(self, task: str, function: str, problem: str) -> None:
        super().__init__(task, function, problem)
        self.task, self.function, self.problem = task, function, problem

    def __str__(self) -> str:
        return (
            f"task {self.task!r} cannot run in a process: {self.function} {self.problem}. "
            "Define it with def at the top level of a module (a decorator needs functools.wraps), or use execution='thread'"
        )


class UnportableParameter(CallsheetError):
    """A parameter cannot be sent to a worker process."""

    def __init__(self, task: str, parameter: str, problem: str) -> None:
        super().__init__(task, parameter, problem)
        self.task, self.parameter, self.problem = task, parameter, problem

    def __str__(self) -> str:
        return (
            f"parameter {self.parameter!r} of task {self.task!r} cannot be sent to a process: {self.problem}. "
            "Send plain data, or use execution='thread'"
        )


class UnportableResult(CallsheetError):
    """A function in a worker process returned what cannot be sent back."""

    def __init__(self, task: str, kind: str, problem: str) -> None:
        super().__init__(task, kind, problem)
        self.task, self.kind, self.problem = task, kind, problem

    def __str__(self) -> str:
        return (
            f"task {self.task!r} returned a {self.kind}, which cannot be sent back from its process: {self.problem}. "
            "Return plain data, or use execution='thread'"
        )


class AsyncioNeeded(CallsheetError):
    """A function that runs on trio awaited something that only asyncio understands."""

    def __init__(self, awaited: str) -> None:
        super().__init__(awaited)
        self.awaited = awaited

    def __str__(self) -> str:
        return f"{self.awaited} was awaited, which needs asyncio, but the task runs on trio: give it backend='asyncio'"


class NotRunning(CallsheetError):
    """A control was used while no runtime runs the app."""

    def __init__(self, control: str) -> None:
        super().__init__(control)
        self.control = control

    def __str__(self) -> str:
        return f"{self.control} needs a running app: call it from a task, or inside app.running() or after app.start_in_thread()"


class UnportableChange(CallsheetError):
    """A change of the session cannot be sent from a process task to where the app runs."""

    def __init__(self, change: str, problem: str) -> None:
        super().__init__(change, problem)
        self.change, self.problem = change, problem

    def __str__(self) -> str:
        return (
            f"{self.change} cannot be sent out of a process task: {self.problem}. "
            "Use functions at the top level of a module, and plain data; or do it in a task with another execution"
        )


class AlreadyRunning(CallsheetError):
    """An app was to be run that a runtime runs already."""

    def __str__(self) -> str:
        return "this app is running already; to run it twice at a time, make two apps"


class NotSimulated(CallsheetError):
    """A run in a test on virtual time would be done by what that does not wait for."""

    def __init__(self, task: str, how: str) -> None:
        super().__init__(task, how)
        self.task, self.how = task, how

    def __str__(self) -> str:
        return (
            f"task {self.task!r} {self.how}, which virtual time does not wait for; give it a script: "
            f"running(app, simulated={{{self.task!r}: Scripted()}})"
        )


class AppNotAnswering(CallsheetError):
    """An app that runs elsewhere was asked something, and has not answered."""

    def __init__(self, log: str, why: str) -> None:
        super().__init__(log, why)
        self.log, self.why = log, why

    def __str__(self) -> str:
        return f"the app that writes {self.log} does not answer: {self.why}"


class RunBroken(CallsheetError):
    """A run ended without an answer of its function."""


class WorkerDied(RunBroken):
    """The process that ran a task ended before it answered."""

    def __init__(self, task: str, how: str) -> None:
        super().__init__(task, how)
        self.task, self.how = task, how

    def __str__(self) -> str:
        return f"the process of task {self.task!r} {self.how}"


class CommandFailed(RunBroken):
    """The command of a task could not be started, or ended otherwise than with exit status 0."""

    def __init__(self, task: str, command: str, how: str) -> None:
        super().__init__(task, command, how)
        self.task, self.command, self.how = task, command, how

    def __str__(self) -> str:
        return f"the command of task {self.task!r} {self.how}"


class RunAbandoned(RunBroken):
    """A function did not end within its grace after it was asked to; it goes on, unheard."""

    def __init__(self, task: str, what: str, grace: float, stack: str) -> None:
        super().__init__(task, what, grace, stack)
        self.task, self.what, self.grace, self.stack = task, what, grace, stack

    def __str__(self) -> str:
        return f"abandoned: the {self.what} of task {self.task!r} did not end within {self.grace:g} s of being asked to"


class RunKilled(RunBroken):
    """A process did not end in its time to clean up, and was killed."""

    def __init__(self, task: str, what: str, waited: float) -> None:
        super().__init__(task, what, waited)
        self.task, self.what, self.waited = task, what, waited

    def __str__(self) -> str:
        return f"killed: the {self.what} of task {self.task!r} did not end within {self.waited:g} s of being asked to"


class TooManyAbandoned(RunBroken):
    """A thread run was not begun, since so many threads go on that were abandoned."""

    def __init__(self, task: str, count: int, most: int) -> None:
        super().__init__(task, count, most)
        self.task, self.count, self.most = task, count, most

    def __str__(self) -> str:
        return (
            f"no thread is begun for task {self.task!r}: {self.count} abandoned threads go on, and max_abandoned_threads is "
            f"{self.most}. Have their functions look at a TerminationFlag, or use execution='process', which can be killed"
        )


class RemoteFailure(CallsheetError):
    """What a task function raised in a worker process. ``__cause__`` is the error itself where it survived the way back."""

    def __init__(self, kind: str, message: str, text: str, kinds: Sequence[str] = ()) -> None:
        super().__init__(kind, message, text, tuple(kinds))
        self.kind, self.message, self.text = kind, message, text
        self.kinds = tuple(kinds)  # the qualified names of its class and all that this derives from

    def __str__(self) -> str:
        return f"{self.kind}: {self.message}" if self.message else self.kind


class LogError(CallsheetError):
    """The run log cannot be used."""


_COLUMNS_BY_OTHER_NAMES = {"status": "action", "task": "task_name", "name": "task_name", "id": "run_id"}


class UnknownColumn(LogError):
    """A query of the run log names a column that no record has."""

    def __init__(self, name: str, valid: Sequence[str]) -> None:
        super().__init__(name, tuple(valid))
        self.name, self.valid = name, tuple(valid)

    def __str__(self) -> str:
        meant = nearest(_COLUMNS_BY_OTHER_NAMES.get(self.name, self.name), self.valid)
        return f"the run log has no column {self.name!r}.{meant} Columns are: {', '.join(self.valid)}"


class InvalidOperand(LogError, ValueError):
    """A query of the run log compares a column with what it can never hold."""

    def __init__(self, asked: str, problem: str) -> None:
        super().__init__(asked, problem)
        self.asked, self.problem = asked, problem

    def __str__(self) -> str:
        return f"the run log cannot be asked for {self.asked}: {self.problem}"


class NoLog(LogError):
    """There is no run log where one was to be read."""

    def __init__(self, path: str) -> None:
        super().__init__(path)
        self.path = path

    def __str__(self) -> str:
        return f"there is no run log {self.path}: run an app first, or name its log with --log"


class LogLocked(LogError):
    """Another runtime is writing this run log."""

    def __init__(self, path: str, holder: str) -> None:
        super().__init__(path, holder)
        self.path, self.holder = path, holder

    def __str__(self) -> str:
        return f"the run log {self.path} is in use by {self.holder}. Stop that one, or give this app another log"


class LogUnusable(LogError):
    """A file is not a run log, or cannot be opened as one. It was not changed."""

    def __init__(self, path: str, problem: str) -> None:
        super().__init__(path, problem)
        self.path, self.problem = path, problem
        self.option = "log='...'"
        """How the log was named, or could be."""

    def __str__(self) -> str:
        return f"cannot use {self.path} as a run log: {self.problem}. Nothing was changed; name another file with {self.option}"


class LogChanged(LogUnusable):
    """The files of a run log became others while they were read."""

    def __str__(self) -> str:
        return f"{self.path}, a part of the run log, {self.problem}: ask again"


class LogFailed(LogError):
    """The run log cannot be written any more, and the app has ended, as it wants to then: ``on_log_failure="halt"``."""

    def __init__(self, problem: str) -> None:
        super().__init__(problem)
        self.problem = problem

    def __str__(self) -> str:
        return (
            f"the app has ended, since its run log cannot be written: {self.problem}. "
            "Make room for it, or let the app go on without: on_log_failure='continue'"
        )


class ActorError(CallsheetError):
    """The root of the errors of actors that talk."""


class UnknownActor(ActorError, KeyError):
    """No actor has that name, or has it any more."""

    def __init__(self, name: str, known: Sequence[str]) -> None:
        super().__init__(name, tuple(known))
        self.name, self.known = name, tuple(known)

    def __str__(self) -> str:
        return f"there is no actor {self.name!r}.{nearest(self.name, self.known)} Actors are: {_listed(self.known)}"


class ActorStopped(ActorError):
    """A message came to an actor that takes none any more, or was left when it ended."""

    def __init__(self, actor: str, why: str) -> None:
        super().__init__(actor, why)
        self.actor, self.why = actor, why

    def __str__(self) -> str:
        return f"actor {self.actor!r} takes no messages: {self.why}"


class ActorRestarting(ActorError):
    """A message came while the actor was being restarted, and it declines those: ``while_restarting="reject"``."""

    def __init__(self, actor: str, why: str) -> None:
        super().__init__(actor, why)
        self.actor, self.why = actor, why

    def __str__(self) -> str:
        return f"actor {self.actor!r} is being restarted, since it {self.why}. Ask again once `await ref.wait_ready()` returns"


class ActorFailed(ActorError):
    """An actor failed on the message; ``__cause__`` is what it raised, where that can be told here."""

    def __init__(self, actor: str, message: str, error: str) -> None:
        super().__init__(actor, message, error)
        self.actor, self.message, self.error = actor, message, error

    def __str__(self) -> str:
        return f"actor {self.actor!r} failed on {self.message}: {self.error}"


class MailboxFull(ActorError):
    """A message was offered to an actor whose mailbox has no room, or had to make room for a later one."""

    def __init__(self, actor: str, capacity: int) -> None:
        super().__init__(actor, capacity)
        self.actor, self.capacity = actor, capacity

    def __str__(self) -> str:
        return f"actor {self.actor!r} has {self.capacity} unread messages; `await ref.send(message)` waits for room"


class AskTimeout(ActorError, TimeoutError):
    """No reply came in the time that the caller had for it."""

    def __init__(self, actor: str, message: str, within: float, state: str) -> None:
        super().__init__()
        self.args = (actor, message, within, state)  # given to an OSError, they would be an errno and names of files
        self.actor, self.message, self.within, self.state = actor, message, within, state

    def __str__(self) -> str:
        return f"actor {self.actor!r} did not answer {self.message} within {self.within:g} s: {self.state}"


class NoReply(ActorError):
    """An actor has dealt with a message and gave no answer, or ended before it gave the one it had put off."""

    def __init__(self, actor: str, message: str, why: str) -> None:
        super().__init__(actor, message, why)
        self.actor, self.message, self.why = actor, message, why

    def __str__(self) -> str:
        return f"actor {self.actor!r} gave no answer to {self.message}: {self.why}"


class DeadlockError(ActorError):
    """An actor would wait for one that waits for it, itself perhaps: neither would go on before its time is up."""

    def __init__(self, cycle: Sequence[str]) -> None:
        super().__init__(tuple(cycle))
        self.cycle = tuple(cycle)

    def __str__(self) -> str:
        return (
            f"{' -> '.join(self.cycle)}: each would wait for the next for ever. Let one of them `tell`, or ask outside of its "
            "handler, with ctx.pipe_to_self()"
        )


class UnexpectedMessage(ActorError, TypeError):
    """An actor takes no messages of this class."""

    def __init__(self, actor: str, message: str, known: Sequence[str]) -> None:
        super().__init__(actor, message, tuple(known))
        self.actor, self.message, self.known = actor, message, tuple(known)

    def __str__(self) -> str:
        hint = nearest(self.message, self.known)
        return f"actor {self.actor!r} takes no {self.message}.{hint} It takes: {_listed(self.known)}"


class UnportableMessage(ActorError):
    """A message, or the answer to it, cannot cross between a process and the scheduler."""

    def __init__(self, message: str, problem: str) -> None:
        super().__init__(message, problem)
        self.message, self.problem = message, problem

    def __str__(self) -> str:
        return f"{self.message} cannot cross to or from a process: {self.problem}"


class StashFull(ActorError):
    """An actor has put aside as many messages as it may."""

    def __init__(self, actor: str, capacity: int) -> None:
        super().__init__(actor, capacity)
        self.actor, self.capacity = actor, capacity

    def __str__(self) -> str:
        return (
            f"actor {self.actor!r} has put aside {self.capacity} messages, which is all it may; ctx.unstash() takes them up again"
        )


class ActorExists(ActorError):
    """The name of a new actor is taken."""

    def __init__(self, name: str, state: str) -> None:
        super().__init__(name, state)
        self.name, self.state = name, state

    def __str__(self) -> str:
        ways_out = {"declared": "", "stopped": ", or: ref.start() starts it, ref.remove() frees its name"}
        way_out = ways_out.get(self.state, ", or: ref.stop() ends it")
        return f"there is an actor {self.name!r} already; it is {self.state}. Choose another name{way_out}"


class StartError(ActorError):
    """A child did not start, so what it belongs to did not either; ``__cause__`` is why."""

    def __init__(self, actor: str, error: str) -> None:
        super().__init__(actor, error)
        self.actor, self.error = actor, error

    def __str__(self) -> str:
        return f"actor {self.actor!r} did not start: {self.error}"


class StartTimeout(ActorError, TimeoutError):
    """The ``on_start`` of an actor took longer than it may."""

    def __init__(self, actor: str, seconds: float) -> None:
        super().__init__()
        self.args = (actor, seconds)  # see AskTimeout
        self.actor, self.seconds = actor, seconds

    def __str__(self) -> str:
        return f"on_start of actor {self.actor!r} took longer than {self.seconds:g} s; give it a longer start_timeout"


class ActorGaveUp(ActorError):
    """What supervises the actors of an app gave up; ``__cause__`` is the group of the last failures."""

    def __init__(self, actor: str, reason: str) -> None:
        super().__init__(actor, reason)
        self.actor, self.reason = actor, reason

    def __str__(self) -> str:
        return f"{self.actor} gave up: {self.reason}"


class Decline(ActorError):
    """Raise it in ``on_start`` of an actor that is not to begin, which is no failure: its outcome is ``Ignored``."""


class TargetError(CallsheetError):
    """A program could not be loaded as an app."""

    def __init__(self, target: str, problem: str) -> None:
        super().__init__(target, problem)
        self.target, self.problem = target, problem

    def __str__(self) -> str:
        return f"cannot load {self.target!r}: {self.problem}"


class TaskSignal(CallsheetError):
    """Raised by a task's function to choose the outcome of its run."""


class TaskTerminationException(TaskSignal):
    """Raise it from a task that ends early because it was asked to: the run is recorded as ``terminate``.

    It is raised in functions that are cancelled: in a process, and in a thread with ``interrupt``. Let it pass.
    """


class TaskInactionException(TaskSignal):
    """Raise it from a task that found nothing to do: the run is recorded as ``inaction``."""


class SchedulerExit(TaskSignal):
    """Raise it from a task to end the app, as ``session.shut_down()`` does: the run is a ``success``."""


class SchedulerRestart(TaskSignal):
    """Raise it from a task to restart the app, as ``session.restart()`` does: the run is a ``success``."""


class LoadingEnded(BaseException):
    """Ends the loading of a module at its ``app.run()``, where the app is run by somebody else: see :mod:`runtime.loading`."""

    def __str__(self) -> str:
        return "an app cannot be run here: this is a worker process of one, or the command line that is about to run it"


class BlockingTask(RuntimeWarning):
    """A task runs where the scheduler does, and calls something that would hold that up."""

    def __init__(self, task: str, call: str) -> None:
        super().__init__(task, call)
        self.task, self.call = task, call

    def __str__(self) -> str:
        return (
            f"task {self.task!r} calls {self.call}, which blocks the scheduler under execution='async': "
            "give it execution='thread' (or 'main' if that is meant)"
        )
