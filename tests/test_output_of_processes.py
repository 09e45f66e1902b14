"""The output of workers and commands: as it was written, up to the last word, and each run its own."""

import os
import sys
from pathlib import Path

import pytest
import trio

import printers
from actors import App
from helpers import records, running
from runtime.output.paths import output_file
from runtime.output.reader import text_of
from runtime.output.run_output import Outputs, RunOutput
from runtime.runners import output as of_pipes


@pytest.fixture
def app():
    return App(log="runs.jsonl", max_process_count=1)


def outputs(app, task="it"):
    begun = [record for record in records(app, task) if record.action == "run"]
    return [text_of(output_file(app.session.config.log, task, record.start, record.run_id)) for record in begun]


async def run_once(app, **options):
    app.task(name="it", **options)
    async with running(app) as run:
        app.session["it"].run()
        await run.wait_ended()
    (output,) = outputs(app)
    return output


async def test_what_a_worker_says_before_it_dies_is_kept(app):
    output = await run_once(app, func=printers.speaks_and_dies, execution="process")
    said = ["last words of a logger", "last words on stdout", "last words, and no end"]
    assert sorted(output.splitlines()) == said
    assert sorted(records(app)[-1].output.splitlines()) == said


async def test_what_a_command_says_before_it_dies_is_kept(app):
    output = await run_once(app, command="echo one; printf 'two, and no end'; echo three >&2; kill -9 $$", shell=True)
    assert sorted(output.splitlines()) == ["one", "three", "two, and no end"]


async def test_a_line_without_end_stands_behind_the_whole_ones(app):
    output = await run_once(app, command="printf 'no end'; echo whole >&2", shell=True)
    assert output == "whole\nno end"


async def test_bytes_are_kept_as_they_are_or_escaped(app, mode):
    options = {"func": printers.speaks_in_bytes} if mode == "process" else {"command": ["cat", "bytes"]}
    Path("bytes").write_bytes(b"caf\xc3\xa9 \xff\xfe\r\n50%\r100%\r\n" + "é".encode() * 50_000 + b"\nno end")
    output = await run_once(app, execution=mode, **options)
    assert output == "café \\xff\\xfe\r\n50%\r100%\r\n" + "é" * 50_000 + "\nno end"


async def test_a_command_that_succeeds_has_its_last_lines_in_its_record(app):
    assert await run_once(app, command=["echo", "done"]) == "done\n"
    assert records(app)[-1].output == "done"


async def test_without_capturing_the_last_lines_of_a_command_are_in_its_record(app):
    assert await run_once(app, command=["echo", "done"], capture_output=False) is None
    assert records(app)[-1].output == "done"


async def test_much_output_is_kept_head_and_tail(app):
    output = await run_once(app, command="seq 1 500000", shell=True)
    assert output.startswith("1\n2\n")
    assert output.endswith("499999\n500000\n")
    assert "bytes left out" in output
    assert len(output) <= 1_100_000


async def test_output_of_a_program_is_kept_while_it_runs(app):
    app.task(command="echo begun; while [ ! -e go ]; do sleep 0.01; done; echo over", shell=True, name="it")
    async with running(app) as run:
        app.session["it"].run()
        with trio.fail_after(10):
            while not any(outputs(app)):
                await trio.sleep(0.01)
        assert outputs(app) == ["begun\n"]
        Path("go").touch()
        await run.wait_ended()
    assert outputs(app) == ["begun\nover\n"]


async def test_what_a_thread_says_that_a_run_has_left_behind_is_that_of_the_next_in_its_process(app):
    begun, until = Path("begun").absolute(), Path("until").absolute()
    app.task(
        func=printers.leaves_a_thread_that_speaks, name="it", execution="process", parameters={"begun": begun, "until": until}
    )
    app.task(func=printers.has_it_speak, name="next", execution="process", parameters={"until": until})
    async with running(app) as run:
        app.session["it"].run()
        await run.wait_ended()
        app.session["next"].run()
        await run.wait_ended(2)
    assert outputs(app) == [None]
    assert outputs(app, "next") == ["late\nmine\n"]


@pytest.mark.parametrize("text", ["é" * 20_000, "x" + "é" * 20_000, "x" * 50_000, "\U0001f3ad" * 9_000])
async def test_a_long_line_is_passed_on_in_pieces_and_kept_whole(text, capsys):
    reading, writing = os.pipe()
    run = RunOutput(Outputs(Path("runs.jsonl").absolute()), "it", 1.5, "1")
    stream = of_pipes.Output(reading, sys.stdout)
    stream.begin_run("> ", run)
    data = text.encode()
    for begin in range(0, len(data), 1000):
        os.write(writing, data[begin : begin + 1000])
        stream._drain()
    os.write(writing, b"\nend\n")
    of_pipes.Output.end_run([stream])
    stream.close()
    os.close(writing)
    run.close()
    assert text_of(output_file(Path("runs.jsonl").absolute(), "it", 1.5, "1")) == f"{text}\nend\n"
    printed = capsys.readouterr().out
    assert "\\x" not in printed
    assert printed.replace("\n> ", "").startswith(f"> {text}")
