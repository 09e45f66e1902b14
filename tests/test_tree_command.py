"""What runs, told to those outside: the control socket of a running app, and the command that asks it."""

import json
import logging
import os
import re
import select
import signal
import socket
import stat
import threading
from contextlib import ExitStack, asynccontextmanager, contextmanager
from pathlib import Path

import pytest
import trio
from click.testing import CliRunner

from actors import App
from actors.errors import AppNotAnswering
from actors.nodes import Node
from cli import main
from commands import CLI, Started, cli, write
from runtime import control_socket, open_runtime, questions
from runtime.codec import decode_node, encode_node
from runtime.control_socket import MOST_AT_A_TIME, ControlSocket
from runtime.outline import branches, outline
from runtime.questions import address_of, ask_running, socket_of

HERE = Path("runs.jsonl")
LOG = Path(".callsheet/runs.jsonl")
SOCKET = Path(".callsheet/runs.jsonl.sock")
ASK = b'{"ask": "tree"}\n'

JOBS = """
    from actors import App
    from actors.actor import Actor
    from actors.spec import ActorSpec, Supervisor

    class Worker(Actor):
        pass

    class Last(Actor):
        async def on_start(self):
            print("all have started", flush=True)

    app = App()
    inner = ActorSpec(Supervisor([ActorSpec(Worker, "deep")]), "inner")
    app.actor(Supervisor([ActorSpec(Worker, "worker-1"), inner]), name="pool")
    app.actor(Last, name="last")

    @app.task("daily at 10:00")
    async def fetch(): ...
"""


WAITING = """
    import trio
    from actors import App, limit

    app = App()

    @app.task(on_startup=True, limits=limit("db", 1))
    async def holds():
        print("it is held", flush=True)
        await trio.sleep_forever()

    @app.task("every 10 minutes", limits=limit("db", 1))
    async def waits(): ...
"""


@pytest.fixture
def jobs():
    write("jobs.py", JOBS)


@contextmanager
def started():
    """Run the app in jobs.py as a user would, once its actors have started."""
    with Started(CLI, "run", "-q", "jobs.py") as program:
        program.wait_for("all have started")
        yield program


def tree_of(*children, state="running"):
    return Node(name="app", kind="app", state=state, children=children)


def many(count):
    return tree_of(*(Node(name=f"worker-{number}", kind="actor", state="running", waiting=number) for number in range(count)))


@asynccontextmanager
async def answering(log, tree=tree_of):
    """Have `tree` told beside `log`, until the block is left."""
    answers = ControlSocket(log, tree)
    async with trio.open_nursery() as nursery:
        answers.open(nursery)
        try:
            yield
        finally:
            answers.close()


@contextmanager
def connected(log):
    with socket.socket(socket.AF_UNIX) as connection, address_of(socket_of(log)) as address:
        connection.settimeout(30)
        connection.connect(address)
        yield connection


@contextmanager
def listening(log):
    """Be an app that accepts connections, and no more."""
    with socket.socket(socket.AF_UNIX) as mute:
        mute.bind(str(socket_of(log)))
        mute.listen()
        yield mute


@contextmanager
def saying(answer, log):
    """Be an app that gives this answer to the first who asks."""

    def serve():
        connection, _ = mute.accept()
        with connection:
            connection.recv(100)
            connection.sendall(answer)

    with listening(log) as mute:
        server = threading.Thread(target=serve)
        server.start()
        yield
        server.join()


def is_hung_up(connection):
    """Return whether the other side has closed the connection, without reading anything."""
    watched = select.poll()
    watched.register(connection, select.POLLHUP)
    return bool(watched.poll(0))


async def noop(): ...


def all_of(connection):
    """Return what is received until the other side closes the connection."""
    return b"".join(iter(lambda: connection.recv(1 << 16), b""))


def exchange(log, *sent):
    with connected(log) as connection:
        for part in sent:
            connection.sendall(part)
        return json.loads(all_of(connection))


async def asked(log):
    """Ask as another process would, so that this one can answer meanwhile."""
    with trio.fail_after(30):
        return await trio.to_thread.run_sync(ask_running, log)


class TestTheCommand:
    def test_shows_what_is_declared_while_nothing_runs(self, jobs):
        done = cli("tree", "jobs.py")
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout.splitlines() == [
            "not running: as declared",
            "NAME          STATE     RESTARTS  WAITING  HANDLED  LOST  ABOUT",
            "app           declared",
            "├ pool        declared",
            "│ ├ worker-1  declared",
            "│ └ inner     declared",
            "│   └ deep    declared",
            "├ last        declared",
            "└ task fetch  declared",
        ]

    def test_prints_a_node_a_line_as_json(self, jobs):
        rows = [json.loads(line) for line in cli("tree", "jobs.py", "--json").stdout.splitlines()]
        assert [(row["depth"], row["name"], row["kind"]) for row in rows] == [
            (0, "app", "app"),
            (1, "pool", "supervisor"),
            (2, "pool/worker-1", "actor"),
            (2, "pool/inner", "supervisor"),
            (3, "pool/inner/deep", "actor"),
            (1, "last", "actor"),
            (1, "fetch", "task"),
        ]
        assert {(row["state"], row["pid"]) for row in rows} == {("declared", None)}

    def test_asks_the_app_that_runs_by_its_target_or_its_log_and_leaves_nothing_behind(self, jobs):
        with started() as program:
            pid = program.process.pid
            by_target = cli("tree", "jobs.py").stdout
            assert by_target.startswith(f"running, pid {pid}\n")
            assert "\n│ ├ worker-1" in by_target
            assert cli("tree").stdout.startswith(f"running, pid {pid}\n")
            rows = [json.loads(line) for line in cli("tree", "--log", LOG, "--json").stdout.splitlines()]
            assert {row["pid"] for row in rows} == {pid}
            assert {row["name"]: row["state"] for row in rows}["pool/inner/deep"] == "running"
            program.process.send_signal(signal.SIGTERM)
            assert program.wait_ended(30) == 0
        assert not SOCKET.exists()
        assert cli("tree", "jobs.py").stdout.startswith("not running: as declared\n")

    def test_tells_what_a_launch_waits_for_and_so_does_why(self):
        write("waiting.py", WAITING)
        assert "it would start now" in cli("why", "waiting.py", "waits").stdout
        with Started(CLI, "run", "-q", "waiting.py") as program:
            program.wait_for("it is held")
            lines = cli("tree", "waiting.py").stdout.splitlines()
            assert next(line for line in lines if "task waits" in line).endswith("waits for limit 'db' (1 of 1 in use)")
            rows = [json.loads(line) for line in cli("tree", "waiting.py", "--json").stdout.splitlines()]
            assert {row["name"]: row["waits_for"] for row in rows if row["kind"] == "task"} == {
                "holds": None,
                "waits": "limit 'db' (1 of 1 in use)",
            }
            assert re.search(r"\nrun      .* running [0-9a-f]{32}\n", cli("why", "waiting.py", "holds").stdout)
            assert re.search(r"\nholds .* running\n", cli("tasks", "waiting.py").stdout)
            assert "\nso       its launch waits for limit 'db' (1 of 1 in use)\n" in cli("why", "waiting.py", "waits").stdout

    def test_why_goes_by_the_log_where_the_app_does_not_answer(self):
        write("waiting.py", WAITING)
        LOG.parent.mkdir()
        with saying(b"", LOG):
            done = cli("why", "waiting.py", "waits")
        assert "it would start now" in done.stdout
        assert "does not answer" in done.stderr

    def test_tells_below_what_is_wrong_with_the_app_that_runs(self):
        answer = questions.answered(tree_of(), ["the disk is full", "a\x1b[2Jb"])
        with saying(answer, HERE):
            done = CliRunner().invoke(main, ["tree", "--log", str(HERE)])
        socket_of(HERE).unlink()
        assert done.stdout.splitlines()[-2:] == ["problem: the disk is full", r"problem: a\x1b[2Jb"]
        with saying(answer, HERE):
            done = CliRunner().invoke(main, ["tree", "--log", str(HERE), "--json"])
        assert json.loads(done.stdout.splitlines()[0])["problems"] == ["the disk is full", "a\x1b[2Jb"]

    def test_takes_the_socket_of_an_app_that_was_killed_for_what_it_is_and_the_next_start_replaces_it(self, jobs):
        with started() as program:
            program.process.kill()
            program.process.wait()
        assert SOCKET.is_socket()
        assert cli("tree", "jobs.py").stdout.startswith("not running: as declared\n")
        with started() as program:
            assert cli("tree").stdout.startswith(f"running, pid {program.process.pid}\n")

    def test_without_a_log_it_says_that_there_is_none(self):
        done = cli("tree")
        assert done.returncode == 5
        assert "there is no run log .callsheet/runs.jsonl" in done.stderr

    def test_without_a_target_it_needs_an_app_that_runs(self):
        write(LOG, "")
        done = cli("tree")
        assert (done.returncode, done.stdout) == (1, "")
        assert "no app runs that writes .callsheet/runs.jsonl; to see what one declares: callsheet tree TARGET" in done.stderr

    def test_says_that_an_app_whose_log_is_in_memory_cannot_be_asked(self):
        write("jobs.py", JOBS.replace("App()", "App(log=None)"))
        done = cli("tree", "jobs.py")
        assert done.stdout.startswith("as declared: an app with its run log in memory cannot be asked what runs in it\n")

    def test_exits_with_1_where_an_app_does_not_answer(self):
        LOG.parent.mkdir()
        with saying(b"", LOG):
            done = cli("tree")
        assert done.returncode == 1
        assert f"the app that writes {LOG} does not answer: it closed the connection" in done.stderr


class TestTheOutline:
    TREE = tree_of(
        Node(name="pool", kind="supervisor", state="running", children=(
            Node(name="pool/a", kind="actor", state="restarting", incarnation=3, waiting=2, lost=1, current="Add", age=1.5),
            Node(name="pool/b", kind="actor", state="failed", outcome="failed: ValueError"),
        )),
        Node(name="alarm", kind="part", state="running"),
    )  # fmt: skip

    def test_draws_the_tree_and_leaves_out_of_names_what_is_said_above(self):
        assert list(branches(self.TREE)) == ["app", "├ pool", "│ ├ a", "│ └ b", "└ part alarm"]

    def test_has_a_row_for_each_node_in_the_same_order(self):
        rows = list(outline(self.TREE))
        assert [row["name"] for row in rows] == ["app", "pool", "pool/a", "pool/b", "alarm"]
        assert rows[2] == {
            "depth": 2, "name": "pool/a", "kind": "actor", "state": "restarting", "restarts": 2, "waiting": 2, "waits_for": None,
            "handled": 0, "lost": 1, "current": "Add", "age": 1.5, "outcome": None,
        }  # fmt: skip

    def test_survives_the_way_through_json(self):
        assert decode_node(json.loads(json.dumps(encode_node(self.TREE)))) == self.TREE


class TestTheSocket:
    async def test_tells_what_runs_and_leaves_nothing_behind(self):
        tree = many(3)
        async with answering(HERE, lambda: tree):
            found = await asked(HERE)
        assert (found.pid, found.tree) == (os.getpid(), tree)
        assert list(Path().iterdir()) == []

    async def test_tells_of_ten_thousand_actors(self):
        tree = many(10_000)
        async with answering(HERE, lambda: tree):
            assert (await asked(HERE)).tree == tree

    async def test_is_for_nobody_but_its_owner(self):
        async with answering(HERE):
            assert stat.S_IMODE(socket_of(HERE).stat().st_mode) == 0o600

    async def test_is_not_inherited_by_programs(self):
        async with answering(HERE):
            listed = await trio.run_process(["ls", "-l", "/proc/self/fd"], capture_stdout=True, close_fds=False)
        assert b"socket:" not in listed.stdout

    async def test_works_where_the_path_is_longer_than_an_address_may_be(self):
        log = Path("d" * 100, "e" * 100, "runs.jsonl").resolve()
        log.parent.mkdir(parents=True)
        async with answering(log):
            assert (await asked(log)).tree == tree_of()
        assert not socket_of(log).exists()

    async def test_is_done_without_where_even_its_name_is_too_long(self, caplog):
        log = Path("r" * 120).resolve()
        caplog.set_level(logging.INFO, "callsheet.runtime")
        async with answering(log):
            assert await asked(log) is None
        (line,) = caplog.messages
        assert "cannot listen ([Errno 36] File name too long" in line

    async def test_is_done_without_where_something_else_is_in_its_place(self, caplog):
        caplog.set_level(logging.INFO, "callsheet.runtime")
        socket_of(HERE).write_text("mine")
        async with answering(HERE):
            assert await asked(HERE) is None
        assert socket_of(HERE).read_text() == "mine"
        assert "cannot listen ([Errno 98] Address already in use)" in caplog.text

    async def test_is_left_alone_at_the_end_where_it_is_another_s_by_now(self):
        async with answering(HERE):
            socket_of(HERE).unlink()
            socket_of(HERE).touch()
        assert socket_of(HERE).exists()

    @pytest.mark.parametrize(
        ("question", "error"),
        [
            (b"GET / HTTP/1.1\r\n\r\n", "a question is expected"),
            (b"\xff\xfe\n", "a question is expected"),
            (b"[" * 4000 + b"\n", "a question is expected"),
            (b"x" * 4096, "a question is expected"),
            (b"[]\n", "a question is expected"),
            (b'{"ask": "weather"}\n', "'weather' cannot be asked for, only 'tree'"),
            (b'{"ask": "tree", "version": 2}\n', "questions of version 1 are answered here, not of version 2"),
        ],
    )
    async def test_answers_what_it_does_not_understand_with_an_error(self, question, error):
        async with answering(HERE):
            answer = await trio.to_thread.run_sync(exchange, HERE, question)
            assert answer["version"] == 1
            assert error in answer["error"]
            assert await asked(HERE)

    async def test_takes_a_question_in_parts(self):
        async with answering(HERE):
            assert (await trio.to_thread.run_sync(exchange, HERE, ASK[:5], ASK[5:]))["tree"]["name"] == "app"

    async def test_gives_up_who_says_nothing(self, monkeypatch):
        monkeypatch.setattr(control_socket, "PATIENCE", 0.05)
        async with answering(HERE):
            with connected(HERE) as silent:
                assert await trio.to_thread.run_sync(all_of, silent) == b""

    async def test_gives_up_who_does_not_read(self, monkeypatch):
        monkeypatch.setattr(control_socket, "PATIENCE", 0.5)
        async with answering(HERE, lambda: many(10_000)):
            with connected(HERE) as deaf:
                deaf.sendall(ASK)
                with trio.fail_after(30):
                    while not is_hung_up(deaf):
                        await trio.sleep(0.01)

    async def test_answers_others_while_some_say_nothing_and_its_end_waits_for_none(self):
        with ExitStack() as guests:
            async with answering(HERE):
                for _ in range(MOST_AT_A_TIME - 1):
                    guests.enter_context(connected(HERE))
                assert await asked(HERE)
            assert not socket_of(HERE).exists()

    async def test_closes_the_connection_to_one_too_many(self):
        with ExitStack() as guests:
            async with answering(HERE):
                for _ in range(MOST_AT_A_TIME):
                    guests.enter_context(connected(HERE))
                with pytest.raises(AppNotAnswering, match="it closed the connection, as one does that ends or is asked by too"):
                    await asked(HERE)

    async def test_says_so_and_goes_on_where_it_cannot_tell_what_runs(self, caplog):
        trees = [tree_of()]
        async with answering(HERE, trees.pop):
            assert await asked(HERE)
            with pytest.raises(AppNotAnswering, match=r"it cannot tell what runs \(IndexError\), and its own log says why"):
                await asked(HERE)
            trees.append(tree_of())
            assert await asked(HERE)
        assert "IndexError: pop from empty list" in caplog.text


class TestWhoAsks:
    def test_is_told_that_nobody_listens(self):
        assert ask_running(HERE) is None
        assert ask_running(Path("nowhere/runs.jsonl")) is None
        assert ask_running(Path("r" * 300)) is None

    def test_takes_an_app_that_tells_no_problems_for_one_without(self):
        answer = json.dumps({"version": 1, "pid": 7, "tree": encode_node(tree_of())}).encode() + b"\n"
        with saying(answer, HERE):
            assert ask_running(HERE) == questions.Snapshot(7, tree_of(), ())

    async def test_hears_of_what_is_wrong(self):
        app = App(log=HERE)
        async with open_runtime(app) as system:
            assert (await trio.to_thread.run_sync(ask_running, HERE)).problems == ()
            system.session.get_repo().log._tidying.damage.append("it was damaged")
            assert (await trio.to_thread.run_sync(ask_running, HERE)).problems == ("run log: it was damaged",)

    def test_does_not_wait_for_ever(self, monkeypatch):
        monkeypatch.setattr(questions, "PATIENCE", 0.05)
        with listening(HERE), pytest.raises(AppNotAnswering, match=r"it has said nothing for 0\.05 s; if a function blocks it"):
            ask_running(HERE)

    @pytest.mark.parametrize(
        ("answer", "why"),
        [
            (b"", "it closed the connection"),
            (b'{"version": 1, "pid": ', "it closed the connection"),
            (b"hello\n", "its answer cannot be read (JSONDecodeError)"),
            (b'{"version": 1, "pid": 1, "tree": {"name": "app"}}\n', "its answer cannot be read (ClassValidationError)"),
            (b'{"version": 2, "pid": 1, "tree": null}\n', "it answers in version 2"),
            (b'{"version": 1, "error": "no"}\n', "no"),
        ],
    )
    def test_is_told_why_there_is_no_answer(self, answer, why):
        with saying(answer, HERE), pytest.raises(AppNotAnswering) as raised:
            ask_running(HERE)
        assert (raised.value.log, raised.value.why.partition(",")[0]) == ("runs.jsonl", why)


class TestARuntime:
    async def test_answers_beside_its_own_log_only(self):
        first, second = App(log="one/runs.jsonl"), App(log="two/runs.jsonl")
        first.task(func=noop, name="first")
        second.task(func=noop, name="second")
        async with open_runtime(first), open_runtime(second):
            one, two = await asked(first.session.config.log), await asked(second.session.config.log)
            assert (one.tree, two.tree) == (first.session.tree(), second.session.tree())
        assert await asked(first.session.config.log) is None
        assert not list(Path().rglob("*.sock"))

    async def test_answers_while_it_ends(self):
        app = App()
        app.task(func=trio.sleep_forever, name="endless", on_startup=True)
        async with open_runtime(app) as system:
            system.shut_down()
            assert (await asked(app.session.config.log)).tree.state == "stopping"
            system.shut_down(force=True)

    async def test_has_no_socket_where_its_log_is_in_memory(self):
        async with open_runtime(App(log=None)):
            assert list(Path().iterdir()) == []
