"""How a run ended, decided from what it raised and from who had asked it to end."""

import traceback

import pytest
import trio

import samples
from actors.errors import (
    AsyncioNeeded,
    InvalidRunId,
    MissingArgument,
    RemoteFailure,
    RunAbandoned,
    TaskInactionException,
    TaskTerminationException,
    WorkerDied,
)
from runtime.outcome import SUCCESS, Ending, is_fatal, judge


def raised(error, cause=None):
    """Return `error` as it comes out of a function that raises it."""
    with pytest.raises(type(error)) as caught:
        raise error from cause
    return caught.value


async def cancelled():
    """Return a Cancelled, which only trio can make."""
    with trio.CancelScope() as scope:
        scope.cancel()
        try:
            await trio.sleep_forever()
        except trio.Cancelled as exc:
            return exc


def test_a_success_says_nothing_more():
    assert Ending("success") == SUCCESS


class TestFail:
    def test_what_a_function_raises_is_a_fail_with_its_text_and_traceback(self):
        error = raised(ValueError("no"))
        ending = judge(error, None)
        assert (ending.action, ending.reason) == ("fail", "ValueError: no")
        assert ending.exc_text == "".join(traceback.format_exception(error)).rstrip("\n")

    def test_an_error_without_a_text_is_its_name(self):
        assert judge(raised(ValueError()), None).reason == "ValueError"

    def test_the_reason_is_the_first_line(self):
        ending = judge(raised(ValueError("\n one\ntwo")), None)
        assert ending.reason == "ValueError: one"
        assert "two" in ending.exc_text

    def test_an_error_whose_text_raises_is_a_fail(self):
        assert judge(raised(samples.RaisesInStr()), None).reason == "RaisesInStr: (its text cannot be shown)"

    def test_an_error_is_a_fail_also_when_the_run_was_asked_to_end(self):
        assert judge(raised(ValueError("no")), "timeout").action == "fail"

    @pytest.mark.parametrize("error", [SystemExit(3), GeneratorExit("closed")])
    def test_what_would_end_the_program_is_a_fail_of_the_task(self, error):
        assert judge(raised(error), None).action == "fail"

    def test_a_keyboard_interrupt_is_a_fail_of_the_task_it_struck(self):
        assert judge(raised(KeyboardInterrupt()), None).reason == "KeyboardInterrupt"

    def test_a_group_is_a_fail_with_all_its_parts(self):
        group = raised(ExceptionGroup("two", [ValueError("one"), KeyError("other")]))
        ending = judge(group, None)
        assert (ending.action, ending.reason) == ("fail", "ExceptionGroup: two (2 sub-exceptions)")
        assert "ValueError: one" in ending.exc_text
        assert "KeyError: 'other'" in ending.exc_text

    def test_a_worker_that_died_is_a_fail(self):
        ending = judge(raised(WorkerDied("it", "exited with status 0 before it answered")), None)
        assert (ending.action, ending.reason) == (
            "fail",
            "WorkerDied: the process of task 'it' exited with status 0 before it answered",
        )

    @pytest.mark.parametrize("error", [MissingArgument("it", "x", []), InvalidRunId("it", "returned ''")])
    def test_what_kept_a_run_from_its_function_is_a_fail(self, error):
        assert judge(error, None) == Ending("fail", f"{type(error).__name__}: {error}")

    def test_a_missing_asyncio_loop_is_a_fail_with_the_way_out(self):
        ending = judge(raised(RuntimeError("no running event loop")), None)
        assert ending.reason == (
            "RuntimeError: no running event loop; if the function is written for asyncio, set backend='asyncio'"
        )

    def test_what_says_the_way_out_already_says_it_once(self):
        ending = judge(raised(AsyncioNeeded("a Future")), None)
        assert ending.reason.count("backend='asyncio'") == 1

    def test_another_runtime_error_has_no_such_way_out(self):
        assert judge(raised(RuntimeError("no")), None).reason == "RuntimeError: no"


class TestSignals:
    def test_a_task_may_end_itself(self):
        assert judge(raised(TaskTerminationException()), None) == Ending("terminate", "the task ended itself")
        assert judge(raised(TaskTerminationException("enough")), None) == Ending("terminate", "the task ended itself: enough")

    def test_a_task_that_ends_because_it_was_asked_says_who_asked(self):
        assert judge(raised(TaskTerminationException("enough")), "timeout") == Ending("terminate", "timeout")

    @pytest.mark.parametrize("asked", [None, "timeout"])
    def test_a_task_may_have_found_nothing_to_do(self, asked):
        assert judge(raised(TaskInactionException()), asked) == Ending("inaction", "nothing to do")
        assert judge(raised(TaskInactionException("nothing new")), asked) == Ending("inaction", "nothing new")

    def test_subclasses_are_signals_too(self):
        class Empty(TaskInactionException):
            pass

        assert judge(raised(Empty("queue")), None) == Ending("inaction", "queue")

    @pytest.mark.parametrize(("signal", "action"), [(TaskInactionException, "inaction"), (TaskTerminationException, "terminate")])
    def test_a_signal_whose_text_raises_is_one_all_the_same(self, signal, action):
        class Mute(signal):
            def __str__(self):
                raise RuntimeError

        assert judge(raised(Mute()), None).action == action

    def test_the_reason_of_a_signal_is_a_line_too(self):
        assert judge(raised(TaskInactionException("nothing new\nsince noon")), None).reason == "nothing new"


class TestAbandoned:
    STACK = "File ..., in sleeps"

    def test_it_is_terminated_with_who_asked_and_where_it_is(self):
        error = raised(RunAbandoned("it", "thread", 5.0, self.STACK))
        assert judge(error, "timeout") == Ending(
            "terminate",
            "timeout; abandoned: the thread of task 'it' did not end within 5 s of being asked to",
            self.STACK,
            is_forced=True,
        )

    def test_it_is_terminated_also_if_nobody_asked(self):
        error = raised(RunAbandoned("it", "thread", 5.0, self.STACK))
        assert judge(error, None) == Ending(
            "terminate", "abandoned: the thread of task 'it' did not end within 5 s of being asked to", self.STACK, is_forced=True
        )


class TestRemote:
    """What came from a worker process."""

    def test_it_is_a_fail_with_what_the_worker_saw(self):
        ending = judge(raised(RemoteFailure("ValueError", "no", "Traceback there")), None)
        assert ending == Ending("fail", "ValueError: no", "Traceback there")

    def test_an_error_without_a_text_is_its_name(self):
        assert judge(raised(RemoteFailure("ValueError", "", "Traceback there")), None).reason == "ValueError"

    def test_the_reason_is_the_first_line(self):
        assert judge(raised(RemoteFailure("ValueError", "one\ntwo", "")), None).reason == "ValueError: one"

    def test_the_error_itself_changes_nothing(self):
        error = raised(RemoteFailure("ValueError", "no", "Traceback there"), cause=ValueError("no"))
        assert judge(error, "timeout") == Ending("fail", "ValueError: no", "Traceback there")

    @pytest.mark.parametrize("asked", [None, "timeout"])
    @pytest.mark.parametrize("signal", [TaskInactionException("nothing new"), TaskTerminationException("enough")])
    def test_a_signal_means_there_what_it_means_here(self, signal, asked):
        error = raised(RemoteFailure(type(signal).__name__, str(signal), ""), cause=signal)
        assert judge(error, asked) == judge(signal, asked)

    def test_what_a_worker_says_of_ctrl_c_is_not_fatal_here(self):
        error = raised(RemoteFailure("KeyboardInterrupt", "", ""), cause=KeyboardInterrupt())
        assert judge(error, None) == Ending("fail", "KeyboardInterrupt", "")
        assert not is_fatal(error)


class TestCancelled:
    async def test_a_cancellation_from_further_out_terminates(self):
        assert judge(await cancelled(), "the runtime was cancelled") == Ending("terminate", "the runtime was cancelled")

    async def test_one_among_other_errors_does_too(self):
        group = BaseExceptionGroup("both", [ValueError("no"), await cancelled()])
        assert judge(group, "shutdown") == Ending("terminate", "shutdown")


class TestFatal:
    async def test_a_cancellation_and_ctrl_c_are(self):
        error = await cancelled()
        with trio.CancelScope() as scope:
            scope.cancel()
            assert is_fatal(error)
        assert is_fatal(KeyboardInterrupt())

    async def test_a_cancellation_where_nothing_is_cancelled_is_not(self):
        assert not is_fatal(await cancelled())

    async def test_so_are_groups_with_one_of_them_at_any_depth(self):
        leaves = await cancelled(), KeyboardInterrupt()
        with trio.CancelScope() as scope:
            scope.cancel()
            for leaf in leaves:
                assert is_fatal(BaseExceptionGroup("outer", [ValueError(), BaseExceptionGroup("inner", [KeyError(), leaf])]))

    @pytest.mark.parametrize(
        "error",
        [ValueError(), SystemExit(), GeneratorExit(), TaskTerminationException(), ExceptionGroup("", [ValueError()])],
        ids=repr,
    )
    def test_nothing_else_is(self, error):
        assert not is_fatal(error)

    def test_what_an_error_was_caused_by_does_not_count(self):
        assert not is_fatal(raised(ValueError(), cause=KeyboardInterrupt()))


def test_an_error_whose_notes_are_no_notes_has_a_traceback_all_the_same():
    class Odd(Exception):
        @property
        def __notes__(self):
            raise RuntimeError("no notes")

    ending = judge(Odd("this"), None)
    assert ending.action == "fail"
    assert "Odd: this" in ending.exc_text
