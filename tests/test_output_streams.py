"""What covers stdout, stderr and the loggers while a runtime runs: it changes nothing, and is gone afterwards."""

import faulthandler
import io
import logging
import logging.config
import subprocess
import sys

import pytest

import printers
from actors import App
from commands import ROOT, python, write
from helpers import records, running
from runtime.logs import runtime_log
from runtime.output import current_output
from runtime.output.capture import capturing
from runtime.output.overlay import Overlay, laid
from runtime.output.paths import output_file
from runtime.output.reader import text_of
from runtime.output.streams import Tee


class Heard:
    """The output of a run, as a list of what came."""

    def __init__(self):
        self.texts = []

    def write(self, text):
        self.texts.append(text)

    @property
    def text(self):
        return "".join(self.texts)


@pytest.fixture
def run():
    """What takes the output of the run within which the test is, as it were."""
    heard = Heard()
    token = current_output.set(heard)
    yield heard
    current_output.reset(token)


class Named:
    """Something with an attribute, as ``sys`` has ``stdout``."""

    def __init__(self, value):
        self.value = value


class Cover:
    def __init__(self, beneath):
        self.beneath = beneath


class PassesOn:
    """What somebody else covers something with, that passes on all attributes."""

    def __init__(self, inner):
        self.inner = inner

    def __getattr__(self, name):
        return getattr(self.inner, name)


class TestOverlays:
    @pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 0, 2), (1, 2, 0)])
    def test_they_may_be_lifted_in_any_order(self, order):
        owner = Named("first")
        overlays = [Overlay(owner, "value", Cover) for _ in range(3)]
        for overlay in overlays:
            overlay.lay()
        for number in order:
            assert owner.value != "first"
            overlays[number].lift()
        assert owner.value == "first"

    def test_what_somebody_else_has_put_there_stays(self):
        owner = Named("first")
        with laid(Overlay(owner, "value", Cover)):
            owner.value = "theirs"
        assert owner.value == "theirs"

    def test_what_somebody_else_has_put_over_ours_stays(self):
        owner = Named("first")
        with laid(Overlay(owner, "value", Cover)):
            owner.value = theirs = PassesOn(owner.value)
        assert owner.value is theirs

    def test_it_is_lifted_after_an_error_too(self):
        owner = Named("first")
        with pytest.raises(ValueError, match="no"), laid(Overlay(owner, "value", Cover)):
            raise ValueError("no")
        assert owner.value == "first"


class TestStreams:
    def test_outside_of_runs_it_only_passes_on(self):
        stream = io.StringIO()
        print("a", "b", file=Tee(stream))
        assert stream.getvalue() == "a b\n"

    def test_within_a_run_it_goes_there_too(self, run):
        stream = io.StringIO()
        print("a", "b", file=Tee(stream), flush=True)
        Tee(stream).writelines(["c\n", "d\n"])
        assert stream.getvalue() == run.text == "a b\nc\nd\n"

    def test_of_several_on_each_other_only_one_gives_it_to_the_run(self, run):
        stream = io.StringIO()
        print("once", file=Tee(PassesOn(Tee(Tee(stream)))))
        assert stream.getvalue() == run.text == "once\n"

    def test_what_it_writes_to_returns_and_raises_as_ever(self, run):
        stream = io.StringIO()
        assert Tee(stream).write("four") == 4
        with pytest.raises(TypeError, match="string argument expected"):
            Tee(stream).write(b"bytes")
        stream.close()
        with pytest.raises(ValueError, match="closed"):
            print("lost", file=Tee(stream))
        assert run.text == "fourlost"

    def test_its_attributes_are_those_of_the_stream(self, tmp_path):
        with (tmp_path / "file").open("w", encoding="latin-1", errors="replace") as file:
            tee = Tee(file)
            assert (tee.encoding, tee.errors, tee.fileno(), tee.isatty()) == ("latin-1", "replace", file.fileno(), False)
            assert tee.buffer is file.buffer
            assert not tee.closed
            tee.reconfigure(line_buffering=True)
            assert file.line_buffering
            with pytest.raises(AttributeError, match="nothing"):
                _ = tee.nothing
        assert tee.closed

    def test_it_is_a_context_as_the_stream_is(self):
        stream = io.StringIO()
        with Tee(stream) as tee:
            tee.write("in it")
        assert stream.closed

    def test_its_own_end_closes_nothing(self):
        stream = io.StringIO()
        Tee(stream)
        assert not stream.closed

    def test_bytes_for_the_buffer_are_passed_on_and_not_kept(self, run, tmp_path):
        with (tmp_path / "file").open("w") as file:
            Tee(file).buffer.write(b"bytes\n")
        assert ((tmp_path / "file").read_text(), run.text) == ("bytes\n", "")

    def test_where_there_is_no_stream_it_is_kept_all_the_same(self, run):
        tee = Tee(None)
        print("nowhere", file=tee, flush=True)
        assert (run.text, tee.isatty(), tee.encoding) == ("nowhere\n", False, "utf-8")
        with pytest.raises(OSError, match="fileno"):
            tee.fileno()

    def test_the_handler_of_faults_writes_to_the_file_beneath(self, run, tmp_path):
        with (tmp_path / "file").open("w") as file:
            faulthandler.dump_traceback(Tee(file))
        assert "test_the_handler_of_faults" in (tmp_path / "file").read_text()

    def test_a_program_may_get_it_as_its_stdout(self, run, tmp_path):
        with (tmp_path / "file").open("w") as file:
            subprocess.run(["echo", "of a child"], stdout=Tee(file), check=True)
        assert (tmp_path / "file").read_text() == "of a child\n"


class TestWhileARuntimeRuns:
    async def test_stdout_and_stderr_are_what_they_were_afterwards(self):
        before = sys.stdout, sys.stderr, logging.Logger.callHandlers
        async with running(App(log=None)):
            assert (sys.stdout.fileno(), sys.stderr.fileno()) == (before[0].fileno(), before[1].fileno())
        assert (sys.stdout, sys.stderr, logging.Logger.callHandlers) == before

    async def test_a_program_that_has_neither_has_neither_afterwards(self, monkeypatch):
        monkeypatch.setattr(sys, "stdout", None)
        async with running(App(log=None)) as run:
            run.app.task(func=printers.speaks, name="it")
            run.app.session["it"].run()
            await run.wait_ended()
        assert sys.stdout is None

    async def test_what_else_was_put_there_meanwhile_stays(self, monkeypatch):
        monkeypatch.setattr(sys, "stdout", sys.stdout)
        async with running(App(log=None)):
            sys.stdout = theirs = io.StringIO()
        assert sys.stdout is theirs

    async def test_a_stream_that_is_closed_is_the_tasks_own_error(self, monkeypatch):
        stream = io.StringIO()
        monkeypatch.setattr(sys, "stdout", stream)
        app = App(log=None)
        app.task(func=printers.speaks, name="it")
        async with running(app) as run:
            stream.close()
            app.session["it"].run()
            assert await run.wait_ended() == ["fail"]
        assert records(app)[-1].output == "spoken"


def outcome(function, **options):
    """Run a task in a process of its own, in which nobody has set up logging; return what came of it, and its output."""
    write(
        "jobs.py",
        f"""
        import sys
        sys.path.insert(0, {str(ROOT / "tests")!r})
        from actors import App
        import printers
        app = App(log="runs.jsonl", stop_when_idle=True)
        app.task(func={function}, name="it", on_startup=True, **{options!r})
        app.run()
        """,
    )
    done = python("jobs.py")
    (begun,) = App(log="runs.jsonl").session.get_repo().filter_by(action="run").all()
    return done, text_of(output_file(App(log="runs.jsonl").session.config.log, "it", begun.start, begun.run_id))


@pytest.fixture(params=["async", "process"])
def place(request):
    """In this process, and in another."""
    return request.param


class TestLoggers:
    def test_a_program_without_logging_prints_its_warnings_as_ever(self, place):
        done, output = outcome("printers.speaks", execution=place)
        printed = [line.partition("] ")[2] or line for line in done.stderr.splitlines()]
        assert printed == ["to stderr", "spoken and logged"]
        assert sorted(output.replace("WARNING of.the.user: ", "").splitlines()) == ["spoken", "spoken and logged", "to stderr"]

    def test_logging_may_be_set_up_by_a_task_as_ever(self):
        setup = "lambda: (__import__('logging').basicConfig(level='INFO'), __import__('logging').info('set up'))"
        done, output = outcome(setup)
        assert "INFO:root:set up\n" in done.stderr
        assert output == "INFO root: set up\n"

    def test_what_nobody_prints_is_kept(self, place):
        done, output = outcome("printers.logs_where_nobody_listens", execution=place)
        assert done.stderr == ""
        first, second, *trace, last = output.splitlines()
        assert [first, second, last] == ["ERROR quiet: told nobody", "ERROR quiet: with its traceback", "KeyError: 'lost'"]
        assert trace[0] == "Traceback (most recent call last):"

    def test_what_a_handler_prints_is_there_once(self, place):
        done, output = outcome("printers.logs_to_stderr_itself", execution=place)
        assert done.stderr.count("told once") == output.count("told once") == 1

    def test_what_a_handler_of_rich_prints_is_there_once(self, place):
        name = "lambda: (__import__('logging').getLogger('rich').addHandler(__import__('rich.logging').logging.RichHandler()), "
        name += "__import__('logging').getLogger('rich').error('told once'))"
        write("jobs_of_rich.py", f"task = {name}\ntask.__qualname__ = 'task'\n")
        done, output = outcome("__import__('jobs_of_rich').task", execution=place)
        assert (done.stdout + done.stderr).count("told once") == output.count("told once") == 1

    def test_what_a_logger_keeps_to_itself_is_kept(self, place):
        _, output = outcome("printers.logs_to_stderr_behind_the_back", execution=place)
        assert output == "ERROR alone: told alone\n"

    def test_what_cannot_be_formatted_raises_nothing(self, place):
        done, output = outcome("printers.logs_what_cannot_be_formatted", execution=place)
        assert output == "ERROR broken: %d words (cannot be formatted: TypeError)\n"
        assert done.returncode == 0

    async def test_what_the_runtime_tells_within_a_run_is_not_its(self, run, caplog, capsys):
        async with capturing():
            runtime_log.tell(logging.WARNING, "of the runtime")
        assert caplog.messages == ["of the runtime"]
        assert run.text == ""

    async def test_a_handler_that_prints_what_it_gets_is_not_heard_again(self, run):
        handler = logging.StreamHandler()
        async with capturing():
            handler.setStream(sys.stderr)
            logging.getLogger("printed").addHandler(handler)
            logging.getLogger("printed").error("once")
        logging.getLogger("printed").removeHandler(handler)
        assert run.text == "ERROR printed: once\n"

    async def test_what_formatters_keep_in_a_record_is_left_to_those_of_the_user(self, run):
        class Mine(logging.Formatter):
            def formatException(self, info):  # noqa: N802
                return "my traceback"

        stream = io.StringIO()
        handler, logger = logging.StreamHandler(stream), logging.getLogger("formatted")
        handler.setFormatter(Mine())
        logger.addHandler(handler)
        async with capturing():
            try:
                {}["lost"]
            except KeyError:
                logger.exception("it failed")
        logger.removeHandler(handler)
        assert stream.getvalue() == "it failed\nmy traceback\n"
        assert "KeyError: 'lost'" in run.text

    async def test_a_new_configuration_changes_nothing(self, run):
        async with capturing():
            logging.config.dictConfig({"version": 1, "disable_existing_loggers": False})
            logging.getLogger("configured").error("still heard")
        assert run.text == "ERROR configured: still heard\n"

    async def test_two_runtimes_hear_it_once(self, run):
        async with capturing(), capturing():
            logging.getLogger("twice").error("once")
            print("once")
        assert run.text == "ERROR twice: once\nonce\n"

    async def test_a_level_that_a_logger_does_not_let_pass_is_not_kept(self, run):
        async with capturing():
            logging.getLogger("levels").debug("too low")
        assert run.text == ""

    def test_a_worker_that_has_closed_its_files_goes_on(self):
        done, _ = outcome("printers.closes_what_it_has_not_opened", execution="process")
        assert done.returncode in (0, 3)
