"""The FastAPI example, served by uvicorn as a user would, in a process of its own."""

import json
import re
import signal
import time
import urllib.request
from pathlib import Path
from urllib.error import HTTPError

import pytest

from commands import ROOT, Started, wait_gone
from runtime import open_repo

pytest.importorskip("fastapi", reason="the example needs what the dev extra brings")

WITH_UVICORN = ("-m", "uvicorn", "examples.fastapi_app:api", "--port", "0")


class Client:
    """Asks the example over HTTP."""

    def __init__(self, program):
        self.address = re.search(r"http://[\d.:]+", program.wait_for("Uvicorn running on"))[0]

    def ask(self, method, path, body=None):
        """Return the status and what came back."""
        data = None if body is None else json.dumps(body).encode()
        headers = {"Content-Type": "application/json"}
        request = urllib.request.Request(self.address + path, data, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return answer.status, json.load(answer)
        except HTTPError as error:
            with error:
                return error.code, json.load(error)

    def wait_for(self, path, holds):
        """Ask until the answer is as wanted, and return it."""
        deadline = time.monotonic() + 60
        while not holds(answer := self.ask("GET", path)[1]):
            assert time.monotonic() < deadline, answer
            time.sleep(0.05)
        return answer


@pytest.fixture(scope="module")
def client(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("served"))
        program = Started(*WITH_UVICORN)
    with program:
        yield Client(program)
        program.process.send_signal(signal.SIGTERM)
        program.wait_ended(within=30)


@pytest.fixture(autouse=True)
def nothing_left_behind():
    """What the tests share is still there after each of them."""


def test_the_tasks_are_listed(client):
    status, tasks = client.ask("GET", "/tasks")
    assert status == 200
    assert [(task["name"], task["execution"]) for task in tasks] == [("tick", "async"), ("count", "process")]
    assert tasks[0]["start_cond"] == "every 10 seconds"


def test_a_task_is_launched_with_parameters_and_its_run_is_in_the_list(client):
    assert client.ask("POST", "/tasks/count/run", {"limit": 1000})[0] == 202
    records = client.wait_for("/runs?task=count", lambda found: found and found[0]["action"] == "success")
    assert [record["action"] for record in records[:2]] == ["success", "run"]
    assert records[0]["run_id"] == records[1]["run_id"]


def test_a_task_is_launched_without_parameters(client):
    status, task = client.ask("POST", "/tasks/count/run")
    assert (status, task["name"]) == (202, "count")


def test_a_task_is_terminated(client):
    client.ask("POST", "/tasks/tick/run")
    client.wait_for("/tasks/tick", lambda task: task["is_running"])
    assert client.ask("POST", "/tasks/tick/terminate")[0] == 202
    client.wait_for("/tasks/tick", lambda task: task["status"] == "terminate")


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/tasks/tik"), ("POST", "/tasks/tik/run"), ("POST", "/tasks/tik/terminate"), ("GET", "/runs?task=tik")],
)
def test_an_unknown_task_is_not_found_and_the_nearest_named(client, method, path):
    status, answer = client.ask(method, path)
    assert (status, answer) == (404, {"detail": "there is no task 'tik'. Did you mean 'tick'? Tasks are: tick, count"})


def test_an_unknown_parameter_is_refused_and_the_nearest_named(client):
    status, answer = client.ask("POST", "/tasks/count/run", {"limt": 1000})
    assert status == 422
    assert answer["detail"] == "task 'count' takes no argument 'limt'. Did you mean 'limit'? It takes: limit"


def test_an_app_that_runs_is_well(client):
    assert client.ask("GET", "/health") == (200, {"problems": []})


def test_a_body_that_holds_no_parameters_is_refused(client):
    assert client.ask("POST", "/tasks/count/run", [1, 2])[0] == 422


def wait_for_children(pid):
    """Wait until threads of a process have begun child processes, and return their ids."""
    deadline = time.monotonic() + 30
    while not (found := [child for file in Path(f"/proc/{pid}/task").glob("*/children") for child in file.read_text().split()]):
        assert time.monotonic() < deadline, "no child process has begun"
        time.sleep(0.02)
    return [int(child) for child in found]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("way", [WITH_UVICORN, (str(ROOT / "examples" / "fastapi_app.py"),)], ids=["uvicorn", "python"])
def test_a_signal_to_the_server_ends_everything_and_leaves_no_child(way, number, monkeypatch):
    monkeypatch.setenv("PORT", "0")
    with Started(*way) as program:
        client = Client(program)
        client.ask("POST", "/tasks/count/run", {"limit": 10**9})
        workers = wait_for_children(program.process.pid)
        program.process.send_signal(number)
        assert program.wait_ended(within=30) in (0, -number, 128 + number)
    for pid in workers:
        wait_gone(pid)
    assert "Traceback" not in program.printed
    (end,) = open_repo(Path(".callsheet/runs.jsonl")).filter_by(task_name="count", action="terminate").all()
    assert end.reason == "shutdown, as its block was left"
